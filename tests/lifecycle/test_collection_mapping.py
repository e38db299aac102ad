"""The collections of a project are read-only mappings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mlcycle as mc
from mlcycle.errors import InvalidInput, NotFound, VersionDeleted
from mlcycle.lifecycle._connection import Connection
from mlcycle.lifecycle._home import Home
from mlcycle.lifecycle._session import Session
from mlcycle.storage import open_files
from mlcycle.testing import FaultyFiles
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
        assert "none yet" in each._repr_html_()  # type: ignore[attr-defined]
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


def asked(url: str) -> tuple[mc.Project, list[tuple[str, str]]]:
    """Return a project, and what it asks of the storage from now on."""
    calls: list[tuple[str, str]] = []
    connection = Connection(url)
    connection.use_files(FaultyFiles(open_files(url), lambda _, op, key: calls.append((op, key)), local_paths=True))
    project = mc.Project(Session(connection, author="bob", make_home=Home))
    project.status()
    calls.clear()
    return project, calls


def test_names_are_counted_by_one_look(begun: mc.Project) -> None:
    """Whether there is anything, how much, and what is it called is asked of the storage once; a list asks twice."""
    project, calls = asked(begun.store.url)
    for each in _collections(project).values():
        len(each)
        once = list(calls)
        calls.clear()
        for look, times in [(bool, 1), (repr, 1), (iter, 1), (list, 2)]:
            look(each)
            assert calls == once * times
            calls.clear()


def test_runs_are_counted_and_named_by_one_listing(begun: mc.Project) -> None:
    """No head or end is read for it."""
    project, calls = asked(begun.store.url)
    assert (len(project.runs), list(project.runs)) == (1, list(begun.runs))
    assert [call for call in calls if "runs" in call[1]] == [("list", "runs/")] * 3


def test_what_is_gone_through_is_of_one_look(begun: mc.Project) -> None:
    """Another writer who drops a name meanwhile breaks no loop, and does not change what it says."""
    with begun.experiments.open("linear").start() as run:
        pass
    other = mc.open(begun.store.url, author="bob")
    for each, last in ((begun.datasets, "dataset:customers.train@1"), (begun.runs, f"run:{run.id}")):
        before, found = list(each), []
        for name, _ in each.items():
            other.store.drop(last)
            found.append(name)
        assert found == before
        values, items = each.values(), each.items()
        assert len(values) == len(list(values)) == len(before) - 1
        other.store.restore(last)
        assert dict(items).keys() == set(before[:-1])
        assert (before[-1], each[before[-1]]) not in items
        assert (before[0], each[before[0]]) in items


def test_runs_of_the_future_are_not_in_the_past(begun: mc.Project) -> None:
    """Whether by id, by a beginning, by record, or while it goes on: what began later is not there."""
    [first] = begun.runs
    past = begun.at(begun.store.tag("before"))
    begun.store.tag("after")
    with begun.experiments.open("linear").start() as run:
        assert run not in past.runs
    for key in (run.id, run.id[:-1], begun.runs[run.id]):
        assert key in begun.runs
        assert key not in past.runs
        assert past.runs.get(key) is None
    with pytest.raises(NotFound, match=f"there is no run {run.id} as of entry"):
        past.runs[run.id]
    common = first[:3]
    assert run.id.startswith(common)
    assert (past.runs[common].id, list(past.runs), len(past.runs)) == (first, [first], 1)
    assert [one.id for one in past.runs.values()] == [first]


def test_dropped_runs_are_passed_over(begun: mc.Project) -> None:
    """They spoil no beginning, are found by who brings them back, and stand in the past."""
    [first] = begun.runs
    with begun.experiments.open("linear").start() as run:
        pass
    before = begun.at(begun.store.tag("before"))
    with pytest.raises(NotFound, match="2 runs begin with"):
        begun.runs[first[:3]]
    begun.store.drop(f"run:{first}")
    assert begun.runs[first[:3]].id == run.id
    for key in (first, first[:-1]):
        assert key not in begun.runs
        assert begun.runs.get(key) is None
        with pytest.raises(VersionDeleted, match=rf"run {first} was dropped; .*store.restore\('run:{first}'\)"):
            begun.runs[key]
    assert (len(before.runs), before.runs[first].status) == (2, "finished")
    assert begun.models["churn@1"].load() is not None
    begun.store.restore(f"run:{first[:-1]}")
    assert begun.runs[first].status == "finished"


def test_runs_of_elsewhere_and_other_things_are_refused_in_words(begun: mc.Project, tmp_path: Path) -> None:
    """An error says what was expected, and where what was looked for is found."""
    other = mc.open(tmp_path / "other", create=True)
    with other.experiments.open("e").start() as run:
        pass
    for wrong in (run, other.runs[run.id]):
        with pytest.raises(InvalidInput, match=f"^run:{run.id} is a record of another project"):
            begun.runs[wrong]
    with pytest.raises(InvalidInput, match="a run is given by its id or a beginning of it, got DatasetVersion"):
        begun.runs[begun.datasets["customers"]]
    with pytest.raises(InvalidInput, match=r"got int: -1; the newest is project\.runs\[list\(project\.runs\)\[-1\]\]"):
        begun.runs[-1]  # type: ignore[index]
    with pytest.raises(NotFound, match=r"an experiment, whose runs are project\.experiments\['linear'\]\.runs\(\)"):
        begun.runs["linear"]


def test_an_error_names_only_what_can_be_had(begun: mc.Project) -> None:
    """A name whose versions were all dropped is no proposal."""
    begun.datasets.add("customer", FRAME[:5])
    begun.store.drop("dataset:customer@1")
    there = "There are: customers, customers.test, customers.train. Did you mean 'customers' or"
    with pytest.raises(NotFound, match=rf"no dataset is called 'custome'\. {there}"):
        begun.datasets["custome"]
    with pytest.raises(NotFound, match=r"nothing is called 'custome'\. Did you mean 'customers' or"):
        begun.load("custome")


def test_a_verb_of_what_is_held_says_where_it_stands(begun: mc.Project) -> None:
    """Who asks a collection for it learns how to get the one; other names are unknown as anywhere."""
    for name, verb, stands in [
        ("datasets", "load", "version: project.datasets['customers@3'].load"),
        ("datasets", "split", "version: project.datasets['customers@3'].split"),
        ("models", "promote", "version: project.models['churn@7'].promote"),
        ("runs", "points", "run: project.runs['3f9a'].points"),
        ("experiments", "start", "experiment: project.experiments['boosting'].start"),
        ("deployments", "route", "deployment: project.deployments['eu'].route"),
    ]:
        each = getattr(begun, name)
        assert not hasattr(each, verb)
        with pytest.raises(AttributeError) as caught:
            getattr(each, verb)
        assert str(caught.value) == f"{verb} is asked of one {stands}(…)"
        for unknown in ("nonsense", "_nonsense", "__nonsense__"):
            with pytest.raises(AttributeError, match=f"^'{type(each).__name__}' object has no attribute '{unknown}'$"):
                getattr(each, unknown)


def test_a_notebook_shows_what_is_there(begun: mc.Project) -> None:
    """A card with a table, of at most 20, and names to complete brackets with."""
    [run] = begun.runs
    shown = {name: each._repr_html_() for name, each in _collections(begun).items()}  # type: ignore[attr-defined]
    for name, told in {
        "datasets": "customers.train@1",
        "models": "churn@2",
        "runs": run,
        "experiments": "linear",
        "deployments": "revision 1, churn@1 100 %",
    }.items():
        assert told in shown[name]
        assert f"{name} of {begun.store.url}" in shown[name]
        assert shown[name].count("<table") == 1
    assert begun.models._ipython_key_completions_() == ["churn"]
    for number in range(22):
        begun.experiments.open(f"e{number:02}")
        begun.experiments["linear"].start().finish()
    shown = begun.experiments._repr_html_()
    assert ("e19" in shown, "e20" in shown, "and 3 more" in shown) == (True, False, True)
    shown = begun.runs._repr_html_()
    assert (list(begun.runs)[-1] in shown, run in shown, "and 3 more" in shown) == (True, False, True)
    assert repr(begun.experiments) == (
        f"<experiments of {begun.store.url} (23): e00, e01, e02, e03, e04, e05, e06, e07 and 15 more>"
    )


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
    assert [one.subject for one in begun.models.decisions("churn")] == [
        "model:churn@2",
        "deployment:shop",  # a route is decided about the models it sends traffic to
        "model:churn@1",
    ]
    assert [one.subject for one in begun.models["churn@1"].decisions()] == ["deployment:shop", "model:churn@1"]
    assert [one.subject for one in begun.models["churn@2"].decisions()] == ["model:churn@2"]
    with pytest.raises(NotFound, match="churn"):
        begun.models.decisions("chrun")


def test_versions_are_records_at_home(begun: mc.Project) -> None:
    """What is listed can be asked."""
    assert [one.number for one in begun.models.versions("churn")] == [1, 2]
    assert [len(one.load()) for one in begun.datasets.versions("customers")] == [40]
    begun.datasets.add("customers", FRAME[:5])
    begun.store.drop("dataset:customers@2")
    every = ["customers@1", "customers.test@1", "customers.train@1"]
    assert [one.ref for one in begun.datasets.versions()] == every
    assert [one.ref for one in begun.models.versions()] == ["churn@1", "churn@2"]
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
    assert begun.models.frame().drop(columns="age").equals(frame.drop(columns="age"))


def test_a_full_address_or_a_record_names_a_handle(begun: mc.Project) -> None:
    """As for versions: with the noun before it, or a record that belongs there."""
    [run] = begun.runs
    assert begun.deployments["deployment:shop"].name == begun.deployments["shop"].name
    revision = begun.deployments["shop"].revision
    assert revision in begun.deployments
    assert begun.experiments["experiment:linear"].name == begun.experiments[begun.runs[run]].name == "linear"
    assert "experiment:linear" not in begun.deployments


def test_one_version_where_a_name_is_asked_for(begun: mc.Project) -> None:
    """The error says where that version's own verbs are."""
    for wrong in ("churn@1", begun.models["churn@1"]):
        with pytest.raises(InvalidInput, match=r"is one version, and a name is asked for: project.models\['churn@1'\]"):
            begun.models.decisions(wrong)  # type: ignore[arg-type]


def test_the_history_of_a_name_is_narrowed_as_that_of_the_project(begun: mc.Project) -> None:
    """One shape: what is asked of a name is what the project says of it."""
    for found, of in [
        (begun.models.history("churn", kind="promote"), "model:churn"),
        (begun.datasets.history("customers", kind="add", limit=1), "dataset:customers"),
        (begun.deployments["shop"].history(author="ada", since=0), begun.deployments["shop"]),
    ]:
        asked = {"model:churn": {"kind": "promote"}, "dataset:customers": {"kind": "add", "limit": 1}}.get(of, {})
        pd.testing.assert_frame_equal(found, begun.history(of=of, **asked))
    assert len(begun.models.history("churn", kind="promote")) == 1
