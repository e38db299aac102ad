"""What models are judged on: a name means the version it was first judged on, so that a new split moves no goalposts.

What was judged is read from the log alone. Each evaluation of a model is found by the root of the data it looked at:
the dataset whose rows the data selects, or is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle import records
from mlcycle._ids import bare, parse_ref
from mlcycle.errors import NotFound, VersionDeleted
from mlcycle.state._resolve_refs import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.state._version import Fact, Version
    from mlcycle.state._view import View

__all__ = ["first_judged", "judged_on", "judgements", "root_key", "was_judged"]


def root_key(name: str) -> str:
    """Return what evaluations on a dataset, or on any part of it, are found by.

    Examples
    --------
    >>> root_key("customers.test")
    'root:customers'
    """
    return f"root:{name.partition('.')[0]}"


def judged_on(view: View, name: str) -> Version:
    """Return the data that criteria which name it are judged on: the version named, or first judged on, or newest.

    Raises
    ------
    NotFound
        When there is no such data; when it was dropped since it was first judged on, with what to do.
    """
    ref = parse_ref(name)
    pin = first_judged(view, name) if ref.version == "latest" else None
    try:
        return resolve(view, pin["data"] if pin else name, "dataset")
    except VersionDeleted as error:
        told = f"{bare(pin['data'])}, which {ref.name} was first judged on, was dropped; " if pin else ""
        remedy = f"or move the test: project.scope.set(test='{ref.name}@…', permanent=True, message='…')"
        raise NotFound(f"{told}{error}, {remedy}") from error


def first_judged(view: View, name: str) -> Fact | None:
    """Return the first evaluation of a model on some data since the scope names it; None before there is one.

    Parameters
    ----------
    view : View
    name : str
        As the scope names it: any version of it counts, or the one it says.
    """
    ref, since = parse_ref(name), _named_since(view, name)
    if since is None:
        return None
    for fact in judgements(view, root_key(ref.name)):
        on = parse_ref(fact["data"])
        if on.name == ref.name and ref.version in ("latest", on.version) and (fact["scope"] or 0) >= since:
            return fact
    return None


def was_judged(view: View) -> bool:
    """Return whether anything was judged by the scope of today: from then on, what it asks is only amended.

    Models are judged where they are evaluated. A scope that names nothing to judge them on is about data alone, which
    is judged where it is committed.
    """
    scope = view.versions.newest("scope", "scope")
    names = set() if scope is None else _names(records.from_json(scope["scope"]))
    if names or scope is None:
        return any(first_judged(view, name) for name in names)
    return any(fact.subject.startswith("dataset:") for fact in view.facts.of("decision"))


def judgements(view: View, *keys: str) -> Iterator[Fact]:
    """Yield evaluations of models on data, found by any of some keys, each once, oldest first."""
    found = {fact.id: fact for key in keys for fact in view.facts.of("evaluation", key)}
    for fact in sorted(found.values(), key=lambda one: one.stamp.entry):
        if fact.subject.startswith("model:") and fact["data"] is not None:
            yield fact


def _named_since(view: View, name: str) -> int | None:
    """Return the scope from which on, without a gap, some data is named to be judged on; None where it is not."""
    since, newest = None, view.versions.newest("scope", "scope")
    for number in range(newest.number if newest else 0, 0, -1):
        scope: records.Scope = records.from_json(view.versions.get("scope", "scope", number)["scope"])
        if name not in _names(scope):
            break
        since = number
    return since


def _names(scope: records.Scope) -> set[str]:
    """Return the data models are judged on by a scope, also what was amended: it may hold again, and is remembered."""
    asked = (*scope.criteria, *(one for rules in scope.aliases.values() for one in rules))
    asked = (*asked, *(one.before for one in scope.loosened))
    named = {one.on for one in asked if one.judges == "model"}
    named |= {scope.test, *(move.before for move in scope.moved)}
    return {name for name in named if name is not None}
