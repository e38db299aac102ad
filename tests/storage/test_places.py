"""What place a path or URL means, and what may lie in an empty one."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pytest

from mlcycle.errors import InvalidInput, UnsupportedStorage
from mlcycle.storage import is_litter, open_files
from mlcycle.storage._places import STRATEGIES, place_of, without_secrets

posix = pytest.mark.skipif(os.name == "nt", reason="a POSIX matter")


class Pathlike:
    """Something of another library that is a path."""

    def __init__(self, path: Any) -> None:
        self.path = path

    def __fspath__(self) -> Any:
        """Return it."""
        return self.path


@posix
@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("/a/my project", "/a/my project"),
        ("/a/my%20project", "/a/my%20project"),
        ("/a/100%", "/a/100%"),
        (Path("/a/my%20project"), "/a/my%20project"),
        (Path("/a/my project é").as_uri(), "/a/my project é"),
        (Path("/a/what? #1 100% [x]").as_uri(), "/a/what? #1 100% [x]"),
        ("file:///a/my%20project", "/a/my project"),
        ("file:///a/my project", "/a/my project"),
        ("file:///a/100%", "/a/100%"),
        ("file:///a/%2E%2E/b", "/b"),
        ("file:/a/b", "/a/b"),
        ("FILE:///a/b", "/a/b"),
        ("local:///a%20b", "/a b"),
        ("file://localhost/a", "/a"),
        ("file:////a/b", "/a/b"),
        ("//a/b", "/a/b"),
        ("/a/b/../c/", "/a/c"),
        (Pathlike("/a/b"), "/a/b"),
        (PurePosixPath("/a/b"), "/a/b"),
        (PurePosixPath("/a/back\\slash"), "/a/back\\slash"),
        ("/a/back\\slash", "/a/back\\slash"),
        ("/a/s3:/b", "/a/s3:/b"),
    ],
)
def test_folders(given: Any, path: str) -> None:
    """A folder is the same by its path and by its URI, and opening what was opened leads there again."""
    assert open_files(given).url == path
    assert open_files(open_files(given).url).url == path


@posix
def test_a_name_that_is_no_text() -> None:
    """A folder whose name is not UTF-8 has a URI, too."""
    path = Path(os.fsdecode(b"/a/caf\xe9"))
    assert open_files(path.as_uri()).url == open_files(path).url == str(path)


@pytest.mark.parametrize("given", [None, 5, True, 1.5, ["churn"], b"churn", Pathlike(b"churn"), object()])
@pytest.mark.parametrize("single_writer", [False, True])
def test_what_names_no_place(given: Any, single_writer: bool) -> None:
    """Neither text nor a path: its type is named, and no folder is called after it."""
    kind = "bytes" if isinstance(given, Pathlike) else type(given).__name__
    with pytest.raises(InvalidInput, match=f"got {kind}"):
        open_files(given, single_writer=single_writer)


@posix
@pytest.mark.parametrize(
    "given",
    [
        *("C:\\data", "C:/data", "c:data", "\\\\server\\share", "data\\churn", ".\\churn"),
        *(Path("C:\\data"), Path("\\\\server\\share"), PureWindowsPath("data/churn"), PureWindowsPath("C:/data")),
    ],
)
def test_paths_of_windows(given: Any) -> None:
    """Elsewhere they are refused, instead of becoming folders of odd names."""
    with pytest.raises(UnsupportedStorage, match=r"is a path of Windows.*'s3://bucket/churn'"):
        open_files(given)


@pytest.mark.parametrize("single_writer", [False, True])
@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("", "not a path or URL"),
        ("  ", "not a path or URL"),
        ("churn\n", "not a path or URL"),
        ("file://", "names no folder"),
        ("file:", "names no folder"),
        ("file:churn", "names no folder"),
        ("file://churn", "'churn' stands where the name of a machine does"),
        ("file://server/share", "'server' stands where"),
        ("file://~/churn", "'~' stands where"),
        ("file:///a?version=1", "no query and no fragment"),
        ("file:///a#b", "no query and no fragment"),
        ("file:///a%00b", "without %00"),
        ("s3:/bucket/x", "write it as s3://bucket/project"),
        ("s3:bucket", "write it as s3://bucket/project"),
        (PurePosixPath("s3://bucket/x"), "as text"),
        ("my_s3:/bucket", "write it as s3://bucket/project"),
        ("foo:/bar", "write it as s3://bucket/project"),
        (" s3://bucket/x", "write it as s3://bucket/project"),
        ("://x", "write it as s3://bucket/project"),
        ("s3://", "names no bucket"),
        ("s3:///x", "names no bucket"),
        ("gs://", "names no bucket"),
        ("az:///x", "names no bucket"),
        ("memory://", "names no bucket or folder"),
        ("s3://bucket/x?region=eu", "no query"),
        ("memory://a?b", "no query"),
        ("s3://bucket/../x", r"the part '\.\.'"),
        ("s3://bucket/./x", r"the part '\.'"),
        ("s3://bucket//x", "the part ''"),
        ("memory://a/../b", r"the part '\.\.'"),
        ("simplecache::s3://bucket/x", "shows old copies"),
        ("filecache::memory://x", "shows old copies"),
        ("~nobody-is-called-so/x", "nobody here has that home"),
    ],
)
def test_what_means_no_place(given: Any, why: str, single_writer: bool) -> None:
    """It is refused in words, also for a single writer, and no folder is made of it."""
    with pytest.raises(UnsupportedStorage, match=why):
        open_files(given, single_writer=single_writer)


@pytest.mark.parametrize("url", ["my_s3://bucket/x", "foo+bar://x", "arrow_hdfs://x", "zip::s3://bucket/x"])
def test_schemes_nobody_may_share(url: str) -> None:
    """An underscore makes no folder of a URL."""
    with pytest.raises(UnsupportedStorage, match="several writers can share safely"):
        open_files(url)


@pytest.mark.parametrize("single_writer", [False, True])
@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIA123:hush@bucket/x",
        "s3://AKIA123:hu/hush@bucket/x",
        "s3://AKIA123:hush",
        "gs://me:hush@bucket/x",
        "ftp://me:hush@host/x",
        "dir::ftp://me:hush@host/x",
        "s3://bucket/x?token=hush",
        "foo://host/x?sig=hush",
        "file:///x?sig=hush",
    ],
)
def test_secrets_are_not_repeated(url: str, single_writer: bool) -> None:
    """What holds a secret is refused, and the message does not hold it."""
    with pytest.raises(UnsupportedStorage) as refused:
        open_files(url, single_writer=single_writer)
    assert "hush" not in str(refused.value)
    assert "hush" not in str(refused.value.__cause__)


def test_shown_urls() -> None:
    """Only what is secret is left out."""
    assert [without_secrets(url) for url in ("s3://b/x", "ftp://a:b@h/x", "s3://b/x?k=v", "abfs://c@a.net/x")] == [
        "s3://b/x",
        "ftp://…@h/x",
        "s3://b/x?…",
        "abfs://c@a.net/x",
    ]


def test_schemes_in_capitals() -> None:
    """A scheme is the same in capitals, an alias is what it stands for, and every strategy is one."""
    assert place_of("S3://Team/churn")[:3] == ("s3://Team/churn", "s3", "s3")
    assert place_of("ABFSS://c@a.net/x")[:3] == ("abfss://c@a.net/x", "abfss", "az")
    assert open_files("MEMORY://x").url == "memory://x"
    assert [place_of("/x" if name == "file" else f"{name}://a/x").protocol for name in STRATEGIES] == [*STRATEGIES]


@pytest.mark.parametrize(
    "key",
    [
        ".DS_Store",
        "sub/.ds_store",
        "._notes.txt",
        "Thumbs.db",
        "desktop.ini",
        "Desktop.ini",
        ".directory",
        ".gitkeep",
        "sub/.keep",
        "lost+found/#123",
        "$RECYCLE.BIN/x/y.txt",
        ".Trash-1000/files/a",
        ".Spotlight-V100/a/b",
        "__MACOSX/._a",
        "@eaDir/a",
        ".nfs000001",
        "sub_$folder$",
        ".ipynb_checkpoints/a-checkpoint.ipynb",
        "probe/1/first",
    ],
)
def test_litter(key: str) -> None:
    """What nobody put there on purpose makes no place full."""
    assert is_litter(key)


@pytest.mark.parametrize(
    "key",
    [
        "README.md",
        ".gitignore",
        ".git/config",
        "notes.txt",
        "data/.hidden",
        "thumbs.db.bak",
        "log/0000000000.json",
        "store.json",
        "DS_Store",
        "lost+found.txt",
        "my.gitkeep",
        "probe.txt",
    ],
)
def test_somebodys(key: str) -> None:
    """Anything else is somebody's."""
    assert not is_litter(key)
