"""Many checks on one subject: whatever each answers becomes results."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from numbers import Real
from typing import TYPE_CHECKING, Any

from attrs import evolve

from mlcycle._text import plain
from mlcycle.checks._context import default_data
from mlcycle.errors import MlcycleError
from mlcycle.records import Criterion, Result

if TYPE_CHECKING:
    from mlcycle.checks._context import Check, Context

__all__ = ["name_of", "run"]

_MOST = 1_000  # what one check may find: more nobody reads, and a document of an evaluation keeps it all
_CUT = f"it answered more than {_MOST:,} results, and those after them are left out; answer fewer, or a count"


def run(checks: Iterable[Check | Criterion], subject: str, context: Context) -> tuple[Result, ...]:
    """Run criteria and checks on a subject and return all their results, in order.

    Parameters
    ----------
    checks : iterable of Criterion or callable
        A callable takes ``(subject, context)`` and returns a `Result`, a number (a measurement, no verdict), True or
        False (pass, fail), or an iterable of these.
    subject : str
        What to judge, as a full ref.
    context : Context
        Where data and answers come from.

    Returns
    -------
    tuple of Result
        A check that raises, or answers what is none of the above, gives a result with the verdict ``"error"``.

    Notes
    -----
    Of a check that answers more than 1,000 results the others are left out, and an error says so.

    Examples
    --------
    >>> from mlcycle.checks import EvaluationContext
    >>> def is_small(subject, context):
    ...     return True
    >>> [str(result) for result in run([is_small], "model:churn@7", EvaluationContext())]
    ['pass: is_small']
    """
    found: list[Result] = []
    for check in checks:
        found += _one(check, subject, context)
    return tuple(found)


def _one(check: Check | Criterion, subject: str, context: Context) -> Iterable[Result]:
    if isinstance(check, Criterion):
        from mlcycle.checks._judge import judge

        return judge(check, subject, context)
    plainly: dict[str, Any] = {"check": name_of(check), "subject": subject, "data": default_data(context)}
    found: list[Result] = []
    try:
        for result in _results(check(subject, context), plainly):
            if len(found) == _MOST:
                found.append(Result(**plainly, verdict="error", detail=_CUT))
                break
            found.append(result)
    except MlcycleError as error:
        return [Result(**plainly, verdict="error", detail=plain(error))]
    except Exception as error:  # noqa: BLE001 - one check that breaks must not take the others with it
        return [Result(**plainly, verdict="error", detail=f"{type(error).__name__}: {error}")]
    return found


def name_of(check: Any) -> str:
    """Return what a check or a hook is called: a function by its name, a configured one as it prints."""
    name = getattr(check, "__name__", None)
    return name if isinstance(name, str) else repr(check)


def _results(said: Any, plainly: dict[str, Any]) -> Iterator[Result]:
    if isinstance(said, Result):
        yield evolve(said, subject=said.subject or plainly["subject"], data=said.data or plainly["data"])
        return
    said = said.item() if hasattr(said, "item") and getattr(said, "ndim", None) == 0 else said
    if isinstance(said, bool):
        yield Result(**plainly, verdict="pass" if said else "fail")
    elif isinstance(said, Real):
        value = float(said)
        if math.isfinite(value):
            yield Result(**plainly, verdict="not_applicable", value=value, detail="a measurement, no threshold")
        else:
            yield Result(**plainly, verdict="error", detail=f"it answered {value}")
    elif isinstance(said, Iterable) and not isinstance(said, (str, bytes, dict)):
        for item in said:
            yield from _results(item, plainly)
    else:
        reason = f"it answered {type(said).__name__}; a check answers a Result, a number, True or False, or several"
        yield Result(**plainly, verdict="error", detail=reason)
