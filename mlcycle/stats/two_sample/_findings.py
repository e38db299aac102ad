"""What a comparison of two frames found: one record a test, one a column, one for the whole."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attrs import asdict, evolve, frozen

from mlcycle._text import printable

if TYPE_CHECKING:
    from collections.abc import Hashable

    import pandas as pd

__all__ = ["ColumnDrift", "Drift", "Shift"]


@frozen
class Shift:
    """One test of one column.

    Attributes
    ----------
    aspect : str
        What was compared: ``values``, ``length`` and ``vocabulary`` (of text), ``nulls``, ``unseen levels`` or
        ``infinite``.
    test : str
        The test; empty when there was nothing to test.
    p, adjusted_p : float
        Its p-value, alone and after control over every test of the frame.
    effect, low, high : float
        How large the change is, and its interval, in `unit`; never negative.
    unit : str
        ``robust sd``, ``total variation`` or ``share`` (of rows).
    margin : float
        The smallest change that matters, in `unit`.
    detectable : float
        The smallest change that would have been called drift with 80 % power at these sizes.
    verdict : str
        ``drifted``, ``stable`` or ``inconclusive``.
    note : str
        What changed, or why there is no verdict and how many rows would do.
    """

    aspect: str
    test: str
    p: float
    adjusted_p: float
    effect: float
    low: float
    high: float
    unit: str
    margin: float
    detectable: float
    verdict: str
    note: str


@frozen
class ColumnDrift:
    """One column on both sides: every test it got, and one verdict.

    Attributes
    ----------
    name : hashable
        The column.
    kind : str
        ``numeric``, ``discrete`` (few different numbers), ``boolean``, ``categorical``, ``text``, ``datetime``,
        ``empty`` (nothing but nulls) or ``mixed`` (cannot be compared).
    n_reference, n_current : int
        Rows on either side, nulls included.
    shifts : tuple of Shift
        The values first.
    """

    name: Hashable
    kind: str
    n_reference: int
    n_current: int
    shifts: tuple[Shift, ...]

    @property
    def verdict(self) -> str:
        """``drifted`` if any test says so, else ``inconclusive`` if any is, else ``stable``."""
        return self.leading.verdict

    @property
    def leading(self) -> Shift:
        """The test that decides: a drifted one with the smallest p-value, an inconclusive one, else the values."""
        for verdict in ("drifted", "inconclusive"):
            if found := [shift for shift in self.shifts if shift.verdict == verdict]:
                return min(found, key=lambda shift: (math.isnan(shift.adjusted_p), shift.adjusted_p))
        return self.shifts[0]

    def as_dict(self) -> dict[str, Any]:
        """Return the column with its leading test as one flat dict."""
        sizes = {"n_reference": self.n_reference, "n_current": self.n_current}
        return {"column": self.name, "kind": self.kind, **asdict(self.leading), **sizes}


@printable
@frozen
class Drift:
    """What `drift` found.

    Attributes
    ----------
    columns : tuple of ColumnDrift
        In the order of the reference, or as they were asked for.
    alpha : float
        The level after control.
    control : str
        How many tests at once were allowed for.
    only_reference, only_current : tuple
        Columns that one side does not have; they are named, not judged.
    p : float
        P-value of the global test, that nothing has changed in any column: the smallest adjusted p-value, which is the
        test of Simes for ``bh`` and of Bonferroni for ``holm``. ``nan`` where no test could be made.
    confidence : float
        Of every interval, such that the claims of all drifted columns hold together; at least ``1 - alpha``.
    """

    columns: tuple[ColumnDrift, ...]
    alpha: float
    control: str
    only_reference: tuple[Hashable, ...] = ()
    only_current: tuple[Hashable, ...] = ()
    p: float = math.nan
    confidence: float = math.nan

    @property
    def drifted(self) -> bool:
        """Whether the frame drifted: the global test is significant, and some column moved beyond its margin.

        On the same distribution this is so in at most a share `alpha` of cases. With ``control="none"`` single columns
        are called drifted more often than that; the frame is not.
        """
        return self.p <= self.alpha and any(column.verdict == "drifted" for column in self.columns)

    @property
    def verdict(self) -> str:
        """``drifted`` if the frame did, else ``inconclusive`` if any column is, else ``stable``."""
        if self.drifted:
            return "drifted"
        unsure = not self.columns or any(column.verdict == "inconclusive" for column in self.columns)
        return "inconclusive" if unsure else "stable"

    def frame(self, *, every: bool = False) -> pd.DataFrame:
        """Return one row per column, its deciding test; with ``every=True`` one row per test."""
        import pandas as pd

        rows = [evolve(c, shifts=(s,)).as_dict() for c in self.columns for s in (c.shifts if every else (c.leading,))]
        names = ["column", "kind", *(a.name for a in Shift.__attrs_attrs__), "n_reference", "n_current"]
        return pd.DataFrame(rows, columns=names)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as nested plain dicts, the verdict of the frame beside its columns."""
        return {**asdict(self), "verdict": self.verdict, "drifted": self.drifted}

    def _worst_first(self) -> list[ColumnDrift]:
        order = {"drifted": 0, "inconclusive": 1, "stable": 2}
        return sorted(self.columns, key=lambda c: (order[c.verdict], -c.leading.effect if c.leading.effect > 0 else 0))

    def _headline(self) -> str:
        count = sum(column.verdict == "drifted" for column in self.columns)
        sides = [(self.only_reference, "reference"), (self.only_current, "current data")]
        odd = "".join(f"; only in the {side}: {', '.join(map(str, names))}" for names, side in sides if names)
        level = f"alpha {self.alpha:g}, {self.control}; {self._global()}"
        return f"{self.verdict}: {count} of {len(self.columns)} columns drifted ({level}){odd}"

    def _global(self) -> str:
        test = {"holm": "Bonferroni", "by": "Simes under any dependence"}.get(self.control, "Simes")
        return "no test could be made" if math.isnan(self.p) else f"global test: {test}, p {self.p:.2g}"

    def __str__(self) -> str:
        return "\n".join([self._headline(), *(f"  {_line(column)}" for column in self._worst_first())])

    def __repr__(self) -> str:
        return f"Drift({self._headline()})"

    def _repr_html_(self) -> str:
        from mlcycle import _html

        heads = [
            "column",
            "kind",
            "aspect",
            "verdict",
            "",
            "effect",
            "interval",
            "margin",
            "detectable",
            "p adjusted",
            "note",
        ]
        rows = []
        for column in self._worst_first():
            s = column.leading
            limits = "" if math.isnan(s.low) else f"{s.low:.3g} to {s.high:.3g} {s.unit}"
            picture = _html.bar(s.effect, s.low, s.high, s.margin, verdict=s.verdict, width=110)
            cells = [s.effect, limits, s.margin, s.detectable, s.adjusted_p, s.note]
            rows.append([str(column.name), column.kind, s.aspect, _html.badge(s.verdict), picture, *cells])
        return str(_html.table(heads, rows, caption=self._headline()))


def _line(column: ColumnDrift) -> str:
    s = column.leading
    if not s.test or math.isnan(s.effect):
        return f"{s.verdict:<12} {column.name!s} ({column.kind}): {s.note}"
    size = f"{s.effect:.3g} [{s.low:.3g}, {s.high:.3g}] {s.unit}, margin {s.margin:g}, p {s.adjusted_p:.2g}"
    seen = f", could have seen {s.detectable:.2g}" if s.verdict != "drifted" and math.isfinite(s.detectable) else ""
    note = f"; {s.note}" if s.note else ""
    return f"{s.verdict:<12} {column.name!s} ({column.kind}, {s.aspect}): {size}{seen}{note}"
