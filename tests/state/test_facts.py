"""Facts by what they are found by, and where stored objects lie now."""

from __future__ import annotations

import pytest

from mlcycle.errors import VersionDeleted
from mlcycle.state import FactAdd, Sweep
from tests.state.small_log import SmallLog


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
    assert [*view.facts.of("pack")] == []
    log.mark("evaluation", "2", "dropped")
    assert [fact.id for fact in log.view().facts.of("evaluation", "content")] == ["1", "3"]
    assert [fact.id for fact in log.view(end).facts.of("evaluation", "content")] == ["1", "2", "3"]


def test_facts_that_several_keys_find_together() -> None:
    """Only entries that each of them names are read; None stands for no key."""
    log = SmallLog()
    for i in range(3):
        log.fact("evaluation", f"{i}", "model:m@1", f"dataset:d@{i}")
    log.write(
        FactAdd(of="evaluation", id="3", subject="model:m@1", about=["dataset:d@9"]),
        FactAdd(of="evaluation", id="4", subject="model:m@2", about=["dataset:d@1"]),
    )
    log.reads.clear()
    facts = log.view().facts
    assert [fact.id for fact in facts.of("evaluation", "model:m@1", "dataset:d@1")] == ["1"]
    assert log.reads == [1, 3]
    assert [fact.id for fact in facts.of("evaluation", "model:m@2", None)] == ["4"]
    assert [*facts.of("evaluation", "model:m@1", "dataset:other")] == []


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


def test_an_entry_stands_once_for_each_of_its_facts() -> None:
    """So that facts can be counted without being read; dropped ones count, since only their entry knows them."""
    log = SmallLog()
    for _ in range(2):
        log.write(*(FactAdd(of="evaluation", id=f"{log.state.n}-{i}", subject="model:m@1") for i in range(2)))
    log.mark("evaluation", "0-0", "dropped")
    log.reads.clear()
    view = log.view()
    assert ([*view.facts.entries("evaluation", "model:m@1")], log.reads) == ([0, 0, 1, 1], [])
    assert [*log.view(0).facts.entries("evaluation", "model:m@1")] == [0, 0]
    assert ([*view.facts.entries("evaluation", "other")], [*view.facts.entries("toy", "model:m@1")]) == ([], [])


def test_the_newest_fact_costs_one_entry() -> None:
    """Whoever asks for the last decision reads no others, however many there are."""
    log = SmallLog()
    for i in range(20):
        log.fact("decision", f"{i}", "model:m@1")
    log.reads.clear()
    assert next(log.view().facts.of("decision", "model:m@1", newest_first=True)).id == "19"
    assert log.reads == [19]


def test_of_several_placements_in_one_entry_the_last_counts() -> None:
    """Of the object asked for; what stands beside them in the entry is of no matter."""
    log = SmallLog()
    place = {"kind": "place", "object": "model:1"}
    other = {"kind": "place", "object": "model:2", "files": [{"key": "other"}]}
    log.write({**place, "files": [{"key": "first"}]}, {**place, "files": [{"key": "second"}]}, other)
    assert log.view().placed.get("model:1", "m@1").files == [{"key": "second"}]
