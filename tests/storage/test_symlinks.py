"""Links below the root of a store are seen and named, and never followed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlcycle.errors import Corrupt
from mlcycle.storage import Files, KeyNotFound, Outcome, open_files
from mlcycle.storage._symlinks import links_in

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need rights there")


@pytest.fixture(params=["local", "dir", "chained dir"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Files, Path]:
    """Return files in a folder, also as file systems of fsspec around one, and the folder."""
    root = tmp_path / "base" / "store"
    root.mkdir(parents=True)
    if request.param == "local":
        return open_files(root), root
    if request.param == "dir":
        options = {"path": str(tmp_path / "base"), "target_protocol": "file"}
        return open_files("dir://store", single_writer=True, storage_options=options), root
    return open_files(f"dir://store::file://{tmp_path}/base", single_writer=True), root


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Return a folder of somebody's photos."""
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.jpg", "deep/b.jpg"):
        (folder / name).write_bytes(b"photo")
    return folder


LINKS: dict[str, Callable[[Path, Path], str]] = {
    "folder": lambda root, outside: link(root / "files" / "model", outside),
    "folder at the top": lambda root, outside: link(root / "files", outside),
    "folder far down": lambda root, outside: link(root / "files" / "a" / "b" / "c", outside),
    "file": lambda root, outside: link(root / "files" / "model", outside / "a.jpg"),
    "the log": lambda root, outside: link(root / "files" / "model", Path("../log")),
    "itself": lambda root, outside: link(root / "files" / "model", Path("model")),
    "the folder above": lambda root, outside: link(root / "files" / "model", Path("..")),
    "nowhere": lambda root, outside: link(root / "files" / "model", Path("/nowhere/at/all")),
}


def link(path: Path, to: Path) -> str:
    """Make a link, and return the name of its place below the root."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(to)
    return path.as_posix().partition("/store/")[2]


@pytest.mark.parametrize("kind", LINKS)
def test_a_link_is_not_listed(opened: tuple[Files, Path], outside: Path, kind: str) -> None:
    """Neither it, nor what lies behind it, whatever the prefix; and it is named to who asks for links."""
    files, root = opened
    files.put("log/0", b"entry")
    key = LINKS[kind](root, outside)
    assert [item.key for item in files.list("")] == ["log/0"]
    for prefix in ("files/", f"{key}/", key, f"{key}/deep/"):
        assert list(files.list(prefix)) == []
    assert list(links_in(files, "")) == [key]
    assert list(links_in(files, "files")) == list(links_in(files, f"{key}/x")) == [key]
    assert list(links_in(files, "log")) == []


@pytest.mark.parametrize("kind", LINKS)
def test_nothing_goes_through_a_link(opened: tuple[Files, Path], outside: Path, kind: str) -> None:
    """Reading, writing, deleting and appending behind a link are refused with its name; what it leads to is whole."""
    files, root = opened
    files.put("log/0", b"entry")
    key = LINKS[kind](root, outside)
    for behind in ("a.jpg", "deep/b.jpg", "0", "log/0"):
        calls: list[Callable[[str], Any]] = [
            lambda key: files.create(key, b"x"),
            lambda key: files.put(key, b"x"),
            lambda key: files.delete([key]),
            files.local_path,
        ]
        for call in calls if files.can_append else calls[:3]:
            with pytest.raises(Corrupt, match=rf"'{key}' in .*/store is a link"):
                call(f"{key}/{behind}")
        with pytest.raises((Corrupt, KeyNotFound)):
            files.read(f"{key}/{behind}")
        if files.can_append:
            with pytest.raises(Corrupt, match="is a link"):
                files.append(f"{key}/{behind}")
    assert sorted(path.relative_to(outside).as_posix() for path in outside.rglob("*.*")) == ["a.jpg", "deep/b.jpg"]
    assert {path.read_bytes() for path in outside.rglob("*.jpg")} == {b"photo"}
    assert [item.key for item in files.list("")] == ["log/0"]


@pytest.mark.parametrize("to", ["a.jpg", "none"])
def test_a_link_in_the_place_of_a_file(opened: tuple[Files, Path], outside: Path, to: str) -> None:
    """It is damage when it is read, taken when it is created, and stays when it is deleted."""
    files, root = opened
    key = link(root / "log" / "0", outside / to)
    with pytest.raises(Corrupt, match=r"'log/0' in .* is a link \(to .*photos/"):
        files.read(key)
    with pytest.raises(Corrupt, match="is a link"):
        files.delete([key])
    if files.can_append:
        assert files.create(key, b"mine") is Outcome.LOST
        files.put(key, b"mine")  # whoever overwrites it replaces the link
        assert files.read(key) == b"mine"
    assert (outside / "a.jpg").read_bytes() == b"photo"


def test_what_is_no_file_is_not_listed(tmp_path: Path) -> None:
    """A pipe in a store is not listed, and nobody waits for it."""
    files = open_files(tmp_path)
    files.put("files/a", b"x")
    os.mkfifo(tmp_path / "files" / "pipe")
    assert [item.key for item in files.list("")] == ["files/a"]


def test_a_folder_that_becomes_a_link(opened: tuple[Files, Path], tmp_path: Path) -> None:
    """What was read before is not read through a link that came later; a look is believed for a moment only."""
    files, root = opened
    files.put("log/0", b"entry")
    assert files.read("log/0") == b"entry"
    (root / "log").rename(tmp_path / "moved")
    (root / "log").symlink_to(tmp_path / "moved")
    time.sleep(0.05)
    with pytest.raises(Corrupt, match=r"'log' in .* is a link"):
        files.read("log/0")
    assert (tmp_path / "moved" / "0").read_bytes() == b"entry"


def test_hard_links_are_files(opened: tuple[Files, Path], outside: Path) -> None:
    """A second name of a file is a file."""
    files, root = opened
    files.put("files/a", b"x")
    (root / "files" / "b").hardlink_to(outside / "a.jpg")
    assert [(item.key, item.size) for item in files.list("")] == [("files/a", 1), ("files/b", 5)]
    assert files.read("files/b") == b"photo"
    files.delete(["files/b"])
    assert (outside / "a.jpg").read_bytes() == b"photo"


def test_the_root_may_be_a_link(tmp_path: Path) -> None:
    """A store is reached by whatever way leads to it."""
    (tmp_path / "disk" / "store").mkdir(parents=True)
    (tmp_path / "here").symlink_to(tmp_path / "disk")
    (tmp_path / "there").symlink_to(tmp_path / "disk" / "store")
    for way in (tmp_path / "here" / "store", tmp_path / "there"):
        files = open_files(way)
        files.put("a/b", b"x")
        assert (files.read("a/b"), [item.key for item in files.list("")]) == (b"x", ["a/b"])
        assert list(links_in(files, "")) == []
        files.delete(["a/b"])
