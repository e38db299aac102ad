"""A log in a list, for tests of what entries mean: written change by change, looked at after any of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlcycle.state import (
    Change,
    FactAdd,
    NameSet,
    Place,
    PointerMove,
    ProjectFold,
    ProjectRollback,
    State,
    Version,
    VersionAdd,
    VersionMark,
    View,
    resolve,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

Doc = dict[str, Any]


class SmallLog:
    """Entries in a list, folded as they come.

    Attributes
    ----------
    entries : list of dict
        What was written.
    state : State
        What they fold into.
    reads : list of int
        The entries that views asked for.
    """

    def __init__(self) -> None:
        self.fold = ProjectFold()
        self.entries: list[Doc] = []
        self.state: State = self.fold.empty()
        self.reads: list[int] = []

    def write(self, *changes: Change | Doc) -> int:
        """Fold one entry with these changes, as it comes back from a file; return its number."""
        n = len(self.entries)
        docs = [change.doc() if isinstance(change, Change) else change for change in changes]
        stamp = {"author": "ada", "at": f"2026-11-23T00:{n // 60:02}:{n % 60:02}.000000Z", "message": f"entry {n}"}
        entry: Doc = json.loads(json.dumps({"n": n, **stamp, "needs_read": [], "needs_write": [], "changes": docs}))
        self.fold.apply(self.state, entry)
        self.entries.append(entry)
        return n

    def read(self, n: int) -> Doc:
        """Return an entry, and note that it was asked for."""
        self.reads.append(n)
        return self.entries[n]

    def view(self, n: int | None = None) -> View:
        """Return the project as it stands, or as it stood after an entry."""
        return View(self.state, self.read, n)

    def version(self, ref: str) -> Version:
        """Return a version, dropped or not."""
        return resolve(self.view(), ref, dropped=True)

    # entries as the library writes them ----------------------------------------------------------------------------

    def add(self, of: str, name: str, *, needs: Sequence[str] = (), uses: Sequence[str] = (), **says: Any) -> int:
        """Add the next version of a name, with a file of its own."""
        number = self.view().versions.next_number(of, name)
        own = f"{of}:{name}-{number}"
        begun = [] if self.view().names.get(of, name) else [NameSet(of=of, name=name, id=f"id-{name}")]
        made_from = says.pop("made_from", [])
        return self.write(
            *begun,
            Place(object=own, files=[{"key": f"files/{name}-{number}", "size": 1}]),
            VersionAdd(
                of=of,
                name=name,
                number=number,
                needs=[own, *needs],
                uses=list(uses),
                made_from=list(made_from),
                says=says,
            ),
        )

    def move(self, of: str, name: str, pointer: str, after: int | None, **how: Any) -> int:
        """Move a pointer."""
        before = self.view().pointers.at(of, name, pointer)
        return self.write(PointerMove(of=of, name=name, pointer=pointer, before=before, after=after, **how))

    def mark(self, of: str, name: str, mark: str, *numbers: int, on: bool = True) -> int:
        """Mark versions, or without numbers the thing itself."""
        return self.write(VersionMark(of=of, name=name, mark=mark, on=on, numbers=[[i, i] for i in numbers]))

    def back(self, to: int, *keep: str) -> int:
        """Roll the project back."""
        return self.write(ProjectRollback(to=to, keep=list(keep)))

    def fact(self, of: str, identity: str, subject: str, *about: str, **says: Any) -> int:
        """Add a fact, with a file of its own."""
        own = f"{of}:{identity}"
        placed = Place(object=own, files=[{"key": f"files/{identity}", "size": 1}])
        return self.write(
            placed, FactAdd(of=of, id=identity, subject=subject, about=list(about), needs=[own], says=says)
        )


def promoted(*numbers: int, of: str = "model") -> SmallLog:
    """Return a log whose pointer has been at these versions, one entry after the other; entry 0 is the project's."""
    log = SmallLog()
    log.write({"kind": "project.create", "id": "p"})
    for number in numbers:
        while log.view().versions.next_number(of, "m") <= number:
            log.add(of, "m")
        log.move(of, "m", "production", number, how="promote")
    return log
