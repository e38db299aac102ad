"""A store that lost its beginning, holds links or other people's things: nothing is begun anew, nothing is lost."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlcycle as mc
from mlcycle import errors
from mlcycle.lifecycle import _connection as connection_module
from mlcycle.storage import Files, open_files, verify
from mlcycle.storage import _put_if_absent as promise_module
from tests.nobody import nobody

NOW = timedelta(0)
FRAME = pd.DataFrame({"x": np.arange(8.0)})
ENTRY = "log/{:010d}.json"
links = pytest.mark.skipif(os.name == "nt", reason="links need rights there")


def filled(url: str, options: dict[str, Any]) -> Files:
    """Make a project with a bit of everything, and return its files."""
    project = mc.open(url, create=True, storage_options=options)
    project.datasets.add("d", FRAME)
    with project.experiments.open("e").start() as run:
        run.log(loss=1.0)
    project._session.log._caches._entries, project._session.log._caches._bytes = 64, 10**9
    project.store.compact()
    files = open_files(url, storage_options=options)
    assert any(item.key.startswith("checkpoints/") for item in files.list(""))
    return files


# What is left of a store: everything but, or nothing but, keys that begin so.
LEFT: dict[str, Callable[[str], bool]] = {
    "all but the log": lambda key: not key.startswith("log/"),
    "all but entry 0": lambda key: key != ENTRY.format(0),
    "all but entry 0 and caches": lambda key: key != ENTRY.format(0) and not key.startswith(("hint", "checkpoints/")),
    "store.json": lambda key: key == "store.json",
    "tables": lambda key: key.startswith(("store.json", "tables/")),
    "leaves": lambda key: key.startswith(("store.json", "leaves/")),
    "checkpoints": lambda key: key.startswith(("store.json", "checkpoints/")),
    "hint": lambda key: key.startswith(("store.json", "hint")),
    "runs": lambda key: key.startswith(("store.json", "runs/")),
    "a later entry": lambda key: key.startswith(("store.json", ENTRY.format(2))),
}


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize("mode", ["rw", "r"])
def test_a_lost_beginning_is_damage(left: str, mode: str, memory_url: tuple[str, dict[str, Any]]) -> None:
    """Whatever is left of a store, it is named, and nothing is written."""
    lost_beginning(memory_url, LEFT[left], mode)


@pytest.mark.parametrize("left", ["all but the log", "all but entry 0"])
def test_a_lost_beginning_on_every_storage(left: str, store_url: tuple[str, dict[str, Any]]) -> None:
    """On a folder, in memory and on S3."""
    lost_beginning(store_url, LEFT[left], "rw")


def lost_beginning(place: tuple[str, dict[str, Any]], left: Callable[[str], bool], mode: str) -> None:
    """Lose a part of a store, and open it."""
    url, options = place
    files = filled(url, options)
    session = pickle.dumps(mc.open(url, storage_options=options))
    files.delete([item.key for item in files.list("") if not left(item.key)])
    before = list(files.list(""))
    for create in (None, False):
        with pytest.raises(errors.Corrupt, match=r"log/000000000\d\.json is missing"):
            mc.open(url, create=create, mode=mode, storage_options=options)
    with pytest.raises(errors.StoreExists):
        mc.open(url, create=True, storage_options=options)
    with contextlib.suppress(errors.Corrupt):  # where a checkpoint still says what there was, it can be looked at
        list(pickle.loads(session).datasets)
    promise_module._proved.clear()  # as in a worker it was sent to, which has nothing open
    connection_module._open.clear()
    with pytest.raises(errors.Corrupt, match="missing"):
        pickle.loads(session).datasets.add("another", FRAME)
    assert [item.key for item in files.list("") if item.key.startswith(("log/", "store"))] == [
        item.key for item in before if item.key.startswith(("log/", "store"))
    ]


@pytest.mark.parametrize("left", ["all but the log", "all but entry 0"])
def test_verify_says_it_too(left: str, memory_url: tuple[str, dict[str, Any]]) -> None:
    """Who has the project open learns what is missing."""
    url, options = memory_url
    files = filled(url, options)
    project = mc.open(url)
    files.delete([item.key for item in files.list("") if not LEFT[left](item.key)])
    for level in ("chain", "files", "bytes"):
        assert ("missing", ENTRY.format(0)) in [(one.kind, one.key) for one in project.store.verify(level).problems]
    assert verify(project._session.log, open_files("memory://nothing-at-all"), lambda now: {}).ok


def test_a_lost_store_document(memory_url: tuple[str, dict[str, Any]]) -> None:
    """Beside a log that went on it is damage; beside a bare beginning somebody died, and the next one finishes."""
    url, options = memory_url
    files = filled(url, options)
    files.delete(["store.json"])
    for more in ({}, {"create": False}, {"mode": "r"}):
        with pytest.raises(errors.Corrupt, match=r"store\.json is missing"):
            mc.open(url, **more)
    with pytest.raises(errors.StoreExists):
        mc.open(url, create=True)
    identity = json.loads(files.read(ENTRY.format(0)))["changes"][0]["id"]
    files.delete([item.key for item in files.list("") if item.key != ENTRY.format(0)])
    for more in ({"create": False}, {"mode": "r"}):
        with pytest.raises(errors.NotAStore):
            mc.open(url, **more)
    assert mc.open(url).store.info()["id"] == json.loads(files.read("store.json"))["id"] == identity


def test_a_copy_elsewhere_proves_its_promise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store made for one writer, or copied, is not written where links overwrite; reading it is free."""
    made = mc.open(tmp_path / "made", create=True, single_writer=True)
    made.datasets.add("d", FRAME)
    shutil.copytree(tmp_path / "made", tmp_path / "copy")
    before = {path: path.read_bytes() for path in tmp_path.rglob("log/*")}
    monkeypatch.setattr("mlcycle.storage._local.os.link", lambda source, target: shutil.copyfile(source, target))
    monkeypatch.setattr(promise_module, "_proved", set())
    for name in ("made", "copy"):
        project = mc.open(tmp_path / name)
        assert mc.open(tmp_path / name, mode="r").load("dataset:d").equals(FRAME)
        for act in (
            lambda p: p.datasets.add("d", FRAME + 1),
            lambda p: p.store.tag("t"),
            lambda p: p.scope.set(owner="o"),
        ):
            with pytest.raises(errors.UnsupportedStorage, match="single_writer=True"):
                act(project)
    with pytest.raises(errors.UnsupportedStorage):
        mc.open(tmp_path / "new")
    assert {path: path.read_bytes() for path in tmp_path.rglob("log/*")} == before
    assert mc.open(tmp_path / "copy", single_writer=True).store.tag("t") == 1


# sweeping


@links
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_sweep_follows_no_link(tmp_path: Path, wrapped: bool) -> None:
    """Photos a link leads to, the log, and everything else outside stay, whatever they are called."""
    root, photos = tmp_path / "store", tmp_path / "photos"
    options = {"path": str(tmp_path), "target_protocol": "file"} if wrapped else None
    url = "dir://store" if wrapped else str(root)
    project = mc.open(url, create=True, single_writer=wrapped, storage_options=options)
    project.datasets.add("d", FRAME)
    identity = "0" * 32
    for name in ("a.jpg", f"{identity}.json", f"{identity}.parquet", f"{identity}/{identity}.parquet", "head.json"):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_bytes(b"photo")
    made = [
        root / "files" / "model",
        root / "files" / identity,
        root / "tables" / identity,
        root / "leaves" / "deep" / "er",
    ]
    for path in made:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(photos)
    (root / "leaves" / f"{identity}.json").symlink_to(photos / "a.jpg")
    (root / "files" / "x").symlink_to("../log")
    (root / "files" / "loop").symlink_to("loop")
    (root / "tables" / "here").symlink_to(".")
    before = sorted(path for path in tmp_path.rglob("*"))
    assert project.store.sweep(min_age=NOW, dry_run=True).keys == ()
    assert project.store.sweep(min_age=NOW).keys == ()
    assert sorted(path for path in tmp_path.rglob("*")) == before
    found = project.store.verify("bytes").problems
    assert sorted(one.key for one in found) == sorted(
        [
            *(path.relative_to(root).as_posix() for path in made),
            *(f"leaves/{identity}.json", "files/x", "files/loop", "tables/here"),
        ]
    )
    assert {one.kind for one in found} == {"link"}
    pd.testing.assert_frame_equal(project.load("dataset:d"), FRAME)


@links
def test_data_behind_a_link_is_damage(tmp_path: Path) -> None:
    """It is not read, verify says which version it hurts and why, and an entry that is a link is named."""
    root = tmp_path / "store"
    mc.open(root, create=True).datasets.add("d", FRAME)
    (root / "tables").rename(tmp_path / "elsewhere")
    (root / "tables").symlink_to(tmp_path / "elsewhere")
    project = mc.open(root)
    with pytest.raises(errors.Corrupt, match=r"'tables' in .* is a link"):
        project.load("dataset:d")
    [top, file] = project.store.verify().problems
    assert (top.kind, top.key) == ("link", "tables")
    assert (file.kind, file.hurts) == ("link", ("dataset:d@1",))
    assert "lies behind the link 'tables'" in file.what
    entry = root / ENTRY.format(1)
    entry.rename(tmp_path / "entry.json")
    entry.symlink_to(tmp_path / "entry.json")
    problems = {(one.kind, one.key) for one in project.store.verify("chain").problems}
    assert problems == {("link", ENTRY.format(1))}
    with pytest.raises(errors.Corrupt, match=r"'log/0000000001\.json' in .* is a link"):
        mc.open(root)


def test_a_sweep_takes_only_what_is_ours(anywhere: mc.Project) -> None:
    """What nobody names and looks like ours goes; what a person or a program put there stays."""
    files, identity = anywhere._session.log.files, "a" * 32
    version = anywhere.datasets.add("d", FRAME)
    run = anywhere.experiments.open("e").start()
    run.log(loss=1.0)
    run.log_artifact("words", "some words")
    run.finish()
    folder = next(item.key for item in files.list("runs/")).rsplit("/", 1)[0]
    theirs = [
        *("files/README.md", "tables/.DS_Store", "leaves/Thumbs.db", "files/notes/plan.txt", "tables/mine.parquet"),
        *(f"files/{identity}/README", f"files/{identity}.skops", f"tables/{identity}/old.parquet", "leaves/a.json"),
        *(
            f"leaves/{identity}.csv",
            f"files/my-models/{identity}.skops",
            f"{folder}/notes.txt",
            f"{folder}/files/a.txt",
        ),
        *(f"files/{identity}/{identity}/{identity}.json", f"files/{'b' * 32}/{identity}"),
    ]
    ours = [
        *(f"tables/{identity}/{identity}.parquet", f"leaves/{identity}.parquet", f"leaves/{identity}.json"),
        *(f"files/{identity}/{identity}.skops", f"files/code/{identity}.diff", f"files/environment/{identity}.json"),
    ]
    for key in (*theirs, *ours):
        files.put(key, b"x")
    anywhere.store.drop(f"run:{run.id}")
    of_the_run = {item.key for item in files.list(f"{folder}/")} - {*theirs}
    swept = anywhere.store.sweep(min_age=NOW)
    named = {key for key in swept.keys if key.startswith(("files/environment/", "files/code/"))} - {*ours}
    assert {*swept.keys} - named == {*ours, *of_the_run}
    assert named  # by this run alone
    assert {*theirs} <= {item.key for item in files.list("")}
    assert anywhere.load(version).equals(FRAME)
    assert anywhere.store.verify("bytes").ok


# places


@pytest.mark.parametrize("create", [None, True])
def test_litter_makes_no_place_full(store_url: tuple[str, dict[str, Any]], create: bool | None) -> None:
    """A project is made beside it, and it stays; a README is somebody's."""
    url, options = store_url
    files = open_files(url, storage_options=options)
    litter = [".DS_Store", "._a", "Thumbs.db", "desktop.ini", "lost+found/#1", ".gitkeep", "sub/.DS_Store"]
    for key in litter:
        files.put(key, b"")
    mc.open(url, create=create, storage_options=options).datasets.add("d", FRAME)
    assert {*litter} <= {item.key for item in files.list("")}
    files.delete([item.key for item in files.list("") if item.key not in litter])
    files.put("README.md", b"mine")
    with pytest.raises(errors.NotAStore, match=r"not empty \(README\.md\)"):
        mc.open(url, create=create, storage_options=options)


def test_markers_of_folders(s3_server: Any) -> None:
    """Empty objects that consoles and other tools make for a folder are no files."""
    import boto3

    bucket, options = s3_server.bucket(), s3_server.options()
    client = boto3.client(
        "s3",
        endpoint_url=s3_server.endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="us-east-1",
    )
    for key in ("team/", "team/churn/", "team/churn/sub/", "team/churn/sub/deep/", "team/churn/other_$folder$"):
        client.put_object(Bucket=bucket, Key=key, Body=b"")
    url = f"s3://{bucket}/team/churn"
    for single_writer in (False, True):
        files = open_files(url, storage_options=options, single_writer=single_writer)
        assert [item.key for item in files.list("")] == ["other_$folder$"]
    project = mc.open(url, storage_options=options)
    project.datasets.add("d", FRAME)
    assert project.store.sweep(min_age=NOW).keys == ()
    assert project.store.verify("bytes").ok


@pytest.mark.skipif(os.name == "nt", reason="a POSIX matter")
def test_lost_found_that_may_not_be_seen(tmp_path: Path) -> None:
    """The root of a disk has a folder only its administrator may look into."""
    mc.open(tmp_path / "another").datasets.add("d", FRAME)
    with nobody() as disk:
        (disk / "lost+found").mkdir(mode=0)
        with pytest.raises(PermissionError):
            [*(disk / "lost+found").iterdir()]
        mc.open(disk).datasets.add("d", FRAME)


@pytest.mark.parametrize("given", [None, 5, True, b"churn"])
@pytest.mark.parametrize("mode", ["rw", "r"])
def test_what_names_no_place_makes_none(given: Any, mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``open(None)`` is no project called None."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(errors.InvalidInput, match=f"got {type(given).__name__}"):
        mc.open(given, mode=mode)
    assert list(tmp_path.iterdir()) == []


def test_the_uri_of_a_folder_opens_it(tmp_path: Path) -> None:
    """Whichever way a path is written, it is the same project."""
    folder = tmp_path / "my project é 100%"
    mc.open(folder, create=True).datasets.add("d", FRAME)
    for way in (folder, str(folder), folder.as_uri(), f"FILE://{folder.as_uri()[7:]}"):
        assert list(mc.open(way, create=False).datasets) == ["d"]
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_storage_options_are_a_mapping(tmp_path: Path) -> None:
    """Other things are refused by their type."""
    with pytest.raises(errors.InvalidInput, match="storage_options= is a mapping"):
        mc.open(tmp_path / "store", storage_options="anon")  # type: ignore[arg-type]
