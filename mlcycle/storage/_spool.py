"""The local spool of a stream whose store cannot append: lines wait here until they are uploaded.

Every writer to a remote store has two files in a folder of the user's own (`spool_folder`): ``<writer>.jsonl`` holds
its bytes and is locked while the writer lives; ``<writer>.json``, the card, says where they belong and how many have
been sent::

    {"v": 1, "url": ..., "options": {...}, "prefix": ..., "stem": ..., "writer": ..., "sent": 4096}

Options are an extract of those that tell one place from another (an endpoint, an account name): never a secret.
Sending is idempotent: a segment is created under a name that says where its bytes begin and end; one that is there
already is compared and counts as sent. So an owner and a later process, or two later processes, may send the same bytes
without harm, also cut in other places: readers take what overlaps once.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mlcycle._digest import sha256_bytes
from mlcycle._warn import warn
from mlcycle.errors import StorageUnavailable, StoreError
from mlcycle.storage import _flock
from mlcycle.storage._addresses import place_options
from mlcycle.storage._create_once import create_once
from mlcycle.storage._flock import Flock
from mlcycle.storage._segments import segment_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.storage._files import Files

__all__ = ["Spool", "recover_spools", "spool_folder", "spooled_owners"]

_LARGEST = 8 * 2**20  # bytes in one segment
_ABANDONED = 3600.0  # seconds without a write after which a spool is taken up where there are no locks


def spool_folder() -> Path:
    """Return the folder spools are kept in: ``MLCYCLE_SPOOL``, or the platform's folder for state of a user's programs.

    Where that cannot be written, a folder of the user's own in the temporary directory takes its place.
    """
    if chosen := os.environ.get("MLCYCLE_SPOOL"):
        return Path(chosen)
    try:
        if sys.platform == "win32":
            base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Application Support"
        else:
            base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        folder = base / "mlcycle" / "spool"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.access(folder, os.W_OK):
            return folder
    except (OSError, RuntimeError):  # RuntimeError: nobody knows where home is
        pass
    user = os.getuid() if sys.platform != "win32" else "user"
    folder = Path(tempfile.gettempdir()) / f"mlcycle-spool-{user}"
    folder.mkdir(exist_ok=True, mode=0o700)
    if sys.platform != "win32" and (folder.is_symlink() or folder.stat().st_uid != user):
        raise StorageUnavailable(f"{folder} belongs to somebody else; set MLCYCLE_SPOOL to a folder of your own")
    return folder


class Spool:
    """The bytes of one writer on this machine, and what of them is in the store.

    Lives as long as its writer. `write`, `sync`, `close` and `offset` are those of an appender; `send` uploads, and
    `stored` says by key which segments it made, with size and digest.
    """

    def __init__(self, files: Files, prefix: str, stem: str, writer: str, folder: Path) -> None:
        self._files = files
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / f"{writer}.jsonl"
        flags = os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0)
        self._descriptor: int | None = os.open(self._path, flags | getattr(os, "O_BINARY", 0), 0o600)
        # locked before the card exists, because a card is what makes another process look here
        self._flock = Flock.hold(self._path)
        self.offset = 0
        self.stored: dict[str, dict[str, Any]] = {}
        self._card = {"v": 1, **_place(files), "prefix": prefix, "stem": stem, "writer": writer, "sent": 0}
        _save(self._card_path, self._card)

    @property
    def _card_path(self) -> Path:
        return self._path.with_suffix(".json")

    @property
    def unsent(self) -> int:
        """Bytes written and not yet in the store."""
        return self.offset - int(self._card["sent"])

    def write(self, data: bytes) -> int:
        """Append to the spool in one call; return how much was taken."""
        if self._descriptor is None:
            raise StorageUnavailable(f"the spool {self._path} is closed")
        done = os.write(self._descriptor, data)
        self.offset += done
        return done

    def send(self) -> None:
        """Upload the whole lines not yet sent."""
        for segment in _send(self._files, self._path, self._card):
            self.stored[segment["key"]] = segment

    def sync(self) -> None:
        """Bring the spool itself to the disk."""
        if self._descriptor is not None:
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Remove the spool if everything was sent; else leave it, unlocked, to the next process."""
        if self._descriptor is not None and self.unsent == 0:
            _remove(self._path)
        self.abandon()

    def abandon(self) -> None:
        """Let go of the descriptors and touch nothing else; what a child does with its parent's spool."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
        if self._flock is not None:
            self._flock.release()

    def __del__(self) -> None:
        if getattr(self, "_descriptor", None) is not None:
            self.abandon()


def recover_spools(files: Files, *, only: str | None = None, spool: Path | None = None) -> list[str]:
    """Upload what dead writers on this machine left behind for this store.

    Spools of living writers are left alone. Safe to repeat, and for two processes at once. Never raises for trouble
    with the storage: warns, and leaves the rest to the next call.

    Parameters
    ----------
    files : Files
        The store the spools belong to.
    only : str, optional
        Only streams whose prefix begins so. Default: all.
    spool : Path, optional
        The folder to look in. Default: `spool_folder`.

    Returns
    -------
    list of str
        Keys of the segments written.

    Warns
    -----
    MlcycleWarning
        If something could not be uploaded now.
    """
    if files.can_append:
        return []
    keys: list[str] = []
    try:
        for path, card in _cards(files, spool):
            if card["prefix"].startswith(only or ""):
                keys += _recover(files, path, card)
    except (StoreError, OSError) as error:
        what = "what an earlier process spooled on this machine could not be uploaded and is kept for the next try"
        warn(f"{files.url}: {what}: {error}")
    return keys


def _recover(files: Files, path: Path, card: dict[str, Any]) -> list[str]:
    if not path.exists():  # an owner removes its bytes first: everything was sent
        path.with_suffix(".json").unlink(missing_ok=True)
        return []
    lock = Flock.hold(path, patience=0.0)
    try:
        if lock is None and (_flock.supported or time.time() - path.stat().st_mtime < _ABANDONED):
            return []
        keys = [segment["key"] for segment in _send(files, path, card)]
        _remove(path)
    except FileNotFoundError as error:
        if isinstance(error, StoreError):
            raise
        return []  # somebody else has just finished with it
    finally:
        if lock is not None:
            lock.release()
    return keys


def spooled_owners(files: Files, spool: Path | None = None) -> dict[tuple[str, str], dict[str, Path]]:
    """Return the spools there are on this machine for a store: by prefix and stem of the stream, and by writer."""
    found: dict[tuple[str, str], dict[str, Path]] = {}
    if not files.can_append:
        for path, card in _cards(files, spool):
            found.setdefault((card["prefix"], card["stem"]), {})[card["writer"]] = path
    return found


def _send(files: Files, path: Path, card: dict[str, Any]) -> Iterator[dict[str, Any]]:
    with path.open("rb") as source:
        while True:
            source.seek(card["sent"])
            data = _whole_lines(source.read(_LARGEST))
            if not data:
                return
            end = card["sent"] + len(data)
            key = segment_key(card["prefix"], card["stem"], card["writer"], card["sent"], end)
            create_once(files, key, data)
            card["sent"] = end
            _save(path.with_suffix(".json"), card)
            yield {"key": key, "size": len(data), "sha256": sha256_bytes(data)}


def _whole_lines(data: bytes) -> bytes:
    # one line longer than a segment goes in pieces: readers join segments before they look for lines
    return data if len(data) == _LARGEST and b"\n" not in data else data[: data.rfind(b"\n") + 1]


def _place(files: Files) -> dict[str, Any]:
    """Say which store this is, without anything secret."""
    return {"url": _plain(files.url), "options": place_options(files.storage_options)}


def _plain(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _cards(files: Files, spool: Path | None) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the bytes and the card of every spool for this store; what is no card is not ours to judge."""
    place = _place(files)
    for card_path in sorted((spool or spool_folder()).glob("*.json")):
        try:
            card = json.loads(card_path.read_bytes())
            ours = card["v"] == 1 and {"url": card["url"], "options": card["options"]} == place
            whole = isinstance(card["sent"], int) and all(
                isinstance(card[k], str) for k in ("prefix", "stem", "writer")
            )
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if ours and whole and card["writer"] == card_path.stem:
            yield card_path.with_suffix(".jsonl"), card


def _save(path: Path, card: dict[str, Any]) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(card), encoding="utf-8")
    temporary.replace(path)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except PermissionError:  # Windows: its owner has it open, so it lives
        return
    path.with_suffix(".json").unlink(missing_ok=True)
