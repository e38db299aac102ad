"""Plans: what they commit, and what they refuse."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from mlcycle.errors import ConflictError, NotFound, ReadOnly, VersionDeleted
from mlcycle.state import (
    FactAdd,
    NameSet,
    PointerMove,
    ProjectRollback,
    Sweep,
    TagSet,
    VersionAdd,
    VersionMark,
    check_guards,
    check_latest_unmoved,
    check_stands,
    drop,
    moves_to,
    restore,
    roll_back,
    roll_project_back,
)
from tests.state.small_log import SmallLog

if TYPE_CHECKING:
    from mlcycle.state import Change


@pytest.fixture
def log() -> SmallLog:
    """Return a project with data, a part of it, three models and a place that answers with two of them."""
    log = SmallLog()
    log.write({"kind": "project.create", "id": "p"})
    log.add("dataset", "d")
    log.add("dataset", "d.train", needs=["dataset:d-1"], made_from=["dataset:d@1"])
    for _ in range(3):
        log.add("model", "m")
    log.add("deployment", "eu", uses=["model:m@1", "model:m@2"])
    log.move("deployment", "eu", "current", 1)
    return log


def _mark(of: str, name: str, number: int, *, on: bool = True) -> VersionMark:
    return VersionMark(of=of, name=name, mark="dropped", on=on, numbers=[[number, number]])


# drop and restore ----------------------------------------------------------------------------------------------------


def test_dropped_and_restored_once(log: SmallLog) -> None:
    """A second time there is nothing to do."""
    version = log.version("m@3")
    assert restore(log.view(), version) == []
    assert [_mark("model", "m", 3)] == drop(log.view(), version)
    log.write(*drop(log.view(), version))
    assert drop(log.view(), version) == []
    assert [_mark("model", "m", 3, on=False)] == restore(log.view(), version)


def test_a_pointer_holds_its_version(log: SmallLog) -> None:
    """And what its version answers with; a pointer that has left holds nothing."""
    log.move("model", "m", "production", 2)
    with pytest.raises(ConflictError, match=r"^m@2 is needed by m@production, deployment eu; move or drop those first"):
        drop(log.view(), log.version("m@2"))
    with pytest.raises(ConflictError, match=re.escape("eu@1 is needed by eu@current; move or drop those first")):
        drop(log.view(), log.version("deployment:eu@1"))
    log.add("deployment", "eu", uses=["model:m@3"])
    log.move("deployment", "eu", "current", 2)
    assert [_mark("model", "m", 1)] == drop(log.view(), log.version("m@1"))
    with pytest.raises(ConflictError, match=r"^m@3 is needed by deployment eu; move"):
        drop(log.view(), log.version("m@3"))


def test_a_noun_nobody_knows_holds_what_it_uses(log: SmallLog) -> None:
    """An older library drops nothing that a newer one's pointer stands on."""
    log.add("gate", "strict", uses=["dataset:d@1"])
    assert [_mark("dataset", "d", 1)] == drop(log.view(), log.version("d@1"))
    log.move("gate", "strict", "active", 1)
    with pytest.raises(ConflictError, match=r"^d@1 is needed by gate strict; move"):
        drop(log.view(), log.version("d@1"))


def test_lineage_holds_nothing(log: SmallLog) -> None:
    """What a version was made from may be dropped; its files stay while the part needs them."""
    assert [_mark("dataset", "d", 1)] == drop(log.view(), log.version("d@1"))


def test_restored_while_the_files_are_there(log: SmallLog) -> None:
    """A sweep was faster for the version, or for the whole it is a part of."""
    for name in ("d", "d.train"):
        log.mark("dataset", name, "dropped", 1)
    log.write(Sweep(keys=["files/d-1"], swept=["dataset:d-1"]))
    with pytest.raises(VersionDeleted, match="the files of d@1 have been removed by a sweep"):
        restore(log.view(), log.version("d@1"))
    words = "the files of the dataset that d.train@1 lives by have been removed by a sweep"
    with pytest.raises(VersionDeleted, match=re.escape(words)):
        restore(log.view(), log.version("d.train@1"))


# going back ----------------------------------------------------------------------------------------------------------


def test_a_pointer_goes_back_one_state(log: SmallLog) -> None:
    """To the newest state not itself rolled back; at the first one there is nothing to go back to."""
    for number in (1, 2):
        log.move("model", "m", "production", number, how="promote")
    back = roll_back(log.view(), "model", "M", "production", "nothing")
    facts = {"before": 2, "after": 1, "pops": 1, "how": "rollback"}
    assert PointerMove(of="model", name="m", pointer="production", **facts) == back
    log.write(back)
    for pointer in ("production", "canary"):
        with pytest.raises(NotFound, match=r"^nothing$"):
            roll_back(log.view(), "model", "m", pointer, "nothing")


def test_a_pointer_does_not_go_back_to_nothing_or_to_what_is_gone(log: SmallLog) -> None:
    """A state without a target is none to go back to; a version that was dropped is refused by name."""
    log.move("model", "m", "canary", None)
    log.move("model", "m", "production", 1)
    log.move("model", "m", "production", None)
    log.move("model", "m", "production", 2)
    with pytest.raises(NotFound, match=r"^nothing$"):
        roll_back(log.view(), "model", "m", "production", "nothing")
    log.move("model", "m", "production", 3)
    log.mark("model", "m", "dropped", 2)
    with pytest.raises(VersionDeleted, match="m@2 was dropped"):
        roll_back(log.view(), "model", "m", "production", "nothing")


def test_what_is_latest_was_looked_up(log: SmallLog) -> None:
    """Whatever moved it since, an addition, a mark or a rollback of the project, is named."""
    looked = log.view()
    number = looked.versions.latest("model", "m")
    check_latest_unmoved(log.view(), looked, "model", "m", "look again")
    log.mark("model", "m", "retracted", number)
    n = log.view().n
    log.add("model", "other")
    words = (
        f"the current version of m was m@{number} when this began and is m@{number - 1} now, .*entry {n}.*; look again"
    )
    with pytest.raises(ConflictError, match=words) as lost:
        check_latest_unmoved(log.view(), looked, "model", "M", "look again")
    assert lost.value.winner["n"] == n


def test_a_place_does_not_go_back_to_what_answers_no_more(log: SmallLog) -> None:
    """Each version a revision answers with must stand."""
    log.add("deployment", "eu", uses=["model:m@3"])
    log.move("deployment", "eu", "current", 2)
    check_stands(log.view(), "deployment:eu@1", files=True)
    log.write(Sweep(keys=["files/m-2"], swept=["model:m-2"]))
    check_stands(log.view(), "deployment:eu@1")
    with pytest.raises(VersionDeleted, match="the files of m@2"):
        check_stands(log.view(), "deployment:eu@1", files=True)
    log.mark("model", "m", "dropped", 1)
    with pytest.raises(VersionDeleted, match="m@1 was dropped"):
        roll_back(log.view(), "deployment", "eu", "current", "nothing")


def test_the_project_goes_back_in_one_change(log: SmallLog) -> None:
    """However much moves; where nothing would, there is nothing to commit."""
    then = log.view().n
    assert roll_project_back(log.view(), then) == []
    for i in range(100):
        log.add("model", f"m{i}")
        log.move("model", f"m{i}", "production", 1)
    assert [ProjectRollback(to=then)] == roll_project_back(log.view(), then)
    assert len([*moves_to(log.view(), then)]) == 100
    keep = [f"model:m{i}" for i in range(100)]
    assert roll_project_back(log.view(), then, keep) == []
    assert [ProjectRollback(to=then, keep=keep[1:])] == roll_project_back(log.view(), then, keep[1:])


def test_the_project_does_not_go_back_to_what_is_gone(log: SmallLog) -> None:
    """A pointer would stand at it, or answer with it; `latest` takes the newest that stands instead."""
    log.add("dataset", "d")
    then = log.view().n
    log.add("deployment", "eu", uses=["model:m@3"])
    log.move("deployment", "eu", "current", 2)
    log.add("dataset", "d")
    log.mark("dataset", "d", "dropped", 2)
    assert [ProjectRollback(to=then)] == roll_project_back(log.view(), then)
    log.mark("model", "m", "dropped", 1)
    with pytest.raises(VersionDeleted, match="m@1 was dropped"):
        roll_project_back(log.view(), then)
    assert [ProjectRollback(to=then, keep=["deployment:eu"])] == roll_project_back(log.view(), then, ["deployment:eu"])


# guards --------------------------------------------------------------------------------------------------------------

PROMOTE = PointerMove(of="model", name="M", pointer="production", after=1)
CANARY = PointerMove(of="model", name="m", pointer="canary", after=1)
ADD = VersionAdd(of="dataset", name="d", number=2)


def _refused(log: SmallLog, *changes: Change, knows: frozenset[str] = frozenset()) -> str:
    try:
        check_guards(log.view(), changes, knows)
    except ReadOnly as error:
        return str(error)
    return ""


def test_a_guard_of_a_name_keeps_one_verb(log: SmallLog) -> None:
    """One pointer of one name; everything else may still be written."""
    log.write(NameSet(of="model", name="m", guards={"pointer.move:production": ["gates"]}))
    words = "changing model:M@production takes a newer mlcycle (one that knows gates); upgrade it"
    assert words == _refused(log, CANARY, PROMOTE)
    assert _refused(log, CANARY, ADD, TagSet(name="t", to=0), NameSet(of="model", name="m")) == ""
    assert _refused(log, PROMOTE, knows=frozenset({"gates", "more"})) == ""
    assert _refused(log, PointerMove(of="model", name="other", pointer="production", after=1)) == ""


def test_a_guard_of_a_name_may_keep_every_pointer(log: SmallLog) -> None:
    """Without a pointer, a kind of change is meant; several needs are all named."""
    log.write(NameSet(of="model", name="m", guards={"pointer.move": ["one", "two"], "pointer.move:canary": ["three"]}))
    assert "takes a newer mlcycle (one that knows one, two, three)" in _refused(log, CANARY)
    assert "(one that knows two)" in _refused(log, PROMOTE, knows=frozenset({"one"}))


def test_the_project_guards_a_noun(log: SmallLog) -> None:
    """Every name of it, those to come too; facts and marks like versions."""
    guards = {"dataset/version.add": ["checks"], "gate/fact.add": ["forms"], "toy/version.mark": ["toys"]}
    log.write(NameSet(of="project", name="project", guards=guards))
    assert "changing dataset:new takes a newer mlcycle (one that knows checks)" in _refused(
        log, VersionAdd(of="dataset", name="new", number=1)
    )
    assert "changing any gate takes a newer mlcycle (one that knows forms)" in _refused(
        log, FactAdd(of="gate", id="1", subject="deployment:eu")
    )
    assert "(one that knows toys)" in _refused(log, VersionMark(of="toy", name="t", mark="dropped"))
    assert _refused(log, VersionAdd(of="model", name="m", number=4), FactAdd(of="pin", id="1", subject="code:1")) == ""


def test_a_guard_is_lifted_by_setting_it_again(log: SmallLog) -> None:
    """All of them are replaced; a view of before still has the old ones."""
    log.write(NameSet(of="model", name="m", guards={"pointer.move:production": ["gates"]}))
    log.write(NameSet(of="model", name="m", says={"owner": "ada"}))
    assert "gates" in _refused(log, PROMOTE)
    log.write(NameSet(of="model", name="m", guards={"pointer.move:canary": ["gates"]}))
    assert (_refused(log, PROMOTE), "gates" in _refused(log, CANARY)) == ("", True)
    log.write(NameSet(of="model", name="m", guards={}))
    assert _refused(log, PROMOTE, CANARY) == ""
    with pytest.raises(ReadOnly, match="model:M@production"):
        check_guards(log.view(log.view().n - 2), [PROMOTE], ())


def test_a_rollback_of_the_project_passes_no_guard(log: SmallLog) -> None:
    """It moves what is guarded like any move would, unless it keeps that name; it lifts no guard either."""
    then = log.view().n
    log.write(PROMOTE)
    log.write(NameSet(of="model", name="m", guards={"pointer.move:production": ["gates"]}))
    assert "changing model:m@production takes a newer" in _refused(log, ProjectRollback(to=then))
    assert _refused(log, ProjectRollback(to=then, keep=["model:M"])) == ""
    log.write(ProjectRollback(to=then))
    assert "gates" in _refused(log, PROMOTE)
    assert _refused(log, ProjectRollback(to=then)) == ""  # nothing of it moves any more
