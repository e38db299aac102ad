"""What a writer says of itself: the same as its lines, in a few words, so that nobody reads them all."""

from __future__ import annotations

import json
import math
import os
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcycle.lifecycle.runs import _summary
from mlcycle.lifecycle.runs._points import PointsWriter, read_points
from mlcycle.lifecycle.runs._summary import RunSummary, read_summary
from mlcycle.storage import Files, SegmentWriter, open_files, read_lines
from mlcycle.storage._segments import new_writer, segment_key
from mlcycle.testing import FaultyFiles

PREFIX, STEM = "runs/2026-11/a/", "points-"


@pytest.fixture
def points(tmp_path: Path) -> PointsWriter:
    """Give a writer of points to a local folder."""
    return PointsWriter(SegmentWriter(open_files(tmp_path), PREFIX, STEM, heartbeat=RunSummary()))


def summed(files: Files) -> RunSummary:
    """Return what the folder sums up to."""
    return read_summary(files, PREFIX, STEM)


def agree(files: Files) -> RunSummary:
    """Check that the summary says what all the lines say, and return it."""
    found, every = summed(files), read_points(read_lines(files, PREFIX, STEM))
    assert (repr(sorted(every.last.items())), every.count) == (repr(sorted(found.last.items())), found.count)
    return found


def test_the_line_is_as_the_format_says(points: PointsWriter) -> None:
    """Count, last, min and max with their steps by name; the newest events; nothing more until something is logged."""
    for step, loss in enumerate([0.5, 0.25, 0.75]):
        points.log({"loss": loss}, step)
    points.log({"odd": math.nan, "far": -math.inf})
    points.event({"e": "artifact", "name": "curve", "file": {"key": "old"}})
    points.event({"e": "artifact", "name": "curve", "file": {"key": "new"}})
    points.event({"e": "model", "files": [], "card": {}})
    points.event({"e": "read", "ref": "dataset:d@1"})
    document = json.loads(points.summary())
    times = [row["last"].pop() for row in document["summary"].values()]
    assert [0 < moment <= document["t"] for moment in times] == [True] * 3
    assert [event.pop("t") > 0 for event in document["events"]] == [True] * 3
    del document["t"]
    assert document == {
        "e": "beat",
        "summary": {
            "loss": {"count": 3, "last": [0.75, 2], "min": [0.25, 1], "max": [0.75, 2]},
            "odd": {"count": 1, "last": [{"$float": "NaN"}, None]},
            "far": {
                "count": 1,
                "last": [{"$float": "-Infinity"}, None],
                "min": [{"$float": "-Infinity"}, None],
                "max": [{"$float": "-Infinity"}, None],
            },
        },
        "events": [
            {"e": "artifact", "name": "curve", "file": {"key": "new"}},
            {"e": "model", "files": [], "card": {}},
            {"e": "read", "ref": "dataset:d@1"},
        ],
    }
    assert set(json.loads(points.summary())) == {"t", "e"}


values = st.floats(width=32) | st.integers(-(10**20), 10**20) | st.sampled_from(["warm", "nan"])
logged = st.dictionaries(st.sampled_from(["a", "b", "é\n"]), values, min_size=1, max_size=3)


@given(st.lists(logged | st.none(), max_size=30), st.integers(1, 400), st.sampled_from([40, 300]))
@pytest.mark.filterwarnings("ignore:.*was logged as text")
def test_a_summary_says_what_the_lines_say(said: list[dict[str, Any] | None], every: int, window: int) -> None:
    """Wherever summaries stand among the lines, and however far back one looks: last values and count are the same."""
    files = open_files("memory://summaries-agree")
    points = PointsWriter(SegmentWriter(files, PREFIX, STEM, heartbeat=RunSummary()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_summary, "_EVERY", every)
        patch.setattr(_summary, "_SHARE", 0)
        patch.setattr(_summary, "_WINDOWS", (window,))
        points.summary.begin()
        for step, one in enumerate(said):
            if one is None:
                points._writer.write(points.summary())
            else:
                points.log(one, step)
        points.close()
        try:
            agree(files)
        finally:
            files.delete([one.key for one in files.list("")])


def test_the_points_of_a_long_run_are_not_read(tmp_path: Path) -> None:
    """What is read of 20 000 points is the end: less than three summaries apart, in a handful of calls."""
    files = FaultyFiles(open_files(tmp_path))
    points = PointsWriter(SegmentWriter(files, PREFIX, STEM, heartbeat=RunSummary()))
    for step in range(20_000):
        points.log({"loss": 1 / (step + 1)}, step)
    points.close()
    [segment] = files.list(PREFIX)
    assert segment.size > 16 * _summary._EVERY
    read: list[int] = []
    inner = files.read
    files.read = lambda key, start=None, stop=None: _counted(read, inner(key, start, stop))  # type: ignore[method-assign]
    found = summed(files)
    assert sum(read) <= 2 * _summary._EVERY
    assert (found.count, found.last) == (20_000, {"loss": 1 / 20_000})
    row = found.rows["loss"]
    assert (row.low, row.low_step, row.high, row.high_step) == (1 / 20_000, 19_999, 1.0, 0)


def _counted(read: list[int], data: bytes) -> bytes:
    read.append(len(data))
    return data


def test_summaries_of_many_names_stay_an_eighth(points: PointsWriter, tmp_path: Path) -> None:
    """A summary as large as many lines is written as rarely as its size asks."""
    names = {f"name {number}": 0.5 for number in range(2_000)}
    for step in range(60):
        points.log(names, step)
    points.close()
    lines = [text for _, text in read_lines(open_files(tmp_path), PREFIX, STEM)]
    large = sum(len(text) for text in lines if b'"summary":' in text)
    assert 0 < large <= sum(map(len, lines)) / 5
    agree(open_files(tmp_path))


def test_writers_are_put_together(tmp_path: Path) -> None:
    """Counts add up, the later value is the last, extremes and artifacts are of all."""
    files = open_files(tmp_path)
    first, second = RunSummary(), RunSummary()
    first.note("loss", 0.5, 1, 10.0)
    first.note("loss", 0.1, 2, 30.0)
    second.note("loss", 0.9, 7, 20.0)
    second.note("own", "text", None, 20.0)
    first.happened({"t": 1.0, "e": "artifact", "name": "a", "file": {"key": "old"}})
    second.happened({"t": 2.0, "e": "artifact", "name": "a", "file": {"key": "new"}})
    first.happened({"t": 3.0, "e": "model", "files": [1]})
    second.happened({"t": 2.0, "e": "model", "files": [2]})
    second.happened({"t": 2.0, "e": "artifact"})
    first.happened({"t": 1.0, "e": "read", "ref": "dataset:d@1"})
    second.happened({"t": 2.0, "e": "read", "ref": "dataset:d.train@1"})
    second.happened({"t": 2.0, "e": "read", "ref": "dataset:d@1"})
    second.happened({"t": 2.0, "e": "read", "ref": 5})
    for one in (first, second):
        files.create(segment_key(PREFIX, STEM, new_writer(), 0), one.line())
    found = summed(files)
    row = found.rows["loss"]
    assert (found.count, found.last) == (4, {"loss": 0.1, "own": "text"})
    assert (row.low, row.low_step, row.high, row.high_step) == (0.1, 2, 0.9, 7)
    assert found.kept() == {
        "reads": ["dataset:d@1", "dataset:d.train@1"],
        "artifacts": {"a": {"key": "new"}},
        "model": {"files": [1]},
    }


def test_a_clock_that_went_back(points: PointsWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last value is the one logged last, also when time says otherwise."""
    for moment in (50.0, 20.0, 30.0):
        monkeypatch.setattr("time.time", lambda moment=moment: moment)
        points.log({"loss": moment})
    points._writer.write(points.summary())
    points.log({"loss": 1.0})
    points.close()
    monkeypatch.undo()
    assert agree(open_files(tmp_path)).last == {"loss": 1.0}


@pytest.mark.parametrize(
    "line",
    [
        b'{"t":9,"e":"beat","summary":{"loss":{"count":7}}}',
        b'{"t":9,"e":"beat","summary":{"loss":{"count":7,"last":[true,1,2]}}}',
        b'{"t":9,"e":"beat","summary":{"loss":{"count":1e999,"last":[1,2,3]}}}',
        b'{"t":9,"e":"beat","summary":{"loss":{"count":"7","last":[1,2,3]}}}',
        b'{"t":9,"e":"beat","summary":{"loss":{"count":1,"last":[1,2,3],"min":[1' + b"0" * 400 + b',1],"max":[1,1]}}}',
        b'{"t":1' + b"0" * 400 + b',"m":{"loss":1}}',
        b'{"t":9,"e":"beat","summary":[1]}',
        b'{"t":9,"e":"beat","summary":{},"events":[5]}',
        b'{"t":9,"e":"other","summary":{}}',
        b'{"t":9,"e":"beat","summary":{"loss":{"count":1,"last"',
    ],
)
def test_what_is_no_summary_is_passed_over(points: PointsWriter, tmp_path: Path, line: bytes) -> None:
    """A line that is torn, or of a newer version, costs nothing but a look further back."""
    points.log({"loss": 0.5}, 1)
    points._writer.write(points.summary())
    points._writer.write(line)
    points.log({"loss": 0.25}, 2)
    points.close()
    found = summed(open_files(tmp_path))
    assert (found.count, found.last) == (2, {"loss": 0.25})


def test_many_threads(points: PointsWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A summary is of exactly those lines that stand before it, whoever else is logging."""
    monkeypatch.setattr(_summary, "_EVERY", 500)
    points.summary.begin()

    def log(number: int) -> None:
        for step in range(300):
            points.log({f"name {number % 2}": float(step)}, step)

    threads = [threading.Thread(target=log, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    points.close()
    assert agree(open_files(tmp_path)).count == 1_200


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_sums_up_its_own(points: PointsWriter, tmp_path: Path) -> None:
    """A child made by fork says nothing of what its parent logged."""
    for step in range(5):
        points.log({"loss": float(step)}, step)
    child = os.fork()
    if child == 0:
        for step in range(3):
            points.log({"loss": -1.0, "own": 1.0}, step)
        points._writer.write(points.summary())
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    points._writer.write(points.summary())
    points.close()
    assert agree(open_files(tmp_path)).count == 11


def test_a_pickled_writer_sums_up_its_own(points: PointsWriter, tmp_path: Path) -> None:
    """A copy sent to a worker begins with nothing."""
    points.log({"loss": 1.0})
    copy = pickle.loads(pickle.dumps(points))
    copy.log({"loss": 2.0})
    copy._writer.write(copy.summary())
    points.close()
    copy.close()
    assert agree(open_files(tmp_path)).count == 2
