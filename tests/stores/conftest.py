"""The sample stores to test with."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import mlcycle as mc
from tests.stores.samples import HERE


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a copy of the store of format 1."""
    return Path(shutil.copytree(HERE / "v1", tmp_path / "v1"))


@pytest.fixture
def v1(place: Path) -> mc.Project:
    """Return it opened for reading."""
    return mc.open(place, mode="r")
