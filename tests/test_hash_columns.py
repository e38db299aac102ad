"""The published hash over columns of every kind: as one by one, and even and independent where it must be."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlcycle._digest import salt_of, unit_interval
from mlcycle._hash64 import hash64_one
from mlcycle._hash_columns import hash_column
from mlcycle.errors import InvalidInput
from tests.hash_page import by_the_page

SALT = salt_of("split", "customers", "0")


@given(
    st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=300), max_size=20),
    st.text(max_size=9),
)
def test_text_hashes_as_the_page_says(values: list[str | None], salt: str) -> None:
    """Text is its UTF-8 with tag 4, from every kind of column."""
    salt = salt.encode("utf-8", "replace").decode()
    expected = [by_the_page(0, b"", salt) if v is None else by_the_page(4, v.encode(), salt) for v in values]
    array = pa.array(values, pa.string())
    for column in (
        values,
        array,
        array.dictionary_encode(),
        pa.array(values, pa.large_string()),
        pd.Series(values, dtype="string"),
    ):
        assert expected == hash_column(column, salt).tolist()
    assert expected[1:] == hash_column(array[1:], salt).tolist()


@given(st.lists(st.integers(-(2**63), 2**64 - 1), max_size=20))
def test_integers_hash_as_the_page_says(values: list[int]) -> None:
    """Integers are 8 bytes, with tag 1 or 2."""
    expected = [by_the_page(1 if v < 2**63 else 2, (v % 2**64).to_bytes(8, "little"), SALT) for v in values]
    assert expected == hash_column(values, SALT).tolist()
    small = [v for v in values if v < 2**63]
    assert [hash64_one(v, SALT) for v in small] == hash_column(np.array(small, dtype=np.int64), SALT).tolist()
    large = [v for v in values if v >= 0]
    assert [hash64_one(v, SALT) for v in large] == hash_column(np.array(large, dtype=np.uint64), SALT).tolist()


@given(st.lists(st.floats(), max_size=20))
def test_floats_hash_alike_one_by_one_and_as_columns(values: list[float]) -> None:
    """Floats of every kind agree between the two ways to hash them."""
    expected = [hash64_one(v, SALT) for v in values]
    array = np.array(values, dtype=np.float64)
    for column in (array, pd.Series(array), pa.array(array), pd.array(array, dtype="Float64")):
        assert expected == hash_column(column, SALT).tolist()


def test_equal_numbers_hash_alike() -> None:
    """Seven is seven, whatever its type."""
    seven = hash64_one(7, SALT)
    columns: list[Any] = [
        [7], [7.0], [Decimal("7.00")], [np.int8(7)], np.array([7], dtype="u1"), np.array([7], dtype="f4"),
        np.array([7], dtype="f2"), pa.array([7], pa.int16()), pa.array([Decimal(7)]), pd.Series([7], dtype="Int32"),
        pd.Series([7], dtype="category"), pd.Index([7]), pd.Series([7.0, None]),
    ]  # fmt: skip
    assert [seven] * len(columns) == [hash_column(column, SALT).tolist()[0] for column in columns]
    assert hash_column([0.0, 0, False], SALT).tolist() == hash_column([-0.0, -0.0, 0], SALT).tolist()
    assert hash64_one(True, SALT) == hash64_one(1, SALT)


def test_missing_values_are_one_group() -> None:
    """None, NaN, NaT and NA hash alike, in every kind of column."""
    missing = hash64_one(None, SALT)
    columns: list[Any] = [
        [None], [math.nan], [pd.NA], [pd.NaT], ["a", None], ["a", math.nan], [Decimal("NaN")], [np.datetime64("NaT")],
        np.array([math.nan]), np.array(["NaT"], dtype="M8[ns]"), np.array(["NaT"], dtype="m8[s]"),
        pd.Series([1, None], dtype="Int64"), pd.Series(["a", None]), pd.Series(["a", None], dtype="category"),
        pd.Series([pd.NaT]), pd.Series([pd.NaT]).dt.tz_localize("UTC"), pa.nulls(1), pa.nulls(1, pa.string()),
        pa.array([True, None]), pa.array([dt.date(2020, 1, 1), None]), pa.array([Decimal(1), None]),
        pa.DictionaryArray.from_arrays(pa.array([0], pa.int8()), pa.array([None], pa.string())),
        pa.DictionaryArray.from_arrays(pa.array([None], pa.int8()), pa.array([], pa.string())),
    ]  # fmt: skip
    assert [missing] * len(columns) == [hash_column(column, SALT).tolist()[-1] for column in columns]


def test_moments_hash_alike_in_every_unit() -> None:
    """An instant is one value, in seconds or nanoseconds, here or in Berlin, before 1970 too."""
    moments = [dt.datetime(2026, 11, 23, 12, 30), dt.datetime(1931, 2, 3, 4, 5, 6)]
    expected = [hash64_one(moment, SALT) for moment in moments]
    series = pd.Series(moments)
    columns: list[Any] = [
        moments,
        series,
        [pd.Timestamp(m) for m in moments],
        pd.DatetimeIndex(moments),
        pa.array(moments),
    ]
    columns += [series.dt.as_unit(unit) for unit in ("s", "ms", "us", "ns")]
    columns += [series.dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin"), series.to_numpy().astype("M8[m]")[:1]]
    columns += [[m.replace(tzinfo=dt.UTC).astimezone(dt.timezone(dt.timedelta(hours=5))) for m in moments]]
    for column in columns[:-2] + columns[-1:]:
        assert expected == hash_column(column, SALT).tolist()
    assert expected[:1] == hash_column(columns[-2], SALT).tolist()
    day = hash64_one(dt.date(2026, 11, 23), SALT)
    assert [day] == hash_column(pa.array([dt.date(2026, 11, 23)]), SALT).tolist()
    assert [day] == hash_column(pa.array([dt.date(2026, 11, 23)], pa.date64()), SALT).tolist()
    assert day == hash64_one(dt.datetime(2026, 11, 23), SALT)


def test_durations_times_and_bytes_hash_alike_everywhere() -> None:
    """What Arrow, numpy and Python call the same has one hash."""
    spans = [dt.timedelta(days=-3, microseconds=7), dt.timedelta(1)]
    times = [dt.time(1, 2, 3, 4)]
    for column in (spans, pd.Series(spans), pa.array(spans), [pd.Timedelta(s) for s in spans]):
        assert [hash64_one(s, SALT) for s in spans] == hash_column(column, SALT).tolist()
    for column in (times, pa.array(times), pa.array(times).cast(pa.time64("ns"))):
        assert [hash64_one(times[0], SALT)] == hash_column(column, SALT).tolist()
    for column in ([b"ab"], pa.array([b"ab"]), pa.array([b"ab"], pa.binary(2)), pa.array([b"ab"], pa.large_binary())):
        assert [hash64_one(b"ab", SALT)] == hash_column(column, SALT).tolist()


def test_mixed_values_hash_one_by_one() -> None:
    """A column of several kinds is no trouble."""
    values = [7, "7", None, 7.5, dt.date(2020, 1, 1)]
    assert [hash64_one(v, SALT) for v in values] == hash_column(pd.Series(values, dtype=object), SALT).tolist()


def test_an_empty_column_has_no_hashes() -> None:
    """Nothing in, nothing out, of the right type."""
    for column in (
        [],
        np.array([]),
        pd.Series([], dtype="string"),
        pa.array([], pa.string()),
        pa.chunked_array([], pa.string()),
    ):
        hashes = hash_column(column, SALT)
        assert (0, np.uint64) == (len(hashes), hashes.dtype)


def test_dictionaries_of_128_values_with_8_bit_codes() -> None:
    """A null beside a full dictionary does not overflow its codes."""
    column = pa.DictionaryArray.from_arrays(pa.array([127, None], pa.int8()), pa.array([str(i) for i in range(128)]))
    assert [hash64_one("127", SALT), hash64_one(None, SALT)] == hash_column(column, SALT).tolist()


@pytest.mark.parametrize(
    "column",
    [
        [2**64], [-(2**63) - 1], [1j], [[1]], [Decimal("1.5")], [("a", 1, 2)], np.zeros((2, 2)),
        pd.DataFrame({"a": [1]}), np.array([1j]), pa.array([[1]]), pa.array([{"a": 1}]), ["\ud800"],
        pd.period_range("2020", periods=1, freq="M"), pd.Series([pd.Interval(0, 1)]),
    ],
)  # fmt: skip
def test_what_cannot_be_hashed_is_refused(column: Any) -> None:
    """Values without a hash are refused, with a remedy."""
    with pytest.raises(InvalidInput, match="hash"):
        hash_column(column, SALT)


_LARGE = 200_000


@pytest.mark.parametrize(
    "column",
    [
        np.arange(_LARGE),
        np.arange(_LARGE) * 2**32,
        np.arange(_LARGE) / 8,
        pa.array([f"customer-{i}" for i in range(_LARGE)]),
    ],
    ids=["counting", "high bits", "eighths", "text"],
)
def test_hashes_of_regular_keys_are_uniform(column: Any) -> None:
    """Regular keys fall evenly into bins, by upper and by lower bits, under each of 20 salts (chi-square)."""
    p_values = []
    for salt in range(20):
        hashes = hash_column(column, salt_of("test", "uniform", str(salt)))
        for bits in (hashes >> np.uint64(54), hashes & np.uint64(1023)):
            counts = np.bincount(bits.astype(np.int64), minlength=1024)
            p_values.append(stats.chisquare(counts).pvalue)
    assert min(p_values) > 0.01 / len(p_values)
    assert stats.kstest(p_values, "uniform").pvalue > 0.001


def test_one_bit_changes_half_of_the_hash() -> None:
    """Every bit of the key moves every bit of the hash with probability one half (avalanche)."""
    keys = np.random.default_rng(0).integers(0, 2**63, 20_000)
    before = hash_column(keys, SALT)
    for bit in range(0, 63, 7):
        changed = before ^ hash_column(keys ^ (1 << bit), SALT)
        shares = [float(((changed >> np.uint64(out)) & np.uint64(1)).mean()) for out in range(64)]
        assert max(abs(share - 0.5) for share in shares) < 0.02


def test_salts_are_independent() -> None:
    """Splits under two salts cross as independent splits do, and hashes do not correlate."""
    for first, second in itertools.pairwise(str(i) for i in range(12)):
        a = unit_interval(hash_column(np.arange(_LARGE), salt_of("split", "x", first)))
        b = unit_interval(hash_column(np.arange(_LARGE), salt_of("split", "x", second)))
        table = np.histogram2d(a, b, bins=8)[0]
        assert stats.chi2_contingency(table).pvalue > 1e-4


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["zero", "a", None, "b" * 300, "", "é"]),
        pa.array([0, 1, None, 3, 4, 5], pa.uint8()),
        pa.array([b"0", b"1", None, b"3" * 300, b"", b"5"], pa.large_binary()),
        pa.array([None, 1, 2, None, 4, 5], pa.timestamp("ms")),
        pa.array(["a", "b", None, "a", "b", "a"]).dictionary_encode(),
        pa.array([0.5, None, 2.0, math.nan, 4.0, 5.0]),
        pa.array(["a" * 9, None, "b", "", "c", "d"], pa.string_view()),
        pa.array([True, None, False, True, None, False]),
    ],
    ids=lambda column: str(column.type),
)
def test_a_part_of_a_column_hashes_like_that_part_of_the_whole(column: Any) -> None:
    """A slice, or chunks of any length: what lies before and behind it does not count."""
    whole = hash_column(column, SALT)
    assert whole.tolist() == [hash64_one(value, SALT) for value in column.to_pylist()]
    for start, stop in itertools.combinations(range(7), 2):
        assert hash_column(column[start:stop], SALT).tolist() == whole[start:stop].tolist()
    chunks = pa.chunked_array([column[:1], column[1:1], column[1:4], column[4:]])
    assert hash_column(chunks, SALT).tolist() == whole.tolist()


@given(lengths=st.lists(st.sampled_from([0, 1, 7, 8, 9, 15, 16, 17, 255, 256, 257, 300]), max_size=8))
def test_text_of_mixed_lengths_hashes_one_by_one(lengths: list[int]) -> None:
    """Long and short ones beside one another, each to its own end."""
    values = [chr(97 + i) * length for i, length in enumerate(lengths)]
    expected = [hash64_one(value, SALT) for value in values]
    assert expected == hash_column(pa.array(values, pa.string()), SALT).tolist()
    assert expected == hash_column(np.array(values, dtype=object), SALT).tolist()


def test_a_column_is_left_as_it_was() -> None:
    """Hashing works in place, on numbers of its own."""
    numbers, moments = np.array([3, 1, 2]), np.array(["2026-11-23", "NaT"], "M8[s]")
    for column in (numbers, numbers.astype("u8"), numbers / 2, moments):
        before = column.copy()
        column.flags.writeable = False
        hash_column(column, SALT)
        np.testing.assert_array_equal(before, column)


def test_only_one_column_is_taken() -> None:
    """A frame, a table of numbers and an index of several levels have no one value a row."""
    for column in (pd.DataFrame({"a": [1]}), pd.MultiIndex.from_tuples([(1, 2)]), np.zeros((2, 2))):
        with pytest.raises(InvalidInput, match="hash"):
            hash_column(column, SALT)
