"""The table of nouns: its rows fit the library's rules, and how one behaves that nobody here knows."""

from __future__ import annotations

from typing import Any

import pytest

from mlcycle._ids import bare
from mlcycle.state import NOUNS, FactAdd, NameSet, VersionAdd, VersionMark, noun

EACH = pytest.mark.parametrize("of", [*NOUNS, "gate"])  # the last is known to nobody


@pytest.mark.parametrize(
    ("ref", "shown"),
    [("model:churn@7", "churn@7"), ("run:019:x", "019:x"), ("churn@7", "churn@7"), ("model:", "model:")],
)
def test_people_see_refs_without_their_noun(ref: str, shown: str) -> None:
    """A text without a noun, or with nothing behind it, stays as it is."""
    assert shown == bare(ref)


def test_a_row_is_found_by_how_it_is_named() -> None:
    """Refs and changes name it alike."""
    assert [*NOUNS] == [row.of for row in NOUNS.values()]
    assert all(noun(of) is row for of, row in NOUNS.items())


def test_a_noun_nobody_knows_behaves_like_a_noun_of_versions() -> None:
    """A rollback takes it back and tells its latest, since nobody here knows what people follow instead."""
    row = noun("gate")
    assert (row.of, row.versioned, row.by_latest, row.fixed, row.kept, row.pointer, row.chosen) == (
        "gate",
        True,
        True,
        False,
        False,
        None,
        (),
    )
    assert "gate" not in NOUNS


@EACH
def test_manners_do_not_contradict_one_another(of: str) -> None:
    """What has no versions has none to keep, to follow or to point at; nobody follows both a pointer and the latest."""
    row = noun(of)
    assert row.versioned or not (row.kept or row.by_latest or row.pointer)
    assert not (row.by_latest and (row.pointer or row.fixed))
    assert row.kept or not row.fixed  # what no rollback takes back is not to be dropped version by version


@EACH
@pytest.mark.parametrize(
    ("mark", "on", "words"),
    [
        ("dropped", True, "dropped"),
        ("dropped", False, "restored"),
        ("rejected", True, "rejected"),
        ("rejected", False, "accepted"),
        ("retracted", True, "retracted"),
        ("retracted", False, "reinstated"),
        ("frozen", True, "frozen"),
        ("frozen", False, "no longer frozen"),
    ],
)
def test_a_mark_is_told_with_its_numbers(of: str, mark: str, on: bool, words: str) -> None:
    """Ranges are short; a pin is told as what marking it asks, since a reader has never heard of pins."""
    change = VersionMark(of=of, name="n", mark=mark, on=on, numbers=[[2, 2], [4, 6]])
    asked = "asked whether code and environment of runs are still needed"
    expected = f"{words} {of} n@2, @4 to @6" if of != "pin" else asked if mark == "retracted" else ""
    assert expected == noun(of).marked(change)


@EACH
def test_what_was_swept_the_sweep_tells(of: str) -> None:
    """No noun says it a second time."""
    assert noun(of).marked(VersionMark(of=of, name="n", mark="swept")) == ""


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ({"allowed": True}, "gate allowed m@7"),
        ({"allowed": True, "override": {}}, "gate allowed m@7"),
        ({"allowed": True, "override": {"reason": "pilot"}}, "gate overridden for m@7"),
        ({"allowed": False, "action": "promote", "override": {"reason": "pilot"}}, "gate blocked: promote m@7"),
    ],
)
def test_a_decision_tells_its_override_only_where_that_opened_the_gate(says: dict[str, Any], words: str) -> None:
    """An override that did not help is not why."""
    decision = FactAdd(of="decision", id="1", subject="model:m@7", says=says)
    assert words == noun("decision").added(decision)


def test_names_and_additions_of_any_noun_have_words() -> None:
    """A version by its number, a fact by its id; a name that was only set is told by what stands beside it."""
    row = noun("gate")
    assert row.added(VersionAdd(of="gate", name="strict", number=2)) == "added gate strict@2"
    assert row.added(FactAdd(of="gate", id="019", subject="model:m@1")) == "added gate 019"
    assert row.named(NameSet(of="gate", name="strict")) == ""
