"""The tables of the fault catalogue, out of what every method said of every case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from attrs import field, frozen

from tests.benchmarks.fault_kinds import FAULTS

__all__ = ["METHODS", "Call", "Outcome", "report"]

# Found, the right column first, the right family.
Call = tuple[bool, bool, bool]
METHODS = ("ours", "Evidently, dataset", "Evidently, any", "NannyML", "alibi-detect")
# Share of cases with the right column first, at 5 000 rows, by the share of rows hit.
_REACH = {1.0: 0.95, 0.1: 0.90}
_AT = 5000


@frozen(eq=False)
class Outcome:
    """What every method said of one pair; `kind` is empty where nothing was changed."""

    table: str
    asked: int
    rows: int
    kind: str
    share: float
    calls: dict[str, Call] = field(factory=dict)


def report(outcomes: Sequence[Outcome]) -> str:
    """Return a summary of every size, one table of kinds for each, and what the issue asks to be reached."""
    sizes = sorted({one.asked for one in outcomes})
    parts = [_overall(outcomes, sizes)]
    for asked in sizes:
        some = [one for one in outcomes if one.asked == asked]
        parts.append(_by_kind(some, asked))
    return "\n\n".join([*parts, *_reached(outcomes)])


def _overall(outcomes: Sequence[Outcome], sizes: Sequence[int]) -> str:
    shares = sorted({one.share for one in outcomes if one.kind})
    lines = _head(["rows", "method", *(_per_cent(share) for share in shares), "on nothing"])
    for asked in sizes:
        for method in _methods(outcomes):
            some = [one for one in outcomes if one.asked == asked and method in one.calls]
            if not some:
                continue
            cells = [_three([one for one in some if one.kind and one.share == share], method) for share in shares]
            lines.append(_line([f"{asked}", method, *cells, _alarms(some, method)]))
    nothing = [one.calls["ours"][1] for one in outcomes if not one.kind]
    lines += ["", f"In {sum(nothing)} of {len(nothing)} pairs without a fault ours says that rows repeat."]
    title = "All kinds: per cent found / right column first / right family; and called different where nothing is"
    return f"{title}:\n\n" + "\n".join(lines)


def _by_kind(outcomes: Sequence[Outcome], asked: int) -> str:
    shares = sorted({one.share for one in outcomes if one.kind})
    peers = [method for method in _methods(outcomes) if method != "ours"]
    lines = _head(["fault", "draws", *(f"ours, {_per_cent(share)}" for share in shares), *peers])
    for kind in dict.fromkeys(one.kind for one in outcomes if one.kind):
        by_share = [[one for one in outcomes if one.kind == kind and one.share == share] for share in shares]
        beside = [" / ".join(_first(its, peer) for its in by_share) for peer in peers]
        lines.append(_line([kind, f"{len(by_share[0])}", *(_three(its, "ours") for its in by_share), *beside]))
    nothing = [_alarms(outcomes, method) for method in peers]
    lines.append(_line(["*nothing*", "", *[_alarms(outcomes, "ours")] * len(shares), *nothing]))
    sides = ", ".join(dict.fromkeys(f"{one.table} {one.rows}" for one in outcomes))
    drawn = max((_draws(outcomes, peer) for peer in peers), default=0)
    others = f"; of the others, on {drawn} draws in all, the right column first at each share" if peers else ""
    title = f"{asked} rows ({sides} on either side), per cent found / right column first / right family{others}"
    return f"{title}:\n\n" + "\n".join(lines)


def _reached(outcomes: Sequence[Outcome]) -> Iterable[str]:
    """Yield how often the right column came first where a share is to be reached, and the kinds below it."""
    why = {fault.name: fault.faint for fault in FAULTS}
    for share, least in _REACH.items():
        some = [one for one in outcomes if one.asked == _AT and one.kind and one.share == share]
        if not some:
            continue
        faint = {one.kind for one in some if share < 1 and why[one.kind]}
        rest = f"; {_mean_first(one for one in some if one.kind not in faint)} % without those with a reason below"
        below = []
        for kind in dict.fromkeys(one.kind for one in some):
            its = [one for one in some if one.kind == kind]
            if float(_mean_first(its)) < 100 * least:
                below.append(f"- {kind}: {_mean_first(its)} %{f'; {why[kind]}' if kind in faint else ''}")
        yield (
            f"Right column first at {_per_cent(share)} of {_AT} rows: {_mean_first(some)} % of cells"
            f"{rest if faint else ''}, to reach {100 * least:g} %. Kinds below it:"
        )
        yield "\n".join(below or ["none"])


def _mean_first(outcomes: Iterable[Outcome]) -> str:
    return f"{100 * np.mean([one.calls['ours'][1] for one in outcomes]):.1f}"


def _methods(outcomes: Sequence[Outcome]) -> list[str]:
    return [method for method in METHODS if any(method in one.calls for one in outcomes)]


def _three(outcomes: Sequence[Outcome], method: str) -> str:
    """Return found / first / family of the cases a method was asked; peers name no family."""
    calls = [one.calls[method] for one in outcomes if method in one.calls]
    if not calls:
        return "—"
    shares = 100 * np.mean(calls, axis=0)
    return " / ".join(f"{value:.0f}" for value in (shares if method == "ours" else shares[:2]))


def _draws(outcomes: Sequence[Outcome], method: str) -> int:
    return sum(1 for one in outcomes if one.kind and method in one.calls)


def _first(outcomes: Sequence[Outcome], method: str) -> str:
    calls = [one.calls[method][1] for one in outcomes if method in one.calls]
    return f"{100 * np.mean(calls):.0f}" if calls else "—"


def _alarms(outcomes: Sequence[Outcome], method: str) -> str:
    calls = [one.calls[method][0] for one in outcomes if not one.kind and method in one.calls]
    return f"{100 * np.mean(calls):.0f} of {len(calls)}" if calls else "—"


def _per_cent(share: float) -> str:
    return f"{100 * share:g} %"


def _head(names: Sequence[str]) -> list[str]:
    return [_line(names), "|" + "---|" * len(names)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
