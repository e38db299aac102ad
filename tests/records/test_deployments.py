"""Moves and revisions as people read them."""

from __future__ import annotations

import pytest

from mlcycle.records import Move, Revision


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [("m@2", "m@1", "m production: m@2 → m@1"), (None, "m@1", "m production: nothing → m@1"), ("m@1", None, None)],
)
def test_a_move_says_nothing_where_there_is_nothing(before: str | None, after: str | None, text: str | None) -> None:
    """On either side."""
    move = Move(kind="alias", name="m", pointer="production", before=before, after=after)
    assert str(move) == (text or "m production: m@1 → nothing")


def test_a_revision_shares_no_weights_with_its_maker() -> None:
    """Nor with whoever reads it from a status."""
    weights = {"m@1": 90, "m@2": 10}
    revision = Revision(deployment="eu", number=3, weights=weights)
    weights["m@1"] = 0
    assert repr(revision) == "Revision('eu revision 3', weights={m@1: 90, m@2: 10})"
