"""The index and its parts: what is dumped follows from the log alone, and what is loaded is what was dumped."""

from __future__ import annotations

import json
import threading

from hypothesis import given, settings
from hypothesis import strategies as st

from mlcycle.state import NameSet, ProjectFold, State, VersionAdd, VersionMark, View, moves_to
from mlcycle.state import _lazy_mappings as lines_module
from tests.state.random_logs import KEYS, NAMES, NOUNS, POINTERS, logs
from tests.state.small_log import SmallLog


def _loaded(parts: dict[str, bytes]) -> State:
    return ProjectFold().load([*parts], parts.__getitem__)


def _touch(state: State, log: SmallLog, how: int) -> None:
    """Ask a state something, so that parts are read and values parsed."""
    view = View(state, log.read)
    asked = [
        lambda: view.names.of(NOUNS[how % 3]),
        lambda: [view.versions.latest(of, name) for of in NOUNS for name in NAMES[how % 4 :]],
        lambda: [*view.facts.of("evaluation", KEYS[how % len(KEYS)])],
        lambda: view.placed.has("toy:a"),
        lambda: [*moves_to(view, max(0, view.n - 1))],
        lambda: [lines and lines.get("model:a@1") for lines in map(state.uses.of, NOUNS)],
    ]
    asked[how % len(asked)]()


@settings(max_examples=60, deadline=None)
@given(log=logs(), more=logs(), size=st.integers(20, 400), hows=st.lists(st.integers(0, 99), max_size=4))
def test_the_parts_follow_from_the_log_alone(log: SmallLog, more: SmallLog, size: int, hows: list[int]) -> None:
    """From entry 0 or from a checkpoint, read and parsed or not: the same entries give the same bytes."""
    before = lines_module.PART_BYTES
    lines_module.PART_BYTES = size
    try:
        parts = log.state.dump()
        state = _loaded(parts)
        for how in hows:
            _touch(state, log, how)
        assert parts == state.dump() == log.state.dump()
        fresh = SmallLog()
        for entry in log.entries:
            fresh.write(*entry["changes"])
        for entry in more.entries[1:]:
            try:
                n = fresh.write(*entry["changes"])
            except ValueError:  # a number that is not the next here
                return
            log.fold.apply(state, fresh.entries[n])
            _touch(state, fresh, n)
        assert fresh.state.dump() == state.dump()
    finally:
        lines_module.PART_BYTES = before


@settings(max_examples=40, deadline=None)
@given(log=logs())
def test_a_loaded_state_says_the_same(log: SmallLog) -> None:
    """At every entry, of every name."""
    state = _loaded(log.state.dump())
    for n in range(len(log.entries)):
        was, now = log.view(n), View(state, log.read, n)
        assert was.tags() == now.tags()
        assert was.names.nouns() == now.names.nouns()
        for of in was.names.nouns():
            assert was.names.of(of) == now.names.of(of)
            for name in was.names.of(of):
                assert (was.versions.latest(of, name), was.names.said(of, name)) == (
                    now.versions.latest(of, name),
                    now.names.said(of, name),
                )
                assert [was.pointers.stack(of, name, one) for one in POINTERS] == [
                    now.pointers.stack(of, name, one) for one in POINTERS
                ]
        for key in KEYS:
            assert [*was.facts.of("evaluation", key)] == [*now.facts.of("evaluation", key)]


def test_a_name_whose_only_news_is_entry_0_comes_back() -> None:
    """Nothing of a name is taken for empty because its entry is number 0."""
    log = SmallLog()
    log.write(
        NameSet(of="scope", name="scope", fixed=True),
        VersionAdd(of="toy", name="t", number=1),
        VersionMark(of="run", name="r", mark="dropped"),
    )
    log.back(0)
    view = View(_loaded(log.state.dump()), log.read)
    assert (view.names.known("scope", "scope").fixed, view.names.known("toy", "t").since) == (0, 0)
    assert (view.versions.latest("toy", "t"), view.marks.has("run", "r", "dropped")) == (1, True)


def test_a_version_costs_few_bytes() -> None:
    """A hundred versions of one name, each made from data, with an alias that followed."""
    log = SmallLog()
    log.write({"kind": "project.create", "id": "p"})
    for i in range(100):
        log.add("model", "m", made_from=[f"dataset:customers.train@{i}"])
        log.move("model", "m", "production", i + 1, how="promote")
    assert sum(map(len, log.state.dump().values())) <= 100 * 100


def test_opening_reads_one_small_part() -> None:
    """Everything else is read when something asks for it."""
    log = SmallLog()
    for of in ("dataset", "model"):
        log.add(of, "a", uses=["model:x@1"] if of == "model" else [])
    log.fact("evaluation", "1", "model:a@1")
    parts = log.state.dump()
    read: list[str] = []

    def reading(part: str) -> bytes:
        read.append(part)
        return parts[part]

    state = ProjectFold().load([*parts], reading)
    assert read == ["small"]
    view = View(state, log.read)
    assert (view.versions.latest("model", "a"), view.marks.has("evaluation", "1", "dropped")) == (1, False)
    assert read == ["small", "names/model/a"]
    assert {
        "small",
        "names/dataset/a",
        "names/model/a",
        "facts/evaluation/model:a@1",
        "uses/model/model:x@1",
        "placed",
    } == {*parts}
    assert {"n", "id", "tags", "backs", "guarded", "skipped"} == json.loads(parts["small"]).keys()


def test_views_are_read_while_the_log_goes_on() -> None:
    """A view is a value: no lock, and the same answers however far the log has got meanwhile."""
    log = SmallLog()
    log.write({"kind": "project.create", "id": "p"})
    for _ in range(20):
        log.add("model", "m")
    log.move("model", "m", "production", 7)
    state, view = _loaded(log.state.dump()), None
    view = View(state, log.entries.__getitem__)
    wrong: list[object] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            answer = (
                view.versions.latest("model", "m"),
                view.pointers.at("model", "m", "production"),
                view.names.of("model"),
            )
            answer += (
                view.pointers.stack("model", "m", "production"),
                [*moves_to(view, 5)],
                len([*view.facts.of("evaluation")]),
            )
            if answer[:3] != (20, 7, ["m"]) or answer[3] != [7] or len(answer[4]) != 1 or answer[5]:
                wrong.append(answer)

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    other = SmallLog()
    other.entries, other.state = log.entries, state
    for i in range(150):
        other.add("model", "m")
        other.add("model", f"n{i}")
        other.move("model", f"n{i}", "production", 1)
        other.fact("evaluation", f"{i}", f"model:n{i}@1")
        if i % 10 == 0:
            other.back(i)
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []
