"""How a finished file gets its name: only if the name is free, also where a disk has no hard links."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from mlcycle.errors import UnsupportedStorage
from mlcycle.storage import _publish
from mlcycle.storage._publish import _rename_exclusively, _without_links, publish

posix = pytest.mark.skipif(os.name == "nt", reason="a POSIX matter")


def _written(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)


@posix
def test_exclusive_rename(tmp_path: Path) -> None:
    """Where there are no hard links the kernel's exclusive rename decides, and keeps the loser's hands off."""
    first, second, target = (tmp_path / name for name in ("first", "second", "target"))
    first.write_bytes(b"1")
    second.write_bytes(b"2")
    answer = _rename_exclusively(str(first), str(target))
    if answer is None:
        pytest.skip("this system has no exclusive rename")
    assert (answer, _rename_exclusively(str(second), str(target))) == (True, False)
    assert (target.read_bytes(), first.exists(), second.exists()) == (b"1", False, True)
    assert _without_links(str(second), str(tmp_path / "third"), shared=True)
    with pytest.raises(FileNotFoundError):
        _rename_exclusively(str(tmp_path / "none"), str(tmp_path / "fourth"))


@posix
def test_link_whose_answer_was_lost(tmp_path: Path) -> None:
    """A link that says *exists* because it was made by its own first try counts as won."""
    scratch, target = tmp_path / "scratch", tmp_path / "target"
    scratch.write_bytes(b"1")
    target.hardlink_to(scratch)
    assert publish(str(scratch), str(target), shared=True)
    other = tmp_path / "other"
    other.write_bytes(b"2")
    assert not publish(str(other), str(target), shared=True)


@posix
def test_a_name_is_given_once(tmp_path: Path) -> None:
    """The second finds it taken, and its own file where it was."""
    target = tmp_path / "target"
    one, other = _written(tmp_path / "one", b"1"), _written(tmp_path / "other", b"2")
    assert (publish(one, str(target), shared=True), publish(other, str(target), shared=True)) == (True, False)
    assert (target.read_bytes(), Path(other).read_bytes()) == (b"1", b"2")
    with pytest.raises(FileNotFoundError):
        publish(str(tmp_path / "none"), str(tmp_path / "fourth"), shared=True)


@pytest.fixture
def linkless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this disk have neither hard links nor an exclusive rename."""

    def link(scratch: str, target: str) -> None:
        raise OSError(errno.EPERM, "no links here", target)

    monkeypatch.setattr(os, "link", link)
    monkeypatch.setattr(_publish, "_rename_exclusively", lambda scratch, target: None)


@posix
@pytest.mark.usefixtures("linkless")
def test_a_disk_that_cannot_decide_takes_one_writer_only(tmp_path: Path) -> None:
    """Shared, it is refused with the remedy, and nothing was written; alone, this process looks and then writes."""
    scratch, target = _written(tmp_path / "scratch", b"1"), tmp_path / "target"
    words = f"the disk under {tmp_path} has neither hard links nor an exclusive rename, .*single_writer=True"
    with pytest.raises(UnsupportedStorage, match=words):
        publish(scratch, str(target), shared=True)
    assert (Path(scratch).exists(), target.exists()) == (True, False)
    assert publish(scratch, str(target), shared=False)
    assert not publish(_written(tmp_path / "scratch", b"2"), str(target), shared=False)
    assert target.read_bytes() == b"1"
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "nowhere")
    assert not publish(str(tmp_path / "scratch"), str(dangling), shared=False)


@posix
@pytest.mark.usefixtures("linkless")
def test_threads_of_one_writer_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes between looking and writing, one of them wins."""
    lexists, begun = os.path.lexists, threading.Barrier(8)

    def slowly(path: str) -> bool:
        found = lexists(path)
        threading.Event().wait(0.005)
        return found

    monkeypatch.setattr(os.path, "lexists", slowly)
    won: list[int] = []

    def write(number: int) -> None:
        scratch = _written(tmp_path / f"scratch-{number}", b"%d" % number)
        begun.wait(20)
        if publish(scratch, str(tmp_path / "target"), shared=False):
            won.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [b"%d" % number for number in won] == [(tmp_path / "target").read_bytes()]


@posix
def test_other_failures_of_a_link_are_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full has links all the same: another way is not tried."""

    def full(scratch: str, target: str) -> None:
        raise OSError(errno.ENOSPC, "full", target)

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(OSError, match="full"):
        publish(_written(tmp_path / "scratch", b"1"), str(tmp_path / "target"), shared=False)
    assert not (tmp_path / "target").exists()
