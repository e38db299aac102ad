"""The fold: what it takes, what it passes over, and what keeps it from writing."""

from __future__ import annotations

from typing import Any

import pytest

from mlcycle.state import MARKS, ProjectFold, View
from tests.state.small_log import SmallLog


def _obstacles(*changes: dict[str, Any], needs: list[str] | None = None) -> list[str]:
    return ProjectFold().obstacles({"changes": changes, "needs_write": needs or []})


def test_what_is_known_is_no_obstacle() -> None:
    """All kinds, all marks, any noun, any pointer, any way a pointer moved."""
    marks = [{"kind": "version.mark", "of": "toy", "name": "t", "mark": mark} for mark in MARKS]
    move = {"kind": "pointer.move", "of": "toy", "name": "t", "pointer": "there", "how": "by magic"}
    assert _obstacles(*marks, move) == []


def test_obstacles_are_said_in_words() -> None:
    """A kind, a mark and a need of a newer library, each once."""
    mark = {"kind": "version.mark", "of": "toy", "name": "t", "mark": "frozen"}
    found = _obstacles({"kind": "teleport"}, mark, {"kind": "teleport"}, needs=["gates", "moats"])
    assert found == ["change 'teleport'", "mark 'frozen'", "need 'moats'"]


@pytest.mark.parametrize("kind", ["teleport", "x-lab.note"])
def test_optional_kinds_are_passed_over_and_remembered(kind: str) -> None:
    """The log goes on; a checkpoint says that something is missing in it, however often it was."""
    assert _obstacles({"kind": kind, "optional": True}) == []
    assert [f"change {kind!r}"] == _obstacles({"kind": kind}) == _obstacles({"kind": kind, "optional": 1})
    log = SmallLog()
    for _ in range(2):
        log.write({"kind": kind, "optional": True}, {"kind": "tag.set", "name": "t", "to": 0})
    assert ([kind], {"t": 0}) == (log.fold.skipped(log.state), log.view().tags())
    parts = log.fold.dump(log.state)
    assert [kind] == log.fold.skipped(log.fold.load([*parts], parts.__getitem__))


def test_optional_says_nothing_of_a_mark() -> None:
    """A mark this library does not know hides what nobody here can tell, whatever the change calls itself."""
    mark = {"kind": "version.mark", "of": "toy", "name": "t", "mark": "frozen", "optional": True}
    assert _obstacles(mark) == ["mark 'frozen'"]


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "version.add", "of": "toy", "name": "t", "number": 2},
        {"kind": "version.add", "of": "toy", "name": "t", "number": True},
        {"kind": "version.add", "of": "toy", "name": "t", "number": 1.0},
        {"kind": "version.add", "of": "toy", "name": "t", "number": 1, "uses": "model:m@1"},
        {"kind": "version.mark", "of": "toy", "name": "t", "mark": "dropped", "numbers": [[1]]},
        {"kind": "version.mark", "of": "toy", "name": "t", "mark": "dropped", "numbers": [1]},
        {"kind": "project.rollback", "to": 0},
        {"kind": "pointer.move", "of": "toy", "name": "t", "pointer": "p", "after": "1"},
        {"kind": "place", "object": "o", "files": [{}]},
        {"kind": "sweep", "swept": [1]},
        {"of": "toy"},
    ],
)
def test_what_contradicts_is_refused(change: dict[str, Any]) -> None:
    """With the errors the log takes for damage, and no others."""
    with pytest.raises((LookupError, TypeError, ValueError, AttributeError)):
        SmallLog().write(change)


def test_a_noun_nobody_knows_is_a_noun() -> None:
    """It folds, is named, pointed at, marked and rolled back like any other."""
    log = SmallLog()
    log.add("gate", "strict", policy="4 eyes")
    first = log.move("gate", "strict", "active", 1)
    log.add("gate", "strict", policy="2 eyes")
    log.move("gate", "strict", "active", 2)
    log.back(first)
    view = log.view()
    assert (
        view.versions.latest("gate", "strict"),
        view.pointers.at("gate", "strict", "active"),
        view.pointers.stack("gate", "strict", "active"),
    ) == (1, 1, [1])
    assert view.versions.get("gate", "strict", 1)["policy"] == "4 eyes"


def test_an_empty_state_says_nothing() -> None:
    """No names, no tags, no project."""
    view = View(ProjectFold().empty(), lambda n: {})
    assert (view.n, view.names.nouns(), view.tags(), view.versions.latest("model", "m")) == (-1, [], {}, None)
