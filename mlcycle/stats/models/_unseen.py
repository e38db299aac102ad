"""What rows not seen might do to a metric: how far it can move, and how fast, known from the truth alone.

A bootstrap knows only rows it has drawn. Every draw therefore gives up a share of its rows to one more like the worst
there is, so that a model without a mistake is never less sure than one with a few (see `mlcycle.stats.interval` for
the sources). The worst is a row answered wrong where the metric's range is known; of losses without an end it is twice
the worst one seen, three times where errors are squared, as no limit on their mean holds for every distribution
(Bahadur and Savage 1956).
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, frozen

from mlcycle.stats.models._form_of import BY_ROW, form_of
from mlcycle.stats.models._metric_names import NamedMetric
from mlcycle.stats.models._units import units_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlcycle.stats._estimate import Estimate

    Limits = tuple[float, float]

__all__ = ["MANY", "Unseen", "few_of_a_class", "rounded", "unseen_of"]

# Rows from which on the rare cases that need the care of small samples no longer show.
MANY = 20_000
# Up to so many classes counting each is quicker than sorting the labels.
_TOLD_APART = 20


@frozen
class Unseen:
    """How far, and how fast, a metric can move on some rows, whatever a model answers.

    Attributes
    ----------
    bounds : (float, float) or None
        The smallest and the largest value there is; ``None`` where there is no such end.
    rests_on : float or None
        In how many parts of that range one more row, answered wrong, moves the metric of a perfect model; ``None`` for
        as many as there are units.
    surest : float or None
        The same where the row is ranked as wrong as can be, for an area.
    widest : float or None
        How far the answers of two models to one row can lie apart, where that is not the whole range.
    rarer : int or None
        Rows of the rarer of two classes, where what is measured is how they rank.
    """

    bounds: Limits | None = None
    rests_on: float | None = None
    surest: float | None = None
    widest: float | None = None
    rarer: int | None = None

    @property
    def apart(self) -> Limits | None:
        """The smallest and largest difference of two models."""
        if self.bounds is None:
            return None
        reach = self.bounds[1] - self.bounds[0] if self.widest is None else self.widest
        return -reach, reach

    def around(self, value: float) -> Limits | None:
        """Return the range, as wide as to hold the value."""
        return None if self.bounds is None else (min(self.bounds[0], value), max(self.bounds[1], value))

    def no_surer_than_perfect(self, estimate: Estimate) -> Estimate:
        """Keep the limits of an area within those of a perfect one.

        Where k rows of the rarer class all rank right, as many disjoint pairs are in order: the area is above
        ``(alpha / 2) ** (1 / k)`` (Clopper and Pearson 1934), whatever rank the rows not seen would have.
        """
        if self.surest is None or self.bounds is None or not estimate.conclusive:
            return estimate
        low, high = self.bounds
        unseen = (high - low) * (1 - ((1 - estimate.confidence) / 2) ** (1 / self.surest))
        return evolve(estimate, low=min(estimate.low, high - unseen), high=max(estimate.high, low + unseen))


def unseen_of(metric: NamedMetric, y: NDArray[Any], classes: NDArray[Any], count: int) -> Unseen:
    """Return what one more row might do to a metric of these labels, of `count` units: a group goes wrong at once.

    Examples
    --------
    >>> from mlcycle.stats.models._metric_names import metric_named
    >>> found = unseen_of(metric_named("recall"), np.arange(40) % 4 == 0, np.array([False, True]), 40)
    >>> found.bounds, round(found.rests_on)
    ((0.0, 1.0), 10)
    """
    truth = _Truth(metric, y, classes)
    bounds = truth.bounds()
    if bounds is None:
        return Unseen()
    share = count / len(y)
    rests_on = max(truth.rests_on(bounds) * share, 1.0)
    rarer = int(truth.rarest) if metric.scorer in ("roc_auc", "average_precision") and truth.kinds == 2 else None
    if not (metric.scorer or "").startswith("roc_auc"):
        return Unseen(bounds, rests_on, rarer=rarer)
    return Unseen(bounds, rests_on, max(truth.rests_on(bounds, last=True) * share, 1.0), rarer=rarer)


class _Truth:
    """The labels of some rows, and what a metric says of a model that knows them."""

    def __init__(self, metric: NamedMetric, y: NDArray[Any], classes: NDArray[Any]) -> None:
        self.metric, self.y = metric, y
        if len(y) > MANY and metric.function is None and 0 < len(classes) <= _TOLD_APART:
            # no row is answered wrong below, so how many there are of each class is all that is asked
            sizes = np.array([np.count_nonzero(y == label) for label in classes])
            labels, codes, counts = classes[sizes > 0], np.zeros(0, int), sizes[sizes > 0]
        else:
            labels, codes = np.unique(y, return_inverse=True) if len(classes) else (y[:0], np.zeros(0, int))
            counts = np.bincount(codes, minlength=len(labels))
        self.kinds = len(labels)
        order = np.argsort(counts, kind="stable")
        self.by_size: list[Any] = labels[order].tolist()
        self.rarest = float(counts.min()) if self.kinds else float(len(y))
        self.wrong = labels[(codes + 1) % max(len(labels), 1)]
        self.classes = np.union1d(classes, labels) if len(classes) else labels

    def bounds(self) -> Limits | None:
        """Return the metric's range; for a user's own metric from answers all wrong to answers all right."""
        low, high = self.metric.range
        if self.metric.name in ("adjusted_mutual_info_score", "d2_brier_score"):
            low = 0.0
        elif "brier" in self.metric.name and len(self.classes) == 2:
            low, high = max(low, -1.0), min(high, 1.0)
        if self.kinds and math.isfinite(high - low):
            return low, high
        if self.metric.function is None or self.kinds == 1:
            return None
        ends = sorted((self._value(self.y, self.y), self._value(self.y, self.wrong if self.kinds else self._turned())))
        differ = math.isfinite(ends[1] - ends[0]) and not math.isclose(*ends, rel_tol=1e-9, abs_tol=1e-12)
        return (ends[0], ends[1]) if differ else None

    def rests_on(self, bounds: Limits, *, last: bool = False) -> float:
        """Return in how many parts of its range one more row, answered wrong, moves the metric of a perfect model.

        The row is answered like one of another class, or as if it were surer of that than any other if `last`. Of
        numbers every row counts the same.
        """
        if not self.kinds or self.metric.scorer in BY_ROW:
            return float(len(self.y))
        if len(self.y) > MANY:
            return self.rarest
        rarest, most = self.by_size[0], self.by_size[-1]
        others = [label for label in self.classes.tolist() if label != rarest]
        pairs = {(rarest, most), (most, rarest)} if rarest != most else {(rarest, other) for other in others[:1]}
        if len(self.by_size) > 2:
            pairs |= {(rarest, self.by_size[1]), (self.by_size[1], rarest)}
        best = self._value(self.y, self.y, graded=last)
        moved = [
            abs(best - self._value(np.append(self.y, true), np.append(self.y, said), graded=last))
            for true, said in pairs
        ]
        most_moved = max((one for one in moved if math.isfinite(one)), default=0.0)
        return (bounds[1] - bounds[0]) / most_moved - 1 if most_moved > 0 else float(len(self.y))

    def _turned(self) -> NDArray[Any]:
        """Return answers that have the largest where the truth is smallest."""
        turned: NDArray[Any] = self.y.copy()
        order = np.argsort(self.y, kind="stable")
        turned[order] = self.y[order[::-1]]
        return turned

    def _value(self, y: NDArray[Any], said: NDArray[Any], *, graded: bool = False) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                answers = self._answers(said, graded)
                form = form_of(self.metric, y, answers, self.classes, units_of(len(y)))
                return float(self.metric.of_classes(self.classes)(y, answers)) if form is None else form.shown
            except Exception:  # noqa: BLE001 - a metric that cannot take these answers has no range that we know
                return math.nan

    def _answers(self, said: NDArray[Any], graded: bool) -> NDArray[Any]:
        """Return the answers of a model that says this; of its last row it can be surer than of all others."""
        if self.metric.methods == ("predict",):
            return said
        sure: NDArray[Any] = (said[:, None] == self.classes[None, :]).astype(float)
        if graded:
            chances: NDArray[Any] = 0.9 * sure + 0.1 * (1 - sure) / max(len(self.classes) - 1, 1)
            chances[-1] = sure[-1]
            sure = chances
        return sure[:, 1] if "decision_function" in self.metric.methods and sure.shape[1] == 2 else sure


def few_of_a_class(metric: NamedMetric, y: NDArray[Any], classes: NDArray[Any], need: int) -> str:
    """Say so where the rarer of two classes has too few rows for any interval; else nothing."""
    if len(classes) != 2 or metric.scorer in BY_ROW:
        return ""
    counts = [int(np.count_nonzero(y == label)) for label in classes]
    if min(counts) >= need:
        return ""
    rarer = classes[int(np.argmin(counts))]
    would = f"; about {rounded(math.ceil(need * len(y) / min(counts)))} rows would do" if min(counts) else ""
    return f"only {min(counts)} of {len(y):,} rows have the label {rarer!s}{would}"


def rounded(count: float) -> str:
    """Return a count to two digits, rounded up."""
    step = 10 ** max(math.floor(math.log10(max(count, 1))) - 1, 0)
    return f"{math.ceil(count / step) * step:,}"
