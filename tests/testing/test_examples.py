"""The examples in the documentation of the test kit, followed as they stand there: copied into a test module."""

from __future__ import annotations

import doctest
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlcycle import testing

ROOT = Path(__file__).parents[2]


def copied(name: str) -> str:
    """Return the lines a reader would copy out of a docstring, with what they show as assertions."""
    lines = ["from mlcycle.testing import *"]
    for example in doctest.DocTestParser().get_examples(inspect.getdoc(getattr(testing, name)) or ""):
        source = example.source.rstrip("\n")
        lines.append(f"assert repr(({source})) == {example.want.rstrip()!r}" if example.want else source)
    return "\n".join(lines) + "\n"


def has_example(name: str) -> bool:
    """Say whether there is anything to copy."""
    return ">>>" in (inspect.getdoc(getattr(testing, name)) or "")


SUITES = [name for name in testing.__all__ if name.endswith("Contract")]


@pytest.mark.parametrize("suite", SUITES)
def test_the_suite_passes_when_it_is_copied(suite: str, tmp_path: Path) -> None:
    """Every test of the contract passes on what its own example tests."""
    (tmp_path / "test_mine.py").write_text(copied(suite))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "test_mine.py"]
    done = subprocess.run(command, cwd=tmp_path, env=_env(), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout[-500:]) == (0, done.stdout[-500:])
    assert " passed" in done.stdout


@pytest.mark.parametrize("name", [name for name in testing.__all__ if name not in SUITES and has_example(name)])
def test_examples_run_as_a_module(name: str, tmp_path: Path) -> None:
    """Each shows what it says in a module of its own."""
    (tmp_path / "copied.py").write_text(copied(name))
    done = subprocess.run(
        [sys.executable, "copied.py"], cwd=tmp_path, env=_env(), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def _env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}
