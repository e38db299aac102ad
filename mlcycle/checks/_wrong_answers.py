"""How wrong each answer of a model is: of labels whether, and how sure it was of it; of numbers by how much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle._ids import bare
from mlcycle.checks._metric_case import truth_in_labels_of
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlcycle.checks._cached_predictions import CachedPredictions
    from mlcycle.checks._evaluation_data import EvaluationData

__all__ = ["WrongAnswers", "wrong_answers"]


@frozen(eq=False)
class WrongAnswers:
    """What a model answered row by row, and how wrong that is.

    Attributes
    ----------
    truth, answers : ndarray
        In one kind of labels, or numbers.
    error : ndarray of float
        Of labels 1 where the answer is wrong, of numbers the absolute error; 0 where it is right.
    confidence : ndarray of float or None
        Of labels, how sure the model was of its answer: its probability, or score. None where that is not known.
    of_labels : bool
        Whether they are labels.
    """

    truth: NDArray[Any]
    answers: NDArray[Any]
    error: NDArray[Any]
    confidence: NDArray[Any] | None
    of_labels: bool

    def worst(self, n: int) -> NDArray[Any]:
        """Return the positions of the most wrong answers, worst first; one that cannot be told comes first."""
        wrong = np.flatnonzero(~(self.error == 0))
        weight = self.error if self.confidence is None else self.confidence
        return wrong[np.argsort(-np.nan_to_num(weight[wrong], nan=np.inf), kind="stable")[:n]]


def wrong_answers(rows: EvaluationData, subject: str, cached: CachedPredictions) -> WrongAnswers:
    """Return how wrong each answer of a model on labelled rows is.

    Parameters
    ----------
    rows : EvaluationData
        Those with a label.
    subject : str
        The model version, as a full ref.
    cached : CachedPredictions
        What it answered on these rows.

    Raises
    ------
    InvalidInput
        Where there is no truth, where a row has several values, and where truth and answers cannot be compared.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from mlcycle.checks import EvaluationData, replay_predictions
    >>> rows = EvaluationData("d@1", pd.DataFrame({"y": [1, 0, 1]}), None, np.array([1, 0, 1]))
    >>> chances = np.array([[0.9, 0.1], [0.3, 0.7], [0.2, 0.8]])
    >>> found = wrong_answers(
    ...     rows, "model:m@1", replay_predictions({"predict": np.array([0, 1, 1]), "predict_proba": chances}, [0, 1])
    ... )
    >>> found.worst(10).tolist(), found.confidence.tolist()
    ([0, 1], [0.9, 0.7, 0.8])
    """
    model = bare(subject)
    if not hasattr(cached, "predict"):
        raise InvalidInput(f"{model} has no predict, so that no row is right or wrong")
    truth, said = truth_in_labels_of(cached, rows, subject), cached.answers("predict")
    if said.ndim == 2 and said.shape[1] == 1:
        said = said[:, 0]
    if truth.ndim > 1 or said.ndim > 1 or truth.dtype.kind == "O":
        raise InvalidInput(
            f"a row of {rows.ref} has several values, and a row is right or wrong in one; see predictions()"
        )
    kinds = truth.dtype.kind in "iufb", said.dtype.kind in "iufb"
    if kinds[0] != kinds[1]:
        raise InvalidInput(f"{model} answers {said.dtype} and the truth of {rows.ref} is {truth.dtype}: none are alike")
    of_labels = hasattr(cached, "classes_") or not kinds[0]
    if not of_labels:
        return WrongAnswers(truth, said, np.abs(truth.astype(float) - said.astype(float)), None, False)
    return WrongAnswers(truth, said, (truth != said).astype(float), _confidence(cached, said), True)


def _confidence(cached: CachedPredictions, said: NDArray[Any]) -> NDArray[Any] | None:
    """Return how sure a model was of each label it answered, from the scores that are there; they need no scale."""
    classes = np.asarray(getattr(cached, "classes_", ()))
    for method in ("predict_proba", "decision_function"):
        if not hasattr(cached, method):
            continue
        scores = np.asarray(cached.answers(method), dtype=float)
        if scores.ndim == 1 and len(classes) == 2:
            distance: NDArray[Any] = np.abs(scores)
            return distance  # of the second class where above 0, of the first below
        if scores.ndim == 2 and scores.shape[1] == len(classes):
            told = said[:, None] == classes[None, :]
            sure: NDArray[Any] = np.where(told.any(axis=1), scores[np.arange(len(said)), told.argmax(axis=1)], np.nan)
            return sure
    return None
