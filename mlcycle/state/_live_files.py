"""What must stay: the files of everything that stands, and whose they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from mlcycle._ids import name_key
from mlcycle.errors import Corrupt, SchemaError
from mlcycle.state._change_kinds import FactAdd, NameSet, VersionAdd
from mlcycle.state._file_changes import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mlcycle.state._view import View

__all__ = ["KeptKeys", "LiveFiles", "find_live_files"]

Doc = dict[str, Any]


@frozen
class KeptKeys:
    """Keys, and all that lie below some prefixes."""

    keys: frozenset[str]
    prefixes: tuple[str, ...]

    def __contains__(self, key: object) -> bool:
        return key in self.keys or (isinstance(key, str) and key.startswith(self.prefixes))


@frozen
class LiveFiles:
    """Every stored object whose place is known, with its files, and what needs it.

    Attributes
    ----------
    files : dict
        Stored object to the descriptions of its files, its list file among them.
    prefixes : dict
        Stored object to the prefix it owns.
    owners : dict
        Stored object to the refs of what stands and needs it; an object that nothing needs is garbage.
    unread : dict
        Stored object to why its list file cannot be read; of its files only that one is known.
    """

    files: dict[str, list[Doc]] = field(factory=dict)
    prefixes: dict[str, str] = field(factory=dict)
    owners: dict[str, list[str]] = field(factory=dict)
    unread: dict[str, Exception] = field(factory=dict)

    def live(self) -> dict[str, Doc]:
        """Return every file that something standing needs, by key; what a sweep must not touch."""
        return {file["key"]: file for one in self.owners for file in self.files.get(one, ())}

    def kept(self) -> KeptKeys:
        """Return the keys that a sweep must not touch: of files, and below prefixes.

        Raises
        ------
        Corrupt, SchemaError
            Where a list of what must stay cannot be read: anything may be on it.
        """
        for one in sorted(self.unread.keys() & self.owners.keys()):
            kind = SchemaError if isinstance(self.unread[one], SchemaError) else Corrupt
            whose = ", ".join(self.owners[one][:3])
            raise kind(
                f"nothing is swept, because the list of files that {whose} needs says what stays: {self.unread[one]}"
            )
        prefixes = [self.prefixes[one] for one in self.prefixes.keys() & self.owners.keys()]
        return KeptKeys(frozenset(self.live()), tuple(prefixes))

    def without(self, objects: Iterable[str]) -> LiveFiles:
        """Return it as it is when nothing needs some objects any more."""
        gone = {*objects}
        owners = {one: owners for one, owners in self.owners.items() if one not in gone}
        return evolve(self, owners=owners)

    def owners_of(self) -> dict[str, list[str]]:
        """Return, for each file, the refs that need it, sorted."""
        found: dict[str, set[str]] = {}
        for one, owners in self.owners.items():
            for file in self.files.get(one, ()):
                found.setdefault(file["key"], set()).update(owners)
        return {key: sorted(owners) for key, owners in found.items()}

    def objects_with(self, keys: Iterable[str]) -> list[str]:
        """Return every object, standing or not, of whose files any is among some keys, or could be."""
        wanted = {*keys}
        found = {one for one, files in self.files.items() if any(file["key"] in wanted for file in files)}
        found |= {one for one, prefix in self.prefixes.items() if any(key.startswith(prefix) for key in wanted)}
        found |= self.unread.keys() - self.owners.keys()
        return sorted(found)


def find_live_files(view: View, entries: Iterable[Doc], listed: Callable[[Doc], list[Doc]]) -> LiveFiles:
    """Return what stands by a view, in one pass over the log: no layout is understood, only what is needed.

    Parameters
    ----------
    view : View
        The newest.
    entries : iterable of dict
        All entries up to it, in order.
    listed : callable
        The description of a list file to the descriptions it lists; what that raises is kept.
    """
    live_files = LiveFiles()
    for entry in entries:
        for doc in entry["changes"]:
            if doc["kind"] == Place.kind and view.state.placed.get(doc["object"]) == entry["n"]:
                place = Place.read(doc)
                _note(live_files, place, listed)
            for ref, needs in _standing(view, doc):
                for one in needs:
                    live_files.owners.setdefault(one, []).append(ref)
    return live_files


def _note(live_files: LiveFiles, place: Place, listed: Callable[[Doc], list[Doc]]) -> None:
    files = live_files.files[place.object] = place.named()
    if place.prefix:
        live_files.prefixes[place.object] = place.prefix
    if place.listed:
        try:
            files += listed(place.listed)
        except (Corrupt, SchemaError, FileNotFoundError) as error:
            live_files.unread[place.object] = error


def _standing(view: View, doc: Doc) -> Iterator[tuple[str, list[str]]]:
    """Yield what a change brought, if it still stands, and the objects it needs."""
    kind, needs = doc["kind"], doc.get("needs")
    if not needs or kind not in (VersionAdd.kind, FactAdd.kind, NameSet.kind):
        return
    thing = doc["id"] if kind == FactAdd.kind else doc["name"]
    if kind == VersionAdd.kind:
        if not _dropped(view, doc["of"], thing, doc["number"]):
            yield f"{doc['of']}:{thing}@{doc['number']}", needs
    elif view.marks.stands(doc["of"], thing):
        yield f"{doc['of']}:{thing}", needs


def _dropped(view: View, of: str, name: str, number: int) -> bool:
    index = view.names.get(of, name_key(name))
    return index is not None and bool(index.marks) and bool({0, number} & view.marks.numbers(of, index, "dropped"))
