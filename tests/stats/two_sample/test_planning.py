"""Planning: rows and change are inverses, agree with statsmodels and the front door, and the power is there."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats import power as theirs

from mlcycle.errors import InvalidInput
from mlcycle.stats._rates import difference_of_rates, fisher
from mlcycle.stats.two_sample import _levels, _ordered
from mlcycle.stats.two_sample._planning import minimum_detectable, sample_size

KINDS: list[tuple[str, dict[str, float]]] = [
    ("numeric", {}),
    ("numeric", {"sd": 12.0}),
    ("mean", {}),
    ("proportion", {"base": 0.1}),
    ("proportion", {"base": 0.97}),
    ("categorical", {"levels": 6}),
    ("psi", {}),
    ("accuracy", {"discordant": 0.2}),
    ("auc", {"auc": 0.85, "prevalence": 0.2}),
]


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    n=st.integers(60, 10**6),
    ratio=st.sampled_from([0.2, 1.0, 3.0]),
    tests=st.sampled_from([1, 50]),
    power=st.sampled_from([0.5, 0.8, 0.95]),
)
def test_rows_and_change_are_inverses(
    kind: tuple[str, dict[str, float]], n: int, ratio: float, tests: int, power: float
) -> None:
    """The rows that a change asks for show that change, and one row fewer would not."""
    name, facts = kind
    options: dict[str, Any] = {"tests": tests, "power": power, **facts}
    current = None if name == "accuracy" else max(math.ceil(n * ratio), 2)
    found = minimum_detectable(name, n, current, **options)
    if math.isinf(found.effect):
        return
    asked = sample_size(name, float(found), ratio=ratio, **options)
    assert int(asked) <= n
    back = minimum_detectable(name, int(asked), None if name == "accuracy" else asked.n_current, **options)
    assert float(back) <= float(found) * (1 + 1e-9)
    if int(asked) > 2:
        fewer = int(asked) - 1
        less = minimum_detectable(name, fewer, None if name == "accuracy" else math.ceil(fewer * ratio), **options)
        assert float(less) > float(found)


@pytest.mark.parametrize(("n", "m"), [(50, 50), (1000, 300), (10_000, 10_000)])
@pytest.mark.parametrize("margin", [0.0, 0.1])
def test_agrees_with_the_front_door(n: int, m: int, margin: float) -> None:
    """Numeric and categorical columns have the detectable change that `drift` prints."""
    level = 0.05 / 20
    ours = minimum_detectable("numeric", n, m, margin=margin, tests=20)
    assert float(ours) == _ordered.detectable_shift(n, m, level, 1 - level, margin)
    table = np.stack([np.full(5, n // 5), np.full(5, m // 5)])
    ours = minimum_detectable("categorical", n, m, margin=margin, tests=20, levels=5)
    assert float(ours) == pytest.approx(_levels.detectable_distance(table, level, 1 - level, margin))


@pytest.mark.parametrize("n", [20, 100, 5000])
@pytest.mark.parametrize("power", [0.6, 0.8, 0.95])
def test_the_mean_is_statsmodels_t_test(n: int, power: float) -> None:
    """Effect and rows of the t test are statsmodels'."""
    effect = theirs.TTestIndPower().solve_power(nobs1=n, alpha=0.05, power=power, ratio=2.0)
    assert float(minimum_detectable("mean", n, 2 * n, power=power)) == pytest.approx(effect, rel=1e-4)
    rows = theirs.TTestIndPower().solve_power(effect_size=0.3, alpha=0.05, power=power)
    assert int(sample_size("mean", 0.3, power=power)) == math.ceil(rows)


def test_shares_come_near_statsmodels_for_many_rows() -> None:
    """Without the step of the exact test, which vanishes, the normal power of two proportions is statsmodels'."""
    found = float(minimum_detectable("proportion", 50_000, base=0.3))
    effect = theirs.NormalIndPower().solve_power(nobs1=50_000, alpha=0.05, power=0.8)
    assert 2 * (math.asin(math.sqrt(0.3 + found)) - math.asin(math.sqrt(0.3))) == pytest.approx(effect, rel=0.01)


def test_psi_is_a_chi_square() -> None:
    """With a reference so large that it is known, a small PSI is Cohen's w squared of a goodness-of-fit test.

    Its interval has two ends, so the test is one of half the level.
    """
    found = float(minimum_detectable("psi", 10**9, 500_000))
    effect = theirs.GofChisquarePower().solve_power(nobs=500_000, alpha=0.025, power=0.8, n_bins=10)
    assert found == pytest.approx(effect**2, rel=1e-3)


def achieved(kind: str, n: int, m: int, times: int) -> float:
    """Return how often the smallest detectable change is in fact seen."""
    rng = np.random.default_rng([n, m, len(kind)])
    seen = 0
    if kind == "proportion":
        change = float(minimum_detectable(kind, n, m, base=0.1))
        for _ in range(times):
            sides = int(rng.binomial(n, 0.1)), n, int(rng.binomial(m, 0.1 + change)), m
            seen += fisher(*sides)[0] <= 0.05 and difference_of_rates(*sides)[1] > 0
    elif kind == "accuracy":
        change = float(minimum_detectable(kind, n, discordant=0.2))
        for _ in range(times):
            a, b, _rest = rng.multinomial(n, [0.1 + change / 2, 0.1 - change / 2, 0.8])
            seen += 2 * scipy_stats.binom.cdf(min(a, b), a + b, 0.5) <= 0.05
    else:
        shift = float(minimum_detectable(kind, n, m, margin=0.1))
        for _ in range(times):
            a, b = np.sort(rng.normal(size=n)), np.sort(rng.normal(shift, size=m))
            p, _name = _ordered.ks_p_value(_ordered.ks_statistic(a, b), n, m)
            seen += p <= 0.05 and _ordered.quantile_shift(a, b).low > 0.1
    return seen / times


@pytest.mark.parametrize("kind", ["numeric", "proportion", "accuracy"])
@pytest.mark.parametrize(("n", "m"), [(300, 300), (2000, 700)])
def test_the_power_is_there(kind: str, n: int, m: int) -> None:
    """The change that is said to be seen with 80 % power is (tolerance: 3 standard errors and 2 %)."""
    times = 300
    assert achieved(kind, n, m, times) >= 0.78 - 3 * math.sqrt(0.8 * 0.2 / times)


def test_too_few_rows_for_psi_have_no_answer() -> None:
    """Below ten rows a bin there is no plan rather than a PSI of 15."""
    assert math.isinf(float(minimum_detectable("psi", 99, 1000)))
    assert str(minimum_detectable("psi", 99)) == (
        "99 rows on either side are too few for a PSI at level 0.05; 10 a bin would do"
    )
    assert int(sample_size("psi", 15.0)) == 100


def test_a_margin_is_added_in_the_units_asked_for() -> None:
    """With `sd` effect and margin are in units of the column; without, in standard deviations."""
    in_sd = minimum_detectable("numeric", 500, margin=0.1)
    in_units = minimum_detectable("numeric", 500, margin=1.0, sd=10.0)
    assert float(in_units) == pytest.approx(10 * float(in_sd))
    assert (in_sd.unit, in_units.unit) == ("sd", "")
    assert float(in_sd) > float(minimum_detectable("numeric", 500)) + 0.05


def test_plans_are_sentences() -> None:
    """A plan reads as one, in both directions, and where nothing could be seen."""
    assert str(sample_size("mean", 0.2)) == (
        "394 rows on either side would see a shift of the mean by 0.2 sd with 80 % power at level 0.05"
    )
    assert str(minimum_detectable("numeric", 5)) == (
        "5 rows on either side would see no change at level 0.05, however large"
    )
    assert str(minimum_detectable("psi", 1000, 500, margin=0.1)).startswith(
        "1,000 rows of reference and 500 current would see a PSI of 0."
    )
    assert sample_size("accuracy", 0.02, discordant=0.1).as_dict()["n_reference"] == 2059


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: minimum_detectable("colour", 100), "kind is one of"),
        (lambda: minimum_detectable("proportion", 100), "base="),
        (lambda: minimum_detectable("proportion", 100, base=1.2), "base is"),
        (lambda: minimum_detectable("mean", 100, levels=3), "not levels="),
        (lambda: minimum_detectable("mean", 1), "n_reference"),
        (lambda: minimum_detectable("mean", 100, alpha=0), "alpha"),
        (lambda: minimum_detectable("mean", 100, power=1.0), "power"),
        (lambda: minimum_detectable("mean", 100, margin=-1), "margin"),
        (lambda: minimum_detectable("mean", 100, tests=0), "tests"),
        (lambda: minimum_detectable("accuracy", 100, 50, discordant=0.1), "n_current"),
        (lambda: minimum_detectable("mean", "1000"), "n_reference is a whole number of at least 2, got '1000'"),
        (lambda: minimum_detectable("mean", 100, math.inf), "n_current is a whole number of at least 2, got inf"),
        (lambda: minimum_detectable("mean", 100, alpha="x"), "alpha is .* got 'x'"),
        (lambda: minimum_detectable("mean", 100, power=None), "power is .* got None"),
        (lambda: minimum_detectable("mean", 100, margin="x"), "margin is .* got 'x'"),
        (lambda: minimum_detectable("mean", 100, tests=math.nan), "tests is .* got nan"),
        (lambda: minimum_detectable("proportion", 100, base="0.1"), "base is .* got '0.1'"),
        (lambda: minimum_detectable("categorical", 100, levels=math.inf), "levels is .* got inf"),
        (lambda: minimum_detectable(["mean"], 100), "kind is one of"),
        (lambda: sample_size("mean", "x"), "effect is .* got 'x'"),
        (lambda: sample_size("mean", 0.2, ratio="x"), "ratio is .* got 'x'"),
        (lambda: sample_size("mean", 0.1, margin=0.1), "effect"),
        (lambda: sample_size("mean", 0.1, ratio=0), "ratio"),
        (lambda: sample_size("proportion", 0.95, base=0.1), "effect"),
        (lambda: sample_size("accuracy", 0.3, discordant=0.1), "effect"),
    ],
)
def test_what_cannot_be_planned_is_refused(call: Any, says: str) -> None:
    """The message names the argument."""
    with pytest.raises(InvalidInput, match=says):
        call()
