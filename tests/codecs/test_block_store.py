"""Tables of many row blocks, whose pieces lie anywhere: what a store may hold, whoever wrote it."""

from __future__ import annotations

import json
import re
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcycle import codecs
from mlcycle.codecs._block_store import part_of
from mlcycle.codecs._manifests import pieces_table, write_leaf
from mlcycle.codecs._tables import content_digest
from mlcycle.errors import Corrupt

if TYPE_CHECKING:
    from tests.codecs.conftest import FolderBlocks

Piece = codecs.Piece
_RANDOM = np.random.default_rng(3)


def _frame(rows: int) -> pd.DataFrame:
    n = np.arange(rows)
    frame = pd.DataFrame({
        "n": n, "x": np.where(n % 7 == 0, np.nan, _RANDOM.normal(size=rows)), "text": [f"t{i % 11}" for i in n],
        "gap": pd.array([None if i % 3 else i for i in n], dtype="Int64"), "truth": n % 2 == 0,
        "kind": pd.Categorical.from_codes(n % 4 - 1, ["c", "a", "b"]),
        "day": pd.Timestamp("2020", tz="Europe/Berlin") + pd.to_timedelta(n, unit="h"),
        "lists": pd.Series([[int(i)] * (i % 3) for i in n], dtype=object),
    })  # fmt: skip
    return frame.set_index(pd.Index(n[::-1], name="id"))


# a writer as another library may have one ----------------------------------------------------------------------------


class _Scatterer:
    """A writer that puts pieces wherever it is told: files and row groups shared, fields renamed, rows between."""

    def __init__(self, blocks: FolderBlocks, draw: Any) -> None:
        self.blocks, self.draw = blocks, draw
        self.waiting: dict[int, list[tuple[Any, str]]] = {}  # of a file that is not written yet: its fields

    def store(self, frame: pd.DataFrame, sizes: list[int]) -> codecs.Manifest:
        """Store a frame in row blocks of these sizes; return its manifest."""
        encoded = codecs.encode(frame)
        entries, digests = [], []
        for number, (start, size) in enumerate(zip(accumulate(sizes, initial=0), sizes, strict=False)):
            block = {name: encoded.table[name].slice(start, size) for name in encoded.table.column_names}
            digests.append([codecs.block_digest(column) for column in block.values()])
            for (name, column), digest in zip(block.items(), digests[-1], strict=True):
                entries.append((number, name, digest, tuple(self._place(column))))
        return self.manifest(encoded, sizes, entries, digests)

    def manifest(self, encoded: Any, sizes: list[int], entries: Any, digests: Any) -> codecs.Manifest:
        """Write a manifest with a cut that no mlcycle knows."""
        cut = {"kind": "somehow", "seed": 7}
        content = content_digest(encoded.header["schema"], cut, sizes, digests)
        header = {**encoded.header, "cut": cut, "blocks": sizes, "content": content}
        entries = self.draw(st.permutations(entries)) if self.draw else entries
        return codecs.read_manifest(self.blocks.open(write_leaf(self.blocks, header, pieces_table(entries))["key"]))

    def _place(self, column: Any) -> list[Piece]:
        """Write a column block in pieces: each with other rows around it, in a row group of a file of its own."""
        edges = [0, *sorted(self.draw(st.lists(st.integers(0, len(column)), max_size=2))), len(column)]
        pieces = []
        for start, stop in pairwise(edges):
            part = column.slice(start, stop - start)
            before, after = self.draw(st.integers(0, 3)), self.draw(st.integers(0, 3))
            around = pa.concat_arrays([pa.nulls(before, part.type), *part.chunks, pa.nulls(after, part.type)])
            if self.draw(st.booleans()):
                around = _plainly(around)
            file = self.blocks.new("table")
            field = self.draw(st.sampled_from(["a", "ä b", "n"]))
            groups = self.draw(st.integers(0, 2))
            with pq.ParquetWriter(file.path, pa.schema([("other", pa.int8()), (field, around.type)])) as writer:
                for _ in range(groups):
                    writer.write_table(pa.table({"other": pa.array([1], pa.int8()), field: pa.nulls(1, around.type)}))
                writer.write_table(pa.table({"other": pa.nulls(len(around), pa.int8()), field: around}))
            pieces.append(Piece(start, stop - start, file.key, groups, before, field))
        return pieces


def _plainly(array: Any) -> Any:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_pieces_anywhere_are_the_table(blocks: FolderBlocks, data: st.DataObject) -> None:
    """However many blocks and pieces: all rows, some rows, some columns, and a selection are what pandas gives."""
    sizes = data.draw(st.lists(st.integers(0, 12), min_size=1, max_size=4).filter(any))
    frame = _frame(sum(sizes))
    names = data.draw(st.lists(st.sampled_from(list(frame.columns)), min_size=1, max_size=3, unique=True))
    frame = frame[names]
    manifest = _Scatterer(blocks, data.draw).store(frame, sizes)
    codecs.verify(manifest, blocks)
    pd.testing.assert_frame_equal(frame, codecs.load(manifest, blocks, verify=True))
    rows = data.draw(st.lists(st.integers(0, len(frame) - 1), max_size=9))
    pd.testing.assert_frame_equal(frame.iloc[rows], codecs.load(manifest, blocks, rows=np.array(rows, dtype=int)))
    some = data.draw(st.permutations(names))[:2]
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(frame), max_size=len(frame)).filter(any)))
    encoded = codecs.encode_selection(manifest.header["content"], mask, {})
    selection = codecs.read_manifest(blocks.open(codecs.write_selection(encoded, blocks, {})["key"]))
    part = codecs.load(manifest, blocks, columns=some, rows=codecs.read_selection(selection))
    pd.testing.assert_frame_equal(frame.loc[mask, some], part)


# tables under the cut ------------------------------------------------------------------------------------------------

_CUT_ROWS = 100_000


@pytest.fixture(scope="module")
def large() -> pd.DataFrame:
    """Return a frame that is cut into several blocks."""
    return _frame(_CUT_ROWS).drop(columns="lists")  # pandas compares long columns of lists slowly


def _cut_and_stored(blocks: FolderBlocks, frame: pd.DataFrame) -> codecs.Manifest:
    written = codecs.write(codecs.encode(frame, key=["n"]), blocks)
    return codecs.read_manifest(blocks.open(written.manifest["key"]))


def test_a_table_under_the_cut_comes_back(blocks: FolderBlocks, large: pd.DataFrame) -> None:
    """Several row blocks in one file are one table: whole, in part, by columns, and for pandas alone."""
    manifest = _cut_and_stored(blocks, large)
    assert [manifest.header["cut"]["kind"], len(manifest.header["blocks"]) > 2] == ["tops", True]
    codecs.verify(manifest, blocks)
    pd.testing.assert_frame_equal(large, codecs.load(manifest, blocks))
    rows = np.array([_CUT_ROWS - 1, 0, *np.cumsum(manifest.header["blocks"])[:-1], 5])
    pd.testing.assert_frame_equal(
        large.iloc[rows][["kind", "text"]], codecs.load(manifest, blocks, columns=["kind", "text"], rows=rows)
    )


def test_pandas_alone_reads_many_blocks_as_the_docs_show(blocks: FolderBlocks, large: pd.DataFrame) -> None:
    """The example of the format page, executed as it stands, reads a table under the cut."""
    page = (Path(__file__).parent.parent.parent / "docs" / "format.md").read_text("utf-8")
    source = re.search(r"<!-- example: pandas alone -->\n```python\n(.*?)```", page, re.DOTALL)
    scope: dict[str, Any] = {}
    exec(source[1], scope)  # type: ignore[index]  # the page's own code
    frame = large[["n", "x", "text"]]
    written = codecs.write(codecs.encode(frame, key=["n", "text"]), blocks)
    pd.testing.assert_frame_equal(frame, scope["read_dataset"](blocks.folder, written.manifest["key"]))


def test_versions_share_the_files_of_blocks_that_stayed(blocks: FolderBlocks, large: pd.DataFrame) -> None:
    """A version with a deleted row and new ones needs only the blocks that changed; both load from shared files."""
    one = _cut_and_stored(blocks, large)
    changed = pd.concat(
        [large.drop(index=large.index[60_000]), _frame(500).drop(columns="lists").assign(n=np.arange(500) + 10**6)]
    )
    encoded = codecs.encode(changed, key=["n"])
    places = one.places(encoded.table.column_names)
    known = {digest: place for found in places.values() for digest, place in found}
    starts = list(accumulate(encoded.header["blocks"], initial=0))
    entries, fresh = [], 0
    for number, (start, size) in enumerate(zip(starts, encoded.header["blocks"], strict=False)):
        for name, digest in zip(encoded.table.column_names, encoded.blocks[number], strict=True):
            place = known.get(digest)
            if place is None:
                fresh += size
                file = blocks.new("table")
                pq.write_table(encoded.table.select([name]).slice(start, size), file.path, row_group_size=10_000)
                pieces = [
                    Piece(at, min(10_000, size - at), file.key, at // 10_000, 0, name) for at in range(0, size, 10_000)
                ]
                place = tuple(pieces)
            entries.append((number, name, digest, place))
    two = codecs.read_manifest(blocks.open(write_leaf(blocks, encoded.header, pieces_table(entries))["key"]))
    assert set(one.files()) < set(two.files())
    assert fresh < 0.8 * encoded.table.num_rows * encoded.table.num_columns
    for frame, manifest in ((large, one), (changed, two)):
        codecs.verify(manifest, blocks)
        pd.testing.assert_frame_equal(frame, codecs.load(manifest, blocks))


def test_blocks_that_are_all_known_are_not_written_again(blocks: FolderBlocks, large: pd.DataFrame) -> None:
    """A column of which one block changed is written; the others are taken from where they lie."""
    old = _cut_and_stored(blocks, large)
    blocks.known = {digest: place for found in old.places(large.columns).values() for digest, place in found}
    changed = large.assign(x=[*large["x"][:-1], 0.5])
    written = codecs.write(codecs.encode(changed.reset_index(drop=True), key=["n"]), blocks)
    blocks.known = {}
    assert pq.read_schema(blocks.open(written.files[0]["key"])).names == ["x"]
    assert [1, old.files()] == [len(written.files), written.reused]
    manifest = codecs.read_manifest(blocks.open(written.manifest["key"]))
    pd.testing.assert_frame_equal(changed.reset_index(drop=True), codecs.load(manifest, blocks, verify=True))


# damage --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def entries(blocks: FolderBlocks) -> tuple[Any, list[Any]]:
    """Return a table of two blocks of five rows, and where its blocks lie: two pieces each."""
    encoded = codecs.encode(pd.DataFrame({"a": np.arange(10), "b": [f"t{i}" for i in range(10)]}))
    pq.write_table(encoded.table, blocks.open("ten.parquet"), row_group_size=4)
    made = []
    for number in (0, 1):
        for name in "ab":
            digest = codecs.block_digest(encoded.table[name].slice(5 * number, 5))
            spots = [(0, 4, 0, 0), (4, 1, 1, 0)] if number == 0 else [(0, 3, 1, 1), (3, 2, 2, 0)]
            place = tuple(Piece(start, rows, "ten.parquet", group, skip, name) for start, rows, group, skip in spots)
            made.append((number, name, digest, place))
    return encoded, made


def _manifest(blocks: FolderBlocks, encoded: Any, entries: list[Any]) -> codecs.Manifest:
    digests = [[digest for number, _, digest, _ in entries if number == wanted] for wanted in (0, 1)]
    return _Scatterer(blocks, None).manifest(encoded, [5, 5], entries, digests)


def test_the_sound_table_is_read(blocks: FolderBlocks, entries: tuple[Any, list[Any]]) -> None:
    """What the damaged ones below are made of is whole."""
    manifest = _manifest(blocks, *entries)
    codecs.verify(manifest, blocks)
    assert list(range(10)) == codecs.load(manifest, blocks)["a"].tolist()


@pytest.mark.parametrize(
    ("piece", "change", "says"),
    [
        (0, {"rows": 3}, "does not say where all 5 rows of column 'a'"), (0, {"rows": 5}, "does not say where all 5"),
        (1, {"start": 3}, "does not say where all 5"), (1, {"start": 5}, "does not say where all 5"),
        (0, {"skip": 1}, "ten.parquet has 4 rows in row group 0, fewer than"),
        (1, {"row_group": 3}, "ten.parquet lacks what its manifest names"),
        (0, {"field": "c"}, r"ten.parquet lacks what its manifest names: \['c'\]"),
    ],
)  # fmt: skip
def test_a_wrong_piece_is_corrupt(
    piece: int, change: dict[str, Any], says: str, blocks: FolderBlocks, entries: tuple[Any, list[Any]]
) -> None:
    """Gaps, overlaps, and rows, groups and columns a file does not have are said, whatever else is sound."""
    encoded, made = entries
    number, name, digest, place = made[0]
    pieces = tuple(p._replace(**change) if i == piece else p for i, p in enumerate(place))
    manifest = _manifest(blocks, encoded, [(number, name, digest, pieces), *made[1:]])
    with pytest.raises(Corrupt, match=says):
        codecs.load(manifest, blocks)
    assert codecs.load(manifest, blocks, columns=["b"])["b"].tolist() == [f"t{i}" for i in range(10)]


@pytest.mark.parametrize("change", [{"row_group": 1}, {"field": "b"}, {"key": "eleven.parquet"}], ids=repr)
def test_a_piece_of_other_rows_is_found_by_its_digest(
    change: dict[str, Any], blocks: FolderBlocks, entries: tuple[Any, list[Any]]
) -> None:
    """Pieces that exist and are not those of the block are never passed off as it."""
    encoded, made = entries
    pq.write_table(pa.table({"a": np.arange(10) + 1}), blocks.open("eleven.parquet"), row_group_size=4)
    number, name, digest, place = made[0]
    other = (number, name, digest, (place[0]._replace(**change), place[1]))
    with pytest.raises(Corrupt, match=r"parquet.* is damaged"):
        codecs.verify(_manifest(blocks, encoded, [other, *made[1:]]), blocks)


def test_two_blocks_in_the_place_of_one_another_are_found(blocks: FolderBlocks, entries: tuple[Any, list[Any]]) -> None:
    """Sound blocks in another order are another content."""
    encoded, made = entries
    sound = _manifest(blocks, encoded, made)
    swapped = [(1 - number, *rest) for number, *rest in made]
    manifest = codecs.read_manifest(blocks.open(write_leaf(blocks, sound.header, pieces_table(swapped))["key"]))
    with pytest.raises(Corrupt, match="names column blocks of the content"):
        codecs.verify(manifest, blocks)


def test_a_block_with_two_digests_is_corrupt(blocks: FolderBlocks, entries: tuple[Any, list[Any]]) -> None:
    """All pieces of a block are of one block."""
    encoded, made = entries
    number, name, _, place = made[0]
    manifest = _manifest(
        blocks, encoded, [*made[1:], *((number, name, f"sha256:{i:064}", (place[i],)) for i in (0, 1))]
    )
    with pytest.raises(Corrupt, match="gives row block 0 of column 'a' two digests"):
        codecs.load(manifest, blocks)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=4), st.data())
def test_a_part_of_a_place_is_those_rows(sizes: list[int], data: st.DataObject) -> None:
    """Row by row, the part lies where the whole lies."""
    edges = list(accumulate(sizes, initial=0))
    place = tuple(Piece(at, rows, f"f{at}", 0, 5, "x") for at, rows in zip(edges, sizes, strict=False))
    start = data.draw(st.integers(0, edges[-1]))
    rows = data.draw(st.integers(0, edges[-1] - start))

    def spots(place: codecs.Place) -> list[tuple[str, int]]:
        return [(piece.key, piece.skip + i) for piece in place for i in range(piece.rows)]

    part = part_of(place, start, rows)
    assert spots(place)[start : start + rows] == spots(part)
    assert [piece.start for piece in part] == list(accumulate((piece.rows for piece in part), initial=0))[:-1]


def test_the_header_of_a_cut_table_is_json(blocks: FolderBlocks, large: pd.DataFrame) -> None:
    """The cut stands in the manifest, with the rows of every block."""
    header = json.loads(json.dumps(_cut_and_stored(blocks, large[["n"]]).header))
    assert header["cut"] == {"kind": "tops", "key": ["n"], "reach": 16384, "longest": 65536}
    assert sum(header["blocks"]) == header["rows"] == _CUT_ROWS
