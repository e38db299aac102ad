"""Directories to one zip file and back, the same bytes for the same content, and nothing ever outside its folder."""

from __future__ import annotations

import os
import re
import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from attrs import field, frozen

from mlcycle._digest import json_text
from mlcycle._ids import new_id
from mlcycle.errors import Corrupt, InvalidInput, UnsafePath

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PackedFolder", "check_archive", "check_member", "pack_folder", "unpack_folder"]

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest moment a zip can say; a real one would change the bytes each time
_DRIVE = re.compile(r"[A-Za-z]:")
_CHUNK = 1 << 20
_SMALL = 1 << 28
_RATIO = 100
_DAMAGE = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError)


@frozen
class PackedFolder:
    """What was packed.

    Attributes
    ----------
    files : int
        Number of files, without directories.
    size : int
        Their bytes together, before packing.
    left_out : tuple of str
        What could not be packed and why, one text each; see `pack_folder`.
    """

    files: int
    size: int
    left_out: tuple[str, ...] = field(default=(), repr=False)


def pack_folder(
    path: str | os.PathLike[str], target: str | os.PathLike[str], *, compress: bool = False, whole: bool = True
) -> PackedFolder:
    """Write a directory into one zip file.

    The same names, contents and executable bits give the same bytes, on any machine: entries are sorted, times are left
    out, and nothing is compressed unless asked for (compressors differ between versions). Empty directories are kept.

    Parameters
    ----------
    path : str or path
        The directory.
    target : str or path
        The zip file to write; it appears complete or not at all.
    compress : bool, default False
        Deflate the entries. Smaller, slower, and no longer the same bytes on every machine.
    whole : bool, default True
        Refuse a directory of which something cannot be packed. Otherwise pack the rest, and name in `left_out` what is
        missing.

    Raises
    ------
    InvalidInput
        If `path` is no directory, or holds a socket, a pipe, a device or what cannot be read.
    UnsafePath
        If a symbolic link leads out of the directory, or a name could not be unpacked everywhere.

    Examples
    --------
    >>> import tempfile
    >>> room = Path(tempfile.mkdtemp())
    >>> (room / "model").mkdir()
    >>> _ = (room / "model" / "weights.txt").write_text("1 2 3")
    >>> pack_folder(room / "model", room / "model.zip")
    PackedFolder(files=1, size=5)
    >>> unpack_folder(room / "model.zip", room / "again")
    PackedFolder(files=1, size=5)
    >>> (room / "again" / "weights.txt").read_text()
    '1 2 3'
    """
    source, goal = Path(path), Path(target)
    if not source.is_dir():
        raise InvalidInput(
            f"{source} is not a folder to pack; give the folder itself, or store a single file as a file"
        )
    missing: dict[str, Exception] = {}
    entries = sorted(_entries(source, missing))
    passing = goal.with_name(f".{goal.name}.{new_id()}.tmp")
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    try:
        while True:
            _refuse_missing(missing, whole)
            found, size = len(missing), _write_archive(passing, source, entries, method, missing)
            if len(missing) == found:
                break
            # a file that broke off in the middle stands in the archive half: once more without it
            entries = [name for name in entries if name not in missing]
        passing.replace(goal)
    finally:
        passing.unlink(missing_ok=True)
    left_out = tuple(f"{_plain(name)} {_plain(str(trouble))}" for name, trouble in sorted(missing.items()))
    return PackedFolder(sum(not name.endswith("/") for name in entries), size, left_out)


def _refuse_missing(missing: dict[str, Exception], whole: bool) -> None:
    if not (whole and missing):
        return
    name, trouble = min(missing.items())
    kind = UnsafePath if isinstance(trouble, UnsafePath) else InvalidInput
    raise kind(f"{_plain(name)} {_plain(str(trouble))}") from trouble


def _plain(text: str) -> str:
    return json_text(text).replace("\n", "\\n")


def _entries(folder: Path, missing: dict[str, Exception]) -> Iterator[str]:
    """Yield the names of entries, and note what can be none; nothing is opened, so no pipe is waited for."""
    root = folder.resolve()

    def unread(error: OSError) -> None:
        inside = Path(error.filename).relative_to(folder).as_posix()
        missing[inside] = InvalidInput(f"cannot be listed ({error.strerror})")

    for place, directories, files in os.walk(folder, onerror=unread):
        inside = Path(place).relative_to(folder)
        if not directories and not files and place != str(folder):
            files = [""]  # stands for the empty directory itself
        for name in [*filter(lambda name: (Path(place) / name).is_symlink(), directories), *files]:
            entry = (inside / name).as_posix() + ("" if name else "/")
            try:
                _check_packable(entry, Path(place) / name, root)
                yield entry
            except (UnsafePath, InvalidInput) as trouble:
                missing[entry] = trouble
            except OSError as error:
                missing[entry] = InvalidInput(f"cannot be read ({error.strerror})")


def _check_packable(entry: str, full: Path, root: Path) -> None:
    """Say why something in a directory can be no entry of an archive."""
    if odd := _odd_name(entry):
        raise UnsafePath(f"has a name that could not be unpacked everywhere: {odd}")
    if entry.endswith("/"):
        return
    try:
        outside = full.is_symlink() and not full.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # RuntimeError: links in a circle
        outside = False
    if full.is_symlink() and full.is_dir():
        raise UnsafePath("is a symbolic link to a directory; put the directory itself there")
    if outside:
        raise UnsafePath("is a symbolic link out of the folder; put the file itself there")
    if full.is_symlink() and not full.exists():
        raise InvalidInput("is a symbolic link to nothing")
    if not full.is_file():
        raise InvalidInput("is not an ordinary file: sockets, pipes and devices cannot be packed")


def _write_archive(path: Path, folder: Path, entries: list[str], method: int, missing: dict[str, Exception]) -> int:
    """Write the entries, note those that cannot be read, and return how many bytes went in."""
    size = 0
    with zipfile.ZipFile(path, "w", method) as archive:
        for name in entries:
            try:
                size += _write(archive, name, folder / name, method)
            except _Unreadable as error:
                missing[name] = InvalidInput(f"cannot be read ({error.__cause__})")
    return size


class _Unreadable(Exception):  # noqa: N818 - tells a file that cannot be read from a disk that is full
    """A file of the folder could not be read."""


def _write(archive: zipfile.ZipFile, name: str, full: Path, method: int) -> int:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system = 3  # permissions are read as Unix ones, whoever packs
    info.compress_type = method
    if name.endswith("/"):
        info.external_attr = (stat.S_IFDIR | 0o755) << 16 | 0x10
        archive.writestr(info, b"")
        return 0
    try:
        found = full.stat()
        source = full.open("rb")
    except OSError as error:
        raise _Unreadable from error
    info.external_attr = (stat.S_IFREG | (0o755 if found.st_mode & stat.S_IXUSR else 0o644)) << 16
    info.file_size = found.st_size
    with source, archive.open(info, "w") as goal:
        while data := _read(source):
            goal.write(data)
    return info.file_size


def _read(source: BinaryIO) -> bytes:
    try:
        return source.read(_CHUNK)
    except OSError as error:
        raise _Unreadable from error


def unpack_folder(
    path: str | os.PathLike[str] | BinaryIO, target: str | os.PathLike[str], *, max_bytes: int | None = None
) -> PackedFolder:
    """Unpack a zip file into a new directory, or refuse it whole.

    Nothing is written before every name and size has been checked, and the directory appears when it is complete.

    Parameters
    ----------
    path : str, path or binary file
        The zip file.
    target : str or path
        The directory to make; it must be absent or empty.
    max_bytes : int, optional
        Refuse to unpack more than this. By default 256 MiB or 100 times the size of the zip file, whichever is more.

    Raises
    ------
    UnsafePath
        For an absolute name, ``..``, a drive letter, a backslash, NUL, a symbolic link, or two entries at one place.
    Corrupt
        For a file that is no zip file, is damaged, or unpacks to more than `max_bytes`.
    InvalidInput
        If `target` holds something already.
    """
    goal = Path(target)
    if goal.exists() and (not goal.is_dir() or any(goal.iterdir())):
        raise InvalidInput(f"{goal} holds something already; unpack into a new or an empty directory")
    passing = goal.with_name(f".{goal.name}.{new_id()}.tmp")
    try:
        with zipfile.ZipFile(path) as archive:
            members = check_archive(archive, max_bytes=max_bytes)
            passing.mkdir(parents=True)
            size = sum(_extract(archive, member, passing) for member in members)
        if goal.exists():
            goal.rmdir()
        passing.replace(goal)
    except _DAMAGE as error:
        if isinstance(error, UnsafePath | Corrupt | InvalidInput):
            raise
        raise Corrupt(f"{_label(path)} is damaged and cannot be unpacked: {error}") from error
    finally:
        shutil.rmtree(passing, ignore_errors=True)
    return PackedFolder(sum(not member.is_dir() for member in members), size)


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> int:
    full = folder / member.filename
    if member.is_dir():
        full.mkdir(parents=True, exist_ok=True)
        return 0
    try:
        full.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(member) as source, full.open("xb") as goal:
            shutil.copyfileobj(source, goal, _CHUNK)
    except (FileExistsError, NotADirectoryError) as error:
        # Two names may be one only here: on a disk that ignores case, or a file where a folder must be.
        raise UnsafePath(f"two entries of the archive want the same place {member.filename!r}") from error
    if member.external_attr >> 16 & stat.S_IXUSR:
        full.chmod(full.stat().st_mode | 0o111)
    return member.file_size


def check_archive(archive: zipfile.ZipFile, *, max_bytes: int | None = None) -> list[zipfile.ZipInfo]:
    """Return the entries of an open zip file, after checking every name and size and reading no content.

    Raises
    ------
    UnsafePath, Corrupt
        As `unpack_folder`.
    """
    members = archive.infolist()
    seen: set[str] = set()
    for member in members:
        name = check_member(member.orig_filename)
        if name in seen:
            raise UnsafePath(f"the archive holds {name!r} twice")
        seen.add(name)
        if stat.S_ISLNK(member.external_attr >> 16):
            raise UnsafePath(f"{name!r} in the archive is a symbolic link")
        if member.flag_bits & 1:
            raise Corrupt(f"{name!r} in the archive is encrypted")
        if member.compress_type == zipfile.ZIP_STORED and member.compress_size != member.file_size:
            raise Corrupt(f"{name!r} in the archive gives two sizes for one content")
    _check_sizes(archive, members, max_bytes)
    return members


def _check_sizes(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], max_bytes: int | None) -> None:
    assert archive.fp is not None
    archive.fp.seek(0, os.SEEK_END)
    held = archive.fp.tell()
    if sum(member.compress_size for member in members) > held:
        raise Corrupt("entries of the archive overlap: together they are larger than the archive")
    most = max(_SMALL, _RATIO * held) if max_bytes is None else max_bytes
    total = sum(member.file_size for member in members)
    if total > most:
        raise Corrupt(
            f"the archive of {held} bytes unpacks to {total}, more than the {most} allowed; "
            "if that is right, pass max_bytes="
        )


def check_member(name: str) -> str:
    """Return the name of an entry, without a closing ``/``, or say why it may not be unpacked.

    Raises
    ------
    UnsafePath
        If the name could leave the folder on any system.

    Examples
    --------
    >>> check_member("weights/layer-1.npy")
    'weights/layer-1.npy'
    >>> check_member("../etc/passwd")
    Traceback (most recent call last):
    ...
    mlcycle.errors.UnsafePath: '../etc/passwd' leaves its folder: it holds '..'
    """
    if trouble := _odd_name(name):
        raise UnsafePath(f"{name!r:.200} leaves its folder: {trouble}")
    return name.removesuffix("/")


def _odd_name(name: str) -> str | None:
    bare = name.removesuffix("/")
    if not bare or "" in bare.split("/"):
        return "it is absolute" if name.startswith("/") else "a part of it is empty"
    if ".." in PurePosixPath(bare).parts:
        return "it holds '..'"
    if "." in bare.split("/"):
        return "it holds '.'"
    if "\\" in bare:
        return "it holds a backslash, which Windows takes for a '/'"
    if _DRIVE.match(bare):
        return "it begins with a drive"
    if any(ord(character) < 32 for character in bare):
        return "it holds NUL or another control character"
    return None if json_text(bare) == bare else "it is not Unicode text"


def _label(path: str | os.PathLike[str] | BinaryIO) -> str:
    return str(path) if isinstance(path, str | os.PathLike) else "the archive"
