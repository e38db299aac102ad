"""A project in miniature for tests of the log: named things, the files they stand on, and what was swept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlcycle._digest import sha256_bytes
from mlcycle._ids import new_id
from mlcycle.errors import ConflictError, VersionDeleted
from mlcycle.storage import (
    Draft,
    Log,
    UpToDate,
    _checkpoints,
    _compaction,
    _entry_reader,
    _log_caches,
    _rollups,
    _verify_log,
    sweep,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import pytest

    from mlcycle.storage import Commit, Entry, Files, Snapshot, State, SweepResult


def small_rollups(patch: pytest.MonkeyPatch) -> int:
    """Let a rollup have eight entries in members of four, so that every case is quick."""
    for module in (_log_caches, _checkpoints, _compaction, _entry_reader, _rollups, _verify_log):
        patch.setattr(module, "ROLLUP", 8)
    patch.setattr(_rollups, "MEMBER", 4)
    return 8


class FarAway:
    """Files that are read many at once, as those over a network are."""

    can_append = False

    def __init__(self, files: Files) -> None:
        self._files = files

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)


class Shelf:
    """The fold: put a thing on the shelf, drop it, restore it, count a tick, sweep files."""

    def __init__(
        self, version: str = "shelf/1", extra_kinds: tuple[str, ...] = (), needs: tuple[str, ...] = ()
    ) -> None:
        self.version = version
        self.kinds = {"put", "drop", "restore", "tick", "sweep", *extra_kinds}
        self.needs = {*needs}

    def empty(self) -> State:
        """Return an empty shelf."""
        return {"things": {}, "dropped": [], "ticks": [], "gone": [], "skipped": []}

    def hold(self, state: State, entry: Entry | None = None) -> None:
        """Nothing is read late."""

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
                state["gone"] += change["swept"]
            elif change["kind"] not in self.kinds and change["kind"] not in state["skipped"]:
                state["skipped"].append(change["kind"])

    def obstacles(self, entry: Entry) -> list[str]:
        """Return the kinds and needs that are not understood, each once."""
        kinds = {change["kind"] for change in entry["changes"] if not change.get("optional")}
        unknown = [f"change {kind!r}" for kind in sorted(kinds - self.kinds)]
        return unknown + [f"need {need!r}" for need in entry["needs_write"] if need not in self.needs]

    def skipped(self, state: State) -> Collection[str]:
        """Return the kinds that were passed over."""
        found: list[str] = state["skipped"]
        return found

    def dump(self, state: State) -> dict[str, bytes]:
        """Return two parts."""
        rest = {key: value for key, value in state.items() if key != "ticks"}
        return {"shelf": json.dumps(rest).encode(), "ticks": json.dumps(state["ticks"]).encode()}

    def load(self, parts: Collection[str], read: Callable[[str], bytes]) -> State:
        """Read both parts at once."""
        if {*parts} != {"shelf", "ticks"}:
            raise ValueError(parts)
        rest = json.loads(read("shelf"))
        return {key: json.loads(read("ticks")) if key == "ticks" else rest[key] for key in self.empty()}


class ShelfLog(Log):
    """A log of the shelf, whose verb is of no interest."""

    def __init__(self, files: Files, fold: Shelf | None = None, **options: Any) -> None:
        super().__init__(files, fold or Shelf(), **options)

    def commit(
        self, propose: Callable[[Snapshot], Draft | UpToDate], *, verb: str = "shelf.change", **options: Any
    ) -> Commit:
        """Commit what is proposed."""
        return super().commit(propose, verb=verb, **options)


def named(now: Snapshot) -> dict[str, dict[str, Any]]:
    """Return the files of everything that is not dropped."""
    return {file["key"]: file for name, file in now.state["things"].items() if name not in now.state["dropped"]}


def owners(now: Snapshot) -> dict[str, list[str]]:
    """Return the things that stand on each file."""
    found: dict[str, list[str]] = {}
    for name, file in now.state["things"].items():
        found.setdefault(file["key"], []).append(name)
    return found


def hurt(now: Snapshot, keys: list[str]) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the things that lose their files to a sweep of these keys, and nothing further."""
    return [name for name, file in now.state["things"].items() if file["key"] in keys], []


def prefixes(now: Snapshot) -> list[str]:
    """Return where a sweep looks."""
    return ["files/"]


def do_sweep(log: Log, files: Files, **options: Any) -> SweepResult:
    """Sweep files of any age."""
    return sweep(log, files, named, **{"swept": hurt, "prefixes": prefixes, "min_age": 0, **options})


def upload(files: Files, data: bytes) -> dict[str, Any]:
    """Store bytes under a name nobody has used."""
    key = f"files/{new_id()}.bin"
    files.put(key, data)
    return {"key": key, "size": len(data), "sha256": sha256_bytes(data), "enc": None, "kind": "bin"}


class Swept(Exception):  # noqa: N818 - a signal
    """The file a draft names was swept meanwhile, or may have been."""


def put(name: str, file: dict[str, Any], log: Log | None = None, since: int = -1) -> Callable[[Snapshot], Draft]:
    """Propose to put a thing on the shelf, once, on a file that no sweep after entry `since` has named."""

    def propose(now: Snapshot) -> Draft:
        if name in now.state["things"]:
            raise ConflictError(f"{name} is there already")
        if log is not None and ((swept := log.swept_since(since)) is None or file["key"] in swept):
            raise Swept
        return Draft([{"kind": "put", "name": name, "file": file}])

    return propose


def restore(name: str) -> Callable[[Snapshot], Draft | UpToDate]:
    """Propose to restore a thing that is dropped and has its file."""

    def propose(now: Snapshot) -> Draft | UpToDate:
        if name not in now.state["dropped"]:
            return UpToDate()
        if name in now.state["gone"]:
            raise VersionDeleted(name)
        return Draft([{"kind": "restore", "name": name}])

    return propose


def drop(name: str) -> Callable[[Snapshot], Draft]:
    """Propose to drop a thing."""
    return lambda now: Draft([{"kind": "drop", "name": name}])


def tick(by: str = "t") -> Callable[[Snapshot], Draft]:
    """Propose to count one more."""
    return lambda now: Draft([{"kind": "tick", "by": by}])
