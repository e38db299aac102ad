"""Signals of the library and of users on one window, one after the other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from mlcycle import checks
from mlcycle.errors import InvalidInput
from mlcycle.monitoring._error_results import errors_as_results
from mlcycle.monitoring._signals import SIGNALS
from mlcycle.records import PHASES, Criterion, Result

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlcycle.monitoring._window import TrafficContext

__all__ = ["run_signals", "signals_given"]

_ALARMS = ("fail", "warn", "error")
_MOST = 1_001  # one more than `checks.run` keeps of a check, so that it says that there were more


def run_signals(signals: Iterable[Any], subject: str, context: TrafficContext) -> tuple[Result, ...]:
    """Run signals on a window and return all their results, in order.

    Parameters
    ----------
    signals : iterable of callable
        ``(subject, context) -> Result``, a number, True or False, or several of these. One may say what it is called
        and where to go next when it fails or breaks, as class attributes ``look`` and ``phase``; by default that is
        its own name, and ``"deployment"``.
    subject : str
        The deployment, as a full ref.
    context : TrafficContext
        Its ``traffic`` is the window.

    Returns
    -------
    tuple of Result
        Each says in `look` which signal it is of. A signal that breaks is a result with the verdict ``"error"``, and
        the others go on; one that needs a model nobody trusted is ``"not_applicable"``.

    Raises
    ------
    AccessDenied, StorageUnavailable
        Where the storage itself fails there is nothing to tell of traffic.

    Examples
    --------
    >>> from mlcycle.checks import EvaluationContext
    >>> def is_fine(subject, context):
    ...     return subject == "deployment:us"
    >>> [found] = run_signals([is_fine], "deployment:eu", EvaluationContext())
    >>> found.verdict, found.look, found.phase
    ('fail', 'is_fine', 'deployment')
    """
    return tuple(result for one in signals for result in _looked(one, subject, context))


def _looked(signal: Any, subject: str, context: Any) -> list[Result]:
    name, phase = _name(signal), getattr(signal, "phase", None) or "deployment"

    def work() -> Iterable[Result]:
        said = signal(subject, context)
        if type(signal) in SIGNALS.values():  # as many results as there are columns: none of them is left out
            return [evolve(one, subject=one.subject or subject) for one in said]
        told = list(itertools.islice(said, _MOST)) if isinstance(said, Iterator) else said
        return checks.run([_Answer(name, told)], subject, context)

    return [_placed(one, name, phase) for one in errors_as_results(work, look=name, subject=subject, phase=phase)]


def _placed(result: Result, look: str, phase: str) -> Result:
    """Return a result with its signal, and with a phase where it is an alarm and names none."""
    alarm = result.phase is None and result.verdict in _ALARMS
    return evolve(result, look=result.look or look, phase=phase if alarm else result.phase)


def _name(signal: Any) -> str:
    look = getattr(signal, "look", None)
    return look if look and isinstance(look, str) else checks.name_of(signal)


@frozen(eq=False)
class _Answer:
    """A check that has answered already: what a signal raises is weighed here, what it says like that of any check."""

    __name__: str
    said: Any

    def __call__(self, subject: str, context: Any) -> Any:
        return self.said


def signals_given(given: Any) -> list[Any]:
    """Return the signals a user gave, or refuse what is none before any work.

    Examples
    --------
    >>> signals_given([3])
    Traceback (most recent call last):
    ...
    mlcycle.errors.InvalidInput: a check of traffic is a callable (subject, context), got int: 3
    """
    if isinstance(given, str | bytes) or not hasattr(given, "__iter__"):
        raise InvalidInput(
            f"checks is a list of callables (subject, context), got {type(given).__name__}: {given!r:.60}"
        )
    found = list(given)
    for one in found:
        if isinstance(one, Criterion):
            raise InvalidInput(
                f"{one} is a criterion: traffic is judged by those of the scope, project.scope.set(criteria=[…]); "
                "a check given here is a callable (subject, context)"
            )
        if not callable(one):
            raise InvalidInput(
                f"a check of traffic is a callable (subject, context), got {type(one).__name__}: {one!r:.80}"
            )
        phase = getattr(one, "phase", None)
        if phase is not None and phase not in PHASES:
            raise InvalidInput(f"the phase of {_name(one)} is one of {', '.join(PHASES)}, got {phase!r:.80}")
    return found
