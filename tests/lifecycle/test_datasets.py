"""Datasets: versions of equal tables are one, parts copy nothing, and bad tables are refused by name."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import mlcycle as mc
from mlcycle import errors, records


def _people(rows: int = 200, start: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "id": np.arange(start, start + rows),
            "age": rng.integers(18, 90, rows),
            "region": pd.Categorical(rng.choice(["EU", "US"], rows)),
            "income": rng.normal(size=rows),
            "since": pd.date_range("2026-01-01", periods=rows, freq="h", tz="UTC"),
            "left": rng.integers(0, 2, rows).astype(bool),
        }
    )


def test_what_is_added_comes_back(anywhere: mc.Project) -> None:
    """Values, types, categories and order survive the store, on every storage."""
    frame = _people()
    version = anywhere.datasets.add("people", frame, target="left", key="id", message="CRM export")
    pd.testing.assert_frame_equal(frame, anywhere.load(version))
    assert (version.ref, version.rows, version.roles.target, version.message) == ("people@1", 200, "left", "CRM export")
    assert [column.name for column in version.columns] == list(frame.columns)
    part = anywhere.load(version, columns=["income", "age"])
    pd.testing.assert_frame_equal(frame[["income", "age"]], part)


def test_arrow_tables_are_tables(project: mc.Project) -> None:
    """A pyarrow table is added like a frame."""
    version = project.datasets.add("arrow", pa.table({"a": [1, 2, 3], "b": ["x", None, "z"]}))
    assert project.load(version)["a"].tolist() == [1, 2, 3]


def test_adding_the_same_writes_nothing(project: mc.Project) -> None:
    """Equal content, presentation and roles are the current version; anything else is the next."""
    first = project.datasets.add("people", _people(), target="left")
    entries = project.store.info()["entries"]
    assert project.datasets.add("people", _people(), target="left") == first
    assert project.store.info()["entries"] == entries
    assert project.datasets.add("people", _people(), target="left", key="id").ref == "people@2"
    assert project.datasets.add("people", _people(201)).ref == "people@3"
    assert project.datasets.add("people", _people()).ref == "people@4"
    assert [v.number for v in project.datasets.versions("people")] == [1, 2, 3, 4]


def test_returning_to_an_old_table_copies_no_file(project: mc.Project) -> None:
    """A version equal to an older one names its files."""
    project.datasets.add("people", _people())
    project.datasets.add("people", _people(100))
    files = project.store.info()["files"]
    project.datasets.add("people", _people())
    assert project.store.info()["files"] == files


def test_an_operation_is_done_once(project: mc.Project) -> None:
    """The same op in a restarted script returns what was committed first."""
    first = project.datasets.add("people", _people(), op="nightly-1")
    again = project.datasets.add("people", _people(150), op="nightly-1")
    assert again == first
    assert project.datasets.add("people", _people(150), op="nightly-2").ref == "people@2"


@pytest.mark.parametrize("method", ["random", "stratified", "key"])
def test_split_divides_every_row_once(project: mc.Project, method: str) -> None:
    """Parts are disjoint, complete, repeatable, and copy no data."""
    frame = _people(400)
    version = project.datasets.add("people", frame, target="left", key="id")
    parts = {"train": 0.5, "validation": 0.25, "test": 0.25}
    given = {"by": "key"} if method == "key" else {"stratify": method == "stratified"}
    train, validation, test = version.split(parts, **given)
    loaded = [project.load(part) for part in (train, validation, test)]
    assert sorted(pd.concat(loaded)["id"]) == frame["id"].tolist()
    assert (train.kind, train.parents, train.ref) == ("selection", ("people@1",), "people.train@1")
    if method != "key":
        assert [len(part) for part in loaded] == pytest.approx([200, 100, 100], abs=1)
    if method == "stratified":
        shares = [part["left"].mean() for part in loaded]
        assert shares == pytest.approx([frame["left"].mean()] * 3, abs=0.01)
    entries = project.store.info()["entries"]
    assert version.split(parts, **given) == [train, validation, test]
    assert project.store.info()["entries"] == entries
    assert version.split(parts, **given, seed=1)["train"].ref == "people.train@2"


def test_rows_keep_their_part_when_data_grows(project: mc.Project) -> None:
    """Split by key, a row of the next version lies in the same part."""
    project.datasets.add("people", _people(300), key="id")
    before = [set(project.load(part)["id"]) for part in project.datasets["people"].split(by="key")]
    project.datasets.add("people", _people(500), key="id")
    after = [set(project.load(part)["id"]) for part in project.datasets["people"].split(by="key")]
    assert before[0] <= after[0]
    assert before[1] <= after[1]


def test_a_part_can_be_split_again(project: mc.Project) -> None:
    """Parts of parts select from the same rows."""
    project.datasets.add("people", _people(100))
    train, _ = project.datasets["people"].split(test=0.2)
    inner, outer = train.split(test=0.5)
    assert inner.ref == "people.train.train@1"
    together = pd.concat([project.load(inner), project.load(outer)])
    assert sorted(together["id"]) == sorted(project.load(train)["id"])


def test_xy_leaves_roles_out(project: mc.Project) -> None:
    """A key is no feature."""
    version = project.datasets.add("people", _people(), target="left", key="id", time="since", group="region")
    X, y = version.xy()
    assert (list(X.columns), y.name) == (["age", "income"], "left")
    plain = project.datasets.add("plain", _people())
    with pytest.raises(errors.InvalidInput, match="has no target"):
        plain.xy()


@pytest.mark.parametrize("name", ["a/b", "..", "a\0b", "x" * 300, "   ", "", "con", "a.b", "a:b", 7])
def test_bad_names_are_refused(project: mc.Project, name: str) -> None:
    """Names that could not live on every storage are refused with the rule."""
    with pytest.raises(errors.InvalidName):
        project.datasets.add(name, _people(5))
    assert list(project.datasets) == []


def test_names_differing_in_case_are_one(project: mc.Project) -> None:
    """A store may be copied to a disk that folds case."""
    project.datasets.add("people", _people(5))
    with pytest.raises(errors.InvalidName, match="differs only in case"):
        project.datasets.add("People", _people(5))


def _twice() -> pd.DataFrame:
    return pd.DataFrame([[1, 2]], columns=["a", "a"])


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (_twice(), "a"),
        (pd.DataFrame({"a": [1, "x", 2.5]}), "a"),
        (pd.DataFrame({"a": [1 + 2j]}), "a"),
        (pd.DataFrame({"a": []}), "rows"),
        (pd.DataFrame({"a": [object()]}), "a"),
        ([1, 2], "list"),
    ],
    ids=["duplicate", "mixed", "complex", "empty", "objects", "no frame"],
)
def test_bad_tables_are_refused(project: mc.Project, frame: pd.DataFrame, said: str) -> None:
    """A table that could not come back as it was is refused, and nothing is left behind."""
    before = project.store.info()
    with pytest.raises(errors.InvalidInput, match=said):
        project.datasets.add("bad", frame)
    assert project.store.info() == before


def test_bad_refs_suggest_near_ones(project: mc.Project) -> None:
    """An unknown name, number or column says what there is."""
    project.datasets.add("people", _people(5))
    with pytest.raises(errors.NotFound, match="Did you mean 'people'"):
        project.datasets["peple"]
    with pytest.raises(errors.NotFound, match="no version 7"):
        project.datasets["people@7"]
    with pytest.raises(errors.InvalidInput, match="there is 'age'"):
        project.load("dataset:people", columns=["agee"])
    with pytest.raises(errors.InvalidInput, match="target='lft'"):
        project.datasets.add("people", _people(5), target="lft")
    with pytest.raises(errors.InvalidInput, match="names a model"):
        project.datasets["model:people"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"test": 1.5},
        {"test": 0},
        {"parts": {"train": 0.6, "test": 0.5}},
        {"by": "nobody"},
        {"by": "time"},
        {"by": [True]},
        {"gap": "7d"},
        {"seed": "x"},
        {"seed": None},
    ],
)
def test_bad_splits_are_refused(project: mc.Project, arguments: dict[str, object]) -> None:
    """Shares, columns and roles that make no sense are refused before anything is written."""
    project.datasets.add("people", _people(20), target="left")
    with pytest.raises(errors.InvalidInput):
        project.datasets["people"].split(**arguments)
    assert list(project.datasets) == ["people"]


_NUMBERED = pd.DataFrame(np.arange(12).reshape(4, 3))


@pytest.mark.parametrize("role", ["target", "key", "time", "group"])
def test_a_role_of_no_column_is_refused(project: mc.Project, role: str) -> None:
    """Whatever the labels and whatever is given, the message says which columns there are."""
    frames = _NUMBERED, _NUMBERED.set_axis(pd.Index([2, 0, 1], dtype="Int64"), axis=1), _people(5)
    odd = ["2", "", 7, 2.0, True, ["a"], ("a",), {"a"}, pd.NA, float("nan")]
    for frame, given in itertools.product(frames, odd):
        with pytest.raises(errors.InvalidInput, match=f"{role}=.* names no column of d; (did you mean|it has) "):
            project.datasets.add("d", frame, **{role: given})
    assert list(project.datasets) == []


def test_a_role_of_a_numbered_column(project: mc.Project) -> None:
    """Columns are called by their numbers, 0 too; and "2" is offered as 2."""
    with pytest.raises(errors.InvalidInput, match=r"did you mean 2\?"):
        project.datasets.add("d", _NUMBERED, target="2")
    version = project.datasets.add("d", _NUMBERED, target=np.int64(0), key=2)
    assert (version.roles.target, version.roles.key) == (0, 2)
    assert records.from_json(records.to_json(version)) == version
    X, y = version.xy()
    assert (list(X.columns), y.tolist()) == ([1], [0, 3, 6, 9])


def test_columns_that_are_not_there_are_refused(project: mc.Project) -> None:
    """Columns are given as a list of their labels."""
    version = project.datasets.add("people", _people(5))
    for columns in ("age", 5, [["age"]], [{"age"}], [(["age"],)], [None], ["age", "age"]):
        with pytest.raises(errors.InvalidInput, match="column"):
            project.load(version, columns=columns)
    assert list(project.load(version, columns=(name for name in ("age", "id"))).columns) == ["age", "id"]


def test_a_near_label_is_shown_as_it_is(project: mc.Project) -> None:
    """A number is suggested as a number."""
    version = project.datasets.add("d", _NUMBERED)
    with pytest.raises(errors.InvalidInput, match=r"no column '2'; there is 2$"):
        project.load(version, columns=["2"])


def test_two_writers_of_one_name_get_two_numbers(project: mc.Project) -> None:
    """Additions at once both land; an equal one lands once."""
    project.datasets.add("people", _people(10))
    others = [mc.open(Path(project.store.url.removeprefix("file://"))) for _ in range(4)]
    frames = [_people(20), _people(30), _people(40), _people(40)]
    threads = [
        threading.Thread(target=other.datasets.add, args=("people", frame))
        for other, frame in zip(others, frames, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = [version.rows for version in project.datasets.versions("people")]
    assert rows[0] == 10
    assert {20, 30, 40} <= set(rows)
    assert project.store.verify("bytes").ok


def test_damaged_rows_are_noticed(project: mc.Project) -> None:
    """A flipped byte in a table is an error that names the version, never wrong data."""
    version = project.datasets.add("people", _people())
    [table] = Path(project.store.url.removeprefix("file://")).glob("tables/*/*.parquet")
    data = bytearray(table.read_bytes())
    data[len(data) // 3] ^= 0xFF
    table.write_bytes(bytes(data))
    verified = project.store.verify("bytes")
    assert not verified.ok
    assert "dataset:people@1" in str(verified)
    with pytest.raises(errors.Corrupt):
        project.load(version)
