"""How the demo is told: coloured on a terminal, plain in a pipe, and every line of code shown is the line that runs."""

from __future__ import annotations

import contextlib
import itertools
import linecache
import os
import sys
import textwrap
from typing import TYPE_CHECKING, Any, TextIO

from mlcycle import _text
from mlcycle._ids import bare

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np

    from mlcycle.records import Decision, Evaluation, Result

__all__ = ["Show"]

_WIDTH = 88
_SHADES = " ░▒▓█"
_BARS = "▁▂▃▄▅▆▇█"
_MARKS = {
    "pass": "✓",
    "fail": "✗",
    "error": "✗",
    "warn": "!",
    "inconclusive": "?",
    "not_applicable": "·",
    "skipped": "·",
}
_COLOURS = {"✓": "32", "✗": "31", "!": "33", "?": "33"}


class Show:
    """What the audience sees; lives for one telling.

    Parameters
    ----------
    out : text file
        Where it goes. Colour is used if this is a terminal and ``NO_COLOR`` is not set.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._colour = out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def act(self, number: int, title: str) -> None:
        """Begin a part of the story."""
        self._print("\n\n" + self._paint("1", f"{number}  {title}\n" + "═" * _WIDTH))

    def say(self, text: str) -> None:
        """Tell something, a paragraph."""
        self._print("\n" + textwrap.fill(" ".join(text.split()), _WIDTH))

    def code(self) -> contextlib.AbstractContextManager[None]:
        """Show the lines of the ``with`` block this opens; then they run."""
        caller = sys._getframe(1)
        below = linecache.getlines(caller.f_code.co_filename, caller.f_globals)[caller.f_lineno :]
        depth = _depth(linecache.getline(caller.f_code.co_filename, caller.f_lineno))
        block = itertools.takewhile(lambda line: not line.strip() or _depth(line) > depth, below)
        self.lines(textwrap.dedent("".join(block)).rstrip())
        return contextlib.nullcontext()

    def lines(self, code: str) -> None:
        """Show lines of code."""
        self._print("\n" + "\n".join(self._paint("36", f"  > {line}".rstrip()) for line in code.splitlines()))

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[Any]], *, widest: int = 60) -> None:
        """Show a table."""
        self.block(_text.table(headers, rows, widest=widest))

    def block(self, text: str) -> None:
        """Show prepared lines as they are."""
        lines = [self._marked(line) for line in text.splitlines()]
        self._print("\n" + "\n".join(f"    {line}".rstrip() for line in lines))

    def pictures(self, pictures: Iterable[np.ndarray], captions: Iterable[str]) -> None:
        """Show grey pictures side by side, each with a caption above."""
        drawn = [_drawn(picture) for picture in pictures]
        rows = [list(captions), *map(list, zip(*drawn, strict=True))]
        self._print("\n" + "\n".join("    " + "   ".join(f"{cell:<16}" for cell in row).rstrip() for row in rows))

    def evaluation(self, evaluation: Evaluation) -> None:
        """Show what an evaluation found: a row a criterion, its interval drawn against the line it must clear."""
        measured = [one for one in evaluation.results if one.low is not None]
        seen = max(one.n or 0 for one in evaluation.results)
        table = _text.table([], [[_MARKS[one.verdict], one.check, *_measured(one)] for one in measured])
        others = [f"{_MARKS[one.verdict]} {one.check}: {one.detail}" for one in evaluation.results if one.low is None]
        self.block("\n".join([f"{bare(evaluation.subject)} on {evaluation.data}, {seen} rows", table, *others]))

    def window(self, seen: Evaluation) -> None:
        """Show what monitoring looked at and what it found: of each signal the first, and how many there are."""
        by: dict[str, list[Result]] = {}
        for one in seen.results:
            by.setdefault(one.look or "", []).append(one)
        looked = [f"{seen.n_predictions} forms", f"{len(by.get('data drift', ()))} inputs", "the predictions"]
        looked += [f"accuracy {one.value:.3f} [{one.low:.3f}, {one.high:.3f}]" for one in by.get("quality", ())]
        told = []
        for look, results in by.items():
            found = [one for one in results if one.phase is not None]
            more = f", and {len(found) - 1} more" if len(found) > 1 else ""
            told += [f"{_MARKS[one.verdict]} {look}: {one.detail}{more}" for one in found[:1]]
        head = f"looked at {', '.join(looked)}, {by['latency'][0].value:.2f} ms a form"
        self.answer("\n".join([head, *(told or ["✓ nothing to report"])]))

    def decision(self, decision: Decision) -> None:
        """Show a gate's answer in its own words."""
        self.answer(f"{'✓' if decision.allowed else '✗'} {decision.why}")

    def answer(self, text: str) -> None:
        """Show what the library says, long lines folded."""
        self.block("\n".join(_folded(line) for line in text.splitlines()))

    def curve(self, name: str, values: Sequence[float]) -> None:
        """Show the course of a number as a small curve."""
        lowest, highest = min(values), max(values)
        steps = [round(7 * (value - lowest) / ((highest - lowest) or 1)) for value in values]
        self.block(f"{name} {values[0]:.3g} {''.join(_BARS[step] for step in steps)} {values[-1]:.3g}")

    def _marked(self, line: str) -> str:
        mark = line.lstrip()[:1]
        return self._paint(_COLOURS[mark], line) if mark in _COLOURS else line

    def _paint(self, colour: str, text: str) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._colour else text

    def _print(self, text: str) -> None:
        print(_text.shown(text, self._out), file=self._out, flush=True)


def _folded(line: str) -> str:
    return textwrap.fill(line, _WIDTH - 4, subsequent_indent=" " * (_depth(line) + 4))


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _drawn(picture: np.ndarray) -> list[str]:
    """Draw a picture of grey values 0 to 16, two characters a pixel."""
    return ["".join(2 * _SHADES[min(4, int(value) * 5 // 17)] for value in row) for row in picture]


def _measured(result: Result) -> list[Any]:
    """Return value, interval and picture of a result."""
    value, low, high, line = (float(one or 0) for one in (result.value, result.low, result.high, result.threshold))
    return [f"{value:6.3f}", f"{low:6.3f} … {high:.3f}", _ruler(value, low, high, line)]


def _ruler(value: float, low: float, high: float, line: float, size: int = 20) -> str:
    """Draw an interval and the threshold its near end must clear: ``┊  ├──●──┤``."""
    start, stop = min(low, line), max(high, line)
    place = {at: round((size - 1) * (at - start) / ((stop - start) or 1)) for at in (value, low, high, line)}
    drawn = [" "] * size
    drawn[place[low] : place[high] + 1] = "─" * (place[high] + 1 - place[low])
    drawn[place[low]], drawn[place[high]], drawn[place[line]], drawn[place[value]] = "├", "┤", "┊", "●"
    return "".join(drawn)
