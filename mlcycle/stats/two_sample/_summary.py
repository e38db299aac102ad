"""What a frame looked like, in a record small enough to keep: made once, merged, and compared many times."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import asdict, evolve, frozen

from mlcycle._text import printable
from mlcycle.errors import InvalidInput, NotFound
from mlcycle.stats.two_sample import _columns
from mlcycle.stats.two_sample._granularity import grids_of, on_grid
from mlcycle.stats.two_sample._level_counts import LevelCounts
from mlcycle.stats.two_sample._sketch import SIZE, Sketch, SortedSample

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["ColumnSummary", "Moments", "Summary", "column_summary", "summarise", "summarise_chunks"]

# Grows when an older mlcycle could no longer read a record rightly; `Summary.from_dict` refuses what is newer.
_FORMAT = 2
_LEAST_SIZE = 200
_NUMBERS = ("numeric", "discrete", "boolean")


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
            mean = float(values.mean(dtype=np.float64))
            deviations = values - mean
            return cls(len(values), mean, float(np.dot(deviations, deviations)))

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
        or ``mixed: …`` with what it holds.
    sort : str
        What the values are where a kind has several: durations or numbers, moments with or without a time zone.
    unit : str
        Of moments, ``us`` or ``ns``.
    rows, nulls, infinite, negative : int
        Rows in all, without a value, with an infinite one, and with one below every number.
    repeated, pairs : int
        Rows that hold the value of the row before, and rows that could.
    moments : Moments or None
        Of numbers, of steps since 1970 in UTC, or of the lengths of text.
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
    def whole(self) -> bool:
        """Whether all of the values looked at are whole numbers."""
        return bool(self.on_grid) and not self.unit and self.on_grid[grids_of("").index("1")] == self.on_grid[-1]

    def merge(self, other: ColumnSummary) -> ColumnSummary:
        """Return the summary of both parts of the column; parts of different kinds give a column of kind ``mixed``."""
        kind = _merged_kind(self, other)
        if kind == "datetime" and {self.unit, other.unit} == {"us", "ns"}:
            self, other = self.in_nanoseconds(), other.in_nanoseconds()
        counts = {name: getattr(self, name) + getattr(other, name) for name in _COUNTS}
        ordered = kind in (*_NUMBERS, "datetime", "text")
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
        row = _row(self)
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
    if kinds <= set(_NUMBERS):
        return "discrete" if "discrete" in kinds else "numeric"
    if kinds == {"categorical", "text"}:
        return "categorical"
    parts = {part for kind in kinds for part in kind.removeprefix("mixed: ").split(" and ")}
    return f"mixed: {' and '.join(sorted(parts))}"


def _finite(value: float) -> float | str:
    return value if math.isfinite(value) else "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


@printable
@frozen(eq=False, repr=False)
class Summary:
    """What `summarise` kept of a frame.

    Attributes
    ----------
    rows : int
        Rows summarised.
    columns : tuple of ColumnSummary
        In the order of the frame.
    """

    rows: int
    columns: tuple[ColumnSummary, ...]

    def __getitem__(self, name: Hashable) -> ColumnSummary:
        for column in self.columns:
            if column.name == name:
                return column
        raise NotFound(f"no column {name!r} in the summary; there are {[c.name for c in self.columns][:20]!r}.")

    def merge(self, other: Summary) -> Summary:
        """Return the summary of the rows of both.

        Raises
        ------
        InvalidInput
            If the two do not have the same columns.

        Examples
        --------
        >>> a, b = summarise({"x": [1, 2]}), summarise({"x": [7, None]})
        >>> (a + b).frame()[["rows", "nulls", "mean"]].values.tolist()
        [[4.0, 1.0, 3.3333333333333335]]
        """
        mine, its = ({column.name for column in side.columns} for side in (self, other))
        if odd := sorted(map(str, mine ^ its)):
            raise InvalidInput(f"only one of the two summaries has {', '.join(odd)}; summarise the same columns")
        return Summary(self.rows + other.rows, tuple(column.merge(other[column.name]) for column in self.columns))

    def __add__(self, other: Summary) -> Summary:
        return self.merge(other) if isinstance(other, Summary) else NotImplemented

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as JSON has it: dicts, lists, text and finite numbers, with the number of the format."""
        return {"format": _FORMAT, "rows": self.rows, "columns": [column.as_dict() for column in self.columns]}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Summary:
        """Return the summary that `as_dict` wrote.

        Raises
        ------
        InvalidInput
            If it was written by a newer mlcycle, or is no summary.

        Examples
        --------
        >>> import json
        >>> text = json.dumps(summarise({"x": [1.5, float("inf")]}).as_dict())
        >>> Summary.from_dict(json.loads(text))["x"].infinite
        1
        """
        number = found.get("format") if hasattr(found, "get") else None
        if not isinstance(number, int) or number < 1:
            raise InvalidInput(f"this is not what Summary.as_dict writes: format {number!r}")
        if number > _FORMAT:
            raise InvalidInput(
                f"this summary has format {number} and was written by a newer mlcycle; this one reads up to {_FORMAT}: "
                "upgrade to read it"
            )
        try:
            return cls(int(found["rows"]), tuple(ColumnSummary.from_dict(column) for column in found["columns"]))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise InvalidInput(f"this is not what Summary.as_dict writes: {error!r}") from error

    def frame(self) -> pd.DataFrame:
        """Return one row a column; of text the numbers are lengths, `distinct` is the least that it can be."""
        import pandas as pd

        names = ["column", "kind", "rows", "nulls", "mean", "sd", "min", "25%", "50%", "75%", "max", "distinct", "top"]
        return pd.DataFrame([_row(column) for column in self.columns], columns=names)

    def __str__(self) -> str:
        return "\n".join([repr(self), *(f"  {column}" for column in self.columns)])

    def __repr__(self) -> str:
        return f"Summary({self.rows} rows, {len(self.columns)} columns)"

    def _repr_html_(self) -> str:
        from mlcycle import _html

        rows = [[None if value != value else value for value in _row(column).values()] for column in self.columns]
        return str(_html.table(list(_row(self.columns[0])) if rows else [], rows, caption=repr(self)))


def _row(column: ColumnSummary) -> dict[str, Any]:
    """Return a column in a line."""
    numbers: dict[str, Any] = dict.fromkeys(["mean", "sd", "min", "25%", "50%", "75%", "max"], math.nan)
    if column.moments is not None and column.values is not None and column.values.n and not column.few:
        n, (least, most) = column.values.n, column.values.ends()
        ranks = np.array([round(p * (n - 1)) + 1 for p in (0.25, 0.5, 0.75)])
        middle = column.values.order_statistics(ranks).mean(axis=0).tolist()
        found = [column.moments.mean, column.moments.sd, float(least), *middle, float(most)]
        numbers = dict(zip(numbers, found, strict=True))
        if column.kind == "datetime":
            step = 1e9 if column.unit == "ns" else 1e6
            numbers |= {name: _moment(value / step) for name, value in numbers.items() if name != "sd"}
            numbers["sd"] = f"{column.moments.sd / step / 86_400:.4g} days"
    distinct, top = math.nan, ""
    if column.levels is not None and column.levels.n:
        distinct, names = column.levels.distinct[0], column.levels.names
        # Half a pair of UTF-16, which JSON can bring in, is text that pandas cannot keep.
        name = str(names[0]).encode(errors="backslashreplace").decode() if names else ""
        top = f"{name} ({column.levels.low[0] / column.levels.n:.1%})" if names else ""
    elif column.values is not None:
        distinct = column.values.distinct[0]
    kind = "categorical" if column.few else column.kind
    first = {"column": column.name, "kind": kind, "rows": column.rows, "nulls": column.nulls}
    return {**first, **numbers, "distinct": distinct, "top": top}


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def _moment(seconds: float) -> str:
    return str(np.datetime64(math.floor(seconds), "s")).replace("T", " ")


def summarise(data: Any, *, kinds: Mapping[Hashable, str] | None = None, size: int = SIZE) -> Summary:
    """Summarise a frame in a record that can be kept, merged with others, and compared instead of the rows.

    Numbers, datetimes and the lengths of text are kept as moments and a sketch of their quantiles; levels with their
    counts, all of up to 1 000 or else the 250 commonest; nulls and infinities are counted. The vocabulary of text is
    not kept. Nothing is random.

    A comparison claims no more than it would from the rows: where ranks or counts are in doubt, the doubt is laid
    against drift, so that every test keeps its level. What
    that costs in power was measured where rows find a shift of a normal column in 70 to 85 % of cases (level 0.05,
    600 runs, standard errors 0.3 to 0.9; ``tests/benchmarks/bench_summary.py``), in percentage points:

    ========= ======= ====== ============ ========= ================ =================
    reference current margin once, against both     in 10 parts,     in 100 parts,
    rows      rows           rows         summaries merged, and rows merged, and rows
    ========= ======= ====== ============ ========= ================ =================
    2 000     2 000   0.1    0.0          0.0       0.8              1.2
    10 000    2 000   0.1    0.5          0.7       1.5              1.7
    20 000    20 000  0.1    0.0          0.0       2.0              2.0
    100 000   10 000  0.1    0.0          0.5       1.8              2.2
    20 000    20 000  0      0.5          2.8       1.2              1.2
    100 000   10 000  0      0.7          3.2       5.0              2.7
    ========= ======= ====== ============ ========= ================ =================

    Parameters
    ----------
    data : DataFrame, Series, Arrow table, ndarray or mapping of columns
        The rows.
    kinds : mapping, optional
        Kinds by column where the guess is wrong, as in `drift`.
    size : int, default 1000
        Points kept of an ordered column, at least 200; a column with no more different values is kept exactly.

    Returns
    -------
    Summary
        ``a + b`` merges two; ``as_dict()`` is plain JSON.

    Raises
    ------
    InvalidInput
        If the data is no frame, a column is not named by text or a number, or a kind cannot be read.

    Examples
    --------
    >>> import pandas as pd
    >>> found = summarise(pd.DataFrame({"age": [31, 45, 45, None], "plan": ["free", "pro", "pro", "pro"]}))
    >>> print(found)
    Summary(4 rows, 2 columns)
      age (numeric): 4 rows, 1 nulls, min 31, 50% 45, max 45
      plan (categorical): 4 rows, top pro (75.0%)
    >>> found.frame()[["column", "kind", "nulls", "50%", "top"]].values.tolist()
    [['age', 'numeric', 1, 45.0, ''], ['plan', 'categorical', 0, nan, 'pro (75.0%)']]
    """
    frame, kinds = _columns.as_frame(data, "data"), kinds or {}
    if not isinstance(size, (int, np.integer)) or size < _LEAST_SIZE:
        raise InvalidInput(f"size is a number of points, {_LEAST_SIZE} or more, got {size!r}")
    for name, kind in kinds.items():
        if kind not in _columns.KINDS:
            raise InvalidInput(f"kind of column {name!r} is one of {', '.join(_columns.KINDS)}, got {kind!r}")
        if name not in frame.columns:
            raise NotFound(f"kinds names a column {name!r} that the data does not have.")
    columns = tuple(column_summary(frame[name], kind=kinds.get(name), size=int(size)) for name in frame.columns)
    return Summary(len(frame), columns)


def summarise_chunks(
    chunks: Iterable[Any], *, kinds: Mapping[Hashable, str] | None = None, size: int = SIZE
) -> Summary:
    """Summarise frames one after the other, as one; memory is that of one frame and two summaries.

    Every part adds its own doubt about ranks, so fewer and larger chunks lose less.

    Parameters
    ----------
    chunks : iterable of frames
        Parts with the same columns.
    kinds, size
        As in `summarise`.

    Raises
    ------
    InvalidInput
        If there is no chunk, or the columns are not the same throughout.

    Examples
    --------
    >>> found = summarise_chunks({"x": np.arange(start, start + 1000)} for start in range(0, 5000, 1000))
    >>> found, found["x"].moments.mean
    (Summary(5000 rows, 1 columns), 2499.5)
    """
    found = None
    for chunk in chunks:
        part = summarise(chunk, kinds=kinds, size=size)
        found = part if found is None else found.merge(part)
    if found is None:
        raise InvalidInput("there is no chunk to summarise; give at least one frame, even without rows")
    return found


def column_summary(column: pd.Series[Any], *, kind: str | None = None, size: int | None = SIZE) -> ColumnSummary:
    """Return the summary of one column; with ``size=None`` one that loses nothing, for a comparison at once.

    Examples
    --------
    >>> import pandas as pd
    >>> found = column_summary(pd.Series([3, 1, 2], name="x"), size=None)
    >>> found.kind, found.values.order_statistics(np.array([3])).tolist()
    ('numeric', [[3.0], [3.0]])
    """
    name = _plain_name(column.name)
    guessed = _columns.kind_of(column)
    found = kind or guessed
    if kind in ("discrete", "boolean") and guessed not in ("numeric", "boolean", "empty"):
        found = "categorical"
    try:
        with _columns.reading(column, found):
            made = _made(name, column, found, size)
    except InvalidInput:
        if kind is not None:
            raise
        made = _made(name, column, f"mixed: {found} that cannot be read", size)
    return evolve(made, named=kind is not None)


def _made(name: Hashable, column: pd.Series[Any], kind: str, size: int | None) -> ColumnSummary:
    if kind == "empty" or kind.startswith("mixed"):
        return ColumnSummary(name, kind, len(column), int(column.isna().sum()))
    sort = _columns.sort_of(column, "numeric" if kind in _NUMBERS else kind)
    made = ColumnSummary(name, kind, len(column), 0, sort=sort)
    if kind in ("categorical", "text"):
        codes, names = _columns.factorised(column)
        counts = np.bincount(codes[codes >= 0], minlength=len(names))
        repeats = kind == "text" and _columns.few(column)
        # Of text that hardly repeats, naming every value is slow and says nothing.
        levels = LevelCounts.of(names, counts, whole=size is None and (repeats or kind == "categorical"))
        known = (codes[1:] >= 0) & (codes[:-1] >= 0)
        pairs: dict[str, Any] = {
            "repeated": int(np.count_nonzero((codes[1:] == codes[:-1]) & known)),
            "pairs": int(known.sum()),
        }
        made = evolve(made, levels=levels, nulls=len(column) - levels.n, repeating=levels.n if repeats else 0, **pairs)
        if kind == "categorical":
            return made
        made = evolve(made, spaced=bool(column.iloc[:2000].dropna().str.contains(" ", regex=False).any()))
        if repeats:
            lengths = _columns.Ordered(_lengths(names, counts), made.rows, made.nulls)
            return evolve(_with_values(made, lengths, size), **pairs)
    return _with_values(made, _columns.ordered_of(column, "numeric" if kind in _NUMBERS else kind), size)


def _with_values(made: ColumnSummary, ordered: _columns.Ordered, size: int | None) -> ColumnSummary:
    counts: dict[str, Any] = {
        name: getattr(ordered, name) for name in ("nulls", "infinite", "negative", "repeated", "pairs", "unit")
    }
    made = evolve(made, **counts, on_grid=on_grid(ordered.values, ordered.unit))
    if size is None:
        times = None if ordered.times is None else SortedSample.of(ordered.times)
        return evolve(made, values=SortedSample.of(ordered.values), times=times)
    kept = None if ordered.times is None else Sketch.of(ordered.times, size)
    return evolve(made, moments=Moments.of(ordered.values), values=Sketch.of(ordered.values, size), times=kept)


def _lengths(names: NDArray[Any], counts: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return the length of every row of text in order, from each different text and its rows."""
    lengths = np.array([len(name) for name in names], np.int64)
    order = np.argsort(lengths)
    return np.repeat(lengths[order], counts[order])


def _plain_name(name: Any) -> str | int:
    if isinstance(name, str):
        return name
    if isinstance(name, (int, np.integer)):
        return int(name)
    raise InvalidInput(f"a column is named by text or a whole number to be kept, got {name!r}; rename it")
