"""Artifacts of any kind: kept, kept in another form, or named as missing; never the end of a training."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import re
import socket
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import mlcycle as mc
from mlcycle import errors

if TYPE_CHECKING:
    from collections.abc import Callable


class Mute:
    """What raises when it is shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    __str__ = __repr__


@pytest.fixture(scope="module")
def project() -> mc.Project:
    """Return one project for all of these runs: what one leaves behind must not hurt the next."""
    return mc.open("memory://artifacts-of-any-kind", create=True)


def keep(project: mc.Project, thing: Any, warning: str | None, name: str = "a") -> tuple[bytes | None, str, int]:
    """Log an artifact; return its bytes or None, its suffix, and how many failures were counted."""
    with project.experiments.open("artifacts").start() as run:
        with pytest.warns(errors.MlcycleWarning, match=warning) if warning else contextlib.nullcontext():
            run.log_artifact(name, thing)
        run.log(after=1)
    found = project.runs[run.id]
    assert (found.status, found.metrics, found.failures) == ("finished", {"after": 1}, run.failures)
    assert run.id in project.runs.frame()["run"].tolist()
    if not found.artifacts:
        return None, "", found.failures
    return (
        found.artifact(name),
        Path(next(iter(found.artifacts.values())).key).suffix,
        run.failures,
    )


def _with_attrs(value: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"a": [1.5, 2.5]}, index=[7, 8])
    frame.attrs = {"made by": value}
    return frame


ENDLESS: dict[str, Any] = {}
ENDLESS["a"] = [ENDLESS]

TABLES = {
    "cells without end": pd.DataFrame({"a": [ENDLESS]}),
    "mixed column": pd.DataFrame({"a": [1, "late", 2.5]}),
    "mixed index": pd.DataFrame({"a": [1, 2]}, index=[1, "x"]),
    "doubled names": pd.DataFrame([[1, 2]], columns=["a", "a"]),
    "sparse": pd.DataFrame({"a": pd.arrays.SparseArray([0, 0, 1])}),
    "intervals as categories": pd.DataFrame({"a": pd.cut([1, 2, 3], 2)}),
    "complex": pd.DataFrame({"a": [1j]}),
    "objects": pd.DataFrame({"a": [object(), {1}]}),
    "huge integers": pd.DataFrame({"a": [10**30, 1]}),
    "lists of anything": pd.DataFrame({"a": [[1], ["x"]]}),
    "no Unicode": pd.DataFrame({"a": pd.Series(["caf\udce9"], dtype=object)}),
    "no Unicode in a name": pd.DataFrame([[1]], columns=pd.Index(["caf\udce9"], dtype=object)),
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_table_that_parquet_cannot_hold_is_csv(project: mc.Project, table: pd.DataFrame) -> None:
    """It is kept as CSV, with a warning and a count, and training goes on."""
    data, suffix, failures = keep(project, table, "the artifact 'a' is not whole: it is kept as CSV, because Parquet")
    buffer = io.BytesIO()
    table.to_csv(buffer, errors="backslashreplace")
    assert (data, suffix, failures) == (buffer.getvalue(), ".csv", 1)


@pytest.mark.filterwarnings("ignore:Could not serialize pd.DataFrame.attrs:UserWarning")
@pytest.mark.parametrize("value", [object(), {1}, 1j, np.arange(2)], ids=type)
def test_a_table_is_parquet_without_attrs_that_are_no_json(project: mc.Project, value: Any) -> None:
    """Types and index stay; what is said beside the table is left out."""
    data, suffix, failures = keep(project, _with_attrs(value), "its attrs are left out")
    assert data is not None
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(data)), pd.DataFrame({"a": [1.5, 2.5]}, index=[7, 8]))
    assert (suffix, failures) == (".parquet", 1)


def test_a_table_that_can_be_is_parquet(project: mc.Project, cells: pd.DataFrame) -> None:
    """Nothing is said of what Parquet can hold."""
    data, suffix, failures = keep(project, cells, None)
    assert data is not None
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(data)), cells)
    assert (suffix, failures) == (".parquet", 0)


@pytest.mark.parametrize(
    "table",
    [pd.Series([1.5, 2.5], name="a"), pa.table({"a": [1.5, 2.5]}), pa.record_batch({"a": [1.5, 2.5]})],
    ids=type,
)
def test_tables_of_other_kinds_are_parquet(project: mc.Project, table: Any) -> None:
    """A column of pandas and a table of Arrow are tables."""
    data, suffix, failures = keep(project, table, None)
    assert data is not None
    assert pd.read_parquet(io.BytesIO(data)).to_dict("list") == {"a": [1.5, 2.5]}
    assert (suffix, failures) == (".parquet", 0)


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (pd.DataFrame({"a": [Mute()]}), "this table cannot be written"),
        (Mute(), "an artifact is a path, a DataFrame, .* got Mute"),
        (None, "got NoneType"),
        (5, "got int"),
        (np.arange(3), "got ndarray"),
        (pa.array([1]), "got Int64Array"),
        (Path("nowhere.pt"), "there is no file and no folder nowhere.pt"),
        (Path("x" * 5000), "File name too long"),
        (Path("a\0b"), "there is no file"),
        (Path("/dev/zero"), "is neither a file nor a folder: pipes, sockets and devices"),
        ("/dev/zero", "is neither a file nor a folder: pipes, sockets and devices"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str | Path) else None,
)
def test_what_cannot_be_kept_is_named(project: mc.Project, thing: Any, said: str) -> None:
    """A warning names the artifact and what would do; a strict run raises, in words of ours."""
    assert keep(project, thing, f"(?s)the artifact 'a' could not be stored .*{said}.*training goes on") == (None, "", 1)
    run = project.experiments.open("strict").start(strict=True)
    with pytest.raises(errors.MlcycleError):
        run.log_artifact("a", thing)
    run.finish()


def test_a_figure_that_cannot_be_drawn(project: mc.Project) -> None:
    """Whatever a library raises stays inside."""

    class Figure:
        def savefig(self, *_: Any, **__: Any) -> None:
            raise RecursionError("maximum depth")

    assert keep(project, Figure(), "could not be stored .RecursionError: maximum depth.") == (None, "", 1)


@pytest.mark.parametrize("name", [None, 5, b"a", ("a",), "", "  ", "x" * 300, "a\0b"], ids=type)
def test_a_name_that_is_none_is_counted(project: mc.Project, name: Any) -> None:
    """A wrong name costs the artifact, not the training."""
    assert keep(project, "text", "an artifact is named by 1 to 256 characters, got", name) == (None, "", 1)


# text that names a file -----------------------------------------------------------------------------------------------


@pytest.fixture
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    for name in ("ck.pt", "out/final model.bin", "README", "notes.v2.longsuffixes", os.fsdecode(b"caf\xe9.csv")):
        (tmp_path / name).write_bytes(b"\0weights")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize(
    ("text", "suffix"),
    [
        ("ck.pt", ".pt"),
        ("./ck.pt", ".pt"),
        ("~/ck.pt", ".pt"),
        ("README", ".bin"),
        ("out/final model.bin", ".bin"),
        ("notes.v2.longsuffixes", ".bin"),
        (os.fsdecode(b"caf\xe9.csv"), ".csv"),
        (Path("~/ck.pt"), ".pt"),
        (os.DirEntry, ".pt"),
    ],
    ids=str,
)
def test_text_that_names_a_file_is_that_file(project: mc.Project, text: Any, suffix: str) -> None:
    """The bytes of the file are kept, not the letters of its name."""
    if text is os.DirEntry:
        text = next(entry for entry in list(os.scandir(".")) if entry.name == "ck.pt")
    assert keep(project, text, None) == (b"\0weights", suffix, 0)


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize("text", ["out", "out/", "./out"])
def test_text_that_names_a_folder_is_that_folder(project: mc.Project, text: str) -> None:
    """A folder of checkpoints is kept whole."""
    data, suffix, failures = keep(project, text, None)
    assert data is not None
    assert zipfile.ZipFile(io.BytesIO(data)).read("final model.bin") == b"\0weights"
    assert (suffix, failures) == (".zip", 0)


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize(
    "text",
    ["missing.pt", "models/ck", "C:\\models\\ck.pt", "my model.pt", "/tmp/of nobody/x", "~/x", "s3://team/ck.pt"],
)
def test_text_that_looks_like_an_absent_file_is_counted(project: mc.Project, text: str) -> None:
    """Somebody meant a file: the text is kept, and told."""
    warning = rf"{re.escape(repr(text))} looks like a path, and there is no such file"
    assert keep(project, text, warning) == (text.encode(), ".txt", 1)


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "/", "..", "it works", "It works.", "0.31", "1/2", "a\nb/c.pt", "x/" * 3000, "a\0b.pt"),
        *("https://example.org/a.html", "the train and/or the test part of it", "grüße"),
        *("<svg/>", '{"a": "b/c.d"}', "this is what was made by train.py"),
    ],
    ids=lambda text: f"{text:.20}",
)
def test_other_text_is_text(project: mc.Project, text: str) -> None:
    """Words, numbers, addresses and what has several lines are kept as they are, and nothing is said."""
    assert keep(project, text, None) == (text.encode(), ".txt", 0)


def test_text_that_is_no_unicode_is_kept_escaped(project: mc.Project) -> None:
    """Half of a surrogate pair is written as Python writes it, in the text and in the name of the artifact."""
    warning = "what is not Unicode in it is kept as"
    assert keep(project, "caf\udce9 \ud800", warning, "caf\udce9") == (b"caf\\udce9 \\ud800", ".txt", 0)


# JSON -----------------------------------------------------------------------------------------------------------------


def _constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


@pytest.mark.parametrize(
    ("thing", "stored", "warning", "failures"),
    [
        ({"auc": math.nan, "n": 3}, {"auc": {"$float": "NaN"}, "n": 3}, "JSON has no NaN", 0),
        ([math.inf, [-np.inf]], [{"$float": "Infinity"}, [{"$float": "-Infinity"}]], "JSON has no NaN", 0),
        ({"a": np.float32(0.5), "b": np.arange(2), "c": np.int64(3)}, {"a": 0.5, "b": [0, 1], "c": 3}, None, 0),
        ({"a": np.array([np.nan])}, {"a": [{"$float": "NaN"}]}, "JSON has no NaN", 0),
        ({"a": np.longdouble("0.5")}, {"a": 0.5}, None, 0),
        ({1: "a", "1": "b", (2, 3): "c"}, {"1": "a", "1 (str)": "b", "(2, 3)": "c"}, None, 0),
        ({"$schema": "https://example.org"}, {"$schema": "https://example.org"}, None, 0),
        (list(range(5000)), list(range(5000)), None, 0),
        ({"a": "x" * 20_000}, {"a": "x" * 20_000}, None, 0),
        ({"a": {1, 2}, "b": Path("c")}, {"a": [1, 2], "b": "c"}, None, 0),
        ({"caf\udce9": "\ud800"}, {"caf\\udce9": "\\ud800"}, None, 0),
        ({"a": [1j]}, {"a": ["1j"]}, r"what is at a\[0\] has no JSON form and is kept as text", 1),
        ({"a": 10**5000}, {"a": hex(10**5000)}, "what is at a has no JSON form", 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_stored_as_json_is_json(
    project: mc.Project, thing: Any, stored: Any, warning: str | None, failures: int
) -> None:
    """Any reader of JSON can read it; what JSON has not is spelled out and told."""
    data, suffix, counted = keep(project, thing, warning)
    assert data is not None
    assert (json.loads(data, parse_constant=_constant), suffix, counted) == (stored, ".json", failures)


def test_json_that_holds_itself_or_is_very_deep(project: mc.Project) -> None:
    """Recursion ends where a reader's would."""
    itself: dict[str, Any] = {"a": 1}
    itself["b"] = itself
    data, _, failures = keep(project, itself, "what is at b has no JSON form")
    assert (json.loads(data or b""), failures) == ({"a": 1, "b": "{...}"}, 1)
    deep: list[Any] = [1]
    for _ in range(3000):
        deep = [deep]
    with project.experiments.open("deep").start() as run, pytest.warns(errors.MlcycleWarning, match="not whole"):
        run.log_artifact("deep", deep)
    json.loads(project.runs[run.id].artifact("deep"))


# folders --------------------------------------------------------------------------------------------------------------

ODD: dict[str, tuple[Callable[[Path], Any], str]] = {
    "link out": (lambda folder: (folder / "odd").symlink_to("/etc/hostname"), "odd is a symbolic link out"),
    "link to nothing": (lambda folder: (folder / "odd").symlink_to("nothing"), "odd is a symbolic link to nothing"),
    "link to itself": (lambda folder: (folder / "odd").symlink_to("odd"), "odd is a symbolic link to nothing"),
    "link to a folder": (lambda folder: (folder / "odd").symlink_to("."), "odd is a symbolic link to a directory"),
    "pipe": (lambda folder: os.mkfifo(folder / "odd"), "odd is not an ordinary file"),
    "link to a pipe": (
        lambda folder: (os.mkfifo(folder / "odd"), (folder / "to").symlink_to("odd")),
        "odd is not an ordinary file.*; to is not an ordinary file",
    ),
    "undecodable": (lambda folder: (folder / os.fsdecode(b"caf\xe9")).touch(), r"caf\\udce9 has a name .* not Unicode"),
    "undecodable folder": (
        lambda folder: ((folder / os.fsdecode(b"d\xe9")).mkdir(), (folder / os.fsdecode(b"d\xe9") / "x").touch()),
        r"d\\udce9/x has a name",
    ),
    "two lines": (lambda folder: (folder / "a\nb").touch(), r"a\\nb has a name .* control character"),
    "backslash": (lambda folder: (folder / "a\\b").touch(), r"a\\b has a name .* backslash"),
    "drive": (lambda folder: (folder / "C:x").touch(), "C:x has a name .* drive"),
}


@pytest.mark.parametrize(("spoil", "said"), ODD.values(), ids=ODD)
def test_a_folder_keeps_the_rest(project: mc.Project, tmp_path: Path, spoil: Callable[[Path], Any], said: str) -> None:
    """One bad name, link or pipe is named and counted; everything else is kept, and nothing hangs."""
    folder = tmp_path / "out"
    (folder / "sub").mkdir(parents=True)
    (folder / "weights").write_bytes(b"1")
    (folder / "sub" / "more").write_bytes(b"2")
    (folder / "A").touch()
    (folder / "a").touch()  # one name with the above where case is ignored, and two here
    spoil(folder)
    data, suffix, failures = keep(project, folder, f"(?s)the artifact 'a' is not whole: {said}")
    assert data is not None
    assert (suffix, failures) == (".zip", 2 if ";" in said else 1)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert sorted(archive.namelist()) == ["A", "a", "sub/more", "weights"]


def test_a_socket_and_many_odd_things(project: mc.Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many things the first are named, and all are counted; a strict run raises."""
    folder = tmp_path / "out"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("a socket")
    for number in range(8):
        (folder / f"link{number}").symlink_to("nothing")
    data, _, failures = keep(project, folder, "a socket is not an ordinary file.*and 4 more")
    assert data is not None
    assert failures == 9
    run = project.experiments.open("strict").start(strict=True)
    with pytest.raises(errors.InvalidInput, match="the artifact 'a' is not whole"):
        run.log_artifact("a", folder)
    run.finish()
