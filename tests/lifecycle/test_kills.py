"""Real processes at work on one project, killed at any moment."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import mlcycle as mc
from mlcycle._ids import bare
from tests.lifecycle.worker import FEATURES, table

ROOT = Path(__file__).parents[2]

Said = list[tuple[str, str, str]]


def start(store: Path, who: str) -> subprocess.Popen[bytes]:
    """Start a worker; its pipe is unbuffered, so that no line is read ahead and lost."""
    command = [sys.executable, "-m", "tests.lifecycle.worker", store, who]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)


def read(said: bytes) -> Said:
    """Read what a process said; a line cut by its death was not said."""
    lines = [line.decode().split() for line in said.splitlines(keepends=True) if line.endswith(b"\n")]
    return [(what, ref, fact) for what, ref, fact in lines]


def kill(process: subprocess.Popen[bytes]) -> Said:
    """Kill a process, which must have been alive until now; return what it had said."""
    assert process.poll() is None, process.communicate()[1].decode()
    process.kill()
    out, err = process.communicate()
    assert err == b""
    return read(out)


def kill_in_a_loop(store: Path, kills: int) -> Said:
    """Kill one of two workers again and again; return all that was acknowledged."""
    source = random.Random(11)
    mc.open(store, create=True)
    said: Said = []
    running = [start(store, "w0")]
    for number in range(1, kills + 1):
        running.append(start(store, f"w{number}"))
        victim = running.pop(0)
        assert victim.stdout is not None
        said += read(victim.stdout.readline())  # it is at work
        time.sleep(source.uniform(0, 2))
        said += kill(victim)
    return said + kill(running[0])


def check_acknowledged(project: mc.Project, said: Said) -> None:
    """Find everything that was acknowledged, as it was."""
    decided = {decision.id: bare(decision.subject) for decision in project.models.decisions()}
    for what, ref, fact in said:
        if what == "dataset":
            pd.testing.assert_frame_equal(table(int(fact)), project.load(f"dataset:{ref}"))
        elif what == "part":
            assert int(fact) == len(project.load(f"dataset:{ref}"))
        elif what == "logged":
            assert project.runs[ref].metrics["loss"] >= int(fact) / 2
        elif what == "run":
            run = project.runs[ref]
            assert (run.status, run.params, run.metrics) == ("finished", {"turn": int(fact)}, {"loss": 9.5})
        elif what == "model":
            assert fact == project.models[ref].run
        else:
            assert fact == decided[ref]


def check_whole(project: mc.Project) -> None:
    """Read everything there is; nothing is half visible, and every byte is what the log says."""
    for name in project.datasets:
        for version in project.datasets.versions(name):
            assert version.rows == len(project.load(version))
    for version in project.models.versions("m") if "m" in project.models else ():
        assert project.load(version).predict(FEATURES).shape == (12,)
    for run in project.experiments["e"].runs():
        # Who died before the first point holds nothing yet by which the death could be seen.
        silent = ("running", "probably lost")  # the one for five minutes, then the other
        assert run.status in ("finished", "lost") or (run.status in silent and run.n_points == 0)
    assert project.store.verify("bytes").problems == ()


def survive(store: Path, kills: int) -> None:
    """Kill workers; afterwards the project is whole, holds what was acknowledged, and works."""
    said = kill_in_a_loop(store, kills)
    assert {"dataset"} <= {what for what, _, _ in said}
    project = mc.open(store, author="after")
    check_acknowledged(project, said)
    check_whole(project)
    names = [name for name in project.datasets if "." not in name]
    for name in names:
        contents = [version.content for version in project.datasets.versions(name)]
        assert len(contents) == len(set(contents))  # a turn is added once
    assert project.datasets.add("after", table(0)).ref == "after@1"
    check_whole(project)


def test_killed_workers(tmp_path: Path) -> None:
    """Five kills."""
    survive(tmp_path / "store", 5)


@pytest.mark.deep
def test_many_killed_workers(tmp_path: Path) -> None:
    """Two hundred kills."""
    survive(tmp_path / "store", 200)
