"""The fold before there was `mlcycle.state`, and the questions that were asked of it: kept to compare with.

A state was one plain dict with a key for each noun, copied to look at the past; a rollback of the project was written
as the moves it makes (`changes_to`). Trimmed to what is compared; what is left is as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle._ids import name_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Doc = dict[str, Any]

# folding -------------------------------------------------------------------------------------------------------------


def empty() -> Doc:
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


def apply(state: Doc, entry: Doc) -> None:
    """Fold one entry into the state, in place."""
    stamp = {"author": entry["author"], "at": entry["at"], "message": entry["message"], "entry": entry["n"]}
    for change in entry["changes"]:
        kind = change["kind"]
        if kind in _PLACEMENT:
            _PLACEMENT[kind](state["placement"], change, entry["n"])
        else:
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

# asking --------------------------------------------------------------------------------------------------------------


class OldView:
    """One state: its logical half after entry `n`, and where files lie."""

    def __init__(self, logical: Doc, placement: Doc, n: int) -> None:
        self.logical = logical
        self.placement = placement
        self.n = n

    # names ---------------------------------------------------------------------------------------------------------

    def names(self, collection: str) -> list[str]:
        """Return the names in a collection, in alphabetical order."""
        return sorted(doc["name"] for doc in self.logical[collection].values())

    def named(self, collection: str, name: str) -> Doc:
        """Return the document of a name."""
        found: Doc = self.logical[collection][name_key(name)]
        return found

    # versions ------------------------------------------------------------------------------------------------------

    def latest_number(self, collection: str, name: str) -> int | None:
        """Return the number `latest` means, or None where a name has no version standing."""
        doc = self.logical[collection].get(name_key(name))
        if doc is None:
            return None
        if collection == "datasets" and doc["head"] not in doc["dropped"]:
            return doc["head"]  # type: ignore[no-any-return]
        gone = {*doc["retracted"], *doc["dropped"]}
        return max((int(number) for number in doc["versions"] if int(number) not in gone), default=None)

    def next_number(self, collection: str, name: str) -> int:
        """Return the number the next version takes; numbers are never used twice."""
        doc = self.logical[collection].get(name_key(name))
        return 1 + max((int(number) for number in doc["versions"]), default=0) if doc else 1

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

    def live_objects(self) -> Iterator[tuple[str, str]]:
        """Yield every stored object that something standing names, with what names it.

        Code and environments of runs are left out: they stayed for ever, and live with their runs now.
        """
        for collection in ("datasets", "models"):
            for doc in self.logical[collection].values():
                for number, version in doc["versions"].items():
                    if int(number) not in doc["dropped"]:
                        for stored_object in self._closure(collection, version):
                            yield stored_object, f"{collection[:-1]}:{doc['name']}@{number}"
        for collection, of in (("evaluations", "evaluation"), ("decisions", "decision"), ("reports", "evaluation")):
            for doc in self.logical[collection]:
                yield doc["object"], f"{of}:{doc['id']}"

    def _closure(self, collection: str, version: Doc) -> Iterable[str]:
        """Yield the objects a version needs; a selection needs its parent's rows as well."""
        yield version["object"]
        if collection == "datasets" and version["type"] == "selection":
            name, _, number = version["parents"][0].rpartition("@")
            parent = self.named("datasets", name)["versions"][number]
            yield from self._closure("datasets", parent)


def named_files(state: Doc) -> dict[str, Doc]:
    """Return every file something standing names, by key; what a sweep must not touch."""
    view = OldView(state["logical"], state["placement"], -1)
    objects = state["placement"]["objects"]
    return {file["key"]: file for name, _ in view.live_objects() for file in objects.get(name, ())}


def every_owner(state: Doc) -> dict[str, list[str]]:
    """Return, for each file, the versions and records that it belongs to, as refs."""
    view = OldView(state["logical"], state["placement"], -1)
    found: dict[str, set[str]] = {}
    for name, owner in view.live_objects():
        for file in state["placement"]["objects"].get(name, ()):
            found.setdefault(file["key"], set()).add(owner)
    return {key: sorted(owners) for key, owners in found.items()}


def needed_by(view: OldView, kind: str, doc: Doc) -> list[str]:
    """Return the pointers and parts that would hang in the air without a version."""
    if kind == "models":
        aliases = view.named("models", doc["name"])["aliases"]
        pointing = [f"{doc['name']}@{alias}" for alias in aliases if view.alias(doc["name"], alias) == doc["number"]]
        return pointing + [f"deployment {name}" for name in _deployed(view, f"{doc['name']}@{doc['number']}")]
    return []


def _deployed(view: OldView, ref: str) -> list[str]:
    current = {d["name"]: view.revision(d) for d in view.logical["deployments"].values()}
    return [name for name, rev in current.items() if rev and (ref in rev["weights"] or ref == rev["shadow"])]


# going back with everything ------------------------------------------------------------------------------------------


def changes_to(now: OldView, then: OldView) -> list[Doc]:
    """Return the changes that set datasets' heads, aliases and routes of `now` to what they were `then`.

    Scope, runs, evaluations, decisions, labels and reports are facts and stay.
    """
    return [*_heads(now, then), *_aliases(now, then), *_routes(now, then), *_retractions(now, then)]


def _heads(now: OldView, then: OldView) -> Iterator[Doc]:
    for key, doc in now.logical["datasets"].items():
        former = then.logical["datasets"].get(key, {"head": None})["head"]
        if doc["head"] != former:
            yield {"kind": "dataset.head", "name": doc["name"], "before": doc["head"], "after": former}


def _aliases(now: OldView, then: OldView) -> Iterator[Doc]:
    for doc in now.logical["models"].values():
        for alias in doc["aliases"]:
            before, after = now.alias(doc["name"], alias), then.alias(doc["name"], alias)
            if before != after:
                move = {"name": doc["name"], "alias": alias, "before": before, "after": after}
                yield {"kind": "alias.move", **move, "how": "project", "to_entry": then.n}


def _routes(now: OldView, then: OldView) -> Iterator[Doc]:
    for key, doc in now.logical["deployments"].items():
        former_doc = then.logical["deployments"].get(key)
        former = then.revision(former_doc) if former_doc else None
        current = now.revision(doc)
        before, after = (one["number"] if one else None for one in (current, former))
        if before != after:
            move = {"deployment": doc["name"], "before": before, "after": after}
            yield {"kind": "route.move", **move, "how": "project", "to_entry": then.n}


def _retractions(now: OldView, then: OldView) -> Iterator[Doc]:
    for collection in ("datasets", "models"):
        for key, doc in now.logical[collection].items():
            former = then.logical[collection].get(key)
            before = set(former["retracted"]) if former else set()
            later = {int(n) for n, version in doc["versions"].items() if version["entry"] > then.n}
            numbers = sorted(before | later)
            if numbers != doc["retracted"]:
                yield {"kind": "version.retracted", "of": collection, "name": doc["name"], "numbers": numbers}
