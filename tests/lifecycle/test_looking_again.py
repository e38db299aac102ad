"""Evaluations looked at again: where the model was most wrong, and how it does in slices, without the model."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import mlcycle as mc
from mlcycle import errors, records

RNG = np.random.default_rng(1)
N = 300
FRAME = pd.DataFrame(
    {
        "x": RNG.normal(size=N),
        "age": RNG.integers(18, 80, size=N),
        "region": np.tile(["DE", "FR", "IT"], N // 3),
        "predict": np.arange(N),  # a column that is called as ours
    },
    index=pd.Index(np.arange(N) * 10, name="customer"),
)
LEFT = np.where(FRAME["x"] + RNG.normal(size=N) > 0, "yes", "no")


@pytest.fixture
def judged(project: mc.Project) -> mc.Evaluation:
    """Return the evaluation of a classifier of text, some rows without a label, and its model's file taken away."""
    frame = FRAME.assign(left=LEFT)
    frame.loc[frame.index[::7], "left"] = None
    project.scope.set(criteria=[mc.AtLeast("roc_auc", 0.6)], test="d")
    project.datasets.add("d", frame, target="left")
    model = LogisticRegression().fit(FRAME[["x"]], LEFT)
    version = project.models.register("m", model, example=FRAME[["x"]][:5])
    found = version.evaluate(checks=["log_loss", "f1"])
    Path(project.store.url, version.files[0].key).unlink()
    return found


def test_errors_are_the_wrong_rows_surest_first(project: mc.Project, judged: mc.Evaluation) -> None:
    """Against a computation by hand; with the index and all columns of the data, which keep their names."""
    model = LogisticRegression().fit(FRAME[["x"]], LEFT)
    rows = project.datasets["d"].load().dropna(subset=["left"])
    said, sure = model.predict(rows[["x"]]), model.predict_proba(rows[["x"]]).max(axis=1)
    wrong = np.flatnonzero(said != rows["left"])
    expected = rows.iloc[wrong[np.argsort(-sure[wrong])][:5]]
    found = judged.errors(5)
    assert found.index.tolist() == expected.index.tolist()
    assert found.columns.tolist() == ["truth", "predict_", "confidence", *rows.columns]
    assert found["confidence"].is_monotonic_decreasing
    assert (found["truth"] != found["predict_"]).all()
    pd.testing.assert_frame_equal(found[rows.columns], expected)
    assert len(judged.errors(10_000)) == len(wrong)
    assert len(judged.errors(0)) == 0


def test_errors_of_numbers_are_the_largest(project: mc.Project) -> None:
    """By absolute error, whatever the sign."""
    frame = FRAME.assign(y=2 * FRAME["x"] + RNG.normal(size=N))
    project.datasets.add("d", frame, target="y")
    model = LinearRegression().fit(frame[["x"]], frame["y"])
    found = project.models.register("m", model, example=frame[["x"]][:5]).evaluate("d").errors(4)
    off = (frame["y"] - model.predict(frame[["x"]])).abs().sort_values(ascending=False)
    assert found.index.tolist() == off.index[:4].tolist()
    assert found["error"].tolist() == pytest.approx(off[:4].tolist())


def test_a_count_that_is_none_is_refused(judged: mc.Evaluation) -> None:
    """In words."""
    for wrong in (-1, True, 2.5, "3"):
        with pytest.raises(errors.InvalidInput, match="n is a whole number of rows"):
            judged.errors(wrong)  # type: ignore[arg-type]


def test_slices_are_those_a_criterion_measures(project: mc.Project, judged: mc.Evaluation) -> None:
    """Value, limits and rows of each level are what judging the model itself by slices gives."""
    model = LogisticRegression().fit(FRAME[["x"]], LEFT)
    fresh = project.models.register("again", model, example=FRAME[["x"]][:5])
    asked = [mc.AtLeast("roc_auc", 0.1, slices="region"), mc.AtMost("log_loss", 9.0, slices="region")]
    results = [one for one in fresh.evaluate(checks=asked).results if one.slice]
    found = judged.slices("region", ["roc_auc", "log_loss"])
    columns = ["slice", "metric", "value", "low", "high", "n"]
    expected = [[one.slice, one.check.split()[0], one.value, one.low, one.high, one.n] for one in results]
    assert found[columns].to_numpy().tolist() == expected


def test_slices_take_the_metrics_that_were_measured(judged: mc.Evaluation) -> None:
    """Of criteria and by name, each once."""
    assert judged.slices("region")["metric"].unique().tolist() == ["roc_auc", "log_loss", "f1"]
    assert judged.slices("region", "accuracy")["metric"].unique().tolist() == ["accuracy"]


def test_a_slice_may_be_made_of_the_data(judged: mc.Evaluation) -> None:
    """A value a row of its load(), whatever its index."""
    old = pd.Series(np.where(FRAME["age"] > 50, "old", "young"), name="years")
    found = judged.slices(old, "accuracy")
    assert found["slice"].tolist() == ["years=old", "years=young"]
    kept = judged.predictions()
    right = kept["truth"] == kept["predict"]
    by_hand = right.groupby(old.iloc[kept.index].to_numpy()).mean()
    assert found["value"].tolist() == pytest.approx(by_hand.tolist())
    assert judged.slices(pd.cut(FRAME["age"], 3), "accuracy")["n"].sum() == len(kept)
    with pytest.raises(errors.InvalidInput, match=r"by has 5 values, and d@1 has 300 rows"):
        judged.slices(old[:5])


def test_what_cannot_be_sliced_is_said(judged: mc.Evaluation) -> None:
    """A column that is not there or of too many levels, in its row; a metric nobody knows, at once."""
    assert "no column 'regoin' to slice by; did you mean 'region'?" in judged.slices("regoin", "accuracy")["note"][0]
    assert "has 257 levels" in judged.slices("predict", "accuracy")["note"][0]
    with pytest.raises(errors.InvalidInput, match="there is no metric 'acuracy'"):
        judged.slices("region", "acuracy")
    with pytest.raises(errors.InvalidInput, match="by is a column, a list of them, or a Series"):
        judged.slices([])


def test_what_nobody_asked_is_named(project: mc.Project) -> None:
    """A metric of scores where only labels were asked for: the line that asks."""
    project.datasets.add("d", FRAME.assign(left=LEFT), target="left")
    version = project.models.register("m", LogisticRegression().fit(FRAME[["x"]], LEFT), example=FRAME[["x"]][:5])
    found = version.evaluate("d", checks=["accuracy"]).slices("region", ["accuracy", "log_loss"])
    assert found["metric"].tolist() == ["accuracy"] * 3 + ["log_loss"]
    expected = "nobody asked m@1 for its predict_proba: project.models['m@1'].evaluate(checks=['log_loss'])"
    assert found["note"].iloc[-1] == expected


def test_it_works_wherever_the_record_is(project: mc.Project, judged: mc.Evaluation) -> None:
    """Read back, pickled, by a hook, and after the data was dropped; made by hand it belongs to no project."""
    [again] = project.models["m"].evaluations()
    travelled = pickle.loads(pickle.dumps(judged))
    shown = judged.errors(3)
    assert again == judged == travelled
    assert again.errors(3).equals(shown)
    assert travelled.errors(3).equals(shown)
    heard: list[Any] = []
    told = mc.after("evaluation", lambda event, context: heard.append(event.proposal["evaluation"].predictions()))
    watched = mc.open(project.store.url, hooks=[told])
    model = LogisticRegression().fit(FRAME[["x"]], LEFT)
    watched.models.register("n", model, example=FRAME[["x"]][:5]).evaluate()
    assert [len(one) for one in heard] == [len(judged.predictions())]
    with pytest.raises(errors.InvalidInput, match="made by hand"):
        records.Evaluation(id="a", subject="m@1").errors()


def test_a_store_that_moved_is_asked_in_its_new_place(
    project: mc.Project, judged: mc.Evaluation, tmp_path: Path
) -> None:
    """Nothing but the files of the store is needed."""
    shutil.copytree(project.store.url, tmp_path / "moved")
    [there] = mc.open(tmp_path / "moved", mode="r").models["m"].evaluations()
    assert there.errors(3).equals(judged.errors(3))
