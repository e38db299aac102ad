"""Small pieces of HTML: escaped, self-contained, legible on any background."""

from __future__ import annotations

import math
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from mlcycle._html import badge, bar, card, number, table

CELLS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(codec="utf-8")))


def _printable(value: object) -> object:
    return "".join(c for c in value if c >= " " and c not in "\ufffe\uffff") if isinstance(value, str) else value


@given(st.lists(st.lists(CELLS.map(_printable), min_size=2, max_size=2), max_size=3))
def test_any_cells_make_well_formed_html(rows: list[list[object]]) -> None:
    """Whatever is in the cells, the table parses and has as many rows as were given."""
    tree = ElementTree.fromstring(table(["a", "<b>"], rows, caption="x & y"))
    assert len(rows) == len(tree.findall("./tbody/tr"))


def test_bars_cope_with_what_is_missing() -> None:
    """A picture is well-formed for one number, equal ends and infinities; without a value there is none."""
    for picture in (bar(1.0), bar(0.0, 0.0, 0.0, 0.0), bar(1.0, -math.inf, math.inf, 2.0), bar(1, 0, 2, 3)):
        assert ElementTree.fromstring(picture).tag == "svg"
    assert bar(None) == bar(math.nan) == ""


def test_unknown_words_get_a_neutral_badge() -> None:
    """A badge never fails on a word it does not know, and escapes it."""
    assert "&lt;b&gt;" in badge("<b>")


def test_cards_leave_out_what_is_empty() -> None:
    """Only facts that say something are shown, zero among them."""
    shown = card("t", [("rows", 0), ("message", ""), ("parents", ()), ("none", None)])
    assert "rows" in shown
    assert not {"message", "parents", "none"} & set(shown.replace("<", " ").replace(">", " ").split())


def test_numbers_are_short() -> None:
    """Integers keep their digits, floats four, text stays text."""
    assert [number(x) for x in (1234, 1 / 3, math.inf, True, 12345.6)] == ["1,234", "0.3333", "inf", "True", "12,346"]
