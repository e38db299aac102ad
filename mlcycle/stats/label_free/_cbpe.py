"""Confidence-based performance estimation: a metric from what the scores say about the labels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve

from mlcycle.stats._arguments import check_seed
from mlcycle.stats._estimate import Estimate, check_confidence, smallest_detectable, z_value
from mlcycle.stats._resampling import check_resamples
from mlcycle.stats.label_free._calibration import calibration_of, effective_rows
from mlcycle.stats.label_free._expected import class_metric
from mlcycle.stats.label_free._result import LabelFree, joined, predicted, refusal
from mlcycle.stats.label_free._scores import Reference, chances_of, check_threshold, decisions, reference_of
from mlcycle.stats.label_free._support import missing_scores, unsupported_scores

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Rows = NDArray[np.float64]

__all__ = ["cbpe", "estimated"]

# Rows of every label, after weighting, below which limits that hold would say nothing (measured: AUC, one label in 20).
_FEWEST = 3
# A curve of scores of 0 and 1 that were always right comes as near to certainty as this.
_PERFECT = 1 - 1e-3
_ASSUMES = "a score means here what it meant in the reference: no concept drift"


def cbpe(
    y_reference: ArrayLike,
    score_reference: ArrayLike,
    score: ArrayLike,
    *,
    metric: str = "roc_auc",
    threshold: float = 0.5,
    confidence: float = 0.95,
    resamples: int = 400,
    seed: int = 0,
) -> LabelFree:
    """Estimate a classifier's metric on rows without labels, from its calibrated probabilities.

    Every row counts as each label with the probability its score stands for. What a score stands for is learned from
    reference rows: by a beta curve that leans towards what it says, or by an isotonic one where that predicts held-out
    rows better. A hundred reference rows will do; the limits are as wide as that asks for.

    Parameters
    ----------
    y_reference : array-like of shape (m,)
        Labels of rows the model was not trained on.
    score_reference : array-like of shape (m,) or (m, k)
        Its probabilities there: of the greater label, or one column a label in sorted order.
    score : array-like of shape (n,) or (n, k)
        Its probabilities on the rows without labels.
    metric : str, default "roc_auc"
        ``roc_auc``; of the confusion matrix ``accuracy``, ``balanced_accuracy``, ``precision``, ``recall``,
        ``specificity``, ``negative_predictive_value``, ``false_positive_rate``, ``false_negative_rate``, ``f1``,
        ``matthews_corrcoef``; ``true_positives``, ``false_positives``, ``true_negatives``, ``false_negatives`` as
        shares of rows. For more than two labels ``accuracy``, and means over labels of ``roc_auc`` (one against the
        rest), ``precision``, ``recall``, ``f1``, ``balanced_accuracy``.
    threshold : float, default 0.5
        The greater of two labels is decided from this probability on; of more labels the likeliest is.
    confidence : float, default 0.95
        Share of intervals that hold the metric the rows will turn out to have, if the assumption holds.
    resamples : int, default 400
        Resamples of the reference, each with simulated labels of the new rows.
    seed : int, default 0
        The same seed gives the same limits.

    Returns
    -------
    LabelFree
        Refused, with the reason, when more than a tenth of the rows has scores that hardly any reference row had, or
        a label has fewer than 3 reference rows. New rows of the same law are refused in fewer than one case in a
        hundred for the first reason, from 100 reference rows on.

    Raises
    ------
    InvalidInput
        If scores are no probabilities, or missing; if the reference lacks a label; for an unknown metric.

    References
    ----------
    NannyML, How it works: performance estimation (2022); Białek et al. (2024), Estimating model performance under
    covariate shift without labels, arXiv 2401.08348. Limits: quantiles of the metric of labels drawn for the new rows
    (Poisson binomial), each time from another curve as likely given the reference: a posterior predictive interval
    (Gelman et al. 2013, Bayesian Data Analysis, section 7.1).

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> score = rng.beta(2, 2, 3000)
    >>> y = rng.random(3000) < score
    >>> found = stats.cbpe(y[:2000], score[:2000], score[2000:], metric="roc_auc")
    >>> truth = stats.metric_interval(y[2000:], score[2000:], "roc_auc").value
    >>> bool(found.interval.low < truth < found.interval.high), found.calibration
    (True, 'beta')
    """
    reference = reference_of(y_reference, score_reference)
    chances = chances_of("score", score, reference.chances.shape[1])
    return estimated(
        reference, np.ones(len(reference.code)), chances, "CBPE", _ASSUMES,
        metric=metric, threshold=threshold, confidence=confidence, resamples=resamples, seed=seed,
    )  # fmt: skip


def estimated(
    reference: Reference,
    weights: Rows,
    chances: Rows,
    method: str,
    assumption: str,
    *,
    metric: str,
    threshold: float,
    confidence: float,
    resamples: int,
    seed: int,
    reason: str = "",
    unsupported: float = 0.0,
    note: str = "",
) -> LabelFree:
    """Return the estimate from weighted reference rows; `reason` refuses it already, `note` is told anyway."""
    confidence, resamples = check_confidence(confidence), check_resamples(resamples, confidence)
    chosen = class_metric(metric, chances.shape[1])
    decided = decisions(reference.chances, check_threshold(threshold))
    facts: dict[str, Any] = {
        "metric": chosen.name,
        "method": method,
        "assumption": assumption,
        "reference": chosen.realised(reference.chances, decided, reference.code),
        "effective_n": effective_rows(weights),
        "unsupported": max(unsupported, unsupported_scores(reference.chances, chances)),
    }
    reason = reason or _reason(reference, weights, len(chances), facts["unsupported"])
    if reason:
        return refusal(len(chances), confidence, joined(reason, note), **facts)
    calibration = calibration_of(reference, weights, check_seed(seed))
    rows = calibration.rows(chances)
    # In order of score, every pass of an AUC walks through memory instead of jumping.
    ordered = chances[np.argsort(chances[:, -1], kind="stable")]
    of = chosen.measure(ordered, decisions(ordered, threshold)).of
    rng, labels, curves = np.random.default_rng(seed), np.empty(resamples), np.empty(resamples)
    for b, other in enumerate(calibration.others(ordered, rng, resamples)):
        labels[b], curves[b] = of(_drawn(other, rng)), of(other)
    how = f"{method} ({calibration.kind} calibration, {resamples} resamples)"
    value = of(calibration.rows(ordered))
    found = predicted(value, labels - value, len(chances), confidence, how, (chosen.low, chosen.high))
    found = _room(found, reference, facts["effective_n"])
    if math.isnan(found.value):
        return refusal(len(chances), confidence, joined(found.reason, note), **facts)
    error = float(np.nanstd(curves, ddof=1))
    told = evolve(found, reason=joined(found.reason, note))
    return LabelFree(interval=told, calibration=calibration.kind, rows=rows, reference_error=error, **facts)


def _room(found: Estimate, reference: Reference, rows: float) -> Estimate:
    """Return a perfect estimate with room below: so many reference rows, all right, do not exclude a few that are not.

    References
    ----------
    Clopper and Pearson (1934), Biometrika 26, for none of n.
    """
    right = np.argmax(reference.chances, axis=1) == reference.code
    if not (right.all() and found.value >= _PERFECT):
        return found
    worth = rows * reference.rarest / len(reference.code)
    low = min(found.low, ((1 - found.confidence) / 2) ** (1 / max(worth, 1.0)))
    why = f"perfect so far; the limit is what {worth:.0f} reference rows of the rarest label cannot exclude"
    error = (1 - low) / z_value(0.5 + found.confidence / 2)
    return evolve(found, low=low, detectable=smallest_detectable(error, found.confidence), reason=why)


def _drawn(rows: Rows, rng: np.random.Generator) -> Rows:
    """Return a label for every row, as ones and zeros, from its probabilities."""
    upto = np.cumsum(rows, axis=1)
    upto[:, -1] = 1.0
    drawn = (rng.random(len(upto))[:, None] < upto).astype(np.float64)
    drawn[:, 1:] -= drawn[:, :-1].copy()
    return drawn


def _reason(reference: Reference, weights: Rows, n: int, unsupported: float) -> str:
    if n == 0:
        return "there are no rows to estimate"
    if reason := missing_scores(unsupported):
        return reason
    fewest = min(effective_rows(weights[reference.code == k]) for k in range(reference.chances.shape[1]))
    if fewest < _FEWEST:
        return f"the rarest label rests on {fewest:.0f} reference rows; {_FEWEST} would do"
    return ""
