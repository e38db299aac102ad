"""Capturing the environment."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import attrs
import pytest

import mlcycle
from mlcycle import provenance
from mlcycle._digest import canonical_json
from mlcycle.provenance import capture_environment, environment_changes
from mlcycle.provenance._environment import identified
from mlcycle.records import Environment, from_json, to_json

STORE = Path(__file__).parents[1] / "stores" / "v1"
PACKAGE = str(Path(mlcycle.__file__).parents[1])


def captured(**variables: str) -> Environment:
    """Return what another process captures of its environment."""
    code = (
        "import json; from mlcycle.provenance import capture_environment; from mlcycle.records import to_json;"
        "print(json.dumps(to_json(capture_environment())))"
    )
    environment = {**os.environ, "PYTHONPATH": PACKAGE, **variables}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    found: Environment = from_json(json.loads(done.stdout))
    return found


def test_what_is_captured_is_true() -> None:
    """Packages, Python and machine are what the standard library says they are."""
    environment = capture_environment()
    assert platform.python_version() == environment.python
    assert importlib.metadata.version("scikit-learn") == environment.packages["scikit-learn"]
    assert platform.machine() in environment.platform
    assert sorted(environment.packages) == list(environment.packages)
    assert from_json(json.loads(canonical_json(to_json(environment)))) == environment


def test_the_first_version_on_the_path_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution that is there twice has the version that is imported; odd ones are passed over."""
    for name, version in (("Some.Pkg-1.0", "1.0"), ("attrs-0.1", "0.1")):
        folder = tmp_path / f"{name}.dist-info"
        folder.mkdir()
        folder.joinpath("METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name.rsplit('-')[0]}\nVersion: {version}\n"
        )
    (tmp_path / "empty-2.dist-info").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    packages = capture_environment(fresh=True).packages
    monkeypatch.undo()
    assert (packages["some-pkg"], packages["attrs"], packages.get("empty")) == ("1.0", "0.1", None)
    assert attrs.__version__ == capture_environment(fresh=True).packages["attrs"]


def test_where_packages_came_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages that are no index's name their source, without credentials."""
    told = {
        "a": {"url": "https://me:pw@example.org/a.git", "vcs_info": {"vcs": "git", "commit_id": "4f0c"}},
        "b": {"url": "file:///home/me/b", "dir_info": {"editable": True}},
        "c": {"url": "file:///home/me/c-1.whl", "archive_info": {}},
        "d": [],
    }
    for name, source in told.items():
        folder = tmp_path / f"{name}-1.dist-info"
        folder.mkdir()
        folder.joinpath("METADATA").write_text(f"Name: {name}\nVersion: 1\n")
        folder.joinpath("direct_url.json").write_text(json.dumps(source))
    monkeypatch.syspath_prepend(str(tmp_path))
    sources = capture_environment(fresh=True).detail["sources"]
    monkeypatch.undo()
    capture_environment(fresh=True)
    expected = {"a": "git+https://example.org/a.git@4f0c", "b": "editable", "c": "c-1.whl"}
    assert expected == {name: sources.get(name) for name in expected}
    assert "d" not in sources


def test_the_digest_knows_equal_environments() -> None:
    """Two processes in one environment agree; a setting that changes results makes another environment."""
    first, second = captured(OMP_NUM_THREADS="1"), captured(OMP_NUM_THREADS="2", PYTHONHASHSEED="7")
    assert first.digest == captured(OMP_NUM_THREADS="1", UNRELATED="x").digest
    assert first.digest != second.digest
    expected = {"threads.OMP_NUM_THREADS": ("1", "2"), "detail.hash_seed": ("random", "7")}
    assert expected == environment_changes(first, second)


def test_an_environment_keeps_its_digest() -> None:
    """What a store of the first release holds has the same name today, so that it is not stored twice."""
    (file,) = STORE.glob("files/environment/*.json")
    document = json.loads(file.read_text(encoding="utf-8"))
    environment = from_json({**document, "type": "Environment"})
    assert environment.digest != ""
    assert identified(environment) == environment


def test_loaded_libraries_are_a_detail() -> None:
    """Thread pools are noted when threadpoolctl is there already, and never part of the digest."""
    import numpy as np
    import threadpoolctl

    np.ones(1)
    environment = capture_environment(fresh=True)
    assert len(threadpoolctl.threadpool_info()) == len(environment.detail.get("threadpools", []))
    detail = {name: value for name, value in environment.detail.items() if name != "threadpools"}
    assert environment.digest == identified(attrs.evolve(environment, detail=detail)).digest


def test_it_is_quick() -> None:
    """The first capture takes far less than a second, later ones nothing to speak of."""
    taken = []
    for _ in range(3):  # other work on this machine rarely hits all of them
        begun = time.perf_counter()
        environment = capture_environment(fresh=True)
        taken.append(time.perf_counter() - begun)
    assert min(taken) < 1.0
    begun = time.perf_counter()
    assert all(capture_environment() is environment for _ in range(1000))
    assert time.perf_counter() - begun < 0.1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_after_fork_has_the_same() -> None:
    """A forked child answers from the parent's capture."""
    environment = capture_environment()
    child = os.fork()
    if child == 0:
        os._exit(0 if capture_environment() is environment else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_room_is_light() -> None:
    """Importing the room loads none of its modules; its names are complete."""
    code = (
        "import sys; import mlcycle.provenance as p;"
        "print(sorted(m for m in sys.modules if m.startswith('mlcycle.provenance.')), 'numpy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": PACKAGE},
    )
    assert done.stdout == "[] False\n"
    assert all(hasattr(provenance, name) for name in provenance.__all__)
    assert sorted(provenance.__all__) == provenance.__all__
