"""Where the project stands: each phase looks at the log and says what is missing, stale, blocked, failing or due.

A finding says one thing with one cause, and the line that mends it: ✗ (fail) where somebody must act, ! (warn) where
somebody should, · (not_applicable) where it is only good to know. No data and no document is read: what is told stands
in the entries of the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle import records
from mlcycle.state.status._answering import DECIDES
from mlcycle.state.status._data import data_findings
from mlcycle.state.status._deployments import deployment_findings
from mlcycle.state.status._look import Look
from mlcycle.state.status._models import model_findings
from mlcycle.state.status._scope import scope_findings

if TYPE_CHECKING:
    from mlcycle.state._view import View

__all__ = ["DECIDES", "status_of"]

_PHASES = {
    "scope": scope_findings,
    "data": data_findings,
    "model": model_findings,
    "deployment": deployment_findings,
}


def status_of(view: View, moment: str) -> records.Status:
    """Return the findings of every phase.

    Parameters
    ----------
    view : View
        The project.
    moment : str
        UTC text; what has expired by then is over.
    """
    look = Look(view, moment)
    return records.Status(phases={phase: [*findings(look)] for phase, findings in _PHASES.items()}, at=moment)
