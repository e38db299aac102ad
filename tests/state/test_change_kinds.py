"""Kinds of change: from documents and back, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from mlcycle.state import KINDS, Name, State
from tests.state.random_logs import logs
from tests.state.small_log import SmallLog

WHOLE: dict[str, dict[str, Any]] = {
    "project.create": {"id": "p"},
    "store.copied": {"id": "q", "from": "p"},
    "name.set": {
        "of": "dataset",
        "name": "d",
        "id": "i",
        "fixed": True,
        "needs": ["file:1"],
        "guards": {"pointer.move:production": ["gates"]},
        "owner": "ada",
    },
    "version.add": {
        "of": "model",
        "name": "m",
        "number": 1,
        "needs": ["model:1"],
        "uses": ["model:n@1"],
        "made_from": ["dataset:d@1"],
        "run": "run:1",
    },
    "pointer.move": {
        "of": "model",
        "name": "m",
        "pointer": "production",
        "before": 1,
        "after": 2,
        "pops": 1,
        "how": "x",
    },
    "version.mark": {"of": "model", "name": "m", "mark": "rejected", "on": False, "numbers": [[1, 2], [4, 4]]},
    "fact.add": {
        "of": "evaluation",
        "id": "e",
        "subject": "model:m@1",
        "about": ["dataset:d@1"],
        "needs": ["evaluation:e"],
        "verdict": "pass",
    },
    "project.rollback": {"to": 0, "keep": ["model:m"], "override": {"message": "x"}},
    "tag.set": {"name": "first", "to": 0},
    "place": {
        "object": "model:1",
        "files": [{"key": "files/1", "size": 3}],
        "listed": {"key": "files/list"},
        "prefix": "runs/2026-11/1/",
    },
    "sweep": {"keys": ["files/1"], "listed": {"key": "files/list"}, "swept": ["model:1"]},
}

LEAST: dict[str, dict[str, Any]] = {
    "project.create": {"id": "p"},
    "store.copied": {"id": "q"},
    "name.set": {"of": "dataset", "name": "d"},
    "version.add": {"of": "model", "name": "m", "number": 1},
    "pointer.move": {"of": "model", "name": "m", "pointer": "production"},
    "version.mark": {"of": "run", "name": "r", "mark": "dropped"},
    "fact.add": {"of": "pin", "id": "e", "subject": "code:1"},
    "project.rollback": {"to": 0},
    "tag.set": {"name": "first", "to": 0},
    "place": {"object": "model:1"},
    "sweep": {},
}


def test_every_kind_is_tried() -> None:
    """A kind added to the library is added here."""
    assert KINDS.keys() == WHOLE.keys() == LEAST.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_is_written_as_it_was_read(kind: str) -> None:
    """Every field comes back, and what a newer library wrote beside them too; `optional` is one of those."""
    doc = {"kind": kind, **WHOLE[kind], "newer": {"a": [1, None]}, "says": "so", "optional": True}
    assert doc == KINDS[kind].read(doc).doc()


@pytest.mark.parametrize("kind", KINDS)
def test_what_says_nothing_is_left_out(kind: str) -> None:
    """A change of the fewest fields is written with the fewest fields; nulls and empty lists are not spelled out."""
    doc = {"kind": kind, **LEAST[kind]}
    assert doc == KINDS[kind].read(doc).doc()
    own = KINDS[kind].read({"kind": kind, **WHOLE[kind]})
    empty = {name: type(value)() for name, value in WHOLE[kind].items() if isinstance(value, list)}
    assert (
        doc == KINDS[kind].read({**doc, **{name: value for name, value in empty.items() if hasattr(own, name)}}).doc()
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_without_what_it_needs_is_refused(kind: str) -> None:
    """Each field that must be there is missed."""
    for field in LEAST[kind]:
        less = {name: value for name, value in LEAST[kind].items() if name != field}
        with pytest.raises(TypeError):
            KINDS[kind].read({"kind": kind, **less})


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_of_another_type_is_refused(kind: str) -> None:
    """Each field is of one type, also inside its lists; a log is read by programs of other makers."""
    known = {name for name in WHOLE[kind] if hasattr(KINDS[kind].read({"kind": kind, **WHOLE[kind]}), name)}
    for field in sorted(known):
        value = WHOLE[kind][field]
        others: list[Any] = [1.5, {"a": 1} if not isinstance(value, dict) else "text"]
        others += [[None]] if isinstance(value, list) else [["text"]]
        for other in others:
            with pytest.raises((TypeError, ValueError)):
                KINDS[kind].read({"kind": kind, **WHOLE[kind], field: other})


def test_a_file_has_a_key() -> None:
    """What a sweep could not find is not placed."""
    with pytest.raises(TypeError, match="a file of model:1 has no key"):
        KINDS["place"].read({"kind": "place", "object": "model:1", "files": [{"size": 3}]})


def test_kinds_name_the_objects_they_live_by() -> None:
    """Whoever commits sees from this whether a sweep took something meanwhile."""
    named = {kind: [*one.read({"kind": kind, **WHOLE[kind]}).objects()] for kind, one in KINDS.items()}
    assert {kind: objects for kind, objects in named.items() if objects} == {
        "name.set": ["file:1"],
        "version.add": ["model:1"],
        "fact.add": ["evaluation:e"],
        "place": ["model:1"],
    }


def test_numbers_are_dense() -> None:
    """A version that skips a number, or repeats one, contradicts the log."""
    for number in (0, 2):
        with pytest.raises(ValueError, match=f"dataset d has 0 versions, and this is number {number}"):
            SmallLog().write({"kind": "version.add", "of": "dataset", "name": "d", "number": number})


@pytest.mark.parametrize("to", [-1, 0, 7])
def test_a_rollback_goes_back(to: int) -> None:
    """Neither to itself, nor to what is to come, nor before the beginning."""
    with pytest.raises(ValueError, match=f"goes to an earlier one, not to {to}"):
        SmallLog().write({"kind": "project.rollback", "to": to})


@pytest.mark.parametrize(
    ("kind", "wrong", "words"),
    [
        ("pointer.move", {"after": 2}, "model m has 1 versions, a pointer cannot stand at number 2"),
        ("pointer.move", {"after": 0}, "model m has 1 versions, a pointer cannot stand at number 0"),
        ("pointer.move", {"pops": -1}, "a move undoes 0 states or more, not -1"),
        ("version.mark", {"of": "model", "name": "m", "numbers": [[0, 1]]}, "model m has no versions 0 to 1"),
        ("version.mark", {"of": "model", "name": "m", "numbers": [[2, 1]]}, "model m has no versions 2 to 1"),
        ("tag.set", {"to": 10**30}, "a tag in entry 1 names one up to it"),
        ("tag.set", {"to": -1}, "a tag in entry 1 names one up to it"),
        ("name.set", {"guards": {"version.add": "gates"}}, "guards is a list of texts, not 'gates'"),
        ("name.set", {"guards": {"version.add": [["gates"]]}}, "guards is a list of texts"),
    ],
)
def test_what_there_cannot_be_is_refused(kind: str, wrong: dict[str, Any], words: str) -> None:
    """A number far from all there is raises where it is folded, not where it is used."""
    log = SmallLog()
    log.add("model", "m")
    with pytest.raises((TypeError, ValueError), match=words):
        log.write({"kind": kind, **LEAST[kind], **wrong})


def test_the_project_says_what_it_is_as_of_now() -> None:
    """A copy that goes on by itself has an id of its own."""
    log = SmallLog()
    log.write({"kind": "project.create", "id": "p"})
    log.write({"kind": "store.copied", "id": "q", "from": "p"})
    assert log.state.id == "q"


def test_a_project_begins_once() -> None:
    """In the first entry; another id afterwards is that of a copy."""
    log = SmallLog()
    log.write({"kind": "project.create", "id": "p"})
    with pytest.raises(ValueError, match="a project begins in entry 0, not again in 1"):
        log.write({"kind": "project.create", "id": "q"})


def _indexed(state: State) -> dict[tuple[str, str, str], str]:
    """Return every line of the index, by shelf, noun and key, as text."""
    found = {}
    for shelf in ("names", "facts", "uses"):
        for of in getattr(state, shelf).nouns():
            lines = getattr(state, shelf).of(of)
            for key in lines.keys():  # noqa: SIM118 - lines are no dict
                value = lines.get(key)
                found[shelf, of, key] = repr(value.plain() if isinstance(value, Name) else value)
    return found


@settings(max_examples=40, deadline=None)
@given(log=logs())
def test_a_change_touches_the_lines_it_says(log: SmallLog) -> None:
    """What a fold will change can be read beforehand: no line less, and of a name or a fact none more."""
    state = State()
    for entry in log.entries:
        for doc in entry["changes"]:
            if doc["kind"] not in KINDS:
                continue
            change, before = KINDS[doc["kind"]].read(doc), _indexed(state)
            change.fold(state, entry["n"])
            after = _indexed(state)
            assert {line for line in after if after[line] != before.get(line)} == {*change.touches()}
