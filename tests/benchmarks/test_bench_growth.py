"""The benchmark of growth in small: that it runs, and what of it is counted rather than timed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import mlcycle
from mlcycle.state import ProjectFold
from mlcycle.storage import Log, open_files
from tests.benchmarks import bench_growth

if TYPE_CHECKING:
    from pathlib import Path

ENTRIES = 1_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the projects, the large one of a thousand entries."""
    place = tmp_path_factory.mktemp("growth")
    bench_growth.build(place, ENTRIES)
    return place


def test_the_log_is_one_the_library_believes(folder: Path) -> None:
    """The entries it writes are a whole chain, and hold what was asked for."""
    log = Log(open_files(folder / "large"), ProjectFold(), caches=False)
    grown = json.loads((folder / "grown.json").read_text())
    versions = sum(change["kind"] == "version.add" for entry in log.entries() for change in entry["changes"])
    assert versions == grown["versions"]
    assert mlcycle.open(folder / "large", create=False).store.verify("chain").ok
    assert mlcycle.open(folder / "whole", create=False).store.verify("files").ok


def test_a_version_takes_few_bytes(folder: Path) -> None:
    """In a checkpoint a version takes at most 100 bytes, all that goes with it counted in."""
    name = "bytes a version in a checkpoint"
    assert bench_growth.folding(folder)[name] <= bench_growth.REACH[name]


def test_going_back_is_one_small_entry(folder: Path) -> None:
    """However many names a rollback moves, it is one entry of a few hundred bytes."""
    found = bench_growth.going_back(folder)
    assert found["names that a rollback moves"] > 80
    assert (found["entries of a rollback of all"], found["bytes of its entry"] < 500) == (1, True)


def test_an_opening_reads_a_tail(folder: Path) -> None:
    """A cold open folds what came after the checkpoint, and no more; names and looking back read no entry at all."""
    project = bench_growth.open_large(folder)
    log = project._session.log
    now, read = log.snapshot(refresh=False), list(log._recent._values)
    assert now.n - now.base < 64
    assert len(read) <= now.n - now.base + 1
    assert len(project.datasets) > len(project.at(50).datasets) > 3
    assert list(log._recent._values) == read


def test_every_measure_runs(folder: Path) -> None:
    """The command measures everything it names a limit for, each in a process of its own."""
    found = {name for measure in bench_growth.MEASURES for name in measure(folder)}
    assert {*bench_growth.REACH} <= found
    assert {*bench_growth.in_process(bench_growth.floor, folder)} <= found
