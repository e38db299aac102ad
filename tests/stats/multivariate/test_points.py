"""Rows as points: what a point is hangs on both samples together, never on which of them a row is in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.spatial.distance import pdist, squareform

from mlcycle.errors import NotFound
from mlcycle.stats.multivariate._points import Points, points_of


def mixed(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return a frame with columns of every kind, more levels than have coordinates, ties and nulls."""
    return pd.DataFrame(
        {
            "number": np.where(rng.random(n) < 0.1, np.nan, rng.lognormal(size=n)),
            "tied": rng.poisson(1.0, n),
            "level": rng.choice([f"level {i}" for i in range(40)], n),
            "some": rng.choice(["a", "b", None], n, p=[0.5, 0.3, 0.2]),
            "flag": rng.random(n) < 0.1,
            "words": [" ".join(["word"] * k) for k in rng.integers(1, 40, n)],
            "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 99, n), unit="D"),
        }
    )


def test_changing_sides_changes_no_distance() -> None:
    """However rows are dealt to the two sides, any two of them are as far apart: the permutation test rests on it."""
    rng = np.random.default_rng(0)
    rows = mixed(120, rng)

    def apart(order: np.ndarray, n: int) -> np.ndarray:
        dealt = rows.iloc[order].reset_index(drop=True)
        found = squareform(pdist(points_of(dealt.iloc[:n], dealt.iloc[n:], rng=rng).values))
        back = np.argsort(order)
        return found[np.ix_(back, back)]

    expected = apart(np.arange(120), 50)
    for n in (20, 50, 90):
        found = apart(rng.permutation(120), n)
        assert np.allclose(found, expected, rtol=1e-7, atol=1e-6)


def test_columns_weigh_about_the_same() -> None:
    """Numbers, levels and flags each have a total variance of about 1, rare ones less."""
    rng = np.random.default_rng(1)
    points = points_of(mixed(400, rng), mixed(300, rng), rng=rng)
    spread = np.array([points.values[:, points.owner == at].var(axis=0).sum() for at in range(len(points.columns))])
    assert dict(zip(points.columns, spread.round(1), strict=True)) == pytest.approx(
        {"number": 2, "tied": 1, "level": 1, "some": 1, "flag": 1, "words": 1, "day": 1}, abs=0.25
    )


def test_large_samples_are_thinned_by_whole_groups() -> None:
    """Of more rows than `most` a random part is taken, no group in pieces."""
    rng = np.random.default_rng(2)
    group = np.repeat(np.arange(50), 7)
    points = points_of(
        rng.normal(size=(350, 2)), rng.normal(size=(350, 2)), groups=(group, group + 50), most=100, rng=rng
    )
    assert points.rows == (350, 350)
    assert points.used == (98, 98)
    assert set(np.unique(points.unit, return_counts=True)[1].tolist()) == {7}


def side_by_side(a: object, b: object) -> Points:
    """Return two samples as points."""
    return points_of(a, b, rng=np.random.default_rng(0))


def test_odd_columns_are_named() -> None:
    """Constants, ids, mixtures, nulls and columns of one side are left out, and each gets a word of its own."""
    n = 40
    both = pd.DataFrame(
        {
            "x": np.arange(2 * n) % 7,
            "nulls": np.full(2 * n, np.nan),
            "nothing": [None] * (2 * n),
            "ids": pd.Categorical([f"id {i}" for i in range(2 * n)]),
            "names": [f"id{i}" for i in range(2 * n)],
            "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(2 * n), unit="D"),
            "odd": ["a", 2] * n,
            "one": 1,
        }
    )
    found = side_by_side(both[:n].assign(gone=0.5), both[n:].reset_index(drop=True).assign(new=1))
    reasons = dict(found.dropped)
    assert (found.columns, found.only_reference, found.only_current) == (("x",), ("gone",), ("new",))
    assert (reasons["nulls"], reasons["nothing"], reasons["one"]) == (*["nothing but nulls"] * 2, "constant")
    assert "no level occurs twice; is it an id?" in reasons["ids"]
    assert "no one kind" in reasons["odd"]
    # No advice that the function does not take: it has no `kinds`.
    assert all("turn it into numbers" in reasons[name] for name in ("ids", "names", "day"))


@pytest.mark.parametrize(
    ("column", "coordinates"),
    [([1.0, 2.0, np.nan, np.inf, -np.inf] * 4, 2), (["a", None, "b", "c"] * 5, 4), (["a", "\ud800"] * 10, 2)],
)
def test_odd_values_pass(column: list[object], coordinates: int) -> None:
    """Nulls and infinities have a coordinate, half a surrogate pair is a level like any other."""
    frame = pd.DataFrame({"odd": pd.Series(column, dtype=object)})
    found = side_by_side(frame, frame)
    assert found.values.shape == (40, coordinates)
    assert np.isfinite(found.values).all()


def test_columns_that_are_asked_for() -> None:
    """A column asked for twice counts once; one that a side lacks is named."""
    frame = pd.DataFrame({"age": np.arange(20.0) % 9, "size": np.arange(20.0) ** 2 % 7})
    found = points_of(frame, frame, columns=["age", "age"], rng=np.random.default_rng(0))
    assert found.columns == ("age",)
    with pytest.raises(NotFound, match="no column 'y'"):
        points_of(frame, frame, columns=["y"], rng=np.random.default_rng(0))


def test_columns_of_any_dtype_are_read() -> None:
    """Nullable, dated and Arrow columns are the points of the plain ones they stand for."""
    rng = np.random.default_rng(0)
    count, flag = rng.integers(0, 9, 60), rng.random(60) < 0.5
    day = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 30, 60), unit="D")
    plain = pd.DataFrame({"count": count.astype(float), "flag": flag, "day": day})
    other = pd.DataFrame(
        {
            "count": pd.array(count, dtype="Int64"),
            "flag": pd.array(flag, dtype="boolean"),
            "day": day.tz_localize("UTC").astype(object),
        }
    )
    expected = side_by_side(plain[:30], plain[30:]).values
    assert np.array_equal(side_by_side(other[:30], other[30:]).values, expected)
    assert np.array_equal(side_by_side(pa.table(plain[:30]), pa.table(plain[30:])).values, expected)
