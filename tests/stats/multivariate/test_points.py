"""Rows as points: what a point is hangs on both samples together, never on which of them a row is in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlcycle.stats.multivariate._pairs import distances
from mlcycle.stats.multivariate._points import SCALES, points_of


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


@pytest.mark.parametrize("scale", SCALES)
def test_changing_sides_changes_no_distance(scale: str) -> None:
    """However rows are dealt to the two sides, any two of them are as far apart: the permutation test rests on it."""
    rng = np.random.default_rng(0)
    rows = mixed(120, rng)

    def apart(order: np.ndarray, n: int) -> np.ndarray:
        dealt = rows.iloc[order].reset_index(drop=True)
        found = distances(points_of(dealt.iloc[:n], dealt.iloc[n:], scale=scale, rng=rng).values)
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
