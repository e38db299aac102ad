"""A project where not everything is allowed, and where the disk fills up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import errors
from mlcycle.lifecycle._connection import Connection
from mlcycle.lifecycle._home import Home
from mlcycle.lifecycle._session import Session
from mlcycle.storage import open_files
from mlcycle.testing import Fault, FaultyFiles, fail_on

ROOT = Path(__file__).parents[2]
FRAME = pd.DataFrame({"x": np.arange(12.0), "left": [0, 1] * 6})
TREE = DecisionTreeClassifier(max_depth=1).fit(FRAME[["x"]], FRAME["left"])


# permissions


@pytest.mark.parametrize("create", [None, True, False])
def test_a_bucket_without_permission(create: bool | None, s3_server: Any) -> None:
    """Opening says that access was denied, and to what."""
    url = f"s3://{s3_server.bucket('denied')}/store"
    with pytest.raises(errors.AccessDenied, match=url.removeprefix("s3://").partition("/")[0]):
        mc.open(url, create=create, storage_options=s3_server.options())


def test_permission_lost_before_a_commit(s3_server: Any) -> None:
    """A commit that is denied says so, and the project is as it was."""
    bucket = s3_server.bucket()
    project = mc.open(f"s3://{bucket}/store", create=True, storage_options=s3_server.options())
    project.datasets.add("d", FRAME)
    s3_server.fail(bucket, ("PUT", "log/", 403, False))
    with pytest.raises(errors.AccessDenied, match=r"log/0000000002\.json"):
        project.datasets.add("d", FRAME.assign(y=1))
    assert [version.ref for version in project.datasets.versions("d")] == ["d@1"]
    assert project.datasets.add("d", FRAME.assign(y=1)).ref == "d@2"


def test_a_bucket_that_may_not_be_listed(s3_server: Any) -> None:
    """A whole cycle works without permission to list; only making a project there has to be asked for."""
    url = f"s3://{s3_server.bucket('nolist')}/store"
    options = s3_server.options()
    with pytest.raises((errors.NotAStore, errors.AccessDenied), match=r"create=True|list"):
        mc.open(url, storage_options=options)
    project = mc.open(url, create=True, storage_options=options, author="ada")
    project.scope.set(objective="o", criteria=[mc.AtLeast("accuracy", 0.01)], test="d.test")
    project.datasets.add("d", FRAME, target="left")
    project.datasets["d"].split(test=0.5)
    with project.experiments.open("e").start(uses=["d.train"]) as run:
        run.log(loss=0.5)
        run.save_model(TREE, example=FRAME[["x"]][:3])
    run.register("m")
    project.models["m@1"].evaluate()
    project.models["m@1"].promote(message="first", override_until="2100-01-01")
    again = mc.open(url, storage_options=options, author="bob")
    pd.testing.assert_frame_equal(FRAME, again.load("dataset:d"))
    assert again.load("model:m@production").predict(FRAME[["x"]]).shape == (12,)
    assert again.runs[run.id].metrics == {"loss": 0.5}
    assert again.at(1).scope.get().objective == "o"
    with pytest.raises(errors.AccessDenied):
        again.store.sweep()


# a full disk


def test_a_full_storage(tmp_path: Path) -> None:
    """What does not fit is refused, and the project is as it was; with room again, it works."""
    project = mc.open(tmp_path / "store", create=True)
    project.datasets.add("d", FRAME)
    for prefix in ("tables/", "leaves/", "log/"):
        op = "create" if prefix == "log/" else "put"
        connection = Connection(tmp_path / "store")
        connection.use_files(FaultyFiles(open_files(tmp_path / "store"), fail_on(op, Fault.BEFORE, prefix)))
        with pytest.raises(errors.StorageUnavailable, match=prefix):
            mc.Project(Session(connection, author="ada", make_home=Home)).datasets.add("d", FRAME.assign(y=1))
        assert [version.ref for version in project.datasets.versions("d")] == ["d@1"]
        assert project.store.verify("bytes").problems == ()
    assert project.datasets.add("d", FRAME.assign(y=1)).ref == "d@2"


FULL = """
import resource, sys, warnings
import mlcycle as mc
import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

project = mc.open(sys.argv[1])
frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=20_000), "left": [0, 1] * 10_000})
model = DecisionTreeClassifier().fit(frame[["x"]], frame["left"])
experiment = project.experiments.open("e")
experiment.start().finish()
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
for act in (lambda: project.datasets.add("d", frame), lambda: project.models.register("m", model)):
    try:
        act()
    except mc.errors.StorageUnavailable as error:
        print("refused:", error)
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    with experiment.start(name="full") as run:
        run.log(loss=1.0)
        run.save_model(model)
        run.log_artifact("rows", frame)
print("failures:", run.failures, len(said))
"""


def test_a_disk_on_which_no_file_fits(tmp_path: Path) -> None:
    """Where the system itself says that a file grows too large, errors are the library's, and training goes on."""
    mc.open(tmp_path / "store", create=True).datasets.add("d", FRAME)
    command = [sys.executable, "-c", FULL, str(tmp_path / "store")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.splitlines()
    assert [line.split()[0] for line in said] == ["refused:", "refused:", "failures:"]
    assert all("too large" in line and "nothing was committed" in line for line in said[:2])
    assert said[2] == "failures: 2 2"
    project = mc.open(tmp_path / "store")
    assert [version.ref for version in project.datasets.versions("d")] == ["d@1"]
    assert list(project.models) == []
    run = next(run for run in project.experiments["e"].runs() if run.name == "full")
    assert (run.status, run.metrics, run.failures) == ("finished", {"loss": 1.0}, 2)
    assert project.store.verify("bytes").problems == ()
