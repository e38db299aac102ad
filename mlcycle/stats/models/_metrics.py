"""Any metric of predictions with its interval: by fast forms where there are some, else by scikit-learn."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_numbers
from mlcycle.stats._labels import check_decisions, check_pair, classes_of, numbers_of, probabilities_of
from mlcycle.stats._resampling import Resampling, ResamplingOptions, resampling_of
from mlcycle.stats.models._form_of import form_of
from mlcycle.stats.models._forms import plain_form
from mlcycle.stats.models._metric_names import NamedMetric, metric_named
from mlcycle.stats.models._resampled import Resampled, resampled
from mlcycle.stats.models._units import enough, units_of
from mlcycle.stats.models._unseen import few_of_a_class, unseen_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Unpack

    from numpy.typing import ArrayLike, NDArray

    from mlcycle.stats._estimate import Estimate
    from mlcycle.stats.models._forms import Form
    from mlcycle.stats.models._units import Units

    Vector = NDArray[Any]

__all__ = ["metric_interval", "resample"]


def metric_interval(
    y: ArrayLike,
    prediction: ArrayLike,
    metric: str | Callable[[Any, Any], float],
    *,
    labels: ArrayLike | None = None,
    resampling: Resampling | None = None,
    **options: Unpack[ResamplingOptions],
) -> Estimate:
    """Return a metric of predictions with its interval.

    Parameters
    ----------
    y : array-like of shape (n,)
        The truth.
    prediction : array-like of shape (n,) or (n, k)
        What the metric is about: labels for ``accuracy``, ``f1`` and their like; scores of the greater of two labels
        for ``roc_auc`` and ``average_precision``; probabilities (of the greater label, or one column a label in sorted
        order) for ``log_loss``, ``brier`` and ``roc_auc_ovr``; numbers for errors and ``r2``.
    metric : str or callable
        A scorer of scikit-learn (``f1_macro``, ``neg_root_mean_squared_error``), the plain name of an error (``rmse``,
        ``log_loss``), a function of `sklearn.metrics` (``cohen_kappa_score``), or your own ``metric(y, prediction)``,
        which is taken for a score unless its name says it is a loss or an error. Of two classes the positive one is 1,
        or the greater.
    labels : array-like, optional
        All labels, when `y` may lack some.
    resampling : Resampling, optional
        How the rows are drawn, and how sure the interval is.
    **options
        Or its fields as keywords: ``confidence``, ``resamples``, ``groups``, ``blocks``, ``seed``.

    Returns
    -------
    Estimate
        Up to 20 000 rows a percentile bootstrap in which every draw gives up a share of its rows to rows not seen, as
        in `interval` with bounds: rows answered wrong where the metric has a range; where it has none losses twice the
        worst one seen, three times where errors are squared. So a mistake less never lowers the lower limit, nor raises
        the upper one of a loss, and limits hold under heavy tails; for that the upper limit of a loss is wider than
        light tails alone would ask: of 200 normal errors by half. Where nothing is known of a metric's range, the BCa
        bootstrap, its acceleration from at most 200 deleted parts of the rows. Of more rows the same with normal draws
        of the mean of what every row adds, where that is known. The accuracy of single rows has Wilson's interval. The
        `reason` says so where one row carries a loss, or an area rests on few rows of a class.

    Raises
    ------
    InvalidInput
        For shapes that do not fit, missing values, probabilities outside [0, 1] or not summing to one, an unknown
        metric, predictions a metric cannot take.

    References
    ----------
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapters 14 (BCa; Efron 1987, JASA 82) and 20
    (resampling vectors). For rows not seen
    see `interval`. Bahadur and Savage (1956), Annals of Mathematical Statistics 27: without an end to the losses no
    interval of their mean holds for every law.

    Examples
    --------
    >>> import numpy as np
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, 500)
    >>> score = y + rng.normal(size=500)
    >>> stats.metric_interval(y, score, "roc_auc")
    Estimate(0.727, 95 % interval 0.682 to 0.769, n = 500)
    >>> stats.metric_interval(y, score > 0.5, "f1", confidence=0.9, seed=1).confidence
    0.9
    """
    return resample(y, [prediction], metric, labels, resampling_of(resampling, options)).estimate(0)


def resample(
    y: ArrayLike,
    predictions: Sequence[ArrayLike],
    metric: str | Callable[[Any, Any], float],
    labels: ArrayLike | None,
    resampling: Resampling,
    *,
    by_rows: bool = False,
) -> Resampled:
    """Measure every prediction on the same resamples; `by_rows` so that what is not drawn can be measured, too."""
    named = metric_named(metric)
    pairs = [check_pair(y, guess) for guess in predictions]
    truth = pairs[0][0]
    units = units_of(len(truth), resampling.groups, resampling.blocks)
    units = units.apart() if by_rows else units
    classes, answers = _classes_and_answers(named, truth, [guess for _, guess in pairs], labels)
    forms = [_form(named, truth, guess, classes, units) for guess in answers]
    few = few_of_a_class(named, truth, classes, enough(resampling.confidence)) if len(truth) else ""
    few = few if all(math.isfinite(form.value) for form in forms) else ""
    unseen = unseen_of(named, truth, classes, units.count)
    return resampled(named, forms, units, resampling, unseen, few=few, by_rows=by_rows)


def _classes_and_answers(
    metric: NamedMetric, y: Vector, predictions: list[Vector], labels: ArrayLike | None
) -> tuple[Vector, list[Vector]]:
    """Return the labels a metric is about, none if it is about numbers, and the predictions as it takes them."""
    if metric.of_numbers:
        check_numbers(y, "y")
        return y[:0], [check_numbers(guess, "predictions") for guess in predictions]
    if metric.scorer is None:
        return _classes_of_own(y, predictions, labels), predictions
    classes = classes_of(y, labels)
    if metric.methods == ("predict",):
        for guess in predictions:
            if guess.ndim != 1:
                raise InvalidInput(f"{metric.name} needs one label per row, got predictions of shape {guess.shape}")
            check_decisions(y, guess)
        return classes, predictions
    if metric.methods == ("predict_proba",):
        return classes, [probabilities_of(guess, classes) for guess in predictions]
    if len(classes) > 2 and metric.scorer != "top_k_accuracy":
        raise InvalidInput(
            f"{metric.name} of scores is for two classes, y has {len(classes)}; 'roc_auc_ovr' takes a column a class"
        )
    scores = []
    for guess in predictions:
        if guess.ndim == 2 and metric.scorer != "top_k_accuracy":
            if guess.shape[1] != 2:
                raise InvalidInput(f"{metric.name} of scores is for two classes, got {guess.shape[1]} columns")
            guess = guess[:, 1]
        scores.append(numbers_of("predictions", guess))
    return classes, scores


def _classes_of_own(y: Vector, predictions: list[Vector], labels: ArrayLike | None) -> Vector:
    """Return the labels a function is about: those of the truth, if the predictions are all among them."""
    if labels is not None:
        return classes_of(y, labels)
    found = np.unique(y)
    among = all(guess.ndim == 1 and np.isin(np.unique(guess), found).all() for guess in predictions)
    few = len(found) <= max(20, len(y) // 10)
    return found if among and few and y.dtype.kind != "f" else y[:0]


def _form(metric: NamedMetric, y: Vector, answers: Vector, classes: Vector, units: Units) -> Form:
    form = form_of(metric, y, answers, classes, units)
    # a loss that is no number here may be one that scikit-learn refuses to compute, in better words
    if form is not None and (form.losses is None or math.isfinite(form.value)):
        return form
    function = metric.of_classes(classes)

    def measure(rows: NDArray[np.int64]) -> float:
        return float(function(y[rows], answers[rows]))

    if not len(y):
        return plain_form(math.nan, measure)
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return plain_form(measure(np.arange(len(y))), measure)
    except ValueError as error:
        if metric.scorer is None and not str(getattr(function, "__module__", "")).startswith("sklearn."):
            raise  # the errors of a function of one's own are its own
        raise InvalidInput(f"{metric.name} cannot be computed of these predictions: {error}") from error
