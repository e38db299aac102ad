"""The page for contributors says what is: floors, seams, and toys that pass the suites."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")


def test_the_floors_are_those_of_the_contract() -> None:
    """Every layer of `pyproject.toml`, in its order."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (one for one in project["tool"]["importlinter"]["contracts"] if one["id"] == "floors")
    told = re.search(r"<!-- floors -->\n```text\n(.*?)```", PAGE, re.DOTALL)
    assert told is not None
    assert told[1].splitlines() == contract["layers"]


def test_every_seam_is_there() -> None:
    """What the table names as `module:name` can be imported, and what it names as a file is one."""
    seams = re.findall(r"`(mlcycle[\w.]*):(\w+)`", PAGE)
    assert len(seams) >= 15
    missing = [f"{module}:{name}" for module, name in seams if not hasattr(importlib.import_module(module), name)]
    assert missing == []


def test_every_file_is_there() -> None:
    """Of the package and of its tests; a name in angle brackets or with an ellipsis stands for another."""
    named = re.findall(r"`(?:python )?((?:mlcycle|tests)/[\w./]+)`", PAGE)
    assert len(named) >= 15
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_toys_pass_their_suites(tmp_path: Path) -> None:
    """The Python blocks of the page are a test module, and its tests pass."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "test_toys.py").write_text("\n\n".join(blocks), encoding="utf-8")
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "test_toys.py"]
    paths = os.pathsep.join([str(ROOT), str(tmp_path)])  # pickles are read by processes that import the module
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, timeout=120
    )
    passed = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0, done.stdout
    assert passed is not None
    assert int(passed[1]) > 40
