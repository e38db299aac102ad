"""Status as people and scripts read it."""

from __future__ import annotations

import pytest

from mlcycle.records import Result, Status
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


def test_a_status_is_a_table_of_what_was_found() -> None:
    """With the kind and the subject as people know it; a phase without findings has its tick."""
    shown = Status(phases={"scope": [], "data": [FINDING]})._repr_html_()
    assert [shown.count(f">{text}<") for text in ("scope", "pass", "data", "warn", "age", "eu", "age moved")] == [1] * 7


@pytest.mark.parametrize(
    ("verdict", "ok"),
    [("not_applicable", True), ("warn", True), ("error", True), (UnknownWord("alarming"), True), ("fail", False)],
)
def test_it_is_ok_until_something_fails(verdict: str, ok: bool) -> None:
    """One ✗ in any phase is enough; without findings all is well."""
    found = Result(check="c", verdict=verdict, detail="told")
    assert Status(phases={"scope": [FINDING], "model": [found]}).ok is ok
    assert Status(phases={"scope": []}).ok
