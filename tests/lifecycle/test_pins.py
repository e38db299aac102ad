"""Code and environment that runs share: pinned in one entry, kept while a run that stands names them, then gone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import errors, provenance
from mlcycle.lifecycle._operation import Operation
from mlcycle.lifecycle.runs import _pins
from mlcycle.lifecycle.runs._provenance import Provenance
from mlcycle.storage import open_files
from mlcycle.testing import Fault, FaultyFiles, fail_on

DIFF = "+password = 'kept by mistake'\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> mc.Project:
    """Return a project in whose working tree something is not committed."""
    code = attrs.evolve(provenance.capture_code(), diff=DIFF)
    monkeypatch.setattr(provenance, "capture_code", lambda: code)
    return mc.open(tmp_path / "store", create=True, author="ada")


def run_of(project: mc.Project) -> str:
    """Make a run, from a process that has captured nothing yet, and return its id."""
    again = mc.open(project.store.url, author="ada")
    with again.experiments.open("e").start() as run:
        run.log(loss=1.0)
    return run.id


def placed(project: mc.Project) -> set[str]:
    """Return which blobs are there, by their sort."""
    folder = Path(project.store.url.removeprefix("file://"), "files")
    return {
        path.parent.name for path in folder.rglob("*") if path.is_file() and path.parent.name in ("code", "environment")
    }


def sweep(project: mc.Project) -> None:
    """Remove what nothing names, however young."""
    project.store.sweep(min_age=0)


def test_one_commit_pins_all(project: mc.Project) -> None:
    """The first run of a process pins code and environment in one entry, the next ones nothing."""
    experiment = project.experiments.open("e")
    before = project.store.info()["entries"]
    for _ in range(2):
        with experiment.start():
            pass
        assert project.store.info()["entries"] == before + 1
    entry = project._session.log.entry(before)
    kinds = [change["kind"] for change in entry["changes"]]
    assert (entry["verb"], kinds) == ("run.pin", ["place", "fact.add"] * 2)
    pinned = [change["subject"].partition(":")[0] for change in entry["changes"] if change["kind"] == "fact.add"]
    assert sorted(pinned) == ["code", "environment"]
    view = project._session.view(refresh=False)
    subjects = [change["subject"] for change in entry["changes"] if change["kind"] == "fact.add"]
    assert _pins.all_pinned(view, subjects)
    assert not _pins.all_pinned(view, [*subjects, "code:other"])
    assert not _pins.all_pinned(view.then(before - 1), subjects)


def test_what_cannot_be_stored_keeps_no_other(project: mc.Project) -> None:
    """Whatever the storage does not take is warned of; the rest is pinned, and what is missing the next time."""
    blobs = {"environment:e": b"{}", "code:c": b"diff"}
    session, real = project._session, open_files(project.store.url)
    session._connection.use_files(FaultyFiles(real, fail_on("put", Fault.BEFORE, "files/code/"), local_paths=True))

    def pin() -> None:
        session.operate("run.pin", lambda do: _pins.pin(do, session.blobs.checked_files, blobs))

    with pytest.warns(errors.MlcycleWarning, match="the code of this run could not be stored"):
        pin()
    assert [_pins.all_pinned(session.view(), [blob]) for blob in blobs] == [True, False]
    session._connection.use_files(real)
    pin()
    entries = session.view().n
    assert _pins.all_pinned(session.view(), blobs)
    pin()
    assert session.view().n == entries


def test_the_last_run_takes_them_along(project: mc.Project) -> None:
    """A diff is gone with the last run that names it, secrets included, and the store is whole."""
    first, second = run_of(project), run_of(project)
    project.store.drop(f"run:{first}")
    sweep(project)
    assert placed(project) == {"code", "environment"}
    project.store.drop(f"run:{second}")
    sweep(project)
    assert placed(project) == set()
    assert project.store.verify("bytes").problems == ()
    with pytest.raises(errors.VersionDeleted, match="has been removed by a sweep"):
        project.store.restore(f"run:{second}")


def test_they_come_again_with_the_next_run(project: mc.Project) -> None:
    """What was swept is stored anew, under a key nobody used, also by a process that stored it before."""
    experiment = project.experiments.open("e")
    with experiment.start() as run:
        pass
    project.store.drop(f"run:{run.id}")
    sweep(project)
    with experiment.start() as again:
        pass
    assert placed(project) == {"code", "environment"}
    (kept,) = experiment.runs()
    assert (kept.id, kept.environment.python != "") == (again.id, True)
    assert (kept.code.diff_file is not None, project.store.verify("bytes").problems) == (True, ())


def test_a_dry_run_asks_nothing(project: mc.Project) -> None:
    """It says what would go, and commits no question."""
    project.store.drop(f"run:{run_of(project)}")
    before = project.store.info()["entries"]
    kinds = {key.split("/")[1] for key in project.store.sweep(min_age=0, dry_run=True).keys if key.startswith("files/")}
    assert (kinds, project.store.info()["entries"]) == ({"code", "environment"}, before)


def test_young_pins_are_spared(project: mc.Project) -> None:
    """For thrift only: what was pinned lately is not asked for."""
    project.store.drop(f"run:{run_of(project)}")
    before = project.store.info()["entries"]
    project.store.sweep(min_age="1d")
    assert (placed(project), project.store.info()["entries"]) == ({"code", "environment"}, before)


def test_a_head_that_cannot_be_read_may_name_anything(project: mc.Project) -> None:
    """Nothing goes while there is one."""
    first = run_of(project)
    project.store.drop(f"run:{first}")
    (head,) = Path(project.store.url.removeprefix("file://")).glob(f"runs/*/{first}/head.json")
    head.write_bytes(b"torn")
    fresh = mc.open(project.store.url)  # one that has read the head before goes by what it said
    assert _pins.ask_for_pins(fresh._session, live_files(fresh), "9999", dry_run=False) == _pins.PinRequests({}, {})


def live_files(project: mc.Project) -> Any:
    """Return what stands."""
    return project.store._live_files(project._session.view())


def test_a_model_keeps_the_environment_of_its_run(project: mc.Project) -> None:
    """A version outlives the run it came from, and so does what it was trained in."""
    experiment = project.experiments.open("e")
    with experiment.start() as run:
        run.save_model(DecisionTreeClassifier().fit([[0], [1]], [0, 1]), example=[[0], [1]])
    run.register("m")
    project.store.drop(f"run:{run.id}")
    sweep(project)
    assert placed(project) == {"environment"}
    assert project.store.verify("bytes").problems == ()


@pytest.mark.parametrize("call", range(5))
def test_a_run_that_starts_meanwhile(project: mc.Project, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """Between any two steps of a sweeper a run may start and end: it keeps what it names."""
    project.store.drop(f"run:{run_of(project)}")
    steps = 0

    def between(step: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*args: Any, **kwargs: Any) -> Any:
            nonlocal steps
            if steps == call:
                steps += 1
                run_of(project)
            else:
                steps += 1
            return step(*args, **kwargs)

        return stepped

    session, log = type(project._session), type(project._session.log)
    monkeypatch.setattr(_pins, "_named", between(_pins._named))
    monkeypatch.setattr(session, "operate", between(session.operate))  # before its look, and before its commit
    monkeypatch.setattr(log, "commit", between(log.commit))
    sweep(project)
    monkeypatch.undo()
    assert steps > call
    assert project.store.verify("bytes").problems == ()
    for run in project.experiments["e"].runs():
        assert run.environment.python != ""
        assert run.code.diff_file is not None


def test_a_starter_that_was_not_seen_looks_again(project: mc.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweeper asks and lists before the head is put: the run pins anew when it ends, and nothing is lost."""
    dropped = run_of(project)
    experiment = mc.open(project.store.url, author="bob").experiments.open("e")
    pin = Provenance.pin

    def late(self: Provenance, do: Operation) -> None:  # what its first look sees is swept before its head is put
        pin(self, do)
        monkeypatch.undo()
        project.store.drop(f"run:{dropped}")
        sweep(project)

    monkeypatch.setattr(Provenance, "pin", late)
    with experiment.start() as run:
        pass
    (kept,) = experiment.runs()
    assert (kept.id, kept.environment.python != "", placed(project)) == (run.id, True, {"code", "environment"})
    assert project.store.verify("bytes").problems == ()
