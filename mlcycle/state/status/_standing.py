"""Where the project stands: what every phase asks of it, found once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle.records import from_json
from mlcycle.state._asked import asked_of_models
from mlcycle.state.status._answering import Answering, answering, deciding, trial_end
from mlcycle.state.status._judgement import Judgement, judgements_of

if TYPE_CHECKING:
    from mlcycle.records import Criterion
    from mlcycle.state._version import Fact
    from mlcycle.state._view import View

__all__ = ["Standing"]


class Standing:
    """What the phases look at; lives as long as one status takes.

    Attributes
    ----------
    view : View
        The project.
    moment : str
        UTC text.
    today : dict
        What blocks models by the scope at that moment, by the data they are judged on.
    places : list of Answering
        Every version that answers, wherever it does.
    test : str or None
        The scope's test at that moment.
    newest : list of str
        The newest version of each model, as a full ref.
    """

    def __init__(self, view: View, moment: str) -> None:
        self.view, self.moment = view, moment
        self._scope = view.versions.newest("scope", "scope")
        self.test: str | None = None if self._scope is None else from_json(self._scope["scope"]).test_at(moment)
        self.today = self._asked(None)
        self.places = [*answering(view)]
        names = view.names.of("model")
        self.newest = [f"model:{name}@{number}" for name in names if (number := view.versions.latest("model", name))]
        self._deciding = {place: deciding(view, place) for place in self.places}
        self._judged: dict[str, list[Judgement]] = {}

    @property
    def judged_on(self) -> list[str]:
        """The data that models are judged on, as the scope names it."""
        return [*dict.fromkeys([*([self.test] if self.test else []), *self.today])]

    def by_ref(self) -> dict[str, list[Answering]]:
        """Return where each version answers."""
        found: dict[str, list[Answering]] = {}
        for place in self.places:
            found.setdefault(place.ref, []).append(place)
        return found

    def by_own_rules(self, ref: str) -> bool:
        """Return whether a version is held to rules of production alone: where there are some, and no route to it."""
        live = {place.of for place in self.places if place.ref == ref and place.live}
        own = {} if self._scope is None else self._scope["scope"].get("aliases") or {}
        return live == {"model"} and "production" in own

    def asked_of(self, ref: str) -> dict[str, list[Criterion]]:
        """Return what is asked of a version today: by the rules of production, where it answers nowhere else."""
        return self._asked("production") if self.by_own_rules(ref) else self.today

    def _asked(self, alias: str | None) -> dict[str, list[Criterion]]:
        asked = asked_of_models(self._scope, self.moment, alias)  # what names no data is told of the scope
        blocking = {on: [one for one in criteria if one.blocking] for on, criteria in asked.items() if on is not None}
        return {on: criteria for on, criteria in blocking.items() if criteria}

    def judged(self, ref: str) -> list[Judgement]:
        """Return what is known of a version, by what is asked of it today."""
        if ref not in self._judged:
            self._judged[ref] = [*judgements_of(self.view, self.asked_of(ref), ref)]
        return self._judged[ref]

    def override(self, place: Answering) -> Fact | None:
        """Return the decision on an override by which a version answers, None where it needs none."""
        fact = self._deciding[place]
        return fact if fact is not None and fact["override"] is not None else None

    def trial(self, place: Answering) -> Fact | None:
        """Return the decision by which a version answers a small part without evidence."""
        fact = self._deciding[place]
        return fact if fact is not None and trial_end(fact, place.ref) is not None else None
