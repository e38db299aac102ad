"""What a run leaves in its folder, and what of the log counts for it."""

from __future__ import annotations

import json
import os
from typing import Any

import pandas as pd
import pytest

import mlcycle as mc
from mlcycle._ids import new_id
from mlcycle.lifecycle.runs._files import run_folder
from mlcycle.lifecycle.runs._reading import all_runs, run_of
from mlcycle.lifecycle.runs._verify import verify_runs
from mlcycle.state import FactAdd

FRAME = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [0, 1, 0]})


def documents(project: mc.Project, run: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return head and end of a run."""
    files = project._session.log.files
    head, end = (json.loads(files.read(f"{run_folder(run)}/{name}.json")) for name in ("head", "end"))
    return head, end


def test_documents_are_as_the_format_says(anywhere: mc.Project) -> None:
    """Refs are full, what is not known is null, and the end names every file; on every storage."""
    anywhere.datasets.add("d", FRAME)
    experiment = anywhere.experiments.open("e")
    with experiment.start(params={"depth": 3}, uses=["d@1"], name="tried") as run:
        run.log(loss=float("nan"))
        run.log_artifact("notes", "hello")
    head, end = documents(anywhere, run.id)
    environment = anywhere.runs[run.id].environment
    assert environment is not None
    assert head.keys() == {
        *("v", "needs_read", "id", "experiment", "experiment_name", "name", "params", "uses", "parent", "group"),
        *("resumes", "code", "environment", "author", "started_at", "entry", "host", "pid"),
    }
    expected = (f"experiment:{experiment._id}", ["dataset:d@1"], f"environment:{environment.digest}", None, [])
    assert (head["experiment"], head["uses"], head["environment"], head["parent"], head["needs_read"]) == expected
    assert end.keys() == {
        *("v", "needs_read", "status", "ended_at", "entry", "failures", "error", "metrics", "points"),
        *("reads", "artifacts", "model", "files"),
    }
    assert (end["metrics"], end["points"]) == ({"loss": {"$float": "NaN"}}, 1)
    assert 0 < head["entry"] <= end["entry"]  # code and environment of a first run are entries between the two
    files = anywhere._session.log.files
    listed = {one.key for one in files.list(f"{run_folder(run.id)}/")}
    assert {file["key"] for file in end["files"]} == listed - {f"{run_folder(run.id)}/end.json"}
    assert list(verify_runs(anywhere._session.blobs.checked_files, files.list("runs/"), deep=True)) == []
    assert anywhere.runs[run.id].uses == ("d@1",)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_an_end_names_the_segments_of_children(project: mc.Project) -> None:
    """What a forked child logged is in the metrics, and its file among the files."""
    with project.experiments.open("e").start() as run:
        run.log(loss=0.5)
        child = os.fork()
        if child == 0:
            run.log(own=1.0)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    _, end = documents(project, run.id)
    assert [file["kind"] for file in end["files"]] == ["head", "points", "points"]
    assert (end["metrics"], end["points"]) == ({"loss": 0.5, "own": 1.0}, 2)


def test_what_was_said_of_a_run_later_counts(project: mc.Project) -> None:
    """A name and tags given after the start stand in its record; others are as their heads say."""
    experiment = project.experiments.open("e")
    ids = []
    for name in ("first", "second"):
        with experiment.start(name=name) as run:
            ids.append(run.id)
    for said in ({"name": "good", "tags": ["keep", "paper"]}, {"name": "best so far", "note": "see p. 3"}):
        fact = FactAdd(of="annotation", id=new_id(), subject=f"run:{ids[0]}", says=said)
        project._session.operate("run.annotate", lambda do, fact=fact: do.commit(lambda view: [fact]))
    found = list(all_runs(project._session))
    assert [(run.name, run.tags) for run in found] == [("best so far", ("keep", "paper")), ("second", ())]
    assert run_of(project._session, ids[0]) == found[0]


def test_a_table_reads_no_points(project: mc.Project) -> None:
    """Of a run that goes on as of one that ended, the table says what was last."""
    run = project.experiments.open("e").start()
    for step in range(10_000):
        run.log(loss=1 / (step + 1), step=step)
    reading = mc.open(project._session.url, mode="r")
    assert reading.runs.frame()[["status", "metrics.loss"]].values.tolist() == [["running", 1 / 10_000]]
    assert reading.runs[run.id].n_points == 10_000
    run.finish()
    assert reading.runs[run.id].n_points == 10_000
