"""Names of stream segments, and how lines are put together again from them.

A stream is a set of writers that know nothing of one another. A writer's bytes, from its first to its last, are cut
into segments, each one key::

    <prefix><stem><writer>-<start>-<end>.jsonl      bytes start up to end of that writer, all of them, for ever
    <prefix><stem><writer>-<start>.jsonl            a file that its writer appends to, where the store can append

``prefix`` is a folder and ends in ``/``; ``stem`` tells streams of one folder apart (``points-``) or is empty; the
writer is 40 hex digits, an id that sorts by time (32) and a tag of the machine (8). A name with both ends says which
bytes it holds, so whoever uploads it again uploads a copy. Segments of one writer may overlap (an upload repeated by a
later process), and then hold the same bytes there. Lines end in a newline; what follows the last newline was torn by
a death and was never acknowledged. Blank lines mean nothing.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mlcycle._ids import new_id
from mlcycle.errors import InvalidInput
from mlcycle.storage._flock import host_tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlcycle.storage._files import Listed

__all__ = ["Readable", "Segment", "lines_of", "new_writer", "read_lines", "read_tail", "segment_key", "segments"]

_NUMBER = "0|[1-9][0-9]{0,17}"
_NAME = re.compile(rf"(?P<writer>[0-9a-f]{{40}})-(?P<start>{_NUMBER})(?:-(?P<end>{_NUMBER}))?\.jsonl")
_PIECE = 16 * 2**20  # bytes read at a time, so that a long stream never stands in memory whole
_AHEAD = 16  # small segments fetched in parallel where every read is a journey


class Readable(Protocol):
    """What readers of streams need of a storage: `Files` have it, and so has a view of files kept in some other way."""

    @property
    def can_append(self) -> bool: ...

    def read(self, key: str, start: int | None = None, stop: int | None = None) -> bytes:
        """Return the bytes from `start` up to `stop`, fewer where the file ends."""

    def list(self, prefix: str) -> Iterator[Listed]:
        """Yield every key that begins with `prefix`."""


class Segment(NamedTuple):
    """One stored piece of one writer's bytes: `size` bytes from `offset` on."""

    writer: str
    offset: int
    size: int
    key: str
    mtime: float


def new_writer() -> str:
    """Return the name of a new writer: a fresh id, then the tag of this machine.

    Examples
    --------
    >>> len(new_writer())
    40
    """
    return new_id() + host_tag()


def segment_key(prefix: str, stem: str, writer: str, start: int, end: int | None = None) -> str:
    """Return the key of a segment; without `end`, of one that its writer goes on appending to.

    Examples
    --------
    >>> segment_key("runs/2026-11/7/", "points-", "ab" * 20, 0, 512)
    'runs/2026-11/7/points-abababababababababababababababababababab-0-512.jsonl'
    """
    if prefix and not prefix.endswith("/"):
        raise InvalidInput(f"the prefix of a stream is a folder and ends in '/', got {prefix!r}")
    return f"{prefix}{stem}{writer}-{start}{'' if end is None else f'-{end}'}.jsonl"


def segments(
    files: Readable, prefix: str, stem: str = "", *, listed: Iterable[Listed] | None = None
) -> dict[str, list[Segment]]:
    """Return every writer's segments in byte order, oldest writer first.

    Parameters
    ----------
    files : Readable
        The store.
    prefix, stem : str
        Which stream.
    listed : iterable of Listed, optional
        A listing already made; other keys in it are ignored. Default: list the prefix.
    """
    found: defaultdict[str, list[Segment]] = defaultdict(list)
    start = len(prefix) + len(stem)
    for key, size, mtime in files.list(prefix) if listed is None else listed:
        if key.startswith(prefix + stem) and (name := _NAME.fullmatch(key, start)):
            offset = int(name["start"])
            # a name that gives its end speaks for no byte beyond it
            held = size if name["end"] is None else max(0, min(size, int(name["end"]) - offset))
            found[name["writer"]].append(Segment(name["writer"], offset, held, key, mtime))
    return {writer: sorted(found[writer], key=lambda one: (one.offset, -one.size)) for writer in sorted(found)}


def read_lines(
    files: Readable, prefix: str, stem: str = "", *, listed: Iterable[Listed] | None = None
) -> Iterator[tuple[str, bytes]]:
    r"""Yield ``(writer, line)`` for every whole line of a stream, without its newline.

    Writers come one after another, oldest first, each in the order of its bytes. Overlaps are read once, a torn last
    line and blank lines are left out. A line that a short write tore and isolated is handed over as it stands: the
    reader of its meaning decides.

    Parameters
    ----------
    files : Readable
        The store.
    prefix, stem : str
        Which stream, as given to `SegmentWriter`.
    listed : iterable of Listed, optional
        A listing already made, to spare the call.

    Raises
    ------
    KeyNotFound
        If a segment went away after it was listed (a sweep or a compaction): list again.

    Examples
    --------
    >>> from mlcycle.storage._files import open_files
    >>> files = open_files("memory://read-lines-example")
    >>> _ = files.create(segment_key("runs/1/", "points-", "ab" * 20, 0), b"one\ntwo\nthr")
    >>> [line for _, line in read_lines(files, "runs/1/", "points-")]
    [b'one', b'two']
    """
    for writer, pieces in segments(files, prefix, stem, listed=listed).items():
        for line in lines_of(files, pieces):
            yield writer, line


def lines_of(files: Readable, pieces: list[Segment]) -> Iterator[bytes]:
    """Yield the whole lines of one writer, given its segments in the order of `segments`."""
    pending = b""
    for data in _bytes_in_order(files, pieces):
        *lines, pending = (pending + data if pending else data).split(b"\n")
        yield from (line for line in lines if line)


def read_tail(files: Readable, pieces: list[Segment], most: int) -> tuple[list[bytes], bool]:
    r"""Return the whole lines among the last `most` bytes of one writer, and whether those are all its lines.

    Examples
    --------
    >>> from mlcycle.storage._files import open_files
    >>> files = open_files("memory://read-tail-example")
    >>> _ = files.create(segment_key("runs/1/", "points-", "ab" * 20, 0), b"one\ntwo\nthree\nfo")
    >>> [pieces] = segments(files, "runs/1/", "points-").values()
    >>> read_tail(files, pieces, 12)
    ([b'three'], False)
    """
    start = max(0, max(piece.offset + piece.size for piece in pieces) - most)
    lines = b"".join(_bytes_in_order(files, pieces, start)).split(b"\n")
    # the first is the rest of a line that began before
    return [line for line in lines[1 if start else 0 : -1] if line], start == 0


def _bytes_in_order(files: Readable, pieces: list[Segment], reached: int = 0) -> Iterator[bytes]:
    wanted: list[tuple[str, int, int]] = []
    for piece in pieces:
        if piece.offset > reached:
            wanted.append(("", 0, 0))
        stop = piece.offset + piece.size
        for start in range(max(piece.offset, reached), stop, _PIECE):
            wanted.append((piece.key, start - piece.offset, min(start + _PIECE, stop) - piece.offset))
        reached = max(reached, stop)

    def fetch(span: tuple[str, int, int]) -> bytes:
        # where bytes are missing a newline keeps the two sides from reading as one line
        return files.read(*span) if span[0] else b"\n"

    if len(wanted) < 2 or files.can_append:
        yield from map(fetch, wanted)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(_AHEAD, len(wanted)), thread_name_prefix="mlcycle-segments") as pool:
        rest = iter(wanted)
        waiting = [pool.submit(fetch, span) for span in itertools.islice(rest, _AHEAD)]
        while waiting:
            yield waiting.pop(0).result()
            waiting.extend(pool.submit(fetch, span) for span in itertools.islice(rest, 1))
