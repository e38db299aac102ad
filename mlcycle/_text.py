"""Text for a terminal or a pipe: signs it can show, tables with numbers to the right.

A class that is `printable` shows itself in signs the console has: ``print`` of it never fails. What is stored, compared
or sent elsewhere is taken by `plain`, so that it is the same whatever console a process has.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import unicodedata
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = ["few", "plain", "plainly", "printable", "shown", "table", "width"]

# Signs the library itself uses; whatever else a console lacks is shown as Python escapes it.
_SIGNS = {
    "≥": ">=",
    "≤": "<=",
    "→": "->",
    "…": "...",
    "✓": "ok",
    "✗": "x",
    "·": "-",
    "–": "-",
    "−": "-",
    "×": "x",
    "─": "-",
    "═": "=",
    "├": "|",
    "┤": "|",
    "┊": ":",
    "●": "o",
    "░": ".",
    "▒": ":",
    "▓": "*",
    "█": "#",
    "▁": "_",
    "▂": ".",
    "▃": "-",
    "▄": "-",
    "▅": "=",
    "▆": "=",
    "▇": "#",
}
_Class = TypeVar("_Class", bound=type)
_plainly: ContextVar[bool] = ContextVar("plainly", default=False)


def few(named: Sequence[str], count: int) -> str:
    """Return the first of so many names, and how many more there are.

    Examples
    --------
    >>> few(["age", "region"], 2), few(["age", "region"], 5)
    ('age, region', 'age, region and 3 more')
    """
    more = f" and {count - len(named)} more" if count > len(named) else ""
    return f"{', '.join(named)}{more}"


def shown(text: str, console: TextIO | None = None) -> str:
    r"""Return a text in signs that a console can show.

    Parameters
    ----------
    text : str
        Any text.
    console : text file, optional
        Where it will be written; ``sys.stdout`` by default. One without an encoding takes everything.

    Examples
    --------
    >>> import io
    >>> shown("roc_auc ≥ 0.8 in é", io.TextIOWrapper(io.BytesIO(), "ascii"))
    'roc_auc >= 0.8 in \\xe9'
    """
    encoding = getattr(console or sys.stdout, "encoding", None)
    if text.isascii() or _plainly.get() or not isinstance(encoding, str):
        return text
    with contextlib.suppress(UnicodeEncodeError, LookupError):
        text.encode(encoding)
        return text
    return "".join(character if character.isascii() else _shown(character, encoding) for character in text)


def _shown(character: str, encoding: str) -> str:
    with contextlib.suppress(UnicodeEncodeError, LookupError):
        character.encode(encoding)
        return character
    return _SIGNS.get(character) or character.encode("ascii", "backslashreplace").decode()


@contextlib.contextmanager
def plainly() -> Iterator[None]:
    """Have everything give its text as it is stored, whatever the console can show."""
    before = _plainly.set(True)
    try:
        yield
    finally:
        _plainly.reset(before)


def plain(thing: Any) -> str:
    """Return ``str(thing)`` as it is stored, whatever the console can show."""
    with plainly():
        return str(thing)


def printable(kind: _Class) -> _Class:
    """Have a class give its text in signs the console can show.

    Examples
    --------
    >>> @printable
    ... class Limit:
    ...     def __str__(self):
    ...         return "≤ 3"
    >>> print(Limit())
    ≤ 3
    """
    for name in ("__str__", "__repr__"):
        own = vars(kind).get(name)
        if own is not None and not hasattr(own, "__wrapped__"):
            setattr(kind, name, _printing(own))
    return kind


def _printing(told: Callable[[Any], str]) -> Callable[[Any], str]:
    @functools.wraps(told)
    def show(self: Any) -> str:
        return shown(told(self))

    return show


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]], *, widest: int = 100) -> str:
    """Return rows as aligned text under a ruled head.

    Parameters
    ----------
    headers : sequence of str
        Column titles; empty for a table without a head.
    rows : iterable of sequences
        Cells. Floats are shown with four significant digits, missing values as nothing.
    widest : int, default 100
        Cut a text that is longer.

    Examples
    --------
    >>> print(table(["name", "rows"], [["train", 500], ["test", 1200]]))
    name   rows
    ───── ─────
    train   500
    test  1,200
    """
    body = [list(row) for row in rows]
    columns = max((len(row) for row in [headers, *body]), default=0)
    right = [bool(body) and all(_is_number(row[i]) or row[i] is None for row in body) for i in range(columns)]
    texts = [[_cell(value, widest) for value in row] for row in body]
    wide = [max(width(line[i]) for line in [*([headers] if headers else []), *texts]) for i in range(columns)]
    lines = [_line(headers, wide, right), " ".join(shown("─") * size for size in wide)] if headers else []
    lines += [_line(row, wide, right) for row in texts]
    return "\n".join(line.rstrip() for line in lines)


def width(text: str) -> int:
    """Return how many columns of a terminal a text takes.

    Examples
    --------
    >>> width("naïve"), width("日本")
    (5, 4)
    """
    plain = (character for character in text if not unicodedata.combining(character))
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in plain)


def _line(cells: Sequence[str], wide: Sequence[int], right: Sequence[bool]) -> str:
    padded = []
    for cell, size, to_right in zip(cells, wide, right, strict=True):
        gap = " " * (size - width(cell))
        padded.append(gap + cell if to_right else cell + gap)
    return " ".join(padded)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _cell(value: Any, widest: int) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = shown(" ".join(str(value).splitlines()))
    return text if len(text) <= widest else text[: widest - 1] + shown("…")
