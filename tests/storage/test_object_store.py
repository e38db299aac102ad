"""Files in a bucket: what each answer of a storage becomes, whichever cloud it is; S3 has a server in its own tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from mlcycle.errors import AccessDenied, StorageUnavailable, UnsupportedStorage
from mlcycle.storage import KeyNotFound, Outcome
from mlcycle.storage import _object_store as objects_module
from mlcycle.storage._object_store import ObjectFiles, modified_at

if TYPE_CHECKING:
    from pathlib import Path


class Answer(OSError):  # noqa: N818
    """What a client raises for an answer that is not 200."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(f"status {status}")


class Cloud:
    """A file system of fsspec's kind over a dict; each call may be answered by an error first.

    Attributes
    ----------
    store : dict
        Path to bytes.
    calls : list of tuple
        What was asked: call, path, and what else matters.
    answers : list of exception
        Raised one after another, whatever is asked.
    """

    def __init__(self) -> None:
        self.store: dict[str, bytes] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.answers: list[Exception] = []

    def _asked(self, *call: Any) -> None:
        self.calls.append(call)
        if self.answers:
            raise self.answers.pop(0)

    def pipe_file(self, path: str, data: bytes, mode: str = "overwrite") -> None:
        """Write; with ``mode="create"`` only where nothing is."""
        self._asked("pipe", path, mode)
        if mode == "create" and path in self.store:
            raise FileExistsError(path)
        self.store[path] = data

    def put_file(self, source: str, path: str) -> None:
        """Write a local file."""
        self._asked("put", path)
        with open(source, "rb") as file:  # noqa: PTH123 - a path as text
            self.store[path] = file.read()

    def cat_file(self, path: str, start: int | None = None, end: int | None = None) -> bytes:
        """Return the bytes of a range."""
        self._asked("cat", path, start, end)
        if path not in self.store:
            raise FileNotFoundError(path)
        if start and start >= len(self.store[path]):
            raise Answer(416)
        return self.store[path][start:end]

    def find(self, path: str, detail: bool) -> Any:
        """Return what lies below a path."""
        self._asked("find", path)
        found = {one: {"size": len(data), "updated": 60.0} for one, data in self.store.items() if one.startswith(path)}
        return {**found, f"{path}/folder": {"size": 0, "type": "directory"}}

    def rm_file(self, path: str) -> None:
        """Remove a file."""
        self._asked("rm", path)
        if path not in self.store:
            raise FileNotFoundError(path)
        del self.store[path]

    def invalidate_cache(self) -> None:
        """Do nothing."""


class Bucket(ObjectFiles):
    """A bucket of a cloud in a dict."""

    def _connect(self, extra: dict[str, Any]) -> tuple[Any, str]:
        return self.__dict__.setdefault("cloud", Cloud()), "bucket/store"


@pytest.fixture(params=["gs", "az"])
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return an empty bucket, whose pauses take no time."""
    monkeypatch.setattr(objects_module.time, "sleep", lambda seconds: None)
    return Bucket(f"{request.param}://bucket/store", request.param)


# create --------------------------------------------------------------------------------------------------------------


def test_a_key_is_created_once(bucket: Any) -> None:
    """By the condition of the storage itself; a single writer looks first, and then writes without one."""
    assert [bucket.create("a", data) for data in (b"1", b"2")] == [Outcome.WON, Outcome.LOST]
    assert bucket.cloud.calls == [("pipe", "bucket/store/a", "create")] * 2
    alone = Bucket(bucket.url, bucket.protocol, single_writer=True)
    assert [alone.create("a", data) for data in (b"1", b"2")] == [Outcome.WON, Outcome.LOST]
    assert [call[0] for call in alone.cloud.calls] == ["cat", "pipe", "cat"]
    assert (bucket.cloud.store, alone.cloud.store) == ({"bucket/store/a": b"1"},) * 2


@pytest.mark.parametrize(
    ("answers", "outcome", "tries"),
    [
        ([Answer(412)], Outcome.LOST, 1),
        ([Answer(503)], Outcome.UNKNOWN, 1),
        ([TimeoutError()], Outcome.UNKNOWN, 1),
        ([Answer(409)], Outcome.WON, 2),
        ([Answer(409)] * 4, Outcome.WON, 5),
        ([Answer(409)] * 5, Outcome.UNKNOWN, 5),
        ([Answer(409), Answer(412)], Outcome.LOST, 2),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, list) else "",
)
def test_what_became_of_a_create(bucket: Any, answers: list[Exception], outcome: Outcome, tries: int) -> None:
    """An answer that was lost is not asked for again here: whoever commits knows how; only a busy key is."""
    bucket.cloud.answers = list(answers)
    assert (bucket.create("a", b"1"), len(bucket.cloud.calls)) == (outcome, tries)


@pytest.mark.parametrize(
    ("error", "raised", "words"),
    [
        (
            Answer(403),
            AccessDenied,
            r"cannot create 'a' in .*: Answer: status 403; the credentials need permission to",
        ),
        (Answer(501), UnsupportedStorage, r"this storage knows no conditional put.*single_writer=True"),
        (Answer(400), StorageUnavailable, r"Answer: status 400; check the connection and try again"),
        (ZeroDivisionError("a bug"), ZeroDivisionError, "^a bug$"),
    ],
    ids=["denied", "unsupported", "refused", "bug"],
)
def test_a_create_that_was_refused_is_told(bucket: Any, error: Exception, raised: Any, words: str) -> None:
    """With what was asked, what came and the remedy; what no storage said is left as it is."""
    bucket.cloud.answers = [error]
    with pytest.raises(raised, match=words):
        bucket.create("a", b"1")
    assert bucket.cloud.store == {}


# read ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "stop", "data", "asked"),
    [
        (None, None, b"hello", (None, None)),
        (0, 2, b"he", (0, 2)),
        (3, None, b"lo", (3, None)),
        (3, 99, b"lo", (3, 99)),
        (2, 2, b"", (0, 1)),
        (5, 7, b"", (5, 7)),
        (0, 0, b"", (0, 1)),
    ],
)
def test_a_range_is_asked_for_in_one_request(bucket: Any, start: Any, stop: Any, data: bytes, asked: Any) -> None:
    """A range of nothing asks for a byte, since HTTP has no such range; one behind the end is empty."""
    bucket.cloud.store["bucket/store/a"] = b"hello"
    assert bucket.read("a", start, stop) == data
    assert bucket.cloud.calls == [("cat", "bucket/store/a", *asked)]


def test_absence_behind_forbidden_takes_a_witness(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbidden means absent only where another key could be read by the same credentials, not long ago."""
    now = [1000.0]
    monkeypatch.setattr(objects_module.time, "monotonic", lambda: now[0])
    bucket.cloud.store |= {"bucket/store/store.json": b"{}", "bucket/store/b": b"1"}

    def read(key: str, *answers: Exception) -> tuple[str, list[str]]:
        bucket.cloud.calls.clear()
        bucket.cloud.answers = list(answers)
        try:
            bucket.read(key)
        except (KeyNotFound, AccessDenied) as error:
            return type(error).__name__, [call[1].rpartition("/")[2] for call in bucket.cloud.calls]
        return "", []

    denied = Answer(403)
    assert read("a", denied, denied) == ("AccessDenied", ["a", "store.json"])
    assert read("store.json", denied) == ("AccessDenied", ["store.json"])
    assert read("a", denied) == ("KeyNotFound", ["a", "store.json"])
    assert read("a", denied) == ("KeyNotFound", ["a"])  # believed for a while
    now[0] += 61
    assert read("a", denied) == ("KeyNotFound", ["a", "store.json"])
    now[0] += 61
    assert read("b") == ("", [])
    assert read("a", denied) == ("KeyNotFound", ["a"])
    now[0] += 61
    assert read("a", denied, denied) == ("AccessDenied", ["a", "b"])  # what was read last is the witness


@pytest.mark.parametrize(
    ("error", "raised", "words"),
    [
        (FileNotFoundError(), KeyNotFound, "there is no 'a' in"),
        (Answer(404), KeyNotFound, "there is no 'a' in"),
        (Answer(500), StorageUnavailable, "cannot read 'a' in .*check the connection"),
        (RecursionError("a bug"), RecursionError, "^a bug$"),
    ],
    ids=["absent", "404", "500", "bug"],
)
def test_a_read_that_failed_is_told(bucket: Any, error: Exception, raised: Any, words: str) -> None:
    """Absence is an answer, everything else a failure."""
    bucket.cloud.answers = [error]
    with pytest.raises(raised, match=words):
        bucket.read("a")


# the others ----------------------------------------------------------------------------------------------------------


def test_listings_hold_files_below_a_prefix(bucket: Any) -> None:
    """In order, without folders and what is hidden; of a folder that is a file, or is not there, nothing."""
    for key in ("b", "a/2", "a/10", "a/.tmp-1", "ab"):
        bucket.cloud.store[f"bucket/store/{key}"] = b"xx"
    assert [(one.key, one.size, one.mtime) for one in bucket.list("a")] == [
        (key, 2, 60.0) for key in ("a/10", "a/2", "ab")
    ]
    assert [one.key for one in bucket.list("a/1")] == ["a/10"]
    assert bucket.cloud.calls[-2:] == [("find", "bucket/store"), ("find", "bucket/store/a")]
    bucket.cloud.answers = [FileNotFoundError()]
    assert [*bucket.list("a/")] == []
    bucket.cloud.find = lambda path, detail: [path]
    assert [*bucket.list("b/")] == []
    bucket.cloud.find = lambda path, detail: bucket.cloud._asked()
    bucket.cloud.answers = [Answer(403)]
    with pytest.raises(AccessDenied, match="permission to list the bucket"):
        list(bucket.list("a/"))


def test_absent_files_are_removed_already(bucket: Any) -> None:
    """A failure of one is told, and those before it are gone."""
    for key in ("a", "c"):
        bucket.put(key, b"")
    bucket.delete(["a", "b"])
    assert [*bucket.cloud.store] == ["bucket/store/c"]
    bucket.cloud.answers = [Answer(403)]
    with pytest.raises(AccessDenied, match=r"cannot delete 'c' in .*permission to delete objects"):
        bucket.delete(["c"])


def test_a_local_file_goes_up_as_a_file(bucket: Any, tmp_path: Path) -> None:
    """So that a large one may go in parts; it is removed only when it is there, and asked to be."""
    source = tmp_path / "source"
    source.write_bytes(b"body")
    bucket.put("a", source)
    assert (bucket.cloud.calls, source.exists()) == ([("put", "bucket/store/a")], True)
    bucket.cloud.answers = [Answer(500)]
    with pytest.raises(StorageUnavailable, match="cannot write 'a'"):
        bucket.put("a", source, move=True)
    assert source.exists()
    bucket.put("a", source, move=True)
    assert (bucket.read("a"), source.exists()) == (b"body", False)


def test_objects_do_not_grow_and_have_no_path(bucket: Any) -> None:
    """Whoever wants to append is told what to do instead."""
    assert (bucket.can_append, bucket.local_path("a")) == (False, None)
    with pytest.raises(UnsupportedStorage, match="cannot be appended to; put the whole file again"):
        bucket.append("a")


@pytest.mark.parametrize(
    ("info", "seconds"),
    [
        ({"LastModified": datetime(1970, 1, 1, 0, 1, tzinfo=UTC)}, 60.0),
        ({"last_modified": datetime(1970, 1, 1, 0, 1, tzinfo=UTC), "created": 5}, 60.0),
        ({"mtime": 60}, 60.0),
        ({"updated": "1970-01-01T00:01:00.000Z"}, 60.0),
        ({"modified": None, "created": 60.5}, 60.5),
        ({"size": 7}, 0.0),
    ],
)
def test_each_file_system_has_its_own_word_for_a_time(info: dict[str, Any], seconds: float) -> None:
    """Where it says none, a file is as old as can be."""
    assert seconds == modified_at(info)
