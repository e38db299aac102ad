"""Mappings of which most values are never looked at: kept as the JSON they were stored in until something asks."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from threading import RLock
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["LazyMapping", "NounMappings"]

T = TypeVar("T")

# A part is what one question brings: of a bucket the journey then costs about as much as the bytes, and a disk is asked
# in milliseconds, also where the newest entries touch one name of each noun.
PART_BYTES = 256 * 1024


class LazyMapping(Generic[T]):
    """Values under text keys, some of them still in parts of a checkpoint.

    Readers take no lock of the log, so a value is parsed under a lock of its own: who folds and who reads must get one
    and the same object, or what was folded into it would be lost.

    Parameters
    ----------
    empty : callable
        Makes a value for a new key.
    parse, plain : callable
        JSON data to a value, and back.
    parts : sequence of (str, callable)
        The first key of each part, ascending, and what reads its bytes.
    """

    def __init__(
        self,
        empty: Callable[[], T],
        parse: Callable[[Any], T],
        plain: Callable[[T], Any],
        parts: Sequence[tuple[str, Callable[[], bytes]]] = (),
    ) -> None:
        self._empty, self._parse, self._plain = empty, parse, plain
        self._firsts = [first for first, _ in parts]
        self._unread: dict[int, Callable[[], bytes]] = {i: read for i, (_, read) in enumerate(parts)}
        self._raw: dict[str, bytes] = {}
        self._values: dict[str, T] = {}
        self._lock = RLock()

    def get(self, key: str) -> T | None:
        """Return the value of a key, None where there is none; the part that may hold it is read."""
        # Asked first: what another thread parses after this is a value by the time it is looked for.
        all_parsed = not (self._unread or self._raw)
        found = self._values.get(key)
        if found is not None or all_parsed:
            return found
        with self._lock:
            if self._unread:
                self._read(max(0, bisect_right(self._firsts, key) - 1))
            raw = self._raw.get(key)
            if raw is not None:
                self._values[key] = self._parse(json.loads(raw))
                del self._raw[key]
            return self._values.get(key)

    def need(self, key: str) -> T:
        """Return the value of a key, a new one where there is none."""
        found = self.get(key)
        if found is None:
            with self._lock:
                found = self._values.setdefault(key, self._empty())
        return found

    @property
    def parted(self) -> bool:
        """Whether a part is still to be read."""
        return bool(self._unread)

    def keys(self) -> list[str]:
        """Return every key; all parts are read, no value is parsed."""
        with self._lock:
            for i in list(self._unread):
                self._read(i)
            return [*self._raw, *self._values]

    def values(self) -> list[T]:
        """Return every value there is now; all are parsed."""
        with self._lock:
            self.keys()
            # One JSON text for all of them: parsing each by itself takes twice as long.
            for key, plain in zip(list(self._raw), json.loads(b"[%s]" % b",".join(self._raw.values())), strict=True):
                self._values[key] = self._parse(plain)
                del self._raw[key]
            return list(self._values.values())

    def dump(self, name: str) -> dict[str, bytes]:
        """Return the parts: lines ``key TAB json`` in the order of keys, each part named by its first key.

        What comes out follows from the values alone, whatever was read or parsed on the way.
        """
        with self._lock:
            lines = [(key, self._line(key)) for key in sorted(self.keys())]
        found: dict[str, bytes] = {}
        part: list[bytes] = []
        first, size = "", 0
        for key, line in lines:
            if part and size + len(line) > PART_BYTES:
                found[f"{name}/{first}"] = b"".join(part)
                part, size = [], 0
            first = key if not part else first
            part.append(line)
            size += len(line)
        if part:
            found[f"{name}/{first}"] = b"".join(part)
        return found

    def _line(self, key: str) -> bytes:
        raw = self._raw.get(key)
        if raw is None:
            raw = json.dumps(self._plain(self._values[key]), ensure_ascii=False, separators=(",", ":")).encode()
        return b"%s\t%s\n" % (_escaped(key).encode(), raw)

    def _read(self, i: int) -> None:
        if i not in self._unread:
            return
        for line in self._unread[i]().splitlines():
            key, _, raw = line.partition(b"\t")
            self._raw[_unescaped(key.decode())] = raw
        del self._unread[i]  # last, so that a part that could not be read is asked for again


class NounMappings(Generic[T]):
    """`LazyMapping` by noun: ``names/dataset``, ``names/model``, and those of nouns nobody here knows.

    Parameters
    ----------
    name : str
        What the parts begin with: ``"names"``.
    make : callable
        Parts (as for `LazyMapping`) to a `LazyMapping`.
    parts : iterable of str
        The parts a checkpoint has.
    read : callable
        Part to its bytes.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[Sequence[tuple[str, Callable[[], bytes]]]], LazyMapping[T]],
        parts: Sequence[str] = (),
        read: Callable[[str], bytes] = lambda part: b"",
    ) -> None:
        self._name, self._make = name, make
        stored: dict[str, list[tuple[str, Callable[[], bytes]]]] = {}
        for part in parts:
            head, _, rest = part.partition("/")
            of, _, first = rest.partition("/")
            if head == name:
                stored.setdefault(unquote(of), []).append((first, lambda part=part: read(part)))  # type: ignore[misc]
        self._lines = {of: make(sorted(firsts, key=lambda one: one[0])) for of, firsts in stored.items()}

    def of(self, of: str) -> LazyMapping[T] | None:
        """Return the lines of a noun, None where there are none."""
        return self._lines.get(of)

    def need(self, of: str) -> LazyMapping[T]:
        """Return the lines of a noun, new ones where there are none."""
        found = self._lines.get(of)
        if found is None:
            found = self._lines.setdefault(of, self._make(()))
        return found

    @property
    def parted(self) -> bool:
        """Whether a part of any noun is still to be read."""
        return any(lines.parted for lines in list(self._lines.values()))

    def hold(self, of: str | None = None, key: str = "") -> None:
        """Read the part that may hold a key of a noun; without one, all parts."""
        if of is None:
            for lines in list(self._lines.values()):
                lines.keys()
        elif (found := self._lines.get(of)) is not None:
            found.get(key)

    def nouns(self) -> list[str]:
        """Return the nouns there are, sorted."""
        return sorted(self._lines)

    def dump(self) -> dict[str, bytes]:
        """Return the parts of all nouns."""
        found: dict[str, bytes] = {}
        for of in self.nouns():
            found |= self._lines[of].dump(f"{self._name}/{quote(of, safe='')}")  # a noun of others may hold a slash
        return found


_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_MEANT = {escape: text for text, escape in _ESCAPES.items()}


def _escaped(key: str) -> str:
    """Return a key as it stands before a tab: what would end it is escaped."""
    return key if key.isidentifier() else re.sub(r"[\\\t\n\r]", lambda found: _ESCAPES[found[0]], key)


def _unescaped(key: str) -> str:
    return re.sub(r"\\.", lambda found: _MEANT[found[0]], key) if "\\" in key else key
