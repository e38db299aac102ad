"""Hint, checkpoints and rollups: they save time, and nothing is ever lost or believed because of them."""

from __future__ import annotations

import gzip
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from mlcycle._digest import sha256_bytes
from mlcycle.errors import Corrupt
from mlcycle.storage import Files, open_files
from mlcycle.storage._checkpoints import Hint, Mark, list_marks, read_checkpoint, read_hint
from mlcycle.storage._entries import encode_entry, entry_key
from mlcycle.storage._entry_reader import EntryReader
from mlcycle.storage._rollups import ROLLUP, rollup_key
from mlcycle.storage._verify import verify
from mlcycle.testing import Fault, FaultyFiles, fail_on
from tests.storage.shelf import Shelf, ShelfLog, tick

if TYPE_CHECKING:
    from collections.abc import Callable

AT = "2026-11-23T12:00:00.000000Z"


@pytest.fixture
def memory(memory_url: tuple[str, dict[str, Any]]) -> Files:
    """Empty files in memory."""
    return open_files(memory_url[0])


def fill(files: Files, count: int) -> None:
    """Put a chain of entries there by hand."""
    prev = ""
    for n in range(count):
        data = encode_entry(
            n, prev, op=f"auto:{n}", verb="tick", author="ann", at=AT, changes=[{"kind": "tick", "by": str(n)}]
        )
        files.put(entry_key(n), data, durable=False)
        prev = sha256_bytes(data)


def open_counted(files: Files, fold: Shelf | None = None) -> tuple[ShelfLog, list[str]]:
    """Open a log, and return with it the keys that were read or listed for it."""
    counted = FaultyFiles(files)
    log = ShelfLog(counted, fold, author="ann")
    log.snapshot()
    return log, [key for _, key in counted.calls]


def looked(first: int) -> list[str]:
    """Return the entries behind the end that an opening looks at, so as not to take a gap for it."""
    return [entry_key(n) for n in range(first, first + 8)]


def with_checkpoint(files: Files, count: int = 70) -> Mark:
    """Fill a log, write its hint and checkpoint, and return where the checkpoint is."""
    fill(files, count)
    log = ShelfLog(files, author="ann")
    log.snapshot()
    log.flush()
    hint = read_hint(files)
    assert hint is not None
    return hint.marks[0]


def expected_state(count: int) -> dict[str, Any]:
    """Return the state after `fill`."""
    return {**Shelf().empty(), "ticks": [str(n) for n in range(count)]}


# when


def test_hint_at_most_once_a_second(memory: Files) -> None:
    """Many commits in a moment write one hint; the next second has its own."""
    files = FaultyFiles(memory)
    log = ShelfLog(files, author="ann")
    began = time.monotonic()
    for _ in range(20):
        log.commit(tick())
    quick = time.monotonic() - began < 1
    hints = files.calls.count(("put", "hint.json"))
    assert not quick or hints == 1
    assert Hint(0, (), 0, "shelf/1") == read_hint(memory)
    log._caches._due = 0
    log.commit(tick())
    assert hints + 1 == files.calls.count(("put", "hint.json"))
    assert Hint(20, (), 0, "shelf/1") == read_hint(memory)


def test_checkpoint_when_the_tail_has_64_entries(memory: Files) -> None:
    """The first checkpoint comes with the 64th entry, later ones 64 entries apart while the state is small."""
    log = ShelfLog(memory, author="ann")
    for _ in range(63):
        log.commit(tick())
    assert list_marks(memory) == []
    for _ in range(64):
        log.commit(tick())
    assert [mark.n for mark in list_marks(memory)] == [63]
    log.commit(tick())
    assert [mark.n for mark in list_marks(memory)] == [127, 63]


def test_checkpoint_waits_for_a_quarter_of_a_large_state(memory: Files) -> None:
    """A large state is written again only when the tail has grown to a quarter of it; an entry counts 2 KB at least."""
    log = ShelfLog(memory, author="ann")
    for _ in range(64):
        log.commit(tick("x" * 20_000))
    size = list_marks(memory)[0].size
    assert size > 64 * 20_000
    small = large = 0
    while len(list_marks(memory)) == 1:
        log.commit(tick())
        small += 1
    assert small == -(-size // 4 // 2048)
    while list_marks(memory)[0].n == 63 + small:
        log.commit(tick("x" * 4000))
        large += 1
    assert 64 <= large < small


def test_four_checkpoints_are_kept(memory: Files) -> None:
    """The newest four stay and stand in the hint, and those of a day, as somebody may still read parts of them."""
    old = f"checkpoints/{5:010d}.{'018f' + '0' * 28}.bin"
    memory.put(old, b"written in 2024")
    log = ShelfLog(memory, author="ann")
    for _ in range(64 * 3):
        log.commit(tick())
    assert old in [mark.key for mark in list_marks(memory)]
    memory.delete([list_marks(memory)[1].key])
    memory.put("checkpoints/of-somebody-else.bin", b"")
    for _ in range(64 * 3):
        log.commit(tick())
    log.flush()
    hint = read_hint(memory)
    assert hint is not None
    assert [mark.n for mark in hint.marks] == [383, 319, 255, 191]
    assert [mark.n for mark in list_marks(memory)] == [383, 319, 255, 191, 63]
    assert memory.read("checkpoints/of-somebody-else.bin") == b""


def test_writers_share_checkpoints(memory: Files) -> None:
    """Eight writers make one checkpoint, not eight: each looks at the hint first."""
    logs = [ShelfLog(memory, author=str(i)) for i in range(8)]
    for _ in range(20):
        for log in logs:
            log.commit(tick())
    assert [mark.n for mark in list_marks(memory)] == [127, 63]


# whether it is believed


def test_opening_from_a_checkpoint_is_opening_from_the_start(memory: Files) -> None:
    """State, digest and time are the same, down to the order of keys, and the entries before are not read."""
    mark = with_checkpoint(memory)
    fill(memory, 72)
    log, read = open_counted(memory)
    assert [mark.key, entry_key(69), entry_key(70), entry_key(71), entry_key(72), *looked(73)] == read[1:]
    assert json.dumps(expected_state(72)) == json.dumps(log.snapshot().state)
    assert (ShelfLog(memory, Shelf("shelf/other")).snapshot().base, log.snapshot().base) == (-1, 69)


@pytest.mark.parametrize(
    "hint",
    [
        None,
        b"",
        b'{"v":1,"n":6',
        b"[]",
        b'{"v":1,"n":-7,"marks":[],"needs_read":[],"fold":"shelf/1","rolled":0}',
        b'{"v":1,"n":1e400,"marks":[],"needs_read":[],"fold":"shelf/1","rolled":0}',
        b'{"v":1,"n":99999999999999999999,"marks":[],"needs_read":[],"fold":"shelf/1","rolled":0}',
        b'{"v":1,"n":3,"marks":[],"needs_read":[],"fold":"shelf/1","rolled":0}',
        b'{"v":1,"n":900,"marks":[],"needs_read":[],"fold":"shelf/1","rolled":1024}',
        b'{"v":1,"n":69,"marks":[{"n":69,"key":"../../secret","size":1}],"needs_read":[],"fold":"shelf/1","rolled":0}',
        b'{"v":1,"n":69,"marks":[{"n":69,"key":"checkpoints/0000000069.%032x.bin","size":1}],"needs_read":[],"fold":"shelf/1","rolled":0}'
        % 7,
        b'{"v":1,"n":69,"marks":[{"n":69,"key":"log/0000000003.json","size":1}],"needs_read":[],"fold":"shelf/1","rolled":5}',
    ],
)
def test_a_hint_may_be_anything(memory: Files, hint: bytes | None) -> None:
    """Absent, torn, stale or lying: the state is the same, and the next flush mends it."""
    with_checkpoint(memory)
    if hint is None:
        memory.delete(["hint.json"])
    else:
        memory.put("hint.json", hint)
    log, _ = open_counted(memory)
    assert expected_state(70) == log.snapshot().state
    log.flush()
    mended = read_hint(memory)
    assert mended is not None
    assert mended.n == 69


@pytest.mark.parametrize(
    "harm",
    [
        lambda data: data[:-30],
        lambda data: b"",
        lambda data: data.replace(b'"69"', b'"96"'),
        lambda data: data.replace(b'"digest":"sha256:', b'"digest":"sha256:0', 1),
        lambda data: data.replace(b'"n":69,', b'"n":68,'),
        lambda data: data.replace(b'"fold":"shelf/1"', b'"fold":"shelf/2"'),
        lambda data: data.replace(b'"kinds":[', b'"kinds":["teleport",'),
        lambda data: data.replace(b'"needs":[', b'"needs":["zstd"'),
        lambda data: data.replace(b'"skipped":[', b'"skipped":["tick"'),
        lambda data: data.replace(b'"needs_read":[', b'"needs_read":["zstd"'),
        lambda data: data.replace(b'"v":1', b'"v":2'),
        lambda data: data.replace(b'"ticks":[', b'"tacks":['),
        lambda data: data[: data.index(b"\n")],
    ],
    ids=[
        "torn",
        "empty",
        "state",
        "digest",
        "number",
        "fold",
        "kinds",
        "needs",
        "skipped",
        "needs_read",
        "version",
        "parts",
        "head alone",
    ],
)
def test_a_checkpoint_that_is_not_right_is_passed_over(memory: Files, harm: Callable[[bytes], bytes]) -> None:
    """Torn, changed, of another fold, or not standing on the log as it is: the older one, or the entries, are read."""
    mark = with_checkpoint(memory)
    data = memory.read(mark.key)
    assert data != harm(data)
    memory.put(mark.key, harm(data))
    assert None is read_checkpoint(memory, Shelf(), mark)
    log, read = open_counted(memory)
    assert entry_key(0) in read
    assert expected_state(70) == log.snapshot().state


@pytest.mark.parametrize("hint", [True, False])
@pytest.mark.parametrize("first", [1, 40, 68, 69])
def test_a_checkpoint_proves_the_entries_that_are_gone(memory: Files, first: int, hint: bool) -> None:
    """The newest entries are gone, a checkpoint that is whole says that there were some: nothing goes on from there."""
    mark = with_checkpoint(memory)
    memory.delete(entry_key(n) for n in range(first, 70))
    if not hint:
        memory.delete(["hint.json"])
    expected = rf"{entry_key(first)} is missing, though {mark.key} is there.*older log.*delete {mark.key}"
    for _ in range(2):
        with pytest.raises(Corrupt, match=expected):
            open_counted(memory)[0].snapshot()
        with pytest.raises(Corrupt, match=expected):
            open_counted(memory)[0].commit(tick())
    found = verify(ShelfLog(memory), memory, lambda now: {}, level="files").problems
    assert [(one.kind, one.key) for one in found] == [("missing", entry_key(first))]


def test_a_checkpoint_of_a_log_that_was_put_back_is_passed_over(memory: Files) -> None:
    """After the log was restored from an older copy, and the newer caches were removed, it goes on from there."""
    mark = with_checkpoint(memory)
    memory.delete(entry_key(n) for n in range(40, 70))
    memory.put(mark.key, memory.read(mark.key)[:-9])  # one that is torn proves nothing
    log, _ = open_counted(memory)
    assert expected_state(40) == log.snapshot().state
    assert log.commit(tick()).n == 40


def test_a_rollup_proves_the_entries_that_are_gone(memory: Files) -> None:
    """So do old entries by themselves in a rollup, where a reader that is told no checkpoint reads one by one."""
    fill(memory, 1030)
    log = ShelfLog(memory, author="ann")
    log.snapshot()
    log.flush()
    memory.delete([*(entry_key(n) for n in range(900, 1030)), *(mark.key for mark in list_marks(memory))])
    memory.put("hint.json", b'{"v":1,"n":3,"marks":[],"needs_read":[],"fold":"shelf/1","rolled":1024}')
    with pytest.raises(Corrupt, match=rf"{entry_key(900)} is missing, though {rollup_key(0)} is there"):
        open_counted(memory)[0].snapshot()


def test_a_checkpoint_of_another_history_is_passed_over(memory: Files) -> None:
    """An entry with other bytes under the same number: the checkpoint does not link to it."""
    with_checkpoint(memory)
    prev = ""
    for n in range(70):
        data = encode_entry(
            n, prev, op=f"auto:{n}", verb="tick", author="eve", at=AT, changes=[{"kind": "tick", "by": "other"}]
        )
        memory.put(entry_key(n), data)
        prev = sha256_bytes(data)
    assert open_counted(memory)[0].snapshot().state["ticks"] == ["other"] * 70


def test_the_older_checkpoint_serves_when_the_newer_is_gone(memory: Files) -> None:
    """That is why two are kept."""
    log = ShelfLog(memory, author="ann")
    for _ in range(128):
        log.commit(tick())
    newer, older = list_marks(memory)
    memory.delete([newer.key])
    _, read = open_counted(memory)
    assert older.key in read
    assert entry_key(63) in read
    assert entry_key(62) not in read


def test_without_a_hint_checkpoints_are_listed(memory: Files) -> None:
    """A lost hint costs one listing."""
    mark = with_checkpoint(memory)
    memory.delete(["hint.json"])
    _, read = open_counted(memory)
    assert ["hint.json", "checkpoints/", mark.key, entry_key(69), entry_key(70), *looked(71)] == read


def test_another_fold_version_writes_its_own(memory: Files) -> None:
    """A library that folds differently does not use the checkpoint, and makes one with its first commit."""
    with_checkpoint(memory)
    log, read = open_counted(memory, Shelf(version="shelf/2"))
    assert entry_key(0) in read
    log.commit(tick())
    _, read = open_counted(memory, Shelf(version="shelf/2"))
    assert entry_key(0) not in read


def test_a_library_that_knows_more_uses_the_checkpoint(memory: Files) -> None:
    """New kinds alone make no checkpoint useless."""
    with_checkpoint(memory)
    _, read = open_counted(memory, Shelf(extra_kinds=("teleport",), needs=("zstd",)))
    assert entry_key(0) not in read


def test_a_state_that_is_no_json_spoils_no_commit(memory: Files) -> None:
    """A checkpoint that cannot be written is passed over: the commit was made, and is acknowledged."""

    class Odd(Shelf):
        def apply(self, state: dict[str, Any], entry: dict[str, Any]) -> None:
            state["odd"] = {1, 2}

    log = ShelfLog(memory, Odd(), author="ann")
    assert [log.commit(tick()).n for _ in range(66)][-1] == 65
    assert list_marks(memory) == []


def test_checkpoint_is_a_head_and_parts(memory: Files) -> None:
    """A line of JSON says what could fold it, where it stands, and where its parts are; then the parts."""
    mark = with_checkpoint(memory)
    head, _, rest = memory.read(mark.key).partition(b"\n")
    parts = {
        "shelf": b'{"things": {}, "dropped": [], "gone": [], "skipped": []}',
        "ticks": json.dumps([str(n) for n in range(70)]).encode(),
        "ops": b"",
    }
    at, ends = 0, {}
    for name, part in parts.items():
        ends[name] = [at, at + len(part), sha256_bytes(part)]
        at += len(part)
    assert b"".join(parts.values()) == rest
    assert json.loads(head) == {
        "v": 1,
        "needs_read": [],
        "fold": "shelf/1",
        "kinds": ["drop", "put", "restore", "sweep", "tick"],
        "needs": [],
        "skipped": [],
        "n": 69,
        "digest": sha256_bytes(memory.read(entry_key(69))),
        "at": AT,
        "parts": ends,
    }


# rollups


@pytest.fixture
def rolled(memory: Files) -> Files:
    """Return a log of 2 100 entries with two rollups and no checkpoint."""
    fill(memory, 2100)
    log = ShelfLog(memory, author="ann")
    log.snapshot()
    log.flush()
    log.flush()
    for mark in list_marks(memory):
        memory.delete([mark.key])
    memory.put("hint.json", b'{"v":1,"n":2099,"marks":[],"needs_read":[],"fold":"shelf/1","rolled":2048}')
    return memory


def test_rollup_holds_the_entries_verbatim(rolled: Files) -> None:
    """One line an entry, byte for byte, packed with gzip."""
    lines = gzip.decompress(rolled.read(rollup_key(1024))).splitlines()
    assert [rolled.read(entry_key(n)) for n in range(1024, 2048)] == lines
    assert [item.key for item in rolled.list("log/rollup-")] == [rollup_key(0), rollup_key(1024)]


def test_far_behind_reads_rollups(rolled: Files) -> None:
    """A newcomer without a checkpoint reads two rollups and the tail, not 2 100 files."""
    log, read = open_counted(rolled)
    assert expected_state(2100) == log.snapshot().state
    assert [rollup_key(0), rollup_key(1024), entry_key(2048)] == read[1:4]
    assert len(read) == 4 + 52 + 8
    assert len(list(log.entries())) == 2100
    assert [entry["n"] for entry in log.entries(1500, 1501)] == [1500]


def test_who_falls_behind_while_open_reads_rollups_too(rolled: Files) -> None:
    """Without a hint of how far it is, a reader that went on for a while tries the next rollup."""
    counted = FaultyFiles(rolled)
    found = [stored.n for stored in EntryReader(counted).run(700)]
    assert list(range(700, 2100)) == found
    assert ("read", rollup_key(1024)) in counted.calls
    assert ("read", entry_key(1024)) not in counted.calls


@pytest.mark.parametrize(
    "harm",
    [
        lambda data: data[:-20],
        lambda data: b"no gzip",
        lambda data: gzip.compress(b"".join(gzip.decompress(data).splitlines(keepends=True)[:-1])),
        lambda data: gzip.compress(gzip.decompress(data).replace(b'"by":"5"', b'"by":"x"')),
        lambda data: gzip.compress(gzip.decompress(data).replace(b'"by":"1023"', b'"by":"x"')),
        lambda data: gzip.compress(b"[]\n" * ROLLUP),
    ],
    ids=["torn", "no gzip", "short", "changed inside", "changed at the end", "nonsense"],
)
def test_a_rollup_may_be_anything(rolled: Files, harm: Callable[[bytes], bytes]) -> None:
    """A damaged rollup costs time: the entries themselves are read then."""
    rolled.put(rollup_key(0), harm(rolled.read(rollup_key(0))))
    assert expected_state(2100) == open_counted(rolled)[0].snapshot().state


def test_damage_in_the_log_is_not_hidden_by_a_second_try(rolled: Files) -> None:
    """When the entries themselves are damaged too, that is what is said."""
    rolled.put(rollup_key(0), b"")
    rolled.put(entry_key(7), b"")
    with pytest.raises(Corrupt, match=r"log/0000000007\.json"):
        open_counted(rolled)


def test_a_lost_rollup_is_made_again(rolled: Files) -> None:
    """Without a hint the rollups there are found by name."""
    before = rolled.read(rollup_key(1024))
    rolled.delete([rollup_key(1024), "hint.json"])
    log, _ = open_counted(rolled)
    log.flush()
    hint = read_hint(rolled)
    assert hint is not None
    assert (before, 2048) == (rolled.read(rollup_key(1024)), hint.rolled)


@pytest.mark.parametrize("op", ["read", "put", "list", "delete"])
def test_caches_fail_silently(memory: Files, op: str) -> None:
    """No failure of a cache reaches who commits."""
    fill(memory, 1100)
    log = ShelfLog(files := FaultyFiles(memory), author="ann")
    log.snapshot()
    files.plan = fail_on(op, Fault.BEFORE, {"read": "hint", "delete": ""}.get(op, ""))
    log.flush()
    files.plan = None
    assert log.commit(tick()).n == 1100
