"""A few labels, chosen at random, against an estimate made without any: an unbiased figure and a test of agreement."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import asdict, evolve, frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_seed, check_size
from mlcycle.stats._estimate import Estimate, check_confidence, unknown
from mlcycle.stats.label_free._dle import LOSSES
from mlcycle.stats.label_free._labelled import Labelled, class_labelled, loss_labelled
from mlcycle.stats.label_free._result import LabelFree
from mlcycle.stats.label_free._sampling import AuditSample

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


__all__ = ["Audit", "audit"]

# A p-value of 0.05 is then known to 0.003.
_DRAWS = 5_000


@frozen(repr=False)
class Audit:
    """What a sample of labels says of all rows, and of the estimate made without labels.

    Attributes
    ----------
    metric : str
        What was measured.
    interval : Estimate
        The metric all `n` rows would have if all were labelled; `n` are the labelled rows.
    label_free : float
        The estimate made without labels; ``nan`` when none was given.
    difference : Estimate or None
        The audited value minus that estimate.
    p : float
        Chance of a difference this large if the estimate's assumption holds; ``nan`` when none was given.
    verdict : str
        ``disagree`` when the difference is significant and its whole interval lies beyond the margin, ``agree`` when
        the whole interval lies within it, else ``inconclusive``; empty when there was nothing to compare with.
    margin : float
        The difference that would not matter.
    rows : int
        Rows in all.
    """

    metric: str
    interval: Estimate
    label_free: float
    difference: Estimate | None
    p: float
    verdict: str
    margin: float
    rows: int

    @property
    def value(self) -> float:
        """The audited value."""
        return self.interval.value

    @property
    def combined(self) -> float:
        """The label-free value moved towards the audited one as far as their difference is more than noise.

        It errs less on average than either, but is biased where the label-free one is, so it has no limits. Without a
        label-free value it is the audited one. Source: Green and Strawderman (1991), A James-Stein type estimator for
        combining unbiased and possibly biased estimators, JASA 86 (in one dimension, with the positive part).
        """
        if self.difference is None or not self.difference.conclusive:
            return self.value
        gap, error = self.difference.value, self.difference.standard_error
        return self.label_free + gap * max(0.0, 1 - (error / gap) ** 2 if gap else 0.0)

    def as_dict(self) -> dict[str, Any]:
        """Return the audit as nested plain dicts."""
        return {**asdict(self), "combined": self.combined}

    def __str__(self) -> str:
        text = f"{self.metric} audited on {self.interval.n} of {self.rows} rows: {self.interval}"
        if not self.verdict or self.difference is None:
            return text
        seen = f", could have seen {self.difference.detectable:.2g}" if self.verdict == "inconclusive" else ""
        against = f"label-free {self.label_free:.3f}, difference {self.difference.value:+.3f}"
        return f"{text}\n  {self.verdict}: {against} (p {self.p:.2g}, margin {self.margin:g}{seen})"

    def __repr__(self) -> str:
        return f"Audit({self})"

    def _repr_html_(self) -> str:
        from mlcycle import _html

        word = {"agree": "pass", "disagree": "fail", "inconclusive": "inconclusive"}.get(self.verdict, "")
        shown = self.interval
        facts = [
            ("audited", str(shown)), ("", _html.bar(shown.value, shown.low, shown.high, self.label_free, verdict=word)),
            ("of rows", self.rows), ("label-free", None if math.isnan(self.label_free) else self.label_free),
            ("difference", str(self.difference or "")), ("p", None if math.isnan(self.p) else self.p),
            ("combined", self.combined if self.verdict else None), ("verdict", self.verdict),
        ]  # fmt: skip
        return str(_html.card(self.metric, facts))


def audit(
    sample: AuditSample,
    y: ArrayLike,
    prediction: ArrayLike | None = None,
    *,
    metric: str = "accuracy",
    threshold: float = 0.5,
    labels: ArrayLike | None = None,
    estimate: LabelFree | None = None,
    margin: float = 0.02,
    confidence: float = 0.95,
    seed: int = 0,
) -> Audit:
    """Estimate a metric of all rows from the labels of a sample, and test a label-free estimate with them.

    What the estimate expects of every row is taken over all rows and corrected by what the labels showed, weighted by
    one over their chances: unbiased whether or not the estimate is right (for ``accuracy``, shares and means exactly;
    for ratios and areas up to terms of order 1/k), and the more precise the better it is.

    Parameters
    ----------
    sample : AuditSample
        From `audit_sample`.
    y : array-like of shape (k,)
        The labels of ``sample.indices``, in that order.
    prediction : array-like, optional
        For losses, needed: the model's numbers for the sampled rows, or for all. Of a classifier the scores that the
        sample was drawn by are judged.
    metric : str, default "accuracy"
        As in `cbpe`; ``mae``, ``mse`` and ``rmse`` for regression.
    threshold : float, default 0.5
        As in `cbpe`.
    labels : array-like, optional
        All labels, one a column of the scores in sorted order; needed when they are not 0 and 1.
    estimate : LabelFree, optional
        What to test.
    margin : float, default 0.02
        The difference that would not matter.
    confidence : float, default 0.95
        Of intervals; one minus it is the level of the test.
    seed : int, default 0
        For the simulated p-value.

    Returns
    -------
    Audit
        Without limits, and with the reason, where the metric is a ratio and hardly any labelled row has, or was given,
        the rarest label. Of a classifier `p` is simulated: labels drawn as the estimate says, the same rows sampled,
        plus the error of its calibration. Of losses it is from a t distribution with both errors.

    Raises
    ------
    InvalidInput
        For labels that do not fit the sample, are missing, or an unknown metric.

    References
    ----------
    Cochran (1977), Sampling Techniques, sections 5A.1 and 7.3 (stratified difference estimator); Angelopoulos et al.
    (2023), Prediction-powered inference, Science 382; Korn and Graubard (1998), Survey Methodology 24, for intervals of
    proportions from an effective sample size (here Wilson's, with a t quantile).

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> score = rng.random(6000)
    >>> y = rng.random(6000) < score
    >>> y[4000:] = rng.random(2000) < 0.5  # the world changed, and no score shows it
    >>> guess = stats.cbpe(y[:4000], score[:4000], score[4000:], metric="accuracy")
    >>> sample = stats.audit_sample(score[4000:], 100)
    >>> found = stats.audit(sample, y[4000:][sample.indices], metric="accuracy", estimate=guess)
    >>> found.verdict, round(guess.value, 1), round(found.value, 1)
    ('disagree', 0.8, 0.5)
    """
    confidence = check_confidence(confidence)
    margin = check_size(margin, "margin", "a difference that would not matter")
    if not isinstance(sample, AuditSample):
        raise InvalidInput(f"sample is what audit_sample returned, got {type(sample).__name__}")
    if estimate is not None and not isinstance(estimate, LabelFree):
        raise InvalidInput(f"estimate is a LabelFree, got {type(estimate).__name__}")
    rows = estimate.rows if estimate else None
    if metric in LOSSES:
        found = loss_labelled(sample, y, prediction, metric, rows)
    else:
        found = class_labelled(sample, y, prediction, metric, threshold, labels, rows)
    value = found.interval(confidence)
    if estimate is None:
        return Audit(found.metric, value, math.nan, None, math.nan, "", margin, sample.n)
    if estimate.metric != found.metric:
        raise InvalidInput(f"the estimate is of {estimate.metric}, the audit of {found.metric}; they must be the same")
    return _against(found, value, estimate, margin, seed)


def _against(found: Labelled, value: Estimate, estimate: LabelFree, margin: float, seed: int) -> Audit:
    guess, verdict, p = estimate.value, "inconclusive", math.nan
    if estimate.refused or not value.conclusive:
        why = "there is no label-free estimate" if estimate.refused else value.reason
        moved = unknown(math.nan, value.n, value.confidence, value.method, why)
    else:
        moved = evolve(value, value=value.value - guess, low=value.low - guess, high=value.high - guess)
        p = _p_value(found, value, estimate, seed)
        if p <= 1 - value.confidence and (moved.low > margin or moved.high < -margin):
            verdict = "disagree"
        elif -margin < moved.low and moved.high < margin:
            verdict = "agree"
    return Audit(found.metric, value, guess, moved, p, verdict, margin, found.sample.n)


def _p_value(found: Labelled, value: Estimate, estimate: LabelFree, seed: int) -> float:
    if found.expected is not None:
        rng = np.random.default_rng(check_seed(seed))
        gap, draws = found.expected(rng, _DRAWS)
        draws = draws + rng.normal(0.0, max(np.nan_to_num(estimate.reference_error), 1e-15), _DRAWS)
        # Ties count: with few labels the statistic takes few values.
        return float((1 + np.sum(np.abs(draws) >= abs(gap) - 1e-12)) / (1 + _DRAWS))
    from scipy import special

    error = math.hypot(value.standard_error, np.nan_to_num(estimate.interval.standard_error))
    gap = abs(value.value - estimate.value)
    return float(2 * special.stdtr(found.degrees, -gap / error)) if error > 0 else float(gap <= 1e-12)
