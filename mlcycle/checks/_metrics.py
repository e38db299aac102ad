"""Metrics by name: scikit-learn's scorers, plain errors, and functions of the user's own."""

from __future__ import annotations

import difflib
import functools
import importlib
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mlcycle._text import plain
from mlcycle.errors import InvalidInput
from mlcycle.records import AtLeast, AtMost, Criterion, NotWorseThan, higher_is_better

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Metric", "find_metric", "validate"]

_SHORT = {
    "brier_score_loss": "neg_brier_score",
    "mae": "neg_mean_absolute_error",
    "mape": "neg_mean_absolute_percentage_error",
    "max_error": "neg_max_error",
    "mse": "neg_mean_squared_error",
    "rmse": "neg_root_mean_squared_error",
    "rmsle": "neg_root_mean_squared_log_error",
}


@frozen
class Metric:
    """A metric ready to be computed.

    Attributes
    ----------
    name : str
        As the criterion writes it.
    scorer : str or None
        The scikit-learn scorer behind it; ``None`` for a function.
    function : callable or None
        ``(y_true, y_pred) -> float``; ``None`` for a scorer.
    sign : int
        -1 where the value is a scorer's with the sign turned (a plain error).
    higher_is_better : bool
    """

    name: str
    scorer: str | None = None
    function: Callable[[Any, Any], float] | None = None
    sign: int = 1
    higher_is_better: bool = True

    def __call__(self, recorded: Any, y: Any, rows: Any) -> float:
        """Return the metric over some rows (indices, with repeats) of recorded predictions."""
        if self.function is not None:
            return float(self.function(y[rows], recorded.predict(rows)))
        from sklearn.metrics import get_scorer

        return self.sign * float(get_scorer(self.scorer)(recorded, rows, y[rows]))


def find_metric(name: str) -> Metric:
    """Return the metric a criterion names.

    Parameters
    ----------
    name : str
        A scikit-learn scorer name; an error by its plain name (``"mean_absolute_error"``, ``"log_loss"``, ``"rmse"``),
        which is the positive error; or ``"module:function"``.

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
    if ":" in name:
        return _function(name)
    known = _scorers()
    if name in known:
        return Metric(name, scorer=name)
    turned = _SHORT.get(name, f"neg_{name}")
    if turned in known:
        return Metric(name, scorer=turned, sign=-1, higher_is_better=False)
    plain = [scorer.removeprefix("neg_") for scorer in known]
    alike = difflib.get_close_matches(name, [*known, *plain, *_SHORT], n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, dict.fromkeys(alike)))}? " if alike else ""
    raise InvalidInput(
        f"there is no metric {name!r}; {hint}Use a scikit-learn scorer name, the plain name of an error, "
        "or a function as 'module:function'"
    )


@functools.cache
def _scorers() -> frozenset[str]:
    from sklearn.metrics import get_scorer_names

    return frozenset(get_scorer_names())


def _function(name: str) -> Metric:
    module, _, path = name.partition(":")
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


def validate(criterion: Criterion) -> None:
    """Say what is wrong with a criterion before it becomes part of a scope.

    Parameters
    ----------
    criterion : AtLeast, AtMost or NotWorseThan
        Its metric is looked up here, which loads scikit-learn.

    Raises
    ------
    InvalidInput
        If it is no criterion, its metric does not exist, or it could never fail or never pass.

    Examples
    --------
    >>> validate(AtLeast("mean_absolute_error", 3))
    Traceback (most recent call last):
    ...
    mlcycle.errors.InvalidInput: mean_absolute_error ≥ 3 asks for a large error; use AtMost('mean_absolute_error', 3)
    """
    if not isinstance(criterion, (AtLeast, AtMost, NotWorseThan)):
        raise InvalidInput(
            f"a criterion is mc.AtLeast(…), mc.AtMost(…) or mc.NotWorseThan(…), "
            f"got {type(criterion).__name__}: {criterion!r:.80}"
        )
    metric = find_metric(criterion.metric)
    claim = plain(criterion)
    if isinstance(criterion, AtLeast) and not metric.higher_is_better:
        raise InvalidInput(f"{claim} asks for a large error; use AtMost({criterion.metric!r}, {criterion.threshold:g})")
    negative = metric.sign > 0 and criterion.metric.startswith("neg_")
    if isinstance(criterion, AtMost) and negative and criterion.threshold >= 0:
        positive = criterion.metric.removeprefix("neg_")
        raise InvalidInput(
            f"{claim} can never fail, this scorer is never above 0; use AtMost({positive!r}, {criterion.threshold:g})"
        )
    if isinstance(criterion, AtLeast) and negative and criterion.threshold > 0:
        positive = criterion.metric.removeprefix("neg_")
        raise InvalidInput(
            f"{claim} can never pass, this scorer is never above 0; use AtMost({positive!r}, {criterion.threshold:g})"
        )
