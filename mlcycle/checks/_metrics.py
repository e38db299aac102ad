"""Metrics as criteria name them: scikit-learn's scorers, plain errors, functions of the user's own, and costs."""

from __future__ import annotations

import functools
import importlib
import math
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, field, frozen

from mlcycle._text import plain
from mlcycle.checks._cost_rows import CostRows
from mlcycle.checks._written_metrics import runnable
from mlcycle.errors import InvalidInput
from mlcycle.records import Cost, MetricSource, higher_is_better
from mlcycle.stats.models import (
    ABOUT_ONE_CLASS,
    NamedMetric,
    alike,
    function_behind,
    named_scorer,
    options_for,
    positive_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlcycle.records import AnyMetric

__all__ = ["LoadedMetrics", "Metric", "find_metric", "has_positive"]


@frozen
class Metric(NamedMetric):
    """A metric ready to be computed of a model.

    Attributes
    ----------
    by_row : CostRows or None
        Says what each answer is worth, where the metric is the mean of a value a row.
    """

    by_row: CostRows | None = None

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and largest value it can take, as far as they are known."""
        if self.by_row is not None:
            return self.by_row.range
        return super().range

    @property
    def compares_groups(self) -> bool:
        """Whether it asks only which rows go together, whatever the groups are called."""
        return self.scorer in _GROUPINGS

    def __call__(self, cached: Any, y: Any, rows: Any) -> float:
        """Return the metric over some rows (indices, with repeats) of recorded predictions."""
        truth = y[rows].astype(float) if self.of_numbers and y.dtype.kind == "b" else y[rows]
        if self.by_row is not None:
            return float(self.by_row.values(cached, truth, cached.predict(rows)).mean())
        if self.function is not None:
            return float(self.function(truth, cached.predict(rows)))
        if self.scorer in _NEEDS_CLASSES and _lacks_a_class(self.scorer, truth, getattr(cached, "classes_", None)):
            return math.nan
        return self.sign * float(_scorer_for(self.scorer, getattr(cached, "classes_", None))(cached, rows, truth))


# What is undefined without a row of each class, or with rows of one class only.
_EVERY_CLASS = ("roc_auc", "average_precision", "roc_auc_ovr", "roc_auc_ovr_weighted")
_TWO_AT_LEAST = ("d2_log_loss_score", "d2_brier_score", "positive_likelihood_ratio", "neg_negative_likelihood_ratio")
_NEEDS_CLASSES = frozenset((*_EVERY_CLASS, *_TWO_AT_LEAST, "roc_auc_ovo", "roc_auc_ovo_weighted"))
_GROUPINGS = frozenset(
    {"adjusted_mutual_info_score", "adjusted_rand_score", "completeness_score", "fowlkes_mallows_score"}
    | {"homogeneity_score", "mutual_info_score", "normalized_mutual_info_score", "rand_score", "v_measure_score"}
)


def _lacks_a_class(scorer: str, truth: Any, classes: Any) -> bool:
    found = np.unique(truth)
    if scorer == "average_precision" and classes is not None and len(classes) == 2:
        return positive_of(classes) not in found.tolist()
    return len(found) < (max(np.size(classes), 2) if scorer in _EVERY_CLASS else 2)


def has_positive(metric: Metric) -> bool:
    """Return whether the metric is about one of two classes."""
    if metric.by_row is not None:
        return metric.by_row.has_positive
    return metric.scorer in ABOUT_ONE_CLASS or metric.scorer == "average_precision"


def _scorer_for(name: str | None, classes: Any) -> Any:
    """Return scikit-learn's scorer, told the model's classes: rows may lack one, and text has no positive 1."""
    from sklearn.metrics import get_scorer

    if classes is None or np.ndim(classes) != 1 or name is None:
        return get_scorer(name)
    return _told_classes(name, tuple(np.asarray(classes).tolist()))


@functools.lru_cache(maxsize=64)
def _told_classes(name: str, classes: tuple[Any, ...]) -> Any:
    from sklearn import metrics

    usual = metrics.get_scorer(name)
    options = options_for(name, classes)
    if not options.keys() - {"average"}:
        return usual
    method = NamedMetric(name, scorer=name).methods
    return metrics.make_scorer(
        getattr(metrics, function_behind(name)),
        response_method=method[0] if len(method) == 1 else method,
        greater_is_better=not name.startswith("neg_"),
        **options,
    )


def find_metric(metric: AnyMetric) -> Metric:
    """Return the metric a criterion is about.

    A source is not run by this, and not by its first call either, unless this process wrote it down itself: what may
    run on the caller's word is found by `LoadedMetrics`.

    Parameters
    ----------
    metric : str, Cost or MetricSource
        A scikit-learn scorer name; an error by its plain name (``"mean_absolute_error"``, ``"log_loss"``, ``"rmse"``),
        which is the positive error; ``"module:function"``; or what a criterion made of costs, or of a function without
        a module.

    Raises
    ------
    InvalidInput
        If there is no such metric, with names that look alike; if a module cannot be imported.

    Examples
    --------
    >>> find_metric("log_loss").scorer, find_metric("log_loss").higher_is_better
    ('neg_log_loss', False)
    >>> find_metric("roc_au")
    Traceback (most recent call last):
    ...
    mlcycle.errors.InvalidInput: there is no metric 'roc_au'; did you mean 'roc_auc'...
    """
    return _FOUND[type(metric)](metric)


def _named(name: str) -> Metric:
    if ":" in name:
        return _function(name)
    found = named_scorer(name)
    if found is None:
        raise InvalidInput(
            f"there is no metric {name!r}; {alike(name)}Use a scikit-learn scorer name, the plain name of an error, "
            "or a function as 'module:function'"
        )
    return Metric(name, scorer=found.scorer, sign=found.sign, higher_is_better=found.higher_is_better)


def _costing(cost: Cost) -> Metric:
    return Metric(plain(cost), by_row=CostRows(cost), higher_is_better=False)


def _written(source: MetricSource) -> Metric:
    def only_here(y_true: Any, y_pred: Any) -> float:
        return runnable(source)(y_true, y_pred)

    return Metric(source.name, function=only_here, higher_is_better=higher_is_better(source.name) is not False)


_FOUND: dict[type, Callable[[Any], Metric]] = {str: _named, Cost: _costing, MetricSource: _written}


@frozen(eq=False, kw_only=True)
class LoadedMetrics:
    r"""`MetricAccess` of one caller: sources run where they were written, or because this caller trusts them.

    Parameters
    ----------
    trusts : callable, optional
        ``digest -> bool``: what the caller trusts; asked only where a source was written elsewhere.
    who : callable, optional
        ``source -> who wrote it, and how to read it``, in words, for who has to decide.

    Examples
    --------
    >>> from mlcycle.records import MetricSource
    >>> source = MetricSource("def hits(y_true, y_pred):\n    return float((y_true == y_pred).mean())\n")
    >>> LoadedMetrics().find(source)
    Traceback (most recent call last):
    ...
    mlcycle.errors.UntrustedModel: the metric hits is kept as source, and running it runs whatever it holds...
    >>> LoadedMetrics(trusts=lambda digest: digest == source.digest).find(source).name
    'hits'
    """

    trusts: Callable[[str], bool] = field(default=lambda digest: False, repr=False)
    who: Callable[[MetricSource], str] = field(default=lambda source: "", repr=False)

    def find(self, metric: AnyMetric, subject: str = "") -> Metric:
        """Return the metric a criterion is about, to be asked of a subject.

        Raises
        ------
        UntrustedModel
            For a source that was written elsewhere, and that the caller does not trust.
        """
        found = find_metric(metric)
        if not isinstance(metric, MetricSource):
            return found
        return evolve(found, function=runnable(metric, self.trusts, who=self.who, subject=subject))


def _function(name: str) -> Metric:
    """Find a function by its name, which may come from a store: only scikit-learn is imported for its sake.

    Importing runs a module, and which one would be the choice of whoever can write to the store; where that lies below
    the working folder, even the module could be his.
    """
    module, _, path = name.partition(":")
    if module not in sys.modules and module.partition(".")[0] != "sklearn":
        raise InvalidInput(
            f"the metric {name!r} is not known here, since a name in a store imports nothing: import {module} first"
        )
    try:
        found: Any = importlib.import_module(module)
        for piece in path.split("."):
            found = getattr(found, piece)
    except (ImportError, AttributeError) as error:
        raise InvalidInput(
            f"the metric {name!r} cannot be imported here ({error}); put the module where this process finds it"
        ) from error
    if not callable(found):
        raise InvalidInput(f"the metric {name!r} is a {type(found).__name__}, not a function (y_true, y_pred) -> float")
    # where the name does not say, a function is taken for a score, as scikit-learn takes it
    return Metric(name, function=found, higher_is_better=higher_is_better(path.rpartition(".")[2]) is not False)
