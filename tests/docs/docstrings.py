"""Read numpydoc docstrings and signatures, as far as the reference pages show them."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any, NamedTuple

__all__ = ["Doc", "Item", "call_of", "doc_of", "in_markdown"]

_HEAD = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.MULTILINE)
_WIDTH = 100  # signs of a signature on one line: what a page in a browser shows without a bar to scroll


class Item(NamedTuple):
    """One line of a list of a docstring: what it is called, of what type, and what it says."""

    name: str
    type: str
    text: str


class Doc(NamedTuple):
    """A docstring taken apart: its first sentence or two, and its sections by title."""

    first: str
    sections: dict[str, list[Item]]


def doc_of(value: Any) -> Doc:
    """Return the docstring of a class, function or property, taken apart; of what has none, nothing."""
    return _parsed(inspect.getdoc(value) or "")


def _parsed(text: str) -> Doc:
    first, *rest = _HEAD.split(text)
    titles, bodies = rest[::2], rest[1::2]
    return Doc(in_markdown(first.split("\n\n")[0]), dict(zip(titles, map(_items, bodies), strict=True)))


def _items(body: str) -> list[Item]:
    """Return the items of a section: each begins at the margin, and what stands below it, indented, belongs to it."""
    found: list[tuple[str, list[str]]] = []
    for line in body.strip("\n").splitlines():
        if line and not line[0].isspace():
            found.append((line, []))
        elif found:
            found[-1][1].append(line)
    return [
        Item(*(part.strip() for part in head.partition(" : ")[::2]), in_markdown(textwrap.dedent("\n".join(below))))
        for head, below in found
    ]


def in_markdown(text: str) -> str:
    """Return a text of a docstring on one line, its code marked as Markdown does."""
    return re.sub(r"``([^`]+)``", r"`\1`", " ".join(text.split()))


def call_of(name: str, function: Any) -> str:
    """Return how something is called: its arguments and their defaults, without types, broken where it is long."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # something built in that does not tell
        return f"{name}(…)"
    shown, keyword_only = [], False
    for one in signature.parameters.values():
        if one.name in ("self", "cls"):
            continue
        if one.kind is one.VAR_POSITIONAL or (one.kind is one.KEYWORD_ONLY and not keyword_only):
            keyword_only = True
            shown += ["*"] if one.kind is one.KEYWORD_ONLY else []
        shown.append(_argument(one))
    line = f"{name}({', '.join(shown)})"
    if len(line) <= _WIDTH:
        return line
    filled = textwrap.fill(", ".join(shown), _WIDTH - 4, break_long_words=False, break_on_hyphens=False)
    return f"{name}(\n{textwrap.indent(filled, '    ')}\n)"


def _argument(one: inspect.Parameter) -> str:
    stars = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
    return f"{stars}{one.name}" if one.default is one.empty else f"{stars}{one.name}={_default(one.default)}"


def _default(value: Any) -> str:
    """Return a default as one would write it; an ellipsis where that says nothing, or another thing each time."""
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(map(repr, value))) + "}"
    shown = repr(value)
    says_nothing = shown.startswith(("NOTHING", "Factory")) or (not isinstance(value, str) and "<" in shown)
    return "…" if says_nothing else shown
