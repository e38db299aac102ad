"""What the library told of entries before, in words. Kept to compare with."""

from __future__ import annotations

from typing import Any

Doc = dict[str, Any]


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
