"""Sketches of numbers: bounds that always hold, so that no test on them claims more than all the rows would."""

from __future__ import annotations

import json
import math
from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcycle.stats.two_sample import _ordered
from mlcycle.stats.two_sample._sketch import Sketch, SortedSample, least_ks, widest_shift

SMALL = 40


def draw(seed: int, n: int, kind: str, shift: float = 0.0) -> np.ndarray:
    """Return a sorted sample: smooth, tied, mostly zero, or heavy in the tails."""
    values = np.random.default_rng(seed).standard_t(2, n) + shift
    if kind == "tied":
        values = np.round(values, 1)
    elif kind == "whole":
        values = np.round(3 * values).astype(np.int64)
    elif kind == "zeros":
        values = np.where(np.random.default_rng([seed, 1]).random(n) < 0.7, 0.0, values)
    return np.sort(values)


samples = st.builds(
    draw,
    st.integers(0, 2**32),
    st.integers(1, 700),
    st.sampled_from(["smooth", "tied", "whole", "zeros"]),
    st.sampled_from([0.0, 0.3, 2.0]),
)
# A spread of 1e-308 is one of rounding: in units of it, any other number is beyond the largest float.
numbers = st.floats(-3, 3).filter(lambda x: x == 0 or abs(x) > 1e-150)
few_numbers = st.lists(st.integers(-5, 5) | numbers, min_size=1, max_size=60).map(
    lambda values: np.sort(np.array(values, np.float64))
)
columns = samples | few_numbers


def pieces(ordered: np.ndarray, seed: int, parts: int) -> list[Sketch]:
    """Return sketches of a random division of a sample."""
    rng = np.random.default_rng(seed)
    where = rng.integers(0, parts, len(ordered))
    return [Sketch.of(ordered[where == i], SMALL) for i in range(parts)]


def merged(ordered: np.ndarray, seed: int, parts: int) -> Sketch:
    """Return the sketch of a sample put together from its parts."""
    return reduce(Sketch.merge, pieces(ordered, seed, parts))


def assert_bounds_hold(sketch: Sketch, ordered: np.ndarray) -> None:
    """Check every bound against the sample itself."""
    points = np.unique(np.concatenate([ordered, sketch.points, ordered + 0.01, [-1e9, 1e9]]))
    for (low, high), side in zip(sketch.counts_at(points), ("left", "right"), strict=True):
        exact = ordered.searchsorted(points, side)
        assert (low <= exact).all()
        assert (exact <= high).all()
    ranks = np.arange(1, len(ordered) + 1)
    low, high = sketch.order_statistics(ranks)
    assert ((low <= ordered) & (ordered <= high)).all()
    assert (sketch.n, sketch.ends()) == (len(ordered), (ordered[0], ordered[-1]))
    assert sketch.distinct[0] <= len(np.unique(ordered)) <= sketch.distinct[1]


@settings(deadline=None)
@given(columns, st.integers(0, 99), st.integers(1, 7))
def test_any_division_merges_into_bounds_that_hold(ordered: np.ndarray, seed: int, parts: int) -> None:
    """However a sample is divided, the merged bounds enclose its distribution function and its order statistics."""
    assert_bounds_hold(merged(ordered, seed, parts), ordered)


@settings(deadline=None)
@given(columns, columns, columns)
def test_merging_in_any_order_tells_the_same(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> None:
    """Merging commutes exactly; however three parts are grouped, the bounds hold."""
    x, y, z = (Sketch.of(side, SMALL) for side in (a, b, c))
    one, other = x.merge(y), y.merge(x)
    assert one.as_dict() == other.as_dict()
    together = np.sort(np.concatenate([a, b, c]))
    assert_bounds_hold(one.merge(z), together)
    assert_bounds_hold(x.merge(y.merge(z)), together)


@settings(deadline=None)
@given(columns, columns, st.integers(1, 5))
def test_the_distance_is_never_overstated(a: np.ndarray, b: np.ndarray, parts: int) -> None:
    """The Kolmogorov-Smirnov distance of sketches is at most that of the rows, and equal when nothing was left out."""
    exact = _ordered.ks_statistic(a.astype(float), b.astype(float))
    sides = [(merged(side, 3, parts), Sketch.of(side, SMALL), SortedSample.of(side)) for side in (a, b)]
    for x in sides[0]:
        for y in sides[1]:
            assert least_ks(x, y) <= exact + 1e-12
            assert least_ks(x, y) == least_ks(y, x)
    whole = [Sketch.of(side, 1000) for side in (a, b)]
    assert least_ks(whole[0], whole[1]) == least_ks(whole[0], sides[1][2]) == pytest.approx(exact, abs=1e-12)


@settings(deadline=None)
@given(columns, columns, st.integers(1, 5), st.sampled_from([0.5, 0.95, 0.999]))
def test_the_interval_is_never_narrower(a: np.ndarray, b: np.ndarray, parts: int, confidence: float) -> None:
    """The interval of the quantile shift holds the one of the rows, and is the same when nothing was left out."""
    exact = widest_shift(SortedSample.of(a.astype(float)), SortedSample.of(b.astype(float)), confidence)
    for x in (merged(a, 3, parts), Sketch.of(a, SMALL), SortedSample.of(a)):
        for y in (merged(b, 4, parts), Sketch.of(b, SMALL), SortedSample.of(b)):
            found = widest_shift(x, y, confidence)
            assert found.low <= exact.low * (1 + 1e-9) + 1e-12
            assert found.high >= exact.high * (1 - 1e-9) - 1e-12
    found = widest_shift(Sketch.of(a, 1000), SortedSample.of(b), confidence)
    assert (found.effect, found.low) == pytest.approx((exact.effect, exact.low), rel=1e-6, abs=1e-9)
    assert found.high == pytest.approx(exact.high, rel=1e-6)


@settings(deadline=None)
@given(columns, columns, st.integers(1, 5))
def test_no_distance_is_beyond_the_doubt(a: np.ndarray, b: np.ndarray, parts: int) -> None:
    """The distance of the rows is at most that of the sketches and what either does not know."""
    exact = _ordered.ks_statistic(a.astype(float), b.astype(float))
    for x in (merged(a, 3, parts), SortedSample.of(a)):
        for y in (merged(b, 4, parts), SortedSample.of(b)):
            assert least_ks(x, y) + x.doubt + y.doubt >= exact - 1e-12
    assert SortedSample.of(a).doubt == Sketch.of(a, 1000).doubt == 0


@settings(deadline=None)
@given(columns, st.integers(1, 5))
def test_json_brings_back_the_same(ordered: np.ndarray, parts: int) -> None:
    """A sketch survives JSON with every number as it was."""
    sketch = merged(ordered, 5, parts)
    back = Sketch.from_dict(json.loads(json.dumps(sketch.as_dict())))
    assert back.as_dict() == sketch.as_dict()
    assert back.points.dtype == sketch.points.dtype
    assert_bounds_hold(back, ordered)


@pytest.mark.parametrize("parts", [1, 20])
def test_few_different_values_are_counted_exactly(parts: int) -> None:
    """Up to `size` different values the sketch is a table of counts, merged or not."""
    ordered = np.sort(np.random.default_rng(0).poisson(2, 5000))
    found = merged(ordered, 0, parts).counted(SMALL)
    assert found is not None
    names, counts = np.unique(ordered, return_counts=True)
    assert (found[0].tolist(), found[1].tolist()) == (names.tolist(), counts.tolist())
    assert merged(np.arange(5000), 0, parts).counted(5000) is None


def test_a_value_on_most_rows_is_exact() -> None:
    """A value that fills one even share of the ranks is a point with exact counts."""
    ordered = draw(0, 50_000, "zeros")
    below, upto = Sketch.of(ordered, 200).counts_at(np.array([0.0]))
    assert (below[0, 0], upto[0, 0]) == (below[1, 0], upto[1, 0])
    assert upto[0, 0] - below[0, 0] == np.count_nonzero(ordered == 0)


def test_ranks_near_the_grid_are_known_best() -> None:
    """Of a million rows 1 000 points know order statistics near the grid to a tenth of a standard error."""
    sketch = Sketch.of(np.arange(1_000_000))
    for share in _ordered.GRID:
        error = math.sqrt(1e6 * share * (1 - share))
        ranks = (1e6 * share + error * np.linspace(-3.9, 3.9, 50)).astype(int)
        low, high = sketch.order_statistics(ranks)
        assert (high - low).max() <= 0.1 * error


def test_many_merges_keep_ranks_within_their_share() -> None:
    """A hundred parts of 2 000 rows: points stay few, and no rank is in doubt by more than 0.7 % of the rows."""
    rng = np.random.default_rng(0)
    sketch = reduce(Sketch.merge, [Sketch.of(np.sort(rng.normal(size=2000)), 1000) for _ in range(100)])
    assert len(sketch.points) <= 1000
    assert (sketch.upto[1] - sketch.upto[0]).max() <= 0.007 * sketch.n


def test_whole_numbers_beyond_floats_stay_bounded() -> None:
    """Ids near 2 ** 60 beside floats round onto one another; the bounds then hold for the rounded values."""
    ids = np.sort(2**60 + np.random.default_rng(0).integers(0, 5000, 3000))
    floats = np.sort(ids[::7].astype(np.float64) + 512)
    found = Sketch.of(ids, SMALL).merge(Sketch.of(floats, SMALL))
    assert_bounds_hold(found, np.sort(np.concatenate([ids.astype(np.float64), floats])))
    assert Sketch.of(ids).merge(Sketch.of(ids)).points.dtype == np.int64


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint64", "float16", "float32", "longdouble"])
def test_every_number_type_is_kept_as_int64_or_float64(dtype: str) -> None:
    """Points are whole numbers or floats of 64 bits, whatever came."""
    sketch = Sketch.of(np.arange(100).astype(dtype))
    assert sketch.points.dtype in (np.dtype(np.int64), np.dtype(np.float64))
    assert least_ks(sketch, SortedSample.of(np.arange(50, 100).astype(dtype))) == 0.5


def test_an_empty_part_changes_nothing() -> None:
    """A part without values merges as if it were not there."""
    sketch, nothing = Sketch.of(np.arange(10.0)), Sketch.of(np.empty(0))
    assert sketch.merge(nothing).as_dict() == sketch.as_dict() == nothing.merge(sketch).as_dict()
    assert nothing.merge(nothing).n == 0
    assert nothing.merge(Sketch.of(np.arange(10))).points.dtype == np.int64


@pytest.mark.parametrize("merges", [1, 10])
def test_the_level_holds(merges: int) -> None:
    """On the same distribution the sketch calls significant at most 5 % (tolerance: 3 standard errors of the runs)."""
    rng, times, alarms = np.random.default_rng(merges), 200, 0
    for _ in range(times):
        a = reduce(Sketch.merge, [Sketch.of(np.sort(rng.normal(size=3000 // merges)), 200) for _ in range(merges)])
        b = SortedSample.of(np.sort(rng.normal(size=500)))
        alarms += _ordered.ks_p_value(least_ks(a, b), a.n, b.n)[0] <= 0.05
    assert alarms / times <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / times)
