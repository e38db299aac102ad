"""Criteria about data: counted exactly, on the version that is judged."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from attrs import frozen

from mlcycle.checks import EvaluationContext, EvaluationData, LoadedData, judge
from mlcycle.errors import InvalidInput
from mlcycle.records import Criterion, InRange, RowCount, RowCriterion, Unique
from tests.checks.toys import Below

FRAME = pd.DataFrame(
    {
        "id": [1, 2, 2, 3],
        "day": ["mon", "mon", "tue", None],
        "age": [0.0, 120.0, 121.0, None],
        "kind": pd.Categorical(["a", "b", "b", "b"]),
        "count": pd.array([1, None, None, 7], dtype="Int64"),
    }
)


def _context(frame: pd.DataFrame = FRAME) -> EvaluationContext:
    return EvaluationContext(data=LoadedData(default="d@1", read=lambda ref: EvaluationData(ref, frame, frame)))


@pytest.mark.parametrize(
    ("criterion", "verdict", "value"),
    [
        (Unique("id"), "fail", 0.25),
        (Unique("id", at_most=0.25), "pass", 0.25),
        (Unique(["id", "day"]), "pass", 0.0),
        (Unique("kind"), "fail", 0.5),
        (Unique("count"), "fail", 0.25),
        (InRange("age", 0, 120), "fail", 0.25),
        (InRange("age", 0, 121), "pass", 0.0),
        (InRange("age", low=1), "fail", 0.25),
        (InRange("age", high=0, at_most=0.5), "pass", 0.5),
        (InRange("count", 2, 6), "fail", 0.5),
        (Below("age", 120), "fail", 0.5),
        (Below("age", 120, at_most=0.5), "pass", 0.5),
        (Below("age", 122), "pass", 0.0),
        (RowCount(at_least=4), "pass", 4.0),
        (RowCount(at_least=5), "fail", 4.0),
        (RowCount(at_least=1, at_most=3), "fail", 4.0),
    ],
    ids=str,
)
def test_rows_are_counted(criterion: Criterion, verdict: str, value: float) -> None:
    """Missing values are equal to one another, and not outside a range; no interval is given, and none is needed."""
    [found] = judge(criterion, "dataset:d@1", _context())
    assert (found.verdict, found.value, found.n, found.data) == (verdict, value, 4, "d@1")
    assert (found.low, found.threshold, found.check) == (None, criterion.edge, str(criterion))
    assert criterion.verdict(found) == verdict


NAN = float("nan")
CHUNKS = [pa.array(["a", "b"]).dictionary_encode(), pa.array(["c", "a"]).dictionary_encode()]


@pytest.mark.parametrize(
    ("criterion", "values", "share"),
    [
        (Unique("k"), pa.array([None, NAN, 1.0, 2.0]), 0.25),
        (Unique("k"), pa.array([0.0, -0.0, 1.0, 2.0], pa.float32()), 0.25),
        (Unique("k"), pa.array([1.0, 1.0, 3.0, 2.0], pa.float32()).cast(pa.float16()), 0.25),
        (Unique("k"), pa.chunked_array(CHUNKS), 0.25),
        (Unique(["k", "k"]), pa.array([1, 1, 2, 3]), 0.25),
        (InRange("k", 0, 2), pa.nulls(4), 0.0),
        (InRange("k", 0, 2), pa.array([1, 2, 3, 3]).dictionary_encode(), 0.5),
    ],
    ids=str,
)
def test_values_count_by_what_they_are(criterion: Criterion, values: Any, share: float) -> None:
    """Not by how they are stored."""
    data = LoadedData(default="d", read=lambda ref: pytest.fail("read"), table_of=lambda ref: pa.table({"k": values}))
    [found] = judge(criterion, "dataset:d", EvaluationContext(data=data))
    assert (found.value, found.detail == "") == (share, share == 0)


@pytest.mark.parametrize("index", [pd.Index([7, 7, 8, 9], name="row"), pd.RangeIndex(4, name="row")], ids=str)
def test_a_level_of_the_index_is_a_column(index: pd.Index) -> None:
    """By its name, as in the table that is stored."""
    [found] = judge(Unique("row"), "dataset:d@1", _context(FRAME.set_axis(index)))
    assert found.value == (0.0 if isinstance(index, pd.RangeIndex) else 0.25)


ASKED = [Unique("id"), InRange("age", 0, 120), Below("age", 120)]


def test_what_breaks_it_is_counted_in_words() -> None:
    """How many rows, and of how many; no value of theirs is told."""
    details = [judge(one, "dataset:d@1", _context())[0].detail for one in ASKED]
    assert details == ["1 of 4 rows repeat an earlier one", "1 of 4 rows lie outside", "2 of 4 rows break it"]


@pytest.mark.parametrize("criterion", [Unique("id"), InRange("id", 0, 1), Below("id", 0)], ids=str)
def test_no_rows_break_nothing(criterion: Criterion) -> None:
    """How many there must be is asked by another criterion."""
    [found] = judge(criterion, "dataset:d@1", _context(FRAME.iloc[:0]))
    assert (found.verdict, found.value, found.n) == ("pass", 0.0, 0)


@pytest.mark.parametrize(
    ("criterion", "why"),
    [
        (Unique("idd"), "d@1 has no column 'idd'; did you mean 'id'"),
        (InRange("ages", 0), "d@1 has no column 'ages'; did you mean 'age'"),
        (InRange("day", 0), "day of d@1 holds .*string, which lies in no range of numbers"),
    ],
)
def test_what_cannot_be_counted_is_an_error_in_words(criterion: Criterion, why: str) -> None:
    """It names the column and the dataset."""
    [found] = judge(criterion, "dataset:d@1", _context())
    assert found.verdict == "error"
    with pytest.raises(InvalidInput, match=why):
        raise InvalidInput(found.detail)


@frozen
class Saying(RowCriterion):
    """A toy whose answer is given."""

    answer: Any

    def breaks(self, frame: Any) -> Any:
        """Say it."""
        frame["id"] = 0  # the frame is its own
        return self.answer(frame)


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (lambda frame: [True, False, False, True], 0.5),
        (lambda frame: frame["age"].to_numpy() > 0, 0.5),
        (lambda frame: frame["count"].gt(1).fillna(False), 0.25),
        (lambda frame: frame["age"].gt(0).astype("bool[pyarrow]"), 0.5),
        (lambda frame: frame["day"].isna().astype(object), 0.25),
        (lambda frame: tuple(np.zeros(4, dtype=bool)), 0.0),
    ],
)
def test_truth_values_of_any_type_are_counted(answer: Any, value: float) -> None:
    """Lists, arrays and columns; and what it did to its frame nobody else sees."""
    context = _context()
    [found] = judge(Saying(answer), "dataset:d@1", context)
    assert (found.verdict, found.value, found.n) == ("fail" if value else "pass", value, 4)
    assert context.data.load()["id"].tolist() == [1, 2, 2, 3]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda frame: True, "one truth value a row, such as .*, got bool$"),
        (lambda frame: "yes!", "one truth value a row, such as .*, got str$"),
        (lambda frame: frame.isna(), "one truth value a row, such as .*, got DataFrame$"),
        (lambda frame: {1: True}, "one truth value a row, such as .*, got dict$"),
        (lambda frame: frame["age"][frame["age"] > 0], "got 2 values for 4 rows$"),
        (lambda frame: frame["id"], "got integer values$"),
        (lambda frame: ["a", "b", "c", "d"], "got string values$"),
        (lambda frame: [True, True, 1, 0], "got mixed-integer values$"),
        (lambda frame: frame["count"] > 1, r"got none for 2 of 4 rows; \.fillna\(False\) says that they do not$"),
        (lambda frame: frame["ago"] > 1, "^Saying.breaks failed on d@1 with KeyError: 'ago'$"),
    ],
)
def test_what_is_no_truth_value_a_row_is_an_error_in_words(answer: Any, why: str) -> None:
    """It names the class, what it answered, and what would do."""
    [found] = judge(Saying(answer), "dataset:d@1", _context())
    assert found.verdict == "error"
    assert found.detail.startswith("Saying.breaks ")
    assert re.search(why, found.detail), found.detail


def test_it_is_about_the_version_that_is_judged() -> None:
    """A criterion names the dataset; a candidate under that name, or the version judged, is what is counted."""
    tables = {ref: pa.table({"x": [1] * n}) for n, ref in enumerate(("d", "e", "d@7", "e@7"), 1)}
    data = LoadedData(default="d", read=lambda ref: pytest.fail("nothing is read"), table_of=tables.get)
    context = EvaluationContext(data=data)
    for subject, on, n in (
        ("dataset:d", None, 1), ("dataset:d", "d", 1), ("dataset:d", "d@7", 3), ("dataset:d", "e", 2),
        ("dataset:e@7", "e", 4), ("dataset:e@7", None, 4),
    ):  # fmt: skip
        [found] = judge(RowCount(on=on), subject, context)
        assert found.n == n


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: Unique([]), "columns is a column name or a list"),
        (lambda: Unique(3), "columns is a column name or a list"),
        (lambda: Unique("a", at_most=1), "at_most is the share of rows"),
        (lambda: InRange("a"), r"InRange says an end: InRange\('a', 0, 120\)"),
        (lambda: InRange("a", 2, 1), "begins at 2 and ends before, at 1"),
        (lambda: InRange("", 2), "column is the name of a column"),
        (lambda: InRange("a", "x"), "an end of a range is a number"),
        (lambda: RowCount(at_least=1.5), "whole number"),
        (lambda: RowCount(at_least=9, at_most=3), "at_least=9 rows is a number that at_most=3 allows"),
    ],
)
def test_bad_arguments_say_what_would_do(make: Any, why: str) -> None:
    """Before anything is kept."""
    with pytest.raises(InvalidInput, match=why):
        make()


def test_a_narrower_range_covers_a_wider_one() -> None:
    """An open end is wider than any."""
    one = InRange("age", 0, 100)
    assert [one.covers(InRange("age", *ends)) for ends in ((0, 120), (None, 120), (0, None), (1, 100), (0, 99))] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert not InRange("age", 0).covers(one)
    assert not one.covers(InRange("height", 0, 120))
    assert RowCount(at_least=5, at_most=9).covers(RowCount())
    assert not RowCount().covers(RowCount(at_most=9))
    assert not Unique("a").covers(Unique("b"))
