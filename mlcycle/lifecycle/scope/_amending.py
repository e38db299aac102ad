"""What of a change of the scope is an amendment: a criterion made easier, or a test moved, after both were judged by.

Before that everything may be edited. From then on what makes it stricter is free, and what does not is written down
with who wanted it, why, and until when: until a date, after which what held before holds again, or for good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from attrs import evolve

from mlcycle import records
from mlcycle._ids import bare
from mlcycle._text import plain
from mlcycle.state import first_judged, was_judged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlcycle.state import View

__all__ = ["Terms", "amend", "would_amend"]

Doc = dict[str, Any]
Amendment: TypeAlias = "records.Loosening | records.MovedTest"


class Terms(NamedTuple):
    """Who wants an amendment, why, and until when (UTC text); empty for good."""

    message: str = ""
    author: str = ""
    until: str = ""


def amend(
    view: View, known: Doc, scope: Doc, given: Iterable[str], terms: Terms | None, moment: str
) -> list[Amendment]:
    """Write into a stored scope what stands of its amendments, and return those that the change makes.

    Parameters
    ----------
    view : View
    known, scope : dict
        The scope before, as stored, and the one it shall be; the second is changed.
    given : iterable of str
        The fields that were given.
    terms : Terms or None
        On what terms it is amended, where they were said.
    moment : str
        Now, in UTC text.
    """
    before: records.Scope = records.from_json(known)
    after: records.Scope = records.from_json(scope)
    judged, given = was_judged(view), set(given)
    eased = _eased(before, after, terms, moment) if judged and given & {"criteria", "aliases"} else []
    moved = _moved(view, before, after, terms, moment) if judged and "test" in given else []
    made = [(one.alias, one.before) for one in eased]
    standing = [
        stored if one == now else records.to_json(now)
        for stored, one in zip(known["loosened"], before.loosened, strict=True)
        if (one.alias, one.before) not in made and (now := _today(one, after)) is not None
    ]
    scope["loosened"] = [*standing, *map(records.to_json, eased)]
    scope["moved"] = [*map(records.to_json, [*_moves_kept(before, after, moved), *moved])]
    return [*eased, *moved]


def would_amend(one: Amendment, view: View) -> str:
    """Say what would become of a criterion or the test, where nobody has said on what terms."""
    if isinstance(one, records.MovedTest):
        pin = first_judged(view, one.before)
        judged = one.before if pin is None else bare(pin["data"])
        return f"the test would move from {judged}, which models were judged on, to {one.after}"
    whose = "" if one.alias is None else f"{one.alias}: "
    if one.after is not None:
        return f"{whose}{plain(one.before)} would become {plain(one.after)}, which is looser"
    return f"{whose}{plain(one.before)} would be removed; project.scope.add(…) adds another one beside it"


def _eased(before: records.Scope, after: records.Scope, terms: Terms | None, moment: str) -> list[records.Loosening]:
    """Return the criteria that a change makes easier than they are now, for all or for an alias."""
    same = (before.criteria, before.aliases) == (after.criteria, after.aliases)
    if same and terms is not None:  # nothing else is asked: what was agreed until a date is agreed on these terms
        return [evolve(one, **terms._asdict()) for one in before.loosened if not one.permanent]
    own = sorted({*before.aliases, *after.aliases})
    return [one for alias in (None, *own) for one in _eased_for(alias, before, after, terms, moment)]


def _eased_for(
    alias: str | None, before: records.Scope, after: records.Scope, terms: Terms | None, moment: str
) -> list[records.Loosening]:
    mine = [one for one in before.loosened if one.alias == alias]
    known = [(one.before, one.after) for one in mine]
    eased = records.is_looser(before.criteria_at(moment, alias), after.rules(alias))
    pairs = [pair for pair in eased if pair not in known]
    if terms is not None and not terms.until:
        # what held before a loosening that ends is not to come back after one that does not
        dated = [one for one in mine if not one.permanent]
        pairs = [(next((one.before for one in dated if one.after == was), was), to) for was, to in pairs]
    said = (terms or Terms())._asdict()
    return [records.Loosening(alias=alias, before=was, after=to, **said) for was, to in pairs]


def _today(one: records.Loosening, scope: records.Scope) -> records.Loosening | None:
    """Return a loosening as it stands by the criteria of a scope; None where what held before holds again."""
    if one.alias is not None and one.alias not in scope.aliases:  # it goes by what is asked of all again
        return None
    found = records.is_looser([one.before], scope.rules(one.alias))
    return evolve(one, after=found[0][1]) if found else None


def _moved(
    view: View, before: records.Scope, after: records.Scope, terms: Terms | None, moment: str
) -> list[records.MovedTest]:
    """Return the move of the test that a change makes, or puts on other terms; none to what it stands at anyhow."""
    was, to = before.test_at(moment), after.test
    if was is None or to is None or to in (move.before for move in before.moved):
        return []
    if was == to:
        last = before.moved[-1] if before.moved else None
        if terms is None or last is None or last.permanent:
            return []
        was = last.before
    pin = first_judged(view, was)
    if pin is not None and to == bare(pin["data"]):
        return []
    said = terms or Terms()
    return [records.MovedTest(before=was, after=to, **said._asdict())]


def _moves_kept(
    before: records.Scope, after: records.Scope, made: list[records.MovedTest]
) -> Iterable[records.MovedTest]:
    """Yield the moves that led to the test as it stands: none from where it is moved back to on."""
    for move in before.moved:
        if move.before == after.test or move.before in (one.before for one in made):
            return
        yield move
