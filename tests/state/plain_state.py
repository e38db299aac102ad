"""What the log means, said again in the plainest way: a copy of everything after every entry.

It is what `mlcycle.state` must agree with: slow, large, and short enough to be seen to be right.
"""

from __future__ import annotations

import copy
from typing import Any

from attrs import Factory, define

from mlcycle._ids import name_key

Doc = dict[str, Any]


@define
class PlainName:
    """A name after one entry."""

    count: int = 0
    fixed: bool = False
    stacks: dict[str, list[int | None]] = Factory(dict)
    marks: dict[str, set[int]] = Factory(dict)

    def marked(self, mark: str) -> set[int]:
        """Return the numbers that bear a mark."""
        return self.marks.setdefault(mark, set())

    def latest(self) -> int | None:
        """Return the newest version that no mark hides; only ``swept`` hides nothing."""
        hidden = set().union(*(numbers for mark, numbers in self.marks.items() if mark != "swept"))
        return max({*range(1, self.count + 1)} - hidden, default=None)


class PlainState:
    """The names after each entry, by noun and key.

    Attributes
    ----------
    after : list of dict
        One for each entry.
    """

    def __init__(self) -> None:
        self.after: list[dict[tuple[str, str], PlainName]] = []

    def apply(self, entry: Doc) -> None:
        """Take the next entry."""
        now = copy.deepcopy(self.after[-1]) if self.after else {}
        for change in entry["changes"]:
            if change["kind"] == "project.rollback":
                self._back(now, change["to"], {_keyed(full) for full in change.get("keep", ())})
            elif "name" in change and "of" in change:
                name = now.setdefault((change["of"], name_key(change["name"])), PlainName())
                _apply(name, change)
        self.after.append(now)

    def _back(self, now: dict[tuple[str, str], PlainName], to: int, keep: set[tuple[str, str]]) -> None:
        for key, name in now.items():
            if name.fixed or key in keep:
                continue
            then = copy.deepcopy(self.after[to].get(key, PlainName()))
            name.stacks = then.stacks
            itself = name.marked("retracted") & {0}  # a run or a fact, which no rollback touches
            later = {*range(then.count + 1, name.count + 1)}
            name.marks["retracted"] = then.marked("retracted") - {0} | later | itself


def _apply(name: PlainName, change: Doc) -> None:
    if change["kind"] == "name.set":
        name.fixed |= change.get("fixed", False)
    elif change["kind"] == "version.add":
        name.count += 1
    elif change["kind"] == "version.mark":
        numbers = {i for first, last in change.get("numbers", [[0, 0]]) for i in range(first, last + 1)}
        act = set.update if change.get("on", True) else set.difference_update
        act(name.marked(change["mark"]), numbers)
    elif change["kind"] == "pointer.move":
        stack = name.stacks.setdefault(change["pointer"], [])
        del stack[max(0, len(stack) - change.get("pops", 0)) :]
        if (stack[-1] if stack else None) != change.get("after"):
            stack.append(change.get("after"))


def _keyed(full: str) -> tuple[str, str]:
    of, _, name = full.partition(":")
    return of, name_key(name)
