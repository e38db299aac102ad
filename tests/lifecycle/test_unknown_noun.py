"""With the row of a noun taken out, in a process of its own, the library keeps what it does not understand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import field, frozen
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle.state import KINDS, NOUNS, Change, NameSet, ProjectFold, resolve
from tests.lifecycle.recipes import ROW, read, serve, taste, write_down

if TYPE_CHECKING:
    from mlcycle.state import State, View

ROOT = Path(__file__).parents[2]
BEGIN = """
import sys
import pandas as pd
from sklearn.tree import DecisionTreeClassifier
import mlcycle as mc
from mlcycle import errors
from mlcycle.state import NOUNS, NameSet, resolve, roll_project_back

project = mc.open(sys.argv[1], author="bob")
view = project._session.view
tree = DecisionTreeClassifier(max_depth=1).fit([[0], [1]], [0, 1])
assert "recipe" not in NOUNS

def tell(act):
    try:
        print(act())
    except errors.MlcycleError as error:
        print(f"{type(error).__name__}: {error}")

"""


@pytest.fixture
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> mc.Project:
    """Return a project whose library knows recipes: two soups, and a cake that answers with a model."""
    monkeypatch.setitem(NOUNS, "recipe", ROW)
    project = mc.open(tmp_path / "store", create=True, author="ada")
    tree = DecisionTreeClassifier(max_depth=1).fit([[0], [1]], [0, 1])
    for _ in range(2):
        project.models.register("oven", tree)
    write_down(project, "soup", "water", serves=1)
    write_down(project, "soup", "salt", serves=2)
    serve(project, "soup", 1)
    project.store.tag("early")
    serve(project, "soup", 2)
    taste(project, "recipe:soup@2", "good")
    write_down(project, "cake", "flour", uses=["model:oven@1"], serves=4)
    serve(project, "cake", 1)
    return project


def poorer(project: mc.Project, script: str) -> list[str]:
    """Return what a process without the row prints, line by line."""
    command = [sys.executable, "-c", BEGIN + script, project.store.url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def look(project: mc.Project) -> View:
    """Return the project as it stands."""
    return project._session.view()


def guard(project: mc.Project, of: str, name: str, guards: dict[str, list[str]]) -> None:
    """Keep something for those who know more, as a newer library would."""
    guarded = NameSet(of=of, name=name, guards=guards)
    project._session.operate("guard", lambda do: do.commit(lambda view: [guarded]))


def test_it_reads_works_on_and_keeps_everything(kitchen: mc.Project) -> None:
    """Data and models go on beside it; nothing of it is swept, and who knows it finds it as it was."""
    said = poorer(
        kitchen,
        """
tell(lambda: (project.datasets.add("d", pd.DataFrame({"a": [1]})).ref, project.store.info()["files"]))
tell(lambda: project.models["oven@2"].promote("production", message="hot").allowed)
tell(lambda: resolve(view(), "recipe:soup").ref)
tell(lambda: [fact["verdict"] for fact in view().facts.of("recipe", "recipe:soup@2")])
tell(lambda: project.history()["what"].tolist()[3:10])
tell(lambda: project.status() is not None)
tell(lambda: project.store.sweep(min_age=0).keys)
tell(lambda: project.store.verify("bytes").problems)
tell(lambda: [(move.name, move.pointer) for move in project.rollback("early")])
tell(lambda: (project.store.drop("recipe:soup@2"), project.store.restore("recipe:soup@2")))
tell(lambda: project.rollback(view().n - 3) and None)
""",
    )
    words = [
        "added recipe soup@1",
        "added recipe soup@2",
        "soup@menu → soup@1",
        "tagged entry 5 as early",
        "soup@menu → soup@2 (was soup@1)",
        "added recipe 0",
        "added recipe cake@1",
    ]
    words[5] = f"added recipe {next(look(kitchen).facts.of('recipe', 'recipe:soup@2')).id}"
    expected = [
        "('d@1', 10)",
        "True",
        "recipe:soup@2",
        "['good']",
        str(words),
        "True",
        "()",
        "()",
        "[('d', 'latest'), ('oven', 'production'), ('cake', 'menu'), ('cake', 'latest'), ('soup', 'menu')]",
        "(None, None)",
        "None",
    ]
    assert expected == said
    view = look(kitchen)
    assert (
        view.versions.latest("recipe", "soup"),
        view.pointers.at("recipe", "soup", "menu"),
        view.pointers.at("recipe", "cake", "menu"),
    ) == (2, 2, 1)
    assert [read(kitchen, resolve(view, f"recipe:{ref}")) for ref in ("soup@1", "soup@2", "cake")] == [
        "water",
        "salt",
        "flour",
    ]
    assert kitchen.store.verify("bytes").problems == ()


def test_it_drops_no_model_that_the_noun_uses(kitchen: mc.Project) -> None:
    """While a pointer stands on the version that does."""
    words = "ConflictError: oven@1 is needed by recipe cake; move or drop those first"
    assert [words, "None"] == poorer(kitchen, "for n in 1, 2: tell(lambda: project.store.drop(f'model:oven@{n}'))")


def test_a_verb_guarded_on_a_name(kitchen: mc.Project) -> None:
    """Who does not know the need leaves that pointer of that name alone, and goes on with all the rest."""
    guard(kitchen, "model", "oven", {"pointer.move:production": ["tasting"]})
    said = poorer(
        kitchen,
        """
tell(lambda: project.models["oven@2"].promote("production", message="hot"))
tell(lambda: project.models["oven@2"].promote("canary", message="hot").allowed)
tell(lambda: project.models.register("oven", tree).ref)
""",
    )
    words = "changing model:oven@production takes a newer mlcycle (one that knows tasting); upgrade it"
    assert [f"ReadOnly: {words}", "True", "oven@3"] == said


def test_a_verb_guarded_on_a_noun(kitchen: mc.Project) -> None:
    """Through the name `project`, wherever the noun is written."""
    guard(kitchen, "project", "project", {"dataset/version.add": ["data-checks"]})
    said = poorer(
        kitchen,
        """
tell(lambda: project.datasets.add("d", pd.DataFrame({"a": [1]})).ref)
tell(lambda: project.models.register("oven", tree).ref)
""",
    )
    words = "changing dataset:d takes a newer mlcycle (one that knows data-checks); upgrade it"
    assert [f"ReadOnly: {words}", "oven@3"] == said


def test_a_rollback_that_would_move_what_is_guarded(kitchen: mc.Project) -> None:
    """It is refused unless it keeps that name, whatever the noun."""
    guard(kitchen, "recipe", "soup", {"pointer.move": ["tasting"]})
    said = poorer(
        kitchen,
        """
tell(lambda: project.rollback("early"))
early = view().tags()["early"]
plan = lambda now: roll_project_back(now, early, keep=["recipe:soup"])
tell(lambda: project._session.operate("project.rollback", lambda do: do.commit(plan).entry["n"] == view().n))
tell(lambda: [view().pointers.at("recipe", name, "menu") for name in ("soup", "cake")])
""",
    )
    words = "changing recipe:soup@menu takes a newer mlcycle (one that knows tasting); upgrade it"
    assert [f"ReadOnly: {words}", "True", "[2, None]"] == said


@frozen(kw_only=True)
class Price(Change):
    """What a version costs: a kind of the newer library, which older ones may pass over."""

    kind = "recipe.price"
    ref: str
    optional: bool = field(default=False)

    def fold(self, state: State, n: int) -> None:
        """Be found by the ref."""
        state.facts.need("price").need(self.ref).append(n)


@pytest.fixture
def priced(kitchen: mc.Project, monkeypatch: pytest.MonkeyPatch) -> mc.Project:
    """Return a project with a change of an optional kind, which this process knows."""
    monkeypatch.setitem(KINDS, "recipe.price", Price)
    monkeypatch.setattr(ProjectFold, "kinds", frozenset(KINDS))
    price = Price(ref="recipe:soup@1", optional=True)
    kitchen._session.operate("recipe.price", lambda do: do.commit(lambda view: [price]))
    return kitchen


def newest_checkpoint(project: mc.Project) -> dict[str, Any]:
    """Return the head of the newest checkpoint."""
    newest = max(Path(project.store.url.removeprefix("file://")).glob("checkpoints/*.bin"))
    head: dict[str, Any] = json.loads(newest.read_bytes().partition(b"\n")[0])
    return head


def base_of(project: mc.Project) -> int:
    """Return the entry of the checkpoint that a fresh opening believes, -1 where it folds everything."""
    return mc.open(project.store.url)._session.log.snapshot().base


def test_a_checkpoint_that_lacks_what_was_passed_over(priced: mc.Project) -> None:
    """The poorer library writes one and says what it skipped; the fuller one folds for itself."""
    said = poorer(
        priced,
        """
for n in range(300):
    project.store.tag(f"t{n}")
project.store.compact()
tell(lambda: view().n)
tell(lambda: project.history().loc[11, "what"])
""",
    )
    assert [str(look(priced).n), "recipe.price"] == said
    assert (newest_checkpoint(priced)["skipped"], base_of(priced)) == (["recipe.price"], -1)
    assert [*look(mc.open(priced.store.url)).facts.entries("price", "recipe:soup@1")] == [11]


def test_a_checkpoint_of_the_fuller_library(priced: mc.Project) -> None:
    """It knows kinds the poorer one does not, which so folds for itself; both come to the same where they agree."""
    for n in range(300):
        priced.store.tag(f"t{n}")
    priced.store.compact()
    head = newest_checkpoint(priced)
    assert ([], head["n"]) == (head["skipped"], base_of(priced))
    said = poorer(priced, "tell(lambda: (view().state.skipped, project._session.log.snapshot().base, view().n))")
    assert [str((["recipe.price"], -1, look(priced).n))] == said
