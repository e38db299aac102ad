"""Locks that tell the living from the dead: of one file, by whoever holds it, until they let go or die."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlcycle.storage._flock import Flock, held, host_tag, supported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(not supported, reason="this platform has no such locks")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file to be locked."""
    found = tmp_path / "owner"
    found.touch()
    return found


def test_one_holds_at_a_time(path: Path) -> None:
    """Whoever comes second is refused, and whoever looks sees it; let go twice, it is free once."""
    assert held(path) is False
    first = Flock.hold(path)
    assert first is not None
    assert (held(path), held(path), Flock.hold(path, patience=0)) == (True, True, None)
    first.release()
    first.release()
    assert held(path) is False
    second = Flock.hold(path, patience=0)
    assert second is not None
    first.release()
    assert held(path) is True
    del second
    assert held(path) is False


def test_a_file_that_is_gone_is_nobodys(tmp_path: Path) -> None:
    """None: it cannot be known who had it, and there is nothing to hold."""
    assert (held(tmp_path / "none"), Flock.hold(tmp_path / "none", patience=9)) == (None, None)


def test_whoever_only_looks_is_waited_for(path: Path) -> None:
    """A look takes no time, so an owner gives it some before it believes in another owner."""
    looking = (
        "import fcntl, sys, time; file = open(sys.argv[1]); fcntl.flock(file, fcntl.LOCK_SH); "
        "print('looking', flush=True); sys.stdin.readline(); time.sleep(0.05)"
    )
    with subprocess.Popen(
        [sys.executable, "-S", "-c", looking, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "looking\n"
        assert held(path) is False  # two that look do not take each other for the owner
        begun = time.monotonic()
        assert Flock.hold(path, patience=0.02) is None
        assert time.monotonic() - begun >= 0.02
        other.stdin.write("\n")
        other.stdin.flush()
        owner = Flock.hold(path, patience=20)
        assert owner is not None
        owner.release()


@contextlib.contextmanager
def _child(does: Callable[[], None]) -> Iterator[None]:
    """Fork a child that has done something and lives on until the end."""
    to_child, from_parent = os.pipe()
    to_parent, from_child = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - it never comes back to the test
        does()
        os.write(from_child, b"x")
        os.read(to_child, 1)
        os._exit(0)
    try:
        os.read(to_parent, 1)
        yield
    finally:
        os.write(from_parent, b"x")
        os.waitpid(child, 0)
        for end in (to_child, from_parent, to_parent, from_child):
            os.close(end)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no children made by fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_has_a_share_that_is_its_parents_to_end(path: Path) -> None:
    """What a child lets go the parent holds on to; what the parent lets go is free, though the child lives."""
    owner = Flock.hold(path)
    assert owner is not None
    with _child(owner.release):
        assert held(path) is True
    with _child(lambda: None):
        owner.release()
        assert held(path) is False


def test_the_tag_of_a_machine_tells_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It follows from the machine's name and id, and is neither."""
    monkeypatch.setattr(Path, "read_text", lambda path, encoding: "0123456789abcdef0123456789abcdef\n")
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "box", "6", "1", "x")))
    tags = [host_tag.__wrapped__()]
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "other", "6", "1", "x")))
    tags.append(host_tag.__wrapped__())
    monkeypatch.setattr(Path, "read_text", lambda path, encoding: "")
    tags.append(host_tag.__wrapped__())
    assert len({*tags}) == 3
    assert all(len(tag) == 8 and int(tag, 16) >= 0 for tag in tags)
