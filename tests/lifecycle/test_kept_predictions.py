"""What a model answered is kept beside its evaluation, whatever it answers, and read back as it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

import mlcycle as mc
from mlcycle import checks, errors
from mlcycle.lifecycle.evaluation import _kept_predictions
from mlcycle.lifecycle.evaluation._kept_predictions import _parsed, kept_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({"x": RNG.normal(size=200), "z": RNG.normal(size=200)})
X = FRAME[["x", "z"]]
LABELS = pd.Series(np.where(FRAME["x"] + RNG.normal(size=200) > 0, "leaves", "stays"))


def judged(project: mc.Project, model: Any, y: Any, **asked: Any) -> mc.Evaluation:
    """Return an evaluation of a model on data with such a truth."""
    project.datasets.add("d", FRAME.assign(y=y), target="y")
    return project.models.register("m", model, example=X).evaluate("d", **asked)


def test_what_is_kept_is_what_the_model_answers(project: mc.Project) -> None:
    """Labels in any case, and the scores that somebody asked for, row by row in the order of the data."""
    model = LogisticRegression().fit(X, LABELS)
    kept = judged(project, model, LABELS, checks=["log_loss"]).predictions()
    assert kept.columns.tolist() == ["truth", "predict", "predict_proba.leaves", "predict_proba.stays"]
    assert kept.index.tolist() == list(range(200))
    assert kept["truth"].tolist() == LABELS.tolist()
    assert kept["predict"].tolist() == model.predict(X).tolist()
    assert np.array_equal(kept[["predict_proba.leaves", "predict_proba.stays"]], model.predict_proba(X))


def test_the_file_is_read_without_the_library(project: mc.Project) -> None:
    """It is Parquet, among the files of the evaluation; a list holds what is several numbers a row."""
    evaluation = judged(project, KNeighborsClassifier().fit(X, LABELS), LABELS, checks=["log_loss"])
    [path] = Path(project.store.url).glob(f"files/{evaluation.id}/*.parquet")
    table = pq.read_table(path)
    assert table.column_names == ["row", "truth", "predict", "predict_proba"]
    assert [len(one) for one in table["predict_proba"].to_pylist()] == [2] * 200


def test_rows_without_a_label_are_left_out_and_positions_say_which(project: mc.Project) -> None:
    """Of a nullable truth: what is kept is found again in the data by position."""
    truth = pd.Series(np.where(FRAME["x"] > 0, 1, 0), dtype="Int64")
    truth[::3] = pd.NA
    known = np.flatnonzero(truth.notna())
    model = LogisticRegression().fit(X.iloc[known], truth.iloc[known].astype(int))
    evaluation = judged(project, model, truth)
    kept = evaluation.predictions()
    assert evaluation.left_out == 67
    assert kept.index.tolist() == known.tolist()
    assert kept["truth"].tolist() == truth.iloc[known].tolist()
    assert kept["predict"].tolist() == model.predict(X.iloc[known]).tolist()
    loaded = project.datasets["d"].load().iloc[kept.index]
    assert loaded["y"].tolist() == kept["truth"].tolist()


def test_a_model_nobody_asked_keeps_nothing(project: mc.Project) -> None:
    """A check that looks elsewhere loads no model for that, and whoever wants the answers is told how to get them."""
    evaluation = judged(project, DummyClassifier().fit(X, LABELS), LABELS, checks=[lambda subject, context: True])
    assert evaluation.not_kept == ""
    with pytest.raises(errors.NotFound, match=r"no model was asked.*evaluate\(checks=\['accuracy'\]\)"):
        evaluation.predictions()


def test_data_and_windows_of_traffic_keep_nothing(project: mc.Project) -> None:
    """They say where to look instead."""
    data = project.datasets.add("d", FRAME)
    with pytest.raises(errors.NotFound, match="no model was asked"):
        data.evaluate(checks=[mc.RowCount(at_least=1)]).predictions()
    window = evolve(data.evaluate(checks=[mc.RowCount(at_least=1)]), subject="deployment:eu", since="2026-01-01")
    with pytest.raises(errors.InvalidInput, match="made by hand"):
        window.predictions()


# of every kind -------------------------------------------------------------------------------------------------------


class Answers:
    """A model that answers what it is told."""

    def __init__(self, **answers: Any) -> None:
        self.classes_ = answers.pop("classes_", np.array([0, 1]))
        self.__dict__.update({name: (lambda rows, said=said: said) for name, said in answers.items()})


def through(truth: Any, **answers: Any) -> Any:
    """Return what is kept of a model's answers, or why nothing is."""
    cached = checks.cache_predictions(Answers(**answers), FRAME[: len(truth)])
    for method in set(answers) - {"classes_"}:
        cached.answers(method)
    rows = checks.EvaluationData("d@1", FRAME[: len(truth)], None, truth)
    data, why = kept_bytes(rows, cached)
    return why if data is None else _parsed(data)


PLAIN = st.sampled_from(["<f8", "<f4", "<i8", "<i4", "|u1", "|b1", "<U3"])


@settings(max_examples=60, deadline=None)
@given(data=st.data(), n=st.integers(1, 5), width=st.integers(1, 3))
def test_whatever_is_plain_comes_back_as_it_was(data: st.DataObject, n: int, width: int) -> None:
    """Numbers, truth values and text, one a row or several: values and types, infinities and NaN included."""

    def drawn(shape: int | tuple[int, int]) -> Any:
        dtype = np.dtype(data.draw(PLAIN))
        text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3)
        return data.draw(hnp.arrays(dtype, shape, elements=text if dtype.kind == "U" else None))

    truth, said, scores = drawn(n), drawn(n), drawn((n, width))
    classes = drawn(width)
    kept = through(truth, predict=said, predict_proba=scores, classes_=classes)
    if isinstance(kept, str):  # classes that JSON has no word for
        assert classes.dtype.kind == "f"
        assert not np.isfinite(classes).all()
        return
    found = {"truth": kept.truth, "classes_": kept.cached.classes_, **checks.answered(kept.cached)}
    given = {"truth": truth, "classes_": classes, "predict": said, "predict_proba": scores}
    for name, values in given.items():
        np.testing.assert_array_equal(found[name], values)
        assert found[name].dtype.kind == values.dtype.kind
        assert values.dtype.kind == "U" or found[name].dtype == values.dtype


@pytest.mark.parametrize(
    ("truth", "answers", "why"),
    [
        (np.array([1, None], dtype=object), {"predict": np.zeros(2)}, "truth holds NoneType, int, neither numbers"),
        (np.zeros(2), {"predict": np.array([{1}, {2}])}, "predict holds set, neither numbers nor text"),
        (np.zeros(2), {"predict": np.zeros((2, 2, 2))}, r"predict has the shape \(2, 2, 2\)"),
        (np.zeros(2), {"predict": np.zeros(3)}, "3 values of predict for 2 rows"),
        (np.zeros(2), {"predict": np.array(["\ud800", "a"])}, "surrogates not allowed"),
        (np.zeros(2), {"predict": np.zeros(2), "classes_": np.array([None, 1])}, "classes_ holds NoneType, int"),
    ],
)
def test_what_parquet_has_no_place_for_is_told(truth: Any, answers: dict[str, Any], why: str) -> None:
    """In words, and nothing fails."""
    assert pd.Series([through(truth, **answers)]).str.contains(why).all()


def test_an_evaluation_says_what_it_does_not_keep(project: mc.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is judged all the same; of scores that are too many the labels are kept, and of too many labels nothing."""
    model = LogisticRegression().fit(X, LABELS)
    monkeypatch.setattr(_kept_predictions, "_MOST", 900)  # 200 rows of position, truth, label, and two probabilities
    some = judged(project, model, LABELS, checks=["log_loss"])
    assert some.verdict == "not_applicable"
    assert some.not_kept == "predict_proba (1,000 values, more than 900)"
    assert "not kept: predict_proba (1,000 values, more than 900)" in str(some)
    assert some.predictions().columns.tolist() == ["truth", "predict"]
    monkeypatch.setattr(_kept_predictions, "_MOST", 500)
    none = project.models["m"].evaluate("d")
    assert none.not_kept == "what the model answered (800 values, more than 500)"
    with pytest.raises(errors.NotFound, match="keeps no predictions: what the model answered"):
        none.predictions()


def test_several_values_a_row(project: mc.Project) -> None:
    """A column each; no row is simply right or wrong, and metrics work as they did."""
    truth = pd.Series(FRAME[["x", "z"]].to_numpy().round(2).tolist())
    model = LinearRegression().fit(X, truth.tolist())
    evaluation = judged(project, model, truth, checks=["r2"])
    kept = evaluation.predictions()
    assert kept.columns.tolist() == ["truth.0", "truth.1", "predict.0", "predict.1"]
    assert np.array_equal(kept[["predict.0", "predict.1"]], model.predict(X))
    with pytest.raises(errors.InvalidInput, match="several values, and a row is right or wrong in one"):
        evaluation.errors()
    found = evaluation.slices(pd.Series(["all"] * 200))
    assert found["value"].tolist() == pytest.approx([evaluation.results[0].value])


def test_an_outlier_detector_stays_one(project: mc.Project) -> None:
    """What it ranks by has no classes."""
    odd = pd.Series(np.where(FRAME["x"].abs() > 1.5, -1, 1))
    evaluation = judged(project, IsolationForest(random_state=0).fit(X), odd, checks=["roc_auc"])
    again = evaluation.slices(pd.Series(["all"] * 200), "roc_auc")
    assert again["value"].tolist() == pytest.approx([evaluation.results[0].value])
    assert set(evaluation.errors(500)["predict"]) == {-1, 1}


# damage, sweeps, copies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hurt", [lambda data: data[:-9], lambda data: data[:40] + b"x" + data[41:], lambda data: b""])
def test_a_damaged_file_is_told(project: mc.Project, hurt: Callable[[bytes], bytes]) -> None:
    """By verify, and by whoever reads it."""
    evaluation = judged(project, LogisticRegression().fit(X, LABELS), LABELS)
    [path] = Path(project.store.url).glob(f"files/{evaluation.id}/*.parquet")
    path.write_bytes(hurt(path.read_bytes()))
    for ask in (evaluation.predictions, evaluation.errors, lambda: evaluation.slices("x")):
        with pytest.raises(errors.Corrupt, match=r"of the predictions of evaluation .* is damaged"):
            ask()
    assert any(path.name in str(problem) for problem in project.store.verify("bytes").problems)


def test_a_file_of_a_missing_object_is_gone_in_words(project: mc.Project) -> None:
    """As whatever somebody deleted by hand."""
    evaluation = judged(project, LogisticRegression().fit(X, LABELS), LABELS)
    [path] = Path(project.store.url).glob(f"files/{evaluation.id}/*.parquet")
    path.unlink()
    with pytest.raises(errors.VersionDeleted, match="the predictions of evaluation"):
        evaluation.predictions()


def test_a_sweep_takes_what_was_never_committed(project: mc.Project) -> None:
    """And leaves what an evaluation names."""
    evaluation = judged(project, LogisticRegression().fit(X, LABELS), LABELS)
    [kept] = Path(project.store.url).glob(f"files/{evaluation.id}/*.parquet")
    orphan = kept.with_name(f"{evaluation.id}.parquet")
    orphan.write_bytes(kept.read_bytes())
    project.store.sweep(min_age=0)
    assert (kept.exists(), orphan.exists()) == (True, False)
    assert len(evaluation.predictions()) == 200
