"""A process that works on a project until it is killed: ``python -m tests.lifecycle.worker STORE WHO``.

What was acknowledged goes to its output, a line each in one write: what it is, and how to find it.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
import warnings
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import errors

FEATURES = pd.DataFrame({"x": np.arange(12.0)})
TREE = DecisionTreeClassifier(max_depth=1).fit(FEATURES, [0, 1] * 6)


def table(turn: int) -> pd.DataFrame:
    """Return the rows a worker adds at its n-th turn."""
    return FEATURES.assign(x=FEATURES["x"] + turn, left=[0, 1] * 6)


def say(*facts: Any) -> None:
    """Tell the parent what was acknowledged."""
    sys.stdout.write(" ".join(map(str, facts)) + "\n")
    sys.stdout.flush()


def work(project: mc.Project, who: str, turn: int) -> None:
    """Go once through everything a project does, and say each time that it is done."""
    version = project.datasets.add(who, table(turn), target="left", op=f"{who}.{turn}")
    say("dataset", version.ref, turn)
    for part in version.split(test=0.5, seed=turn):
        say("part", part.ref, part.rows)
    with project.experiments.open("e").start(params={"turn": turn}, name=who) as run:
        for step in range(20):
            run.log(loss=step / 2, step=step)
            if step == 10:
                say("logged", run.id, step)
        run.save_model(TREE, example=FEATURES[:3])
    say("run", run.id, turn)
    model = run.register("m")
    say("model", model.ref, run.id)
    with contextlib.suppress(errors.ConflictError, errors.NotFound):
        say("decision", model.promote("production", message=who).id, model.ref)
        if turn % 2:
            project.models.rollback("m", "production", message=who)
    if turn % 3 == 2:
        newest = project.store.info()["entries"] - 1
        project.rollback(max(1, newest - 4), message=who)
    project.store.sweep(min_age=timedelta(0))


def main(url: str, who: str) -> None:
    """Work for ever."""
    warnings.simplefilter("error")
    project = mc.open(url, author=who)
    for turn in itertools.count():
        work(project, who, turn)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
