"""Criteria as data: what a model must reach, written once and read by every gate in any process."""

from __future__ import annotations

import math
import sys
from typing import Any

from attrs import field, frozen

from mlcycle.errors import InvalidInput
from mlcycle.records._record import Record, copied, texts

__all__ = ["AtLeast", "AtMost", "Criterion", "NotWorseThan", "UnknownCriterion", "covers", "is_looser"]


def _metric(value: Any) -> str:
    """Return a scorer's name, or ``module:function`` for a callable any process can import."""
    if isinstance(value, str):
        text = value.strip()
        module, colon, function = text.partition(":")
        if not text or (colon and not (_dotted(module) and _dotted(function))):
            raise InvalidInput(
                f"a metric is a scikit-learn scorer name like 'roc_auc', or 'module:function', got {value!r}"
            )
        if colon and module == "__main__":
            raise InvalidInput(_not_importable(text, "it lives in the script itself"))
        return text
    if not callable(value):
        raise InvalidInput(
            f"a metric is a scikit-learn scorer name like 'roc_auc' or a callable (y_true, y_pred) -> float, "
            f"got {type(value).__name__}: {value!r:.80}"
        )
    return _address(value)


def _dotted(text: str) -> bool:
    return bool(text) and all(piece.isidentifier() for piece in text.split("."))


def _address(function: Any) -> str:
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    shown = name or type(function).__name__
    if not module or not name:
        raise InvalidInput(_not_importable(shown, "it has no name"))
    if "<lambda>" in name:
        raise InvalidInput(_not_importable(shown, "it is a lambda"))
    if "<locals>" in name:
        raise InvalidInput(_not_importable(shown, "it is defined inside another function"))
    if module == "__main__":
        raise InvalidInput(_not_importable(shown, "it lives in the script or notebook itself"))
    if _lookup(module, name) is not function:
        raise InvalidInput(_not_importable(f"{module}:{name}", "importing that name gives another object"))
    return f"{_public(module, name, function)}:{name}"


def _not_importable(shown: str, why: str) -> str:
    return (
        f"the metric {shown} cannot be read back by another process: {why}; put a plain function into a module "
        "that can be imported, e.g. metrics.py, and pass that function or 'metrics:function'"
    )


def _lookup(module: str, name: str) -> Any:
    found: Any = sys.modules.get(module)
    for piece in name.split("."):
        found = getattr(found, piece, None)
    return found


def _public(module: str, name: str, function: Any) -> str:
    """Prefer the shortest public package that shows the same function: private modules move between releases."""
    pieces = module.split(".")
    if not any(piece.startswith("_") for piece in pieces):
        return module
    for count in range(1, len(pieces)):
        parent = ".".join(pieces[:count])
        if _lookup(parent, name) is function:
            return parent
    return module


def _slices(value: Any) -> tuple[str, ...]:
    found = texts(value) if value is None or isinstance(value, (str, list, tuple)) else None
    if found is None or not all(isinstance(name, str) and name for name in found):
        raise InvalidInput(f"slices is a column name or a list of them, got {value!r:.80}")
    return tuple(dict.fromkeys(found))


def _finite(name: str, value: Any) -> float:
    # float() takes the text "0.9" and the truth value True, too; in a threshold both are slips.
    slip = isinstance(value, (str, bytes, bool)) or type(value).__name__ in ("bool", "bool_")
    try:
        number = math.nan if slip else float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"{name} is a number, got {type(value).__name__}: {value!r:.80}") from error
    if slip:
        raise InvalidInput(f"{name} is a number, got {type(value).__name__}: {value!r:.80}")
    if number - number != 0:
        raise InvalidInput(f"{name} is a finite number, got {number}")
    return number


def _threshold(value: Any) -> float:
    return _finite("threshold", value)


def _margin(value: Any) -> float:
    number = _finite("margin", value)
    if number < 0:
        raise InvalidInput(f"margin is how much worse is still acceptable, 0 or more, got {value!r}")
    return number


def _confidence(value: Any) -> float:
    number = _finite("confidence", value)
    if not 0.5 <= number < 1:
        raise InvalidInput(f"confidence is a share such as 0.95, from 0.5 to below 1, got {value!r}")
    return number


def _flag(value: Any) -> bool:
    if type(value).__name__ not in ("bool", "bool_") and not (isinstance(value, int) and value in (0, 1)):
        raise InvalidInput(f"blocking is True or False, got {type(value).__name__}: {value!r:.80}")
    return bool(value)


def _text_or_none(instance: Any, attribute: Any, value: Any) -> None:
    if value is not None and not (isinstance(value, str) and value.strip()):
        raise InvalidInput(f"{attribute.name} is text such as 'customers.test', got {value!r:.80}")


def _reference(instance: Any, attribute: Any, value: Any) -> None:
    if not (isinstance(value, str) and value.strip()):
        raise InvalidInput(
            f"reference is an alias such as 'production', or a model such as 'churn@1', got {value!r:.80}"
        )


def _version_of(criterion: dict[str, Any], text: str) -> str | None:
    """Return the kind of ref a reference is; an alias or a number alone is of whichever model is judged."""
    return "model" if "@" in text else None


class Criterion(Record):
    """What the three kinds of criteria share: `metric`, `slices`, `on`, `confidence`, `blocking`."""

    __slots__ = ()

    metric: str
    slices: tuple[str, ...]
    on: str | None
    confidence: float
    blocking: bool

    def _arguments(self) -> list[str]:
        """Positional arguments as they are written, for `repr`."""
        return []

    def _options(self) -> dict[str, Any]:
        slices = self.slices[0] if len(self.slices) == 1 else list(self.slices) or None
        given = {"slices": slices, "on": self.on, "confidence": self.confidence, "blocking": self.blocking}
        plain = {"slices": None, "on": None, "confidence": 0.95, "blocking": True}
        return {name: value for name, value in given.items() if value != plain[name]}

    def __repr__(self) -> str:
        options = [f"{name}={value!r}" for name, value in self._options().items()]
        return f"{type(self).__name__}({', '.join(self._arguments() + options)})"

    def _title(self) -> str:
        every = f" in every {' and every '.join(self.slices)}" if self.slices else ""
        where = f" on {self.on}" if self.on else ""
        return f"{self._claim()}{every}{where}"

    def _claim(self) -> str:
        return self.metric

    def _facts(self) -> list[tuple[str, Any]]:
        return [("confidence", self.confidence), ("blocking", "yes" if self.blocking else "no")]


@frozen(repr=False)
class AtLeast(Criterion):
    """The metric is at least `threshold`, shown by the near end of its confidence interval.

    Parameters
    ----------
    metric : str or callable
        A scikit-learn scorer name, or a callable ``(y_true, y_pred) -> float`` any process can import; it is stored
        as ``"module:function"``. Of two classes the positive one (``"f1"``, ``"precision"``, ``"average_precision"``)
        is 1 where there is one, as in scikit-learn, and else the second of the model's ``classes_``.
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
        For a lambda or another callable that no other process could import, and values out of range.

    Examples
    --------
    >>> AtLeast("roc_auc", 0.75, slices="region")
    AtLeast('roc_auc', 0.75, slices='region')
    >>> print(AtLeast("roc_auc", 0.75, slices="region"))
    roc_auc ≥ 0.75 in every region
    """

    metric: str = field(converter=_metric)
    threshold: float = field(converter=_threshold)
    slices: tuple[str, ...] = field(default=None, converter=_slices, kw_only=True)
    on: str | None = field(default=None, kw_only=True, validator=_text_or_none, metadata={"ref": "dataset"})
    confidence: float = field(default=0.95, kw_only=True, converter=_confidence)
    blocking: bool = field(default=True, kw_only=True, converter=_flag)

    def _arguments(self) -> list[str]:
        return [repr(self.metric), repr(self.threshold)]

    def _claim(self) -> str:
        return f"{self.metric} ≥ {self.threshold:g}"


@frozen(repr=False)
class AtMost(Criterion):
    """The metric is at most `threshold`, shown by the near end of its confidence interval.

    Parameters
    ----------
    metric : str or callable
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

    metric: str = field(converter=_metric)
    threshold: float = field(converter=_threshold)
    slices: tuple[str, ...] = field(default=None, converter=_slices, kw_only=True)
    on: str | None = field(default=None, kw_only=True, validator=_text_or_none, metadata={"ref": "dataset"})
    confidence: float = field(default=0.95, kw_only=True, converter=_confidence)
    blocking: bool = field(default=True, kw_only=True, converter=_flag)

    def _arguments(self) -> list[str]:
        return [repr(self.metric), repr(self.threshold)]

    def _claim(self) -> str:
        return f"{self.metric} ≤ {self.threshold:g}"


@frozen(repr=False)
class NotWorseThan(Criterion):
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
    metric: str = field(converter=_metric)
    margin: float = field(default=0.0, kw_only=True, converter=_margin)
    slices: tuple[str, ...] = field(default=None, converter=_slices, kw_only=True)
    on: str | None = field(default=None, kw_only=True, validator=_text_or_none, metadata={"ref": "dataset"})
    confidence: float = field(default=0.95, kw_only=True, converter=_confidence)
    blocking: bool = field(default=True, kw_only=True, converter=_flag)

    def _arguments(self) -> list[str]:
        margin = [f"margin={self.margin!r}"] if self.margin else []
        return [repr(self.reference), repr(self.metric), *margin]

    def _claim(self) -> str:
        if not self.margin:
            return f"{self.metric} better than {self.reference}"
        return f"{self.metric} not worse than {self.reference} by more than {self.margin:g}"


@frozen(repr=False)
class UnknownCriterion(Criterion):
    """A criterion of a newer mlcycle, kept as it was read: nothing meets it here, so its gate stays shut.

    Attributes
    ----------
    document : dict
        Its JSON form, untouched.

    Examples
    --------
    >>> UnknownCriterion({"type": "Calibrated", "within": 0.02})
    UnknownCriterion({'type': 'Calibrated', 'within': 0.02})
    >>> print(UnknownCriterion({"type": "Calibrated", "within": 0.02}))
    Calibrated (needs a newer mlcycle)
    """

    document: dict[str, Any] = field(converter=copied, hash=False)

    # Whatever the document says of these may mean something else there: the strictest reading.
    metric = ""
    slices = ()
    on = None
    confidence = 0.95
    blocking = True

    def _arguments(self) -> list[str]:
        return [repr(self.document)]

    def _claim(self) -> str:
        return f"{self.document['type']} (needs a newer mlcycle)"


def _same_question(one: Criterion, other: Criterion) -> bool:
    if isinstance(one, UnknownCriterion):
        return one == other
    if type(one) is not type(other) or (one.metric, one.on) != (other.metric, other.on):
        return False
    return getattr(one, "reference", None) == getattr(other, "reference", None)


def covers(one: Criterion, other: Criterion) -> bool:
    """Return whether `one` asks at least as much as `other`: whatever meets it meets the other too.

    Parameters
    ----------
    one, other : Criterion
        Two criteria. Those about different metrics, data or references never cover one another.

    Examples
    --------
    >>> covers(AtLeast("roc_auc", 0.8), AtLeast("roc_auc", 0.7))
    True
    >>> covers(AtLeast("roc_auc", 0.8), AtLeast("roc_auc", 0.7, slices="region"))
    False
    """
    if not _same_question(one, other) or one.confidence < other.confidence or other.blocking > one.blocking:
        return False
    if not set(other.slices) <= set(one.slices) or bool(other.slices) != bool(one.slices):
        return False
    if isinstance(one, UnknownCriterion):
        return True
    if isinstance(one, NotWorseThan) and isinstance(other, NotWorseThan):
        return one.margin <= other.margin
    if isinstance(one, AtMost) and isinstance(other, AtMost):
        return one.threshold <= other.threshold
    assert isinstance(one, AtLeast)
    assert isinstance(other, AtLeast)
    return one.threshold >= other.threshold


def is_looser(before: Any, after: Any) -> list[tuple[Criterion, Criterion | None]]:
    """Return which criteria were made easier or removed, each with what takes its place.

    Looser is: removed, a threshold easier to reach, a larger margin, fewer slices, less confidence, other data, or no
    longer blocking. Criteria that never blocked decide nothing, so changing them loosens nothing.

    Parameters
    ----------
    before, after : iterable of Criterion
        The criteria of the old and the new scope.

    Returns
    -------
    list of (Criterion, Criterion or None)
        Empty if every blocking criterion still holds at least as strictly.

    Examples
    --------
    >>> is_looser([AtLeast("roc_auc", 0.8)], [AtLeast("roc_auc", 0.7)])
    [(AtLeast('roc_auc', 0.8), AtLeast('roc_auc', 0.7))]
    >>> is_looser([AtLeast("roc_auc", 0.8)], [])
    [(AtLeast('roc_auc', 0.8), None)]
    >>> is_looser([AtLeast("roc_auc", 0.7)], [AtLeast("roc_auc", 0.8)])
    []
    """
    new = list(after)
    loosened: list[tuple[Criterion, Criterion | None]] = []
    for old in before:
        if not old.blocking or any(covers(one, old) for one in new):
            continue
        alike = [one for one in new if _same_question(one, old)]
        alike.sort(key=lambda one: (bool(one.slices) != bool(old.slices), not one.blocking))
        loosened.append((old, alike[0] if alike else None))
    return loosened
