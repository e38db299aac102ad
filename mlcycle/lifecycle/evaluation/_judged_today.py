"""How versions stand by the scope of today, criterion by criterion, from what was measured and stored."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from mlcycle import checks, records
from mlcycle.errors import NotFound
from mlcycle.lifecycle.evaluation._gate import measurement_of, model_criteria, scope_test, stale_because
from mlcycle.state import Version, View, judged_on

if TYPE_CHECKING:
    from mlcycle.lifecycle.blobs import Blobs

__all__ = ["answer_on", "asked_today"]


def asked_today(view: View) -> list[tuple[records.Criterion, Version | None]]:
    """Return what is asked of models today, and the data it is judged on; None where there is none."""
    scope = view.versions.newest("scope", "scope")
    return [(one, _data(view, one.on or scope_test(scope))) for one in model_criteria(scope)]


def _data(view: View, name: str | None) -> Version | None:
    with contextlib.suppress(NotFound):
        return None if name is None else judged_on(view, name)
    return None


def answer_on(
    blobs: Blobs, view: View, version: Version, criterion: records.Criterion, data: Version | None
) -> tuple[records.Result, ...]:
    """Return what was measured of a version for a criterion, with the verdicts of today; nothing where nobody did.

    A comparison with a version that its alias has left since says nothing any more.
    """
    if data is None or checks.lacking(criterion):
        return ()
    found = measurement_of(blobs, view, version.ref, criterion, data.ref)
    if found is None or stale_because(view, version, criterion, found.results):
        return ()
    return found.results
