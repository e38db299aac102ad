"""Have the scores of a stream changed? Evidence that may be looked at after every one of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_numbers, check_seed, check_share
from mlcycle.stats.sequential._evidence import Evidence, State
from mlcycle.stats.sequential._ranks import Ranks, tie_at

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ConformalMartingale"]

# Slopes of the bets: the smallest for changes that take thousands of scores to see, the largest for those that take
# ten.
_SLOPES = np.array([-1.5, -0.5, -0.15, 0.0, 0.15, 0.5, 1.5, 0.0, 0.0, 0.0, 0.0])
# Bets on more scores in both tails, or in the middle: the second Legendre polynomial.
_CURVES = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -0.6, -0.2, 0.2, 0.6])
# The share of the capital that moves at every score: about one over the scores that a change may take to be seen.
_JUMP = 0.001
# A larger margin would leave less than a tenth of the stake after the worst score.
_WIDEST = 0.1


class ConformalMartingale(Evidence):
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
    larger or smaller, or that spread or draw together: ``1 + a (p - 1/2)`` and ``1 + b (6 (p - 1/2) ** 2 - 1/2)``, the
    first two Legendre polynomials, for several a and b. After every score a thousandth of the capital on each moves to
    all of them, which keeps a bet alive that starts to pay late (fixed share, Herbster and Warmuth 1998).

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

    kind = "martingale"
    _asked = ("reference", "conditional", "level", "shuffled", "seed")
    _kept = ("capital", "n", "log", "peak", "gain")

    def __init__(
        self,
        reference: ArrayLike | None = None,
        *,
        conditional: float | None = None,
        level: float = 0.05,
        shuffled: bool = False,
        seed: int = 0,
    ) -> None:
        self._level, self._seed, self._shuffled = check_share(level, "level", 0.05), check_seed(seed), bool(shuffled)
        self._reference = Ranks(check_numbers([] if reference is None else reference, "reference"))
        self._table = np.column_stack([np.ones(len(_SLOPES)), _SLOPES, _CURVES])
        self._conditional = conditional
        if conditional is not None:
            self._condition(check_share(conditional, "conditional", 0.05), len(self._reference.tolist()))
        self._capital = np.full(len(_SLOPES), 1 / len(_SLOPES))
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
        return _grown(self._log)

    @property
    def factor(self) -> float:
        """By how much the evidence grew in the last `update`: what an `EDetector` is fed with."""
        return _grown(self._gain)

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
        scores = check_numbers(np.atleast_1d(np.asarray(values)), "a score")
        if self._shuffled:
            scores = np.random.default_rng([self._seed, self._n, len(scores)]).permutation(scores)
        log = self._log
        for score in scores.tolist():
            self._take(score)
        self._gain = self._log - log
        return State(self._n, self.value, self.alarm)

    def _take(self, x: float) -> None:
        larger, equal, size = self._reference.place(x, self._conditional is None)
        tie = tie_at(self._seed, self._n)
        # A score that joins those it is ranked among counts itself; against a fixed reference it does not.
        itself = int(self._conditional is None)
        away = (larger + tie * (itself + equal)) / (itself + size) - 0.5
        growth, self._capital = settled(self._capital, self._table.dot(np.array((1.0, away, 6 * away * away - 0.5))))
        self._n, self._log = self._n + 1, self._log + math.log(growth)
        self._peak = max(self._peak, self._log)

    def __repr__(self) -> str:
        return f"ConformalMartingale(n = {self._n:,}, evidence {self.value:.3g})"


def settled(capital: NDArray[np.float64], factors: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Return by how much capital grew whose parts earned these factors, and the new parts as shares, partly moved.

    Examples
    --------
    >>> growth, parts = settled(np.array([0.5, 0.5]), np.array([0.5, 1.5]))
    >>> growth, parts.round(5).tolist()
    (1.0, [0.25025, 0.74975])
    """
    earned = capital * factors
    growth = float(earned.sum())
    return growth, (1 - _JUMP) / growth * earned + _JUMP / len(earned)


def _grown(log_value: float) -> float:
    return math.exp(log_value) if log_value < 709.0 else math.inf  # a float cannot hold more
