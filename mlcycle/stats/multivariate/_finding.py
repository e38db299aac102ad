"""What a joint test of two samples found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attrs import asdict, frozen

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["JointDrift"]


@frozen(repr=False, kw_only=True)
class JointDrift:
    """Whether two samples differ in anything, column by column or in how columns go together.

    Attributes
    ----------
    test : str
        The test and its settings.
    verdict : str
        ``drifted`` when the test is significant **and** the near end of the interval lies beyond the margin, ``within
        margin`` when the far end does not, ``not seen`` when neither is sure, or there was nothing to compare.
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
    verdict: str = "not seen"
    p: float = math.nan
    effect: float = math.nan
    low: float = math.nan
    high: float = math.nan
    margin: float
    detectable: float = math.nan
    alpha: float
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
        return f"AUC {self.effect:.3g} [{self.low:.3g}, {self.high:.3g}], margin {self.margin:.3g}, p {self.p:.2g}"

    def _asides(self) -> list[tuple[str, str]]:
        return [
            *((f"left out: {name!s}", reason) for name, reason in self.dropped),
            ("only in the reference", ", ".join(map(str, self.only_reference))),
            ("only in the current data", ", ".join(map(str, self.only_current))),
            ("note", self.note),
        ]

    def __str__(self) -> str:
        lines = [f"{self.verdict}: {self.test}, {self._size()}, {len(self.columns)} columns"]
        lines[0] += f", {self.n_reference} and {self.n_current} rows"
        if not self.drifted and math.isfinite(self.detectable):
            lines[0] += f", could have seen {self.detectable:.2g}"
        if self.telling:
            lines.append("  telling: " + ", ".join(f"{name!s} {lost:.3f}" for name, lost in self.telling[:5]))
        lines += [f"  {name}: {said}" for name, said in self._asides() if said]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"JointDrift({self.verdict}: {self.test}, {self._size()})"

    def _repr_html_(self) -> str:
        from mlcycle import _html

        facts = [
            ("verdict", _html.badge(self.verdict)),
            ("AUC", self.effect),
            ("interval", _html.bar(self.effect, self.low, self.high, self.margin, verdict=self.verdict)),
            ("margin", self.margin),
            ("detectable", self.detectable if math.isfinite(self.detectable) else None),
            ("p", self.p),
            ("rows", f"{self.n_reference:,} and {self.n_current:,}"),
            ("columns", len(self.columns)),
            *self._asides(),
        ]
        telling = [[str(name), lost] for name, lost in self.telling]
        extra = [_html.table(["column", "AUC lost without it"], telling)] if telling else []
        return str(_html.card(self.test, facts, *extra))
