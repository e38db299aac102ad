"""What a frame looked like, in a record small enough to keep: made once, merged, and compared many times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle._text import printable
from mlcycle.errors import InvalidInput, NotFound
from mlcycle.stats.two_sample import _columns
from mlcycle.stats.two_sample._column_summary import ColumnSummary, row_of
from mlcycle.stats.two_sample._sketch import SIZE
from mlcycle.stats.two_sample._summarising import column_summary

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    import pandas as pd

__all__ = ["Summary", "summarise", "summarise_chunks"]

# Grows when an older mlcycle could no longer read a record rightly; `Summary.from_dict` refuses what is newer.
_FORMAT = 2
_LEAST_SIZE = 200


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
        """Return one row a column; of text the numbers are lengths, `zeros` and `distinct` are the least there can be.

        `ColumnSummary.top` has more of the commonest values.
        """
        import pandas as pd

        return pd.DataFrame([row_of(column) for column in self.columns], columns=list(row_of(_NOTHING)))

    def __str__(self) -> str:
        return "\n".join([repr(self), *(f"  {column}" for column in self.columns)])

    def __repr__(self) -> str:
        return f"Summary({self.rows} rows, {len(self.columns)} columns)"

    def _repr_html_(self) -> str:
        from mlcycle import _html

        rows = [[None if value != value else value for value in row_of(column).values()] for column in self.columns]
        return str(_html.table(list(row_of(_NOTHING)) if rows else [], rows, caption=repr(self)))


_NOTHING = ColumnSummary("", "empty", 0, 0)


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
