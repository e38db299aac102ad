"""The meaning of every change in the log: entries folded into one state, in order, and nothing else.

The state is plain JSON with two halves. ``logical`` is what a project says (versions, pointers, decisions) and what
``project.at(n)`` rewinds. ``placement`` says where bytes live now: ``objects`` maps the id of a stored object to its
files, ``doomed`` holds every key a sweep has named. Placement is always read at the newest entry, so files can move
without history changing.

To add a kind of change: write its function below and name it in `_KINDS`. Older libraries then open the project
read-only. A change in how an *existing* kind folds needs a new `version` here, so that old checkpoints are ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle._ids import name_key

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ProjectFold"]

Doc = dict[str, Any]


class ProjectFold:
    """What the log means; handed to `mlcycle.storage.Log`, which knows only that entries have changes."""

    version = 1

    def __init__(self) -> None:
        self.kinds = frozenset(_KINDS)
        self.needs: frozenset[str] = frozenset()

    def empty(self) -> Doc:
        """Return the state before the first entry."""
        logical: Doc = {
            "id": None,
            "scopes": [],
            "datasets": {},
            "models": {},
            "experiments": {},
            "deployments": {},
            "evaluations": [],
            "decisions": [],
            "reports": [],
            "tags": {},
            "dropped_runs": [],
        }
        return {"logical": logical, "placement": {"objects": {}, "doomed": {}}}

    def apply(self, state: Doc, entry: Doc) -> None:
        """Fold one entry into the state, in place; kinds of a newer library are passed over."""
        stamp = {"author": entry["author"], "at": entry["at"], "message": entry["message"], "entry": entry["n"]}
        for change in entry["changes"]:
            kind = change["kind"]
            if kind in _PLACEMENT:
                _PLACEMENT[kind](state["placement"], change, entry["n"])
            elif kind in _LOGICAL:
                _LOGICAL[kind](state["logical"], change, stamp)


def _facts(change: Doc, stamp: Doc) -> Doc:
    return {key: value for key, value in change.items() if key != "kind"} | stamp


def _create(logical: Doc, change: Doc, stamp: Doc) -> None:
    logical["id"] = change["id"]


def _set_scope(logical: Doc, change: Doc, stamp: Doc) -> None:
    logical["scopes"].append(_facts(change, stamp))


def _named(logical: Doc, collection: str, change: Doc, name: str, empty: Doc) -> Doc:
    found: Doc = logical[collection].setdefault(name_key(change[name]), {"name": change[name], **empty})
    return found


def _add_dataset(logical: Doc, change: Doc, stamp: Doc) -> None:
    empty: Doc = {"versions": {}, "head": None, "retracted": [], "dropped": []}
    dataset = _named(logical, "datasets", change, "name", empty)
    dataset["versions"][str(change["number"])] = _facts(change, stamp)
    dataset["head"] = change["number"]


def _move_head(logical: Doc, change: Doc, stamp: Doc) -> None:
    logical["datasets"][name_key(change["name"])]["head"] = change["after"]


def _add_model(logical: Doc, change: Doc, stamp: Doc) -> None:
    empty: Doc = {"versions": {}, "aliases": {}, "retracted": [], "dropped": []}
    model = _named(logical, "models", change, "name", empty)
    model["versions"][str(change["number"])] = _facts(change, stamp)


def _move_alias(logical: Doc, change: Doc, stamp: Doc) -> None:
    aliases = logical["models"][name_key(change["name"])]["aliases"]
    alias = aliases.setdefault(change["alias"], {"stack": [], "moves": []})
    _move(alias, change, stamp)


def _move(pointer: Doc, change: Doc, stamp: Doc) -> None:
    """Move a pointer and keep the stack of states that were not themselves rolled back.

    Setting pushes. A rollback drops the states above its target; a project rollback drops what was pushed after
    the entry it returns to. The top of the stack is the present state.
    """
    stack = pointer["stack"]
    after = change["after"]
    if change["how"] == "rollback":
        stack.pop()
    elif change["how"] == "project":
        while stack and stack[-1]["entry"] > change["to_entry"]:
            stack.pop()
    if (stack[-1]["to"] if stack else None) != after:
        stack.append({"to": after, "entry": stamp["entry"]})
    pointer["moves"].append(_facts(change, stamp))


def _set_retracted(logical: Doc, change: Doc, stamp: Doc) -> None:
    logical[change["of"]][name_key(change["name"])]["retracted"] = change["numbers"]


def _drop(logical: Doc, change: Doc, stamp: Doc) -> None:
    if change["of"] == "runs":
        logical["dropped_runs"].append(change["id"])
    else:
        logical[change["of"]][name_key(change["name"])]["dropped"].append(change["number"])


def _restore(logical: Doc, change: Doc, stamp: Doc) -> None:
    if change["of"] == "runs":
        logical["dropped_runs"].remove(change["id"])
    else:
        logical[change["of"]][name_key(change["name"])]["dropped"].remove(change["number"])


def _open_experiment(logical: Doc, change: Doc, stamp: Doc) -> None:
    logical["experiments"][name_key(change["name"])] = _facts(change, stamp)


def _open_deployment(logical: Doc, change: Doc, stamp: Doc) -> None:
    logical["deployments"][name_key(change["name"])] = _facts(change, stamp) | {
        "revisions": {},
        "stack": [],
        "moves": [],
    }


def _add_route(logical: Doc, change: Doc, stamp: Doc) -> None:
    deployment = logical["deployments"][name_key(change["deployment"])]
    deployment["revisions"][str(change["number"])] = _facts(change, stamp)
    _move(deployment, {**change, "how": "route", "after": change["number"]}, stamp)


def _move_route(logical: Doc, change: Doc, stamp: Doc) -> None:
    _move(logical["deployments"][name_key(change["deployment"])], change, stamp)


def _append(collection: str) -> Callable[[Doc, Doc, Doc], None]:
    def fold(logical: Doc, change: Doc, stamp: Doc) -> None:
        logical[collection].append(_facts(change, stamp))

    return fold


def _set_tag(logical: Doc, change: Doc, stamp: Doc) -> None:
    logical["tags"][change["name"]] = change["to"]


def _note_rollback(logical: Doc, change: Doc, stamp: Doc) -> None:
    """Mark the entry for readers of the history; the moves beside it in the same entry do the work."""


def _place(placement: Doc, change: Doc, n: int) -> None:
    placement["objects"][change["object"]] = change["files"]


def _sweep(placement: Doc, change: Doc, n: int) -> None:
    keys = set(change["keys"])
    placement["doomed"].update(dict.fromkeys(change["keys"], n))
    objects = placement["objects"]
    for name in [name for name, files in objects.items() if any(file["key"] in keys for file in files)]:
        del objects[name]


_LOGICAL: dict[str, Callable[[Doc, Doc, Doc], None]] = {
    "project.create": _create,
    "project.rollback": _note_rollback,
    "scope.set": _set_scope,
    "dataset.add": _add_dataset,
    "dataset.head": _move_head,
    "model.add": _add_model,
    "alias.move": _move_alias,
    "version.retracted": _set_retracted,
    "version.drop": _drop,
    "version.restore": _restore,
    "experiment.open": _open_experiment,
    "deployment.open": _open_deployment,
    "route.add": _add_route,
    "route.move": _move_route,
    "evaluation.add": _append("evaluations"),
    "decision.add": _append("decisions"),
    "report.add": _append("reports"),
    "tag.set": _set_tag,
}
_PLACEMENT: dict[str, Callable[[Doc, Doc, int], None]] = {"place": _place, "sweep": _sweep}
_KINDS = _LOGICAL.keys() | _PLACEMENT.keys()
