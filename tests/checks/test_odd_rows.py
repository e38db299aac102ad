"""What is odd about rows to come: counted exactly, and only what is odd."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcycle.checks import ODD_ROWS, IncomingRows, look_for_oddities, oddity_result
from mlcycle.records import InRange, Unique

TYPES = {"id": "int64", "age": "int64", "at": "timestamp[us]", "home": "string", "left": "bool"}
ROLES = {"key": "id", "target": "left", "time": "at", "group": "home"}
FINE = {
    "id": pa.array([1, 2, 3]),
    "age": pa.array([30, 41, 30]),
    "at": pa.array([1, 2, 3], pa.timestamp("us")),
    "home": pa.array(["a", "a", "b"]),
    "left": pa.array([True, False, True]),
}


def rows(columns: Any = None, **more: Any) -> IncomingRows:
    """Return three rows in which nothing is odd, but for some columns."""
    table = pa.table({**FINE, **(columns or {})})
    return IncomingRows(**{"rows": 3, "columns": TYPES, "roles": ROLES, "values": table.column, **more})


def notes(of: IncomingRows) -> list[str]:
    """Return what is noted of rows, of which no check broke."""
    found, broken = look_for_oddities(of)
    assert broken == []
    return [one.note for one in found]


def test_nothing_is_odd_about_most_rows() -> None:
    """Neither rows without roles nor columns that came, in another order too, are worth a word."""
    assert notes(rows()) == []
    assert notes(rows(roles={})) == []
    fewer = dict(list(reversed(TYPES.items()))[1:])
    assert notes(rows(former_roles=ROLES, former_columns=lambda: fewer)) == []


@pytest.mark.parametrize(
    ("columns", "noted"),
    [
        ({"id": pa.array([1, 2, 2])}, "2 of 3 rows share their key (id) with another"),
        ({"id": pa.array([1, None, None])}, "2 of 3 rows have no key (id): nothing tells them apart"),
        ({"at": pa.array([1, None, 3], pa.timestamp("us"))}, "1 of 3 rows has no time (at): a split by time cannot"),
        ({"home": pa.array([None, "a", "a"])}, "1 of 3 rows has no group (home): together they are one group"),
        ({"left": pa.array([None, True, False])}, "1 of 3 rows has no target (left): nothing is learned from them"),
        ({"left": pa.array([True, True, True])}, "all 3 rows have one and the same target (left): there is nothing"),
        ({"left": pa.array([0.5, float("nan"), 0.5])}, "1 of 3 rows has no target (left)"),
    ],
)
def test_what_is_odd_is_said_without_a_value(columns: dict[str, Any], noted: str) -> None:
    """How many rows, of how many, and what it means."""
    assert notes(rows(columns))[0].startswith(noted)


def test_an_example_is_in_the_result_alone() -> None:
    """The file of a result can be erased, a note in the log cannot."""
    [found], _ = look_for_oddities(rows({"id": pa.array([4711, 4711, 3])}))
    assert "4711" not in found.note
    result = oddity_result(found, "dataset:d")
    assert (result.verdict, result.blocking, result.value, result.n) == ("warn", False, 2.0, 3)
    assert result.detail == "2 of 3 rows share their key (id) with another; one is 4711"


def test_a_criterion_may_ask_the_same() -> None:
    """Of the same column alone."""
    [found], _ = look_for_oddities(rows({"id": pa.array([1, 1, 3])}))
    [missing], _ = look_for_oddities(rows({"id": pa.array([1, None, 3])}))
    assert found.answers(Unique("id", on="d"))
    assert not any(
        map(found.answers, (Unique("age", on="d"), Unique(["id", "at"], on="d"), InRange("id", low=0, on="d")))
    )
    assert not missing.answers(Unique("id", on="d"))


def test_the_version_before_is_compared() -> None:
    """Roles and columns that are gone, in one sentence each, a column once; and types that changed."""
    former = {**TYPES, "key": "int64", "a": "bool", "b": "bool", "age": "int32", "home": "binary"}
    del former["id"]
    before = {"former_roles": {"key": "key", "time": "at"}, "former_columns": lambda: former}
    now = rows(roles={"time": "at"}, **before)
    assert notes(now) == [
        (
            "there is no key any more (column key is gone): it comes back when the column does, or with "
            "datasets.rollback(…)"
        ),
        "2 columns (a, b) vanished, and column id came",
        "2 columns changed type: age int32 → int64, home binary → string",
    ]
    meant = evolve(now, chosen=frozenset(["key"]))
    assert notes(meant)[0] == "3 columns (key, a, b) vanished, and column id came"
    many = {str(i): "bool" for i in range(20)}
    wide = evolve(rows(), columns=dict.fromkeys(many, "int8"), roles={}, former_columns=lambda: many)
    assert notes(wide) == [f"20 columns changed type: {', '.join(f'{i} bool → int8' for i in range(6))} and 14 more"]


def test_a_check_that_breaks_stands_in_nobodys_way() -> None:
    """It is an error that does not block, and the others are asked."""

    def lost() -> dict[str, str]:
        raise OSError("the bucket is gone")

    found, broken = look_for_oddities(rows({"id": pa.array([1, 1, 3])}, former_columns=lost))
    assert [one.check for one in found] == ["key is unique"]
    assert [(one.check, one.verdict, one.blocking) for one in broken] == [
        ("ColumnsStay()", "error", False),
        ("TypesStay()", "error", False),
    ]
    assert "the bucket is gone" in broken[0].detail


def test_checks_are_configured_callables() -> None:
    """They compare, pickle and tell what they are."""
    assert pickle.loads(pickle.dumps(ODD_ROWS)) == ODD_ROWS
    assert repr(ODD_ROWS[3]) == "RoleIsThere(role='time', so='a split by time cannot place them')"


def _keys(kind: Any) -> Any:
    return st.lists(st.one_of(st.none(), kind), min_size=1, max_size=40)


KEYS = {
    "int64": (st.integers(-3, 3), pa.int64()),
    "uint64": (st.integers(2**64 - 3, 2**64 - 1), pa.uint64()),
    "float64": (st.sampled_from([0.0, -0.0, 1.5, float("nan"), float("inf")]), pa.float64()),
    "float16": (st.sampled_from([np.float16(0.5), np.float16(2)]), pa.float16()),
    "text": (st.text("ab", max_size=2), pa.string()),
    "text of one length": (st.text("ab", min_size=19, max_size=19), pa.string()),
    "text of eight": (st.text("ab", min_size=8, max_size=8), pa.string()),
    "bytes": (st.binary(max_size=1), pa.binary()),
    "moment": (st.integers(0, 3), pa.timestamp("ns", "UTC")),
    "truth": (st.booleans(), pa.bool_()),
    "category": (st.sampled_from("ab"), pa.dictionary(pa.int8(), pa.string())),
    "decimal": (st.decimals(0, 1, places=1), pa.decimal128(4, 1)),
    "list": (st.lists(st.integers(0, 1), max_size=1), pa.list_(pa.int64())),
}


@pytest.mark.parametrize("name", KEYS)
@settings(deadline=None)
@given(data=st.data())
def test_keys_are_counted_as_pandas_counts_them(name: str, data: st.DataObject) -> None:
    """Of every type, in several chunks: how many share theirs, and how many have none."""
    kind, arrow = KEYS[name]
    keys, cut = data.draw(_keys(kind)), data.draw(st.integers(0, 40))
    column = pa.chunked_array([pa.array(keys[:cut], arrow), pa.array(keys[cut:], arrow)], arrow)
    of = IncomingRows(rows=len(keys), columns={"id": name}, roles={"key": "id"}, values=lambda label: column)
    found, broken = look_for_oddities(of)
    as_keys = pd.Series([repr(one) if name == "list" else one for one in keys], dtype=object)
    if name.startswith("float"):
        as_keys = as_keys.astype(float)
    missing = as_keys.isna() if name != "list" else pd.Series([one is None for one in keys])
    shared = as_keys[~missing].duplicated(keep=False)
    assert broken == []
    assert {one.check: one.odd for one in found} == {
        check: count
        for check, count in (("key is unique", int(shared.sum())), ("key is there", int(missing.sum())))
        if count
    }


def test_hashes_that_are_equal_by_chance_are_no_repeated_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """What only looks repeated is counted by value."""
    from mlcycle.checks import _odd_rows

    monkeypatch.setattr(_odd_rows, "_sortable", lambda values: np.zeros(len(values), np.int64))
    assert notes(rows()) == []
    assert notes(rows({"id": pa.array([1, 2, 2])})) == ["2 of 3 rows share their key (id) with another"]
