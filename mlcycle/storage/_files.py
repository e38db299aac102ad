"""The six file calls everything in a store rests on.

A strategy is one small class a protocol, in a module of its own, loaded when a URL asks for it; the table of them
stands in `mlcycle.storage._places`.
"""

from __future__ import annotations

import enum
import importlib
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from mlcycle.errors import InvalidInput, StorageUnavailable, UnsafePath, UnsupportedStorage
from mlcycle.storage._places import STRATEGIES, place_of, why_not_shared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = [
    "TEMPORARY",
    "Appender",
    "Files",
    "KeyNotFound",
    "Listed",
    "Outcome",
    "check_key",
    "check_prefix",
    "check_range",
    "is_hidden",
    "is_there",
    "local_source",
    "open_files",
]

TEMPORARY = ".tmp-"

# Names of this shape cannot climb, hide or be a temporary file, so most keys need no further look.
_PLAIN = re.compile(r"[A-Za-z0-9_@-][A-Za-z0-9_.@-]*(?:/[A-Za-z0-9_@-][A-Za-z0-9_.@-]*)*")
_ANY_OTHER = "mlcycle.storage._single_writer:open_single_writer"
_MAX_KEY, _MAX_SEGMENT = 900, 255  # bytes: S3 allows 1024 with the root before it, disks 255 a name


class Outcome(enum.Enum):
    """What became of a put-if-absent.

    Attributes
    ----------
    WON
        The key did not exist, and now holds these bytes, durably.
    LOST
        The key exists. It may hold one's own bytes, when an earlier answer was lost: read back and compare.
    UNKNOWN
        The answer was lost (timeout, server error, connection): read back and compare.
    """

    WON = "won"
    LOST = "lost"
    UNKNOWN = "unknown"


class Listed(NamedTuple):
    """One line of a listing.

    Attributes
    ----------
    key : str
        Relative to the root of the store.
    size : int
        In bytes.
    mtime : float
        Seconds since 1970, UTC, by the clock of the storage.
    """

    key: str
    size: int
    mtime: float


class KeyNotFound(StorageUnavailable, FileNotFoundError):  # noqa: N818 - as in errors.py
    """There is no file under this key."""


class Appender(Protocol):
    """A file open for appending by one writer.

    Attributes
    ----------
    offset : int
        Bytes in the file after the last write, as far as this writer knows.
    """

    @property
    def offset(self) -> int: ...

    def write(self, data: bytes) -> int:
        """Append with one system call, and return how many bytes were taken: it may be fewer."""

    def sync(self) -> None:
        """Return when what was written survives a loss of power."""

    def close(self) -> None:
        """Give the file back; twice is no error."""


class Files(Protocol):
    """Bytes under keys: all that the log, the streams and the sweep know of a disk or a bucket.

    Keys are relative POSIX paths (see `check_key`). Lives as long as the store handle; safe to use from threads;
    pickles to its URL. Every call raises `AccessDenied` where the storage refuses, `StorageUnavailable` where it
    failed, and `UnsafePath` for a key that would leave the root. A link below the root is neither listed nor followed:
    who asks for a key that is one, or lies behind one, gets `Corrupt` with its name.

    Attributes
    ----------
    url : str
        Canonical; `open_files` of it gives the same files.
    protocol : str
        ``"file"``, ``"memory"``, ``"s3"``, ``"gs"``, ``"az"``, or what else fsspec calls it.
    can_append : bool
        Whether `append` works: local and memory only.
    shared : bool
        Whether several writers are safe, and a `put` over a file leaves no moment without one; False only where
        ``single_writer=True`` was asked for.
    storage_options : dict
        What the file system was opened with; may hold credentials, so it is never written down.
    """

    @property
    def url(self) -> str: ...

    @property
    def protocol(self) -> str: ...

    @property
    def can_append(self) -> bool: ...

    @property
    def shared(self) -> bool: ...

    @property
    def storage_options(self) -> dict[str, Any]: ...

    def create(self, key: str, data: bytes) -> Outcome:
        """Put if absent: all or nothing, and durable when it says `Outcome.WON`."""

    def put(self, key: str, data: bytes | Path, *, durable: bool = True, move: bool = False) -> None:
        """Write or overwrite, all at once for every reader.

        Parameters
        ----------
        key : str
            Where to.
        data : bytes or Path
            The bytes, or the local file that holds them.
        durable : bool, default True
            Return only when it survives a loss of power; False saves the wait.
        move : bool, default False
            The file at `data` is not needed any more: it may be renamed instead of copied.
        """

    def read(self, key: str, start: int | None = None, stop: int | None = None) -> bytes:
        """Return the bytes from `start` up to `stop`, fewer where the file ends; `KeyNotFound` if absent."""

    def list(self, prefix: str) -> Iterator[Listed]:
        """Yield every key that begins with `prefix`, in ascending order; nothing where there is none."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove these files; absent ones are no error."""

    def append(self, key: str) -> Appender:
        """Open a file at its end, making it where absent; `UnsupportedStorage` unless `can_append`."""

    def local_path(self, key: str) -> Path | None:
        """Return the path of the file itself where it has one on this machine, else None; reads nothing."""


def check_key(key: str) -> str:
    r"""Return the key, or say why it is none.

    A key is a relative POSIX path of at most 900 bytes whose segments are not empty, ``.`` or ``..``, hold no
    backslash, colon or control character, and do not begin with ``.tmp-`` (the mark of a file being written).

    Raises
    ------
    UnsafePath
        With the key and the rule it breaks.

    Examples
    --------
    >>> check_key("log/0000000042.json")
    'log/0000000042.json'
    >>> check_key("files/../../etc/passwd")
    Traceback (most recent call last):
    ...
    mlcycle.errors.UnsafePath: 'files/../../etc/passwd' is not a key of a store: it holds the segment '..'; ...
    """
    if isinstance(key, str) and len(key) <= _MAX_SEGMENT and _PLAIN.fullmatch(key):
        return key
    if trouble := _trouble(key):
        raise UnsafePath(
            f"{_short(key)} is not a key of a store: {trouble}; a key is a relative path with forward slashes"
        )
    return key


def _trouble(key: Any) -> str | None:
    if not isinstance(key, str):
        return f"it is not text but {type(key).__name__}"
    if found := re.search(r"[\\:\x00-\x1f\x7f\ud800-\udfff]", key):
        return f"it holds {found[0]!r}"
    if len(key.encode()) > _MAX_KEY:
        return f"it has more than {_MAX_KEY} bytes"
    for segment in key.split("/"):
        if segment in ("", ".", ".."):
            return f"it holds the segment {segment!r}"
        if segment.startswith(TEMPORARY):
            return f"it holds {segment!r}, and names that begin with {TEMPORARY!r} are temporary"
        if len(segment.encode()) > _MAX_SEGMENT:
            return f"one of its names has more than {_MAX_SEGMENT} bytes"
    return None


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:76] + "…'"


def check_prefix(prefix: str) -> str:
    """Return the prefix, or say why nothing can begin with it; the empty one means everything.

    Examples
    --------
    >>> check_prefix("log/"), check_prefix("log/rollup-"), check_prefix("")
    ('log/', 'log/rollup-', '')
    """
    if prefix:
        check_key(prefix[:-1] if prefix.endswith("/") else prefix)
    return prefix


def check_range(start: int | None, stop: int | None) -> tuple[int, int | None]:
    """Return a byte range with its start filled in; counting from the end is refused.

    Examples
    --------
    >>> check_range(None, 10)
    (0, 10)
    """
    if (start is not None and start < 0) or (stop is not None and stop < 0):
        raise InvalidInput(f"a byte range counts from the start of the file, got start={start}, stop={stop}")
    return start or 0, stop


def local_source(data: bytes | os.PathLike[str]) -> str | None:
    """Return the local path `put` shall read from, or None where it was given the bytes themselves.

    Raises
    ------
    InvalidInput
        There is no such file, or it is neither bytes nor a path.

    Examples
    --------
    >>> local_source(b"bytes") is None
    True
    """
    if isinstance(data, bytes | bytearray | memoryview):
        return None
    if not isinstance(data, os.PathLike):
        raise InvalidInput(f"a file is written from bytes or a pathlib.Path, got {type(data).__name__}; encode text")
    path = os.fspath(data)
    if not os.path.isfile(path):  # noqa: PTH113
        raise InvalidInput(f"there is no local file {path} to write from")
    return path


def is_hidden(key: str) -> bool:
    """Return whether a path found in a store is no file of it, which no listing shows.

    Such are files still being written, and markers of folders: objects without bytes that consoles make, whose name
    ends in a slash, or is that of the place itself.

    Examples
    --------
    >>> is_hidden("log/.tmp-1f"), is_hidden("log/"), is_hidden("log/0000000042.json")
    (True, True, False)
    """
    return (TEMPORARY in key and f"/{TEMPORARY}" in f"/{key}") or not key or key.endswith("/")


def is_there(files: Files, key: str) -> bool:
    """Return whether there is such a file, be it without a byte, as an entry that was emptied."""
    try:
        files.read(key, 0, 1)
    except KeyNotFound:
        return False
    return True


def open_files(
    url: str | os.PathLike[str],
    *,
    single_writer: bool = False,
    storage_options: dict[str, Any] | None = None,
    fresh: bool = False,
) -> Files:
    """Return the six calls for the folder or bucket at `url`; nothing is created, nothing is asked of it yet.

    Parameters
    ----------
    url : str or path
        A local folder (``"churn"``, ``Path("churn")``, ``"~/churn"``, ``"file:///data/my%20project"``),
        ``"memory://churn"``, ``"s3://bucket/churn"``; experimental, as long as they were not run against the real
        thing: ``"gs://…"`` and ``"az://…"``; any other URL fsspec knows only with `single_writer`.
    single_writer : bool, default False
        The caller promises that no two processes ever write at once; then put-if-absent need not be atomic.
    storage_options : dict, optional
        Passed to the fsspec filesystem: credentials, endpoint.
    fresh : bool, default False
        Use a filesystem object of its own instead of the one fsspec shares within the process.

    Raises
    ------
    UnsupportedStorage
        Malformed, of an unknown scheme, or of one without a safe put-if-absent.
    MissingExtra
        The package for this scheme is not installed.

    Examples
    --------
    >>> files = open_files("memory://example-files")
    >>> files.create("log/0000000000.json", b"{}"), files.create("log/0000000000.json", b"{}")
    (<Outcome.WON: 'won'>, <Outcome.LOST: 'lost'>)
    >>> [key for key, size, mtime in files.list("log/")]
    ['log/0000000000.json']
    """
    place = place_of(url)
    # A chained URL wraps one file system in another, and no promise is left.
    strategy = None if place.chained else STRATEGIES.get(place.protocol)
    if strategy is None and not single_writer:
        raise UnsupportedStorage(why_not_shared(place))
    module, _, function = (strategy or _ANY_OTHER).partition(":")
    opened: Files = getattr(importlib.import_module(module), function)(
        place.url, place.protocol, single_writer=single_writer, storage_options=dict(storage_options or {}), fresh=fresh
    )
    return opened
