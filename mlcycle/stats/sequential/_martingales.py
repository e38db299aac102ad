"""Have the scores of a stream changed? Evidence that may be looked at after every one of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_seed
from mlcycle.stats.sequential._bets import Accounts, PowerMixture, check_jump, grown
from mlcycle.stats.sequential._ranks import Ranks, Ties, finite_scores, limits_given_reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

__all__ = ["ConformalMartingale"]

# Slopes of the bets: the smallest for changes that take thousands of scores to see, the largest for those that take
# ten.
_SLOPES = np.array([-1.5, -0.5, -0.15, 0.0, 0.15, 0.5, 1.5, 0.0, 0.0, 0.0, 0.0])
# Bets on more scores in both tails, or in the middle: the second Legendre polynomial.
_CURVES = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -0.6, -0.2, 0.2, 0.6])
# A larger margin would leave less than a tenth of the stake after the worst score.
_WIDEST = 0.1


class ConformalMartingale:
    """Evidence against "these scores come in no particular order", valid at every look.

    Lives as long as the stream it watches; `state` and `from_state` carry it from one process to the next. Every new
    score is ranked among all before it. While nothing changes, the ranks are uniform and independent whatever the
    distribution, and capital that bets on anything else does not grow: the chance that it *ever* reaches ``1 / level``
    is at most `level` (Ville 1939). So look as often as you like, and stop when you like.

    Parameters
    ----------
    reference : array-like of shape (m,), optional
        Scores seen before. With a reference the evidence starts at the first new score; without one the first few
        hundred scores serve as it.
    betting : {"jumper", "mixture"}, default "jumper"
        ``jumper`` bets on scores that become larger or smaller, or that spread or draw together, and changes its mind
        when the stream does. ``mixture`` bets on scores that become larger, from the start and for good.
    jump : float or sequence of float, default 0.001
        Of the jumper: the share of capital that moves at every score, about one over the scores a change may take to be
        seen; several are tried at once.
    conditional : float, optional
        Compare with the reference only, which then does not grow, and stay valid *given* it for all but this share of
        references (0.05, for example). Without it one finite reference must not be used again and again; with it a
        change has to be larger to be seen, and one of spread alone is not. Unlike a growing reference, a fixed one
        never gets used to what is new.
    seed : int, default 0
        For ties.

    Raises
    ------
    InvalidInput
        If an argument is out of range, or the reference is too small for `conditional`.

    See Also
    --------
    EDetector : alarms again and again, within a budget.

    Notes
    -----
    The state holds every score seen, because each new one is ranked among them. The bets of the jumper are ``1 + a (p -
    1/2)`` and ``1 + b (6 (p - 1/2) ** 2 - 1/2)``, the first two Legendre polynomials, for several a and b.

    With `conditional`, p is the share of the reference above the score. Given the reference its mean is the mean of m
    uniform values (or of something less spread, with ties), hence within ``sqrt(log(2 / conditional) / (6 m))`` of one
    half for all but that share of references, by Hoeffding's argument with the moment generating function of the
    uniform distribution, ``exp(t ** 2 / 24)``. That margin is taken off every linear bet, and the others are not made.
    The mixture uses `conditional_p_values`.

    References
    ----------
    Vovk, Petej, Nouretdinov, Ahlberg, Carlsson and Gammerman (2021), Retrain or not retrain: conformal test martingales
    for change-point detection, COPA (the simple jumper, with linear bets). Neyman (1937), Smooth test
    for goodness of fit (Legendre polynomials). Vovk, Nouretdinov and Gammerman (2003), Testing
    exchangeability on-line, ICML (the mixture).

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> watch = stats.ConformalMartingale(rng.normal(size=1000))
    >>> watch.extend(rng.normal(size=500)) < 20, watch.extend(rng.normal(0.5, 1, size=500)) > 1e6
    (True, True)
    >>> watch.alarm(0.01), watch.n
    (True, 1000)
    """

    def __init__(
        self,
        reference: ArrayLike | None = None,
        *,
        betting: str = "jumper",
        jump: float | Sequence[float] = 0.001,
        conditional: float | None = None,
        seed: int = 0,
    ) -> None:
        if betting not in ("jumper", "mixture"):
            raise InvalidInput(f"betting is 'jumper' or 'mixture', got {betting!r}")
        self._betting, self._jump, self._conditional, self._seed = (
            betting,
            check_jump(jump),
            conditional,
            check_seed(seed),
        )
        seen = finite_scores([] if reference is None else reference, "reference")
        self._seen, self._ties = Ranks(seen.tolist()), Ties(seed)
        self._bets = Accounts(len(_SLOPES), self._jump) if betting == "jumper" else PowerMixture()
        self._table, self._limits = np.column_stack([np.ones(len(_SLOPES)), _SLOPES, _CURVES]), [1.0]
        if conditional is not None:
            self._condition(conditional, len(seen))
        self._n, self._log, self._peak, self._gain = 0, 0.0, 0.0, 0.0

    def _condition(self, share: float, size: int) -> None:
        if not size:
            raise InvalidInput(
                f"conditional={share:g} means given the reference, and there is none; pass reference=scores"
            )
        self._limits = limits_given_reference(size, share).tolist()
        margin = math.sqrt(math.log(2 / share) / (6 * size))
        self._table = np.column_stack([1 - np.abs(_SLOPES) * margin, _SLOPES, 0 * _CURVES])
        if margin > _WIDEST:
            need = math.ceil(math.log(2 / share) / (6 * _WIDEST**2))
            raise InvalidInput(f"a reference of {size} scores is too small for conditional={share:g}; {need} would do")

    @property
    def value(self) -> float:
        """The evidence now: an e-value, 1 at the start."""
        return grown(self._log)

    @property
    def log_value(self) -> float:
        """Its natural logarithm."""
        return self._log

    @property
    def n(self) -> int:
        """Scores seen since the start, the reference not counted."""
        return self._n

    @property
    def factor(self) -> float:
        """By how much the evidence grew in the last `update` or `extend`: what an `EDetector` is fed with."""
        return grown(self._gain)

    def alarm(self, level: float = 0.05) -> bool:
        """Return whether the evidence has ever reached ``1 / level``."""
        if not 0 < level < 1:
            raise InvalidInput(f"level is a share between 0 and 1 such as 0.05, got {level!r}")
        return self._peak >= -math.log(level)

    def update(self, x: float) -> float:
        """Take one score and return the evidence."""
        log = self._log
        self._take(x)
        self._gain = self._log - log
        return grown(self._log)

    def extend(self, x: ArrayLike, *, shuffled: bool = False) -> float:
        """Take the scores of one look and return the evidence.

        Parameters
        ----------
        x : array-like of shape (n,)
            The scores in the order they came.
        shuffled : bool, default False
            Put them in random order first. Rows of a day that come sorted, by a key or by value, are no change.
        """
        scores = finite_scores(x, "x")
        if shuffled:
            scores = np.random.default_rng([self._seed, self._n, len(scores)]).permutation(scores)
        log = self._log
        for score in scores.tolist():
            self._take(score)
        self._gain = self._log - log
        return grown(self._log)

    def _take(self, x: float) -> None:
        x = float(x)
        if not math.isfinite(x):
            raise InvalidInput(f"a score is a finite number, got {x!r}; count missing values as a stream of their own")
        larger, equal, size = self._seen.place(x, self._conditional is None)
        tie = self._ties.at(self._n)
        self._n += 1
        if self._conditional is None:
            p = (larger + tie * (1 + equal)) / (1 + size)
        elif self._betting == "mixture":
            p = self._limits[larger + equal]
        else:
            p = (larger + tie * equal) / size
        # Told apart by type, not by name, so that a type checker can follow.
        bets, away = self._bets, p - 0.5
        if isinstance(bets, PowerMixture):
            gain = bets.settle(p)
        else:
            gain = bets.settle(self._table.dot(np.array((1.0, away, 6 * away * away - 0.5))))
        self._log += math.log(gain)
        self._peak = max(self._peak, self._log)

    def state(self) -> dict[str, Any]:
        """Return all there is to know, as JSON can hold it; the scores seen are the bulk of it."""
        return {
            "betting": self._betting,
            "jump": list(self._jump),
            "conditional": self._conditional,
            "seed": self._seed,
            "seen": self._seen.tolist(),
            "bets": self._bets.state(),
            "n": self._n,
            "log": self._log,
            "peak": self._peak,
            "gain": self._gain,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> ConformalMartingale:
        """Return the martingale that `state` was taken from, to go on as if it had never stopped.

        Examples
        --------
        >>> watch = ConformalMartingale([1.0, 2.0, 3.0])
        >>> ConformalMartingale.from_state(watch.state()).update(2.5) == watch.update(2.5)
        True
        """
        made = cls(
            state["seen"],
            betting=state["betting"],
            jump=state["jump"],
            conditional=state["conditional"],
            seed=state["seed"],
        )
        made._bets.restore(state["bets"])
        made._n, made._log, made._peak, made._gain = state["n"], state["log"], state["peak"], state["gain"]
        return made

    def __repr__(self) -> str:
        return f"ConformalMartingale({self._betting}, n = {self._n:,}, evidence {self.value:.3g})"
