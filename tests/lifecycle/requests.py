"""What every verb asks of a storage: the pins a test keeps, and the page that is made from them.

``python -m tests.lifecycle.requests`` writes the table of ``docs/how-to/requests.md`` anew.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

__all__ = ["PAGE", "PINS", "counted", "page"]

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "requests.md"
Requests = dict[str, int]

# By operation: what it asks, and of which folder. One that begins with "each" is what one more of its kind costs.
PINS: dict[str, Requests] = {
    "add": {"GET log": 1, "PUT tables": 1, "PUT leaves": 2, "PUT log": 1},
    "add what is there": {"GET log": 1},
    "split": {"GET log": 1, "GET tables": 1, "PUT leaves": 4, "PUT log": 1},
    "split as before": {"GET log": 1, "GET tables": 1},
    "each further part of a split": {"PUT leaves": 2},
    "load": {"GET log": 1, "GET tables": 1},
    "load a part": {"GET log": 1, "GET tables": 1},
    "set a scope": {"GET log": 1, "PUT log": 1},
    "register": {"GET log": 1, "PUT files": 3, "PUT log": 1},
    "promote, blocked": {"GET log": 1, "PUT files": 1, "PUT log": 1},
    "evaluate": {"GET log": 1, "GET tables": 1, "GET files": 1, "PUT files": 2, "PUT log": 1},
    "promote, its model never loaded before": {"GET log": 1, "GET files": 2, "PUT files": 1, "PUT log": 1},
    "promote": {"GET log": 1, "PUT files": 1, "PUT log": 1},
    "open a deployment": {"GET log": 1, "PUT log": 1},
    "route": {"GET log": 1, "PUT log": 1},
    "route to what nothing allowed before": {"GET log": 1, "GET files": 1, "PUT files": 1, "PUT log": 1},
    "each further version routed to": {},
    "roll back a route": {"GET log": 1, "PUT log": 1},
    "roll back an alias": {"GET log": 1, "PUT log": 1},
    "open an experiment": {"GET log": 1, "PUT log": 1},
    "drop": {"GET log": 1, "PUT log": 1},
    "restore": {"GET log": 1, "PUT log": 1},
    "tag": {"GET log": 1, "PUT log": 1},
    "roll back the project": {"GET log": 1, "PUT log": 1},
    "start a run, its code and environment new to the store": {
        "GET log": 1,
        "PUT files": 2,
        "PUT log": 1,
        "PUT runs": 1,
    },
    "start a run": {"GET log": 1, "PUT runs": 1},
    "load a part inside a run": {"GET log": 1, "GET tables": 1},
    "finish a run": {"PUT runs": 2, "GET log": 1, "LIST": 1},
    "register a run": {"GET log": 1, "GET runs": 2, "PUT files": 1, "PUT log": 1},
    "table of 3 runs": {"LIST": 1, "GET log": 1, "GET runs": 4},
    "table of 3 runs, again": {"LIST": 1, "GET log": 1},
    "open": {"GET store.json": 1, "GET log": 9},
    "load, first time": {"GET log": 1, "GET leaves": 1, "GET tables": 1},
    "get, first time": {"GET log": 1},
    "get": {"GET log": 1},
    "load a model": {"GET log": 1, "GET files": 2},
    "promote, its evidence new to the process": {"GET log": 1, "GET files": 3, "PUT files": 1, "PUT log": 1},
    "first commit of a process": {"GET log": 1, "PUT log": 2},
    "another commit": {"GET log": 1, "PUT log": 1},
    "each further version of a dataset listed": {"GET leaves": 1},
    "each further version of a model listed": {"GET files": 1},
    "each further evaluation read": {"GET files": 1},
    "each further run in a table, first time": {"GET runs": 2},
}


def counted(requests: list[str]) -> Requests:
    """Count requests by what they ask, and of which folder; the hint comes at most once a second, and is left out."""
    kinds = []
    for method, key in (request.split(" ", 1) for request in requests):
        folder = key.partition("/")[2].split("/")[0]  # below the store
        if folder != "hint.json":
            kinds.append("LIST" if key.startswith("?list") else f"{method} {folder}")
    return dict(Counter(kinds))


def row(what: str, requests: Requests) -> str:
    """Return one line of the table."""
    asked = ", ".join(f"`{kind}`" + (f" ×{times}" if times > 1 else "") for kind, times in requests.items())
    return f"| {what} | {asked or 'nothing'} | {sum(requests.values())} |"


def page(text: str) -> str:
    """Return the page with the table of the pins."""
    before, _, rest = text.partition("| operation |")
    after = rest[rest.index("\n\n") :]
    lines = ["| operation | requests | together |", "|---|---|---|", *(row(*pin) for pin in PINS.items())]
    return before + "\n".join(lines) + after


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
