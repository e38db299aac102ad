"""The table of all runs: what it asks of a storage, what it keeps, and that it says what the records say."""

from __future__ import annotations

import itertools
import json
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import mlcycle as mc
from mlcycle._cache import Cache
from mlcycle._ids import new_id
from mlcycle.lifecycle.runs import _outcomes
from mlcycle.lifecycle.runs._files import POINTS, run_folder
from mlcycle.lifecycle.runs._table import Table
from mlcycle.state import FactAdd
from mlcycle.storage import Files, SegmentWriter, _spool
from mlcycle.storage._segments import new_writer, segment_key
from mlcycle.testing import FaultyFiles

FIXED = ["run", "experiment", "name", "status", "author", "started_at", "seconds"]
LOOK = ["list", "read"]  # the folders of runs, and the next entry of the log
LINE = b'{"t":1764000000.0,"m":{"loss":0.25}}\n'


class Runs:
    """A project with one run made by the library, and copies of its files under other ids."""

    def __init__(self, project: mc.Project) -> None:
        self.experiment = project.experiments.open("e")
        with self.experiment.start(params={"depth": 3, "rate": 0.5}, name="tried") as run:
            run.log(loss=0.5)
        self.files: Files = project._session.log.files
        self._first = run.id
        self._there = {one.key: self.files.read(one.key) for one in self.files.list(f"{run_folder(run.id)}/")}
        self._open: list[SegmentWriter] = []

    def add(self, *, ended: bool = True, held: bool = False, **params: Any) -> str:
        """Add a run that ended, one that is lost, or one whose writer this process holds; return its id."""
        run = new_id()
        for key, data in self._there.items():
            name, text = key.rpartition("/")[2], data.replace(self._first.encode(), run.encode())
            if name == "head.json" and params:
                text = json.dumps(json.loads(text) | {"params": params}).encode()
            if name == "head.json" or ended:
                self.files.put(f"{run_folder(run)}/{name}", text, durable=False)
        if held:
            self._open.append(SegmentWriter(self.files, f"{run_folder(run)}/", POINTS))
            self._open[-1].write(LINE)
        elif not ended:
            self.files.put(segment_key(f"{run_folder(run)}/", POINTS, new_writer(), 0), LINE, durable=False)
        return run

    def end(self, run: str) -> None:
        """Write the end of a run."""
        [end] = (data for key, data in self._there.items() if key.endswith("end.json"))
        self.files.put(f"{run_folder(run)}/end.json", end)

    def close(self, at: int = 0) -> None:
        """Close a writer that is held."""
        self._open.pop(at).close()


def watched(runs: Runs) -> FaultyFiles:
    """Count what is asked from now on, by what knows nothing yet."""
    files = FaultyFiles(runs.files)
    runs.experiment._session._connection.use_files(files)
    runs.experiment._session.view()
    return files


def asked(files: FaultyFiles, runs: Runs) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """Return a table, and the calls it took."""
    before = len(files.calls)
    frame = runs.experiment.frame()
    return frame, files.calls[before:]


@pytest.fixture(params=["local", "memory"])
def runs(request: pytest.FixtureRequest, tmp_path: Path) -> Runs:
    """Give runs in a folder, and in memory."""
    url = str(tmp_path / "store") if request.param == "local" else request.getfixturevalue("memory_url")[0]
    return Runs(mc.open(url, create=True, author="ada"))


def test_a_table_of_what_is_known_asks_twice(runs: Runs) -> None:
    """However many runs are finished, lost or running with unchanged sizes: a listing, and a look at the log."""
    for number in range(299):
        runs.add(depth=number)
    for _ in range(20):
        runs.add(ended=False)
    running = [runs.add(ended=False, held=True) for _ in range(20)]
    files = watched(runs)
    first, calls = asked(files, runs)
    assert len([call for call in calls if call[0] == "read"]) == 2 * 300 + 2 * 40 + 1 + 20
    assert first["status"].value_counts().to_dict() == {"finished": 300, "lost": 20, "running": 20}
    for _ in range(2):
        again, calls = asked(files, runs)
        assert [op for op, _ in calls] == LOOK
        assert_frame_equal(first, again)
    runs.end(running[3])
    one = f"{run_folder(running[3])}/"
    changed, calls = asked(files, runs)
    assert [call for call in calls if call[0] == "list"] == [("list", "runs/")]
    assert [key for _, key in calls if key.startswith(one)] == [f"{one}head.json", f"{one}end.json"]
    assert len(calls) == 4
    assert changed["status"].value_counts().to_dict() == {"finished": 301, "lost": 20, "running": 19}
    assert [op for op, _ in asked(files, runs)[1]] == LOOK


def test_what_is_logged_meanwhile_is_read(runs: Runs) -> None:
    """A segment that has grown, and a new one, make only their run be read."""
    run = runs.add(ended=False, held=True)
    files = watched(runs)
    assert asked(files, runs)[0]["metrics.loss"].tolist() == [0.5, 0.25]
    runs._open[0].write(LINE.replace(b"0.25", b"0.125"))
    frame, calls = asked(files, runs)
    assert frame["metrics.loss"].tolist() == [0.5, 0.125]
    assert {key.rpartition("/")[0] for _, key in calls} == {"runs", "log", run_folder(run)}
    other = SegmentWriter(runs.files, f"{run_folder(run)}/", POINTS)
    other.write(LINE.replace(b"17640", b"17641"))
    assert asked(files, runs)[0]["metrics.loss"].tolist() == [0.5, 0.25]
    assert [op for op, _ in asked(files, runs)[1]] == LOOK
    other.close()


def test_the_status_of_a_known_run_changes(runs: Runs) -> None:
    """An owner that goes away makes its run lost at once; that it did is asked once more, and then remembered."""
    run = runs.add(ended=False, held=True)
    files = watched(runs)
    assert asked(files, runs)[0]["status"].tolist() == ["finished", "running"]
    runs.close()
    frame, calls = asked(files, runs)
    assert frame["status"].tolist() == ["finished", "lost"]
    assert [key for op, key in calls if op == "list"] == ["runs/", f"{run_folder(run)}/"]
    assert [op for op, _ in asked(files, runs)[1]] == LOOK
    runs.end(run)
    assert asked(files, runs)[0]["status"].tolist() == ["finished", "finished"]


@pytest.mark.parametrize("known", [False, True])
def test_a_run_that_ends_while_it_is_looked_at_is_not_lost(runs: Runs, known: bool) -> None:
    """Its owner is gone, and the listing is from before the end: the end is looked for."""
    run = runs.add(ended=False, held=True)
    files = watched(runs)
    if known:
        asked(files, runs)

    def ends(number: int, op: str, key: str) -> None:
        if op == "read" and key.startswith("log/") and runs._open:  # the look that comes after the listing
            runs.close()
            runs.end(run)

    files.plan = ends
    assert asked(files, runs)[0]["status"].tolist() == ["finished", "finished"]


def test_another_machine_s_run_is_probably_lost_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of its owner nothing is known here but its last line: silence counts, without a call."""
    runs = Runs(mc.open(tmp_path / "store", create=True))
    runs.add(ended=False)
    monkeypatch.setattr("mlcycle.storage._streams.host_tag", lambda: "0" * 8)
    files = watched(runs)
    assert asked(files, runs)[0]["status"].tolist() == ["finished", "running"]
    monkeypatch.setattr(_outcomes, "_SILENT_SECONDS", -1.0)
    frame, calls = asked(files, runs)
    assert (frame["status"].tolist(), [op for op, _ in calls]) == (["finished", "probably lost"], LOOK)


def test_a_table_says_what_the_records_say(runs: Runs) -> None:
    """The same columns in the same order, of the same types, with NaN where a run has none."""
    for params in ({"depth": 1, "kind": "gini"}, {"depth": None, "deep": [1, {"a": 2}]}, {"rate": float(2**70)}, {}):
        runs.add(**params)
    runs.add(ended=False, kind="x")
    torn = runs.add()
    runs.files.put(f"{run_folder(torn)}/head.json", b"{")
    fact = FactAdd(of="annotation", id=new_id(), subject=f"run:{torn}", says={"name": "of what is torn"})
    told = FactAdd(of="annotation", id=new_id(), subject=f"run:{runs._first}", says={"name": "best so far"})
    session = runs.experiment._session
    session.operate("run.annotate", lambda do: do.commit(lambda view: [fact, told]))
    expected = pd.DataFrame(
        {
            "run": run.id,
            "experiment": run.experiment,
            "name": run.name,
            "status": run.status,
            "author": run.author,
            "started_at": pd.Timestamp(run.started_at),
            "seconds": run.duration,
            **{f"params.{name}": value for name, value in run.params.items()},
            **{f"metrics.{name}": value for name, value in run.metrics.items()},
        }
        for run in runs.experiment.runs()
    )
    for frame in (runs.experiment.frame(), runs.experiment.frame()):
        frame.loc[frame["run"] == torn, "name"] = ""
        assert_frame_equal(frame, expected)
    assert frame["name"][0] == "best so far"
    assert list(frame.columns[:7]) == FIXED


def test_a_table_without_runs_has_its_columns(tmp_path: Path) -> None:
    """So that whoever picks some of them finds them."""
    frame = mc.open(tmp_path / "store", create=True).experiments.open("e").frame()
    assert (list(frame.columns), len(frame)) == (FIXED, 0)


def test_moments_of_any_form_are_as_pandas_reads_them() -> None:
    """Those of the library at once; others, and none, one by one."""
    ours, other = "2026-11-23T10:00:00.250000Z", "2026-11-23T10:00:00+01:00"
    for texts in ([ours], [ours, ""], [""], [other], [ours, other], ["2026-11-23", ""]):
        table = Table(texts, [()] * len(texts), [("r", "e", "n", "finished", "a", None)] * len(texts))
        expected = pd.DataFrame([{"started_at": pd.Timestamp(text)} for text in texts])
        assert_frame_equal(table.frame()[["started_at"]], expected)


def test_whoever_changes_a_table_changes_no_other(runs: Runs) -> None:
    """A value that is a list belongs to the table it stands in."""
    runs.add(layers=[1, 2])
    runs.experiment.frame()["params.layers"][1].append(3)
    assert runs.experiment.frame()["params.layers"][1] == [1, 2]


def test_other_experiments_and_the_past_are_left_out(project: mc.Project) -> None:
    """By what their heads say, whether or not they are known."""
    runs = Runs(project)
    with project.experiments.open("other").start() as late:
        late.log(own=1.0)
    before = project._session.view().n - 1
    for _ in range(2):
        assert len(project.runs.frame()) == 2
        assert project.experiments["other"].frame()["run"].tolist() == [late.id]
        assert "metrics.own" not in runs.experiment.frame()
        past = project.at(before)
        assert past.runs.frame()["run"].tolist() == [runs._first]
    project.store.drop(f"run:{late.id}")
    assert project.runs.frame()["run"].tolist() == [runs._first]


def test_what_is_damaged_is_read_each_time(runs: Runs) -> None:
    """A good copy that was put back counts at once."""
    key = f"{run_folder(runs._first)}/end.json"
    good = runs.files.read(key)
    files = watched(runs)
    runs.files.put(key, b"x" * len(good))
    assert [asked(files, runs)[0]["status"].tolist() for _ in range(2)] == [["damaged"]] * 2
    runs.files.put(key, good)
    assert asked(files, runs)[0]["status"].tolist() == ["finished"]


def test_a_hundred_thousand_runs_are_kept(runs: Runs) -> None:
    """Of 15 columns each: the weight counts what is held, and the bound holds as many."""
    rows: Cache[Any] = runs.experiment._session.blobs.checked_files.rows
    runs.add(**{f"p{number}": number / 7 for number in range(14)})
    runs.experiment.frame()
    weights = [weight for _, weight in rows._values.values()]
    assert len(rows) == 2
    assert 400 < max(weights) < rows._most / 100_000


class Slow(FaultyFiles):
    """A storage where every read is a journey, which knows how many were under way at once."""

    def __init__(self, files: Files) -> None:
        super().__init__(files)
        self.can_append = False
        self._under_way, self._lock_of_count = 0, threading.Lock()
        self.most = 0

    def read(self, key: str, start: int | None = None, stop: int | None = None) -> bytes:
        """Take a while."""
        with self._lock_of_count:
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        time.sleep(0.002)
        try:
            return super().read(key, start, stop)
        finally:
            with self._lock_of_count:
                self._under_way -= 1


def test_runs_of_a_bucket_ask_nothing_while_they_are_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether their owners live is told by the spools of this machine, which are looked through once a table."""
    monkeypatch.setenv("MLCYCLE_SPOOL", str(tmp_path / "spool"))
    looked: list[int] = []
    cards = _spool._cards
    monkeypatch.setattr(_spool, "_cards", lambda *given: looked.append(1) or cards(*given))
    runs = Runs(mc.open(tmp_path / "store", create=True))
    files = runs.files = Slow(runs.files)
    held = [runs.add(ended=False, held=True) for _ in range(5)]
    for writer in runs._open:
        writer.flush()
    runs.experiment._session._connection.use_files(files)
    statuses = ["finished", *["running"] * 5]
    assert sorted(asked(files, runs)[0]["status"]) == statuses
    looked.clear()
    frame, calls = asked(files, runs)
    assert (sorted(frame["status"]), [op for op, _ in calls], len(looked)) == (statuses, LOOK, 1)
    runs.close()
    frame, calls = asked(files, runs)
    assert frame["status"][frame["run"] == held[0]].tolist() == ["lost"]
    assert len(calls) == 4
    assert [op for op, _ in asked(files, runs)[1]] == LOOK


def test_where_reads_are_journeys_many_go_at_once(tmp_path: Path) -> None:
    """Bounded, in the order of the runs; and what goes wrong with one is told."""
    runs = Runs(mc.open(tmp_path / "store", create=True))
    added = [runs.add(number=number) for number in range(60)]
    files = Slow(runs.files)
    runs.experiment._session._connection.use_files(files)
    assert runs.experiment.frame()["run"].tolist() == sorted([runs._first, *added])
    assert 8 < files.most <= 16
    assert [run.id for run in runs.experiment.runs()] == sorted([runs._first, *added])
    runs.experiment._session._connection.use_files(files)
    counter = itertools.count()

    def fails(number: int, op: str, key: str) -> Any:
        if key.endswith("end.json") and next(counter) == 7:
            raise mc.errors.StorageUnavailable("away")

    files.plan = fails
    with pytest.raises(mc.errors.StorageUnavailable, match="away"):
        runs.experiment.frame()
