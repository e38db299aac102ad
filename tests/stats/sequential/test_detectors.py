"""ADWIN, DDM and Page-Hinkley: the very alarms of river, live where it is installed and as written down."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from mlcycle import stats
from mlcycle.errors import InvalidInput


def _alarms(detector: Any, stream: list[float]) -> list[int]:
    return [at for at, x in enumerate(stream) if detector.update(x)]


def _alarms_of_river(detector: Any, stream: list[float]) -> list[int]:
    found = []
    for at, x in enumerate(stream):
        detector.update(x)
        if detector.drift_detected:
            found.append(at)
    return found


def _numbers(seed: int) -> list[float]:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(mean, 1, 700) for mean in (0, 0.3, 2, -1, 0)]).tolist()


def _errors(seed: int) -> list[float]:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.random(900) < share for share in (0.1, 0.3, 0.2, 0.6)]).astype(float).tolist()


@pytest.mark.parametrize("seed", range(3))
def test_the_alarms_are_those_of_river(seed: int) -> None:
    """The same indices on streams of numbers and of errors, for defaults and other settings."""
    drift = pytest.importorskip("river.drift")
    numbers, errors = _numbers(seed), _errors(seed)
    pairs = [
        (stats.ADWIN(), drift.ADWIN(), numbers),
        (stats.ADWIN(), drift.ADWIN(), errors),
        (
            stats.ADWIN(delta=0.1, clock=1, buckets=3, shortest=8, warm_up=50),
            drift.ADWIN(delta=0.1, clock=1, max_buckets=3, min_window_length=8, grace_period=50),
            numbers,
        ),
        (stats.DDM(), drift.binary.DDM(), errors),
        (stats.DDM(warm_up=100, drift=2.5), drift.binary.DDM(warm_start=100, drift_threshold=2.5), errors),
    ]
    for mode in ("both", "up", "down"):
        pairs.append((stats.PageHinkley(threshold=20, mode=mode), drift.PageHinkley(threshold=20, mode=mode), numbers))
    for ours, theirs, stream in pairs:
        expected = _alarms_of_river(theirs, stream)
        assert _alarms(ours, stream) == expected
        assert expected


def test_the_alarms_are_those_of_the_documentation_of_river() -> None:
    """The streams of its docstrings (river 0.26): ADWIN at 1023, Page-Hinkley at 1006, DDM at 1334."""
    rng = random.Random(12345)
    stream = [float(x) for x in rng.choices([0, 1], k=1000) + rng.choices(range(4, 8), k=1000)]
    assert _alarms(stats.ADWIN(), stream) == [1023]
    assert _alarms(stats.PageHinkley(), stream) == [1006]
    rng = random.Random(42)
    errors = rng.choices([0, 1], k=1000) + rng.choices([0, 1], k=1000, weights=[0.3, 0.7])
    watch, warned = stats.DDM(), []
    alarms = []
    for at, wrong in enumerate(errors):
        alarms += [at] if watch.update(wrong) else []
        warned += [at] if watch.warned else []
    assert (warned[0], alarms, next(at for at in warned if at > 1334)) == (1084, [1334], 1492)


def test_the_window_forgets_what_was_before() -> None:
    """After a change the mean of the window is the new one."""
    watch = stats.ADWIN()
    assert np.isnan(watch.mean)
    for x in [0.0] * 1000 + [1.0] * 200:
        watch.update(x)
    assert (watch.mean, watch.width < 200) == (1.0, True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stats.ADWIN(delta=0), "delta is a level"),
        (lambda: stats.DDM().update(2), "1 for wrong and 0 for right"),
        (lambda: stats.PageHinkley(mode="left"), "'both', 'up' or 'down'"),
        (lambda: stats.PageHinkley().update(float("nan")), "finite"),
        (lambda: stats.ADWIN().update(float("inf")), "finite"),
    ],
)
def test_what_cannot_be_used_is_named(call, message) -> None:  # type: ignore[no-untyped-def]
    """Each bad argument is named with what would do."""
    with pytest.raises(InvalidInput, match=message):
        call()
