"""The stratified difference estimator of any metric: its value, its error, and its law if the estimate is right."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_numbers
from mlcycle.stats._estimate import Estimate, smallest_detectable, unknown
from mlcycle.stats._labels import check_pair
from mlcycle.stats.label_free._calibration import effective_rows
from mlcycle.stats.label_free._dle import losses_of
from mlcycle.stats.label_free._expected import class_metric
from mlcycle.stats.label_free._scores import check_threshold, decisions

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from mlcycle.stats.label_free._expected import ClassMetric, Measure
    from mlcycle.stats.label_free._sampling import AuditSample

    Rows = NDArray[np.float64]

__all__ = ["Labelled", "class_labelled", "judged", "loss_labelled", "sampled_losses"]

_FEW = 5


@frozen(eq=False)
class Labelled:
    """A metric of all rows from the labels of some, its range and its standard error over samples of the same rows.

    `reason` says why there can be no limits. `expected` returns the difference found from the label-free estimate, and
    so many drawn as if that were right.
    """

    metric: str
    value: float
    error: float
    low: float
    high: float
    sample: AuditSample
    reason: str = ""
    expected: Callable[[np.random.Generator, int], tuple[float, Rows]] | None = None

    @property
    def degrees(self) -> int:
        """Degrees of freedom of the error: labels minus strata."""
        return len(self.sample.indices) - len(self.sample.sizes)

    def interval(self, confidence: float) -> Estimate:
        """Return the estimate with limits, or the reason why there are none."""
        k = len(self.sample.indices)
        method = f"stratified difference estimator, {k} labels in {len(self.sample.sizes)} strata"
        undefined = "the metric is undefined on these labels" if math.isnan(self.value) else self.reason
        if self.degrees < 2 or undefined:
            return unknown(self.value, k, confidence, method, f"{undefined or f'only {k} labels'}; label more rows")
        low, high, error = self._limits(confidence)
        return Estimate(self.value, low, high, confidence, k, error, smallest_detectable(error, confidence), method)

    def _limits(self, confidence: float) -> tuple[float, float, float]:
        """Return limits and standard error; Wilson's with an effective sample size where the metric has a range."""
        from scipy import special

        t = float(special.stdtrit(self.degrees, 0.5 + confidence / 2))
        if math.isinf(self.high):
            return max(self.value - t * self.error, self.low), self.value + t * self.error, self.error
        width = self.high - self.low
        share = min(max((self.value - self.low) / width, 0.0), 1.0)
        # Labels it is worth at most, however well the strata fit. Half a label is moved off an end, where a share has
        # no spread of its own to compare the error with.
        left = 1 - len(self.sample.indices) / self.sample.n
        most = effective_rows(self.sample.weights) / left if left > 0 else math.inf
        inner = share if math.isinf(most) else (share * most + 0.5) / (most + 1)
        rows = min(inner * (1 - inner) / (self.error / width) ** 2 if self.error > 0 else math.inf, most)
        middle = (share + t * t / (2 * rows)) / (1 + t * t / rows)
        half = t * math.sqrt(share * (1 - share) / rows + t * t / (4 * rows * rows)) / (1 + t * t / rows)
        low, high = self.low + width * max(middle - half, 0.0), self.low + width * min(middle + half, 1.0)
        return low, high, (high - low) / (2 * t)


def _sampled_codes(sample: AuditSample, y: ArrayLike, k: int, labels: ArrayLike | None) -> NDArray[np.intp]:
    """Return the column of every sampled row's label."""
    if np.shape(y) != sample.indices.shape:
        raise InvalidInput(
            f"y needs the labels of the {len(sample.indices)} sampled rows, in the order of sample.indices; "
            f"got shape {np.shape(y)}"
        )
    truth, _ = check_pair(y, sample.indices)
    known = np.unique(np.asarray(labels)) if labels is not None else np.arange(k).astype(truth.dtype)
    if len(known) != k:
        raise InvalidInput(f"labels needs {k} values, one a column of the scores, got {len(known)}")
    if strange := set(truth.tolist()) - set(known.tolist()):
        named = ", ".join(sorted(map(str, strange))[:5])
        raise InvalidInput(f"y holds {named}, which is not among the labels {known.tolist()}; name them with labels=")
    return np.searchsorted(known, truth).astype(np.intp)


def judged(
    sample: AuditSample,
    y: ArrayLike,
    prediction: ArrayLike | None,
    metric: str,
    threshold: float,
    labels: ArrayLike | None,
    rows: Rows | None,
) -> tuple[ClassMetric, Measure, Rows, NDArray[np.intp], NDArray[np.intp]]:
    """Return the metric, its measure of all rows, what is expected of them, and labels seen and decided, as codes."""
    if sample.score.ndim != 2:
        raise InvalidInput(f"{metric} needs a sample drawn by probabilities; for losses there are mae, mse, rmse")
    if prediction is not None:
        raise InvalidInput(f"prediction is for losses; {metric} is of the probabilities that the sample was drawn by")
    k = sample.score.shape[1]
    chosen, code = class_metric(metric, k), _sampled_codes(sample, y, k, labels)
    decided = decisions(sample.score, check_threshold(threshold))
    base = sample.score if rows is None else rows
    if base.shape != (sample.n, k):
        raise InvalidInput(f"the estimate is of shape {base.shape}, the sample {(sample.n, k)}; estimate the same rows")
    return chosen, chosen.measure(sample.score, decided), base, code, decided


def class_labelled(
    sample: AuditSample,
    y: ArrayLike,
    prediction: ArrayLike | None,
    metric: str,
    threshold: float,
    labels: ArrayLike | None,
    rows: Rows | None,
) -> Labelled:
    """Return a metric of a classifier."""
    chosen, found, base, code, decided = judged(sample, y, prediction, metric, threshold, labels, rows)
    at, eye = sample.indices, np.eye(base.shape[1])
    corrected = base.copy()
    corrected[at] += sample.weights[:, None] * (eye[code] - base[at])
    slopes = found.slopes(corrected)
    pull = np.sum(slopes[at] * (eye[code] - base[at]), axis=1)
    # Where hardly any row of a kind was labelled the sample shows no spread; the probabilities say what there must be.
    error = max(_error(sample, pull), _anticipated(sample, slopes, base))
    value = found.of(corrected)

    def expected(rng: np.random.Generator, times: int) -> tuple[float, Rows]:
        pulls = found.slopes(base)[at]
        pulls = (pulls - np.sum(pulls * base[at], axis=1)[:, None]) * (sample.weights / sample.n)[:, None]
        gap, upto = float(pulls[np.arange(len(at)), code].sum()), np.cumsum(base[at], axis=1)[:, :-1]
        drawn = np.zeros(times)
        for i, row in enumerate(pulls):
            drawn += row[np.searchsorted(upto[i], rng.random(times), side="right")]
        return gap, drawn

    return Labelled(
        chosen.name, float(np.clip(value, chosen.low, chosen.high)), error, chosen.low, chosen.high, sample,
        _too_few(chosen, code, decided[at], len(eye)), None if rows is None else expected,
    )  # fmt: skip


def sampled_losses(
    sample: AuditSample, y: ArrayLike, prediction: ArrayLike | None, name: str, rows: Rows | None
) -> tuple[Rows, Rows]:
    """Return the losses of the sampled rows, and what is expected of all."""
    k = len(sample.indices)
    if prediction is None:
        raise InvalidInput(f"{name} needs prediction, the model's number for every sampled row")
    said = np.asarray(prediction)
    said = said[sample.indices] if len(said) == sample.n != k else said
    base = np.zeros(sample.n) if rows is None else rows
    if base.shape != (sample.n,):
        raise InvalidInput(f"the estimate is of shape {base.shape}, the sample of {sample.n}; estimate the same rows")
    return losses_of(name, check_numbers(y, "y", k), check_numbers(said, "prediction", k)), base


def loss_labelled(
    sample: AuditSample, y: ArrayLike, prediction: ArrayLike | None, metric: str, rows: Rows | None
) -> Labelled:
    """Return a loss of a regression."""
    loss, base = sampled_losses(sample, y, prediction, metric, rows)
    surprise = loss - base[sample.indices]
    mean = float(base.mean() + sample.weights @ surprise / sample.n)
    error = _error(sample, surprise)
    if metric == "rmse":
        mean = math.sqrt(max(mean, 0.0))
        error = error / (2 * mean) if mean > 0 else error
    return Labelled(metric, max(mean, 0.0), error, 0.0, math.inf, sample)


def _error(sample: AuditSample, pull: Rows) -> float:
    taken, sizes = sample.taken, sample.sizes
    share, count = sizes / sample.n, np.maximum(taken, 1)
    mean = np.bincount(sample.stratum, pull, minlength=len(sizes)) / count
    squares = np.bincount(sample.stratum, (pull - mean[sample.stratum]) ** 2, minlength=len(sizes))
    variance = squares / np.maximum(taken - 1, 1)
    return math.sqrt(float(np.sum(share**2 * (1 - taken / sizes) * variance / count)))


def _anticipated(sample: AuditSample, slopes: Rows, base: Rows) -> float:
    """Return the standard error if labels are as probable as expected, unlabelled rows included."""
    centre = np.sum(slopes * base, axis=1)
    variance = np.sum(base * slopes**2, axis=1) - centre**2
    left = np.ones(sample.n)
    left[sample.indices] = (sample.weights - 1) ** 2
    return math.sqrt(max(float(left @ variance), 0.0)) / sample.n


def _too_few(chosen: ClassMetric, code: NDArray[np.intp], decided: NDArray[np.intp], k: int) -> str:
    """Return why there are no limits: a ratio or an area rests on hardly any labelled rows of a label."""
    if chosen.name == "accuracy" or chosen.name.endswith("tives"):
        return ""
    seen, given = (int(np.bincount(codes, minlength=k).min()) for codes in (code, decided))
    if chosen.formula is None:
        return f"only {seen} labelled rows have the rarest label" if seen < 2 else ""
    if min(seen, given) >= _FEW:
        return ""
    return f"only {min(seen, given)} labelled rows {'have' if seen <= given else 'were given'} the rarest label"
