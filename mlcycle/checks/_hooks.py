"""What is judged before it is committed, and told when it is: events, and what a user registers for them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from attrs import field, frozen

from mlcycle._ids import near
from mlcycle.checks._run_checks import name_of, run
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlcycle.checks._context import Answer, Context
    from mlcycle.records import Result

__all__ = ["Event", "Hook", "HookCall", "after", "ask_hooks", "before"]

_BOTH = (
    "scope.set",
    "dataset.commit",
    "model.register",
    "model.promote",
    "deployment.route",
    "project.rollback",
    "evaluation",
)
_VERBS = {
    "before": _BOTH,
    # A run that ended and traffic that came in are told: nobody could undo them.
    "after": (*_BOTH, "run.finish", "window.close"),
}


def _unchangeable(value: Any) -> Any:
    """Return mappings and lists as what nobody can change, to their depth: they may be what is committed."""
    if isinstance(value, Mapping):
        return MappingProxyType({key: _unchangeable(one) for key, one in value.items()})
    return tuple(map(_unchangeable, value)) if isinstance(value, list | tuple) else value


@frozen(eq=False)
class Event:
    """Something that is about to happen, or has.

    Attributes
    ----------
    verb : str
        What is done: ``"model.promote"``.
    moment : {"before", "after"}
    subject : str
        The full ref of what it is done to. Before, of the nearest thing that exists: the name, where a version is
        still to come; after, of the version that was made.
    proposal : mapping of str to object
        What is asked for, by the verb; it cannot be changed. `docs/how-to/hooks.md` has the table.
    actor : str
        Who does it.

    Examples
    --------
    >>> Event("model.promote", "before", "model:churn@7", {"alias": "production"}, "ada").proposal["alias"]
    'production'
    """

    verb: str
    moment: str
    subject: str
    proposal: Mapping[str, Any] = field(converter=_unchangeable)
    actor: str

    def __str__(self) -> str:
        return f"{self.moment} {self.verb} of {self.subject} by {self.actor}"


class HookCall(Protocol):
    """Any callable that looks at an event and says what it found; of one that is told, nothing is asked."""

    def __call__(self, event: Event, context: Context, /) -> Answer | None:
        """Judge what is about to happen, or take note of what has; None says nothing."""


@frozen(repr=False)
class Hook:
    """A callable, and what it is registered for; made by `before` and `after`.

    Attributes
    ----------
    moment : {"before", "after"}
    verb : str
    call : callable
    """

    moment: str
    verb: str
    call: HookCall

    def __repr__(self) -> str:
        return f"{self.moment}({self.verb!r}, {name_of(self.call)})"


def before(verb: str, fn: HookCall) -> Hook:
    """Register a callable to judge what is about to be committed; it may block.

    Parameters
    ----------
    verb : str
        ``"scope.set"``, ``"dataset.commit"``, ``"model.register"``, ``"model.promote"``, ``"deployment.route"``,
        ``"project.rollback"`` or ``"evaluation"``.
    fn : callable
        ``(event, context) -> Result | number | bool | iterable of them | None``. A result that blocks and fails, is
        inconclusive or in error keeps the commit out; so does an exception. None says nothing. It may read the project
        and not change it.

    Returns
    -------
    Hook
        For ``mlcycle.open(url, hooks=[…])``.

    Raises
    ------
    InvalidInput
        For a verb nothing is judged at, or what cannot be called with an event and a context.

    Examples
    --------
    >>> def no_nulls(event, context):
    ...     return not context.data.load().isna().any(axis=None)
    >>> before("dataset.commit", no_nulls)
    before('dataset.commit', no_nulls)
    """
    return _hook("before", verb, fn)


def after(verb: str, fn: HookCall) -> Hook:
    """Register a callable to be told of what was committed; it never blocks, and what it raises is a warning.

    Parameters
    ----------
    verb : str
        As in `before`, and ``"run.finish"``, ``"window.close"`` (traffic of a deployment was judged).
    fn : callable
        ``(event, context) -> object``; what it answers is not looked at. It is told at most once, by the process that
        committed, and not of the like that it, or another so told, commits.

    Examples
    --------
    >>> def notice(event, context):
    ...     print(event.actor, "promoted", event.subject)
    >>> after("model.promote", notice)
    after('model.promote', notice)
    """
    return _hook("after", verb, fn)


def _hook(moment: str, verb: Any, hook: Any) -> Hook:
    known = _VERBS[moment]
    if verb not in known:
        alike = near(verb, known) if isinstance(verb, str) else []
        hint = f"did you mean {' or '.join(map(repr, alike))}? " if alike else ""
        raise InvalidInput(f"{verb!r:.60} is not an event there are hooks {moment}; {hint}There are {', '.join(known)}")
    if not callable(hook):
        raise InvalidInput(f"a hook is a callable (event, context), got {type(hook).__name__}: {hook!r:.80}")
    try:
        inspect.signature(hook).bind(None, None)
    except TypeError as error:
        raise InvalidInput(
            f"a hook is called with an event and a context, and {name_of(hook)} takes other arguments ({error}); "
            "write def hook(event, context)"
        ) from error
    except ValueError:  # something built in that does not tell what it takes
        pass
    return Hook(moment, verb, hook)


@frozen(eq=False)
class _Asked:
    """A hook as a check: asked about an event, it answers as checks do."""

    hook: Hook
    event: Event

    @property
    def __name__(self) -> str:
        return name_of(self.hook.call)

    def __call__(self, subject: str, context: Context) -> Answer:
        said = self.hook.call(self.event, context)
        return () if said is None else said


def ask_hooks(hooks: Iterable[Hook], event: Event, context: Context) -> tuple[Result, ...]:
    """Return what hooks say before an event; what one raises, or answers that cannot be one, is an ``"error"``."""
    return run([_Asked(hook, event) for hook in hooks], event.subject, context)
