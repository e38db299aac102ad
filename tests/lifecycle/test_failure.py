"""A failed run: the exception of the training is the one that comes out, and the run says what it was."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import warnings
from typing import TYPE_CHECKING, Any

import pytest

import mlcycle as mc
from mlcycle import errors
from mlcycle.testing import Fault, FaultyFiles, fail_on

if TYPE_CHECKING:
    from pathlib import Path


class Mute(Exception):  # noqa: N818
    """What raises when its message is read."""

    def __str__(self) -> str:
        raise RuntimeError("no message")

    __repr__ = __str__


class Endless(Exception):  # noqa: N818
    """What asks itself for its message."""

    def __str__(self) -> str:
        return str(self)


class Nameless(Exception):  # noqa: N818
    """What says nonsense about where it comes from."""

    __module__ = 5  # type: ignore[assignment]


def _circle() -> Exception:
    one, other = KeyError("one"), KeyError("other")
    one.__cause__, other.__cause__ = other, one
    return one


def _chain(length: int) -> Exception:
    made = ValueError("the first")
    for number in range(length):
        above = ValueError(f"number {number}")
        above.__cause__, made = made, above
    return made


def _groups(depth: int) -> BaseException:
    made: Exception = ValueError("inside")
    for _ in range(depth):
        made = ExceptionGroup("around", [made, Mute()])
    return made


def _noted(notes: Any) -> Exception:
    made = ValueError("noted")
    made.__notes__ = notes  # type: ignore[attr-defined]
    return made


FAILURES = {
    "no Unicode": (KeyError(os.fsdecode(b"caf\xe9.csv")), "caf\\udce9.csv"),
    "a lone surrogate": (RuntimeError("\ud800"), "RuntimeError: \\ud800"),
    "of encoding": (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no"), "UnicodeEncodeError"),
    "of syntax": (SyntaxError("odd", ("f\ud800", 1, 1, "\udce9")), "SyntaxError: odd"),
    "without a message": (Mute(), "Mute: <exception str() failed>"),
    "with an endless message": (Endless(), "Endless: <exception str() failed>"),
    "of nowhere": (Nameless(), "Nameless"),
    "in a circle": (_circle(), "KeyError: 'one'"),
    "a long chain": (_chain(2_000), "ValueError: number 1999"),
    "groups of groups": (_groups(200), "ExceptionGroup: around"),
    "odd notes": (_noted(5), "ValueError: noted"),
    "mute notes": (_noted([Mute(), "\udce9"]), "\\udce9"),
    "ten million letters": (ValueError("x" * 10_000_000), "xxx"),
    "of memory": (MemoryError(), "MemoryError"),
    "of iteration": (StopIteration(), "StopIteration"),
    "of ours": (errors.InvalidInput("bad rows"), "InvalidInput: bad rows"),
    "a group of interrupts": (BaseExceptionGroup("g", [KeyboardInterrupt()]), "KeyboardInterrupt"),
}


@pytest.fixture(scope="module")
def experiment() -> mc.Experiment:
    """Return one experiment for all of these runs: what one leaves behind must not hurt the next."""
    return mc.open("memory://failed-runs", create=True).experiments.open("failed")


@pytest.mark.parametrize(("error", "told"), FAILURES.values(), ids=FAILURES)
def test_the_exception_of_the_training_comes_out(experiment: mc.Experiment, error: BaseException, told: str) -> None:
    """Whatever it is made of, it comes out as itself; its run has failed and says why, in 100 000 letters at most."""
    with pytest.raises(type(error)) as caught, experiment.start() as run:
        raise error
    found = next(one for one in experiment.runs() if one.id == run.id)
    assert caught.value is error
    assert (found.status, found.failures) == ("failed", 0)
    assert told in (found.error or "")
    assert len(found.error or "") < 100_100
    assert run.id in experiment.frame()["run"].tolist()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), GeneratorExit()], ids=type)
def test_what_ends_a_process_cancels_its_run(experiment: mc.Experiment, error: BaseException) -> None:
    """An interrupt is no failure."""
    with pytest.raises(type(error)), experiment.start() as run:
        raise error
    found = next(one for one in experiment.runs() if one.id == run.id)
    assert (found.status, found.error) == ("cancelled", type(error).__name__)


def test_recursion_without_end(experiment: mc.Experiment) -> None:
    """A stack that is full fails the run, not the record of it."""

    def deeper(n: int) -> int:
        return deeper(n + 1)

    with pytest.raises(RecursionError), experiment.start() as run:
        deeper(0)
    assert next(one for one in experiment.runs() if one.id == run.id).status == "failed"


@pytest.mark.parametrize("strict", [False, True])
def test_a_broken_storage_hides_no_exception(project: mc.Project, strict: bool) -> None:
    """With the storage gone, and warnings made errors, the training's own exception still comes out."""
    broken = project.experiments.open("broken")
    broken.start().finish()
    session = broken._session
    real = session.log.files

    def train() -> None:
        with warnings.catch_warnings(), broken.start(strict=strict):
            warnings.simplefilter("error")
            session._connection.use_files(FaultyFiles(real, fail_on("put", Fault.BEFORE), local_paths=True))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train()
    session._connection.use_files(real)


def test_a_failure_is_given_by_hand(experiment: mc.Experiment) -> None:
    """`finish` takes the exception itself, or its text."""
    for error in (ValueError("\ud800"), "ValueError: \ud800"):
        run = experiment.start()
        run.finish("failed", error=error)
        found = next(one for one in experiment.runs() if one.id == run.id)
        assert (found.status, (found.error or "").strip()) == ("failed", "ValueError: \\ud800")


def test_a_run_in_a_place_that_is_no_unicode(tmp_path: Path) -> None:
    """Folder, script, command line, author and the names in a traceback may be any bytes; the folder may be gone."""
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    (folder / "gone").mkdir(parents=True)
    script = folder / os.fsdecode(b"tr\xe9.py")
    script.write_text(
        textwrap.dedent("""
            import os, sys
            import mlcycle
            experiment = mlcycle.open(sys.argv[1], create=True).experiments.open("e")
            try:
                with experiment.start(params={"argv": sys.argv, "cwd": os.getcwd()}):
                    raise KeyError(os.getcwd())
            except KeyError:
                os.chdir("gone")
                os.rmdir(os.getcwd())
            with experiment.start() as run:
                run.log(loss=0.5)
        """)
    )
    environment = os.environ | {"MLCYCLE_AUTHOR": os.fsdecode(b"jos\xe9"), "PYTHONPATH": os.getcwd()}  # noqa: PTH109
    subprocess.run(
        [sys.executable, script, tmp_path / "store", b"\xe9"], check=True, cwd=folder, env=environment, timeout=60
    )
    failed, finished = mc.open(tmp_path / "store").experiments["e"].runs()
    assert (failed.status, finished.status) == ("failed", "finished")
    assert (failed.author, failed.params["argv"][-1]) == ("jos\\udce9", "\\udce9")
    assert failed.params["cwd"].endswith("caf\\udce9")
    assert (failed.error or "").strip().endswith("caf\\udce9'")
