"""Status, reports and moves as people read them."""

from __future__ import annotations

import pytest

from mlcycle.records import Finding, Move, Report, Revision, Status
from mlcycle.records._words import UnknownWord

FINDING = Finding(id="1", kind="drift", subject="eu", summary="age moved", evidence={"p": 0.01}, phase="data")


def test_status_shows_every_phase() -> None:
    """Phases without findings are ticked, the others listed."""
    assert str(Status(phases={"scope": [], "data": [FINDING]})) == "scope  ✓\ndata   ! age moved"
    assert Status(phases={"scope": [], "data": [FINDING]}).findings == (FINDING,)


@pytest.mark.parametrize(
    ("severity", "mark"), [("info", "·"), ("warn", "!"), ("fail", "✗"), (UnknownWord("alarming"), "?")]
)
def test_each_severity_has_a_mark(severity: str, mark: str) -> None:
    """Also one of a newer release; a phase is named once, and what it found is below one another."""
    found = [Finding(id="1", kind="k", subject="s", summary=text, severity=severity) for text in ("one", "two")]
    expected = f"model       {mark} one\n            {mark} two\ndeployment  ✓"
    assert expected == str(Status(phases={"model": found, "deployment": []}))


@pytest.mark.parametrize(("count", "words"), [(0, "0 findings"), (1, "1 finding"), (2, "2 findings")])
def test_a_report_counts_what_it_found(count: int, words: str) -> None:
    """And lists it."""
    report = Report(deployment="eu", rows=12_000, findings=[FINDING] * count)
    assert str(report).splitlines() == [f"eu: 12,000 predictions, {words}", *["  warn: age moved"] * count]


def test_a_table_of_a_report_may_have_gaps() -> None:
    """Each quantity says what it has; its verdict stands out, and a change of a row afterwards changes no record."""
    rows = [{"column": "age", "effect": 0.5}, {"column": "sex", "verdict": "drifted"}]
    report = Report(deployment="eu", table=rows)
    rows[0]["effect"] = 7
    assert report.frame()["effect"].tolist()[0] == 0.5
    shown = report._repr_html_()
    assert [shown.count(text) for text in (">column<", ">effect<", ">verdict<", ">drifted</span>", ">–<")] == [
        1,
        1,
        1,
        1,
        2,
    ]
    assert Report(deployment="eu").frame().empty


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
