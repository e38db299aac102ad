"""Metrics by name."""

from __future__ import annotations

import math
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import get_scorer_names

from mlcycle.checks import cache_predictions, find_metric
from mlcycle.checks._metrics import has_positive
from mlcycle.errors import InvalidInput
from mlcycle.stats.models import positive_of


@pytest.mark.parametrize(
    ("name", "scorer", "higher"),
    [
        ("roc_auc", "roc_auc", True),
        ("neg_log_loss", "neg_log_loss", True),
        ("log_loss", "neg_log_loss", False),
        ("brier_score", "neg_brier_score", False),
        ("mean_absolute_error", "neg_mean_absolute_error", False),
        ("rmse", "neg_root_mean_squared_error", False),
        ("sklearn.metrics:mean_absolute_error", None, False),
        ("sklearn.metrics:accuracy_score", None, True),
    ],
)
def test_names_find_their_metric(name: str, scorer: str | None, higher: bool) -> None:
    """Scorers, plain errors and functions are told apart, and which way is better is known."""
    metric = find_metric(name)
    assert (scorer, higher) == (metric.scorer, metric.higher_is_better)


def test_every_scorer_is_a_metric() -> None:
    """Whatever scikit-learn names can be used, errors also by their plain name."""
    for name in get_scorer_names():
        assert find_metric(name).higher_is_better
        if name.startswith("neg_"):
            assert not find_metric(name.removeprefix("neg_")).higher_is_better


# a metric, computed --------------------------------------------------------------------------------------------------


def _recorded(answers: list[Any], y: Any) -> Any:
    """Return recorded answers of a model that gives these."""
    return cache_predictions(SimpleNamespace(predict=lambda rows: answers), np.zeros((len(y), 1)))


def share(y: Any, predicted: Any) -> float:
    """Return how much of the truth was answered."""
    return predicted.sum() / y.sum()  # type: ignore[no-any-return]


def count_error(y: Any, predicted: Any) -> int:
    """Return how many answers are wrong."""
    return int((y != predicted).sum())


@pytest.mark.parametrize(
    ("name", "value"),
    [("mae", 1.5), ("neg_mean_absolute_error", -1.5), ("mse", 2.5), ("max_error", 2.0), (f"{__name__}:share", 2.0)],
)
def test_a_metric_is_computed_over_rows_with_repeats(name: str, value: float) -> None:
    """A plain error is its scorer with the sign turned; a function takes the truth first."""
    y = np.array([1.0, 2.0, 7.0])
    found = find_metric(name)(_recorded([2.0, 4.0, 0.0], y), y, np.array([0, 1, 1, 0]))
    assert (type(found), found) == (float, value)


def test_truth_values_are_numbers_where_numbers_are_compared() -> None:
    """scikit-learn subtracts no truth values; labels stay what they are."""
    y, rows = np.array([True, False]), np.arange(2)
    assert find_metric("mae")(_recorded([1.0, 0.5], y), y, rows) == 0.25
    assert find_metric("max_error")(_recorded([True, True], y), y, rows) == 1.0
    assert find_metric("accuracy")(_recorded([True, True], y), y, rows) == 0.5


@pytest.mark.parametrize(
    ("name", "methods", "of_numbers", "groups", "positive"),
    [
        ("accuracy", ("predict",), False, False, False),
        ("f1", ("predict",), False, False, True),
        ("f1_macro", ("predict",), False, False, False),
        ("rmse", ("predict",), True, False, False),
        ("mean_gamma_deviance", ("predict",), True, False, False),
        ("r2", ("predict",), True, False, False),
        ("roc_auc", ("decision_function", "predict_proba"), False, False, False),
        ("average_precision", ("decision_function", "predict_proba"), False, False, True),
        ("roc_auc_ovo_weighted", ("predict_proba",), False, False, False),
        ("log_loss", ("predict_proba",), False, False, False),
        ("brier_score", ("predict_proba",), False, False, False),
        ("v_measure_score", ("predict",), False, True, False),
        (f"{__name__}:count_error", ("predict",), False, False, False),
    ],
)
def test_a_metric_knows_what_it_asks_and_compares(
    name: str, methods: tuple[str, ...], of_numbers: bool, groups: bool, positive: bool
) -> None:
    """By its scorer; a function asks for predictions, and nothing is known of what it compares."""
    metric = find_metric(name)
    assert (metric.methods, metric.of_numbers, metric.compares_groups, has_positive(metric)) == (
        methods,
        of_numbers,
        groups,
        positive,
    )


@pytest.mark.parametrize(("function", "higher"), [("share", True), ("count_error", False), ("math.floor", True)])
def test_the_name_of_a_function_says_which_way_is_better(function: str, higher: bool) -> None:
    """Only one that is called like an error is better when lower; a path leads to attributes."""
    assert find_metric(f"{__name__}:{function}").higher_is_better == higher


@pytest.mark.parametrize(
    ("classes", "positive"),
    [([0, 1], 1), ([1, 0], 1), ([1, 2], 1), ([-1, 1], 1), (["a", "b"], "b"), ([2, 3], 3), ([True, False], True)],
)
def test_the_positive_class_is_1_or_the_second(classes: list[Any], positive: Any) -> None:
    """As scikit-learn has it where there is a 1; otherwise the second of the model's."""
    assert positive == positive_of(classes)
    assert positive == positive_of(np.array(classes))


@pytest.mark.parametrize(
    ("name", "classes", "truth", "value"),
    [
        ("roc_auc", [0, 1], [1, 1], math.nan),
        ("average_precision", ["no", "yes"], ["no", "no"], math.nan),
        ("average_precision", ["no", "yes"], ["yes", "yes"], 1.0),
        ("d2_brier_score", [0, 1], [1, 1], math.nan),
        ("neg_log_loss", [0, 1], [1, 1], -math.log(2)),
    ],
)
def test_rows_that_lack_a_class_have_no_value_where_it_is_needed(
    name: str, classes: list[Any], truth: list[Any], value: float
) -> None:
    """Not a number, rather than a warning or a number that means something else."""
    model = DummyClassifier(strategy="uniform").fit([[0], [0]], classes)
    found = find_metric(name)(cache_predictions(model, [[0], [0]]), np.array(truth), np.arange(2))
    assert found == pytest.approx(value, nan_ok=True)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("acuracy", "there is no metric 'acuracy'; did you mean 'accuracy'"),
        ("", "there is no metric ''; Use a scikit-learn scorer name"),
        ("nowhere.at.all:f", "a name in a store imports nothing: import nowhere.at.all first"),
        ("math:no.such", "cannot be imported here (module 'math' has no attribute 'no')"),
        ("math:pi", "the metric 'math:pi' is a float, not a function (y_true, y_pred) -> float"),
    ],
)
def test_what_is_not_a_metric_says_what_is(name: str, words: str) -> None:
    """With names that look alike, where some do."""
    with pytest.raises(InvalidInput, match=re.escape(words)):
        find_metric(name)


def test_a_name_imports_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that is found from here, say below the folder of a store, is not run for the sake of its name."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "of_a_store.py").write_text("raise SystemExit('it was run')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InvalidInput, match=r"import files\.of_a_store first"):
        find_metric("files.of_a_store:f")
