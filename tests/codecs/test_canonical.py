"""Canonical form 1: one name for equal values, against an implementation written from the format page alone."""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcycle.codecs._canonical import block_digest, canonical_bytes, deeply_plain
from mlcycle.codecs._logical_types import arrow_type, logical_name, logical_type, storage_name
from mlcycle.codecs._values import values_from_json, values_to_json
from mlcycle.errors import InvalidInput, SchemaError

_PAGES = (Path("docs/format-tables.md"), Path("docs/format.md"))


# the form, written again from the page: Python values in, bytes out -------------------------------------------------


def _form(name: str, values: list[Any]) -> bytes:
    encoded = name.encode()
    return b"mlcycle\x01" + struct.pack("<I", len(encoded)) + encoded + _array(arrow_type(name), values)


def _pack_bits(bits: list[bool]) -> bytes:
    made = bytearray((len(bits) + 7) // 8)
    for i, bit in enumerate(bits):
        made[i // 8] |= bit << (i % 8)
    return bytes(made)


def _array(kind: Any, values: list[Any]) -> bytes:
    nulls = sum(value is None for value in values)
    head = struct.pack("<QQ", len(values), nulls)
    return head + (_pack_bits([v is not None for v in values]) if nulls else b"") + _body(kind, values)


_FORMATS = {"float16": "e", "float32": "f", "float64": "d", "date": "i", "time[s]": "i", "time[ms]": "i"}
_FORMATS |= {f"{u}int{bits}": letter for bits, letter in ((8, "b"), (16, "h"), (32, "i"), (64, "q")) for u in [""]}
_FORMATS |= {f"uint{bits}": letter for bits, letter in ((8, "B"), (16, "H"), (32, "I"), (64, "Q"))}


def _body(kind: Any, values: list[Any]) -> bytes:
    name = logical_name(kind)
    if name == "null":
        return b""
    if name == "bool":
        return _pack_bits([bool(value) for value in values])
    if name in ("string", "binary"):
        parts = [b"" if v is None else v.encode() if isinstance(v, str) else v for v in values]
        return b"".join(struct.pack("<I", len(part)) for part in parts) + b"".join(parts)
    if name.startswith("binary("):
        return b"".join(bytes(kind.byte_width) if v is None else v for v in values)
    if name.startswith("decimal"):
        width = 16 if kind.precision <= 38 else 32
        scaled = [0 if v is None else int(v.scaleb(kind.scale, Context(prec=80))) for v in values]
        return b"".join(v.to_bytes(width, "little", signed=True) for v in scaled)
    if name.startswith(("list", "map")):
        inner = (
            kind.value_type
            if name.startswith("list")
            else pa.struct([("key", kind.key_type), ("value", kind.item_type)])
        )
        members = [member for value in values if value is not None for member in value]
        if name.startswith("map"):
            members = [{"key": key, "value": value} for key, value in members]
        lengths = [0 if v is None else len(v) for v in values]
        return b"".join(struct.pack("<I", n) for n in lengths) + _array(inner, members)
    if name.startswith("struct"):
        return b"".join(_array(f.type, [None if v is None else v[f.name] for v in values]) for f in kind)
    letter = _FORMATS.get(name, "q")
    return b"".join(_number(letter, value) for value in values)


def _number(letter: str, value: Any) -> bytes:
    if value is None:
        return bytes(struct.calcsize(letter))
    if letter in "efd" and math.isnan(value):
        return {"e": b"\0\x7e", "f": b"\0\0\xc0\x7f", "d": b"\0\0\0\0\0\0\xf8\x7f"}[letter]
    return struct.pack("<" + letter, value)


# columns of every type ----------------------------------------------------------------------------------------------

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "bool": st.booleans(),
    **{f"int{bits}": st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    "float32": st.floats(width=32),
    "float64": st.floats(),
    "string": _TEXT,
    "binary": st.binary(max_size=12),
    "binary(3)": st.binary(min_size=3, max_size=3),
    "decimal(9,2)": st.integers(-(10**9) + 1, 10**9 - 1).map(lambda n: Decimal(n).scaleb(-2)),
    "decimal(60,0)": st.integers(-(10**30), 10**30).map(Decimal),
}


def _nested(inner: st.SearchStrategy[tuple[str, Any]]) -> st.SearchStrategy[tuple[str, Any]]:
    lists = inner.map(lambda t: (f"list<{t[0]}>", st.lists(st.none() | t[1], max_size=4)))
    structs = st.tuples(inner, inner).map(
        lambda t: (
            f'struct<"a":{t[0][0]},"b c":{t[1][0]}>',
            st.fixed_dictionaries({"a": st.none() | t[0][1], "b c": st.none() | t[1][1]}),
        )
    )
    maps = inner.map(lambda t: (f"map<string,{t[0]}>", st.lists(st.tuples(_TEXT, st.none() | t[1]), max_size=3)))
    return lists | structs | maps


_TYPES = st.recursive(st.sampled_from(sorted(_SCALARS)).map(lambda name: (name, _SCALARS[name])), _nested, max_leaves=3)


@st.composite
def columns(draw: st.DrawFn, types: st.SearchStrategy[Any] = _TYPES) -> tuple[str, list[Any]]:
    """Draw a logical type and values of it."""
    name, values = draw(types)
    return name, draw(st.lists(st.none() | values, max_size=12))


def _arrow(column: tuple[str, list[Any]]) -> Any:
    return pa.array(column[1], arrow_type(column[0]), from_pandas=False)


@given(columns())
@settings(max_examples=300, deadline=None)
def test_the_form_is_what_the_page_says(column: tuple[str, list[Any]]) -> None:
    """The fast form equals the plain one, for every type."""
    name, values = column
    assert _form(name, values) == canonical_bytes(_arrow(column))


@given(columns(), st.data())
@settings(max_examples=150, deadline=None)
def test_slices_chunks_and_copies_do_not_matter(column: tuple[str, list[Any]], data: st.DataObject) -> None:
    """However an array is cut out of a larger one and into chunks, its digest is that of the plain copy."""
    array = _arrow(column)
    expected = block_digest(array)
    around = pa.concat_arrays([array, array, array])
    assert expected == block_digest(around.slice(len(array), len(array)))
    cut = data.draw(st.integers(0, len(array)))
    other = data.draw(st.integers(cut, len(array)))
    chunks = [array.slice(0, cut), around.slice(len(array) + cut, other - cut), array.slice(0, 0), array.slice(other)]
    assert expected == block_digest(pa.chunked_array(chunks, array.type))
    assert expected == block_digest(deeply_plain(array))


@given(columns(st.sampled_from(["string", "int64", "float64", "binary", "bool"]).map(lambda n: (n, _SCALARS[n]))))
@settings(max_examples=100, deadline=None)
def test_storage_does_not_matter(column: tuple[str, list[Any]]) -> None:
    """Dictionaries, runs, large and view types are how values are kept, not what they are."""
    array = _arrow(column)
    expected = block_digest(array)
    kept = [array.dictionary_encode("encode"), array.dictionary_encode("mask"), pa.compute.run_end_encode(array)]
    if column[0] in ("string", "binary"):
        kept += [
            array.cast(getattr(pa, f"large_{column[0]}")()),
            pa.array(column[1], getattr(pa, f"{column[0]}_view")()),
        ]
    for other in kept:
        assert expected == block_digest(other)
        assert logical_name(array.type) == logical_name(other.type)


@given(columns(), columns())
@settings(max_examples=150, deadline=None)
def test_different_values_have_different_digests(one: tuple[str, list[Any]], two: tuple[str, list[Any]]) -> None:
    """Only equal types with equal values share a digest."""
    same = one[0] == two[0] and _form(*one) == _form(*two)
    assert same == (block_digest(_arrow(one)) == block_digest(_arrow(two)))


def _distinct(*arrays: Any) -> bool:
    return len({block_digest(array) for array in arrays}) == len(arrays)


def test_what_is_told_apart() -> None:
    """Signed zeros, NaN and null, empty and null, order, type and length all matter."""
    assert _distinct(
        pa.array([0.0]), pa.array([-0.0]), pa.array([math.nan]), pa.array([None], pa.float64()), pa.array([0])
    )
    assert _distinct(pa.array([""]), pa.array([None], pa.string()), pa.array([b""]), pa.array([], pa.string()))
    assert _distinct(
        pa.array([[]], pa.list_(pa.int8())),
        pa.array([None], pa.list_(pa.int8())),
        pa.array([[None]], pa.list_(pa.int8())),
    )
    assert _distinct(pa.array(["ab", "c"]), pa.array(["a", "bc"]), pa.array(["c", "ab"]))
    assert _distinct(
        pa.array([{"a": None}], pa.struct([("a", pa.int8())])), pa.array([None], pa.struct([("a", pa.int8())]))
    )
    assert _distinct(*(pa.array([1], pa.timestamp(u)) for u in ("s", "ms")), pa.array([1], pa.timestamp("s", "UTC")))


def test_every_nan_is_one_nan() -> None:
    """Payload and sign of a NaN do not matter, in floats of any width."""
    bits = np.array([0x7FF8000000000000, 0x7FF0000000000001, 0xFFF8000000000000, 0x7FFFFFFFFFFFFFFF], dtype=np.uint64)
    assert block_digest(pa.array([math.nan] * 4)) == block_digest(pa.array(bits.view(np.float64)))
    halves = np.array([0x7E00, 0xFE00, 0x7C01], dtype=np.uint16).view(np.float16)
    assert block_digest(pa.array([np.float16("nan")] * 3)) == block_digest(pa.array(halves))


def test_what_lies_under_nulls_does_not_matter() -> None:
    """Garbage values, hidden bytes, hidden members and hidden fields are not part of the data."""
    mask = np.array([False, True, False])
    numbers = pa.array(np.array([1, 999, 3]), mask=mask)
    assert block_digest(pa.array([1, None, 3])) == block_digest(numbers)
    offsets = pa.py_buffer(np.array([0, 1, 4, 5], dtype=np.int32))
    text = pa.StringArray.from_buffers(3, offsets, pa.py_buffer(b"aXXXb"), pa.py_buffer(b"\x05"))
    assert block_digest(pa.array(["a", None, "b"])) == block_digest(text)
    lists = pa.ListArray.from_arrays(pa.array([0, 2, 4, 5]), pa.array([1, 2, 3, 4, 5]), mask=pa.array(mask))
    assert block_digest(pa.array([[1, 2], None, [5]])) == block_digest(lists)
    structs = pa.StructArray.from_arrays(
        [numbers.fill_null(7), text.fill_null("hidden")], ["a", "b"], mask=pa.array(mask)
    )
    assert block_digest(pa.array([{"a": 1, "b": "a"}, None, {"a": 3, "b": "b"}])) == block_digest(structs)
    both = pa.ListArray.from_arrays(pa.array([0, 3]), structs)
    assert block_digest(pa.array([[{"a": 1, "b": "a"}, None, {"a": 3, "b": "b"}]])) == block_digest(both)
    truth = pa.Array.from_buffers(pa.bool_(), 3, [pa.py_buffer(b"\x05"), pa.py_buffer(b"\xff")])
    assert block_digest(pa.array([True, None, True])) == block_digest(truth)


def test_lists_of_every_storage_are_one_type() -> None:
    """Fixed-size lists and list views are lists, with nulls and in slices."""
    values = [[1.0, 2.0], None, [3.0, 4.0], [5.0, 6.0]]
    expected = block_digest(pa.array(values[1:]))
    inner = pa.float64()
    for kind in (pa.list_(inner, 2), pa.large_list(inner), pa.list_view(inner), pa.large_list_view(inner)):
        assert expected == block_digest(pa.array(values, kind)[1:])
        assert values[1:] == deeply_plain(pa.array(values, kind)[1:]).to_pylist()


def test_decimals_and_dates_of_every_width_are_one_type() -> None:
    """The width of a decimal or a date is storage."""
    values = pa.array([Decimal("1.50"), None, Decimal("-2.25")], pa.decimal128(9, 2))
    assert block_digest(values) == block_digest(values.cast(pa.decimal256(9, 2)))
    days = pa.array([0, None, 20_000], pa.date32())
    assert block_digest(days) == block_digest(days.cast(pa.date64()))
    with pytest.raises(InvalidInput, match="breaks the rules"):
        block_digest(pa.array([1], pa.int64()).cast(pa.date64()))


def test_large_columns_are_hashed_in_steps_without_a_seam() -> None:
    """Columns longer than a step equal the plain form, with nulls and NaN on both sides of the seam."""
    values = np.arange(300_000, dtype=np.float64)
    values[[0, 131_071, 131_072, 299_999]] = np.nan
    mask = np.zeros(300_000, dtype=bool)
    mask[[5, 131_070, 131_073]] = True
    array = pa.array(values, mask=mask, from_pandas=False)
    head = (
        b"mlcycle\x01\x07\0\0\0float64"
        + struct.pack("<QQ", 300_000, 3)
        + np.packbits(~mask, bitorder="little").tobytes()
    )
    values[mask] = 0
    assert "sha256:" + hashlib.sha256(head + values.astype("<f8").tobytes()).hexdigest() == block_digest(array)


# the vectors of the page --------------------------------------------------------------------------------------------


def _vectors() -> list[dict[str, Any]]:
    root = Path(__file__).parent.parent.parent
    pattern = re.compile(r"<!-- vectors: blocks -->\n```json\n(.*?)```", re.DOTALL)
    found = [m for page in _PAGES if (root / page).exists() for m in pattern.findall((root / page).read_text("utf-8"))]
    vectors: list[dict[str, Any]] = json.loads(found[0])
    return vectors


@pytest.mark.parametrize("vector", _vectors(), ids=lambda v: v["type"])
def test_block_vectors_of_the_docs(vector: dict[str, Any]) -> None:
    """The vectors of the format page hold, for the library and for the form written from the page."""
    kind = arrow_type(vector["type"])
    if pa.types.is_map(kind):
        array = pa.array([None if row is None else [tuple(entry) for entry in row] for row in vector["values"]], kind)
    else:
        array = values_from_json(vector["values"], kind)
        assert vector["values"] == values_to_json(array)
    assert vector["bytes"] == canonical_bytes(array).hex()
    assert vector["digest"] == block_digest(array)
    values = vector["values"] if pa.types.is_temporal(kind) else array.to_pylist()
    assert vector["bytes"] == _form(vector["type"], values).hex()


# names of types -----------------------------------------------------------------------------------------------------

_KINDS = [
    pa.float16(), pa.large_string(), pa.string_view(), pa.binary_view(), pa.large_binary(), pa.date64(), pa.time32("s"),
    pa.time64("ns"), pa.timestamp("s", "+02:00"), pa.duration("ms"), pa.decimal256(10, 2), pa.decimal256(60, 2),
    pa.list_(pa.float32(), 3), pa.list_view(pa.int8()), pa.large_list_view(pa.int8()), pa.large_list(pa.large_string()),
    pa.struct([('a,>"', pa.list_(pa.string())), ("b", pa.struct([("x", pa.timestamp("us", "Europe/Berlin"))]))]),
    pa.map_(pa.string(), pa.large_string()), pa.dictionary(pa.int8(), pa.string(), ordered=True),
    pa.dictionary(pa.int32(), pa.list_(pa.int8())), pa.run_end_encoded(pa.int32(), pa.string()),
]  # fmt: skip


@pytest.mark.parametrize("kind", _KINDS, ids=str)
def test_names_of_types_read_back(kind: Any) -> None:
    """A name of how values are kept gives the Arrow type again; a logical name gives the logical type."""
    assert kind == arrow_type(storage_name(kind))
    assert logical_type(kind) == arrow_type(logical_name(kind))


@pytest.mark.parametrize(
    "name", ["", "int7", "list<", "list<int8", "list<int8>x", "struct<>", "timestamp[xs]", "decimal(1,2", "Int64"]
)
def test_unknown_names_of_types_are_from_the_future(name: str) -> None:
    """A name this version does not know says to upgrade."""
    with pytest.raises(SchemaError, match="upgrade"):
        arrow_type(name)


@pytest.mark.parametrize(
    "kind",
    [
        pa.month_day_nano_interval(), pa.struct([]), pa.struct([("a", pa.int8()), ("a", pa.int8())]),
        pa.decimal128(5, -2), pa.sparse_union([pa.field("a", pa.int8())]), pa.list_(pa.month_day_nano_interval()),
    ],
    ids=str,
)  # fmt: skip
def test_types_without_a_form_are_refused(kind: Any) -> None:
    """A type that cannot be stored faithfully is refused, with the remedy."""
    with pytest.raises(InvalidInput, match="cast it"):
        logical_name(kind)
