"""The promise commits rest on is proved where they are made, by whoever makes them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from mlcycle.errors import AccessDenied, StorageUnavailable, UnsupportedStorage
from mlcycle.storage import Files, Outcome, open_files, prove_new
from mlcycle.storage import _local as local_module
from mlcycle.storage import _put_if_absent as promise_module
from mlcycle.storage._entries import entry_key
from mlcycle.storage._memory import MemoryFiles
from mlcycle.testing import Fault, FaultyFiles, fail_on
from tests.storage.shelf import ShelfLog, tick

ROOT = Path(__file__).parents[2]


class Overwriting(MemoryFiles):
    """A storage that ignores the condition of a conditional put."""

    def create(self, key: str, data: bytes) -> Outcome:
        """Overwrite, and say it won."""
        self.put(key, data)
        return Outcome.WON


@pytest.fixture(autouse=True)
def _another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know nothing of places yet, as a process that has just begun."""
    monkeypatch.setattr(promise_module, "_proved", set())


def a_log(files: Files, **options: Any) -> ShelfLog:
    """Return a log as another process would open it."""
    return ShelfLog(files, author="ann", caches=False, **options)


def stock() -> str:
    """Make a log of three entries in memory, and return the name of its place."""
    name = uuid.uuid4().hex
    log = a_log(MemoryFiles(name))
    for i in range(3):
        log.commit(tick(str(i)))
    promise_module._proved.clear()
    return name


def stored(name: str) -> dict[str, bytes]:
    """Return all there is."""
    files = MemoryFiles(name)
    return {item.key: files.read(item.key) for item in files.list("")}


def test_a_copy_on_storage_without_conditional_put() -> None:
    """Nothing is committed there, and nothing that was there is changed; it can be read, and written by one."""
    name = stock()
    before = stored(name)
    log = a_log(Overwriting(name))
    assert log.snapshot().n == 2
    for _ in range(2):
        with pytest.raises(UnsupportedStorage, match=r"log/0000000000\.json, which was there.*single_writer=True"):
            log.commit(tick())
    assert stored(name) == before
    alone = a_log(Overwriting(name, single_writer=True))
    assert alone.commit(tick()).n == 3


def test_it_is_asked_once_a_process_and_place() -> None:
    """Before the first commit, on entry 0 with its own bytes; not to read, and not for what is settled already."""
    name = stock()
    files = FaultyFiles(MemoryFiles(name))
    log = a_log(files)
    log.snapshot()
    assert [call for call in files.calls if call[0] == "create"] == []
    for _ in range(2):
        log.commit(tick())
    a_log(files).commit(tick())
    created = [key for op, key in files.calls if op == "create"]
    assert created == [entry_key(0), entry_key(3), entry_key(4), entry_key(5)]


def test_each_place_is_asked() -> None:
    """What one place promised says nothing of another, nor of the same address at another endpoint."""
    name = stock()
    files = FaultyFiles(MemoryFiles(name))
    a_log(files).commit(tick())
    files.storage_options = {"endpoint_url": "http://another"}
    files.calls.clear()
    a_log(files).commit(tick())
    assert [key for op, key in files.calls if op == "create"] == [entry_key(0), entry_key(4)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_each_process_asks(tmp_path: Path) -> None:
    """A child after fork is a process of its own."""
    code = (
        "import os, sys; from mlcycle.testing import FaultyFiles; from mlcycle.storage import open_files\n"
        "from tests.storage.shelf import ShelfLog, tick\n"
        "log = ShelfLog(FaultyFiles(open_files(sys.argv[1])), caches=False); log.commit(tick())\n"
        "log = ShelfLog(FaultyFiles(open_files(sys.argv[1])), caches=False); log.commit(tick())\n"
        "child = os.fork()\n"
        "if child: os.waitpid(child, 0)\n"
        "log.files.calls.clear(); log.commit(tick())\n"
        "print(*[key[-6] for op, key in log.files.calls if op == 'create'], flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines() == ["0 2", "2 3"]  # that it is behind, the parent learns by losing


@pytest.mark.parametrize("fault", [Fault.UNKNOWN, Fault.UNDONE])
def test_without_an_answer_it_is_asked_again(fault: Fault) -> None:
    """No answer is no proof, and none for ever is an error that committed nothing."""
    name = stock()
    files = FaultyFiles(MemoryFiles(name), fail_on("create", fault, entry_key(0), times=3))
    assert a_log(files).commit(tick()).n == 3
    assert [key for op, key in files.calls if op == "create"] == [entry_key(0)] * 4 + [entry_key(3)]
    promise_module._proved.clear()
    files.plan = fail_on("create", fault)
    before = stored(name)
    with pytest.raises(StorageUnavailable, match=r"nothing was committed, try again"):
        a_log(files, patience=0.05).commit(tick())
    assert stored(name) == before


def test_a_failure_of_the_proof_is_told() -> None:
    """What the storage refuses is refused, and asked again the next time."""

    class Denied(MemoryFiles):
        def create(self, key: str, data: bytes) -> Outcome:
            raise AccessDenied(f"cannot create {key!r}")

    name = stock()
    with pytest.raises(AccessDenied):
        a_log(Denied(name)).commit(tick())
    with pytest.raises(StorageUnavailable, match="planned"):
        a_log(FaultyFiles(MemoryFiles(name), fail_on("create", Fault.BEFORE, times=1))).commit(tick())
    assert a_log(MemoryFiles(name)).commit(tick()).n == 3


def test_a_new_place() -> None:
    """Where there is no entry yet, a key of one's own is put twice, and goes again; a lost answer is no answer."""
    files = FaultyFiles(MemoryFiles(uuid.uuid4().hex), fail_on("create", Fault.UNDONE, times=2))
    prove_new(files)
    assert [op for op, _ in files.calls] == ["create"] * 4 + ["delete"]
    assert len({key for _, key in files.calls}) == 1
    assert list(files.list("")) == []
    name = uuid.uuid4().hex
    with pytest.raises(UnsupportedStorage, match=r"probe/.*was told it won"):
        prove_new(Overwriting(name))
    assert stored(name) == {}
    prove_new(Overwriting(name, single_writer=True))


def test_the_link_is_what_is_proved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a disk it is the call that decides, not a look before it: a link that overwrites is found out."""
    log = a_log(open_files(tmp_path / "store"))
    for i in range(3):
        log.commit(tick(str(i)))
    promise_module._proved.clear()

    def overwrite(source: str, target: str) -> None:
        shutil.copyfile(source, target)

    monkeypatch.setattr(local_module.os, "link", overwrite)
    before = {path.name: path.read_bytes() for path in (tmp_path / "store" / "log").iterdir()}
    with pytest.raises(UnsupportedStorage, match="was told it won"):
        a_log(open_files(tmp_path / "store")).commit(tick())
    with pytest.raises(UnsupportedStorage, match="was told it won"):
        prove_new(open_files(tmp_path / "new"))
    assert {path.name: path.read_bytes() for path in (tmp_path / "store" / "log").iterdir()} == before


def test_a_log_opened_from_a_checkpoint(tmp_path: Path) -> None:
    """Entry 0 is read when it is needed for the proof, and a log without it is damaged."""
    files = open_files(tmp_path)
    log = ShelfLog(files)
    for _ in range(66):
        log.commit(tick())
    log.flush()
    promise_module._proved.clear()
    counted = FaultyFiles(files)
    a_log(counted).commit(tick())
    assert [call for call in counted.calls if call[1] == entry_key(0)] == [
        ("read", entry_key(0)),
        ("create", entry_key(0)),
    ]
