"""Examples that no Parquet file holds: the model is stored with its signature, and a warning says what is missing."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.dummy import DummyClassifier

import mlcycle as mc
from mlcycle import errors

ENDLESS: list[Any] = [1]
ENDLESS.append(ENDLESS)
MONTHS = [np.timedelta64(1, "M"), np.timedelta64(2, "M")]
MODEL = DummyClassifier(strategy="constant", constant=1).fit([[0.0], [1.0]], [0, 1])


def _with(values: Any) -> pd.DataFrame:
    column = pd.Series(values, dtype=object) if isinstance(values, list) else pd.Series(values)
    return pd.DataFrame({"a": [1.0, 2.0], "odd": column})


WITHOUT_A_FORM = {
    "complex": _with([1j, 2j]),
    "complex64": _with(np.array([1, 2], np.complex64)),
    "longdouble": _with(np.array([1, 2], np.longdouble)),
    "mixed": _with([1, "a"]),
    "numbers beyond int64": _with([10**30, 1]),
    "objects": _with([object(), len]),
    "months": _with(MONTHS),
    "surrogates": _with(["\ud800", "a"]),
    "unlike dicts": _with([{"a": 1}, {"a": "x"}]),
    "empty dicts": _with([{}, {}]),
    "frames": _with([pd.DataFrame({"a": [1]}), None]),
    "planes": _with([np.zeros((2, 2)), np.ones((2, 2))]),
    "endless": _with([ENDLESS, ENDLESS]),
    "categories of periods": _with(pd.Categorical(pd.period_range("2020", periods=2, freq="M"))),
    "categories of intervals": _with(pd.Categorical(pd.interval_range(0, 2))),
    "categories of tuples": _with(pd.Categorical([(1, 2), (3, 4)])),
    "mixed index": pd.DataFrame({"a": [1.0, 2.0]}, index=pd.Index([1, "a"], dtype=object)),
    "array of complex numbers": np.array([[1j, 2], [3, 4]]),
    "array of objects": np.array([[1, "a"], [{1}, None]], dtype=object),
    "sparse complex numbers": sparse.csr_matrix(np.array([[1j, 2]])),
    "column of complex numbers": pd.Series([1j, 2]),
    "mixed list": [1, "a"],
    "dicts of months": [{"a": month} for month in MONTHS],
}
WITH_A_FORM = {
    "missing": _with([None, None]),
    "periods": _with(pd.period_range("2020", periods=2, freq="M")),
    "intervals": _with(pd.interval_range(0, 2)),
    "sets": _with([{1}, {2}]),
    "lists": _with([[1], [2, 3]]),
    "decimals": _with([Decimal(1), Decimal("0.1")]),
    "dates": _with([dt.date(2020, 1, 1), dt.date(9999, 1, 1)]),
    "sparse": _with(pd.arrays.SparseArray([0.0, 1.0])),
    "numbers of any size": _with([10**15, 1]),
    "levels of columns": pd.DataFrame([[1.0, 2.0]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])),
    "bytes": np.array([[b"a", b"b"]]),
    "one row": pd.DataFrame({"a": [1.0]}),
}
REFUSED = {
    "columns of one name": (pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]), "columns of the same name: 'a'"),
    "more than two dimensions": (np.zeros((2, 2, 2)), "inputs of a model are rows and columns"),
    "rows of different lengths": ([[1], [2, 3]], "the rows have different lengths"),
}


@pytest.mark.parametrize("name", WITHOUT_A_FORM)
def test_a_model_is_registered_without_its_rows(project: mc.Project, name: str) -> None:
    """Only the file of the rows is missing, which a warning says; the signature is there."""
    with pytest.warns(errors.MlcycleWarning, match="rows of its example cannot be kept as Parquet"):
        version = project.models.register("odd", MODEL, example=WITHOUT_A_FORM[name])
    assert (version.example, version.signature is None) == (None, False)
    assert version.load().predict([[0.0]]).tolist() == [1]


@pytest.mark.parametrize("name", WITHOUT_A_FORM)
def test_a_run_keeps_its_model_without_the_rows(project: mc.Project, name: str) -> None:
    """The end of the run has the model and counts what is missing."""
    experiment = project.experiments.open("odd")
    with experiment.start() as run, pytest.warns(errors.MlcycleWarning, match="cannot be kept as Parquet"):
        run.save_model(MODEL, example=WITHOUT_A_FORM[name])
    model = experiment.runs()[0].model
    assert model is not None
    assert [file["kind"] for file in model["files"]] == ["model"]
    assert model["card"]["signature"] is not None


@pytest.mark.parametrize("name", WITH_A_FORM)
def test_rows_with_a_form_are_kept(project: mc.Project, name: str) -> None:
    """They are Parquet, without a warning."""
    assert project.models.register("plain", MODEL, example=WITH_A_FORM[name]).example is not None


@pytest.mark.parametrize("name", REFUSED)
def test_rows_that_are_none_are_refused_and_a_run_keeps_its_model(project: mc.Project, name: str) -> None:
    """The registry says why and where the model is; a run keeps the model without them."""
    example, why = REFUSED[name]
    with pytest.raises(errors.InvalidInput, match=why) as caught:
        project.models.register("odd", MODEL, example=example)
    Path(str(caught.value).rpartition("it is kept at ")[2]).unlink()
    experiment = project.experiments.open("odd")
    with experiment.start() as run, pytest.warns(errors.MlcycleWarning, match="kept without its example"):
        run.save_model(MODEL, example=example)
    assert experiment.runs()[0].model is not None
