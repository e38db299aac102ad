"""One operation: one look, one commit, one result.

Whatever changes a project runs through `operate`, and nothing else refreshes what it decides by. Its work is a
function: it looks at the project once, as a value; resolves what it was given; uploads files under names nobody has
used; and commits a plan, which is pure and decides from the state it is handed alone, so that it can be asked again
after a lost race. Creating the entry is the second look. What comes back is built from what was committed, and nothing
is read back for it. Where a sweep took what was uploaded, or what the work rested on has changed, the work is done
again from a new look.

Who judges an operation before it is committed (see `_gate_request`) is asked between the look and the commit, outside
lock and plan, and their one decision is committed with what it allows, or without what it blocks. Who is told of it is
told when the work has returned.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, frozen

from mlcycle import checks, records
from mlcycle._digest import json_text
from mlcycle._ids import bare
from mlcycle.errors import (
    ConflictError,
    GateBlocked,
    InvalidInput,
    MlcycleError,
    ReadOnly,
    StorageUnavailable,
    VersionDeleted,
)
from mlcycle.lifecycle._gate_request import GateRequest, decide_on
from mlcycle.lifecycle._idempotency import refuse_another
from mlcycle.lifecycle._session_hooks import HookAnswers
from mlcycle.lifecycle._stored_decisions import decision_fact, kept_out, made_refs
from mlcycle.state import Change, Fact, FactAdd, Place, Version, VersionAdd, View, check_guards, read_changes, stamp_of
from mlcycle.storage import Draft, UpToDate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlcycle.lifecycle._connection import Connection
    from mlcycle.storage import Entry, Snapshot

    Plan = Callable[[View], Sequence[Change] | UpToDate]
    Judge = Callable[[View, GateRequest], HookAnswers | None]
    Tell = Callable[..., None]

__all__ = ["Operation", "OperationResult", "Retry", "operate"]

Doc = dict[str, Any]
R = TypeVar("R")
T = TypeVar("T")
_TRIES = 5
_JUDGED = 4  # once, and three times more where what was judged is not what would be committed any more


class Retry(Exception):  # noqa: N818 - a signal to `operate`, never seen by a user
    """What the work rests on is not so any more: it is to be done again, from a new look.

    Parameters
    ----------
    error : MlcycleError
        What a user is told where it is never so for long enough.
    tries : int
        How often the work is done before that.
    """

    def __init__(self, error: MlcycleError, tries: int = _TRIES) -> None:
        super().__init__(error)
        self.error, self.tries = error, tries


def retry_after_sweep() -> Retry:
    """Return the signal that a file which was uploaded or looked up has been swept."""
    error = f"the files of this commit were swept {_TRIES} times; is another sweep running with min_age=0?"
    return Retry(VersionDeleted(error))


@frozen
class OperationResult:
    """What became of a plan.

    Attributes
    ----------
    view : View
        The project by the entry that was committed, or by the one looked at where nothing needed to be.
    entry : dict or None
        What was committed, now or before under the same `op`; None where nothing needed to be.
    value : object
        What `UpToDate` held.
    """

    view: View
    entry: Entry | None
    value: Any = None

    def versions(self, of: str) -> list[Version]:
        """Return the versions of a noun that were added."""
        return [
            Version.from_change(one, self.view.names.known(of, one.name).id, stamp_of(self._entry))
            for one in read_changes(self._entry, VersionAdd, of=of)
        ]

    def fact(self, of: str) -> Fact:
        """Return the first fact of a noun that was added."""
        return Fact.from_change(read_changes(self._entry, FactAdd, of=of)[0], stamp_of(self._entry))

    def change(self, kind: type[T]) -> T:
        """Return the first change of a kind that was committed."""
        found: list[Any] = read_changes(self._entry, kind)
        first: T = found[0]
        return first

    @property
    def _entry(self) -> Entry:
        assert self.entry is not None
        return self.entry


class Operation:
    """One doing of some work, from one look on; lives as long as that.

    Attributes
    ----------
    view : View
        The project by the newest entry when this began: a value, which does not move.
    author : str
        Who does it.
    override : Override or None
        Lets it pass where it is blocked.
    was_asked : bool
        Whether a hook was asked what it says.
    """

    def __init__(
        self,
        connection: Connection,
        verb: str,
        author: str,
        message: str,
        op: str | None,
        override: records.Override | None,
        judge: Judge,
        former: Operation | None = None,
    ) -> None:
        self._connection = connection
        self._verb, self._message, self._op = verb, message, op
        self.override = override
        self._judge, self._former = judge, former
        self._request: GateRequest | None = None
        self._verdict: records.Decision | None = None  # what was decided
        self._decision: records.Decision | None = None  # what is committed with the plan
        self.was_asked, self._judged, self._idle = False, False, False
        self._rested_on: tuple[Any, ...] | None = None
        self._done: tuple[GateRequest, OperationResult] | None = None
        self.author = author
        self._entries: dict[int, Entry] = {}
        self.view = self._seen_in(connection.look())
        newer = connection.log.snapshot(refresh=False).read_only
        if newer is not None:  # what was uploaded now would lie there for nothing
            raise ReadOnly(newer)

    def _seen_in(self, view: View) -> View:
        """Return a view that keeps what it reads for as long as this goes on: a plan may not ask for it again."""
        return View(view.state, self._read, view.n)

    def _read(self, n: int) -> Entry:
        found = self._entries.get(n)
        if found is None:
            found = self._entries[n] = self._connection.log.entry(n)
        return found

    def upload(self, make: Callable[[], T]) -> T:
        """Return what `make` stored; what the disk or the storage says of it is told in words."""
        try:
            return make()
        except OSError as error:
            if isinstance(error, MlcycleError):
                raise
            raise StorageUnavailable(f"a file could not be written: {error}; nothing was committed") from error

    def keep(self, of: str, identity: str, document: Doc) -> Place:
        """Store the document of something found or decided, and return where it lies."""
        checked_files = self._connection.blobs.checked_files
        file = self.upload(lambda: checked_files.store_document(f"files/{identity}", of, document))
        return Place(object=f"{of}:{identity}", files=[file])

    def judge(self, make: Callable[[], GateRequest | None]) -> records.Decision | None:
        """Ask who judges such a request; what is committed next is committed with their decision, which is returned.

        Nothing is made of it, and nobody asked, where the caller's `op` was committed before: it gives that result.

        Parameters
        ----------
        make : callable
            Returns the request, or None where, as things stand, nothing need be committed.

        Raises
        ------
        GateBlocked
            When it is blocked: the decision is committed alone. A version that is kept as rejected is left to `commit`.
            Nothing is committed where somebody asks that nothing be kept.
        """
        if self._op is not None and self._connection.log.done(self._op) is not None:
            return None
        self._request = request = make()
        if request is None:
            self._idle = True
            return None
        decision = self._ask(request)
        if decision is None or decision.allowed:
            self._decision = decision
        elif not all(one.keep for one in decision.results if checks.stops(one)):
            raise GateBlocked(decision.why, decision)
        elif request.rejects:
            self._decision = decision
        else:
            self._refuse(request, decision)
        return self._decision

    def _ask(self, request: GateRequest) -> records.Decision | None:
        """Return the decision on a request; one made before this look stands, where it rests on the same."""
        former = self._former
        if former is not None and former._judged and former._rested_on == self._rests_on(self.view):
            self.was_asked, self._judged, self._verdict = former.was_asked, True, former._verdict
            self._rested_on = former._rested_on
            return self._verdict
        answers = self._judge(self.view, request)
        said = () if answers is None else answers.results
        self._verdict = decide_on(request, said, self.author, self._message, self.override)
        self.was_asked = answers is not None and answers.hooks
        self._judged = answers is not None or self._verdict is not None
        self._rested_on = self._rests_on(self.view) if self._judged else None
        return self._verdict

    def _refuse(self, request: GateRequest, decision: records.Decision) -> None:
        """Commit a decision that blocks, and raise it; the caller's `op` stays unused."""
        kept = self.keep("decision", decision.id, records.to_json(decision))
        fact = decision_fact(decision, [request.subject, *request.keys])

        def plan(view: View) -> list[Change]:
            return [kept, fact]

        done, mine = self._commit(plan, refusal=True)
        if mine:  # else somebody did it under the same op just now, and that is the result
            raise GateBlocked(decision.why, evolve(decision, **done.fact("decision").stamp.facts()))

    def commit(self, plan: Plan, *, message: str = "") -> OperationResult:
        """Commit the changes that `plan` asks for, given the newest state; it is asked again after every lost race.

        Parameters
        ----------
        plan : callable
            View to changes, or `UpToDate`; raises to give up, `Retry` to have the work done again. It asks nothing but
            the view.
        message : str, optional
            Why, where the caller gave no message.

        Raises
        ------
        GateBlocked
            When a version was judged and is blocked: it is committed with the decision, as rejected.
        ConflictError
            When `op` was used before, for something else; when what was judged changes all the time.
        ReadOnly
            When a change is kept for a newer mlcycle.
        """
        request, decision = self._request, self._decision
        kept = None if decision is None else self.keep("decision", decision.id, records.to_json(decision))

        def decided(view: View) -> Sequence[Change] | UpToDate:
            made = plan(view)
            if request is None or decision is None or kept is None or (isinstance(made, UpToDate) and decision.allowed):
                return made
            made = [] if isinstance(made, UpToDate) else made  # others added it: that does not allow it to this one
            made, about = (made, made_refs(made)) if decision.allowed else kept_out(view, made, request.same)
            subjects = [request.subject, *about] if request.on_name or not about else about
            return [kept, decision_fact(decision, [*subjects, *request.keys]), *made]

        blocked = decision is not None and not decision.allowed
        done, mine = self._commit(decided, plan, message=message, refusal=blocked)
        if mine and request is not None and not blocked:
            made = made_refs(read_changes(done.entry or {}, VersionAdd))
            self._done = evolve(request, subject=made[0] if made else request.subject), done
        if mine and decision is not None and blocked:
            fact = done.fact("decision")
            where = f"\nIt is kept as {bare(fact.subject)}, rejected: nobody's latest, and there by its number."
            # where others added the same meanwhile, nothing is kept beside the decision
            why = decision.why + (where if request is None or fact.subject != request.subject else "")
            raise GateBlocked(why, evolve(decision, subject=fact.subject, **fact.stamp.facts()))
        return done

    def _commit(
        self, decided: Plan, plan: Plan | None = None, *, message: str = "", refusal: bool = False
    ) -> tuple[OperationResult, bool]:
        """Return what became of a plan and the decision on it, and whether it was committed now."""
        log = self._connection.log

        def propose(now: Snapshot) -> Draft | UpToDate:
            view = self._seen_in(self._connection.view_of(now))
            changes = decided(view)
            if isinstance(changes, UpToDate):
                return changes
            self._check_premise(view)
            check_guards(view, changes, log.fold.needs)
            return self._draft(view, changes, refusal=refusal)

        why = self._message or json_text(message)
        commit = log.commit(propose, verb=self._verb, author=self.author, message=why, op=self._op)
        view = View(commit.snapshot.state, self._read, commit.n)
        if plan is not None and self._op is not None and commit.entry is not None and not commit.mine:
            now = view.then(commit.snapshot.n)
            refuse_another(self._op, commit.entry, self._verb, plan, (now, view.then(commit.n - 1)))
        return OperationResult(view, commit.entry, commit.value), commit.mine

    def _rests_on(self, view: View) -> tuple[Any, ...]:
        """Return what the judgement rests on: what is asked of whom, by which scope, and what its verb says."""
        assert self._request is not None
        return self._request.subject, view.versions.latest("scope", "scope"), self._request.premise(view)

    def _check_premise(self, view: View) -> None:
        """Have it judged anew where what would be committed is not what was judged, or was found to be nothing."""
        if self._idle:
            raise Retry(ConflictError(f"others change all the time what {self._verb} goes by; try again"), _JUDGED)
        if self._request is None:
            return
        if self._judged:
            stands = self._rests_on(view) == self._rested_on
        else:  # nobody was asked, and only a scope set since could ask for something
            stands = view.versions.latest("scope", "scope") == self.view.versions.latest("scope", "scope")
        if not stands:
            what = f"what {self._request.action} {bare(self._request.subject)} was judged by"
            raise Retry(ConflictError(f"{what} was changed by others {_JUDGED} times; try again"), _JUDGED)

    def tell(self, tell: Tell) -> None:
        """Have those told who are to know of what was committed, if anything was."""
        if self._done is not None:
            request, done = self._done
            tell(done.view, request, entry=done.view.n)

    def _draft(self, view: View, changes: Sequence[Change], *, refusal: bool) -> Draft:
        """Return what to write, unless a sweep since the look named a key of it."""
        places = [change for change in changes if isinstance(change, Place)]
        placed = {place.object for place in places}
        needed = dict.fromkeys(one for change in changes for one in change.objects() if one not in placed)
        if not all(map(view.placed.has, needed)):
            raise retry_after_sweep()
        reused = [file["key"] for one in needed for file in view.placed.get(one, one).named()]
        if places:
            own = [file["key"] for place in places for file in place.named()]
            below = tuple(place.prefix for place in places if place.prefix)
            gone = self._connection.log.swept_since(self.view.n)
            if gone is None or not gone.isdisjoint(own) or any(key.startswith(below) for key in gone):
                raise retry_after_sweep()
        docs, reuses = [change.doc() for change in changes], list(dict.fromkeys(reused))
        return Draft(docs, reuses=reuses, refusal=refusal)


def operate(
    connection: Connection,
    verb: str,
    work: Callable[[Operation], R],
    *,
    author: str,
    message: str = "",
    op: str | None = None,
    override: records.Override | None = None,
    judge: Judge = lambda view, request: None,
    tell: Tell = lambda view, request, **more: None,
) -> R:
    """Return what `work` makes of one operation; it may be asked again, with an operation that looked anew.

    Parameters
    ----------
    connection : Connection
        The store.
    verb : str
        What is done: ``"model.promote"``. The history goes by it, and what an `op` was used for.
    work : callable
        Looks at ``do.view``, has it judged with ``do.judge``, uploads with ``do.upload``, commits with ``do.commit``,
        and returns the result.
    author, message, op : str
        Who, why, and an id of the caller's own.
    override : Override, optional
        Lets it pass where it is blocked.
    judge, tell : callable
        What hooks say before an event, and who is told after it.

    Raises
    ------
    InvalidInput
        When `message` or `op` cannot be stored.
    """
    _check_words(message, op)
    do = None
    for tried in itertools.count(1):
        do = Operation(connection, verb, author, json_text(message), op, override, judge, do)
        try:
            found = work(do)
        except Retry as again:
            if tried >= again.tries:
                raise again.error from None
            continue
        do.tell(tell)
        return found
    raise AssertionError("tried without end")


def _check_words(message: Any, op: Any) -> None:
    if not isinstance(message, str):
        raise InvalidInput(f"a message is text, got {type(message).__name__}: {message!r:.80}")
    if op is not None and not (isinstance(op, str) and op.strip()):
        raise InvalidInput(f"op is text of your own that names this operation, got {type(op).__name__}: {op!r:.80}")
    if op is not None and json_text(op) != op:
        raise InvalidInput(f"op holds half a character (a lone surrogate), which no file can hold: {op!r:.80}")
