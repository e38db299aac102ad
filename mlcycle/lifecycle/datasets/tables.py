"""Frames in and out of the store: what the table codec needs of a session, and reading a version whatever its kind."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from mlcycle import codecs, records
from mlcycle._documents import written_document
from mlcycle._ids import near
from mlcycle.errors import InvalidInput, SchemaError
from mlcycle.lifecycle.blobs import file_of, files_of
from mlcycle.state import Version, resolve

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    import numpy as np
    import pandas as pd

    from mlcycle.lifecycle._session import Session
    from mlcycle.lifecycle.blobs import NewFile

__all__ = [
    "column_label",
    "column_names",
    "columns_of",
    "frame_of",
    "header_of",
    "layout_of",
    "membership",
    "profile_of",
    "root_of",
    "store_selection",
    "store_table",
    "table_object",
]

Doc = dict[str, Any]
_LAYOUTS = ("blocks", "selection")


class _Blocks:
    """The session as the table codec sees it; made for one write or one read, then dropped."""

    def __init__(self, session: Session, dataset: str = "", files: Iterable[Doc] = (), what: str = "") -> None:
        self._session = session
        self._files = {file["key"]: file for file in files}
        self._what = what
        self._dataset = dataset
        self._begun: list[NewFile] = []

    def open(self, key: str) -> BinaryIO | Path:
        if key not in self._files:  # the manifest is of a placement that has been replaced: look again
            raise FileNotFoundError(key)
        return self._session.depot.open_file(self._files[key], self._what)

    def find(self, digest: str) -> None:
        """Answer that no block is known: blocks are not shared between versions yet, whole tables are."""

    def new(self, kind: str) -> NewFile:
        folder = f"tables/{self._dataset}" if kind == "table" else "leaves"
        file = self._session.depot.new_file(folder, kind, ".parquet")
        self._begun.append(file)
        return file

    @contextlib.contextmanager
    def cleaning(self) -> Iterator[_Blocks]:
        """Leave no temporary file behind, whatever happens."""
        try:
            yield self
        finally:
            for file in self._begun:
                file.discard()


def table_object(encoded: codecs.Encoded) -> str:
    """Return the id under which equal content in equal presentation is stored once."""
    return f"table:{encoded.content}:{encoded.presentation}"


def store_table(session: Session, dataset: str, encoded: codecs.Encoded, profile: Doc) -> list[Doc]:
    """Write a table, its manifest and its profile; return their descriptions, manifest first."""
    with _Blocks(session, dataset).cleaning() as blocks:
        written = codecs.write(encoded, blocks)
    return [written.manifest, *written.files, _store_profile(session, profile)]


def store_selection(session: Session, encoded: codecs.EncodedSelection, profile: Doc) -> list[Doc]:
    """Write a membership and the profile of its rows; return their descriptions, manifest first."""
    with _Blocks(session).cleaning() as blocks:
        manifest = codecs.write_selection(encoded, blocks)
    return [manifest, _store_profile(session, profile)]


def _store_profile(session: Session, profile: Doc) -> Doc:
    return session.depot.store_bytes("leaves", "profile", ".json", written_document(profile))


def _files(session: Session, version: Version) -> list[Doc]:
    return files_of(session, version.needs[0], version.shown)


def _manifest(session: Session, version: Version) -> codecs.Manifest:
    """Read the manifest of a version, checked against its digest, once a process."""
    file = file_of(session, version.needs[0], "manifest", version.shown)

    def read() -> codecs.Manifest:
        with session.depot.local_copy(file, version.shown) as path:
            return codecs.read_manifest(path)

    return session.depot.remember(file["key"], read)


def _parent(session: Session, version: Version) -> Version:
    return resolve(session.view(refresh=False), version.made_from[0], "dataset", dropped=True)


def root_of(session: Session, version: Version) -> Version:
    """Return the version that holds the rows: the version itself, or what a part was selected from."""
    while layout_of(version) == "selection":
        version = _parent(session, version)
    return version


def layout_of(version: Version) -> str:
    """Return how the rows of a version are stored.

    Raises
    ------
    SchemaError
        For a layout of a newer library: that version cannot be read here, and everything else can.
    """
    layout: str = version["layout"]
    if layout not in _LAYOUTS:
        raise SchemaError(
            f"{version.shown} is stored as {layout!r}, which this mlcycle does not know; upgrade mlcycle to read it"
        )
    return layout


def membership(session: Session, version: Version) -> tuple[Version, np.ndarray | None]:
    """Return the version that holds the rows, and which of them a version has (None for all)."""
    if layout_of(version) != "selection":
        return version, None
    mask = codecs.read_selection(_manifest(session, version))
    root, outer = membership(session, _parent(session, version))
    if outer is not None:
        whole = outer.copy()
        whole[outer] = mask
        mask = whole
    return root, mask


def header_of(session: Session, version: Version) -> Doc:
    """Return the schema and presentation of a version; a part has its parent's."""
    return _manifest(session, root_of(session, version)).header


def profile_of(session: Session, version: Version) -> Doc:
    """Return the profile stored with a version."""
    file = file_of(session, version.needs[0], "profile", version.shown)
    found: Doc = session.depot.read_document(file, version.shown)
    return found


def frame_of(session: Session, version: Version, columns: Iterable[Hashable] | None = None) -> pd.DataFrame:
    """Read the rows of a version as they were added, or some of its columns."""
    if columns is not None and not isinstance(columns, str):
        if not isinstance(columns, Iterable):
            raise InvalidInput(f"columns={columns!r} is one name; give a list: columns=[{columns!r}]")
        columns = list(columns)  # once: reading may be tried again

    def read() -> pd.DataFrame:
        root, mask = membership(session, version)
        with _Blocks(session, files=_files(session, root), what=root.shown).cleaning() as blocks:
            return codecs.load(_manifest(session, root), blocks, columns=cast("Any", columns), rows=mask)

    return session.depot.resolving(version.shown, read, session.log.snapshot)


def column_names(header: Doc) -> list[str | int]:
    """Return the column names a header describes, without the levels of its index."""
    return [column["name"] for column in header["presentation"]["columns"]]


def column_label(columns: Sequence[str | int], given: Any, argument: str, what: str) -> str | int:
    """Return the label of a column that an argument names, or say which columns there are.

    Raises
    ------
    InvalidInput
        No text and no whole number, or the name of no column; 2 and ``"2"`` are two names.
    """
    label = str(given) if isinstance(given, str) else given
    if not isinstance(label, str | bool):
        with contextlib.suppress(TypeError):
            label = operator.index(label)
    if isinstance(label, str | int) and not isinstance(label, bool) and label in columns:
        return label
    close = near(given, columns)
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else f"it has {_few(columns)}"
    raise InvalidInput(f"{argument}={given!r:.80} names no column of {what}; {hint}")


def _few(columns: Sequence[str | int]) -> str:
    more = f" and {len(columns) - _SHOWN} more" if len(columns) > _SHOWN else ""
    return ", ".join(map(repr, columns[:_SHOWN])) + more


_SHOWN = 12


def columns_of(session: Session, version: Version, profile: Doc) -> tuple[records.Column, ...]:
    """Return the columns of a version with their types, and the missing values its own rows have."""
    header = header_of(session, version)
    types = {field["name"]: field["type"] for field in header["schema"]}
    return tuple(
        records.Column(
            name=str(column["name"]),
            type=types[column["field"]],
            nulls=profile["columns"].get(column["field"], {}).get("nulls", 0),
        )
        for column in header["presentation"]["columns"]
    )
