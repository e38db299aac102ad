"""Masks and splitters: taken as they are, if they place every row at most once and divide no group."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    LeaveOneGroupOut,
    RepeatedKFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
)

from mlcycle import errors
from mlcycle.lifecycle.datasets.splits import Drawn, Rows, draw, folds_request, parts_request, sides_of

FRAME = pd.DataFrame({"x": range(12), "y": [0, 1] * 6, "g": list("aaabbbcccddd")})


def _draw(by: Any, parts: Any = None, group: str | None = None, test: float = 0.25) -> Drawn:
    rows = Rows("d", "d@1", FRAME, {"target": "y", "group": group})
    return draw(rows, parts_request(parts, test, by, None, None, 0))


def _folds(by: Any, n: int = 3, group: str | None = None) -> Drawn:
    return draw(Rows("d", "d@1", FRAME, {"target": "y", "group": group}), folds_request(n, by, None, None, 0))


class Overlapping:
    """Answers two rows on both sides."""

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Any:
        """Split in a way that does not."""
        yield np.arange(8), np.arange(6, 12)


class Said:
    """Answers what it was made with."""

    def __init__(self, *pairs: Any) -> None:
        self.pairs = pairs

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Any:
        """Answer."""
        return iter(self.pairs)


_LATE = [False] * 8 + [True] * 4


@pytest.mark.parametrize(
    "mask",
    [
        _LATE,
        tuple(_LATE),
        np.array(_LATE),
        pd.Series(_LATE),
        pd.array(_LATE, dtype="boolean"),
        FRAME["x"] > 7,
        ["train"] * 8 + ["test"] * 4,
        pd.Categorical(["train"] * 8 + ["test"] * 4),
        pa.array(_LATE),
        pa.chunked_array([_LATE[:5], _LATE[5:]]),
        pa.array(["train"] * 8 + ["test"] * 4),
        deque(_LATE),
        [0] * 8 + [1] * 4,
        np.array(_LATE, dtype="uint8"),
    ],
    ids=lambda mask: f"{type(mask).__name__} of {type(next(iter(mask))).__name__}",
)
def test_a_mask_says_where_each_row_goes(mask: Any) -> None:
    """Truth values, true for the last part, or names; the shares are what was found."""
    drawn = _draw(mask)
    assert {name: np.flatnonzero(part).tolist() for name, part in drawn.masks().items()} == {
        "train": list(range(8)),
        "test": [8, 9, 10, 11],
    }
    assert drawn.shares == pytest.approx({"train": 2 / 3, "test": 1 / 3})


def test_a_generator_is_a_mask() -> None:
    """Also where an operation is tried again, which asks it twice."""
    request = parts_request(None, 0.25, (row > 7 for row in range(12)), None, None, 0)
    drawn = [draw(Rows("d", "d@1", FRAME, {}), request).part_of.tolist() for _ in range(2)]
    assert drawn == [[0] * 8 + [1] * 4] * 2


def test_a_mask_of_polars_is_a_mask() -> None:
    """As a series of pandas is."""
    polars = pytest.importorskip("polars")
    assert _draw(polars.Series(_LATE)).masks()["test"].tolist() == _LATE


def test_a_splitter_that_needs_no_groups_warns_of_none() -> None:
    """It is given them, and says that it ignores them, which is no news: its answers are held against them."""
    assert _folds(KFold(4), 4, "g").part.splitter.startswith("KFold")


def test_a_mask_of_names_takes_any_names() -> None:
    """They are given as parts=[…], in the order in which they are to come back."""
    masks = _draw(["c", "a", "b", "a"] * 3, parts=["a", "b", "c"]).masks()
    assert {name: part.sum() for name, part in masks.items()} == {"a": 6, "b": 3, "c": 3}


@pytest.mark.parametrize(
    ("mask", "given", "says"),
    [
        ([True], {}, "by= has 1 values for the 12 rows of d@1"),
        (np.ones(13, dtype=bool), {}, "by= has 13 values for the 12 rows"),
        ([*_LATE[:11], None], {}, "1 of the 12 values of by= are missing"),
        (pd.Series(_LATE)[::-1], {}, r"another index than the rows of d@1.*\.to_numpy\(\)"),
        (["train"] * 10 + ["tset"] * 2, {}, "2 rows have another value, such as 'tset'; the parts are 'train', 'test'"),
        ([1, 2] * 6, {}, "12 rows have another value, such as 1"),
        (pa.array([*_LATE[:11], None]), {}, "1 of the 12 values of by= are missing"),
        (pa.table({"late": _LATE}), {}, r"by= has the shape \(12, 1\); a mask is one column"),
        (frozenset(_LATE), {}, "by=.* names no column of d@1"),
        (b"late", {}, "by=.* names no column of d@1"),
        ([False] * 12, {}, r"d\.test would have no rows"),
        (_LATE, {"parts": ["a", "b", "c"]}, "truth values make two parts, not 3"),
        (_LATE, {"parts": {"a": 0.5, "b": 0.5}}, "shares are given, and this split goes by a mask"),
        (_LATE, {"test": 0.5}, "shares are given, and this split goes by a mask"),
        (_LATE, {"group": "g"}, "the mask puts 1 of 4 groups of 'g' on two sides, such as 'c'"),
        ([[True] * 12], {}, r"by= has 1 values for the 12 rows"),
        (np.ones((12, 1), dtype=bool), {}, r"by= has the shape \(12, 1\); a mask is one column"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(mask: Any, given: dict[str, Any], says: str) -> None:
    """Another length, missing values, another order, other names, a group on two sides: with counts."""
    with pytest.raises(errors.InvalidInput, match=says):
        _draw(mask, **given)


@pytest.mark.parametrize(
    "splitter",
    [KFold(4), StratifiedKFold(3), ShuffleSplit(5, test_size=0.25, train_size=0.5, random_state=3), TimeSeriesSplit(3)],
    ids=lambda splitter: type(splitter).__name__,
)
def test_the_first_answer_of_a_splitter_is_the_split(splitter: Any) -> None:
    """What scikit-learn says goes; rows it leaves out are in no part."""
    drawn = _draw(splitter)
    train, test = next(splitter.split(FRAME, FRAME["y"]))
    assert [np.flatnonzero(mask).tolist() for mask in drawn.masks().values()] == [sorted(train), sorted(test)]
    assert drawn.part.splitter == repr(splitter).replace("\n", " ").replace("             ", "")


@pytest.mark.parametrize("splitter", [GroupKFold(2), GroupShuffleSplit(1, random_state=0), LeaveOneGroupOut()])
def test_a_splitter_is_given_the_groups(splitter: Any) -> None:
    """Those of the role, and the target as y."""
    drawn = _draw(splitter, group="g")
    train, test = next(splitter.split(FRAME, FRAME["y"], FRAME["g"]))
    assert [np.flatnonzero(mask).tolist() for mask in drawn.masks().values()] == [train.tolist(), test.tolist()]


def test_folds_of_a_splitter_are_its_answers() -> None:
    """Both sides of each, as it says them; TimeSeriesSplit trains on what is before."""
    drawn = _folds(TimeSeriesSplit(3))
    said = [(np.flatnonzero(side == 1).tolist(), np.flatnonzero(side == 2).tolist()) for side in sides_of(drawn, 3)]
    assert said == [(train.tolist(), test.tolist()) for train, test in TimeSeriesSplit(3).split(FRAME)]
    assert {name: mask.sum() for name, mask in drawn.masks().items()} == {"fold1": 3, "fold2": 3, "fold3": 3}


@pytest.mark.parametrize(
    ("splitter", "group", "says"),
    [
        (Overlapping(), None, "Overlapping put 2 rows on both sides, such as row 6"),
        (Said(([0, 0, 1], [2])), None, "Said answered 1 rows twice in one part"),
        (Said(([0, 1], [12])), None, "Said has to answer positions of rows: whole numbers from 0 to 11"),
        (Said(([0, 1], [-1])), None, "Said has to answer positions of rows"),
        (Said((FRAME["x"] < 8, FRAME["x"] > 7)), None, "Said has to answer positions of rows"),
        (Said(([0, 1], [])), None, r"d\.test would have no rows"),
        (Said(), None, "Said answered 0 times, 1 being asked for"),
        (Said(([0, 1],)), None, "Said cannot split d@1: .*unpack"),
        (Said(([0, 1, 3], [2])), "g", "Said puts 1 of 4 groups of 'g' on two sides, such as 'a'"),
        (ShuffleSplit(1), None, "ShuffleSplit.* answered otherwise when it was asked again; give it a random_state="),
        (GroupKFold(2), None, "cannot split d@1: .*groups"),
    ],
)
def test_a_splitter_that_does_not_keep_the_rules_is_refused(splitter: Any, group: str | None, says: str) -> None:
    """Overlaps, positions that are not there, groups on two sides, and answers that are by chance."""
    with pytest.raises(errors.InvalidInput, match=says):
        _draw(splitter, group=group)


@pytest.mark.parametrize(
    ("splitter", "says"),
    [
        (KFold(4), r"answered 4 times, 3 being asked for; ask for folds\(4, by=…\)"),
        (RepeatedKFold(n_splits=3, n_repeats=1, random_state=0), None),
        (Said(([0], [1]), ([2], [1]), ([3], [4])), "Said tests 1 rows in more than one fold, such as row 1"),
    ],
)
def test_folds_overlap_in_no_row(splitter: Any, says: str | None) -> None:
    """A row is tested on once, and there are as many folds as were asked for."""
    if says is None:
        assert (_folds(splitter).part_of >= 0).all()
        return
    with pytest.raises(errors.InvalidInput, match=says):
        _folds(splitter)


def test_a_splitter_makes_two_parts() -> None:
    """Three are refused, and a class is not a splitter."""
    with pytest.raises(errors.InvalidInput, match="a splitter answers two parts, not 3"):
        _draw(KFold(3), parts=["a", "b", "c"])
    with pytest.raises(errors.InvalidInput, match="names no column"):
        _draw(KFold)
