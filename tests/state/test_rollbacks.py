"""What a rollback of the whole project would move, and the moves of a pointer with those among them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcycle.state import Moved, moves_to, pointer_moves, would_change
from tests.state.random_logs import NAMES, NOUNS, POINTERS, asked, logs
from tests.state.small_log import SmallLog, promoted


@settings(max_examples=100, deadline=None)
@given(log=logs(), far=st.floats(0, 1))
def test_a_rollback_does_what_it_said(log: SmallLog, far: float) -> None:
    """What `moves_to` lists before a rollback is what has moved after it; if nothing would change, nothing does."""
    view, to = log.view(len(log.entries) - 1), round(far * (len(log.entries) - 1))
    told = {(one.of, one.name, one.pointer): (one.before, one.after) for one in moves_to(view, to)}
    would = would_change(view, to)
    after = log.view(log.back(to))
    moved: dict[tuple[str, str, str], Any] = {}
    for of in view.names.nouns():
        for name in view.names.every(of):
            ends = {one: tuple(at.pointers.at(of, name.name, one) for at in (view, after)) for one in POINTERS}
            if of in ("dataset", "toy"):  # people follow the latest of these, and of a noun nobody here knows
                ends["latest"] = tuple(at.versions.latest(of, name.name) for at in (view, after))
            moved |= {(of, name.name, one): end for one, end in ends.items() if end[0] != end[1]}
    assert moved == told
    assert would == any(asked(view, of, name) != asked(after, of, name) for of in NOUNS for name in NAMES)


def test_a_pointer_tells_its_moves() -> None:
    """Its own, and those that a rollback of the project made; a rollback that left it alone is not among them."""
    log = promoted(1, 2)
    log.move("model", "m", "production", 1, pops=1, how="rollback")
    log.back(2)  # where it stands already
    log.move("model", "m", "production", 2, how="promote")
    log.back(2)
    moves = [(move.before, move.after, move.how) for move in pointer_moves(log.view(), "model", "m", "production")]
    assert moves == [(None, 1, "promote"), (1, 2, "promote"), (2, 1, "rollback"), (1, 2, "promote"), (2, 1, "project")]
    assert moves[:2] == [(m.before, m.after, m.how) for m in pointer_moves(log.view(4), "model", "m", "production")]
    assert [*pointer_moves(log.view(), "model", "m", "canary")] == []


def test_what_a_rollback_moves_is_what_people_follow() -> None:
    """Pointers, and `latest` where a noun has no pointer people follow: of data, and of nouns nobody here knows."""
    log = SmallLog()
    log.write({"kind": "project.create", "id": "p"})
    for of in ("dataset", "model", "toy"):
        log.add(of, "a")
    log.move("model", "a", "production", 1)
    log.mark("toy", "a", "dropped", 1)
    expected = [Moved("dataset", "a", "latest", 1, None), Moved("model", "a", "production", 1, None)]
    assert expected == [*moves_to(log.view(), 0)]
    assert expected[:1] == [*moves_to(log.view(), 0, ["model:A"])]


def test_what_a_rollback_takes_back_is_told_as_a_move() -> None:
    """Gone back to before a rollback, what that one retracted is the newest again."""
    log = SmallLog()
    log.add("dataset", "d")
    then = log.add("dataset", "d")
    log.back(0)
    assert [*moves_to(log.view(), then)] == [Moved("dataset", "d", "latest", 1, 2)]


def test_a_rollback_that_only_clears_what_lies_beneath_changes_something() -> None:
    """The pointer stands where it stood, but what it would go back to was put there later."""
    log = promoted(1)
    log.add("model", "m")
    then = len(log.entries) - 1
    log.move("model", "m", "production", 2)
    log.move("model", "m", "production", 1)
    assert [*moves_to(log.view(), then)] == []
    assert would_change(log.view(), then)
    log.back(then)
    assert log.view().pointers.stack("model", "m", "production") == [1]
    assert not would_change(log.view(), then)


@pytest.mark.parametrize("mark", ["retracted", "dropped", "rejected"])
def test_a_mark_that_no_rollback_takes_away_would_not_change(mark: str) -> None:
    """On a run or a fact itself; and on a version, where it is for good."""
    log = promoted(1)
    then = log.view().n
    log.mark("run", "r", mark)
    assert not would_change(log.view(), then)
    log.mark("model", "m", mark, 1)
    assert would_change(log.view(), then) == (mark == "retracted")


def test_going_back_on_the_way_from_then_to_now_is_told_newest_first_too() -> None:
    """Each move once, with the entry that made it; several in one entry in their order."""
    log = promoted(1, 2)
    move = {"kind": "pointer.move", "of": "model", "name": "m", "pointer": "production"}
    log.write({**move, "before": 2, "after": 1}, {**move, "before": 1, "after": 2})
    log.back(2)
    moves = [*pointer_moves(log.view(), "model", "M", "production")]
    told = [(move.before, move.after, move.stamp.entry) for move in moves]
    assert told == [(None, 1, 2), (1, 2, 4), (2, 1, 5), (1, 2, 5), (2, 1, 6)]
    assert moves[::-1] == [*pointer_moves(log.view(), "model", "m", "production", newest_first=True)]


def test_what_is_hidden_for_good_is_not_what_a_rollback_leads_to() -> None:
    """Of the versions there were, the newest that still stands today is the latest then."""
    log = SmallLog()
    for _ in range(3):
        then = log.add("dataset", "d")
    log.add("dataset", "d")
    assert [*moves_to(log.view(), then)] == [Moved("dataset", "d", "latest", 4, 3)]
    log.mark("dataset", "d", "dropped", 3)
    log.mark("dataset", "d", "rejected", 2)
    assert [*moves_to(log.view(), then)] == [Moved("dataset", "d", "latest", 4, 1)]
    log.back(then)
    assert log.view().versions.latest("dataset", "d") == 1
