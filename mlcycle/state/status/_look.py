"""One look at where the project stands: what every phase asks of it, found once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle.state.status._answering import Answering, answering, deciding, trial_end
from mlcycle.state.status._judgement import Judgement, asked_of_models, judgements_of

if TYPE_CHECKING:
    from mlcycle.records import Criterion
    from mlcycle.state._version import Fact
    from mlcycle.state._view import View

__all__ = ["Look"]


class Look:
    """What the phases look at; lives as long as one status takes.

    Attributes
    ----------
    view : View
        The project.
    moment : str
        UTC text.
    today : dict
        What the scope asks of models at that moment, by the data they are judged on.
    places : list of Answering
        Every version that answers, wherever it does.
    """

    def __init__(self, view: View, moment: str) -> None:
        self.view, self.moment = view, moment
        self._scope = view.versions.newest("scope", "scope")
        self.today = self._asked(None)
        self.places = [*answering(view)]
        self._deciding = {place: deciding(view, place) for place in self.places}
        self._judged: dict[str, list[Judgement]] = {}

    def by_ref(self) -> dict[str, list[Answering]]:
        """Return where each version answers."""
        found: dict[str, list[Answering]] = {}
        for place in self.places:
            found.setdefault(place.ref, []).append(place)
        return found

    def asked_of(self, ref: str) -> dict[str, list[Criterion]]:
        """Return what is asked of a version today: by the rules of production, where it answers nowhere else."""
        live = {place.of for place in self.places if place.ref == ref and place.live}
        return self._asked("production") if live == {"model"} else self.today

    def _asked(self, alias: str | None) -> dict[str, list[Criterion]]:
        return {} if self._scope is None else asked_of_models(self._scope, self.moment, alias)

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
