"""What models were trained on: as declared, as read, or unknown; and which test rows they have seen."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import errors
from mlcycle.lifecycle.evaluation._training_data import overlaps, shared_rows, training_data, training_problems
from mlcycle.state import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlcycle.state import Version

FRAME = pd.DataFrame({"id": range(80), "x": np.arange(80.0) ** 2, "left": [0, 1] * 40})
TREE = DecisionTreeClassifier(max_depth=1).fit(FRAME[["x"]], FRAME["left"])


@pytest.fixture
def begun(project: mc.Project) -> mc.Project:
    """Return a project with customers in two parts of 60 and 20 rows, and an experiment."""
    project.datasets.add("customers", FRAME, target="left", key="id")
    project.datasets["customers"].split(test=0.25)
    project.experiments.open("e")
    return project


def trained(project: mc.Project, name: str = "churn", *, reads: Sequence[str] = (), **given: Any) -> mc.ModelVersion:
    """Register the model of a run that read some data."""
    register = {key: given.pop(key) for key in ("declared",) if key in given}
    with project.experiments["e"].start(**given) as run:
        for one in reads:
            project.datasets[one].load()
        run.save_model(TREE)
    return run.register(name, uses=register.get("declared", ()))


def version(project: mc.Project, record: mc.ModelVersion | str) -> Version:
    """Return what the log says of a version."""
    return resolve(project._session.view(), record)


def known(project: mc.Project, model: mc.ModelVersion, *tests: str) -> list[tuple[str, str, list[str]]]:
    """Return what each model of a lineage was trained on, and how that is known."""
    session, judged_on = project._session, [version(project, f"dataset:{one}") for one in tests or ["customers.test"]]
    found = training_data(session.blobs, session.view(), version(project, model), judged_on)
    return [(one.model.shown, one.known, [data.shown for data in one.data]) for one in found]


def problems(project: mc.Project, model: mc.ModelVersion, *tests: str) -> tuple[str, ...]:
    """Return what keeps a gate from knowing what a model has seen."""
    session, judged_on = project._session, [version(project, f"dataset:{one}") for one in tests or ["customers.test"]]
    return training_problems(session.blobs, session.view(), version(project, model), judged_on)


def seen(project: mc.Project, model: mc.ModelVersion, test: str = "customers.test") -> dict[str, int | None]:
    """Return which training data shares rows with a test."""
    session = project._session
    return overlaps(session.blobs, session.view(), version(project, model), version(project, f"dataset:{test}"))


# how it is known ------------------------------------------------------------------------------------------------------


def test_what_is_declared_is_known(begun: mc.Project) -> None:
    """By the run, or when it is registered; what was read beside it is kept, and asks no question."""
    of_run = trained(begun, uses=["customers.train"], reads=["customers.train", "customers.test"])
    at_last = trained(begun, uses=["customers"], reads=["customers.test"], declared=["customers.train"])
    by_hand = begun.models.register("churn", TREE, uses=["customers.train"])
    for one in (of_run, at_last, by_hand):
        assert one.data == ("customers.train@1",)
        assert known(begun, one) == [(one.ref, "declared", ["customers.train@1"])]
        assert (problems(begun, one), seen(begun, one)) == ((), {})
    assert of_run.reads == ("customers.train@1", "customers.test@1")
    assert [one.reads for one in (at_last, by_hand)] == [("customers.test@1",), ()]
    assert "reads=[customers.test@1]" in repr(of_run)


def test_what_was_read_stands_in(begun: mc.Project) -> None:
    """Where nothing was declared, and it shares no row with the test."""
    model = trained(begun, reads=["customers.train"])
    assert (model.data, model.reads) == ((), ("customers.train@1",))
    assert known(begun, model) == [("churn@1", "read", ["customers.train@1"])]
    assert (problems(begun, model), seen(begun, model)) == ((), {})


def test_of_a_test_that_was_read_nobody_can_say(begun: mc.Project) -> None:
    """It was read to train, or to test; the line that mends it has the names, and mends it."""
    model = trained(begun, reads=["customers.train", "customers.test"])
    assert known(begun, model) == [("churn@1", "unknown", [])]
    [said] = problems(begun, model)
    line = f"project.runs['{model.run}'].register('churn', uses=['customers.train@1'])"
    assert said == (
        "what churn@1 was trained on was not declared, and its run read customers.test@1, on which it is judged; "
        f"declare it: {line}"
    )
    mended = eval(line, {"project": begun})
    assert (mended.ref, mended.data, problems(begun, mended)) == ("churn@2", ("customers.train@1",), ())


def test_rows_that_are_shared_under_another_name_are_found(begun: mc.Project) -> None:
    """The whole table holds the test, and so does a part of another seed."""
    begun.datasets["customers"].split(test=0.5, seed=9)
    [said] = problems(begun, trained(begun, reads=["customers"]), "customers.test@1")
    assert "its run read customers@1, which shares 20 rows with customers.test@1; declare it: " in said
    assert said.endswith(".register('churn', uses=[train])")
    [said] = problems(begun, trained(begun, reads=["customers.train"]), "customers.test@1")
    assert "its run read customers.train@2, which shares " in said


def test_nothing_declared_and_nothing_read_is_unknown(begun: mc.Project) -> None:
    """With a run, and without; judged on several data, and on none."""
    with_run, without = trained(begun), begun.models.register("churn", TREE)
    [said] = problems(begun, with_run)
    assert said == (
        "what churn@1 was trained on was not declared, and it may have seen rows of customers.test@1; "
        f"declare it: project.runs['{with_run.run}'].register('churn', uses=[train])"
    )
    [said] = problems(begun, without, "customers.test", "customers")
    assert said == (
        "what churn@2 was trained on was not declared, and it may have seen rows of customers.test@1 and customers@1; "
        "declare it: project.models.register('churn', estimator, uses=[train])"
    )
    session = begun._session
    [said] = training_problems(session.blobs, session.view(), version(begun, without), [])
    assert "it may have seen rows of what it is judged on" in said


def test_every_test_counts(begun: mc.Project) -> None:
    """What was read stands in only where it shares no row with any of them."""
    begun.datasets.add("other", FRAME.assign(id=FRAME["id"] + 100), target="left", key="id")
    model = trained(begun, reads=["customers.train", "other"])
    assert problems(begun, model, "customers.test") == ()
    [said] = problems(begun, model, "customers.test", "other")
    assert "read other@1, on which it is judged" in said


# lineage --------------------------------------------------------------------------------------------------------------


def test_fine_tuning_on_a_model_that_has_seen_the_test_is_a_leak(begun: mc.Project) -> None:
    """However many models lie between."""
    base = trained(begun, "base", uses=["customers"])
    middle = trained(begun, "middle", uses=[base])
    model = trained(begun, uses=["customers.train", middle])
    assert (model.data, model.base, middle.data, middle.base) == (
        ("customers.train@1",),
        ("middle@1",),
        (),
        ("base@1",),
    )
    assert known(begun, model) == [
        ("churn@1", "declared", ["customers.train@1"]),
        ("middle@1", "inherited", []),
        ("base@1", "declared", ["customers@1"]),
    ]
    assert seen(begun, model) == {"customers@1": 20}
    assert (problems(begun, model), problems(begun, middle)) == ((), ())


def test_what_a_base_was_trained_on_must_be_known_too(begun: mc.Project) -> None:
    """The sentence says of which model; a base that says it mends it, without another run."""
    base = begun.models.register("base", TREE)
    model = trained(begun, uses=["customers.train", base])
    [said] = problems(begun, model)
    assert said == (
        "churn@1 goes on from base@1, and what base@1 was trained on was not declared, and it may have seen rows of "
        "customers.test@1; declare it: project.models.register('base', estimator, uses=[train])"
    )
    better = begun.models.register("base", TREE, uses=["customers.train"])
    mended = begun.runs[model.run or ""].register("churn", uses=[better])
    assert (mended.data, mended.base, problems(begun, mended)) == (("customers.train@1",), ("base@2",), ())


def test_who_names_data_does_not_take_back_a_base(begun: mc.Project) -> None:
    """A model the run went on from stays, and one may be named without a run."""
    base = trained(begun, "base", uses=["customers"])
    model = trained(begun, uses=[base], declared=["customers.train"])
    assert (model.data, model.base) == (("customers.train@1",), ("base@1",))
    alone = begun.models.register("alone", TREE, uses=["customers.train", "model:base@1"])
    assert (alone.data, alone.base) == (("customers.train@1",), ("base@1",))
    assert [seen(begun, one) for one in (model, alone)] == [{"customers@1": 20}] * 2
    with pytest.raises(errors.InvalidInput, match=r"uses= takes versions of data and models, such as .*, got int"):
        begun.models.register("odd", TREE, uses=[5])  # type: ignore[list-item]
    with pytest.raises(errors.NotFound):
        begun.models.register("odd", TREE, uses=["model:base@9"])


def test_a_base_that_read_counts_with_what_it_read(begun: mc.Project) -> None:
    """The rule is the same for every model of a lineage."""
    base = trained(begun, "base", reads=["customers.train"])
    clean = trained(begun, uses=[base])
    assert (problems(begun, clean), seen(begun, clean)) == ((), {})
    [said] = problems(begun, trained(begun, uses=[trained(begun, "base", reads=["customers"])]))
    assert said.startswith("churn@2 goes on from base@2, and what base@2 was trained on was not declared, and its run ")


# rows -----------------------------------------------------------------------------------------------------------------


def test_an_evaluation_says_what_was_read_and_seen(begun: mc.Project) -> None:
    """What stands in is compared like what was declared."""
    begun.datasets.add("later", FRAME[:30].assign(left=0), target="left", key="id")
    model = trained(begun, reads=["customers.train"])
    found = model.evaluate("later", checks=["accuracy"])
    assert found.overlap == {}  # it shares rows, so nobody can say
    declared = trained(begun, declared=["customers.train"])
    rows = int(begun.datasets["customers.train"].load()["id"].lt(30).sum())
    assert declared.evaluate("later", checks=["accuracy"]).overlap == {"customers.train@1": rows}


@settings(max_examples=25, deadline=None)
@given(
    train=st.sets(st.integers(0, 30), min_size=1, max_size=20),
    test=st.sets(st.integers(0, 30), min_size=1, max_size=20),
    key=st.booleans(),
)
def test_shared_rows_are_those_in_both(
    tmp_path_factory: pytest.TempPathFactory, train: set[int], test: set[int], key: bool
) -> None:
    """By key or by content, whatever the order; of a version with itself all."""
    project = mc.open(tmp_path_factory.mktemp("store"), create=True)
    for name, rows in (("one", train), ("other", test)):
        frame = pd.DataFrame({"id": sorted(rows), "x": [n * 0.5 for n in sorted(rows)]})
        project.datasets.add(name, frame, **({"key": "id"} if key else {}))
    session = project._session
    one, other = (version(project, f"dataset:{name}") for name in ("one", "other"))
    found = shared_rows(session.blobs, session.view(), one, other)
    assert (found.rows, found.of) == (len(train & test), len(test))
    assert shared_rows(session.blobs, session.view(), one, one).rows == len(train)


def test_tables_without_a_column_in_common_share_no_row(begun: mc.Project) -> None:
    """A list of prices beside the training data is no leak, and no error."""
    begun.datasets.add("prices", pd.DataFrame({"item": ["a", "b"], "price": [1.0, 2.0]}))
    model = trained(begun, uses=["customers.train", "prices"])
    assert model.evaluate("customers.test", checks=["accuracy"]).overlap == {}


def _gone_by_sweep(project: mc.Project, name: str) -> None:
    project.store.drop(f"dataset:{name}@1")
    project.store.sweep(min_age=timedelta(0))


def _gone_from_the_disk(project: mc.Project, name: str) -> None:
    session = project._session
    for file in session.blobs.files_of(version(project, f"dataset:{name}").needs[0], name):
        (Path(project.store.url) / file["key"]).unlink()


def _damaged(project: mc.Project, name: str) -> None:
    session = project._session
    for file in session.blobs.files_of(version(project, f"dataset:{name}").needs[0], name):
        path = Path(project.store.url) / file["key"]
        path.write_bytes(path.read_bytes()[::-1])


@pytest.mark.parametrize("gone", [_gone_by_sweep, _gone_from_the_disk, _damaged])
@pytest.mark.parametrize("how", ["declared", "reads"])
def test_training_data_that_is_gone_is_said_to_be(begun: mc.Project, gone: Any, how: str) -> None:
    """An evaluation goes on without, and no gate takes that for a pass."""
    begun.scope.set(criteria=[mc.AtLeast("accuracy", 0.0)], test="customers.test")
    begun.datasets.add("old", FRAME.assign(id=FRAME["id"] + 100, x=-1.0), target="left")
    trained(begun, **{how: ["old"]})
    gone(begun, "old")
    elsewhere = mc.open(begun.store.url)
    model = elsewhere.models["churn@1"]
    found = model.evaluate()
    if how == "reads":
        assert found.overlap == {}
        [said] = problems(elsewhere, model)
        assert "read old@1, whose rows cannot be compared with those of customers.test@1; declare it" in said
        return
    assert found.overlap == {"old@1": None}
    assert "cannot be compared with old@1, which it was trained on" in str(found)
    assert elsewhere.models["churn@1"].evaluations()[0] == found
    with pytest.raises(errors.GateBlocked, match=r"customers\.test@1 could not be compared with old@1, which churn@1"):
        model.promote()
    assert model.promote(override_until="2100-01-01", message="old rows were of another country").allowed


def test_a_dropped_version_can_be_compared_while_it_is_there(begun: mc.Project) -> None:
    """A mark takes no row away."""
    begun.datasets.add("old", FRAME, target="left", key="id")
    model = trained(begun, uses=["old"])
    begun.store.drop("dataset:old@1")
    assert seen(begun, model) == {"old@1": 20}
