"""Frames in and out of the store: what the table codec needs of the store, and reading a version whatever its kind."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

from mlcycle import codecs, records, stats
from mlcycle._ids import near
from mlcycle._text import few
from mlcycle.errors import InvalidInput, SchemaError
from mlcycle.lifecycle.blobs import NewFile
from mlcycle.lifecycle.datasets._summaries import summary_of
from mlcycle.state import Version, resolve

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    import numpy as np
    import pandas as pd

    from mlcycle.lifecycle._session import Session
    from mlcycle.lifecycle.blobs import Blobs, CheckedFiles
    from mlcycle.state import View

__all__ = [
    "column_label",
    "column_names",
    "features",
    "features_and_target",
    "header_of",
    "layout_of",
    "membership",
    "profile",
    "read_columns",
    "read_frame",
    "root_of",
    "store_selection",
    "store_table",
    "table_object",
]

Doc = dict[str, Any]
_LAYOUTS = ("blocks", "selection")


class _NewManifest(NewFile):
    """A manifest being made: whoever asks for it in this process need not read it back."""

    def done(self) -> Doc:
        manifest = codecs.read_manifest(self.path)
        file = super().done()
        self.checked_files.manifests.put(file["key"], manifest, file["size"])
        return file


class _Blocks:
    """The store as the table codec sees it; made for one write or one read, then dropped."""

    def __init__(
        self, checked_files: CheckedFiles, dataset: str = "", files: Iterable[Doc] = (), what: str = ""
    ) -> None:
        self._checked_files = checked_files
        self._files = {file["key"]: file for file in files}
        self._what = what
        self._dataset = dataset
        self._begun: list[NewFile] = []

    def open(self, key: str) -> BinaryIO | Path:
        if key not in self._files:  # the manifest is of a placement that has been replaced: look again
            raise FileNotFoundError(key)
        return self._checked_files.open_file(self._files[key], self._what)

    def find(self, digest: str) -> None:
        """Answer that no block is known: blocks are not shared between versions yet, whole tables are."""

    def new(self, kind: str) -> NewFile:
        folder = f"tables/{self._dataset}" if kind == "table" else "leaves"
        made = _NewManifest if kind == "manifest" else NewFile
        file = made(self._checked_files, folder, kind, ".parquet")
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


def store_table(checked_files: CheckedFiles, dataset: str, encoded: codecs.Encoded) -> list[Doc]:
    """Write a table, its manifest and its profile; return their descriptions, manifest first."""
    columns = dict(zip(encoded.table.column_names, encoded.table.columns, strict=True))
    # While bytes go to the disk there is time to summarise them.
    with ThreadPoolExecutor(1) as pool, _Blocks(checked_files, dataset).cleaning() as blocks:
        summary = pool.submit(summary_of, columns, encoded.header)
        written = codecs.write(encoded, blocks)
        profile = summary.result().as_dict()
    return [written.manifest, *written.files, checked_files.store_document("leaves", "profile", profile)]


def store_selection(
    checked_files: CheckedFiles, encoded: codecs.EncodedSelection, frame: pd.DataFrame, header: Doc
) -> list[Doc]:
    """Write a membership and the profile of its rows; return their descriptions, manifest first.

    `header` is that of the table whose rows they are.
    """
    summary = summary_of(codecs.columns_of(frame)[0], header)
    fields = {column["name"]: column["field"] for column in header["presentation"]["columns"]}
    nulls = {fields[column.name]: column.nulls for column in summary.columns}
    with _Blocks(checked_files).cleaning() as blocks:
        manifest = codecs.write_selection(encoded, blocks, nulls)
    return [manifest, checked_files.store_document("leaves", "profile", summary.as_dict())]


def _manifest(blobs: Blobs, version: Version) -> codecs.Manifest:
    """Read the manifest of a version, checked against its digest, once a process."""
    file = blobs.file_of(version.needs[0], "manifest", version.shown)

    def read() -> codecs.Manifest:
        with blobs.checked_files.local_copy(file, version.shown) as path:
            return codecs.read_manifest(path)

    found: codecs.Manifest = blobs.checked_files.manifests.get(file["key"], read, file["size"])
    return found


def _parent(view: View, version: Version) -> Version:
    return resolve(view, version.made_from[0], "dataset", dropped=True)


def root_of(view: View, version: Version) -> Version:
    """Return the version that holds the rows: the version itself, or what a part was selected from."""
    while layout_of(version) == "selection":
        version = _parent(view, version)
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


def membership(blobs: Blobs, view: View, version: Version) -> tuple[Version, np.ndarray | None]:
    """Return the version that holds the rows, and which of them a version has (None for all)."""
    if layout_of(version) != "selection":
        return version, None
    mask = codecs.read_selection(_manifest(blobs, version))
    root, outer = membership(blobs, view, _parent(view, version))
    if outer is not None:
        whole = outer.copy()
        whole[outer] = mask
        mask = whole
    return root, mask


def header_of(blobs: Blobs, view: View, version: Version) -> Doc:
    """Return the schema and presentation of a version; a part has its parent's."""
    root = root_of(view, version)
    return blobs.reading(root.shown, lambda: _manifest(blobs, root)).header


def profile(session: Session, version: records.DatasetVersion) -> stats.Summary:
    """Return the profile stored with a version, as `DatasetVersion.profile` documents."""
    found = resolve(session.view(), version, "dataset")
    document = session.blobs.document(found.needs[0], "profile", found.shown)
    try:
        return stats.Summary.from_dict(document)
    except InvalidInput as error:
        raise SchemaError(f"the profile of {found.shown} cannot be read: {error}") from error


def read_frame(blobs: Blobs, view: View, version: Version, columns: Iterable[Hashable] | None = None) -> pd.DataFrame:
    """Read the rows of a version as they were added, or some of its columns."""
    columns = None if columns is None else column_list(columns)  # once: reading may be tried again

    def read() -> pd.DataFrame:
        root, mask = membership(blobs, view, version)
        files = blobs.files_of(root.needs[0], root.shown)
        with _Blocks(blobs.checked_files, files=files, what=root.shown).cleaning() as blocks:
            return codecs.load(_manifest(blobs, root), blocks, columns=cast("Any", columns), rows=mask)

    return blobs.reading(version.shown, read)


def column_list(columns: Iterable[Hashable]) -> list[Hashable]:
    """Return the columns that are asked for.

    Raises
    ------
    InvalidInput
        For one name that stands for a list.
    """
    if isinstance(columns, str) or not isinstance(columns, Iterable):
        raise InvalidInput(f"columns={columns!r} is one name; give a list: columns=[{columns!r}]")
    return list(columns)


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
    hint = (
        f"did you mean {' or '.join(map(repr, close))}?"
        if close
        else f"it has {few([*map(repr, columns[:_SHOWN])], len(columns))}"
    )
    raise InvalidInput(f"{argument}={given!r:.80} names no column of {what}; {hint}")


_SHOWN = 12


def read_columns(blobs: Blobs, view: View, version: Version) -> tuple[records.Column, ...]:
    """Return the columns of a version with their types, and the missing values its own rows have."""
    header = header_of(blobs, view, version)
    nulls = blobs.reading(version.shown, lambda: _manifest(blobs, version)).header["nulls"]
    types = {field["name"]: field["type"] for field in header["schema"]}
    return tuple(
        records.Column(
            name=str(column["name"]),
            type=types[column["field"]],
            nulls=nulls.get(column["field"], 0),
        )
        for column in header["presentation"]["columns"]
    )


def features_and_target(frame: pd.DataFrame, roles: Doc, what: str) -> tuple[pd.DataFrame, pd.Series]:
    """Split a frame into features and target; columns with a role are no features."""
    target = roles.get("target")
    if target is None:
        raise InvalidInput(f"{what} has no target; add it with target=… to load X and y")
    taken = [column for column in roles.values() if column is not None and column in frame.columns]
    return frame.drop(columns=taken), cast("pd.Series", frame[target])


def features(frame: pd.DataFrame, roles: Doc, what: str) -> pd.DataFrame:
    """Return the features of a frame, or all of it where it has no target."""
    return frame if roles.get("target") is None else features_and_target(frame, roles, what)[0]
