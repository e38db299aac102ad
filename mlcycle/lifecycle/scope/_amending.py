"""What of a change of the scope is an amendment: a criterion made easier, or a test moved, after models were judged.

Before that everything may be edited. From then on what makes it stricter is free, and what does not is written down
with who wanted it, why, and until when: until a date, after which what held before holds again, or for good. A change
is held against what is agreed, which is what holds once everything has ended that ends: else what was eased for a while
could be taken for the rule, and be there for good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from attrs import evolve

from mlcycle import records
from mlcycle._ids import bare, name_key
from mlcycle._text import plain, plainly
from mlcycle.state import first_judged, judged_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mlcycle.state import View

__all__ = ["Amendment", "Terms", "amended", "would_amend"]

Doc = dict[str, Any]
Amendment: TypeAlias = "records.Loosening | records.MovedTest"
_FOR_EVER = "9999-12-31T23:59:59.999999Z"  # the last moment there is a text for: all that ends has ended by then


class Terms(NamedTuple):
    """Who wants an amendment, why, and until when (UTC text); empty for good."""

    message: str = ""
    author: str = ""
    until: str = ""


def amended(
    view: View, known: Doc, scope: Doc, given: Iterable[str], terms: Terms | None, *, judged: Callable[[View], bool]
) -> tuple[Doc, list[Amendment]]:
    """Return a stored scope with what stands of its amendments, and those that the change to it makes.

    Parameters
    ----------
    view : View
    known, scope : dict
        The scope before, as stored, and the one it shall be.
    given : iterable of str
        The fields that were given.
    terms : Terms or None
        On what terms it is amended, where they were said.
    judged : callable
        Says of the view whether models were judged by it.
    """
    before, after = records.from_json(known), records.from_json(scope)
    given = set(given)
    bound = bool(given & {"criteria", "aliases", "test"}) and judged(view)
    eased = [*_eased(view, before, after, terms)] if bound and given & {"criteria", "aliases"} else []
    kept, moved = _moves(view, before, after, terms) if bound and "test" in given else (before.moved, [])
    made = [(one.alias, one.before) for one in eased]
    standing = [
        stored if one == now else records.to_json(now)
        for stored, one in zip(known["loosened"], before.loosened, strict=True)
        if (one.alias, one.before) not in made and (now := _today(one, after)) is not None
    ]
    loosened = [*standing, *map(records.to_json, eased)]
    new = [one for one in eased if one not in before.loosened and not _carried(one, before)]
    return {**scope, "loosened": loosened, "moved": [*map(records.to_json, [*kept, *moved])]}, [*new, *moved]


def would_amend(one: Amendment, view: View) -> str:
    """Say what would become of a criterion or the test, where nobody has said on what terms."""
    if isinstance(one, records.MovedTest):
        pin = first_judged(view, one.before)
        judged = one.before if pin is None else bare(pin["data"])
        return f"the test would move from {judged}, which models were judged on, to {one.after}"
    asked = plain(one.before) if one.alias is None else f"{plain(one.before)} for {one.alias}"
    if one.after is not None:
        with plainly():
            return f"{asked} would become {records.becomes(one.after, one.before)}, which is looser"
    beside = "; project.scope.add(…) adds another one beside it" if one.alias is None else ""
    return f"{asked} would be removed{beside}"


# criteria ----------------------------------------------------------------------------------------------------------


def _eased(view: View, before: records.Scope, after: records.Scope, terms: Terms | None) -> Iterator[records.Loosening]:
    """Yield the criteria that a change makes easier than what is agreed, for all or for an alias, each on its terms."""
    if terms is not None and (before.criteria, before.aliases) == (after.criteria, after.aliases):
        # nothing else is asked: what was agreed until a date is agreed on these terms
        yield from (evolve(one, **terms._asdict()) for one in before.loosened if not one.permanent)
        return
    own = sorted({*before.aliases, *after.aliases})
    for alias in (None, *(one for one in own if one in before.aliases or _is_in_use(view, one))):
        mine = [
            one for one in before.loosened if one.alias == alias or (one.alias is None and alias not in before.aliases)
        ]
        for was, to in records.is_looser(before.criteria_at(_FOR_EVER, alias), after.rules(alias)):
            former = next((one for one in mine if one.before == was), None)
            if former is not None and _no_easier(former, to) and (terms is None or former.after == to):
                yield evolve(former, alias=alias, after=to)
            else:
                yield _eased_anew(alias, was, to, terms, mine)


def _is_in_use(view: View, alias: str) -> bool:
    """Say whether an alias means something to people already: then its rules are not made, but changed."""
    known = {name_key(one) for name in view.names.of("model") for one in view.pointers.names("model", name)}
    return name_key(alias) in {*known, "production"}


def _no_easier(former: records.Loosening, to: records.Criterion | None) -> bool:
    """Say whether what a criterion becomes asks as much as what it was eased to before."""
    return former.after is None or (to is not None and to.covers(former.after))


def _carried(one: records.Loosening, before: records.Scope) -> bool:
    """Say whether a loosening stood before: its criterion may be another by now, or an alias may have taken it over."""
    terms = (one.before, one.message, one.author, one.until)
    return any(
        terms == (was.before, was.message, was.author, was.until) and _no_easier(was, one.after)
        for was in before.loosened
    )


def _eased_anew(
    alias: str | None,
    was: records.Criterion,
    to: records.Criterion | None,
    terms: Terms | None,
    mine: list[records.Loosening],
) -> records.Loosening:
    said = terms or Terms()
    if not said.until:  # what was eased for good, and is again, was eased from what came first
        was = next((one.before for one in mine if one.permanent and one.after == was), was)
    return records.Loosening(alias=alias, before=was, after=to, **said._asdict())


def _today(one: records.Loosening, scope: records.Scope) -> records.Loosening | None:
    """Return a loosening as it stands by the criteria of a scope; None where what held before holds again."""
    found = records.is_looser([one.before], scope.rules(one.alias))
    return evolve(one, after=found[0][1]) if found else None


# the test ----------------------------------------------------------------------------------------------------------


def _moves(
    view: View, before: records.Scope, after: records.Scope, terms: Terms | None
) -> tuple[list[records.MovedTest], list[records.MovedTest]]:
    """Return what stands of the moves of the test, and the one that a change makes, if it makes one.

    Raises
    ------
    NotFound
        When it would be moved to what is not there.
    """
    moves, agreed, to = [*before.moved], before.test_at(_FOR_EVER), after.test
    if agreed is None or to is None:
        return moves, []
    back = next((i for i, one in enumerate(moves) if _is_same(view, one.before, to)), None)
    if back is not None and before.test != to:
        return moves[:back], []
    if _is_same(view, before.test or "", to):
        last = moves[-1] if moves else None
        if last is None or terms is None or last.permanent:  # at most it is spelled otherwise
            return [*moves[:-1], evolve(last, after=to)] if last else moves, []
    elif _is_same(view, agreed, to):
        return [one for one in moves if one.before != agreed], []
    judged_on(view, to)
    said = terms or Terms()
    first = agreed if said.until else next((one.before for one in moves if one.permanent), agreed)
    kept = [one for one in moves if said.until and one.before != first]
    return kept, [records.MovedTest(before=first, after=to, **said._asdict())]


def _is_same(view: View, name: str, to: str) -> bool:
    """Say whether two names of data mean the same to whoever is judged: one may be the version of the other."""
    if name == to:
        return True
    pins = (first_judged(view, one) for one in (name, to))
    one, other = (named if pin is None else bare(pin["data"]) for named, pin in zip((name, to), pins, strict=True))
    return one == other
