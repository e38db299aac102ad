"""Stored objects: where their files lie, found again when they moved, and told when they are gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import mlcycle as mc
from mlcycle._ids import new_id
from mlcycle.errors import Corrupt, MlcycleWarning, NotFound, SchemaError, VersionDeleted
from mlcycle.lifecycle.blobs import Blobs, readable
from mlcycle.state import FactAdd, Place
from mlcycle.storage._entries import entry_key
from mlcycle.testing import FaultyFiles

Doc = dict[str, Any]


def keep(project: mc.Project, name: str, count: int = 1) -> list[Doc]:
    """Keep an object of some files, and return them."""
    blobs = project._session.blobs
    folder = f"files/{new_id()}"
    files = [
        blobs.checked_files.store_document(folder, f"kind {number}", {"number": number}) for number in range(count)
    ]
    place = blobs.place(name, files, folder)
    fact = FactAdd(of="pin", id=new_id(), subject=name, needs=[name])
    project._session.operate("keep", lambda do: do.commit(lambda view: [place, fact]))
    return files


@pytest.mark.parametrize("count", [1, 64, 65])
def test_files_come_back(anywhere: mc.Project, count: int) -> None:
    """Told in the entry, or where they are too many by a list file in their folder; in order, also in a new process."""
    files = keep(anywhere, "thing:a", count)
    again = mc.open(anywhere.store.url, storage_options=anywhere._session.log.files.storage_options)
    for project in (anywhere, again):
        assert project._session.blobs.files_of("thing:a", "a@1") == files
    (place,) = [one for one in again._session.log.entry(1)["changes"] if one["kind"] == "place"]
    assert ("listed" in place and place["listed"] is not None) == (count > 64)
    assert again.store.verify("bytes").problems == ()


def test_the_file_of_a_kind(project: mc.Project) -> None:
    """One of several; where there is none, a newer library keeps the object in another way."""
    files = keep(project, "thing:a", 3)
    blobs = project._session.blobs
    assert blobs.file_of("thing:a", "kind 2", "a@1") == files[2]
    assert blobs.document("thing:a", "kind 2", "a@1") == {"number": 2}
    with pytest.raises(SchemaError, match=r"a@1 is stored without a file of kind 'kind 3', .*upgrade mlcycle"):
        blobs.document("thing:a", "kind 3", "a@1")


def test_an_object_that_was_never_placed(project: mc.Project) -> None:
    """It is told by what it is to a user."""
    with pytest.raises(VersionDeleted, match="a@1"):
        project._session.blobs.files_of("thing:a", "a@1")


def moved(project: mc.Project, files: list[Doc]) -> list[Doc]:
    """Move an object as a compaction does: its files lie elsewhere by the log, and are gone where they lay."""
    blobs, folder = project._session.blobs, f"files/{new_id()}"
    anew = [
        blobs.checked_files.store_bytes(folder, one["kind"], ".json", blobs.checked_files.read_file(one, "a@1"))
        for one in files
    ]
    place = Place(object="thing:a", files=anew)
    project._session.operate("compact", lambda do: do.commit(lambda view: [place]))
    blobs.checked_files.files.delete([one["key"] for one in files])
    return anew


def test_what_moved_is_looked_for_again(anywhere: mc.Project) -> None:
    """One look is spent where a file is missing, and none where it is there; who did not know of it finds it."""
    files = keep(anywhere, "thing:a")
    other = mc.open(anywhere.store.url, storage_options=anywhere._session.log.files.storage_options)
    session = other._session
    counted = FaultyFiles(session.log.files, None)
    session._connection.use_files(counted)
    session.view()
    anew = moved(anywhere, files)
    counted.calls.clear()
    assert session.blobs.document("thing:a", "kind 0", "a@1") == {"number": 0}
    keys = [key for _, key in counted.calls]
    looked = [key for key in keys if key.startswith("log/")]
    assert [key for key in keys if key not in looked] == [files[0]["key"], anew[0]["key"]]
    assert looked in (
        [entry_key(2), entry_key(3)],
        [entry_key(2), entry_key(3), entry_key(4)],
    )  # far away it reads ahead
    counted.calls.clear()
    assert session.blobs.document("thing:a", "kind 0", "a@1") == {"number": 0}
    assert counted.calls == []


def reading(blobs: Blobs, read: Callable[[], Any]) -> Any:
    """Read something of an object."""
    return blobs.reading("a@1", read)


@pytest.mark.parametrize("times", [1, 3, 4])
def test_compactions_may_overtake_a_reader(project: mc.Project, times: int) -> None:
    """It follows a few; who never catches up is told what is hurt, and how to see more."""
    files, tries = keep(project, "thing:a"), []
    blobs = project._session.blobs

    def read() -> bytes:
        (file,) = blobs.files_of("thing:a", "a@1")
        tries.append(file["key"])
        if len(tries) <= times:
            files[:] = moved(project, [file])
        return blobs.checked_files.read_file(file, "a@1")

    if times < 4:
        assert b'"number":0' in reading(blobs, read)
        assert len(set(tries)) == times + 1
    else:
        with pytest.raises(VersionDeleted, match=r"a file of a@1 is gone .*project\.store\.verify\(\)"):
            reading(blobs, read)
        assert len(set(tries)) == 4


def test_what_is_missing_or_damaged_is_told(project: mc.Project) -> None:
    """A lost file names the version it hurts; damage is not looked for again."""
    (file,) = keep(project, "thing:a")
    blobs, looks = project._session.blobs, []
    blobs._look = lambda: looks.append(1)  # type: ignore[assignment,return-value]
    blobs.checked_files.files.put(file["key"], b"torn")
    with pytest.raises(Corrupt, match=f"{file['key']} of a@1 is damaged"):
        reading(blobs, lambda: blobs.checked_files.read_file(file, "a@1"))
    assert looks == []
    blobs.checked_files.files.delete([file["key"]])
    with pytest.raises(VersionDeleted, match=f"a file of a@1 is gone .*{file['key']}"):
        reading(blobs, lambda: blobs.checked_files.read_file(file, "a@1"))
    assert len(looks) == 3


def test_one_of_a_newer_library_hides_no_other() -> None:
    """What can be read comes back in order; of the rest it is said why not."""

    def read(n: int) -> str:
        if n == 2:
            raise SchemaError("d@2 needs 'pieces'; upgrade mlcycle")
        return f"d@{n}"

    with pytest.warns(MlcycleWarning, match="d@2 needs 'pieces'"):
        assert readable(read, iter([1, 2, 3])) == ["d@1", "d@3"]


def test_another_error_is_not_passed_over() -> None:
    """Damage and what is not there come out."""
    with pytest.raises(NotFound):
        readable(lambda n: (_ for _ in ()).throw(NotFound("away")), [1])
