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

__all__ = ["LOOK", "data_named", "evaluations_on", "first_judged", "judged_on", "root_key", "was_judged"]


LOOK = "look"
"""What every evaluation of a model or a run on data is found by."""


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
    """Return the first evaluation of a model on some data, None before there is one.

    Parameters
    ----------
    view : View
    name : str
        As the scope names it: any version of it counts, or the one it says.
    """
    ref = parse_ref(name)
    for fact in evaluations_on(view, root_key(ref.name)):
        on = parse_ref(fact["data"])
        if on.name == ref.name and ref.version in ("latest", on.version):
            return fact
    return None


def was_judged(view: View) -> bool:
    """Return whether anything was judged by the scope of today: from then on, what it asks is only amended.

    Models are judged where they are evaluated. A scope that names nothing to judge them on is about data alone, which
    is judged where it is committed.
    """
    scope = view.versions.newest("scope", "scope")
    names = set() if scope is None else data_named(records.from_json(scope["scope"]))
    if names or scope is None:
        return any(first_judged(view, name) for name in names)
    return any(fact.subject.startswith("dataset:") for fact in view.facts.of("decision"))


def evaluations_on(view: View, key: str = LOOK) -> Iterator[Fact]:
    """Yield evaluations of models and runs on data, oldest first."""
    for fact in view.facts.of("evaluation", key):
        if fact.subject.startswith(("model:", "run:")) and fact["data"] is not None:
            yield fact


def data_named(scope: records.Scope) -> set[str]:
    """Return the data models are judged on by a scope, also what was amended: it may hold again, and is remembered."""
    asked = (*scope.all_criteria, *(one.before for one in scope.loosened))
    named = {one.on for one in asked if one.judges == "model"}
    named |= {scope.test, *(move.before for move in scope.moved)}
    return {name for name in named if name is not None}
