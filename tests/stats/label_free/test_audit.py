"""Audits: rows chosen with known chances, unbiased figures, limits that hold, and a test that keeps its level."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from mlcycle import stats
from mlcycle.errors import InvalidInput
from mlcycle.stats.label_free._expected import class_metric


def population(seed: int, n: int = 600, drift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and labels; a share of labels, drift, has become a coin's."""
    rng = np.random.default_rng(seed)
    score = rng.beta(0.5, 0.5, n)
    return score, rng.random(n) < np.where(rng.random(n) < drift, 0.5, score)


def guess(score: np.ndarray, seed: int = 99) -> stats.LabelFree:
    """Return the label-free accuracy, learned from rows where the scores are right."""
    old, y = population(seed, 2000)
    return stats.cbpe(y, old, score, metric="accuracy", resamples=60)


def test_every_row_can_be_chosen_and_weights_add_up() -> None:
    """Strata hold all rows; uncertain ones get more labels; the weights of any sample sum to n."""
    score, _ = population(0)
    sample = stats.audit_sample(score, 50, seed=3)
    taken = np.bincount(sample.stratum)
    assert (len(set(sample.indices.tolist())), taken.min() >= 2, sample.sizes.sum()) == (50, True, 600)
    assert sample.weights.sum() == pytest.approx(600)
    unsure = np.abs(score[sample.indices] - 0.5) < 0.2
    assert sample.probabilities[unsure].mean() > 1.2 * sample.probabilities[~unsure].mean()
    assert sample.weights.max() <= 2.5 * 600 / 50


def test_chances_are_what_the_sample_says() -> None:
    """Over 1 500 draws every row is chosen as often as stated, within 5 standard errors."""
    score = np.sort(population(0, 60)[0])
    counts = np.zeros(60)
    for seed in range(1500):
        counts[stats.audit_sample(score, 12, seed=seed).indices] += 1
    sample = stats.audit_sample(score, 12)
    # Scores are sorted and all different, so strata are runs of rows, the same in every draw.
    stated = (sample.taken / sample.sizes)[np.repeat(np.arange(len(sample.sizes)), sample.sizes)]
    assert np.all(np.abs(counts / 1500 - stated) < 5 * np.sqrt(stated * (1 - stated) / 1500))


def test_a_stratified_mean_by_hand() -> None:
    """Two strata of 6 and 4 rows, 2 labels each, 1 and 2 of them right: 0.7, with the textbook's standard error."""
    score = np.array([0.1] * 6 + [0.9] * 4)
    certain = np.column_stack([score < 0.5, score >= 0.5]).astype(float)
    sample = stats.AuditSample(np.array([0, 1, 6, 7]), np.array([0, 0, 1, 1]), np.array([6, 4]), certain)
    found = stats.audit(sample, [0, 1, 1, 1], metric="accuracy")
    assert found.value == pytest.approx(0.6 * 0.5 + 0.4 * 1.0)
    # Cochran (1977), 5.6: W^2 (1 - f) s^2 / k of the first stratum alone; the interval is Wilson's around it.
    variance = 0.6**2 * (1 - 2 / 6) * 0.5 / 2
    # As many labels as the weights 3, 3, 2, 2 are worth of 10 rows; half a label is moved off the end for the spread.
    most = 10**2 / 26 / (1 - 4 / 10)
    inner = (0.7 * most + 0.5) / (most + 1)
    t, rows = 4.302653, inner * (1 - inner) / variance  # the t quantile of 4 labels less 2 strata
    middle = (0.7 + t * t / (2 * rows)) / (1 + t * t / rows)
    half = t * math.sqrt(0.21 / rows + t * t / (4 * rows**2)) / (1 + t * t / rows)
    assert [found.interval.low, found.interval.high] == pytest.approx([middle - half, middle + half], rel=1e-5)


@pytest.mark.parametrize("metric", ["accuracy", "false_negatives", "recall", "roc_auc"])
def test_audits_are_unbiased_even_where_the_estimate_is_wrong(metric: str) -> None:
    """Over 100 samples of one drifted population the mean is the truth: exactly, or up to 1/k for ratios and areas."""
    score, y = population(5, drift=0.4)
    truth = class_metric(metric, 2).realised(np.column_stack([1 - score, score]), (score >= 0.5).astype(int), y * 1)
    estimate = stats.cbpe(*population(6)[::-1], score, metric=metric, resamples=40)
    found = []
    for seed in range(100):
        sample = stats.audit_sample(score, 60, seed=seed)
        found.append(stats.audit(sample, y[sample.indices], metric=metric, estimate=estimate).value)
    slack = 0.0 if metric in ("accuracy", "false_negatives") else 0.01
    assert abs(np.mean(found) - truth) <= 3 * np.std(found) / math.sqrt(100) + slack
    assert abs(estimate.value - truth) > 0.03


@pytest.mark.parametrize("drift", [0.0, 0.3])
def test_limits_hold_with_and_without_drift(drift: float) -> None:
    """95 % limits from 60 labels hold the accuracy of all rows at least so often, less 3 standard errors."""
    held = []
    for seed in range(150):
        score, y = population(seed, drift=drift)
        sample = stats.audit_sample(score, 60, seed=seed)
        limits = stats.audit(sample, y[sample.indices]).interval
        held.append(limits.low <= np.mean((score >= 0.5) == y) <= limits.high)
    assert np.mean(held) >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 150)


def test_the_test_keeps_its_level_and_finds_drift() -> None:
    """Alarms at 5 % are at most so many plus 3 standard errors; half of the labels at random is found in 9 of 10."""
    p: dict[float, list[float]] = {0.0: [], 0.5: []}
    for drift, values in p.items():
        for seed in range(100):
            score, y = population(seed, drift=drift)
            sample = stats.audit_sample(score, 80, seed=seed)
            values.append(stats.audit(sample, y[sample.indices], estimate=guess(score, seed + 1000)).p)
    assert np.mean(np.array(p[0.0]) <= 0.05) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 100)
    assert np.mean(np.array(p[0.5]) <= 0.05) >= 0.9


def test_verdicts() -> None:
    """Disagree on drift, agree within a wide margin, else inconclusive; with nothing to compare, none."""
    score, y = population(1)
    _, turned = population(1, drift=0.9)
    sample = stats.audit_sample(score, 150)
    at, estimate = sample.indices, guess(score)
    assert stats.audit(sample, turned[at], estimate=estimate).verdict == "disagree"
    assert stats.audit(sample, y[at], estimate=estimate, margin=0.2).verdict == "agree"
    small = stats.audit_sample(score, 20)
    assert stats.audit(small, y[small.indices], estimate=estimate).verdict == "inconclusive"
    assert stats.audit(sample, y[at]).verdict == ""


def test_all_labels_leave_no_doubt() -> None:
    """When every row is labelled the value is the metric and the limits close."""
    score, y = population(2, 80)
    sample = stats.audit_sample(score, 80)
    found = stats.audit(sample, y[sample.indices])
    truth = np.mean((score >= 0.5) == y)
    assert [found.interval.low, found.value, found.interval.high] == pytest.approx([truth] * 3)


def test_no_error_found_is_not_no_error() -> None:
    """Thirty right rows of a thousand leave room below one."""
    score = np.full(1000, 0.999)
    sample = stats.audit_sample(score, 30)
    assert stats.audit(sample, [1] * 30).interval.low < 0.9


def test_ratios_of_hardly_any_rows_have_no_limits() -> None:
    """Where four labelled rows were decided positive, precision has a value, no limits, and the reason."""
    score = np.concatenate([np.full(96, 0.2), np.full(4, 0.9)])
    sample = stats.audit_sample(score, 100)
    found = stats.audit(sample, (score > 0.5).astype(int), metric="precision").interval
    assert (found.conclusive, found.value) == (False, 1.0)
    assert found.reason == "only 4 labelled rows have the rarest label; label more rows"


def test_a_refusal_leaves_nothing_to_compare_with() -> None:
    """There is no verdict but inconclusive, and the reason."""
    score, y = population(1)
    sample = stats.audit_sample(score, 150)
    refused = stats.cbpe([0, 1] * 50, [0.4, 0.6] * 50, score, metric="accuracy")
    found = stats.audit(sample, y[sample.indices], estimate=refused)
    assert (found.verdict, math.isnan(found.p)) == ("inconclusive", True)
    assert found.difference is not None
    assert "no label-free estimate" in found.difference.reason


def test_words_and_regressions() -> None:
    """Labels may be words, and losses are audited as well."""
    score, y = population(3)
    words = np.where(y, "yes", "no")
    sample = stats.audit_sample(score, 60)
    at = sample.indices
    named = stats.audit(sample, words[at], labels=["no", "yes"])
    assert named.interval == stats.audit(sample, y[at]).interval
    rng = np.random.default_rng(0)
    size = rng.uniform(0.1, 2, 600)
    error = rng.normal(0, size)
    sample = stats.audit_sample(size, 100, task="regression")
    at = sample.indices
    found = stats.audit(sample, error[at], np.zeros(100), metric="mae")
    assert found.interval.low < np.abs(error).mean() < found.interval.high
    assert stats.audit(sample, error[at], np.zeros(600), metric="rmse").value > found.value


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"y": [1] * 9}, "labels of the 50 sampled rows"),
        ({"y": [math.nan] * 50}, "missing"),
        ({"y": ["a"] * 50}, "not among the labels"),
        ({"prediction": [0.5] * 600}, "prediction is for losses"),
        ({"estimate": 0.4}, "estimate is a LabelFree, got float"),
        ({"margin": -1}, "margin"),
        ({"metric": "mae"}, "needs prediction"),
        ({"estimate": "other rows"}, "estimate the same rows"),
        ({"estimate": "other metric"}, "the estimate is of accuracy, the audit of recall"),
    ],
)
def test_bad_input_is_named(change: dict[str, Any], said: str) -> None:
    """Labels that do not fit, predictions of other rows, estimates of other rows."""
    score, y = population(1)
    sample = stats.audit_sample(score, 50)
    if isinstance(change.get("estimate"), str):
        other = change["estimate"] == "other metric"
        change = {"estimate": guess(score if other else score[:300]), "metric": "recall" if other else "accuracy"}
    given = {"y": y[sample.indices], **change}
    with pytest.raises(InvalidInput, match=said):
        stats.audit(sample, given.pop("y"), **given)


def test_samples_that_cannot_be_drawn() -> None:
    """No rows, no labels, no such task, scores that are none."""
    for given in ({"score": [], "k": 5}, {"score": [0.5], "k": 0}, {"score": [0.5], "k": 1, "task": "ranking"}):
        with pytest.raises(InvalidInput):
            stats.audit_sample(**given)  # type: ignore[arg-type]
    assert len(stats.audit_sample([0.5, 0.6], 9).indices) == 2
    assert stats.audit_sample([0.5, 0.6], 2).probabilities.tolist() == [1.0, 1.0]


def test_the_combined_value_errs_less_than_either() -> None:
    """Where the estimate is right it is nearer the truth than the audit, where it is wrong nearer than the estimate."""
    far = {}
    for drift in (0.0, 0.6):
        errors = []
        for seed in range(40):
            score, y = population(seed, drift=drift)
            sample, truth = stats.audit_sample(score, 50, seed=seed), np.mean((score >= 0.5) == y)
            found = stats.audit(sample, y[sample.indices], estimate=guess(score, seed + 1000))
            errors.append([abs(x - truth) for x in (found.combined, found.value, found.label_free)])
        far[drift] = np.mean(errors, axis=0)
    assert far[0.0][0] < 0.8 * far[0.0][1]
    assert far[0.6][0] < 0.6 * far[0.6][2]
