"""Stored objects: where their files lie, told in an entry, or in a list file where there are many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle.errors import SchemaError
from mlcycle.state import Place

if TYPE_CHECKING:
    from mlcycle.lifecycle._session import Session

__all__ = ["file_of", "files_of", "place"]

Doc = dict[str, Any]
_FILES_IN_ENTRY = 64  # descriptions of 250 bytes, in an entry of 64 KB that may hold several objects


def place(session: Session, stored_object: str, files: list[Doc], owner: str) -> Place:
    """Return where a new object lies; more files than an entry can hold are told by a list file of its owner."""
    if len(files) <= _FILES_IN_ENTRY:
        return Place(object=stored_object, files=files)
    return Place(object=stored_object, listed=session.depot.store_list(owner, files))


def files_of(session: Session, stored_object: str, what: str) -> list[Doc]:
    """Return the files of a stored object, by the newest state this session has seen; `what` names it if it is gone."""
    place = session.view(refresh=False).placed.get(stored_object, what)
    return [*place.files, *(session.depot.listed(place.listed, what) if place.listed else ())]


def file_of(session: Session, stored_object: str, kind: str, what: str) -> Doc:
    """Return the one file of a stored object that is of a kind.

    Raises
    ------
    SchemaError
        Where there is none: a newer library keeps it in another way.
    """
    for file in files_of(session, stored_object, what):
        if file.get("kind") == kind:
            return file
    raise SchemaError(
        f"{what} is stored without a file of kind {kind!r}, in a way this mlcycle does not know; "
        "upgrade mlcycle to read it"
    )
