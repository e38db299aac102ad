"""Parameters and other values as people pass them, turned into JSON that still says what was meant; never refused."""

from __future__ import annotations

import dataclasses
import math
import reprlib
from collections.abc import Collection, Mapping
from datetime import date, datetime, time, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any, cast

from mlcycle import provenance
from mlcycle._digest import json_number, json_text
from mlcycle.errors import InvalidInput

__all__ = ["ParamsEncoder", "as_params", "named_values"]

_MOST_ITEMS = 1_000  # of one list or array of a param; what is longer is data and belongs in an artifact or a dataset
_MOST_VALUES = 10_000  # in one param: a few lists that hold one another are quickly billions
_MOST_TEXT = 10_000
_TEXT_OF_ONE = 100  # so many characters count as one more value
_MOST_DEPTH = 50  # whoever reads a run goes down by recursion, and Python allows 1 000 calls
_MOST_DEPTH_WHOLE = 150  # four calls a level are made here
_MOST_INT_BITS = 14_000  # about 4 200 digits: Python reads no integer of more than 4 300
_MOST_WHERE = 100


def as_params(params: Any) -> dict[str, Any]:
    """Return parameters as a JSON object.

    Numbers of numpy become numbers, paths and dates text, small arrays and sets lists, estimators and dataclasses
    their class and parameters, functions their dotted name, enums their value. NaN and infinities are kept as
    ``{"$float": "NaN"}``, keys that are no text as text, and whatever has no JSON form as its `repr`.
    What is a secret by its name or its looks is kept as ``"[redacted:param]"``.

    Raises
    ------
    InvalidInput
        Only for what has no names and values at all, such as a number.

    Examples
    --------
    >>> as_params({"depth": 3, "path": PurePath("a/b"), "sizes": (1, 2), 7: 1 + 2j})
    {'depth': 3, 'path': 'a/b', 'sizes': [1, 2], '7': '(1+2j)'}
    """
    return ParamsEncoder().params(named_values(params))


def named_values(params: Any) -> dict[Any, Any]:
    """Return parameters as a dict: of a mapping, a namespace such as `argparse` makes, or a dataclass.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> named_values(SimpleNamespace(depth=3)), named_values(None)
    ({'depth': 3}, {})
    """
    if params is None:
        return {}
    if _is_namespace(params):
        return dict(vars(params))
    if dataclasses.is_dataclass(params) and not isinstance(params, type):
        return _fields(params)
    try:
        return dict(params.items())
    except Exception as error:
        raise InvalidInput(
            f"params is a dict of names and values, got {type(params).__name__}: {_shown(params, 80)}"
        ) from error


class ParamsEncoder:
    """Values of any kind as JSON; lives as long as one document is made, and knows afterwards what it did to them.

    Parameters
    ----------
    limited : bool, default True
        For parameters: keep of large lists, arrays and texts only what a reader can take in. Otherwise for data of the
        user's own, whole, and with its keys as they are.

    Attributes
    ----------
    shortened : list of str
        Where something was too large and is kept only in part.
    as_text : list of str
        Where something has no JSON form and is kept as its `repr`.
    not_finite : list of str
        Where NaN or an infinity is.
    """

    def __init__(self, *, limited: bool = True) -> None:
        self.shortened: list[str] = []
        self.as_text: list[str] = []
        self.not_finite: list[str] = []
        self._limited = limited
        self._depth = _MOST_DEPTH if limited else _MOST_DEPTH_WHOLE
        self._left = math.inf
        self._inside: set[int] = set()  # the containers around the value that is being spelled

    def params(self, params: Mapping[Any, Any]) -> dict[str, Any]:
        """Return a JSON object of parameters without their secrets, each with its own share of what may be kept."""
        made: dict[str, Any] = {}
        for key, value in params.items():
            self._left = _MOST_VALUES
            name = self._key(key, made)
            made[name] = self.value(value, name)
            if self._left < 0:
                made[name] = self._brief(value, name)
        return cast("dict[str, Any]", provenance.redact_params(made))

    def value(self, value: Any, where: str) -> Any:
        """Return one value as JSON; `where` is what to call it."""
        self._left -= 1
        if self._left < 0:
            return None  # the whole is kept in brief
        if len(self._inside) > self._depth:
            return self._brief(value, where)
        try:
            return self._known(value, where)
        except Exception:  # noqa: BLE001 - foreign code, and parameters stop no training
            return self._repr(value, where)

    def _known(self, value: Any, where: str) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, Enum):
            return self.value(value.value, where)
        if isinstance(value, int):
            number = int(value)
            if number.bit_length() <= _MOST_INT_BITS:
                return number
            self.as_text.append(where)
            return self._cut(hex(number), where)
        if isinstance(value, float):
            return self._number(float(value), where)
        if isinstance(value, str):
            return self._cut(str(value), where)
        if isinstance(value, PurePath):
            return json_text(value.as_posix())
        if isinstance(value, (date, datetime, time)):
            return value.isoformat()
        if isinstance(value, timedelta):
            return {"seconds": value.total_seconds()}
        if isinstance(value, Mapping) or _is_namespace(value):
            return self._object(value if isinstance(value, Mapping) else vars(value), value, where)
        if isinstance(value, (list, tuple, set, frozenset)):
            return self._list(value, where)
        return self._other(value, where)

    def _other(self, value: Any, where: str) -> Any:
        if isinstance(value, type):
            return _dotted(value)
        if hasattr(value, "get_params"):
            return {"class": _dotted(type(value)), "params": self._object(value.get_params(deep=False), value, where)}
        if dataclasses.is_dataclass(value):
            return {"class": _dotted(type(value)), "params": self._object(_fields(value), value, where)}
        if hasattr(value, "shape") and hasattr(value, "tolist"):
            return self._array(value, where)
        if callable(value):
            return _dotted(value)
        if hasattr(value, "dtype") or type(value).__module__.startswith(("numpy", "pandas")):
            return self._cut(str(value), where)
        return self._repr(value, where)

    def _array(self, value: Any, where: str) -> Any:
        if self._limited and math.prod(value.shape) > _MOST_ITEMS:
            return self._brief(value, where)
        kind = getattr(getattr(value, "dtype", None), "kind", "")
        # numpy turns moments finer than a microsecond into bare integers
        plain = (value.astype(str) if kind in "mM" and kind else value).tolist()
        if type(plain) is not type(value):
            return self.value(plain, where)
        if kind == "c":
            return self._repr(value, where)
        number = float(value)  # of extended precision: what is as large as no float is no infinity
        return self._repr(value, where) if math.isinf(number) and value != number else self._number(number, where)

    def _object(self, items: Mapping[Any, Any], whole: Any, where: str) -> Any:
        if id(whole) in self._inside:
            return self._itself("{...}", where)
        if self._limited and len(items) > _MOST_ITEMS:
            return self._brief(whole, where)
        made: dict[str, Any] = {}
        self._inside.add(id(whole))
        try:
            for key, item in items.items():
                name = self._key(key, made)
                made[name] = self.value(item, f"{where}.{name}"[:_MOST_WHERE])
        finally:
            self._inside.discard(id(whole))
        return made

    def _list(self, whole: Collection[Any], where: str) -> Any:
        if id(whole) in self._inside:
            return self._itself("[...]", where)
        if self._limited and len(whole) > _MOST_ITEMS:
            return self._brief(whole, where)
        items = sorted(whole, key=repr) if isinstance(whole, (set, frozenset)) else whole
        self._inside.add(id(whole))
        try:
            return [self.value(item, f"{where}[{n}]"[:_MOST_WHERE]) for n, item in enumerate(items)]
        finally:
            self._inside.discard(id(whole))

    def _itself(self, text: str, where: str) -> str:
        self.as_text.append(where)
        return text

    def _key(self, key: Any, taken: Mapping[str, Any]) -> str:
        """Return a key as text; two that would become one are told apart by their type."""
        text = key if isinstance(key, str) else _shown(key)
        text = json_text(str(text))
        if self._limited and text.startswith("$"):
            text = f"${text}"  # `json_value` takes it off again
        while text in taken:
            text = f"{text} ({type(key).__name__})"
        return text

    def _number(self, value: float, where: str) -> Any:
        if not math.isfinite(value):
            self.not_finite.append(where)
        return json_number(value)

    def _cut(self, text: str, where: str) -> str:
        if self._limited and len(text) > _MOST_TEXT:
            self.shortened.append(where)
            text = f"{text[:_MOST_TEXT]}… ({len(text)} characters)"
        self._left -= len(text) // _TEXT_OF_ONE
        return json_text(text)

    def _brief(self, value: Any, where: str) -> str:
        """Keep of what is too large what a person would look at."""
        self.shortened.append(where)
        text = _shown(value)
        self._left -= len(text) // _TEXT_OF_ONE
        return text

    def _repr(self, value: Any, where: str) -> str:
        self.as_text.append(where)
        text = _shown(value)
        if len(text) >= _MOST_TEXT:
            self.shortened.append(where)
        return text


def _shown(value: Any, most: int = _MOST_TEXT) -> str:
    """Return a `repr` that never raises, and never takes long for something that holds a lot."""
    brief = reprlib.Repr()
    brief.maxlevel = 6
    brief.maxdict = brief.maxlist = brief.maxtuple = brief.maxset = brief.maxfrozenset = brief.maxdeque = 100
    brief.maxstring = brief.maxlong = brief.maxother = most
    try:
        text = brief.repr(value)
        return json_text(text if len(text) <= most else f"{text[:most]}…")
    except Exception:  # noqa: BLE001 - an integer of 5 000 digits, or a class that cannot even be asked
        return f"<{_dotted(type(value))}>"


def _is_namespace(value: Any) -> bool:
    """Say whether this is a namespace of `argparse`, of `types`, or of a library that has made its own."""
    return type(value).__name__ in ("Namespace", "SimpleNamespace") and hasattr(value, "__dict__")


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _dotted(thing: Any) -> str:
    name = getattr(thing, "__qualname__", None) or getattr(thing, "__name__", None)
    if name is None and hasattr(thing, "func"):
        return f"partial:{_dotted(thing.func)}"
    return json_text(f"{getattr(thing, '__module__', '?')}.{name or type(thing).__qualname__}")
