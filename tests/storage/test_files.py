"""The six calls on every storage, and how a URL is read."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlcycle import storage
from mlcycle.errors import InvalidInput, MissingExtra, StorageUnavailable, UnsafePath, UnsupportedStorage
from mlcycle.storage import Files, KeyNotFound, Outcome, check_key, open_files
from mlcycle.storage._object_store import ObjectFiles
from mlcycle.testing import FilesContract

if TYPE_CHECKING:
    from mlcycle.storage._files import Appender


class TestContract(FilesContract):
    """The shipped suite, on a folder, in memory and on S3."""


class TestObjectContract(FilesContract):
    """The suite on what ``gs`` and ``az`` are made of, run against S3."""

    rounds = 2

    @pytest.fixture
    def files(self, s3_url: tuple[str, dict[str, Any]]) -> Files:
        """Return a bucket seen through fsspec alone."""
        return ObjectFiles(s3_url[0], "s3", storage_options=s3_url[1])


class TestSingleWriterContract(FilesContract):
    """The suite on a file system that has no safe put-if-absent."""

    @pytest.fixture
    def files(self, tmp_path: Path) -> Files:
        """Return a folder seen through fsspec's ``dir`` file system."""
        (tmp_path / "root").mkdir()
        options = {"path": str(tmp_path / "root"), "target_protocol": "file"}
        return open_files("dir://store", single_writer=True, storage_options=options)


class TestSingleWriterS3Contract(FilesContract):
    """The suite on an S3 that ignores conditions, for one writer."""

    @pytest.fixture
    def files(self, s3_url: tuple[str, dict[str, Any]]) -> Files:
        """Return a bucket for one writer."""
        return open_files(s3_url[0], single_writer=True, storage_options=s3_url[1])


def test_names_are_all_there() -> None:
    """Every name the room shows can be loaded from it."""
    assert len(set(storage.__all__)) == len(storage.__all__)
    assert [name for name in storage.__all__ if not hasattr(storage, name)] == []
    assert set(storage.__all__) <= set(dir(storage))
    with pytest.raises(AttributeError, match="nothing"):
        _ = storage.nothing


def test_opening_a_folder_loads_no_fsspec() -> None:
    """A local store needs neither fsspec nor numpy."""
    code = (
        "import sys; from mlcycle.storage import open_files; open_files('x'); "
        "print(sorted({'fsspec', 'numpy', 'pandas', 'cattrs'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_local_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder may be given as a path, relative or not, with ``~``, and as a URL; it is always the same place."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    ways: list[Any] = ["churn", Path("churn"), "~/churn", "./churn/", "x/../churn"]
    ways += [tmp_path / "churn", f"file://{tmp_path}/churn", f"local://{tmp_path}/churn", f"FILE://{tmp_path}/churn"]
    assert {open_files(way).url for way in ways} == {str(tmp_path / "churn")}
    assert not (tmp_path / "churn").exists()


def test_remote_urls(s3_url: tuple[str, dict[str, Any]]) -> None:
    """A trailing slash and an alias of the scheme make no other place."""
    url, options = s3_url
    open_files(url, storage_options=options).put("a", b"x")
    for way in (url + "/", url.replace("s3://", "s3a://")):
        assert open_files(way, storage_options=options).read("a") == b"x"
    assert open_files("memory:///x/").url == open_files("memory://x").url == "memory://x"


@pytest.mark.parametrize(
    "url",
    [
        *("foo://x", "http://host/x", "zip::s3://bucket/x", "s3::file://x", "s3:/bucket", "://x", "s3://"),
        *("memory:///", "", "  ", "a\0b", "file:x"),
    ],
)
def test_bad_urls(url: str) -> None:
    """A URL nobody can share is refused, with the URL and what would do."""
    with pytest.raises(UnsupportedStorage) as caught:
        open_files(url)
    assert repr(url) in str(caught.value)
    assert "://" in str(caught.value)


def test_no_url() -> None:
    """What is neither text nor a path is refused by its type."""
    with pytest.raises(InvalidInput, match="got int: 3"):
        open_files(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["foo://x", "zip::nothing://x"])
def test_unknown_to_fsspec(url: str) -> None:
    """A scheme fsspec does not know stays unknown, also for a single writer."""
    with pytest.raises(UnsupportedStorage, match="check the scheme"):
        open_files(url, single_writer=True)


@pytest.mark.parametrize(("url", "package", "extra"), [("gs://b/x", "gcsfs", "gcs"), ("az://c/x", "adlfs", "azure")])
def test_missing_extra(url: str, package: str, extra: str) -> None:
    """Without its package a scheme says which extra to install; with it the handle opens, asking nothing."""
    options = {"token": "anon"} if package == "gcsfs" else {"account_name": "nobody", "anon": True}
    if importlib.util.find_spec(package) is None:
        with pytest.raises(MissingExtra, match=rf"pip install 'mlcycle\[{extra}\]'"):
            open_files(url, storage_options=options)
    else:
        assert open_files(url, storage_options=options).protocol == url[:2]


def test_key_not_found_is_both() -> None:
    """Whoever knows Python's own exception, or ours, can catch an absent key."""
    assert issubclass(KeyNotFound, StorageUnavailable)
    assert issubclass(KeyNotFound, FileNotFoundError)


def test_check_key_limits() -> None:
    """A key may be as long as every storage takes, and says what is wrong with a longer one."""
    assert check_key("a/" * 400 + "b") == "a/" * 400 + "b"
    assert check_key("ü" * 127) == "ü" * 127
    for key, why in ((("a/" * 450) + "b", "900 bytes"), ("ü" * 128, "255 bytes"), (3, "not text but int")):
        with pytest.raises(UnsafePath, match=why):
            check_key(key)  # type: ignore[arg-type]


def test_put_refuses_text(files: Files) -> None:
    """Text is not bytes: the remedy is to encode it."""
    with pytest.raises(InvalidInput, match="encode text"):
        files.put("a", "text")  # type: ignore[arg-type]


def test_short_names_the_protocol_needs(files: Files) -> None:
    """A handle shows where it is."""
    assert files.url in repr(files)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forked_child_works(store_url: tuple[str, dict[str, Any]]) -> None:
    """A child after fork goes on with the handle of its parent, over connections of its own."""
    url, options = store_url
    done = subprocess.run(
        [sys.executable, "-c", _FORK, url, repr(options)], capture_output=True, text=True, check=True, timeout=60
    )
    expected = "won\nwon\nchild\n" if not url.startswith("memory") else "won\nwon\nabsent\n"
    assert done.stdout == expected


_FORK = """
import ast, os, sys
from mlcycle.storage import KeyNotFound, open_files
files = open_files(sys.argv[1], storage_options=ast.literal_eval(sys.argv[2]))
print(files.create("parent", b"parent").value, flush=True)
child = os.fork()
if not child:
    print(files.create("child", b"child").value, flush=True)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
try:
    print(files.read("child").decode())
except KeyNotFound:
    print("absent")
"""


def test_appender_after_close(tmp_path: Path) -> None:
    """A closed appender says so."""
    appender: Appender = open_files(tmp_path).append("a")
    appender.close()
    with pytest.raises(StorageUnavailable, match="was closed"):
        appender.write(b"x")


def test_many_processes_share_the_numbers(tmp_path: Path) -> None:
    """Processes that create the same keys share them out: every key has one winner, and its bytes."""
    code = (
        "import os, sys; from mlcycle.storage import Outcome, open_files; files = open_files(sys.argv[1]);"
        "print(*[n for n in range(60) if files.create(f'n/{n}', sys.argv[2].encode()) is Outcome.WON])"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path / "store", str(i)], stdout=subprocess.PIPE, text=True)
        for i in range(4)
    ]
    won = [[int(n) for n in worker.communicate(timeout=60)[0].split()] for worker in workers]
    files = open_files(tmp_path / "store")
    assert sorted(n for own in won for n in own) == list(range(60))
    assert [int(files.read(f"n/{n}")) for n in range(60)] == [
        next(i for i, own in enumerate(won) if n in own) for n in range(60)
    ]
    assert files.create("n/0", b"") is Outcome.LOST
