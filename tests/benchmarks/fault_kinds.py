"""The faults of the catalogue: each a small function of a frame, a column, the rows it hits, and a source of chance.

A fault returns another frame and leaves the given one as it is. What the rest of the column looks like (where to clip,
how far half a robust standard deviation is) it takes from the frame itself, before anything happened to it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np
import pandas as pd
from attrs import frozen

from tests.benchmarks.fault_tables import kind_of_column

__all__ = ["FAULTS", "Fault", "changed_rows", "hit", "right_columns"]

Apply = Callable[[pd.DataFrame, str, np.ndarray, np.random.Generator], pd.DataFrame]

CLIPPED = 0.10  # share of rows beyond the value at which a column is clipped
HELD = 4  # rows for which a value repeated from the row before is held
CUT = 16  # characters that are left of a text
LEVELS = (0.04, 0.5)  # share of rows of a level that is lost, merged or left out
ROBUST_SD = 1.349  # a normal law's interquartile range in standard deviations
HOURS = 5


@frozen
class Fault:
    """One kind of fault.

    Attributes
    ----------
    name : str
        As the table prints it.
    apply : callable
        ``(frame, column, rows, rng) -> frame``, with the places of the rows that are hit in rising order.
    on : tuple of str
        Kinds of column it can happen to; see `kind_of_column`.
    families : tuple of str
        Names for it that are right.
    least : float
        Share of the rows hit that it must change in a column, for it to be tried there.
    last : bool
        Whether it hits the last rows, rather than rows at random.
    rows_only : bool
        Whether it changes which rows there are, and none of their values.
    faint : str
        Why it need not be seen where it hits a tenth of 5 000 rows; empty where it must.
    """

    name: str
    apply: Apply
    on: tuple[str, ...]
    families: tuple[str, ...]
    least: float = 0.5
    last: bool = False
    rows_only: bool = False
    faint: str = ""

    def columns(self, frame: pd.DataFrame) -> list[str]:
        """Return the columns of a frame that it would change if it hit every row."""
        every = np.arange(len(frame))
        fitting = [str(name) for name in frame.columns if kind_of_column(frame[name]) in self.on]
        return [name for name in fitting if self._changes(frame, name, every)]

    def _changes(self, frame: pd.DataFrame, column: str, rows: np.ndarray) -> bool:
        found = self.apply(frame, column, rows, np.random.default_rng(0))
        if self.rows_only:
            return abs(len(found) - len(frame)) >= self.least * len(frame)
        return bool(changed_rows(frame[[column]], found)[column].mean() >= self.least)


def hit(fault: Fault, rows: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Return the places of the rows that are hit, at least one."""
    count = max(round(share * rows), 1)
    return np.arange(rows - count, rows) if fault.last else np.sort(rng.permutation(rows)[:count])


def changed_rows(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return for each value of the first of two frames of equal size whether it differs; two nulls do not."""
    found = {}
    for name in before.columns:
        a, b = before[name].reset_index(drop=True), after[name].reset_index(drop=True)
        found[name] = ~((a == b).fillna(False).astype(bool) | (a.isna() & b.isna()))
    return pd.DataFrame(found)


def right_columns(fault: Fault, column: str, before: pd.DataFrame, after: pd.DataFrame) -> set[Hashable]:
    """Return the columns any of which is right to name first; none where rows come twice, as that is no column's."""
    if fault.rows_only:
        return {column} if fault.on == ("level",) else set()
    # A fault changes its column, and where two are swapped, another one of numbers.
    touched = [name for name in before.columns if name == column or before[name].dtype.kind in "iuf"]
    changed = changed_rows(before[touched], after)
    return set(changed.columns[changed.any()])


def grid(values: pd.Series) -> int | None:
    """Return how many decimals the values of a column have, or None where more than four."""
    known = values.dropna().to_numpy(float)
    return next((digits for digits in range(5) if np.array_equal(np.round(known, digits), known)), None)


def robust_sd(values: pd.Series) -> float:
    """Return the interquartile range over that of a normal law."""
    return float(values.quantile(0.75) - values.quantile(0.25)) / ROBUST_SD


def _put(frame: pd.DataFrame, column: str, rows: np.ndarray, values: object) -> pd.DataFrame:
    """Return the frame with other values in these rows; whole numbers stay so where all of them are."""
    old = frame[column]
    if values is None:
        return frame.assign(**{column: old.mask(np.isin(np.arange(len(frame)), rows))})
    is_number = old.dtype.kind in "iuf"
    new = old.to_numpy(np.result_type(old.dtype, np.asarray(values)) if is_number else object, copy=True)
    new[rows] = values
    return frame.assign(**{column: pd.Series(new, frame.index, dtype=None if is_number else old.dtype)})


def _of_numbers(change: Callable[[np.ndarray], np.ndarray]) -> Apply:
    """Return the fault that changes each number hit by itself."""

    def apply(frame: pd.DataFrame, column: str, rows: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
        return _put(frame, column, rows, change(frame[column].to_numpy()[rows]))

    return apply


def _of_words(change: Callable[[str, np.random.Generator], str]) -> Apply:
    """Return the fault that changes each text or level hit by itself."""

    def apply(frame: pd.DataFrame, column: str, rows: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
        words = frame[column].to_numpy(object)[rows]
        new = [change(word, rng) if isinstance(word, str) else word for word in words]
        return _put(frame, column, rows, np.array(new, object))

    return apply


def _constant(value: object) -> Apply:
    """Return the fault that puts one value."""

    def apply(frame: pd.DataFrame, column: str, rows: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
        return _put(frame, column, rows, value)

    return apply


def _on_grid(values: np.ndarray, column: pd.Series) -> np.ndarray:
    digits = grid(column)
    found = values if digits is None else np.round(values, digits)
    return found.astype(int) if column.dtype.kind == "i" else found


def _stuck(frame: pd.DataFrame, column: str, rows: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    known = frame[column].iloc[: max(rows[0], 1)].dropna()
    return _put(frame, column, rows, known.iloc[-1] if len(known) else frame[column].dropna().iloc[0])


def _repeated(frame: pd.DataFrame, column: str, rows: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    return _put(frame, column, rows, frame[column].to_numpy()[rows[np.arange(len(rows)) // HELD * HELD]])


def _noisier(frame: pd.DataFrame, column: str, rows: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    # Independent noise of √3 standard deviations doubles the standard deviation.
    noise = np.sqrt(3) * robust_sd(frame[column]) * rng.normal(size=len(rows))
    return _put(frame, column, rows, _on_grid(frame[column].to_numpy()[rows] + noise, frame[column]))


def _swapped(frame: pd.DataFrame, column: str, rows: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    numbers = [str(name) for name, values in frame.items() if values.dtype.kind in "iuf" and values.nunique() > 2]
    others = [name for name in numbers if name != column]
    other = others[rng.integers(len(others))]
    found = _put(frame, column, rows, frame[other].to_numpy()[rows])
    return _put(found, other, rows, frame[column].to_numpy()[rows])


def _clipped_above(frame: pd.DataFrame, column: str, rows: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    most = frame[column].quantile(1 - CLIPPED, "lower")
    return _put(frame, column, rows, np.minimum(frame[column].to_numpy()[rows], most))


def _clipped_below(frame: pd.DataFrame, column: str, rows: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    least = frame[column].quantile(CLIPPED, "higher")
    return _put(frame, column, rows, np.maximum(frame[column].to_numpy()[rows], least))


def _shifted(frame: pd.DataFrame, column: str, rows: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    moved = frame[column].to_numpy()[rows] + robust_sd(frame[column]) / 2
    return _put(frame, column, rows, _on_grid(moved, frame[column]))


def _some_levels(column: pd.Series, rng: np.random.Generator) -> np.ndarray:
    """Return the levels that are neither rare nor most of the rows, in an order of chance."""
    shares = column.value_counts(normalize=True).sort_index()
    return rng.permutation(shares.index[(shares >= LEVELS[0]) & (shares <= LEVELS[1])].to_numpy(object))


def _new_level(frame: pd.DataFrame, column: str, rows: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    names = np.array(["Monsoon", "Quality Check", "Other Region"], object)[: rng.integers(1, 4)]
    return _put(frame, column, rows, names[rng.integers(len(names), size=len(rows))])


def _level_lost(frame: pd.DataFrame, column: str, rows: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    lost = _some_levels(frame[column], rng)[0]
    values = frame[column].to_numpy(object)
    its = rows[values[rows] == lost]
    return _put(frame, column, its, rng.choice(values[values != lost], len(its)))


def _merged(frame: pd.DataFrame, column: str, rows: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    lost, kept = _some_levels(frame[column], rng)[:2]
    return _put(frame, column, rows[frame[column].to_numpy(object)[rows] == lost], kept)


def _segment_missing(frame: pd.DataFrame, column: str, rows: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    its = rows[frame[column].to_numpy(object)[rows] == _some_levels(frame[column], rng)[0]]
    return frame.drop(frame.index[its]).reset_index(drop=True)


def _duplicated(frame: pd.DataFrame, column: str, rows: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    return pd.concat([frame, frame.iloc[rows]], ignore_index=True)


def _garbled(word: str, rng: np.random.Generator) -> str:
    """Return a text in which a third of the characters became the one for what cannot be read."""
    return "".join("\N{REPLACEMENT CHARACTER}" if bad else letter for bad, letter in _with(rng, word))


def _with(rng: np.random.Generator, word: str) -> zip[tuple[bool, str]]:
    return zip((rng.random(len(word)) < 1 / 3).tolist(), word, strict=True)


def _later(frame: pd.DataFrame, column: str, rows: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    found = frame[column].reset_index(drop=True).copy()
    found.iloc[rows] = found.iloc[rows] + pd.Timedelta(hours=HOURS)
    return frame.assign(**{column: found.set_axis(frame.index)})


_NUMBER, _LEVEL, _WORDS = ("number",), ("level",), ("level", "text")
_ANY = ("number", "flag", "level", "text", "moment")
_OF_A_LEVEL = "a tenth of one level is 0.3 to 4.7 % of all rows, most often less than the margin of 2 %"
# Kolmogorov and Smirnov's 1.36 √(2 / n).
_BY_CHANCE = "and chance alone moves up to 2.7 % at these sizes"
_AT_AN_END = "a tenth of what lies beyond is 0.4 to 1.2 % of all rows, and moves by little"

FAULTS: tuple[Fault, ...] = (
    Fault("× 1000", _of_numbers(lambda x: 1000 * x), _NUMBER, ("unit change",)),
    Fault("÷ 1000", _of_numbers(lambda x: x / 1000), _NUMBER, ("unit change",)),
    Fault("°F → °C", _of_numbers(lambda x: (x - 32) / 1.8), _NUMBER, ("unit change",)),
    Fault("sign turned", _of_numbers(lambda x: -x), _NUMBER, ("sign turned",)),
    Fault("−999 for missing", _constant(-999), _NUMBER, ("missing as a number",)),
    Fault("nulls", _constant(None), _ANY, ("nulls",)),
    Fault("zeros for missing", _constant(0), _NUMBER, ("missing as a number",)),
    Fault("clipped above", _clipped_above, _NUMBER, ("clipped",), least=CLIPPED / 2, faint=_AT_AN_END),
    Fault("clipped below", _clipped_below, _NUMBER, ("clipped",), least=CLIPPED / 2, faint=_AT_AN_END),
    Fault("rounded to whole", _of_numbers(lambda x: np.round(x)), _NUMBER, ("rounded",)),
    Fault("stuck", _stuck, _NUMBER, ("stuck",), last=True),
    Fault("repeated", _repeated, _NUMBER, ("repeated",), least=0.6, last=True),
    Fault(
        "noise doubled", _noisier, _NUMBER, ("spread",),
        faint=f"it moves 1.8 to 2.8 % of rows past any value, {_BY_CHANCE}",
    ),
    Fault(
        "half a robust sd", _shifted, _NUMBER, ("shifted",),
        faint=f"it moves 2.1 to 5.1 % of rows past any value, most often 3 % or less, {_BY_CHANCE}",
    ),
    Fault("two swapped", _swapped, _NUMBER, ("swapped",)),
    Fault("new level", _new_level, _LEVEL, ("new level",)),
    Fault("level lost", _level_lost, _LEVEL, ("level lost",), least=LEVELS[0] / 2, faint=_OF_A_LEVEL),
    Fault("levels merged", _merged, _LEVEL, ("levels merged",), least=LEVELS[0] / 2, faint=_OF_A_LEVEL),
    Fault("lower-cased", _of_words(lambda word, _: word.lower()), _WORDS, ("case changed",)),
    Fault("upper-cased", _of_words(lambda word, _: word.upper()), _WORDS, ("case changed",)),
    Fault("text cut", _of_words(lambda word, _: word[:CUT]), ("text",), ("text cut",)),
    Fault("text garbled", _of_words(_garbled), ("text",), ("garbled",)),
    Fault("five hours later", _later, ("moment",), ("clock shifted",)),
    # A level that is lost because its rows are is both.
    Fault(
        "segment missing", _segment_missing, _LEVEL, ("segment missing", "level lost"), least=LEVELS[0] / 2,
        rows_only=True, faint=_OF_A_LEVEL,
    ),
    Fault("rows duplicated", _duplicated, _ANY, ("rows duplicated",), rows_only=True),
)  # fmt: skip
