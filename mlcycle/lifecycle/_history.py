"""The log as a table for people: who did what, when and why, of all or of what was asked for."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mlcycle import records
from mlcycle._ids import near
from mlcycle.errors import InvalidInput, NotFound
from mlcycle.lifecycle._points_in_time import first_entry
from mlcycle.state import NOUNS, Topic, entries_about, entry_text, kind_of, noun, only_keeps, read_ref, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from mlcycle.lifecycle._session import Session
    from mlcycle.state import View

__all__ = ["history_frame"]

Doc = dict[str, Any]

# what is cut on a narrow terminal is the middle: what was done and why stand first
_COLUMNS = ("entry", "what", "message", "author", "kind", "at")
# What this library writes as the verb of an entry; docs/format.md lists them, and a test compares. One that has not
# happened yet is no mistake of who asks for it.
_VERBS = (
    *("project.create", "project.rollback", "dataset.add", "dataset.split", "dataset.rollback", "model.register"),
    *("model.promote", "model.demote", "model.rollback", "experiment.open", "run.pin", "scope.set", "evaluation.add"),
    *("deployment.open", "deployment.route", "deployment.rollback", "deployment.check", "store.drop", "store.restore"),
    *("store.tag", "store.ask", "store.sweep"),
)
_SPARE = 8  # entries read beyond the limit at first: some of the newest only keep files, and are left out
_GAP = 8  # entries read that nobody asked for, where a second request of the storage would cost more


def history_frame(
    session: Session,
    *,
    author: str | Iterable[str] | None = None,
    of: Any = None,
    kind: str | Iterable[str] | None = None,
    since: Any = None,
    limit: int | None = None,
    pointer: str | None = None,
) -> pd.DataFrame:
    """Return the entries a session sees, oldest first, with their changes in words; all that is asked for must hold.

    Parameters
    ----------
    author, of, kind, since, limit
        As in `Project.history`.
    pointer : str, optional
        Only the moves of this pointer of what `of` names: an alias of a model.
    """
    if limit is not None and (not isinstance(limit, Integral) or isinstance(limit, bool) or limit < 0):
        raise InvalidInput(f"limit= is a number of entries, 0 or more, got {type(limit).__name__}: {limit!r:.80}")
    view = session.view()
    topic = None if of is None else _topic(view, of, pointer)
    asked = _Asked(_texts("author", author, "'ada'"), _kinds(session, view, kind), topic)
    first = 0 if since is None else first_entry(session.log, view, since)
    most = None if limit is None else int(limit)
    about = entries_about(view, topic) if topic else None
    parts: list[list[tuple[Any, ...]]] = []
    for start, stop in _stretches(first, view.n, about, most) if most != 0 else ():
        read = [session.log.entry(start)] if stop - start == 1 else session.log.entries(start, stop)
        parts.append([row for entry in read if (row := asked.row(entry, view))])
        if most is not None and sum(map(len, parts)) >= most:
            break
    rows = [row for part in reversed(parts) for row in part]
    return _frame(rows if most is None else rows[len(rows) - min(most, len(rows)) :])


@frozen
class _Asked:
    """What entries are asked for."""

    authors: frozenset[str] | None
    kinds: frozenset[str] | None
    topic: Topic | None

    def row(self, entry: Doc, view: View) -> tuple[Any, ...] | None:
        """Return an entry as a row, None where it was not asked for."""
        kind, changes = kind_of(entry), entry["changes"]
        if self.authors is not None and entry["author"] not in self.authors:
            return None
        if not any(_is_kind(one, kind) for one in self.kinds) if self.kinds is not None else self._aside(changes):
            return None
        what = entry_text(changes, view.then(entry["n"] - 1), self.topic)
        if self.topic is not None and not what:
            return None
        return entry["n"], what, entry["message"], entry["author"], kind, entry["at"]

    def _aside(self, changes: Sequence[Doc]) -> bool:
        return self.topic is None and only_keeps([*changes])


def _frame(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(rows, columns=_COLUMNS).astype({"entry": "int64"})
    return frame.assign(at=pd.to_datetime(frame["at"], utc=True, format="ISO8601")).set_index("entry")


def _stretches(first: int, last: int, about: Sequence[int] | None, limit: int | None) -> Iterator[tuple[int, int]]:
    """Yield what to read, the newest first: short stretches at the beginning, where few entries are asked for."""
    size = last + 1 if limit is None else limit + _SPARE
    if about is None:
        stop = last + 1
        while stop > first:
            start = max(first, stop - size)
            yield start, stop
            stop, size = start, 2 * size
        return
    left = [n for n in about if n >= first]
    while left:
        stop = 1 + (start := left.pop())
        while left and start - left[-1] <= _GAP and stop - left[-1] <= size:
            start = left.pop()
        yield start, stop
        size *= 2


# what is asked for -----------------------------------------------------------------------------------------------


def _texts(argument: str, given: Any, example: str) -> frozenset[str] | None:
    """Return one text or several as a set, None where nothing was given."""
    if given is None:
        return None
    several = [given] if isinstance(given, str) else list(given) if isinstance(given, Iterable) else [None]
    if not all(isinstance(one, str) for one in several):
        raise InvalidInput(f"{argument}= is text such as {example}, or a list of it, got {given!r:.80}")
    return frozenset(several)


def _is_kind(asked: str, kind: str) -> bool:
    """Say whether a kind is what was asked for: all of it, or one half."""
    return asked in (kind, kind.partition(".")[0], kind.partition(".")[2])


def _kinds(session: Session, view: View, given: Any) -> frozenset[str] | None:
    """Return the kinds asked for; those nobody here knows must stand in the log, which is read for them."""
    asked = _texts("kind", given, "'model.promote'")
    strange = [one for one in asked or () if not any(_is_kind(one, verb) for verb in _VERBS)]
    if strange:
        there = {kind_of(entry) for entry in session.log.entries(0, view.n + 1)}
        for one in sorted(strange):
            if not any(_is_kind(one, kind) for kind in there):
                looks = near(one, there)
                meant = f" Did you mean {looks[0]!r}?" if looks else ""
                raise InvalidInput(
                    f"kind={one!r} is not a kind of entry in this history; there are {', '.join(sorted(there))}, and "
                    f"each half of one stands for all that have it.{meant}"
                )
    return asked


def _topic(view: View, of: Any, pointer: str | None) -> Topic:
    """Return what a history is narrowed to: by a full ref, a record, or a name that only one thing has."""
    ref = getattr(of, "_address", None) or of  # of a record, or of a handle
    if ref is not of:
        records.check_home(of, view.state.id)
    of_noun, colon, name = ref.partition(":") if isinstance(ref, str) else ("", "", "")
    if colon and of_noun == "run":
        return Topic("run", name)
    if not (colon and of_noun in {*NOUNS, *view.names.nouns()} and not noun(of_noun).versioned):
        address = read_ref(ref, view)
        of_noun, name = address.kind or _noun_of(view, address.name), address.name
        if "@" in str(ref) or not isinstance(ref, str):  # a version: by number, alias or `latest`, or a record
            version = resolve(view, f"{of_noun}:{name}@{address.version}", dropped=True)
            return Topic(of_noun, version.name, version.number)
    known = view.names.known(of_noun, name)
    pointers = view.pointers.names(of_noun, name)
    if pointer is not None and pointer not in pointers:
        there = f"it has had {', '.join(pointers)}" if pointers else "it never had one"
        raise NotFound(f"{known.name} has no alias {pointer!r}; {there}", near(pointer, pointers))
    return Topic(of_noun, known.name, pointer=pointer)


def _noun_of(view: View, name: str) -> str:
    """Return the one noun that has a name."""
    nouns = [of for of in view.names.nouns() if (found := view.names.get(of, name)) and (found.said or found.made)]
    if len(nouns) == 1:
        return nouns[0]
    if nouns:
        raise InvalidInput(f"{name!r} may be {' or '.join(f'{of}:{name}' for of in nouns)}; say which")
    named = [one.name for of in view.names.nouns() for one in view.names.every(of) if one.said or one.made]
    raise NotFound(f"nothing is called {name!r}", near(name, named))
