"""Criteria about a metric: at least, at most, and not worse than another version."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mlcycle._text import plain
from mlcycle.errors import InvalidInput
from mlcycle.records._criteria import Criterion
from mlcycle.records._criterion_fields import finite, flag, terms_last, text_or_none
from mlcycle.records._metric_asked import AnyMetric, metric_of
from mlcycle.records._record import texts

if TYPE_CHECKING:
    from mlcycle.records._criteria import MetricFacts
    from mlcycle.records._results import Result

__all__ = ["AtLeast", "AtMost", "MetricCriterion", "NotWorseThan"]


def _slices(value: Any) -> tuple[str, ...]:
    found = texts(value) if value is None or isinstance(value, (str, list, tuple)) else None
    if found is None or not all(isinstance(name, str) and name for name in found):
        raise InvalidInput(f"slices is a column name or a list of them, got {value!r:.80}")
    return tuple(dict.fromkeys(found))


def _threshold(value: Any) -> float:
    return finite("threshold", value)


def _margin(value: Any) -> float:
    number = finite("margin", value)
    if number < 0:
        raise InvalidInput(f"margin is how much worse is still acceptable, 0 or more, got {value!r}")
    return number


def _confidence(value: Any) -> float:
    number = finite("confidence", value)
    if not 0.5 <= number < 1:
        raise InvalidInput(f"confidence is a share such as 0.95, from 0.5 to below 1, got {value!r}")
    return number


def _reference(instance: Any, attribute: Any, value: Any) -> None:
    if not (isinstance(value, str) and value.strip()):
        raise InvalidInput(
            f"reference is an alias such as 'production', or a model such as 'churn@1', got {value!r:.80}"
        )


def _version_of(criterion: dict[str, Any], text: str) -> str | None:
    """Return the kind of ref a reference is; an alias or a number alone is of whichever model is judged."""
    return "model" if "@" in text else None


@frozen
class MetricCriterion(Criterion):
    """What a metric of a model must reach: the base of `AtLeast` and its kin, and of criteria of your own.

    Yours adds fields, and overrides `verdict`, `covers` (so that making it stricter is free; without, every change
    loosens) and `claim` (how it reads).

    Parameters
    ----------
    metric : str, callable or Cost
        As in `AtLeast`.
    slices, on, confidence, blocking
        As in `AtLeast`.

    Examples
    --------
    >>> from attrs import frozen
    >>> @frozen
    ... class Between(MetricCriterion):
    ...     low: float
    ...     high: float
    ...
    ...     def verdict(self, result):
    ...         if result.low is None or result.high is None:
    ...             return "inconclusive"
    ...         if self.low <= result.low and result.high <= self.high:
    ...             return "pass"
    ...         return "fail" if result.high < self.low or result.low > self.high else "inconclusive"
    ...
    ...     def covers(self, other):
    ...         return self.terms_cover(other) and other.low <= self.low and self.high <= other.high
    ...
    ...     def claim(self):
    ...         return f"{self.metric} from {self.low} to {self.high}"
    >>> Between("recall", 0.2, 0.4, slices="region")
    Between('recall', 0.2, 0.4, slices='region')
    >>> print(Between("recall", 0.2, 0.4, slices="region"))
    recall from 0.2 to 0.4 in every region
    """

    metric: AnyMetric = field(converter=metric_of)
    slices: tuple[str, ...] = field(default=(), converter=_slices, kw_only=True)
    on: str | None = field(default=None, kw_only=True, validator=text_or_none, metadata={"ref": "dataset"})
    confidence: float = field(default=0.95, kw_only=True, converter=_confidence)
    blocking: bool = field(default=True, kw_only=True, converter=flag)

    @property
    def question(self) -> tuple[Any, ...]:
        """The metric, what it is compared with, within which slices, on which data, and how surely."""
        reference = getattr(self, "reference", None)
        return ("metric", self.metric, reference, tuple(sorted(self.slices)), self.on, self.confidence)

    @property
    def needs(self) -> frozenset[str]:
        """Data with labels, and a model."""
        return frozenset(["data", "labels", "model"])

    @property
    def _about(self) -> Any:
        return type(self), self.metric, self.on

    def claim(self) -> str:
        """Return how it reads, without where and how surely."""
        return str(self.metric)


@frozen(field_transformer=terms_last)
class AtLeast(MetricCriterion):
    """The metric is at least `threshold`, shown by the near end of its confidence interval.

    Parameters
    ----------
    metric : str, callable or Cost
        A scikit-learn scorer name, what mistakes cost (`Cost`), or a function ``(y_true, y_pred) -> float``. One of a
        module is stored as ``"module:function"``, and known to processes that have imported the module. Of one that
        stands in a notebook, a script or another function the source is kept, with the imports and constants it uses
        (`MetricSource`); other processes run it if their caller trusts it. Of two classes the positive
        one (``"f1"``, ``"precision"``, ``"average_precision"``) is 1 where there is one, as in scikit-learn, and else
        the second of the model's ``classes_``.
    threshold : float
        In the metric's unit; a scope refuses one that the metric always or never reaches (``"accuracy"`` of 95).
    slices : str or list of str, optional
        Columns; the metric must reach the threshold within every level of each.
    on : str, optional
        The dataset to judge on; the scope's `test` by default.
    confidence : float, default 0.95
        Of the two-sided interval.
    blocking : bool, default True
        Whether a failure keeps a model from being promoted, or only warns.

    Raises
    ------
    InvalidInput
        For a lambda or another callable that no other process could run, and values out of range.

    Examples
    --------
    >>> AtLeast("roc_auc", 0.75, slices="region")
    AtLeast('roc_auc', 0.75, slices='region')
    >>> print(AtLeast("roc_auc", 0.75, slices="region"))
    roc_auc ≥ 0.75 in every region
    """

    threshold: float = field(converter=_threshold)

    @property
    def edge(self) -> float | None:
        """The threshold."""
        return self.threshold

    def covers(self, other: Any) -> bool:
        """Return whether this asks at least as much as another criterion."""
        return self.terms_cover(other) and self.threshold >= other.threshold

    def verdict(self, result: Result) -> str:
        """Return ``"pass"`` for an interval at or above the threshold, ``"fail"`` for one below it."""
        if result.low is None or result.high is None:
            return "inconclusive"
        return "pass" if result.low >= self.threshold else "fail" if result.high < self.threshold else "inconclusive"

    def slip(self, metric: MetricFacts) -> str | None:
        """Say what a threshold asks that the metric always or never reaches, or None."""
        if not metric.higher_is_better:
            return f"{plain(self)} asks for a large error; use AtMost({self.metric!r}, {self.threshold:g})"
        return _never_above_zero(self, self.threshold, metric, "pass") or _out_of_range(self, metric, at_least=True)

    def claim(self) -> str:
        """Return how it reads, without where and how surely."""
        return f"{self.metric} ≥ {self.threshold:g}"


@frozen(field_transformer=terms_last)
class AtMost(MetricCriterion):
    """The metric is at most `threshold`, shown by the near end of its confidence interval.

    Parameters
    ----------
    metric : str, callable or Cost
        As in `AtLeast`. Errors go by their plain name, as positive numbers: ``"mean_absolute_error"``,
        ``"log_loss"``, ``"brier_score"``, ``"rmse"``.
    threshold : float
        In the metric's unit.
    slices, on, confidence, blocking
        As in `AtLeast`.

    Examples
    --------
    >>> print(AtMost("mean_absolute_error", 3.5))
    mean_absolute_error ≤ 3.5
    """

    threshold: float = field(converter=_threshold)

    @property
    def edge(self) -> float | None:
        """The threshold."""
        return self.threshold

    def covers(self, other: Any) -> bool:
        """Return whether this asks at least as much as another criterion."""
        return self.terms_cover(other) and self.threshold <= other.threshold

    def verdict(self, result: Result) -> str:
        """Return ``"pass"`` for an interval at or below the threshold, ``"fail"`` for one above it."""
        if result.low is None or result.high is None:
            return "inconclusive"
        return "pass" if result.high <= self.threshold else "fail" if result.low > self.threshold else "inconclusive"

    def slip(self, metric: MetricFacts) -> str | None:
        """Say what a threshold asks that the metric always or never reaches, or None."""
        return _never_above_zero(self, self.threshold, metric, "fail") or _out_of_range(self, metric, at_least=False)

    def claim(self) -> str:
        """Return how it reads, without where and how surely."""
        return f"{self.metric} ≤ {self.threshold:g}"


@frozen(field_transformer=terms_last)
class NotWorseThan(MetricCriterion):
    """The metric is not worse than another version's by more than `margin`, compared on the same rows.

    Parameters
    ----------
    reference : str
        An alias or version of the same model: ``"production"``, ``"7"``, ``"churn@7"``. Where there is none yet, the
        criterion does not apply.
    metric : str or callable
        As in `AtLeast`, plain error names as in `AtMost`. Whether higher is better follows scikit-learn: a scorer's
        value is better when higher, an error's when lower; so is that of a callable with the name of a usual loss:
        one that ends in ``_error``, ``_loss`` or ``_deviance``, ``rmse``, ``brier`` and so on.
    margin : float, default 0.0
        How much worse is still acceptable, in the metric's unit. With 0 the model must be shown to be better.
    slices, on, confidence, blocking
        As in `AtLeast`.

    Examples
    --------
    >>> print(NotWorseThan("production", "roc_auc", margin=0.02))
    roc_auc not worse than production by more than 0.02
    """

    reference: str = field(validator=_reference, metadata={"ref": _version_of})
    metric: AnyMetric = field(converter=metric_of)
    margin: float = field(default=0.0, kw_only=True, converter=_margin)

    @property
    def needs(self) -> frozenset[str]:
        """Data with labels, and two models."""
        return frozenset(["data", "labels", "model", "reference"])

    @property
    def edge(self) -> float | None:
        """The margin, as the smallest difference that is acceptable; 0 itself is not."""
        return -self.margin

    def covers(self, other: Any) -> bool:
        """Return whether this asks at least as much as another criterion."""
        return self.terms_cover(other) and self.margin <= other.margin

    def verdict(self, result: Result) -> str:
        """Return ``"pass"`` for a difference shown to be above ``-margin``, ``"fail"`` for one shown to be below."""
        if result.low is None or result.high is None:
            return "inconclusive"
        # "Not worse" with a margin of 0 means better, so its edge itself does not pass.
        return "pass" if result.low > -self.margin else "fail" if result.high < -self.margin else "inconclusive"

    def slip(self, metric: MetricFacts) -> str | None:
        """Say that no difference is as large as the margin, or None."""
        low, high = metric.range
        if self.margin < high - low:
            return None
        span, meant = _span(self.metric, low, high), _as_share(self.margin, low, high)
        return f"{plain(self)} can never fail: {span}, so no model is worse by that much{meant}"

    @property
    def _about(self) -> Any:
        return type(self), self.metric, self.on, self.reference

    def claim(self) -> str:
        """Return how it reads, without where and how surely."""
        if not self.margin:
            return f"{self.metric} better than {self.reference}"
        return f"{self.metric} not worse than {self.reference} by more than {self.margin:g}"


# thresholds that are slips -------------------------------------------------------------------------------------------


def _never_above_zero(criterion: Any, threshold: float, metric: MetricFacts, verb: str) -> str | None:
    """Say so where a scorer's turned sign was overlooked."""
    if metric.sign < 0 or not str(criterion.metric).startswith("neg_") or threshold <= 0:
        return None
    instead = f"AtMost({criterion.metric.removeprefix('neg_')!r}, {threshold:g})"
    return f"{plain(criterion)} can never {verb}, this scorer is never above 0; use {instead}"


def _out_of_range(criterion: Any, metric: MetricFacts, *, at_least: bool) -> str | None:
    low, high = metric.range
    asked, span = criterion.threshold, _span(criterion.metric, low, high)
    meant = _as_share(asked, low, high)
    if asked > high if at_least else asked < low:
        return f"{plain(criterion)} can never pass: {span}{meant}"
    # At the very end it never fails either, but that is how people ask for a value without judging it.
    if asked < low if at_least else asked > high:
        return f"{plain(criterion)} can never fail: {span}{meant}"
    return None


def _span(metric: object, low: float, high: float) -> str:
    if math.isinf(high):
        return f"{metric} lies at {low:g} or above"
    return f"{metric} lies " + (f"at {high:g} or below" if math.isinf(low) else f"between {low:g} and {high:g}")


def _as_share(asked: float, low: float, high: float) -> str:
    share = abs(asked) / 100
    return f"; did you mean {share:g}?" if abs(asked) >= 2 and high <= 2 and max(low, 0) < share < high else ""
