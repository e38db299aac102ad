"""Write docs/reference/*.md from docstrings and the parser of the command: python -m tests.docs.reference.

What stands on a page is found by looking: at `mlcycle.__all__`, at what hangs on an open project, at the `__all__` of a
room. So a new verb, record or collection is on its page as soon as the pages are written again.
"""

from __future__ import annotations

import argparse
import enum
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

import mlcycle
from mlcycle import checks, cli, errors, lifecycle, monitoring, records, stats, storage, testing
from mlcycle.records import Criterion, Record
from tests.docs.docstrings import Item, call_of, doc_of, in_markdown
from tests.docs.pages import anchor_of
from tests.docs.sections import PLAIN, arguments, class_section, fenced, function_section, members, table

__all__ = ["FOLDER", "PAGES", "collections"]

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
STATS = {
    "two_sample": "Two samples of rows",
    "multivariate": "Two samples, many columns together",
    "models": "One model, two models, many models",
    "sequential": "Many looks",
    "label_free": "Without labels",
    "calibration": "Calibration",
    "": "Everywhere",
}

# what there is ---------------------------------------------------------------------------------------------------


_BY_NAME = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)


def collections() -> dict[str, type]:
    """Return what hangs on an open project, by how one reaches it: ``"project.datasets"`` to its class."""
    project = mlcycle.open("memory://docs-reference")
    names = [name for name in vars(project) if not name.startswith("_")]
    names += [
        name
        for name in members(mlcycle.Project)
        if name not in names and isinstance(inspect.getattr_static(mlcycle.Project, name), PLAIN)
    ]
    found = {f"project.{name}": type(getattr(project, name)) for name in names}
    return {name: kind for name, kind in found.items() if kind.__module__.startswith("mlcycle.")}


def _window(*rooms: str) -> list[str]:
    """Return the names of the shop window whose home is one of these rooms, in its order."""
    return [name for name in mlcycle.__all__ if _room(getattr(mlcycle, name)) in rooms]


def _room(value: Any) -> str:
    where = value.__name__ if inspect.ismodule(value) else value.__module__
    return [*where.split("."), ""][1]


# pages -----------------------------------------------------------------------------------------------------------


def _project() -> str:
    others = [name for name in mlcycle.__all__ if inspect.isfunction(getattr(mlcycle, name))]
    functions = [name for name in ["open", *others] if _room(getattr(mlcycle, name)) != "checks"]
    return _page(
        "The project",
        "What you open, and everything that hangs on it.",
        *(function_section(f"mlcycle.{name}", getattr(mlcycle, name), "##") for name in functions),
        class_section("mlcycle.lifecycle.Grant", lifecycle.Grant),
        class_section("project", mlcycle.Project),
        *(class_section(name, kind) for name, kind in collections().items()),
    )


def _handles() -> str:
    kinds = {name: getattr(mlcycle, name) for name in mlcycle.__all__}
    hanging = {mlcycle.Project, *collections().values()}
    alive = {
        name: kind
        for name, kind in kinds.items()
        if inspect.isclass(kind) and kind not in hanging and _room(kind) not in ("records", "checks", "errors")
    }
    intro = "What is alive while you work with it: an experiment, a run that goes on, a deployment, a service."
    return _page("Experiments, runs, deployments, services", intro, *(class_section(*item) for item in alive.items()))


def _records() -> str:
    intro = "Frozen facts: they print, compare, pickle and go into a DataFrame. Versions and runs have verbs beside."
    return _room_page("mlcycle.records", records, intro, lambda value: not _is_criterion(value))


def _criteria() -> str:
    found = {name: getattr(records, name) for name in records.__all__ if _is_criterion(getattr(records, name))}
    ready = sorted(set(found) & set(mlcycle.__all__))
    return _page(
        "Criteria",
        "What a scope asks of models and data, the metrics that are more than a name, and what criteria of your own "
        "derive from.",
        *(_ready(f"mlcycle.{name}", found[name]) for name in ready),
        *(class_section(f"mlcycle.records.{name}", kind) for name, kind in found.items() if name not in ready),
    )


def _ready(name: str, kind: type) -> str:
    """Return the section of a criterion to be used as it is: how it is made, and no more."""
    return "\n\n".join([f"## `{name}`", doc_of(kind).first, fenced(call_of(name, kind)), arguments(kind)])


def _is_criterion(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, (Criterion, records.Cost, records.MetricSource))


def _errors() -> str:
    tree = inspect.cleandoc(inspect.cleandoc(errors.__doc__ or "").partition("::\n\n")[2].partition("\n\n")[0])
    kinds = {name: getattr(errors, name) for name in errors.__all__}
    rows = [Item(f"`{name}`", _parents(kind), doc_of(kind).first) for name, kind in kinds.items()]
    told = [
        class_section(name, kind, made="Parameters" in doc_of(kind).sections)
        for name, kind in kinds.items()
        if _says_more(kind)
    ]
    intro = "Every exception mlcycle raises on purpose; catch the branch that matches what you would do about it."
    return _page("`mlcycle.errors`", intro, fenced(tree), table("error | is also a | what it means", rows), *told)


def _parents(kind: type) -> str:
    return ", ".join(f"`{one.__name__}`" for one in kind.__bases__)


def _says_more(kind: type) -> bool:
    return bool({"Attributes", "Parameters"} & doc_of(kind).sections.keys())


def _cli() -> str:
    parser = cli._parser()
    (commands,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    helps = {one.dest: one.help or "" for one in commands._choices_actions}
    parts = []
    for name, command in commands.choices.items():
        options = [one for one in command._actions if not isinstance(one, argparse._HelpAction)]
        usage = " ".join(["mlcycle", name, *map(_in_usage, options)])
        rows = [Item(f"`{_word(one)}`", "", one.help or "") for one in options]
        parts += [
            f"## `mlcycle {name}`",
            f"{helps[name].capitalize()}.",
            fenced(usage),
            table("argument | meaning", rows),
        ]
    intro = (
        f"{parser.description} `mlcycle` and `python -m mlcycle` are the same; `--help` stands behind every command."
    )
    return _page("The command `mlcycle`", intro, *parts, source="its parser")


def _word(one: argparse.Action) -> str:
    value = one.metavar or ("|".join(map(str, one.choices)) if one.choices else one.dest.upper())
    if not one.option_strings:
        return str(value)
    return one.option_strings[-1] if one.nargs == 0 else f"{one.option_strings[-1]} {value}"


def _in_usage(one: argparse.Action) -> str:
    return _word(one) if one.required or (not one.option_strings and one.nargs != "?") else f"[{_word(one)}]"


def _stats() -> str:
    parts = []
    for room, title in STATS.items():
        names = [name for name in stats.__all__ if _stats_room(name) == room]
        if names:
            rows = [_row(stats, name) for name in sorted(names, key=str.lower)]
            parts += [f"## {title}", table("name | what it is", rows)]
    return _page(
        "`mlcycle.stats`",
        "Findings with intervals and verdicts, from frames and arrays alone; no project is needed.",
        *parts,
    )


def _stats_room(name: str) -> str:
    module = getattr(stats, name).__module__.removeprefix("mlcycle.stats.")
    return module.split(".")[0] if "." in module else ""


def _testing() -> str:
    return _room_page("mlcycle.testing", testing, in_markdown(testing.__doc__ or ""), lambda value: True)


def _checks() -> str:
    how = "[How to write one](../how-to/checks-of-your-own.md)."
    intro = f"What judges: a check, a hook, and what they are given to look at. {how}"
    return _room_page("mlcycle.checks", checks, intro, _is_told)


def _monitoring() -> str:
    intro = "Signals on a window of traffic: a check whose subject is a deployment."
    return _room_page("mlcycle.monitoring", monitoring, intro, inspect.isclass)


def _storage() -> str:
    intro = "Bytes under keys. A storage of your own is a class with the calls of `Files`."
    return _room_page("mlcycle.storage", storage, intro, _is_told)


def _is_told(value: Any) -> bool:
    """Whether people implement it, make it or are given it: then its members are told, and not its name alone."""
    if value in [getattr(mlcycle, name) for name in _window("checks")]:
        return True
    return inspect.isclass(value) and (
        getattr(value, "_is_protocol", False) or attrs.has(value) or issubclass(value, enum.Enum | tuple)
    )


PAGES: dict[str, Callable[[], str]] = {
    "project": _project,
    "handles": _handles,
    "records": _records,
    "criteria": _criteria,
    "checks": _checks,
    "monitoring": _monitoring,
    "stats": _stats,
    "storage": _storage,
    "testing": _testing,
    "errors": _errors,
    "cli": _cli,
}


# how it is written -----------------------------------------------------------------------------------------------


def _page(title: str, intro: str, *parts: str, source: str = "the docstrings") -> str:
    """Return a page: what it is about, what made it, the way to each of its sections, and these."""
    made = f"Made from {source} by `python -m tests.docs.reference`."
    titles = [line.removeprefix("## ") for part in parts for line in part.splitlines() if line.startswith("## ")]
    ways = " · ".join(f"[{one}](#{anchor_of(one)})" for one in titles)
    return "\n\n".join(part for part in [f"# {title}", intro, made, ways, *parts] if part) + "\n"


def _room_page(title: str, room: ModuleType, intro: str, is_told: Callable[[Any], bool]) -> str:
    """Return the page of a room: some of its names in full, the others in a line."""
    names = [name for name in room.__all__ if not _is_criterion(getattr(room, name))]
    told = [name for name in names if is_told(getattr(room, name)) and not _is_constant(getattr(room, name))]
    others = [_row(room, name) for name in names if name not in told]
    rest = ["## The rest", table("name | what it is", others)] if others else []
    return _page(f"`{title}`", intro, *(_told(name, getattr(room, name)) for name in told), *rest)


def _told(name: str, value: Any) -> str:
    if not inspect.isclass(value):
        return function_section(name, value, "##")
    made = not (getattr(value, "_is_protocol", False) or issubclass(value, Record)) and "__init__" in vars(value)
    return class_section(name, value, made=made)


def _is_constant(value: Any) -> bool:
    """Whether it is neither a class nor a function of ours, but a value or another name for a type of somebody else."""
    return not (inspect.isclass(value) or inspect.isroutine(value)) or not value.__module__.startswith("mlcycle.")


def _row(room: ModuleType, name: str) -> Item:
    value = getattr(room, name)
    if _is_constant(value):
        held = ", ".join(f"`{one}`" for one in value) if isinstance(value, tuple | Mapping) else f"`{value!r}`"
        return Item(f"`{name}`", "", held)
    call = name if inspect.isclass(value) else f"{name}({_needed(value)})"
    return Item(f"`{call}`", "", doc_of(value).first)


def _needed(function: Any) -> str:
    found = inspect.signature(function).parameters.values()
    needed = [one.name for one in found if one.default is one.empty and one.kind not in _BY_NAME]
    return ", ".join([*needed, "…"] if len(needed) < len(found) else needed)


if __name__ == "__main__":
    pages = {FOLDER / f"{name}.md": page() for name, page in PAGES.items()}
    FOLDER.mkdir(exist_ok=True)
    for file in {*FOLDER.glob("*.md")} - pages.keys():  # a subject that is gone takes its page with it
        file.unlink()
    for file, text in pages.items():
        file.write_text(text, encoding="utf-8")
