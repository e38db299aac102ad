"""The table of versions: what each is, and how it stands by the criteria of today."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import mlcycle as mc
from mlcycle import records
from mlcycle.lifecycle.models._models_table import _cells

RNG = np.random.default_rng(3)
FRAME = pd.DataFrame({"x": RNG.normal(size=300), "region": np.tile(["DE", "FR", "IT"], 100)})
FRAME["left"] = (FRAME["x"] + RNG.normal(size=300) > 0).astype(int)


def fill(project: mc.Project) -> None:
    """Take a project to three versions: judged and in production, judged, and not."""
    project.scope.set(criteria=[mc.AtLeast("accuracy", 0.6)], test="d")
    project.datasets.add("d", FRAME, target="left")
    model = LogisticRegression().fit(FRAME[["x"]], FRAME["left"])
    for number in range(3):
        version = project.models.register("m", model, example=FRAME[["x"]][:5], message=f"try {number}")
        if number < 2:
            version.evaluate()
    project.models["m@1"].promote(message="the first", override_until="2099-01-01")


@pytest.fixture
def filled(project: mc.Project) -> mc.Project:
    """Return such a project in a folder."""
    fill(project)
    return project


def test_a_row_says_how_a_version_stands(filled: mc.Project) -> None:
    """Value, interval and verdict of each criterion; what nobody measured is missing, and so is its verdict."""
    frame = filled.models.frame("m")
    [measured] = filled.models["m@1"].evaluations()[0].results
    assert frame.columns.tolist() == [
        *("version", "aliases", "class_name", "run", "data", "verdict", "judged_on"),
        *("accuracy ≥ 0.6", "accuracy ≥ 0.6 low", "accuracy ≥ 0.6 high", "accuracy ≥ 0.6 verdict"),
        *("author", "at", "age", "message"),
    ]
    assert frame["aliases"].tolist() == ["production", "", ""]
    assert frame["verdict"].fillna("").tolist() == ["pass", "pass", ""]
    assert frame["judged_on"].tolist() == ["d@1", "d@1", ""]
    assert frame.loc[0, "accuracy ≥ 0.6":"accuracy ≥ 0.6 verdict"].tolist() == [
        *(measured.value, measured.low, measured.high, "pass")
    ]
    assert frame["accuracy ≥ 0.6"].isna().tolist() == [False, False, True]
    assert frame["message"].tolist() == ["try 0", "try 1", "try 2"]
    assert frame["age"].dtype.kind == "m"
    assert frame["age"].between(pd.Timedelta(0), pd.Timedelta("1h")).all()


def test_criteria_are_those_of_today(filled: mc.Project) -> None:
    """What was measured then is weighed by what is asked now; a new question is not answered yet."""
    filled.scope.set(criteria=[mc.AtLeast("accuracy", 0.99), mc.AtLeast("recall", 0.1)])
    frame = filled.models.frame()
    assert frame["accuracy ≥ 0.99 verdict"].fillna("").tolist() == ["fail", "fail", ""]
    assert frame["recall ≥ 0.1"].isna().all()
    assert frame["verdict"].fillna("").tolist() == ["fail", "fail", ""]
    filled.scope.set(criteria=[mc.AtLeast("accuracy", 0.6), mc.AtLeast("recall", 0.1)], message="why", permanent=True)
    assert filled.models.frame()["verdict"].isna().all()  # what nobody measured may fail


def test_a_comparison_with_one_that_left_says_nothing(filled: mc.Project) -> None:
    """As at the gate: it was made with another production."""
    filled.scope.set(criteria=[mc.NotWorseThan("production", "accuracy", margin=0.1)], message="w", permanent=True)
    filled.models["m@2"].evaluate()
    name = "accuracy not worse than production by more than 0.1 verdict"
    assert filled.models.frame()[name].fillna("").tolist() == ["", "pass", ""]
    filled.models["m@3"].promote(message="moved", override_until="2099-01-01")
    assert filled.models.frame()[name].fillna("").tolist() == ["", "", ""]


def test_of_slices_the_worst_is_shown() -> None:
    """Among failures the farthest off, among others the nearest to failing; with the verdict of all."""

    def one(value: float, verdict: str) -> records.Result:
        return records.Result(check="f1 ≥ 0.5", verdict=verdict, value=value, low=value, high=value, threshold=0.5)

    def cells(*results: records.Result) -> list[Any]:
        return list(_cells("f1", results).values())

    assert cells(one(0.7, "pass"), one(0.6, "pass"), one(0.9, "pass")) == [0.6, 0.6, 0.6, "pass"]
    assert cells(one(0.7, "pass"), one(0.2, "fail"), one(0.4, "fail")) == [0.2, 0.2, 0.2, "fail"]
    assert cells(one(0.52, "inconclusive"), one(0.9, "pass")) == [0.52, 0.52, 0.52, "inconclusive"]
    assert cells() == [None] * 4


def test_without_criteria_the_newest_evaluation_speaks(project: mc.Project) -> None:
    """Whatever it measured, on whatever data."""
    project.datasets.add("d", FRAME, target="left")
    model = LogisticRegression().fit(FRAME[["x"]], FRAME["left"])
    project.models.register("m", model, example=FRAME[["x"]][:5]).evaluate("d", checks=["f1"])
    frame = project.models.frame()
    assert frame.loc[0, ["verdict", "judged_on", "f1 verdict"]].tolist() == ["not_applicable", "d@1", "not_applicable"]
    assert frame["f1 low"][0] < frame["f1"][0] < frame["f1 high"][0]


def test_an_empty_table_has_its_columns(project: mc.Project) -> None:
    """Nothing was registered."""
    frame = project.models.frame()
    assert (len(frame), frame.columns.tolist()) == (0, ["author", "at", "age", "message"])


def test_it_is_the_same_anywhere(store_url: tuple[str, dict[str, Any]]) -> None:
    """Where every read is a journey, versions are read at once, in the same order."""
    url, options = store_url
    project = mc.open(url, create=True, storage_options=options)
    fill(project)
    found = mc.open(url, mode="r", storage_options=options).models.frame()
    assert found["version"].tolist() == ["m@1", "m@2", "m@3"]
    assert found.drop(columns="age").equals(project.models.frame().drop(columns="age"))
