"""Metrics of the scope that are kept as source: which of them may run, and who wrote them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle import checks, codecs
from mlcycle.lifecycle._trust_file import trusted_in
from mlcycle.lifecycle.scope import scope_record

if TYPE_CHECKING:
    from mlcycle import records
    from mlcycle._typing import Trust
    from mlcycle.lifecycle._session import Session
    from mlcycle.state import View

__all__ = ["metrics_of"]


def metrics_of(session: Session, view: View, trust: Trust = ()) -> checks.LoadedMetrics:
    """Return the metrics a caller may have computed: sources by `trust`, and by what this user trusts for every time.

    A source counts by its digest alone. ``True`` is for pickles of models: it says nothing of what a scope holds.
    """

    def trusts(digest: str) -> bool:
        return digest in codecs.trusted_names(trust) or digest in trusted_in(*session.blobs.identity)

    return checks.LoadedMetrics(trusts=trusts, who=lambda metric: _who(view, metric))


def _who(view: View, metric: records.MetricSource) -> str:
    """Say who first put a metric into the scope, when, and what prints it; "" where it stands in none."""
    if view.names.get("scope", "scope") is None:
        return ""
    scopes = [scope_record(version) for version in view.versions.standing("scope", "scope")]
    having = [scope for scope in scopes if any(one.metric == metric for one in scope.all_criteria)]
    if not having:
        return ""
    first = having[0]
    number = "" if having[-1] is scopes[-1] else having[-1].number
    return (
        f"{first.author or 'somebody'} put it into scope {first.number} on {first.at[:10]}; "
        f"to read it: print(project.scope.get({number}).{_place(having[-1], metric)}.metric.source)"
    )


def _place(scope: records.Scope, metric: records.MetricSource) -> str:
    """Return where in a scope a criterion of the metric stands, as Python reaches it."""
    listed = {"criteria": scope.criteria, **{f"aliases[{alias!r}]": rules for alias, rules in scope.aliases.items()}}
    return next(
        f"{name}[{position}]"
        for name, rules in listed.items()
        for position, one in enumerate(rules)
        if one.metric == metric
    )
