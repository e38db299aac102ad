"""Questions asked of a folded state: which version is meant, what is current, what is still named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from mlcycle._ids import Ref, name_key, near, parse_ref
from mlcycle.errors import InvalidInput, InvalidName, NotFound, VersionDeleted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Collection", "View", "doc_ref", "named_files", "of_kind", "owners_of"]

Doc = dict[str, Any]
Collection = Literal["datasets", "models"]


class View:
    """One state of the project, good only while the session's lock is held.

    Parameters
    ----------
    logical, placement : dict
        The two halves of a folded state (see `mlcycle.lifecycle._fold`).
    n : int
        The entry up to which the logical half is folded.
    """

    def __init__(self, logical: Doc, placement: Doc, n: int) -> None:
        self.logical = logical
        self.placement = placement
        self.n = n

    # names ---------------------------------------------------------------------------------------------------------

    def names(self, collection: str) -> list[str]:
        """Return the names in a collection, in alphabetical order."""
        return sorted(doc["name"] for doc in self.logical[collection].values())

    def named(self, collection: str, name: str) -> Doc:
        """Return the document of a name, or say which names look like it."""
        found: Doc | None = self.logical[collection].get(name_key(name))
        if found is None:
            known = self.names(collection)
            more = f" and {len(known) - 8} more" if len(known) > 8 else ""
            listing = f" There are: {', '.join(known[:8])}{more}." if known else f" There are no {collection} yet."
            raise NotFound(f"no {collection[:-1]} is called {name!r}.{listing}", near(name, known))
        return found

    def check_free(self, collection: str, name: str) -> None:
        """Refuse a name that differs from an existing one only in case."""
        found = self.logical[collection].get(name_key(name))
        if found is not None and found["name"] != name:
            raise InvalidName(
                f"{name!r} differs only in case from the {collection[:-1]} {found['name']!r}; use that name"
            )

    # versions ------------------------------------------------------------------------------------------------------

    def latest_number(self, collection: Collection, name: str) -> int | None:
        """Return the number `latest` means, or None where a name has no version standing."""
        doc = self.logical[collection].get(name_key(name))
        if doc is None:
            return None
        if collection == "datasets" and doc["head"] not in doc["dropped"]:
            return doc["head"]  # type: ignore[no-any-return]
        gone = {*doc["retracted"], *doc["dropped"]}
        return max((int(number) for number in doc["versions"] if int(number) not in gone), default=None)

    def next_number(self, collection: Collection, name: str) -> int:
        """Return the number the next version takes; numbers are never used twice."""
        doc = self.logical[collection].get(name_key(name))
        return 1 + max((int(number) for number in doc["versions"]), default=0) if doc else 1

    def version(self, collection: Collection, ref: str | Ref, *, dropped: bool = False) -> Doc:
        """Return the document of the version a ref means.

        Raises
        ------
        NotFound
            With near names, the numbers there are, or the aliases there are.
        VersionDeleted
            When it was dropped and `dropped` is False.
        """
        parsed = ref if isinstance(ref, Ref) else parse_ref(ref)
        kind = collection[:-1]
        if parsed.kind not in (None, kind):
            raise InvalidInput(f"{str(parsed)!r} names a {parsed.kind}; a {kind} is expected here")
        doc = self.named(collection, parsed.name)
        number = self._number(collection, doc, parsed)
        found: Doc | None = doc["versions"].get(str(number))
        if found is None:
            numbers = sorted(map(int, doc["versions"]))
            raise NotFound(f"{doc['name']} has no version {number}; there are {_ranges(numbers)}")
        if number in doc["dropped"] and not dropped:
            raise VersionDeleted(
                f"{doc['name']}@{number} was dropped; if no sweep has removed its files, "
                f"project.store.restore('{kind}:{doc['name']}@{number}') brings it back"
            )
        return found

    def _number(self, collection: Collection, doc: Doc, ref: Ref) -> int:
        if isinstance(ref.version, int):
            return ref.version
        if ref.version == "latest":
            number = self.latest_number(collection, doc["name"])
            if number is None:
                raise NotFound(f"every version of {doc['name']} was dropped or rolled back; name one by number")
            return number
        target = self.alias(doc["name"], ref.version) if collection == "models" else None
        if target is None:
            known = [alias for alias in doc.get("aliases", {}) if self.alias(doc["name"], alias) is not None]
            there = f"its aliases are {', '.join(sorted(known))}" if known else "it has no aliases"
            raise NotFound(f"{doc['name']} has no alias {ref.version!r}; {there}", near(ref.version, known))
        return target

    def alias(self, model: str, alias: str) -> int | None:
        """Return the number an alias of a model points at, or None."""
        doc = self.logical["models"].get(name_key(model))
        stack = doc["aliases"].get(alias, {}).get("stack") if doc else None
        return stack[-1]["to"] if stack else None

    def deployment(self, name: str) -> Doc:
        """Return the document of a deployment."""
        return self.named("deployments", name)

    def revision(self, deployment: Doc) -> Doc | None:
        """Return the revision a deployment points at, or None before its first route."""
        stack = deployment["stack"]
        if not stack or stack[-1]["to"] is None:
            return None
        found: Doc = deployment["revisions"][str(stack[-1]["to"])]
        return found

    def scope(self) -> Doc | None:
        """Return the newest scope, or None before the first."""
        return self.logical["scopes"][-1] if self.logical["scopes"] else None

    # files ---------------------------------------------------------------------------------------------------------

    def files(self, stored_object: str, what: str) -> list[Doc]:
        """Return where a stored object lives now; `what` names it if it is gone."""
        found: list[Doc] | None = self.placement["objects"].get(stored_object)
        if found is None:
            raise VersionDeleted(f"the files of {what} have been removed by a sweep")
        return found

    def live_objects(self) -> Iterator[tuple[str, str]]:
        """Yield every stored object that something standing names, with what names it."""
        for collection in ("datasets", "models"):
            for doc in self.logical[collection].values():
                for number, version in doc["versions"].items():
                    if int(number) not in doc["dropped"]:
                        for stored_object in self._closure(collection, version):
                            yield stored_object, f"{collection[:-1]}:{doc['name']}@{number}"
        for collection in ("evaluations", "decisions", "reports"):
            for doc in self.logical[collection]:
                yield doc["object"], f"{collection[:-1]}:{doc['id']}"
        for stored_object in self.placement["objects"]:
            if stored_object.startswith(("environment:", "code:")):
                yield stored_object, stored_object

    def _closure(self, collection: str, version: Doc) -> Iterable[str]:
        """Yield the objects a version needs; a selection needs its parent's rows as well."""
        yield version["object"]
        if collection == "datasets" and version["type"] == "selection":
            parent = self.version("datasets", version["parents"][0], dropped=True)
            yield from self._closure("datasets", parent)


def named_files(state: Doc) -> dict[str, Doc]:
    """Return every file something standing names, by key; what a sweep must not touch."""
    view = View(state["logical"], state["placement"], -1)
    objects = state["placement"]["objects"]
    return {file["key"]: file for name, _ in view.live_objects() for file in objects.get(name, ())}


def owners_of(state: Doc, key: str) -> list[str]:
    """Return the versions and records that a file belongs to, as refs."""
    view = View(state["logical"], state["placement"], -1)
    objects = state["placement"]["objects"]
    return sorted({owner for name, owner in view.live_objects() if any(f["key"] == key for f in objects.get(name, ()))})


def of_kind(files: list[Doc], kind: str) -> Doc:
    """Return the one file of a stored object that is of a kind."""
    return next(file for file in files if file["kind"] == kind)


def doc_ref(doc: Doc) -> str:
    """Return the address of a version's document."""
    return f"{doc['name']}@{doc['number']}"


def _ranges(numbers: list[int]) -> str:
    if not numbers:
        return "none"
    return f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 2 else " and ".join(map(str, numbers))
