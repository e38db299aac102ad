"""A project in miniature for tests of the log: named things, the files they stand on, and what was swept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle._digest import sha256_bytes
from mlcycle._ids import new_id
from mlcycle.errors import ConflictError
from mlcycle.storage import Draft

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlcycle.storage import Entry, Files, Snapshot, State

PREFIXES = ["files/"]


class Shelf:
    """The fold: put a thing on the shelf, drop it, restore it, count a tick, sweep files."""

    def __init__(self, version: int = 1, extra_kinds: tuple[str, ...] = (), needs: tuple[str, ...] = ()) -> None:
        self.version = version
        self.kinds = {"put", "drop", "restore", "tick", "sweep", *extra_kinds}
        self.needs = {*needs}

    def empty(self) -> State:
        """Return an empty shelf."""
        return {"things": {}, "dropped": [], "ticks": [], "doomed": {}}

    def apply(self, state: State, entry: Entry) -> None:
        """Do what the entry says; pass over what is not understood."""
        for change in entry["changes"]:
            if change["kind"] == "put":
                state["things"][change["name"]] = change["file"]
            elif change["kind"] == "drop":
                state["dropped"].append(change["name"])
            elif change["kind"] == "restore":
                state["dropped"].remove(change["name"])
            elif change["kind"] == "tick":
                state["ticks"].append(change["by"])
            elif change["kind"] == "sweep":
                state["doomed"].update(dict.fromkeys(change["keys"], entry["n"]))


def named(state: State) -> dict[str, dict[str, Any]]:
    """Return the files of everything that is not dropped."""
    return {file["key"]: file for name, file in state["things"].items() if name not in state["dropped"]}


def owners(state: State, key: str) -> list[str]:
    """Return the things that stand on a file."""
    return [name for name, file in state["things"].items() if file["key"] == key]


def doomed(state: State) -> dict[str, int]:
    """Return the keys that sweeps have named."""
    found: dict[str, int] = state["doomed"]
    return found


def upload(files: Files, data: bytes) -> dict[str, Any]:
    """Store bytes under a name nobody has used."""
    key = f"files/{new_id()}.bin"
    files.put(key, data)
    return {"key": key, "size": len(data), "sha256": sha256_bytes(data), "enc": None, "kind": "bin"}


class Swept(Exception):  # noqa: N818 - a signal
    """The file a draft names was swept meanwhile."""


def put(name: str, file: dict[str, Any]) -> Callable[[Snapshot], Draft]:
    """Propose to put a thing on the shelf, once, on a file that no sweep has named."""

    def propose(now: Snapshot) -> Draft:
        if name in now.state["things"]:
            raise ConflictError(f"{name} is there already")
        if file["key"] in now.state["doomed"]:
            raise Swept
        return Draft([{"kind": "put", "name": name, "file": file}], uses=[file["key"]])

    return propose


def drop(name: str) -> Callable[[Snapshot], Draft]:
    """Propose to drop a thing."""
    return lambda now: Draft([{"kind": "drop", "name": name}])


def tick(by: str = "t") -> Callable[[Snapshot], Draft]:
    """Propose to count one more."""
    return lambda now: Draft([{"kind": "tick", "by": by}])
