"""Whether a metric can be computed from what a model answers, said in words before scikit-learn is asked."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from mlcycle.checks import cache_predictions, find_metric
from mlcycle.checks._applicability import check_applicable, with_named_errors
from mlcycle.checks._metrics import Metric
from mlcycle.errors import InvalidInput

TWO = np.array([0, 1, 1, 0])


class Answering:
    """A model whose answers were written down beforehand, with the methods that have some."""

    def __init__(self, classes: Any = None, **answers: Any) -> None:
        if classes is not None:
            self.classes_ = np.asarray(classes)
        for method, answer in answers.items():
            setattr(self, method, lambda rows, answer=answer: np.asarray(answer))


LABELS = Answering([0, 1], predict=TWO, predict_proba=np.full((4, 2), 0.5))
SCORES = Answering([0, 1], predict=TWO, decision_function=[0.1, 0.2, 0.3, 0.4])
TEXTS = Answering(["a", "b"], predict=["a", "b", "a", "b"], predict_proba=np.full((4, 2), 0.5))
THREE = Answering([0, 1, 2], predict=TWO, predict_proba=np.full((4, 3), 1 / 3))
RANKED = Answering([0, 1, 2], predict=TWO, decision_function=np.zeros((4, 3)))
NUMBERS = Answering(predict=[0.5, 1.5, 2.0, -0.5])
WHOLE = Answering(predict=[0.0, 1.0, 1.0, 0.0])
GROUPS = Answering(predict=[2, 0, 0, 2])
SILENT = Answering(transform=[1, 2, 3, 4])


def _why(name: str, model: Any, y: Any) -> str:
    """Return why a metric does not fit, empty where it does."""
    y = np.asarray(y)
    try:
        check_applicable(find_metric(name), "m@1", cache_predictions(model, np.zeros((len(y), 1))), y, "d@1")
    except InvalidInput as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("name", "model", "y"),
    [
        ("accuracy", LABELS, TWO),
        ("accuracy", WHOLE, TWO),
        ("f1", TEXTS, ["a", "b", "a", "b"]),
        ("f1_macro", THREE, [0, 1, 2, 5]),
        ("accuracy", Answering([0.5, 1.0], predict=[0.5, 1.0, 1.0, 1.0]), [1.0, 1.0, 1.0, 1.0]),
        ("accuracy", TEXTS, ["a", "c", "a", "b"]),
        ("roc_auc", SCORES, TWO),
        ("roc_auc_ovr", THREE, [0, 1, 2, 1]),
        ("log_loss", LABELS, [1, 1, 1, 1]),
        ("r2", NUMBERS, [0.0, 1.0, 2.0, 3.0]),
        ("r2", WHOLE, [True, False, True, False]),
        ("mean_poisson_deviance", Answering(predict=[0.1] * 4), [0.0, 1.0, 2.0, 3.0]),
        ("r2", Answering(predict=np.ones((4, 2))), np.ones((4, 2))),
        ("r2", Answering(predict=np.ones((4, 1))), [0.0, 1.0, 2.0, 3.0]),
        ("rmsle", NUMBERS, [-0.5, 0.0, 1.0, 2.0]),
        ("adjusted_rand_score", GROUPS, ["low", "high", "high", "low"]),
        ("sklearn.metrics:accuracy_score", NUMBERS, ["a", "b", "a", "b"]),
    ],
)
def test_what_fits_is_let_through(name: str, model: Any, y: Any) -> None:
    """Labels nobody was fitted with are mistakes where labels are compared; a user's own metric decides for itself."""
    assert _why(name, model, y) == ""


@pytest.mark.parametrize(
    ("name", "model", "y", "words"),
    [
        ("log_loss", SCORES, TWO, "log_loss needs predict_proba, which m@1 does not offer; use a metric of its scores"),
        (
            "roc_auc",
            WHOLE,
            TWO,
            "roc_auc needs decision_function or predict_proba, .*; use a metric of its answers, su",
        ),
        ("log_loss", GROUPS, list("abba"), "log_loss needs .*; use a metric of which rows go together, such as adj"),
        ("log_loss", Answering([0, 1], predict=TWO), TWO, "log_loss needs .*; use a metric of its labels, such as acc"),
        ("accuracy", SILENT, TWO, r"accuracy needs predict, which m@1 does not offer\Z"),
        (
            "f1_samples",
            LABELS,
            TWO,
            "f1_samples is for rows with several .*d@1 has one target; use f1_macro, f1_weighte",
        ),
        ("f1_samples", WHOLE, TWO, "f1_samples is for rows with several labels .*; use a metric of its answers"),
        ("accuracy", Answering([0, 1], predict=[0, 1]), TWO, "m@1 gave 2 answers to the 4 rows of d@1"),
        ("r2", Answering(predict=np.ones((4, 2))), TWO, "m@1 answers 2 values a row, and d@1 has one target, so r2 ca"),
        (
            "r2",
            Answering(predict=np.ones((4, 3))),
            np.ones((4, 2)),
            "m@1 answers 3 values a row, and d@1 has 2 targets",
        ),
        ("r2", Answering(predict=[1, np.nan, np.inf, 2]), TWO, "m@1 answers .* not finite on 2 of the 4 rows of d@1"),
        ("r2", TEXTS, TWO, "r2 compares numbers, and what m@1 answers is text; use a metric of its labels"),
        ("r2", WHOLE, list("abba"), "r2 compares numbers, and the target of d@1 is text; use a metric of which rows"),
        ("r2", WHOLE, np.array([1, 2, 3, 4], "M8[D]"), "r2 compares numbers, and the target of d@1 is moments; use"),
        ("r2", WHOLE, [1.0, np.inf, 2, 3], "the target of d@1 is infinite in 1 of 4 rows, so r2 has no value"),
        (
            "rmsle",
            NUMBERS,
            [0, -1, 1, 2],
            "rmsle takes values above -1, and the target of d@1 goes down to -1; use mean",
        ),
        (
            "mean_gamma_deviance",
            Answering(predict=[1.0] * 4),
            TWO,
            "takes values above 0, and the target .* down to 0;",
        ),
        (
            "mean_poisson_deviance",
            WHOLE,
            TWO,
            "takes values of 0 or more, .*, and what m@1 answers goes down to 0; use",
        ),
        (
            "accuracy",
            WHOLE,
            [0.5, 1, 1, 0],
            "accuracy compares labels, and the target of d@1 has numbers such as 0.5; ",
        ),
        ("accuracy", NUMBERS, TWO, "accuracy compares labels, and m@1 answers numbers such as 0.5; use r2 or rmse"),
        (
            "accuracy",
            GROUPS,
            list("abba"),
            "the labels of d@1 are text, and m@1 answers numbers; accuracy finds none a",
        ),
        ("f1", THREE, TWO, "f1 is for two classes, and there are 3 here; use f1_macro, f1_weighted or f1_micro"),
        ("f1", RANKED, TWO, "f1 is for two classes, and there are 3 here; use f1_macro, f1_weighted or f1_micro"),
        ("f1", LABELS, [0, 1, 2, 3], "f1 is for two classes, and there are 4 here"),
        ("roc_auc", THREE, TWO, "roc_auc is for two classes, and there are 3 here; use roc_auc_ovr or roc_auc_ovo"),
        ("roc_auc", RANKED, TWO, "roc_auc is for two classes, and there are 3 here; use a metric of its labels"),
        (
            "log_loss",
            LABELS,
            [0, 1, 7, 8],
            "d@1 has rows with the label 7, which m@1 was not fitted with and has no sco",
        ),
        (
            "accuracy",
            Answering([[0, 1], [0, 1]], predict=TWO),
            TWO,
            "m@1 answers several outputs, and d@1 has one targ",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_what_does_not_fit_is_said_with_what_would(name: str, model: Any, y: Any, words: str) -> None:
    """The metric, the model and the data by their names, what is wrong, and another metric where one would do."""
    assert re.match(f".*{words}", _why(name, model, y)), _why(name, model, y)


def test_what_a_computation_raises_is_said_with_the_metric() -> None:
    """A user's own metric with its class; scikit-learn's first line, without names from the inside."""

    def fail(error: Exception) -> Any:
        def compute() -> Any:
            raise error

        return compute

    own, known = Metric("mine:half", function=max), Metric("f1", scorer="f1")
    assert with_named_errors(own, 4, lambda: 7) == 7
    with pytest.raises(InvalidInput, match=r"^mine:half raised ZeroDivisionError: by zero$"):
        with_named_errors(own, 4, fail(ZeroDivisionError("by zero")))
    with pytest.raises(InvalidInput, match=r"^f1 cannot be computed on these 4,000 rows: the model is odd$"):
        with_named_errors(known, 4000, fail(ValueError("CachedClassifier is odd\nand more")))
    with pytest.raises(InvalidInput, match=r"^f1 cannot be computed on these 4 rows: RuntimeError$"):
        with_named_errors(known, 4, fail(RuntimeError()))
    with pytest.raises(InvalidInput, match=r"^as it is$"):
        with_named_errors(known, 4, fail(InvalidInput("as it is")))
