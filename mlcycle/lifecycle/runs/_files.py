"""The small files of runs, wherever they lie: in the folders of their runs, or many to a pack.

A pack is a Parquet file ``runs/<yyyy-mm>/pack-<id>.parquet`` of files of that month's runs, a row a file, sorted by
key::

    key     string   where the file lay
    size    int64    of its bytes
    sha256  string   their digest, "sha256:…"
    data    binary   the bytes themselves

It may hold heads, ends and segments; artifacts and models stay files. Only packs in force count: those an entry of the
log has placed. What lies in folders and in all packs in force is one set of files. Under a name that is in it twice
stand the same bytes, but for a segment that was still growing when it was packed: the longer one is all of it.
So a reader lists the folders first and looks into the log then: what left its folder between the two is in a pack.
"""

from __future__ import annotations

import functools
import hashlib
import re
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from mlcycle._digest import sha256_bytes
from mlcycle.errors import Corrupt, MlcycleError, SchemaError
from mlcycle.storage import KeyNotFound, Listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlcycle.lifecycle.blobs import CheckedFiles
    from mlcycle.storage import Readable

__all__ = ["POINTS", "RunFiles", "hash_stored", "is_run_id", "run_folder"]

Doc = dict[str, Any]
Sizes = tuple[Any, ...]
POINTS = "points-"
_PIECE = 8 * 2**20  # bytes read at a time, so that the points of a long run never stand in memory whole
_COLUMNS = ("key", "size", "sha256", "data")
_YEAR_10000 = 253_402_300_800_000  # in milliseconds since 1970: folders have no month for what would come later
_PACK = re.compile(r"(?P<month>runs/[0-9]{4}-[0-9]{2}/)pack-[0-9a-f]{32}\.parquet")
_FOLDER = re.compile("runs/[0-9]{4}-[0-9]{2}/[0-9a-f]{32}")
_SMALL = re.compile(r"head\.json|end\.json|points-[0-9a-f]{40}-[0-9]+(?:-[0-9]+)?\.jsonl")
_INDEXED = 512  # bytes that a file in a pack takes in memory, data apart


def run_folder(run: str) -> str:
    """Return the folder of a run; the month comes from its id, so the id alone finds it.

    Examples
    --------
    >>> run_folder("019ab0f2c40071c8a3b1f0e2d4c6a8b0")
    'runs/2025-11/019ab0f2c40071c8a3b1f0e2d4c6a8b0'
    """
    return f"runs/{_month(int(run[:12], 16) // 86_400_000)}/{run}"


@functools.lru_cache(4096)
def _month(day: int) -> str:
    """Return the month of a day since 1970."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).strftime("%Y-%m")


def is_run_id(text: str) -> bool:
    """Say whether a text is the id of a run: 32 hex digits that begin with a time.

    Examples
    --------
    >>> is_run_id("019ab0f2c40071c8a3b1f0e2d4c6a8b0"), is_run_id("f" * 32), is_run_id("latest")
    (True, False, False)
    """
    return re.fullmatch("[0-9a-f]{32}", text) is not None and int(text[:12], 16) < _YEAR_10000


def hash_stored(files: Readable, key: str, size: int) -> str:
    """Return the digest of the first `size` bytes of a file; of all there are, if those are fewer."""
    hasher = hashlib.sha256()
    for start in range(0, size, _PIECE):
        hasher.update(files.read(key, start, min(start + _PIECE, size)))
    return f"sha256:{hasher.hexdigest()}"


class _Packed(NamedTuple):
    """One row of a pack: in which group of rows, and where in it."""

    pack: str
    group: int
    row: int
    size: int
    sha256: str


class RunFiles:
    """Files of runs as one set, to read only; lives as long as one look at the store.

    Parameters
    ----------
    checked_files : CheckedFiles
        Where the files are.
    listed : iterable of Listed, optional
        What was listed below ``runs/``, or below the folder of one run. Default: nothing was, and `read` just tries.
    packs : iterable of dict, default ()
        Descriptions of the packs in force, read from the log after that listing.

    Attributes
    ----------
    trouble : dict
        Packs that could not be read, by key, and why; what they hold is not in the set.
    """

    def __init__(
        self, checked_files: CheckedFiles, listed: Iterable[Listed] | None = None, packs: Iterable[Doc] = ()
    ) -> None:
        self._checked_files = checked_files
        self._blind = listed is None
        self._packs: dict[str, Doc] = {}
        # By folder and name, size and time: plain tuples, for of these the collector of garbage keeps no account.
        self._folders: dict[str, dict[str, tuple[int, float]]] = {}
        self._packed: dict[str, _Packed] = {}
        self._opened: tuple[str, int, Any] = ("", -1, None)
        self._unpacking = threading.Lock()
        self.trouble: dict[str, MlcycleError | OSError] = {}
        for key, size, mtime in listed or ():
            self._add(key, size, mtime)
        self.add_packs(packs)

    def add_packs(self, packs: Iterable[Doc]) -> None:
        """Take in what lies in packs, too, by their descriptions."""
        for pack in packs:
            self._packs[pack["key"]] = pack
            self._add_pack(pack)

    @property
    def can_append(self) -> bool:
        """Whether reading needs no journey."""
        return self._checked_files.files.can_append

    def ids(self) -> list[str]:
        """Return the ids of the runs with a head, an end or a segment, oldest first."""
        runs = [folder.rpartition("/")[2] for folder in self._folders]
        return sorted(run for run, folder in zip(runs, self._folders, strict=True) if _lies_in(run, folder))

    def may_hold(self, key: str) -> bool:
        """Say whether a file may be in the set: by the listing, if there was one."""
        folder, _, name = key.rpartition("/")
        return self._blind or name in self._folders.get(folder, ())

    def sizes(self, run: str) -> Sizes:
        """Return what tells one state of a run from another: the sizes of its head and end, or else of all there is."""
        there = self._folders.get(run_folder(run), {})
        if "end.json" in there and "head.json" in there:  # nothing else changes what is said of it
            return there["head.json"][0], there["end.json"][0]
        return tuple((name, there[name][0]) for name in sorted(there))

    def list(self, prefix: str) -> Iterator[Listed]:
        """Yield the small files in the folder of a run, ``runs/2026-11/<id>/``, in ascending order of their keys."""
        folder = self._folders.get(prefix.rstrip("/"), {})
        yield from (Listed(prefix + name, *folder[name]) for name in sorted(folder))

    def read(self, key: str, start: int | None = None, stop: int | None = None) -> bytes:
        """Return bytes of a file, checked against its digest where they come from a pack.

        Raises
        ------
        KeyNotFound
            If it is nowhere; if it was listed, it has gone into a newer pack: look again.
        """
        packed = self._packed.get(key)
        if packed is None:
            return self._checked_files.files.read(key, start, stop)
        return self._unpacked(key, packed)[slice(start, stop)]

    def _add(self, key: str, size: int, mtime: float) -> bool:
        folder, _, name = key.rpartition("/")
        known = self._folders.get(folder)
        if not _SMALL.fullmatch(name) or (known is None and not _FOLDER.fullmatch(folder)):
            return False
        if known is None:
            known = self._folders[folder] = {}
        if name in known and known[name][0] >= size:
            return False
        known[name] = size, mtime
        return True

    def _add_pack(self, pack: Doc) -> None:
        kept = f"pack:{pack['key']}"
        try:
            rows = self._checked_files.runs.known(kept)
            if rows is None:
                rows = self._index(pack)
                self._checked_files.runs.put(kept, rows, _INDEXED * len(rows))
        except (MlcycleError, OSError) as error:
            self.trouble[pack["key"]] = error
            return
        for key, row in rows.items():
            if self._add(key, row.size, 0.0):
                self._packed[key] = row

    def _index(self, pack: Doc) -> dict[str, _Packed]:
        """Return what a pack holds, without its data."""
        name = _PACK.fullmatch(pack["key"])
        if pack.get("enc") is not None or name is None:
            raise SchemaError(
                f"the pack {pack['key']} is kept in a way this mlcycle does not know (enc={pack.get('enc')!r}): it was "
                "written by a newer one; upgrade to read the runs in it"
            )
        found: dict[str, _Packed] = {}
        file = self._open(pack["key"])
        for group in range(file.num_row_groups):
            columns = file.read_row_group(group, columns=list(_COLUMNS[:3])).to_pydict()
            for row, (key, size, digest) in enumerate(zip(*(columns[name] for name in _COLUMNS[:3]), strict=True)):
                if not isinstance(key, str) or not key.startswith(name["month"]) or not isinstance(size, int):
                    raise Corrupt(f"the pack {pack['key']} is damaged: it speaks of the file {key!r:.100}{_GOOD_COPY}")
                found[key] = _Packed(pack["key"], group, row, size, digest)
        return found

    def _open(self, key: str) -> Any:
        import pyarrow as pa
        from pyarrow import parquet

        try:
            file = parquet.ParquetFile(self._checked_files.open_file(self._packs[key], f"the pack {key}"))
        except FileNotFoundError as error:
            raise KeyNotFound(f"there is no {key!r}: its runs may be in a newer pack") from error
        except pa.ArrowException as error:
            raise Corrupt(f"the pack {key} is damaged: {error}{_GOOD_COPY}") from error
        if missing := [column for column in _COLUMNS if column not in file.schema_arrow.names]:
            raise Corrupt(f"the pack {key} is damaged: it has no column {missing[0]!r}{_GOOD_COPY}")
        return file

    def _unpacked(self, key: str, packed: _Packed) -> bytes:
        with self._unpacking:  # whoever reads the next file wants the same group of rows
            if self._opened[:2] != (packed.pack, packed.group):
                # a table of runs goes through them in the order of their keys, so that one group of rows is enough
                column = self._open(packed.pack).read_row_group(packed.group, columns=["data"]).column("data")
                self._opened = (packed.pack, packed.group, column)
            data: bytes = self._opened[2][packed.row].as_py()
        if not isinstance(data, bytes) or len(data) != packed.size or sha256_bytes(data) != packed.sha256:
            raise Corrupt(f"{key} in the pack {packed.pack} is damaged: its digest is another{_GOOD_COPY}")
        return data


def _lies_in(run: str, folder: str) -> bool:
    return int(run[:12], 16) < _YEAR_10000 and folder == run_folder(run)


_GOOD_COPY = "; put a good copy of the pack back under that key"
