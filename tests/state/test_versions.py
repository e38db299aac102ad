"""The versions of names at an entry, which is the latest, and where pointers stand."""

from __future__ import annotations

import pytest

from tests.state.small_log import SmallLog, promoted


@pytest.mark.parametrize(("mark", "latest"), [("dropped", 2), ("retracted", 2), ("rejected", 2), ("swept", 3)])
def test_latest_passes_over_marks(mark: str, latest: int) -> None:
    """One rule for every noun; taken away again, the mark hides nothing."""
    log = SmallLog()
    for _ in range(3):
        log.add("toy", "t")
    log.mark("toy", "t", mark, 3)
    assert latest == log.view().versions.latest("toy", "t")
    log.mark("toy", "t", mark, 3, on=False)
    assert log.view().versions.latest("toy", "t") == 3


def test_a_mark_nobody_knows_hides() -> None:
    """What it means cannot be known, so nobody is led to such a version."""
    log = SmallLog()
    log.add("dataset", "d")
    log.add("dataset", "d")
    before = log.mark("dataset", "d", "frozen", 2) - 1
    assert (log.view(before).versions.latest("dataset", "d"), log.view().versions.latest("dataset", "d")) == (2, 1)


def test_a_version_is_read_when_asked_for() -> None:
    """The index knows where it stands; what it says is in its entry, and one entry is read for it."""
    log = SmallLog()
    for rows in (3, 4):
        n = log.add("dataset", "D", rows=rows, needs=["table:x"], made_from=["dataset:raw@1"])
    log.reads.clear()
    view = log.view()
    assert (view.versions.latest("dataset", "d"), view.versions.next_number("dataset", "d") - 1) == (2, 2)
    assert log.reads == []
    found = view.versions.get("dataset", "d", 2)
    assert [n] == log.reads
    assert (4, "dataset:D@2", "D@2", "id-D", n) == (found["rows"], found.ref, found.shown, found.id, found.stamp.entry)
    assert (found.needs, found.made_from) == (("dataset:D-2", "table:x"), ("dataset:raw@1",))
    assert [one["rows"] for one in view.versions.standing("dataset", "d")] == [3, 4]
    log.mark("dataset", "d", "dropped", 2)
    assert [one["rows"] for one in log.view().versions.standing("dataset", "d")] == [3]
    assert found.ref != (log.view().versions.newest("dataset", "d") or found).ref
    assert log.view().versions.newest("dataset", "other") is None


def test_pointers_are_those_there_were() -> None:
    """A pointer exists from its first move on, wherever it stands."""
    log = promoted(1)
    log.move("model", "m", "canary", 1)
    assert log.view().pointers.names("model", "m") == ["canary", "production"]
    assert log.view(2).pointers.names("model", "m") == ["production"]
    assert (log.view().pointers.names("model", "other"), log.view().pointers.at("model", "other", "canary")) == (
        [],
        None,
    )


@pytest.mark.parametrize(
    ("moves", "stack"),
    [
        ([(1, 0), (2, 0)], [1, 2]),
        ([(1, 0), (1, 0)], [1]),
        ([(1, 0), (2, 0), (1, 0)], [1, 2, 1]),
        ([(1, 0), (2, 0), (1, 1)], [1]),
        ([(1, 0), (2, 0), (3, 0), (1, 2)], [1]),
        ([(1, 0), (2, 9)], [2]),
        ([(1, 0), (2, 0), (3, 3)], [3]),
        ([(None, 0)], []),
        ([(1, 0), (None, 0), (None, 0)], [1, None]),
        ([(1, 0), (None, 1)], []),
        ([(1, 0), (None, 0), (1, 1)], [1]),
    ],
)
def test_a_pointer_has_a_stack_of_states(moves: list[tuple[int | None, int]], stack: list[int | None]) -> None:
    """A move takes so many states away and puts its own on top, unless it is the top; nothing is no first state."""
    log = SmallLog()
    for _ in range(3):
        log.add("model", "m")
    for after, pops in moves:
        log.move("model", "m", "production", after, pops=pops)
    pointers = log.view().pointers
    assert stack == pointers.stack("model", "m", "production")
    assert moves[-1][0] == pointers.at("model", "m", "production")


def test_what_was_rejected_long_ago_is_passed_over_one_by_one() -> None:
    """Down to the first; when nothing stands, nothing is the latest, and numbers go on all the same."""
    log = SmallLog()
    for mark in ("dropped", "rejected", "retracted"):
        log.add("dataset", "d")
        log.mark("dataset", "d", mark, log.view().versions.next_number("dataset", "d") - 1)
    view = log.view()
    assert (view.versions.latest("dataset", "d"), view.versions.newest("dataset", "d")) == (None, None)
    assert view.versions.next_number("dataset", "d") == 4
    assert [one.number for one in view.versions.standing("dataset", "d")] == [2, 3]
    assert view.versions.hidden_for_good("dataset", view.names.known("dataset", "d")) == {1, 2}


def test_an_index_that_points_at_another_entry_is_noticed() -> None:
    """Nobody is given another version for the one asked for."""
    log = SmallLog()
    log.add("dataset", "d")
    log.add("dataset", "d")
    log.entries[1]["changes"].pop()
    with pytest.raises(AssertionError, match="entry 1 does not add dataset:d@2"):
        log.view().versions.get("dataset", "d", 2)


def test_what_came_later_does_not_count() -> None:
    """Of versions, of marks, and of where a pointer stands."""
    log = SmallLog()
    for number in (1, 2):
        log.add("model", "m")
        log.move("model", "m", "production", number)
    log.mark("model", "m", "rejected", 1)
    seen = [
        (
            view.versions.count(view.names.known("model", "m")),
            view.versions.next_number("model", "m"),
            view.versions.latest("model", "m"),
            view.pointers.at("model", "m", "production"),
        )
        for view in map(log.view, range(5))
    ]
    assert seen == [(1, 2, 1, None), (1, 2, 1, 1), (2, 3, 2, 1), (2, 3, 2, 2), (2, 3, 2, 2)]
    assert [log.view(n).versions.hidden_for_good("model", log.view().names.known("model", "m")) for n in (3, 4)] == [
        set(),
        {1},
    ]
