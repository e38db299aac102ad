"""The tables of records in docs/format.md say what the classes do: every field, its type and its default."""

from __future__ import annotations

import json
import re
import types
import typing
from pathlib import Path
from typing import Any

import attrs
import pytest

from mlcycle import records
from mlcycle.records import TYPES, Criterion

PAGE = (Path(__file__).parents[2] / "docs" / "format.md").read_text(encoding="utf-8")
WORDS = PAGE[PAGE.index("### Words") : PAGE.index("## store.json")]
SIMPLE: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "truth value",
    Any: "free data",
    Criterion: "criterion",
    types.NoneType: "null",
}


def stated(kind: Any) -> list[tuple[str, str]]:
    """Return name and type of every field of a record, in the words of the page."""
    return [(f"`{field.name}`", _typed(field)) for field in attrs.fields(attrs.resolve_types(kind))]


def _typed(field: Any) -> str:
    ref, words, refs = (field.metadata.get(name) for name in ("ref", "words", "refs"))
    text = "word" if words else "text" if ref is None else f"{ref} ref" if isinstance(ref, str) else "model ref or text"
    said = _worded(field.type, text)
    if refs:
        said += "".join(f", its `{name}` a {kind} ref" for name, kind in refs.items())
    if field.default is attrs.NOTHING:
        return f"{said}, required"
    plain = isinstance(field.default, (str, int, float)) and field.default != ""
    return f"{said} = `{json.dumps(field.default)}`" if plain else said


def _worded(hint: Any, text: str) -> str:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        return " or ".join(_worded(one, text) for one in inner)
    if origin in (tuple, list):
        return f"list of {_worded(inner[0], text)}"
    if origin is dict:
        return "free object" if inner[1] is Any else f"object: {text} to {_worded(inner[1], 'text')}"
    return text if hint is str else SIMPLE.get(hint) or f"`{hint.__name__}`"


def tables() -> dict[str, list[list[str]]]:
    """Return the rows of every table of a record on the page, by the record's name."""
    found = re.findall(
        r"^#### `(\w+)`\n.*?\n\| field \| type \| meaning \|\n\|[-|]+\|\n((?:\|[^\n]*\n)+)", PAGE, re.M | re.S
    )
    return {name: [row.strip("| ").split(" | ") for row in rows.splitlines()] for name, rows in found}


def test_the_page_has_every_record_and_no_other() -> None:
    """In the order of their names; a column, which has no `type`, among them."""
    assert list(tables()) == sorted([*TYPES, "Column"])


@pytest.mark.parametrize("name", sorted([*TYPES, "Column"]))
def test_a_table_says_what_its_record_holds(name: str) -> None:
    """Names, types and defaults agree, and every field has its meaning."""
    rows = tables()[name]
    assert [(row[0], row[1]) for row in rows] == stated(getattr(records, name))
    assert all(len(row) == 3 and row[2] for row in rows)


def test_the_page_lists_every_word() -> None:
    """The open vocabularies that a class checks are the page's."""
    for kind in (getattr(records, name) for name in TYPES):
        for field in attrs.fields(kind):
            if words := field.metadata.get("words"):
                row = re.findall(rf"^\| `{field.name}` \| (.*?) \|", WORDS, re.M)
                assert [re.findall(r"`(\w+)`", one) for one in row] == [list(words)]
