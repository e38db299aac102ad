"""Tables, bars and badges as small pieces of HTML for ``_repr_html_``.

Everything is escaped, carries its own inline style (notebook viewers strip style sheets and scripts) and uses the
colour of the surrounding text, so it reads the same on a light and a dark page.
"""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Markup", "badge", "bar", "card", "folded", "number", "table"]

# Mid-tone colours: legible with the page's own text colour beside them, on white and on black.
_COLOURS = {
    "pass": "#2e9e5b",
    "allowed": "#2e9e5b",
    "finished": "#2e9e5b",
    "within margin": "#2e9e5b",
    "better": "#2e9e5b",
    "not worse": "#2e9e5b",
    "warn": "#c98a00",
    "inconclusive": "#c98a00",
    "running": "#3b82c4",
    "fail": "#d64545",
    "blocked": "#d64545",
    "drifted": "#d64545",
    "worse": "#d64545",
    "failed": "#d64545",
    "error": "#d64545",
    "lost": "#d64545",
}
_GREY = "#808890"
_CELL = "padding:2px 10px 2px 0;border:0;text-align:{align};vertical-align:top"
_HEAD = _CELL + ";border-bottom:1px solid currentColor;font-weight:600"


class Markup(str):
    """Text that is HTML already and is not escaped again.

    Examples
    --------
    >>> table(["a"], [[Markup("<b>bold</b>")], ["<b>"]]).count("<b>")
    1
    """

    __slots__ = ()


def number(value: Any) -> str:
    """Return a value as short text: floats with four significant digits, missing values as a dash.

    Parameters
    ----------
    value : object
        What to show.

    Examples
    --------
    >>> number(0.812345), number(12000), number(None), number(-0.00001234), number(81234.5), number("text")
    ('0.8123', '12,000', '–', '-1.234e-05', '81,234', 'text')
    """
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if not math.isfinite(value):
        return str(value)
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]], *, caption: str = "") -> Markup:
    """Return rows as an HTML table; numbers are aligned right.

    Parameters
    ----------
    headers : sequence of str
        Column titles; empty for a table without a head.
    rows : iterable of sequences
        Cells; `Markup` goes in as it is, everything else is escaped.
    caption : str, optional
        A line above the table.

    Examples
    --------
    >>> table(["name", "n"], [["<x>", 3]])
    '<table ...&lt;x&gt;...3...</table>'
    """
    body = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in rows)
    heads = "".join(f'<th style="{_HEAD.format(align="left")}">{html.escape(str(title))}</th>' for title in headers)
    head = f"<thead><tr>{heads}</tr></thead>" if heads else ""
    title = (
        f'<caption style="caption-side:top;text-align:left;padding:0 0 4px 0">{_text(caption)}</caption>'
        if caption
        else ""
    )
    return Markup(
        '<table style="border-collapse:collapse;margin:4px 0;background:transparent;color:inherit">'
        f"{title}{head}<tbody>{body}</tbody></table>"
    )


def _cell(value: Any) -> str:
    numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
    style = _CELL.format(align="right" if numeric else "left")
    return f'<td style="{style}">{_text(value)}</td>'


def _text(value: Any) -> str:
    return str(value) if isinstance(value, Markup) else html.escape(number(value))


def badge(word: str) -> Markup:
    """Return a word such as a verdict or a status in the colour of what it means.

    Examples
    --------
    >>> badge("pass")
    '<span style="...#2e9e5b...">pass</span>'
    """
    colour = _COLOURS.get(word, _GREY)
    return Markup(
        f'<span style="border:1px solid {colour};color:{colour};border-radius:8px;padding:0 7px;'
        f'font-size:90%;white-space:nowrap">{html.escape(word)}</span>'
    )


def bar(
    value: float | None,
    low: float | None = None,
    high: float | None = None,
    threshold: float | None = None,
    *,
    verdict: str = "",
    width: int = 160,
) -> Markup:
    """Return an interval as a small picture: its ends as a bar, the value as a dot, the threshold as a line.

    Parameters
    ----------
    value, low, high, threshold : float or None
        On one scale; what is missing is left out, and nothing at all gives an empty text.
    verdict : str, optional
        Chooses the colour as in `badge`.
    width : int, default 160
        Pixels.

    Examples
    --------
    >>> bar(0.8, 0.7, 0.9, 0.75).startswith("<svg")
    True
    >>> bar(None)
    ''
    """
    known = [x for x in (value, low, high, threshold) if x is not None and math.isfinite(x)]
    if value is None or not math.isfinite(value):
        return Markup("")
    least, most = min(known), max(known)
    spread = (most - least) or max(abs(most), 1e-12)
    least, spread = least - 0.08 * spread, 1.16 * spread

    def x(position: float) -> str:
        return f"{width * (position - least) / spread:.1f}"

    colour = _COLOURS.get(verdict, _GREY)
    parts = [f'<line x1="0" x2="{width}" y1="8" y2="8" stroke="currentColor" stroke-opacity="0.2"/>']
    if low is not None and high is not None and math.isfinite(low) and math.isfinite(high):
        parts.append(f'<line x1="{x(low)}" x2="{x(high)}" y1="8" y2="8" stroke="{colour}" stroke-width="5"/>')
    parts.append(f'<circle cx="{x(value)}" cy="8" r="4" fill="{colour}"/>')
    if threshold is not None and math.isfinite(threshold):
        at = x(threshold)
        parts.append(f'<line x1="{at}" x2="{at}" y1="0" y2="16" stroke="currentColor" stroke-width="1.5"/>')
    return Markup(f'<svg width="{width}" height="16" role="img" style="vertical-align:middle">{"".join(parts)}</svg>')


def card(title: str, pairs: Iterable[tuple[str, Any]], *extra: str) -> Markup:
    """Return a titled list of facts, then whatever tables follow it.

    Parameters
    ----------
    title : str
        Escaped unless it is `Markup`.
    pairs : iterable of (str, object)
        Facts; those that are ``None`` or empty are left out.
    *extra : Markup
        HTML put below.

    Examples
    --------
    >>> "churn@7" in card("churn@7", [("rows", 3), ("message", "")])
    True
    """
    shown = [[name, value] for name, value in pairs if value is not None and value not in ("", (), {}, [])]
    facts = table([], shown) if shown else ""
    return Markup(f'<div style="margin:2px 0"><strong>{_text(title)}</strong>{facts}{"".join(extra)}</div>')


def folded(title: str, text: str) -> Markup:
    """Return a text behind its title, shown when the reader opens it.

    Examples
    --------
    >>> folded("source", "a < b")
    '<details><summary>source</summary><pre>a &lt; b</pre></details>'
    """
    return Markup(f"<details><summary>{_text(title)}</summary><pre>{_text(text)}</pre></details>")
