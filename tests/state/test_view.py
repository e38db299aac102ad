"""Questions asked of the index: what counts, what is latest, and that the past stays as it was."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcycle.errors import Corrupt, InvalidName, NotFound, VersionDeleted
from mlcycle.state import (
    FactAdd,
    Moved,
    NameSet,
    State,
    Sweep,
    TagSet,
    VersionMark,
    View,
    moves_to,
    pointer_moves,
    would_change,
)
from tests.state.plain_state import PlainName, PlainState
from tests.state.random_logs import MARKS, NAMES, NOUNS, POINTERS, logs
from tests.state.small_log import SmallLog

# against the plainest meaning -----------------------------------------------------------------------------------------


def _plain(names: dict[tuple[str, str], PlainName], of: str, name: str) -> dict[str, Any]:
    found = names.get((of, name))
    if found is None:
        return {}
    there = range(found.count + 1)  # a range may name versions that are still to come
    marks = {mark: found.marked(mark) & {*there} for mark in MARKS}
    stacks = {pointer: found.stacks.get(pointer, []) for pointer in POINTERS}
    return {"count": found.count, "latest": found.latest(), "marks": marks, "stacks": stacks}


def _asked(view: View, of: str, name: str) -> dict[str, Any]:
    found = view.names.get(of, name)
    if found is None:
        return {}
    marks = {mark: view.marks.numbers(of, found, mark) for mark in MARKS}
    stacks = {pointer: view.pointers.stack(of, name, pointer) for pointer in POINTERS}
    tops = {pointer: stack[-1] if stack else None for pointer, stack in stacks.items()}
    assert tops == {pointer: view.pointers.at(of, name, pointer) for pointer in POINTERS}
    return {
        "count": view.versions.count(found),
        "latest": view.versions.latest(of, name),
        "marks": marks,
        "stacks": stacks,
    }


@settings(max_examples=150, deadline=None)
@given(log=logs())
def test_every_entry_is_as_if_everything_were_copied(log: SmallLog) -> None:
    """Counts, marks, `latest`, pointers and stacks at every entry, from the last state, rollbacks of rollbacks too."""
    plain = PlainState()
    for entry in log.entries:
        plain.apply(entry)
    for n, names in enumerate(plain.after):
        for of in NOUNS:
            for name in ("a", "b", "ärger"):
                assert _plain(names, of, name) == _asked(log.view(n), of, name), (n, of, name)


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
    assert would == any(_asked(view, of, name) != _asked(after, of, name) for of in NOUNS for name in NAMES)


# spans, one by one ---------------------------------------------------------------------------------------------------


def _promoted(*numbers: int, of: str = "model") -> SmallLog:
    """Return a log whose pointer has been at these versions, one entry after the other; entry 0 is the project's."""
    log = SmallLog()
    log.write({"kind": "project.create", "id": "p"})
    for number in numbers:
        while log.view().versions.next_number(of, "m") <= number:
            log.add(of, "m")
        log.move(of, "m", "production", number, how="promote")
    return log


def test_a_rollback_brings_back_what_lay_beneath() -> None:
    """Not only where a pointer stood, but what it would have gone back to from there."""
    log = _promoted(1, 2)
    then = len(log.entries) - 1
    log.move("model", "m", "production", 1, pops=1, how="rollback")
    log.move("model", "m", "production", 2)
    log.back(then)
    assert log.view().pointers.stack("model", "m", "production") == [1, 2]


def test_rollbacks_lie_in_each_other() -> None:
    """Back, on, and back to before the first rollback: that one counts no more; back to after it, and it does."""
    log = _promoted(1)
    one = len(log.entries) - 1
    log.add("model", "m")
    log.move("model", "m", "production", 2)
    two = len(log.entries) - 1
    first = log.back(one)
    assert (log.view().pointers.at("model", "m", "production"), log.view().versions.latest("model", "m")) == (1, 1)
    log.add("model", "m")
    log.move("model", "m", "production", 3)
    log.back(two)  # to before the first rollback: version 2 stands again
    assert (log.view().pointers.at("model", "m", "production"), log.view().versions.latest("model", "m")) == (2, 2)
    log.back(first)  # to the rollback itself, and what it retracted is retracted
    assert (log.view().pointers.at("model", "m", "production"), log.view().versions.latest("model", "m")) == (1, 1)


def test_a_rollback_is_undone_by_going_back_to_before_it() -> None:
    """There is no other way, and none is needed."""
    log = _promoted(1, 2)
    before = len(log.entries) - 1
    undone = log.back(2)
    assert log.view().pointers.stack("model", "m", "production") == [1]
    log.back(undone - 1)
    assert before == undone - 1
    assert log.view().pointers.stack("model", "m", "production") == [1, 2]
    assert set() == log.view().marks.numbers("model", log.view().names.known("model", "m"), "retracted")


def test_what_is_fixed_or_kept_stays() -> None:
    """A fixed name never goes back; a kept one does not this time, whatever case its name is in."""
    log = SmallLog()
    log.write(NameSet(of="scope", name="scope", fixed=True))
    for of, name in (("scope", "scope"), ("model", "M"), ("model", "n")):
        log.add(of, name)
        log.move(of, name, "p", 1)
    log.back(0, "model:m")
    view = log.view()
    names = (("scope", "scope"), ("model", "m"), ("model", "n"))
    assert [view.pointers.at(of, name, "p") for of, name in names] == [1, 1, None]
    assert [view.versions.latest(of, name) for of, name in names] == [1, 1, None]
    log.back(0)
    assert [log.view().pointers.at(of, name, "p") for of, name in names] == [1, None, None]


def test_only_retractions_go_back() -> None:
    """What was dropped or rejected after the entry gone back to is so still; what was retracted by hand is not."""
    log = _promoted(3)
    then = len(log.entries) - 1
    for mark, number in (("dropped", 1), ("rejected", 2), ("retracted", 3)):
        log.mark("model", "m", mark, number)
    log.back(then)
    name = log.view().names.known("model", "m")
    assert [{1}, {2}, set()] == [
        log.view().marks.numbers("model", name, mark) for mark in ("dropped", "rejected", "retracted")
    ]


def test_no_rollback_touches_a_mark_on_the_thing_itself() -> None:
    """A sweeper has asked for a pin, or given up asking: who starts a run must see it, whatever went back meanwhile."""
    log = _promoted(1)
    for pin in ("old", "new"):
        log.fact("pin", pin, "code:1")
    log.mark("pin", "old", "retracted")
    then = len(log.entries) - 1
    log.mark("pin", "old", "retracted", on=False)
    log.mark("pin", "new", "retracted")
    assert not would_change(log.view(), then)
    log.back(then)
    assert [log.view().marks.has("pin", pin, "retracted") for pin in ("old", "new")] == [False, True]


# marks ---------------------------------------------------------------------------------------------------------------


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


def test_marks_come_in_ranges() -> None:
    """Versions are marked many in one change, and the thing itself by none of their numbers.

    A range may reach far: who counts what it covers counts the versions there are.
    """
    log = SmallLog()
    for _ in range(5):
        log.add("dataset", "d")
    log.write(VersionMark(of="dataset", name="d", mark="dropped", numbers=[[1, 3], [5, 10**12]]))
    log.mark("run", "r", "dropped")
    view = log.view()
    assert {1, 2, 3, 5} == view.marks.numbers("dataset", view.names.known("dataset", "d"), "dropped")
    assert (view.marks.has("dataset", "d", "dropped"), view.marks.has("run", "r", "dropped")) == (False, True)


# names ---------------------------------------------------------------------------------------------------------------


def test_names_are_told_apart_but_for_case() -> None:
    """The first spelling stays; another of the same letters is refused."""
    log = SmallLog()
    log.add("dataset", "Ärger")
    log.add("dataset", "ärger")
    assert log.view().names.of("dataset") == ["Ärger"]
    assert log.view().versions.count(log.view().names.known("dataset", "ÄRGER")) == 2
    with pytest.raises(InvalidName, match="'ärger' differs only in case from the dataset 'Ärger'; use that name"):
        log.view().names.check_free("dataset", "ärger")


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    """And with the one that was perhaps meant."""
    log = SmallLog()
    with pytest.raises(NotFound, match=r"no model is called 'churn'\. There are no models yet\."):
        log.view().names.known("model", "churn")
    log.add("model", "churn")
    with pytest.raises(NotFound, match=r"no model is called 'chrun'\. There are: churn.*churn"):
        log.view().names.known("model", "chrun")
    for i in range(9):
        log.add("model", f"m{i}")
    with pytest.raises(NotFound, match="and 2 more"):
        log.view().names.known("model", "chrun")


def test_a_name_is_there_from_its_first_entry_on() -> None:
    """Before, it is as unknown as if it never came."""
    log = SmallLog()
    log.write({"kind": "project.create", "id": "p"})
    first = log.add("model", "churn")
    before = log.view(first - 1)
    assert before.names.get("model", "churn") is None
    assert (before.names.of("model"), before.versions.next_number("model", "churn")) == ([], 1)
    with pytest.raises(NotFound, match="There are no models yet"):
        before.names.known("model", "churn")
    before.names.check_free("model", "CHURN")
    assert log.view(first).names.of("model") == ["churn"]


def test_what_is_said_of_a_name_is_put_together() -> None:
    """Set again, fields replace those before; null takes one away; the first id stays."""
    log = SmallLog()
    log.write(NameSet(of="experiment", name="trees", id="1", says={"hypothesis": "deep", "metric": "auc"}))
    before = log.write(NameSet(of="Experiment".lower(), name="Trees", id="2", says={"metric": None, "owner": "ada"}))
    assert log.view().names.said("experiment", "trees") == {"hypothesis": "deep", "owner": "ada"}
    assert log.view(before - 1).names.said("experiment", "trees") == {"hypothesis": "deep", "metric": "auc"}
    assert log.view().names.known("experiment", "trees").id == "1"


def test_nouns_nobody_knows_come_last() -> None:
    """And they are there at all."""
    log = SmallLog()
    for of in ("zebra", "gate", "model", "dataset"):
        log.add(of, "a")
    assert log.view().names.nouns() == ["dataset", "model", "gate", "zebra"]


def test_the_project_says_what_it_is_as_of_now() -> None:
    """A copy that goes on by itself has an id of its own."""
    log = SmallLog()
    log.write({"kind": "project.create", "id": "p"})
    log.write({"kind": "store.copied", "id": "q", "from": "p"})
    assert log.state.id == "q"


# versions, facts, moves ----------------------------------------------------------------------------------------------


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


def test_facts_are_found_by_subject_and_by_what_they_are_about() -> None:
    """In order, once each, and not when they were dropped."""
    log = SmallLog()
    log.fact("evaluation", "1", "model:m@1", "dataset:d@1", "content")
    log.write(
        FactAdd(of="evaluation", id="2", subject="model:m@2", about=["content", "content"]),
        FactAdd(of="evaluation", id="3", subject="model:m@1", about=["content", "model:m@1"]),
    )
    end = log.fact("decision", "4", "model:m@1")
    view = log.view()
    assert [fact.id for fact in view.facts.of("evaluation", "content")] == ["1", "2", "3"]
    assert [fact.id for fact in view.facts.of("evaluation", newest_first=True)] == ["3", "2", "1"]
    assert [fact.id for fact in view.facts.of("evaluation", "model:m@1")] == ["1", "3"]
    for key in (None, "content"):
        assert [fact.id for fact in log.view(0).facts.of("evaluation", key)] == ["1"]
    assert [*view.facts.of("report")] == []
    log.mark("evaluation", "2", "dropped")
    assert [fact.id for fact in log.view().facts.of("evaluation", "content")] == ["1", "3"]
    assert [fact.id for fact in log.view(end).facts.of("evaluation", "content")] == ["1", "2", "3"]


def test_a_pointer_tells_its_moves() -> None:
    """Its own, and those that a rollback of the project made; a rollback that left it alone is not among them."""
    log = _promoted(1, 2)
    log.move("model", "m", "production", 1, pops=1, how="rollback")
    log.back(2)  # where it stands already
    log.move("model", "m", "production", 2, how="promote")
    log.back(2)
    moves = [(move.before, move.after, move.how) for move in pointer_moves(log.view(), "model", "m", "production")]
    assert moves == [(None, 1, "promote"), (1, 2, "promote"), (2, 1, "rollback"), (1, 2, "promote"), (2, 1, "project")]
    assert moves[:2] == [(m.before, m.after, m.how) for m in pointer_moves(log.view(4), "model", "m", "production")]
    assert [*pointer_moves(log.view(), "model", "m", "canary")] == []


def test_pointers_are_those_there_were() -> None:
    """A pointer exists from its first move on, wherever it stands."""
    log = _promoted(1)
    log.move("model", "m", "canary", 1)
    assert log.view().pointers.names("model", "m") == ["canary", "production"]
    assert log.view(2).pointers.names("model", "m") == ["production"]
    assert (log.view().pointers.names("model", "other"), log.view().pointers.at("model", "other", "canary")) == (
        [],
        None,
    )


def test_tags_move() -> None:
    """A tag names the entry it was last set to."""
    log = SmallLog()
    log.write(TagSet(name="first", to=0))
    log.write(TagSet(name="first", to=1), TagSet(name="second", to=0))
    assert [log.view(n).tags() for n in (0, 1)] == [{"first": 0}, {"first": 1, "second": 0}]


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
    log = _promoted(1)
    log.add("model", "m")
    then = len(log.entries) - 1
    log.move("model", "m", "production", 2)
    log.move("model", "m", "production", 1)
    assert [*moves_to(log.view(), then)] == []
    assert would_change(log.view(), then)
    log.back(then)
    assert log.view().pointers.stack("model", "m", "production") == [1]
    assert not would_change(log.view(), then)


def test_files_lie_where_they_lie_now() -> None:
    """Also for a view of the past: files move without history changing."""
    log = SmallLog()
    log.add("model", "m")
    log.write({"kind": "place", "object": "model:m-1", "files": [{"key": "elsewhere", "size": 1}]})
    assert log.view(0).placed.get("model:m-1", "m@1").files == [{"key": "elsewhere", "size": 1}]
    log.write(Sweep(keys=["elsewhere"], swept=["model:m-1"]))
    assert not log.view(0).placed.has("model:m-1")
    with pytest.raises(VersionDeleted, match="the files of m@1 have been removed by a sweep"):
        log.view(0).placed.get("model:m-1", "m@1")


def test_a_child_forked_while_a_view_is_asked_asks_its_own() -> None:
    """No question holds a lock that all views share: the thread that would give it back is not in the child."""
    asked, go_on = threading.Event(), threading.Event()

    class Slow(State):
        @property
        def backs(self) -> list[tuple[int, int, list[str]]]:
            asked.set()
            go_on.wait(20)
            return []

        @backs.setter
        def backs(self, backs: object) -> None:
            pass

    slow = threading.Thread(target=lambda: View(Slow(), lambda n: {}).versions)
    slow.start()
    assert asked.wait(20)
    other = threading.Thread(target=lambda: View(State(), lambda n: {}).versions, daemon=True)
    other.start()
    other.join(5)
    blocked = other.is_alive()
    go_on.set()
    slow.join()
    assert not blocked


def test_a_version_that_does_not_say_what_it_should_is_damaged() -> None:
    """It names its entry; a project begins once."""
    log = SmallLog()
    log.write({"kind": "project.create", "id": "p"})
    n = log.add("scope", "scope")
    with pytest.raises(Corrupt, match=f"entry {n} is damaged: it does not say the 'scope' of scope:scope@1"):
        log.view().versions.get("scope", "scope", 1)["scope"]
    with pytest.raises(ValueError, match="not again in 2"):
        log.write({"kind": "project.create", "id": "q"})
