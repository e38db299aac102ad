"""What would have been seen: a change as large as `detectable` is called drift three times in four or more."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from mlcycle import stats
from tests.stats.two_sample.samples import column

Draw = Callable[[np.random.Generator, int], np.ndarray]
LAWS: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(50, 10, n),
    "lognormal": lambda rng, n: rng.lognormal(0, 1, n),
    "Poisson": lambda rng, n: rng.poisson(40, n).astype(float),
    "30 % non-zero": lambda rng, n: np.where(rng.random(n) < 0.3, rng.lognormal(3, 1, n), 0.0),
    "ties": lambda rng, n: np.round(rng.normal(0, 10, n)),
}


def power(draw: Draw, n: int, times: int, move: Callable[[np.ndarray, float, float, float], np.ndarray]) -> float:
    """Return how often a change as large as `detectable` is called drift; the unit is that of the reference."""
    quantiles = np.quantile(draw(np.random.default_rng(9), 10**6), [0.25, 0.75, 0.9])
    scale = (quantiles[1] - quantiles[0]) / 1.349
    hits = 0
    for seed in range(times):
        rng = np.random.default_rng([seed, n])
        size = column(draw(rng, n), draw(rng, n)).shifts[0]
        assert size.aspect == "values"
        hits += column(draw(rng, n), move(draw(rng, n), size.detectable, scale, quantiles[2])).verdict == "drifted"
    return hits / times


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(
    ("n", "times"),
    [(300, 24), pytest.param(300, 200, marks=pytest.mark.deep), pytest.param(5000, 100, marks=pytest.mark.deep)],
)
def test_what_could_have_been_seen_is_seen(law: str, n: int, times: int) -> None:
    """Moved so that the 90 % quantile moves by `detectable`, by adding or in proportion, power is at least 75 %.

    The tolerance of few runs is 2 standard errors of the 80 % that is said.
    """
    least = 0.75 if times > 50 else 0.8 - 2 * np.sqrt(0.8 * 0.2 / times)
    ways = [lambda x, size, scale, top: x * (1 + size * scale / top)]
    if law != "30 % non-zero":
        ways.append(lambda x, size, scale, top: x + size * scale)
    assert min(power(LAWS[law], n, times, way) for way in ways) >= least


def test_the_change_of_shares_is_seen_too() -> None:
    """Where inner quantiles cannot move, `detectable` is one of rows: so many more non-zero ones are seen."""
    hits, times = 0, 30
    for seed in range(times):
        rng = np.random.default_rng(seed)
        draw = lambda share: np.where(rng.random(1000) < share, rng.lognormal(size=1000), 0.0)  # noqa: B023, E731
        found = column(draw(0.02), draw(0.02))
        assert [shift.aspect for shift in found.shifts][:1] == ["share"]
        hits += column(draw(0.02), draw(0.02 + found.shifts[0].detectable)).verdict == "drifted"
    assert hits / times >= 0.8


def test_more_rows_see_smaller_changes() -> None:
    """Of every column and measure, before the rows are there; where no change can be seen it is infinite."""
    rng = np.random.default_rng(0)
    before = pd.DataFrame({"age": rng.normal(40, 10, 3000), "plan": rng.choice(list("abc"), 3000), "one": 1.0})
    few, many = (stats.minimum_detectable(before, rows).set_index(["column", "aspect"]) for rows in (100, 3000))
    assert list(few.columns) == ["kind", "unit", "margin", "detectable"]
    both = few.index.intersection(many.index)
    assert (many.loc[both, "detectable"] <= few.loc[both, "detectable"]).all()
    assert few.loc[("age", "values"), "detectable"] > 0.3 > many.loc[("age", "values"), "detectable"]
    assert np.isinf(stats.minimum_detectable(before, 3)["detectable"]).all()
