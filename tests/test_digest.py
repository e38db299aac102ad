"""Digests, canonical JSON, and the published hash."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import itertools
import json
import math
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlcycle._digest import (
    canonical_json,
    hash64,
    hash64_one,
    json_number,
    json_text,
    json_value,
    salt_of,
    sha256_bytes,
    sha256_file,
    unit_interval,
)
from mlcycle.errors import InvalidInput

SALT = salt_of("split", "customers", "0")
_PAGES = (Path("docs/format-tables.md"), Path("docs/format.md"))


def _vectors(name: str) -> list[dict[str, Any]]:
    root = Path(__file__).parent.parent
    pattern = re.compile(rf"<!-- vectors: {name} -->\n```json\n(.*?)```", re.DOTALL)
    found = [m for page in _PAGES if (root / page).exists() for m in pattern.findall((root / page).read_text("utf-8"))]
    assert found, f"the docs have no vectors {name!r}"
    vectors: list[dict[str, Any]] = json.loads(found[0])
    return vectors


# digests and JSON ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0.5, -0.0, math.inf, -math.inf, math.nan])
def test_a_number_is_read_back(value: float) -> None:
    """What JSON cannot say is an object, and the number again when it is read."""
    document = json.loads(json.dumps({"a": [json_number(value)]}, allow_nan=False))
    assert repr(json_value(document)) == repr({"a": [value]})


@pytest.mark.parametrize("document", [{"$float": "nan"}, {"$float": 5}, {"$float": "NaN", "more": 1}, {"$ref": 1}])
def test_an_object_that_is_no_number_stays(document: dict[str, Any]) -> None:
    """Only the three words of the format are numbers."""
    assert json_value(document) == document


@given(text=st.text(st.characters(exclude_categories=[])))
def test_text_that_utf8_cannot_hold_is_escaped(text: str) -> None:
    """Every text can be written afterwards, and Unicode is left as it is."""
    plain = json_text(text)
    assert plain.encode().decode() == plain
    assert (plain == text) == all(not "\ud800" <= character <= "\udfff" for character in text)
    assert json_text(plain) == plain


def test_a_digest_is_sha256_in_hex(tmp_path: Path) -> None:
    """Bytes and a file of these bytes have the digest hashlib gives."""
    path = tmp_path / "x"
    path.write_bytes(b"abc" * 100_000)
    expected = "sha256:" + hashlib.sha256(b"abc" * 100_000).hexdigest()
    assert expected == sha256_bytes(b"abc" * 100_000)
    assert expected == sha256_file(path)


def test_json_vectors_of_the_docs() -> None:
    """The vectors of the format page hold."""
    for vector in _vectors("json"):
        assert vector["digest"] == sha256_bytes(canonical_json(vector["value"]))


def test_canonical_json_is_sorted_compact_and_utf8() -> None:
    """Keys go by code point, also beyond the basic plane; control characters are escaped."""
    value = {"\uffff": 1, "\U00010000": 2, "a": "é\n\x01\x7f"}
    assert canonical_json(value) == '{"a":"é\\n\\u0001\x7f","\uffff":1,"\U00010000":2}'.encode()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
).filter(lambda value: "\\ud" not in json.dumps(value))


@given(_JSON)
def test_canonical_json_reads_back(value: Any) -> None:
    """Any JSON reads back equal, and writes the same again."""
    text = canonical_json(value)
    assert value == json.loads(text)
    assert text == canonical_json(json.loads(text))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (math.nan, "JSON"),
        ({"a": math.inf}, "JSON"),
        ({1: "a"}, "key of a JSON object is text, got int"),
        ([{"a": {None: 1}}], "key of a JSON object is text, got NoneType"),
        (np.int64(1), "int64"),
        ({"a": {1, 2}}, "set"),
        ("\ud800", "Unicode"),
    ],
)
def test_canonical_json_refuses(value: Any, says: str) -> None:
    """What has no JSON form is refused, with what came."""
    with pytest.raises(InvalidInput, match=says):
        canonical_json(value)


def test_canonical_json_refuses_what_holds_itself() -> None:
    """An endless value ends in an error."""
    value: dict[str, Any] = {}
    value["me"] = value
    with pytest.raises(InvalidInput, match="Circular"):
        canonical_json(value)


# the published hash --------------------------------------------------------------------------------------------------


def test_hash_vectors_of_the_docs() -> None:
    """The vectors of the format page hold, one by one and as columns."""
    for vector in _vectors("hash"):
        if "repeat" in vector:
            value: Any = vector["repeat"][0] * vector["repeat"][1]
        elif "base64" in vector:
            value = base64.b64decode(vector["base64"])
        elif "moment" in vector:
            value = dt.datetime.fromisoformat(vector["moment"])
        else:
            value = vector["value"]
        assert int(vector["hash"], 16) == hash64_one(value, vector["salt"])
        assert [int(vector["hash"], 16)] == hash64([value], vector["salt"]).tolist()


def _by_the_text(tag: int, payload: bytes, salt: str) -> int:
    """Hash a payload as the format page says, written again from that page."""
    seed = hashlib.sha256(salt.encode()).digest()
    k0, k1 = int.from_bytes(seed[:8], "little"), int.from_bytes(seed[8:16], "little")

    def mix(x: int) -> int:
        x = (x + 0x9E3779B97F4A7C15) % 2**64
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) % 2**64
        return x ^ (x >> 31)

    length = len(payload)
    payload = hashlib.sha256(payload).digest() if length > 256 else payload
    h = k0
    for at in range(0, len(payload), 8):
        h = mix(h ^ int.from_bytes(payload[at : at + 8].ljust(8, b"\0"), "little"))
    return mix(h ^ k1 ^ length ^ (tag << 56))


@given(
    st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=300), max_size=20),
    st.text(max_size=9),
)
def test_text_hashes_as_the_page_says(values: list[str | None], salt: str) -> None:
    """Text is its UTF-8 with tag 4, from every kind of column."""
    salt = salt.encode("utf-8", "replace").decode()
    expected = [_by_the_text(0, b"", salt) if v is None else _by_the_text(4, v.encode(), salt) for v in values]
    array = pa.array(values, pa.string())
    for column in (
        values,
        array,
        array.dictionary_encode(),
        pa.array(values, pa.large_string()),
        pd.Series(values, dtype="string"),
    ):
        assert expected == hash64(column, salt).tolist()
    assert expected[1:] == hash64(array[1:], salt).tolist()


@given(st.lists(st.integers(-(2**63), 2**64 - 1), max_size=20))
def test_integers_hash_as_the_page_says(values: list[int]) -> None:
    """Integers are 8 bytes, with tag 1 or 2."""
    expected = [_by_the_text(1 if v < 2**63 else 2, (v % 2**64).to_bytes(8, "little"), SALT) for v in values]
    assert expected == hash64(values, SALT).tolist()
    small = [v for v in values if v < 2**63]
    assert [hash64_one(v, SALT) for v in small] == hash64(np.array(small, dtype=np.int64), SALT).tolist()
    large = [v for v in values if v >= 0]
    assert [hash64_one(v, SALT) for v in large] == hash64(np.array(large, dtype=np.uint64), SALT).tolist()


@given(st.lists(st.floats(), max_size=20))
def test_floats_hash_alike_one_by_one_and_as_columns(values: list[float]) -> None:
    """Floats of every kind agree between the two ways to hash them."""
    expected = [hash64_one(v, SALT) for v in values]
    array = np.array(values, dtype=np.float64)
    for column in (array, pd.Series(array), pa.array(array), pd.array(array, dtype="Float64")):
        assert expected == hash64(column, SALT).tolist()


def test_equal_numbers_hash_alike() -> None:
    """Seven is seven, whatever its type."""
    seven = hash64_one(7, SALT)
    columns: list[Any] = [
        [7], [7.0], [Decimal("7.00")], [np.int8(7)], np.array([7], dtype="u1"), np.array([7], dtype="f4"),
        np.array([7], dtype="f2"), pa.array([7], pa.int16()), pa.array([Decimal(7)]), pd.Series([7], dtype="Int32"),
        pd.Series([7], dtype="category"), pd.Index([7]), pd.Series([7.0, None]),
    ]  # fmt: skip
    assert [seven] * len(columns) == [hash64(column, SALT).tolist()[0] for column in columns]
    assert hash64([0.0, 0, False], SALT).tolist() == hash64([-0.0, -0.0, 0], SALT).tolist()
    assert hash64_one(True, SALT) == hash64_one(1, SALT)


def test_text_is_never_a_number() -> None:
    """Values of different kinds differ although their bytes may not."""
    values = [7, "7", b"7", 7.5, None, "", b"", dt.timedelta(0), dt.time(0), dt.datetime(1970, 1, 1), 2**63, -(2**63)]
    assert len(values) == len(set(hash64(values, SALT).tolist()))


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
    ]  # fmt: skip
    assert [missing] * len(columns) == [hash64(column, SALT).tolist()[-1] for column in columns]


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
        assert expected == hash64(column, SALT).tolist()
    assert expected[:1] == hash64(columns[-2], SALT).tolist()
    day = hash64_one(dt.date(2026, 11, 23), SALT)
    assert [day] == hash64(pa.array([dt.date(2026, 11, 23)]), SALT).tolist()
    assert [day] == hash64(pa.array([dt.date(2026, 11, 23)], pa.date64()), SALT).tolist()
    assert day == hash64_one(dt.datetime(2026, 11, 23), SALT)


def test_durations_times_and_bytes_hash_alike_everywhere() -> None:
    """What Arrow, numpy and Python call the same has one hash."""
    spans = [dt.timedelta(days=-3, microseconds=7), dt.timedelta(1)]
    times = [dt.time(1, 2, 3, 4)]
    for column in (spans, pd.Series(spans), pa.array(spans), [pd.Timedelta(s) for s in spans]):
        assert [hash64_one(s, SALT) for s in spans] == hash64(column, SALT).tolist()
    for column in (times, pa.array(times), pa.array(times).cast(pa.time64("ns"))):
        assert [hash64_one(times[0], SALT)] == hash64(column, SALT).tolist()
    for column in ([b"ab"], pa.array([b"ab"]), pa.array([b"ab"], pa.binary(2)), pa.array([b"ab"], pa.large_binary())):
        assert [hash64_one(b"ab", SALT)] == hash64(column, SALT).tolist()


def test_mixed_values_hash_one_by_one() -> None:
    """A column of several kinds is no trouble."""
    values = [7, "7", None, 7.5, dt.date(2020, 1, 1)]
    assert [hash64_one(v, SALT) for v in values] == hash64(pd.Series(values, dtype=object), SALT).tolist()


def test_an_empty_column_has_no_hashes() -> None:
    """Nothing in, nothing out, of the right type."""
    for column in (
        [],
        np.array([]),
        pd.Series([], dtype="string"),
        pa.array([], pa.string()),
        pa.chunked_array([], pa.string()),
    ):
        hashes = hash64(column, SALT)
        assert (0, np.uint64) == (len(hashes), hashes.dtype)


def test_dictionaries_of_128_values_with_8_bit_codes() -> None:
    """A null beside a full dictionary does not overflow its codes."""
    column = pa.DictionaryArray.from_arrays(pa.array([127, None], pa.int8()), pa.array([str(i) for i in range(128)]))
    assert [hash64_one("127", SALT), hash64_one(None, SALT)] == hash64(column, SALT).tolist()


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
        hash64(column, SALT)


def test_a_salt_is_text() -> None:
    """A salt of another type is refused; parts of a salt cannot run into one another."""
    with pytest.raises(InvalidInput, match="salt_of"):
        hash64([1], 7)  # type: ignore[arg-type]
    assert salt_of("a", "b", "c") != salt_of("a", "b,c", "") != salt_of("a,b", "c", "")


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
        hashes = hash64(column, salt_of("test", "uniform", str(salt)))
        for bits in (hashes >> np.uint64(54), hashes & np.uint64(1023)):
            counts = np.bincount(bits.astype(np.int64), minlength=1024)
            p_values.append(stats.chisquare(counts).pvalue)
    assert min(p_values) > 0.01 / len(p_values)
    assert stats.kstest(p_values, "uniform").pvalue > 0.001


def test_one_bit_changes_half_of_the_hash() -> None:
    """Every bit of the key moves every bit of the hash with probability one half (avalanche)."""
    keys = np.random.default_rng(0).integers(0, 2**63, 20_000)
    before = hash64(keys, SALT)
    for bit in range(0, 63, 7):
        changed = before ^ hash64(keys ^ (1 << bit), SALT)
        shares = [float(((changed >> np.uint64(out)) & np.uint64(1)).mean()) for out in range(64)]
        assert max(abs(share - 0.5) for share in shares) < 0.02


def test_salts_are_independent() -> None:
    """Splits under two salts cross as independent splits do, and hashes do not correlate."""
    for first, second in itertools.pairwise(str(i) for i in range(12)):
        a = unit_interval(hash64(np.arange(_LARGE), salt_of("split", "x", first)))
        b = unit_interval(hash64(np.arange(_LARGE), salt_of("split", "x", second)))
        table = np.histogram2d(a, b, bins=8)[0]
        assert stats.chi2_contingency(table).pvalue > 1e-4


@given(st.integers(0, 2**64 - 1))
def test_the_unit_interval_is_half_open(value: int) -> None:
    """A hash becomes a number from 0 up to, not including, 1; alone or in a column."""
    assert 0 <= unit_interval(value) < 1
    assert [unit_interval(value)] == unit_interval(np.array([value], dtype=np.uint64)).tolist()
