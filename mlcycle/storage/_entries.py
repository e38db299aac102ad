"""One entry of the project log: its envelope, its bytes, its place in the chain."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlcycle._digest import canonical_json
from mlcycle.errors import Corrupt, InvalidInput, SchemaError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MAX_BYTES", "VERSION", "Entry", "decode_entry", "encode_entry", "entry_key"]

Entry = dict[str, Any]

# The envelope is a format for ever. A library refuses a larger number with SchemaError, so raise it only when readers
# must not go on; for everything else add a field (unknown ones are ignored and kept), a need, or a kind of change.
VERSION = 1

# Entries are read in bulk by everyone who opens the project: values and long text belong into files.
MAX_BYTES = 64 * 1024

_FIELDS: dict[str, type] = {
    "v": int,
    "n": int,
    "prev": str,
    "op": str,
    "verb": str,
    "author": str,
    "at": str,
    "clock": str,
    "message": str,
    "needs_read": list,
    "needs_write": list,
    "changes": list,
    "reuses": list,
}
_one_text = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"), check_circular=False
).encode  # made once: `canonical_json` makes one a call, and looks at keys, which are texts in what JSON gave


def entry_key(n: int) -> str:
    """Return the key of entry `n`.

    Examples
    --------
    >>> entry_key(42)
    'log/0000000042.json'
    """
    return f"log/{n:010d}.json"


def encode_entry(
    n: int,
    prev: str,
    *,
    op: str,
    verb: str,
    author: str,
    at: str,
    clock: str | None = None,
    message: str = "",
    changes: Sequence[Entry],
    reuses: Sequence[str] = (),
    needs_read: Sequence[str] = (),
    needs_write: Sequence[str] = (),
) -> bytes:
    """Return the bytes of an entry: compact UTF-8 JSON with sorted keys, at most 64 KB.

    Parameters
    ----------
    n : int
        Its number, from 0.
    prev : str
        The digest of the stored bytes of entry ``n - 1``, ``""`` for entry 0.
    op : str
        The operation id: ``"user:…"`` where a caller gave one, else ``"auto:…"``.
    verb : str
        What was done, such as ``"model.promote"``.
    author, at, message : str
        Who, when (UTC text, never before the entry before) and why.
    clock : str, optional
        The writer's own time, where that is another than `at`.
    changes : sequence of dict
        What changed, each with its ``kind``.
    reuses : sequence of str
        Keys of files that the changes name and do not place.
    needs_read, needs_write : sequence of str
        What a library must understand to read on, or to write on.

    Raises
    ------
    InvalidInput
        When something in it is no JSON, or the entry would be too large.

    Examples
    --------
    >>> facts = {"verb": "project.create", "author": "ann", "at": "2026-11-23T00:00:00.000000Z"}
    >>> data = encode_entry(0, "", op="auto:1", **facts, changes=[{"kind": "begin"}])
    >>> decode_entry(data, 0, "")["verb"]
    'project.create'
    """
    entry: Entry = {
        "v": VERSION,
        "n": n,
        "log": None,
        "prev": prev,
        "op": op,
        "verb": verb,
        "author": author,
        "at": at,
        "clock": at if clock is None else clock,
        "message": message,
        "needs_read": list(needs_read),
        "needs_write": list(needs_write),
        "changes": list(changes),
        "reuses": list(reuses),
        "sig": None,
    }
    data = canonical_json(entry)
    if len(data) > MAX_BYTES:
        raise InvalidInput(
            f"an entry has at most {MAX_BYTES} bytes, this one has {len(data)}; "
            "shorten the message, commit in several steps, or put long text and values into a file"
        )
    trouble = _trouble(entry)
    if trouble:
        raise InvalidInput(f"this entry cannot be written: {trouble}")
    return data


def decode_entry(data: bytes, n: int, prev: str | None = None, *, canonical: bool = True) -> Entry:
    """Return the entry in stored bytes, checked as a document and as the link after `prev`.

    Parameters
    ----------
    data : bytes
        What is stored.
    n : int
        The number it is stored under.
    prev : str, optional
        The digest of the stored bytes of entry ``n - 1``; without it the link is not checked.
    canonical : bool, default True
        Refuse bytes that are not the one text of what they say. Whoever folds an entry looks, so that all readers of
        all languages read the same; what a checkpoint already vouches for need not be looked at again.

    Raises
    ------
    Corrupt
        When the bytes are torn, hold something else than an entry or another entry, or do not follow `prev`.
    SchemaError
        When a newer mlcycle wrote the envelope.
    """
    if len(data) > MAX_BYTES:
        raise _corrupt(n, f"it has {len(data)} bytes, an entry has at most {MAX_BYTES}")
    if not data:
        raise _corrupt(n, "it is empty")
    try:
        entry = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _corrupt(n, f"its {len(data)} bytes are not JSON ({error})") from error
    if isinstance(entry, dict) and isinstance(entry.get("v"), int) and entry["v"] > VERSION:
        raise SchemaError(
            f"{entry_key(n)} was written by a newer mlcycle (envelope {entry['v']}, this one reads {VERSION}); "
            "upgrade mlcycle to open this project"
        )
    trouble = _trouble(entry) or (_not_canonical(entry, data) if canonical else None)
    if trouble:
        raise _corrupt(n, trouble)
    if entry["n"] != n:
        raise _corrupt(n, f"it says it is entry {entry['n']}")
    if entry.get("log") is not None:
        raise SchemaError(
            f"{entry_key(n)} belongs to the branch {entry['log']!r:.60}, written by a newer mlcycle; "
            "upgrade mlcycle to open this project"
        )
    if prev is not None and entry["prev"] != prev:
        raise _corrupt(
            n, f"it follows {_short(entry['prev'])}, but {_before(n)}; one of the two is not what was committed"
        )
    return entry  # type: ignore[no-any-return]


def _not_canonical(entry: Entry, data: bytes) -> str | None:
    """Return how stored bytes differ from the one text of what they say, or None."""
    try:
        wanted = _one_text(entry).encode()
    except (ValueError, RecursionError) as error:  # NaN, or half a surrogate pair
        return f"it holds what canonical JSON cannot say ({error})"
    if wanted == data:
        return None
    if doubled := _doubled(data):
        return f"it holds the key {doubled!r:.60} twice in one object"
    at = next((i for i, (one, other) in enumerate(zip(wanted, data, strict=False)) if one != other), len(wanted))
    return (
        f"it is not canonical JSON (sorted keys, no spaces, one spelling of each value): at byte {at} it holds "
        f"{data[at : at + 20]!r}, not {wanted[at : at + 20]!r}"
    )


def _doubled(data: bytes) -> str | None:
    found: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: set[str] = set()
        for key, _ in pairs:
            found.extend([key] if key in seen else [])
            seen.add(key)
        return {}

    json.loads(data, object_pairs_hook=look)
    return found[0] if found else None


def _trouble(entry: Any) -> str | None:
    """Return why something is no envelope, or None."""
    if not isinstance(entry, dict):
        return f"it holds a {type(entry).__name__}, not an object"
    if "log" not in entry:
        return "its field 'log' is missing"
    for field, kind in _FIELDS.items():
        if type(entry.get(field)) is not kind:
            return f"its field {field!r} should be {kind.__name__} and is {entry.get(field)!r:.60}"
    if entry["v"] != VERSION:
        return f"its envelope is {entry['v']!r}, which no mlcycle has written"
    for change in entry["changes"]:
        if not isinstance(change, dict) or not isinstance(change.get("kind"), str):
            return f"a change is an object with a kind, not {change!r:.60}"
    for field in ("needs_read", "needs_write", "reuses"):
        if not all(isinstance(item, str) for item in entry[field]):
            return f"its field {field!r} should be a list of texts"
    return None


def _corrupt(n: int, trouble: str) -> Corrupt:
    return Corrupt(
        f"{entry_key(n)} is damaged: {trouble}. Put the file back from a copy of the store (log/rollup-*.jsonl.gz may "
        "hold the entry too); project.store.verify() lists everything that is hurt"
    )


def _before(n: int) -> str:
    return "nothing comes before entry 0" if n == 0 else f"the bytes of {entry_key(n - 1)} have another digest"


def _short(digest: str) -> str:
    return digest[:19] + "…" if digest else "nothing"
