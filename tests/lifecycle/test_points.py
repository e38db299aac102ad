"""Numbers and text of a run: what goes in comes out, and what cannot go in is told once."""

from __future__ import annotations

import json
import math
import os
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcycle.errors import InvalidInput, MlcycleWarning, StorageUnavailable
from mlcycle.lifecycle.runs._log_lines import decode_values, encode_values
from mlcycle.lifecycle.runs._points import PointsWriter, RunPoints, read_points
from mlcycle.lifecycle.runs._summary import RunSummary
from mlcycle.storage import SegmentWriter, open_files, read_lines
from mlcycle.testing import Fault, FaultyFiles, fail_on

PREFIX, STEM = "runs/2026-11/a/", "points-"


class Tensor:
    """What a tensor of another library looks like from here."""

    def __init__(self, value: Any, ndim: int = 0) -> None:
        self.value, self.ndim, self.shape = value, ndim, (1,) * ndim

    def item(self) -> Any:
        """Return the one number inside, or fail."""
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


class Hostile:
    """What raises at every look."""

    def __getattr__(self, name: str) -> Any:
        raise (AttributeError if name.startswith("__") else RuntimeError)(name)


@pytest.fixture
def points(tmp_path: Path) -> PointsWriter:
    """Give a writer of points to a local folder."""
    return PointsWriter(SegmentWriter(open_files(tmp_path), PREFIX, STEM))


def found(tmp_path: Path) -> RunPoints:
    """Return what is in the folder."""
    return read_points(read_lines(open_files(tmp_path), PREFIX, STEM))


def lines(tmp_path: Path) -> list[dict[str, Any]]:
    """Return the lines as JSON, without their times."""
    documents = [json.loads(text) for _, text in read_lines(open_files(tmp_path), PREFIX, STEM)]
    return [{key: value for key, value in one.items() if key != "t"} for one in documents]


def test_lines_are_as_the_format_says(points: PointsWriter, tmp_path: Path) -> None:
    """Finite numbers, others, text and events stand where the format puts them."""
    points.log({"loss": 0.31}, step=10)
    points.log({"loss": 0.5}, step=11)
    points.log({"loss": math.nan, "correct": 17, "ok": True})
    points.log({"a": math.inf, "b": -math.inf}, step=1.5)
    with pytest.warns(MlcycleWarning, match="logged as text"):
        points.log({"note": 'warmed "up"'})
    points.event({"e": "artifact", "name": "curve", "file": {"key": "k"}})
    points.close()
    assert lines(tmp_path) == [
        {"s": 10, "m": {"loss": 0.31}},
        {"s": 11, "m": {"loss": 0.5}},
        {"m": {"loss": {"$float": "NaN"}, "correct": 17, "ok": 1}},
        {"s": 1.5, "m": {"a": {"$float": "Infinity"}, "b": {"$float": "-Infinity"}}},
        {"x": {"note": 'warmed "up"'}},
        {"e": "artifact", "name": "curve", "file": {"key": "k"}},
    ]


@given(
    values=st.dictionaries(
        st.text(max_size=8),
        st.floats(width=64) | st.integers(-(10**30), 10**30) | st.text(max_size=8),
        min_size=1,
        max_size=4,
    ),
    step=st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
)
@pytest.mark.filterwarnings("ignore:.*was logged as text")
def test_values_come_back_as_they_were(values: dict[str, Any], step: Any) -> None:
    """Every number and text by every name is read back exactly, twice over."""
    files = open_files("memory://points-come-back")
    points = PointsWriter(SegmentWriter(files, PREFIX, STEM))
    points.log(values, step)
    points.log(values, step)
    points.close()
    try:
        read = read_points(read_lines(files, PREFIX, STEM))
    finally:
        files.delete([one.key for one in files.list("")])
    assert repr(read.last) == repr({name: values[name] for name in read.last})
    assert set(read.last) == set(values)
    assert read.step == [step] * 2 * len(values)
    assert (read.count, read.skipped) == (points.summary.count, 0) == (2 * len(values), 0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(0.5), 0.5),
        (np.float32(0.5), 0.5),
        (np.int8(3), 3),
        (np.bool_(True), 1),
        (np.array(2.5), 2.5),
        (np.longdouble(0.25), 0.25),
        (True, 1),
        (Decimal("1.5"), 1.5),
        (Fraction(1, 4), 0.25),
        (Tensor(0.125), 0.125),
        (np.float64("nan"), math.nan),
        (np.longdouble("inf"), math.inf),
        (Decimal("Infinity"), math.inf),
        (Decimal("NaN"), math.nan),
        (Decimal("1e-400"), 0.0),
        (np.float16(1.5), 1.5),
        (np.uint64(2**63), 2**63),
        (2**1000, 2**1000),
    ],
)
def test_numbers_of_other_libraries(points: PointsWriter, tmp_path: Path, value: Any, expected: float) -> None:
    """Scalars of numpy, tensors without dimensions, decimals and fractions are numbers."""
    points.log({"loss": value}, step=np.int64(3))
    points.close()
    read = found(tmp_path)
    assert (repr(read.value), read.step) == (repr([expected]), [3])
    assert type(read.value[0]) is type(expected)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.zeros(3), r"ndarray of shape \(3,\); log one number, such as its mean"),
        (np.zeros(1), r"ndarray of shape \(1,\)"),
        (pd.Series([1.0]), "Series of shape"),
        ([1, 2], "list; log one number"),
        (None, "NoneType; leave out"),
        (1 + 2j, "complex"),
        (pd.NA, "NAType"),
        (np.datetime64("2026-11-23"), "datetime64"),
        (10**400, "integer of 1329 bits"),
        ("x" * 70_000, "text of 70000 characters"),
        (b"bytes", "bytes"),
        (Tensor(RuntimeError("on another device")), "Tensor"),
        (Tensor(object()), "Tensor"),
        (Hostile(), "Hostile"),
        (np.longdouble("1e4000"), "longdouble"),
        (Decimal("1e400"), "Decimal"),
        (Fraction(10**400), "Fraction"),
        (np.complex64(1), "complex64"),
        (np.clongdouble(1), "clongdouble"),
        (np.array(1j), "ndarray"),
        (np.datetime64("2026-11-23", "ns"), "datetime64"),
        (np.timedelta64(5, "ns"), "timedelta64"),
        (np.array(5, dtype="m8[ns]"), "ndarray"),
        (pd.NaT, "NaTType"),
        pytest.param(10**5000, "integer of 16610 bits", id="5000 digits"),
        ({"a": 1}, "dict"),
    ],
)
def test_what_is_no_point_is_told_once(points: PointsWriter, tmp_path: Path, value: Any, said: str) -> None:
    """An array or an object is left out with one warning that gives the remedy; its neighbours are logged."""
    with pytest.warns(MlcycleWarning, match=f"'bad': .*{said}"):
        points.log({"bad": value, "loss": 0.5}, step=1)
    points.log({"worse": value})
    points.close()
    assert (points.refused, points.failures) == (2, 2)
    assert found(tmp_path).last == points.summary.last == {"loss": 0.5}


def test_names_are_text(points: PointsWriter, tmp_path: Path) -> None:
    """A name that is no text is refused; a mapping and names may be mixed; what is no mapping is refused."""
    with pytest.warns(MlcycleWarning, match="name of a point is text, got int 1"):
        points.log({1: 0.5})  # type: ignore[dict-item]
    points.log({"val/loss": 0.5, "loss": 0.75}, more={"loss": 0.25})
    with pytest.warns(MlcycleWarning, match=r"write log\(loss=0.31\)"):
        points.log(0.5)  # type: ignore[arg-type]
    points.log({})
    points.close()
    assert found(tmp_path).last == {"val/loss": 0.5, "loss": 0.25}


@pytest.mark.parametrize("step", ["ten", math.nan, [1]])
def test_wrong_step_costs_only_the_step(points: PointsWriter, tmp_path: Path, step: Any) -> None:
    """Values are kept when their step is none."""
    with pytest.warns(MlcycleWarning, match="'step'"):
        points.log({"loss": 0.5}, step=step)
    points.close()
    assert (found(tmp_path).step, found(tmp_path).value) == ([None], [0.5])


def test_text_warns_once_a_name(points: PointsWriter, tmp_path: Path) -> None:
    """Text is kept, with one warning for every name."""
    for name in ("a", "b"):
        with pytest.warns(MlcycleWarning, match=f"'{name}' was logged as text"):
            points.log({name: "one"})
        points.log({name: np.str_("two")})
    points.close()
    assert found(tmp_path).last == {"a": "two", "b": "two"}


def test_strict_raises(tmp_path: Path) -> None:
    """With strict=True what is no point is an exception, and so is trouble with the storage."""
    faulty = FaultyFiles(open_files(tmp_path))
    points = PointsWriter(SegmentWriter(faulty, PREFIX, STEM, strict=True))
    with pytest.raises(InvalidInput, match="'loss'"):
        points.log({"loss": [1]})
    with pytest.raises(InvalidInput, match="not JSON"):
        points.event({"e": "odd", "what": object()})
    faulty.plan = fail_on("write", Fault.BEFORE)
    with pytest.raises(StorageUnavailable):
        points.log({"loss": 1.0})
    faulty.plan = None
    points.close()


def test_storage_failure_is_counted(tmp_path: Path) -> None:
    """Trouble with the storage is a warning and a count, and points after it are there."""
    faulty = FaultyFiles(open_files(tmp_path), fail_on("write", Fault.BEFORE, times=2))
    points = PointsWriter(SegmentWriter(faulty, PREFIX, STEM))
    with pytest.warns(MlcycleWarning, match="is lost"):
        points.log({"loss": 1.0})
    points.log({"loss": 2.0})
    points.log({"loss": 3.0})
    points.close()
    assert (points.failures, found(tmp_path).value) == (2, [3.0])


def test_event_that_is_no_json_is_refused(points: PointsWriter, tmp_path: Path) -> None:
    """An event that cannot be written leaves nothing behind."""
    with pytest.warns(MlcycleWarning, match="'odd' is not JSON"):
        points.event({"e": "odd", "what": math.nan})
    points.close()
    assert (points.refused, lines(tmp_path)) == (1, [])


def test_garbage_is_skipped_and_counted() -> None:
    """Lines that are torn, odd or newer cost nothing but a count."""
    garbage = [
        b'{"t":1,"m":{"lo',
        b"\xff\xfe",
        b"[]",
        b"3",
        b"null",
        b'{"m":{"a":1}}',
        b'{"t":"now","m":{"a":1}}',
        b'{"t":true,"m":{"a":1}}',
        b'{"t":1e999,"m":{"a":1}}',
        b'{"t":1' + b"0" * 400 + b',"m":{"a":1}}',
        b'{"t":1,"s":"x","m":{"a":1}}',
        b'{"t":1,"m":{"a":"1"}}',
        b'{"t":1,"m":{"a":NaN}}',
        b'{"t":1,"m":[1]}',
        b'{"t":1,"m":{"a":{"$float":"huge"}}}',
        b'{"t":1,"m":{"a":{"$float":[]}}}',
        b'{"t":1,"m":{"a":{"$float":"NaN","b":1}}}',
        b'{"t":1,"m":{"a":true}}',
        b'{"t":1,"f":{"a":"nan"}}',
        b'{"t":1,"x":{"a":1}}',
        b'{"t":1}',
        b'{"t":1,"e":5}',
        b"[" * 100_000,
        b'{"t":1,"m":{"a":' + b"9" * 5000 + b"}}",
    ]
    read = read_points([*garbage, b'{"t":2,"m":{"a":1},"later":{"version":2}}'])
    assert (read.skipped, read.last, read.heard) == (len(garbage), {"a": 1}, 2.0)


@given(st.lists(st.binary(max_size=40)))
def test_reading_never_fails(texts: list[bytes]) -> None:
    """Whatever the bytes, reading ends, and every line is accounted for."""
    read = read_points(texts)
    assert read.skipped <= len(texts)


def test_writers_are_put_together_by_time() -> None:
    """Two writers are merged by time; the order within one stays, even where its clock went back."""
    first = [b'{"t":1,"m":{"a":1}}', b'{"t":5,"m":{"a":2}}', b'{"t":3,"m":{"a":3}}', b'{"t":3,"e":"artifact"}']
    second = [b'{"t":2,"m":{"a":10}}', b'{"t":4,"e":"artifact"}', b'{"t":9,"m":{"a":11}}']
    read = read_points([*(("x", one) for one in first), *(("y", one) for one in second)])
    assert read.value == [1, 10, 2, 3, 11]
    assert read.writer == ["x", "y", "x", "x", "y"]
    assert read.time == [1.0, 2.0, 5.0, 3.0, 9.0]
    assert (read.last, read.count, read.heard) == ({"a": 11}, 5, 9.0)


def test_columns_make_a_frame() -> None:
    """Events are no points, and heartbeats are only heard."""
    read = read_points([b'{"t":6,"m":{"loss":0.5},"s":7}', b'{"t":7,"e":"artifact"}', RunSummary()()])
    assert read.heard is not None
    assert read.heard > 7
    assert pd.DataFrame(read.columns()).to_dict("records") == [
        {"name": "loss", "step": 7, "value": 0.5, "time": 6.0, "writer": ""}
    ]


def test_values_as_json() -> None:
    """Last values with NaN and infinities fit into strict JSON and come back."""
    values = {"a": 0.5, "b": math.inf, "c": -math.inf, "d": 3, "e": "nan", "f": math.nan}
    text = json.dumps(encode_values(values), allow_nan=False)
    assert repr(decode_values(json.loads(text))) == repr(values)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_forked_child_logs_too(points: PointsWriter, tmp_path: Path) -> None:
    """A child made by fork logs beside its parent, and both are complete."""
    for step in range(50):
        points.log({"loss": float(step)}, step=step)
    child = os.fork()
    if child == 0:
        for step in range(1000, 1050):
            points.log({"loss": float(step)}, step=step)
        os._exit(0)
    for step in range(50, 100):
        points.log({"loss": float(step)}, step=step)
    assert os.waitpid(child, 0)[1] == 0
    points.close()
    read = found(tmp_path)
    assert sorted(read.step) == [*range(100), *range(1000, 1050)]
    assert len(set(read.writer)) == 2


@pytest.mark.parametrize("step", [10**400, -(10**400), 10**5000, -(10**5000)], ids=["400", "-400", "5000", "-5000"])
@pytest.mark.parametrize("known", [False, True])
def test_a_step_of_very_many_digits(points: PointsWriter, tmp_path: Path, step: int, known: bool) -> None:
    """The value is logged without a step that no reader takes, also once its name is known."""
    if known:
        points.log({"loss": 1.0})
    with pytest.warns(MlcycleWarning, match="'step': a point is a number or short text, got an integer of"):
        points.log({"loss": 0.5}, step=step)
    points.close()
    read = found(tmp_path)
    assert (read.last, read.step[-1], points.failures) == ({"loss": 0.5}, None, 1)


@pytest.mark.parametrize("name", ["caf\udce9", "\ud800", "", "a\nb", "a\0b", "x" * 3000], ids=ascii)
def test_a_name_of_any_text(points: PointsWriter, tmp_path: Path, name: str) -> None:
    """What is no Unicode is read back as Python escapes it; every other name as it was."""
    plain = name.encode("utf-8", "backslashreplace").decode()
    with pytest.warns(MlcycleWarning, match="logged as text"):
        points.log({name: "\ud800 text"})
    points.log({name: 0.5})
    points.log({name: 0.25}, step=2)
    points.close()
    assert (found(tmp_path).value, found(tmp_path).last) == (["\\ud800 text", 0.5, 0.25], {plain: 0.25})
    assert json.loads(json.dumps(encode_values(points.summary.last), ensure_ascii=False).encode()) == {plain: 0.25}


@pytest.mark.parametrize("values", [5, [0.5], "loss", Hostile(), object(), [("loss", 0.5)]], ids=type)
def test_what_has_no_names_is_no_point(points: PointsWriter, values: Any) -> None:
    """A number without a name is told and counted, and training goes on."""
    with pytest.warns(MlcycleWarning, match="log takes names and values, got"):
        points.log(values, 3)
    points.log({"loss": 0.5}, 4)
    points.close()
    assert (points.summary.last, points.failures) == ({"loss": 0.5}, 1)


@pytest.mark.parametrize(
    ("name", "step", "told"),
    [
        ("loss", 0.3, "got 'loss'; write log(loss=0.3)"),
        ("val/loss", 0.3, "got 'val/loss'; write log({'val/loss': 0.3})"),
        ("loss", None, "got 'loss'; write log(loss=…)"),
    ],
)
def test_a_name_and_its_value_are_told_how_they_are_written(
    points: PointsWriter, name: Any, step: Any, told: str
) -> None:
    """One after the other is what other libraries take."""
    with pytest.warns(MlcycleWarning, match=re.escape(told)):
        points.log(name, step)
    points.close()


def test_an_event_that_is_no_json_is_counted(points: PointsWriter) -> None:
    """Something that holds itself, or goes very deep, stops nothing."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.warns(MlcycleWarning, match="the event 'odd' is not JSON"):
        points.event({"e": "odd", "data": deep})
    points.close()
    assert points.failures == 1
