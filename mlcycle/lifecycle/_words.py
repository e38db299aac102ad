"""Changes in words, for people: in the history, and wherever an entry is named."""

from __future__ import annotations

from typing import Any

__all__ = ["in_words"]

Doc = dict[str, Any]


def in_words(changes: list[Doc]) -> str:
    """Return what an entry did, in a few words.

    Examples
    --------
    >>> in_words([{"kind": "dataset.add", "name": "customers", "number": 2}])
    'added dataset customers@2'
    """
    said = [text for change in changes if (text := _WORDS.get(change["kind"], _unknown)(change))]
    return "; ".join(said) or "stored files"


def _unknown(change: Doc) -> str:
    return str(change["kind"])


def _alias(change: Doc) -> str:
    target = "nothing" if change["after"] is None else f"{change['name']}@{change['after']}"
    verb = {"promote": "promoted to", "rollback": "rolled back"}.get(change["how"], "set back")
    if change["how"] == "promote":
        return f"{target} {verb} {change['alias']}"
    return f"{verb} {change['name']}@{change['alias']} to {target}"


def _route(change: Doc) -> str:
    weights = ", ".join(f"{ref} {weight}" for ref, weight in change["weights"].items())
    return f"{change['deployment']} answers with {weights}"


def _decision(change: Doc) -> str:
    if not change["allowed"]:
        return f"gate blocked {change['action']} of {change['subject']}"
    return f"gate overridden for {change['subject']}" if change.get("override") else f"gate allowed {change['subject']}"


def _version(verb: str) -> Any:
    def words(change: Doc) -> str:
        target = change["id"] if change["of"] == "runs" else f"{change['name']}@{change['number']}"
        return f"{verb} {change['of'][:-1]} {target}"

    return words


_WORDS: dict[str, Any] = {
    "project.create": lambda c: "project created",
    "project.rollback": lambda c: f"project rolled back to entry {c['to']}",
    "scope.set": lambda c: f"scope {c['number']}",
    "dataset.add": lambda c: f"added dataset {c['name']}@{c['number']}",
    "dataset.head": lambda c: f"{c['name']} set back to {'nothing' if c['after'] is None else '@' + str(c['after'])}",
    "model.add": lambda c: f"registered model {c['name']}@{c['number']}",
    "alias.move": _alias,
    "version.retracted": lambda c: "",
    "version.drop": _version("dropped"),
    "version.restore": _version("restored"),
    "experiment.open": lambda c: f"experiment {c['name']}",
    "deployment.open": lambda c: f"deployment {c['name']}",
    "route.add": _route,
    "route.move": lambda c: f"{c['deployment']} set back to revision {c['after'] or 'none'}",
    "evaluation.add": lambda c: f"evaluated {c['subject']} on {c['data']}: {c['verdict']}",
    "decision.add": _decision,
    "report.add": lambda c: f"checked {c['deployment']}: {c['findings']} findings",
    "tag.set": lambda c: f"tagged entry {c['to']} as {c['name']}",
    "place": lambda c: "",
    "sweep": lambda c: f"swept {len(c['keys'])} files",
}
