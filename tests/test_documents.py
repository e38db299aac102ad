"""Documents, descriptions of files and lists of files: what comes back, and what is refused in words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcycle._digest import canonical_json
from mlcycle._documents import check_file, list_bytes, read_document, read_list, written_document
from mlcycle.errors import Corrupt, SchemaError

FILE = {"key": "files/0a/0b.zip", "size": 9, "sha256": "sha256:00", "enc": None, "kind": "model"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text().filter(lambda name: name not in ("v", "needs_read")), JSON, max_size=4))
def test_a_document_comes_back(document: dict[str, Any]) -> None:
    """Whatever it holds; its bytes are canonical, and say of themselves what reading them takes."""
    data = written_document(document)
    assert read_document(data, "a document") == document
    assert json.loads(data) == {**document, "v": 1, "needs_read": []}
    assert data == canonical_json(json.loads(data))


def test_what_a_newer_release_said_more_is_handed_over() -> None:
    """Unknown fields are for whoever knows them, and survive where the document is written again."""
    data = b'{"added":{"later":1},"needs_read":[],"v":1}'
    assert written_document(read_document(data, "a card")) == data


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            b'{"needs_read":["pieces","age"],"v":1}',
            "the card of m@1 needs 'pieces', 'age', which this mlcycle does not",
        ),
        (
            b'{"needs_read":[],"v":2}',
            "the card of m@1 is of version 2, and this mlcycle reads up to 1; upgrade mlcycle",
        ),
    ],
)
def test_what_takes_a_newer_release_is_refused_in_words(data: bytes, words: str) -> None:
    """The file, what it needs and the remedy are named."""
    with pytest.raises(SchemaError) as caught:
        read_document(data, "the card of m@1")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b"{}",
        b'{"v":1}',
        b'{"needs_read":[]}',
        b'{"needs_read":[],"v":0}',
        b'{"needs_read":[],"v":true}',
        b'{"needs_read":[],"v":"1"}',
        b'{"needs_read":null,"v":1}',
        b'{"needs_read":[],"v":1,"loss":NaN}',
        b'{"needs_read":[],"v":1,"loss":-Infinity}',
    ],
)
def test_what_is_no_document_is_damage(data: bytes) -> None:
    """Nothing is guessed: every document says v and needs_read, and JSON has no NaN."""
    with pytest.raises(Corrupt, match="a card is damaged"):
        read_document(data, "a card")


def test_a_file_is_read_by_who_knows_how() -> None:
    """Encryption and places of somebody's own are refused with the file, the thing and a remedy."""
    assert check_file({**FILE, "later": 1}, "m@1") == {**FILE, "later": 1}
    with pytest.raises(SchemaError, match=r"files/0a/0b.zip of m@1 is encrypted by 'age'.*upgrade mlcycle"):
        check_file({**FILE, "enc": "age"}, "m@1")
    with pytest.raises(SchemaError, match=r"is encrypted by \{'by': 'age'\}"):
        check_file({**FILE, "enc": {"by": "age"}}, "m@1")
    with pytest.raises(SchemaError, match=r"@mine/0b.zip of m@1 lies in '@mine'.*ask its owner for a copy"):
        check_file({**FILE, "key": "@mine/0b.zip"}, "m@1")


@pytest.mark.parametrize("file", [None, {}, {**FILE, "size": "9"}, {**FILE, "size": True}, {"key": "files/0a/0b.zip"}])
def test_what_describes_no_file_is_damage(file: Any) -> None:
    """A description is complete, or it is none."""
    with pytest.raises(Corrupt, match="a file of m@1 is described by its key, size, sha256, enc and kind"):
        check_file(file, "m@1")


@given(st.lists(st.text(), unique=True, max_size=5))
def test_a_list_of_files_comes_back(keys: list[str]) -> None:
    """In its order, whatever the keys; also a list of nothing, and of what a newer release encrypted."""
    files = [{**FILE, "key": key, "enc": "age"} for key in keys]
    assert read_list(list_bytes(files), "a list") == files


def test_a_list_of_files_is_whole_or_damage() -> None:
    """Cut at any byte, with a line that names no key, or with one key twice, it is refused."""
    data = list_bytes([{"key": "a"}, {"key": "b"}])
    for end in range(len(data)):
        with pytest.raises(Corrupt):
            read_list(data[:end], "a list")
    with pytest.raises(Corrupt, match="a line of it names no key"):
        read_list(list_bytes([{"key": 7}]), "a list")
    with pytest.raises(Corrupt, match="it lists a 2 times"):
        read_list(list_bytes([{"key": "a"}, {"key": "b"}, {"key": "a"}]), "a list")
    with pytest.raises(SchemaError, match="a list needs 'parts'"):
        read_list(data.replace(b'"needs_read":[]', b'"needs_read":["parts"]'), "a list")
