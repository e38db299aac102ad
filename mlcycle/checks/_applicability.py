"""Whether a metric can be computed from what a model answers: said in words before scikit-learn is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlcycle.checks._cached_predictions import answers_several
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from mlcycle.checks._cached_predictions import CachedPredictions
    from mlcycle.checks._metrics import Metric

__all__ = ["check_applicable", "with_named_errors"]

_TWO_CLASSES = {
    **{name: f"{name}_macro, {name}_weighted or {name}_micro" for name in ("f1", "precision", "recall", "jaccard")},
    "roc_auc": "roc_auc_ovr or roc_auc_ovo",
    "positive_likelihood_ratio": "recall_macro or precision_macro",
    "neg_negative_likelihood_ratio": "recall_macro or precision_macro",
}
_LEAST: dict[str, tuple[float, bool, str]] = {
    "neg_mean_squared_log_error": (-1.0, False, "above -1"),
    "neg_root_mean_squared_log_error": (-1.0, False, "above -1"),
    "neg_mean_poisson_deviance": (0.0, True, "of 0 or more, and answers above 0"),
    "neg_mean_gamma_deviance": (0.0, False, "above 0"),
}


def check_applicable(metric: Metric, model: str, cached: CachedPredictions, y: NDArray[Any], data: str) -> None:
    """Say why a metric cannot be computed from a model's answers on some data, if it cannot.

    Parameters
    ----------
    metric : Metric
    model, data : str
        What the two are called.
    cached : CachedPredictions
    y : ndarray
        The truth, in the model's labels.

    Raises
    ------
    InvalidInput
        With another metric that would do.
    """
    for why in _reasons(metric, model, cached, y, data):
        raise InvalidInput(why)


def _reasons(metric: Metric, model: str, cached: CachedPredictions, y: NDArray[Any], data: str) -> Iterator[str]:
    name, scorer = metric.name, metric.scorer or ""
    method = metric.methods
    if not any(hasattr(cached, one) for one in method):
        instead = f"; {_instead(cached, y)}" if hasattr(cached, "predict") else ""
        yield f"{name} needs {' or '.join(method)}, which {model} does not offer{instead}"
    if scorer.endswith("_samples"):
        plain = scorer.removesuffix("_samples")
        of_labels = hasattr(cached, "classes_")
        instead = f"use {plain}_macro, {plain}_weighted or {plain}_micro" if of_labels else _instead(cached, y)
        yield f"{name} is for rows with several labels at once, and {data} has one target; {instead}"
    answers = cached.answers(next(one for one in method if hasattr(cached, one)))
    if len(answers) != len(y):
        yield f"{model} gave {len(answers):,} answers to the {len(y):,} rows of {data}"
    if method == ("predict",) and answers.ndim > 1 and answers.shape[1:] not in ((1,), y.shape[1:]):
        width, targets = answers.shape[1], "one target" if y.ndim == 1 else f"{y.shape[1]} targets"
        yield f"{model} answers {width} values a row, and {data} has {targets}, so {name} cannot compare them"
    if answers.dtype.kind == "f" and (lost := int(np.count_nonzero(~np.isfinite(answers).reshape(len(y), -1).all(1)))):
        yield f"{model} answers values that are not finite on {lost:,} of the {len(y):,} rows of {data}"
    if metric.by_row is not None:
        yield from metric.by_row.why_not(model, cached, answers, y, data)
    if scorer:
        yield from (_numbers if metric.of_numbers else _labels)(metric, model, cached, answers, y, data)


def _instead(cached: CachedPredictions, y: NDArray[Any]) -> str:
    if hasattr(cached, "classes_"):
        ranks = hasattr(cached, "decision_function") and np.shape(cached.classes_) == (2,)
        return f"use a metric of its {'scores, such as roc_auc' if ranks else 'labels, such as accuracy or f1_macro'}"
    if y.dtype.kind not in "iufb":
        return "use a metric of which rows go together, such as adjusted_rand_score"
    return "use a metric of its answers, such as r2 or rmse"


def _numbers(
    metric: Metric, model: str, cached: CachedPredictions, answers: NDArray[Any], y: NDArray[Any], data: str
) -> Iterator[str]:
    name = metric.name
    for what, values in ((f"the target of {data}", y), (f"what {model} answers", answers)):
        if values.dtype.kind not in "iufb":
            yield f"{name} compares numbers, and {what} is {_called(values)}; {_instead(cached, y)}"
    if y.dtype.kind == "f" and (lost := int(np.count_nonzero(~np.isfinite(y)))):
        yield f"the target of {data} is infinite in {lost:,} of {len(y):,} rows, so {name} has no value"
    least, reached, said = _LEAST.get(metric.scorer or "", (-np.inf, True, ""))
    for what, values, may in ((f"the target of {data}", y, reached), (f"what {model} answers", answers, False)):
        low = float(values.min())
        if low < least or (low == least and not may):
            yield f"{name} takes values {said}, and {what} goes down to {low:g}; use mean_absolute_error or rmse"


def _labels(
    metric: Metric, model: str, cached: CachedPredictions, answers: NDArray[Any], y: NDArray[Any], data: str
) -> Iterator[str]:
    name, scorer, classes = metric.name, metric.scorer or "", getattr(cached, "classes_", None)
    if metric.compares_groups:
        return
    if y.dtype.kind == "f" and (y != np.round(y)).any():
        yield f"{name} compares labels, and the target of {data} has numbers such as {_broken(y)}; use r2 or rmse"
    by_label = metric.methods == ("predict",)
    if by_label and classes is None and answers.dtype.kind == "f" and (answers != np.round(answers)).any():
        yield f"{name} compares labels, and {model} answers numbers such as {_broken(answers)}; use r2 or rmse"
    if classes is None:
        if by_label and (y.dtype.kind in "iufb") != (answers.dtype.kind in "iufb"):
            kinds = f"the labels of {data} are {_called(y)}, and {model} answers {_called(answers)}"
            yield f"{kinds}; {name} finds none alike"
        return
    if np.ndim(classes) != 1 or (not by_label and answers_several(cached)):
        yield f"{model} answers several outputs, and {data} has one target, so {name} cannot compare them"
    labels = list(dict.fromkeys([*np.asarray(classes).tolist(), *np.unique(y).tolist()]))
    if scorer in _TWO_CLASSES and len(labels) > 2:
        by_chance = scorer != "roc_auc" or hasattr(cached, "predict_proba")
        instead = f"use {_TWO_CLASSES[scorer]}" if by_chance else _instead(cached, y)
        yield f"{name} is for two classes, and there are {len(labels)} here; {instead}"
    if not by_label and len(labels) > len(classes):
        unknown = labels[len(classes) :]
        yield (
            f"{data} has rows with the label {unknown[0]!r}, which {model} was not fitted with and has no score for; "
            f"leave them out, or use a metric of labels, such as accuracy"
        )


def _broken(values: NDArray[Any]) -> str:
    return f"{float(values[values != np.round(values)].flat[0]):g}"


def _called(values: NDArray[Any]) -> str:
    if values.dtype.kind in "iufb":
        return "numbers"
    return {"U": "text", "M": "moments", "m": "durations", "c": "complex numbers"}.get(values.dtype.kind, "objects")


def with_named_errors(metric: Metric, rows: int, compute: Callable[[], Any]) -> Any:
    """Return what a computation returns; what scikit-learn or a user's own metric raises is said with its name.

    Raises
    ------
    InvalidInput
        With the metric, and for a user's own what it raised.
    """
    try:
        return compute()
    except InvalidInput:
        raise
    except Exception as error:
        if metric.scorer is None:
            raise InvalidInput(f"{metric.name} raised {type(error).__name__}: {error}") from error
        said = str(error).strip().splitlines() or [type(error).__name__]
        plain = said[0].replace("CachedClassifier", "the model").replace("CachedRegressor", "the model")
        raise InvalidInput(f"{metric.name} cannot be computed on these {rows:,} rows: {plain}") from error
