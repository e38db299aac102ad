"""What this user trusts for every time: a file of his own, beside no store, which nothing in a store can change.

A grant for a project is bound to the id of its store and to where it lies. The id alone would not do: whoever can read
a store can copy it, id and all, to a place where others write. The form is strict: a field that is not known here may
narrow what a newer library grants, so it is refused and not passed over.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import asdict, fields_dict, frozen

from mlcycle.errors import InvalidInput, SchemaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Grant", "change_grants", "is_digest", "read_grants", "trusted_in"]

_FORMAT = {"format": "mlcycle-trust", "v": 1}
_PATIENCE = 10.0  # seconds for another process that changes the file, which takes it milliseconds
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH

if sys.platform == "win32":  # pragma: no cover - other people's files are a matter of its access lists there
    import msvcrt

    def _take(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _give(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _give(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


@frozen
class Grant:
    """Something this user trusts for every time.

    Attributes
    ----------
    what : str
        The name of a type or a function, ``"joblib"`` for every pickle, or the digest of one file or metric.
    project : str or None
        Where the store lies in which it holds; None for a digest that holds everywhere.
    id : str or None
        The id of that store.

    Examples
    --------
    >>> Grant("my_pkg.Clipper", "s3://team/churn", "0a").what
    'my_pkg.Clipper'
    """

    what: str
    project: str | None = None
    id: str | None = None


def is_digest(what: str) -> bool:
    """Say whether something trusted is the digest of one file, or of the source of one metric.

    Examples
    --------
    >>> is_digest("sha256:" + "0" * 64), is_digest("metric:sha256:" + "0" * 64), is_digest("my_pkg.Clipper")
    (True, True, False)
    """
    return re.fullmatch("(metric:)?sha256:[0-9a-f]{64}", what) is not None


def trusted_in(store: str, place: str | None) -> frozenset[str]:
    """Return what this user trusts in the store of an id at a place; None is one that cannot be told from others.

    Raises
    ------
    InvalidInput, SchemaError
        As `read_grants`.
    """
    return frozenset(
        one.what
        for one in read_grants()
        if one.project is None or (store and place and (one.id, one.project) == (store, place))
    )


def read_grants() -> list[Grant]:
    """Return all that this user trusts, in the order it was said.

    Raises
    ------
    InvalidInput
        When the file cannot be read or is damaged, and when others could have written it.
    SchemaError
        When a newer library wrote it.
    """
    path = _trust_file()
    return [] if path is None else _read(path)


def change_grants(change: Callable[[list[Grant]], list[Grant]]) -> None:
    """Put what `change` makes of the grants in their place; two processes at once lose nothing.

    Raises
    ------
    InvalidInput, SchemaError
        As `read_grants`; and when there is no place for the file.
    """
    path = _trust_file()
    if path is None:
        raise InvalidInput(
            "this user has no home folder to keep a file of what he trusts in; set MLCYCLE_TRUST to the path of one"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _check_own(path, path.parent, path.parent.stat())
        _read(path)  # what is not a file of one's own gets no lock beside it
        with _lock(path):
            _write(path, change(_read(path)))
    except OSError as error:
        raise _unusable(path, f"cannot be written ({error.strerror or error})") from error


def _trust_file() -> Path | None:
    """Return where the file is, or would be; None for a user without a home."""
    if chosen := os.environ.get("MLCYCLE_TRUST"):
        try:
            path = Path(chosen).expanduser()
        except RuntimeError:
            path = Path(chosen)
        if not path.is_absolute():  # it would be another file in each folder, also in one that somebody else filled
            raise InvalidInput(f"MLCYCLE_TRUST must be the absolute path of a file, got {chosen!r:.200}")
        return path.resolve()
    try:
        if sys.platform == "win32":
            base = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Application Support"
        else:
            given = Path(os.environ.get("XDG_CONFIG_HOME", ""))
            base = given if given.is_absolute() else Path.home() / ".config"
    except RuntimeError:  # nobody knows where home is
        return None
    return (base / "mlcycle" / "trust.json").resolve()


def _unusable(path: Path, why: str) -> InvalidInput:
    return InvalidInput(
        f"{path}, where you keep what you trust, {why}. Until it is mended it grants nothing; MLCYCLE_TRUST names "
        "another"
    )


def _read(path: Path) -> list[Grant]:
    try:  # without waiting, should it be a pipe
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _unusable(path, f"cannot be read ({error.strerror})") from error
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise _unusable(path, "is not a file")
    with os.fdopen(descriptor, "rb") as file:
        _check_own(path, path, found)
        _check_own(path, path.parent, path.parent.stat())
        return _parsed(path, file.read())


def _check_own(path: Path, part: Path, found: os.stat_result) -> None:
    """Refuse what others could have written: the file, or a folder in which they could put another in its place."""
    if sys.platform == "win32":  # pragma: no cover - as above
        return
    if found.st_uid not in (0, os.geteuid()):
        raise _unusable(
            path, f"could have been written by others: {part} belongs to user {found.st_uid}, and not to you"
        )
    sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
    if found.st_mode & _OTHERS_WRITE and not sticky:
        raise _unusable(path, f"could have been written by others: chmod go-w {part}, once you have looked into it")


def _parsed(path: Path, data: bytes) -> list[Grant]:
    try:
        document: Any = json.loads(data, object_pairs_hook=_once_each)
    except (ValueError, RecursionError) as error:
        raise _unusable(path, f"is damaged ({error})") from error
    if not isinstance(document, dict) or document.get("format") != _FORMAT["format"]:
        raise _unusable(path, 'is damaged: it does not say "format": "mlcycle-trust"')
    if type(document.get("v")) is not int or document["v"] != _FORMAT["v"] or document.keys() - {*_FORMAT, "grants"}:
        raise SchemaError(f"{path}, where you keep what you trust, was written by a newer mlcycle: upgrade to use it")
    grants = document.get("grants")
    if not isinstance(grants, list):
        raise _unusable(path, "is damaged: it has no list of grants")
    return [_grant(path, one) for one in grants]


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the fields of an object; of two with one name, people may look at the one that does not count."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field stands twice in one object")
    return fields


def _grant(path: Path, document: Any) -> Grant:
    known = fields_dict(Grant)
    if not isinstance(document, dict) or not all(isinstance(value, str) and value for value in document.values()):
        raise _unusable(path, f"is damaged: {document!r:.80} is not a grant")
    if document.keys() - known.keys():
        raise SchemaError(f"{path}, where you keep what you trust, was written by a newer mlcycle: upgrade to use it")
    everywhere = document.keys() == {"what"} and is_digest(document["what"])
    if not everywhere and document.keys() != known.keys():
        raise _unusable(path, f"is damaged: {document!r:.80} names no project, and is not a digest")
    return Grant(**document)


def _write(path: Path, grants: list[Grant]) -> None:
    """Replace the file in one step; a temporary file is private to its owner from the start."""
    lines = [asdict(one, filter=lambda _, value: value is not None) for one in grants]
    text = json.dumps({**_FORMAT, "grants": lines}, indent=2) + "\n"  # ASCII: a path may hold what UTF-8 cannot
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(descriptor)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Keep other processes and threads from changing the file; the lock falls when its owner dies."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path.with_name(path.name + ".lock"), flags, 0o600)
    try:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                _take(descriptor)
                break
            except (BlockingIOError, PermissionError):  # held by somebody: so on POSIX, and so on Windows
                if time.monotonic() > deadline:
                    raise _unusable(path, f"is being changed by another process, for {_PATIENCE:.0f} s") from None
                time.sleep(0.005)
        try:
            yield
        finally:
            _give(descriptor)
    finally:
        os.close(descriptor)
