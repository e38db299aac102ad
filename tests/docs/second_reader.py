"""A second implementation of what docs/format.md says of the log and what it means; it imports nothing of mlcycle.

Written from the page alone, and for being read beside it: every question goes through all the changes there are.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Doc = dict[str, Any]
Key = tuple[str, str]  # noun, and what is unique of a name

ROLLUP = 1024
MOST_BYTES = 65_536
KINDS = [
    *("project.create", "store.copied", "name.set", "version.add", "pointer.move", "version.mark"),
    *("fact.add", "project.rollback", "tag.set", "place", "sweep"),
]
MARKS = ["dropped", "retracted", "rejected", "swept"]
ENVELOPE = {
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


class DamagedError(Exception):
    """The store is not what was written."""


class NewerError(Exception):
    """Reading on takes a newer library."""


def canonical(value: Any) -> bytes:
    """Return canonical JSON; Python's shortest decimals are the page's."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()


def digest(data: bytes) -> str:
    """Return a digest."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


# reading -------------------------------------------------------------------------------------------------------------


def read_log(store: Path) -> list[Doc]:
    """Return the entries of a store, by name until one is absent."""
    entries: list[Doc] = []
    prev = ""
    while (found := _stored(store, len(entries), prev)) is not None:
        entry, prev = found[0], digest(found[1])
        if entry["needs_read"]:
            raise NewerError(f"entry {entry['n']} needs {entry['needs_read']}")
        entries.append(entry)
    if any(_path(store, len(entries) + i).exists() for i in range(1, 9)):
        raise DamagedError(f"entry {len(entries)} is missing")
    return entries


def _path(store: Path, n: int) -> Path:
    return store / "log" / f"{n:010d}.json"


def _stored(store: Path, n: int, prev: str) -> tuple[Doc, bytes] | None:
    """Return an entry and its bytes: its own, or where those are empty or damaged its line in the rollup."""
    path = _path(store, n)
    if not path.exists():
        return None
    data = path.read_bytes()
    try:
        return _decoded(data, n, prev), data
    except DamagedError:
        line = _rolled(store, n)
        if line is None:
            raise
        return _decoded(line, n, prev), line


def _rolled(store: Path, n: int) -> bytes | None:
    first = n - n % ROLLUP
    try:
        packed = gzip.decompress((store / "log" / f"rollup-{first}-{first + ROLLUP - 1}.jsonl.gz").read_bytes())
    except (OSError, EOFError):
        return None
    lines = packed.split(b"\n")
    return lines[n - first] if len(lines) == ROLLUP + 1 and not lines[-1] else None


def _decoded(data: bytes, n: int, prev: str) -> Doc:
    try:
        entry: Doc = json.loads(data)
        if isinstance(entry, dict) and entry.get("v", 0) > 1:
            raise NewerError(f"entry {n} is of version {entry['v']}")
        good = len(data) <= MOST_BYTES and canonical(entry) == data
    except ValueError as error:
        raise DamagedError(f"entry {n}: {error}") from error
    if not good or not all(type(entry.get(field)) is kind for field, kind in ENVELOPE.items()):
        raise DamagedError(f"entry {n} is not canonical, or lacks a field")
    if (
        entry["n"] != n
        or entry["prev"] != prev
        or not all(isinstance(one.get("kind"), str) for one in entry["changes"])
    ):
        raise DamagedError(f"entry {n} is another, or does not follow")
    if entry["log"] is not None:
        raise NewerError(f"entry {n} is of a branch")
    return entry


def read_list(store: Path, file: Doc) -> list[Doc]:
    """Return what a list file lists."""
    data = (store / file["key"]).read_bytes()
    if (len(data), digest(data)) != (file["size"], file["sha256"]):
        raise DamagedError(file["key"])
    head, *lines = [json.loads(line) for line in data.splitlines()]
    if (head["files"], head["v"], head["needs_read"]) != (len(lines), 1, []):
        raise DamagedError(file["key"])
    return lines


# what entries mean ---------------------------------------------------------------------------------------------------


def unique(of: str, name: str) -> Key:
    """Return what is unique of a name."""
    return of, unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


class Reader:
    """What some entries mean, as of any of them.

    Attributes
    ----------
    entries : list of dict
    read_only : list of str
        What keeps this reader from writing.
    """

    def __init__(self, entries: list[Doc]) -> None:
        self.entries = entries
        self.read_only = sorted({word for entry in entries for word in _obstacles(entry)})
        self._check()

    def _check(self) -> None:
        made: dict[Key, int] = {}
        for n, change in self._changes(len(self.entries) - 1):
            if change["kind"] == "version.add":
                key = unique(change["of"], change["name"])
                made[key] = made.get(key, 0) + 1
                if change["number"] != made[key]:
                    raise DamagedError(f"entry {n} adds number {change['number']} of {key}")
            if change["kind"] == "project.rollback" and not 0 <= change["to"] < n:
                raise DamagedError(f"entry {n} goes to {change['to']}")

    def _changes(self, n: int, *kinds: str, key: Key | None = None) -> Iterator[tuple[int, Doc]]:
        """Yield the changes up to an entry, with their entry: of some kinds, of one name."""
        for entry in self.entries[: n + 1]:
            for change in entry["changes"]:
                if (not kinds or change["kind"] in kinds) and (
                    key is None or ("name" in change and "of" in change and unique(change["of"], change["name"]) == key)
                ):
                    yield entry["n"], change

    def id(self, n: int) -> str:
        """Return the id of the project."""
        return [change["id"] for _, change in self._changes(n, "project.create", "store.copied")][-1]

    def tags(self, n: int) -> dict[str, int]:
        """Return the tags and the entries they name."""
        return {change["name"]: change["to"] for _, change in self._changes(n, "tag.set")}

    def names(self, n: int) -> dict[Key, str]:
        """Return every name, as it stood in the log first."""
        found: dict[Key, str] = {}
        for _, change in self._changes(n, "name.set", "version.add", "pointer.move", "version.mark"):
            found.setdefault(unique(change["of"], change["name"]), change["name"])
        return found

    def spans(self, key: Key, n: int) -> list[tuple[int, int]]:
        """Return the spans of entries, after and up to, that count for a name."""
        fixed = [m for m, change in self._changes(n, "name.set", key=key) if change.get("fixed")]
        end, found = n, []
        for m, back in reversed([*self._changes(n, "project.rollback")]):
            kept = [unique(*full.split(":", 1)) for full in back.get("keep", [])]
            if m <= end and key not in kept and not (fixed and fixed[0] <= m):
                found.insert(0, (m, end))
                end = back["to"]
        return [(-1, end), *found]

    def stacks(self, key: Key, n: int) -> dict[str, list[int | None]]:
        """Return the states of every pointer a name ever had."""
        found: dict[str, list[int | None]] = {}
        spans = self.spans(key, n)
        for m, move in self._changes(n, "pointer.move", key=key):
            stack = found.setdefault(move["pointer"], [])
            if any(low < m <= high for low, high in spans):
                del stack[max(0, len(stack) - move.get("pops", 0)) :]
                if (stack[-1] if stack else None) != move.get("after"):
                    stack.append(move.get("after"))
        return found

    def marked(self, key: Key, mark: str, n: int) -> set[int]:
        """Return the numbers that bear a mark, 0 for the thing itself."""
        found: set[int] = set()
        spans = self.spans(key, n) if mark == "retracted" else [(-1, n)]
        for i, (low, high) in enumerate(spans):
            if i:
                added = [(m, one["number"]) for m, one in self._changes(n, "version.add", key=key)]
                found |= {number for m, number in added if spans[i - 1][1] < m <= low}
            for m, change in self._changes(n, "version.mark", key=key):
                if change["mark"] == mark and low < m <= high and change.get("numbers"):
                    _mark(found, change)
        for _, change in self._changes(n, "version.mark", key=key):
            if change["mark"] == mark and not change.get("numbers"):
                _mark(found, change)
        there = {one["number"] for _, one in self._changes(n, "version.add", key=key)}
        return found & (there | {0})

    def latest(self, key: Key, n: int) -> int | None:
        """Return the newest version that no mark hides."""
        marks = self.marks(key, n) | {"retracted"}
        hidden = set().union(*(self.marked(key, mark, n) for mark in marks - {"swept"}))
        return max({one["number"] for _, one in self._changes(n, "version.add", key=key)} - hidden, default=None)

    def said(self, key: Key, n: int) -> Doc:
        """Return what is said of a name itself."""
        found: Doc = {}
        for _, change in self._changes(n, "name.set", key=key):
            found |= _more(change, "of", "name", "id", "fixed", "needs", "guards")
        return {field: value for field, value in found.items() if value is not None}

    def name_id(self, key: Key, n: int) -> str | None:
        """Return the id of what is stored under a name: the first that was said."""
        return next((change["id"] for _, change in self._changes(n, "name.set", key=key) if change.get("id")), None)

    def marks(self, key: Key, n: int) -> set[str]:
        """Return the marks of which anything was said."""
        return {change["mark"] for _, change in self._changes(n, "version.mark", key=key)}

    def versions(self, key: Key, n: int) -> list[Doc]:
        """Return what the versions of a name say, by number."""
        return [change for _, change in self._changes(n, "version.add", key=key)]

    def facts(self, n: int) -> list[Doc]:
        """Return every fact that stands, in order."""
        return [change for _, change in self._changes(n, "fact.add") if self._stands(change, n)]

    def guards(self, key: Key, n: int) -> Doc:
        """Return the guards of a name."""
        said = [
            change["guards"] for _, change in self._changes(n, "name.set", key=key) if change.get("guards") is not None
        ]
        return said[-1] if said else {}

    # as of now -------------------------------------------------------------------------------------------------------

    def placed(self) -> dict[str, Doc]:
        """Return every object that is placed, with the change that says where."""
        found: dict[str, Doc] = {}
        for _, change in self._changes(len(self.entries), "place", "sweep"):
            if change["kind"] == "place":
                found[change["object"]] = change
            for one in change.get("swept", []):
                found.pop(one, None)
        return found

    def needed(self) -> set[str]:
        """Return every stored object that something standing needs."""
        n = len(self.entries)
        return {
            one
            for _, change in self._changes(n, "version.add", "name.set", "fact.add")
            if self._stands(change, n)
            for one in change.get("needs", [])
        }

    def _stands(self, change: Doc, n: int) -> bool:
        key = unique(change["of"], change.get("name", change.get("id")))
        gone = self.marked(key, "dropped", n) | self.marked(key, "swept", n)
        return not gone & {0, change.get("number", 0)}

    def kept(self, store: Path) -> dict[str, Doc]:
        """Return every file that must stay, by key; those below prefixes and in folders of runs are not listed."""
        found: dict[str, Doc] = {}
        for one in self.placed().keys() & self.needed():
            place = self.placed()[one]
            listed = [place["listed"], *read_list(store, place["listed"])] if place.get("listed") else []
            found |= {file["key"]: file for file in [*place.get("files", []), *listed]}
        return found


def _obstacles(entry: Doc) -> Iterator[str]:
    yield from (f"need {need}" for need in entry["needs_write"])
    for change in entry["changes"]:
        if change["kind"] not in KINDS and change.get("optional") is not True:
            yield f"change {change['kind']}"
        if change["kind"] == "version.mark" and change["mark"] not in MARKS:
            yield f"mark {change['mark']}"


def _mark(found: set[int], change: Doc) -> None:
    numbers = {i for first, last in change.get("numbers") or [[0, 0]] for i in range(first, last + 1)}
    (found.update if change.get("on", True) else found.difference_update)(numbers)


def _more(change: Doc, *own: str) -> Doc:
    return {field: value for field, value in change.items() if field not in {"kind", *own}}
