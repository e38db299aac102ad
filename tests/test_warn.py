"""Warnings point at the line of whoever called the library, by whatever way they come."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.cluster import Birch
from sklearn.linear_model import LogisticRegression

import mlcycle as mc
from mlcycle.errors import MlcycleWarning

X, Y = np.eye(4), [0, 1, 0, 1]
CALLS: dict[str, Callable[[mc.Project, Any], Any]] = {
    "a point that is a list": lambda project, run: run.log(loss=[1]),
    "a point without a name": lambda project, run: run.log(5),
    "a name of a point": lambda project, run: run.log({1: 2}),
    "text as a point": lambda project, run: run.log(note="warm"),
    "not a model": lambda project, run: run.save_model({"weights": 1}),
    "a model that is a pickle": lambda project, run: run.save_model(Birch().fit(X), example=X),
    "an example that does not fit": lambda project, run: run.save_model(LogisticRegression().fit(X, Y), example="x"),
    "not an artifact": lambda project, run: run.log_artifact("a", np.eye(2)),
    "an artifact in part": lambda project, run: run.log_artifact("a", "plots/none.png"),
    "a remark on an artifact": lambda project, run: run.log_artifact("a", {"a": float("nan")}),
    "params in part": lambda project, run: project.experiments.open("e").start({"x": list(range(10_000))}).finish(),
    "a criterion without data": lambda project, run: project.scope.set(criteria=[mc.AtLeast("accuracy", 0.8)]),
    "a pickle": lambda project, run: project.models.register("m", Birch().fit(X), example=X),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_warning_names_the_line_that_called(name: str, tmp_path: Path) -> None:
    """Neither a line of the library nor one further up is shown."""
    project = mc.open(tmp_path / "store", create=True)
    call = CALLS[name]
    with project.experiments.open("e").start() as run, pytest.warns(MlcycleWarning) as caught:
        call(project, run)
    line = inspect.getsourcelines(call)[1]
    assert {(one.filename, one.lineno) for one in caught} == {(__file__, line)}
