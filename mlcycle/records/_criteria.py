"""Criteria as data: what a subject must reach, written once and read by every gate in any process.

A criterion says itself what has to be measured (`question`), what that takes (`needs`), what a measurement comes to
(`verdict`) and which others it makes superfluous (`covers`), so that gate and judge ask for no class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import attrs
from attrs import field, frozen

from mlcycle.errors import InvalidInput
from mlcycle.records._criterion_fields import TERMS
from mlcycle.records._metric_asked import AnyMetric
from mlcycle.records._record import Record, copied

if TYPE_CHECKING:
    from mlcycle.records._results import Result

__all__ = ["Criterion", "MetricFacts", "UnknownCriterion", "becomes", "class_of", "is_looser", "own_name"]

# Classes of users by the name they have in a store. They register themselves when their module is imported; nothing
# in a store ever leads to an import, so a name that is not here stays a name.
_REGISTERED: dict[str, type[Criterion]] = {}


class MetricFacts(Protocol):
    """What a criterion is told of its metric, to say whether asking it makes sense."""

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and largest value."""

    @property
    def higher_is_better(self) -> bool:
        """Whether more is better."""

    @property
    def sign(self) -> int:
        """-1 where the value is that of a scorer with its sign turned."""


class Criterion(Record):
    """What a subject must reach: the base of every criterion.

    A class of your own derives from `MetricCriterion` if it is about a metric and from `RowCriterion` if it is about
    rows of data, is ``attrs.frozen``, and stands in a module that can be imported: that is all it takes to be kept in a
    scope, and to be read by every process that has imported the module. Elsewhere it is an `UnknownCriterion`, which
    shuts its gate.

    Attributes
    ----------
    metric : str, Cost or MetricSource
        Empty where it is not about a metric.
    slices : tuple of str
        Columns within whose every level it must hold.
    on : str or None
        The dataset to judge on; the scope's `test` by default.
    confidence : float
        Of the two-sided interval.
    blocking : bool
        Whether a failure stops a gate, or only warns.
    judges : str
        The kind of what it judges: ``"model"`` or ``"dataset"``.

    Examples
    --------
    >>> from mlcycle.records import AtLeast, AtMost, Result
    >>> strict, easy = AtLeast("roc_auc", 0.8), AtLeast("roc_auc", 0.7)
    >>> strict.covers(easy), easy.covers(strict), strict.question == easy.question
    (True, False, True)
    >>> measured = Result(check="roc_auc", verdict="not_applicable", value=0.75, low=0.72, high=0.78, n=900)
    >>> strict.verdict(measured), easy.verdict(measured)
    ('fail', 'pass')
    """

    __slots__ = ()

    metric: AnyMetric = ""
    slices: tuple[str, ...] = ()
    on: str | None = None
    confidence: float = 0.95
    blocking: bool = True

    # The kind of thing it judges: it is asked of nothing else. Of one that cannot be read it is the one with a gate.
    judges = "model"
    _terms: tuple[str, ...] = TERMS

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "__repr__" not in vars(cls):  # else attrs.frozen writes one, with every field in it
            cls.__repr__ = Criterion.__repr__  # type: ignore[method-assign]
        if not cls.__module__.startswith("mlcycle.records.") and not _unreachable(cls):
            _REGISTERED[f"{cls.__module__}:{cls.__qualname__}"] = cls

    # what gate and judge ask --------------------------------------------------------------------------------------

    @property
    def question(self) -> tuple[Any, ...]:
        """What has to be measured, whatever is asked of it: criteria with one question share a measurement."""
        return (type(self).__name__, repr(self))

    @property
    def needs(self) -> frozenset[str]:
        """What answering takes, among ``"data" "labels" "model" "reference"``, or what is missing here, in words."""
        return frozenset()

    @property
    def edge(self) -> float | None:
        """What a value is held against, as results show it."""
        return None

    @property
    def columns_read(self) -> tuple[str, ...]:
        """The columns its data must have, as far as they are known."""
        return self.slices

    def covers(self, other: Any) -> bool:
        """Return whether this asks at least as much as another criterion: whatever meets it meets the other too.

        Here: on terms as strict, and else the same. With a threshold of your own, compare that:
        ``self.terms_cover(other) and self.low >= other.low``; without, every change of it loosens.
        """
        return self.terms_cover(other) and all(getattr(self, name) == getattr(other, name) for name in self._asked())

    def terms_cover(self, other: Any) -> bool:
        """Return whether this asks the same of the same data, in the same slices or more, and as surely or more."""
        if type(self) is not type(other) or self._about != other._about:
            return False
        if self.confidence < other.confidence or other.blocking > self.blocking:
            return False
        return set(other.slices) <= set(self.slices) and bool(other.slices) == bool(self.slices)

    def verdict(self, result: Result) -> str:
        """Return ``"pass"``, ``"fail"`` or ``"inconclusive"`` for a measurement, from its value and interval alone."""
        return "inconclusive"

    def slip(self, metric: MetricFacts) -> str | None:
        """Return what is wrong with asking this of a metric, such as a value it never reaches, or None."""
        return None

    @property
    def _about(self) -> Any:
        """What stays when a criterion is made stricter or looser."""
        return type(self), self.on

    def _asked(self) -> list[str]:
        """Return the names of the fields that say what is asked, not where and how strictly."""
        kind: Any = type(self)
        return [one.name for one in attrs.fields(kind) if one.name not in self._terms] if attrs.has(kind) else []

    # how it is shown ----------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        kind: Any = type(self)
        fields = attrs.fields(kind) if attrs.has(kind) else ()
        given = [
            repr(_shortest(one.name, getattr(self, one.name)))
            for one in fields
            if one.default is attrs.NOTHING and not one.kw_only
        ]
        options = [one for one in fields if one.default is not attrs.NOTHING or one.kw_only]
        options.sort(key=lambda one: TERMS.index(one.name) if one.name in TERMS else -1)
        changed = {one.name: value for one in options if (value := getattr(self, one.name)) != one.default}
        given += [f"{name}={_shortest(name, value)!r}" for name, value in changed.items()]
        return f"{type(self).__name__}({', '.join(given)})"

    def _title(self) -> str:
        every = f" in every {' and every '.join(self.slices)}" if self.slices else ""
        where = f" on {self.on}" if self.on else ""
        return f"{self.claim()}{every}{where}"

    def claim(self) -> str:
        """Return how it reads, without where and how surely: ``"recall from 0.2 to 0.4"``."""
        return repr(self)

    def _facts(self) -> list[tuple[str, Any]]:
        return [("confidence", self.confidence), ("blocking", "yes" if self.blocking else "no")]


def _shortest(name: str, value: Any) -> Any:
    if name not in ("slices", "columns"):
        return value
    return value[0] if len(value) == 1 else list(value)


@frozen(repr=False)
class UnknownCriterion(Criterion):
    """A criterion whose class is not here, kept as it was read: nothing meets it, so its gate stays shut.

    It is of a newer mlcycle, or of a user's own class whose module this process has not imported.

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
    >>> print(UnknownCriterion({"type": "shop.criteria:Between", "low": 0.2}))
    shop.criteria:Between (needs the import of shop.criteria)
    """

    # Whatever the document says of metric, data or blocking may mean something else there: the strictest reading.
    document: dict[str, Any] = field(converter=copied, hash=False)

    @property
    def needs(self) -> frozenset[str]:
        """What would make it readable."""
        name = self.document["type"]
        if ":" not in name:
            return frozenset(["a newer mlcycle"])
        module = name.partition(":")[0]
        return frozenset([f"another release of {module}" if class_of(name) else f"the import of {module}"])

    @property
    def question(self) -> tuple[Any, ...]:
        """Its document, which no measurement answers."""
        return ("unknown", repr(sorted(self.document.items())))

    @property
    def _about(self) -> Any:
        return type(self), self.document

    def claim(self) -> str:
        """Return what it is called, and what would make it readable."""
        return f"{self.document['type']} (needs {' and '.join(sorted(self.needs))})"


def class_of(name: str) -> type[Criterion] | None:
    """Return the class of a user that is kept under a name, if its module has been imported here.

    Examples
    --------
    >>> class_of("os:system") is None
    True
    """
    return _REGISTERED.get(name)


def own_name(kind: type[Criterion]) -> str:
    """Return the name a user's own class has in a store, ``"module:Class"``.

    Raises
    ------
    InvalidInput
        Where no other process could find it, and what to do.
    """
    name = f"{kind.__module__}:{kind.__qualname__}"
    if why := _unreachable(kind):
        raise InvalidInput(
            f"the criterion {kind.__name__} cannot be read back by another process: {why}; put the class into a module "
            "that can be imported, e.g. criteria.py"
        )
    if _REGISTERED.get(name) is not kind:
        raise InvalidInput(f"the criterion {name} was defined again since this one was made; make it anew")
    if not attrs.has(kind):
        raise InvalidInput(f"the criterion {kind.__name__} has no fields that can be kept; decorate it @attrs.frozen")
    return name


def _unreachable(kind: type) -> str:
    if "<locals>" in kind.__qualname__:
        return "it is defined inside a function"
    return "it lives in the script or notebook itself" if kind.__module__ == "__main__" else ""


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
    >>> from mlcycle.records import AtLeast
    >>> is_looser([AtLeast("roc_auc", 0.8)], [AtLeast("roc_auc", 0.7)])
    [(AtLeast('roc_auc', 0.8), AtLeast('roc_auc', 0.7))]
    >>> is_looser([AtLeast("roc_auc", 0.8)], [])
    [(AtLeast('roc_auc', 0.8), None)]
    >>> is_looser([AtLeast("roc_auc", 0.7)], [AtLeast("roc_auc", 0.8)])
    []
    """
    former, new = list(before), list(after)
    loosened: list[tuple[Criterion, Criterion | None]] = []
    for old in former:
        if not old.blocking or any(one.covers(old) for one in new):
            continue
        alike = [one for one in new if one._about == old._about and one not in former]
        alike.sort(key=lambda one: (bool(one.slices) != bool(old.slices), not one.blocking))
        loosened.append((old, alike[0] if alike else None))
    return loosened


def becomes(after: Criterion, before: Criterion) -> str:
    """Return how a criterion reads that takes the place of another: with what is another, where both read alike.

    Examples
    --------
    >>> from mlcycle.records import AtLeast
    >>> becomes(AtLeast("f1", 0.5, blocking=False), AtLeast("f1", 0.5))
    'f1 ≥ 0.5 (blocking: True → False)'
    """
    if str(after) != str(before):
        return str(after)
    kind: Any = type(after)
    names = [one.name for one in attrs.fields(kind)] if attrs.has(kind) and type(before) is kind else []
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in names)
    apart = [f"{name}: {was} → {now}" for name, was, now in pairs if was != now]
    return f"{after} ({', '.join(apart)})" if apart else str(after)
