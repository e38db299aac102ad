"""Digests, canonical JSON, and the published hash."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_a_salt_is_text() -> None:
    """A salt of another type is refused; parts of a salt cannot run into one another."""
    with pytest.raises(InvalidInput, match="salt_of"):
        hash64([1], 7)  # type: ignore[arg-type]
    assert salt_of("a", "b", "c") != salt_of("a", "b,c", "") != salt_of("a,b", "c", "")


@given(st.integers(0, 2**64 - 1))
def test_the_unit_interval_is_half_open(value: int) -> None:
    """A hash becomes a number from 0 up to, not including, 1; alone or in a column."""
    assert 0 <= unit_interval(value) < 1
    assert [unit_interval(value)] == unit_interval(np.array([value], dtype=np.uint64)).tolist()
