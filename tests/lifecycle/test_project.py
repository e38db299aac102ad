"""A project: opening, the past, rolling everything back together, and bad input at the door."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import errors, records
from mlcycle.lifecycle import project as projects
from mlcycle.state import roll_project_back
from tests.lifecycle.conftest import begin, fitted


def _second(project: mc.Project, train: Any, C: float = 0.1) -> mc.ModelVersion:
    X, y = project.datasets[train].xy()
    version = project.models.register("tumour", fitted(X, y, C), uses=[train], example=X[:5])
    version.evaluate()
    version.promote(message="second")
    return version


def test_one_cycle_on_every_storage(anywhere: mc.Project, cells: pd.DataFrame) -> None:
    """Scope, data, model, deployment, and all of it back: on a folder, in memory and on S3."""
    first, train = begin(anywhere, cells)
    shop = anywhere.deployments.open("shop")
    shop.route({first: 1}, message="go")
    anywhere.store.tag("first-cycle")
    second = _second(anywhere, train)
    shop.route({"tumour@1": 90, "tumour@2": 10}, message="canary")
    X = anywhere.datasets[train].xy()[0]
    with shop.serve() as service:
        service.predict(X[:20], ids=range(20))
        service.label(range(20), [1] * 20)
    assert len(shop.traffic()) == 20
    moves = anywhere.rollback("first-cycle", message="upstream bug")
    assert {(m.name, m.pointer, m.after) for m in moves} == {
        ("tumour", "production", "tumour@1"),
        ("shop", "revision", "revision 1"),
    }
    assert anywhere.models["tumour"].ref == "tumour@1"
    assert anywhere.models["tumour@2"] == second
    assert anywhere.store.verify("bytes").ok


def test_rollback_goes_back_and_forth(project: mc.Project, cells: pd.DataFrame) -> None:
    """Rolling back the rollback restores every pointer, and later numbers are never reused."""
    _, train = begin(project, cells)
    project.store.tag("a")
    project.datasets.add("cells", cells.iloc[:-1], target="target")
    second = _second(project, train)
    project.store.tag("b")
    project.rollback("a", message="back")
    assert project.datasets["cells"].ref == "cells@1"
    assert project.models.aliases("tumour") == {"production": "tumour@1"}
    project.rollback("b", message="forth")
    assert project.datasets["cells"].ref == "cells@2"
    assert project.models.aliases("tumour") == {"production": second.ref}
    project.rollback("a")
    assert project.datasets.add("cells", cells.iloc[:-2], target="target").ref == "cells@3"


def test_dry_run_changes_nothing(project: mc.Project, cells: pd.DataFrame) -> None:
    """A dry run lists pointer, from, to and author, and commits no entry."""
    _, train = begin(project, cells)
    entry = project.store.info()["entries"] - 1
    _second(project, train)
    entries = project.store.info()["entries"]
    [move] = project.rollback(entry, dry_run=True)
    assert (move.pointer, move.before, move.after, move.author) == ("production", "tumour@2", "tumour@1", "ada")
    assert project.store.info()["entries"] == entries


def test_rollback_is_one_entry(project: mc.Project, cells: pd.DataFrame) -> None:
    """Everything moves in a single entry of the log."""
    _, train = begin(project, cells)
    entry = project.store.info()["entries"] - 1
    _second(project, train)
    before = project.store.info()["entries"]
    project.rollback(entry, message="one")
    assert project.store.info()["entries"] == before + 1


def test_rollback_refuses_what_fails_today(project: mc.Project, cells: pd.DataFrame) -> None:
    """A target that fails today's scope needs an override; one that is gone is refused."""
    _, train = begin(project, cells)
    project.store.tag("a")
    _second(project, train)
    project.scope.set(criteria=[mc.AtLeast("roc_auc", 0.9999), mc.NotWorseThan("production", "roc_auc", margin=0.05)])
    weak = [result for result in project.models["tumour@1"].evaluate().results if result.threshold == 0.9999]
    if weak[0].high is not None and weak[0].high < 0.9999:
        with pytest.raises(errors.GateBlocked, match="fails today's scope"):
            project.rollback("a")
    project.rollback("a", message="outage", override_until="2099-01-01")
    assert project.models.aliases("tumour") == {"production": "tumour@1"}


def test_rollback_refuses_a_dropped_target(project: mc.Project, cells: pd.DataFrame) -> None:
    """A pointer is never set to a version that was dropped."""
    _, train = begin(project, cells)
    project.store.tag("a")
    _second(project, train)
    project.store.drop("model:tumour@1")
    with pytest.raises(errors.VersionDeleted, match="tumour@1 was dropped"):
        project.rollback("a")


def test_at_is_the_past_and_read_only(project: mc.Project, cells: pd.DataFrame) -> None:
    """A former entry, a tag or a date shows the project as it stood; it cannot be written."""
    begin(project, cells)
    project.store.tag("then")
    project.datasets.add("later", cells[:10])
    past = project.at("then")
    assert list(past.datasets) == ["cells", "cells.test", "cells.train"]
    assert past.models["tumour@production"].ref == "tumour@1"
    assert list(project.at("2099-01-01").datasets)[-1] == "later"
    with pytest.raises(errors.ReadOnly, match="as it stood at entry"):
        past.datasets.add("more", cells)
    with pytest.raises(errors.NotFound, match="is not an entry number or a tag; the tags are then"):
        project.at("then-not")
    with pytest.raises(errors.NotFound, match="had not begun"):
        project.at("1999-01-01")
    with pytest.raises(errors.NotFound, match="entries 0 to"):
        project.at(10_000)


def test_history_says_who_what_and_why(project: mc.Project, cells: pd.DataFrame) -> None:
    """The log reads as a table."""
    begin(project, cells)
    history = project.history()
    assert set(history["author"]) == {"ada"}
    assert history["what"].iloc[-1] == "gate allowed tumour@1; tumour@production → tumour@1"
    assert history["message"].iloc[-1] == "first"
    assert len(project.history(limit=2)) == 2
    for odd in ("7d", -1, True, 1.5, pd.NaT):
        with pytest.raises(errors.InvalidInput, match="limit="):
            project.history(limit=odd)  # type: ignore[arg-type]


def test_a_project_travels(anywhere: mc.Project) -> None:
    """A project pickles to its URL and opens where it arrives."""
    anywhere.scope.set(objective="travel")
    arrived = pickle.loads(pickle.dumps(anywhere))
    assert arrived.scope.get() == anywhere.scope.get()


def test_two_sessions_see_each_other(store_url: tuple[str, dict[str, Any]], cells: pd.DataFrame) -> None:
    """What one handle commits, another sees at its next look."""
    url, options = store_url
    one = mc.open(url, create=True, storage_options=options)
    two = mc.open(url, create=False, storage_options=options)
    one.datasets.add("cells", cells[:5])
    assert list(two.datasets) == ["cells"]


def test_opening_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Creation only happens where asked for, or in an empty place, and says so."""
    with pytest.raises(errors.NotAStore, match="create=True"):
        mc.open(tmp_path / "absent", create=False)
    with pytest.raises(errors.NotAStore):
        mc.open(tmp_path / "absent", mode="r")
    assert not (tmp_path / "absent").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(errors.NotAStore, match=r"not empty \(notes.txt\)"):
        mc.open(tmp_path / "full")
    mc.open(tmp_path / "new")
    assert "made a new project" in capsys.readouterr().err
    with pytest.raises(errors.StoreExists):
        mc.open(tmp_path / "new", create=True)
    with pytest.raises(errors.StoreExists, match="lies inside the project"):
        mc.open(tmp_path / "new" / "inner", create=True)
    with pytest.raises(errors.NotAStore, match="not empty"):
        mc.open(tmp_path)
    with pytest.raises(errors.InvalidInput, match="mode"):
        mc.open(tmp_path / "new", mode="w")


@pytest.mark.parametrize("url", ["nothing://x", "s3:/team/churn", "", "http//x y\0"])
def test_malformed_urls_are_refused(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL that cannot be read is named, with the schemes there are."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises((errors.UnsupportedStorage, errors.InvalidInput)):
        mc.open(url, create=True)


def test_a_read_only_project_writes_nothing(project: mc.Project, cells: pd.DataFrame) -> None:
    """mode="r" leaves every byte as it was, caches included."""
    begin(project, cells)
    root = Path(project.store.url.removeprefix("file://"))
    before = {p: p.stat().st_mtime_ns for p in root.rglob("*")}
    reader = mc.open(root, mode="r")
    reader.history()
    reader.load("dataset:cells")
    reader.status()
    with pytest.raises(errors.ReadOnly, match="mode='r'"):
        reader.scope.set(objective="no")
    with pytest.raises(errors.ReadOnly):
        reader.experiments.open("e")
    assert {p: p.stat().st_mtime_ns for p in root.rglob("*")} == before


def test_a_corrupt_entry_in_the_middle_is_named(project: mc.Project, cells: pd.DataFrame) -> None:
    """A damaged entry stops a cold reader with its name and the remedy."""
    begin(project, cells)
    root = Path(project.store.url.removeprefix("file://"))
    for cache in [*root.glob("checkpoints/*"), *root.glob("hint.json")]:
        cache.unlink()
    entry = root / "log" / "0000000003.json"
    entry.write_bytes(entry.read_bytes()[:-20])
    with pytest.raises(errors.Corrupt, match="0000000003"):
        mc.open(root)


def test_a_store_of_the_future_is_refused(tmp_path: Path) -> None:
    """A newer format is not guessed at."""
    mc.open(tmp_path / "s", create=True)
    path = tmp_path / "s" / "store.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"v": 99}))
    with pytest.raises(errors.SchemaError, match="upgrade mlcycle"):
        mc.open(tmp_path / "s")
    path.write_text("{")
    with pytest.raises(errors.Corrupt, match="is damaged"):
        mc.open(tmp_path / "s")
    path.write_text("{}")
    with pytest.raises(errors.NotAStore):
        mc.open(tmp_path / "s")


def test_load_asks_for_the_kind_where_a_text_may_be_two_things(project: mc.Project, cells: pd.DataFrame) -> None:
    """And takes a text without it where only data, or only a model, is called so."""
    data = project.datasets.add("cells", cells[:5])
    for what in ("dataset:cells@1", "cells", "cells@latest", data):
        assert len(project.load(what)) == 5
    assert list(project.load("cells", columns=["target"])) == ["target"]
    model = DecisionTreeClassifier().fit([[0], [1]], [0, 1])
    for name in ("cells", "tumour"):
        project.models.register(name, model)
    assert project.load("tumour").predict([[1]]).tolist() == [1]
    with pytest.raises(errors.InvalidInput, match="'cells' may be dataset:cells or model:cells; say which"):
        project.load("cells")
    with pytest.raises(errors.InvalidInput, match="columns= is for data, and tumour@1 is a model"):
        project.load("tumour", columns=["target"])
    with pytest.raises(errors.InvalidInput, match="trust= is for models, and cells@1 is data"):
        project.load(data, trust=True)
    with pytest.raises(errors.InvalidInput, match="got int"):
        project.load(7)  # type: ignore[arg-type]
    with pytest.raises(errors.NotFound, match="Did you mean 'cells'"):
        project.load("dataset:cell")


def test_status_walks_the_cycle(project: mc.Project, cells: pd.DataFrame) -> None:
    """Every phase says what is missing, stale, blocked or due."""
    assert [finding.check for finding in project.status().findings] == ["missing"] * 3
    begin(project, cells)
    [undeployed] = project.status().findings
    assert (undeployed.check, undeployed.verdict) == ("undeployed", "not_applicable")
    project.datasets.add("cells", cells.iloc[:-1], target="target")
    [to_split] = project.status().phases["data"]
    assert to_split.subject == "dataset:cells@2"
    assert to_split.detail.startswith("cells.test@1 and cells.train@1 are parts of cells@1, and cells@2 stands now")
    project.datasets["cells"].split(test=0.3)
    [stale] = [finding for finding in project.status().phases["model"] if finding.check == "stale"]
    assert "cells.train@2 is there now" in stale.detail


def test_a_project_has_a_picture(project: mc.Project, cells: pd.DataFrame) -> None:
    """In a notebook, a project and an experiment show themselves, with what is due and nothing unescaped."""
    begin(project, cells)
    with project.experiments.open("e", hypothesis="<b>small</b> is enough").start(params={"C": 1}) as run:
        run.log(loss=0.5)
    assert "deployment" in project._repr_html_()
    shown = project.experiments["e"]._repr_html_()
    assert "metrics.loss" in shown
    assert "<b>small</b>" not in shown


def test_a_rollback_is_done_once(project: mc.Project, cells: pd.DataFrame) -> None:
    """Repeated under the same op, a rollback moves nothing and says what it moved."""
    _, train = begin(project, cells)
    project.store.tag("a")
    _second(project, train)
    moves = project.rollback("a", op="undo-1")
    entries = project.store.info()["entries"]
    again = project.rollback("a", op="undo-1")
    assert [(move.pointer, move.after) for move in again] == [(move.pointer, move.after) for move in moves]
    assert project.store.info()["entries"] == entries


@pytest.mark.parametrize("place", ["data.csv", "data.csv/project"])
def test_a_file_is_not_a_place(place: str, tmp_path: Path) -> None:
    """A file where the folder should be, or above it, is named; nothing is left beside it."""
    (tmp_path / "data.csv").write_text("a\n1\n")
    with pytest.raises(errors.StorageUnavailable, match=r"data\.csv is a file, and a folder is needed there"):
        mc.open(tmp_path / place)
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


@pytest.mark.parametrize("author", [5, "", "  ", b"ada", ["ada"]])
def test_an_author_is_a_name(author: Any, tmp_path: Path) -> None:
    """What is not the name of anybody is refused before anything is made."""
    with pytest.raises(errors.InvalidInput, match="author= is a name such as 'ada', got "):
        mc.open(tmp_path / "store", author=author)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ref", ["modl:tumour@1", "models:tumour", "run:tumour@1", ":tumour"])
def test_an_unknown_kind_is_named(ref: str, project: mc.Project) -> None:
    """Whoever mistypes the kind of a thing is told the kinds, at every door."""
    doors = [project.models.__getitem__, project.datasets.__getitem__, project.load]
    for door in doors + [project.store.drop] * (not ref.startswith("run:")):
        with pytest.raises(errors.InvalidName, match=r"begins with an unknown kind '.*'; known are 'dataset:' and"):
            door(ref)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"override_until": "please", "message": "x"},
            "override_until= is the last moment .*: 'please' is not a date",
        ),
        ({"override_until": records.Override(message="x", until="7d")}, "override_until= .*: Override.* is not a date"),
        ({"override_until": "7d"}, "override_until= .* so say why: message='…'"),
        ({"override_until": "7d", "message": " "}, "override_until= .* so say why: message='…'"),
    ],
)
def test_an_override_says_why_and_until_when(
    given: dict[str, Any], words: str, project: mc.Project, cells: pd.DataFrame
) -> None:
    """Half of one is refused in words, by whatever takes one, and moves nothing."""
    first, train = begin(project, cells)
    _second(project, train)
    before = len(project.history())
    for use in (
        lambda: first.promote(**given),
        lambda: project.scope.set(criteria=[], **given),
        lambda: project.rollback(to=before - 2, **given),
    ):
        with pytest.raises(errors.InvalidInput, match=words):
            use()
    assert len(project.history()) == before


def test_names_that_look_alike_are_a_sentence_of_their_own(project: mc.Project, cells: pd.DataFrame) -> None:
    """What exists and looks alike stands in a sentence of its own, whatever the message before it."""
    begin(project, cells)
    for look in (lambda: project.models["tumor"], lambda: project.models["tumour@prodution"]):
        with pytest.raises(errors.NotFound, match=r"[^.]\. Did you mean '\w+'\?\Z"):
            look()


@pytest.mark.parametrize("message", [5, b"why", ["why"], {"why": 1}])
def test_a_message_is_text(message: Any, project: mc.Project, cells: pd.DataFrame) -> None:
    """A reason or a message that is not text is refused by every verb, in the same words, and nothing is committed."""
    first, train = begin(project, cells)
    shop = project.deployments.open("shop")
    before = len(project.history())
    for use in (
        lambda: project.datasets.add("more", cells, message=message),
        lambda: train.split(message=message),
        lambda: project.models.register("other", fitted(*train.xy()), message=message),
        lambda: first.promote("champion", message=message),
        lambda: project.scope.set(owner="ada", message=message),
        lambda: first.evaluate(message=message),
        lambda: shop.route(first, message=message),
        lambda: project.store.drop(f"model:{first.ref}", message=message),
        lambda: project.rollback(to=before - 3, message=message),
    ):
        with pytest.raises(errors.InvalidInput, match="a message is text, got "):
            use()
    assert len(project.history()) == before


@pytest.mark.parametrize("limit", ["3", -1, 1.5, True])
def test_a_limit_is_a_number_of_entries(limit: Any, project: mc.Project) -> None:
    """A limit that counts nothing is named."""
    with pytest.raises(errors.InvalidInput, match="limit= is a number of entries, 0 or more, got "):
        project.history(limit=limit)


def test_a_long_list_of_names_says_that_it_goes_on(project: mc.Project) -> None:
    """Of many names some are listed, and how many there are besides."""
    for number in range(11):
        project.experiments.open(f"e{number:02}")
    with pytest.raises(errors.NotFound, match=r"There are: e00, .*, e07 and 3 more"):
        project.experiments["zebra"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_folder_with_a_link_is_not_empty(tmp_path: Path) -> None:
    """A link is somebody's, though it is never listed; folders without a file are nothing."""
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "data").symlink_to(tmp_path)
    with pytest.raises(errors.NotAStore, match=r"is not empty \(data\)"):
        mc.open(tmp_path / "linked")
    (tmp_path / "folders" / ".git" / "refs").mkdir(parents=True)
    assert mc.open(tmp_path / "folders").store.info()["entries"] == 1
    (tmp_path / "git" / ".git").mkdir(parents=True)
    (tmp_path / "git" / ".git" / "HEAD").write_text("ref: refs/heads/main")
    with pytest.raises(errors.NotAStore, match=r"is not empty \(.git/HEAD\)"):
        mc.open(tmp_path / "git")


@pytest.mark.skipif(os.name == "nt", reason="a folder in use cannot be removed there")
def test_a_working_folder_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path then means no place; a whole one does."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    (tmp_path / "work").rmdir()
    with pytest.raises(errors.StorageUnavailable, match="the folder this process works in is gone"):
        mc.open("store", create=True)
    assert mc.open(tmp_path / "store", create=True).store.info()["entries"] == 1
    monkeypatch.chdir(tmp_path)  # so that others find one


def test_a_rollback_of_many_names_is_planned_once(project: mc.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in a process that holds nothing of the log: what it goes by is read before, not once for each plan."""
    for i in range(20):
        project.datasets.add(f"d{i}", pd.DataFrame({"x": [i]}))
    project.store.tag("here")
    for i in range(20):
        project.datasets.add(f"d{i}", pd.DataFrame({"x": [i + 0.5]}))
    project._session.log._caches._entries = 64  # enough of them for a checkpoint
    project._session.log.flush()
    asked = []

    def counted(*arguments: Any) -> Any:
        asked.append(arguments[1])
        return roll_project_back(*arguments)

    fresh = mc.open(project.store.url, author="bob")
    assert fresh._session.log.snapshot().base > 0
    monkeypatch.setattr(projects, "roll_project_back", counted)
    assert len(fresh.rollback("here")) == 20
    assert len(asked) == 2


@pytest.mark.parametrize("wrong", ["x", None, Path("x")])
def test_a_project_is_opened_and_not_made(wrong: Any) -> None:
    """Its constructor is for the library; who tries it learns how."""
    with pytest.raises(errors.InvalidInput, match=r"open a project with mlcycle\.open\(url\), got "):
        mc.Project(wrong)
