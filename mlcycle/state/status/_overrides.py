"""What answers by an override: a decision in spite of the gate, which ends, though nothing falls by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._ids import bare
from mlcycle.state.status._answering import way_back
from mlcycle.state.status._finding import finding, listed, why

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlcycle.records import Result
    from mlcycle.state._version import Fact
    from mlcycle.state.status._answering import Answering
    from mlcycle.state.status._standing import Standing

__all__ = ["override_findings"]


def override_findings(standing: Standing, of: str) -> Iterator[Result]:
    """Say what stands on an override: once for each, wherever it lets versions answer.

    It is told of the model where an alias stands on it, else of the deployment.

    Before its end it is a warning, since somebody has to act by then: no alias and no route falls by itself. After it,
    what answers is allowed by nobody.
    """
    found: dict[str, tuple[Fact, list[Answering]]] = {}
    for place in standing.places:
        if (fact := standing.override(place)) is not None:
            found.setdefault(fact.id, (fact, []))[1].append(place)
    for fact, places in found.values():
        first = min(places, key=lambda one: (one.of != "model", not one.live))
        if first.of == of:
            yield _told(standing, fact, first, places)


def _told(standing: Standing, fact: Fact, first: Answering, places: Sequence[Answering]) -> Result:
    given = fact["override"]
    over = given["until"] <= standing.moment
    who = listed([f"{bare(ref)} ({listed(where)})" for ref, where in _where(places).items()])
    by = why(given["author"], fact.stamp.message)
    stands = "stands" if len(_where(places)) == 1 else "stand"
    if over:
        ended = f"which was over on {given['until'][:10]}, and it does not fall by itself"
        ways = filter(None, [first.again, way_back(standing.view, first)])
        summary = f"{who} {stands} on an override given{by}, {ended}: {', or '.join(ways)}"
    else:
        summary = f"{who} {stands} on an override until {given['until'][:10]}, given{by}: by then {first.again}"
    return finding("override", first.subject, summary, "fail" if over else "warn")


def _where(places: Sequence[Answering]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in sorted(places, key=lambda place: (place.of != "model", not place.live)):
        found.setdefault(one.ref, []).append(one.shown)
    return found
