"""Damaged runs: each is one row that says so, and hides no other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mlcycle as mc
from mlcycle.errors import NotFound
from mlcycle.lifecycle.blobs._checked_files import CheckedFiles
from mlcycle.lifecycle.runs._files import run_folder
from mlcycle.lifecycle.runs._verify import verify_runs
from mlcycle.storage import Problem, open_files

Change = Callable[[Path], object]


def rewritten(**changes: Any) -> Change:
    """Return what changes fields of a document, or takes away those set to `...`."""

    def change(path: Path) -> None:
        document = json.loads(path.read_bytes()) | changes
        path.write_text(json.dumps({name: value for name, value in document.items() if value is not ...}))

    return change


def torn(path: Path) -> None:
    """Cut a file in the middle."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def filled(place: Path) -> tuple[str, str]:
    """Make two runs; return their ids, the first is to be damaged."""
    project = mc.open(place, create=True)
    made = []
    for loss in (0.5, 0.25):
        with project.experiments.open("e").start(params={"depth": 3}, name="tried") as run:
            run.log(loss=loss)
            run.log_artifact("notes", "hello")
        made.append(run.id)
    project.experiments.open("other").start().finish()
    return made[0], made[1]


def problems(place: Path, *, deep: bool = True) -> list[Problem]:
    """Return what is wrong with the runs of a store."""
    files = open_files(place)
    return list(verify_runs(CheckedFiles(files), files.list("runs/"), deep=deep))


DAMAGED: list[tuple[str, Change, str]] = [
    ("head", torn, "it is not JSON"),
    ("head", lambda path: path.write_bytes(b""), "it is not JSON"),
    ("head", lambda path: path.write_bytes(b"\xff" * 9), "it is not JSON"),
    ("head", lambda path: path.write_text("[1]"), "a JSON object is expected"),
    ("head", lambda path: path.write_text("[" * 100_000), "it is not JSON"),
    ("head", Path.unlink, "head.json is missing"),
    ("head", rewritten(params=...), "'params' is an object, got nothing"),
    ("head", rewritten(uses="d@1"), "'uses' is a list, got text"),
    ("head", rewritten(environment=1.5), "'environment' is text or null, got a number"),
    ("head", rewritten(entry=True), "'entry' is an integer, got true or false"),
    ("head", rewritten(id="0" * 32), "it is that of run '000"),
    ("head", rewritten(v="1"), "a document says 'v' and 'needs_read'"),
    ("head", rewritten(needs_read=...), "a document says 'v' and 'needs_read'"),
    ("head", rewritten(params={"depth": float("nan")}), "JSON has no NaN"),
    ("end", rewritten(needs_read="points"), "a document says 'v' and 'needs_read'"),
    ("end", lambda path: path.write_bytes(path.read_bytes().replace(b":0.5", b":NaN", 1)), "JSON has no NaN"),
    ("head", rewritten(started_at="soon"), "holds what cannot be"),
    ("head", rewritten(uses=[1]), "holds what cannot be"),
    ("head", rewritten(code={"commit": 7}), "str is expected, found int"),
    ("end", torn, "it is not JSON"),
    ("end", lambda path: path.write_text("null"), "a JSON object is expected"),
    ("end", rewritten(status=...), "'status' is text, got nothing"),
    ("end", rewritten(metrics={"loss": [1]}), "holds what cannot be"),
    ("end", rewritten(artifacts={"notes": {"size": 1}}), "holds what cannot be"),
    ("end", rewritten(artifacts={"notes": 5}), "holds what cannot be"),
    ("end", rewritten(ended_at="later"), "holds what cannot be"),
]


@pytest.mark.parametrize(("name", "change", "said"), DAMAGED, ids=[f"{name}: {said}" for name, _, said in DAMAGED])
def test_a_damaged_run_is_one_row(tmp_path: Path, name: str, change: Change, said: str) -> None:
    """It is told what and where, with the remedy, and the other runs are there."""
    bad, good = filled(tmp_path)
    change(tmp_path / run_folder(bad) / f"{name}.json")
    project = mc.open(tmp_path)
    experiment = project.experiments["e"]
    assert experiment.frame()[["run", "status"]].values.tolist() == [[bad, "damaged"], [good, "finished"]]
    assert len(project.runs.frame()) == 3
    others = project.experiments["other"]
    assert others.frame()["run"].tolist() == [one.id for one in others.runs()]
    run = project.runs[bad]
    assert run == experiment.runs()[0]
    assert run.error is not None
    assert said in run.error
    assert run_folder(bad) in run.error
    assert "drop the run" in run.error
    assert experiment.best("loss").id == good
    assert project.runs[bad[:-1]] == run
    assert isinstance(project.runs[bad].points(), pd.DataFrame)
    project.store.drop(f"run:{bad}")
    assert experiment.frame()["run"].tolist() == [good]


@pytest.mark.parametrize("name", ["head", "end"])
@pytest.mark.parametrize(
    ("change", "said"),
    [(rewritten(needs_read=["quantum"]), "needs 'quantum'"), (rewritten(v=2), "is of version 2")],
)
def test_a_run_of_a_newer_mlcycle_is_one_row(tmp_path: Path, name: str, change: Change, said: str) -> None:
    """What this library cannot read it does not guess at, and says that an upgrade would help."""
    bad, good = filled(tmp_path)
    change(tmp_path / run_folder(bad) / f"{name}.json")
    frame = mc.open(tmp_path).experiments["e"].frame()
    assert frame[["run", "status"]].values.tolist() == [[bad, "unreadable"], [good, "finished"]]
    error = mc.open(tmp_path).runs[bad].error or ""
    assert said in error
    assert "upgrade" in error
    assert [(one.kind, one.hurts) for one in problems(tmp_path)] == [("unreadable", (f"run:{bad}",))]


def test_what_is_known_without_an_end_is_shown(tmp_path: Path) -> None:
    """A run whose end is torn still says how it began and what was logged."""
    bad, _ = filled(tmp_path)
    torn(tmp_path / run_folder(bad) / "end.json")
    run = mc.open(tmp_path).runs[bad]
    assert (run.name, run.params, run.metrics, run.n_points) == ("tried", {"depth": 3}, {"loss": 0.5}, 1)
    assert mc.open(tmp_path).runs[bad].artifact("notes") == b"hello"


def test_the_past_shows_no_run_of_unknown_time(tmp_path: Path) -> None:
    """A run whose head is torn does not say when it was, so it is shown today and not in the past."""
    bad, good = filled(tmp_path)
    torn(tmp_path / run_folder(bad) / "head.json")
    project = mc.open(tmp_path)
    assert bad not in project.at(0).runs.frame()["run"].tolist()
    assert good in project.runs.frame()["run"].tolist()


def test_a_run_that_cannot_be_is_not_found(tmp_path: Path) -> None:
    """An id of no month is no run."""
    filled(tmp_path)
    with pytest.raises(NotFound):
        mc.open(tmp_path).runs["f" * 32]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Make runs once; return where, and which may be damaged."""
    path = tmp_path_factory.mktemp("damaged")
    return path, filled(path)[0]


@settings(max_examples=60)
@given(data=st.data())
def test_whatever_a_document_holds_runs_are_listed(place: tuple[Path, str], data: st.DataObject) -> None:
    """Cut anywhere, with any field gone or replaced by anything: three rows, and verify says something or nothing."""
    path = place[0] / run_folder(place[1]) / data.draw(st.sampled_from(["head.json", "end.json"]))
    good = path.read_bytes()
    document = json.loads(good)
    field = data.draw(st.sampled_from(sorted(document)))
    changed = rewritten(**{field: data.draw(json_values | st.just(...))})
    try:
        if data.draw(st.booleans()):
            path.write_bytes(good[: data.draw(st.integers(0, len(good)))])
        else:
            changed(path)
        frame = mc.open(place[0], mode="r").runs.frame()
        assert len(frame) == 3
        problems(place[0])
    finally:
        path.write_bytes(good)


def file_of(place: Path, run: str, start: str) -> Path:
    """Return a file of a run by how its name begins."""
    [found] = (path for path in (place / run_folder(run)).rglob("*") if path.is_file() and path.name.startswith(start))
    return found


def flipped(path: Path) -> None:
    """Change one byte."""
    path.write_bytes(b"X" + path.read_bytes()[1:])


def test_good_runs_have_no_problems(tmp_path: Path) -> None:
    """Also one that still runs, and one whose child wrote on after its end."""
    bad, _ = filled(tmp_path)
    with file_of(tmp_path, bad, "points-").open("ab") as late:
        late.write(b'{"t":1.0,"m":{"late":1.0}}\n')
    run = mc.open(tmp_path).experiments.open("e").start()
    assert problems(tmp_path) == problems(tmp_path, deep=False) == []
    run.finish()


WRONG: list[tuple[str, Change, list[str], list[str]]] = [
    ("points-", flipped, [], ["digest"]),
    ("points-", torn, ["size"], ["size"]),
    ("points-", Path.unlink, ["missing"], ["missing"]),
    ("head.json", Path.unlink, ["missing"], ["missing"]),
    ("head.json", torn, ["damaged"], ["damaged"]),
    ("head.json", rewritten(name="other"), ["size"], ["size"]),
    ("end.json", torn, ["damaged"], ["damaged"]),
    ("end.json", rewritten(files=[1, {"key": "a"}]), ["damaged"] * 2, ["damaged"] * 2),
    ("end.json", rewritten(files=[{"key": "@place/a", "size": 1, "sha256": ""}]), [], []),
]


@pytest.mark.parametrize(("name", "change", "quick", "deep"), WRONG)
def test_verify_names_what_is_wrong(
    tmp_path: Path, name: str, change: Change, quick: list[str], deep: list[str]
) -> None:
    """By size at first, by every byte when asked; each thing once, with the run it hurts."""
    bad, _ = filled(tmp_path)
    change(file_of(tmp_path, bad, name))
    assert quick == [problem.kind for problem in problems(tmp_path, deep=False)]
    found = problems(tmp_path)
    assert deep == [problem.kind for problem in found]
    assert all(problem.hurts == (f"run:{bad}",) for problem in found)


def test_an_artifact_is_verified(tmp_path: Path) -> None:
    """An end names artifacts and models too; runs that are passed over are not looked at."""
    bad, _ = filled(tmp_path)
    [artifact] = (tmp_path / run_folder(bad) / "files").iterdir()
    flipped(artifact)
    assert [(one.kind, Path(one.key).name) for one in problems(tmp_path)] == [("digest", artifact.name)]
    files = open_files(tmp_path)
    assert list(verify_runs(CheckedFiles(files), files.list("runs/"), deep=True, passed={bad})) == []


def test_an_end_names_every_file(tmp_path: Path) -> None:
    """Head, segments and artifacts, each with what describes a file."""
    bad, _ = filled(tmp_path)
    end = json.loads(file_of(tmp_path, bad, "end.json").read_bytes())
    assert [file["kind"] for file in end["files"]] == ["head", "points", "artifact"]
    on_disk = {path.relative_to(tmp_path).as_posix() for path in (tmp_path / run_folder(bad)).rglob("*.*")}
    assert {file["key"] for file in end["files"]} == on_disk - {f"{run_folder(bad)}/end.json"}
    assert all(set(file) == {"key", "size", "sha256", "enc", "kind"} for file in end["files"])


def test_a_head_that_failed_at_the_start_is_put_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A storage that was away for a moment leaves a run that can be read."""
    project = mc.open(tmp_path, create=True)
    experiment = project.experiments.open("e")
    experiment.start().finish()
    files = project._session.log.files
    away = {"now": True}
    put = files.put

    def failing(key: str, data: Any, **options: Any) -> None:
        if away["now"] and key.endswith("head.json"):
            raise mc.errors.StorageUnavailable("away")
        put(key, data, **options)

    monkeypatch.setattr(files, "put", failing)
    with pytest.warns(mc.errors.MlcycleWarning, match="the start could not be stored"):
        run = experiment.start()
    away["now"] = False
    run.log(loss=0.5)
    run.finish()
    found = mc.open(tmp_path).runs[run.id]
    assert (found.status, found.metrics, found.failures) == ("finished", {"loss": 0.5}, 1)
