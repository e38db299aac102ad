"""A stored file read like a Python file."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlcycle.errors import Corrupt, InvalidInput
from mlcycle.storage import KeyNotFound, open_range

if TYPE_CHECKING:
    from mlcycle.storage import Files


def test_parquet_from_anywhere(files: Files) -> None:
    """Arrow reads some columns of a stored Parquet file through it."""
    table = pa.table({"a": range(50_000), "b": [f"text {i % 7}" for i in range(50_000)]})
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=10_000)
    files.put("t.parquet", sink.getvalue())
    with open_range(files, "t.parquet", len(sink.getvalue())) as file:
        assert pq.read_table(file, columns=["b"]).equals(table.select(["b"]))


def test_absent_file(files: Files) -> None:
    """An absent file is `KeyNotFound`, at the latest when it is read."""
    with pytest.raises(KeyNotFound), open_range(files, "none", 10) as file:
        file.read()


def test_wrong_size(files: Files) -> None:
    """A file shorter than the log says is corrupt."""
    files.put("a", b"12345")
    with pytest.raises(Corrupt, match="should have 9 bytes"), open_range(files, "a", 9) as file:
        file.read()


def test_empty_file(files: Files) -> None:
    """An empty file reads as nothing."""
    files.put("a", b"")
    with open_range(files, "a", 0) as file:
        assert (file.read(), file.seek(0, os.SEEK_END)) == (b"", 0)


def test_misuse(files: Files) -> None:
    """A negative size and a position before the start are refused."""
    with pytest.raises(InvalidInput):
        open_range(files, "a", -1)
    files.put("a", b"123")
    with open_range(files, "a", 3) as file, pytest.raises((OSError, ValueError)):
        file.seek(-1)


def test_wrapped_in_a_buffer(files: Files) -> None:
    """Python's own readers can sit on top."""
    files.put("a", b"one\ntwo\n" * 20_000)
    raw = open_range(files, "a", 160_000)
    with io.TextIOWrapper(io.BufferedReader(raw)) as text:  # type: ignore[arg-type]
        assert sum(1 for _ in text) == 40_000
