"""Predictions made once and asked for many times: what stands in for a model while metrics are resampled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, OutlierMixin, RegressorMixin, is_outlier_detector
from sklearn.utils.metaestimators import available_if

from mlcycle.codecs import own_rows, taken
from mlcycle.errors import InvalidInput, MlcycleError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

__all__ = [
    "METHODS",
    "CachedPredictions",
    "answered",
    "answers_several",
    "cache_predictions",
    "finds_outliers",
    "replay_predictions",
]

METHODS = ("predict", "predict_proba", "decision_function")
"""What a model may be asked on rows."""


def _offers(method: str) -> Callable[[Any], bool]:
    return lambda cached: hasattr(cached.model, method)


class CachedPredictions(BaseEstimator):  # type: ignore[misc]
    """What a model answered on fixed rows, behind an estimator's face.

    A scorer of scikit-learn takes it for the model: called with row indices instead of rows, it answers from what was
    recorded, so that a bootstrap never calls the model again. Answers are asked of the model when first needed.

    Parameters
    ----------
    model : object
        With some of ``predict``, ``predict_proba``, ``decision_function``; only what it has is offered.
    X : DataFrame or array
        The rows.
    """

    def __init__(self, model: Any, X: Any) -> None:
        self.model = model
        self.X = X
        self._answers: dict[str, Any] = {}
        classes = getattr(model, "classes_", None)
        if classes is not None:
            self.classes_ = classes

    def answers(self, method: str) -> Any:
        """Return all recorded answers of a method, one a row."""
        if method not in self._answers:
            # a model may change its rows, and the next question is about the rows as they are
            try:
                found = getattr(self.model, method)(own_rows(self.X))
            except MlcycleError:
                raise
            except Exception as error:
                raise InvalidInput(
                    f"the model's {method} failed on these rows: {type(error).__name__}: {error}"
                ) from error
            answers = np.asarray(found).view()
            answers.flags.writeable = False  # whoever is given them next must find what the model said
            self._answers[method] = answers
        return self._answers[method]

    @available_if(_offers("predict"))  # type: ignore[untyped-decorator]
    def predict(self, rows: Any) -> Any:
        """Return what ``predict`` answered on rows given by index."""
        return self.answers("predict")[rows]

    @available_if(_offers("predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, rows: Any) -> Any:
        """Return what ``predict_proba`` answered on rows given by index."""
        return self.answers("predict_proba")[rows]

    @available_if(_offers("decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, rows: Any) -> Any:
        """Return what ``decision_function`` answered on rows given by index."""
        return self.answers("decision_function")[rows]

    def __sklearn_is_fitted__(self) -> bool:
        return True


class CachedClassifier(ClassifierMixin, CachedPredictions):  # type: ignore[misc]
    """Cached predictions of a classifier."""


class CachedRegressor(RegressorMixin, CachedPredictions):  # type: ignore[misc]
    """Cached predictions of a regressor."""


class CachedDetector(OutlierMixin, CachedPredictions):  # type: ignore[misc]
    """Cached predictions of an outlier detector, whose decision function ranks without classes."""


def cache_predictions(model: Any, X: Any) -> CachedPredictions:
    """Return a stand-in for a model on fixed rows; see `CachedPredictions`.

    Parameters
    ----------
    model : object
        An estimator, or anything with its methods; it is a classifier if it has ``classes_``.
    X : DataFrame or array
        The rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> X, y = np.zeros((4, 1)), np.array([0, 1, 1, 1])
    >>> cache_predictions(DummyClassifier().fit(X, y), X).predict([0, 0, 3]).tolist()
    [1, 1, 1]
    """
    if hasattr(model, "classes_"):
        return CachedClassifier(model, X)
    return CachedDetector(model, X) if finds_outliers(model) else CachedRegressor(model, X)


def answered(cached: CachedPredictions) -> dict[str, Any]:
    """Return what a model was asked so far, and what it answered, by method in the order of `METHODS`."""
    return {method: cached._answers[method] for method in METHODS if method in cached._answers}


class _Replayed:
    """A model that answers what was answered before: its rows are positions among those."""

    def __init__(self, answers: Mapping[str, NDArray[Any]], classes: Any) -> None:
        self._kept = dict(answers)
        if classes is not None:
            self.classes_ = classes

    def __getattr__(self, name: str) -> Any:
        kept = self.__dict__.get("_kept", {})
        if name not in kept:
            raise AttributeError(name)
        return lambda rows: kept[name][rows]


def replay_predictions(
    answers: Mapping[str, NDArray[Any]], classes: Any = None, *, detector: bool = False
) -> CachedPredictions:
    """Return the stand-in of a model whose answers on some rows are known, without the model.

    Parameters
    ----------
    answers : mapping of str to ndarray
        By method, one a row; only these are offered.
    classes : array-like, optional
        Its ``classes_``.
    detector : bool, default False
        Whether it is an outlier detector.

    Examples
    --------
    >>> import numpy as np
    >>> replay_predictions({"predict": np.array(["no", "yes", "no"])}, ["no", "yes"]).predict([1, 1, 2]).tolist()
    ['yes', 'yes', 'no']
    """
    model, rows = _Replayed(answers, classes), np.arange(len(next(iter(answers.values()), ())))
    cached = CachedDetector(model, rows) if detector else cache_predictions(model, rows)
    for method in answers:
        cached.answers(method)
    return cached


def answers_several(cached: CachedPredictions) -> bool:
    """Say whether a model answers several values a row, which its probabilities do not tell; by its first row."""
    if not hasattr(cached.model, "predict"):
        return False
    try:
        found = np.asarray(cached.model.predict(own_rows(taken(cached.X, slice(1)))))
    except Exception:  # noqa: BLE001 - then nobody has asked for its labels
        return False
    return found.ndim > 1 and found.shape[1:] != (1,)


def finds_outliers(model: Any) -> bool:
    """Return whether a model, or what stands in for it, is an outlier detector."""
    try:
        return bool(is_outlier_detector(model))
    except (AttributeError, TypeError):  # a model that is none of scikit-learn's has no tags
        return False
