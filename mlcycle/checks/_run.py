"""Many checks on one subject: whatever each answers becomes results."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real
from typing import TYPE_CHECKING, Any

from attrs import evolve

from mlcycle._text import plain
from mlcycle.errors import MlcycleError
from mlcycle.records import Criterion, Result

if TYPE_CHECKING:
    from mlcycle.checks._protocol import Check, Context

__all__ = ["name_of", "run"]


def run(checks: Iterable[Check | Criterion], subject: str, context: Context) -> tuple[Result, ...]:
    """Run criteria and checks on a subject and return all their results, in order.

    Parameters
    ----------
    checks : iterable of Criterion or callable
        A callable takes ``(subject, context)`` and returns a `Result`, a number (a measurement, no verdict), True or
        False (pass, fail), or an iterable of these.
    subject : str
        What to judge, as a ref.
    context : Context
        Where data and answers come from.

    Returns
    -------
    tuple of Result
        A check that raises, or answers what is none of the above, gives a result with the verdict ``"error"``.

    Examples
    --------
    >>> from mlcycle.checks import Bench
    >>> bench = Bench(data=None, load_rows=None, load_model=None, find_version=None)
    >>> def is_small(subject, context):
    ...     return True
    >>> [str(result) for result in run([is_small], "churn@7", bench)]
    ['pass: is_small']
    """
    found: list[Result] = []
    for check in checks:
        found += _one(check, subject, context)
    return tuple(found)


def _one(check: Check | Criterion, subject: str, context: Context) -> list[Result]:
    if isinstance(check, Criterion):
        from mlcycle.checks._judge import judge

        return list(judge(check, subject, context))
    name = name_of(check)
    try:
        return list(_results(check(subject, context), name, subject, context))
    except MlcycleError as error:
        reason = plain(error)
    except Exception as error:  # noqa: BLE001 - one check that breaks must not take the others with it
        reason = f"{type(error).__name__}: {error}"
    return [Result(check=name, subject=subject, data=context.data, verdict="error", detail=reason)]


def name_of(check: Any) -> str:
    """Return what a check or a hook is called: a function by its name, a configured one as it prints."""
    name = getattr(check, "__name__", None)
    return name if isinstance(name, str) else repr(check)


def _results(said: Any, name: str, subject: str, context: Context) -> Iterable[Result]:
    if isinstance(said, Result):
        yield evolve(said, subject=said.subject or subject, data=said.data or context.data)
        return
    said = said.item() if hasattr(said, "item") and getattr(said, "ndim", None) == 0 else said
    plain: dict[str, Any] = {"check": name, "subject": subject, "data": context.data}
    if isinstance(said, bool):
        yield Result(**plain, verdict="pass" if said else "fail")
    elif isinstance(said, Real):
        value = float(said)
        if math.isfinite(value):
            yield Result(**plain, verdict="not_applicable", value=value, detail="a measurement, no threshold")
        else:
            yield Result(**plain, verdict="error", detail=f"it answered {value}")
    elif isinstance(said, Iterable) and not isinstance(said, (str, bytes, dict)):
        for item in said:
            yield from _results(item, name, subject, context)
    else:
        reason = f"it answered {type(said).__name__}; a check answers a Result, a number, True or False, or several"
        yield Result(**plain, verdict="error", detail=reason)
