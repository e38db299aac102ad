"""Stores of every released format are read for ever."""

from __future__ import annotations

import math
import shutil
import warnings
from pathlib import Path

import pandas as pd
import pytest

import mlcycle as mc
from mlcycle import errors, records
from mlcycle.records import Roles
from tests.stores.samples import CUSTOMERS, HERE, contents

CONTENTS = {
    "customers@1": "sha256:353d352b37c16af88fc68bdb7ea1bd80733e57d2c8119776856f6898378eb4a9",
    "customers@2": "sha256:ac58bfcdf26d819b643c5c4f458404230d220136ba04ab07a8582124a82b8711",
    "customers.train@1": "sha256:1700f0a8ab55ada0f44614b14fa1057b30249b5caac965477a5f41581b3c33b8",
    "customers.test@1": "sha256:5b6d4d1d6853c572d0d35a5a5688cca923102de820c699d6c3a8e195a6ce5cdd",
}
PRESENTATION = "sha256:2ce7b1fcae499a12a97a8a731d15ece81079d468566c6e1a2d2e205f66419c65"
ROLES = Roles(target="left", key="id", time="since", group="region")
PARTS = {"customers.train": [0, 3, 6, 9], "customers.test": [1, 2, 4, 5, 7, 8, 10, 11]}
LAST = 13


# format 1


def test_v1_is_whole(place: Path) -> None:
    """Every byte is what the log says, and reading changes none."""
    before = contents(place)
    project = mc.open(place, mode="r")
    assert project.store.verify("bytes").problems == ()
    project.history()
    project.status()
    assert contents(place) == before
    assert before == contents(HERE / "v1")


def test_v1_datasets(v1: mc.Project) -> None:
    """Versions, parts and roles; content by digest and by value."""
    assert list(v1.datasets) == ["customers", "customers.test", "customers.train"]
    versions = {version.ref: version for name in v1.datasets for version in v1.datasets.versions(name)}
    assert {ref: version.content for ref, version in versions.items()} == CONTENTS
    assert {version.presentation for version in versions.values()} == {PRESENTATION}
    assert {version.roles for version in versions.values()} == {ROLES}
    assert v1.datasets["customers"].ref == "customers@1"
    nulls = {column.name: (column.type, column.nulls) for column in versions["customers@1"].columns}
    assert nulls["age"] == ("float64", 1)
    assert nulls["visits"] == ("int64", 1)
    for name, ids in PARTS.items():
        assert v1.load(f"dataset:{name}")["id"].tolist() == ids


def test_v1_rows(v1: mc.Project) -> None:
    """The rows, with the types they had."""
    found = v1.load("dataset:customers@1")
    expected = pd.DataFrame(CUSTOMERS).astype({"visits": "Int64", "region": "category", "since": "datetime64[us]"})
    pd.testing.assert_frame_equal(found, expected, check_categorical=False)
    assert found["region"].cat.categories.tolist() == ["north", "süd", "west"]
    assert v1.load("dataset:customers@2")["left"].tolist() == [0] * 12
    X, y = v1.datasets["customers.train"].xy()
    assert (X.columns.tolist(), y.name) == (["age", "visits"], "left")


def test_v1_run(v1: mc.Project, place: Path) -> None:
    """A run: what was turned, what came out, from which code and environment."""
    experiment = v1.experiments["trees"]
    assert (experiment.hypothesis, experiment.metric) == ("age is enough", "accuracy")
    (run,) = experiment.runs()
    assert (run.status, run.name, run.params, run.uses) == (
        "finished",
        "first",
        {"max_depth": 1},
        ("customers.train@1",),
    )
    assert (run.metrics["accuracy"], math.isnan(run.metrics["loss"]), run.n_points) == (0.75, True, 3)
    assert (place / run.artifacts["notes"].key).read_text(encoding="utf-8") == "grüße"
    assert run.code.commit == "0123456789abcdef0123456789abcdef01234567"
    assert "+depth = 1" in (place / run.code.diff_file.key).read_text()
    assert (run.environment.python, run.environment.packages) == ("3.11.7", {"scikit-learn": "1.5.0"})


def test_v1_model(v1: mc.Project) -> None:
    """A model: its card, its lineage, and its predictions."""
    model = v1.models["churn@production"]
    assert (model.ref, model.format, model.data) == ("churn@1", "skops", ("customers.train@1",))
    assert model.class_name == "sklearn.tree._classes.DecisionTreeClassifier"
    assert model.params["max_depth"] == 1
    assert [file.kind for file in model.files] == ["model", "example", "card"]
    assert model.run == v1.experiments["trees"].runs()[0].id


def test_v1_model_predicts(v1: mc.Project) -> None:
    """The model answers as it did; another scikit-learn may say that it is another one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = v1.load("model:churn@production")
    assert loaded.predict(pd.DataFrame({"age": [30.0, 60.0], "visits": [1, 2]})).tolist() == [0, 1]


def test_v1_decisions(v1: mc.Project) -> None:
    """Scope, evaluation, gate and override."""
    scope = v1.scope.get()
    assert (scope.objective, scope.test) == ("Keep customers who are about to leave", "customers.test")
    assert scope.criteria == (mc.AtLeast("accuracy", 0.01),)
    (decision,) = v1.models.decisions()
    assert (decision.subject, decision.allowed, decision.author) == ("model:churn@1", True, "ada")
    assert (decision.override.message, decision.override.until) == ("it is all we have", _until())
    (evaluation,) = v1.models["churn@1"].evaluations()
    assert (evaluation.subject, evaluation.data) == ("model:churn@1", "customers.test@1")
    assert [(result.value, result.n, result.verdict) for result in evaluation.results] == [(0.75, 8, "inconclusive")]
    moves = v1.history(of="model:churn", kind="promote")["what"].to_dict()
    assert moves == {8: "gate overridden for churn@1; churn@production → churn@1"}


def _until() -> str:
    return records.Override(message="r", until="2100-01-01").until


def test_v1_deployment(v1: mc.Project) -> None:
    """A route, and captured traffic joined with its labels."""
    deployment = v1.deployments["eu"]
    assert (deployment.revision.number, deployment.revision.weights) == (1, {"churn@1": 100})
    traffic = deployment.traffic()
    assert traffic[["id", "version", "output", "in.age"]].to_numpy().tolist() == [
        ["a", "churn@1", 0, 30.0],
        ["b", "churn@1", 1, 60.0],
    ]
    assert traffic["scores"].tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert traffic["label"].tolist()[0] == 1


def test_v1_past(v1: mc.Project) -> None:
    """Tags, entries and the rollback."""
    assert v1.store.info()["entries"] == LAST + 1
    assert v1.at("launched").datasets["customers"].ref == "customers@1"
    assert v1.at(LAST - 1).datasets["customers"].ref == "customers@2"
    assert v1.at(7).models.aliases("churn") == {}
    assert v1.history()["message"].tolist()[-2:] == ["a broken export", "broken export"]


def test_v1_goes_on(place: Path) -> None:
    """Today's library goes on where the store stands: numbers, reuse of what is stored, rollback."""
    project = mc.open(place, author="bob")
    before = project.store.info()["entries"]
    assert project.datasets.add("customers", project.load("dataset:customers@1")).ref == "customers@1"
    assert project.store.info()["entries"] == before
    assert project.datasets.add("customers", project.load("dataset:customers")[:5]).ref == "customers@3"
    assert project.datasets["customers@1"].split(test=0.5)[0].ref == "customers.train@1"
    project.rollback("launched", message="back")
    assert project.datasets["customers"].ref == "customers@1"
    project.store.compact()
    assert project.store.verify("bytes").problems == ()


# many entries: checkpoints, a rollup, and singles emptied behind it


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """Return the store of 1 100 entries."""
    shutil.unpack_archive(HERE / "long.tar.xz", tmp_path / "long", filter="data")
    return tmp_path / "long"


def reads_long(project: mc.Project) -> None:
    """Read the newest, the oldest, and what stands between."""
    assert project.store.info()["entries"] == 1100
    assert [project.load(f"dataset:numbers@{n}")["n"].tolist() for n in (1, 2)] == [[0, 1, 2], [0, 1, 2, 3]]
    tags = project._session.view().tags()
    assert (tags["t4"], tags["t5"], tags["late0"], tags["late11"]) == (1085, 1076, 1087, 1098)
    assert project.at(500).datasets["numbers"].ref == "numbers@1"
    assert project.history()["message"].tolist()[:3] == ["project created", "the first", "tag t0"]


def test_long_is_whole(long: Path) -> None:
    """Every byte is what the log says, and reading changes none."""
    before = contents(long)
    project = mc.open(long, mode="r")
    assert project.store.verify("bytes").problems == ()
    reads_long(project)
    assert contents(long) == before
    sizes = [path.stat().st_size for path in sorted((long / "log").glob("0*.json"))]
    assert [i for i, size in enumerate(sizes) if size] == [0, *range(1024, 1100)]
    assert project._session.log.snapshot().base == 1087


def test_long_without_its_caches(long: Path) -> None:
    """Checkpoints and hint may go; the rollup, once singles are emptied behind it, is the log itself."""
    shutil.rmtree(long / "checkpoints")
    (long / "hint.json").unlink()
    project = mc.open(long, mode="r")
    assert project._session.log.snapshot().base == -1
    reads_long(project)
    assert project.store.verify("bytes").problems == ()
    (long / "log" / "rollup-0-1023.jsonl.gz").unlink()
    with pytest.raises(errors.Corrupt, match=r"log/0000000001\.json"):
        mc.open(long, mode="r")


def test_long_goes_on(long: Path) -> None:
    """Today's library goes on where it stands; what was done once under an id of the caller's is not done again."""
    project = mc.open(long, author="bob")
    assert project.datasets.add("numbers", pd.DataFrame({"n": range(3)}), op="numbers").ref == "numbers@1"
    assert project.store.info()["entries"] == 1100
    assert project.datasets.add("numbers", pd.DataFrame({"n": [7]})).ref == "numbers@3"
    project.rollback(3)
    assert project.datasets["numbers"].ref == "numbers@1"
    project.store.compact()
    assert project.store.verify("bytes").problems == ()
    assert mc.open(long, mode="r").load("dataset:numbers@3")["n"].tolist() == [7]
