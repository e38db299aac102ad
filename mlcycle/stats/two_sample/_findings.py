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
        What was compared: ``values`` (or ``length``) by quantiles and ``share`` by shares of rows, ``range``,
        ``frequent values``, ``granularity``, ``repeated``, ``time of day``, ``vocabulary``, ``new words``,
        ``new signs``, ``letters``, ``nulls``, ``unseen levels``, ``lost levels``, ``infinite``, or ``column`` where one
        is gone, new or of another type.
    test : str
        The test; empty when there was nothing to test.
    p, adjusted_p : float
        Its p-value, alone and after control over every test of the frame.
    effect, low, high : float
        How large the change is, and its interval, in `unit`; never negative.
    unit : str
        ``robust sd``, ``total variation`` or ``share`` (of rows).
    margin : float
        The smallest change that matters, in `unit`; infinite where another measure was given one instead.
    detectable : float
        The smallest change that would have been called drift with 80 % power at these sizes.
    verdict : str
        ``drifted`` (the interval lies beyond the margin), ``within margin`` (no end of it does), or ``not seen``
        (neither: a change smaller than `detectable` may be there).
    note : str
        What changed, in the column's own unit, or why there is no verdict and how many rows would do.
    certain : bool
        Whether a change is certain, however small.
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
    certain: bool = False

    @property
    def beyond(self) -> float:
        """How many times its margin the change is for certain; what differently measured changes are ranked by."""
        return self.low / self.margin if self.margin > 0 else math.inf


@frozen
class ColumnDrift:
    """One column on both sides: every test it got, and one verdict.

    Attributes
    ----------
    name : hashable
        The column.
    kind : str
        ``numeric``, ``discrete`` (few different numbers), ``boolean``, ``categorical``, ``text``, ``datetime``,
        ``empty`` (nothing but nulls), ``mixed`` (cannot be compared), ``lost``, ``new`` or ``changed`` (its type).
    n_reference, n_current : int
        Rows on either side, nulls included.
    shifts : tuple of Shift
        The values first.
    family : str
        What probably happened, such as ``unit change``; empty where the evidence allows no guess.
    guess : str
        The guess in words.
    """

    name: Hashable
    kind: str
    n_reference: int
    n_current: int
    shifts: tuple[Shift, ...]
    family: str = ""
    guess: str = ""

    @property
    def verdict(self) -> str:
        """``drifted`` if any test says so, ``not seen`` if any could have missed something, else ``within margin``."""
        return self.leading.verdict

    @property
    def leading(self) -> Shift:
        """The test that decides: the one furthest beyond its margin, else one that is not seen, else the values."""
        if found := [shift for shift in self.shifts if shift.verdict == "drifted"]:
            return max(found, key=lambda shift: shift.beyond)
        # A change that is certain, but perhaps within its margin, comes before what was not seen; why values are not
        # compared, or what could have been seen of them, before what could not.
        unseen = [shift for shift in self.shifts if shift.verdict == "not seen"]
        return min(
            unseen or self.shifts,
            key=lambda s: (not s.certain, -s.beyond if s.certain else 0, bool(s.test) and math.isinf(s.detectable)),
        )

    @property
    def told(self) -> str:
        """What was found, in one line."""
        shift = self.leading
        guess = f"; {self.guess}" if self.guess else ""
        seen = ""
        if shift.verdict == "not seen" and math.isfinite(shift.detectable) and not shift.certain:
            seen = f"; a change of {shift.detectable:.2g} {shift.unit} would have been seen"
        return f"{shift.note}{guess}{seen}".removeprefix("; ")

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
        In the order of the reference, or as they were asked for; those that one side does not have, too.
    alpha : float
        The level after control.
    control : str
        How many tests at once were allowed for.
    only_reference, only_current : tuple
        Columns that one side does not have.
    p : float
        P-value of the global test, that nothing has changed in any column: the smallest adjusted p-value, which is the
        test of Simes for ``bh`` and of Bonferroni for ``holm``. ``nan`` where no test could be made.
    confidence : float
        Of every interval, such that the claims of all drifted columns hold together; at least ``1 - alpha``.
    notes : tuple of str
        What should be known of the rows: whether they repeat or hang together in their order, which makes false alarms
        likelier than `alpha`.
    """

    columns: tuple[ColumnDrift, ...]
    alpha: float
    control: str
    only_reference: tuple[Hashable, ...] = ()
    only_current: tuple[Hashable, ...] = ()
    p: float = math.nan
    confidence: float = math.nan
    notes: tuple[str, ...] = ()

    @property
    def drifted(self) -> bool:
        """Whether the frame drifted: a column is lost, new or of another type, or one moved beyond its margin.

        The latter counts when the global test is significant. On the same distribution this is so in at most a share
        `alpha` of cases. With ``control="none"`` single columns are called drifted more often; the frame is not.
        """
        found = self.findings
        return any(c.leading.aspect == "column" for c in found) or (bool(found) and self.p <= self.alpha)

    @property
    def findings(self) -> tuple[ColumnDrift, ...]:
        """The columns that drifted, the one furthest beyond its margin first."""
        found = [column for column in self.columns if column.verdict == "drifted"]
        return tuple(sorted(found, key=lambda column: -column.leading.beyond))

    @property
    def verdict(self) -> str:
        """``drifted`` if the frame did, ``not seen`` if no more can be said of a column, else ``within margin``."""
        if self.drifted:
            return "drifted"
        unseen = not self.columns or any(column.verdict != "within margin" for column in self.columns)
        return "not seen" if unseen else "within margin"

    def frame(self, *, every: bool = False) -> pd.DataFrame:
        """Return one row per column, its deciding test; with ``every=True`` one row per test."""
        import pandas as pd

        rows = [evolve(c, shifts=(s,)).as_dict() for c in self.columns for s in (c.shifts if every else (c.leading,))]
        names = ["column", "kind", *(a.name for a in Shift.__attrs_attrs__), "n_reference", "n_current"]
        return pd.DataFrame(rows, columns=names)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as nested plain dicts, the verdict of the frame beside its columns."""
        return {**asdict(self), "verdict": self.verdict, "drifted": self.drifted}

    def _others(self) -> list[ColumnDrift]:
        """Return the columns of which something must be said though they did not drift."""
        return [c for c in self.columns if c.verdict != "drifted" and (c.leading.certain or not c.leading.unit)]

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
        lines = [_line(column) for column in (*self.findings, *self._others())]
        rest = [column for column in self.columns if column not in (*self.findings, *self._others())]
        if len(rest) <= _SHORT:
            lines += [_line(column) for column in rest]
        else:
            lines.append(f"… {len(rest)} more without a finding")
        return "\n".join([self._headline(), *(f"  {line}" for line in lines), *(f"  {note}" for note in self.notes)])

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
        shown = [*self.findings, *self._others()]
        shown = shown or list(self.columns[:_SHORT])
        for column in shown:
            s = column.leading
            limits = "" if math.isnan(s.low) else f"{s.low:.3g} to {s.high:.3g} {s.unit}"
            picture = _html.bar(s.effect, s.low, s.high, s.margin, verdict=s.verdict, width=110)
            cells = [s.effect, limits, s.margin, s.detectable, s.adjusted_p, column.told]
            rows.append([str(column.name), column.kind, s.aspect, _html.badge(s.verdict), picture, *cells])
        rest = len(self.columns) - len(shown)
        more = f"; … {rest} more without a finding" if rest else ""
        notes = "".join(f"; {note}" for note in self.notes)
        return str(_html.table(heads, rows, caption=self._headline() + more + notes))


# Up to so many columns without a finding are told one by one.
_SHORT = 12


def _line(column: ColumnDrift) -> str:
    s = column.leading
    if not s.unit or math.isnan(s.effect) or s.aspect == "column":
        return f"{s.verdict:<14}{column.name!s}: {column.told} ({column.kind})"
    numbers = f"{s.effect:.3g} [{s.low:.3g}, {s.high:.3g}] {s.unit}, margin {s.margin:g}, p {s.adjusted_p:.2g}"
    return f"{s.verdict:<14}{column.name!s}: {column.told} ({column.kind}, {s.aspect}: {numbers})"
