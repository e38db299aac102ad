"""The profile of a version: the summary of its columns, as `stats` would make it of the rows."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import mlcycle as mc
from mlcycle import codecs, errors, stats
from mlcycle.lifecycle.datasets import tables
from mlcycle.lifecycle.datasets._summaries import summary_of

if TYPE_CHECKING:
    from pathlib import Path

N = 3000
RNG = np.random.default_rng(0)


def odd(values: list[Any]) -> pd.Series[Any]:
    """Return a column of objects."""
    return pd.Series(values * (N // len(values)), dtype=object)


COLUMNS: dict[str | int, Any] = {
    "floats": RNG.normal(size=N),
    "nan": np.where(RNG.random(N) < 0.1, np.nan, RNG.normal(size=N)),
    "infinite": np.where(RNG.random(N) < 0.1, -np.inf, RNG.normal(size=N)),
    "counts": RNG.poisson(3, N),
    "bytes wide": RNG.integers(-128, 127, N).astype("int8"),
    "beyond": RNG.integers(0, 9, N).astype("uint64") + 2**63,
    "single": RNG.normal(size=N).astype("float32"),
    "half": RNG.normal(size=N).astype("float16"),
    "truth": RNG.random(N) < 0.3,
    "maybe": pd.array([True, None, False] * (N // 3), dtype="boolean"),
    "whole": pd.array([1, None, 2**60 + 1] * (N // 3), dtype="Int64"),
    "moments": pd.Timestamp("2026") + pd.to_timedelta(RNG.integers(0, 10**7, N), unit="s"),
    "zoned": pd.Timestamp("2026", tz="Europe/Paris") + pd.to_timedelta(RNG.integers(0, 10**7, N), unit="s"),
    "fine": pd.Timestamp("2026") + pd.to_timedelta(RNG.integers(0, 10**17, N), unit="ns"),
    "nat": [pd.Timestamp("2026"), pd.NaT, pd.Timestamp("1960")] * (N // 3),
    "old": pd.to_datetime(["2026-01-01", "1960-01-01"] * (N // 2)).as_unit("s"),
    "spans": pd.to_timedelta(RNG.integers(0, 10**12, N), unit="us"),
    "dates": odd([dt.date(2020, 1, 1), None, dt.date(1999, 1, 1)]),
    "times": odd([dt.time(1), None, dt.time(3)]),
    "decimals": odd([Decimal("1.5"), None, Decimal("2.5")]),
    "plan": RNG.choice(["a b", "cc", "d"], N),
    "gaps": odd(["x", None, "y"]),
    "id": [f"id {i}" for i in range(N)],
    "category": pd.Categorical(RNG.choice(["x", "y"], N), categories=["x", "y", "z"]),
    "numbers as levels": pd.Categorical(RNG.integers(0, 4, N)),
    "days as levels": pd.Categorical(pd.to_datetime(["2026-01-01", "2026-01-02"] * (N // 2))),
    "nothing": odd([None]),
    "not a number": np.full(N, np.nan),
    "no text": pd.Series([None] * N, dtype="string"),
    7: RNG.integers(0, 5, N),
}
# What no test compares has another word for it here than pandas has, and lengths.
NESTED = {
    "lists": [[1, 2], None, [3]] * (N // 3),
    "bytes": [b"a", None, b"bcd"] * (N // 3),
    "structs": [{"a": 1}, None, {"a": 2}] * (N // 3),
}
FRAME = pd.DataFrame(COLUMNS | NESTED)


def described(summary: stats.Summary, name: str | int) -> dict[str, Any]:
    """Return all that is kept of a column."""
    found: dict[str, Any] = json.loads(json.dumps(summary[name].as_dict()))
    return found


@pytest.fixture(scope="module")
def version() -> mc.records.DatasetVersion:
    """Return a version with a column of every kind."""
    return mc.open("memory://test-profile", create=True).datasets.add("d", FRAME)


@pytest.mark.parametrize("name", COLUMNS, ids=str)
def test_a_profile_is_the_summary_of_the_rows(version: mc.records.DatasetVersion, name: str | int) -> None:
    """Made from Arrow batches, every count, point and level is the one that `summarise` finds in what is loaded."""
    loaded = stats.summarise(version.load(columns=[name]), size=N // 10)
    assert described(version.profile(), name) == described(loaded, name)


def test_what_no_test_compares_has_its_nulls_and_lengths(version: mc.records.DatasetVersion) -> None:
    """Lists, bytes, structs and times are described as far as they go, and drift says that it cannot compare them."""
    found = version.profile()
    shown = found.frame().set_index("column")
    assert shown.loc[["lists", "bytes"], ["min", "max", "nulls"]].to_numpy().tolist() == [[1, 2, 1000], [1, 3, 1000]]
    kinds = ["mixed: list", "mixed: bytes", "mixed: struct", "mixed: time"]
    assert [found[name].kind for name in ("lists", "bytes", "structs", "times")] == kinds
    assert (found["structs"].nulls, found["lists"].top(), found["lists"].distinct) == (1000, [], (1, 2000))
    compared = stats.drift(found, FRAME)
    assert [one.name for one in compared.columns if one.verdict == "drifted"] == []


def test_nulls_are_those_of_its_own_rows(version: mc.records.DatasetVersion) -> None:
    """A version says of each column how many rows have no value, without its profile; so does a part."""
    for one in (version, *version.split()):
        frame = one.load()
        assert {column.name: column.nulls for column in one.columns} == {
            str(name): int(frame[name].isna().sum()) for name in frame
        }
        assert [column.nulls for column in one.profile().columns] == [column.nulls for column in one.columns]


def test_profiles_of_parts_merge_to_that_of_the_whole(version: mc.records.DatasetVersion) -> None:
    """Appending rows is adding summaries: counts, ends and moments are those of all rows."""
    train, test = version.split()
    both, whole = train.profile() + test.profile(), version.profile()
    for name in ("floats", "counts", "moments", "spans"):
        one, other = both[name], whole[name]
        assert one.values is not None
        assert other.values is not None
        assert (one.rows, one.nulls, one.values.ends()) == (other.rows, other.nulls, other.values.ends())
        assert one.moments is not None
        assert other.moments is not None
        assert (one.moments.mean, one.moments.sd) == pytest.approx((other.moments.mean, other.moments.sd))
    assert sorted(both["plan"].top()) == sorted(whole["plan"].top())
    assert not stats.drift(whole, both, columns=["floats", "plan", "moments", "counts"]).drifted


def test_drift_takes_it_for_the_rows(version: mc.records.DatasetVersion) -> None:
    """The same rows are stable; moved ones are found, with the column named."""
    later = FRAME.assign(floats=FRAME["floats"] + 1, plan=FRAME["plan"].replace("d", "e"))
    assert not stats.drift(version.profile(), version.load()).drifted
    found = stats.drift(version.profile(), later)
    assert {one.name for one in found.columns if one.verdict == "drifted"} == {"floats", "plan"}


ODD: dict[str, Any] = {
    "wide decimals": pa.array([Decimal("1e40"), None], pa.decimal256(60, 2)),
    "large lists": pa.array([[1], None], pa.large_list(pa.int64())),
    "list views": pa.array([[1], None], pa.list_view(pa.int64())),
    "runs": pa.RunEndEncodedArray.from_arrays(pa.array([1, 2], pa.int32()), pa.array([3.5, None])),
    "runs of text": pa.RunEndEncodedArray.from_arrays(pa.array([1, 2], pa.int32()), pa.array(["a", None])),
    "decimal levels": pa.array([Decimal("1.5"), None]).dictionary_encode(),
    "levels of bytes": pa.array([b"a", None]).dictionary_encode(),
    "levels of truth": pa.array([True, None]).dictionary_encode(),
    "levels of dates": pa.array([dt.date(2020, 1, 1), None]).dictionary_encode(),
    "levels of spans": pa.array([1, None], pa.duration("s")).dictionary_encode(),
    "levels of times": pa.array([dt.time(1), None]).dictionary_encode(),
    "levels with nan": pa.array([1.5, float("nan")]).dictionary_encode(),
    "times": pa.array([1, None], pa.time64("ns")),
    "far moments": pa.array([2**62, None], pa.timestamp("s")),
    "long spans": pa.array([2**62, None], pa.duration("s")),
    "views of bytes": pa.array([b"a", None], pa.binary_view()),
    "an extension": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16, None], pa.binary(16))),
    "a long text": pa.array(["x" * 10**6, ""]),
    "minus zero": pa.array([-0.0, 0.0]),
}


@pytest.mark.parametrize("what", ODD)
@pytest.mark.parametrize("rows", [2, 1, 0])
def test_whatever_can_be_stored_has_a_profile(what: str, rows: int) -> None:
    """However odd its type: it prints, merges, survives JSON, and counts the nulls its manifest counts."""
    encoded = codecs.encode(pa.table({"x": ODD[what].slice(0, rows)}), allow_empty=True)
    found = summary_of({"x": encoded.table.column("x")}, encoded.header)
    assert stats.Summary.from_dict(json.loads(json.dumps((found + found).as_dict(), allow_nan=False))).rows == 2 * rows
    assert (found["x"].rows, found["x"].nulls) == (rows, encoded.header["nulls"]["x"])
    assert len(found.frame()) == str(found).count("\n") == 1
    assert not stats.drift(found, encoded.frame()).drifted


def test_the_index_is_no_column() -> None:
    """What is compared with rows has their columns, whatever their index is."""
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="id"))
    project = mc.open("memory://test-profile-index", create=True)
    added = project.datasets.add("d", frame)
    assert [column.name for column in added.profile().columns] == ["a"]
    assert not stats.drift(added.profile(), added.load()).drifted


def test_text_that_hardly_repeats_is_summarised_in_batches() -> None:
    """Its bounds are true: no text of 300 000 is common, and nearly all may differ."""
    encoded = codecs.encode(pa.table({"id": [f"id {i}" for i in range(300_000)], "x": range(300_000)}))
    found = summary_of(dict(zip(encoded.table.column_names, encoded.table.columns, strict=True)), encoded.header)["id"]
    assert (found.rows, found.nulls, found.top()) == (300_000, 0, [])
    assert found.distinct[0] <= 300_000 <= found.distinct[1]
    assert found.levels is not None
    assert found.levels.missing >= 1


def test_a_profile_of_a_newer_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be read, and all else can."""
    project = mc.open(tmp_path / "store", create=True)
    monkeypatch.setattr(stats.Summary, "as_dict", lambda self: {"format": 99, "rows": self.rows, "columns": []})
    project.datasets.add("d", FRAME[["floats"]])
    found = mc.open(tmp_path / "store").datasets["d"]
    assert (len(found.load()), found.columns[0].nulls) == (N, 0)
    with pytest.raises(errors.SchemaError, match=r"profile of d@1 cannot be read: .* newer mlcycle"):
        found.profile()


def test_few_rows_keep_a_small_profile(tmp_path: Path) -> None:
    """A profile is at most as large as a third of what the rows of numbers take, beyond a few kilobytes a column."""
    for rows in (100, 1000, 10_000):
        frame = pd.DataFrame(RNG.normal(size=(rows, 5)), columns=list("abcde"))
        mc.open(tmp_path / str(rows), create=True).datasets.add("d", frame)
        [profile] = (tmp_path / str(rows)).glob("leaves/*.json")
        assert profile.stat().st_size <= 5 * max(8 * rows / 3, 7000)


def test_a_profile_is_erased_with_its_version(tmp_path: Path) -> None:
    """It repeats values of rows, so it is a file of the version, and no entry says what it says."""
    project = mc.open(tmp_path / "store", create=True)
    project.datasets.add("d", pd.DataFrame({"name": ["Mallory Mallory"] * 3}))
    assert any(b"Mallory" in path.read_bytes() for path in (tmp_path / "store").glob("leaves/*.json"))
    assert not any(b"Mallory" in path.read_bytes() for path in (tmp_path / "store").glob("log/*"))
    assert tables.profile(project._session, project.datasets["d"])["name"].top() == [("Mallory Mallory", 3, 3)]
