"""Places to keep a store in: a folder, memory, and an S3 of our own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

if "PYTEST_XDIST_WORKER" in os.environ:
    # There is a process for each core, and threads that wait for one another by counting, as those of OpenBLAS and
    # OpenMP do, take several times as long as one. This stands before anything that loads numpy, which reads it once.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@frozen
class S3Server:
    """The S3 the tests talk to; see `moto_server`."""

    endpoint: str

    def options(self) -> dict[str, Any]:
        """Return the storage options for it: no second tries, so that a fault is a fault."""
        return {
            "key": "test",
            "secret": "test",
            "endpoint_url": self.endpoint,
            "client_kwargs": {"region_name": "us-east-1"},
            "config_kwargs": {"retries": {"total_max_attempts": 1, "mode": "standard"}},
        }

    def bucket(self, prefix: str = "test") -> str:
        """Make a bucket of its own; `moto_server` says what the prefixes do."""
        name = f"{prefix}-{uuid.uuid4().hex}"
        self._ask("PUT", f"/{name}")
        return name

    def requests(self, bucket: str) -> list[str]:
        """Return what was asked of the bucket since the last call."""
        answer: list[str] = json.loads(self._ask("GET", f"/-/requests/{bucket}"))
        return answer

    def fail(self, bucket: str, *faults: tuple[str, str, int, bool]) -> None:
        """Plan faults: method, part of key and query, status, whether it is done nevertheless; each happens once."""
        self._ask("PUT", f"/-/faults/{bucket}", json.dumps(faults).encode())

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(self.endpoint + path, data=body, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())


@pytest.fixture(autouse=True)
def trust_file(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep what is trusted for every time in a file of the test's own, and never in that of whoever runs it."""
    path = tmp_path_factory.mktemp("trust") / "trust.json"
    monkeypatch.setenv("MLCYCLE_TRUST", str(path))
    return path


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """Start one S3 for the session, when the first test asks for it."""
    script = Path(__file__).with_name("moto_server.py")
    with subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield S3Server(f"http://127.0.0.1:{int(process.stdout.readline())}")
        process.stdin.close()


@pytest.fixture
def s3_url(s3_server: S3Server) -> tuple[str, dict[str, Any]]:
    """Return the URL of a place in a fresh bucket, and the storage options to reach it."""
    return f"s3://{s3_server.bucket()}/store", s3_server.options()


@pytest.fixture
def memory_url() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give a place in memory that is forgotten afterwards."""
    from fsspec.implementations.memory import MemoryFileSystem

    name = uuid.uuid4().hex
    yield f"memory://{name}", {}
    for path in [path for path in MemoryFileSystem.store if path.startswith(f"/{name}/")]:
        del MemoryFileSystem.store[path]


@pytest.fixture(params=["local", "memory", "s3"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, Any]]:
    """Return a place for a store, and the storage options to reach it: a folder, memory, S3."""
    if request.param == "local":
        return str(tmp_path / "store"), {}
    found: tuple[str, dict[str, Any]] = request.getfixturevalue(f"{request.param}_url")
    return found
