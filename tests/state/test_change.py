"""What every change has in common: how it is read and written, and how a move is put in words."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import pytest
from attrs import field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcycle.state import Change, Moved, PointerMove, VersionAdd, read_changes
from mlcycle.state._change import texts, whole

JSON = st.none() | st.booleans() | st.integers() | st.lists(st.text(max_size=3), max_size=2)


@frozen(kw_only=True)
class Painted(Change):
    """A kind made here: one field it must have, one with a value of its own, one list."""

    kind: ClassVar[str] = "paint"
    colour: str = field(validator=lambda *given: None)
    coats: int = field(default=1, validator=whole)
    rooms: list[str] = field(factory=list, validator=texts)


MUST = {"colour": st.text(max_size=5)}
MAY = {"coats": st.integers(), "rooms": st.lists(st.text(max_size=3), max_size=2)}
OTHER = st.dictionaries(st.text(max_size=5).filter(lambda name: name not in (*MUST, *MAY, "kind")), JSON, max_size=3)


@settings(max_examples=50)
@given(own=st.fixed_dictionaries(MUST, optional=MAY), other=OTHER)
def test_a_document_comes_back_without_what_says_nothing(own: dict[str, Any], other: dict[str, Any]) -> None:
    """Its own fields are attributes, all others are kept in `says`; a field that is as if unsaid is not written."""
    change = Painted.read({"kind": "paint", **other, **own})
    assert (other, own["colour"]) == (change.says, change.colour)
    said = {name: value for name, value in own.items() if value != {"coats": 1, "rooms": []}.get(name)}
    assert change.doc() == {"kind": "paint", **other, **said}
    assert change == Painted.read(change.doc())


def test_what_it_says_is_asked_by_name() -> None:
    """Only what stands beside its own fields; those are attributes."""
    change = Painted.read({"kind": "paint", "colour": "red", "gloss": 3})
    assert change["gloss"] == 3
    with pytest.raises(KeyError, match="colour"):
        change["colour"]


@pytest.mark.parametrize("value", [True, 1.0, "1", None])
def test_a_whole_number_is_nothing_that_resembles_one(value: object) -> None:
    """JSON tells 1 from true and from 1.0."""
    words = f"coats is a whole number, not {value!r}"
    with pytest.raises(TypeError, match=re.escape(words)):
        Painted(colour="red", coats=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["hall", ("hall",), ["hall", 1], [None]])
def test_a_list_of_texts_is_a_list_of_texts(value: object) -> None:
    """A text alone would be read letter by letter."""
    with pytest.raises(TypeError, match=re.escape(f"rooms is a list of texts, not {value!r}")):
        Painted(colour="red", rooms=value)  # type: ignore[arg-type]


def test_a_kind_that_does_not_say_how_it_folds_is_noticed() -> None:
    """It is not passed over in silence; beside that, it names no objects and has no words."""
    change = Painted(colour="red")
    with pytest.raises(NotImplementedError):
        change.fold(None, 0)  # type: ignore[arg-type]
    assert ([*change.objects()], change.words(lambda to, keep: ())) == ([], "")


# picked from an entry ------------------------------------------------------------------------------------------------


def _added(name: str, number: int, of: str = "dataset") -> dict[str, Any]:
    return {"kind": "version.add", "of": of, "name": name, "number": number}


def _moved(after: int) -> dict[str, Any]:
    return {"kind": "pointer.move", "of": "dataset", "name": "A", "pointer": "p", "after": after}


ENTRY = {"changes": [_added("B", 1), _moved(3), _added("A", 2), {"kind": "x-y"}, _added("b", 2), _added("a", 2, "toy")]}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["B1", "A2", "b2", "a2"]),
        ({"name": "b"}, ["B1", "b2"]),
        ({"name": "A", "of": "dataset"}, ["A2"]),
        ({"number": 2, "of": "dataset"}, ["A2", "b2"]),
        ({"name": "c"}, []),
        ({"number": None}, []),
    ],
)
def test_changes_are_picked_in_order(asked: dict[str, Any], found: list[str]) -> None:
    """Those of one kind, all or those that are so; names are told apart but for case, and other fields are not."""
    assert found == [f"{one.name}{one.number}" for one in read_changes(ENTRY, VersionAdd, **asked)]


def test_only_what_is_asked_for_is_read() -> None:
    """A change that is damaged does not hide one that is not; asked for itself, it is refused."""
    entry = {"changes": [_added("a", 1), _moved("first")]}  # type: ignore[arg-type]
    assert [one.number for one in read_changes(entry, VersionAdd, name="a")] == [1]
    assert read_changes(entry, PointerMove, name="a", pointer="q") == []
    with pytest.raises(TypeError, match="after is a whole number, not 'first'"):
        read_changes(entry, PointerMove, name="a", pointer="p")


# a move in words -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "pointer", "before", "after", "words"),
    [
        ("model", "production", None, 7, "m@production → m@7"),
        ("model", "production", 8, 7, "m@production → m@7 (was m@8)"),
        ("model", "production", 1, None, "m@production → nothing (was m@1)"),
        ("deployment", "current", 3, 2, "m → revision 2 (was revision 3)"),
        ("deployment", "current", 1, None, "m → nothing (was revision 1)"),
        ("deployment", "blue", 1, 2, "m@blue → m@2 (was m@1)"),
        ("dataset", "latest", 3, 2, "m@latest → m@2 (was m@3)"),
        ("toy", "current", None, 2, "m@current → m@2"),
    ],
)
def test_a_move_says_what_it_was_before(
    of: str, pointer: str, before: int | None, after: int | None, words: str
) -> None:
    """An alias and `latest` by their versions, the one pointer of a noun by its revision."""
    assert words == Moved(of, "m", pointer, before, after).words()
