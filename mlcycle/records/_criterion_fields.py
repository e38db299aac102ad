"""What fields of criteria have in common: their last ones, and the values that are slips."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    import attrs

__all__ = ["TERMS", "finite", "flag", "terms_last", "text_or_none"]

TERMS = ("slices", "on", "confidence", "blocking")
"""Fields that say where, how surely, and whether it stops; every criterion has them, and shows them last."""
_LAST = ("at_most", *TERMS)  # what may break it stands before them, also where it is inherited


def terms_last(_: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    """Return the fields of a criterion as its table has them: what is asked, then where and how surely."""
    return sorted(fields, key=lambda one: _LAST.index(one.name) if one.name in _LAST else -1)


def finite(name: str, value: Any) -> float:
    """Return a finite number, or say by its name what came instead.

    Examples
    --------
    >>> finite("threshold", 1)
    1.0
    """
    # float() takes the text "0.9" and the truth value True, too; in a threshold both are slips.
    slip = isinstance(value, (str, bytes, bool)) or type(value).__name__ in ("bool", "bool_")
    try:
        number = math.nan if slip else float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"{name} is a number, got {type(value).__name__}: {value!r:.80}") from error
    if slip:
        raise InvalidInput(f"{name} is a number, got {type(value).__name__}: {value!r:.80}")
    if number - number != 0:
        raise InvalidInput(f"{name} is a finite number, got {number}")
    return number


def flag(value: Any) -> bool:
    """Return whether a criterion blocks, or say that a word is not an answer.

    Examples
    --------
    >>> flag(1)
    True
    """
    if type(value).__name__ not in ("bool", "bool_") and not (isinstance(value, int) and value in (0, 1)):
        raise InvalidInput(f"blocking is True or False, got {type(value).__name__}: {value!r:.80}")
    return bool(value)


def text_or_none(instance: Any, attribute: Any, value: Any) -> None:
    """Refuse what is neither a text nor nothing."""
    if value is not None and not (isinstance(value, str) and value.strip()):
        raise InvalidInput(f"{attribute.name} is text such as 'customers.test', got {value!r:.80}")
