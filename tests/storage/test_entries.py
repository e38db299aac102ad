"""The envelope of an entry: what is written is what is read, and nothing else is taken for an entry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcycle._digest import canonical_json, sha256_bytes
from mlcycle.errors import Corrupt, InvalidInput, SchemaError
from mlcycle.storage._entries import MAX_BYTES, decode_entry, encode_entry, entry_key

if TYPE_CHECKING:
    from collections.abc import Callable

AT = "2026-11-23T12:00:00.000000Z"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def entry(n: int = 0, prev: str = "", **fields: Any) -> bytes:
    """Return the bytes of a small entry."""
    wanted: dict[str, Any] = {
        "op": "auto:1",
        "verb": "tick",
        "author": "ann",
        "at": AT,
        "changes": [{"kind": "tick"}],
    } | fields
    return encode_entry(n, prev, **wanted)


@given(st.integers(0, 10**9), st.dictionaries(TEXT, JSON, max_size=4), TEXT, TEXT, st.lists(TEXT, max_size=3))
def test_round_trip(n: int, facts: dict[str, Any], author: str, message: str, reuses: list[str]) -> None:
    """Whatever JSON goes in comes out."""
    changes = [{**facts, "kind": "tick"}]
    data = entry(n, "sha256:0", changes=changes, author=author, message=message, reuses=reuses)
    found = decode_entry(data, n, "sha256:0")
    expected = {
        "v": 1,
        "n": n,
        "log": None,
        "prev": "sha256:0",
        "op": "auto:1",
        "verb": "tick",
        "author": author,
        "at": AT,
        "clock": AT,
        "message": message,
        "needs_read": [],
        "needs_write": [],
        "changes": changes,
        "reuses": reuses,
        "sig": None,
    }
    assert expected == found


def test_bytes_are_the_format() -> None:
    """The stored form is compact UTF-8 JSON with sorted keys, to the byte: a golden vector."""
    data = entry(3, "sha256:ab", message="é", reuses=["files/a"])
    expected = (
        '{"at":"2026-11-23T12:00:00.000000Z","author":"ann","changes":[{"kind":"tick"}],'
        '"clock":"2026-11-23T12:00:00.000000Z","log":null,"message":"é","n":3,"needs_read":[],"needs_write":[],'
        '"op":"auto:1","prev":"sha256:ab","reuses":["files/a"],"sig":null,"v":1,"verb":"tick"}'
    )
    assert expected == data.decode()


def test_key_sorts_like_the_number() -> None:
    """Keys have ten digits, so a listing is in order."""
    assert [entry_key(9), entry_key(10)] == ["log/0000000009.json", "log/0000000010.json"]


def test_64_kilobytes_are_the_limit() -> None:
    """An entry of exactly 64 KB is written and read; one byte more is refused with the remedy."""
    room = MAX_BYTES - len(entry(message=""))
    data = entry(message="x" * room)
    assert len(data) == MAX_BYTES
    assert room == len(decode_entry(data, 0)["message"])
    with pytest.raises(InvalidInput, match=f"at most 65536 bytes, this one has {MAX_BYTES + 1}; shorten the message"):
        entry(message="x" * (room + 1))


@pytest.mark.parametrize(
    "fields",
    [
        {"changes": [{"kind": "tick", "x": float("nan")}]},
        {"changes": [{"kind": "tick", "x": object()}]},
        {"changes": [{"kind": "tick", 1: 2}]},
        {"changes": [{"name": "no kind"}]},
        {"changes": ["tick"]},
        {"message": None},
        {"message": "\ud800"},
        {"author": 7},
        {"reuses": [None]},
        {"verb": None},
        {"clock": 7},
    ],
)
def test_what_is_no_entry_is_not_written(fields: dict[str, Any]) -> None:
    """NaN, objects, keys that are no text, changes without a kind and wrong types are refused before writing."""
    with pytest.raises(InvalidInput):
        entry(**fields)


@pytest.mark.parametrize(
    ("data", "trouble"),
    [
        (b"", "it is empty"),
        (entry()[:-20], "are not JSON"),
        (b"\xff\xfe", "are not JSON"),
        (b"[" * 60_000, "are not JSON"),
        (b"[]", "it holds a list, not an object"),
        (b'{"v":1}', "its field 'log' is missing"),
        (b'{"log":null,"v":1}', "its field 'n' should be int and is None"),
        (entry().replace(b'"v":1', b'"v":0'), "its envelope is 0"),
        (entry().replace(b'"v":1', b'"v":true'), "its field 'v' should be int"),
        (entry(1, "p"), "it says it is entry 1"),
        (entry(0, "sha256:zz"), "it follows sha256:zz"),
        (entry().replace(b'{"kind":"tick"}', b"7"), "a change is an object with a kind"),
        (b'{"v":1,"x":"' + b"x" * MAX_BYTES + b'"}', "an entry has at most 65536"),
    ],
)
def test_damage_is_named(data: bytes, trouble: str) -> None:
    """Every kind of damage is `Corrupt`, names the file, and says what would mend it."""
    with pytest.raises(Corrupt) as caught:
        decode_entry(data, 0, "")
    message = str(caught.value)
    assert message.startswith("log/0000000000.json is damaged: ")
    assert trouble in message
    assert "Put the file back from a copy" in message


def test_link_is_checked() -> None:
    """An entry must name the digest of the bytes before it."""
    first = entry()
    second = entry(1, sha256_bytes(first))
    assert decode_entry(second, 1, sha256_bytes(first))["n"] == 1
    with pytest.raises(Corrupt, match=r"log/0000000000\.json have another digest"):
        decode_entry(second, 1, sha256_bytes(first + b" "))


def test_newer_envelope_asks_for_an_upgrade() -> None:
    """A larger envelope number is no damage: a newer library wrote it."""
    with pytest.raises(SchemaError, match=r"log/0000000000\.json was written by a newer mlcycle .*upgrade"):
        decode_entry(entry().replace(b'"v":1', b'"v":2'), 0)


def test_unknown_fields_are_passed_over() -> None:
    """A field of a later release does not hinder this one, and is kept."""
    data = canonical_json({**json.loads(entry()), "colour": "green"})
    assert decode_entry(data, 0, "")["colour"] == "green"


@pytest.mark.parametrize(
    ("harm", "trouble"),
    [
        (lambda data: data.replace(b'"author":"ann"', b'"author":"ann","author":"ann"'), "the key 'author' twice"),
        (lambda data: data.replace(b'"kind":"tick"', b'"kind":"tick","x":1,"x":1'), "the key 'x' twice"),
        (lambda data: data.replace(b'"kind":"tick"', b'"kind":"tick","x":NaN'), "what canonical JSON cannot say"),
        (lambda data: data.replace(b'"kind":"tick"', b'"kind":"tick","x":1e999'), "what canonical JSON cannot say"),
        (lambda data: data.replace(b'"kind":"tick"', b'"kind":"tick","x":"\\ud800"'), "what canonical JSON cannot say"),
        (lambda data: data.replace(b'"kind":"tick"', b'"kind":"tick","x":1.50'), "is not canonical JSON"),
        (lambda data: data.replace(b'"kind":"tick"', b'"kind":"tick","x":1E2'), "is not canonical JSON"),
        (lambda data: data.replace(b'"kind":"tick"', b'"kind":"tick","x":"\\u0041"'), "is not canonical JSON"),
        (lambda data: data.replace(b'"kind":"tick"', b'"kind":"tick","a":1'), "is not canonical JSON"),
        (lambda data: data.replace(b'"kind":"tick"', b'"kind": "tick"'), "is not canonical JSON"),
        (lambda data: data + b"\n", "is not canonical JSON"),
        (lambda data: b" " + data, "is not canonical JSON"),
        (lambda data: b"\xef\xbb\xbf" + data, "is not canonical JSON"),
    ],
)
def test_other_spellings_are_damage(harm: Callable[[bytes], bytes], trouble: str) -> None:
    """Doubled keys, NaN, spaces, another order: two readers could read two things, so nobody folds it."""
    data = harm(entry())
    with pytest.raises(Corrupt, match=r"log/0000000000\.json is damaged: .*Put the file back from a copy") as caught:
        decode_entry(data, 0, "")
    assert trouble in str(caught.value)


def test_under_a_believed_checkpoint_it_is_not_looked_at_again() -> None:
    """What a digest vouches for is only parsed."""
    data = entry().replace(b'"kind":"tick"', b'"kind": "tick"')
    assert decode_entry(data, 0, canonical=False)["changes"] == [{"kind": "tick"}]


def test_an_entry_of_a_branch_is_of_a_newer_library() -> None:
    """The field for branches is reserved: who does not know them stops."""
    with pytest.raises(SchemaError, match=r"log/0000000000\.json belongs to the branch 'b1'.*upgrade mlcycle"):
        decode_entry(entry().replace(b'"log":null', b'"log":"b1"'), 0)


def test_the_writers_own_time() -> None:
    """`at` is the order, `clock` what the writer's clock said."""
    found = decode_entry(entry(clock="2025-01-01T00:00:00.000000Z"), 0)
    assert (found["at"], found["clock"]) == (AT, "2025-01-01T00:00:00.000000Z")
