"""What is odd about data when it is added: told by the version, decided on, and in nobody's way."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import mlcycle as mc
from mlcycle import errors, records
from mlcycle.lifecycle._connection import Connection
from mlcycle.lifecycle._home import Home
from mlcycle.lifecycle._session import Session
from mlcycle.storage import open_files
from mlcycle.testing import FaultyFiles

PEOPLE = pd.DataFrame({"id": [1, 2, 3, 4], "age": [30, 41, 30, 58], "left": [0, 1, 1, 0]})
TWICE = PEOPLE.assign(id=[1, 2, 2, 4])
NOTE = "2 of 4 rows share their key (id) with another"
GONE = "there is no key any more (column id is gone): it comes back when the column does, or with datasets.rollback(…)"


def test_a_version_prints_what_is_odd(project: mc.Project) -> None:
    """In text, in a notebook, when it is got again; in an address it is its ref."""
    version = project.datasets.add("d", TWICE, key="id", target="left")
    assert version.notes == project.datasets["d"].notes == (NOTE,)
    assert str(version) == f"d@1\n  ! {NOTE}"
    assert f"notes=[{NOTE}]" in repr(version)
    assert NOTE in version._repr_html_()
    assert f"{version}" == "d@1"
    assert records.from_json(records.to_json(version)) == version


def test_it_is_a_result_of_the_one_decision(project: mc.Project) -> None:
    """Which allows it; the example is in its file, and nowhere in the log."""
    version = project.datasets.add("d", TWICE.assign(id=[1, 777123, 777123, 4]), key="id", target="left")
    [decision] = version.decisions()
    assert (decision.allowed, decision.action, decision.subject) == (True, "add", "dataset:d@1")
    assert [(one.verdict, one.blocking, one.value) for one in decision.results] == [("warn", False, 2.0)]
    assert decision.why.splitlines()[1] == f"  ! {NOTE}; one is 777123"
    log = Path(project.store.url.removeprefix("file://")) / "log"
    assert not any(b"777123" in path.read_bytes() for path in log.iterdir())


def test_nothing_odd_stores_nothing(project: mc.Project) -> None:
    """No note, no decision, no file."""
    version = project.datasets.add("d", PEOPLE, key="id", target="left")
    assert (version.notes, list(version.decisions()), str(version)) == ((), [], "d@1")
    part, _ = version.split(test=0.5)
    assert (part.notes, list(part.decisions())) == ((), [])


def test_the_same_again_writes_nothing(project: mc.Project) -> None:
    """Whatever was noted of it."""
    first = project.datasets.add("d", TWICE, key="id", target="left")
    entries = project.store.info()["entries"]
    assert project.datasets.add("d", TWICE) == first
    assert project.datasets.add("d", TWICE, key="id", op="again") == first
    assert project.store.info()["entries"] == entries


def test_an_op_gives_what_was_noted_then(project: mc.Project) -> None:
    """A restarted script gets the version as it was committed."""
    first = project.datasets.add("d", TWICE, key="id", op="nightly")
    assert project.datasets.add("d", PEOPLE, key="id", op="nightly") == first


def test_roles_vanish_loudly_and_are_taken_away_quietly(project: mc.Project) -> None:
    """A column that is gone takes its role along; None takes it away; not given keeps it."""
    add = project.datasets.add
    add("d", PEOPLE, key="id", target="left")
    lost = add("d", PEOPLE.drop(columns="id"))
    assert (lost.roles, lost.notes) == (records.Roles(target="left"), (GONE,))
    add("d", PEOPLE, key="id")
    assert add("d", PEOPLE.drop(columns="id"), key="age").notes[-1] == "column id vanished"
    unset = add("d", PEOPLE, key=None, target=None)
    assert (unset.ref, unset.roles, unset.notes) == ("d@5", records.Roles(), ())
    assert add("d", PEOPLE) == unset
    meant = add("d", PEOPLE.drop(columns="age"), time=None)
    assert meant.notes == ("column age vanished",)


def test_a_role_comes_back_with_its_column(project: mc.Project) -> None:
    """After one export without it, and another; parts heed it again, and the version says that it is back."""
    add = project.datasets.add
    frame = pd.DataFrame({"id": range(100), "g": [row // 4 for row in range(100)], "left": [0, 1] * 50})
    add("d", frame, key="id", target="left", group="g")
    lost = add("d", frame.drop(columns="g"))
    assert lost.notes[0].startswith("there is no group any more (column g is gone): it comes back when the column does")
    assert add("d", frame.drop(columns="g")) == lost
    add("d", frame[:90].drop(columns="g"))
    back = add("d", frame)
    assert back.roles == records.Roles(key="id", target="left", group="g")
    assert back.notes == ("group (g) is back, and parts of the versions without do not heed it",)
    assert back.split()["test"].load()["g"].isin(back.split()["train"].load()["g"]).sum() == 0


def test_a_role_that_was_taken_away_or_given_anew_does_not_come_back(project: mc.Project) -> None:
    """Whether its column was there by then or not."""
    add = project.datasets.add
    add("d", PEOPLE, key="id", target="left")
    add("d", PEOPLE.drop(columns="id"))
    unset = add("d", PEOPLE.drop(columns="id"), key=None)
    assert unset.ref == "d@3"
    assert add("d", PEOPLE).roles == records.Roles(target="left")
    add("d", PEOPLE, key="id")
    add("d", PEOPLE.drop(columns="id"), key="age")
    again = add("d", PEOPLE)
    assert (again.roles.key, again.notes) == ("age", ("2 of 4 rows share their key (age) with another",))


@pytest.mark.parametrize("kind", ["float64", "float32"])
def test_a_missing_float_is_missing_in_any_frame(project: mc.Project, kind: str) -> None:
    """NaN of pandas is null of Arrow and of nullable columns: one version, whichever came first."""
    frame = pd.DataFrame({"x": np.array([1.5, np.nan, 3.0], kind), "y": [1, 2, 3]})
    nullable = frame.astype({"x": kind.capitalize()})
    others = [
        pa.Table.from_pandas(frame),
        nullable,
        frame.convert_dtypes(dtype_backend="pyarrow").astype({"y": "int64"}),
    ]
    first = project.datasets.add("d", frame)
    assert [project.datasets.add("d", other).ref for other in others] == [first.ref] * 3
    other = project.datasets.add("e", others[0])
    assert (other.content != first.content, project.datasets.add("e", frame).ref) == (True, "e@1")
    assert project.datasets.add("e", frame.assign(x=frame["x"].fillna(0))).ref == "e@2"
    assert project.datasets.add("e", frame[::-1].reset_index(drop=True)).ref == "e@3"


def test_types_and_columns_are_compared_with_the_current_version(project: mc.Project) -> None:
    """All in one sentence; with the version before alone."""
    add = project.datasets.add
    add("d", PEOPLE)
    changed = add("d", PEOPLE.astype({"age": "int32", "left": bool}))
    assert changed.notes == ("2 columns changed type: age int64 → int32, left int64 → bool",)
    assert add("d", PEOPLE.astype({"age": "int32", "left": bool})[:3]).notes == ()
    renamed = add("d", PEOPLE.astype({"age": "int32", "left": bool}).rename(columns={"age": "years"}))
    assert renamed.notes == ("column age vanished, and column years came",)


@pytest.mark.parametrize("blocking", [True, False])
def test_a_criterion_of_the_scope_is_asked_instead(project: mc.Project, blocking: bool) -> None:
    """The decision says it once, and the version notes it; the same again, blocked, adds no second version."""
    project.scope.set(objective="o", criteria=[mc.Unique("id", on="d", blocking=blocking)])
    for _ in range(2 if blocking else 0):
        with pytest.raises(errors.GateBlocked) as blocked:
            project.datasets.add("d", TWICE, key="id")
        assert str(blocked.value).count("repeat") == 1
        assert NOTE not in str(blocked.value)
    assert [one.ref for one in project.datasets.versions()] == ["d@1"] * blocking
    passing = {"override_until": "7d", "message": "mended on Monday"} if blocking else {}
    version = project.datasets.add("d", TWICE, key="id", **passing)
    assert [one.verdict for one in version.decisions()[-1].results] == ["fail"]
    assert version.notes == (NOTE,)


def test_a_rejected_version_is_known_again_with_its_notes() -> None:
    """Also as another kind of frame, and whatever is odd about it by then."""
    url = f"memory://odd-{uuid.uuid4().hex}"
    hook = mc.before("dataset.commit", lambda event, context: False)
    project = mc.open(url, create=True, hooks=[hook])
    arrow = TWICE.convert_dtypes(dtype_backend="pyarrow")
    for frame in (TWICE, TWICE, arrow, TWICE.astype(object)):
        with pytest.raises(errors.GateBlocked) as blocked:
            project.datasets.add("d", frame, key="id")
        assert blocked.value.decision.subject == "dataset:d@1"
    assert [(one.ref, one.notes) for one in project.datasets.versions("d")] == [("d@1", (NOTE,))]
    mc.open(url).datasets.add("d", PEOPLE.drop(columns="id"))
    with pytest.raises(errors.GateBlocked) as blocked:
        project.datasets.add("d", TWICE, key="id")
    assert blocked.value.decision.subject == "dataset:d@1"


def test_a_hook_is_asked_beside(project: mc.Project) -> None:
    """One list, one decision."""
    hook = mc.before("dataset.commit", lambda event, context: len(context.data.load()) == 4)
    hooked = mc.open(project.store.url, hooks=[hook])
    [decision] = hooked.datasets.add("d", TWICE, key="id").decisions()
    assert [one.verdict for one in decision.results] == ["warn", "pass"]


def test_rows_are_held_against_what_is_current_at_the_commit(tmp_path: Path) -> None:
    """Others add rows of other types between the look and the commit: it is looked at again."""
    url = str(tmp_path / "store")
    others = mc.open(url, create=True)
    others.datasets.add("d", PEOPLE)
    connection = Connection(url)
    raced: list[Any] = []

    def race(number: int, op: str, key: str) -> None:
        if op == "put" and key.startswith("tables/") and not raced:
            raced.append(key)
            others.datasets.add("d", PEOPLE.astype({"age": float}))

    connection.use_files(FaultyFiles(open_files(url), race, local_paths=True))
    project = mc.Project(Session(connection, author="ada", make_home=Home))
    version = project.datasets.add("d", PEOPLE[:3])
    assert raced
    assert (version.ref, version.notes) == ("d@3", ("1 column changed type: age float64 → int64",))


def test_a_current_version_that_is_damaged_keeps_nobody_from_adding(tmp_path: Path) -> None:
    """What cannot be compared is told in the decision."""
    url = tmp_path / "store"
    mc.open(url, create=True).datasets.add("d", PEOPLE)
    for path in (url / "leaves").iterdir():
        path.write_bytes(b"x")
    version = mc.open(url).datasets.add("d", PEOPLE.astype({"age": float}))
    [decision] = version.decisions()
    assert ({one.verdict for one in decision.results}, decision.allowed, version.notes) == ({"error"}, True, ())


def test_what_is_read_for_it() -> None:
    """Nothing where the columns are as they were, in a process that knows nothing; else one file."""
    url = f"memory://odd-{uuid.uuid4().hex}"
    mc.open(url, create=True).datasets.add("d", PEOPLE, key="id")
    for frame, read in ((PEOPLE[:3], 0), (TWICE, 0), (PEOPLE.assign(age=np.float32(1)), 1)):
        connection, calls = Connection(url), list[str]()
        connection.use_files(
            FaultyFiles(open_files(url), lambda number, op, key, calls=calls: calls.append(f"{op} {key}"))
        )
        mc.Project(Session(connection, author="ada", make_home=Home)).datasets.add("d", frame)
        assert len([one for one in calls if "leaves/" in one and not one.startswith("put")]) == read
