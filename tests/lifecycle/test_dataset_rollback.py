"""Going back to the version of a dataset before."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mlcycle as mc
from mlcycle.errors import ConflictError, GateBlocked, InvalidInput, NotFound
from mlcycle.lifecycle._operation import Operation, Retry

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


@pytest.mark.parametrize("part", ["train", "test"])
def test_parts_of_one_split_go_back_together(project: mc.Project, part: str) -> None:
    """With the parts made of each, so that no test row gets into training; the whole stays, and other data too."""
    for turn in range(2):
        frame = pd.concat([table(0), table(turn).assign(id=FRAME["id"] + 100)], ignore_index=True)
        for half in project.datasets.add("customers", frame, target="left").split(test=0.5, seed=turn, stratify=False):
            half.split(test=0.5)
    train, test = (project.datasets[f"customers.{one}"] for one in ("train", "test"))
    assert {*train.load()["id"]}.isdisjoint(test.load()["id"])
    before = latest(project)
    assert project.datasets.rollback(f"customers.{part}").ref == f"customers.{part}@1"
    assert latest(project) == {name: f"{name}@1" for name in before} | {"customers": "customers@2"}
    train, test = (project.datasets[f"customers.{one}"] for one in ("train", "test"))
    assert {*train.load()["id"]}.isdisjoint(test.load()["id"])


def test_two_splits_of_one_version_are_two(project: mc.Project) -> None:
    """What goes back with a part is what its own split made."""
    whole = project.datasets.add("customers", FRAME)
    for seed in range(3):
        whole.split(test=0.5, seed=seed, stratify=False)
    project.datasets.rollback("customers.test")
    assert latest(project) == {
        "customers": "customers@1", "customers.test": "customers.test@2", "customers.train": "customers.train@2",
    }  # fmt: skip


# splitting what was rolled back --------------------------------------------------------------------------------------

GONE = r"customers@3 was rolled back, .*; split the current version, project\.datasets\['customers'\], or undo the roll"


def test_a_version_that_was_rolled_back_is_not_split(project: mc.Project) -> None:
    """Its parts would be current again; after the rollback is undone it is split."""
    grown(project)
    third, entry = project.datasets["customers"], int(project.history().index[-1])
    project.datasets.rollback("customers")
    before = latest(project)
    with pytest.raises(InvalidInput, match=GONE):
        third.split(test=0.5)
    assert latest(project) == before
    project.rollback(to=entry)
    assert third.split(test=0.5)[0].ref == "customers.train@4"


def test_a_version_that_a_rollback_of_the_project_took_is_not_split(project: mc.Project) -> None:
    """It is nobody's latest either."""
    project.datasets.add("customers", table(0))
    entry = int(project.history().index[-1])
    second = project.datasets.add("customers", table(1))
    project.rollback(to=entry)
    with pytest.raises(InvalidInput, match="customers@2 was rolled back"):
        second.split(test=0.5)


def test_a_version_rolled_back_while_it_is_split(project: mc.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It makes no part, and nothing else moves."""
    grown(project)
    bob = mc.open(project.store.url, author="bob")
    meanwhile(monkeypatch, lambda: bob.datasets.rollback("customers"))
    with pytest.raises(InvalidInput, match=GONE):
        project.datasets["customers"].split(test=0.5)
    assert latest(project)["customers.train"] == "customers.train@2"


def test_a_split_repeated_by_its_op_is_what_it_was(project: mc.Project) -> None:
    """A restarted script gets its parts, though the version was rolled back since."""
    project.datasets.add("customers", table(0))
    second = project.datasets.add("customers", table(1))
    made = second.split(test=0.5, op="job")
    project.datasets.rollback("customers")
    assert second.split(test=0.5, op="job") == made


# going back ----------------------------------------------------------------------------------------------------------


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


def test_repeated_by_its_op_after_others_went_on(project: mc.Project) -> None:
    """What is current now is not what it was asked for."""
    for turn in range(2):
        project.datasets.add("customers", table(turn))
    assert project.datasets.rollback("customers", op="back").ref == "customers@1"
    assert project.datasets.rollback("customers", op="back").ref == "customers@1"
    project.datasets.add("customers", table(7))
    assert project.datasets.rollback("customers", op="back").ref == "customers@1"
    assert project.datasets["customers"].ref == "customers@3"


def test_two_after_one_another_go_back_twice(project: mc.Project) -> None:
    """Each of two writers goes back from where it stands when it asks."""
    grown(project)
    ours, theirs = mc.open(project.store.url), mc.open(project.store.url)
    assert ours.datasets.rollback("customers").ref == "customers@2"
    assert theirs.datasets.rollback("customers").ref == "customers@1"


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Any, *, again: bool = False) -> None:
    """Have something done between the look of the next operation and its commit; or have it begin again after that."""
    commit = Operation.commit

    def late(do: Operation, *given: Any, **named: Any) -> Any:
        monkeypatch.setattr(Operation, "commit", commit)
        act()
        if again:
            raise Retry(ConflictError("never told"))
        return commit(do, *given, **named)

    monkeypatch.setattr(Operation, "commit", late)


@pytest.mark.parametrize("again", [False, True])
def test_what_others_made_current_meanwhile_stays(
    project: mc.Project, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    """Who goes back from a version that is current no longer is told who moved it; the op is free to try again."""
    grown(project)
    bob = mc.open(project.store.url, author="bob")
    meanwhile(monkeypatch, lambda: bob.datasets.add("customers", table(5), message="the fix"), again=again)
    words = (
        r"the current version of customers was customers@3 when this began and is customers@4 now, set by bob at .* "
        r"\(entry \d+\): the fix; look at that one, then roll back again"
    )
    with pytest.raises(ConflictError, match=words) as lost:
        project.datasets.rollback("customers", message="@3 is bad", op="back")
    assert (lost.value.winner["author"], lost.value.winner["message"]) == ("bob", "the fix")
    assert latest(project)["customers"] == "customers@4"
    assert project.datasets.rollback("customers", op="back").ref == "customers@3"


def test_a_hook_judges_what_is_gone_back_to(project: mc.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where that was dropped meanwhile it is asked again, about the one before."""
    grown(project)
    seen: list[str] = []

    def watch(event: mc.Event, context: Any) -> bool:
        seen.append(f"{event.proposal['before']} to {event.proposal['after']}")
        return True

    guarded = mc.open(project.store.url, hooks=[mc.before("dataset.commit", watch)])
    meanwhile(monkeypatch, lambda: project.store.drop("dataset:customers@2"))
    assert guarded.datasets.rollback("customers").ref == "customers@1"
    assert seen == ["customers@3 to customers@2", "customers@3 to customers@1"]


def test_of_several_processes_at_once_one_goes_back(project: mc.Project, tmp_path: Path) -> None:
    """Each has seen the same current version before any commits; the others are told."""
    for turn in range(6):
        project.datasets.add("c", table(turn))
    (tmp_path / "ready").mkdir()
    code = f"""
        import sys, time
        from pathlib import Path
        import mlcycle as mc

        def wait(event, context):
            ready, until = Path({str(tmp_path / "ready")!r}), time.monotonic() + 60
            (ready / sys.argv[1]).touch()
            while len(list(ready.iterdir())) < 3 and time.monotonic() < until:
                time.sleep(0.01)
            return True

        project = mc.open({project.store.url!r}, author=sys.argv[1], hooks=[mc.before("dataset.commit", wait)])
        try:
            print(project.datasets.rollback("c", message="c@6 is bad").ref)
        except mc.errors.ConflictError as error:
            print(error.winner["message"])
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    workers = [subprocess.Popen([*command, who], stdout=subprocess.PIPE, text=True) for who in ("ada", "bob", "eve")]
    assert sorted(worker.communicate(timeout=120)[0].strip() for worker in workers) == ["c@5", *["c@6 is bad"] * 2]
    assert project.datasets["c"].ref == "c@5"


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
