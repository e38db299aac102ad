"""Status and moves as people read them."""

from __future__ import annotations

import pytest

from mlcycle.records import Move, Result, Revision, Status
from mlcycle.records._vocabulary import UnknownWord

FINDING = Result(check="age", subject="deployment:eu", verdict="warn", detail="age moved", phase="data")


def test_status_shows_every_phase() -> None:
    """Phases without findings are ticked, the others listed."""
    assert str(Status(phases={"scope": [], "data": [FINDING]})) == "scope  ✓\ndata   ! age moved"
    assert Status(phases={"scope": [], "data": [FINDING]}).findings == (FINDING,)


@pytest.mark.parametrize(
    ("verdict", "mark"),
    [
        ("not_applicable", "·"),
        ("inconclusive", "·"),
        ("warn", "!"),
        ("error", "!"),
        ("fail", "✗"),
        (UnknownWord("alarming"), "?"),
    ],
)
def test_each_verdict_has_a_mark(verdict: str, mark: str) -> None:
    """Also one of a newer release; a phase is named once, and what it found is below one another."""
    found = [Result(check="c", verdict=verdict, detail=text) for text in ("one", "two")]
    expected = f"model       {mark} one\n            {mark} two\ndeployment  ✓"
    status = Status(phases={"model": found, "deployment": []})
    assert expected == str(status) == repr(status)


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [("m@2", "m@1", "m production: m@2 → m@1"), (None, "m@1", "m production: nothing → m@1"), ("m@1", None, None)],
)
def test_a_move_says_nothing_where_there_is_nothing(before: str | None, after: str | None, text: str | None) -> None:
    """On either side."""
    move = Move(kind="alias", name="m", pointer="production", before=before, after=after)
    assert str(move) == (text or "m production: m@1 → nothing")


def test_a_status_is_a_table_of_what_was_found() -> None:
    """With the kind and the subject as people know it; a phase without findings has its tick."""
    shown = Status(phases={"scope": [], "data": [FINDING]})._repr_html_()
    assert [shown.count(f">{text}<") for text in ("scope", "pass", "data", "warn", "age", "eu", "age moved")] == [1] * 7


def test_a_revision_shares_no_weights_with_its_maker() -> None:
    """Nor with whoever reads it from a status."""
    weights = {"m@1": 90, "m@2": 10}
    revision = Revision(deployment="eu", number=3, weights=weights)
    weights["m@1"] = 0
    assert repr(revision) == "Revision('eu revision 3', weights={m@1: 90, m@2: 10})"
