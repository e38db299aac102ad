"""Many checks on one subject: whatever each answers becomes results."""

from __future__ import annotations

import functools
import inspect
import math
import re
from collections.abc import Iterable, Iterator
from numbers import Real
from typing import TYPE_CHECKING, Any

from attrs import evolve

from mlcycle._error_text import error_text
from mlcycle._text import plain
from mlcycle.checks._context import default_data
from mlcycle.errors import MlcycleError
from mlcycle.records import Criterion, Result, from_json, to_json

if TYPE_CHECKING:
    from mlcycle.checks._context import Check, Context

__all__ = ["name_of", "run"]

_MOST = 1_000  # what one check may find: more nobody reads, and a document of an evaluation keeps it all
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
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
        A check that raises, or answers anything else, gives a result with the verdict ``"error"``.

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
        from mlcycle.checks._judge_criterion import judge

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
    except (Exception, SystemExit) as error:  # noqa: BLE001 - one check that breaks must not take the others with it
        return [Result(**plainly, verdict="error", detail=error_text(error))]
    return found


def name_of(check: Any) -> str:
    """Return what a check or a hook is called: a function by its name, a configured one as it prints.

    It is called the same in every process: an object that prints nothing but where it lies goes by its class.

    Examples
    --------
    >>> from functools import partial
    >>> name_of(partial(max, 3, key=abs)), name_of("".join), name_of(object())
    ('max(3, key=abs)', 'join', 'object')
    """
    if isinstance(check, functools.partial):
        given = [*map(name_of, check.args), *(f"{key}={name_of(value)}" for key, value in check.keywords.items())]
        return f"{name_of(check.func)}({', '.join(given)})"
    name = getattr(check, "__name__", None)
    if isinstance(name, str):
        owner = check.__self__ if inspect.ismethod(check) else None
        return name if owner is None else f"{(owner if isinstance(owner, type) else type(owner)).__name__}.{name}"
    kind: Any = type(check)
    try:
        shown = kind.__name__ if kind.__repr__ is object.__repr__ else repr(check)
    except Exception:  # noqa: BLE001 - what cannot be printed goes by its class, too
        return str(kind.__name__)
    # a frame among the arguments prints as many lines as it likes
    return _ADDRESS.sub("", shown) if "\n" not in shown else kind.__name__


def _results(answer: Any, plainly: dict[str, Any]) -> Iterator[Result]:
    if isinstance(answer, Result):
        found = evolve(answer, subject=answer.subject or plainly["subject"], data=answer.data or plainly["data"])
        from_json(to_json(found))  # one that could not be read again would hide what is kept beside it
        yield found
        return
    answer = answer.item() if hasattr(answer, "item") and getattr(answer, "ndim", None) == 0 else answer
    if getattr(answer, "ndim", 0):  # a verdict a row is a forgotten .all(), and nobody reads so many
        many = f"{answer.size:,} value{'' if answer.size == 1 else 's'}"
        reason = f"it answered a {type(answer).__name__} of {many}; answer one, for example with .all()"
        yield Result(**plainly, verdict="error", detail=reason)
    elif isinstance(answer, bool):
        yield Result(**plainly, verdict="pass" if answer else "fail")
    elif isinstance(answer, Real):
        value = float(answer)
        if math.isfinite(value):
            yield Result(**plainly, verdict="not_applicable", value=value, detail="a measurement, no threshold")
        else:
            yield Result(**plainly, verdict="error", detail=f"it answered {value}")
    elif isinstance(answer, Iterable) and not isinstance(answer, (str, bytes, dict)):
        for item in answer:
            yield from _results(item, plainly)
    else:
        reason = f"it answered {type(answer).__name__}; a check answers a Result, a number, True or False, or several"
        yield Result(**plainly, verdict="error", detail=reason)
