"""Have the scores of a stream changed? Evidence that may be looked at after every one of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_seed, check_share
from mlcycle.stats.sequential._bets import Accounts, check_jump, grown
from mlcycle.stats.sequential._evidence import State, reading
from mlcycle.stats.sequential._ranks import Ranks, Ties, finite_scores

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
    jump : float or sequence of float, default 0.001
        The share of capital that moves at every score, about one over the scores a change may take to be
        seen; several are tried at once.
    conditional : float, optional
        Compare with the reference only, which then does not grow, and stay valid *given* it for all but this share of
        references (0.05, for example). Without it one finite reference must not be used again and again; with it a
        change has to be larger to be seen, and one of spread alone is not. Unlike a growing reference, a fixed one
        never gets used to what is new.
    level : float, default 0.05
        The chance of ever having an `alarm` while nothing changes.
    seed : int, default 0
        For ties, and for the order of rows with ``shuffled=True``.
    shuffled : bool, default False
        Put the scores of every look in random order first. Rows of a day that come sorted, by a key or by value, are no
        change.

    Raises
    ------
    InvalidInput
        If an argument is out of range, or the reference is too small for `conditional`.

    See Also
    --------
    EDetector : alarms again and again, within a budget.

    Notes
    -----
    The state holds every score seen, because each new one is ranked among them. The bets are on scores that become
    larger or smaller, or that spread or draw together, and they change when the stream does. They are ``1 + a (p -
    1/2)`` and ``1 + b (6 (p - 1/2) ** 2 - 1/2)``, the first two Legendre polynomials, for several a and b.

    With `conditional`, p is the share of the reference above the score. Given the reference its mean is the mean of m
    uniform values (or of something less spread, with ties), hence within ``sqrt(log(2 / conditional) / (6 m))`` of one
    half for all but that share of references, by Hoeffding's argument with the moment generating function of the
    uniform distribution, ``exp(t ** 2 / 24)``. That margin is taken off every linear bet, and the others are not made.

    References
    ----------
    Vovk, Petej, Nouretdinov, Ahlberg, Carlsson and Gammerman (2021), Retrain or not retrain: conformal test martingales
    for change-point detection, COPA (the simple jumper, with linear bets). Neyman (1937), Smooth test for goodness of
    fit (Legendre polynomials).

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> watch = stats.ConformalMartingale(rng.normal(size=1000))
    >>> watch.update(rng.normal(size=500)).alarm, watch.update(rng.normal(0.5, 1, size=500)).alarm
    (False, True)
    >>> watch.value > 1e6, watch.n
    (True, 1000)
    """

    def __init__(
        self,
        reference: ArrayLike | None = None,
        *,
        jump: float | Sequence[float] = 0.001,
        conditional: float | None = None,
        level: float = 0.05,
        shuffled: bool = False,
        seed: int = 0,
    ) -> None:
        self._jump, self._conditional = check_jump(jump), conditional
        self._level, self._seed, self._shuffled = check_share(level, "level", 0.05), check_seed(seed), bool(shuffled)
        seen = finite_scores([] if reference is None else reference, "reference")
        self._seen, self._ties = Ranks(seen.tolist()), Ties(self._seed)
        self._bets = Accounts(len(_SLOPES), self._jump)
        self._table = np.column_stack([np.ones(len(_SLOPES)), _SLOPES, _CURVES])
        if conditional is not None:
            self._condition(check_share(conditional, "conditional", 0.05), len(seen))
        self._n, self._log, self._peak, self._gain = 0, 0.0, 0.0, 0.0

    def _condition(self, share: float, size: int) -> None:
        if not size:
            raise InvalidInput(
                f"conditional={share:g} means given the reference, and there is none; pass reference=scores"
            )
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
        """By how much the evidence grew in the last `update`: what an `EDetector` is fed with."""
        return grown(self._gain)

    @property
    def alarm(self) -> bool:
        """Whether the evidence has ever reached ``1 / level``."""
        return self._peak >= -math.log(self._level)

    def update(self, values: ArrayLike, /) -> State:
        """Take the scores of one look, in the order they came, and return the evidence.

        Parameters
        ----------
        values : float or array-like of shape (n,)
        """
        scores = finite_scores(np.atleast_1d(np.asarray(values)), "a score")
        if self._shuffled:
            scores = np.random.default_rng([self._seed, self._n, len(scores)]).permutation(scores)
        log = self._log
        for score in scores.tolist():
            self._take(score)
        self._gain = self._log - log
        return State(self._n, self.value, self.alarm)

    def _take(self, x: float) -> None:
        larger, equal, size = self._seen.place(x, self._conditional is None)
        tie = self._ties.at(self._n)
        self._n += 1
        # A score that joins those it is ranked among counts itself; against a fixed reference it does not.
        itself = int(self._conditional is None)
        p = (larger + tie * (itself + equal)) / (itself + size)
        away = p - 0.5
        self._log += math.log(self._bets.settle(self._table.dot(np.array((1.0, away, 6 * away * away - 0.5)))))
        self._peak = max(self._peak, self._log)

    def state(self) -> dict[str, Any]:
        """Return all there is to know, as JSON can hold it; the scores seen are the bulk of it."""
        asked = {"jump": list(self._jump), "conditional": self._conditional, "level": self._level}
        return {
            "kind": "martingale", **asked, "shuffled": self._shuffled, "seed": self._seed,
            "seen": self._seen.tolist(), "bets": self._bets.state(),
            "n": self._n, "log": self._log, "peak": self._peak, "gain": self._gain,
        }  # fmt: skip

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> ConformalMartingale:
        """Return the martingale that `state` was taken from, to go on as if it had never stopped.

        Examples
        --------
        >>> watch = ConformalMartingale([1.0, 2.0, 3.0])
        >>> ConformalMartingale.from_state(watch.state()).update(2.5) == watch.update(2.5)
        True
        """
        asked, kept = ("jump", "conditional", "level", "shuffled", "seed"), ("n", "log", "peak", "gain")
        with reading(state, "martingale", (*asked, "seen", "bets", *kept)):
            made = cls(state["seen"], **{name: state[name] for name in asked})
            made._bets.restore(state["bets"])
            made._n, (made._log, made._peak, made._gain) = int(state["n"]), (float(state[name]) for name in kept[1:])
        return made

    def __repr__(self) -> str:
        return f"ConformalMartingale(n = {self._n:,}, evidence {self.value:.3g})"
