"""The contract of a project, and what was loosened in it by whom."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from mlcycle import _html
from mlcycle.records._committed import Committed, stamp_last
from mlcycle.records._criteria import Criterion
from mlcycle.records._metric_source import MetricSource
from mlcycle.records._record import Record, listed, texts

__all__ = ["Loosening", "Scope"]


@frozen(kw_only=True, repr=False)
class Loosening(Record):
    """One criterion made easier or removed, by whom, why, and until when.

    Attributes
    ----------
    before : Criterion
        What held before, and holds again once `until` has passed.
    after : Criterion or None
        What holds meanwhile; ``None`` if the criterion was removed.
    message, author : str
    until : str
        Last moment of the loosening (UTC).

    Examples
    --------
    >>> from mlcycle.records import AtLeast
    >>> Loosening(before=AtLeast("roc_auc", 0.8), after=AtLeast("roc_auc", 0.7), message="pilot", until="2026-12-31")
    Loosening('roc_auc ≥ 0.8 → roc_auc ≥ 0.7', message='pilot', until='2026-12-31')
    """

    before: Criterion
    after: Criterion | None = None
    message: str = ""
    author: str = ""
    until: str = ""

    def _title(self) -> str:
        return f"{self.before} → {self.after if self.after is not None else 'removed'}"

    def _facts(self) -> list[tuple[str, Any]]:
        return [("message", self.message), ("author", self.author), ("until", self.until)]


@frozen(kw_only=True, repr=False, field_transformer=stamp_last)
class Scope(Committed):
    """What the project is for and what a model must reach; read by every gate.

    Attributes
    ----------
    number : int, default 0
        1 for the first version; 0 while nothing has been set.
    objective : str
    criteria : tuple of Criterion
    test : str or None
        The dataset criteria are judged on unless they say otherwise.
    requirements, data_needed, risks : tuple of str
    collection_plan, owner : str
    loosened : tuple of Loosening
        Criteria made easier, with author, message and expiry.

    Examples
    --------
    >>> from mlcycle.records import AtLeast
    >>> Scope(number=1, objective="keep customers", criteria=[AtLeast("roc_auc", 0.8)], test="customers.test")
    Scope('scope 1', objective='keep customers', criteria=[roc_auc ≥ 0.8], test='customers.test')
    """

    number: int = 0
    objective: str = ""
    criteria: tuple[Criterion, ...] = field(default=(), converter=listed)
    test: str | None = field(default=None, metadata={"ref": "dataset"})
    requirements: tuple[str, ...] = field(default=(), converter=texts)
    data_needed: tuple[str, ...] = field(default=(), converter=texts)
    collection_plan: str = ""
    risks: tuple[str, ...] = field(default=(), converter=texts)
    owner: str = ""
    loosened: tuple[Loosening, ...] = field(default=(), converter=listed)

    @property
    def _address(self) -> str:
        return f"scope:scope@{self.number}"

    def _title(self) -> str:
        return f"scope {self.number}" if self.number else "scope not set yet"

    def _facts(self) -> list[tuple[str, Any]]:
        return [
            ("objective", self.objective),
            ("criteria", tuple(str(criterion) for criterion in self.criteria)),
            ("test", self.test),
            ("requirements", self.requirements),
            ("data needed", self.data_needed),
            ("collection plan", self.collection_plan),
            ("risks", self.risks),
            ("owner", self.owner),
            ("loosened", tuple(str(loosening) for loosening in self.loosened)),
            *super()._facts(),
        ]

    def _repr_html_(self) -> str:
        others = [(name, value) for name, value in self._facts() if name not in ("criteria", "loosened")]
        facts = [(name, "; ".join(value) if isinstance(value, tuple) else value) for name, value in others]
        rows = [[str(one), one.on or self.test or "–", "yes" if one.blocking else "no"] for one in self.criteria]
        criteria = _html.table(["criterion", "judged on", "blocks"], rows) if rows else ""
        eased = [[str(one), one.message, one.author, one.until] for one in self.loosened]
        loosened = _html.table(["loosened", "message", "author", "until"], eased) if eased else ""
        sources = {one.metric: one.metric.digest for one in self.criteria if isinstance(one.metric, MetricSource)}
        texts = [_html.folded(f"source of {one} ({digest})", one.source) for one, digest in sources.items()]
        return _html.card(self._title(), facts, criteria, *texts, loosened)
