"""Entries in words, as the history tells them."""

from __future__ import annotations

from typing import Any

import pytest

from mlcycle.state import NOUNS, Topic, entry_text, kind_of, only_keeps
from tests.state.small_log import SmallLog

Doc = dict[str, Any]


def _move(after: int | None, how: str, of: str = "model", pointer: str = "production", **before: int) -> Doc:
    return {"kind": "pointer.move", "of": of, "name": "m", "pointer": pointer, "after": after, "how": how, **before}


def _revision(**says: Any) -> Doc:
    return {"kind": "version.add", "of": "deployment", "name": "eu", "number": 1, **says}


def _mark(mark: str, *, on: bool = True, of: str = "dataset", **numbers: Any) -> Doc:
    return {"kind": "version.mark", "of": of, "name": "d", "mark": mark, "on": on, **numbers}


def _fact(of: str, **says: Any) -> Doc:
    return {"kind": "fact.add", "of": of, "id": "1", "subject": "model:m@7", **says}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "project.create", "id": "p"}, "project created"),
        ({"kind": "store.copied", "id": "q", "from": "p"}, "a copy of the project goes on by itself"),
        ({"kind": "name.set", "of": "experiment", "name": "trees"}, "opened experiment trees"),
        ({"kind": "name.set", "of": "deployment", "name": "eu"}, "opened deployment eu"),
        ({"kind": "version.add", "of": "model", "name": "m", "number": 7}, "registered model m@7"),
        ({"kind": "version.add", "of": "scope", "name": "scope", "number": 2, "scope": {}}, "set the scope, version 2"),
        ({"kind": "version.add", "of": "gate", "name": "strict", "number": 1}, "added gate strict@1"),
        (_revision(weights={"model:m@1": 9, "model:n@2": 1}), "eu answers with m@1 (90%), n@2 (10%)"),
        (_revision(weights={"model:m@1": 5}, shadow="model:n@2"), "eu answers with m@1, shadow n@2"),
        (_move(7, "promote"), "m@production → m@7"),
        (_move(7, "rollback", before=8), "m@production → m@7 (was m@8)"),
        (_move(None, "by magic", before=8), "m@production → nothing (was m@8)"),
        (_move(2, "rollback", "deployment", "current", before=3), "m → revision 2 (was revision 3)"),
        (_move(1, "route", "deployment", "current"), "m → revision 1"),
        (_mark("dropped", numbers=[[2, 2], [4, 6]]), "dropped dataset d@2, @4 to @6"),
        (_mark("dropped", on=False, numbers=[[2, 2]]), "restored dataset d@2"),
        (_mark("retracted", on=False, numbers=[[2, 2]]), "reinstated dataset d@2"),
        (_mark("frozen", on=False, of="run"), "no longer frozen run d"),
        (
            _fact("evaluation", data="dataset:d.test@1", verdict="pass"),
            "evaluated m@7 on d.test@1: pass",
        ),
        (_fact("decision", allowed=True, action="promote", override=None), "gate allowed m@7"),
        (_fact("decision", allowed=True, action="promote", override={"until": "…"}), "gate overridden for m@7"),
        (_fact("decision", allowed=False, action="promote", override=None), "gate blocked: promote m@7"),
        (
            {**_fact("evaluation", data=None, verdict="warn", findings=3), "subject": "deployment:eu"},
            "checked eu: warn, 3 findings",
        ),
        (
            {**_fact("evaluation", data=None, verdict="fail", findings=1), "subject": "deployment:eu"},
            "checked eu: fail, 1 finding",
        ),
        ({**_fact("annotation"), "subject": "run:019"}, "noted on run:019"),
        (_fact("finding"), "added finding 1"),
        ({"kind": "tag.set", "name": "first", "to": 3}, "tagged entry 3 as first"),
        ({**_fact("pin"), "subject": "code:0a"}, "kept the code of runs"),
        (_fact("pack"), "added pack 1"),
        (_mark("swept", of="run"), "swept run d"),
        ({"kind": "name.set", "of": "dataset", "name": "d"}, "set up dataset d"),
        ({"kind": "place", "object": "code:1", "files": []}, "stored files"),
        ({"kind": "sweep", "keys": ["a", "b"], "swept": []}, "removed 2 files that nothing named"),
        ({"kind": "sweep", "keys": ["a"], "swept": []}, "removed 1 file that nothing named"),
        ({"kind": "sweep", "keys": [], "listed": {"key": "l"}, "swept": []}, "removed files that nothing named"),
        ({"kind": "teleport", "whom": "all"}, "teleport"),
    ],
)
def test_every_change_is_told(change: Doc, words: str) -> None:
    """In a few words a newcomer understands, without ids and nouns that say nothing."""
    assert words == entry_text([change], SmallLog().view())


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "name.set", "of": "dataset", "name": "d"},
        _move(1, "route", "deployment", "current"),
        _mark("swept", of="run"),
        _fact("pack"),
        {"kind": "place", "object": "code:1", "files": []},
    ],
)
def test_what_stands_beside_tells_it(change: Doc) -> None:
    """Some changes only come with others, and then say nothing; alone in an entry, they speak for themselves."""
    before, tag = SmallLog().view(), {"kind": "tag.set", "name": "t", "to": 0}
    assert entry_text([change, tag], before) == "tagged entry 0 as t"
    assert entry_text([change], before) not in ("", "nothing", change["kind"])


def test_an_entry_that_changes_nothing() -> None:
    """Nobody writes one; who finds one is told so."""
    assert (entry_text([], SmallLog().view()), kind_of({"changes": []})) == ("nothing", "nothing")


@pytest.mark.parametrize(
    ("changes", "aside"),
    [
        ([{"kind": "place", "object": "o"}], True),
        ([{"kind": "place", "object": "o"}, _fact("pin")], True),
        ([_mark("retracted", of="pin")], True),
        ([_fact("pack")], True),
        ([_fact("pin"), {"kind": "tag.set", "name": "t", "to": 0}], False),
        ([{"kind": "place", "object": "o"}, _fact("evaluation")], False),
        ([{"kind": "teleport"}], False),
        ([], False),
    ],
)
def test_what_is_kept_for_the_sake_of_others(changes: list[Doc], aside: bool) -> None:
    """Files, pins and packs alone; whatever stands beside them is told."""
    assert only_keeps(changes) == aside


def test_words_about_one_thing() -> None:
    """Of an entry about several, only what is about it; nothing where nothing is."""
    log = SmallLog()
    log.add("model", "m")
    log.add("dataset", "d")
    changes = [
        {"kind": "version.mark", "of": "dataset", "name": "D", "mark": "dropped", "on": True, "numbers": [[1, 1]]},
        _move(1, "promote"),
        {"kind": "x-acme.note", "of": "model", "name": "m"},
    ]
    assert entry_text(changes, log.view(), Topic("dataset", "d")) == "dropped dataset D@1"
    assert entry_text(changes, log.view(), Topic("model", "m")) == "m@production → m@1"
    assert entry_text(changes, log.view(), Topic("model", "m", 1)) == "m@production → m@1"
    assert entry_text(changes, log.view(), Topic("model", "other")) == ""


def test_a_rollback_of_the_project_tells_what_moved() -> None:
    """Its one change does not say so; the project just before it does."""
    log = SmallLog()
    for of, pointer in (("dataset", ""), ("model", "production"), ("deployment", "current")):
        log.add(of, "a")
        if pointer:
            log.move(of, "a", pointer, 1)
    then = log.view().n
    for of in ("dataset", "deployment"):
        log.add(of, "a")
    log.move("deployment", "a", "current", 2)
    back = {"kind": "project.rollback", "to": then}
    told, data = f"project rolled back to entry {then}", "a@latest → a@1 (was a@2)"
    route = "a → revision 1 (was revision 2)"
    assert f"{told}; {data}; {route}" == entry_text([back], log.view())
    assert f"{told}; {route}" == entry_text([{**back, "keep": ["dataset:A"]}], log.view())
    assert f"{told}; {data}" == entry_text([back], log.view(), Topic("dataset", "a"))
    assert entry_text([{**back, "keep": ["dataset:A"]}], log.view(), Topic("dataset", "a")) == ""
    gone = entry_text([{"kind": "project.rollback", "to": 0}], log.view(then))
    assert gone == "project rolled back to entry 0; a@production → nothing (was a@1); a → nothing (was revision 1)"


def test_every_noun_known_here_has_words() -> None:
    """A row of the table is tried here."""
    tried = {"dataset", "model", "scope", "experiment", "deployment", "run", "evaluation", "decision"}
    assert {*NOUNS} == tried | {"pack", "pin", "annotation"}


def test_a_change_that_cannot_be_told_does_not_hide_the_others() -> None:
    """What a noun's own fields should be is nobody's promise: a history goes on past a fact without them."""
    log = SmallLog()
    bare = {"kind": "fact.add", "of": "evaluation", "id": "e", "subject": "model:m@1"}
    added = {"kind": "version.add", "of": "dataset", "name": "d", "number": 1}
    assert entry_text([bare, added], log.view()) == (
        "fact.add of evaluation, which cannot be told (KeyError: 'data'); added dataset d@1"
    )
