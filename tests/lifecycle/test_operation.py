"""One operation: its work is done again when a sweep took what it uploaded, and an op belongs to one verb."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

import mlcycle as mc
from mlcycle import errors
from mlcycle._ids import new_id
from mlcycle.lifecycle._operation import Operation
from mlcycle.state import Place, TagSet


def project() -> mc.Project:
    """Return an empty project."""
    return mc.open(f"memory://operation-{uuid.uuid4().hex}", create=True, author="ada")


def test_what_was_swept_before_the_commit_is_uploaded_again() -> None:
    """From a new look; what is committed names the file that is there."""
    mine = project()
    session, files = mine._session, mine._session.files
    looks: list[int] = []
    keys: list[str] = []

    def work(do: Operation) -> Any:
        looks.append(do.view.n)
        file = do.upload(lambda: session.blobs.depot.store_bytes(f"files/{new_id()}", "artifact", ".bin", b"one"))
        keys.append(file["key"])
        if len(keys) == 1:
            mc.open(mine._session.url, author="bob").store.sweep(min_age=0)
        return do.commit(lambda view: [Place(object="one:1", files=[file]), TagSet(name="one", to=0)])

    done = session.operate("store.tag", work)
    assert looks == [0, 1]
    assert done.change(Place).files[0]["key"] == keys[1] != keys[0]
    assert [item.key for item in files.list("files/")] == [keys[1]]


def test_an_op_belongs_to_one_verb() -> None:
    """Whatever the two would write."""
    session = project()._session

    def work(do: Operation) -> Any:
        return do.commit(lambda view: [TagSet(name="here", to=0)])

    first = session.operate("store.tag", work, op="job")
    assert session.operate("store.tag", work, op="job").entry == first.entry
    with pytest.raises(errors.ConflictError, match="op='job' was used already"):
        session.operate("store.mark", work, op="job")
    assert session.view().n == 1
