"""A noun is one row: with it, all that holds for nouns holds for recipes, and nothing else of mlcycle is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

import mlcycle as mc
from mlcycle import errors
from mlcycle.state import NOUNS, VersionMark, pointer_moves, read_ref, resolve
from tests.lifecycle.recipes import ROW, read, serve, take_back, taste, write_down

if TYPE_CHECKING:
    from pathlib import Path

    from mlcycle.state import View


@pytest.fixture
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> mc.Project:
    """Return a project whose library has one row more, with three soups, the second of which is served."""
    monkeypatch.setitem(NOUNS, "recipe", ROW)
    project = mc.open(tmp_path / "store", create=True, author="ada")
    for number, text in enumerate(["water", "water, salt", "salt"], 1):
        assert write_down(project, "soup", text, serves=number) == f"recipe:soup@{number}"
    serve(project, "soup", 1)
    serve(project, "soup", 2)
    return project


def look(project: mc.Project) -> View:
    """Return the project as it stands."""
    return project._session.view()


def test_versions(kitchen: mc.Project) -> None:
    """They have numbers, facts, a stamp and files, and are found by what they are called."""
    view = look(kitchen)
    assert (view.names.nouns(), view.names.of("recipe")) == (["recipe"], ["soup"])
    for ref in ("recipe:soup@3", "recipe:soup", "recipe:soup@latest", "soup", "recipe:Soup@3"):
        version = resolve(view, ref)
        assert (version.ref, version["serves"], version.stamp.author) == ("recipe:soup@3", 3, "ada")
        assert read(kitchen, version) == "salt"
    assert resolve(view, "recipe:soup@menu").ref == "recipe:soup@2"
    assert tuple(read_ref("recipe:soup@1", view))[:3] == ("recipe", "soup", 1)
    with pytest.raises(errors.NotFound, match=r"^no recipe is called 'soap'\. There are: soup\."):
        resolve(view, "recipe:soap")
    with pytest.raises(errors.InvalidInput, match="'recipe:soup@latest' names a recipe; a model is expected here"):
        resolve(view, "recipe:soup", "model")


def test_a_pointer_and_its_way_back(kitchen: mc.Project) -> None:
    """It moves, goes back one state, and says where it has been."""
    take_back(kitchen, "soup")
    view = look(kitchen)
    assert view.pointers.at("recipe", "soup", "menu") == 1
    moves = [(move.before, move.after, move.how) for move in pointer_moves(view, "recipe", "soup", "menu")]
    assert moves == [(None, 1, "promote"), (1, 2, "promote"), (2, 1, "rollback")]
    with pytest.raises(errors.NotFound, match="soup was always served so"):
        take_back(kitchen, "soup")


def test_facts(kitchen: mc.Project) -> None:
    """They are found by what they are about, and by what else they name."""
    taste(kitchen, "recipe:soup@1", "thin")
    taste(kitchen, "recipe:soup@2", "good")
    view = look(kitchen)
    assert [fact["verdict"] for fact in view.facts.of("recipe", "recipe:soup@2")] == ["good"]
    assert [fact["verdict"] for fact in view.facts.of("recipe", "guest:ann")] == ["thin", "good"]


def test_the_history_in_words(kitchen: mc.Project) -> None:
    """As the row says it, and where it says nothing, as for every noun."""
    taste(kitchen, "recipe:soup@2", "good")
    take_back(kitchen, "soup")
    kitchen.store.drop("recipe:soup@3", message="too salty")
    kitchen.rollback(1, message="start again")
    assert kitchen.history()["what"].tolist()[1:] == [
        "thought of soup; wrote down soup@1 for 1",
        "wrote down soup@2 for 2",
        "wrote down soup@3 for 3",
        "soup@menu → soup@1",
        "soup@menu → soup@2 (was soup@1)",
        "tasted soup@2: good",
        "soup@menu → soup@1 (was soup@2)",
        "dropped recipe soup@3",
        "project rolled back to entry 1; soup@menu → nothing (was soup@1)",
    ]


def test_the_whole_project_goes_back(kitchen: mc.Project) -> None:
    """Pointers stand where they stood, and later versions are retracted; again, and they are back."""
    before = look(kitchen).n
    told = [(move.kind, move.name, move.pointer, move.before, move.after) for move in kitchen.rollback(before - 1)]
    assert told == [("alias", "soup", "menu", "soup@2", "soup@1")]
    kitchen.rollback(1)
    view = look(kitchen)
    assert (view.versions.latest("recipe", "soup"), view.pointers.at("recipe", "soup", "menu")) == (1, None)
    assert resolve(view, "recipe:soup@3")["serves"] == 3
    past = look(kitchen.at(before))
    assert (past.versions.latest("recipe", "soup"), past.pointers.at("recipe", "soup", "menu")) == (3, 2)
    kitchen.rollback(before)
    view = look(kitchen)
    assert (view.versions.latest("recipe", "soup"), view.pointers.at("recipe", "soup", "menu")) == (3, 2)


def test_rejected(kitchen: mc.Project) -> None:
    """A version that shall not be the newest is passed over; it has its number and its files."""
    mark = VersionMark(of="recipe", name="soup", mark="rejected", numbers=[[3, 3]])
    kitchen._session.operate("recipe.reject", lambda do: do.commit(lambda view: [mark]))
    assert resolve(look(kitchen), "recipe:soup").number == 2
    kitchen.store.sweep(min_age=0)
    assert read(kitchen, resolve(look(kitchen), "recipe:soup@3")) == "salt"


def test_dropped_and_restored(kitchen: mc.Project) -> None:
    """As any version, unless a pointer stands on it."""
    with pytest.raises(errors.ConflictError, match=r"^soup@2 is needed by soup@menu; move or drop those first"):
        kitchen.store.drop("recipe:soup@2")
    kitchen.store.drop("recipe:soup@3")
    assert resolve(look(kitchen), "recipe:soup").number == 2
    with pytest.raises(errors.VersionDeleted, match=r"project.store.restore\('recipe:soup@3'\) brings it back"):
        resolve(look(kitchen), "recipe:soup@3")
    kitchen.store.restore("recipe:soup@3")
    assert read(kitchen, resolve(look(kitchen), "recipe:soup")) == "salt"


def test_swept_and_verified(kitchen: mc.Project, tmp_path: Path) -> None:
    """A sweep takes what was dropped, and nothing else; what is lost is told by the versions it hurts."""
    assert kitchen.store.sweep(min_age=0).keys == ()
    kitchen.store.drop("recipe:soup@3")
    (file,) = kitchen._session.blobs.files_of(resolve(look(kitchen), "recipe:soup@3", dropped=True).needs[0], "soup@3")
    assert (file["key"],) == kitchen.store.sweep(min_age=0).keys
    with pytest.raises(errors.VersionDeleted, match="the files of soup@3 have been removed by a sweep"):
        kitchen.store.restore("recipe:soup@3")
    assert ([*kitchen.store.verify("bytes").problems], kitchen.store.info()["files"]) == ([], 2)
    (file,) = kitchen._session.blobs.files_of(resolve(look(kitchen), "recipe:soup@1").needs[0], "soup@1")
    (tmp_path / "store" / file["key"]).unlink()
    (problem,) = kitchen.store.verify().problems
    assert ("missing", file["key"], ("recipe:soup@1",)) == (problem.kind, problem.key, problem.hurts)


def test_an_operation_once(kitchen: mc.Project) -> None:
    """What the row calls chosen tells one operation from another."""
    version = {"of": "recipe", "name": "soup", "kind": "version.add"}

    def add(serves: int) -> int:
        from mlcycle.state import VersionAdd

        def plan(view: View) -> list[VersionAdd]:
            number = view.versions.next_number("recipe", "soup")
            return [VersionAdd(of="recipe", name="soup", number=number, says={"serves": serves})]

        return kitchen._session.operate("recipe.add", lambda do: do.commit(plan), op="mine").view.n

    assert add(7) == add(7)
    with pytest.raises(errors.ConflictError, match="op='mine' was used already"):
        add(8)
    assert version.items() <= kitchen._session.log.entry(add(7))["changes"][0].items()


def test_beside_other_nouns(kitchen: mc.Project) -> None:
    """A name may be of two nouns, which a text then tells apart; each goes its own way."""
    kitchen.datasets.add("soup", pd.DataFrame({"a": [1, 2]}))
    with pytest.raises(errors.InvalidInput, match="'soup' may be dataset:soup or recipe:soup; say which"):
        resolve(look(kitchen), "soup")
    assert kitchen.load("dataset:soup")["a"].tolist() == [1, 2]
    assert resolve(look(kitchen), "soup", "dataset").ref == "dataset:soup@1"
    kitchen.store.drop("dataset:soup@1")
    assert resolve(look(kitchen), "soup", "recipe").ref == "recipe:soup@3"
