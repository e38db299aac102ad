"""Who judges an operation before it is committed, and who is told of it: the hooks of a session, and one decision.

The operation asks, outside lock and plan; what is asked for stands in a `Matter`. What hooks and the gate built in say
is one list, and becomes one decision, which is committed with what it allows, or without what it blocks.
"""

from __future__ import annotations

import pickle
from collections import Counter
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from attrs import evolve, field, frozen

from mlcycle import checks, records
from mlcycle._ids import now
from mlcycle._warn import warn
from mlcycle.errors import InvalidInput, ReadOnly
from mlcycle.state import Change, FactAdd, PointerMove, Version, VersionAdd, VersionMark, View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pandas as pd

    Offers = Callable[[Any, View, "Matter"], checks.Context]

__all__ = ["Evidence", "Hooks", "Matter", "decision_fact", "judgement", "kept_out", "made_refs", "refuse_commits"]

Doc = dict[str, Any]

# Stores whose commits are being judged right here, and hooks that are being told.
_judging: ContextVar[frozenset[str]] = ContextVar("judging", default=frozenset())
_telling: ContextVar[frozenset[int]] = ContextVar("telling", default=frozenset())


@frozen
class Evidence:
    """What the gate built in knows of a matter.

    Attributes
    ----------
    results : tuple of Result
    evaluations, problems, notes : tuple of str
        Ids of the evaluations the results come from; what is wrong with them; what else a reader should know.
    loosened : tuple of Loosening
        Criteria made easier.
    gaps : tuple of Result
        Those among the results that say only that nobody has measured it yet.
    scope : int or None
        Number of the scope it was gathered by.
    trial : dict
        Full refs of versions that may answer a small part without evidence, and until when.
    """

    results: tuple[records.Result, ...] = ()
    evaluations: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    loosened: tuple[records.Loosening, ...] = ()
    gaps: tuple[records.Result, ...] = ()
    scope: int | None = None
    trial: Mapping[str, str] = field(factory=dict)


class Candidate(Protocol):
    """Rows that are to become a version."""

    @property
    def roles(self) -> Doc:
        """Column by role."""

    @property
    def table(self) -> Any:
        """As Arrow has them."""

    def frame(self) -> pd.DataFrame:
        """As they will be read back."""


class Heard(NamedTuple):
    """What was said before an event, and whether a hook was among those who were asked."""

    results: tuple[records.Result, ...]
    hooks: bool


@frozen(kw_only=True)
class Matter:
    """What is to be judged, or told: one event of an operation.

    Attributes
    ----------
    verb : str
        Of the event: ``"model.promote"``.
    action : str
        In a word, for people: ``"promote"``.
    subject : str
        Full ref of the nearest thing that exists.
    proposal : callable
        Returns what is asked for; called only where a hook is to see it.
    evidence : Evidence
        What the gate built in says.
    about : tuple of str
        What else the decision is to be found by.
    on_name : bool
        Whether the decision is about the subject also where a version of it is made: what is judged of a route are
        the models, and not the revision.
    always : bool
        Whether the decision is kept also where nobody had anything to say.
    rejects : bool
        Whether the version is kept as rejected where it is blocked; else the decision is kept alone.
    final : bool
        Whether no override lets it through.
    premise : callable
        View to what the judgement rests on; where it is another at the commit, it is judged anew.
    candidates : mapping of str to Candidate
        By name, the rows that are to become its next version, and are stored nowhere yet.
    """

    verb: str
    action: str
    subject: str
    proposal: Callable[[], Mapping[str, Any]] = dict
    evidence: Evidence = Evidence()
    about: tuple[str, ...] = ()
    on_name: bool = False
    always: bool = False
    rejects: bool = False
    final: bool = False
    premise: Callable[[View], Any] = lambda view: None
    candidates: Mapping[str, Candidate] = field(factory=dict)


def refuse_commits(url: str) -> None:
    """Refuse to change a store from within a hook that judges a commit to it.

    Raises
    ------
    ReadOnly
        Saying what a hook may do.
    """
    if url in _judging.get():
        raise ReadOnly(
            "a hook before an event may read the project and not change it: its answer is what it returns, and is "
            "committed with the decision; register what should commit with mc.after(…)"
        )


def _travelling(hooks: Iterable[checks.Hook]) -> tuple[list[checks.Hook], list[checks.Hook]]:
    """Return the hooks that travel to another process, and those that stay behind."""
    stay: list[checks.Hook] = []
    travel: list[checks.Hook] = []
    for hook in hooks:
        try:
            pickle.dumps(hook)
        except Exception:  # noqa: BLE001 - whatever a callable raises, it does not travel
            stay.append(hook)
        else:
            travel.append(hook)
    return travel, stay


@frozen(eq=False)
class Hooks:
    """The hooks of one session; they travel with it, but for those that do not pickle.

    Attributes
    ----------
    given : tuple of Hook
        As registered.
    offers : callable, optional
        ``(session, view, matter) -> Context``: what a hook may ask for.
    criteria : callable, optional
        ``(view, matter) -> criteria``: what the scope asks of candidates, by name of the dataset.
    missing : tuple of (str, str)
        Verb and name of hooks before an event that stayed behind in another process.
    failed : Counter
        By hook, how often one raised that was only told.
    stayed : set of str
        Hooks that were warned of because they do not travel.
    """

    given: tuple[checks.Hook, ...] = ()
    offers: Offers | None = None
    criteria: Callable[[View, Matter], Mapping[str, Sequence[records.Criterion]]] | None = None
    missing: tuple[tuple[str, str], ...] = ()
    failed: Counter[str] = field(factory=Counter, init=False, repr=False)
    stayed: set[str] = field(factory=set, init=False, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        travel, stay = _travelling(self.given)
        if not self.stayed.issuperset(map(repr, stay)):
            self.stayed.update(map(repr, stay))
            warn(
                f"{', '.join(map(repr, stay))} cannot be pickled and stays behind: the copy refuses what a hook before "
                "an event guards; put the function into a module that can be imported"
            )
        guards = tuple((one.verb, repr(one)) for one in stay if one.moment == "before")
        return Hooks, (tuple(travel), self.offers, self.criteria, (*self.missing, *guards))

    def check_whole(self, verb: str) -> None:
        """Refuse a verb that a hook guards which did not come along.

        Raises
        ------
        ReadOnly
            Naming it.
        """
        lost = [name for guarded, name in self.missing if guarded == verb]
        if lost:
            raise ReadOnly(
                f"this copy of the project lost {', '.join(lost)} when it was pickled, so it cannot do what that "
                "guards; open the project here with its hooks, or put the hook into a module that can be imported"
            )

    def of(self, moment: str, verb: str) -> list[checks.Hook]:
        """Return the hooks registered for a moment of an event."""
        return [one for one in self.given if (one.moment, one.verb) == (moment, verb)]

    def before(self, session: Any, view: View, matter: Matter) -> Heard | None:
        """Return what hooks and criteria of the scope say before an event; None where nobody is asked."""
        self.check_whole(matter.verb)
        hooks = self.of("before", matter.verb)
        criteria = self.criteria(view, matter) if self.criteria is not None and matter.candidates else {}
        if not hooks and not criteria:
            return None
        context = self._context(session, view, matter)
        token = _judging.set(_judging.get() | {session.url})
        try:
            found = [one for name, asked in criteria.items() for one in checks.run(asked, f"dataset:{name}", context)]
            if hooks:
                event = checks.Event(matter.verb, "before", matter.subject, matter.proposal(), session.author)
                found += checks.answers(hooks, event, context)
        finally:
            _judging.reset(token)
        return Heard(tuple(found), bool(hooks))

    def after(self, session: Any, view: View, matter: Matter, **more: Any) -> None:
        """Tell hooks of what was done; whatever one raises is counted and warned of."""
        told = _telling.get()
        for hook in self.of("after", matter.verb):
            if id(hook) in told:  # it is told by what it did itself
                continue
            token = _telling.set(told | {id(hook)})
            try:
                event = checks.Event(
                    matter.verb, "after", matter.subject, {**matter.proposal(), **more}, session.author
                )
                hook.call(event, self._context(session, view, matter))
            except Exception as error:  # noqa: BLE001 - it is done already, and nothing told of it may undo that
                self.failed[repr(hook)] += 1
                times = self.failed[repr(hook)]
                often = "" if times == 1 else f" ({times} times by now)"
                warn(f"{hook!r} failed{often}: {type(error).__name__}: {error}; what it was told of is done")
            finally:
                _telling.reset(token)

    def _context(self, session: Any, view: View, matter: Matter) -> Any:
        if self.offers is None:
            raise InvalidInput("hooks need a project: mlcycle.open(url, hooks=[…])")
        return self.offers(session, view, matter)


def judgement(
    matter: Matter, said: Sequence[records.Result], author: str, message: str, override: records.Override | None
) -> records.Decision | None:
    """Return the one decision on a matter; None where nobody had anything to say, and nobody need know."""
    evidence = matter.evidence
    if not (said or evidence.results or evidence.problems or matter.always):
        return None
    decision: records.Decision = checks.decide(
        matter.action,
        matter.subject,
        [*evidence.results, *said],
        now=now(),
        override=None if matter.final else override,
        final=matter.final,
        loosened=evidence.loosened,
        problems=evidence.problems,
        evaluations=evidence.evaluations,
        message=message,
        author=author,
    )
    why = "\n".join([decision.why, *dict.fromkeys(evidence.notes)])
    return evolve(decision, why=why, scope=evidence.scope, trial=dict(evidence.trial))


def made_refs(changes: Iterable[Change]) -> list[str]:
    """Return the full refs of the versions that changes add."""
    return [f"{one.of}:{one.name}@{one.number}" for one in changes if isinstance(one, VersionAdd)]


def decision_fact(decision: records.Decision, subjects: Sequence[str]) -> FactAdd:
    """Return the fact that keeps a decision, found by all it is about."""
    override, (subject, *about) = decision.override, dict.fromkeys(subjects)
    return FactAdd(
        of="decision",
        id=decision.id,
        subject=subject,
        about=about,
        needs=[f"decision:{decision.id}"],
        says={
            "action": decision.action,
            "allowed": decision.allowed,
            "now": decision.now,
            "scope": decision.scope,
            "trial": decision.trial,
            "evaluations": [f"evaluation:{one}" for one in decision.evaluations],
            "override": None if override is None else {"author": override.author, "until": override.until},
        },
    )


def kept_out(view: View, changes: Sequence[Change]) -> tuple[list[Change], list[str]]:
    """Return the changes that keep versions as rejected, where they are not kept so already, and their refs."""
    made = [one for one in changes if isinstance(one, VersionAdd)]
    there = [_rejected_before(view, one) for one in made]
    if all(there):
        return [], [one.ref for one in there if one]
    marks = [VersionMark(of=one.of, name=one.name, mark="rejected", numbers=[[one.number] * 2]) for one in made]
    return [*(one for one in changes if not isinstance(one, PointerMove)), *marks], made_refs(changes)


def _rejected_before(view: View, made: VersionAdd) -> Version | None:
    known = view.names.get(made.of, made.name)
    if known is None:
        return None
    rejected = view.marks.numbers(made.of, known, "rejected")
    versions = (view.versions.get(made.of, made.name, number) for number in sorted(rejected, reverse=True))
    return next((one for one in versions if one.needs == tuple(made.needs) and one.says == made.says), None)
