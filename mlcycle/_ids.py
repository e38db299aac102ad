"""Names, refs, identifiers and the time: the small words every room speaks."""

from __future__ import annotations

import difflib
import math
import os
import re
import time
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from mlcycle._times import written
from mlcycle.errors import InvalidInput, InvalidName

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = [
    "Ref",
    "bare",
    "canonical_id",
    "check_alias",
    "check_name",
    "name_key",
    "near",
    "new_id",
    "now",
    "parse_ref",
    "refs_of",
]

Label = TypeVar("Label")

_MAX_NAME = 128
_WINDOWS_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"com{i}" for i in range(10)), *(f"lpt{i}" for i in range(10))]
)
_REF = re.compile(r"(?:(?P<kind>[a-z][a-z-]*):)?(?P<name>[^@]*)(?:@(?P<version>.*))?", re.DOTALL)
# Letters, marks and decimal digits. Other numbers (a superscript, a fraction, a Roman numeral) are no part of a name:
# in other normal forms, and in many eyes, they are the digits or letters they resemble.
_CATEGORIES = frozenset(["Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd"])


class Ref(NamedTuple):
    """A parsed address: ``model:churn@production`` or ``customers.train@3``.

    Attributes
    ----------
    kind : str or None
        ``"dataset"`` or ``"model"`` where the text said so; another noun where such refs were asked for.
    name : str
        The name, with its part after a dot for datasets.
    version : int or str
        A number, an alias, or ``"latest"`` (also for a bare name).
    """

    kind: str | None
    name: str
    version: int | str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}@{self.version}" if self.kind else f"{self.name}@{self.version}"


def bare(ref: str) -> str:
    """Return a ref without its noun, for people.

    Examples
    --------
    >>> bare("model:churn@7")
    'churn@7'
    """
    return ref.partition(":")[2] or ref


def refs_of(noun: str, refs: Iterable[str]) -> list[str]:
    """Return those among full refs that are of a noun, in their order.

    Examples
    --------
    >>> refs_of("model", ["dataset:customers@3", "model:churn@7"])
    ['model:churn@7']
    """
    return [ref for ref in refs if ref.startswith(f"{noun}:")]


def new_id() -> str:
    """Return a fresh identifier of 32 hex digits that sorts by the time it was made.

    The first 12 digits are milliseconds since 1970, and the three behind the version are the fraction of that one; the
    rest is random (the layout of a UUID version 7, RFC 9562, with its method 3). So folders of ids list in the order in
    which one process made them, a quarter of a microsecond apart, and no two processes ever choose the same one.

    Examples
    --------
    >>> a, b = new_id(), new_id()
    >>> len(a), a != b
    (32, True)
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000  # 12 bits of it
    random = int.from_bytes(os.urandom(8), "big") & ~(0x3 << 62)
    value = (milliseconds << 80) | (0x7 << 76) | (fraction << 64) | (0x2 << 62) | random
    return f"{value:032x}"


def now() -> str:
    """Return the time in UTC, to the microsecond, as it is written everywhere in a store.

    Examples
    --------
    >>> len(now()), now()[-1]
    (27, 'Z')
    """
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def check_alias(alias: Any) -> str:
    """Return an alias in NFC, or say why it cannot be one.

    Raises
    ------
    InvalidName
        When it is no name.
    InvalidInput
        When it means a version already.

    Examples
    --------
    >>> check_alias("production")
    'production'
    """
    name = check_name(alias, "alias")
    if name.isdigit() or name_key(name) == "latest":
        raise InvalidInput(f"{name!r} cannot be an alias: numbers and 'latest' already mean a version")
    return name


def check_name(name: Any, what: str = "name", *, parts: bool = False) -> str:
    """Return the name in NFC, or say why it cannot be one.

    A name has 1 to 128 letters, decimal digits, ``-`` and ``_``, and is no Windows device name, because a store may be
    copied anywhere. The dot is kept for parts of datasets (``customers.train``).

    Parameters
    ----------
    name : str
        The name to check.
    what : str, default "name"
        What it names, for the message: ``"dataset name"``.
    parts : bool, default False
        Allow dotted parts.

    Raises
    ------
    InvalidName
        With the name, the rule it breaks and a name that would do.

    Examples
    --------
    >>> check_name("churn-2026")
    'churn-2026'
    >>> check_name("a/b", "dataset name")
    Traceback (most recent call last):
    ...
    mlcycle.errors.InvalidName: 'a/b' is not a valid dataset name: it holds '/'; use 1 to 128 letters, digits, ...
    """
    if not isinstance(name, str):
        raise InvalidName(f"the {what} is text, got {type(name).__name__}: {name!r:.80}")
    text = unicodedata.normalize("NFC", name)
    for piece in text.split(".") if parts else [text]:
        if trouble := _trouble(piece):
            suggestion = _suggest(text)
            remedy = f", for example {suggestion!r}" if suggestion else ""
            rule = f"use 1 to {_MAX_NAME} letters, digits, - and _"
            raise InvalidName(f"{_short(name)} is not a valid {what}: {trouble}; {rule}{remedy}")
    return text


def _trouble(text: str) -> str | None:
    if not text:
        return "it is empty"
    if text.isspace():
        return "it is only spaces"
    if len(text) > _MAX_NAME:
        return f"it has {len(text)} characters"
    for character in text:
        if not _belongs(character):
            return f"it holds {character!r}"
    if text.casefold() in _WINDOWS_DEVICES:
        return "Windows keeps it for a device"
    return None


def _belongs(character: str) -> bool:
    return character in "-_" or unicodedata.category(character) in _CATEGORIES


def _suggest(text: str) -> str | None:
    words = "".join(character if _belongs(character) else " " for character in text).split()
    made = "-".join(words).strip("-_")[:_MAX_NAME]
    return made if made and not _trouble(made) else None


def _short(value: str) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:56] + "…'"


def name_key(name: str) -> str:
    """Return what must be unique among names: two that differ only in case are one.

    Examples
    --------
    >>> name_key("Churn") == name_key("churn")
    True
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def parse_ref(text: str, kinds: Collection[str] | None = ("dataset", "model")) -> Ref:
    """Read an address such as ``churn@7``, ``customers.train`` or ``model:churn@production``.

    Parameters
    ----------
    text : str
        The address.
    kinds : collection of str or None
        The kinds it may begin with; None for any, as stored refs may be of nouns of a newer release.

    Examples
    --------
    >>> parse_ref("model:churn@production")
    Ref(kind='model', name='churn', version='production')
    >>> parse_ref("customers.train")
    Ref(kind=None, name='customers.train', version='latest')
    >>> parse_ref("deployment:eu", kinds=None)
    Ref(kind='deployment', name='eu', version='latest')
    """
    if not isinstance(text, str):
        raise InvalidInput(f"an address is text like 'churn@7' or a record, got {type(text).__name__}: {text!r:.80}")
    found = _REF.fullmatch(text)
    assert found is not None  # every text matches: the name takes what is left
    kind = found["kind"]
    if kind is None or (kinds is not None and kind not in kinds):
        unknown, colon, _ = text.partition("@")[0].partition(":")
        if colon:
            known = "kinds are words like 'model:'" if kinds is None else f"known are {_listed(kinds)}"
            raise InvalidName(f"{_short(text)} begins with an unknown kind {_short(unknown)}; {known}")
    name = check_name(found["name"], "name in an address", parts=True)
    version = found["version"]
    if version is None or version == "latest":
        return Ref(kind, name, "latest")
    if version.isascii() and version.isdigit():
        return Ref(kind, name, int(version))
    return Ref(kind, name, check_name(version, "alias"))


def _listed(kinds: Collection[str]) -> str:
    *most, last = (f"'{kind}:'" for kind in kinds)
    return f"{', '.join(most)} and {last}" if most else last


def near(name: Any, known: Iterable[Label], most: int = 3) -> list[Label]:
    """Return what exists and looks like `name` in any case, best first; labels of columns may be numbers, too.

    Examples
    --------
    >>> near("curn", ["churn", "fraud"])
    ['churn']
    >>> near("2", ["age", 2])
    [2]
    >>> near("PRODUCTION", ["production", "staging"])
    ['production']
    """
    by_key: dict[str, list[Label]] = {}
    for label in known:
        by_key.setdefault(name_key(str(label)), []).append(label)
    keys = difflib.get_close_matches(name_key(str(name)), list(by_key), n=most, cutoff=0.5)
    return [label for key in keys for label in by_key[key]][:most]


def canonical_id(value: Any) -> str | None:
    """Return the text under which an id of a row is stored, so that ids from pandas and from HTTP join.

    Integers, integral floats and decimals and their text are the same id; missing values are ``None``.

    Raises
    ------
    InvalidInput
        For a float so large that it may have lost digits, and for what has no text of its own.

    Examples
    --------
    >>> canonical_id(7), canonical_id(7.0), canonical_id("7"), canonical_id(float("nan"))
    ('7', '7', '7', None)
    """
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if value is None:
        return None
    if hasattr(value, "item"):
        return _id_of_scalar(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _id_of_float(value, 2.0**53)
    if isinstance(value, Decimal):
        if value.is_nan():
            return None
        return str(int(value)) if value.is_finite() and value == int(value) else format(value.normalize(), "f")
    if isinstance(value, datetime):
        if value != value:  # NaT is not itself
            return None
        return value.isoformat() if getattr(value, "nanosecond", 0) else written(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | dict | set | frozenset) or object.__repr__(value) == repr(value):
        raise InvalidInput(f"an id is a number or text, got {type(value).__name__}: {value!r:.80}")
    if isinstance(value, tuple):
        value = tuple(one.item() if hasattr(one, "item") else one for one in value)
    text = str(value)
    return None if text in ("<NA>", "NaT") else unicodedata.normalize("NFC", text)


def _id_of_scalar(value: Any) -> str | None:
    """Return the id of a scalar of numpy."""
    if getattr(value, "shape", ()) != ():
        raise InvalidInput(f"an id is a number or text, got {type(value).__name__} of shape {value.shape}")
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind in "mM" and kind:
        return None if str(value) == "NaT" else canonical_id(_moment_of(value))
    if kind == "f":
        import numpy as np

        return _id_of_float(float(value), 2.0 ** (np.finfo(value.dtype).nmant + 1))
    return canonical_id(value.item())


def _moment_of(value: Any) -> Any:
    import pandas as pd

    return pd.Timestamp(value) if value.dtype.kind == "M" else str(pd.Timedelta(value))


def _id_of_float(value: float, exact: float) -> str | None:
    if math.isnan(value):
        return None
    if abs(value) >= exact:
        raise InvalidInput(
            f"the id {value!r} is a float too large for its last digits to be known, as after a merge with missing "
            "ids: keep ids as whole numbers (Int64) or as text"
        )
    return str(int(value)) if value.is_integer() else repr(value)
