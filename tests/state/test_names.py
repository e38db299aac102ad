"""The names there are at an entry, what is said of them, and what bears which mark."""

from __future__ import annotations

import pytest

from mlcycle.errors import InvalidName, NotFound
from mlcycle.state import NameSet, VersionMark, would_change
from tests.state.small_log import SmallLog, promoted


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


def test_only_retractions_go_back() -> None:
    """What was dropped or rejected after the entry gone back to is so still; what was retracted by hand is not."""
    log = promoted(3)
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
    log = promoted(1)
    for pin in ("old", "new"):
        log.fact("pin", pin, "code:1")
    log.mark("pin", "old", "retracted")
    then = len(log.entries) - 1
    log.mark("pin", "old", "retracted", on=False)
    log.mark("pin", "new", "retracted")
    assert not would_change(log.view(), then)
    log.back(then)
    assert [log.view().marks.has("pin", pin, "retracted") for pin in ("old", "new")] == [False, True]


def test_a_mark_is_off_where_it_was_last_taken_away() -> None:
    """In the order of the log, also within one change; a version that came later bears what its range said before."""
    log = SmallLog()
    log.write(VersionMark(of="dataset", name="d", mark="dropped", numbers=[[1, 9]]))
    for _ in range(3):
        log.add("dataset", "d")
    log.mark("dataset", "d", "dropped", 2, on=False)
    name = log.view().names.known("dataset", "d")
    assert log.view().marks.numbers("dataset", name, "dropped") == {1, 3}
    assert log.view(2).marks.numbers("dataset", name, "dropped") == {1, 2}
    assert [log.view().marks.has("dataset", "D", "dropped", number) for number in (1, 2, 3, 4)] == [
        True,
        False,
        True,
        False,
    ]


def test_a_thing_stands_until_it_is_dropped_or_swept() -> None:
    """Also one nobody has heard of: it bears no mark."""
    log = SmallLog()
    for mark in ("dropped", "swept", "retracted"):
        log.mark("run", mark, mark)
    log.mark("run", "dropped", "dropped", on=False)
    marks = log.view().marks
    assert [marks.stands("run", name) for name in ("dropped", "swept", "retracted", "other")] == [
        True,
        False,
        True,
        True,
    ]
    assert log.view(0).marks.stands("run", "dropped") is False


def test_what_a_name_says_is_read_up_to_the_entry_looked_at() -> None:
    """One entry each time it was set; several settings in one entry are put together in their order."""
    log = SmallLog()
    log.write(NameSet(of="toy", name="t", says={"a": 1, "b": 1}), NameSet(of="toy", name="T", says={"b": 2, "c": None}))
    log.add("toy", "t")
    log.write(NameSet(of="toy", name="t", says={"a": None}))
    log.reads.clear()
    assert (log.view().names.said("toy", "t"), log.reads) == ({"b": 2}, [0, 2])
    assert log.view(1).names.said("toy", "t") == {"a": 1, "b": 2}
    with pytest.raises(NotFound, match="no toy is called 'other'"):
        log.view().names.said("toy", "other")
