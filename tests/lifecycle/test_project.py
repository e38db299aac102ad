"""A project: opening, the past, rolling everything back together, and bad input at the door."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mlcycle as mc
from mlcycle import errors
from tests.lifecycle.conftest import begin, fitted


def _second(project: mc.Project, train: Any, C: float = 0.1) -> mc.ModelVersion:
    X, y = project.load(train, xy=True)
    version = project.models.register("tumour", fitted(X, y, C), data=[train], example=X[:5])
    project.evaluate(version)
    project.models.promote(version, reason="second")
    return version


def test_one_cycle_on_every_storage(anywhere: mc.Project, cells: pd.DataFrame) -> None:
    """Scope, data, model, deployment, and all of it back: on a folder, in memory and on S3."""
    first, train = begin(anywhere, cells)
    shop = anywhere.deployments.open("shop")
    shop.route({first: 1}, reason="go")
    anywhere.store.tag("first-cycle")
    second = _second(anywhere, train)
    shop.route({"tumour@1": 90, "tumour@2": 10}, reason="canary")
    X = anywhere.load(train, xy=True)[0]
    with shop.serve() as service:
        service.predict(X[:20], ids=range(20))
        service.label(range(20), [1] * 20)
    assert len(shop.traffic()) == 20
    moves = anywhere.rollback("first-cycle", reason="upstream bug")
    assert {(m.name, m.pointer, m.after) for m in moves} == {
        ("tumour", "production", "tumour@1"),
        ("shop", "revision", "revision 1"),
    }
    assert anywhere.models.get("tumour").ref == "tumour@1"
    assert anywhere.models.get("tumour@2") == second
    assert anywhere.store.verify("bytes").ok


def test_rollback_goes_back_and_forth(project: mc.Project, cells: pd.DataFrame) -> None:
    """Rolling back the rollback restores every pointer, and later numbers are never reused."""
    _, train = begin(project, cells)
    project.store.tag("a")
    project.datasets.add("cells", cells.iloc[:-1], target="target")
    second = _second(project, train)
    project.store.tag("b")
    project.rollback("a", reason="back")
    assert project.datasets.latest("cells").ref == "cells@1"
    assert project.models.aliases("tumour") == {"production": "tumour@1"}
    project.rollback("b", reason="forth")
    assert project.datasets.latest("cells").ref == "cells@2"
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
    project.rollback(entry, reason="one")
    assert project.store.info()["entries"] == before + 1


def test_rollback_refuses_what_fails_today(project: mc.Project, cells: pd.DataFrame) -> None:
    """A target that fails today's scope needs an override; one that is gone is refused."""
    _, train = begin(project, cells)
    project.store.tag("a")
    _second(project, train)
    project.scope.set(criteria=[mc.AtLeast("roc_auc", 0.9999), mc.NotWorseThan("production", "roc_auc", margin=0.05)])
    weak = [result for result in project.evaluate("tumour@1").results if result.threshold == 0.9999]
    if weak[0].high is not None and weak[0].high < 0.9999:
        with pytest.raises(errors.GateBlocked, match="fails today's scope"):
            project.rollback("a")
    project.rollback("a", override=mc.Override(reason="outage", until="2099-01-01"))
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
    assert past.datasets.names() == ["cells", "cells.test", "cells.train"]
    assert past.models.get("tumour@production").ref == "tumour@1"
    assert project.at("2099-01-01").datasets.names()[-1] == "later"
    with pytest.raises(errors.ReadOnly, match="as it stood at entry"):
        past.datasets.add("more", cells)
    with pytest.raises(errors.NotFound, match="no entry number, tag or date"):
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
    assert history["what"].iloc[-1] == "gate allowed tumour@1; tumour@1 promoted to production"
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
    assert two.datasets.names() == ["cells"]


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


def test_load_asks_for_the_kind(project: mc.Project, cells: pd.DataFrame) -> None:
    """Bare text could be a dataset or a model, so `load` wants to know."""
    project.datasets.add("cells", cells[:5])
    assert len(project.load("dataset:cells@1")) == 5
    with pytest.raises(errors.InvalidInput, match="'dataset:cells' or 'model:cells'"):
        project.load("cells")
    with pytest.raises(errors.InvalidInput, match="got int"):
        project.load(7)  # type: ignore[arg-type]
    with pytest.raises(errors.NotFound, match="Did you mean 'cells'"):
        project.load("dataset:cell")


def test_status_walks_the_cycle(project: mc.Project, cells: pd.DataFrame) -> None:
    """Every phase says what is missing, stale, blocked or due."""
    assert [finding.kind for finding in project.status().findings] == ["missing"] * 3
    begin(project, cells)
    assert project.status().findings == ()
    project.datasets.add("cells", cells.iloc[:-1], target="target")
    assert {finding.subject for finding in project.status().phases["data"]} == {"cells.train@1", "cells.test@1"}
    project.datasets.split("cells", test=0.3)
    [stale] = project.status().phases["model"]
    assert "cells.train@2 is there now" in stale.summary


def test_a_project_has_a_picture(project: mc.Project, cells: pd.DataFrame) -> None:
    """In a notebook, a project and an experiment show themselves, with what is due and nothing unescaped."""
    begin(project, cells)
    with project.experiments.open("e", hypothesis="<b>small</b> is enough").start(params={"C": 1}) as run:
        run.log(loss=0.5)
    assert "deployment" in project._repr_html_()
    shown = project.experiments.get("e")._repr_html_()
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
