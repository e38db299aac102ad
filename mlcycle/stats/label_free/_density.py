"""How much more often the new rows look like this than the reference does: density ratios from a classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats.label_free._calibration import effective_rows
from mlcycle.stats.label_free._support import UNSUPPORTED_MOST
from mlcycle.stats.two_sample._column_drafts import compared_as

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Rows = NDArray[np.float64]

__all__ = ["Inputs", "density", "feature_pair", "one_thread", "weighted"]

_FOLDS = 5
# As few as `drift` asks for before it calls a column a clock: two handfuls of rows lie apart by luck.
_FEWEST_TO_TELL = 20
# Where new rows outnumber reference rows by more than this, the reference has hardly anything: weights end there.
_MOST_ODDS = 20.0
# Rows of either side below which a classifier of the sides is mostly noise, and rows that weighted ones are worth.
_FEWEST = 100


@frozen(eq=False)
class Inputs:
    """Features of both sides as numbers: categories and texts as codes, nulls as ``nan``.

    Left out are clocks and running ids, which tell any two sides apart. `apart` names the column most of whose new
    values the reference never had, if a tenth of them is new.
    """

    old: Rows
    new: Rows
    left_out: tuple[str, ...]
    apart: str

    @property
    def note(self) -> str:
        """Name the columns left out."""
        return f"left out, as clocks or ids that only move on: {', '.join(self.left_out)}" if self.left_out else ""


def feature_pair(X_reference: Any, X: Any) -> Inputs:
    """Return the features of both sides as numbers, without columns that only move on.

    Examples
    --------
    >>> import pandas as pd
    >>> old = pd.DataFrame({"x": ["b", "a"] * 20, "year": [2024, 2025] * 20})
    >>> found = feature_pair(old, pd.DataFrame({"x": ["a", "c"] * 20, "year": 2026}))
    >>> found.old[:2].tolist(), found.new[:2].tolist(), found.left_out
    ([[1.0], [0.0]], [[0.0], [2.0]], ('year',))
    """
    import pandas as pd

    old, new = (_frame(side) for side in (X_reference, X))
    if list(old.columns) != list(new.columns):
        odd = sorted(map(str, set(old.columns) ^ set(new.columns))) or "another order"
        raise InvalidInput(f"X_reference and X need the same columns in the same order; they differ in {odd}")
    both = pd.concat([old, new], ignore_index=True)
    columns, left_out, beyond = [], [], {"": UNSUPPORTED_MOST}
    for at, name in enumerate(both.columns):
        codes, ordered = _codes(both.iloc[:, at])
        sides = codes[: len(old)], codes[len(old) :]
        a, b = old.iloc[:, at], new.iloc[:, at]
        kind, runs_on = compared_as(a, b)
        if (runs_on and kind not in ("mixed", "changed")) or (ordered and _moved_on(*sides)):
            left_out.append(str(name))
            continue
        columns.append(codes)
        beyond[str(name)] = _unknown_share(*sides, ordered)
    joined = np.column_stack(columns) if columns else np.empty((len(both), 0))
    return Inputs(joined[: len(old)], joined[len(old) :], tuple(left_out), max(beyond, key=lambda name: beyond[name]))


def _moved_on(old: Rows, new: Rows) -> bool:
    """Return whether whole numbers are a year, a week, a batch: later than all before, or one value on one side."""
    a, b = old[~np.isnan(old)], new[~np.isnan(new)]
    if min(len(a), len(b)) < _FEWEST_TO_TELL or np.any(a != np.floor(a)) or np.any(b != np.floor(b)):
        return False
    alone = a.min() == a.max() or b.min() == b.max()
    return bool(b.min() > a.max() or (alone and b.max() < a.min()))


def _unknown_share(old: Rows, new: Rows, ordered: bool) -> float:
    """Return the share of new values that the reference never had: beyond its range, or other levels."""
    known = old[~np.isnan(old)]
    if not len(known) or not len(new):
        return 0.0
    strange = (new < known.min()) | (new > known.max()) if ordered else ~np.isin(new, known) & ~np.isnan(new)
    return float(np.mean(strange))


def _frame(X: Any) -> pd.DataFrame:
    import pandas as pd

    if isinstance(X, pd.DataFrame):
        return X
    values = np.asarray(X)
    if values.ndim != 2:
        raise InvalidInput(f"features are a table of rows and columns, got shape {values.shape}")
    return pd.DataFrame(values)


def _codes(column: pd.Series[Any]) -> tuple[Rows, bool]:
    """Return a column as numbers, and whether their order means anything."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return column.to_numpy(dtype=np.float64, na_value=np.nan), not pd.api.types.is_bool_dtype(column)
    if pd.api.types.is_datetime64_any_dtype(column):
        return np.where(column.isna(), np.nan, column.astype("int64").to_numpy(dtype=np.float64)), True
    codes = pd.factorize(column.astype("str").where(column.notna()), sort=True)[0].astype(np.float64)
    return np.where(codes < 0, np.nan, codes), False


def density(old: Rows, new: Rows, seed: int) -> tuple[Rows, float]:
    """Return new over old density at the reference rows, clipped, with mean 1, and the share of new rows out of reach.

    A classifier tells the sides apart, every row judged by folds without it; out of reach are rows where there are over
    20 new ones to a reference row.

    References
    ----------
    Bickel, Brückner and Scheffer (2009), Discriminative learning under covariate shift, JMLR 10.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    both, side = np.vstack([old, new]), np.repeat([0, 1], [len(old), len(new)])
    model = HistGradientBoostingClassifier(
        max_iter=60, learning_rate=0.1, max_leaf_nodes=15, min_samples_leaf=30, l2_regularization=1.0,
        early_stopping=False, random_state=seed,
    )  # fmt: skip
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    with one_thread():
        chance = cross_val_predict(model, both, side, cv=folds, method="predict_proba")[:, 1]
    odds = chance / np.maximum(1 - chance, 1e-9)
    weights = np.minimum(odds[: len(old)], _MOST_ODDS)
    weights = weights / weights.mean()
    return weights, float(np.mean(odds[len(old) :] > _MOST_ODDS))


def one_thread() -> Any:
    """Return a context in which scikit-learn's boosting uses one thread."""
    from threadpoolctl import threadpool_limits

    # It starts its threads anew for every small step, and they wait for one another: with two threads on a busy machine
    # a thousand rows took six times as long, 20 000 forty times.
    return threadpool_limits(limits=1, user_api="openmp")


def weighted(inputs: Inputs, seed: int) -> tuple[Rows, float, str]:
    """Return weights of the reference rows, the share of new rows out of reach, and why it cannot speak for them."""
    old, new = inputs.old, inputs.new
    if min(len(old), len(new)) < _FEWEST:
        why = f"{len(old)} reference and {len(new)} new rows are too few to tell how the inputs shifted; "
        return np.ones(len(old)), 0.0, f"{why}{_FEWEST} each would do"
    weights, unsupported = density(old, new, seed)
    worth, why = effective_rows(weights), ""
    if unsupported > UNSUPPORTED_MOST:
        where = f" (most by {inputs.apart})" if inputs.apart else ""
        why = f"{unsupported:.0%} of rows lie where the reference has hardly any{where}; "
        why += "label some of them and add them to the reference"
    elif worth < _FEWEST:
        why = f"weighted to look like the new rows, the reference is worth {worth:.0f} rows; {_FEWEST} would do"
    return weights, unsupported, why
