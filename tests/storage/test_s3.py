"""What S3 has of its own: requests a call, lost answers, permissions."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from mlcycle.errors import AccessDenied, StorageUnavailable, UnsupportedStorage
from mlcycle.storage import Files, KeyNotFound, Outcome, open_files, open_range, probe

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import S3Server


@pytest.fixture
def bucket(s3_server: S3Server) -> str:
    """Return the name of a fresh bucket."""
    return s3_server.bucket()


@pytest.fixture
def s3(s3_server: S3Server, bucket: str) -> Files:
    """Return files in that bucket."""
    return open_files(f"s3://{bucket}/p", storage_options=s3_server.options())


def absent(files: Files, key: str) -> None:
    """Find that there is no such key."""
    with pytest.raises(KeyNotFound):
        files.read(key)


def test_requests_per_call(s3: Files, s3_server: S3Server, bucket: str, tmp_path: Path) -> None:
    """Every call is one request: this is the bill, so it is kept here."""
    source = tmp_path / "x.bin"
    source.write_bytes(bytes(1000))
    s3.put("warm", b"up")
    s3_server.requests(bucket)
    bill = {
        "create": lambda: s3.create("a", b"1"),
        "create, lost": lambda: s3.create("a", b"2"),
        "put": lambda: s3.put("b", b"1"),
        "put of a file": lambda: s3.put("c", source),
        "read": lambda: s3.read("a"),
        "read a range": lambda: s3.read("c", 10, 20),
        "read from": lambda: s3.read("c", 10),
        "read nothing": lambda: s3.read("c", 10, 10),
        "read beyond": lambda: s3.read("c", 5000, 5001),
        "read absent": lambda: absent(s3, "none"),
        "list": lambda: list(s3.list("")),
        "delete": lambda: s3.delete(["a", "b", "none"]),
        "delete nothing": lambda: s3.delete([]),
    }
    asked = {}
    for name, call in bill.items():
        call()
        asked[name] = s3_server.requests(bucket)
    assert asked == {
        "create": ["PUT p/a"],
        "create, lost": ["PUT p/a"],
        "put": ["PUT p/b"],
        "put of a file": ["PUT p/c"],
        "read": ["GET p/a"],
        "read a range": ["GET p/c"],
        "read from": ["GET p/c"],
        "read nothing": ["GET p/c"],
        "read beyond": ["GET p/c"],
        "read absent": ["GET p/none"],
        "list": ["GET ?list-type"],
        "delete": ["POST ?delete"],
        "delete nothing": [],
    }


def test_opening_asks_nothing(s3_server: S3Server, bucket: str) -> None:
    """A handle costs no request until it is used."""
    open_files(f"s3://{bucket}/p", storage_options=s3_server.options(), fresh=True)
    assert s3_server.requests(bucket) == []


@pytest.mark.parametrize("status", [500, 503])
@pytest.mark.parametrize("done", [True, False])
def test_lost_answer(s3: Files, s3_server: S3Server, bucket: str, status: int, done: bool) -> None:
    """A server error in place of an answer is *unknown*; reading back tells."""
    s3_server.fail(bucket, ("PUT", "p/a", status, done))
    assert s3.create("a", b"mine") is Outcome.UNKNOWN
    assert s3.create("a", b"other") is (Outcome.LOST if done else Outcome.WON)
    assert s3.read("a") == (b"mine" if done else b"other")


def test_client_that_tries_again_meets_itself(s3_server: S3Server, bucket: str) -> None:
    """A client that repeats a put whose answer was lost finds its own bytes: *lost* means read back, too."""
    options = {**s3_server.options(), "config_kwargs": {"retries": {"total_max_attempts": 3, "mode": "standard"}}}
    files = open_files(f"s3://{bucket}/p", storage_options=options)
    s3_server.fail(bucket, ("PUT", "p/a", 500, True))
    assert (files.create("a", b"mine"), files.read("a")) == (Outcome.LOST, b"mine")


def test_conflict_is_tried_again(s3: Files, s3_server: S3Server, bucket: str) -> None:
    """Two conditional puts that meet are asked to try again: soon one of them knows."""
    s3_server.fail(bucket, *[("PUT", "p/a", 409, False)] * 2)
    assert s3.create("a", b"1") is Outcome.WON
    s3_server.fail(bucket, *[("PUT", "p/b", 409, False)] * 9)
    assert s3.create("b", b"1") is Outcome.UNKNOWN


def test_no_conditional_put(s3: Files, s3_server: S3Server, bucket: str) -> None:
    """A storage that does not know conditions is refused, with the remedy."""
    s3_server.fail(bucket, ("PUT", "p/a", 501, False))
    with pytest.raises(UnsupportedStorage, match="single_writer=True"):
        s3.create("a", b"1")


def test_failing_calls(s3: Files, s3_server: S3Server, bucket: str) -> None:
    """Server errors of the other calls are `StorageUnavailable`, and can be tried again."""
    s3.put("a", b"1")
    s3_server.fail(
        bucket,
        ("PUT", "p/a", 500, False),
        ("GET", "p/a", 500, False),
        ("GET", "list", 500, False),
        ("POST", "", 500, False),
    )
    calls = [lambda: s3.put("a", b"2"), lambda: s3.read("a"), lambda: list(s3.list("")), lambda: s3.delete(["a"])]
    for call in calls:
        with pytest.raises(StorageUnavailable, match="try again") as caught:
            call()
        assert not isinstance(caught.value, KeyNotFound)
    for call in calls:
        call()


def test_no_permission(s3_server: S3Server) -> None:
    """A bucket that refuses us names the permission that is missing."""
    url = f"s3://{s3_server.bucket('denied')}/p"
    files = open_files(url, storage_options=s3_server.options())
    for call, permission in (
        (lambda: files.create("a", b""), "s3:PutObject"),
        (lambda: files.put("a", b""), "s3:PutObject"),
        (lambda: files.read("a"), "s3:GetObject"),
        (lambda: list(files.list("")), "s3:ListBucket"),
        (lambda: files.delete(["a"]), "s3:DeleteObject"),
        (lambda: probe(files), "s3:PutObject"),
    ):
        with pytest.raises(AccessDenied, match=permission):
            call()


def test_no_list_permission(s3_server: S3Server) -> None:
    """Without list permission absent looks like forbidden; a store that can be read at all tells them apart."""
    url, options = f"s3://{s3_server.bucket('nolist')}/p", s3_server.options()
    writer = open_files(url, storage_options=options)
    with pytest.raises(AccessDenied, match="s3:ListBucket"):
        writer.read("log/0")
    with pytest.raises(AccessDenied, match="s3:ListBucket"):
        writer.read("store.json")
    assert writer.create("store.json", b"{}") is Outcome.WON
    reader = open_files(url, storage_options=options)
    with pytest.raises(KeyNotFound):
        reader.read("log/0")
    with pytest.raises(KeyNotFound):
        reader.read("log/0", 0, 10)
    with pytest.raises(AccessDenied, match="s3:ListBucket"):
        list(reader.list("log/"))
    assert probe(writer)["list"] == "denied"
    writer.delete(["store.json", "none"])


def test_no_bucket(s3_server: S3Server) -> None:
    """A bucket that does not exist holds nothing, and cannot be written to."""
    files = open_files("s3://no-such-bucket-anywhere/p", storage_options=s3_server.options())
    with pytest.raises(KeyNotFound, match="bucket does not exist"):
        files.read("store.json")
    assert list(files.list("")) == []
    for call in (files.create, files.put):
        with pytest.raises(StorageUnavailable, match="create it, or check its name"):
            call("store.json", b"")


def test_server_is_gone() -> None:
    """Where nobody answers, a put-if-absent is *unknown*, and everything else `StorageUnavailable`."""
    with socket.socket() as reserved:  # bound, and not listening
        reserved.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        options: dict[str, Any] = {"key": "k", "secret": "s", "endpoint_url": endpoint}
        options["config_kwargs"] = {"retries": {"total_max_attempts": 1, "mode": "standard"}}
        files = open_files("s3://bucket/p", storage_options=options)
        assert files.create("a", b"") is Outcome.UNKNOWN
        with pytest.raises(StorageUnavailable, match="check the connection"):
            files.read("a")


def test_bucket_as_root(s3_server: S3Server, bucket: str) -> None:
    """A store may be the whole bucket."""
    files = open_files(f"s3://{bucket}", storage_options=s3_server.options())
    files.put("log/0", b"x")
    assert [(one.key, one.size) for one in files.list("")] == [("log/0", 1)]
    assert files.read("log/0") == b"x"


def test_range_reader_asks_little(s3: Files, s3_server: S3Server, bucket: str) -> None:
    """Reading a footer and then what it points to costs one request each."""
    body = bytes(range(256)) * 2000
    s3.put("t.parquet", body)
    s3_server.requests(bucket)
    with open_range(s3, "t.parquet", len(body)) as file:
        file.seek(-8, 2)
        assert file.read(8) == body[-8:]
        file.seek(-5000, 2)
        assert file.read(4992) == body[-5000:-8]
        file.seek(1000)
        assert file.read(100_000) == body[1000:101_000]
    assert s3_server.requests(bucket) == ["GET p/t.parquet"] * 2


@pytest.mark.deep
def test_large_put_and_long_listing(s3: Files, s3_server: S3Server, bucket: str, tmp_path: Path) -> None:
    """A file over 100 MB goes up in parts that show only together; a long listing comes in pages."""
    source = tmp_path / "big.bin"
    with source.open("wb") as file:
        file.truncate(101 << 20)
    s3_server.fail(bucket, ("PUT", "partNumber=2", 500, False))
    with pytest.raises(StorageUnavailable):
        s3.put("big.bin", source)
    assert list(s3.list("")) == []
    s3.put("big.bin", source)
    assert [one.size for one in s3.list("")] == [101 << 20]
    for i in range(1005):
        s3.put(f"n/{i:04}", b"")
    assert [one.key for one in s3.list("n/")] == [f"n/{i:04}" for i in range(1005)]
    s3.delete(f"n/{i:04}" for i in range(1005))
    assert list(s3.list("n/")) == []
