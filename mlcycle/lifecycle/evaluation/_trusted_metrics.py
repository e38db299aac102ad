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
    """Say who first put a metric into the scope, and when; "" where it stands in none."""
    if view.names.get("scope", "scope") is None:
        return ""
    for version in view.versions.standing("scope", "scope"):
        found = scope_record(version)
        if any(one.metric == metric for one in found.criteria):
            return f"{found.author or 'somebody'} put it into scope {found.number} on {found.at[:10]}"
    return ""
