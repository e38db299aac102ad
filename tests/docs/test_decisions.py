"""Decisions have a number each, in the order of their dates, and a line in the table."""

from __future__ import annotations

import re
from datetime import date
from typing import NamedTuple

from tests.docs.pages import ROOT, anchor_of

PAGE = (ROOT / "docs" / "explanation" / "decisions.md").read_text(encoding="utf-8")


class Decision(NamedTuple):
    """A section of the page."""

    number: int
    title: str
    taken: date
    replaced: int | None


def _decisions() -> list[Decision]:
    replaced = r"(?: · superseded by \[(\d+)\]\(#\S+\))?"
    sections = re.findall(rf"^## (\d+)\. (.+)\n\n\*(\d{{4}}-\d\d-\d\d)\*{replaced}\n\n\S", PAGE, re.MULTILINE)
    return [Decision(int(n), title, date.fromisoformat(day), int(by) if by else None) for n, title, day, by in sections]


def test_each_has_a_number_and_a_date() -> None:
    """No number is missing or there twice; a heading without a date would not be found."""
    found = _decisions()
    assert len(found) == len(re.findall(r"^## ", PAGE, re.MULTILINE))
    assert [one.number for one in found] == list(range(1, len(found) + 1))


def test_they_are_in_the_order_of_their_dates() -> None:
    """The oldest first, as the page says."""
    days = [one.taken for one in _decisions()]
    assert days == sorted(days)


def test_one_that_is_superseded_says_by_which() -> None:
    """By one that came later."""
    by = {one.number: one.replaced for one in _decisions() if one.replaced is not None}
    assert by
    assert [number for number, later in by.items() if not number < later <= len(_decisions())] == []


def test_the_table_lists_them() -> None:
    """Number, date, title and the way there; where this fails, it shows the lines the table should have."""
    told = [line for line in PAGE.splitlines() if re.match(r"\| \d", line)]
    assert told == [_line(one) for one in _decisions()]


def _line(one: Decision) -> str:
    later = f" (superseded by {one.replaced})" if one.replaced else ""
    return f"| {one.number} | {one.taken} | [{one.title}](#{anchor_of(f'{one.number}. {one.title}')}){later} |"
