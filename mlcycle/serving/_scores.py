"""Asking a model once for label and scores, where the label is known to follow from the scores."""

from __future__ import annotations

from typing import Any

__all__ = ["aligned", "asked", "label_follows"]

# Classifiers of scikit-learn whose `predict` is the class of the largest probability, up to rounding near a tie.
# MLP (several labels), nearest neighbours (ties by order), SVC and thresholds tuned apart are not among them.
_LARGEST = frozenset(
    {
        "DecisionTreeClassifier",
        "ExtraTreeClassifier",
        "ExtraTreesClassifier",
        "GaussianNB",
        "GradientBoostingClassifier",
        "HistGradientBoostingClassifier",
        "LogisticRegression",
        "MultinomialNB",
        "RandomForestClassifier",
    }
)
_TIE = 1e-6


def label_follows(model: Any) -> bool:
    """Tell whether one call of ``predict_proba`` answers ``predict`` too, for this very estimator.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.svm import SVC
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]
    >>> label_follows(LogisticRegression().fit(X, y)), label_follows(SVC().fit(X, y))
    (True, False)
    """
    kind = type(model)
    if not kind.__module__.startswith("sklearn."):
        return False
    if kind.__name__ == "Pipeline":
        return bool(model.steps) and label_follows(model.steps[-1][1])
    return kind.__name__ in _LARGEST and getattr(getattr(model, "classes_", None), "ndim", 0) == 1


def asked(model: Any, method: str, rows: Any, *, follows: bool) -> tuple[Any, dict[str, Any]]:
    """Return what a method answers, and what is kept of it: ``out`` and ``p``.

    Parameters
    ----------
    model : estimator
    method : {"predict", "predict_proba"}
    rows : DataFrame or array
        As the model takes them.
    follows : bool
        What `label_follows` says of the model. Then one call gives both, and rows close to a tie are asked again.
    """
    if not follows:
        answer = getattr(model, method)(rows)
        return answer, {"out" if method == "predict" else "p": answer}
    scores = model.predict_proba(rows)
    labels = _largest(model.classes_, scores)
    if method == "predict_proba":
        return scores, {"p": scores} if labels is None else {"out": labels, "p": scores}
    if labels is None:
        labels = model.predict(rows)
    return labels, {"out": labels, "p": scores}


def _largest(classes: Any, scores: Any) -> Any:
    """Return the class of the largest score of every row; None when there is a tie, or next to one, or a NaN."""
    import numpy as np

    if scores.shape[1] < 2 or not len(scores):
        return None
    best = scores.argmax(axis=1)
    second = np.partition(scores, -2, axis=1)[:, -2]
    top = scores[np.arange(len(scores)), best]
    return classes.take(best) if bool((top - second > _TIE).all()) else None


def aligned(scores: Any, classes: Any, wanted: Any) -> Any:
    """Return scores with a column for each wanted class, 0 where the model does not know it.

    Examples
    --------
    >>> import numpy as np
    >>> aligned(np.array([[0.9, 0.1]]), np.array(["b", "a"]), np.array(["a", "b", "c"])).tolist()
    [[0.1, 0.9, 0.0]]
    """
    import numpy as np

    if len(classes) == len(wanted) and bool((classes == wanted).all()):
        return scores
    result = np.zeros((len(scores), len(wanted)), dtype=scores.dtype)
    result[:, np.searchsorted(wanted, classes)] = scores
    return result
