"""The store under a project: verify, sweep, drop, restore, tag."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlcycle as mc
from mlcycle import errors
from mlcycle._ids import new_id
from tests.lifecycle.conftest import begin, fitted

NOW = timedelta(0)


def _root(project: mc.Project) -> Path:
    return Path(project.store.url.removeprefix("file://"))


def test_a_whole_store_verifies(anywhere: mc.Project, cells: pd.DataFrame) -> None:
    """Chain, files and bytes are right after a cycle, on every storage."""
    begin(anywhere, cells)
    for level in ("chain", "files", "bytes"):
        assert anywhere.store.verify(level).ok


def test_sweep_removes_only_what_nothing_names(anywhere: mc.Project, cells: pd.DataFrame) -> None:
    """A sweep after a cycle finds nothing; after a drop it finds that version, and nothing else breaks."""
    begin(anywhere, cells)
    assert list(anywhere.store.sweep(min_age=NOW).keys) == []
    anywhere.datasets.add("other", cells[:50])
    anywhere.store.drop("dataset:other@1", message="not needed")
    planned = anywhere.store.sweep(dry_run=True, min_age=NOW)
    assert planned.bytes > 0
    swept = anywhere.store.sweep(min_age=NOW)
    assert set(swept.keys) == set(planned.keys)
    assert anywhere.store.verify("bytes").ok
    with pytest.raises(errors.VersionDeleted, match="removed by a sweep"):
        anywhere.store.restore("dataset:other@1")
    assert anywhere.datasets.add("other", cells[:50]).ref == "other@2"
    assert len(anywhere.load("dataset:other")) == 50


def test_drop_and_restore(project: mc.Project, cells: pd.DataFrame) -> None:
    """What is dropped is not loaded, and comes back while its files are there."""
    project.datasets.add("cells", cells)
    project.datasets.add("cells", cells[:10])
    project.store.drop("dataset:cells@2")
    assert project.datasets["cells"].ref == "cells@1"
    with pytest.raises(errors.VersionDeleted, match="restore"):
        project.datasets["cells@2"]
    project.store.restore("dataset:cells@2")
    assert project.datasets["cells"].ref == "cells@2"


def test_young_files_are_spared(project: mc.Project, cells: pd.DataFrame) -> None:
    """By default a sweep leaves alone what may belong to a writer at work."""
    project.datasets.add("cells", cells)
    project.store.drop("dataset:cells@1")
    assert list(project.store.sweep().keys) == []


def test_a_part_keeps_its_parents_rows(project: mc.Project, cells: pd.DataFrame) -> None:
    """Dropping a parent does not take the rows from its parts."""
    project.datasets.add("cells", cells, target="target")
    train, _ = project.datasets["cells"].split(test=0.3)
    project.datasets.add("cells", cells[:10], target="target")
    project.store.drop("dataset:cells@1")
    project.store.sweep(min_age=NOW)
    assert len(project.load(train)) == train.rows


def test_a_dropped_run_goes_and_its_registered_model_stays(project: mc.Project, cells: pd.DataFrame) -> None:
    """Files of a run belong to it, until a model version names them."""
    X, y = cells.drop(columns="target"), cells["target"]
    from sklearn.tree import DecisionTreeClassifier

    with project.experiments.open("e").start() as run:
        run.save_model(DecisionTreeClassifier(max_depth=2).fit(X, y), example=X[:3])
        run.log_artifact("notes", "hello")
    version = run.register("m")
    project.store.drop(f"run:{run.id}")
    assert project.experiments["e"].runs() == []
    swept = project.store.sweep(min_age=NOW)
    assert any(key.endswith("head.json") for key in swept.keys)
    assert project.load(version).predict(X[:1]).shape == (1,)
    with pytest.raises(errors.VersionDeleted):
        project.store.restore(f"run:{run.id}")


def test_a_lost_file_is_named_with_the_version_it_hurts(project: mc.Project, cells: pd.DataFrame) -> None:
    """Verify says which versions are hurt."""
    project.datasets.add("cells", cells)
    next(_root(project).glob("tables/*/*.parquet")).unlink()
    found = project.store.verify("files")
    assert not found.ok
    assert "dataset:cells@1" in str(found)
    with pytest.raises((errors.VersionDeleted, errors.Corrupt)):
        project.load("dataset:cells")


def test_tags_name_entries(project: mc.Project) -> None:
    """A tag names an entry, moves when given again, and is never a number."""
    assert project.store.tag("start") == 0
    assert project.store.tag("start", to=0) == 0
    project.scope.set(objective="x")
    assert project.store.tag("start") == 2
    with pytest.raises(errors.InvalidInput):
        project.store.tag("42")
    with pytest.raises(errors.NotFound):
        project.store.tag("later", to=99)


def test_a_text_without_a_kind_is_what_has_the_name(project: mc.Project, cells: pd.DataFrame) -> None:
    """As where something is loaded; where data and a model have it, it must say which."""
    version = project.datasets.add("cells", cells)
    project.store.drop("cells@1")
    assert project.datasets.versions("cells") == []
    project.store.restore("cells@1")
    assert project.datasets.versions("cells") == [version]
    project.models.register("cells", fitted(cells[["mean radius"]], cells["target"]))
    for verb in (project.store.drop, project.store.restore):
        with pytest.raises(errors.InvalidInput, match="'cells' may be dataset:cells or model:cells; say which"):
            verb("cells@1")


def test_a_name_without_a_version_is_not_dropped(project: mc.Project, cells: pd.DataFrame) -> None:
    """What is dropped is one version, and which is said."""
    project.datasets.add("cells", cells)
    project.datasets.add("cells", cells.head(50))
    for name in ("cells", "dataset:cells"):
        for verb in (project.store.drop, project.store.restore):
            with pytest.raises(errors.InvalidInput, match="names no version; say which version: 'dataset:cells@2'"):
                verb(name)
    assert len(project.datasets.versions("cells")) == 2


def test_parts_of_dropped_data_keep_loading(project: mc.Project, cells: pd.DataFrame) -> None:
    """They share its files."""
    train, _ = project.datasets.add("cells", cells).split(test=0.3)
    project.store.drop("cells@1")
    project.store.sweep(min_age=0)
    assert len(train.load()) == train.rows


def test_a_copied_store_is_a_store(project: mc.Project, cells: pd.DataFrame, tmp_path: Path) -> None:
    """No file names the place it lies in."""
    import shutil

    begin(project, cells)
    shutil.copytree(_root(project), tmp_path / "copy")
    copy = mc.open(tmp_path / "copy", mode="r")
    assert copy.store.verify("bytes").ok
    pd.testing.assert_frame_equal(project.load("dataset:cells"), copy.load("dataset:cells"))


@pytest.mark.parametrize("why", [1, b"x", ["a"], True, None])
def test_a_reason_that_is_no_text(why: Any) -> None:
    """Is refused in words whatever the verb, and nothing is written."""
    project = mc.open(f"memory://reasons-{new_id()}", create=True)
    project.datasets.add("d", pd.DataFrame({"x": [1]}))
    for act in (
        lambda: project.datasets.add("d", pd.DataFrame({"x": [2]}), message=why),
        lambda: project.store.drop("dataset:d@1", message=why),
        lambda: project.scope.set(objective="o", message=why),
        lambda: project.deployments.open("p", message=why),
    ):
        with pytest.raises(errors.InvalidInput, match="a message is text, got "):
            act()
    assert project.store.info()["entries"] == 2


@pytest.mark.parametrize("op", [1, b"x", ["a"], True, "", " "])
def test_an_op_that_is_no_text(op: Any) -> None:
    """So is an op: of an empty one, such as a variable that is not set, everything would be the same operation."""
    project = mc.open(f"memory://ops-{new_id()}", create=True)
    with pytest.raises(errors.InvalidInput, match="op is text of your own that names this operation, got "):
        project.datasets.add("d", pd.DataFrame({"x": [1]}), op=op)
    assert project.store.info()["entries"] == 1


def test_a_reason_with_half_a_character() -> None:
    """What an exception or a file name put into a reason is kept as far as it is text."""
    project = mc.open(f"memory://reasons-{new_id()}", create=True)
    project.datasets.add("d", pd.DataFrame({"x": [1]}), message="from caf\udce9.csv")
    assert "from caf" in project.datasets["d"].message


@pytest.mark.parametrize("limit", [-1, 1.5, "1", True, [1]])
def test_a_limit_that_is_no_number(limit: Any) -> None:
    """A history is cut at a whole number of entries."""
    project = mc.open(f"memory://limits-{new_id()}", create=True)
    with pytest.raises(errors.InvalidInput, match="limit= is a number of entries"):
        project.history(limit=limit)
    assert len(project.history(limit=np.int64(1))) == 1
    assert len(project.history(limit=0)) == 0


def test_records_are_dropped_and_restored() -> None:
    """A version or a run itself says what it is."""
    project = mc.open(f"memory://records-{new_id()}", create=True)
    with project.experiments.open("e").start() as run:
        run.log(loss=1.0)
    for record in (project.datasets.add("d", pd.DataFrame({"x": [1]})), project.runs[run.id], run):
        project.store.drop(record)
        project.store.restore(record)
    assert [one[:8] for one in project.history()["what"][-6:]] == ["dropped ", "restored"] * 3


def test_a_sweep_of_everything() -> None:
    """No age is 0, or a span of none; other bare numbers have no unit."""
    project = mc.open(f"memory://sweeps-{new_id()}", create=True)
    assert project.store.sweep(min_age=0) == project.store.sweep(min_age=timedelta(0))
    for age in (7, 0.0, False, True, -1, None):
        with pytest.raises(errors.InvalidInput, match="min_age is a length of time such as '7d'"):
            project.store.sweep(min_age=age)


def test_a_swept_run_is_gone_for_who_has_read_it(project: mc.Project) -> None:
    """What a process remembers of a run it swept, or of one that others swept, is not told as if it were there."""
    with project.experiments.open("e").start() as run:
        run.log(loss=1.0)
    before = project.store.tag("before")
    other = mc.open(project.store.url)
    assert [one.runs[run.id].status for one in (project, other)] == ["finished", "finished"]
    project.store.drop(f"run:{run.id}")
    project.store.sweep(min_age=NOW)
    for one in (project, other, project.at(before)):
        with pytest.raises(errors.VersionDeleted, match=f"run {run.id} has been removed by a sweep"):
            one.runs[run.id]
    with pytest.raises(errors.VersionDeleted, match="removed by a sweep"):
        project.runs[run.id].register("m")


def test_the_past_counts_what_stood_then(project: mc.Project) -> None:
    """Entries, files and bytes of a project in the past are those of then."""
    before = project.store.info()
    project.datasets.add("d", pd.DataFrame({"a": [1, 2]}))
    then = project.at(before["entries"] - 1).store.info()
    assert then == before
    assert project.store.info()["files"] > then["files"]


def test_what_stays() -> None:
    """Scope and revisions are not dropped: a project without its scope would let every model through its gates."""
    project = mc.open(f"memory://stays-{new_id()}", create=True)
    project.scope.set(objective="o", criteria=[mc.AtLeast("accuracy", 0.9, on="d")])
    for ref in ("scope:scope@1", "scope:scope"):
        for verb in (project.store.drop, project.store.restore):
            with pytest.raises(errors.InvalidInput, match=r"^scope:scope@1 stays; what can be dropped are"):
                verb(ref)
    assert len(project.scope.get().criteria) == 1
