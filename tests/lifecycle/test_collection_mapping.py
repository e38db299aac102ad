"""The collections of a project are read-only mappings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mlcycle as mc
from mlcycle.errors import InvalidInput, InvalidName, NotFound, VersionDeleted
from tests.lifecycle.conftest import fitted

FRAME = pd.DataFrame({"id": range(40), "x": [n % 7 for n in range(40)], "left": [0, 1] * 20})


@pytest.fixture
def begun(project: mc.Project) -> mc.Project:
    """Return a project with some of everything."""
    customers = project.datasets.add("customers", FRAME, target="left", key="id")
    train, _ = customers.split(test=0.25)
    X, y = train.xy()
    with project.experiments.open("linear").start({"C": 1.0}, uses=[train]) as run:
        run.save_model(fitted(X, y), example=X[:5])
    run.register("churn")
    run.register("churn").promote("production")
    project.deployments.open("shop").route("churn@1")
    return project


def test_names_are_iterated_and_counted(begun: mc.Project) -> None:
    """Iteration is over names, sorted; what is handed out for each is what it means now."""
    [run] = begun.runs
    found = {name: (list(each), len(each)) for name, each in _collections(begun).items()}
    assert found == {
        "datasets": (["customers", "customers.test", "customers.train"], 3),
        "models": (["churn"], 1),
        "runs": ([run], 1),
        "experiments": (["linear"], 1),
        "deployments": (["shop"], 1),
    }
    assert [one.ref for one in begun.datasets.values()] == ["customers@1", "customers.test@1", "customers.train@1"]
    assert {name: one.ref for name, one in begun.models.items()} == {"churn": "churn@2"}
    assert [one.name for one in begun.experiments.values()] == ["linear"]
    assert [one.name for one in begun.deployments.values()] == ["shop"]
    assert isinstance(begun.models, Mapping)


def _collections(project: mc.Project) -> dict[str, Mapping[str, Any]]:
    names = ("datasets", "models", "runs", "experiments", "deployments")
    return {name: getattr(project, name) for name in names}


def test_an_address_or_a_record_stands_for_a_version(begun: mc.Project) -> None:
    """Numbers, aliases, parts, full refs, beginnings of ids, and records are keys."""
    [run] = begun.runs
    assert begun.models["churn@1"].number == 1
    assert begun.models["churn@production"].number == begun.models["model:churn@latest"].number == 2
    assert begun.datasets["customers.train"].ref == "customers.train@1"
    assert begun.datasets["dataset:customers@1"] == begun.datasets[begun.datasets["customers"]]
    assert begun.runs[run[:12]] == begun.runs[f"run:{run}"] == begun.runs[begun.runs[run]]


def test_what_is_there_is_in(begun: mc.Project) -> None:
    """`in` asks what an address means, and of nonsense says that it means nothing."""
    [run] = begun.runs
    there = [("churn", "models"), ("churn@2", "models"), ("customers.test", "datasets"), (run[:9], "runs")]
    assert [key in getattr(begun, of) for key, of in there] == [True] * 4
    assert begun.models["churn"] in begun.models
    absent = [
        "fraud",
        "churn@3",
        "churn@staging",
        "no name!",
        "dataset:customers",
        7,
        None,
        "",
        begun.datasets["customers"],
    ]
    assert [key in begun.models for key in absent] == [False] * len(absent)
    assert "linear" in begun.experiments
    assert "boosting" not in begun.experiments
    assert "Shop" in begun.deployments  # names are unique whatever their case
    assert "ffff" not in begun.runs


def test_get_gives_a_default_wherever_in_says_no(begun: mc.Project) -> None:
    """As with any mapping: nothing is raised for what is not there, and brackets raise a KeyError."""
    assert begun.models.get("fraud") is None
    assert begun.models.get("churn@9", "none") == "none"
    found = begun.models.get("churn")
    assert found is not None
    assert found.ref == "churn@2"
    assert begun.experiments.get("boosting") is None
    assert begun.deployments.get("eu", 3) == 3
    assert begun.runs.get("ffff") is None
    for odd in ("no name!", "dataset:customers"):
        assert odd not in begun.models
        assert begun.models.get(odd, 0) == 0
    with pytest.raises(KeyError, match=r"^no model is called 'fraud'"):
        begun.models["fraud"]
    with pytest.raises(InvalidInput, match="names a dataset; a model is expected here"):
        begun.models["dataset:customers"]


def test_brackets_say_what_is_near(begun: mc.Project) -> None:
    """Absence names what looks like it."""
    for each, wrong, near in [
        (begun.models, "chrun", "churn"),
        (begun.datasets, "custmers", "customers"),
        (begun.experiments, "liner", "linear"),
        (begun.deployments, "shp", "shop"),
    ]:
        with pytest.raises(NotFound, match=near):
            each[wrong]
    with pytest.raises(NotFound, match="no run begins with"):
        begun.runs["ffff"]


@pytest.mark.parametrize("wrong", ["", 7, None, "a b"])
def test_experiments_and_deployments_are_asked_by_name(begun: mc.Project, wrong: Any) -> None:
    """What is not a name is refused in words, and is not in."""
    for each in (begun.experiments, begun.deployments):
        assert wrong not in each
        with pytest.raises((InvalidInput, NotFound)):
            each[wrong]


def test_a_name_without_a_standing_version_is_passed_over(begun: mc.Project) -> None:
    """Whatever is iterated can be had; what was dropped is in by its number no more, and comes back."""
    begun.datasets.add("old", FRAME[:5])
    begun.store.drop("dataset:old@1", message="too old")
    assert "old" not in begun.datasets
    assert "old@1" not in begun.datasets
    assert "old" not in list(begun.datasets)
    assert begun.datasets.get("old@1") is None
    with pytest.raises(VersionDeleted, match="was dropped"):
        begun.datasets["old@1"]
    assert [name for name in begun.datasets if begun.datasets[name] is None] == []
    begun.store.restore("dataset:old@1")
    assert begun.datasets["old"].ref == "old@1"


def test_nothing_can_be_set_or_deleted(begun: mc.Project) -> None:
    """The mappings are read-only."""
    models: Any = begun.models
    with pytest.raises(TypeError):
        models["churn"] = 1
    with pytest.raises(TypeError):
        del models["churn"]


def test_collections_compare_by_what_they_are(begun: mc.Project) -> None:
    """Two look the same only if they are: comparing reads nothing."""
    assert begun.models == begun.models
    assert begun.models != mc.open(begun.store.url).models
    assert {begun.models: 1}[begun.models] == 1


def test_an_empty_project_has_empty_collections(tmp_path: Path) -> None:
    """Nothing is in, and each says so when printed."""
    empty = mc.open(tmp_path / "empty", create=True)
    for name, each in _collections(empty).items():
        assert (list(each), len(each), "x" in each) == ([], 0, False)
        assert name in repr(each)
    assert "none yet" in repr(empty.models)


def test_membership_reads_no_bodies(begun: mc.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """`in` and `len` go by the log alone: no manifest, profile or card is read."""
    from mlcycle.lifecycle.blobs import CheckedFiles

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a file was read")

    monkeypatch.setattr(CheckedFiles, "read_document", refuse)
    monkeypatch.setattr(CheckedFiles, "read_file", refuse)
    assert "churn@1" in begun.models
    assert "customers.train" in begun.datasets
    assert (len(begun.models), len(begun.datasets), list(begun.deployments)) == (1, 3, ["shop"])


# about a name --------------------------------------------------------------------------------------------------------


def test_a_bare_name_means_all_its_versions(begun: mc.Project) -> None:
    """Decisions and evaluations of a name are those of every version, and each version has its own."""
    begun.scope.set(criteria=[mc.AtLeast("accuracy", 0.1)], test="customers.test")
    for ref in ("churn@1", "churn@2"):
        begun.models[ref].evaluate()
    begun.models["churn@1"].promote("production")
    assert [one.subject for one in begun.models.evaluations("churn")] == ["model:churn@1", "model:churn@2"]
    assert begun.models.evaluations("churn") == begun.models.evaluations()
    assert [one.subject for one in begun.models["churn@2"].evaluations()] == ["model:churn@2"]
    assert [one.subject for one in begun.models.decisions("churn")] == ["model:churn@2", "model:churn@1"]
    assert [one.subject for one in begun.models["churn@1"].decisions()] == ["model:churn@1"]
    with pytest.raises(NotFound, match="churn"):
        begun.models.decisions("chrun")
    with pytest.raises(InvalidName, match="churn@1"):
        begun.models.decisions("churn@1")


def test_versions_are_records_at_home(begun: mc.Project) -> None:
    """What is listed can be asked."""
    assert [one.number for one in begun.models.versions("churn")] == [1, 2]
    assert [len(one.load()) for one in begun.datasets.versions("customers")] == [40]
    with pytest.raises(NotFound, match="customers"):
        begun.datasets.versions("custmers")


def test_the_table_of_models_says_where_each_stands(begun: mc.Project) -> None:
    """One row a version: aliases, data, the last verdict and what was measured then."""
    begun.models["churn@1"].evaluate("customers.test", checks=[mc.AtLeast("accuracy", 0.1)])
    frame = begun.models.frame("churn")
    assert frame["version"].tolist() == ["churn@1", "churn@2"]
    assert frame["aliases"].tolist() == ["", "production"]
    assert frame["data"].tolist() == ["customers.train@1"] * 2
    assert frame["verdict"].tolist()[0] == "pass"
    assert 0 <= frame["accuracy ≥ 0.1"][0] <= 1
    assert frame["accuracy ≥ 0.1"].isna().tolist() == [False, True]
    assert begun.models.frame().equals(frame)
