"""Lines on their way to a store that cannot append: nothing is lost, nothing is doubled, nothing secret is written."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlcycle.errors import MlcycleWarning, StorageUnavailable
from mlcycle.storage import SegmentWriter, _flock, open_files, owner_alive, read_lines, recover_spools
from mlcycle.storage._segments import new_writer, segment_key
from mlcycle.storage._spool import Spool, spool_folder
from mlcycle.testing import Fault, FaultyFiles, fail_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlcycle.storage import Files

PREFIX, STEM = "runs/2026-11/a/", "points-"


class Remote(FaultyFiles):
    """Files in memory that behave as a bucket does: no appending, no paths; and that can fail."""

    def __init__(self, files: Files, options: dict[str, Any] | None = None) -> None:
        super().__init__(files, local_paths=False)
        self.can_append = False
        self.storage_options = options or {}


@pytest.fixture
def remote(memory_url: tuple[str, dict[str, Any]]) -> Remote:
    """Give an empty bucket in memory."""
    return Remote(open_files(memory_url[0]))


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Give the folder for spools."""
    return tmp_path / "spool"


@pytest.fixture
def slow(remote: Remote, spool: Path) -> Callable[[], SegmentWriter]:
    """Make writers that upload only when told to."""
    return lambda: SegmentWriter(remote, PREFIX, STEM, spool=spool, intervals=(1000.0, 1000.0))


def texts(files: Files) -> list[bytes]:
    """Return the lines in the store."""
    return [text for _, text in read_lines(files, PREFIX, STEM)]


def left_behind(remote: Remote, spool: Path, data: bytes, **card: Any) -> Path:
    """Leave the spool of a process that died, and return where."""
    one = Spool(remote, PREFIX, STEM, new_writer(), spool)
    one.write(data)
    one.abandon()
    path: Path = one._path
    if card:
        path.with_suffix(".json").write_text(json.dumps({**one._card, **card}))
    return path


def test_flush_uploads_what_is_new(remote: Remote, spool: Path, slow: Callable[[], SegmentWriter]) -> None:
    """Each upload is a segment named by where it begins and ends, and nothing new is no upload."""
    writer = slow()
    writer.write(b"one\n")
    assert texts(remote) == []
    writer.flush()
    writer.flush()
    writer.write(b"two\n")
    writer.write(b"three\n")
    writer.close()
    expected = [segment_key(PREFIX, STEM, writer.writer, *ends) for ends in ((0, 4), (4, 14))]
    assert expected == [one.key for one in remote.list(PREFIX)] == list(writer.stored)
    assert [remote.read(key) for key in expected] == [b"one\n", b"two\nthree\n"]
    assert texts(remote) == [b"one", b"two", b"three"]
    assert list(spool.iterdir()) == []


def test_uploads_in_the_background(remote: Remote, spool: Path) -> None:
    """Lines appear in the store by themselves, at intervals that grow."""
    writer = SegmentWriter(remote, PREFIX, STEM, spool=spool, intervals=(0.02, 0.03))
    deadline = time.monotonic() + 5
    number = 0
    while len(list(remote.list(PREFIX))) < 4 and time.monotonic() < deadline:
        writer.write(b"%d\n" % number)
        number += 1
        time.sleep(0.005)
    assert len(list(remote.list(PREFIX))) >= 4
    assert writer._pause == 0.03
    writer.close()
    assert [b"%d" % one for one in range(number)] == texts(remote)


def test_large_spool_goes_in_pieces(
    remote: Remote, spool: Path, slow: Callable[[], SegmentWriter], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Segments stay small and end with a line, but for one line that is larger than a segment."""
    monkeypatch.setattr("mlcycle.storage._spool._LARGEST", 10)
    writer = slow()
    lines = [b"123", b"4567", b"89", b"a line of more than ten bytes", b"end"]
    writer.write(b"\n".join(lines) + b"\n")
    writer.close()
    assert lines == texts(remote)
    assert max(one.size for one in remote.list(PREFIX)) == 10


def test_owner_is_alive_while_it_holds_its_spool(
    remote: Remote, spool: Path, slow: Callable[[], SegmentWriter]
) -> None:
    """A machine knows its own writers, before and after they closed; of others it knows nothing."""
    writer = slow()
    assert owner_alive(remote, PREFIX, STEM, spool=spool) is True
    writer.write(b"one\n")
    assert owner_alive(remote, "runs/other/", STEM, spool=spool) is None
    writer.close()
    assert owner_alive(remote, PREFIX, STEM, spool=spool) is False
    remote.create(segment_key(PREFIX, STEM, "0" * 40, 0), b"from elsewhere\n")
    assert owner_alive(remote, PREFIX, STEM, spool=spool) is None


def test_dead_spool_is_recovered(remote: Remote, spool: Path) -> None:
    """What a dead process left is uploaded without its torn tail, once, and then removed."""
    path = left_behind(remote, spool, b"one\ntwo\nthr")
    assert owner_alive(remote, PREFIX, STEM, spool=spool) is False
    assert [segment_key(PREFIX, STEM, path.stem, 0, 8)] == recover_spools(remote, spool=spool)
    assert recover_spools(remote, spool=spool) == []
    assert texts(remote) == [b"one", b"two"]
    assert list(spool.iterdir()) == []


def test_living_spool_is_left_alone(remote: Remote, spool: Path, slow: Callable[[], SegmentWriter]) -> None:
    """Nobody takes up the spool of a writer that is at work."""
    writer = slow()
    writer.write(b"one\n")
    assert recover_spools(remote, spool=spool) == []
    assert len(list(spool.iterdir())) == 2
    writer.close()


def test_recovery_is_limited(remote: Remote, spool: Path) -> None:
    """Only this store's spools are taken up, and only those asked for."""
    left_behind(remote, spool, b"mine\n")
    left_behind(remote, spool, b"other prefix\n", prefix="runs/2026-11/b/")
    left_behind(remote, spool, b"other store\n", url="memory://elsewhere")
    left_behind(remote, spool, b"newer\n", v=2)
    left_behind(remote, spool, b"other endpoint\n", options={"endpoint_url": "http://elsewhere"})
    (spool / "garbage.json").write_text("[")
    (spool / "list.json").write_text("[]")
    assert len(recover_spools(remote, only=PREFIX, spool=spool)) == 1
    assert texts(remote) == [b"mine"]
    assert len(recover_spools(remote, spool=spool)) == 1
    assert len(list(spool.iterdir())) == 3 * 2 + 2
    assert recover_spools(open_files(spool), spool=spool) == []


def test_upload_that_was_not_noted_is_not_doubled(remote: Remote, spool: Path) -> None:
    """A process that died between an upload and its note: the next one sends more, and lines count once."""
    path = left_behind(remote, spool, b"one\ntwo\nthree\n")
    remote.create(segment_key(PREFIX, STEM, path.stem, 0, 8), b"one\ntwo\n")
    assert recover_spools(remote, spool=spool) == [segment_key(PREFIX, STEM, path.stem, 0, 14)]
    assert texts(remote) == [b"one", b"two", b"three"]


def test_a_segment_never_changes(remote: Remote, spool: Path) -> None:
    """Whatever was sent, and sent again, a name has the bytes it had at first, as many as it says."""
    path = left_behind(remote, spool, b"one\ntwo\n")
    name = segment_key(PREFIX, STEM, path.stem, 0, 4)
    remote.create(name, b"one\n")
    recover_spools(remote, spool=spool)
    assert {one.key: remote.read(one.key) for one in remote.list(PREFIX)} == {
        name: b"one\n",
        segment_key(PREFIX, STEM, path.stem, 0, 8): b"one\ntwo\n",
    }


def test_foreign_bytes_are_not_overwritten(remote: Remote, spool: Path) -> None:
    """Bytes that are not this writer's under its name: nothing is overwritten, nothing removed, and it is told."""
    path = left_behind(remote, spool, b"one\n")
    remote.create(segment_key(PREFIX, STEM, path.stem, 0, 4), b"ONE\n")
    with pytest.warns(MlcycleWarning, match="holds 4 other bytes already"):
        recover_spools(remote, spool=spool)
    assert path.read_bytes() == b"one\n"


@pytest.mark.parametrize("fault", [Fault.UNKNOWN, Fault.UNDONE])
def test_lost_answer_is_looked_up(remote: Remote, slow: Callable[[], SegmentWriter], spool: Path, fault: Fault) -> None:
    """A create whose answer was lost is read back, and tried again if it was not done."""
    writer = slow()
    writer.write(b"one\n")
    remote.plan = fail_on("create", fault, times=1)
    writer.close()
    assert texts(remote) == [b"one"]
    assert (writer.failures, list(spool.iterdir())) == (0, [])


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.UNDONE, Fault.AFTER])
def test_storage_that_is_away_at_the_end(
    remote: Remote, slow: Callable[[], SegmentWriter], spool: Path, fault: Fault
) -> None:
    """If the last upload fails, the lines stay on this machine and the next process uploads them."""
    writer = slow()
    writer.write(b"one\n")
    remote.plan = fail_on("create", fault)
    with pytest.warns(MlcycleWarning, match="kept on this machine"):
        writer.close()
    with pytest.warns(MlcycleWarning, match="kept for the next try"):
        assert recover_spools(remote, spool=spool) == []
    remote.plan = None
    assert len(recover_spools(remote, spool=spool)) == 1
    assert texts(remote) == [b"one"]


def test_strict_writer_raises_at_the_end(remote: Remote, spool: Path) -> None:
    """With strict=True a last upload that fails is an exception; the lines stay on this machine all the same."""
    writer = SegmentWriter(remote, PREFIX, STEM, spool=spool, strict=True)
    writer.write(b"one\n")
    remote.plan = fail_on("create", Fault.BEFORE)
    with pytest.raises(StorageUnavailable):
        writer.close(sync=True)
    remote.plan = None
    recover_spools(remote, spool=spool)
    assert texts(remote) == [b"one"]


def test_every_call_may_fail_once(remote: Remote, spool: Path, slow: Callable[[], SegmentWriter]) -> None:
    """Whatever single call fails, all lines are in the store after the next recovery, once."""
    for number, fault in itertools.product(range(6), (Fault.BEFORE, Fault.AFTER, Fault.UNKNOWN, Fault.UNDONE)):
        first = len(remote.calls) + number
        remote.plan = lambda at, op, key, first=first, fault=fault: fault if at == first else None
        writer = slow()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MlcycleWarning)
            writer.write(b"one\n")
            writer.flush()
            writer.write(b"two\n")
            writer.close()
            recover_spools(remote, spool=spool)
        remote.plan = None
        recover_spools(remote, spool=spool)
        assert [text for name, text in read_lines(remote, PREFIX, STEM) if name == writer.writer] == [b"one", b"two"]
    assert list(spool.iterdir()) == []


def test_two_recoverers_at_once(remote: Remote, spool: Path) -> None:
    """Two processes that find the same spools upload each line once, and neither complains."""
    for number in range(20):
        left_behind(remote, spool, b"%d\n" % number)
    threads = [threading.Thread(target=recover_spools, args=(remote,), kwargs={"spool": spool}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(b"%d" % number for number in range(20)) == sorted(texts(remote))
    assert list(spool.iterdir()) == []


def test_closing_takes_up_what_children_left(remote: Remote, spool: Path, slow: Callable[[], SegmentWriter]) -> None:
    """The end of a writer completes its stream, not others."""
    writer = slow()
    writer.write(b"mine\n")
    left_behind(remote, spool, b"a child's\n")
    left_behind(remote, spool, b"of another run\n", prefix="runs/2026-11/b/")
    writer.close()
    assert sorted(texts(remote)) == [b"a child's", b"mine"]
    assert len(list(spool.iterdir())) == 2


def test_two_accounts_keep_their_spools_apart(memory_url: tuple[str, dict[str, Any]], spool: Path) -> None:
    """Where only a connection string tells them; its key is not written down."""
    team, mallory = (
        Remote(open_files(memory_url[0]), {"connection_string": f"AccountName={name};AccountKey=do-not-write-me"})
        for name in ("team", "mallory")
    )
    path = left_behind(team, spool, b"one\n")
    assert "do-not-write-me" not in path.with_suffix(".json").read_text()
    assert recover_spools(mallory, spool=spool) == []
    assert len(recover_spools(team, spool=spool)) == 1


def test_nothing_secret_is_on_disk(memory_url: tuple[str, dict[str, Any]], spool: Path) -> None:
    """Credentials in options and in URLs never reach the card."""
    secret = "do-not-write-me"
    options = {
        "key": secret,
        "secret": secret,
        "token": secret,
        "client_kwargs": {"endpoint_url": f"https://user:{secret}@minio.example:9000/?sig={secret}", "pass": secret},
    }
    remote = Remote(open_files(memory_url[0]), options)
    remote.url = f"s3://user:{secret}@bucket/store"
    path = left_behind(remote, spool, b"one\n")
    card = json.loads(path.with_suffix(".json").read_text())
    assert (card["url"], card["options"]) == ("s3://bucket/store", {"endpoint_url": "https://minio.example:9000/"})
    assert not any(secret in one.read_text() for one in spool.iterdir())
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(recover_spools(remote, spool=spool)) == 1


def test_bytes_that_were_removed_need_no_card(remote: Remote, spool: Path) -> None:
    """An owner that died between removing its bytes and its card had sent everything."""
    left_behind(remote, spool, b"one\n").unlink()
    assert recover_spools(remote, spool=spool) == []
    assert list(spool.iterdir()) == []


def test_without_locks_only_old_spools_are_taken_up(
    remote: Remote, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the platform has no locks, an owner is unknown, and its spool is taken up after an hour of silence."""
    monkeypatch.setattr(_flock, "supported", False)
    monkeypatch.setattr(_flock, "_lock", lambda descriptor, shared: None)
    path = left_behind(remote, spool, b"one\n")
    assert owner_alive(remote, PREFIX, STEM, spool=spool) is None
    assert recover_spools(remote, spool=spool) == []
    os.utime(path, (time.time() - 7200,) * 2)
    assert len(recover_spools(remote, spool=spool)) == 1
    assert owner_alive(remote, PREFIX, STEM, spool=spool) is None


def test_folder_of_spools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is the one asked for, else the user's for state, else a private one among temporary files."""
    monkeypatch.setenv("MLCYCLE_SPOOL", str(tmp_path / "chosen"))
    assert tmp_path / "chosen" == spool_folder()
    monkeypatch.delenv("MLCYCLE_SPOOL")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert tmp_path / "state" / "mlcycle" / "spool" == spool_folder()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert tmp_path / f"mlcycle-spool-{os.getuid()}" == spool_folder()
    spool_folder().rmdir()
    (tmp_path / f"mlcycle-spool-{os.getuid()}").symlink_to(tmp_path / "state")
    with pytest.raises(StorageUnavailable, match="belongs to somebody else"):
        spool_folder()


def test_spool_that_cannot_be_made(remote: Remote, tmp_path: Path) -> None:
    """Without a place for the spool the lines are lost, and that is said once."""
    (tmp_path / "file").write_text("")
    with pytest.warns(MlcycleWarning, match="is lost"):
        writer = SegmentWriter(remote, PREFIX, STEM, spool=tmp_path / "file")
    writer.write(b"one\n")
    writer.close()
    assert (writer.failures, texts(remote)) == (2, [])


def test_interpreter_uploads_before_it_ends(s3_url: tuple[str, dict[str, Any]], spool: Path) -> None:
    """A script on S3 that just ends, without closing, has everything there."""
    url, options = s3_url
    script = """
import json, sys
from mlcycle.storage import SegmentWriter, open_files
url, options, prefix, stem = json.loads(sys.argv[1])
writer = SegmentWriter(open_files(url, storage_options=options), prefix, stem)
writer.write(b"one\\n")
"""
    start = time.monotonic()
    answer = subprocess.run(
        [sys.executable, "-c", script, json.dumps([url, options, PREFIX, STEM])],
        env={**os.environ, "MLCYCLE_SPOOL": str(spool)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (answer.stderr, time.monotonic() - start < 9) == ("", True)
    assert texts(open_files(url, storage_options=options)) == [b"one"]


def test_threads_that_outlive_the_main_one_are_looked_after(tmp_path: Path) -> None:
    """Heartbeats go on while a thread still works after the main one has ended, and no process waits at its end."""
    script = """
import sys, threading, time
from mlcycle.storage import SegmentWriter, _streams, open_files
_streams._BEAT = 0.05
writer = SegmentWriter(open_files(sys.argv[1]), "runs/1/", heartbeat=b"beat\\n")
def work():
    threading.main_thread().join()
    time.sleep(0.5)
    writer.write(b"done\\n")
threading.Thread(target=work).start()
"""
    start = time.monotonic()
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    found = [text for _, text in read_lines(open_files(tmp_path), "runs/1/")]
    assert found.count(b"beat") >= 3
    assert (found.count(b"done"), time.monotonic() - start < 9) == (1, True)
