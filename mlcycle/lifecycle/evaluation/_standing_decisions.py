"""Standing decisions: what was allowed once is not asked again while it holds, and going back is only warned of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._ids import now
from mlcycle._warn import warn
from mlcycle.lifecycle.evaluation._gate import failure
from mlcycle.state import DECIDES, asked_of_models, covers_today, resolve

if TYPE_CHECKING:
    from mlcycle import records
    from mlcycle.state import Fact, Version, View

__all__ = ["allowed_already", "warn_of"]


def allowed_already(view: View, version: Version, place: str, share: float) -> bool:
    """Say whether the newest decision on a model version allows it to answer, by all that is asked today.

    That it was gone back to says nothing of today's scope. One that blocked ends what was allowed before it; so does
    one that an override carried, when that ends. A share of the traffic given without evidence is no more than that,
    and one given by an override is so much, where it was given.

    Parameters
    ----------
    view : View
    version : Version
        Of a model.
    place : str
        The deployment it is to answer at, as a full ref.
    share : float
        Of the traffic there, up to 1.
    """
    found = (one for one in view.facts.of("decision", version.ref, newest_first=True) if one["action"] in DECIDES)
    fact = next(found, None)
    if fact is None or not fact["allowed"] or version.ref in (fact.says.get("trial") or {}):
        return False
    if fact["override"] is not None:
        if fact["override"]["until"] <= now():
            return False
        if fact["action"] == "route" and not (fact.subject == place and share <= _share(view, fact, version.ref)):
            return False
    return covers_today(view, fact, asked_of_models(view.versions.newest("scope", "scope"), now()))


def _share(view: View, fact: Fact, ref: str) -> float:
    """Return the share of the traffic that a decision on a route gave a version, by the revision it let through."""
    revision = next((one for one in fact.about if one.startswith(f"{fact.subject}@")), None)
    if revision is None:
        return 0
    weights = resolve(view, revision, "deployment", dropped=True)["weights"]
    return float(weights.get(ref, 0) / sum(weights.values()))


def warn_of(decision: records.Decision | None, where: str) -> None:
    """Warn of what somebody went back to in spite of today's scope."""
    results = () if decision is None else decision.results
    failing = [failure(one) for one in results if one.verdict == "fail" and not one.blocking]
    if failing:
        warn(f"{where} went back to what the scope would not allow today: {'; '.join(failing)}")
