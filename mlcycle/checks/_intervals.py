"""The interval of a metric, or of the difference of two models: what the rows seen allow, and what unseen ones might.

A bootstrap knows only rows it has drawn. Every draw therefore gives up a share of its rows to one more like the worst
there is, so that a model without a mistake is never less sure than one with a few; see `mlcycle.stats.interval` for the
sources. The worst is a row answered wrong where the metric's range is known; of losses without an end it is the worst
row seen, as no limit on their mean holds for every distribution (Bahadur and Savage 1956).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve

from mlcycle import stats
from mlcycle.checks._cached_predictions import cache_predictions
from mlcycle.checks._evaluation_data import task_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlcycle.checks._fast_metrics import FastMetric
    from mlcycle.checks._metric_case import MetricCase
    from mlcycle.checks._metrics import Metric

__all__ = ["estimate_of", "rounded"]

Labels = list[Any]

_FEWEST_OF_A_CLASS = 6
_SKEWED = 20_000
_BY_ROW = ("accuracy", "neg_log_loss", "neg_brier_score")


def estimate_of(case: MetricCase, found: FastMetric, other: FastMetric | None, rows: NDArray[Any]) -> stats.Estimate:
    """Return the value and interval of a metric on some rows, or of the difference to another model.

    Parameters
    ----------
    case : MetricCase
    found, other : FastMetric
        The subject's metric on these rows, and the reference's if there is one.
    rows : ndarray of int

    Returns
    -------
    Estimate
        Without limits, and with a reason, where the rows allow none.
    """
    confidence, n = case.confidence, len(rows)
    groups = None if case.rows.groups is None else case.rows.groups[rows]
    if (few := _few_of_a_class(case, rows)) is not None:
        value = found.value if other is None else case.turn * (found.value - other.value)
        return stats.Estimate(value, math.nan, math.nan, confidence, n, math.nan, math.nan, "none", few)
    if other is None and case.metric.scorer == "accuracy" and groups is None:
        return stats.wilson(round(found.value * n), n, confidence)
    resamples = _resamples(n, confidence, found.fast and (other is None or other.fast))
    limits = _Limits(case, rows, groups)
    if other is not None:
        turn, one, two = case.turn, found.at, other.at
        return stats.paired_difference(
            lambda index: turn * one(index),
            lambda index: turn * two(index),
            n,
            groups=groups,
            confidence=confidence,
            resamples=resamples,
            bounds=limits.bounds if case.metric.by_row is None else (0.0, case.metric.by_row.widest),
            rests_on=limits.rests_on,
        )
    # Near the end of its range a percentile interval passes too often; draws that allow for unseen rows do not. Where
    # nothing is known of those, the bias-corrected interval helps; with many rows the correction no longer shows.
    bounds, rests_on = limits.around(found.value), limits.rests_on
    if bounds is None and found.ends is not None:
        bounds, rests_on = found.ends, None
    estimate = stats.interval(
        found.measure,
        n,
        groups=groups,
        confidence=confidence,
        resamples=resamples,
        method="bca" if bounds is None and n <= _SKEWED else "percentile",
        bounds=bounds,
        rests_on=rests_on,
    )
    if bounds is None:
        return _without_width(estimate)
    return _rooted(estimate) if found.rooted else limits.no_surer_than_perfect(estimate)


def _rooted(estimate: stats.Estimate) -> stats.Estimate:
    """Return the estimate of a root from that of what is below it; the error by the delta method."""
    value, low, high = (
        math.copysign(math.sqrt(abs(one)), one) for one in (estimate.value, estimate.low, estimate.high)
    )
    slope = 1 / (2 * abs(value)) if value else math.nan
    error, seen = estimate.standard_error * slope, estimate.detectable * slope
    return evolve(estimate, value=value, low=low, high=high, standard_error=error, detectable=seen)


def _resamples(n: int, confidence: float, fast: bool) -> int:
    least = math.ceil(4 / (1 - confidence))
    usual = 1000 if fast else 300
    # Past some hundred thousand rows the interval is narrow and only the time grows.
    return max(least, 200, min(max(usual, 2 * least), int(4e8 / n)))


def rounded(count: float) -> str:
    """Return a count to two digits, rounded up.

    Examples
    --------
    >>> rounded(1234)
    '1,300'
    """
    step = 10 ** max(math.floor(math.log10(max(count, 1))) - 1, 0)
    return f"{math.ceil(count / step) * step:,}"


def _few_of_a_class(case: MetricCase, rows: NDArray[Any]) -> str | None:
    """Say so where the rarer of two classes has too few rows for any interval."""
    classes = getattr(case.ours.cached, "classes_", None)
    if classes is None or len(classes) != 2 or case.metric.scorer in _BY_ROW or case.metric.of_numbers:
        return None
    counts = [int(np.count_nonzero(case.ours.y[rows] == label)) for label in classes]
    if min(counts) >= _FEWEST_OF_A_CLASS:
        return None
    rarer = classes[int(np.argmin(counts))]
    needed = math.ceil(_FEWEST_OF_A_CLASS * len(rows) / min(counts)) if min(counts) else None
    would = f"; about {rounded(needed)} rows would do" if needed else ""
    return f"only {min(counts)} of {len(rows):,} rows have the label {rarer!s}{would}"


def _without_width(estimate: stats.Estimate) -> stats.Estimate:
    """Let a metric of no known range that is the same on every resample have that value as both limits.

    A model whose errors differ by a hair gets limits a hair apart; one whose errors are all alike is no less sure.
    """
    if "every resample gave the same value" not in estimate.reason:
        return estimate
    return evolve(estimate, low=estimate.value, high=estimate.value, standard_error=0.0, reason="")


class _Limits:
    """How far, and how fast, a metric can move on these rows: known from the truth alone, whatever a model answers."""

    def __init__(self, case: MetricCase, rows: NDArray[Any], groups: NDArray[Any] | None) -> None:
        self.bounds: tuple[float, float] | None = None
        self.rests_on: float | None = None
        self._surest: float | None = None
        truth = _Truth(case, rows)
        self.bounds = truth.bounds()
        if self.bounds is None:
            return
        # With groups a whole group goes wrong at once.
        share = 1.0 if groups is None else len(set(groups.tolist())) / len(rows)
        self.rests_on = max(truth.rests_on(self.bounds) * share, 1.0)
        if (case.metric.scorer or "").startswith("roc_auc"):
            self._surest = max(truth.rests_on(self.bounds, last=True) * share, 1.0)

    def around(self, value: float) -> tuple[float, float] | None:
        """Return the range, as wide as to hold the value."""
        return None if self.bounds is None else (min(self.bounds[0], value), max(self.bounds[1], value))

    def no_surer_than_perfect(self, estimate: stats.Estimate) -> stats.Estimate:
        """Keep the limits of an area within those of a perfect one.

        Where k rows of the rarer class all rank right, as many disjoint pairs are in order: the area is above
        ``(alpha / 2) ** (1 / k)`` (Clopper and Pearson 1934), whatever rank the rows not seen would have.
        """
        if self._surest is None or self.bounds is None or not estimate.conclusive:
            return estimate
        low, high = self.bounds
        unseen = (high - low) * (1 - ((1 - estimate.confidence) / 2) ** (1 / self._surest))
        return evolve(estimate, low=min(estimate.low, high - unseen), high=max(estimate.high, low + unseen))


class _Truth:
    """The labels of some rows, and what a metric says of a model that knows them."""

    def __init__(self, case: MetricCase, rows: NDArray[Any]) -> None:
        self.metric: Metric = case.metric
        self.y = case.ours.y[rows]
        known = getattr(case.ours.cached, "classes_", None)
        discrete = not (case.metric.of_numbers or (known is None and _are_numbers(self.y)))
        labels, codes = np.unique(self.y, return_inverse=True) if discrete else (self.y[:0], np.zeros(0, int))
        self.kinds = len(labels)
        self.by_size: Labels = labels[np.argsort(np.bincount(codes, minlength=len(labels)), kind="stable")].tolist()
        self.wrong = labels[(codes + 1) % max(len(labels), 1)]
        self.classes = labels if known is None else np.union1d(np.asarray(known), labels)

    def bounds(self) -> tuple[float, float] | None:
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

    def rests_on(self, bounds: tuple[float, float], *, last: bool = False) -> float:
        """Return in how many parts of its range one more row, answered wrong, moves the metric of a perfect model.

        The row is answered like one of another class, or as if it were surer of that than any other if `last`. Of
        numbers every row counts the same.
        """
        if not self.kinds or self.metric.by_row is not None:
            return float(len(self.y))
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
        answers = cache_predictions(_GivenAnswers(self.classes, said, graded, self.metric), said)
        try:
            return self.metric(answers, y, np.arange(len(y)))
        except Exception:  # noqa: BLE001 - a metric that cannot take these answers has no range that we know
            return math.nan


def _are_numbers(y: NDArray[Any]) -> bool:
    return task_of(y) == "regressor"


class _GivenAnswers:
    """A model that answers what it is told; of its last row it can be surer than of all others."""

    def __init__(self, classes: NDArray[Any], said: NDArray[Any], graded: bool, metric: Metric) -> None:
        self.classes_, self._said, self._graded = classes, said, graded
        if metric.methods != ("predict",):
            self.predict_proba = self._chances

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the labels told."""
        return np.asarray(self._said)

    def _chances(self, X: Any) -> NDArray[Any]:
        sure: NDArray[Any] = (self._said[:, None] == self.classes_[None, :]).astype(float)
        if not self._graded:
            return sure
        chances: NDArray[Any] = 0.9 * sure + 0.1 * (1 - sure) / max(len(self.classes_) - 1, 1)
        chances[-1] = sure[-1]
        return chances
