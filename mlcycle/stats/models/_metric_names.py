"""One answer to what a metric's name means: scikit-learn's scorers, plain errors, functions of `sklearn.metrics`."""

from __future__ import annotations

import difflib
import functools
import inspect
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle._directions import higher_is_better
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = Callable[[Any, Any], float]

__all__ = ["NamedMetric", "alike", "function_behind", "metric_named", "named_scorer", "options_for", "positive_of"]

Range = tuple[float, float]

_SHARE: Range = (0.0, 1.0)
_ERROR: Range = (0.0, math.inf)
_SCORE: Range = (-math.inf, 1.0)
_ANY: Range = (-math.inf, math.inf)

# By the function behind a scorer, as it stands in sklearn.metrics; a scorer with neg_ turns the sign.
_RANGES: dict[str, Range] = {
    **dict.fromkeys(("accuracy_score", "balanced_accuracy_score", "f1_score", "fbeta_score"), _SHARE),
    **dict.fromkeys(("precision_score", "recall_score", "jaccard_score", "hamming_loss", "zero_one_loss"), _SHARE),
    **dict.fromkeys(("roc_auc_score", "average_precision_score", "top_k_accuracy_score", "ndcg_score"), _SHARE),
    **dict.fromkeys(("completeness_score", "homogeneity_score", "v_measure_score", "rand_score"), _SHARE),
    **dict.fromkeys(("fowlkes_mallows_score", "normalized_mutual_info_score"), _SHARE),
    **dict.fromkeys(("label_ranking_average_precision_score",), _SHARE),
    **dict.fromkeys(("matthews_corrcoef", "cohen_kappa_score"), (-1.0, 1.0)),
    "adjusted_rand_score": (-0.5, 1.0),
    "adjusted_mutual_info_score": _SCORE,
    # Of two classes at most 1, of more at most 2.
    "brier_score_loss": (0.0, 2.0),
    **dict.fromkeys(("r2_score", "explained_variance_score", "d2_absolute_error_score", "d2_pinball_score"), _SCORE),
    **dict.fromkeys(("d2_tweedie_score", "d2_log_loss_score", "d2_brier_score"), _SCORE),
    **dict.fromkeys(("mutual_info_score", "positive_likelihood_ratio", "negative_likelihood_ratio"), _ERROR),
    **dict.fromkeys(("log_loss", "hinge_loss", "dcg_score", "coverage_error", "label_ranking_loss"), _ERROR),
    **dict.fromkeys(("max_error", "mean_absolute_error", "mean_squared_error", "median_absolute_error"), _ERROR),
    **dict.fromkeys(("mean_absolute_percentage_error", "mean_squared_log_error", "root_mean_squared_error"), _ERROR),
    **dict.fromkeys(("root_mean_squared_log_error", "mean_poisson_deviance", "mean_gamma_deviance"), _ERROR),
    **dict.fromkeys(("mean_tweedie_deviance", "mean_pinball_loss"), _ERROR),
}

_SHORT = {
    "auc": "roc_auc",
    "brier": "neg_brier_score",
    "brier_score_loss": "neg_brier_score",
    "mae": "neg_mean_absolute_error",
    "mape": "neg_mean_absolute_percentage_error",
    "max_error": "neg_max_error",
    "mse": "neg_mean_squared_error",
    "rmse": "neg_root_mean_squared_error",
    "rmsle": "neg_root_mean_squared_log_error",
}
# What is asked of probabilities, and of scores; the others ask for what a model predicts.
_PROBABILITIES = frozenset(("neg_log_loss", "neg_brier_score", "d2_log_loss_score", "d2_brier_score"))
_RANKINGS = frozenset(("roc_auc", "average_precision", "top_k_accuracy"))
# What the functions are told of the classes, by scorer: rows may lack one, and text has no positive 1.
_LABELLED = ("neg_log_loss", "d2_log_loss_score", "top_k_accuracy", "neg_brier_score", "d2_brier_score")
_POSITIVE = frozenset(
    ("f1", "precision", "recall", "jaccard", "average_precision", "neg_brier_score", "d2_brier_score")
)


@frozen
class NamedMetric:
    """What a name, or a function, means.

    Attributes
    ----------
    name : str
        As given; a function's own name.
    scorer : str or None
        The scikit-learn scorer behind it; ``None`` for a function.
    sign : int
        -1 where the value is the scorer's with the sign turned (a plain error).
    higher_is_better : bool
    function : callable or None
        ``metric(y, prediction)``; ``None`` for a scorer.
    """

    name: str
    scorer: str | None = None
    sign: int = 1
    higher_is_better: bool = True
    function: Function | None = None

    @property
    def range(self) -> Range:
        """The smallest and largest value it can take; infinite where there is no bound, or none is known."""
        if self.scorer is not None:
            low, high = _RANGES.get(function_behind(self.scorer), _ANY)
            return (low, high) if self.scorer.startswith("neg_") == (self.sign < 0) else (0.0 - high, 0.0 - low)
        known = str(getattr(self.function, "__module__", "")).startswith("sklearn.metrics")
        return _RANGES.get(getattr(self.function, "__name__", ""), _ANY) if known else _ANY

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods of a model it asks, the first there is; a function asks for what the model predicts."""
        if self.scorer is not None and (self.scorer in _PROBABILITIES or self.scorer.startswith("roc_auc_ov")):
            return ("predict_proba",)
        return ("decision_function", "predict_proba") if self.scorer in _RANKINGS else ("predict",)

    @property
    def of_numbers(self) -> bool:
        """Whether it compares numbers with numbers; the others compare labels, or scores with labels."""
        name = (self.scorer or "").removeprefix("neg_")
        return name in ("r2", "explained_variance") or "_error" in name or name.endswith("_deviance")

    def of_classes(self, classes: Any) -> Function:
        """Return the metric as a function of truth and prediction, told the classes it is about."""
        if self.scorer is None:
            assert self.function is not None
            return self.function
        function = _function_of(self.scorer)
        options = options_for(self.scorer, tuple(np.asarray(classes).tolist()))
        turn = self.sign * (-1 if self.scorer.startswith("neg_") else 1)
        return lambda y, prediction: turn * float(function(y, prediction, **options))


def named_scorer(name: str) -> NamedMetric | None:
    """Return the scorer of this name, or of the error this is the plain name of; ``None`` if there is none."""
    known, aliased = _scorers(), _SHORT.get(name, name)
    if aliased in known and (name in known or not aliased.startswith("neg_")):
        return NamedMetric(name, scorer=aliased)
    short = _SHORT.get(name.removeprefix("neg_"), "")
    if name.startswith("neg_") and short in known:
        return NamedMetric(name, scorer=short)
    turned = short if short.startswith("neg_") and not name.startswith("neg_") else f"neg_{name}"
    return NamedMetric(name, scorer=turned, sign=-1, higher_is_better=False) if turned in known else None


def metric_named(metric: str | Function) -> NamedMetric:
    """Return the metric of a name, or what a function of truth and prediction measures; see `metric_interval`.

    Examples
    --------
    >>> metric_named("neg_log_loss").higher_is_better, metric_named("rmse").higher_is_better
    (True, False)
    >>> metric_named("acuracy")
    Traceback (most recent call last):
    mlcycle.errors.InvalidInput: there is no metric 'acuracy'; did you mean 'accuracy'...
    """
    if callable(metric):
        name = str(getattr(metric, "__name__", type(metric).__name__))
        return NamedMetric(name, higher_is_better=higher_is_better(name) is not False, function=metric)
    if not isinstance(metric, str):
        raise InvalidInput(
            f"metric is a name such as 'roc_auc' or a function of truth and prediction, got {type(metric).__name__}"
        )
    found = named_scorer(metric) or named_scorer(metric.removesuffix("_score")) or _function(metric)
    if found is None:
        raise InvalidInput(f"there is no metric {metric!r}; {alike(metric)}Use a scikit-learn scorer name, the plain "
                           "name of an error, or a function metric(y, prediction)")  # fmt: skip
    return found


def alike(name: str) -> str:
    """Return names that look like this one, as the beginning of a sentence; empty without any."""
    known = _scorers()
    bare = [scorer.removeprefix("neg_") for scorer in known]
    near = difflib.get_close_matches(name, sorted({*known, *bare, *_SHORT}), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(map(repr, near))}? " if near else ""


def _function(name: str) -> NamedMetric | None:
    from sklearn import metrics

    function = getattr(metrics, name, None) if name in metrics.__all__ else None
    direction = higher_is_better(name)
    if function is None or direction is None or inspect.isclass(function):
        return None
    asked = [name for name, one in inspect.signature(function).parameters.items() if one.default is one.empty]
    if len(asked) != 2 or not asked[0].startswith(("y", "labels_true")):  # others are of tables
        return None
    return NamedMetric(name, higher_is_better=direction, function=function)


def options_for(scorer: str, classes: tuple[Any, ...]) -> dict[str, Any]:
    """Return what the function behind a scorer is to be told of the classes, and how it averages over them.

    Examples
    --------
    >>> options_for("f1", ("no", "yes")), options_for("f1_macro", (0, 1)), options_for("neg_log_loss", (0, 1))
    ({'pos_label': 'yes'}, {'average': 'macro'}, {'labels': [0, 1]})
    """
    options: dict[str, Any] = {}
    if scorer in _POSITIVE and len(classes) == 2:
        options["pos_label"] = positive_of(classes)
    elif classes and (scorer in _LABELLED or scorer.startswith("roc_auc_ov")):
        options["labels"] = list(classes)
    for average in ("macro", "micro", "weighted", "samples"):
        if scorer.endswith(f"_{average}"):
            options["average"] = average
    if scorer.startswith("roc_auc_ov"):
        options |= {"multi_class": scorer.split("_")[2]}
        options.setdefault("average", "macro")
    return options if options.keys() <= inspect.signature(_function_of(scorer)).parameters.keys() else {}


def function_behind(scorer: str) -> str:
    """Return the name of the function in sklearn.metrics that a scorer calls: of ``f1_macro``, ``f1_score``."""
    plain = scorer.removeprefix("neg_")
    for average in ("_macro", "_micro", "_weighted", "_samples"):
        plain = plain.removesuffix(average)
    plain = "roc_auc" if plain.startswith("roc_auc") else plain
    return next((name for name in (plain, f"{plain}_score", f"{plain}_loss") if name in _RANGES), plain)


def _function_of(scorer: str) -> Any:
    from sklearn import metrics

    # some scorers call a function that is no public one, such as a part of what `class_likelihood_ratios` returns
    found = getattr(metrics, function_behind(scorer), None)
    return metrics.get_scorer(scorer)._score_func if found is None else found


@functools.cache
def _scorers() -> frozenset[str]:
    from sklearn.metrics import get_scorer_names

    return frozenset(get_scorer_names())


def positive_of(classes: Any) -> Any:
    """Return which of two classes is the positive one: 1 if it is among them, as in scikit-learn, else the second."""
    listed = np.asarray(classes).tolist()
    return next((label for label in listed if label == 1), listed[1])
