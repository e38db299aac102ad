"""A log written for `mlcycle.state`, said again in the kinds of change there were before, entry by entry."""

from __future__ import annotations

import json
from typing import Any

from mlcycle._ids import bare, name_key
from tests.state import old_fold
from tests.state.old_fold import OldView

Doc = dict[str, Any]

_COLLECTIONS = {"dataset": "datasets", "model": "models", "run": "runs"}
# What an evaluation says of itself that nobody said then.
_SINCE = ("criteria", "overlap")


class OldLog:
    """What the library before would have made of the same work.

    Attributes
    ----------
    state : dict
        The old state after the newest entry.
    after : list of dict
        A copy of its logical half after each entry.
    """

    def __init__(self) -> None:
        self.state = old_fold.empty()
        self.after: list[Doc] = []
        self._ids: dict[str, str] = {}

    def take(self, entry: Doc) -> list[Doc]:
        """Fold the next entry; return its changes as they were called."""
        changes = [old for change in entry["changes"] for old in self._translated(change, entry)]
        old_fold.apply(self.state, {**entry, "changes": changes})
        self.after.append(json.loads(json.dumps(self.state["logical"])))
        return changes

    def view(self, n: int | None = None) -> OldView:
        """Return the project as it stands, or as it stood after an entry; files lie where they lie now."""
        if n is None:
            return OldView(self.state["logical"], self.state["placement"], len(self.after) - 1)
        return OldView(self.after[n], self.state["placement"], n)

    def _translated(self, change: Doc, entry: Doc) -> list[Doc]:
        kind = change["kind"]
        if kind in ("project.create", "tag.set"):
            return [change]
        if kind == "place":
            return [{"kind": "place", "object": change["object"], "files": change["files"]}]
        if kind == "sweep":
            return [{"kind": "sweep", "keys": change["keys"]}]
        if kind == "project.rollback":
            moves = old_fold.changes_to(self.view(), self.view(change["to"]))
            return [*moves, {"kind": "project.rollback", "to": change["to"]}]
        if kind == "name.set":
            return self._name(change)
        if kind == "version.add":
            return [self._version(change, entry)]
        if kind == "pointer.move":
            return self._move(change)
        if kind == "version.mark":
            return self._mark(change)
        assert kind == "fact.add", change
        return self._fact(change)

    def _name(self, change: Doc) -> list[Doc]:
        """Say that an experiment or a place was opened; the id of a dataset stood in each of its versions."""
        self._ids[f"{change['of']}:{name_key(change['name'])}"] = change.get("id", "")
        if change["of"] == "experiment":
            facts = {field: change[field] for field in ("name", "id", "hypothesis", "metric")}
            return [{"kind": "experiment.open", **facts}]
        if change["of"] == "deployment":
            return [{"kind": "deployment.open", "name": change["name"], "id": change["id"]}]
        return []

    def _version(self, change: Doc, entry: Doc) -> Doc:
        numbered = {"name": change["name"], "number": change["number"]}
        made_from = [bare(ref) for ref in change.get("made_from", ())]
        if change["of"] == "dataset":
            said = {field: change[field] for field in ("content", "presentation", "rows", "columns", "roles")}
            said |= {field: change[field] for field in ("schema", "part") if field in change}  # told by both since
            identity = self._ids[f"dataset:{name_key(change['name'])}"]
            stored = {"id": identity, "type": change["layout"], "object": change["needs"][0], "parents": made_from}
            return {"kind": "dataset.add", **numbered, **stored, **said}
        if change["of"] == "model":
            stored_object, run = change["needs"][0], change["run"]
            said = {"run": run and bare(run), "data": made_from, "environment": change["environment"]}
            return {"kind": "model.add", **numbered, "id": bare(stored_object), "object": stored_object, **said}
        if change["of"] == "scope":
            return {"kind": "scope.set", "number": change["number"], "scope": change["scope"]}
        assert change["of"] == "deployment", change
        moves = [one for one in entry["changes"] if one["kind"] == "pointer.move" and one["name"] == change["name"]]
        weights = {bare(ref): weight for ref, weight in change["weights"].items()}
        shadow = change["shadow"] and bare(change["shadow"])
        numbered = {"deployment": change["name"], "number": change["number"], "before": moves[0].get("before")}
        return {"kind": "route.add", **numbered, "weights": weights, "shadow": shadow}

    def _move(self, change: Doc) -> list[Doc]:
        ends = {"before": change.get("before"), "after": change.get("after"), "how": change["how"]}
        if change["of"] == "model":
            return [{"kind": "alias.move", "name": change["name"], "alias": change["pointer"], **ends}]
        if change["how"] == "route":  # said by `route.add`
            return []
        return [{"kind": "route.move", "deployment": change["name"], **ends}]

    def _mark(self, change: Doc) -> list[Doc]:
        if change["mark"] == "swept" or change["of"] == "pin":  # seen from the keys a sweep names; unknown
            return []
        assert change["mark"] == "dropped", change
        kind = "version.drop" if change.get("on", True) else "version.restore"
        collection = _COLLECTIONS[change["of"]]
        if collection == "runs":
            return [{"kind": kind, "of": "runs", "id": change["name"]}]
        ((first, last),) = change["numbers"]
        assert first == last
        return [{"kind": kind, "of": collection, "name": change["name"], "number": first}]

    def _fact(self, change: Doc) -> list[Doc]:
        if change["of"] in ("pin", "annotation", "pack"):
            return []
        stored = {"id": change["id"], "object": change["needs"][0]}
        subject = bare(change["subject"])
        if change["of"] == "evaluation" and change["subject"].startswith("deployment:"):  # a report, then
            said = {field: change[field] for field in (*_SINCE, "scope", "since", "until", "revision", "findings")}
            return [{"kind": "report.add", **stored, "deployment": subject, "severity": change["verdict"], **said}]
        if change["of"] == "evaluation":
            judged = {"data": bare(change["data"]), "content": change["about"][-1]}
            said = {field: change[field] for field in (*_SINCE, "looks", "scope", "verdict")}
            return [{"kind": "evaluation.add", **stored, "subject": subject, **judged, **said}]
        assert change["of"] == "decision", change
        said = {field: change[field] for field in ("action", "alias", "allowed", "now", "override", "scope", "trial")}
        evidence = [bare(ref) for ref in change["evaluations"]]
        said["about"] = [*map(bare, change.get("about", ()))]
        return [{"kind": "decision.add", **stored, "subject": subject, **said, "evaluations": evidence}]
