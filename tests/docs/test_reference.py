"""The reference pages say what the docstrings say, of all there is."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import mlcycle
from mlcycle.records import Record
from tests.docs.docstrings import Item, call_of, doc_of
from tests.docs.reference import FOLDER, PAGES, collections
from tests.docs.sections import members


@pytest.fixture(scope="module")
def written() -> str:
    """Return all pages, one after the other, as they are in the repository."""
    return "\n".join(file.read_text(encoding="utf-8") for file in sorted(FOLDER.glob("*.md")))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_up_to_date(name: str) -> None:
    """Where this fails, `python -m tests.docs.reference` writes the pages anew."""
    assert (FOLDER / f"{name}.md").read_text(encoding="utf-8") == PAGES[name]()


def test_there_is_no_other_page() -> None:
    """One of a subject that is gone would stay as it was for ever."""
    assert sorted(file.stem for file in FOLDER.iterdir()) == sorted(PAGES)


@pytest.mark.parametrize("name", ["open", *mlcycle.__all__])
def test_the_whole_shop_window_is_told(name: str, written: str) -> None:
    """Each name of `mlcycle.__all__` has a heading."""
    headings = {line.strip("# ") for line in written.splitlines() if line.startswith("#")}
    assert headings & {f"`{name}`", f"`mlcycle.{name}`", f"`{name.lower()}`"}


def test_what_is_returned_is_told(written: str) -> None:
    """A grant, which nobody makes but `mlcycle.trust`."""
    section = written.partition("\n## `mlcycle.lifecycle.Grant`\n")[2].partition("\n## ")[0]
    assert [name for name in ("what", "project", "id") if f"| `{name}` |" not in section] == []


def _handles() -> dict[str, type]:
    kinds = [getattr(mlcycle, name) for name in mlcycle.__all__]
    alive = {
        kind.__name__: kind
        for kind in kinds
        if inspect.isclass(kind) and not issubclass(kind, Record) and kind is not mlcycle.Project
    }
    return alive | collections() | {"project": mlcycle.Project}


@pytest.mark.parametrize(("name", "kind"), _handles().items(), ids=[*_handles()])
def test_every_member_of_a_handle_is_told(name: str, kind: type, written: str) -> None:
    """In a line of a table, or in a section of its own."""
    section = written.partition(f"\n## `{name}`\n")[2].partition("\n## ")[0]
    told = [one for one in members(kind) if not one.startswith("_")]
    assert [one for one in told if f"`{one}`" not in section and f"{one}(" not in section] == []


def _split(data: Any, test: float = 0.25, *, by: str | None = None, parts: frozenset[str] = frozenset("ba")) -> None:
    """Cut ``data`` in two.

    More that a page has no room for.

    Parameters
    ----------
    data : {"table", "frame"}
        What is cut,
        by rows.
    test, by
        As in `other`.

    Raises
    ------
    InvalidInput
        If it has none.
    """


def test_a_docstring_is_taken_apart() -> None:
    """Its first paragraph, and the items of its sections, on a line each."""
    first, sections = doc_of(_split)
    assert first == "Cut `data` in two."
    assert sections == {
        "Parameters": [
            Item("data", '{"table", "frame"}', "What is cut, by rows."),
            Item("test, by", "", "As in `other`."),
        ],
        "Raises": [Item("InvalidInput", "", "If it has none.")],
    }


def _many(*values: int, most: object = object(), **options: int) -> None:
    """Have what a page cannot write out."""


@pytest.mark.parametrize(
    ("function", "call"),
    [
        (_split, "f(data, test=0.25, *, by=None, parts={'a', 'b'})"),
        (_many, "f(*values, most=…, **options)"),
        (Item, "f(name, type, text)"),
    ],
)
def test_a_call_is_the_same_in_every_process(function: Callable[..., Any], call: str) -> None:
    """Sets are in order, and what has an address in memory is left out."""
    assert call_of("f", function) == call
