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
from mlcycle.lifecycle.datasets import shared_rows
from mlcycle.lifecycle.evaluation._training_data import overlaps, training_data, training_words
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
    return training_words(session.blobs, session.view(), version(project, model), judged_on).problems


def notes(project: mc.Project, model: mc.ModelVersion, *tests: str) -> tuple[str, ...]:
    """Return what a decision should tell of the training data of a model."""
    session, judged_on = project._session, [version(project, f"dataset:{one}") for one in tests or ["customers.test"]]
    return training_words(session.blobs, session.view(), version(project, model), judged_on).notes


def seen(project: mc.Project, model: mc.ModelVersion, test: str = "customers.test") -> dict[str, int | None]:
    """Return which training data shares rows with a test."""
    session = project._session
    return overlaps(session.blobs, session.view(), version(project, model), version(project, f"dataset:{test}"))


# how it is known ------------------------------------------------------------------------------------------------------


def test_what_is_declared_is_known(begun: mc.Project) -> None:
    """By the run, or when it is registered; what was read beside it is kept, and asks no question."""
    of_run = trained(begun, uses=["customers.train"], reads=["customers.train", "customers.test"])
    at_last = trained(begun, reads=["customers.test"], declared=["customers.train"])
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
        f"declare it: {line}, and evaluate the version that makes"
    )
    mended = eval(line, {"project": begun})
    assert (mended.ref, mended.data, problems(begun, mended)) == ("churn@2", ("customers.train@1",), ())


def test_rows_that_are_shared_under_another_name_are_found(begun: mc.Project) -> None:
    """The whole table holds the test, and so does a part of another seed."""
    begun.datasets["customers"].split(test=0.5, seed=9)
    [said] = problems(begun, trained(begun, reads=["customers"]), "customers.test@1")
    assert "its run read customers@1, which shares 20 rows with customers.test@1; declare it: " in said
    assert said.endswith(".register('churn', uses=[train]), and evaluate the version that makes")
    [said] = problems(begun, trained(begun, reads=["customers.train"]), "customers.test@1")
    assert "its run read customers.train@2, which shares " in said


def test_nothing_declared_and_nothing_read_is_unknown(begun: mc.Project) -> None:
    """With a run, and without; judged on several data, and on none."""
    with_run, without = trained(begun), begun.models.register("churn", TREE)
    [said] = problems(begun, with_run)
    assert said == (
        "what churn@1 was trained on was not declared, and it may have seen rows of customers.test@1; "
        f"declare it: project.runs['{with_run.run}'].register('churn', uses=[train]), "
        "and evaluate the version that makes"
    )
    [said] = problems(begun, without, "customers.test", "customers")
    assert said == (
        "what churn@2 was trained on was not declared, and it may have seen rows of customers.test@1 and customers@1; "
        "declare it: project.models.register('churn', estimator, uses=[train]), and evaluate the version that makes"
    )
    session = begun._session
    [said] = training_words(session.blobs, session.view(), version(begun, without), []).problems
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
    """The sentence says of which model; the run went on from that version, so it takes a new one."""
    base = begun.models.register("base", TREE)
    model = trained(begun, uses=["customers.train", base])
    [said] = problems(begun, model)
    assert said == (
        "churn@1 goes on from base@1, and what base@1 was trained on was not declared, and it may have seen rows of "
        "customers.test@1; declare it: project.models.register('base', estimator, uses=[train]), and let churn go on "
        "from the version that makes, in a new run"
    )
    better = begun.models.register("base", TREE, uses=["customers.train"])
    mended = trained(begun, uses=["customers.train", better])
    assert (mended.data, mended.base, problems(begun, mended)) == (("customers.train@1",), ("base@2",), ())


def test_who_registers_takes_nothing_back(begun: mc.Project) -> None:
    """What the run declared stands, data and models, each once; what is named at last is added."""
    base = trained(begun, "base", uses=["customers"])
    clean = trained(begun, "base", uses=["customers.train"])
    model = trained(begun, uses=[base], declared=["customers.train", clean])
    assert (model.data, model.base) == (("customers.train@1",), ("base@1", "base@2"))
    again = trained(begun, uses=["customers", clean], declared=["customers.train", "customers", clean])
    assert (again.data, again.base) == (("customers@1", "customers.train@1"), ("base@2",))
    alone = begun.models.register("alone", TREE, uses=["customers.train", "model:base@1"])
    assert (alone.data, alone.base) == (("customers.train@1",), ("base@1",))
    assert [seen(begun, one) for one in (model, again, alone)] == [{"customers@1": 20}] * 3
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


# notes ----------------------------------------------------------------------------------------------------------------


def test_a_decision_should_tell_what_stood_in(begun: mc.Project) -> None:
    """Nothing was declared, and what the run read shares no row with the test."""
    [told] = notes(begun, trained(begun, reads=["customers.train"]))
    assert told == (
        "what churn@1 was trained on was not declared; its run read customers.train@1, which is taken for it: "
        "run.register('churn', uses=[…])"
    )
    assert notes(begun, trained(begun, uses=["customers.train"], reads=["customers.train"])) == ()


def test_a_decision_should_tell_what_else_was_read(begun: mc.Project) -> None:
    """Of what was declared nobody can say more; the test itself is read to judge."""
    model = trained(begun, uses=["customers.train"], reads=["customers.train", "customers.test", "customers"])
    also = "churn@1: its run also read customers@1, which shares 20 rows with customers.test@1"
    assert (notes(begun, model), problems(begun, model), seen(begun, model)) == ((also,), (), {})


def test_a_decision_should_tell_of_rejected_data(begun: mc.Project) -> None:
    """A hook kept it from becoming the newest; who names it by number may still have it."""
    guarded = mc.open(begun.store.url, hooks=[mc.before("dataset.commit", lambda event, context: False)])
    with pytest.raises(errors.GateBlocked):
        guarded.datasets.add("customers", FRAME[:70], target="left", key="id")
    model = trained(begun, uses=["customers@2"])
    assert "customers@2 was rejected when it was added, and churn@1 was trained on it" in notes(begun, model)


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


TOLD = "features@1 was made from customers@1, which shares 20 rows with customers.test@1"


def test_what_training_data_was_made_from_counts(begun: mc.Project) -> None:
    """Transformed rows are known by nothing but their lineage, however long, and of a part as of a table."""
    made = pd.DataFrame({"feature": FRAME["x"] / 3, "label": FRAME["left"]})
    begun.datasets.add("features", made, parents=["customers"])
    begun.datasets["features"].split(test=0.25)
    begun.datasets.add("further", made + 1, parents=["features.train"])
    begun.datasets.add("honest", made[:60] + 2, parents=["customers.train"])
    for one in ("features", "features.train", "further"):
        model = trained(begun, uses=[one])
        assert seen(begun, model) == {"customers@1": 20}, one
        assert TOLD.replace("features", one, 1) in notes(begun, model)
        [said] = problems(begun, trained(begun, reads=[one]))
        assert f"its run read {one}@1, which was made from customers@1, which shares 20 rows with " in said
    model = trained(begun, uses=["honest"])
    assert (seen(begun, model), notes(begun, model)) == ({}, ())
    assert seen(begun, trained(begun, uses=["customers"]), "features.test") == {}  # a whole says nothing of its rows
    begun.datasets.add("judged", made[:20] + 3, parents=["customers.test"])
    assert seen(begun, trained(begun, uses=["customers"]), "judged") == {"customers@1": 20}
    assert seen(begun, trained(begun, uses=["honest"]), "judged") == {}


@pytest.mark.parametrize("convert", [int, float, str])
@pytest.mark.parametrize("role", [{}, {"key": "id"}])
def test_a_key_tells_what_was_made_from_which_rows(begun: mc.Project, convert: Any, role: dict[str, str]) -> None:
    """With the role or without, as numbers or text: none shared is an answer, whatever the table was made from."""
    train, test = (begun.datasets[f"customers.{part}"].load() for part in ("train", "test"))
    made = pd.DataFrame({"id": train["id"].map(convert), "feature": train["x"] / 3})
    begun.datasets.add("features", made, parents=["customers"], **role)
    model = trained(begun, uses=["features"])
    assert (seen(begun, model), notes(begun, model)) == ({}, ())
    more = pd.DataFrame({"id": test["id"].map(convert), "feature": test["x"] / 3})[:5]
    begun.datasets.add("features", pd.concat([made, more]), parents=["customers"], **role)
    assert seen(begun, trained(begun, uses=["features"])) == {"features@2": 5}


def test_a_key_without_values_is_none(begun: mc.Project) -> None:
    """Then rows are compared by what else they have, and lineage counts."""
    made = pd.DataFrame({"id": pd.Series([None] * 80, dtype="Int64"), "feature": FRAME["x"] / 3})
    begun.datasets.add("features", made, parents=["customers"])
    assert seen(begun, trained(begun, uses=["features"])) == {"customers@1": 20}


def test_rows_that_nothing_compares_are_unknown(begun: mc.Project) -> None:
    """Lists have no hash: of training data that is told, of what it was made from only its own parents are asked."""
    lists = pd.DataFrame({"x": [[1.0], [2.0]] * 40, "left": FRAME["left"]})
    begun.datasets.add("lists", lists, parents=["customers"])
    begun.datasets.add("features", pd.DataFrame({"feature": FRAME["x"] / 3}), parents=["lists"])
    assert seen(begun, trained(begun, uses=["lists"])) == {"lists@1": None}
    assert seen(begun, trained(begun, uses=["features"])) == {"customers@1": 20}


def test_doubled_rows_hide_no_leak(project: mc.Project) -> None:
    """A training table with every row twice, as oversampling makes it."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"id": range(800), "a": rng.normal(size=800), "b": rng.normal(size=800), "y": [0, 1] * 400})
    customers = project.datasets.add("customers", frame, target="y")
    train, _ = customers.split(test=0.25)
    project.datasets.add("balanced", pd.concat([frame, frame]), target="y", parents=[customers])
    project.datasets.add("honest", pd.concat([train.load()] * 2), target="y", parents=[train])
    project.experiments.open("e")
    [leaky, clean] = [trained(project, uses=[one]) for one in ("balanced", "honest")]
    assert (seen(project, leaky), seen(project, clean)) == ({"balanced@1": 200}, {})


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
