"""Splits in time order: moments of any type, ties that stay together, gaps, and shares that do not fit the time."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlcycle import errors
from mlcycle.lifecycle.datasets.splits import Drawn, Rows, draw, folds_request, parts_request, sides_of


def _draw(moments: Any, group: Any = None, parts: Any = None, test: float = 0.25, gap: Any = None) -> Drawn:
    roles = {"time": "at"} if group is None else {"time": "at", "group": "g"}
    frame = pd.DataFrame({"at": moments, "g": 0 if group is None else group})
    return draw(Rows("d", "d@1", frame, roles), parts_request(parts, test, None, gap, None, 0))


def _days(*days: int) -> Any:
    return pd.to_datetime([f"2026-01-{day:02}" for day in days])


_FORTY = pd.date_range("2026-01-01", periods=40)
_MOMENTS: dict[str, Any] = {
    "moments": _FORTY,
    "moments in a zone": _FORTY.tz_localize("Europe/Vienna"),
    "seconds": _FORTY.astype("datetime64[s]"),
    "dates": list(_FORTY.date),
    "Arrow dates": pd.array(list(_FORTY.date), dtype="date32[day][pyarrow]"),
    "Arrow moments": pd.array(_FORTY, dtype="timestamp[us, tz=UTC][pyarrow]"),
    "ISO text": _FORTY.strftime("%Y-%m-%dT%H:%M").tolist(),
    "periods": pd.period_range("2026-01", periods=40, freq="M"),
    "spans": pd.to_timedelta(range(40), unit="D"),
    "years": range(1980, 2020),
    "nullable years": pd.array(range(1980, 2020), dtype="Int64"),
    "floats": np.linspace(0, 1, 40),
}


@pytest.mark.parametrize("name", _MOMENTS)
def test_any_moments_are_put_in_order(name: str) -> None:
    """Rows in any order: the last quarter of the time is the test."""
    order = np.random.default_rng(0).permutation(40)
    drawn = _draw(pd.Series(_MOMENTS[name])[order].reset_index(drop=True))
    assert np.sort(order[drawn.masks()["test"]]).tolist() == list(range(30, 40))


def test_parts_follow_each_other_in_the_order_given() -> None:
    """Three parts, the last of them the latest."""
    masks = _draw(_FORTY, parts={"train": 0.5, "valid": 0.2, "test": 0.3}).masks()
    assert {name: np.flatnonzero(mask).tolist() for name, mask in masks.items()} == {
        "train": list(range(20)),
        "valid": list(range(20, 28)),
        "test": list(range(28, 40)),
    }


@pytest.mark.parametrize(
    ("days", "test", "expected"),
    [
        ([1, 1, 1, 2, 2, 2, 2, 3], 0.25, 1),  # 7 or 3 before the cut: 7 is nearer to 6
        ([1, 1, 1, 2, 2, 3, 3, 3], 0.5, 5),  # 3 or 5 before the cut: as near, and the later part takes the more
        ([1, 1, 1, 1, 1, 1, 1, 2], 0.25, 1),
        ([1, 2, 2, 2, 3, 4, 5, 6], 0.001, 1),  # the least there is, rather than nothing
    ],
)
def test_rows_of_one_moment_stay_together(days: list[int], test: float, expected: int) -> None:
    """The cut lies between two moments, at the one nearest to the share."""
    masks = _draw(_days(*days), test=test).masks()
    assert masks["test"].sum() == expected
    assert not {day for day, late in zip(days, masks["test"], strict=True) if late} & {
        day for day, early in zip(days, masks["train"], strict=True) if early
    }


def test_groups_go_by_their_last_moment() -> None:
    """A group that lasts beyond the cut is tested on, with the rows it has before."""
    masks = _draw(_days(1, 2, 3, 4, 5, 6, 7, 8), group=list("aababcbc"), test=0.5).masks()
    assert {name: "".join(np.array(list("aababcbc"))[mask]) for name, mask in masks.items()} == {
        "train": "aaa",
        "test": "bbcbc",
    }


@pytest.mark.parametrize(
    ("gap", "kept", "said"),
    [
        (3, 27, 3),
        (0, 30, None),
        ("3d", 28, "3d"),
        (dt.timedelta(hours=71), 28, "71h"),
        (np.timedelta64(90, "m"), 30, "90min"),
        (pd.Timedelta("1.5s"), 30, "1.5s"),
    ],
)
def test_a_gap_is_left_out_before_the_later_part(gap: Any, kept: int, said: Any) -> None:
    """So many rows, or none within a span before the first row of the next part; the record says which."""
    drawn = _draw(_FORTY, gap=gap)
    assert [mask.sum() for mask in drawn.masks().values()] == [kept, 10]
    assert drawn.part.gap == said
    assert (drawn.part_of == -1).sum() == 30 - kept


@pytest.mark.parametrize("name", ["Arrow dates", "Arrow moments", "dates", "ISO text", "spans", "periods"])
def test_a_span_is_left_out_of_moments_of_any_type(name: str) -> None:
    """Ten days before the test; periods of a month begin on its first."""
    drawn = _draw(pd.Series(_MOMENTS[name]), gap="10d")
    assert [mask.sum() for mask in drawn.masks().values()] == [30 if name == "periods" else 21, 10]


def test_what_a_gap_leaves_out_is_no_miss_of_a_share() -> None:
    """And a share that is missed is refused with any gap."""
    assert [mask.sum() for mask in _draw(_FORTY, gap="25d").masks().values()] == [6, 10]
    for gap in (None, 1, "1h"):
        with pytest.raises(errors.InvalidInput, match="by more than half"):
            _draw(_days(*[1] * 30, 2), test=0.5, gap=gap)


def test_a_gap_leaves_out_whole_moments() -> None:
    """At least as many rows as asked for, where rows of one moment stay together."""
    masks = _draw(_days(1, 1, 2, 2, 3, 3, 4, 4), test=0.25, gap=1).masks()
    assert [mask.sum() for mask in masks.values()] == [4, 2]


def test_folds_are_trained_on_what_lies_before_them() -> None:
    """Four folds of 40 days: a first block that is only trained on, and each fold after all before it."""
    frame = pd.DataFrame({"at": _FORTY})
    drawn = draw(Rows("d", "d@1", frame, {"time": "at"}), folds_request(4, None, "2d", None, 0))
    assert list(drawn.masks()) == ["fold0", "fold1", "fold2", "fold3", "fold4"]
    sides = [(np.flatnonzero(side == 1).max(), np.flatnonzero(side == 2).tolist()) for side in sides_of(drawn, 4)]
    assert sides == [
        (6, list(range(8, 15))),
        (14, list(range(16, 23))),
        (22, list(range(24, 31))),
        (30, list(range(32, 40))),
    ]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            {"moments": [*_FORTY[:38], pd.NaT, pd.NaT]},
            r"2 of 40 rows of d@1 have no time: 'at' is missing; .*by='group'",
        ),
        ({"moments": _days(*[1] * 8)}, r"1 moment of 'at' in d@1 cannot fill 2 parts; rows of one moment"),
        ({"moments": _FORTY, "group": [0] * 40}, r"1 last moment of groups of 'at' in d@1 cannot fill 2 parts"),
        ({"moments": _days(*[1] * 30, 2), "test": 0.5}, r"d\.train would have 30 of 31 rows, its share being 0\.5"),
        ({"moments": _FORTY, "gap": 35}, r"d\.train would have no rows: .*gap 35; give it .* a smaller gap"),
        ({"moments": range(40), "gap": "7d"}, "gap='7d' is a span, .* holds numbers, so give a number of rows"),
        ({"moments": ["spring", "fall"] * 20}, r"the time column 'at' of d@1 holds .*pandas\.to_datetime"),
        (
            {"moments": ["2026-01-01", "1/12/2026"] * 20},
            r"holds (object|str) such as '1/12/2026', which has no order in time; .*ISO 8601, as pandas\.to_datetime",
        ),
        (
            {"moments": [dt.time(9)] * 40},
            r"holds object such as datetime\.time\(9, 0\), which has no order in time; add",
        ),
        ({"moments": [Decimal(1)] * 40}, r"holds object such as Decimal\('1'\), which has no order in time; add"),
        ({"moments": [[1]] * 40}, r"the time column 'at' of d@1 holds .*pandas\.to_datetime"),
        ({"moments": [True, False] * 20}, r"the time column 'at' of d@1 holds bool"),
    ],
)
def test_what_does_not_fit_the_time_is_refused(given: dict[str, Any], says: str) -> None:
    """Missing times, too few moments, shares that ties cannot keep, gaps that are too long: with counts and remedy."""
    with pytest.raises(errors.InvalidInput, match=says):
        _draw(**given)


@pytest.mark.parametrize("gap", [-1, "soon", 1.5, True, dt.timedelta(days=-1), pd.NaT])
def test_a_gap_is_a_number_of_rows_or_a_span(gap: Any) -> None:
    """Anything else is refused."""
    with pytest.raises(errors.InvalidInput, match="gap"):
        _draw(_FORTY, gap=gap)
