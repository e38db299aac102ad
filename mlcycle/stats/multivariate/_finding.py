"""What a joint test of two samples found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attrs import asdict, frozen

if TYPE_CHECKING:
    from collections.abc import Hashable

    from mlcycle.stats.multivariate._points import Points

__all__ = ["JointDrift", "finding", "joint_verdict", "undecided"]


@frozen(repr=False)
class JointDrift:
    """Whether two samples differ in anything, column by column or in how columns go together.

    Attributes
    ----------
    test : str
        The test and its settings.
    p : float
        Its permutation p-value; ``nan`` when there was nothing to compare.
    effect, low, high : float
        The cross-fitted AUC (0.5 no difference, 1 nothing in common), and its interval of confidence ``1 - alpha``.
    margin : float
        The smallest AUC that matters.
    detectable : float
        The smallest AUC that would have been called drift with 80 % power at these sizes; ``nan`` if not known,
        ``inf`` if none would have been.
    alpha : float
        The level.
    verdict : str
        ``drifted`` when the test is significant **and** the near end of the interval lies beyond the margin,
        ``inconclusive`` when there are too few rows for any verdict, when none is seen and none, however large, would
        have been, or when a difference is certain but not whether it is larger than the margin; else ``stable``.
    n_reference, n_current : int
        Rows given.
    used : tuple of int
        Rows compared on either side.
    columns : tuple
        Columns compared.
    dropped : tuple of (column, reason)
        Columns that cannot be compared.
    only_reference, only_current : tuple
        Columns that one side does not have.
    telling : tuple of (column, float)
        The columns that tell the samples apart, most telling first: the AUC that is lost without them.
    note : str
        What a reader must know: rows left out, why there is no verdict and how many rows would do.
    """

    test: str
    p: float
    effect: float
    low: float
    high: float
    margin: float
    detectable: float
    alpha: float
    verdict: str
    n_reference: int
    n_current: int
    used: tuple[int, int]
    columns: tuple[Hashable, ...]
    dropped: tuple[tuple[Hashable, str], ...] = ()
    only_reference: tuple[Hashable, ...] = ()
    only_current: tuple[Hashable, ...] = ()
    telling: tuple[tuple[Hashable, float], ...] = ()
    note: str = ""

    @property
    def drifted(self) -> bool:
        """Whether the verdict is ``drifted``."""
        return self.verdict == "drifted"

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dict, one row of a table."""
        return asdict(self)

    def _size(self) -> str:
        if math.isnan(self.effect):
            return "not compared"
        limits = f"[{self.low:.3g}, {self.high:.3g}]" if not math.isnan(self.low) else "[no interval]"
        return f"AUC {self.effect:.3g} {limits}, margin {self.margin:.3g}, p {self.p:.2g}"

    def __str__(self) -> str:
        lines = [f"{self.verdict}: {self.test}, {self._size()}, {len(self.columns)} columns"]
        lines[0] += f", {self.n_reference} and {self.n_current} rows"
        if not self.drifted and math.isfinite(self.detectable):
            lines[0] += f", could have seen {self.detectable:.2g}"
        if self.telling:
            lines.append("  telling: " + ", ".join(f"{name!s} {lost:.3f}" for name, lost in self.telling[:5]))
        lines += [f"  left out: {name!s}: {reason}" for name, reason in self.dropped]
        sides = ((self.only_reference, "reference"), (self.only_current, "current data"))
        lines += [f"  only in the {side}: {', '.join(map(str, names))}" for names, side in sides if names]
        return "\n".join([*lines, f"  {self.note}"] if self.note else lines)

    def __repr__(self) -> str:
        return f"JointDrift({self.verdict}: {self.test}, {self._size()})"

    def _repr_html_(self) -> str:
        from mlcycle import _html

        colour = "warn" if self.drifted else "pass" if self.verdict == "stable" else self.verdict
        facts = [
            ("verdict", _html.badge(self.verdict)),
            ("AUC", self.effect),
            ("interval", _html.bar(self.effect, self.low, self.high, self.margin, verdict=colour)),
            ("margin", self.margin),
            ("detectable", self.detectable if math.isfinite(self.detectable) else None),
            ("p", self.p),
            ("rows", f"{self.n_reference:,} and {self.n_current:,}"),
            ("columns", len(self.columns)),
            ("left out", "; ".join(f"{name!s}: {reason}" for name, reason in self.dropped)),
            ("only in the reference", ", ".join(map(str, self.only_reference))),
            ("only in the current data", ", ".join(map(str, self.only_current))),
            ("note", self.note),
        ]
        telling = [[str(name), lost] for name, lost in self.telling]
        extra = [_html.table(["column", "AUC lost without it"], telling)] if telling else []
        return str(_html.card(self.test, facts, *extra))


def joint_verdict(p: float, low: float, high: float, alpha: float, margin: float, detectable: float) -> tuple[str, str]:
    """Return the verdict of a test that could have been significant, and what to say of it.

    Examples
    --------
    >>> joint_verdict(0.001, 0.2, 0.3, 0.05, 0.1, 0.2)[0], joint_verdict(0.4, 0.0, 0.3, 0.05, 0.1, 0.2)[0]
    ('drifted', 'stable')
    >>> joint_verdict(0.4, 0.0, 1.0, 0.05, 0.1, math.inf)[0]
    'inconclusive'
    """
    if p <= alpha and low > margin:
        return "drifted", ""
    if p <= alpha and high > margin:
        return "inconclusive", "a difference for certain, but not whether it is beyond the margin"
    if p > alpha and math.isinf(detectable):
        return "inconclusive", "too few rows: no difference, however large, is seen with 80 % power; more rows would do"
    return "stable", ""


def finding(points: Points, note: str, **found: Any) -> JointDrift:
    """Return the record of a test of these points."""
    used, given = points.used, points.rows
    if used != given:
        part = f"compared {used[0]:,} and {used[1]:,} of {given[0]:,} and {given[1]:,} rows, chosen at random"
        note = f"{note}; {part}" if note else part
    return JointDrift(
        n_reference=given[0],
        n_current=given[1],
        used=used,
        columns=points.columns,
        dropped=points.dropped,
        only_reference=points.only_reference,
        only_current=points.only_current,
        note=note,
        **found,
    )


def undecided(test: str, points: Points, margin: float, alpha: float, reason: str) -> JointDrift:
    """Return the record of a test that cannot have a verdict, and why."""
    names = ("p", "effect", "low", "high", "detectable")
    nothing = dict.fromkeys(names, math.nan)
    return finding(points, reason, test=test, margin=margin, alpha=alpha, verdict="inconclusive", **nothing)
