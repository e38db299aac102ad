"""What tables need of a store: files by key, where a column block lies, a new file to write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["BlockStore", "NewFile", "Piece", "Place", "part_of"]


class Piece(NamedTuple):
    """Where some consecutive rows of a column block are.

    Attributes
    ----------
    start : int
        The first of these rows, counted within the block.
    rows : int
        How many.
    key : str
        The Parquet file.
    row_group : int
        The row group in it.
    skip : int
        How many rows of the row group come before.
    field : str
        The column in it.
    """

    start: int
    rows: int
    key: str
    row_group: int
    skip: int
    field: str


Place = tuple[Piece, ...]


def part_of(place: Place, start: int, rows: int) -> Place:
    """Return where some consecutive rows of what lies at a place are; of no rows, one piece without any.

    Examples
    --------
    >>> [(p.start, p.rows, p.skip) for p in part_of((Piece(0, 10, "a", 0, 0, "x"), Piece(10, 5, "b", 0, 0, "x")), 8, 4)]
    [(0, 2, 8), (2, 2, 0)]
    """
    made = []
    for piece in place:
        first, last = max(start, piece.start), min(start + rows, piece.start + piece.rows)
        if first < last:
            skip = piece.skip + first - piece.start
            made.append(piece._replace(start=first - start, rows=last - first, skip=skip))
    return tuple(made) or (place[0]._replace(start=0, rows=0),)


class NewFile(Protocol):
    """A file being made: write to `path`, then call `done`, which stores it under `key` and describes it."""

    @property
    def path(self) -> Path: ...

    @property
    def key(self) -> str: ...

    def done(self) -> dict[str, Any]: ...


class BlockStore(Protocol):
    """A store as tables see it.

    ``open(key)`` gives a file for random access, or its path; ``find(digest)`` says where a column block lies
    already, or None; ``new(kind)`` begins a file, of kind ``"table"`` or ``"manifest"``.
    """

    def open(self, key: str) -> BinaryIO | Path: ...

    def find(self, digest: str) -> Place | None: ...

    def new(self, kind: str) -> NewFile: ...
