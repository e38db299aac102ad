"""Whole-project rollback: every pointer back to where it stood, as one entry; what was made later is retracted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle import records
from mlcycle._ids import name_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.lifecycle._view import Collection, View

__all__ = ["changes_to", "moves_of"]

Doc = dict[str, Any]


def changes_to(now: View, then: View) -> list[Doc]:
    """Return the changes that set datasets' heads, aliases and routes of `now` to what they were `then`.

    Scope, runs, evaluations, decisions, labels and reports are facts and stay.
    """
    return [*_heads(now, then), *_aliases(now, then), *_routes(now, then), *_retractions(now, then)]


def _heads(now: View, then: View) -> Iterator[Doc]:
    for key, doc in now.logical["datasets"].items():
        former = then.logical["datasets"].get(key, {"head": None})["head"]
        if doc["head"] != former:
            yield {"kind": "dataset.head", "name": doc["name"], "before": doc["head"], "after": former}


def _aliases(now: View, then: View) -> Iterator[Doc]:
    for doc in now.logical["models"].values():
        for alias in doc["aliases"]:
            before, after = now.alias(doc["name"], alias), then.alias(doc["name"], alias)
            if before != after:
                move = {"name": doc["name"], "alias": alias, "before": before, "after": after}
                yield {"kind": "alias.move", **move, "how": "project", "to_entry": then.n}


def _routes(now: View, then: View) -> Iterator[Doc]:
    for key, doc in now.logical["deployments"].items():
        former_doc = then.logical["deployments"].get(key)
        former = then.revision(former_doc) if former_doc else None
        current = now.revision(doc)
        before, after = (one["number"] if one else None for one in (current, former))
        if before != after:
            move = {"deployment": doc["name"], "before": before, "after": after}
            yield {"kind": "route.move", **move, "how": "project", "to_entry": then.n}


def _retractions(now: View, then: View) -> Iterator[Doc]:
    collections: tuple[Collection, ...] = ("datasets", "models")
    for collection in collections:
        for key, doc in now.logical[collection].items():
            former = then.logical[collection].get(key)
            before = set(former["retracted"]) if former else set()
            later = {int(n) for n, version in doc["versions"].items() if version["entry"] > then.n}
            numbers = sorted(before | later)
            if numbers != doc["retracted"]:
                yield {"kind": "version.retracted", "of": collection, "name": doc["name"], "numbers": numbers}


def moves_of(now: View, changes: list[Doc]) -> list[records.Move]:
    """Return the pointers that changes would move, for people."""
    return [_MOVES[change["kind"]](now, change) for change in changes if change["kind"] in _MOVES]


def _head_move(now: View, change: Doc) -> records.Move:
    doc = now.logical["datasets"][name_key(change["name"])]
    author = doc["versions"][str(change["before"])]["author"] if change["before"] is not None else ""
    return _pointer("dataset", change["name"], "latest", change, f"{change['name']}@{{}}", author)


def _alias_move(now: View, change: Doc) -> records.Move:
    moves = now.logical["models"][name_key(change["name"])]["aliases"][change["alias"]]["moves"]
    return _pointer("alias", change["name"], change["alias"], change, f"{change['name']}@{{}}", moves[-1]["author"])


def _route_move(now: View, change: Doc) -> records.Move:
    moves = now.logical["deployments"][name_key(change["deployment"])]["moves"]
    author = moves[-1]["author"] if moves else ""
    return _pointer("route", change["deployment"], "revision", change, "revision {}", author)


def _pointer(kind: str, name: str, pointer: str, change: Doc, shown: str, author: str) -> records.Move:
    before, after = (None if change[end] is None else shown.format(change[end]) for end in ("before", "after"))
    return records.Move(kind=kind, name=name, pointer=pointer, before=before, after=after, author=author)


_MOVES = {"dataset.head": _head_move, "alias.move": _alias_move, "route.move": _route_move}
