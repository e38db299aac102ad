"""The scope: versions, criteria as data, and what is told of a slip when it is set."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import attrs
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier

import mlcycle as mc
from mlcycle import errors, records
from mlcycle.lifecycle.scope._changing import changed_scope
from mlcycle.state import NameSet, guards_on


def test_set_changes_only_what_is_given(anywhere: mc.Project) -> None:
    """Fields not given keep their value, and every change is a version."""
    anywhere.scope.set(objective="keep customers", risks=["label delay"], owner="ada")
    second = anywhere.scope.set(requirements=["explainable"], message="support asked")
    assert (second.number, second.objective, second.risks) == (2, "keep customers", ("label delay",))
    assert [scope.number for scope in anywhere.scope.versions()] == [1, 2]
    assert anywhere.scope.get(1).requirements == ()  # type: ignore[union-attr]


def test_setting_the_same_again_writes_nothing(project: mc.Project) -> None:
    """A script run twice leaves one version."""
    first = project.scope.set(objective="x", criteria=[mc.AtLeast("roc_auc", 0.8)], test="t")
    assert project.scope.set(objective="x", criteria=[mc.AtLeast("roc_auc", 0.8)], test="t") == first


@pytest.mark.parametrize("name", ["model:churn", "run:abc", "no name!", "churn@two words"])
def test_what_can_name_no_data_is_refused_when_set(project: mc.Project, name: str) -> None:
    """As a test and as the data of one criterion; names of data still to come are fine."""
    for given in ({"test": name}, {"criteria": [mc.AtLeast("roc_auc", 0.8, on=name)]}):
        with pytest.raises(errors.InvalidInput):
            project.scope.set(objective="x", **given)  # type: ignore[arg-type]
    assert project.scope.versions() == []
    project.scope.set(objective="x", criteria=[mc.AtLeast("roc_auc", 0.8, on="dataset:later.test@2")], test="later")


def test_refs_of_criteria_are_stored_as_the_page_spells_them(project: mc.Project) -> None:
    """No leading zeros, names in NFC, kinds said; what is no ref (an alias or a number alone) stays as it is."""
    criteria = [
        mc.AtLeast("roc_auc", 0.8, on="e\u0301t\u00e9.test@02"),
        mc.NotWorseThan("churn@07", "roc_auc", on="later@latest"),
        mc.NotWorseThan("model:churn@latest", "roc_auc"),
        mc.NotWorseThan("production", "roc_auc"),
    ]
    scope = project.scope.set(criteria=criteria, test="later@01")
    assert [one.on for one in scope.criteria] == ["\u00e9t\u00e9.test@2", "later", None, None]
    assert [one.reference for one in scope.criteria[1:]] == ["churn@7", "churn@latest", "production"]
    (made,) = [one for one in project._session.log.entry(1)["changes"] if one["kind"] == "version.add"]
    assert [one["on"] for one in made["scope"]["criteria"][:2]] == ["dataset:\u00e9t\u00e9.test@2", "dataset:later"]
    assert [one["reference"] for one in made["scope"]["criteria"][1:3]] == ["model:churn@7", "model:churn@latest"]
    with pytest.raises(errors.InvalidInput, match=r"reference='dataset:churn@7' names a dataset; it is a model"):
        project.scope.set(criteria=[mc.NotWorseThan("dataset:churn@7", "roc_auc")], test="later")


def test_criteria_are_readable_in_any_process(project: mc.Project) -> None:
    """Criteria come back equal in another process."""
    criteria = [mc.AtLeast("roc_auc", 0.8, slices="region"), mc.NotWorseThan("production", "accuracy", margin=0.02)]
    project.scope.set(criteria=criteria, test="t")
    code = f"import mlcycle; print(list(mlcycle.open({project.store.url!r}, mode='r').scope.get().criteria))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(criteria)


def test_bad_fields_are_named(project: mc.Project, tmp_path: Path) -> None:
    """An unknown metric, a lone string for a list, a model for a test set."""
    with pytest.raises(errors.InvalidInput, match="roc_auc"):
        project.scope.set(criteria=[mc.AtLeast("roc_acu", 0.8)])
    with pytest.raises(errors.InvalidInput, match="risks is a list"):
        project.scope.set(risks="label delay")
    with pytest.raises(errors.InvalidInput, match="names a model"):
        project.scope.set(test="model:churn")
    with pytest.raises(errors.InvalidInput, match="criteria is a list"):
        project.scope.set(criteria=mc.AtLeast("roc_auc", 0.8))  # type: ignore[arg-type]
    assert project.scope.get() is None


@pytest.mark.parametrize("field", ["objective", "collection_plan", "owner", "requirements", "data_needed", "risks"])
def test_a_field_that_could_not_be_read_again_is_never_committed(project: mc.Project, field: str) -> None:
    """A number for a text would make the scope unreadable, and with it every gate and the next change of the scope."""
    project.scope.set(objective="keep customers")
    for wrong in (3, {}, b"x", [3]):
        with pytest.raises(errors.InvalidInput, match=f"{field} is (text, got|a list of texts, got)"):
            project.scope.set(**{field: wrong})  # type: ignore[arg-type]
    assert [scope.number for scope in project.scope.versions()] == [1]


def test_a_criterion_without_data_says_so_when_it_is_set(project: mc.Project) -> None:
    """A criterion that no gate could judge is warned about at once, and no more once its data is named."""
    accuracy, f1 = mc.AtLeast("accuracy", 0.8), mc.AtLeast("f1", 0.7, on="live.test")
    with pytest.warns(
        errors.MlcycleWarning, match=r"accuracy ≥ 0.8 names no data .* project\.scope\.set\(test="
    ) as said:
        scope = project.scope.set(criteria=[f1, accuracy])
    assert ([str(one.message)[:8] for one in said], scope.number) == (["accuracy"], 1)
    project.scope.set(test="customers.test")
    project.scope.set(criteria=[f1, accuracy])
    project.scope.set(owner="ada")


@pytest.mark.parametrize(
    "criterion",
    [mc.AtLeast("accuracy", 0.8, slices=["regoin", "plan"]), mc.Unique("regoin", on="t"), mc.InRange("regoin", 0, 1)],
)
def test_a_criterion_on_a_column_nobody_has_is_refused(project: mc.Project, criterion: records.Criterion) -> None:
    """Where the data exists already, also when it becomes the test; where it does not, it is a promise."""
    project.scope.set(criteria=[criterion], test="t")
    project.datasets.add("u", pd.DataFrame({"region": ["a", "b"], "plan": [0, 1], "y": [0, 1]}), target="y")
    elsewhere = attrs.evolve(criterion, on="u")
    said = r"could never be judged: column='regoin' names no column of u@1; did you mean 'region'\?"
    for change in (lambda: project.scope.set(criteria=[criterion, elsewhere]), lambda: project.scope.add(elsewhere)):
        with pytest.raises(errors.InvalidInput, match=said):
            change()
    if criterion.on is None:
        with pytest.raises(errors.InvalidInput, match=said):
            project.scope.set(test="u")
    assert len(project.scope.versions()) == 1


def test_criteria_are_added_and_removed_one_by_one(project: mc.Project) -> None:
    """Beside those there are; by the criterion or as it reads; one that is there already changes nothing."""
    auc, f1 = mc.AtLeast("roc_auc", 0.8), mc.AtLeast("f1", 0.5)
    project.scope.set(criteria=[auc], test="t")
    assert project.scope.add(f1, auc, message="support asked").criteria == (auc, f1)
    assert project.scope.add(f1).number == 2
    assert project.scope.remove("roc_auc ≥ 0.8").criteria == (f1,)
    assert project.scope.remove(f1).criteria == ()
    with pytest.raises(errors.NotFound, match=r"no criterion 'f1 ≥ 0.6'; it has none"):
        project.scope.remove(mc.AtLeast("f1", 0.6))
    with pytest.raises(errors.InvalidInput, match="roc_auc"):
        project.scope.add(mc.AtLeast("roc_acu", 0.8))


def test_a_part_that_is_not_there_is_told_when_set(project: mc.Project) -> None:
    """Where the dataset has others; what does not exist yet, or is not split yet, is a promise."""
    frame = pd.DataFrame({"a": range(40), "y": [0, 1] * 20})
    criteria = [mc.AtLeast("accuracy", 0.8), mc.AtLeast("f1", 0.8)]
    project.scope.set(criteria=criteria, test="later.tset")
    whole = project.datasets.add("rentals", frame, target="y")
    project.scope.set(test="rentals.tset")
    train, _ = whole.split(test=0.5)
    said = r"no data 'rentals.tsett' .* are rentals.test, rentals.train: did you mean 'rentals.test'"
    with pytest.warns(errors.MlcycleWarning, match=said):
        project.scope.set(test="rentals.tsett")
    with pytest.warns(errors.MlcycleWarning, match="no data 'rentals.tran'"):
        project.scope.set(criteria=[*criteria, mc.Unique("a", on="rentals.tran")], test="rentals.test")
    model = project.models.register("rent", DummyClassifier().fit(*train.xy()))
    with pytest.warns(errors.MlcycleWarning, match="no data 'rentals.tset'"):
        project.scope.set(test="rentals.tset@2")
    with pytest.raises(errors.GateBlocked) as blocked:
        model.promote("production")
    told = str(blocked.value)
    assert "accuracy ≥ 0.8 and f1 ≥ 0.8 could not be computed: no dataset is called 'rentals.tset'" in told
    assert (told.count("rentals.tset"), told.count("project.scope.set(test='…')")) == (1, 1)


def test_thresholds_out_of_range_never_become_the_scope(project: mc.Project) -> None:
    """A percentage where a share belongs is refused before anything is written."""
    for criterion in (mc.AtLeast("accuracy", 95), mc.NotWorseThan("production", "accuracy", margin=5)):
        with pytest.raises(errors.InvalidInput, match=r"between 0 and 1.*did you mean 0\.\d+5\?"):
            project.scope.set(criteria=[criterion], test="t")
    assert project.scope.get() is None


def test_a_stored_scope_is_read_whatever_it_asks(project: mc.Project) -> None:
    """Criteria kept before thresholds were looked at are still read, and judged."""
    old = records.Scope(number=1, criteria=[mc.AtLeast("accuracy", 95)], test="t")
    assert records.from_json(records.to_json(old)) == old


def test_what_a_newer_mlcycle_wrote_into_a_scope_stays() -> None:
    """Unknown fields survive a change, also those of a criterion that is set again as it was read."""
    strict, newer = mc.AtLeast("roc_auc", 0.8), {"type": "Calibrated", "within": 0.02}
    known = records.to_json(records.Scope(criteria=[strict, mc.AtMost("log_loss", 1)]))
    known |= {"budget": 3, "criteria": [{**known["criteria"][0], "weights": "cost"}, known["criteria"][1], newer]}
    read = records.from_json(known).criteria
    again = [records.to_json(one) for one in (*read[::2], mc.AtLeast("f1", 0.5))]
    changed = changed_scope(known, {"owner": "ada", "criteria": again})
    criteria = [known["criteria"][0], newer, records.to_json(mc.AtLeast("f1", 0.5))]
    assert changed == {**known, "owner": "ada", "criteria": criteria}


def test_a_criterion_of_a_newer_mlcycle_shuts_the_gate_and_nothing_else(project: mc.Project) -> None:
    """Data, scope and history stay readable; evaluations and gates say what is missing; removing it loosens."""
    frame = pd.DataFrame({"x": range(200), "y": [0, 1] * 100})
    project.datasets.add("d", frame, target="y")
    newer = records.UnknownCriterion({"type": "Calibrated", "within": 0.02})
    scope = project.scope.set(criteria=[newer], test="d")
    assert scope.criteria == (newer,)
    assert project.scope.set(criteria=[*scope.criteria, mc.AtLeast("accuracy", 0.5)]).criteria[0] == newer
    version = project.models.register("m", DummyClassifier().fit(frame[["x"]], frame["y"]))
    found = version.evaluate("d").results[0]
    words = "this criterion needs a newer mlcycle"
    assert (found.check, found.verdict) == ("Calibrated (needs a newer mlcycle)", "error")
    assert words in found.detail
    with pytest.raises(errors.GateBlocked, match=words):
        version.promote()
    with pytest.raises(errors.GateBlocked, match=r"Calibrated.* would be removed"):
        project.scope.set(criteria=[])
    version.promote(message="pilot", override_until="30d")


def test_a_record_is_the_test_set(project: mc.Project, cells: pd.DataFrame) -> None:
    """A record stands wherever a ref does, and means its own version."""
    version = project.datasets.add("cells", cells, target="target")
    assert project.scope.set(criteria=[mc.AtLeast("roc_auc", 0.9)], test=version).test == "cells@1"


def test_what_criteria_judge_is_what_they_guard(project: mc.Project) -> None:
    """A writer that knows no gates keeps its hands off that; guards of somebody else stay."""
    session = project._session
    theirs = {"run/version.add": ["gates"]}
    session.operate(
        "scope.set", lambda do: do.commit(lambda view: [NameSet(of="project", name="project", guards=theirs)])
    )
    models = ["deployment/pointer.move", "model/pointer.move"]
    later = {"override_until": "2100-01-01", "message": "a test"}

    def guarded(*criteria: records.Criterion) -> list[str]:
        project.scope.set(criteria=criteria, test="d", **later)
        found = guards_on(session.view(), "project", "project")
        assert found.pop("run/version.add") == ["gates"]
        assert all(needs == ["gates"] for needs in found.values())
        return sorted(found)

    on = {"on": "d"}
    assert guarded(mc.RowCount(at_least=1, **on)) == ["dataset/version.add"]
    assert guarded(mc.AtLeast("accuracy", 0.8, **on)) == models
    assert guarded(mc.AtLeast("accuracy", 0.8, **on), mc.Unique("x", **on)) == ["dataset/version.add", *models]
    assert guarded(mc.AtLeast("accuracy", 0.8, blocking=False, **on)) == []
    assert guarded(records.UnknownCriterion({"type": "Fresh", **on})) == ["dataset/version.add", *models]
    assert guarded() == []
