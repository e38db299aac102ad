"""Tables for a terminal or a pipe: plain text, aligned, numbers to the right."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["table", "width"]


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
    lines = [_line(headers, wide, right), " ".join("─" * size for size in wide)] if headers else []
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
    text = " ".join(str(value).splitlines())
    return text if len(text) <= widest else text[: widest - 1] + "…"
