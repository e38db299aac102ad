"""What the library told of a state before: where the project stands, and entries in words. Kept to compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle import records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.state.old_fold import OldView

Doc = dict[str, Any]


def status_of(view: OldView, moment: str) -> records.Status:
    """Return the findings of every phase."""
    return records.Status(phases={phase: [*look(view, moment)] for phase, look in _PHASES.items()}, at=moment)


def _doc_ref(doc: Doc) -> str:
    return f"{doc['name']}@{doc['number']}"


def _finding(kind: str, subject: str, summary: str, severity: str, phase: str, **evidence: Any) -> records.Result:
    """Return it as a finding of today; what was a subject of no noun then, and its evidence, are told no more."""
    verdict = "not_applicable" if severity == "info" else severity
    return records.Result(check=kind, subject=subject, detail=summary, verdict=verdict, phase=phase)


def _scope(view: OldView, moment: str) -> Iterator[records.Result]:
    doc = view.scope()
    if doc is None:
        yield _finding(
            "missing", "scope", "no scope yet: project.scope.set(objective=…, criteria=[…])", "warn", "scope"
        )
        return
    scope = doc["scope"]
    if not scope["criteria"]:
        yield _finding("missing", "scope", "the scope has no criteria: no gate can block", "warn", "scope")
    elif scope["test"] is None and any(one.get("on") is None for one in scope["criteria"]):
        yield _finding("missing", "scope", "criteria name no data: project.scope.set(test='…')", "warn", "scope")
    for loosening in (records.from_json(one) for one in scope["loosened"]):
        expired = loosening.until <= moment
        words = "has expired, the former criterion holds again" if expired else f"ends {loosening.until[:10]}"
        severity = "warn" if expired else "info"
        yield _finding("loosened", "scope", f"loosened {loosening.before} {words}", severity, "scope")


def _data(view: OldView, moment: str) -> Iterator[records.Result]:
    datasets = view.logical["datasets"].values()
    if not datasets:
        yield _finding("missing", "datasets", "no data yet: project.datasets.add(name, frame)", "warn", "data")
    for doc in datasets:
        number = view.latest_number("datasets", doc["name"])
        version = doc["versions"].get(str(number))
        for parent in version["parents"] if version else ():
            name = parent.rpartition("@")[0]
            latest = view.latest_number("datasets", name)
            if version["type"] == "selection" and latest is not None and parent != f"{name}@{latest}":
                summary = f"{_doc_ref(version)} is a part of {parent}; {name}@{latest} is newer: split it again"
                yield _finding("stale", _doc_ref(version), summary, "warn", "data", newest=f"{name}@{latest}")


def _model(view: OldView, moment: str) -> Iterator[records.Result]:
    if not view.logical["models"]:
        yield _finding("missing", "models", "no model yet: run.register(name)", "warn", "model")
    evaluated = {doc["subject"] for doc in view.logical["evaluations"]}
    for doc in view.logical["models"].values():
        number = view.latest_number("models", doc["name"])
        if number is not None and f"{doc['name']}@{number}" not in evaluated:
            ref = f"{doc['name']}@{number}"
            yield _finding(
                "due", ref, f"{ref} was never evaluated: project.models[{ref!r}].evaluate()", "warn", "model"
            )
        for alias in doc["aliases"]:
            yield from _pointed(view, doc, alias)
    yield from _blocked(view)


def _pointed(view: OldView, doc: Doc, alias: str) -> Iterator[records.Result]:
    """Say where the data of a model that an alias points at has gone on."""
    number = view.alias(doc["name"], alias)
    if number is None:
        return
    version = doc["versions"][str(number)]
    for ref in version["data"]:
        name = ref.rpartition("@")[0]
        latest = view.latest_number("datasets", name)
        if latest is not None and ref != f"{name}@{latest}":
            summary = f"{_doc_ref(version)} ({alias}) was trained on {ref}; {name}@{latest} is there now"
            yield _finding("stale", _doc_ref(version), summary, "warn", "model", newest=f"{name}@{latest}")


def _blocked(view: OldView) -> Iterator[records.Result]:
    last: dict[str, Doc] = {
        subject: doc for doc in view.logical["decisions"] for subject in (doc["subject"], *doc["about"])
    }
    for subject, doc in last.items():
        name = subject.rpartition("@")[0]
        if not doc["allowed"] and subject == f"{name}@{view.latest_number('models', name)}":
            summary = f"the gate blocked {doc['action']} of {subject} on {doc['at'][:10]}"
            yield _finding("blocked", subject, summary, "warn", "model", decision=doc["id"])


def _deployment(view: OldView, moment: str) -> Iterator[records.Result]:
    for doc in view.logical["deployments"].values():
        revision = view.revision(doc)
        if revision is None:
            yield _finding("missing", doc["name"], f"{doc['name']} has no route yet", "info", "deployment")
            continue
        for ref in revision["weights"]:
            name = ref.rpartition("@")[0]
            production = view.alias(name, "production")
            if production is not None and ref != f"{name}@{production}":
                summary = f"{doc['name']} answers with {ref}, while production is {name}@{production}"
                yield _finding("differs", doc["name"], summary, "info", "deployment", production=production)
        yield from _reported(view, doc, revision)


def _reported(view: OldView, deployment: Doc, revision: Doc) -> Iterator[records.Result]:
    reports = [doc for doc in view.logical["reports"] if doc["deployment"] == deployment["name"]]
    last = reports[-1] if reports else None
    if last and last["revision"] == revision["number"] and last["severity"] in ("warn", "fail", "error"):
        summary = f"the check of {deployment['name']} on {last['at'][:16]} found {last['findings']} things"
        yield _finding("monitoring", deployment["name"], summary, last["severity"], "deployment", report=last["id"])


_PHASES = {"scope": _scope, "data": _data, "model": _model, "deployment": _deployment}


def in_words(changes: list[Doc]) -> str:
    """Return what an entry did, in a few words."""
    said = [text for change in changes if (text := _WORDS.get(change["kind"], _unknown)(change))]
    return "; ".join(said) or "stored files"


def _unknown(change: Doc) -> str:
    return str(change["kind"])


def _report(change: Doc) -> str:
    count = change["findings"]
    return f"checked {change['deployment']}: {change['severity']}, {count} finding{'' if count == 1 else 's'}"


def _alias(change: Doc) -> str:
    return _moved(f"{change['name']}@{change['alias']}", f"{change['name']}@", change["before"], change["after"])


def _moved(what: str, shown: str, before: int | None, after: int | None) -> str:
    told = f"{what} → {'nothing' if after is None else f'{shown}{after}'}"
    return told if before is None else f"{told} (was {shown}{before})"


def _route(change: Doc) -> str:
    total = sum(change["weights"].values())
    weights = ", ".join(
        ref if weight == total else f"{ref} ({100 * weight / total:.3g}%)" for ref, weight in change["weights"].items()
    )
    if change.get("shadow"):
        weights += f", shadow {change['shadow']}"
    return f"{change['deployment']} answers with {weights}"


def _decision(change: Doc) -> str:
    if not change["allowed"]:
        return f"gate blocked: {change['action']} {change['subject']}"
    return f"gate overridden for {change['subject']}" if change.get("override") else f"gate allowed {change['subject']}"


def _version(verb: str) -> Any:
    def words(change: Doc) -> str:
        target = change["id"] if change["of"] == "runs" else f"{change['name']}@{change['number']}"
        return f"{verb} {change['of'][:-1]} {target}"

    return words


_WORDS: dict[str, Any] = {
    "project.create": lambda c: "project created",
    "project.rollback": lambda c: f"project rolled back to entry {c['to']}",
    "scope.set": lambda c: f"set the scope, version {c['number']}",
    "dataset.add": lambda c: f"added dataset {c['name']}@{c['number']}",
    "dataset.head": lambda c: _moved(f"{c['name']}@latest", f"{c['name']}@", c["before"], c["after"]),
    "model.add": lambda c: f"registered model {c['name']}@{c['number']}",
    "alias.move": _alias,
    "version.retracted": lambda c: "",
    "version.drop": _version("dropped"),
    "version.restore": _version("restored"),
    "experiment.open": lambda c: f"opened experiment {c['name']}",
    "deployment.open": lambda c: f"opened deployment {c['name']}",
    "route.add": _route,
    "route.move": lambda c: _moved(c["deployment"], "revision ", c["before"], c["after"]),
    "evaluation.add": lambda c: f"evaluated {c['subject']} on {c['data']}: {c['verdict']}",
    "decision.add": _decision,
    "report.add": _report,
    "tag.set": lambda c: f"tagged entry {c['to']} as {c['name']}",
    "place": lambda c: "",
    "sweep": lambda c: f"removed {len(c['keys'])} file{'' if len(c['keys']) == 1 else 's'} that nothing named",
}
