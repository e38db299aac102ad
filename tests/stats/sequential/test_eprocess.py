"""E-processes for a mean: against the definition; validity at every look; power."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from mlcycle import stats
from mlcycle.errors import InvalidInput
from mlcycle.stats.sequential._eprocess import _PARTS

LOOKS, STREAMS = 1000, 150


def test_the_evidence_is_the_mean_of_constant_bets() -> None:
    """Without moving capital, each bet is a plain product, and the value is their average."""
    x = np.random.default_rng(0).random(200) * 4 - 1  # in [-1, 3]
    share = (x + 1) / 4
    up = [np.prod(1 + part / 0.4 * (share - 0.4)) for part in _PARTS]
    down = [np.prod(1 - part / 0.6 * (share - 0.4)) for part in _PARTS]
    for alternative, bets in (("greater", up), ("less", down), ("two-sided", up + down)):
        watch = stats.EProcess(0.6, alternative=alternative, bounds=(-1, 3))
        assert watch.extend(x) == pytest.approx(np.mean(bets))


@pytest.mark.parametrize("alternative", ["greater", "less", "two-sided"])
@pytest.mark.parametrize("kind", ["coin", "beta", "moving"])
def test_evidence_against_nothing_stays_small_at_every_look(alternative: str, kind: str) -> None:
    """Over 1 000 looks it ever reaches 1 / level in at most a share level of streams (tolerance: 3 standard errors)."""
    rng = np.random.default_rng(0)
    crossed = {0.05: 0, 0.3: 0}
    for _ in range(STREAMS):
        if kind == "coin":
            mean, x = 0.1, rng.random(LOOKS) < 0.1
        elif kind == "beta":
            mean, x = 0.2, rng.beta(0.2, 0.8, LOOKS)
        else:  # the mean stays and everything else changes
            mean, x = 0.5, np.where(np.arange(LOOKS) % 200 < 100, rng.integers(0, 2, LOOKS), rng.random(LOOKS))
        watch = stats.EProcess(mean, alternative=alternative, jump=0.001 if kind == "beta" else 0.0)
        watch.extend(x)
        for level in crossed:
            crossed[level] += watch.alarm(level)
    for level, count in crossed.items():
        assert count / STREAMS <= level + 3 * math.sqrt(level * (1 - level) / STREAMS)


def test_the_null_holds_beyond_its_edge() -> None:
    """A mean below the one tested is no evidence that it is above."""
    watch = stats.EProcess(0.2, alternative="greater")
    assert watch.extend(np.random.default_rng(0).random(1000) < 0.1) < 1


@pytest.mark.parametrize(("alternative", "share"), [("greater", 0.15), ("less", 0.05), ("two-sided", 0.15)])
def test_a_wrong_mean_is_seen(alternative: str, share: float) -> None:
    """15 or 5 % instead of 10 % is seen within 1 500 values at level 0.05 in at least 80 % of streams."""
    rng = np.random.default_rng(0)
    seen = 0
    for _ in range(60):
        watch = stats.EProcess(0.1, alternative=alternative)
        watch.extend(rng.random(1500) < share)
        seen += watch.alarm(0.05)
    assert seen >= 48


def test_moving_capital_finds_a_late_change() -> None:
    """After 20 000 values at the mean, a detector fed with moving bets sees a change long before fixed ones."""
    delays = {}
    for jump in (0.0, 0.001):
        rng = np.random.default_rng(1)
        watch, detector = stats.EProcess(0.1, alternative="greater", jump=jump), stats.EDetector(1e5)
        for day in range(300):
            watch.extend(rng.random(100) < (0.1 if day < 200 else 0.15))
            if detector.update(watch.factor):
                break
        delays[jump] = day - 200
    assert 0 <= delays[0.001] < 10 <= delays[0.0]


def test_single_values_come_to_the_same_as_batches() -> None:
    """`update` and `extend` are one computation; `factor` is the growth of the last look."""
    x = np.random.default_rng(0).random(300)
    one, many = stats.EProcess(0.4), stats.EProcess(0.4)
    values = [one.update(value) for value in x]
    assert many.extend(x) == values[-1]
    assert (many.factor, one.factor) == (pytest.approx(values[-1]), pytest.approx(values[-1] / values[-2]))


@pytest.mark.parametrize("jump", [0.0, [0.01, 0.1]])
def test_the_state_goes_through_json_and_goes_on(jump: object) -> None:
    """A process taken up elsewhere comes to the very same values."""
    rng = np.random.default_rng(0)
    watch = stats.EProcess(3, bounds=(0, 10), jump=jump, alternative="less")  # type: ignore[arg-type]
    watch.extend(rng.random(100) * 10)
    again = stats.EProcess.from_state(json.loads(json.dumps(watch.state())))
    x = rng.random(20) * 10
    assert [again.update(v) for v in x] == [watch.update(v) for v in x]
    assert (again.n, again.alarm(0.5), repr(again)) == (watch.n, watch.alarm(0.5), repr(watch))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stats.EProcess(0.0), "strictly between"),
        (lambda: stats.EProcess(math.nan), "strictly between"),
        (lambda: stats.EProcess(0.5, bounds=(1, 0)), "the smaller first"),
        (lambda: stats.EProcess(0.5, bounds=3), "smallest and the largest"),
        (lambda: stats.EProcess(0.5, alternative="more"), "two-sided"),
        (lambda: stats.EProcess(0.5).update(1.5), "widen the bounds"),
        (lambda: stats.EProcess(0.5).update(math.nan), "missing"),
    ],
)
def test_what_cannot_be_used_is_named(call, message) -> None:  # type: ignore[no-untyped-def]
    """Each bad argument is named with what would do."""
    with pytest.raises(InvalidInput, match=message):
        call()
