"""A model file opened by another Python: what it says, what it survives, and that nothing of it stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

from mlcycle.codecs import FreshLoad, _fresh_interpreter, dump_model, infer_signature, load_afresh

TRUST = frozenset({"joblib"})
FRAME = pd.DataFrame({"x": np.arange(6.0)})
TREE = DecisionTreeClassifier(max_depth=1).fit(FRAME, [0, 1] * 3)
ROOT = str(Path(__file__).parents[2])
forking = pytest.mark.skipif(not _fresh_interpreter._FORKS, reason="here each file takes a Python of its own")


class Runs:
    """Runs code when it is loaded."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (self.code,)


def running(folder: Path, code: str) -> Path:
    """Return a file that runs code when it is loaded."""
    joblib.dump(Runs(code), folder / "model")
    return folder / "model"


@pytest.fixture(params=["standing", pytest.param("once", marks=pytest.mark.deep)])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Ask in both ways, whichever is this machine's own."""
    name = str(request.param)
    if name == "standing" and not _fresh_interpreter._FORKS:
        pytest.skip("no Python that forks here")
    monkeypatch.setattr(_fresh_interpreter, "_ask", getattr(_fresh_interpreter, f"_ask_{name}"))
    return name


def test_a_model_loads_and_answers(tmp_path: Path, way: str) -> None:
    """Also its example, where there is one."""
    file, example = tmp_path / "model", tmp_path / "example.parquet"
    packed = dump_model(TREE, file, example=FRAME)
    FRAME.to_parquet(example)
    signature = infer_signature(FRAME, TREE)
    found = load_afresh(file, packed.format, signature=signature, example=example)
    assert found == FreshLoad("loads", answered=True)
    assert load_afresh(file, packed.format) == FreshLoad("loads")


def test_nothing_runs_without_trust(tmp_path: Path, way: str) -> None:
    """The other Python holds to the same rules."""
    file = running(tmp_path, f"open({str(tmp_path / 'touched')!r}, 'w')")
    found = load_afresh(file, "joblib")
    assert (found.outcome, "pass trust=True" in found.detail) == ("untrusted", True)
    assert not (tmp_path / "touched").exists()
    assert load_afresh(file, "joblib", trust=TRUST).outcome == "loads"
    assert (tmp_path / "touched").exists()


def test_it_has_nothing_of_this_program(tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its folders nor its modules; but its environment variables, as they are now."""
    (tmp_path / "beside.py").write_text("def f(): pass")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    found = load_afresh(running(tmp_path, "import beside"), "joblib", trust=TRUST)
    assert found == FreshLoad("fails", "ModuleNotFoundError: No module named 'beside'")
    monkeypatch.setenv("ONLY_NOW", "yes")
    code = "import os; assert os.environ['ONLY_NOW'] == 'yes'; assert os.listdir() == []"
    assert load_afresh(running(tmp_path, code), "joblib", trust=TRUST).outcome == "loads"
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([ROOT, str(tmp_path)]))
    assert load_afresh(running(tmp_path, "import beside"), "joblib", trust=TRUST).outcome == "loads"


@pytest.mark.parametrize(
    ("code", "outcome", "words"),
    [
        ("import ctypes; ctypes.string_at(0)", "fails", "Python itself crashed over it (SIGSEGV)"),
        ("import os; os._exit(3)", "fails", "Python itself was ended by it, with exit status 3"),
        ("raise SystemExit(4)", "fails", "SystemExit: 4"),
        ("raise MemoryError", "untold", "it ran out of memory"),
        (
            "import os; os.kill(os.getpid(), 9)",
            "untold",
            "it was killed (SIGKILL), as the kernel does where memory runs out; that says nothing of the model",
        ),
        ("print('{}' * 100_000); import os; os.write(1, b'{}')", "loads", ""),
        ("import sys; assert sys.stdin.read() == ''", "loads", ""),
    ],
)
def test_whatever_a_model_does_is_told(tmp_path: Path, code: str, outcome: str, words: str) -> None:
    """One that crashes, exits, prints or reads takes nobody with it."""
    found = load_afresh(running(tmp_path, code), "joblib", trust=TRUST)
    assert (found.outcome, found.detail) == (outcome, words)


def test_a_python_of_its_own_that_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot say so itself; and one that takes too long to start is not waited for."""
    monkeypatch.setattr(_fresh_interpreter, "_ask", _fresh_interpreter._ask_once)
    file = running(tmp_path, "import os; os._exit(3)")
    words = "Python itself was ended by it, with exit status 3"
    assert load_afresh(file, "joblib", trust=TRUST) == FreshLoad("fails", words)
    monkeypatch.setattr(_fresh_interpreter, "_PATIENCE", 0.0)
    found = load_afresh(file, "joblib", trust=TRUST, patience=0.01)
    assert found == FreshLoad("untold", "a fresh Python was not done with it within 0.01 s")


@forking
def test_what_hangs_is_given_up_and_killed(tmp_path: Path) -> None:
    """With all it has started."""
    load_afresh(running(tmp_path, "pass"), "joblib", trust=TRUST)
    pids = tmp_path / "pids"
    code = (
        "import os, subprocess, sys, time\n"
        "other = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{other.pid}}')\n"
        "time.sleep(300)\n"
    )
    found = load_afresh(running(tmp_path, code), "joblib", trust=TRUST, patience=4.0)
    assert found == FreshLoad("untold", "a fresh Python was not done with it within 4 s")
    for pid in map(int, pids.read_text().split()):
        assert until(lambda pid=pid: not alive(pid))


def test_a_format_of_a_newer_release_is_not_held_against_it(tmp_path: Path) -> None:
    """Nobody here can say whether it loads."""
    found = load_afresh(running(tmp_path, "pass"), "onnx")
    assert (found.outcome, "'onnx' is not a format" in found.detail) == ("untold", True)


@pytest.mark.parametrize("executable", ["", "/usr/bin/uwsgi", None])
def test_a_program_that_is_no_python_starts_nothing(
    tmp_path: Path, executable: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would start itself once more."""
    monkeypatch.setattr(sys, "executable", executable)
    found = load_afresh(running(tmp_path, "pass"), "joblib", trust=TRUST)
    assert (found.outcome, "could be started again" in found.detail) == ("untold", True)


def test_a_python_that_is_gone(tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, and keeps nobody from going on."""
    _fresh_interpreter._end()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
    found = load_afresh(running(tmp_path, "pass"), "joblib", trust=TRUST)
    assert (found.outcome, found.detail.startswith("a fresh Python cannot be started here: ")) == ("untold", True)
    (tmp_path / "python3").write_text("#!/bin/sh\necho hello\nexit 5\n")
    (tmp_path / "python3").chmod(0o700)
    found = load_afresh(running(tmp_path, "pass"), "joblib", trust=TRUST)
    assert found == FreshLoad("untold", "a fresh Python cannot be started here: it ended with status 5")


@pytest.mark.deep
@forking
def test_one_python_answers_many(tmp_path: Path) -> None:
    """Another one only after a failure, which may have been mended, and where the last has ended."""
    file = running(tmp_path, "pass")

    def pid() -> int:
        load_afresh(file, "joblib", trust=TRUST)
        assert _fresh_interpreter._standing is not None
        return _fresh_interpreter._standing.pid

    first = pid()
    assert pid() == first
    os.kill(first, signal.SIGKILL)
    second = pid()
    assert second != first
    load_afresh(running(tmp_path, "raise ValueError"), "joblib", trust=TRUST)
    assert until(lambda: not alive(second))
    running(tmp_path, "pass")
    assert pid() != second


@forking
def test_it_is_no_child_that_somebody_must_wait_for(tmp_path: Path) -> None:
    """Where it ends by itself, nothing of it is left in the list of processes."""
    load_afresh(running(tmp_path, "pass"), "joblib", trust=TRUST)
    server = _fresh_interpreter._standing
    assert server is not None
    assert int(Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()[1]) != os.getpid()
    with pytest.raises(ChildProcessError):
        os.waitpid(server._process.pid, os.WNOHANG)


@forking
def test_one_that_is_stopped_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not hear that nobody asks any more."""
    load_afresh(running(tmp_path, "pass"), "joblib", trust=TRUST)
    server = _fresh_interpreter._standing
    assert server is not None
    os.kill(server.pid, signal.SIGSTOP)
    monkeypatch.setattr(_fresh_interpreter, "_GOODBYE", 0.1)
    _fresh_interpreter._end()
    assert until(lambda: not alive(server.pid))


@pytest.mark.deep
@forking
def test_a_model_that_kills_who_loads_it(tmp_path: Path) -> None:
    """That one could be started, and ended over this file each time, is known: it does not load."""
    load_afresh(running(tmp_path, "pass"), "joblib", trust=TRUST)
    killing = running(tmp_path, "import os; os.kill(os.getppid(), 9)")
    words = "it ended the Python that was to load it, each time one was started"
    assert load_afresh(killing, "joblib", trust=TRUST) == FreshLoad("fails", words)
    assert load_afresh(running(tmp_path, "pass"), "joblib", trust=TRUST).outcome == "loads"


@pytest.mark.deep
def test_names_of_one_program_are_looked_for_without_trust(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the file runs, nor is a module imported for it."""
    file, local = running(tmp_path, "open('touched', 'w')"), ["__main__.A", "beside.B", "sklearn.tree.C"]
    (tmp_path / "beside.py").write_text("raise SystemExit")
    assert load_afresh(file, "joblib", local=local).missing == ("__main__.A", "beside.B")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([ROOT, str(tmp_path)]))
    assert load_afresh(file, "joblib", local=local).missing == ("__main__.A",)
    assert load_afresh(file, "joblib", local=local, trust=TRUST).missing == ()


@pytest.mark.deep
@forking
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_has_one_of_its_own(tmp_path: Path) -> None:
    """It neither talks with that of its parent, nor keeps it alive."""
    file = running(tmp_path, "pass")
    assert load_afresh(file, "joblib", trust=TRUST).outcome == "loads"
    before = _fresh_interpreter._standing
    assert before is not None
    child = os.fork()
    if child == 0:
        loads = _fresh_interpreter._standing is None and load_afresh(file, "joblib", trust=TRUST).outcome == "loads"
        _fresh_interpreter._end()
        os._exit(0 if loads else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert load_afresh(file, "joblib", trust=TRUST).outcome == "loads"
    assert _fresh_interpreter._standing is before


@forking
def test_nothing_outlives_a_program_that_is_killed(tmp_path: Path) -> None:
    """Neither the Python that waits, nor the fork that is busy."""
    pids = tmp_path / "pids"
    running(
        tmp_path,
        f"import os, time; open({str(pids)!r}, 'w').write(f'{{os.getppid()}} {{os.getpid()}} '); time.sleep(300)",
    )
    code = (
        f"import sys; sys.path.insert(0, {ROOT!r})\n"
        "from mlcycle.codecs import load_afresh\n"
        f"load_afresh({str(tmp_path / 'model')!r}, 'joblib', trust=frozenset({{'joblib'}}))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as program:
        assert until(lambda: pids.exists() and pids.read_text().endswith(" "))
        program.kill()
    for pid in map(int, pids.read_text().split()):
        assert until(lambda pid=pid: not alive(pid))


def alive(pid: int) -> bool:
    """Say whether a process runs; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(so: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Wait until something is so; say whether it ever was."""
    end = time.monotonic() + seconds
    while not (done := so()) and time.monotonic() < end:
        time.sleep(0.02)
    return done
