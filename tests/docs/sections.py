"""The sections of a reference page: a class or a function, from its docstring and signature."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from tests.docs.docstrings import Item, call_of, doc_of

__all__ = ["PLAIN", "arguments", "class_section", "fenced", "function_section", "members", "table"]

# Protocols of Python a reader of the page types without thinking of them as methods.
SPOKEN = {
    "__call__": "(…)",
    "__contains__": " in",
    "__enter__": "with",
    "__getitem__": "[…]",
    "__iter__": "for",
    "__len__": "len",
}

PLAIN = property | functools.cached_property  # what is read like a field


def members(kind: type) -> dict[str, Any]:
    """Return the public methods and properties of a class that mlcycle wrote, in the order they are written in."""
    own = {one.name for one in attrs.fields(kind)} if attrs.has(kind) else set()
    found: dict[str, Any] = {}
    for parent in kind.__mro__:
        if parent.__module__.startswith("mlcycle."):
            for name, value in vars(parent).items():
                if name not in own and name not in found and _is_shown(name, value):
                    found[name] = value
    return {name: value for name, value in found.items() if getattr(kind, name, None) is not None}


def _is_shown(name: str, value: Any) -> bool:
    if name.startswith("_") and (name not in SPOKEN or not getattr(value, "__doc__", None)):
        return False
    return isinstance(value, classmethod | staticmethod | PLAIN) or inspect.isfunction(value)


def class_section(name: str, kind: type, made: bool = False) -> str:
    """Return the section of a class: what it is, its fields, its members in a line each, and those that take more."""
    found = {member: value for member, value in members(kind).items() if member not in _named(kind)}
    plain = {member: value for member, value in found.items() if isinstance(value, PLAIN)}
    verbs = {member: getattr(kind, member) for member in found if member not in plain}
    brief = {
        member: value for member, value in verbs.items() if not {"Parameters", "Raises"} & doc_of(value).sections.keys()
    }
    fields = _fields(kind) + [Item(f"`{one}`", _annotated(value), doc_of(value).first) for one, value in plain.items()]
    lines = [Item(f"`{_called(kind, one)}`", "", doc_of(value).first) for one, value in brief.items()]
    parts = [f"## `{name}`", doc_of(kind).first]
    if made:
        parts += [fenced(call_of(name, kind)), arguments(kind)]
    if issubclass(kind, Mapping):
        parts.append("A mapping: `[…]`, `in`, `len`, `get`, `keys`, `values`, `items`, and iteration over names.")
    parts += [table("field | type | meaning", fields), table("method | what it does", lines)]
    told = [function_section(f"{name}{_joined(one)}", value, "###") for one, value in verbs.items() if one not in brief]
    return "\n\n".join(part for part in [*parts, *told] if part)


def _called(kind: type, member: str) -> str:
    """Return how a member is written in a line of a table: ``versions(name)``, ``[ref]``."""
    call = " ".join(call_of(member, getattr(kind, member)).split()).replace("( ", "(").replace(" )", ")")
    inside = call.partition("(")[2].removesuffix(")")
    spoken = {"__getitem__": f"[{inside}]", "__contains__": f"{inside} in …", "__call__": f"({inside})"}
    return spoken.get(member, SPOKEN.get(member, call))


def _named(kind: type) -> set[str]:
    """Return the names of the fields that a class and its parents tell of in their docstrings."""
    parents = [one for one in kind.__mro__ if one.__module__.startswith("mlcycle.") and one.__doc__]
    told = [item.name for one in parents for item in doc_of(one).sections.get("Attributes", [])]
    return {name.strip() for joined in told for name in joined.split(",")}


def _joined(member: str) -> str:
    return SPOKEN.get(member, f".{member}")


def _annotated(value: Any) -> str:
    read = value.fget if isinstance(value, property) else value.func
    hints = getattr(read, "__annotations__", {})
    return f"`{hints['return']}`" if "return" in hints else ""


def _fields(kind: type) -> list[Item]:
    """Return the fields of a class: those its docstring and its parents' tell, then any that none of them does."""
    told: dict[str, Item] = {}
    for parent in kind.__mro__:
        if parent.__module__.startswith("mlcycle.") and parent.__doc__:
            for item in doc_of(parent).sections.get("Attributes", []):
                told.setdefault(item.name, Item(_coded(item.name), item.type, item.text))
    silent = [one for one in attrs.fields(kind) if one.name not in _named(kind)] if attrs.has(kind) else []
    shown = [one.name for one in silent if one.name[0] != "_"]
    return [*told.values(), *(Item(f"`{name}`", f"`{_written_type(kind, name)}`", "") for name in shown)]


def _written_type(kind: type, name: str) -> str:
    """Return the type of a field as it stands in the source: attrs may have resolved its own meanwhile."""
    annotations = (vars(parent).get("__annotations__", {}) for parent in kind.__mro__)
    return str(next(hints[name] for hints in annotations if name in hints))


def function_section(name: str, function: Any, depth: str) -> str:
    """Return the section of a function: how it is called, what it takes, gives and raises."""
    doc = doc_of(function)
    given = [f"*Returns* {_listed(doc.sections['Returns'])}."] if doc.sections.get("Returns") else []
    return "\n\n".join(
        part
        for part in [
            f"{depth} `{name}`",
            fenced(call_of(name, function)),
            doc.first,
            arguments(function),
            *given,
            table("raises | when", [Item(_coded(one.name), "", one.text) for one in doc.sections.get("Raises", [])]),
        ]
        if part
    )


def arguments(function: Any) -> str:
    """Return the table of what a function or a class takes; nothing where its docstring has none."""
    given = doc_of(function).sections.get("Parameters", [])
    return table("argument | type | meaning", [Item(_coded(one.name), one.type, one.text) for one in given])


def _listed(items: Iterable[Item]) -> str:
    told = [f"{one.name}{f' ({one.type})' if one.type else ''}{f': {one.text}' if one.text else ''}" for one in items]
    return "; ".join(told).rstrip(".")


def _coded(names: str) -> str:
    return ", ".join(f"`{name.strip()}`" for name in names.split(","))


def fenced(text: str) -> str:
    """Return a block that is shown as it is and never run."""
    return f"```text\n{text}\n```"


def table(head: str, rows: list[Item]) -> str:
    """Return a Markdown table, or nothing without rows; the middle column only where the head has it."""
    wide = head.count("|") == 2
    cells = [tuple(row) if wide else (row.name, row.text) for row in rows]
    lines = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in cells]
    return "\n".join([f"| {head} |", "|---|---|---|" if wide else "|---|---|", *lines]) if lines else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
