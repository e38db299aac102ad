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

import hashlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from mlcycle._digest import sha256_bytes
from mlcycle.errors import Corrupt, MlcycleError, SchemaError
from mlcycle.storage import KeyNotFound, Listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlcycle.lifecycle.blobs import Depot
    from mlcycle.storage import Readable

__all__ = ["POINTS", "RunFiles", "hash_stored", "is_run_id", "run_folder"]

Doc = dict[str, Any]
POINTS = "points-"
_PIECE = 8 * 2**20  # bytes read at a time, so that the points of a long run never stand in memory whole
_COLUMNS = ("key", "size", "sha256", "data")
_YEAR_10000 = 253_402_300_800_000  # in milliseconds since 1970: folders have no month for what would come later
_PACK = re.compile(r"(?P<month>runs/[0-9]{4}-[0-9]{2}/)pack-[0-9a-f]{32}\.parquet")
_SMALL = re.compile(
    r"(?P<folder>runs/[0-9]{4}-[0-9]{2}/[0-9a-f]{32}/)(?:head\.json|end\.json|points-[0-9a-f]{40}-[0-9]+(?:-[0-9]+)?\.jsonl)"
)


def run_folder(run: str) -> str:
    """Return the folder of a run; the month comes from its id, so the id alone finds it.

    Examples
    --------
    >>> run_folder("019ab0f2c40071c8a3b1f0e2d4c6a8b0")
    'runs/2025-11/019ab0f2c40071c8a3b1f0e2d4c6a8b0'
    """
    month = datetime.fromtimestamp(int(run[:12], 16) / 1000, UTC).strftime("%Y-%m")
    return f"runs/{month}/{run}"


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
    depot : Depot
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

    def __init__(self, depot: Depot, listed: Iterable[Listed] | None = None, packs: Iterable[Doc] = ()) -> None:
        self._depot = depot
        self._blind = listed is None
        self._packs = {pack["key"]: pack for pack in packs}
        self._folders: dict[str, dict[str, Listed]] = {}
        self._packed: dict[str, _Packed] = {}
        self._opened: tuple[str, int, Any] = ("", -1, None)
        self.trouble: dict[str, MlcycleError | OSError] = {}
        for one in listed or ():
            self._add(one)
        for pack in self._packs.values():
            self._add_pack(pack)

    @property
    def can_append(self) -> bool:
        """Whether reading needs no journey."""
        return self._depot.files.can_append

    def ids(self) -> list[str]:
        """Return the ids of the runs with a head, an end or a segment, oldest first."""
        runs = {folder: folder.split("/")[2] for folder in self._folders}
        return sorted(run for folder, run in runs.items() if is_run_id(run) and folder == f"{run_folder(run)}/")

    def may_hold(self, key: str) -> bool:
        """Say whether a file may be in the set: by the listing, if there was one."""
        return self._blind or key in self._folders.get(key.rpartition("/")[0] + "/", ())

    def list(self, prefix: str) -> Iterator[Listed]:
        """Yield the small files in the folder of a run, ``runs/2026-11/<id>/``, in ascending order of their keys."""
        folder = self._folders.get(prefix, {})
        yield from (folder[key] for key in sorted(folder))

    def read(self, key: str, start: int | None = None, stop: int | None = None) -> bytes:
        """Return bytes of a file, checked against its digest where they come from a pack.

        Raises
        ------
        KeyNotFound
            If it is nowhere; if it was listed, it has gone into a newer pack: look again.
        """
        packed = self._packed.get(key)
        if packed is None:
            return self._depot.files.read(key, start, stop)
        return self._unpacked(key, packed)[slice(start, stop)]

    def _add(self, one: Listed) -> bool:
        found = _SMALL.fullmatch(one.key)
        if found is None:
            return False
        folder = self._folders.setdefault(found["folder"], {})
        known = folder.get(one.key)
        if known is not None and known.size >= one.size:
            return False
        folder[one.key] = one
        return True

    def _add_pack(self, pack: Doc) -> None:
        try:
            rows = self._depot.runs.get(f"pack:{pack['key']}", lambda: self._index(pack))
        except (MlcycleError, OSError) as error:
            self.trouble[pack["key"]] = error
            return
        for key, row in rows.items():
            if self._add(Listed(key, row.size, 0.0)):
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
            file = parquet.ParquetFile(self._depot.open_file(self._packs[key], f"the pack {key}"))
        except FileNotFoundError as error:
            raise KeyNotFound(f"there is no {key!r}: its runs may be in a newer pack") from error
        except pa.ArrowException as error:
            raise Corrupt(f"the pack {key} is damaged: {error}{_GOOD_COPY}") from error
        if missing := [column for column in _COLUMNS if column not in file.schema_arrow.names]:
            raise Corrupt(f"the pack {key} is damaged: it has no column {missing[0]!r}{_GOOD_COPY}")
        return file

    def _unpacked(self, key: str, packed: _Packed) -> bytes:
        if self._opened[:2] != (packed.pack, packed.group):
            # a table of runs goes through them in the order of their keys, so that one group of rows is enough
            column = self._open(packed.pack).read_row_group(packed.group, columns=["data"]).column("data")
            self._opened = (packed.pack, packed.group, column)
        data: bytes = self._opened[2][packed.row].as_py()
        if not isinstance(data, bytes) or len(data) != packed.size or sha256_bytes(data) != packed.sha256:
            raise Corrupt(f"{key} in the pack {packed.pack} is damaged: its digest is another{_GOOD_COPY}")
        return data


_GOOD_COPY = "; put a good copy of the pack back under that key"
