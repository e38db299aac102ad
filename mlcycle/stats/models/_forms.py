"""Metrics in the form in which they are fast to resample: prepared once, then only counted and summed.

Each is the metric scikit-learn computes, on fixed rows, in numpy. A form knows its value on all rows, its values on any
draws, and, for very many rows, how far every row pulls it: then no rows need be drawn at all.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, frozen

from mlcycle.stats.models._units import Draws, Units, defined

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Vector = NDArray[Any]
    Resampled = Callable[[Draws], NDArray[np.float64]]

__all__ = ["WORSE", "WORSE_SQUARED", "Form", "explained", "of_losses", "plain_form"]

# A row not seen may have so many times the worst loss seen. Limits at 95 % then held the root mean square of errors of
# a t-distribution (3 degrees of freedom) in 97 % of samples of 50, of lognormal ones in 97 %, of centred lognormal ones
# in 89 %; with 1 in 75 to 85 %. Of plain errors 2 does the same.
WORSE, WORSE_SQUARED = 2.0, 3.0


@frozen(eq=False)
class Form:
    """A metric on fixed rows.

    Attributes
    ----------
    value : float
        On all of them; of a root, what is below it.
    resampled : callable
        `Draws` to the values on each of them, likewise.
    pulls : callable or None
        How far every row pulls the value, times the number of rows: the mean of the pulls of a resample is, but for
        terms that vanish with the number of rows, how far it is off (the influence function; for an area the placements
        of DeLong). ``None`` where it is not known, or where too few rows of a class make it unsure.
    ends : (float, float) or None
        What the metric would be if every row were like the lowest, and like the highest, that is reckoned with; where
        rows count by themselves.
    losses : ndarray or None
        What every row adds to a loss.
    rooted : bool
        Whether the metric is the root of all this, its sign kept: shares of rows add up only below the root.
    measure : callable or None
        Row indices to the value, for a metric that has no fast form.
    """

    value: float
    resampled: Resampled
    pulls: Callable[[], Vector] | None = None
    ends: tuple[float, float] | None = None
    losses: Vector | None = None
    rooted: bool = False
    measure: Callable[[NDArray[np.int64]], float] | None = None

    @property
    def shown(self) -> float:
        """The metric itself."""
        return float(self.unrooted(self.value))

    def unrooted(self, values: Any) -> Any:
        """Return the metric of values below the root."""
        return np.sign(values) * np.sqrt(np.abs(values)) if self.rooted else values

    def on(self, draws: Draws) -> Vector:
        """Return the metric itself on every resample."""
        found: Vector = self.unrooted(self.resampled(draws))
        return found

    def turned(self) -> Form:
        """Return the form of the metric's negative."""
        resampled, pulls, ends = self.resampled, self.pulls, self.ends
        return evolve(
            self,
            value=-self.value,
            resampled=lambda draws: -resampled(draws),
            pulls=None if pulls is None else lambda: -pulls(),
            ends=None if ends is None else (-ends[1], -ends[0]),
        )


def plain_form(value: float, measure: Callable[[NDArray[np.int64]], float]) -> Form:
    """Return the form of a metric of which nothing is known: asked anew of every resample."""

    def resampled(draws: Draws) -> NDArray[np.float64]:
        return np.array([defined(measure, rows) for rows in draws.rows()])

    return Form(value, resampled, measure=measure)


def of_losses(
    rows: Vector, units: Units, *, rooted: bool = False, most: float = math.inf, worse: float = WORSE
) -> Form:
    """Return the form of a mean of losses, or of its root.

    A loss is never above `most`; a row not seen may have `worse` times the worst one seen.
    """
    means, value = units.means(rows), float(rows.mean()) if len(rows) else math.nan
    best, worst = _extremes(rows, units)
    ends = best, max(min(worse * worst, most), worst)
    return Form(value, lambda draws: means(draws.picks), lambda: rows - value, ends, rows, rooted)


def _extremes(losses: Vector, units: Units) -> tuple[float, float]:
    """Return the mean loss of the unit with the smallest, and of the one with the largest."""
    if not len(losses):
        return math.nan, math.nan
    each = units.sums(losses) / units.sums(np.ones(len(losses)))
    return float(each.min()), float(each.max())


def explained(y: Vector, squared: Vector, units: Units) -> Form:
    """Return the form of R squared: one minus the share of the spread that the errors are."""
    centred = y - y.mean() if len(y) else y
    spread, error = (float((centred**2).mean()), float(squared.mean())) if len(y) else (math.nan, math.nan)
    means = [units.means(values) for values in (squared, centred, centred**2)]
    if not spread > 0:
        value = math.nan if len(y) < 2 else float(error == 0)
        return Form(value, lambda draws: np.full(len(draws.picks), math.nan))

    def resampled(draws: Draws) -> NDArray[np.float64]:
        off, middle, around = (mean(draws.picks) for mean in means)
        with np.errstate(invalid="ignore", divide="ignore"):
            found: NDArray[np.float64] = 1 - off / (around - middle**2)
        return found

    best, worst = _extremes(squared, units)
    ends = 1 - WORSE_SQUARED * worst / spread, 1 - best / spread
    return Form(
        1 - error / spread,
        resampled,
        lambda: -(squared - error / spread * centred**2) / spread,
        ends=ends,
        losses=squared,
    )
