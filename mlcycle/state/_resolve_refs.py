"""What a text or a record means: the one resolver of the library."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mlcycle import records
from mlcycle._ids import Ref, near, parse_ref
from mlcycle.errors import InvalidInput, NotFound, VersionDeleted
from mlcycle.state._nouns import NOUNS, noun

if TYPE_CHECKING:
    from mlcycle.state._index import Name
    from mlcycle.state._version import Version
    from mlcycle.state._view import View

__all__ = ["alias_not_found", "every_ref", "read_ref", "reference_of", "resolve"]


def read_ref(what: Any, view: View) -> Ref:
    """Return the parts of an address: a text, or a record, which stands wherever an address does.

    Raises
    ------
    InvalidInput, InvalidName
        Saying what an address is.
    """
    if isinstance(what, records.DatasetVersion | records.ModelVersion):
        records.check_home(what, view.state.id)
        what = what._address
    if hasattr(what, "shape") and not isinstance(what, records.Record):
        raise InvalidInput(
            f"an address is text like 'churn@7' or a record, got rows ({type(what).__name__}): pass the version "
            "itself, or add the rows first, project.datasets.add('customers', rows)"
        )
    kind, colon, _ = what.partition(":") if isinstance(what, str) else ("", "", "")
    if colon and (kind in NOUNS or kind in view.state.names.nouns()) and noun(kind).versioned:
        return parse_ref(what, kinds=None)
    return parse_ref(what)


def every_ref(what: Any, argument: str) -> list[Any]:
    """Return the addresses an argument holds that takes several; one alone stands for a list of one."""
    what = [what] if isinstance(what, (str, records.Record)) else () if what is None else what
    if isinstance(what, bytes) or not isinstance(what, Iterable):
        got = f"{type(what).__name__}: {what!r:.80}"
        raise InvalidInput(f"{argument} is a list of addresses or versions, such as ['churn@7'], got {got}")
    return list(what)


def resolve(view: View, what: Any, *nouns: str, dropped: bool = False) -> Version:
    """Return the version that a text or a record means, among the nouns a verb takes.

    Parameters
    ----------
    view : View
        The project.
    what : str or record
        ``"churn@7"``, ``"churn@production"``, ``"churn"`` (the newest), ``"model:churn@7"``, or a record.
    *nouns : str
        What may be meant; a text that does not say its noun must fit one of them only. Default: any.
    dropped : bool, default False
        Whether a dropped version will do.

    Raises
    ------
    NotFound
        With near names, the numbers there are, or the aliases there are.
    InvalidInput
        For another noun, or a text that may be of several.
    VersionDeleted
        When it was dropped.
    """
    ref = read_ref(what, view)
    if ref.kind is not None and nouns and ref.kind not in nouns:
        raise InvalidInput(f"{str(ref)!r} names a {ref.kind}; a {' or '.join(nouns)} is expected here")
    of = ref.kind or _noun_of(view, ref, nouns)
    name = view.names.get(of, ref.name)
    if name is None:
        raise view.names.unknown(of, ref.name, _meaning_something(view, of))
    number = _number(view, of, name, ref)
    if not 1 <= number <= view.versions.count(name):
        raise NotFound(f"{name.name} has no version {number}; there are {_numbers(view.versions.count(name))}")
    if not dropped and view.marks.has(of, name.name, "dropped", number):
        raise VersionDeleted(
            f"{name.name}@{number} was dropped; if no sweep has removed its files, "
            f"project.store.restore('{of}:{name.name}@{number}') brings it back"
        )
    return view.versions.get(of, name.name, number)


def reference_of(view: View, what: str) -> Version | None:
    """Return the model version that others are compared with, None where there is none yet.

    An alias that was taken away still means what stood there last: what was in production is what to be as good as.
    """
    try:
        return resolve(view, what, "model")
    except NotFound:
        ref = read_ref(what, view)
        stack = view.pointers.stack("model", ref.name, ref.version) if isinstance(ref.version, str) else []
        last = next((number for number in reversed(stack) if number is not None), None)
        return None if last is None else view.versions.get("model", view.names.known("model", ref.name).name, last)


def _noun_of(view: View, ref: Ref, nouns: tuple[str, ...]) -> str:
    """Return the one noun that has the name."""
    if len(nouns) == 1:
        return nouns[0]
    having = [
        of for of in nouns or view.names.nouns() if (name := view.names.get(of, ref.name)) and view.versions.count(name)
    ]
    if len(having) == 1:
        return having[0]
    if having:
        raise InvalidInput(f"{ref.name!r} may be {' or '.join(f'{of}:{ref.name}' for of in having)}; say which")
    known = [name for of in nouns or view.names.nouns() for name in _meaning_something(view, of)]
    raise NotFound(f"nothing is called {ref.name!r}", near(ref.name, known))


def _meaning_something(view: View, of: str) -> list[str]:
    return [name for name in view.names.of(of) if view.versions.latest(of, name) is not None]


def _number(view: View, of: str, name: Name, ref: Ref) -> int:
    if isinstance(ref.version, int):
        return ref.version
    if ref.version == "latest":
        number = view.versions.latest(of, name.name)
        if number is None:
            raise NotFound(
                f"every version of {name.name} was dropped, rejected or rolled back; name one by number, up to "
                f"{name.name}@{view.versions.count(name)}"
            )
        return number
    target = view.pointers.at(of, name.name, ref.version)
    if target is None:
        raise alias_not_found(view, of, name.name, ref.version)
    return target


def alias_not_found(view: View, of: str, name: str, alias: str) -> NotFound:
    """Return the error that says which aliases a name has, and which of them looks like this one."""
    known = [one for one in view.pointers.names(of, name) if view.pointers.at(of, name, one) is not None]
    there = f"its aliases are {', '.join(known)}" if known else "it has no aliases"
    return NotFound(f"{name} has no alias {alias!r}; {there}", near(alias, known))


def _numbers(count: int) -> str:
    return ("none", "1", "1 and 2")[count] if count < 3 else f"1 to {count}"
