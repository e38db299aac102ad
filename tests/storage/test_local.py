"""What a local disk has of its own: links, folders, permissions, leftovers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mlcycle.errors import AccessDenied, StorageUnavailable
from mlcycle.storage import KeyNotFound, Outcome, open_files
from mlcycle.storage._local import LocalFiles
from tests.nobody import nobody

posix = pytest.mark.skipif(os.name == "nt", reason="a POSIX matter")


@pytest.fixture
def local(tmp_path: Path) -> LocalFiles:
    """Return files in a folder that does not exist yet."""
    return LocalFiles(str(tmp_path / "store"))


def everything(local: LocalFiles) -> list[str]:
    """Return every file below the root, temporary ones too."""
    return sorted(str(path.relative_to(local.url)) for path in Path(local.url).rglob("*") if path.is_file())


def test_nothing_is_left_beside_the_file(local: LocalFiles) -> None:
    """Winning, losing and overwriting leave no temporary file."""
    assert [local.create("a/b", b"1"), local.create("a/b", b"2")] == [Outcome.WON, Outcome.LOST]
    local.put("a/b", b"3")
    local.put("a/c", b"4", durable=False)
    assert everything(local) == ["a/b", "a/c"]


@posix
def test_files_have_the_usual_mode(local: LocalFiles) -> None:
    """Others may read what the umask lets them: a shared folder stays shared."""
    before = os.umask(0o027)
    try:
        local.create("a", b"")
        local.put("b", b"")
        local.append("c").close()
    finally:
        os.umask(before)
    assert {(Path(local.url) / name).stat().st_mode & 0o777 for name in "abc"} == {0o640}


def test_temporary_files_are_hidden_and_swept(local: LocalFiles) -> None:
    """What a killed writer left is never listed; a day later a listing and a delete remove it."""
    local.put("log/0", b"x")
    old, new = (Path(local.url) / "log" / f".tmp-{name}" for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 90_000,) * 2)
    assert [one.key for one in local.list("")] == ["log/0"]
    assert old.exists()
    local.delete([])
    assert (old.exists(), new.exists()) == (False, True)


def test_empty_folders_go_with_their_last_file(local: LocalFiles) -> None:
    """Deleting the last file of a folder removes the folder, and never the root."""
    for key in ("runs/1/head.json", "runs/1/files/a", "other"):
        local.put(key, b"")
    local.delete(["runs/1/head.json", "runs/1/files/a"])
    assert sorted(path.name for path in Path(local.url).iterdir()) == ["other"]
    local.delete(["other"])
    assert Path(local.url).is_dir()


def test_folders_may_vanish_meanwhile(local: LocalFiles) -> None:
    """Writers do not mind that a sweep removes the folder they were about to write to."""
    stop = threading.Event()

    def sweep() -> None:
        while not stop.is_set():
            for folder in ("d/e", "d"):
                local._prune(f"{local.url}/{folder}")

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    try:
        outcomes = []
        for i in range(100):
            local.put(f"d/e/{i}", b"", durable=False)
            outcomes.append(local.create(f"d/e/c{i}", b""))
            local.append(f"d/e/a{i}").close()
            local.delete([f"d/e/{name}{i}" for name in ("", "c", "a")])
    finally:
        stop.set()
        sweeper.join()
    assert outcomes == [Outcome.WON] * 100


def test_folder_where_a_file_should_be(local: LocalFiles) -> None:
    """A folder is no file, and a file no folder."""
    local.put("a/b", b"")
    with pytest.raises(KeyNotFound):
        local.read("a")
    assert local.create("a", b"") is Outcome.LOST
    for call in (local.create, local.put):
        with pytest.raises(StorageUnavailable, match="a/b/c"):
            call("a/b/c", b"")
    with pytest.raises(StorageUnavailable, match="cannot write 'a'"):
        local.put("a", b"")
    assert everything(local) == ["a/b"]


@posix
def test_no_permission() -> None:
    """A folder one may not write to, or not read, is `AccessDenied` with what to do; nothing is left behind."""
    with nobody() as place:
        files = open_files(place)
        files.put("a/b", b"secret")
        (place / "a" / "b").chmod(0)
        (place / "a").chmod(0o555)
        for call, verb in (
            (lambda: files.create("a/c", b"x"), "create 'a/c'"),
            (lambda: files.put("a/c", b"x"), "write 'a/c'"),
            (lambda: files.append("a/c"), "append to 'a/c'"),
            (lambda: files.read("a/b"), "read 'a/b'"),
            (lambda: files.delete(["a/b"]), "delete 'a/b'"),
        ):
            with pytest.raises(AccessDenied, match=f"cannot {verb}.*ask the owner"):
                call()
        assert [path.name for path in (place / "a").iterdir()] == ["b"]


@posix
def test_disk_full(tmp_path: Path) -> None:
    """A write the disk has no room for names the remedy, publishes nothing and leaves nothing."""
    done = subprocess.run(
        [sys.executable, "-c", _FULL, tmp_path / "disk"], capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode == 77:
        pytest.skip("a small disk can only be made with more rights than this process has")
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        ["create: the disk is full", "put: the disk is full", "path: the disk is full", "['small']", "['small']"],
    )


# A real small disk, in a mount namespace of its own that ends with the process.
_FULL = """
import ctypes, os, pathlib, sys
libc = ctypes.CDLL(None, use_errno=True)
disk = pathlib.Path(sys.argv[1]); disk.mkdir()
private = libc.unshare(0x20000) or libc.mount(b"none", b"/", None, 0x44000, None) if hasattr(libc, "unshare") else 1
if private or libc.mount(b"tmpfs", os.fsencode(disk), b"tmpfs", 0, b"size=64k"):
    sys.exit(77)
from mlcycle.errors import StorageUnavailable
from mlcycle.storage import open_files
files = open_files(disk / "store")
files.put("small", b"x")
source = disk.with_name("source"); source.write_bytes(bytes(1 << 20))
for name, call in (("create", lambda: files.create("a/big", bytes(1 << 20))),
                   ("put", lambda: files.put("small", bytes(1 << 20))),
                   ("path", lambda: files.put("b/big", source))):
    try:
        call()
    except StorageUnavailable as error:
        print(name, "the disk is full", sep=": ") if "the disk is full" in str(error) and "Free some" in str(error) \\
            else print(error)
print([one.key for one in files.list("")])
print([path.name for path in (disk / "store").rglob("*") if path.is_file()])
assert files.read("small") == b"x"
"""


def test_move_renames(local: LocalFiles) -> None:
    """A file written beside its place is renamed, not copied."""
    place = local.local_path("files/x.bin")
    scratch = place.with_name(".tmp-mine")
    scratch.parent.mkdir(parents=True)
    scratch.write_bytes(b"body")
    inode = scratch.stat().st_ino
    local.put("files/x.bin", scratch, move=True)
    assert (place.stat().st_ino, place.read_bytes(), scratch.exists()) == (inode, b"body", False)


def test_loose_folders_are_made_good(local: LocalFiles) -> None:
    """Folders made in a hurry are synced before the first durable write below them says it is done."""
    local.put("runs/1/head.json", b"", durable=False)
    assert {Path(path).name for path in local._unsynced} == {"store", "runs", "1"}
    local.create("runs/1/end.json", b"")
    assert {Path(path).name for path in local._unsynced} == {"store"}


@posix
def test_write_lands_whole_between_processes(local: LocalFiles) -> None:
    """Two appenders of one file never cut each other's lines."""
    first, second = local.append("a"), local.append("a")
    for i in range(50):
        first.write(b"first %d\n" % i)
        second.write(b"second %d\n" % i)
    first.close()
    second.close()
    expected = [line for i in range(50) for line in (b"first %d" % i, b"second %d" % i)]
    assert local.read("a").splitlines() == expected


@posix
def test_killed_writers_publish_nothing_torn(tmp_path: Path) -> None:
    """Writers killed at any moment leave only whole files behind, and every one they spoke of."""
    code = (
        "import sys; from mlcycle.storage import open_files; files = open_files(sys.argv[1])\n"
        "for n in range(10_000):\n"
        "    files.create(f'log/{sys.argv[2]}-{n}', b'%08d' % n * 5000); print(n, flush=True)\n"
    )
    acknowledged = {}
    for turn in range(4):
        worker = subprocess.Popen(
            [sys.executable, "-c", code, tmp_path, str(turn)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert worker.stdout is not None
        worker.stdout.readline()
        time.sleep(0.02 * (turn + 1))
        worker.kill()
        acknowledged[turn] = len(worker.communicate()[0].splitlines())
    files = open_files(tmp_path)
    found = {one.key: one.size for one in files.list("log/")}
    assert set(found.values()) == {40_000}
    assert all(files.read(key) == b"%08d" % int(key.partition("-")[2]) * 5000 for key in found)
    assert [f"log/{turn}-{count}" in found for turn, count in acknowledged.items()] == [True] * 4
