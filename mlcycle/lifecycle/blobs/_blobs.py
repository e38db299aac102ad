"""Stored objects: where their files lie, told in an entry, or in a list file where there are many."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

from mlcycle._warn import warn
from mlcycle.errors import SchemaError, VersionDeleted
from mlcycle.state import Place
from mlcycle.storage import address_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlcycle.lifecycle.blobs._checked_files import CheckedFiles
    from mlcycle.state import View

__all__ = ["Blobs", "readable"]

Doc = dict[str, Any]
R = TypeVar("R")
T = TypeVar("T")
_FILES_IN_ENTRY = 64  # descriptions of 250 bytes, in an entry of 64 KB that may hold several objects
_LOOKS = 4  # twice would do, but for two compactions overtaking one reader


class Blobs:
    """The stored objects of one store, found by the newest entry this process has seen.

    Parameters
    ----------
    checked_files : CheckedFiles
        Their files.
    seen, look : callable
        The project by the newest entry seen, and by the newest there is: files move, and only the newest knows where.
    """

    def __init__(self, checked_files: CheckedFiles, seen: Callable[[], View], look: Callable[[], View]) -> None:
        self.checked_files = checked_files
        self._seen, self._look = seen, look

    @property
    def identity(self) -> tuple[str, str | None]:
        """The id of the store, which whoever can read it knows and can copy, and where it is, if that can be told."""
        return self._seen().state.id or "", address_of(self.checked_files.files)

    def place(self, stored_object: str, files: list[Doc], folder: str) -> Place:
        """Return where a new object lies; more files than an entry can hold are told by a list file in its folder."""
        if len(files) <= _FILES_IN_ENTRY:
            return Place(object=stored_object, files=files)
        return Place(object=stored_object, listed=self.checked_files.store_list(folder, files))

    def files_of(self, stored_object: str, what: str) -> list[Doc]:
        """Return the files of a stored object; `what` names it if it is gone.

        Raises
        ------
        VersionDeleted
            When a sweep took it.
        """
        place = self._seen().placed.get(stored_object, what)
        return [*place.files, *(self.checked_files.listed(place.listed, what) if place.listed else ())]

    def file_of(self, stored_object: str, kind: str, what: str) -> Doc:
        """Return the one file of a stored object that is of a kind.

        Raises
        ------
        SchemaError
            Where there is none: a newer library keeps it in another way.
        """
        for file in self.files_of(stored_object, what):
            if file.get("kind") == kind:
                return file
        raise SchemaError(
            f"{what} is stored without a file of kind {kind!r}, in a way this mlcycle does not know; "
            "upgrade mlcycle to read it"
        )

    def document(self, stored_object: str, kind: str, what: str) -> Any:
        """Return the JSON document a stored object keeps in a file of a kind; never change what comes back."""
        return self.reading(
            what, lambda: self.checked_files.read_document(self.file_of(stored_object, kind, what), what)
        )

    def reading(self, what: str, read: Callable[[], T]) -> T:
        """Return what `read` makes of files it asks for here; look again where one is missing.

        Raises
        ------
        VersionDeleted
            When it is nowhere.
        """
        for _ in range(_LOOKS - 1):
            with contextlib.suppress(FileNotFoundError):
                return read()
            self._look()
        try:
            return read()
        except FileNotFoundError as error:
            raise VersionDeleted(
                f"a file of {what} is gone ({error}); project.store.verify() lists what is hurt"
            ) from error


def readable(read: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """Return what can be read of several things: one of a newer library hides no other, and a warning tells of it."""
    found = []
    for one in things:
        try:
            found.append(read(one))
        except SchemaError as error:
            warn(str(error))
    return found
