"""Audits in a row: no more false alarms than stated over many looks, limits that always hold, drift found."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from mlcycle import stats
from mlcycle.errors import InvalidInput
from mlcycle.stats._estimate import unknown


def exact(score: np.ndarray, error: float = 0.0) -> stats.LabelFree:
    """Return an estimate that takes the scores as they are."""
    value = unknown(0.5, len(score), 0.95, "test", "")
    rows = np.column_stack([1 - score, score])
    return stats.LabelFree("accuracy", "CBPE", value, "", 0.5, reference_error=error, rows=rows)


def watched(seed: int, chunks: int, drift: float) -> tuple[bool, bool, int]:
    """Return whether there was an alarm, whether limits ever missed the running gap, and the look of the alarm."""
    rng = np.random.default_rng(seed)
    watch, gaps, missed = stats.AuditSequence("accuracy", margin=0.0 if drift == 0 else 0.02), [], False
    for _ in range(chunks):
        score = rng.beta(0.5, 0.5, 300)
        y = rng.random(300) < np.where(rng.random(300) < drift, 0.5, score)
        right = (score >= 0.5) == y
        # Without drift the estimate is exactly true of every chunk, on the edge of what the margin of 0 allows.
        off = right.mean() - np.maximum(score, 1 - score).mean() if drift == 0 else 0.0
        believed = np.clip(np.where(score >= 0.5, score + off, score - off), 0, 1)
        sample = stats.audit_sample(score, 40, seed=int(rng.integers(2**31)))
        watch.update((sample, y[sample.indices], exact(believed)))
        gaps.append(right.mean() - np.where(score >= 0.5, believed, 1 - believed).mean())
        limits = watch.difference
        missed |= not limits.low - 1e-9 <= np.mean(gaps) <= limits.high + 1e-9
        if watch.verdict == "disagree":
            return True, missed, watch.looks
    return False, missed, chunks


def test_many_looks_at_nothing_keep_the_level() -> None:
    """Over 30 looks at most 5 % plus 3 standard errors of sequences alarm, and as few miss the running difference."""
    runs = [watched(seed, 30, 0.0)[:2] for seed in range(15)]
    alarms, misses = np.mean(runs, axis=0)
    most = 0.05 + 3 * math.sqrt(0.05 * 0.95 / 15)
    assert max(alarms, misses) <= most


@pytest.mark.deep
def test_a_thousand_looks_at_nothing_keep_the_level() -> None:
    """The same over 1 000 looks."""
    runs = [watched(seed, 1000, 0.0)[:2] for seed in range(60)]
    assert max(np.mean(runs, axis=0)) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 60)


def test_drift_is_found() -> None:
    """A fall of accuracy of about 0.1 is found within 20 audits of 40 labels in at least 9 of 10 sequences."""
    runs = [watched(seed, 20, 0.35) for seed in range(20)]
    assert np.mean([alarm for alarm, _, _ in runs]) >= 0.9
    assert np.mean([missed for _, missed, _ in runs]) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 20)


def test_the_error_of_the_calibration_is_granted() -> None:
    """An estimate off by as much as its calibration may be is no disagreement; one that claims to be exact is."""
    verdicts = []
    for error in (0.05, 0.0):
        rng, watch = np.random.default_rng(0), stats.AuditSequence("accuracy", margin=0.01)
        for chunk in range(60):
            score = rng.uniform(0.6, 0.9, 300)
            sample = stats.audit_sample(score, 50, seed=chunk)
            y = rng.random(300) < score - 0.09
            watch.update((sample, y[sample.indices], exact(score, error)))
        verdicts.append(watch.verdict)
    assert verdicts == ["inconclusive", "disagree"]


def test_agreement_is_said_when_the_limits_are_inside_the_margin() -> None:
    """With a wide margin and enough labels the estimates agree."""
    rng, watch = np.random.default_rng(0), stats.AuditSequence("accuracy", margin=0.1)
    assert watch.verdict == "inconclusive"
    for chunk in range(30):
        score = rng.beta(0.5, 0.5, 300)
        sample = stats.audit_sample(score, 50, seed=chunk)
        watch.update((sample, (rng.random(300) < score)[sample.indices], exact(score)))
    assert watch.verdict == "agree"
    assert abs(watch.difference.value) < 0.05
    assert "agree after 30 audits" in repr(watch)


def test_a_sequence_goes_on_from_its_state() -> None:
    """Through JSON and back, the next audit changes both in the same way."""
    rng, watch = np.random.default_rng(0), stats.AuditSequence("accuracy")
    for chunk in range(4):
        score = rng.random(200)
        sample = stats.audit_sample(score, 30, seed=chunk)
        y = (rng.random(200) < score)[sample.indices]
        if chunk == 2:
            other = stats.AuditSequence.from_state(json.loads(json.dumps(watch.state())))
        watch.update((sample, y, exact(score)))
        if chunk >= 2:
            other.update((sample, y, exact(score)))
    assert watch.state() == other.state()
    assert watch.difference == other.difference


def test_losses_are_watched_too() -> None:
    """A loss that doubles is found; one above the stated largest is refused."""
    rng, watch = np.random.default_rng(0), stats.AuditSequence("mae", margin=0.05, largest=5.0)
    for chunk in range(30):
        size = rng.uniform(0.2, 1, 300)
        loss = np.minimum(2 * size * rng.random(300) * 2, 5)
        value = unknown(0.6, 300, 0.95, "test", "")
        estimate = stats.LabelFree("mae", "DLE", value, "", 0.6, reference_error=0.0, rows=size)
        sample = stats.audit_sample(size, 50, seed=chunk, task="regression")
        watch.update((sample, loss[sample.indices], estimate, np.zeros(50)))
    assert watch.verdict == "disagree"
    assert watch.difference.low < 0.6 < watch.difference.high
    with pytest.raises(InvalidInput, match="more than largest"):
        watch.update((sample, np.full(50, 9.0), estimate, np.zeros(50)))


def test_bad_input_is_named() -> None:
    """Metrics that are no mean, margins below zero, estimates that were refused."""
    for given in ({"metric": "roc_auc"}, {"margin": -0.1}, {"confidence": 2.0}, {"largest": 0.0}):
        with pytest.raises(InvalidInput):
            stats.AuditSequence(**given)  # type: ignore[arg-type]
    sample = stats.audit_sample([0.5] * 20, 5)
    refused = stats.cbpe([0, 1] * 50, [0.4, 0.6] * 50, [0.99] * 20, metric="accuracy")
    with pytest.raises(InvalidInput, match="not refused"):
        stats.AuditSequence().update((sample, [1] * 5, refused))
    with pytest.raises(InvalidInput, match=r"an audit is \(sample, y, estimate\)"):
        stats.AuditSequence().update((sample, [1] * 5))


def test_an_estimate_of_another_metric_is_refused() -> None:
    """Squared losses against absolute ones would disagree for certain."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(900, 1)), rng.normal(size=900)
    guess = np.zeros(900)
    estimate = stats.dle(X[:600], y[:600], guess[:600], X[600:], guess[600:], metric="mse", resamples=60)
    sample = stats.audit_sample(guess[600:], 20, task="regression")
    watch = stats.AuditSequence("mae", largest=10)
    with pytest.raises(InvalidInput, match="the estimate is of mse, the sequence of mae"):
        watch.update((sample, y[600:][sample.indices], estimate, guess[600:][sample.indices]))
