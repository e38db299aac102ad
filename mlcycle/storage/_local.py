"""Files on a local or mounted disk: publishing is a hard link, overwriting is a rename, both after fsync."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mlcycle._locks import renew_in_child
from mlcycle.errors import AccessDenied, StorageUnavailable, StoreError
from mlcycle.storage._files import (
    TEMPORARY,
    KeyNotFound,
    Listed,
    Outcome,
    check_key,
    check_prefix,
    check_range,
    local_source,
)
from mlcycle.storage._places import absolute
from mlcycle.storage._publish import publish
from mlcycle.storage._symlinks import SymlinkGuard, is_link, link_on_the_way, links_below, refuse_links

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["LocalAppender", "LocalFiles", "open_local"]

T = TypeVar("T")

_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
# A link at the end of a path is not followed; where a system lacks the flag, it is looked for.
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY
_WINDOWS = os.name == "nt"
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_LINKED = (errno.ELOOP, errno.EMLINK)  # what O_NOFOLLOW says on Linux and macOS, and on BSD
_NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF, errno.EACCES)
_STALE = 86_400.0  # seconds after which a temporary file belongs to a process that died
_PATIENCE = 100  # times a folder is made again that another process removes
_folders = threading.Lock()  # held to make a folder and use it at once, and to remove one that became empty
renew_in_child(globals(), "_folders", threading.Lock)


def open_local(
    text: str, protocol: str, *, single_writer: bool, storage_options: dict[str, Any], fresh: bool
) -> LocalFiles:
    """Return the files of a folder given as a path; `open_files` calls this."""
    return LocalFiles(absolute(text), single_writer=single_writer)


class LocalFiles:
    """The six calls on a folder; it need not exist yet.

    Parameters
    ----------
    root : str
        Absolute path of the folder.
    single_writer : bool, default False
        Needed only on disks that have neither hard links nor an exclusive rename.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = LocalFiles(folder)
    ...     files.put("a/b.txt", b"hello")
    ...     files.read("a/b.txt", 1, 3)
    b'el'
    """

    protocol = "file"
    can_append = True

    def __init__(self, root: str, *, single_writer: bool = False) -> None:
        self.url = root
        self.shared = not single_writer
        self.storage_options: dict[str, Any] = {}
        self._look = SymlinkGuard(root)
        self._refused = False  # whether the call that decides was seen to refuse a name that is taken
        self._unsynced: set[str] = set()  # folders made without fsync, to be made good before the next durable write
        self._abandoned: set[str] = set()  # temporary files of dead processes a listing has seen

    def __repr__(self) -> str:
        return f"LocalFiles({self.url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self.url, not self.shared)

    def create(self, key: str, data: bytes) -> Outcome:
        """Put if absent: all or nothing, and durable when it says `Outcome.WON`."""
        target = self._path(key)
        refuse_links(self.url, _folder_of(key))
        try:
            # Only spares the loser the fsync: the link below decides, and was seen to refuse before this is trusted.
            if self._refused and os.path.lexists(target):
                return Outcome.LOST
            scratch = self._write(os.path.dirname(target), data, durable=True)  # noqa: PTH120 - speed
            try:
                won = publish(scratch, target, self.shared)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(scratch)  # noqa: PTH108
        except OSError as error:
            raise self._explain(error, "create", key) from error
        if won:
            return self._settle(target)
        self._refused = True
        return Outcome.LOST

    def _settle(self, target: str) -> Outcome:
        try:
            self._harden(os.path.dirname(target))  # noqa: PTH120
        except OSError:  # it is visible, but nobody can say that it will still be there after a loss of power
            return Outcome.UNKNOWN
        return Outcome.WON

    def put(self, key: str, data: bytes | Path, *, durable: bool = True, move: bool = False) -> None:
        """Write or overwrite, all at once for every reader; a file is renamed here if `move` and possible."""
        target = self._path(key)
        folder, source = os.path.dirname(target), local_source(data)  # noqa: PTH120
        refuse_links(self.url, _folder_of(key))
        try:
            taken = move and source is not None and self._take(source, durable)
            scratch = source if taken and source is not None else self._write(folder, data, durable=durable)
            try:
                self._rename(scratch, target, durable)
            except BaseException:
                if not taken:
                    _remove(scratch)
                raise
            if durable:
                self._harden(folder)
            if move and source is not None and not taken:
                _remove(source)
        except OSError as error:
            raise self._explain(error, "write", key) from error

    def read(self, key: str, start: int | None = None, stop: int | None = None) -> bytes:
        """Return the bytes from `start` up to `stop`, fewer where the file ends; `KeyNotFound` if absent."""
        first, last = check_range(start, stop)
        try:
            handle = os.open(self._path(key), os.O_RDONLY | _NOFOLLOW | _BINARY)
            try:
                # After opening, not before: the usual question is for an entry that is not there yet.
                self._look(_folder_of(key), key)
                return _read(handle, first, last)
            finally:
                os.close(handle)
        except OSError as error:
            raise self._explain(error, "read", key) from error

    def list(self, prefix: str) -> Iterator[Listed]:
        """Yield every key that begins with `prefix`, in ascending order; nothing where there is none."""
        above = check_prefix(prefix).rpartition("/")[0]
        folder = f"{self.url}{os.sep}{above.replace('/', os.sep)}" if above else self.url
        if link_on_the_way(self.url, above) is not None:
            return
        try:
            yield from self._walk(folder, f"{above}/" if above else "", prefix)
        except OSError as error:
            raise self._explain(error, "list", prefix) from error

    def delete(self, keys: Iterable[str]) -> None:
        """Remove these files and the folders this leaves empty; absent ones are no error."""
        emptied: set[str] = set()
        for key in keys:
            path = self._path(key)
            refuse_links(self.url, key)
            try:
                os.unlink(path)  # noqa: PTH108
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                continue
            except OSError as error:
                if not Path(path).is_dir():
                    raise self._explain(error, "delete", key) from error
            emptied.add(os.path.dirname(path))  # noqa: PTH120
        while self._abandoned:
            _remove(self._abandoned.pop())
        for folder in emptied:
            self._prune(folder)

    def append(self, key: str) -> LocalAppender:
        """Open a file at its end, making it and its folder where absent."""
        path = self._path(key)
        refuse_links(self.url, key)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _NOFOLLOW | _BINARY
            folder = os.path.dirname(path)  # noqa: PTH120
            handle = self._within(folder, lambda: os.open(path, flags, 0o666), durable=False)
            return LocalAppender(handle, path, self)
        except OSError as error:
            raise self._explain(error, "append to", key) from error

    def local_path(self, key: str) -> Path:
        """Return the path of the file, whether it exists or not; `Corrupt` where a link stands in the way."""
        path = self._path(key)
        refuse_links(self.url, key)
        return Path(path)

    def _links(self, prefix: str) -> Iterator[str]:
        return links_below(self.url, prefix)

    def _path(self, key: str) -> str:
        check_key(key)
        return f"{self.url}{os.sep}{key.replace('/', os.sep) if _WINDOWS else key}"

    def _write(self, folder: str, data: bytes | Path, *, durable: bool) -> str:
        """Return the path of a new temporary file in `folder` that holds the data."""
        scratch, handle = self._open_scratch(folder, durable)
        try:
            try:
                if isinstance(data, os.PathLike):
                    with open(data, "rb") as source, open(handle, "wb", closefd=False) as copy:  # noqa: PTH123
                        shutil.copyfileobj(source, copy, 4 << 20)
                else:
                    _write_all(handle, data)
                if durable:
                    os.fsync(handle)
            finally:
                os.close(handle)
        except BaseException:
            _remove(scratch)
            raise
        return scratch

    def _open_scratch(self, folder: str, durable: bool) -> tuple[str, int]:
        scratch = f"{folder}{os.sep}{TEMPORARY}{os.urandom(8).hex()}"
        return scratch, self._within(folder, lambda: os.open(scratch, _NEW, 0o666), durable=durable)

    def _take(self, source: str, durable: bool) -> bool:
        """Return whether a rename can bring the file here; it is synced then."""
        root = Path(self.url)
        here = next(folder for folder in (root, *root.parents) if folder.exists())
        if os.stat(source).st_dev != here.stat().st_dev or os.path.islink(source):  # noqa: PTH114, PTH116
            return False
        if durable:
            handle = os.open(source, (os.O_RDWR if _WINDOWS else os.O_RDONLY) | _BINARY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        return True

    def _rename(self, scratch: str, target: str, durable: bool) -> None:
        folder = os.path.dirname(target)  # noqa: PTH120
        self._within(folder, lambda: os.replace(scratch, target), durable=durable)  # noqa: PTH105

    def _within(self, folder: str, action: Callable[[], T], *, durable: bool) -> T:
        """Do something in a folder that may be absent, or be removed meanwhile by a sweep that found it empty."""
        with contextlib.suppress(FileNotFoundError):  # trying first costs nothing where the folder is there
            return action()
        for _ in range(_PATIENCE):
            with _folders:
                self._make(folder, durable=durable)
                with contextlib.suppress(FileNotFoundError):
                    return action()
        raise FileNotFoundError(errno.ENOENT, "somebody keeps removing the folder", folder)

    def _make(self, folder: str, *, durable: bool) -> None:
        missing = []
        while not os.path.isdir(folder):  # noqa: PTH112
            missing.append(folder)
            folder = os.path.dirname(folder)  # noqa: PTH120
        with contextlib.suppress(FileNotFoundError):  # removed again already: the caller tries once more
            for path in reversed(missing):
                with contextlib.suppress(FileExistsError):
                    os.mkdir(path)  # noqa: PTH102
                if not os.path.isdir(path) and os.path.lexists(path):  # noqa: PTH112
                    raise NotADirectoryError(errno.ENOTDIR, "there is a file where a folder is needed", path)
                if durable:
                    _sync_folder(os.path.dirname(path))  # noqa: PTH120
                else:
                    self._unsynced.add(path)

    def _harden(self, folder: str) -> None:
        """Make the names in `folder` durable, and the folders above it that were made in a hurry."""
        with contextlib.suppress(FileNotFoundError):  # the file was deleted meanwhile, and its folder with it
            _sync_folder(folder)
        while self._unsynced and len(folder) > len(self.url):
            above = os.path.dirname(folder)  # noqa: PTH120
            if folder in self._unsynced:
                _sync_folder(above)
                self._unsynced.discard(folder)
            folder = above

    def _walk(self, folder: str, above: str, prefix: str) -> Iterator[Listed]:
        try:
            with os.scandir(folder) as scan:
                entries = _keyed(above, scan)
        except (FileNotFoundError, NotADirectoryError):
            return
        except PermissionError:
            if above == "lost+found/":  # the root of a disk has one that only its administrator may see
                return
            raise
        for key, entry in entries:
            if entry.name.startswith(TEMPORARY):
                self._note_abandoned(entry)
            elif key.endswith("/"):
                if key.startswith(prefix) or prefix.startswith(key):
                    yield from self._walk(entry.path, key, prefix)
            elif key.startswith(prefix):
                try:
                    seen = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                yield Listed(key, seen.st_size, seen.st_mtime)

    def _note_abandoned(self, entry: os.DirEntry[str]) -> None:
        with contextlib.suppress(OSError):
            if entry.is_file(follow_symlinks=False) and time.time() - entry.stat().st_mtime > _STALE:
                self._abandoned.add(entry.path)

    def _prune(self, folder: str) -> None:
        with contextlib.suppress(OSError), _folders:
            while len(folder) > len(self.url):
                os.rmdir(folder)  # noqa: PTH106
                self._unsynced.discard(folder)
                folder = os.path.dirname(folder)  # noqa: PTH120

    def _explain(self, error: OSError, verb: str, key: str) -> StoreError:
        if isinstance(error, StoreError):
            return error
        what = f"cannot {verb} {key!r} in {self.url}"
        if error.errno in _LINKED:
            refuse_links(self.url, key)
        if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError) and verb == "read":
            return KeyNotFound(f"there is no {key!r} in {self.url}")
        if isinstance(error, NotADirectoryError):
            above = (path for path in (Path(self.url, key), *Path(self.url, key).parents) if path.exists())
            return StorageUnavailable(f"{what}: {next(above)} is a file, and a folder is needed there; choose another")
        if error.errno in _FULL:
            return StorageUnavailable(f"{what}: the disk is full; nothing was written. Free some space and try again")
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            return AccessDenied(f"{what}: {error.strerror}; ask the owner for access to this folder")
        return StorageUnavailable(f"{what}: {error.strerror or error}")


class LocalAppender:
    """A local file open for appending; as many processes as like may append to one, each call lands whole.

    Lives as long as its writer. Closed by `close`; a child after fork must not use its parent's.
    """

    def __init__(self, handle: int, path: str, files: LocalFiles) -> None:
        self._handle: int | None = handle
        self._path, self._files = path, files
        self.offset = os.fstat(handle).st_size

    def write(self, data: bytes) -> int:
        """Append with one system call, and return how many bytes were taken: it may be fewer."""
        try:
            taken = os.write(self.fileno(), data)
        except OSError as error:
            raise self._files._explain(error, "append to", self._path) from error
        self.offset += taken
        return taken

    def sync(self) -> None:
        """Return when what was written survives a loss of power."""
        try:
            os.fsync(self.fileno())
            self._files._harden(os.path.dirname(self._path))  # noqa: PTH120
        except OSError as error:
            raise self._files._explain(error, "sync", self._path) from error

    def fileno(self) -> int:
        """Return the descriptor, for ``flock``."""
        if self._handle is None:
            raise StorageUnavailable(f"{self._path} was closed by its writer; open it again with append()")
        return self._handle

    def close(self) -> None:
        """Give the file back; twice is no error."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _keyed(above: str, scan: Iterable[os.DirEntry[str]]) -> list[tuple[str, os.DirEntry[str]]]:
    """Return files and folders by key; a link is neither, and a folder sorts, by its slash, as in a bucket."""
    found = []
    for entry in scan:
        if entry.is_file(follow_symlinks=False):
            found.append((above + entry.name, entry))
        elif entry.is_dir(follow_symlinks=False) and not is_link(entry):
            found.append((f"{above}{entry.name}/", entry))
    found.sort()
    return found


def _folder_of(key: str) -> str:
    return key.rpartition("/")[0]


def _reopen(root: str, single_writer: bool) -> LocalFiles:
    return LocalFiles(root, single_writer=single_writer)


def _write_all(handle: int, data: bytes) -> None:
    taken = os.write(handle, data)
    if taken < len(data):
        rest = memoryview(data)[taken:]
        while rest:
            rest = rest[os.write(handle, rest) :]


def _read(handle: int, start: int, stop: int | None) -> bytes:
    seen = os.fstat(handle)
    if stat.S_ISDIR(seen.st_mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder")
    wanted = (seen.st_size if stop is None else min(stop, seen.st_size)) - start
    if wanted <= 0:
        return b""
    if start:
        os.lseek(handle, start, os.SEEK_SET)
    data = os.read(handle, wanted)
    while len(data) < wanted and (more := os.read(handle, wanted - len(data))):
        data += more
    return data


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)  # noqa: PTH108


def _sync_folder(folder: str) -> None:
    if _WINDOWS:  # has no such call, and keeps its directory in the journal
        return
    handle = os.open(folder, os.O_RDONLY | _BINARY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(handle)
