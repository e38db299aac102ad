"""Going back to the version of a dataset before."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import mlcycle as mc
from mlcycle.errors import GateBlocked, InvalidInput, NotFound

FRAME = pd.DataFrame({"id": range(40), "x": [n % 7 for n in range(40)], "left": [0, 1] * 20})


def table(turn: int) -> pd.DataFrame:
    """Return the rows of a turn."""
    return FRAME.assign(x=FRAME["x"] + turn)


def latest(project: mc.Project) -> dict[str, str]:
    """Return what each name means."""
    return {name: version.ref for name, version in project.datasets.items()}


def grown(project: mc.Project) -> mc.Project:
    """Take a dataset and its parts to version 3."""
    for turn in range(3):
        version = project.datasets.add("customers", table(turn), target="left", key="id")
        train, _ = version.split(test=0.25)
        train.split(test=0.5)
    return project


def test_it_goes_back_with_its_parts(project: mc.Project) -> None:
    """What was made from the current version goes with it, parts of parts too; nothing else moves."""
    grown(project)
    project.datasets.add("other", FRAME)
    back = project.datasets.rollback("customers", message="upstream bug")
    assert back == project.datasets["customers@2"]
    names = ("customers", "customers.test", "customers.train", "customers.train.test", "customers.train.train")
    assert latest(project) == {name: f"{name}@2" for name in names} | {"other": "other@1"}
    assert len(project.datasets["customers@3"].load()) == 40
    assert [one.number for one in project.datasets.versions("customers")] == [1, 2, 3]
    assert project.history(limit=1)["message"].tolist() == ["upstream bug"]


def test_again_goes_further_back_until_nothing_is_left(project: mc.Project) -> None:
    """A version that was rolled back is never gone back to."""
    grown(project)
    assert project.datasets.rollback("customers").ref == "customers@2"
    fourth = project.datasets.add("customers", table(9), target="left", key="id")
    assert fourth.ref == "customers@4"
    assert project.datasets.rollback("customers").ref == "customers@2"
    assert project.datasets.rollback("customers").ref == "customers@1"
    with pytest.raises(NotFound, match="customers has no earlier version to go back to"):
        project.datasets.rollback("customers")
    assert project.datasets["customers"].ref == "customers@1"


def test_a_part_goes_back_alone(project: mc.Project) -> None:
    """A part is a name of its own."""
    grown(project)
    assert project.datasets.rollback("customers.train").ref == "customers.train@2"
    assert project.datasets["customers"].ref == "customers@3"
    assert project.datasets["customers.train.test"].ref == "customers.train.test@2"


def test_versions_dropped_or_rejected_are_stepped_over(project: mc.Project) -> None:
    """It goes back to what stands."""
    grown(project)
    project.datasets.add("plain", table(0))
    project.datasets.add("plain", table(1))
    project.store.drop("dataset:plain@1")
    with pytest.raises(NotFound, match="no earlier version"):
        project.datasets.rollback("plain")
    guarded = mc.open(project.store.url, hooks=[mc.before("dataset.commit", lambda event, context: False)])
    with pytest.raises(GateBlocked):
        guarded.datasets.add("customers", table(7), target="left", key="id")
    assert project.datasets.rollback("customers").ref == "customers@2"


def test_a_rollback_of_the_project_undoes_it(project: mc.Project) -> None:
    """Back to the entry before it, all is as it was; and forward again."""
    grown(project)
    before, entry = latest(project), int(project.history().index[-1])
    project.datasets.rollback("customers")
    after = latest(project)
    project.rollback(to=entry)
    assert latest(project) == before
    project.rollback(to=entry + 1)
    assert latest(project) == after


def test_hooks_judge_it(project: mc.Project) -> None:
    """It is a commit of data like others: one that blocks leaves everything as it was, and an override passes."""
    grown(project)
    seen: list[mc.Event] = []

    def watch(event: mc.Event, context: Any) -> bool:
        seen.append(event)
        return False

    guarded = mc.open(project.store.url, hooks=[mc.before("dataset.commit", watch)])
    with pytest.raises(GateBlocked, match="roll back customers@2 is blocked"):
        guarded.datasets.rollback("customers", message="why not")
    assert latest(project)["customers"] == "customers@3"
    assert dict(seen[0].proposal) == {
        "how": "rollback", "name": "customers", "before": "customers@3", "after": "customers@2",
    }  # fmt: skip
    assert guarded.datasets.rollback("customers", message="I know", override_until="1d").ref == "customers@2"


def test_repeated_by_its_op_it_goes_back_once(project: mc.Project) -> None:
    """A restarted script gets what was committed before."""
    grown(project)
    assert project.datasets.rollback("customers", op="back").ref == "customers@2"
    assert project.datasets.rollback("customers", op="back").ref == "customers@2"
    assert project.datasets["customers"].ref == "customers@2"


def test_two_at_once_go_back_twice_or_once_told(project: mc.Project) -> None:
    """Each of two writers goes back from where it stands when it commits."""
    grown(project)
    ours, theirs = mc.open(project.store.url), mc.open(project.store.url)
    assert ours.datasets.rollback("customers").ref == "customers@2"
    assert theirs.datasets.rollback("customers").ref == "customers@1"


def test_a_name_nobody_knows_is_not_found(project: mc.Project) -> None:
    """With what is near."""
    grown(project)
    with pytest.raises(NotFound, match="customers"):
        project.datasets.rollback("custmers")


# features and target -------------------------------------------------------------------------------------------------


def test_xy_takes_some_features(project: mc.Project) -> None:
    """In the order asked for; the target comes beside them, whatever is asked."""
    frame = FRAME.assign(z=1.5)
    version = project.datasets.add("customers", frame, target="left", key="id")
    X, y = version.xy(columns=["z", "x"])
    assert X.columns.tolist() == ["z", "x"]
    pd.testing.assert_series_equal(y, frame["left"])
    X, y = version.xy()
    assert X.columns.tolist() == ["x", "z"]


@pytest.mark.parametrize(
    ("columns", "wrong"),
    [
        (["left"], "'left' is not a feature of customers@1: it has a role"),
        (["x", "id"], "'id' is not a feature"),
        ("x", "is one name; give a list"),
        (3, "is one name; give a list"),
        (["nobody"], "nobody"),
    ],
)
def test_xy_refuses_what_are_not_features(project: mc.Project, columns: Any, wrong: str) -> None:
    """By name."""
    version = project.datasets.add("customers", FRAME, target="left", key="id")
    with pytest.raises(InvalidInput, match=wrong):
        version.xy(columns=columns)


def test_xy_needs_a_target(project: mc.Project) -> None:
    """Without one it says how to name it."""
    with pytest.raises(InvalidInput, match="has no target; add it with target="):
        project.datasets.add("plain", FRAME).xy()
