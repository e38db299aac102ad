"""Parameters as people pass them, turned into JSON that still says what was meant; or refused with the remedy."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any, cast

from mlcycle import provenance
from mlcycle._digest import json_number
from mlcycle.errors import InvalidInput

__all__ = ["as_params"]

_MOST_ITEMS = 1_000
_MOST_TEXT = 10_000


def as_params(params: Any) -> dict[str, Any]:
    """Return parameters as a JSON object.

    Numbers of numpy become numbers, paths and dates text, small arrays and sets lists, estimators their class and
    parameters, functions their dotted name, enums their value. NaN and infinities are kept as ``{"$float": "NaN"}``.
    What is a secret by its name or its looks is kept as ``"[redacted:param]"``.

    Raises
    ------
    InvalidInput
        For what has no useful JSON form (an array of more than 1 000 items, an open file …), with what to do.

    Examples
    --------
    >>> as_params({"depth": 3, "path": PurePath("a/b"), "sizes": (1, 2)})
    {'depth': 3, 'path': 'a/b', 'sizes': [1, 2]}
    """
    if params is None:
        return {}
    if not hasattr(params, "items"):
        raise InvalidInput(f"params is a dict of names and values, got {type(params).__name__}: {params!r:.80}")
    stored = {_key(key, "params"): _as_json(value, str(key)) for key, value in params.items()}
    return cast("dict[str, Any]", provenance.redact_params(stored))


def _key(key: Any, where: str) -> str:
    if not isinstance(key, str):
        raise InvalidInput(f"{where} has the key {key!r} of type {type(key).__name__}; keys are text")
    return key


def _as_json(value: Any, where: str) -> Any:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return json_number(float(value))
    if isinstance(value, str):
        return _as_text(str(value), where)
    if isinstance(value, Enum):
        return _as_json(value.value, where)
    if isinstance(value, PurePath):
        return value.as_posix()
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return {"seconds": value.total_seconds()}
    if isinstance(value, dict):
        return {_key(key, where): _as_json(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return _as_list(list(value), where)
    if isinstance(value, (set, frozenset)):
        return _as_list(sorted(value, key=repr), where)
    return _as_object(value, where)


def _as_text(value: str, where: str) -> str:
    if len(value) > _MOST_TEXT:
        raise InvalidInput(
            f"the param {where!r} is a text of {len(value)} characters; log it as an artifact and pass its name"
        )
    return value


def _as_list(values: list[Any], where: str) -> list[Any]:
    if len(values) > _MOST_ITEMS:
        raise InvalidInput(
            f"the param {where!r} has {len(values)} items; params hold at most {_MOST_ITEMS}: "
            "log it as an artifact, or add it as a dataset"
        )
    return [_as_json(item, f"{where}[{position}]") for position, item in enumerate(values)]


def _as_object(value: Any, where: str) -> Any:
    if hasattr(value, "get_params") and not isinstance(value, type):
        return {"class": _dotted(type(value)), "params": _as_json(value.get_params(deep=False), where)}
    if hasattr(value, "shape") and hasattr(value, "tolist"):
        size = math.prod(value.shape)
        if size > _MOST_ITEMS:
            raise InvalidInput(
                f"the param {where!r} is an array of {size} values; params hold at most {_MOST_ITEMS}: "
                "log it as an artifact, or add it as a dataset"
            )
        return _as_json(value.tolist(), where)
    if isinstance(value, type) or callable(value):
        return _dotted(value)
    if hasattr(value, "dtype") or type(value).__module__.startswith(("numpy", "pandas")):
        return str(value)
    raise InvalidInput(
        f"the param {where!r} is a {_dotted(type(value))}, which has no JSON form; pass a number, text, list or dict, "
        f"for example repr(…), or log it as an artifact"
    )


def _dotted(thing: Any) -> str:
    name = getattr(thing, "__qualname__", None) or getattr(thing, "__name__", None)
    if name is None and hasattr(thing, "func"):
        return f"partial:{_dotted(thing.func)}"
    return f"{getattr(thing, '__module__', '?')}.{name or type(thing).__qualname__}"
