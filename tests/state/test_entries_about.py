"""Which entries may be about a thing, by the index alone."""

from __future__ import annotations

import pytest

from mlcycle.errors import NotFound
from mlcycle.state import Topic, entries_about
from tests.state.small_log import promoted


def test_the_index_finds_what_is_said_of_a_name() -> None:
    """Versions, moves, marks, facts, who answers with it, and every rollback; nothing later than the view."""
    log = promoted(1, 2)  # entries 0 to 4
    log.add("dataset", "d")
    about = [
        log.fact("evaluation", "f", "model:m@1", "dataset:d@1"),
        log.add("deployment", "eu", uses=["model:m@2"]),
        log.mark("model", "m", "dropped", 1),
        log.back(5),
    ]
    log.move("deployment", "eu", "current", 1)
    log.reads.clear()
    assert entries_about(log.view(), Topic("model", "m")) == [1, 2, 3, 4, *about]
    # of one version, whatever the name's marks and moves are of: those are few, and looked at one by one
    assert {6, 8, 9} <= {*(entries_about(log.view(), Topic("model", "m", 1)) or ())}
    assert entries_about(log.view(), Topic("dataset", "d")) == [5, 6, 9]
    assert entries_about(log.view(6), Topic("model", "m")) == [1, 2, 3, 4, 6]
    assert log.reads == []


def test_what_the_index_does_not_follow() -> None:
    """A run, which only its models name; and a name nobody has is refused."""
    view = promoted(1).view()
    assert entries_about(view, Topic("run", "0a")) is None
    with pytest.raises(NotFound, match="no model is called 'n'"):
        entries_about(view, Topic("model", "n"))
