"""Checked files: documents and lists come back, and no way of reading passes over what it cannot read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier

import mlcycle as mc
from mlcycle._digest import canonical_json, sha256_bytes
from mlcycle.errors import Corrupt, SchemaError
from mlcycle.lifecycle.blobs._checked_files import CheckedFiles
from mlcycle.storage import open_files

Doc = dict[str, Any]
OWNER = "0" * 32


@pytest.fixture
def checked_files(store_url: tuple[str, dict[str, Any]]) -> CheckedFiles:
    """Return files on a folder, in memory and on S3."""
    url, options = store_url
    return CheckedFiles(open_files(url, storage_options=options))


def _copied(checked_files: CheckedFiles, file: Doc) -> None:
    with checked_files.local_copy(file, "m@1"):
        pass


READ: dict[str, Callable[[CheckedFiles, Doc], Any]] = {
    "read_file": lambda checked_files, file: checked_files.read_file(file, "m@1"),
    "read_document": lambda checked_files, file: checked_files.read_document(file, "m@1"),
    "listed": lambda checked_files, file: checked_files.listed(file, "m@1"),
    "local_copy": _copied,
    "open_file": lambda checked_files, file: checked_files.open_file(file, "m@1"),
}


@pytest.mark.parametrize("way", READ)
def test_every_way_of_reading_refuses_what_it_cannot_read(way: str, checked_files: CheckedFiles) -> None:
    """An encrypted file, and one in a place of its owner's own, though the bytes lie there."""
    file = checked_files.store_document(OWNER, "card", {})
    with pytest.raises(SchemaError, match=f"{file['key']} of m@1 is encrypted by 'age'"):
        READ[way](checked_files, {**file, "enc": "age"})
    with pytest.raises(SchemaError, match=r"@place/a\.zip of m@1 lies in '@place'"):
        READ[way](checked_files, {**file, "key": "@place/a.zip"})


def test_documents_and_lists_come_back(checked_files: CheckedFiles) -> None:
    """Each as it was given, with its description as the log names it."""
    file = checked_files.store_document(OWNER, "card", {"class": "C"})
    assert (file["kind"], checked_files.read_document(file, "m@1")) == ("card", {"class": "C"})
    many = checked_files.store_list(OWNER, [file])
    assert (many["kind"], many["key"].rpartition(".")[2], checked_files.listed(many, "m@1")) == (
        "list",
        "jsonl",
        [file],
    )


def test_damage_names_the_file_and_its_owner(checked_files: CheckedFiles) -> None:
    """A list with fewer lines than it says, a document that is none: both under the key they have."""
    file = checked_files.store_bytes(
        f"files/{OWNER}", "list", ".jsonl", b'{"files":2,"needs_read":[],"v":1}\n{"key":"a"}\n'
    )
    with pytest.raises(Corrupt, match=f"{file['key']} of m@1 is damaged: its first line says how many"):
        checked_files.listed(file, "m@1")
    bare = checked_files.store_bytes(f"files/{OWNER}", "card", ".json", b"{}")
    with pytest.raises(Corrupt, match=f"{bare['key']} of m@1 is damaged: a document says"):
        checked_files.read_document(bare, "m@1")


PAGE = (Path(__file__).parents[2] / "docs" / "format.md").read_text(encoding="utf-8")


def _fields(document: str) -> set[str]:
    """Return the fields that the page gives a document."""
    (row,) = re.findall(rf"^\| {document} \|.*\|(.*)\|$", PAGE, re.M)
    return set(re.findall(r"`(\w+)`(?=,|:| \()", row))


def test_the_documents_of_a_store_are_those_of_the_page(project: mc.Project, tmp_path: Path) -> None:
    """All say v and needs_read; a card and an evaluation have the page's fields, an environment its digest."""
    frame = pd.DataFrame({"x": range(200), "y": [0, 1] * 100})
    train = project.datasets.add("d", frame, target="y")
    with project.experiments.open("e").start(uses=[train]) as run:
        run.log(loss=1.0)
    version = project.models.register("m", DummyClassifier().fit(frame[["x"]], frame["y"]), example=frame[["x"]])
    version.evaluate(train)
    version.promote()
    found: dict[str, Doc] = {}
    for path in [*tmp_path.glob("store/files/*/*.json"), *tmp_path.glob("store/leaves/*.json")]:
        document = json.loads(path.read_text(encoding="utf-8"))
        assert (document.pop("v"), document.pop("needs_read")) == (1, [])
        kind = "environment" if path.parent.name == "environment" else document.get("type", sorted(document)[0])
        found[kind] = document
    assert found.keys() == {"environment", "Decision", "class", "answers", "columns"}
    assert found["class"].keys() == _fields("card of a model")
    assert found["answers"].keys() == _fields("evaluation")
    environment = found["environment"]
    digest = environment.pop("digest")
    environment["detail"].pop("threadpools", None)
    assert digest == sha256_bytes(canonical_json(environment))
