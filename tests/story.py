"""The story of the library, once around: run by `tests/test_story.py`, and read by mypy, to which it says every type.

What is said to have a type has it when it runs, too. An estimator, and what it answers, may be anything.
"""

from __future__ import annotations

from typing import Any, assert_type  # noqa: F401 - Any is named in a text

import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier

import mlcycle as mc
from mlcycle.records import Listing, Move, Status

__all__ = ["tell"]


def tell(url: str) -> mc.Project:
    """Go once around the cycle, on data of one's own."""
    project = assert_type(mc.open(url, create=True, author="ada"), mc.Project)

    scope = project.scope.set(
        objective="Find malignant tumours",
        criteria=[mc.AtLeast("roc_auc", 0.80), mc.NotWorseThan("production", "roc_auc", margin=0.1)],
        test="cells.test",
        risks=["one hospital only"],
        message="agreed with the clinic",
    )
    assert_type(scope, mc.Scope)

    cells: pd.DataFrame = load_breast_cancer(as_frame=True).frame
    version = assert_type(project.datasets.add("cells", cells, target="target", message="export"), mc.DatasetVersion)
    train, test = version.split(test=0.25)
    assert_type(train, mc.DatasetVersion)
    assert_type(test.load(), pd.DataFrame)
    X, y = train.xy()
    assert_type(X, pd.DataFrame)
    assert_type(y, "pd.Series[Any]")
    assert_type(project.load(train), pd.DataFrame)
    assert_type(project.datasets["cells@1"], mc.DatasetVersion)
    assert_type(project.datasets.get("nobody"), mc.DatasetVersion | None)
    assert_type(project.datasets.versions("cells"), Listing[mc.DatasetVersion])
    assert_type(project.models.frame(), pd.DataFrame)

    boosting = project.experiments.open("boosting", hypothesis="trees do it", metric="loss")
    assert_type(boosting, mc.Experiment)
    with boosting.start(params={"learning_rate": 0.1, "max_iter": 20}, uses=[train]) as run:
        assert_type(run, mc.ActiveRun)
        model = HistGradientBoostingClassifier(**run.params).fit(X, y)
        run.log(loss=0.31, step=10)
        run.save_model(model, example=X[:5])
    assert_type(boosting.frame(), pd.DataFrame)
    assert_type(boosting.best(), mc.Run)
    assert_type(project.runs[run.id], mc.Run)
    assert_type(project.runs[run.id].points(), pd.DataFrame)

    candidate = assert_type(run.register("tumour"), mc.ModelVersion)
    evaluation = assert_type(candidate.evaluate(), mc.Evaluation)
    assert_type(evaluation.results, tuple[mc.Result, ...])
    assert_type(candidate.promote("production", message="the first"), mc.Decision)
    assert_type(project.models["tumour@production"], mc.ModelVersion)
    project.models.register("tumour", model, uses=[train], example=X[:5]).promote(
        "production", message="the same without a run", override_until="1d"
    )
    assert_type(project.models.rollback("tumour", "production", message="it was for show"), mc.ModelVersion)

    eu = assert_type(project.deployments.open("eu-api"), mc.Deployment)
    assert_type(eu.route({"tumour@1": 100}, message="first"), mc.Revision)
    with eu.serve() as service:
        assert_type(service, mc.Service)
        rows = test.xy()[0]
        service.predict(rows, ids=range(len(rows)))
        service.label(range(len(rows)), test.xy()[1])
    assert_type(eu.check(), mc.Evaluation)

    assert_type(project.status(), Status)
    assert_type(project.history(), pd.DataFrame)
    assert_type(project.at(3).datasets["cells"], mc.DatasetVersion)
    assert_type(project.rollback(to=3, message="for show", dry_run=True), Listing[Move])
    return project
