"""Fast forms of metrics: on any rows they are what scikit-learn computes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.svm import LinearSVC

from mlcycle.checks import cache_predictions, find_metric
from mlcycle.checks._fast_metrics import fast_metric
from mlcycle.stats.models import units_of
from tests.checks.contexts import on

RNG = np.random.default_rng(0)
X = RNG.normal(size=(600, 4))
NOISY = X[:, 0] + X[:, 1] + RNG.normal(size=600)
TWO, THREE = (NOISY > 0).astype(int), np.digitize(NOISY, [-1, 1])
MODELS: dict[str, tuple[Any, Any]] = {
    "two": (LogisticRegression().fit(X, TWO), TWO),
    "rounded": (LogisticRegression().fit(X.round(), TWO), TWO),
    "svm": (LinearSVC().fit(X, TWO), TWO),
    "three": (LogisticRegression().fit(X, THREE), THREE),
    "text": (LogisticRegression().fit(X, np.where(TWO, "yes", "no")), np.where(TWO, "yes", "no")),
    "regression": (LinearRegression().fit(X, NOISY), NOISY),
}
BINARY = [f"{kind}{end}" for kind in ("f1", "precision", "recall", "jaccard") for end in ("", "_macro", "_weighted")]
CASES = [
    *(("two", name) for name in [*BINARY, "accuracy", "roc_auc", "average_precision", "neg_log_loss"]),
    *(("two", name) for name in ["neg_brier_score", "matthews_corrcoef", "balanced_accuracy", "f1_micro"]),
    *(("rounded", name) for name in ["roc_auc", "average_precision"]),
    *(("svm", name) for name in ["roc_auc", "f1"]),
    *(
        ("three", name)
        for name in ["f1_macro", "recall_weighted", "jaccard_micro", "neg_log_loss", "balanced_accuracy"]
    ),
    *(("text", name) for name in ["roc_auc", "accuracy", "f1_macro", "neg_log_loss"]),
    *(("regression", f"neg_{name}") for name in ["mean_absolute_error", "mean_squared_error"]),
    *(("regression", name) for name in ["r2", "neg_root_mean_squared_error", "neg_mean_absolute_percentage_error"]),
]


@pytest.mark.parametrize(("model", "name"), CASES)
def test_the_fast_form_equals_scikit_learn(model: str, name: str) -> None:
    """On all rows, on resamples and within a slice, the fast form gives the scorer's own value of the real model."""
    estimator, y = MODELS[model]
    rows = np.flatnonzero(np.arange(600) % 3)
    cached = cache_predictions(estimator, X.round() if model == "rounded" else X)
    found = fast_metric(find_metric(name), cached, y, rows, units_of(len(rows)))
    assert found.measure is None
    given = cached.X
    for size in (400, 60):
        drawn = np.random.default_rng(size).integers(0, len(rows), size)
        assert get_scorer(name)(estimator, given[rows[drawn]], y[rows[drawn]]) == pytest.approx(
            on(found, len(rows), drawn)
        )


@pytest.mark.parametrize(
    ("model", "name"), [("three", "top_k_accuracy"), ("three", "roc_auc_ovr"), ("regression", "neg_max_error")]
)
def test_other_scorers_work_from_what_was_recorded(model: str, name: str) -> None:
    """Scorers without a fast form are asked themselves, with recorded answers."""
    estimator, y = MODELS[model]
    found = fast_metric(find_metric(name), cache_predictions(estimator, X), y, np.arange(600), units_of(600))
    drawn = np.random.default_rng(0).integers(0, 600, 600)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert get_scorer(name)(estimator, X[drawn], y[drawn]) == pytest.approx(on(found, 600, drawn))
    assert found.measure is not None


def test_a_definition_that_differs_is_not_trusted() -> None:
    """Where the fast form disagrees with scikit-learn on all rows, scikit-learn is asked every time."""

    class Shifty(LogisticRegression):  # type: ignore[misc]
        """A classifier whose two ways of ranking rows disagree."""

        def decision_function(self, X: Any) -> Any:
            return super().decision_function(X)[::-1]

    model = Shifty().fit(X, TWO)
    rows = np.arange(600)
    cached = cache_predictions(model, X)
    value = find_metric("roc_auc")(cached, TWO, rows)
    assert value == pytest.approx(fast_metric(find_metric("roc_auc"), cached, TWO, rows, units_of(600)).value)


def test_plain_errors_turn_the_sign() -> None:
    """The plain name is minus the scorer, in the fast form too."""
    estimator, y = MODELS["regression"]
    plain, turned = (
        fast_metric(find_metric(name), cache_predictions(estimator, X), y, np.arange(600), units_of(600))
        for name in ("rmse", f"neg_{_RMSE}")
    )
    assert plain.shown == -turned.shown > 0
    assert on(plain, 600, np.arange(300)) == -on(turned, 600, np.arange(300))


_RMSE = "root_mean_squared_error"
