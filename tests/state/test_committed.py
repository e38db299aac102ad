"""What entries say, as values, and what is said where they do not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from mlcycle.errors import ConflictError, Corrupt
from mlcycle.records import Committed, Evaluation
from mlcycle.state import FactAdd, Version, VersionAdd
from mlcycle.state._committed import Fact, Stamp, stamp_of

if TYPE_CHECKING:
    from collections.abc import Callable

ENTRY = {"n": 7, "author": "ada", "at": "2026-11-23T00:00:00.000000Z", "message": "why", "changes": [], "op": "o"}
STAMP = stamp_of(ENTRY)
ADDED = VersionAdd(
    of="model", name="churn", number=3, needs=["model:1", "code:2"], uses=["model:base@1"], says={"a": 0}
)
FOUND = FactAdd(of="evaluation", id="e", subject="model:churn@3", about=["content"], says={"verdict": None})


def test_a_stamp_says_who_won() -> None:
    """Whoever lost to an entry learns its author, time, message and number, and nothing else of it."""
    assert ConflictError("too late", STAMP.winner()).winner == {
        key: value for key, value in ENTRY.items() if key not in ("changes", "op")
    }


def test_a_stamp_has_the_fields_of_what_is_committed() -> None:
    """No fewer and no more, so that one can be put onto the other, whatever it said before."""
    assert attrs.fields_dict(Stamp).keys() == attrs.fields_dict(Committed).keys()
    found = attrs.evolve(Evaluation(id="e", subject="churn@7", author="bo", message="of a file"), **STAMP.facts())
    assert (found.author, found.at, found.message, found.entry) == ("ada", ENTRY["at"], "why", 7)


@pytest.mark.parametrize("field", ["author", "at", "message", "n"])
def test_an_entry_without_its_stamp_is_none(field: str) -> None:
    """No author, time or message is made up."""
    with pytest.raises(KeyError, match=field):
        stamp_of({name: value for name, value in ENTRY.items() if name != field})


def test_a_version_is_told_as_it_was_added() -> None:
    """All of the change, with the id of the name and the stamp of the entry; lists are kept as tuples."""
    version = Version.from_change(ADDED, "id-churn", STAMP)
    assert (version.ref, version.shown, version.id, version.stamp) == ("model:churn@3", "churn@3", "id-churn", STAMP)
    assert (version.needs, version.uses, version.made_from) == (("model:1", "code:2"), ("model:base@1",), ())
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        version.number = 4  # type: ignore[misc]


def test_a_fact_is_told_as_it_was_added() -> None:
    """As a version is."""
    fact = Fact.from_change(FOUND, STAMP)
    assert (fact.of, fact.id, fact.subject) == ("evaluation", "e", "model:churn@3")
    assert (fact.about, fact.needs, fact.stamp) == (("content",), (), STAMP)


@pytest.mark.parametrize(
    ("told", "said", "ref"),
    [
        (lambda: Version.from_change(ADDED, None, STAMP), "a", "model:churn@3"),
        (lambda: Fact.from_change(FOUND, STAMP), "verdict", "evaluation:e"),
    ],
    ids=["version", "fact"],
)
def test_what_does_not_say_what_it_should_is_damaged(told: Callable[[], Any], said: str, ref: str) -> None:
    """Zero and null are answers; a field that is not there is damage, told with its entry and the remedy."""
    assert told()[said] in (0, None)
    words = f"entry 7 is damaged: it does not say the 'scope' of {ref}; put its file back from a copy of the store"
    with pytest.raises(Corrupt, match=f"^{re.escape(words)}$"):
        told()["scope"]
