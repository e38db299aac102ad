"""What the collections of a project share: each is a read-only mapping of what it holds, by name."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, overload

from mlcycle import _html
from mlcycle._text import few, plainly, printable
from mlcycle.errors import InvalidInput, NotFound
from mlcycle.lifecycle.blobs import readable

if TYPE_CHECKING:
    from mlcycle import records
    from mlcycle.lifecycle._session import Session
    from mlcycle.state import View

__all__ = ["ROWS", "ByName"]

V = TypeVar("V")
D = TypeVar("D")
ROWS = 20  # a screenful in a notebook
_NAMED = 8  # names on the one line of a prompt


@printable
class ByName(Mapping[str, V]):
    """A read-only mapping of what a project holds, by one look each time something is asked.

    A name stands for what it means now, and an address or a record may stand wherever a name does. Iteration is over
    the names that mean something now. ``items()`` and ``values()`` go by one look, whatever others do meanwhile; so
    does ``dict(datasets.items())``, while ``dict(datasets)`` looks again for every name.
    """

    _of: ClassVar[str]
    """The noun of what it holds: ``"dataset"``."""

    _each: ClassVar[type]
    """The class of what it holds, on which the verbs about one stand."""

    _one: ClassVar[str]
    """What one of them is, and how it is got: ``"version: project.models['churn@7']"``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def _find(self, view: View, ref: Any) -> Any:
        """Return what an address or a record means; refuse what means nothing."""
        name = ref.removeprefix(f"{self._of}:") if isinstance(ref, str) else getattr(ref, self._of, ref)
        return view.names.known(self._of, name).name

    @abstractmethod
    def _made_of(self, view: View, found: Any) -> V:
        """Return what is handed out for what was found."""

    def _look(self) -> tuple[View, list[str]]:
        """Return the project by one look, and the names that mean something in it, in the order of iteration."""
        view = self._session.view()
        return view, view.names.of(self._of)

    @abstractmethod
    def _table_of(self, few: list[V]) -> str:
        """Return some of what it holds as a table in HTML."""

    def __getitem__(self, ref: str | records.Record) -> V:
        view = self._session.view()
        return self._made_of(view, self._find(view, ref))

    @overload
    def get(self, ref: str | records.Record, /) -> V | None: ...
    @overload
    def get(self, ref: str | records.Record, /, default: V | D) -> V | D: ...
    def get(self, ref: str | records.Record, /, default: Any = None) -> Any:
        """Return what an address or a record means, or a default where it means nothing, or nothing any more."""
        try:
            return self[ref]
        except (NotFound, InvalidInput):  # as `in` says of what cannot be an address
            return default

    def __contains__(self, ref: object) -> bool:
        try:
            self._find(self._session.view(), ref)
        except (NotFound, InvalidInput):
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._look()[1])

    def __len__(self) -> int:
        return len(self._look()[1])

    def items(self) -> ItemsView[str, V]:
        """Return names and what they meant at one look, each made when the iteration comes to it."""
        return ItemsView(_Seen(self))

    def values(self) -> ValuesView[V]:
        """Return what all names meant at one look, each made when the iteration comes to it."""
        return ValuesView(_Seen(self))

    # a mapping compares by what it holds, and would read all of a project for it
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    if not TYPE_CHECKING:  # a type checker takes every name for known where this is

        def __getattr__(self, name: str) -> Any:
            if not name.startswith("_") and callable(getattr(self._each, name, None)):
                raise AttributeError(f"{name} is asked of one {self._one}.{name}(…)")
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    # looks ---------------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return self._line(self._look()[1])

    def _line(self, names: list[str]) -> str:
        said = f" ({len(names)}): {few(names[:_NAMED], len(names))}" if names else ": none yet"
        return f"<{self._of}s of {self._session.url}{said}>"

    @plainly()
    def _repr_html_(self) -> str:
        seen = _Seen(self)
        return self._card(len(seen), self._table_of(readable(seen.__getitem__, islice(seen, ROWS))))

    def _card(self, count: int, table: str) -> str:
        more = f"<div>… and {count - ROWS:,} more</div>" if count > ROWS else ""
        title = f"{self._of}s of {self._session.url}: {f'{count:,}' if count else 'none yet'}"
        return _html.card(title, [], *([table, more] if count else []))

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)


class _Seen(Mapping[str, V]):
    """What a collection held at one look."""

    def __init__(self, of: ByName[V]) -> None:
        self._of = of
        self._view, names = of._look()
        self._names = dict.fromkeys(names)

    def __getitem__(self, name: str) -> V:
        if name not in self._names:
            raise KeyError(name)
        return self._of._made_of(self._view, self._of._find(self._view, name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return self._of._line(list(self._names))
