"""Small real contexts: recorded scores instead of trained models, so that the truth is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlcycle._ids import bare
from mlcycle.checks import EvaluationContext, EvaluationData
from tests.checks.contexts import context_of


class Scored:
    """A classifier whose probabilities were written down beforehand, one a row of ``i``."""

    def __init__(self, scores: Any, classes: Any = (0, 1)) -> None:
        self.scores, self.classes_ = np.asarray(scores), np.asarray(classes)
        self.calls = 0

    def predict(self, X: pd.DataFrame) -> Any:
        """Return the likelier class."""
        return self.classes_[(self.scores[X["i"]] > 0.5).astype(int)]

    def predict_proba(self, X: pd.DataFrame) -> Any:
        """Return both probabilities."""
        self.calls += 1
        scores = self.scores[X["i"]]
        return np.column_stack([1 - scores, scores])


class Predicted:
    """A regressor whose answers were written down beforehand."""

    def __init__(self, answers: Any) -> None:
        self.answers = np.asarray(answers)

    def predict(self, X: pd.DataFrame) -> Any:
        """Return the answers."""
        return self.answers[X["i"]]


def make_context(models: dict[str, Any], y: Any, *, groups: Any = None, **columns: Any) -> EvaluationContext:
    """Return a context over one dataset ``d@1`` and models by ref; ``production`` is ``m@1`` where that exists."""
    frame = pd.DataFrame({"i": range(len(y)), **columns})

    def find(name: str) -> str | None:
        name = "m@1" if name == "m@production" else bare(name)
        return f"model:{name}" if name in models else None

    return context_of(
        lambda ref: EvaluationData(ref, frame, frame[["i"]], y, groups),
        lambda ref: models[bare(ref)],
        find,
    )


def scores_of(auc: float, y: Any, rng: np.random.Generator) -> Any:
    """Return probabilities whose true area under the ROC curve is `auc` (binormal)."""
    from scipy.stats import norm

    distance = np.sqrt(2) * norm.ppf(auc)
    return 1 / (1 + np.exp(-(distance * (np.asarray(y) - 0.5) + rng.normal(size=len(y)))))


@pytest.fixture
def context_for() -> Callable[..., EvaluationContext]:
    """Return `make_context`."""
    return make_context


@pytest.fixture
def scored() -> type[Scored]:
    """Return `Scored`."""
    return Scored


@pytest.fixture
def predicted() -> type[Predicted]:
    """Return `Predicted`."""
    return Predicted


@pytest.fixture
def scores() -> Callable[..., Any]:
    """Return `scores_of`."""
    return scores_of
