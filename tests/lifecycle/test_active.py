"""The handle of a run while it happens: its most used verb is a method like any other."""

from __future__ import annotations

import inspect
import pickle
import pydoc
from typing import TYPE_CHECKING, Any

import pytest

import mlcycle as mc
from mlcycle.errors import InvalidInput, MlcycleWarning

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def experiment(tmp_path: Path) -> mc.Experiment:
    """Return an experiment in a folder."""
    return mc.open(tmp_path).experiments.open("e")


def test_help_shows_log() -> None:
    """The class has it, with its parameters and an example."""
    told = pydoc.render_doc(mc.ActiveRun, renderer=pydoc.plaintext)
    assert 'run.log({"val/loss": 0.31}, 10)' in told
    kinds = {name: one.kind.description for name, one in inspect.signature(mc.ActiveRun.log).parameters.items()}
    assert kinds == {
        "self": "positional-only",
        "values": "positional-only",
        "step": "positional or keyword",
        "more": "variadic keyword",
    }
    assert "log" not in vars(mc.open("memory://help-shows-log").experiments.open("e").start())


def test_names_may_be_given_in_both_ways(experiment: mc.Experiment) -> None:
    """Of one name given twice the keyword counts; any name is free, but for `step`."""
    with experiment.start() as run:
        run.log({"val/loss": 0.5, "loss": 1.0}, 3, loss=0.25, values=2.0, self=3.0, more=4.0)
        run.log()
    [found] = experiment.runs()
    assert found.metrics == {"val/loss": 0.5, "loss": 0.25, "values": 2.0, "self": 3.0, "more": 4.0}


@pytest.mark.parametrize(
    "values", [0.5, [0.5], {1: 0.5}, {"loss": None}, {"loss": [1, 2]}, {"loss": {"a": 1}}], ids=repr
)
def test_what_cannot_be_a_point_stops_nothing(experiment: mc.Experiment, values: Any) -> None:
    """It is a warning and a count; an exception only if the run is strict."""
    with experiment.start() as run:
        with pytest.warns(MlcycleWarning, match="not logged"):
            run.log(values, step=1)
        run.log({"accuracy": 0.9}, step=1)
    assert (run.failures, experiment.runs()[0].metrics) == (1, {"accuracy": 0.9})
    with experiment.start(strict=True) as strict, pytest.raises(InvalidInput):
        strict.log(values)


def test_log_kept_under_another_name_knows_the_end(experiment: mc.Experiment) -> None:
    """A callback that holds the method is told like everybody else, and the count is that of the run."""
    with experiment.start() as run:
        log = run.log
        log(loss=0.5)
    with pytest.warns(MlcycleWarning, match="the run has ended"):
        log(loss=0.25)
    assert (run.failures, experiment.runs()[0].metrics) == (1, {"loss": 0.5})


def test_a_copy_in_another_process_logs_to_the_same_run(experiment: mc.Experiment) -> None:
    """The method pickles with its run; the copy is a writer of its own and does not end the run."""
    with experiment.start() as run:
        run.log(loss=0.5)
        copy = pickle.loads(pickle.dumps(run.log))
        copy(accuracy=0.9)
    assert experiment.runs()[0].metrics == {"loss": 0.5, "accuracy": 0.9}
