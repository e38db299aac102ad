"""The status of a project: what each phase finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from mlcycle import records
from mlcycle.state.status._data import data_findings
from mlcycle.state.status._deployments import deployment_findings
from mlcycle.state.status._models import model_findings
from mlcycle.state.status._scope import scope_findings
from mlcycle.state.status._standing import Standing

if TYPE_CHECKING:
    from mlcycle.state._view import View

__all__ = ["status_of"]

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
    standing = Standing(view, moment)
    found = {phase: [evolve(one, phase=phase) for one in find(standing)] for phase, find in _PHASES.items()}
    return records.Status(phases=found, at=moment)
