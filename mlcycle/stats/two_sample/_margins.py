"""How large a change must be to matter: the usual sizes, those that were given, and those learnt from healthy times."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mlcycle.errors import InvalidInput, NotFound
from mlcycle.stats._arguments import check_size
from mlcycle.stats.two_sample._columns import KINDS

if TYPE_CHECKING:
    from collections.abc import Hashable

    from mlcycle.stats.two_sample._drafts import Measure

__all__ = ["MARGINS", "Margins"]

MARGINS = {
    "numeric": 0.1,
    "datetime": 0.1,
    "text": 0.1,
    "categorical": 0.05,
    "boolean": 0.05,
    "discrete": 0.02,
    "share": 0.02,
    "range": 0.01,
    "frequent values": 0.02,
    "granularity": 0.05,
    "repeated": 0.02,
    "time of day": 0.05,
    "vocabulary": 0.05,
    "new words": 0.05,
    "new signs": 0.02,
    "letters": 0.05,
    "nulls": 0.02,
    "unseen levels": 0.01,
    "lost levels": 0.01,
    "infinite": 0.01,
    "types": 0.02,
    "column": 0.0,
}
_WHAT = "the smallest change that matters"
_ASPECTS = ("values", "length", *(name for name in MARGINS if name not in KINDS))
_SHARES = ("share", "total variation")


@frozen
class Margins:
    """The margins of a comparison.

    Attributes
    ----------
    given : mapping, float, str or None
        What `drift` was given: checked.
    columns : tuple
        Every column of either side.
    """

    given: Any
    columns: tuple[Hashable, ...]

    @classmethod
    def of(cls, given: Any, columns: tuple[Hashable, ...]) -> Margins:
        """Return margins that can be used, or say what is wrong with them."""
        if isinstance(given, Mapping):
            if odd := [key for key in given if key not in columns and key not in (*KINDS, *_ASPECTS)]:
                raise NotFound(
                    f"margin names {odd[0]!r}, which is not a column, a kind or an aspect; those are "
                    f"{', '.join((*KINDS, *_ASPECTS))}."
                )
            return cls({key: _checked(value, f"margin of {key!r}") for key, value in given.items()}, columns)
        return cls(None if given is None else _checked(given, "margin"), columns)

    def of_measure(self, name: Hashable, kind: str, measure: Measure) -> float:
        """Return the margin of one measure, in its unit; infinite where another measure was given one instead."""
        own = measure.aspect in ("values", "length")
        usual = MARGINS[kind if own and kind in MARGINS else measure.aspect] if measure.unit else math.nan
        given, of_column = self.given, isinstance(self.given, Mapping) and name in self.given
        if isinstance(given, Mapping) and not of_column:
            key = kind if own and kind in given else measure.aspect
            return float(given[key]) if key in given and key not in self.columns else usual
        given = given[name] if of_column else given
        if isinstance(given, Mapping):
            return float(given.get(measure.aspect, usual))
        if given is None or not measure.unit or measure.aspect == "column":
            return usual
        if isinstance(given, _Share):
            return float(given) if measure.unit in _SHARES else math.inf
        if not own:  # what is given in the unit of values decides alone
            return math.inf if measure.aspect == "share" else usual
        given = given.total_seconds() if hasattr(given, "total_seconds") else float(given)
        if of_column:
            return given / measure.scale if measure.unit == "robust sd" else given
        if given < 1 or measure.unit == "robust sd":
            return given
        raise InvalidInput(
            f"margin {given:g} is a share of rows for column {name!r}, which is {kind}: give less than 1, "
            f"a mapping such as {{'numeric': {given:g}}}, or kinds={{{name!r}: 'numeric'}} if it is a number"
        )


class _Share(float):
    """A margin that was given in per cent of rows."""


def _checked(given: Any, name: str) -> Any:
    if isinstance(given, Mapping):
        if odd := [aspect for aspect in given if aspect not in _ASPECTS]:
            raise NotFound(f"{name} names {odd[0]!r}, which is not an aspect; those are {', '.join(_ASPECTS)}.")
        return {aspect: _checked(value, f"{name} for {aspect!r}") for aspect, value in given.items()}
    if isinstance(given, str):
        return _per_cent(given, name)
    if hasattr(given, "total_seconds") and given.total_seconds() >= 0:
        return given
    return check_size(given, name, _WHAT)


def _per_cent(given: str, name: str) -> Any:
    number = given.strip().removesuffix("%").strip()
    try:
        if given.strip().endswith("%"):
            found = float(number) / 100
            if 0 <= found < 1:
                return _Share(found)
    except ValueError:
        pass
    raise InvalidInput(
        f"{name} is {_WHAT}: a share of rows such as '5 %', a number of 0 or more, or a timedelta, got {given!r}"
    )
