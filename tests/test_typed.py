"""Whoever installs mlcycle has its types: the marker of PEP 561 is in the package, and in the wheel."""

from __future__ import annotations

import fnmatch
import tomllib
from pathlib import Path

import mlcycle

ROOT = Path(__file__).parents[1]
MARKER = Path(mlcycle.__file__).parent / "py.typed"


def test_the_marker_is_in_the_package() -> None:
    """And empty: `partial` in it would say that some types are elsewhere."""
    assert MARKER.read_bytes() == b""


def test_the_wheel_has_the_marker() -> None:
    """The wheel takes the whole package, but for what git ignores, and no setting leaves a file out."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert settings["project"]["classifiers"].count("Typing :: Typed") == 1
    assert settings["tool"]["hatch"]["build"] == {"targets": {"wheel": {"packages": ["mlcycle"]}}}
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    assert [one for one in ignored if fnmatch.fnmatch(MARKER.name, one.strip("/"))] == []
