"""The story in README and design, told as it is typed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.story import tell

STORY = Path(__file__).with_name("story.py")


def test_the_story_can_be_told(tmp_path: Path) -> None:
    """Once around the cycle, and every step is in the history."""
    project = tell(str(tmp_path / "clinic"))
    kinds = set(project.history()["kind"])
    assert {"scope.set", "dataset.add", "dataset.split", "model.register", "model.promote", "model.rollback"} <= kinds
    assert {"evaluation.add", "experiment.open", "deployment.open", "deployment.route", "deployment.check"} <= kinds


def test_a_type_checker_knows_every_step(tmp_path: Path) -> None:
    """Each `assert_type` holds for mypy as a user runs it on a script of his own: by `py.typed`, and strictly."""
    pytest.importorskip("mypy")
    asked = ["--strict", "--warn-unused-ignores", "--cache-dir", str(tmp_path), "--no-error-summary", str(STORY)]
    done = subprocess.run([sys.executable, "-m", "mypy", *asked], capture_output=True, text=True, cwd=STORY.parents[1])
    assert done.stdout == ""
    assert done.returncode == 0, done.stderr
