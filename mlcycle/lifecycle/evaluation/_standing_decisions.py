"""Standing decisions: what was allowed once is not asked again while it holds, and going back is only warned of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._ids import now
from mlcycle._warn import warn
from mlcycle.lifecycle.evaluation._gate import failure, model_criteria, on_data, scope_test
from mlcycle.state import DECIDES

if TYPE_CHECKING:
    from mlcycle import records
    from mlcycle.state import Fact, Version, View

__all__ = ["allowed_already", "warn_of"]


def allowed_already(view: View, version: Version) -> bool:
    """Say whether the newest decision on a model version allows it to answer, by all that is asked today.

    That it was gone back to says nothing of today's scope. One that blocked ends what was allowed before it; so does
    one that an override carried, when that ends. A share of the traffic given without evidence is no more than that.
    """
    found = (one for one in view.facts.of("decision", version.ref, newest_first=True) if one["action"] in DECIDES)
    fact = next(found, None)
    if fact is None or not fact["allowed"] or version.ref in (fact.says.get("trial") or {}):
        return False
    if fact["override"] is not None and fact["override"]["until"] <= now():
        return False
    then, today = _scope_of(view, fact), view.versions.newest("scope", "scope")
    tests = scope_test(then, fact["now"]), scope_test(today)
    judged_by = [on_data(one, tests[0]) for one in model_criteria(then, fact["now"], fact.says.get("alias"))]
    asked = [on_data(one, tests[1]) for one in model_criteria(today) if one.blocking]
    return all(any(_covers(former, one) for former in judged_by) for one in asked)


def _covers(former: records.Criterion, asked: records.Criterion) -> bool:
    """Say whether one asks at least as much as another; one of a user's that breaks covers nothing."""
    try:
        return former.covers(asked)
    except Exception:  # noqa: BLE001 - what somebody else wrote may raise anything; then it is judged again
        return False


def _scope_of(view: View, fact: Fact) -> Version | None:
    """Return the scope a decision was taken by; an older mlcycle does not say it, and it was that of the moment."""
    number = fact.says.get("scope", view.then(fact.stamp.entry).versions.latest("scope", "scope"))
    return None if number is None else view.versions.get("scope", "scope", number)


def warn_of(decision: records.Decision | None, where: str) -> None:
    """Warn of what somebody went back to in spite of today's scope."""
    results = () if decision is None else decision.results
    failing = [failure(one) for one in results if one.verdict == "fail" and not one.blocking]
    if failing:
        warn(f"{where} went back to what the scope would not allow today: {'; '.join(failing)}")
