"""Stored objects: where their files lie, told in an entry, or in a list file where there are many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from mlcycle._warn import warn
from mlcycle.errors import SchemaError
from mlcycle.state import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlcycle.lifecycle._session import Session

__all__ = ["file_of", "files_of", "place", "readable"]

Doc = dict[str, Any]
R = TypeVar("R")
T = TypeVar("T")
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


def readable(read: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """Return what can be read of several things: one of a newer library hides no other, and a warning tells of it."""
    found = []
    for one in things:
        try:
            found.append(read(one))
        except SchemaError as error:
            warn(str(error))
    return found
