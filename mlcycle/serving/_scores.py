"""Asking a model once for label and scores where one follows from the other, and joining answers of several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle.codecs import own_rows
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["aligned", "all_classes", "asked", "joined", "label_follows"]

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


def asked(model: Any, method: str, rows: Any, *, follows: bool, loose: bool = True) -> tuple[Any, dict[str, Any]]:
    """Return what a method answers, and what is kept of it: ``out`` and ``p``.

    Every question gets rows of its own, so that a model may change them and nobody sees it.

    Parameters
    ----------
    model : estimator
    method : {"predict", "predict_proba"}
    rows : DataFrame or array
        As the model takes them.
    follows : bool
        What `label_follows` says of the model. Then one call gives both, and rows close to a tie are asked again.
    loose : bool, default True
        Whether cells of the rows may be lists or dicts.
    """
    if not follows:
        answer = getattr(model, method)(own_rows(rows, loose=loose))
        return answer, {"out" if method == "predict" else "p": answer}
    scores = model.predict_proba(own_rows(rows, loose=loose))
    labels = _largest(model.classes_, scores)
    if method == "predict_proba":
        return scores, {"p": scores} if labels is None else {"out": labels, "p": scores}
    if labels is None:
        labels = model.predict(own_rows(rows, loose=loose))
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


def all_classes(models: Sequence[Any]) -> Any:
    """Return the classes of all models together, a list of them for several outputs.

    None stands for nothing to do: all models know the same classes, or some have none.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> numbers, texts = (DummyClassifier().fit([[0], [1]], y) for y in ([0, 1], ["no", "yes"]))
    >>> all_classes([numbers, texts]).tolist()
    [0, 1, 'no', 'yes']
    """
    known: list[Any] = [getattr(model, "classes_", None) for model in models]
    if len(models) < 2 or any(classes is None for classes in known):
        return None
    if all(isinstance(classes, list) for classes in known):
        if len({len(classes) for classes in known}) > 1:
            return None
        each = [_together(classes) for classes in zip(*known, strict=True)]
        return None if all(classes is None for classes in each) else each
    return _together(known) if all(getattr(classes, "ndim", 0) == 1 for classes in known) else None


def _together(known: Sequence[Any]) -> Any:
    """Return every class of several lists of classes, sorted, in the type they share; None where all are the same."""
    import numpy as np

    listed = [classes.tolist() for classes in known]
    if all(classes == listed[0] for classes in listed):
        return None
    if _share_a_type(known):
        return np.unique(np.concatenate(list(known)))
    # a dict tells 1 from '1', which one array of both would not
    found = list(dict.fromkeys(one for classes in listed for one in classes))
    result = np.empty(len(found), dtype=object)
    result[:] = sorted(found, key=lambda one: (isinstance(one, str), one if isinstance(one, str | int | float) else 0))
    return result


def _share_a_type(arrays: Sequence[Any]) -> bool:
    """Say whether one array can hold the values of several without turning any into something else."""
    import numpy as np

    kinds = {array.dtype.kind for array in arrays}
    if kinds <= set("iuf"):
        whole = [array for array in arrays if array.dtype.kind in "iu" and array.size]
        exact = all(int(abs(edge)) <= 2**53 for array in whole for edge in (int(array.min()), int(array.max())))
        return exact or np.result_type(*arrays).kind in "iu"
    return len(kinds) == 1 and "O" not in kinds


def joined(answers: Sequence[Any], back: Any) -> Any:
    """Return the answers of several versions as one, in the order that `back` says.

    Labels of different types stay what they are, in an array of objects.

    Examples
    --------
    >>> import numpy as np
    >>> joined([np.array([0, 1]), np.array(["no"])], np.array([2, 0, 1])).tolist()
    ['no', 0, 1]
    """
    import numpy as np

    if all(isinstance(answer, list) for answer in answers) and len({len(answer) for answer in answers}) == 1:
        return [joined(arrays, back) for arrays in zip(*answers, strict=True)]  # several targets give an array each
    arrays = [np.asarray(answer) for answer in answers if not isinstance(answer, list)]
    shapes = {array.shape[1:] for array in arrays}
    if len(arrays) < len(answers) or len(shapes) > 1:
        raise InvalidInput(
            "the versions that share this route answer in different shapes, for example one target and several; "
            "route one of them alone, or as a shadow"
        )
    if not _share_a_type(arrays) and len({array.dtype for array in arrays}) > 1:
        arrays = [array.astype(object) for array in arrays]
    return np.concatenate(arrays)[back]


def aligned(scores: Any, classes: Any, wanted: Any) -> Any:
    """Return scores with a column for each wanted class, 0 where the model does not know it.

    Examples
    --------
    >>> import numpy as np
    >>> aligned(np.array([[0.9, 0.1]]), np.array(["b", "a"]), np.array(["a", "b", "c"])).tolist()
    [[0.1, 0.9, 0.0]]
    """
    import numpy as np

    if isinstance(scores, list):
        each = zip(scores, classes, wanted, strict=True)
        return [one if goal is None else aligned(one, known, goal) for one, known, goal in each]
    if isinstance(wanted, list):  # a chain of classifiers answers several outputs with one array
        return scores
    known, goal = classes.tolist(), wanted.tolist()
    if known == goal:
        return scores
    places = {one: position for position, one in enumerate(goal)}
    result = np.zeros((len(scores), len(goal)), dtype=scores.dtype)
    result[:, [places[one] for one in known]] = scores
    return result
