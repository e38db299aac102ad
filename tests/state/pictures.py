"""Everything a project says after an entry, as one dict: by the fold before, and by `mlcycle.state`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle._ids import bare
from mlcycle.state import pointer_moves, resolve
from mlcycle.state._plans import needed_by
from tests.state import old_fold

if TYPE_CHECKING:
    from mlcycle.state import Fact, LiveFiles, Stamp, Version, View
    from tests.state.old_fold import OldView
    from tests.state.translated import OldLog

Doc = dict[str, Any]
Pointer = tuple[str, str, str]  # noun, name, pointer

BLOBS = ("environment:", "code:")
_STAMP = ("author", "at", "message", "entry")


def old_picture(view: OldView) -> Doc:
    """Return what the fold before says."""
    logical = view.logical
    names = {of: view.names(f"{of}s") for of in ("dataset", "model", "experiment", "deployment")}
    found: Doc = {
        "id": logical["id"],
        "names": names,
        "tags": logical["tags"],
        "scopes": logical["scopes"],
        "runs dropped": {*logical["dropped_runs"]},
        "experiments": {doc["name"]: doc for doc in logical["experiments"].values()},
    }
    for of in ("dataset", "model"):
        for doc in logical[f"{of}s"].values():
            found[f"{of}:{doc['name']}"] = {
                "latest": view.latest_number(f"{of}s", doc["name"]),
                "next": view.next_number(f"{of}s", doc["name"]),
                "retracted": {*doc["retracted"]},
                "dropped": {*doc["dropped"]},
                "versions": {int(number): version for number, version in doc["versions"].items()},
            }
    for doc in logical["models"].values():
        for alias, pointer in doc["aliases"].items():
            found[f"model:{doc['name']}@{alias}"] = (view.alias(doc["name"], alias), _old_moves(pointer["moves"]))
    for doc in logical["deployments"].values():
        revision = view.revision(doc)
        found[f"deployment:{doc['name']}"] = {
            "id": doc["id"],
            "current": (revision and revision["number"], _old_moves(doc["moves"])),
            "revisions": {int(number): _without(one, "before") for number, one in doc["revisions"].items()},
        }
    for of in ("evaluation", "decision", "report"):
        for fact in logical[f"{of}s"]:
            subject = f"deployment:{fact['deployment']}" if of == "report" else f"model:{fact['subject']}"
            found.setdefault(f"{of}s of {subject}", []).append(fact)
    return found


def _old_moves(moves: list[Doc]) -> list[tuple[Any, ...]]:
    return [tuple(move[field] for field in ("before", "after", "how", *_STAMP)) for move in moves]


def _without(doc: Doc, *fields: str) -> Doc:
    return {field: value for field, value in doc.items() if field not in fields}


def picture(view: View) -> Doc:
    """Return the same, as it is said now."""
    found: Doc = {
        "id": view.state.id,
        "names": {of: view.names.of(of) for of in ("dataset", "model", "experiment", "deployment")},
        "tags": view.tags(),
        "scopes": [
            {"number": one.number, "scope": one["scope"], **_stamp(one.stamp)}
            for one in (view.versions.standing("scope", "scope") if view.names.get("scope", "scope") else ())
        ],
        "runs dropped": {run.name for run in view.names.every("run") if view.marks.has("run", run.name, "dropped")},
        "experiments": {name: _experiment(view, name) for name in view.names.of("experiment")},
    }
    for of in ("dataset", "model"):
        for name in view.names.every(of):
            count = view.versions.count(name)
            found[f"{of}:{name.name}"] = {
                "latest": view.versions.latest(of, name.name),
                "next": view.versions.next_number(of, name.name),
                "retracted": view.marks.numbers(of, name, "retracted"),
                "dropped": view.marks.numbers(of, name, "dropped"),
                "versions": {i: _VERSIONS[of](view.versions.get(of, name.name, i)) for i in range(1, count + 1)},
            }
    for name in view.names.every("model"):
        for alias in view.pointers.names("model", name.name):
            found[f"model:{name.name}@{alias}"] = _pointer(view, "model", name.name, alias)
    for name in view.names.every("deployment"):
        revisions = (view.versions.get("deployment", name.name, i) for i in range(1, view.versions.count(name) + 1))
        found[f"deployment:{name.name}"] = {
            "id": name.id,
            "current": _pointer(view, "deployment", name.name, "current"),
            "revisions": {one.number: _revision(one) for one in revisions},
        }
    for of in ("evaluation", "decision"):
        for subject in {fact.subject for fact in view.facts.of(of)}:
            told = "report" if of == "evaluation" and subject.startswith("deployment:") else of
            whose = subject if told == "report" else f"model:{bare(subject)}"  # it knew decisions on models alone
            found[f"{told}s of {whose}"] = [
                _FACTS[told](fact) for fact in view.facts.of(of, subject) if fact.subject == subject
            ]
    return found


def _stamp(stamp: Stamp) -> Doc:
    return {field: getattr(stamp, field) for field in _STAMP}


def _experiment(view: View, name: str) -> Doc:
    known, about = view.names.known("experiment", name), view.names.said("experiment", name)
    last = view.read(max(n for n in known.said if n <= view.n))
    stamp = {"author": last["author"], "at": last["at"], "message": last["message"], "entry": last["n"]}
    facts = {"hypothesis": about["hypothesis"], "metric": about.get("metric")}
    return {"name": known.name, "id": known.id, **facts, **stamp}


def _pointer(view: View, of: str, name: str, pointer: str) -> tuple[int | None, list[tuple[Any, ...]]]:
    moves = pointer_moves(view, of, name, pointer)
    told = [(one.before, one.after, one.how, *_stamp(one.stamp).values()) for one in moves]
    return view.pointers.at(of, name, pointer), told


def _dataset(version: Version) -> Doc:
    said = {"type": version["layout"], **_without(version.says, "layout")}
    parents = [bare(ref) for ref in version.made_from]
    return {**_numbered(version), "id": version.id, "object": version.needs[0], "parents": parents, **said}


def _model(version: Version) -> Doc:
    said = {"run": version["run"] and bare(version["run"]), "environment": version["environment"]}
    stored_object, *blobs = version.needs
    assert all(one.startswith(BLOBS) for one in blobs)
    data = [bare(ref) for ref in version.made_from]
    return {**_numbered(version), "id": bare(stored_object), "object": stored_object, "data": data, **said}


def _numbered(version: Version) -> Doc:
    return {"name": version.name, "number": version.number, **_stamp(version.stamp)}


def _revision(version: Version) -> Doc:
    weights = {bare(ref): weight for ref, weight in version["weights"].items()}
    shadow = version["shadow"] and bare(version["shadow"])
    numbered = {"deployment": version.name, "number": version.number}
    return {**numbered, "weights": weights, "shadow": shadow, **_stamp(version.stamp)}


def _evaluation(fact: Fact) -> Doc:
    data, _, content = fact.about
    assert data == fact["data"]
    said = {"data": bare(data), "content": content, **_without(fact.says, "data")}
    return {**_found(fact), "subject": bare(fact.subject), **said}


def _decision(fact: Fact) -> Doc:
    evidence = [bare(ref) for ref in fact["evaluations"]]
    about = [*map(bare, fact.about)]
    return {**_found(fact), "subject": bare(fact.subject), "about": about, **fact.says, "evaluations": evidence}


def _report(fact: Fact) -> Doc:
    assert fact["data"] is None
    said = {**_without(fact.says, "data", "verdict", "level"), "severity": fact["verdict"]}
    return {**_found(fact), "deployment": bare(fact.subject), **said}


def _found(fact: Fact) -> Doc:
    return {"id": fact.id, "object": fact.needs[0], **_stamp(fact.stamp)}


_VERSIONS = {"dataset": _dataset, "model": _model}
_FACTS = {"evaluation": _evaluation, "decision": _decision, "report": _report}


# as of now -----------------------------------------------------------------------------------------------------------


def old_needs(log: OldLog) -> Doc:
    """Return what is placed, what must stay and for whom, and what is needed by whom, by the fold before."""
    view, placement = log.view(), log.state["placement"]
    return {
        "placed": {*placement["objects"]},
        "files": old_fold.named_files(log.state),
        "owners": old_fold.every_owner(log.state),
        "needed by": {
            f"{doc['name']}@{number}": sorted(old_fold.needed_by(view, "models", version))
            for doc in view.logical["models"].values()
            for number, version in doc["versions"].items()
        },
        "runs swept": {
            run
            for run in view.logical["dropped_runs"]
            if any(key.startswith("runs/") and f"/{run}/" in key for key in placement["doomed"])
        },
    }


def needs(view: View, live_files: LiveFiles, objects: set[str]) -> Doc:
    """Return the same, as it is said now; `objects` are all there ever were."""
    live_files = live_files.without(one for one in objects if one.startswith(BLOBS))
    versions = [
        f"{name.name}@{i}" for name in view.names.every("model") for i in range(1, view.versions.count(name) + 1)
    ]
    return {
        "placed": {one for one in objects if view.placed.has(one)},
        "files": live_files.live(),
        "owners": live_files.owners_of(),
        "needed by": {ref: sorted(needed_by(view, resolve(view, ref, "model", dropped=True))) for ref in versions},
        "runs swept": {run.name for run in view.names.every("run") if view.marks.has("run", run.name, "swept")},
    }
