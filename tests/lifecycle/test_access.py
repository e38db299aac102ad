"""A project where not everything is allowed, where the disk fills up, and what it asks of S3."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import errors
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
    with pytest.raises(errors.AccessDenied, match="log/0000000002.json"):
        project.datasets.add("d", FRAME.assign(y=1))
    assert ["d@1"] == [version.ref for version in project.datasets.versions("d")]
    assert project.datasets.add("d", FRAME.assign(y=1)).ref == "d@2"


def test_a_bucket_that_may_not_be_listed(s3_server: Any) -> None:
    """A whole cycle works without permission to list; only making a project there has to be asked for."""
    url = f"s3://{s3_server.bucket('nolist')}/store"
    options = s3_server.options()
    with pytest.raises((errors.NotAStore, errors.AccessDenied), match="create=True|list"):
        mc.open(url, storage_options=options)
    project = mc.open(url, create=True, storage_options=options, author="ada")
    project.scope.set(objective="o", criteria=[mc.AtLeast("accuracy", 0.01)], test="d.test")
    project.datasets.add("d", FRAME, target="left")
    project.datasets.split("d", test=0.5)
    with project.experiments.open("e").start(uses=["d.train"]) as run:
        run.log(loss=0.5)
        run.save_model(TREE, example=FRAME[["x"]][:3])
    project.models.register("m", run)
    project.evaluate("m@1")
    project.models.promote("m@1", override=mc.Override(reason="first", until="2100-01-01"))
    again = mc.open(url, storage_options=options, author="bob")
    pd.testing.assert_frame_equal(FRAME, again.load("dataset:d"))
    assert again.load("model:m@production").predict(FRAME[["x"]]).shape == (12,)
    assert again.experiments.run(run.id).metrics == {"loss": 0.5}
    assert again.at(1).scope.get().objective == "o"
    with pytest.raises(errors.AccessDenied):
        again.store.sweep()


# what is asked of S3, also in docs/how-to/requests.md


def grouped(requests: list[str]) -> dict[str, int]:
    """Count requests: what they ask, and of which folder."""
    return dict(Counter(f"{one.split()[0]} {_folder(one.split()[1])}" for one in requests))


def _folder(key: str) -> str:
    if key.startswith("?"):
        return key.split("=")[0]
    parts = key.removeprefix("store/").split("/")
    return parts[0] if len(parts) > 1 else key.removeprefix("store/")


def test_requests_of_a_project(s3_server: Any) -> None:
    """Every operation asks for what it needs and once for what is new; a change here costs somebody money."""
    bucket, options = s3_server.bucket(), s3_server.options()
    url = f"s3://{bucket}/store"

    def asked(do: Callable[[], Any]) -> dict[str, int]:
        s3_server.requests(bucket)
        do()
        found = grouped(s3_server.requests(bucket))
        return {one: n for one, n in found.items() if "hint.json" not in one}  # at most once a second

    project = mc.open(url, create=True, storage_options=options)
    seen = {"add": asked(lambda: project.datasets.add("d", FRAME, target="left"))}
    seen["add again"] = asked(lambda: project.datasets.add("d", FRAME))
    seen["split"] = asked(lambda: project.datasets.split("d", test=0.5))
    seen["register"] = asked(lambda: project.models.register("m", TREE, example=FRAME[["x"]]))
    seen["promote"] = asked(lambda: project.models.promote("m@1"))
    seen["get"] = asked(lambda: project.datasets.get("d"))
    seen["load"] = asked(lambda: project.load("dataset:d"))
    seen["load a part"] = asked(lambda: project.load("dataset:d.test"))
    project.store.compact()
    s3_server.requests(bucket)
    mc.open(url, storage_options=options)
    print(s3_server.requests(bucket))
    opened = []
    seen["open"] = asked(lambda: opened.append(mc.open(url, storage_options=options)))
    seen["first load"] = asked(lambda: opened[0].load("dataset:d"))
    seen["first load of a model"] = asked(lambda: opened[0].load("model:m@production"))
    opened[0].experiments.open("e").start().finish()
    def run():
        with opened[0].experiments.open("e").start() as r: r.log(loss=1)
    seen["run"] = asked(run)
    for k, v in seen.items(): print(k, v, sum(v.values()))
