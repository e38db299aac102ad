"""Entries in words, as the history tells them."""

from __future__ import annotations

from typing import Any

import pytest

from mlcycle.state import NOUNS, in_words
from tests.state.small_log import SmallLog

Doc = dict[str, Any]


def _move(after: int | None, how: str, of: str = "model", pointer: str = "production") -> Doc:
    return {"kind": "pointer.move", "of": of, "name": "m", "pointer": pointer, "after": after, "how": how}


def _mark(mark: str, *, on: bool = True, of: str = "dataset", **numbers: Any) -> Doc:
    return {"kind": "version.mark", "of": of, "name": "d", "mark": mark, "on": on, **numbers}


def _fact(of: str, **says: Any) -> Doc:
    return {"kind": "fact.add", "of": of, "id": "1", "subject": "model:m@7", **says}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "project.create", "id": "p"}, "project created"),
        ({"kind": "store.copied", "id": "q", "from": "p"}, "a copy goes on by itself"),
        ({"kind": "name.set", "of": "experiment", "name": "trees"}, "experiment trees"),
        ({"kind": "name.set", "of": "deployment", "name": "eu"}, "deployment eu"),
        ({"kind": "version.add", "of": "model", "name": "m", "number": 7}, "registered model m@7"),
        ({"kind": "version.add", "of": "scope", "name": "scope", "number": 2, "scope": {}}, "scope 2"),
        ({"kind": "version.add", "of": "gate", "name": "strict", "number": 1}, "added gate strict@1"),
        (
            {
                "kind": "version.add",
                "of": "deployment",
                "name": "eu",
                "number": 1,
                "weights": {"model:m@1": 9, "model:n@2": 1},
            },
            "eu answers with m@1 9, n@2 1",
        ),
        (_move(7, "promote"), "m@7 promoted to production"),
        (_move(7, "rollback"), "rolled back m@production to m@7"),
        (_move(None, "by magic"), "moved m@production to nothing"),
        (_move(2, "rollback", "deployment", "current"), "m set back to revision 2"),
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
        (_fact("decision", allowed=False, action="promote", override=None), "gate blocked promote of m@7"),
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
        ({"kind": "sweep", "keys": ["a", "b"], "swept": []}, "swept 2 files"),
        ({"kind": "teleport", "whom": "all"}, "teleport"),
    ],
)
def test_every_change_is_told(change: Doc, words: str) -> None:
    """In a few words a newcomer understands, without ids and nouns that say nothing."""
    assert words == in_words([change], SmallLog().view())


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "name.set", "of": "dataset", "name": "d"},
        _move(1, "route", "deployment", "current"),
        _mark("swept", of="run"),
        _fact("pin"),
        _fact("pack"),
        {"kind": "place", "object": "code:1", "files": []},
    ],
)
def test_what_stands_beside_tells_it(change: Doc) -> None:
    """Some changes only come with others; alone in an entry, they stored files."""
    before, tag = SmallLog().view(), {"kind": "tag.set", "name": "t", "to": 0}
    assert (in_words([change], before), in_words([change, tag], before)) == ("stored files", "tagged entry 0 as t")


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
    told = f"project rolled back to entry {then}; a set back to @1; a set back to revision 1"
    assert told == in_words([back], log.view())
    assert told.replace("; a set back to @1", "") == in_words([{**back, "keep": ["dataset:A"]}], log.view())
    gone = in_words([{"kind": "project.rollback", "to": 0}], log.view(then))
    assert gone == "project rolled back to entry 0; set back a@production to nothing; a set back to revision none"


def test_every_noun_known_here_has_words() -> None:
    """A row of the table is tried here."""
    tried = {"dataset", "model", "scope", "experiment", "deployment", "run", "evaluation", "decision"}
    assert {*NOUNS} == tried | {"pack", "pin", "annotation"}


def test_a_change_that_cannot_be_told_does_not_hide_the_others() -> None:
    """What a noun's own fields should be is nobody's promise: a history goes on past a fact without them."""
    log = SmallLog()
    bare = {"kind": "fact.add", "of": "evaluation", "id": "e", "subject": "model:m@1"}
    added = {"kind": "version.add", "of": "dataset", "name": "d", "number": 1}
    assert in_words([bare, added], log.view()) == (
        "fact.add of evaluation, which cannot be told (KeyError: 'data'); added dataset d@1"
    )
