"""Digests, canonical JSON, and the published 64-bit hash behind splits, routes and samples.

Everything here is a *format*: the texts and vectors in ``docs/format.md`` say the same, and a test compares them.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from mlcycle._hash64 import hash64_one
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "canonical_json",
    "hash64",
    "hash64_one",
    "json_number",
    "json_text",
    "json_value",
    "salt_of",
    "sha256_bytes",
    "sha256_file",
    "unit_interval",
]

_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def sha256_bytes(data: bytes | bytearray | memoryview) -> str:
    """Return the SHA-256 of some bytes as it is written everywhere in a store.

    Examples
    --------
    >>> sha256_bytes(b"")
    'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    """
    return "sha256:" + hashlib.sha256(data).hexdigest()


def sha256_file(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, as ``sha256:<64 hex digits>``.

    Examples
    --------
    >>> sha256_file("/dev/null") == sha256_bytes(b"")
    True
    """
    with Path(path).open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def canonical_json(value: Any) -> bytes:
    r"""Return the one JSON text of a value: keys sorted, no spaces, UTF-8.

    Keys are sorted by code point (which is the order of their UTF-8 bytes). Within strings only ``"``, ``\`` and
    the control characters below U+0020 are escaped, as ``\" \\ \b \f \n \r \t`` or ``\u00xx``. Integers have no
    leading zeros and no exponent; other numbers are the shortest decimal that reads back as the same IEEE 754
    double, in the notation of Python's ``repr``.

    Parameters
    ----------
    value : object
        Built of dict with text keys, list, tuple (written as a list), str, int, float, bool and None.

    Raises
    ------
    InvalidInput
        NaN, an infinity, a key that is no text, text that is no Unicode, or another type.

    Examples
    --------
    >>> canonical_json({"b": [1, 2.5, None], "a": "é"}).decode()
    '{"a":"é","b":[1,2.5,null]}'
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
        made = text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput("this text is not valid Unicode (a lone surrogate), so it has no JSON") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(
            f"this value has no JSON form: {error}; use dict with text keys, list, text, finite numbers, bool, None"
        ) from error
    _check_keys(value)
    return made


def json_number(value: float) -> float | dict[str, str]:
    """Return a number as JSON documents of a store hold it: what is not finite, which JSON cannot say, as an object.

    Examples
    --------
    >>> json_number(0.5), json_number(float("-inf"))
    (0.5, {'$float': '-Infinity'})
    """
    if math.isfinite(value):
        return value
    return {"$float": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}


def json_value(document: Any) -> Any:
    """Return JSON data of a store as it was meant: `json_number` undone, and one ``$`` taken off keys that have two.

    Examples
    --------
    >>> json_value({"limit": {"$float": "Infinity"}, "$$ref": [1]})
    {'limit': inf, '$ref': [1]}
    """
    if isinstance(document, list):
        return [json_value(item) for item in document]
    if not isinstance(document, dict):
        return document
    word = document.get("$float") if len(document) == 1 else None
    if isinstance(word, str) and word in _NOT_FINITE:
        return _NOT_FINITE[word]
    return {key[1:] if key.startswith("$$") else key: json_value(item) for key, item in document.items()}


def json_text(text: str) -> str:
    r"""Return text as UTF-8 can hold it: half a surrogate pair, as in names that are no UTF-8, as Python escapes it.

    Examples
    --------
    >>> print(json_text("caf\udce9.csv"), json_text("café.csv"))
    caf\udce9.csv café.csv
    """
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _check_keys(value: Any) -> None:
    # json would write other keys as text, and two of them as one key twice
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            for key in item:
                if not isinstance(key, str):
                    raise InvalidInput(f"a key of a JSON object is text, got {type(key).__name__}: {key!r:.60}")
            stack.extend(v for v in item.values() if isinstance(v, dict | list | tuple))
        elif isinstance(item, list | tuple):
            stack.extend(v for v in item if isinstance(v, dict | list | tuple))


def hash64(values: Any, salt: str) -> NDArray[np.uint64]:
    """Return the published hash of every value: where a row goes when data is split, routed or sampled.

    Equal numbers have equal hashes whatever their type (7, 7.0, np.int8(7)), moments whatever their unit; text never
    equals a number. All missing values (None, NaN, NaT, NA) form one group. Complete in ``docs/format.md``: the value's
    bytes, in lanes of 64 bits, each mixed in by the finaliser of SplitMix64 [1]_, between two keys from the
    SHA-256 of the salt.

    Parameters
    ----------
    values : array-like
        A numpy array, pandas Series or Index, Arrow array, or list, of integers, floats, booleans, text, bytes,
        dates, moments, durations, times or integral decimals.
    salt : str
        Another salt gives independent hashes; see `salt_of`.

    Returns
    -------
    numpy.ndarray of uint64
        One for each value.

    Raises
    ------
    InvalidInput
        Values of another type.

    References
    ----------
    .. [1] Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014.

    Examples
    --------
    >>> [f"{h:016x}" for h in hash64([7, 7.0, None], salt_of("split", "customers", "0"))]
    ['8db46737b43f840c', '8db46737b43f840c', '7433ecdbdcba6a4e']
    """
    from mlcycle._hash_columns import hash_column

    return hash_column(values, salt)


def salt_of(purpose: str, name: str, parent: str = "") -> str:
    """Return the salt for one use of the hash, so that no two uses depend on one another.

    Parameters
    ----------
    purpose : str
        What for: ``"split"``, ``"route"``, ``"sample"``.
    name : str
        Of what: a dataset, a deployment.
    parent : str, default ""
        What sets this use apart from the next one of its kind: a seed, a parent's digest.

    Examples
    --------
    >>> salt_of("split", "customers", "0")
    '["split","customers","0"]'
    """
    return canonical_json([purpose, name, parent]).decode()


@overload
def unit_interval(hashes: int) -> float: ...
@overload
def unit_interval(hashes: NDArray[np.uint64]) -> NDArray[np.float64]: ...
def unit_interval(hashes: Any) -> Any:
    """Return hashes as numbers in [0, 1): the upper 53 bits, divided by 2**53.

    Examples
    --------
    >>> unit_interval(2**63), unit_interval(2**64 - 1) < 1
    (0.5, True)
    """
    if isinstance(hashes, int):
        return (hashes >> 11) * 2.0**-53
    return (hashes >> 11).astype("f8") * 2.0**-53
