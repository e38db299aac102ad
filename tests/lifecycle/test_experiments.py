"""Experiments: runs survive what happens to them, and training never does not."""

from __future__ import annotations

import math
import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

import mlcycle as mc
from mlcycle import errors
from mlcycle.codecs import load_model
from mlcycle.lifecycle._params import as_params
from mlcycle.testing import Fault, FaultyFiles, fail_on


def test_a_run_is_kept_whole(anywhere: mc.Project, cells: pd.DataFrame, tmp_path: Path) -> None:
    """Params, metrics, artifacts, inputs, code, environment and status come back, on every storage."""
    data = anywhere.datasets.add("cells", cells, target="target")
    experiment = anywhere.experiments.open("linear", hypothesis="linear is enough", metric="loss")
    (tmp_path / "plot.svg").write_text("<svg/>")
    with experiment.start(params={"C": np.float32(0.5), "path": tmp_path}, uses=[data], name="first") as run:
        run.log(loss=0.5, step=1)
        run.log(loss=0.25, accuracy=np.float64(0.9), step=2)
        run.log_artifact("plot", tmp_path / "plot.svg")
        run.log_artifact("table", cells.head())
        assert run.params["C"] == np.float32(0.5)
    [found] = experiment.runs()
    assert (found.status, found.name, found.uses) == ("finished", "first", ("cells@1",))
    assert (found.params["C"], found.metrics) == (0.5, {"loss": 0.25, "accuracy": 0.9})
    assert set(found.artifacts) == {"plot", "table"}
    assert found.environment is not None
    assert "numpy" in found.environment.packages
    assert experiment.best(lowest=True) == found
    assert anywhere.runs[found.id[:30]] == found
    assert found.artifact("plot") == b"<svg/>"
    assert found.points()["value"].tolist() == [0.5, 0.25, 0.9]
    with pytest.raises(errors.NotFound, match="Did you mean 'plot'"):
        found.artifact("plt")


def test_what_is_not_finite_or_not_a_number_is_kept(project: mc.Project) -> None:
    """NaN and infinity are values; text is kept with one warning."""
    experiment = project.experiments.open("odd")
    with experiment.start() as run:
        run.log(loss=float("nan"))
        run.log(worst=float("-inf"))
        with pytest.warns(mc.errors.MlcycleWarning, match="logged as text"):
            run.log(note="warmed up")
        run.log(note="again")
    metrics = experiment.runs()[0].metrics
    assert math.isnan(metrics["loss"])
    assert (metrics["worst"], metrics["note"]) == (-math.inf, "again")


def test_a_failed_run_says_why(project: mc.Project) -> None:
    """The traceback is kept, and the exception goes on."""
    experiment = project.experiments.open("bad")
    with pytest.raises(ZeroDivisionError), experiment.start():
        1 / 0  # noqa: B018
    with pytest.raises(KeyboardInterrupt), experiment.start():
        raise KeyboardInterrupt
    failed, cancelled = experiment.runs()
    assert (failed.status, cancelled.status) == ("failed", "cancelled")
    assert "ZeroDivisionError" in (failed.error or "")


def test_a_killed_run_is_lost_and_its_points_are_not(project: mc.Project) -> None:
    """After SIGKILL every point that log acknowledged is there, and the run is known to be lost."""
    code = f"""
        import mlcycle, os, signal
        run = mlcycle.open({project.store.url!r}).experiments.open("killed").start(params={{"a": 1}})
        for step in range(500):
            run.log(loss=step, step=step)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    [run] = project.experiments["killed"].runs()
    assert (run.status, run.n_points, run.metrics) == ("lost", 500, {"loss": 499})


def test_a_living_run_is_running(project: mc.Project) -> None:
    """A run whose owner lives is running, and its numbers can be read meanwhile."""
    experiment = project.experiments.open("alive")
    run = experiment.start()
    run.log(loss=1.0)
    [found] = experiment.runs()
    assert (found.status, found.metrics, found.ended_at) == ("running", {"loss": 1.0}, None)
    run.finish()
    run.finish()
    assert experiment.runs()[0].status == "finished"


def test_a_forked_child_logs_to_the_same_run(project: mc.Project) -> None:
    """A child writes beside its parent, and the end tells of both."""
    experiment = project.experiments.open("forked")
    with experiment.start() as run:
        run.log(parent=1.0)
        child = os.fork()
        if child == 0:
            run.log(child=2.0)
            os._exit(0)
        os.waitpid(child, 0)
    assert experiment.runs()[0].metrics == {"parent": 1.0, "child": 2.0}


def test_many_processes_log_runs_at_once(project: mc.Project) -> None:
    """Runs of several processes do not disturb one another."""
    project.experiments.open("many")
    code = f"""
        import mlcycle
        experiment = mlcycle.open({project.store.url!r}).experiments.open("many")
        for number in range(10):
            with experiment.start(params={{"number": number}}) as run:
                run.log(loss=number)
    """
    workers = [subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)]) for _ in range(3)]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    frame = project.experiments["many"].frame()
    assert len(frame) == 30
    assert (frame["params.number"] == frame["metrics.loss"]).all()


def test_a_storage_failure_does_not_stop_training(project: mc.Project) -> None:
    """Trouble is a warning and a count; with strict=True it is an exception."""
    experiment = project.experiments.open("broken")
    experiment.start().finish()  # code and environment are stored by the first run of a process
    session = experiment._session
    real = session.log.files
    away = {"put": Fault.BEFORE, "create": Fault.BEFORE}
    session._connection.use_files(FaultyFiles(real, lambda number, op, key: away.get(op), local_paths=True))
    with pytest.warns(mc.errors.MlcycleWarning, match="the start could not be stored .* training goes on"):
        run = experiment.start()
    run.log(loss=0.5)
    with pytest.warns(mc.errors.MlcycleWarning, match="the artifact 'notes' could not be stored"):
        run.log_artifact("notes", "text")
    with pytest.warns(mc.errors.MlcycleWarning, match="the end could not be stored"):
        run.finish()
    assert run.failures >= 2
    with pytest.raises(errors.StorageUnavailable):
        experiment.start(strict=True)
    session._connection.use_files(real)


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (np.arange(3), [0, 1, 2]),
        (np.int64(3), 3),
        (Path("a") / "b", "a/b"),
        (Ridge(alpha=2.0), {"class": "sklearn.linear_model._ridge.Ridge"}),
        ({"x": {1, 2}}, {"x": [1, 2]}),
        (float("nan"), {"$float": "NaN"}),
        (math.sqrt, "math.sqrt"),
        (pd.Timestamp("2026-01-01"), "2026-01-01T00:00:00"),
    ],
    ids=str,
)
def test_params_are_stored_usefully(value: object, stored: object) -> None:
    """Arrays, paths, estimators and functions have a form that says what was meant."""
    found = as_params({"p": value})["p"]
    assert found == stored or stored.items() <= found.items()  # type: ignore[attr-defined]


def _with_losses(project: mc.Project, name: str, values: list[object]) -> mc.Experiment:
    """Return an experiment of which each run logged one of the values, or nothing."""
    experiment = project.experiments.open(name.replace("/", "-").replace(".", "-"), metric=name)
    for value in values:
        with experiment.start() as run:
            if value is not None:
                run.log({name: value})
    return experiment


@pytest.mark.filterwarnings("ignore:.*was logged as text")
@pytest.mark.parametrize(
    ("name", "best"),
    [
        *((name, 0.2) for name in ("loss", "val_loss", "train/rmse", "eval-logloss", "test.mae", "brier")),
        *((name, 0.7) for name in ("accuracy", "roc_auc", "neg_log_loss", "neg_mean_squared_error", "val/f1_macro")),
    ],
)
def test_the_best_run_is_the_best(project: mc.Project, name: str, best: float) -> None:
    """NaN, text and runs without a value are passed over wherever they stand, and the name says which way is up."""
    nan = float("nan")
    experiment = _with_losses(project, name, [nan, "diverged", None, 0.5, nan, best, 0.7, 0.2, "text", nan])
    assert experiment.best().metrics[name] == best
    assert experiment.best(name, lowest=True).metrics[name] == 0.2
    assert experiment.best(name, lowest=False).metrics[name] == 0.7
    assert experiment.best() == next(run for run in experiment.runs() if run.metrics.get(name) == best)


@pytest.mark.filterwarnings("ignore:.*was logged as text")
def test_no_best_run_is_told(project: mc.Project) -> None:
    """A name that says no direction is asked for; without a number there is no best run."""
    experiment = _with_losses(project, "loss", [float("nan"), "text", None])
    with pytest.raises(errors.InvalidInput, match="no finished run of loss logged 'loss' as a number: 2 logged NaN"):
        experiment.best()
    with pytest.raises(errors.InvalidInput, match=r"no finished run of loss logged 'accuracy'; they logged 'loss'\Z"):
        experiment.best("accuracy")
    for unknown in ("seconds", "lr", "std_accuracy"):
        with pytest.raises(errors.InvalidInput, match=f"ask for best.'{unknown}', lowest=True. or"):
            _with_losses(project, unknown, [0.5]).best()
        with pytest.raises(errors.InvalidInput, match=f"logged '{unknown}'; they logged 'loss'"):
            experiment.best(unknown)
    with pytest.raises(errors.InvalidInput, match="a metric is given by its name, got int"):
        experiment.best(5)  # type: ignore[arg-type]


def test_a_run_that_is_no_text_is_refused(project: mc.Project) -> None:
    """An id is text."""
    with pytest.raises(errors.InvalidInput, match=r"a run is given by its id .* got int"):
        project.runs[5]  # type: ignore[arg-type]


def test_infinities_and_whole_numbers_are_compared(project: mc.Project) -> None:
    """What is a number has its place, however large."""
    experiment = _with_losses(project, "loss", [float("inf"), 2**70, True, 3])
    assert experiment.best().metrics["loss"] == 1
    assert experiment.best(lowest=False).metrics["loss"] == float("inf")


@pytest.mark.parametrize(
    ("name", "stored"), [(None, ""), (7, "7"), ("caf\udce9", "caf\\udce9"), (Path("a/b"), "a/b")], ids=str
)
def test_a_run_may_be_called_anything(project: mc.Project, name: object, stored: str) -> None:
    """What is no text is taken as text."""
    experiment = project.experiments.open("named")
    experiment.start(name=name).finish()  # type: ignore[arg-type]
    assert experiment.runs()[0].name == stored


@pytest.mark.parametrize("uses", [5, [5], [None], [object()]])
def test_what_cannot_be_used_is_refused_in_words(project: mc.Project, uses: object) -> None:
    """A run uses versions; anything else is told before training."""
    with pytest.raises(errors.InvalidInput, match="uses"):
        project.experiments.open("e").start(uses=uses)  # type: ignore[arg-type]


def test_one_version_is_used_without_a_list(project: mc.Project, cells: pd.DataFrame) -> None:
    """One address, one version and nothing stand for a list of them."""
    data = project.datasets.add("cells", cells)
    experiment = project.experiments.open("e")
    for uses in ("cells", data, None):
        experiment.start(uses=uses).finish()  # type: ignore[arg-type]
    assert [run.uses for run in experiment.runs()] == [("cells@1",), ("cells@1",), ()]


def test_code_that_cannot_be_captured_stops_no_run(project: mc.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose state cannot be read costs the record of it."""

    def fail() -> None:
        raise RuntimeError("no such machine")

    monkeypatch.setattr("mlcycle.provenance.capture_environment", fail)
    experiment = project.experiments.open("e")
    with pytest.warns(mc.errors.MlcycleWarning, match="code and environment .*: RuntimeError: no such machine"):
        run = experiment.start()
    run.finish()
    assert [found.status for found in project.experiments.open("e").runs()] == ["finished"]
    assert len(experiment.frame()) == 1


def test_what_is_told_of_an_experiment_is_text(project: mc.Project) -> None:
    """A metric that is no text would be committed, and found out by whoever asks for the best; so are artifacts."""
    for wrong in (3, ["loss"], {}):
        for field in ("metric", "hypothesis"):
            with pytest.raises(errors.InvalidInput, match=f"{field} is text, got {type(wrong).__name__}"):
                project.experiments.open("e", **{field: wrong})  # type: ignore[arg-type]
        run = project.experiments.open("other").start()
        run.finish()
        with pytest.raises(errors.InvalidInput, match=f"an artifact is given by its name, got {type(wrong).__name__}"):
            project.runs[run].artifact(wrong)  # type: ignore[arg-type]
    assert list(project.experiments) == ["other"]


def test_unknown_inputs_are_refused(project: mc.Project) -> None:
    """A run cannot use what is not there."""
    with pytest.raises(errors.NotFound):
        project.experiments.open("e").start(uses=["nothing@1"])
    run = project.experiments.open("e").start()
    run.finish()
    with pytest.raises(errors.InvalidInput, match="no model"):
        run.register("m")


def test_save_model_and_register(project: mc.Project, cells: pd.DataFrame) -> None:
    """A run's model becomes a version with the run's lineage, also while the run goes on."""
    data = project.datasets.add("cells", cells, target="target")
    X, y = data.xy()
    run = project.experiments.open("e").start(uses=[data])
    run.save_model(LogisticRegression(max_iter=5000).fit(X, y), example=X[:3])
    version = run.register("tumour")
    run.finish()
    assert (version.run, version.data) == (run.id, ("cells@1",))
    assert (project.load(version).predict(X[:5]) == y[:5]).all()


@pytest.mark.parametrize(
    ("model", "arguments", "said"),
    [
        (5, {}, "a model has a predict or a transform method, got int.*it is kept at"),
        (None, {}, "a model has a predict or a transform method"),
        (LogisticRegression(), {"example": object()}, "kept without its example: rows are a DataFrame"),
        (LogisticRegression(), {"example": pd.DataFrame({"b": ["x"]})}, "kept without its example"),
        (LogisticRegression(), {"format": "onnx"}, "it is kept as skops: 'onnx' is not a format"),
        (LogisticRegression(), {"format": "onnx", "example": object()}, "kept without its example"),
    ],
    ids=["number", "nothing", "object", "other columns", "format", "format and example"],
)
@pytest.mark.filterwarnings("ignore:X has feature names, but")
def test_a_model_that_cannot_be_saved_stops_no_training(
    project: mc.Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: object, arguments: dict, said: str
) -> None:
    """The model is stored without what is wrong, or a file of it is kept on this machine; the run goes on."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    fitted = model.fit([[0.0], [1.0]], [0, 1]) if isinstance(model, LogisticRegression) else model
    experiment = project.experiments.open("e")
    with experiment.start() as run:
        with pytest.warns(mc.errors.MlcycleWarning) as told:
            run.save_model(fitted, **arguments)
        run.log(loss=0.5)
    assert any(re.search(f"(?s){said}", str(one.message)) for one in told)
    [found] = experiment.runs()
    assert (found.status, found.metrics, found.failures) == ("finished", {"loss": 0.5}, run.failures)
    assert run.failures >= 1
    assert (found.model is not None) == isinstance(model, LogisticRegression)
    assert bool(list(tmp_path.glob("mlcycle-model-*"))) != (found.model is not None)
    strict = experiment.start(strict=True)
    with pytest.raises(errors.MlcycleError):
        strict.save_model(fitted, **arguments)
    strict.finish()


@pytest.mark.parametrize("strict", [False, True])
def test_a_model_that_the_storage_does_not_take_is_kept_here(
    project: mc.Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, strict: bool
) -> None:
    """One file of it is on this machine, and can be loaded; a strict run says so by its exception."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    experiment = project.experiments.open("e")
    run = experiment.start(strict=strict)
    session = experiment._session
    real = session.log.files
    session._connection.use_files(FaultyFiles(real, fail_on("put", Fault.BEFORE), local_paths=True))
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    expected = pytest.raises(errors.StorageUnavailable) if strict else pytest.warns(errors.MlcycleWarning, match="kept")
    with expected:
        run.save_model(model)
    session._connection.use_files(real)
    run.finish()
    [kept] = tmp_path.glob("mlcycle-model-*")
    assert load_model(kept, "skops").predict([[1.0]]).tolist() == [1]
    assert [(one.status, one.model) for one in experiment.runs()] == [("finished", None)]


def test_a_killed_run_on_s3_is_recovered_by_the_next_process(s3_url: tuple[str, dict[str, object]]) -> None:
    """Points that a killed process had only in its spool are uploaded when the project is opened again here."""
    url, options = s3_url
    mc.open(url, create=True, storage_options=options)
    code = f"""
        import mlcycle, os, signal
        project = mlcycle.open({url!r}, storage_options={options!r})
        run = project.experiments.open("killed").start()
        for step in range(100):
            run.log(loss=step, step=step)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    [run] = mc.open(url, storage_options=options).experiments["killed"].runs()
    assert (run.status, run.n_points, run.metrics) == ("lost", 100, {"loss": 99})


def test_a_run_starts_though_the_log_cannot_be_read(project: mc.Project) -> None:
    """A network that is gone for a moment stops no training, unless the run is strict."""
    experiment = project.experiments.open("offline")
    experiment.start().finish()
    session = experiment._session
    log = session.log
    log._reader._files = FaultyFiles(session.log.files, fail_on("read", Fault.BEFORE), local_paths=True)
    with pytest.warns(mc.errors.MlcycleWarning, match="the log cannot be read"):
        run = experiment.start()
    with pytest.raises(errors.StorageUnavailable):
        experiment.start(strict=True)
    log._reader._files = session.log.files
    run.finish()
    assert [found.status for found in experiment.runs()] == ["finished", "finished"]


LATE = {
    "log": lambda run: run.log(loss=1.0),
    "log of a mapping": lambda run: run.log({"val/loss": 1.0}, step=2),
    "log_artifact": lambda run: run.log_artifact("notes", "late"),
    "save_model": lambda run: run.save_model(LogisticRegression()),
}


@pytest.mark.parametrize("name", LATE)
def test_what_comes_after_the_end_is_told(
    name: str, project: mc.Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its with block a run keeps nothing more, says so every time, and a model is kept as a file."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with project.experiments.open("e").start() as run:
        run.log(loss=0.5)
    for _ in range(2):
        with pytest.warns(errors.MlcycleWarning, match="the run has ended; do it inside its with block"):
            LATE[name](run)
    assert run.failures == 2
    stored = project.runs[run.id]
    assert (stored.metrics, stored.artifacts, stored.model) == ({"loss": 0.5}, {}, None)
    assert len(list(tmp_path.glob("mlcycle-model-*.joblib"))) == 2 * (name == "save_model")


@pytest.mark.parametrize("name", LATE)
def test_what_comes_after_the_end_is_an_error_if_strict(name: str, project: mc.Project) -> None:
    """With strict=True it is an exception."""
    with project.experiments.open("e").start(strict=True) as run:
        pass
    with pytest.raises(errors.InvalidInput, match="the run has ended"):
        LATE[name](run)


class Overwriting:
    """A model that cannot be saved, and writes into the rows it is asked about."""

    def predict(self, X):
        """Answer zeros."""
        X[:] = -1.0
        return np.zeros(len(X))

    def __reduce__(self):
        raise TypeError("not to be pickled")


def test_a_refused_model_leaves_the_example_as_it_was(
    project: mc.Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Also when it is asked about it once more, to see whether it would be stored without."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    example = np.arange(6.0).reshape(3, 2)
    with project.experiments.open("e").start() as run, pytest.warns(mc.errors.MlcycleWarning):
        run.save_model(Overwriting(), example=example)
    assert example.tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
