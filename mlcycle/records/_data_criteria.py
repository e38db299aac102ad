"""Criteria about data: what the rows of a dataset must be like. Rows are counted, so a value needs no interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from attrs import field, frozen

from mlcycle.errors import InvalidInput
from mlcycle.records._criteria import Criterion
from mlcycle.records._criterion_fields import finite, flag, terms_last, text_or_none
from mlcycle.records._record import texts

if TYPE_CHECKING:
    import pandas as pd

    from mlcycle.records._results import Result

__all__ = ["DataCriterion", "InRange", "RowCount", "RowCriterion", "Unique"]


def _columns(value: Any) -> tuple[str, ...]:
    found = texts(value) if isinstance(value, (str, list, tuple)) else ()
    if not found or not all(isinstance(name, str) and name for name in found):
        raise InvalidInput(f"columns is a column name or a list of them, got {value!r:.80}")
    return tuple(dict.fromkeys(found))


def _column(instance: Any, attribute: Any, value: Any) -> None:
    if not (isinstance(value, str) and value):
        raise InvalidInput(f"column is the name of a column, got {value!r:.80}")


def _end(value: Any) -> float | None:
    return None if value is None else finite("an end of a range", value)


def _share(value: Any) -> float:
    number = finite("at_most", value)
    if not 0 <= number < 1:
        raise InvalidInput(f"at_most is the share of rows that may break it, from 0 to below 1, got {value!r}")
    return number


def _count(value: Any) -> int | None:
    if value is None:
        return None
    number = finite("a number of rows", value)
    if number < 0 or number != int(number):
        raise InvalidInput(f"a number of rows is a whole number, 0 or more, got {value!r}")
    return int(number)


@frozen
class DataCriterion(Criterion):
    """What the rows of a dataset must be like: the base of `Unique` and its kin.

    One of your own derives from `RowCriterion`, since nothing measures what only this is said of.

    Parameters
    ----------
    on : str, optional
        The dataset it is about; the scope's `test` by default.
    blocking : bool, default True
        Whether a failure stops, or only warns.

    Examples
    --------
    >>> from mlcycle.records import Unique
    >>> isinstance(Unique("customer_id"), DataCriterion)
    True
    """

    on: str | None = field(default=None, kw_only=True, validator=text_or_none, metadata={"ref": "dataset"})
    blocking: bool = field(default=True, kw_only=True, converter=flag)

    judges = "dataset"

    @property
    def needs(self) -> frozenset[str]:
        """Data alone."""
        return frozenset(["data"])

    def claim(self) -> str:
        """Return how it reads, without where and how surely."""
        return repr(attrs.evolve(self, on=None, blocking=True))


@frozen
class _FewRows(DataCriterion):
    """A share of rows is small enough: what `RowCriterion` and the criteria of rows that are counted here share."""

    at_most: float = field(default=0.0, kw_only=True, converter=_share)

    _terms = (*DataCriterion._terms, "at_most")

    @property
    def edge(self) -> float | None:
        """The share of rows that may break it."""
        return self.at_most

    def terms_cover(self, other: Any) -> bool:
        """Return whether this asks the same of the same data, and lets no more rows break it."""
        return super().terms_cover(other) and self.at_most <= other.at_most

    def verdict(self, result: Result) -> str:
        """Return ``"pass"`` where the share of rows that break it is small enough, else ``"fail"``."""
        return _within(result.value, None, self.at_most)

    def _title(self) -> str:
        but_for = f" but for {100 * self.at_most:g}% of rows" if self.at_most else ""
        return f"{self.claim()}{but_for}{f' on {self.on}' if self.on else ''}"


@frozen
class RowCriterion(_FewRows):
    """What every row of a dataset must be like, but for a share of them: the base of criteria of your own about data.

    Yours adds fields and says in `breaks` which rows break it; how it reads is `claim`. With a threshold of your own,
    override `covers` as well, so that making it stricter is free; without, every change of it loosens.

    Parameters
    ----------
    at_most : float, default 0.0
        The share of rows that may break it.
    on, blocking
        As in `DataCriterion`.

    Examples
    --------
    >>> from attrs import frozen
    >>> @frozen
    ... class Before(RowCriterion):
    ...     first: str
    ...     second: str
    ...
    ...     def breaks(self, frame):
    ...         return frame[self.first] > frame[self.second]
    ...
    ...     def claim(self):
    ...         return f"{self.first} is before {self.second}"
    >>> print(Before("ordered", "paid", at_most=0.01, on="orders"))
    ordered is before paid but for 1% of rows on orders
    """

    def breaks(self, frame: pd.DataFrame) -> Any:
        """Return which rows break it: one truth value a row, in the order of the rows.

        Parameters
        ----------
        frame : DataFrame
            All rows with all columns, a copy.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say which rows break it")

    @property
    def question(self) -> tuple[Any, ...]:
        """How many rows break it, whatever share may."""
        kind = type(self)
        if kind.breaks is RowCriterion.breaks:
            return super().question  # which nothing measures, and so no scope takes it
        asked = (f"{name}={getattr(self, name)!r}" for name in self._asked())
        return ("rows that break", f"{kind.__module__}:{kind.__qualname__}", *asked, self.on)

    def claim(self) -> str:
        """Return how it reads, without where and for how many rows."""
        return repr(attrs.evolve(self, on=None, blocking=True, at_most=0.0))


@frozen(field_transformer=terms_last)
class Unique(_FewRows):
    """No two rows have the same values in some columns. Missing values are equal to one another.

    Parameters
    ----------
    columns : str or list of str
        The key: one column, or several together.
    at_most : float, default 0.0
        The share of rows that may repeat an earlier one.
    on, blocking
        As in `DataCriterion`.

    Examples
    --------
    >>> print(Unique("customer_id", on="customers"))
    customer_id is unique on customers
    """

    columns: tuple[str, ...] = field(converter=_columns)

    @property
    def question(self) -> tuple[Any, ...]:
        """How many rows repeat an earlier one."""
        return ("repeated rows", tuple(sorted(self.columns)), self.on)

    @property
    def columns_read(self) -> tuple[str, ...]:
        """The columns of the key."""
        return self.columns

    def covers(self, other: Any) -> bool:
        """Return whether this asks at least as much as another criterion."""
        return self.terms_cover(other)  # of the same columns, in whatever order

    @property
    def _about(self) -> Any:
        return type(self), frozenset(self.columns), self.on

    def claim(self) -> str:
        """Return how it reads, without where and how surely."""
        are = "is" if len(self.columns) == 1 else "are"
        return f"{' and '.join(self.columns)} {are} unique"


@frozen(field_transformer=terms_last)
class InRange(_FewRows):
    """Every value of a column lies between two numbers, both included. Missing values are not outside.

    Parameters
    ----------
    column : str
    low, high : float, optional
        The ends; at least one of them.
    at_most : float, default 0.0
        The share of rows that may lie outside.
    on, blocking
        As in `DataCriterion`.

    Examples
    --------
    >>> print(InRange("age", 0, 120, on="customers"))
    age from 0 to 120 on customers
    >>> print(InRange("amount", low=0, at_most=0.01))
    amount at least 0 but for 1% of rows
    """

    column: str = field(validator=_column)
    low: float | None = field(default=None, converter=_end)
    high: float | None = field(default=None, converter=_end)

    def __attrs_post_init__(self) -> None:
        if self.low is None and self.high is None:
            raise InvalidInput(f"InRange says an end: InRange({self.column!r}, 0, 120), or low= or high= alone")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise InvalidInput(f"the range of {self.column} begins at {self.low:g} and ends before, at {self.high:g}")

    @property
    def question(self) -> tuple[Any, ...]:
        """How many rows lie outside."""
        return ("rows outside", self.column, self.low, self.high, self.on)

    @property
    def columns_read(self) -> tuple[str, ...]:
        """The column."""
        return (self.column,)

    def covers(self, other: Any) -> bool:
        """Return whether this asks at least as much as another criterion."""
        if not self.terms_cover(other):
            return False
        above = other.low is None or (self.low is not None and self.low >= other.low)
        return above and (other.high is None or (self.high is not None and self.high <= other.high))

    @property
    def _about(self) -> Any:
        return type(self), self.column, self.on

    def claim(self) -> str:
        """Return how it reads, without where and how surely."""
        if self.low is None or self.high is None:
            ends = f"at most {self.high:g}" if self.low is None else f"at least {self.low:g}"
        else:
            ends = f"from {self.low:g} to {self.high:g}"
        return f"{self.column} {ends}"


@frozen(field_transformer=terms_last)
class RowCount(DataCriterion):
    """A dataset has so many rows.

    Parameters
    ----------
    at_least : int, default 1
    at_most : int, optional
    on, blocking
        As in `DataCriterion`.

    Examples
    --------
    >>> print(RowCount(at_least=1000, on="customers"))
    at least 1,000 rows on customers
    """

    at_least: int = field(default=1, kw_only=True, converter=_count)
    at_most: int | None = field(default=None, kw_only=True, converter=_count)

    def __attrs_post_init__(self) -> None:
        if self.at_least is None or (self.at_most is not None and self.at_least > self.at_most):
            raise InvalidInput(f"at_least={self.at_least} rows is a number that at_most={self.at_most} allows")

    @property
    def question(self) -> tuple[Any, ...]:
        """How many rows there are."""
        return ("rows", self.on)

    @property
    def edge(self) -> float | None:
        """The fewest rows."""
        return float(self.at_least)

    def covers(self, other: Any) -> bool:
        """Return whether this asks at least as much as another criterion."""
        if not self.terms_cover(other) or self.at_least < other.at_least:
            return False
        return other.at_most is None or (self.at_most is not None and self.at_most <= other.at_most)

    def verdict(self, result: Result) -> str:
        """Return ``"pass"`` where the number of rows is allowed, else ``"fail"``."""
        return _within(result.value, self.at_least, self.at_most)

    def claim(self) -> str:
        """Return how it reads, without where and how surely."""
        most = "" if self.at_most is None else f" and at most {self.at_most:,}"
        return f"at least {self.at_least:,}{most} rows"


def _within(value: float | None, low: float | None, high: float | None) -> str:
    if value is None or value != value:
        return "inconclusive"
    return "pass" if (low is None or low <= value) and (high is None or value <= high) else "fail"
