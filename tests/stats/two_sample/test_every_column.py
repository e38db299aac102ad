"""Columns of every type, with values missing, infinite, constant or few: numbers that can be, or a refusal in words."""

from __future__ import annotations

import datetime as dt
import json
import math
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mlcycle import stats
from mlcycle.errors import InvalidInput

START = pd.Timestamp("2024-01-01")
LEVELS = np.array(["a", "b", "c"], dtype=object)


def ages(n: int, rng: np.random.Generator) -> list[int]:
    """Return whole numbers of many values."""
    return [int(value) for value in rng.integers(18, 90, n)]


def days(n: int, rng: np.random.Generator) -> list[dt.datetime]:
    """Return moments at midnight."""
    return [dt.datetime(2024, 1, 1) + dt.timedelta(days=age) for age in ages(n, rng)]


def numbers(dtype: str) -> Callable[..., pd.Series]:
    """Return the maker of a column of numbers of a dtype."""
    return lambda n, rng: pd.Series(ages(n, rng)).astype(dtype)


def arrow(kind: pa.DataType, each: Callable[[int], Any]) -> Callable[..., pd.Series]:
    """Return the maker of an Arrow column, of each age a value."""
    return lambda n, rng: pd.Series(
        pd.arrays.ArrowExtensionArray(pa.array([each(age) for age in ages(n, rng)], type=kind))
    )


def things(each: Callable[[int], Any]) -> Callable[..., pd.Series]:
    """Return the maker of a column of Python objects, of each age one."""
    return lambda n, rng: pd.Series([each(age) for age in ages(n, rng)], dtype=object)


def levels(dtype: Any = None, **changes: Any) -> Callable[..., pd.Series]:
    """Return the maker of a column of three levels."""
    return lambda n, rng: pd.Series(rng.choice(LEVELS, n), dtype=object).replace(changes).astype(dtype or object)


def day(age: int) -> dt.date:
    """Return a date a few weeks after the start."""
    return dt.date(2024, 1, 1) + dt.timedelta(days=age)


def zoned(age: int) -> dt.datetime:
    """Return a moment in one of two time zones."""
    return dt.datetime(2024, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=age % 2))) + dt.timedelta(days=age)


COLUMNS: dict[str, Callable[..., pd.Series]] = {
    **{one: numbers(one) for one in ("int8", "int64", "uint64", "float16", "float32", "float64", "longdouble")},
    **{one: numbers(one) for one in ("Int8", "Int64", "UInt16", "Float32", "Float64", "complex128")},
    "normal": lambda n, rng: pd.Series(rng.normal(size=n)),
    "bool": lambda n, rng: pd.Series(rng.random(n) > 0.5),
    "boolean": lambda n, rng: pd.Series(rng.random(n) > 0.5).astype("boolean"),
    **{f"levels: {one}": levels(one) for one in ("str", "string[python]", "string[pyarrow]", "category", "object")},
    "levels: numbers": lambda n, rng: pd.Series(pd.Categorical(rng.integers(0, 3, n))),
    "levels: intervals": lambda n, rng: pd.Series(pd.cut(rng.random(n), [0, 0.2, 0.5, 1])),
    "levels: none": lambda n, rng: pd.Series(pd.Categorical([None] * n, categories=[])),
    "levels: half a pair": things(lambda age: "\udc80" if age % 3 else "b"),
    "text": things(lambda age: f"row {age} of many, {age * 7919 % 1009} in all"),
    "ids": lambda n, rng: pd.Series([f"id{i}" for i in rng.integers(0, 10**9, n)], dtype=object),
    "datetime64[s]": lambda n, rng: pd.Series(days(n, rng), dtype="datetime64[s]"),
    "datetime64[ns]": lambda n, rng: pd.Series(days(n, rng), dtype="datetime64[ns]"),
    "zoned": lambda n, rng: pd.Series(days(n, rng), dtype="datetime64[us]").dt.tz_localize("Europe/Berlin"),
    "timedelta": lambda n, rng: pd.to_timedelta(pd.Series(ages(n, rng), dtype="float64"), unit="s"),
    "period": lambda n, rng: pd.Series(pd.PeriodIndex(days(n, rng), freq="D")),
    "interval": lambda n, rng: pd.Series(pd.arrays.IntervalArray.from_breaks(np.arange(n + 1.0))),
    "sparse numbers": lambda n, rng: pd.Series(np.where(rng.random(n) < 0.7, 0.0, rng.random(n))).astype(
        pd.SparseDtype(float, 0.0)
    ),
    "sparse flags": lambda n, rng: pd.Series(rng.random(n) < 0.1).astype(pd.SparseDtype(bool, False)),
    **{
        f"objects: {name}": things(each)
        for name, each in {
            "int": int,
            "huge": lambda age: age * 10**25,
            "beyond float": lambda age: age * 10**400,
            "float": float,
            "numpy": np.int64,
            "bool": lambda age: age > 50,
            "decimal": lambda age: Decimal(age) / 4,
            "date": day,
            "moment": lambda age: dt.datetime(2024, 1, 1) + dt.timedelta(days=age),
            "zoned": zoned,
            "numpy moment": lambda age: np.datetime64("2024-01-01", "s") + age,
            "duration": lambda age: dt.timedelta(seconds=age),
            "numpy duration": lambda age: np.timedelta64(age, "s"),
            "months": lambda age: np.timedelta64(age, "M"),
            "period": lambda age: pd.Period(day(age), "M"),
            "time": lambda age: dt.time(age % 24),
            "interval": lambda age: pd.Interval(age, age + 1),
            "list": lambda age: [age],
            "array": lambda age: np.array([age, 2]),
            "dict": lambda age: {"age": age},
            "bytes": lambda age: bytes([age]),
            "complex": complex,
            "uuid": lambda age: uuid.UUID(int=age),
            "number or text": lambda age: age if age % 2 else str(age),
            "number or flag": lambda age: age if age % 2 else True,
            "nothing": lambda age: None,
        }.items()
    },
    **{
        f"arrow: {kind}": arrow(kind, each)
        for kind, each in [
            (pa.int64(), int),
            (pa.uint8(), int),
            (pa.float16(), np.float16),
            (pa.float64(), float),
            (pa.bool_(), lambda age: age > 50),
            (pa.string(), lambda age: "abc"[age % 3]),
            (pa.dictionary(pa.int32(), pa.string()), lambda age: "abc"[age % 3]),
            (pa.date32(), day),
            (pa.date64(), day),
            (pa.timestamp("s"), lambda age: dt.datetime(2024, 1, 1) + dt.timedelta(days=age)),
            (pa.timestamp("us", "UTC"), lambda age: zoned(2 * age)),
            (pa.duration("ms"), lambda age: dt.timedelta(seconds=age)),
            (pa.time32("s"), lambda age: dt.time(age % 24)),
            (pa.decimal128(12, 4), lambda age: Decimal(age) / 4),
            (pa.binary(), lambda age: bytes([age])),
            (pa.list_(pa.int64()), lambda age: [age]),
            (pa.struct([("age", pa.int64())]), lambda age: {"age": age}),
            (pa.null(), lambda age: None),
        ]
    },
}
ENTRIES: dict[str, Callable[[pd.DataFrame, pd.DataFrame], Any]] = {
    "drift": stats.drift,
    "summary, rows": lambda a, b: stats.drift(stats.summarise(a), b),
    "rows, summary": lambda a, b: stats.drift(a, stats.summarise(b)),
    "summaries": lambda a, b: stats.drift(stats.summarise(a), stats.summarise(b)),
    "chunks": lambda a, b: stats.summarise_chunks([a, b]),
    "kolmogorov_smirnov": lambda a, b: stats.kolmogorov_smirnov(a["x"], b["x"]),
}
QUICK = {name: ENTRIES[name] for name in ("drift", "summary, rows", "chunks", "kolmogorov_smirnov")}


def column(name: str, n: int, missing: float, seed: int, *, infinite: bool = False) -> pd.Series | None:
    """Return a column of some type with values missing; None where the type has no missing or infinite value."""
    rng = np.random.default_rng(seed)
    made = COLUMNS[name](n, rng)
    if infinite and n > 2:
        if made.dtype.kind != "f" or isinstance(made.dtype, pd.SparseDtype):
            return None
        made.iloc[[0, n // 2]] = [np.inf, -np.inf]
    gone = rng.random(n) < missing
    if not gone.any():
        return made
    if name in ("bool", "sparse flags", "sparse numbers") or (made.dtype.kind in "iu" and not name[0].isupper()):
        return made.astype(object).where(~gone, None) if not made.dtype.name.startswith("Sparse") else None
    return made.where(~gone)


def sane(found: Any) -> None:
    """Hold a result to what any result is."""
    str(found), repr(found)
    if isinstance(found, stats.Summary):
        again = stats.Summary.from_dict(json.loads(json.dumps(found.as_dict())))
        assert (again.as_dict(), len(found.frame())) == (found.as_dict(), 1)
        return
    if isinstance(found, stats.Drift):
        assert len(found.frame()) == 1
        for shift in found.columns[0].shifts:
            assert math.isnan(shift.p) or 0 <= shift.p <= 1
            assert math.isnan(shift.adjusted_p) or shift.p - 1e-12 <= shift.adjusted_p <= 1
            assert math.isnan(shift.effect) or shift.low <= shift.effect + 1e-12 <= shift.high + 2e-12
        return
    p = getattr(found, "p", None)
    assert p is None or 0 <= p <= 1
    if hasattr(found, "low") and not math.isnan(found.low):
        assert found.low <= found.value <= found.high


def compare(entries: dict[str, Any], a: pd.Series | None, b: pd.Series | None) -> dict[str, Any]:
    """Return what every entry finds of two columns; refusals are those of the library."""
    found = {}
    for name, entry in entries.items() if a is not None and b is not None else ():
        try:
            found[name] = entry(a.to_frame("x"), b.to_frame("x"))
        except InvalidInput:
            continue
        sane(found[name])
    return found


@pytest.mark.parametrize("name", COLUMNS)
def test_missing_values_are_compared_or_refused(name: str) -> None:
    """A twentieth missing, on both sides or one, ends nothing: frames are always compared."""
    for before, after in ((0.05, 0.05), (0.0, 0.05), (0.5, 0.0)):
        found = compare(QUICK, column(name, 200, before, 1), column(name, 120, after, 2))
        assert not found or {"drift", "summary, rows", "chunks"} <= set(found)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_that_lost_all_its_values_has_drifted(name: str) -> None:
    """Whatever the type, and on either side; without values there is nothing to lose."""
    full, lost = column(name, 200, 0.0, 1), column(name, 200, 1.1, 2)
    for a, b in ((full, lost), (lost, full)):
        found = compare({one: QUICK[one] for one in ("drift", "summary, rows")}, a, b)
        expected = full is not None and bool(full.notna().any())
        assert [one.drifted for one in found.values()] == [expected] * len(found)


@pytest.mark.parametrize("name", COLUMNS)
def test_few_rows_are_compared_or_refused(name: str) -> None:
    """No row, one, two or five, against as few or many."""
    for n, m in ((0, 0), (0, 5), (1, 1), (2, 30), (30, 1), (5, 5)):
        compare(QUICK, column(name, n, 0.3, 1), column(name, m, 0.3, 2))


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize(
    "name", ["float64", "Float32", "Int64", "objects: float", "arrow: double", "arrow: date32[day]"]
)
def test_every_entry_takes_missing_and_infinite_values(entry: str, name: str) -> None:
    """NaN beside infinities, in the numeric types that have either."""
    for missing in (0.05, 0.99, 1.1):
        for infinite in (False, True):
            a, b = (column(name, n, missing, seed, infinite=infinite) for n, seed in ((200, 1), (90, 2)))
            compare({entry: ENTRIES[entry]}, a, b)


@pytest.mark.parametrize("rows", [200, 500, 2000])
def test_one_category_and_one_number_with_gaps(rows: int) -> None:
    """More tests than two a column: whatever confidence is asked for, the order statistics were kept."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        sides = []
        for n in (rows, rows // 2):
            frame = pd.DataFrame({"plan": rng.choice(LEVELS, n), "income": rng.normal(40, 10, n), "text": "a b c"})
            frame["text"] += pd.Series(rng.integers(0, 10**9, n)).astype(str)
            sides.append(frame.mask(rng.random(frame.shape) < 0.05).assign(plan=lambda x: x["plan"].astype("category")))
        for a, b in (sides, sides[::-1]):
            assert stats.drift(a, b).frame()["verdict"].isin(["within margin", "not seen", "drifted"]).all()
            assert len(stats.drift(stats.summarise(a), b).columns) == 3


SAME = [
    ("int64", "Float64", "objects: int", "objects: decimal", "arrow: int64", "arrow: decimal128(12, 4)"),
    ("datetime64[s]", "objects: date", "objects: moment", "arrow: date32[day]", "arrow: timestamp[s]"),
    ("zoned", "arrow: timestamp[us, tz=UTC]", "objects: zoned"),
    ("timedelta", "objects: duration", "objects: numpy duration", "arrow: duration[ms]"),
    ("levels: str", "levels: category", "levels: object", "arrow: dictionary<values=string, indices=int32, ordered=0>"),
]


@pytest.mark.parametrize(("one", "other"), [(a, b) for family in SAME for a in family for b in family])
def test_one_meaning_in_two_types_is_compared(one: str, other: str) -> None:
    """Whatever pandas or Arrow keep a column in, the same meaning is one kind."""
    for missing in (0.0, 0.05):
        found = stats.drift(
            {"x": column(one, 200, missing, 1)}, {"x": column(other, 200, missing, 2)}, kinds=None
        ).columns[0]
        assert found.kind in ("numeric", "datetime", "categorical")


def test_a_kind_that_cannot_be_read_names_the_column() -> None:
    """What was asked for is refused with the column's name; what was guessed is a word in the verdict."""
    frame = pd.DataFrame({"size": [10**400 + i for i in range(30)]}, dtype=object)
    with pytest.raises(InvalidInput, match="column 'size' cannot be read as numeric: int too large"):
        stats.drift(frame, frame, kinds={"size": "numeric"})
    found = stats.drift(frame, frame).columns[0]
    assert (found.kind, found.verdict) == ("mixed", "not seen")
    assert found.leading.note.startswith("it holds values of no one kind (numeric that cannot be read)")


@pytest.mark.deep
@pytest.mark.parametrize("name", COLUMNS)
def test_every_column_through_every_entry(name: str) -> None:
    """All types, shares missing, sizes and entries."""
    for n, m in ((0, 5), (2, 5), (5, 200), (200, 200), (5000, 300)):
        for before, after in ((0, 0), (0.05, 0.05), (0.5, 0.05), (0.99, 0.99), (1.1, 0), (0, 1.1), (1.1, 1.1)):
            for infinite in (False, True):
                a, b = column(name, n, before, 1, infinite=infinite), column(name, m, after, 2, infinite=infinite)
                compare(ENTRIES, a, b)
                if a is not None and b is not None and len(a) and len(b):
                    compare(ENTRIES, a.iloc[[0] * n].reset_index(drop=True), b)
