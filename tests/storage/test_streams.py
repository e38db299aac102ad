"""Lines of many writers: none lost, none torn, whatever the disk does."""

from __future__ import annotations

import json
import math
import pickle
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcycle.errors import InvalidInput, MlcycleWarning, StorageUnavailable
from mlcycle.storage import Listed, SegmentWriter, _streams, open_files, owner_alive, read_lines
from mlcycle.storage._segments import new_writer, segment_key
from mlcycle.testing import Fault, FaultyFiles, fail_on, fail_randomly

if TYPE_CHECKING:
    from pathlib import Path

    from mlcycle.storage import Files

PREFIX, STEM = "runs/2026-11/a/", "points-"


def line(number: int) -> bytes:
    """Return one line of a stream."""
    return json.dumps({"number": number, "text": "x" * (number % 40)}).encode() + b"\n"


def numbers(files: Files) -> list[int]:
    """Return the numbers of the lines that are whole; what is not whole must not look as if it were."""
    found = []
    for _, text in read_lines(files, PREFIX, STEM):
        try:
            found.append(json.loads(text)["number"])
        except ValueError:
            continue
    return found


class Cutting(FaultyFiles):
    """Local files whose writes take only as many bytes as a script says, then everything."""

    def __init__(self, files: Files, cuts: list[int]) -> None:
        super().__init__(files)
        self.cuts = iter(cuts)

    def append(self, key: str) -> Any:
        """Open for appending, with writes that are cut."""
        opened, cuts = self.files.append(key), self.cuts

        class Appender:
            offset = 0
            sync, close = opened.sync, opened.close

            def write(self, data: bytes) -> int:
                cut = next(cuts, None)
                return opened.write(data if cut is None else data[: cut % (len(data) + 1)])

        return Appender()


def test_written_lines_are_read_back(files: Files, tmp_path: Path) -> None:
    """What two writers wrote is there after they closed, each in its own order, on every storage."""
    first, second = (SegmentWriter(files, PREFIX, STEM, spool=tmp_path) for _ in range(2))
    for number in range(6):
        (first, second)[number % 2].write(line(number))
    first.close()
    second.close(sync=True)
    expected = [(first.writer, line(n)[:-1]) for n in (0, 2, 4)] + [(second.writer, line(n)[:-1]) for n in (1, 3, 5)]
    assert sorted(expected) == sorted(read_lines(files, PREFIX, STEM))
    assert first.failures + second.failures == 0


def test_line_is_in_the_file_when_write_returns(tmp_path: Path) -> None:
    """A local line needs no flush and no close."""
    files = open_files(tmp_path)
    writer = SegmentWriter(files, PREFIX, STEM)
    writer.write(line(1))
    assert numbers(files) == [1]
    writer.close()


def test_missing_newline_is_added(tmp_path: Path) -> None:
    """A line without its end does not swallow the next one, and no lines are no write."""
    writer = SegmentWriter(open_files(tmp_path), PREFIX)
    writer.write(b"one")
    writer.write(b"")
    writer.write(b"two\nthree\n")
    writer.close()
    assert [text for _, text in read_lines(open_files(tmp_path), PREFIX)] == [b"one", b"two", b"three"]


def test_absent_stream_is_empty(files: Files) -> None:
    """Nothing was written, so nothing is read."""
    assert list(read_lines(files, PREFIX, STEM)) == []
    assert owner_alive(files, PREFIX, STEM) is None


def test_long_stream_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of a large segment join, and a segment that grows is read as it was listed."""
    monkeypatch.setattr("mlcycle.storage._segments._PIECE", 7)
    files = FaultyFiles(open_files(tmp_path))
    writer = SegmentWriter(files, PREFIX, STEM)
    for number in range(30):
        writer.write(line(number))
    before = list(files.list(PREFIX))
    writer.write(line(30))
    assert list(range(31)) == numbers(files)
    assert len(list(read_lines(files, PREFIX, STEM, listed=before))) == 30
    writer.close()


@given(count=st.integers(1, 4), cuts=st.lists(st.integers(0, 70), max_size=7))
def test_short_writes_lose_nothing(tmp_path_factory: pytest.TempPathFactory, count: int, cuts: list[int]) -> None:
    """Wherever a write stops short, every line is there once and in order, and no fragment passes for one."""
    files = open_files(tmp_path_factory.mktemp("short"))
    writer = SegmentWriter(Cutting(files, cuts), PREFIX, STEM)
    for number in range(0, 2 * count, 2):
        writer.write(line(number) + line(number + 1))
    writer.close()
    assert list(range(2 * count)) == numbers(files)
    assert writer.failures == 0


def test_short_writes_of_faulty_files(tmp_path: Path) -> None:
    """A third of all writes are short, and nothing is lost."""
    files = open_files(tmp_path)
    writer = SegmentWriter(FaultyFiles(files, fail_randomly(1, 0.3, [Fault.SHORT])), PREFIX, STEM)
    for number in range(200):
        writer.write(line(number))
    writer.close()
    assert list(range(200)) == numbers(files)


@pytest.mark.parametrize("fault", [Fault.SHORT, Fault.BEFORE])
def test_full_disk_shows_nothing_torn(tmp_path: Path, fault: Fault) -> None:
    """While nothing fits, writes are counted and one warning is given; afterwards lines are whole again."""
    faulty = FaultyFiles(open_files(tmp_path))
    writer = SegmentWriter(faulty, PREFIX, STEM)
    writer.write(line(0))
    faulty.plan = fail_on("write", fault)
    with pytest.warns(MlcycleWarning, match="is lost"):
        writer.write(line(1))
    writer.write(line(2))
    writer.write(line(3))
    faulty.plan = None
    writer.write(line(4))
    writer.close()
    assert writer.failures == 3
    assert numbers(faulty) == [0, 4]


def test_real_disk_limit(tmp_path: Path) -> None:
    """A limit of the operating system on the size of files tears a line; the rest of the stream is whole."""
    pytest.importorskip("resource")
    script = f"""
import resource, signal, warnings
from mlcycle.storage import SegmentWriter, open_files
writer = SegmentWriter(open_files({str(tmp_path)!r}), {PREFIX!r}, {STEM!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
warnings.simplefilter("ignore")
for number in range(9):
    writer.write(b'{{"number": %d, "text": "0123456789"}}\\n' % number)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
writer.write(b'{{"number": 9}}\\n')
print(writer.failures)
"""
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout == "7\n"
    assert numbers(open_files(tmp_path)) == [0, 1, 9]


def test_failure_to_open_is_survived(tmp_path: Path) -> None:
    """A store that cannot be written costs a warning; when it works again, so does the writer."""
    faulty = FaultyFiles(open_files(tmp_path), fail_on("append", Fault.BEFORE, times=2))
    writer = SegmentWriter(faulty, PREFIX, STEM)
    with pytest.warns(MlcycleWarning):
        writer.write(line(0))
    writer.write(line(1))
    writer.write(line(2))
    writer.close()
    assert (writer.failures, numbers(faulty)) == (2, [2])


def test_nothing_is_opened_before_there_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line opens the segment, or the first beat; a child that says nothing opens none."""
    files = FaultyFiles(open_files(tmp_path), local_paths=True)
    writer = SegmentWriter(files, PREFIX, STEM, heartbeat=b"beat\n")
    assert files.calls == []
    assert writer._due() < time.monotonic() + 61
    monkeypatch.setattr(writer, "_last", time.monotonic() - 61)
    writer._tick(time.monotonic())
    assert [op for op, _ in files.calls] == ["append", "write"]
    assert owner_alive(files, PREFIX, STEM)
    writer._after_fork()
    assert writer._due() == math.inf
    writer.close()
    silent = SegmentWriter(files, PREFIX, "silent-", heartbeat=b"beat\n")
    silent.close()
    assert [item.key for item in files.list(f"{PREFIX}silent-")] == []


def test_strict_raises(tmp_path: Path) -> None:
    """With strict=True a line that is not stored is an exception, and what is open is closed all the same."""
    faulty = FaultyFiles(open_files(tmp_path))
    writer = SegmentWriter(faulty, PREFIX, STEM, strict=True)
    faulty.plan = fail_on("write", Fault.BEFORE)
    with pytest.raises(StorageUnavailable, match="planned"):
        writer.write(line(1))
    faulty.plan = fail_on("sync", Fault.BEFORE)
    with pytest.raises(StorageUnavailable):
        writer.close(sync=True)
    assert owner_alive(faulty, PREFIX, STEM) is not True
    with pytest.raises(StorageUnavailable, match="closed"):
        writer.write(line(2))


def test_closed_writer_takes_no_lines(tmp_path: Path) -> None:
    """Writing after close is a failure that is told, and closing twice is none."""
    writer = SegmentWriter(open_files(tmp_path), PREFIX, STEM)
    writer.close()
    writer.close()
    with pytest.warns(MlcycleWarning, match="closed"):
        writer.write(line(1))
    assert "closed, 1 failures" in repr(writer)


def test_prefix_is_a_folder(tmp_path: Path) -> None:
    """A prefix that is no folder is the caller's mistake."""
    with pytest.raises(InvalidInput, match="ends in '/'"):
        SegmentWriter(open_files(tmp_path), "runs/a", STEM)


def test_threads_write_whole_lines(tmp_path: Path) -> None:
    """Lines of many threads over one writer, with short writes, never mix."""
    files = open_files(tmp_path)
    writer = SegmentWriter(FaultyFiles(files, fail_randomly(2, 0.1, [Fault.SHORT])), PREFIX, STEM)
    share = [threading.Thread(target=lambda k=k: [writer.write(line(n)) for n in range(k, 800, 8)]) for k in range(8)]
    for thread in share:
        thread.start()
    for thread in share:
        thread.join()
    writer.close()
    assert list(range(800)) == sorted(numbers(files))


@pytest.mark.parametrize("place", ["local", "memory"])
def test_owner_is_alive_until_it_closes(place: str, tmp_path: Path, memory_url: tuple[str, dict[str, Any]]) -> None:
    """An open writer is alive for everybody on this machine, a closed one is not."""
    files = open_files(tmp_path if place == "local" else memory_url[0])
    writer = SegmentWriter(files, PREFIX, STEM)
    writer.write(line(1))
    assert owner_alive(files, PREFIX, STEM) is True
    assert owner_alive(files, PREFIX, STEM, listed=list(files.list(""))) is True
    assert owner_alive(files, PREFIX, "other-") is None
    writer.close()
    assert owner_alive(files, PREFIX, STEM) is False


def test_dropped_writer_is_not_alive(tmp_path: Path) -> None:
    """A writer that was forgotten without being closed lets go of its lock."""
    files = open_files(tmp_path)
    writer = SegmentWriter(files, PREFIX, STEM)
    writer.write(line(1))
    del writer
    assert owner_alive(files, PREFIX, STEM) is False


def test_owner_on_another_machine_is_unknown(tmp_path: Path) -> None:
    """An unlocked segment of another machine says nothing, nor does an empty one that may be about to be locked."""
    files, here = open_files(tmp_path), new_writer()
    elsewhere = here[:32] + f"{int(here[32:], 16) ^ 1:08x}"
    listed = [Listed(segment_key(PREFIX, STEM, elsewhere, 0), 5, time.time())]
    files.create(listed[0].key, b"{}\n")
    assert owner_alive(files, PREFIX, STEM) is None
    assert owner_alive(files, PREFIX, STEM, listed=listed) is None
    files.create(segment_key("runs/new/", STEM, here, 0), b"")
    assert owner_alive(files, "runs/new/", STEM) is None


@pytest.mark.parametrize("beat", [b"beat\n", lambda: b"beat\n"])
def test_heartbeat_fills_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beat: Any) -> None:
    """When nothing is written for a while, a heartbeat is; never after the end."""
    monkeypatch.setattr(_streams, "_BEAT", 0.03)
    files = open_files(tmp_path)
    writer = SegmentWriter(files, PREFIX, STEM, heartbeat=beat)
    deadline = time.monotonic() + 5
    while not (found := [text for _, text in read_lines(files, PREFIX, STEM)]) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert found[0] == b"beat"
    writer.close()
    after = list(read_lines(files, PREFIX, STEM))
    time.sleep(0.1)
    assert after == list(read_lines(files, PREFIX, STEM))


def test_failing_heartbeat_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trouble in the background ends neither the thread nor the training, even where warnings are errors."""
    monkeypatch.setattr(_streams, "_BEAT", 0.01)
    faulty = FaultyFiles(open_files(tmp_path), fail_on("write", Fault.BEFORE))
    writer = SegmentWriter(faulty, PREFIX, STEM, heartbeat=b"beat\n")
    deadline = time.monotonic() + 5
    while writer.failures < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    faulty.plan = None
    monkeypatch.setattr(_streams, "_BEAT", 60.0)
    writer.close()
    assert writer.failures >= 2


def test_pickled_writer_is_another_writer(tmp_path: Path) -> None:
    """A copy sent to a worker writes the same stream under a name of its own."""
    files = open_files(tmp_path)
    writer = SegmentWriter(files, PREFIX, STEM, heartbeat=b"beat\n")
    copy = pickle.loads(pickle.dumps(writer))
    writer.write(line(1))
    copy.write(line(2))
    writer.close()
    copy.close()
    assert writer.writer != copy.writer
    assert sorted(numbers(files)) == [1, 2]
