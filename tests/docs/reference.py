"""Write docs/reference/stats.md from the docstrings: python -m tests.docs.reference.

The page lists what there is with the first sentence of each docstring; `help(stats.drift)` has the rest.
"""

from __future__ import annotations

import inspect
from pathlib import Path

from mlcycle import stats

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "stats.md"
ROOMS = {
    "samples": "Two samples of rows",
    "joint": "Two samples, many columns together",
    "models": "One model, two models, many models",
    "looks": "Many looks",
    "unlabelled": "Without labels",
    "calibrated": "Calibration and coverage",
    "": "Everywhere",
}


def page() -> str:
    """Return the page as it should be."""
    parts = [
        "# `mlcycle.stats`\n",
        "Made from the docstrings; `help(stats.name)` has arguments, formulas and examples.\n",
    ]
    for room, title in ROOMS.items():
        names = [name for name in stats.__all__ if _room(name) == room]
        if names:
            parts += [f"## {title}\n", "| name | what it is |\n|---|---|", *map(_row, sorted(names, key=str.lower)), ""]
    return "\n".join(parts)


def _room(name: str) -> str:
    module = getattr(stats, name).__module__.removeprefix("mlcycle.stats.")
    return module.split(".")[0] if "." in module else ""


def _row(name: str) -> str:
    value = getattr(stats, name)
    first = (inspect.getdoc(value) or "").split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
    call = name if inspect.isclass(value) else f"{name}({_arguments(value)})"
    return f"| `{call}` | {first} |"


def _arguments(function: object) -> str:
    found = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    needed = [one.name for one in found if one.default is one.empty and one.kind is not one.KEYWORD_ONLY]
    return ", ".join([*needed, "…"] if len(needed) < len(found) else needed)


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
