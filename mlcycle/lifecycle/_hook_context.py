"""What a hook may ask for: what a check of an evaluation may, with the rows that are to come, and traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from mlcycle import checks
from mlcycle._ids import bare
from mlcycle.errors import NotFound
from mlcycle.lifecycle.deployments import window_of
from mlcycle.lifecycle.evaluation import context_of, scope_test
from mlcycle.state import judged_on

if TYPE_CHECKING:
    from mlcycle.lifecycle._gate_request import GateRequest
    from mlcycle.lifecycle._session import Session
    from mlcycle.state import View

__all__ = ["hook_context"]


def hook_context(session: Session, view: View, request: GateRequest) -> checks.EvaluationContext:
    """Return what a hook may ask for; nothing is read, and nothing missed, before it asks.

    The data is what the event is about, which may be rows that are to come, else the test set of the scope. Traffic is
    that of the deployment the event is about, since its route began to answer, or in the window that was judged.
    """
    data = _test(view)
    if request.subject.startswith("dataset:"):
        data = request.subject
    context = context_of(session, view, data=data, candidates=request.candidates)
    if not request.subject.startswith("deployment:"):
        return context
    place = bare(request.subject).partition("@")[0]

    def read() -> checks.TrafficAccess:
        judged = request.proposal().get("evaluation")
        since, until = (judged.since, judged.until) if judged else (None, None)
        return window_of(session, view, place, since, until)

    return evolve(context, traffic=checks.LoadedTraffic(read))


def _test(view: View) -> str | None:
    """Return the data evaluations judge on, by the version that means now; as it is named where there is none."""
    name = scope_test(view.versions.newest("scope", "scope"))
    if name is None:
        return None
    try:
        return judged_on(view, name).ref
    except NotFound:  # whoever asks for the rows is told
        return name
