"""Rows on their way to a model, from registering it to checking its traffic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle.errors import InvalidInput, MlcycleWarning

RNG = np.random.default_rng(0)
X = pd.DataFrame({"a": RNG.normal(size=120), "b": 10 * RNG.normal(size=120)})
Y = (X["a"] > 0).astype(int)
PILOT: dict[str, Any] = {"override_until": "2100-01-01", "message": "pilot"}
NAMED = LogisticRegression().fit(X, Y)


class Flipping:
    """A model that prepares its rows in place, as many a notebook does."""

    classes_ = np.array([0, 1])

    def predict_proba(self, X: Any) -> Any:
        """Answer by the sign of a, after turning it."""
        X["a"] = -X["a"]
        X["spare"] = 1
        chance = 1 / (1 + np.exp(X["a"].to_numpy()))
        return np.column_stack([1 - chance, chance])

    def predict(self, X: Any) -> Any:
        """Answer by the sign of a, after turning it."""
        return (self.predict_proba(X)[:, 1] > 0.5).astype(int)


class Halving(Flipping):
    """A model of arrays that scales them in place."""

    def predict_proba(self, X: Any) -> Any:
        """Answer by the sign of the first column, after halving all."""
        X /= 2
        chance = 1 / (1 + np.exp(-X[:, 0]))
        return np.column_stack([1 - chance, chance])


def _evaluated(project: mc.Project, model: Any, frame: pd.DataFrame, example: Any, **trust: Any) -> tuple[Any, Any]:
    project.datasets.add("rows", frame, target="y")
    criteria = [mc.AtLeast("accuracy", 0.5), mc.AtLeast("roc_auc", 0.5)]
    project.scope.set(objective="o", criteria=criteria, test="rows")
    version = project.models.register("m", model, example=example, uses=["rows"])
    return version, [result.value for result in version.evaluate(**trust).results]


def test_a_model_that_changes_its_rows_is_seen_by_nobody(project: mc.Project, tmp_path: Path) -> None:
    """Evaluation, the example, the signature, a check of one's own, the caller's frames and the traffic are as ever."""
    trust: dict[str, Any] = {"trust": True}
    example, asked = X[:5].copy(), X[:40].copy()
    with pytest.warns(MlcycleWarning, match="joblib"):
        version, values = _evaluated(project, Flipping(), X.assign(y=Y), example, **trust)
    assert values == [1.0, 1.0]
    assert [item["name"] for item in version.signature.inputs] == ["a", "b"]
    pd.testing.assert_frame_equal(X[:5], pd.read_parquet(tmp_path / "store" / version.example.key))

    def spoiling(subject: str, context: Any) -> float:
        frame = context.data.load()
        frame["y"].array[:] = frame["a"].array[:] = 0
        context.data.target()[:] = 0
        context.models.predict(subject)[:] = 0
        return float((context.models.predict(subject) == context.data.load()["y"]).mean())

    checked = version.evaluate(checks=[spoiling, spoiling], **trust).results
    assert [result.value for result in checked][-2:] == [1.0, 1.0]
    shop = project.deployments.open("shop")
    shop.route(version, **PILOT)
    with shop.serve(**trust) as service:
        answers = service.predict(asked, ids=range(40))
        service.label(range(40), Y[:40])
    np.testing.assert_array_equal(Y[:40], answers)
    np.testing.assert_array_equal(X["a"][:40], shop.traffic()["in.a"])
    pd.testing.assert_frame_equal(X[:5], example)
    pd.testing.assert_frame_equal(X[:40], asked)


def test_a_model_of_arrays_may_work_in_place_on_a_table(project: mc.Project) -> None:
    """A table it is judged and served on becomes an array of its own, and the table stays."""
    trust: dict[str, Any] = {"trust": True}
    with pytest.warns(MlcycleWarning, match="joblib"):
        version, values = _evaluated(project, Halving(), X.assign(y=Y), X.to_numpy()[:5], **trust)
    assert values == [1.0, 1.0]
    shop = project.deployments.open("shop")
    shop.route(version, **PILOT)
    asked = X.copy()
    with shop.serve(follow=0, **trust) as service:
        np.testing.assert_array_equal(Y, service.predict(asked))
    pd.testing.assert_frame_equal(X, asked)


@pytest.mark.parametrize("example", [X.to_numpy()[:5], None, X[:5], X[["b", "a"]][:5].assign(c=1)], ids=type)
def test_names_of_the_model_count_everywhere(project: mc.Project, example: Any) -> None:
    """A dataset whose columns stand in another order is evaluated, served and checked by name."""
    frame = X[["b", "a"]].assign(y=Y)
    version, values = _evaluated(project, NAMED, frame, example)
    assert values[0] == (NAMED.predict(X) == Y).mean()
    shop = project.deployments.open("shop")
    shop.route(version, **PILOT)
    with shop.serve() as service:
        answers = service.predict(frame.drop(columns="y"), ids=X.index)
        service.label(X.index, Y)
    np.testing.assert_array_equal(NAMED.predict(X), answers)
    assert [one for one in shop.check().findings if one.verdict in ("warn", "fail", "error")] == []


@pytest.mark.parametrize(
    "example",
    [
        X.to_numpy().tolist(),
        X.to_dict("records"),
        X.to_dict("list"),
        pa.table(X),
        X.to_records(index=False),
        X[:1],
        X.astype(pd.SparseDtype(float, 0.0)),
        X.set_axis([0, 1], axis=1),
        np.ma.array(X.to_numpy()),
    ],
    ids=lambda example: type(example).__name__,
)
def test_examples_of_any_form_give_a_signature(project: mc.Project, example: Any) -> None:
    """A model registered with any of them is served by name."""
    version = project.models.register("m", NAMED, example=example)
    assert [(item["name"], item["type"]) for item in version.signature.inputs] == [("a", "float64"), ("b", "float64")]
    assert version.example is not None
    shop = project.deployments.open("shop")
    shop.route(version, **PILOT)
    with shop.serve() as service:
        np.testing.assert_array_equal(NAMED.predict(X), service.predict(X[["b", "a"]]))


@pytest.mark.parametrize(
    "example",
    [iter(X.to_numpy()), (row for row in X.to_numpy()), "text", 5, {1, 2}, [], [[1], [1, 2]], np.zeros((2, 2, 2))],
    ids=lambda example: type(example).__name__,
)
def test_examples_that_are_not_rows_are_refused(project: mc.Project, example: Any) -> None:
    """In words, and nothing is registered."""
    with pytest.raises(InvalidInput):
        project.models.register("m", LogisticRegression().fit(X.to_numpy(), Y), example=example)
    assert list(project.models) == []


def test_a_model_fitted_without_names_takes_an_example_with_names(project: mc.Project) -> None:
    """Then frames come in any order, and scikit-learn has nothing to warn of."""
    model = LogisticRegression().fit(X.to_numpy(), Y)
    version, values = _evaluated(project, model, X[["b", "a"]].assign(y=Y), X[:5])
    assert values[0] == (model.predict(X.to_numpy()) == Y).mean()
    shop = project.deployments.open("shop")
    shop.route(version, **PILOT)
    with shop.serve() as service:
        np.testing.assert_array_equal(model.predict(X.to_numpy()), service.predict(X[["b", "a"]]))


@pytest.mark.parametrize("features", [16, 2**14])
def test_sparse_examples(project: mc.Project, features: int) -> None:
    """Hashed features, few or many: no table of many columns is written for it."""
    rows = FeatureHasher(n_features=features).transform([{"word": i % 7, "place": i % 3} for i in range(40)])
    model = MultinomialNB().fit(abs(rows), [0, 1] * 20)
    for example in (abs(rows), sparse.coo_matrix(abs(rows))):
        version = project.models.register("m", model, example=example)
        assert (version.example is None) == (features > 100)
        np.testing.assert_array_equal(model.predict(abs(rows)), version.load().predict(abs(rows)))
    assert version.signature.detail["width"] == features


WORDS = ["good day", "bad day", "good night", "bad night"] * 20
MOODS = [1, 0, 1, 0] * 20


@pytest.mark.parametrize("example", [WORDS[:5], pd.Series(WORDS[:5], name="review"), pd.Series(WORDS[:5], name="text")])
def test_models_of_texts_take_a_table_of_texts(project: mc.Project, example: Any) -> None:
    """Evaluated on a dataset with one column of text, served with any form of it, under one name in the traffic."""
    model = make_pipeline(CountVectorizer(dtype="int64"), MultinomialNB()).fit(WORDS, MOODS)
    version, values = _evaluated(project, model, pd.DataFrame({"review": WORDS, "y": MOODS}), example)
    assert values == [1.0, 1.0]
    shop = project.deployments.open("shop")
    shop.route(version, **PILOT)
    with shop.serve() as service:
        for rows in (WORDS, pd.Series(WORDS), pd.DataFrame({"review": WORDS}), [{"review": word} for word in WORDS]):
            assert service.predict(rows, ids=range(80)).tolist() == MOODS
        service.label(range(80), MOODS)
    traffic = shop.traffic()
    assert [name for name in traffic.columns if name.startswith("in.")] == [f"in.{version.signature.inputs[0]['name']}"]
    assert [one for one in shop.check().findings if one.verdict in ("warn", "fail", "error")] == []


def test_models_of_dicts_take_dicts_and_tables(project: mc.Project) -> None:
    """Registered with dicts, evaluated on a table, served with both."""
    rows = [{"word": "good", "n": 1}, {"word": "bad", "n": 2}, {"word": "good"}, {"n": 4}] * 20
    model = make_pipeline(DictVectorizer(dtype=float), DecisionTreeClassifier(random_state=0)).fit(rows, MOODS)
    version, values = _evaluated(project, model, pd.DataFrame(rows).assign(y=MOODS), rows[:4])
    assert values == [1.0, 1.0]
    shop = project.deployments.open("shop")
    shop.route(version, **PILOT)
    with shop.serve() as service:
        for given in (rows, pd.DataFrame(rows)):
            assert service.predict(given, ids=range(80)).tolist() == MOODS
        service.label(range(80), MOODS)
    assert [one for one in shop.check().findings if one.verdict in ("warn", "fail", "error")] == []


def test_models_of_several_outputs_are_routed_and_served(project: mc.Project) -> None:
    """A version is a key of a dict also where its classes are lists."""
    targets = np.column_stack([Y, X["b"] > 0]).astype(int)
    model = RandomForestClassifier(5, random_state=0).fit(X, targets)
    versions = [project.models.register("two", model, example=X[:5]) for _ in range(2)]
    assert versions[0].signature.classes == ([0, 1], [0, 1])
    shop = project.deployments.open("shop")
    shop.route(dict.fromkeys(versions, 1), **PILOT)
    with shop.serve() as service:
        np.testing.assert_array_equal(model.predict(X), service.predict(X, ids=X.index))
        for one, other in zip(model.predict_proba(X), service.predict_proba(X, ids=X.index), strict=True):
            np.testing.assert_array_equal(one, other)
        service.label(X.index, targets)
    assert shop.label([0], [[0, 1]]) == 1
    traffic = shop.traffic()
    assert traffic["label"].iloc[1] == targets[int(traffic["id"].iloc[1])].tolist()
    assert shop.check().n_predictions == 240


def test_a_missing_truth_value_reaches_a_model_that_takes_it(project: mc.Project) -> None:
    """As None in a record, as in a nullable column, and again when the traffic is checked."""
    frame = X.assign(member=pd.array([True, False, None, True] * 30, dtype="boolean"))
    model = HistGradientBoostingClassifier(max_iter=5).fit(frame, Y)
    version, _ = _evaluated(project, model, frame.assign(y=Y), frame[:10])
    shop = project.deployments.open("shop")
    shop.route(version, **PILOT)
    records = frame.astype(object).where(frame.notna(), None).to_dict("records")
    with shop.serve() as service:
        np.testing.assert_array_equal(model.predict(frame), service.predict(records, ids=X.index))
        service.label(X.index, Y)
    assert "quality" not in [one.look for one in shop.check().findings]


def test_labels_that_lost_their_digits_are_refused(project: mc.Project) -> None:
    """As after a merge with missing ids, also from another process."""
    version = project.models.register("m", NAMED, example=X[:5])
    shop = project.deployments.open("shop")
    shop.route(version, **PILOT)
    ids = [10**17 + one for one in range(4)]
    with shop.serve() as service:
        service.predict(X[:4], ids=ids)
    with pytest.raises(InvalidInput, match="Int64"):
        shop.label(pd.Series(ids, dtype="float64"), [0, 0, 1, 1])
    shop.label(pd.Series([*ids, None], dtype="Int64").dropna(), [0, 0, 1, 1])
    assert shop.traffic()["label"].tolist() == [0, 0, 1, 1]


def _doubled(X: Any) -> Any:
    X *= 2
    return X


@pytest.mark.parametrize("dtype", ["float64", "float32", "float64[pyarrow]", "Float64"])
def test_a_model_that_changes_an_array_is_evaluated_on_a_table(project: mc.Project, dtype: str) -> None:
    """The array made of a table is its own: what pandas lends for reading alone fails in the model."""
    model = make_pipeline(FunctionTransformer(_doubled), LogisticRegression()).fit(np.array(X), Y)
    with pytest.warns(MlcycleWarning, match="joblib"):
        _, values = _evaluated(project, model, X.astype(dtype).assign(y=Y), np.array(X[:5]), trust=True)
    assert values[0] == np.mean(model.predict(np.array(X)) == Y)


@pytest.mark.parametrize("scorer", ["neg_log_loss", "roc_auc", "roc_auc_ovr", "average_precision", "neg_brier_score"])
@pytest.mark.parametrize("labels", [2, 3])
def test_a_model_of_several_labels_a_row_is_not_judged_as_one_of_classes(
    project: mc.Project, labels: int, scorer: str
) -> None:
    """Its probabilities look like those of as many classes, and mean something else."""
    several = np.column_stack([X["a"] > 0, X["b"] > 0, X["a"] > X["b"]]).astype(int)[:, :labels]
    model = OneVsRestClassifier(LogisticRegression()).fit(X, several)
    project.datasets.add("rows", X.assign(y=Y), target="y")
    project.scope.set(objective="o", criteria=[mc.AtLeast(scorer, -0.9 if "neg" in scorer else 0.1)], test="rows")
    version = project.models.register("m", model, example=X[:5])
    result = version.evaluate().results[0]
    assert (result.value, result.verdict) == (None, "error")
    assert "m@1 answers several outputs, and rows@1 has one target" in result.detail
