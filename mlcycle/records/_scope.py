"""The contract of a project, and how it was amended after it had been judged by: by whom, why, until when."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import field, frozen

from mlcycle import _html
from mlcycle._ids import name_key
from mlcycle.records._committed import Committed, stamp_last
from mlcycle.records._criteria import Criterion, becomes
from mlcycle.records._metric_source import MetricSource
from mlcycle.records._record import Record, listed, texts

__all__ = ["Loosening", "MovedTest", "Scope"]


@frozen(kw_only=True, repr=False)
class _Amendment(Record):
    """What was changed in a contract after it had been judged by: who, why, and until when."""

    message: str = ""
    author: str = ""
    until: str = ""

    @property
    def permanent(self) -> bool:
        """Whether it stands for good."""
        return not self.until

    def over(self, moment: str) -> bool:
        """Return whether it has ended by a moment (UTC text), so that what held before holds again."""
        return not self.permanent and self.until <= moment

    def _facts(self) -> list[tuple[str, Any]]:
        until = "permanent" if self.permanent else self.until
        return [("message", self.message), ("author", self.author), ("until", until)]


def _terms_last(_: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    """Return the fields of an amendment in the order of its table: what was changed, then by whom and why."""
    return sorted(fields, key=lambda field: field.name in attrs.fields_dict(_Amendment))


@frozen(kw_only=True, repr=False, field_transformer=_terms_last)
class Loosening(_Amendment):
    """One criterion made easier or removed, by whom, why, and until when.

    Attributes
    ----------
    before : Criterion
        What held before, and holds again once `until` has passed.
    after : Criterion or None
        What holds meanwhile; ``None`` if the criterion was removed.
    alias : str or None
        The alias whose own rules it is about; None where it is about all.
    message, author : str
    until : str, default ""
        Last moment of the loosening (UTC); empty where it is permanent.

    Examples
    --------
    >>> from mlcycle.records import AtLeast
    >>> Loosening(before=AtLeast("roc_auc", 0.8), after=AtLeast("roc_auc", 0.7), message="pilot", until="2026-12-31")
    Loosening('roc_auc ≥ 0.8 → roc_auc ≥ 0.7', message='pilot', until='2026-12-31')
    """

    before: Criterion
    after: Criterion | None = None
    alias: str | None = None

    def _title(self) -> str:
        whose = "" if self.alias is None else f"{self.alias}: "
        return f"{whose}{self.before} → {'removed' if self.after is None else becomes(self.after, self.before)}"


@frozen(kw_only=True, repr=False, field_transformer=_terms_last)
class MovedTest(_Amendment):
    """The test of a scope moved to other data after models had been judged on it: by whom, why, and until when.

    Attributes
    ----------
    before : str
        What models were judged on, as a ref; it is the test again once `until` has passed.
    after : str
        What they are judged on since.
    message, author : str
    until : str, default ""
        Last moment of the move (UTC); empty where it is permanent.

    Examples
    --------
    >>> MovedTest(before="customers.test@1", after="customers.test@4", message="the shops were renumbered")
    MovedTest('test customers.test@1 → customers.test@4', message='the shops were renumbered', until='permanent')
    """

    before: str = field(metadata={"ref": "dataset"})
    after: str = field(metadata={"ref": "dataset"})

    def _title(self) -> str:
        return f"test {self.before} → {self.after}"


def _rules(aliases: dict[str, Any]) -> dict[str, tuple[Criterion, ...]]:
    return {alias: tuple(criteria) for alias, criteria in aliases.items()}


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
        The dataset criteria are judged on unless they say otherwise; a name without a version means the version it was
        first judged on.
    aliases : dict of str to tuple of Criterion
        For aliases with rules of their own, what a model must reach to be promoted there, instead of `criteria`.
    requirements, data_needed, risks : tuple of str
    collection_plan, owner : str
    loosened : tuple of Loosening
        Criteria made easier since they were first judged by, with author, message and end.
    moved : tuple of MovedTest
        Moves of the test since it was first judged on.

    Examples
    --------
    >>> from mlcycle.records import AtLeast
    >>> Scope(number=1, objective="keep customers", criteria=[AtLeast("roc_auc", 0.8)], test="customers.test")
    Scope('scope 1', objective='keep customers', criteria=[roc_auc ≥ 0.8], test='customers.test')
    """

    number: int = 0
    objective: str = ""
    criteria: tuple[Criterion, ...] = field(default=(), converter=listed)
    aliases: dict[str, tuple[Criterion, ...]] = field(factory=dict, converter=_rules, hash=False)
    test: str | None = field(default=None, metadata={"ref": "dataset"})
    requirements: tuple[str, ...] = field(default=(), converter=texts)
    data_needed: tuple[str, ...] = field(default=(), converter=texts)
    collection_plan: str = ""
    risks: tuple[str, ...] = field(default=(), converter=texts)
    owner: str = ""
    loosened: tuple[Loosening, ...] = field(default=(), converter=listed)
    moved: tuple[MovedTest, ...] = field(default=(), converter=listed)

    @property
    def all_criteria(self) -> tuple[Criterion, ...]:
        """The criteria, and after them the rules of aliases."""
        return (*self.criteria, *(one for rules in self.aliases.values() for one in rules))

    def rules(self, alias: str | None = None) -> tuple[Criterion, ...]:
        """Return what is asked of a model for an alias, which may have rules of its own."""
        own = self._spelled(alias)
        return self.criteria if own is None else self.aliases[own]

    def _spelled(self, alias: str | None) -> str | None:
        """Return an alias that has rules of its own as they are kept for it, None for any other."""
        return next((one for one in self.aliases if alias is not None and name_key(one) == name_key(alias)), None)

    def criteria_at(self, moment: str, alias: str | None = None) -> tuple[Criterion, ...]:
        """Return the criteria that hold at a moment: where a loosening has ended, what held before holds again.

        Parameters
        ----------
        moment : str
            UTC text.
        alias : str, optional
            By the rules of which alias.

        Examples
        --------
        >>> from mlcycle.records import AtLeast
        >>> strict, easy = AtLeast("roc_auc", 0.8), AtLeast("roc_auc", 0.7)
        >>> eased = Loosening(before=strict, after=easy, message="pilot", until="2026-06-30T23:59:59.999999Z")
        >>> scope = Scope(criteria=[easy], loosened=[eased])
        >>> scope.criteria_at("2026-06-01T00:00:00.000000Z")
        (AtLeast('roc_auc', 0.7),)
        >>> scope.criteria_at("2026-07-01T00:00:00.000000Z")
        (AtLeast('roc_auc', 0.8),)
        """
        force = list(self.rules(alias))
        # without rules of its own an alias goes by those of all
        mine = {alias and name_key(alias), *([] if self._spelled(alias) else [None])}
        for loosening in self.loosened:
            old, whose = loosening.before, loosening.alias and name_key(loosening.alias)
            ended = whose in mine and loosening.over(moment)
            if ended and not any(one.covers(old) for one in force):
                force = [one for one in force if not old.covers(one)] + [old]
        return tuple(force)

    def test_at(self, moment: str) -> str | None:
        """Return the test at a moment (UTC text): where a move of it has ended, the one before is the test again."""
        found = self.test
        for move in reversed(self.moved):
            if move.over(moment) and move.after == found:
                found = move.before
        return found

    @property
    def amendments(self) -> tuple[Loosening | MovedTest, ...]:
        """What was amended and stands, in two sorts."""
        return (*self.loosened, *self.moved)

    @property
    def _address(self) -> str:
        return f"scope:scope@{self.number}"

    def _title(self) -> str:
        return f"scope {self.number}" if self.number else "scope not set yet"

    def _facts(self) -> list[tuple[str, Any]]:
        return [
            ("objective", self.objective),
            ("criteria", tuple(str(criterion) for criterion in self.criteria)),
            ("aliases", {alias: [str(one) for one in rules] for alias, rules in self.aliases.items()}),
            ("test", self.test),
            ("requirements", self.requirements),
            ("data needed", self.data_needed),
            ("collection plan", self.collection_plan),
            ("risks", self.risks),
            ("owner", self.owner),
            ("amended", tuple(map(str, self.amendments))),
            *super()._facts(),
        ]

    def _repr_html_(self) -> str:
        tables = ("criteria", "aliases", "amended")
        others = [(name, value) for name, value in self._facts() if name not in tables]
        facts = [(name, "; ".join(value) if isinstance(value, tuple) else value) for name, value in others]
        asked = [("criterion", self.criteria), *((f"for {alias}", rules) for alias, rules in self.aliases.items())]
        criteria = [_html.table([head, "judged on", "blocks"], self._rows(rules)) for head, rules in asked if rules]
        metrics = dict.fromkeys(one.metric for _, rules in asked for one in rules)
        sources = [one for one in metrics if isinstance(one, MetricSource)]
        texts = [_html.folded(f"source of {one} ({one.digest})", one.source) for one in sources]
        amended = [[str(one), one.message, one.author, one.until or "permanent"] for one in self.amendments]
        amendments = _html.table(["amended", "message", "author", "until"], amended) if amended else ""
        return _html.card(self._title(), facts, *criteria, *texts, amendments)

    def _rows(self, rules: tuple[Criterion, ...]) -> list[list[str]]:
        return [[str(one), one.on or self.test or "–", "yes" if one.blocking else "no"] for one in rules]
