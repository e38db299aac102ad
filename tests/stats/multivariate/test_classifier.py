"""The domain classifier: an AUC nobody could have by memory, a p-value that holds, and the columns that tell."""

from __future__ import annotations

import itertools
import math
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlcycle.errors import InvalidInput
from mlcycle.stats import domain_classifier
from mlcycle.stats.multivariate._cross_fit import CrossFit, ridge, scored, seeded, splits_of
from mlcycle.stats.multivariate._points import Points


def points(values: np.ndarray, n: int) -> Points:
    """Return rows as points as they are, the first `n` of them the reference."""
    rows, columns = values.shape
    at = np.arange(rows)
    return Points(values, np.arange(columns), at < n, at, (n, rows - n), tuple(range(columns)))


def ridged(values: np.ndarray, n: int, folds: int) -> CrossFit:
    """Return the cross-fit that the function makes of these points."""
    found = points(values, n)
    splits = splits_of(found, folds, 0)
    return CrossFit(found, ridge(values, len(splits[0][0]), 0), splits, True)


def sample(kind: str, n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    """Return rows of a kind."""
    if kind == "ties":
        return np.round(rng.normal(size=(n, d)))
    if kind == "binary":
        return (rng.random((n, d)) < 0.2).astype(float)
    return rng.standard_cauchy((n, d)) if kind == "cauchy" else rng.normal(size=(n, d))


def shares(kind: str, n: int, m: int, d: int, times: int, **options: object) -> tuple[float, float]:
    """Return how often nothing has a p-value of at most 5 %, and of at most 20 %."""
    rng = np.random.default_rng([n, m, d])
    p = []
    for seed in range(times):
        a, b = sample(kind, n, d, rng), sample(kind, m, d, rng)
        p.append(domain_classifier(a, b, permutations=99, seed=seed, **options).p)  # type: ignore[arg-type]
    return float(np.mean(np.array(p) <= 0.05)), float(np.mean(np.array(p) <= 0.2))


def most(level: float, times: int) -> float:
    """Return a level and three standard errors of so many runs."""
    return level + 3 * math.sqrt(level * (1 - level) / times)


@pytest.mark.parametrize(("kind", "n", "m", "d"), [("normal", 30, 30, 2)])
def test_nothing_is_found_in_nothing(kind: str, n: int, m: int, d: int) -> None:
    """On the same distribution p-values are at most 5 % in 5 % of runs, and 20 % in 20 % (3 standard errors)."""
    low, high = shares(kind, n, m, d, 40)
    assert (low <= most(0.05, 40), high <= most(0.2, 40)) == (True, True)


@pytest.mark.deep
@pytest.mark.parametrize(
    ("kind", "n", "m", "d"),
    [("normal", 30, 30, 1), ("ties", 12, 60, 5), ("binary", 60, 40, 3),
     ("normal", 30, 30, 200), ("cauchy", 60, 40, 4), ("binary", 30, 300, 10), ("ties", 6, 6, 2),
     ("normal", 2000, 100, 10)],
)  # fmt: skip
def test_nothing_is_found_in_nothing_in_many_runs(kind: str, n: int, m: int, d: int) -> None:
    """The same over 400 runs, fewer where they are long."""
    times = 400 if n + d < 100 else 100
    low, high = shares(kind, n, m, d, times)
    assert (low <= most(0.05, times), high <= most(0.2, times)) == (True, True)


@pytest.mark.deep
def test_nothing_is_found_by_an_estimator_either() -> None:
    """Training an estimator of one's own again for every permutation keeps to the level too."""
    rng, p = np.random.default_rng(2), []
    for seed in range(60):
        a, b = rng.normal(size=(15, 2)), rng.normal(size=(25, 2))
        p.append(domain_classifier(a, b, estimator=LogisticRegression(), folds=2, permutations=19, seed=seed).p)
    assert np.mean(np.array(p) <= 0.2) <= most(0.2, 60)
    assert np.mean(np.array(p) <= 0.05) <= most(0.05, 60)


@pytest.mark.parametrize(("n", "m", "ties"), [(40, 40, False), (31, 90, True)])
def test_the_auc_is_that_of_sklearn_within_folds(n: int, m: int, ties: bool) -> None:
    """With logistic regression, fold by fold: `roc_auc_score`, weighted by the pairs of each fold."""
    rng = np.random.default_rng(3)
    x = np.vstack([rng.normal(size=(n, 2)), rng.normal(0.6, 1, (m, 2))])
    x = np.round(x) if ties else x
    current = np.arange(n + m) >= n
    fit = CrossFit(points(x, n), seeded(LogisticRegression(), 0), splits_of(points(x, n), 4, 0), False)
    parts, weights = [], []
    for train, test in fit.splits:
        score = LogisticRegression().fit(x[train], current[train]).predict_proba(x[test])[:, 1]
        parts.append(roc_auc_score(current[test], np.round(score, 9)))
        weights.append(current[test].sum() * (~current[test]).sum())
    expected = pytest.approx(np.average(parts, weights=weights), abs=1e-12)
    assert (fit.found()[0], fit.aucs(current[:, None].astype(float))[0]) == (expected, expected)


def test_permutations_at_once_are_those_one_by_one() -> None:
    """The AUC of many labellings in one regression are those of one each; sides stay spread evenly over folds."""
    rng = np.random.default_rng(0)
    fit = ridged(rng.normal(size=(60, 3)), 30, 3)
    labels = fit.relabelled(5, rng)
    assert fit.aucs(labels) == pytest.approx([fit.aucs(one[:, None])[0] for one in labels.T], abs=1e-12)
    assert all((labels[test].sum(axis=0) == 10).all() for _, test in fit.splits)


def test_the_p_value_is_that_of_all_permutations() -> None:
    """With four against four in two folds it comes near the share of all 36 arrangements within folds."""
    rng = np.random.default_rng(8)
    fit = ridged(np.append(rng.normal(size=4), rng.normal(1, 1, 4))[:, None], 4, 5)
    every = []
    for one, other in itertools.product(itertools.combinations(range(4), 2), repeat=2):
        labels = np.zeros(8)
        labels[fit.splits[0][1][list(one)]] = labels[fit.splits[1][1][list(other)]] = 1
        every.append(labels)
    found = fit.found()[0]
    exact = float(np.mean(fit.aucs(np.array(every).T) >= found - 1e-12))
    drawn = float(np.mean(fit.aucs(fit.relabelled(4000, rng)) >= found - 1e-12))
    assert drawn == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 4000) + 1e-12)


@pytest.mark.parametrize(
    ("change", "column"),
    [
        (lambda x, rng: x + np.array([0, 0, 0.8, 0, 0]), 2),
        (lambda x, rng: x * [1, 1, 1, 2.2, 1], 3),
        (lambda x, rng: np.column_stack([x[:, 0], np.sign(x[:, 0]) * np.abs(x[:, 1]), x[:, 2:]]), 0),
    ],
    ids=["shift", "spread", "dependence"],
)
def test_changes_are_found_and_named(change: object, column: int) -> None:
    """A shift, a spread and a dependence are drift, and the column behind it comes first (or second, of a pair)."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(300, 5)), change(rng.normal(size=(300, 5)), rng)  # type: ignore[operator]
    found = domain_classifier(a, b, permutations=199)
    assert found.drifted
    assert column in [name for name, _ in found.telling[:2]]


def test_a_level_tells() -> None:
    """A frame of mixed kinds is compared, and the level that became common is named."""
    rng = np.random.default_rng(0)
    a = pd.DataFrame({"x": rng.normal(size=250), "city": rng.choice(["a", "b", "c"], 250, p=[0.6, 0.3, 0.1])})
    b = pd.DataFrame({"x": rng.normal(size=250), "city": rng.choice(["a", "b", "c"], 250, p=[0.3, 0.3, 0.4])})
    found = domain_classifier(a, b, permutations=199)
    assert (found.drifted, found.telling[0][0]) == (True, "city")
    assert "city" in str(found)
    assert "AUC lost without it" in found._repr_html_()


@pytest.mark.deep
@pytest.mark.parametrize(("n", "shift"), [(40, 0.0), (60, 0.7)])
def test_the_interval_holds_the_auc_of_what_was_trained(n: int, shift: float) -> None:
    """It holds the mean AUC, on fresh rows, of classifiers trained on as many (3 standard errors)."""
    rng, times, held = np.random.default_rng(n), 50, 0
    fresh = np.vstack([rng.normal(size=(1000, 3)), rng.normal(size=(1000, 3)) + np.array([shift, 0, 0])])
    side = np.arange(2000) >= 1000
    for _ in range(times):
        x = np.vstack([rng.normal(size=(n, 3)), rng.normal(size=(n, 3)) + np.array([shift, 0, 0])])
        fit, aucs = ridged(x, n, 5), []
        for train, _test in fit.splits:
            fitted = clone(fit.model).fit(x[train], (train >= n).astype(int))
            aucs.append(roc_auc_score(side, scored(fitted, fresh)))
        found = domain_classifier(x[:n], x[n:], permutations=39)
        held += found.low <= np.mean(aucs) <= found.high
    assert held / times >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / times)


def test_a_column_can_be_the_group() -> None:
    """Named as for `drift`, it is not compared itself."""
    rng, person = np.random.default_rng(0), np.repeat(np.arange(24), 5)
    frame = pd.DataFrame({"x": rng.normal(size=120), "person": person})
    named = domain_classifier(frame[:60], frame[60:], groups="person", permutations=99)
    pair = domain_classifier(frame[["x"]][:60], frame[["x"]][60:], groups=(person[:60], person[60:]), permutations=99)
    assert (named, named.columns) == (pair, ("x",))


def test_groups_change_sides_as_a_whole() -> None:
    """Rows of one person are alike; without groups that passes for drift, with them at most at the nominal rate."""
    rng, alone, together = np.random.default_rng(5), [], []
    for _ in range(12):
        person = np.repeat(np.arange(24), 5)
        x = rng.normal(size=(24, 2))[person] + 0.3 * rng.normal(size=(120, 2))
        alone.append(domain_classifier(x[:60], x[60:], permutations=99).p <= 0.05)
        groups = (person[:60], person[60:])
        together.append(domain_classifier(x[:60], x[60:], permutations=99, groups=groups).p <= 0.05)
    assert np.mean(alone) > 0.5
    assert np.mean(together) <= most(0.05, 12)


def test_any_classifier_of_sklearn_will_do() -> None:
    """Forests, and pipelines with a decision alone, find a plain shift; the seed makes them repeatable."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(80, 3)), rng.normal(size=(80, 3)) + np.array([0, 1.5, 0])
    forest = RandomForestClassifier(5)
    found = domain_classifier(a, b, estimator=forest, folds=2, permutations=19)
    assert (found.drifted, found.telling[0][0], found.test) == (True, 1, "domain classifier, RandomForestClassifier")
    assert str(found) == str(domain_classifier(a, b, estimator=forest, folds=2, permutations=19))
    assert forest.random_state is None
    line = make_pipeline(StandardScaler(), LogisticRegression())
    assert domain_classifier(a, b, estimator=line, folds=2, permutations=19).p == 0.05


def test_perfect_separation_has_an_exact_limit() -> None:
    """Sides that never overlap get the limit of Clopper and Pearson, not an interval of no width."""
    found = domain_classifier(np.zeros(40), np.ones(40))
    assert (found.effect, found.high, found.verdict) == (1.0, 1.0, "drifted")
    assert found.low == pytest.approx(0.025 ** (1 / 40))


def test_in_too_little_nothing_is_seen() -> None:
    """Three rows, or nothing but a constant, cannot be different from anything."""
    assert "4 on either side" in domain_classifier(np.arange(3.0), np.arange(30.0)).note
    assert domain_classifier(np.ones(30), np.ones(30)).verdict == "not seen"


def test_rows_that_could_show_nothing_say_so() -> None:
    """Of four rows against four no AUC is called drift with 80 % power, and the record says that more rows would do."""
    rng = np.random.default_rng(0)
    found = domain_classifier(rng.normal(size=(4, 3)), rng.normal(size=(4, 3)))
    assert (found.verdict, found.detectable, found.p > found.alpha) == ("not seen", math.inf, True)
    assert "more rows would do" in str(found)
    assert "could have seen" not in str(found)
    rows = rng.normal(size=(40, 3))
    enough = domain_classifier(rows, rows[::-1])
    assert (enough.drifted, enough.detectable < 1, enough.note) == (False, True, "")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"folds": 1}, "folds"),
        ({"folds": 2.5}, "folds is a whole number of at least 2, got 2.5"),
        ({"folds": "x"}, "folds is .* got 'x'"),
        ({"folds": None}, "folds is .* got None"),
        ({"estimator": Ridge()}, "estimator is a scikit-learn classifier, got Ridge"),
        ({"estimator": "x"}, "estimator is a scikit-learn classifier, got str"),
        ({"estimator": LogisticRegression}, r"got a class; make one: LogisticRegression\(\)"),
        ({"permutations": 5}, "perm"),
        ({"permutations": math.nan}, "permutations is .* got nan"),
        ({"alpha": "x"}, "alpha is .* got 'x'"),
        ({"alpha": 0}, "alpha"),
        ({"margin": "x"}, "margin is .* got 'x'"),
        ({"margin": -1}, "margin"),
        ({"margin": 1}, "margin is .* got 1"),
        ({"most": 1}, "most"),
        ({"columns": 0}, "columns is a list .*got 0"),
        ({"groups": (np.zeros(3), np.ones(20))}, "groups"),
        ({"groups": (np.zeros(20), np.zeros(20))}, "both sides"),
        ({"groups": 3.5}, "groups is a column of both sides, or a pair of arrays"),
        ({"most": None}, "most is .* got None"),
        ({"seed": None}, "seed is .* got None"),
        ({"seed": 1.5}, "seed is .* got 1.5"),
        ({"columns": "age"}, "columns is a list"),
    ],
)
def test_bad_arguments_are_named(options: dict[str, object], word: str) -> None:
    """An argument that cannot be used is named, with what would do and what came."""
    with pytest.raises(InvalidInput, match=word):
        domain_classifier(np.arange(20.0), np.arange(20.0), **options)  # type: ignore[arg-type]


def test_units_do_not_matter() -> None:
    """Monotone changes of columns, and numbers of any size, leave a comparison by ranks as it is."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(100, 3)), rng.normal(size=(100, 3)) * np.array([1, 1, 1.5]) + np.array([0.5, 0, 0])
    plain = domain_classifier(a, b, permutations=99)
    assert plain == domain_classifier(np.exp(a), np.exp(b), permutations=99)
    assert plain == domain_classifier(a * 1e300, b * 1e300, permutations=99)


def test_a_result_depends_on_the_seed_only() -> None:
    """The same seed gives the same record, whatever was drawn before; it travels by pickle, and names what is used."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(60, 2)), rng.normal(0.3, 1, (60, 2))
    first = domain_classifier(a, b, most=40, permutations=99, seed=3)
    np.random.seed(1)
    assert pickle.loads(pickle.dumps(first)) == domain_classifier(a, b, most=40, permutations=99, seed=3)
    assert first.used == (40, 40)
    assert "chosen at random" in first.note


def test_a_margin_is_kept() -> None:
    """A difference for certain that may be smaller than the margin is no drift."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(300, 2)), rng.normal(0.6, 1, (300, 2))
    found = domain_classifier(a, b, permutations=99)
    wide, near = (domain_classifier(a, b, permutations=99, margin=one) for one in (0.95, found.effect))
    assert (found.verdict, wide.verdict, near.verdict) == ("drifted", "within margin", "not seen")


def test_a_record_shows_itself() -> None:
    """It is a row of a table, a line, and a card that escapes names."""
    rng = np.random.default_rng(0)
    a = pd.DataFrame({"<b>": [1] * 30, "x": rng.normal(size=30)})
    found = domain_classifier(a, a, permutations=39)
    assert pd.DataFrame([found.as_dict()]).loc[0, "verdict"] == "within margin"
    assert "&lt;b&gt;" in found._repr_html_()
    assert "<b>:" not in found._repr_html_()
    assert repr(found).startswith("JointDrift(within margin: domain classifier, ridge")
    assert "could have seen" in str(found)


@pytest.mark.deep
@pytest.mark.parametrize(("n", "d", "shift"), [(60, 3, 1.0), (100, 20, 1.1)])
def test_detectable_aucs_are_found_with_their_power(n: int, d: int, shift: float) -> None:
    """Where classifiers reach about the AUC that is `detectable`, it is called drift about four times in five."""
    rng, found = np.random.default_rng(n), []
    for _ in range(100):
        a, b = rng.normal(size=(n, d)), rng.normal(size=(n, d))
        b[:, 0] += shift
        found.append(domain_classifier(a, b, permutations=199))
    assert np.mean([one.effect for one in found]) == pytest.approx(np.mean([one.detectable for one in found]), abs=0.02)
    assert 0.65 <= np.mean([one.drifted for one in found]) <= 0.95
