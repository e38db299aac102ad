"""Entries of a newer library: what is understood goes on, what is not is left alone, and it is said why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import mlcycle as mc
from mlcycle import errors
from mlcycle._digest import canonical_json, sha256_bytes
from mlcycle._ids import new_id
from mlcycle.state import Place, VersionAdd, VersionMark

if TYPE_CHECKING:
    from pathlib import Path

Doc = dict[str, Any]
FRAME = pd.DataFrame({"a": [1, 2, 3]})


@pytest.fixture
def data(project: mc.Project) -> mc.Project:
    """Return a project with two versions of a dataset."""
    project.datasets.add("d", FRAME)
    project.datasets.add("d", FRAME[:2])
    return project


def write(project: mc.Project, *changes: Doc, needs_read: tuple[str, ...] = ()) -> None:
    """Write the next entry past all that this library knows, and would not write itself."""
    n, files = project._session.view().n + 1, project._session.log.files
    before = files.read(f"log/{n - 1:010d}.json")
    entry = json.loads(before) | {"n": n, "prev": sha256_bytes(before), "op": f"auto:{new_id()}", "verb": "newer"}
    entry |= {"changes": [*changes], "reuses": [], "needs_read": [*needs_read]}
    files.create(f"log/{n:010d}.json", canonical_json(entry))


def placed(project: mc.Project, *kinds: str, enc: str | None = None, place: str = "") -> tuple[str, Doc]:
    """Store a file of each kind; return the name of the object, and the change that places it."""
    owner, files = new_id(), []
    for kind in kinds:
        file = project._session.blobs.checked_files.store_bytes(
            f"{'elsewhere' if place else 'files'}/{owner}", kind, ".bin", b"?"
        )
        files.append(file | {"enc": enc, "key": place + file["key"]})
    return f"newer:{owner}", Place(object=f"newer:{owner}", files=files).doc()


def version(number: int, stored_object: str, **says: Any) -> Doc:
    """Return a version of the dataset that lives by an object."""
    says = {"content": "sha256:" + "0" * 64, "presentation": "", "rows": 3, "columns": 1, "roles": {}} | says
    return VersionAdd(of="dataset", name="d", number=number, needs=[stored_object], says=says).doc()


def reads(project: mc.Project) -> None:
    """Read the data that was there before, by a process of its own."""
    again = mc.open(project.store.url, mode="r")
    assert [again.load(f"dataset:d@{number}")["a"].tolist() for number in (1, 2)] == [[1, 2, 3], [1, 2]]


def contents(place: Path) -> dict[str, bytes]:
    """Return every file of a store."""
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


# what makes a project read-only --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "recipe.boil", "name": "soup"}, "change 'recipe.boil'"),
        ({"kind": "x-acme.boil", "name": "soup"}, "change 'x-acme.boil'"),
        ({"kind": "recipe.boil", "optional": "yes"}, "change 'recipe.boil'"),
        (VersionMark(of="dataset", name="d", mark="frozen", numbers=[[2, 2]]).doc(), "mark 'frozen'"),
    ],
)
def test_what_must_not_be_passed_over(change: Doc, words: str, data: mc.Project, tmp_path: Path) -> None:
    """The project can be read, and nothing of it written: whoever wrote that knows more."""
    write(data, change)
    before = contents(tmp_path / "store")
    for project in (data, mc.open(data.store.url)):
        reads(project)
        for act in (
            lambda project=project: project.datasets.add("d", FRAME[:1]),
            lambda project=project: project.store.drop("dataset:d@1"),
            lambda project=project: project.store.sweep(min_age=0),
            lambda project=project: project.rollback(1),
            lambda project=project: project.store.compact(),
        ):
            with pytest.raises(errors.ReadOnly, match=f"0000000003.json holds {words}.*upgrade mlcycle$"):
                act()
    assert contents(tmp_path / "store") == before


def test_a_mark_nobody_knows_hides(data: mc.Project) -> None:
    """What it hides cannot be known, so its version is not the newest; until it is taken away."""
    mark = VersionMark(of="dataset", name="d", mark="frozen", numbers=[[2, 2]])
    write(data, mark.doc())
    assert data.datasets["d"].ref == "d@1"
    assert data.at(2).datasets["d"].ref == "d@2"


def test_a_mark_that_is_missing(data: mc.Project) -> None:
    """A change that lacks what its kind says is damage, whatever else it is."""
    write(data, {"kind": "version.mark", "of": "dataset", "name": "d"})
    with pytest.raises(errors.Corrupt, match=r"0000000003\.json does not fit.*'mark'"):
        mc.open(data.store.url)


def test_what_must_be_known_to_read_on(data: mc.Project) -> None:
    """The reader stops at that entry, naming it and the need."""
    words = r"log/0000000003\.json needs quantum, which this mlcycle does not know: upgrade mlcycle"
    write(data, needs_read=("quantum",))
    for mode in ("r", "rw"):
        with pytest.raises(errors.SchemaError, match=words):
            mc.open(data.store.url, mode=mode)


# what may be passed over ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["recipe.boil", "x-acme.boil"])
def test_what_may_be_passed_over(kind: str, data: mc.Project) -> None:
    """Kinds that say so, newer ones and those of others: the project goes on, and its history names them."""
    change = {"kind": kind, "name": "soup", "optional": True}
    write(data, change)
    reads(data)
    for project in (data, mc.open(data.store.url)):
        project.store.tag("now")
        assert project.history().loc[3, "what"] == kind
        assert project._session.view().state.skipped == [kind]
    assert data.datasets.add("d", FRAME[:1]).ref == "d@3"


# what is stored in a way nobody knows --------------------------------------------------------------------------------


def test_a_layout_nobody_knows(data: mc.Project) -> None:
    """That version cannot be read, all others can; nothing of it is swept, and it counts."""
    stored, place = placed(data, "pages", "index")
    write(data, place, version(3, stored, layout="folder"))
    reads(data)
    with pytest.raises(errors.SchemaError, match="d@3 is stored as 'folder', which this mlcycle does not know"):
        data.load("dataset:d@3")
    assert data.store.sweep(min_age=0).keys == ()
    assert data.store.verify("bytes").problems == ()
    assert data.datasets.add("d", FRAME[:1]).ref == "d@4"
    assert data.store.sweep(min_age=0, dry_run=True).keys == ()
    data.store.drop("dataset:d@3")
    assert {file["key"] for file in place["files"]} == {*data.store.sweep(min_age=0).keys}
    reads(data)


def test_files_nobody_can_read(data: mc.Project) -> None:
    """Encrypted, in a place of its owner's own, or of another kind: refused in words, and the file alone."""
    cases = {
        "encrypted by 'age', which this mlcycle does not know": placed(data, "manifest", "profile", enc="age"),
        "lies in '@place', a place of its owner's own": placed(data, "manifest", "profile", place="@place/"),
        "d@5 is stored without a file of kind 'manifest'": placed(data, "archive"),
    }
    for number, (stored, place) in enumerate(cases.values(), 3):
        write(data, place, version(number, stored, layout="blocks"))
    for number, words in enumerate(cases, 3):
        with pytest.raises(errors.SchemaError, match=words):
            data.load(f"dataset:d@{number}")
    reads(data)
    assert data.store.sweep(min_age=0).keys == ()
    assert data.store.verify("bytes").problems == ()
    assert data.datasets.add("d", FRAME[:1]).ref == "d@6"


def test_an_object_that_owns_a_prefix(data: mc.Project) -> None:
    """All below it is its own: nothing there is swept while something needs it, whatever it is called."""
    owner, checked_files = new_id(), data._session.blobs.checked_files
    own = [checked_files.store_bytes(f"files/{owner}", "page", ".bin", bytes([i]))["key"] for i in range(3)]
    place = Place(object=f"newer:{owner}", prefix=f"files/{owner}/").doc()
    write(data, place, version(3, f"newer:{owner}", layout="folder"))
    assert data.store.sweep(min_age=0).keys == ()
    assert data.store.verify("bytes").problems == ()
    data.store.drop("dataset:d@3")
    assert (*sorted(own),) == data.store.sweep(min_age=0).keys
    with pytest.raises(errors.VersionDeleted, match="the files of d@3 have been removed by a sweep"):
        data.store.restore("dataset:d@3")
    reads(data)


def test_a_list_of_files_nobody_can_read(data: mc.Project) -> None:
    """Nothing is swept while something needs what it lists; everything else is checked and goes on."""
    listed = data._session.blobs.checked_files.store_bytes(f"files/{new_id()}", "list", ".jsonl", b"sealed") | {
        "enc": "age"
    }
    write(data, Place(object="newer:many", listed=listed).doc(), version(3, "newer:many", layout="blocks"))
    reads(data)
    (problem,) = data.store.verify("bytes").problems
    assert (problem.kind, problem.key, problem.hurts) == ("unreadable", listed["key"], ("dataset:d@3",))
    assert data.store.info()["files"] == 7
    with pytest.raises(errors.SchemaError, match=r"nothing is swept.*that dataset:d@3 needs.*encrypted by 'age'"):
        data.store.sweep(min_age=0)
    assert data.datasets.add("d", FRAME[:1]).ref == "d@4"
    data.store.drop("dataset:d@3")
    assert data.store.sweep(min_age=0).keys == (listed["key"],)
    assert data.store.verify("bytes").problems == ()
    with pytest.raises(errors.VersionDeleted):
        data.store.restore("dataset:d@3")
