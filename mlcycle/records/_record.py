"""What every record shares: how it prints, and how it becomes a row of a table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs

from mlcycle import _html
from mlcycle._text import plainly, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Record", "as_row", "copied", "listed", "texts"]


_NOUN = re.compile("[A-Z][a-z]*")  # the last of them says what it is: a ModelVersion is a version


@printable
class Record:
    """A frozen fact; the base of every record.

    Subclasses say in `_title` what they are called and in `_facts` what a reader wants to see first; in `_cells`, where
    it is not the same, what of it stands in a row among others.
    """

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        printable(cls)
        if (html := vars(cls).get("_repr_html_")) is not None:
            cls._repr_html_ = plainly()(html)  # type: ignore[method-assign]

    def _title(self) -> str:
        return ""

    def _facts(self) -> list[tuple[str, Any]]:
        return []

    def _cells(self) -> list[tuple[str, Any]]:
        return [(_NOUN.findall(type(self).__name__)[-1].lower(), self._title()), *self._facts()]

    def __repr__(self) -> str:
        shown = [repr(self._title())] if self._title() else []
        shown += [f"{_word(name)}={_brief(value)}" for name, value in self._facts() if not _empty(value)]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __str__(self) -> str:
        return self._title() or repr(self)

    @plainly()
    def _repr_html_(self) -> str:
        facts = [(name, _cell(value)) for name, value in self._facts()]
        return _html.card(f"{type(self).__name__} {self._title()}".strip(), facts)


def _empty(value: Any) -> bool:
    return value is None or value in ("", (), [], {})


def _word(name: str) -> str:
    return name.replace(" ", "_")


def _brief(value: Any) -> str:
    if isinstance(value, str):
        return repr(value) if len(value) <= 60 else repr(value[:57] + "…")
    if isinstance(value, float):
        return _html.number(value)
    if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
        return "[" + ", ".join(value[:6]) + (", …]" if len(value) > 6 else "]")
    if isinstance(value, dict):
        shown = ", ".join(f"{key}: {_brief(item)}" for key, item in list(value.items())[:6])
        return "{" + shown + (", …}" if len(value) > 6 else "}")
    return str(value)


def _cell(value: Any) -> Any:
    return _brief(value) if isinstance(value, (tuple, dict)) and value else value


def copied(value: Any) -> Any:
    """Return plain data copied to its depth, so that a record never shares a list or dict with anybody.

    Examples
    --------
    >>> inner = [1]
    >>> copied({"a": inner})["a"] is inner
    False
    """
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copied(item) for item in value]
    if isinstance(value, tuple):
        return tuple(copied(item) for item in value)
    return value


def texts(value: Any) -> tuple[str, ...]:
    """Return one text or several as a tuple of texts; nothing is the empty tuple.

    Examples
    --------
    >>> texts("a"), texts(["a", "b"]), texts(None)
    (('a',), ('a', 'b'), ())
    """
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def listed(value: Iterable[Any] | None) -> tuple[Any, ...]:
    """Return the items of a sequence, arrays included, copied to their depth; nothing is the empty tuple.

    Examples
    --------
    >>> listed([1, 2]), listed(None)
    ((1, 2), ())
    """
    return () if value is None else tuple(copied(item) for item in value)


def as_row(record: Record) -> dict[str, Any]:
    """Return a record as one flat row for a table: nested records and dicts become ``field.name`` columns.

    Parameters
    ----------
    record : Record
        Any record.

    Returns
    -------
    dict
        Column name to value. Tuples of records are counted, since they are tables of their own.

    Examples
    --------
    >>> from mlcycle.records import FileRef
    >>> as_row(FileRef(key="files/a", size=3, sha256="sha256:ab", kind="model"))["size"]
    3
    """
    row: dict[str, Any] = {}
    for field in attrs.fields(type(record)):  # type: ignore[arg-type]
        value = getattr(record, field.name)
        if isinstance(value, Record):
            row |= {f"{field.name}.{name}": item for name, item in as_row(value).items()}
        elif isinstance(value, dict):
            row |= {f"{field.name}.{name}": item for name, item in value.items()}
        elif isinstance(value, tuple) and value and all(isinstance(item, Record) for item in value):
            row[field.name] = len(value)
        else:
            row[field.name] = value
    return row
