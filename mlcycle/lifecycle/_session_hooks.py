"""The hooks of a session: who judges what it commits, and is told of it.

The operation asks, outside lock and plan. A hook travels with the session to other processes if it can; a copy that
lost one which guards a verb refuses that verb.
"""

from __future__ import annotations

import itertools
import pickle
import sys
from collections import Counter
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import field, frozen

from mlcycle import checks, records
from mlcycle._error_text import error_text
from mlcycle._warn import warn
from mlcycle.errors import InvalidInput, ReadOnly
from mlcycle.lifecycle._gate_request import masked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mlcycle.lifecycle._gate_request import GateRequest
    from mlcycle.state import View

    Offers = Callable[[Any, View, GateRequest], checks.Context]

__all__ = ["HookAnswers", "Hooks", "refuse_commits"]

# Projects whose commits are being judged right here, by id, and events that are being told.
_judging: ContextVar[frozenset[str]] = ContextVar("judging", default=frozenset())
_telling: ContextVar[frozenset[str]] = ContextVar("telling", default=frozenset())


class HookAnswers(NamedTuple):
    """What was said before an event, and whether a hook was among those who were asked."""

    results: tuple[records.Result, ...]
    hooks: bool


def refuse_commits(project: str) -> None:
    """Refuse to change a project, by its id, from within a hook that judges a commit to it.

    Raises
    ------
    ReadOnly
        Saying what a hook may do.
    """
    if project in _judging.get():
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


def _is_of_a_module(call: Any) -> bool:
    """Say whether a callable is found by its name, so that a pickle of it holds nothing else."""
    found = sys.modules.get(getattr(call, "__module__", None) or "")
    for part in (getattr(call, "__qualname__", None) or "").split("."):
        found = getattr(found, part, None)
    return found is call


@frozen(eq=False)
class Hooks:
    """The hooks of one session; they travel with it, but for those that do not pickle.

    Attributes
    ----------
    given : tuple of Hook
        As registered.
    offers : callable, optional
        ``(session, view, request) -> Context``: what a hook may ask for.
    criteria : callable, optional
        ``(view, request) -> criteria``: what the scope asks of candidates, by name of the dataset.
    missing : tuple of (str, str)
        Verb and name of hooks before an event that stayed behind in another process.
    failed : Counter
        By name and verb, how often a hook raised that was only told.
    stayed : set of str
        Hooks that were warned of because they do not travel.
    """

    given: tuple[checks.Hook, ...] = ()
    offers: Offers | None = None
    criteria: Callable[[View, GateRequest], Mapping[str, Sequence[records.Criterion]]] | None = None
    missing: tuple[tuple[str, str], ...] = ()
    failed: Counter[tuple[str, str]] = field(factory=Counter, init=False, repr=False)
    stayed: set[str] = field(factory=set, init=False, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        travel, stay = _travelling(self.given)
        if not self.stayed.issuperset(map(repr, stay)):
            self.stayed.update(map(repr, stay))
            warn(
                f"{', '.join(map(repr, stay))} cannot be pickled and stays behind: the copy refuses what a hook before "
                "an event guards; put the function into a module that can be imported"
            )
        return Hooks, self._left_behind(travel, stay)

    def by_name(self) -> Hooks:
        """Return the hooks that are functions of a module: whatever else one holds must not be written down."""
        named = [_is_of_a_module(one.call) for one in self.given]
        stay = [one for one, found in zip(self.given, named, strict=True) if not found]
        return Hooks(*self._left_behind(itertools.compress(self.given, named), stay))

    def _left_behind(self, travel: Iterable[checks.Hook], stay: Iterable[checks.Hook]) -> tuple[Any, ...]:
        """Return what a copy is made of: the hooks that travel, and the names of those before an event that do not."""
        guards = ((one.verb, repr(one)) for one in stay if one.moment == "before")
        return tuple(travel), self.offers, self.criteria, (*self.missing, *guards)

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

    def before(self, session: Any, view: View, request: GateRequest) -> HookAnswers | None:
        """Return what built-in checks, criteria and hooks say before an event; None where nobody is asked."""
        self.check_whole(request.verb)
        hooks = self.of("before", request.verb)
        criteria = self.criteria(view, request) if self.criteria is not None and request.candidates else {}
        found: list[records.Result] = []
        if request.built_in is not None:
            found += request.built_in([one for asked in criteria.values() for one in asked])
        elif not hooks and not criteria:
            return None
        if hooks or criteria:
            found += self._asked(session, view, request, hooks, criteria)
        return HookAnswers(tuple(masked(found)), bool(hooks))

    def _asked(
        self,
        session: Any,
        view: View,
        request: GateRequest,
        hooks: Sequence[checks.Hook],
        criteria: Mapping[str, Sequence[records.Criterion]],
    ) -> list[records.Result]:
        """Return what criteria of the scope and hooks say; neither may change the project."""
        context = self._context(session, view, request)
        token = _judging.set(_judging.get() | {view.state.id or ""})
        try:
            found = [one for name, asked in criteria.items() for one in checks.run(asked, f"dataset:{name}", context)]
            if hooks:
                event = checks.Event(request.verb, "before", request.subject, request.proposal(), session.author)
                found += checks.ask_hooks(hooks, event, context)
        finally:
            _judging.reset(token)
        return found

    def after(self, session: Any, view: View, request: GateRequest, **more: Any) -> None:
        """Tell hooks of what was done; whatever one raises is counted, and warned of when all have been told."""
        if request.verb in _telling.get():  # it is done by one that is being told of the like
            return
        broken = []
        token = _telling.set(_telling.get() | {request.verb})
        try:
            for hook in self.of("after", request.verb):
                try:
                    proposal = {**request.proposal(), **more}
                    event = checks.Event(request.verb, "after", request.subject, proposal, session.author)
                    hook.call(event, self._context(session, view, request))
                except (Exception, SystemExit) as error:  # noqa: BLE001 - it is done, and nothing told of it undoes that
                    broken.append((checks.name_of(hook.call), error_text(error)))
        finally:
            _telling.reset(token)
        for name, reason in broken:
            self.failed[name, request.verb] += 1
            times = self.failed[name, request.verb]
            often = "" if times == 1 else f" ({times} times by now)"
            warn(f"{name} failed{often} when told of {request.verb}: {reason}; what it was told of is done")

    def _context(self, session: Any, view: View, request: GateRequest) -> Any:
        if self.offers is None:
            raise InvalidInput("hooks need a project: mlcycle.open(url, hooks=[…])")
        return self.offers(session, view, request)
