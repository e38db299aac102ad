"""What must stay: for whom, wherever its files are listed."""

from __future__ import annotations

from typing import Any

import pytest

from mlcycle.errors import Corrupt, SchemaError
from mlcycle.state import LiveFiles, NameSet, Place, Sweep, VersionAdd, find_live_files
from tests.state.small_log import SmallLog

Doc = dict[str, Any]


def _live_files(log: SmallLog, lists: dict[str, list[Doc]] | None = None) -> LiveFiles:
    return find_live_files(log.view(), log.entries, lambda file: (lists or {})[file["key"]])


def _file(key: str) -> Doc:
    return {"key": key, "size": 1}


def test_what_stands_keeps_its_files() -> None:
    """Versions, facts and names of any noun; what was dropped keeps nothing, nor does any of a dropped name."""
    log = SmallLog()
    for of in ("dataset", "gate"):
        log.add(of, "a")
        log.add(of, "a")
    log.fact("evaluation", "e", "model:m@1")
    log.write(Place(object="table:1", files=[_file("t")]), NameSet(of="toy", name="t", needs=["table:1"]))
    log.write(Place(object="orphan:1", files=[_file("o")]))
    log.mark("gate", "a", "dropped", 1)
    owners = {
        "files/a-1": ["dataset:a@1"],
        "files/a-2": ["dataset:a@2", "gate:a@2"],
        "files/e": ["evaluation:e"],
        "t": ["toy:t"],
    }
    assert owners == _live_files(log).owners_of()
    assert {*owners} == _live_files(log).live().keys()
    for of, name in (("evaluation", "e"), ("toy", "t"), ("gate", "a"), ("dataset", "a")):
        log.mark(of, name, "dropped")
    assert (_live_files(log).owners_of(), _live_files(log).live()) == ({}, {})
    log.mark("gate", "a", "dropped", on=False)
    assert _live_files(log).owners_of() == {"files/a-2": ["gate:a@2"]}


def test_only_dropping_lets_files_go() -> None:
    """What is retracted or rejected may be addressed, and what a rollback undid is there still."""
    log = SmallLog()
    log.write({"kind": "project.create", "id": "p"})
    for _ in range(3):
        log.add("model", "m")
    log.mark("model", "m", "rejected", 1)
    log.mark("model", "m", "retracted", 2)
    log.back(0)
    assert {"files/m-1", "files/m-2", "files/m-3"} == _live_files(log).live().keys()


def test_a_part_keeps_the_whole() -> None:
    """It lives by rows of what it was made from, however that was dropped."""
    log = SmallLog()
    log.add("dataset", "d")
    log.add("dataset", "d.train", needs=["dataset:d-1"], made_from=["dataset:d@1"])
    log.mark("dataset", "d", "dropped", 1)
    assert _live_files(log).owners_of() == {
        "files/d-1": ["dataset:d.train@1"],
        "files/d.train-1": ["dataset:d.train@1"],
    }


def test_what_was_placed_last_counts() -> None:
    """Files move: those an object had before are of no more use; swept, it has none."""
    log = SmallLog()
    log.add("model", "m")
    log.write(Place(object="model:m-1", files=[_file("elsewhere")]))
    assert {"elsewhere"} == _live_files(log).live().keys()
    assert _live_files(log).objects_with(["elsewhere", "files/m-1"]) == ["model:m-1"]
    assert _live_files(log).objects_with(["files/m-1"]) == []
    log.write(Sweep(keys=["elsewhere"], swept=["model:m-1"]))
    live_files = _live_files(log)
    assert (live_files.live(), live_files.owners) == ({}, {"model:m-1": ["model:m@1"]})


def test_a_list_file_lives_with_what_it_lists() -> None:
    """Where an object has too many files for an entry, the list is one of them; it is read for what counts alone."""
    log = SmallLog()
    for key in ("old-list", "list"):
        log.write(Place(object="folder:1", files=[_file("head")], listed=_file(key)))
    log.write(VersionAdd(of="dataset", name="d", number=1, needs=["folder:1"]))
    live_files = _live_files(log, {"list": [_file("leaf-1"), _file("leaf-2")]})
    assert {"head", "list", "leaf-1", "leaf-2"} == live_files.live().keys()
    assert live_files.objects_with(["leaf-2"]) == ["folder:1"]


def test_a_prefix_is_owned_while_its_object_stands() -> None:
    """All keys below it, without any being listed."""
    log = SmallLog()
    log.write(Place(object="pack:1", prefix="packs/1/"), VersionAdd(of="toy", name="t", number=1, needs=["pack:1"]))
    log.write(Place(object="pack:2", prefix="packs/2/"))
    keys = ("packs/1/a", "packs/1/b/c", "packs/10", "packs/2/a")
    assert [key in _live_files(log).kept() for key in keys] == [True, True, False, False]
    log.mark("toy", "t", "dropped", 1)
    assert "packs/1/a" not in _live_files(log).kept()


def test_kinds_nobody_knows_need_nothing() -> None:
    """An optional kind may be passed over: what must stay is said by kinds everybody knows."""
    log = SmallLog()
    log.write({"kind": "x-lab.note", "optional": True, "needs": ["orphan:1"]})
    assert LiveFiles() == _live_files(log)


@pytest.mark.parametrize("error", [SchemaError("it is encrypted"), Corrupt("it is cut"), FileNotFoundError("no list")])
def test_a_list_that_cannot_be_read(error: Exception) -> None:
    """While something needs it nothing may be swept; afterwards it goes with whatever else goes."""

    def read(file: Doc) -> list[Doc]:
        raise error

    log = SmallLog()
    log.add("dataset", "a")
    log.write(Place(object="many:1", listed=_file("list")), NameSet(of="toy", name="t", needs=["many:1"]))
    live_files = find_live_files(log.view(), log.entries, read)
    assert {*live_files.live()} == {"files/a-1", "list"}
    with pytest.raises(SchemaError if isinstance(error, SchemaError) else Corrupt, match=f"that toy:t needs.*{error}"):
        live_files.kept()
    assert live_files.objects_with(["files/a-1"]) == ["dataset:a-1"]
    log.mark("toy", "t", "dropped")
    live_files = find_live_files(log.view(), log.entries, read)
    assert ("list" in live_files.kept(), "files/a-1" in live_files.kept()) == (False, True)
    assert live_files.objects_with(["elsewhere"]) == ["many:1"]
