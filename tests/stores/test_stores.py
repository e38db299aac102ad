"""Stores of every released format are read for ever; stores of the future as docs/format.md says."""

from __future__ import annotations

import json
import math
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlcycle as mc
from mlcycle import errors
from mlcycle._digest import canonical_json, sha256_bytes
from mlcycle.records import Roles

HERE = Path(__file__).parent

CUSTOMERS = {
    "id": list(range(12)),
    "age": [23.0, 41.5, np.nan, 58.0, 29.0, 44.0, 61.0, 38.0, 33.0, 52.0, 47.0, 26.0],
    "visits": [3, 1, None, 7, 2, 8, 0, 5, 4, 6, 2, 9],
    "region": ["north", "süd", "west"] * 4,
    "since": [f"2026-01-{day:02d}" for day in range(1, 13)],
    "left": [0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 1, 0],
}
CONTENTS = {
    "customers@1": "sha256:353d352b37c16af88fc68bdb7ea1bd80733e57d2c8119776856f6898378eb4a9",
    "customers@2": "sha256:ac58bfcdf26d819b643c5c4f458404230d220136ba04ab07a8582124a82b8711",
    "customers.train@1": "sha256:186b588a6d04330e6d0a2522e45f07900bb5d894ddd3aa489675400d8684a63a",
    "customers.test@1": "sha256:72856dfb03514b341e6fb1b625ee73a2099d35941be9f7ecbb911591493618ed",
}
PRESENTATION = "sha256:2ce7b1fcae499a12a97a8a731d15ece81079d468566c6e1a2d2e205f66419c65"
ROLES = Roles(target="left", key="id", time="since", group="region")
PARTS = {"customers.train": [0, 3, 5, 7, 8, 10], "customers.test": [1, 2, 4, 6, 9, 11]}
LAST = 14


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a copy of the store of format 1."""
    return Path(shutil.copytree(HERE / "v1", tmp_path / "v1"))


@pytest.fixture
def v1(place: Path) -> mc.Project:
    """Return it opened for reading."""
    return mc.open(place, mode="r")


def contents(place: Path) -> dict[str, bytes]:
    """Return every file of a store."""
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


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
    assert v1.datasets.names() == ["customers", "customers.test", "customers.train"]
    versions = {version.ref: version for name in v1.datasets.names() for version in v1.datasets.versions(name)}
    assert {ref: version.content for ref, version in versions.items()} == CONTENTS
    assert {version.presentation for version in versions.values()} == {PRESENTATION}
    assert {version.roles for version in versions.values()} == {ROLES}
    assert v1.datasets.latest("customers").ref == "customers@1"
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
    X, y = v1.load(v1.datasets.get("customers.train"), xy=True)
    assert (X.columns.tolist(), y.name) == (["age", "visits"], "left")


def test_v1_run(v1: mc.Project, place: Path) -> None:
    """A run: what was turned, what came out, from which code and environment."""
    experiment = v1.experiments.get("trees")
    assert (experiment.hypothesis, experiment.metric) == ("age is enough", "accuracy")
    (run,) = experiment.runs()
    assert (run.status, run.name, run.params, run.uses) == (
        "finished",
        "first",
        {"max_depth": 1},
        ("customers.train@1",),
    )
    assert (run.metrics["accuracy"], math.isnan(run.metrics["loss"]), run.points) == (0.75, True, 3)
    assert (place / run.artifacts["notes"].key).read_text(encoding="utf-8") == "grüße"
    assert run.code.commit == "0123456789abcdef0123456789abcdef01234567"
    assert "+depth = 1" in (place / run.code.diff_file.key).read_text()
    assert (run.environment.python, run.environment.packages) == ("3.11.7", {"scikit-learn": "1.5.0"})


def test_v1_model(v1: mc.Project) -> None:
    """A model: its card, its lineage, and its predictions."""
    model = v1.models.get("churn@production")
    assert (model.ref, model.format, model.data) == ("churn@1", "skops", ("customers.train@1",))
    assert model.class_name == "sklearn.tree._classes.DecisionTreeClassifier"
    assert model.params["max_depth"] == 1
    assert [file.kind for file in model.files] == ["model", "example", "card"]
    assert model.run == v1.experiments.get("trees").runs()[0].id


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
    assert (decision.subject, decision.allowed, decision.author) == ("churn@1", True, "ada")
    assert (decision.override.reason, decision.override.until) == ("twelve rows prove nothing", _until())
    (evaluation,) = v1.models.evaluations("churn@1")
    assert (evaluation.subject, evaluation.data) == ("churn@1", "customers.test@1")
    assert [(result.value, result.n, result.verdict) for result in evaluation.results] == [(5 / 6, 6, "inconclusive")]
    moves = v1.models.history("churn")[["entry", "after", "how", "reason"]].to_numpy().tolist()
    assert moves == [[9, "churn@1", "promote", "it is all we have"]]


def _until() -> str:
    return mc.Override(reason="r", until="2100-01-01").until


def test_v1_deployment(v1: mc.Project) -> None:
    """A route, and captured traffic joined with its labels."""
    deployment = v1.deployments.get("eu")
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
    assert v1.at("launched").datasets.latest("customers").ref == "customers@1"
    assert v1.at(LAST - 1).datasets.latest("customers").ref == "customers@2"
    assert v1.at(8).models.aliases("churn") == {}
    assert v1.history()["message"].tolist()[-2:] == ["a broken export", "broken export"]


def test_v1_goes_on(place: Path) -> None:
    """Today's library goes on where the store stands: numbers, reuse of what is stored, rollback."""
    project = mc.open(place, author="bob")
    before = project.store.info()["entries"]
    assert project.datasets.add("customers", project.load("dataset:customers@1")).ref == "customers@1"
    assert project.store.info()["entries"] == before
    assert project.datasets.add("customers", project.load("dataset:customers")[:5]).ref == "customers@3"
    assert project.datasets.split("customers@1", test=0.5, method="stratified")[0].ref == "customers.train@1"
    project.rollback("launched", reason="back")
    assert project.datasets.latest("customers").ref == "customers@1"
    project.store.compact()
    assert project.store.verify("bytes").problems == ()


# the future


@pytest.fixture
def future(place: Path) -> Path:
    """Return format 1 with one more entry, by a library that knows more."""
    return Path(shutil.copytree(HERE / "future", place, dirs_exist_ok=True))


def entry_of_the_future(place: Path, **other: Any) -> None:
    """Write one more entry, with something about it that nobody knows yet."""
    last = sorted((place / "log").glob("*.json"))[-1]
    entry = json.loads(last.read_bytes()) | {"prev": sha256_bytes(last.read_bytes()), "op": "auto:" + "e" * 32}
    entry |= {"changes": [{"kind": "tag.set", "name": "later", "to": 3}], "uses": [], "n": entry["n"] + 1} | other
    (place / "log" / f"{entry['n']:010d}.json").write_bytes(canonical_json(entry))


def rewritten(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change a JSON document."""
    document = json.loads(path.read_bytes())
    change(document)
    path.write_bytes(canonical_json(document))


def reads(project: mc.Project) -> None:
    """Read what format 1 holds."""
    assert project.load("dataset:customers@1")["id"].tolist() == CUSTOMERS["id"]
    assert project.models.aliases("churn") == {"production": "churn@1"}
    assert project.experiments.get("trees").runs()[0].metrics["accuracy"] == 0.75
    assert project.store.verify("bytes").problems == ()


def writes_nothing(place: Path, match: str) -> None:
    """Open for writing; everything can be read, nothing written, and the reason is given."""
    before = contents(place)
    project = mc.open(place, author="bob")
    reads(project)
    with pytest.raises(errors.ReadOnly, match=match):
        project.datasets.add("customers", pd.DataFrame({"id": [1]}))
    with pytest.raises(errors.ReadOnly, match=match):
        project.store.tag("now")
    with pytest.raises(errors.ReadOnly, match=match):
        project.rollback("launched")
    with pytest.raises(errors.ReadOnly, match=match):
        project.store.sweep()
    with pytest.raises(errors.ReadOnly, match=match):
        project.experiments.get("trees").start()
    assert contents(place) == before


def test_unknown_kind_of_change(future: Path) -> None:
    """It is passed over, and the project is read-only."""
    writes_nothing(future, "dataset.teleport.*upgrade mlcycle")
    assert mc.open(future, mode="r").store.info()["entries"] == LAST + 2


def test_unknown_need_to_write(place: Path) -> None:
    """What is understood is folded, and nothing written."""
    entry_of_the_future(place, needs_write=["quantum"])
    writes_nothing(place, "quantum.*upgrade")
    assert mc.open(place, mode="r").at("later").store.info()["entries"] == 4


def test_unknown_need_to_read(place: Path) -> None:
    """Reading stops at that entry, naming it."""
    entry_of_the_future(place, needs_read=["quantum"])
    for mode in ("r", "rw"):
        with pytest.raises(errors.SchemaError, match=rf"log/{LAST + 1:010d}\.json.*quantum"):
            mc.open(place, mode=mode).datasets.names()


def test_entry_of_another_version(place: Path) -> None:
    """An entry of a later form is not guessed at."""
    entry_of_the_future(place, v=2)
    with pytest.raises(errors.SchemaError, match=f"{LAST + 1:010d}"):
        mc.open(place).datasets.names()


@pytest.mark.parametrize("change", [{"v": 99}, {"needs_read": ["quantum"]}])
def test_store_of_another_format(change: dict[str, Any], place: Path) -> None:
    """It is not opened at all."""
    rewritten(place / "store.json", lambda store: store.update(change))
    for mode in ("r", "rw"):
        with pytest.raises(errors.SchemaError, match=r"newer mlcycle.*upgrade"):
            mc.open(place, mode=mode)


def test_store_that_needs_more_to_be_written(place: Path) -> None:
    """It is read, and not written."""
    rewritten(place / "store.json", lambda store: store.update(needs_write=["quantum"]))
    writes_nothing(place, "quantum.*upgrade")


def test_unknown_fields(place: Path) -> None:
    """They are passed over wherever they stand, and the project can be worked on."""
    rewritten(place / "store.json", lambda store: store.update(mood="good"))
    for path in [*place.glob("runs/*/*/head.json"), *place.glob("runs/*/*/end.json"), place / "hint.json"]:
        rewritten(path, lambda document: document.update(mood="good"))
    for points in place.glob("runs/*/*/points-*.jsonl"):
        lines = [json.loads(line) | {"mood": "good"} for line in points.read_bytes().splitlines()]
        points.write_bytes(b"".join(canonical_json(line) + b"\n" for line in lines))
    for captured in place.glob("traffic/*/*/*.jsonl"):
        lines = [json.loads(line) | {"mood": "good"} for line in captured.read_bytes().splitlines()]
        captured.write_bytes(b"".join(canonical_json(line) + b"\n" for line in lines))
    tag = {"kind": "tag.set", "name": "later", "to": 3, "mood": "good"}
    entry_of_the_future(place, mood="good", changes=[tag, *_changes_with_more(place)])
    project = mc.open(place, author="bob")
    reads(project)
    assert len(project.deployments.get("eu").traffic()) == 2
    assert project.at("later").store.info()["entries"] == 4
    assert project.datasets.get("customers@3").parents == ()
    assert project.models.get("churn@2").ref == "churn@2"
    assert project.scope.get().objective == "another"
    assert project.store.tag("now") == LAST + 1
    assert project.store.verify("bytes").problems == ()


def _changes_with_more(place: Path) -> list[dict[str, Any]]:
    """Return changes of format 1, each with a field that nobody knows yet."""
    kinds: dict[str, dict[str, Any]] = {}
    for path in sorted((place / "log").glob("*.json")):
        kinds |= {change["kind"]: change for change in json.loads(path.read_bytes())["changes"]}
    scope = kinds["scope.set"]
    more = [
        kinds["dataset.add"] | {"name": "customers", "number": 3},
        kinds["model.add"] | {"number": 2},
        scope | {"number": 2, "scope": scope["scope"] | {"objective": "another", "mood": "good"}},
    ]
    return [change | {"mood": "good"} for change in more]
