"""How large a change must be to matter: given in rows, in the own unit, by aspect, or learnt from healthy windows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from mlcycle import stats
from mlcycle.errors import InvalidInput
from tests.stats.two_sample.samples import aspect, column


def test_margins_are_in_the_unit_of_what_they_judge() -> None:
    """A margin in standard deviations does not excuse a constant that changed; numpy numbers are numbers."""
    assert column([1.0] * 50, [2.0] * 50, margin=1.0).verdict == "drifted"
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=5000), rng.normal(0.06, 1, 5000)
    assert column(before, after, margin=np.int64(0)).shifts[0].margin == 0
    named = stats.drift(
        {"nulls": before, "x": [1.0, np.nan] * 2500}, {"nulls": after, "x": before}, margin={"nulls": 9}
    )
    assert {s.aspect: s.margin for s in named.columns[1].shifts}["nulls"] == 0.02


def test_a_small_certain_change_is_not_drift() -> None:
    """With enough rows a change below the margin is certain and within it; a smaller margin makes it drift."""
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=200_000), rng.normal(0.03, 1, 200_000)
    found = column(before, after)
    assert (found.shifts[0].certain, found.verdict) == (True, "within margin")
    assert column(before, after, margin=0.01).verdict == "drifted"
    assert column(before, after, margin={"x": 0.01}).verdict == "drifted"
    assert column(before, after, margin={"numeric": 0.03, "share": 0.012}).verdict == "not seen"


def test_a_margin_in_per_cent_is_one_of_rows() -> None:
    """Of 15 % of rows on the other side of a value "5 %" is exceeded and "30 %" is not; robust sd do not decide."""
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=5000), rng.normal(0.4, 1, 5000)
    for margin, verdict in (("5 %", "drifted"), ("30 %", "within margin"), ("30%", "within margin")):
        found = column(before, after, margin=margin)
        assert (found.verdict, aspect(found, "values").margin) == (verdict, math.inf)
        assert aspect(found, "share").margin == float(margin.strip(" %")) / 100
    levels = [rng.choice(list("ab"), 5000, p=p) for p in ([0.5, 0.5], [0.6, 0.4])]
    assert [column(*levels, margin=margin).verdict for margin in ("5 %", "30 %")] == ["drifted", "within margin"]


def test_a_margin_of_a_column_is_in_its_own_unit() -> None:
    """Years of age, seconds or a timedelta of moments; no share of rows then counts by itself."""
    rng = np.random.default_rng(0)
    before, after = rng.normal(40, 10, 5000), rng.normal(43, 10, 5000)
    found = column(before, after, margin={"x": 2})
    values = aspect(found, "values")
    scale = (np.quantile(before, 0.75) - np.quantile(before, 0.25)) / 1.349
    assert (values.margin, aspect(found, "share").margin) == (pytest.approx(2 / scale, rel=1e-3), math.inf)
    assert [column(before, after, margin={"x": years}).verdict for years in (1, 8)] == ["drifted", "within margin"]
    start = pd.Timestamp("2026-01-01")
    moments = [pd.Series(start + pd.to_timedelta(3600 * hours, unit="s")) for hours in (before, after)]
    for margin, verdict in ((pd.Timedelta("1h"), "drifted"), (8 * 3600, "within margin")):
        found = column(*moments, margin={"x": margin})
        assert aspect(found, "values").verdict == verdict


def test_a_margin_may_be_one_of_an_aspect() -> None:
    """By aspect for all columns, or for one; what is not given stays as it is."""
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=2000), np.where(rng.random(2000) < 0.1, np.nan, rng.normal(size=2000))
    for margin, verdict in ((None, "drifted"), ({"nulls": 0.3}, "not seen"), ({"x": {"nulls": "30 %"}}, "not seen")):
        found = column(before, after, margin=margin)
        assert (found.verdict, aspect(found, "range").margin) == (verdict, 0.01)


def weeks(count: int, seed: int, step: float = 0.3, rows: int = 2000, moved: float = 0.0) -> Iterator[pd.DataFrame]:
    """Return windows that go to and fro by `step` robust sd, 6 % of rows of a level, and 4 % of nulls."""
    rng = np.random.default_rng(seed)
    for week in range(count):
        to = week % 2 + moved
        price = rng.normal(50 + 10 * step * to, 10, rows)
        plan = rng.choice(list("abc"), rows, p=[0.4 - 0.2 * step * to, 0.3 + 0.2 * step * to, 0.3])
        late = np.where(rng.random(rows) < 0.02 + 0.13 * step * to, np.nan, rng.normal(size=rows))
        yield pd.DataFrame({"price": price, "plan": plan, "late": late})


def test_windows_that_wander_as_healthy_ones_did_have_not_drifted() -> None:
    """Learnt from eight windows: in 95 % of forty steps of the same size nothing drifts; without, nearly all do."""
    learnt = stats.margins(weeks(8, 0))
    later = list(weeks(41, 1))
    pairs = list(pairwise(later))
    assert np.mean([stats.drift(*pair, margin=learnt).drifted for pair in pairs]) <= 0.05
    assert np.mean([stats.drift(*pair).drifted for pair in pairs[:10]]) >= 0.9


def test_a_change_three_times_as_large_has_drifted() -> None:
    """Each of the columns that wander is beyond its learnt margin when it moves by three such steps at once."""
    learnt = stats.margins(weeks(8, 0))
    for seed in range(5):
        [usual], [moved] = list(weeks(1, 2 + seed)), list(weeks(1, 20 + seed, moved=3.0))
        found = stats.drift(usual, moved, margin=learnt)
        assert {one.name for one in found.findings} == {"price", "plan", "late"}


def test_learnt_margins_are_the_largest_effects_and_never_below_the_usual() -> None:
    """Per column and aspect, in plain numbers; what hardly differs keeps the usual margin."""
    frames = list(weeks(4, 0))
    learnt = stats.margins(iter(frames))
    seen = [
        aspect(one, "values").effect
        for a, b in pairwise(frames)
        for one in stats.drift(a, b, columns=["price"]).columns
    ]
    assert learnt["price"]["values"] == max(seen)
    assert (learnt["price"]["range"], set(learnt)) == (0.01, {"price", "plan", "late"})
    assert all(type(size) is float for sizes in learnt.values() for size in sizes.values())
    kept = stats.margins([stats.summarise(frame) for frame in frames])
    assert kept["late"]["nulls"] == pytest.approx(learnt["late"]["nulls"])
    assert stats.drift(frames[0], frames[1], columns=["plan"], margin=learnt).verdict != "drifted"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stats.margins([]), "at least two windows, better three or more, got 0"),
        (lambda: stats.margins([{"x": [1]}]), "got 1"),
        (lambda: stats.margins({"x": [1, 2]}), "frames is a list of windows .* got dict"),
        (lambda: stats.margins(pd.DataFrame({"x": [1]})), "got DataFrame"),
        (lambda: stats.margins(None), "got NoneType"),
        (lambda: stats.margins([{"x": [1]}, None]), "window 2 is a frame"),
        (
            lambda: stats.margins([{"x": [1]}] * 2, alpha=0.1),
            "margins takes columns and kinds, as drift does, got alpha",
        ),
    ],
)
def test_what_no_margin_can_be_learnt_from_is_refused(call: object, message: str) -> None:
    """Fewer than two windows, or one frame in place of several."""
    with pytest.raises(InvalidInput, match=message):
        call()  # type: ignore[operator]
