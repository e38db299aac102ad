"""What one column looked like, in a record small enough to keep, to merge and to compare."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import asdict, evolve, frozen

from mlcycle._text import printable
from mlcycle.errors import InvalidInput
from mlcycle.stats.two_sample._granularity import grids_of
from mlcycle.stats.two_sample._level_counts import LevelCounts
from mlcycle.stats.two_sample._sketch import Sketch, SortedSample

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from numpy.typing import NDArray

__all__ = ["NUMBERS", "ColumnSummary", "Moments", "row_of"]

NUMBERS = ("numeric", "discrete", "boolean")
# Of values of these kinds, which no test compares, the lengths are kept for people.
_OF_SOME_LENGTH = ("mixed: bytes", "mixed: list")
# So many values fit a cache: their deviations are squared and summed without a trip to memory.
_AT_ONCE = 1 << 15


@frozen
class Moments:
    """Count, mean and sum of squared deviations of the finite values of a column.

    References
    ----------
    Chan, Golub and LeVeque (1983), Algorithms for computing the sample variance, The American Statistician 37.

    Examples
    --------
    >>> Moments.of(np.array([1.0, 2.0])).merge(Moments.of(np.array([6.0])))
    Moments(n=3, mean=3.0, m2=14.0)
    """

    n: int
    mean: float
    m2: float

    @classmethod
    def of(cls, values: NDArray[Any]) -> Moments:
        """Return the moments of an array."""
        if not len(values):
            return cls(0, math.nan, 0.0)
        with np.errstate(over="ignore", invalid="ignore"):
            mean, m2 = float(values.mean(dtype=np.float64)), 0.0
            for start in range(0, len(values), _AT_ONCE):
                deviations = np.subtract(values[start : start + _AT_ONCE], mean, dtype=np.float64)
                m2 += float(np.square(deviations, out=deviations).sum())
        return cls(len(values), mean, m2)

    @classmethod
    def of_counts(cls, values: NDArray[Any], counts: NDArray[Any]) -> Moments:
        """Return the moments of different values and how often each occurs."""
        if not (n := int(counts.sum())):
            return cls(0, math.nan, 0.0)
        mean = float(np.dot(values.astype(np.float64), counts)) / n
        return cls(n, mean, float(np.dot(np.square(values - mean), counts)))

    @property
    def sd(self) -> float:
        """Standard deviation of the population of these values, as `numpy.std` gives it."""
        return math.sqrt(self.m2 / self.n) if self.n else math.nan

    def merge(self, other: Moments) -> Moments:
        """Return the moments of both together."""
        if not self.n or not other.n:
            return self if self.n else other
        n, apart = self.n + other.n, other.mean - self.mean
        mean = (self.n * self.mean + other.n * other.mean) / n
        return Moments(n, mean, self.m2 + other.m2 + apart * apart * (self.n * other.n / n))


@printable
@frozen(eq=False, repr=False)
class ColumnSummary:
    """One column of a `Summary`.

    Attributes
    ----------
    name : str or int
        The column.
    kind : str
        ``numeric``, ``discrete`` (only if named so), ``boolean``, ``categorical``, ``text``, ``datetime``, ``empty``,
        or ``mixed: …`` with what it holds that no test compares: values of several kinds, lists, bytes.
    sort : str
        What the values are where a kind has several: durations or numbers, moments with or without a time zone.
    unit : str
        Of moments, ``us`` or ``ns``.
    rows, nulls, infinite, negative : int
        Rows in all, without a value, with an infinite one, and with one below every number.
    repeated, pairs : int
        Rows that hold the value of the row before, and rows that could.
    moments : Moments or None
        Of numbers, of steps since 1970 in UTC, or of the lengths of text, lists and bytes.
    values : Sketch, SortedSample or None
        The same values in order.
    on_grid : tuple of int
        Of up to 4 096 values, evenly over their order, how many are whole multiples of each of `grids_of`; the number
        of values last.
    times : Sketch, SortedSample or None
        Of moments the second of the day.
    levels : LevelCounts or None
        Of categorical columns and text.
    repeating : int
        Rows of text that came in parts whose text repeats itself: most of them, and it is compared level by level.
    named : bool
        Whether the kind was given, not guessed.
    spaced : bool
        Whether any text has a space: without one it may be an id.
    design : float
        So many rows that hang together are worth one; not kept.
    """

    name: Hashable
    kind: str
    rows: int
    nulls: int
    infinite: int = 0
    negative: int = 0
    repeated: int = 0
    pairs: int = 0
    sort: str = ""
    unit: str = ""
    moments: Moments | None = None
    values: Sketch | SortedSample | None = None
    levels: LevelCounts | None = None
    on_grid: tuple[int, ...] = ()
    times: Sketch | SortedSample | None = None
    repeating: int = 0
    named: bool = False
    spaced: bool = False
    design: float = 1.0

    @property
    def few(self) -> bool:
        """Whether text repeats itself often enough to be compared level by level."""
        return self.kind == "text" and 2 * self.repeating >= self.rows - self.nulls

    @property
    def unique(self) -> bool:
        """Whether no value is known to occur twice, nor could."""
        kept = self.values if self.levels is None else self.levels
        return kept is not None and kept.distinct[0] == kept.n and self.nulls <= 1

    @property
    def distinct(self) -> tuple[int, int]:
        """The fewest and the most different values there can be; of what no test compares nothing is known."""
        kept = self.values if self.levels is None else self.levels
        if kept is None or self.kind in _OF_SOME_LENGTH:
            return min(self.rows - self.nulls, 1), self.rows - self.nulls
        return kept.distinct

    def top(self, n: int = 10) -> list[tuple[Any, int, int]]:
        """Return the commonest values, each with the fewest and the most rows that hold it.

        Of values that are all different there are none.

        Examples
        --------
        >>> from mlcycle.stats import summarise
        >>> summarise({"plan": ["free", "pro", "pro"]})["plan"].top(1)
        [('pro', 2, 2)]
        """
        kept = self.levels
        if kept is None and isinstance(self.values, Sketch) and self.kind not in _OF_SOME_LENGTH:
            kept = LevelCounts.of_sketch(self.values)
        if kept is None or max(kept.high, default=0) < 2:
            return []
        step = 1e9 if self.unit == "ns" else 1e6
        first = np.argsort(-kept.low, kind="stable")[:n]
        names = [_moment(kept.names[i] / step) if self.kind == "datetime" else kept.names[i] for i in first]
        return list(zip(names, kept.low[first].tolist(), kept.high[first].tolist(), strict=True))

    @property
    def whole(self) -> bool:
        """Whether all of the values looked at are whole numbers."""
        return bool(self.on_grid) and not self.unit and self.on_grid[grids_of("").index("1")] == self.on_grid[-1]

    def merge(self, other: ColumnSummary) -> ColumnSummary:
        """Return the summary of both parts of the column; parts of different kinds give a column of kind ``mixed``."""
        kind = _merged_kind(self, other)
        if kind == "datetime" and {self.unit, other.unit} == {"us", "ns"}:
            self, other = self.in_nanoseconds(), other.in_nanoseconds()
        counts = {name: getattr(self, name) + getattr(other, name) for name in _COUNTS}
        ordered = kind in (*NUMBERS, "datetime", "text", *_OF_SOME_LENGTH)
        return ColumnSummary(
            self.name, kind, **counts, sort=self.sort or other.sort, unit=self.unit or other.unit,
            moments=_merged(self.moments, other.moments) if ordered else None,
            values=_merged(self.values, other.values) if ordered else None,
            levels=_merged(self.levels, other.levels) if kind in ("text", "categorical") else None,
            on_grid=_summed(self.on_grid, other.on_grid) if ordered else (),
            times=_merged(self.times, other.times) if kind == "datetime" else None,
            named=self.named or other.named, spaced=self.spaced or other.spaced,
        )  # fmt: skip

    def in_nanoseconds(self) -> ColumnSummary:
        """Return moments counted in nanoseconds, which those with such digits can be compared to."""
        if self.unit != "us" or self.values is None:
            return self
        scaled = self.moments and Moments(self.moments.n, self.moments.mean * 1e3, self.moments.m2 * 1e6)
        return evolve(self, unit="ns", values=self.values.times(1000), moments=scaled)

    def __str__(self) -> str:
        row = row_of(self)
        parts = [f"{row['rows']} rows", f"{self.nulls} nulls" if self.nulls else ""]
        if row["mean"] == row["mean"]:
            parts += [f"{name} {_shown(row[name])}" for name in ("min", "50%", "max")]
        parts.append(f"top {row['top']}" if row["top"] else "")
        return f"{self.name} ({row['kind']}): {', '.join(filter(None, parts))}"

    def __repr__(self) -> str:
        return f"ColumnSummary({self})"

    def as_dict(self) -> dict[str, Any]:
        """Return plain lists, numbers and text."""
        if isinstance(self.values, SortedSample):
            raise InvalidInput(f"column {self.name!r} is kept whole, for one comparison; summarise it to keep it")
        flat = {name: getattr(self, name) for name in ("name", "kind", "sort", "unit", *_COUNTS)}
        flat |= {"named": int(self.named), "spaced": int(self.spaced), "on_grid": list(self.on_grid)}
        if self.moments:
            flat["moments"] = {name: _finite(value) for name, value in asdict(self.moments).items()}
        parts: dict[str, Any] = {"values": self.values, "levels": self.levels, "times": self.times}
        return flat | {name: part.as_dict() for name, part in parts.items() if part is not None}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> ColumnSummary:
        """Return the column that `as_dict` wrote."""
        moments, values, levels, times = (found.get(name) for name in ("moments", "values", "levels", "times"))
        return cls(
            found["name"], found["kind"], **{name: int(found[name]) for name in _COUNTS},
            sort=str(found["sort"]), unit=str(found["unit"]),
            moments=Moments(int(moments["n"]), float(moments["mean"]), float(moments["m2"])) if moments else None,
            values=Sketch.from_dict(values) if values else None,
            levels=LevelCounts.from_dict(levels) if levels else None,
            on_grid=tuple(int(count) for count in found["on_grid"]),
            times=Sketch.from_dict(times) if times else None,
            named=bool(found["named"]), spaced=bool(found["spaced"]),
        )  # fmt: skip


_COUNTS = ("rows", "nulls", "infinite", "negative", "repeated", "pairs", "repeating")


def _summed(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(x + y for x, y in zip(a, b, strict=True)) if a and b else a or b


def _merged(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else a.merge(b)


def _merged_kind(a: ColumnSummary, b: ColumnSummary) -> str:
    kinds = {a.kind, b.kind} - {"empty"}
    if len(kinds) < 2:
        return kinds.pop() if kinds else "empty"
    if kinds <= set(NUMBERS):
        return "discrete" if "discrete" in kinds else "numeric"
    if kinds == {"categorical", "text"}:
        return "categorical"
    parts = {part for kind in kinds for part in kind.removeprefix("mixed: ").split(" and ")}
    return f"mixed: {' and '.join(sorted(parts))}"


def _finite(value: float) -> float | str:
    return value if math.isfinite(value) else "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def row_of(column: ColumnSummary) -> dict[str, Any]:
    """Return a column as a row of `Summary.frame`."""
    distinct, top = math.nan, ""
    if column.levels is not None and column.levels.n:
        distinct, names = column.levels.distinct[0], column.levels.names
        # Half a pair of UTF-16, which JSON can bring in, is text that pandas cannot keep.
        name = str(names[0]).encode(errors="backslashreplace").decode() if names else ""
        top = f"{name} ({column.levels.low[0] / column.levels.n:.1%})" if names else ""
    elif column.values is not None and column.kind not in _OF_SOME_LENGTH:
        distinct = column.values.distinct[0]
    kind = "categorical" if column.few else column.kind
    first = {"column": column.name, "kind": kind, "rows": column.rows, "nulls": column.nulls}
    return {**first, **_numbers_of(column), "distinct": distinct, "top": top}


_SHARES = {"5%": 0.05, "25%": 0.25, "50%": 0.5, "75%": 0.75, "95%": 0.95}


def _numbers_of(column: ColumnSummary) -> dict[str, Any]:
    numbers = dict.fromkeys(["infinite", "zeros", "mean", "sd", "min", *_SHARES, "max"], math.nan)
    values = column.values
    if column.kind in NUMBERS:
        numbers["infinite"] = column.infinite
    if column.moments is None or values is None or not values.n or column.few:
        return numbers
    least, most = values.ends()
    ranks = np.array([round(p * (values.n - 1)) + 1 for p in _SHARES.values()])
    middle = (values.order_statistics(ranks) / 2).sum(axis=0).tolist()  # of two halves: the sum may be beyond floats
    found = [column.moments.mean, column.moments.sd, float(least), *middle, float(most)]
    told: dict[str, Any] = dict(zip(["mean", "sd", "min", *_SHARES, "max"], found, strict=True))
    if column.kind == "datetime":
        step = 1e9 if column.unit == "ns" else 1e6
        told = {name: _moment(value / step) for name, value in told.items()}
        told["sd"] = f"{column.moments.sd / step / 86_400:.4g} days"
    elif column.kind in NUMBERS:
        below, upto = values.counts_at(np.zeros(1))
        told["zeros"] = max(int(upto[0, 0] - below[1, 0]), 0)
    return numbers | told


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def _moment(seconds: float) -> str:
    return str(np.datetime64(math.floor(seconds), "s")).replace("T", " ")
