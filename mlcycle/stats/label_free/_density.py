"""How much more often the new rows look like this than the reference does: density ratios from a classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats.label_free._support import UNSUPPORTED_MOST

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Density", "density", "feature_pair", "missing_support"]

_FOLDS = 5
# Where new rows outnumber reference rows by more than this, the reference has hardly anything: weights end there.
_MOST_ODDS = 20.0
_LEAST_EFFECTIVE = 100


@frozen(eq=False)
class Density:
    """Density ratios of both sides.

    Attributes
    ----------
    weights : ndarray of shape (m,)
        New over old density at the reference rows, clipped, with mean 1.
    effective_n : float
        Reference rows they are worth (Kish).
    unsupported : float
        Share of new rows where there are more than 20 of them to a reference row.
    """

    weights: NDArray[np.float64]
    effective_n: float
    unsupported: float


def feature_pair(X_reference: Any, X: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the features of both sides as numbers, categories and texts as codes; nulls stay ``nan``.

    Examples
    --------
    >>> import pandas as pd
    >>> a, b = feature_pair(pd.DataFrame({"x": ["b", "a"]}), pd.DataFrame({"x": ["a", "c"]}))
    >>> a.ravel().tolist(), b.ravel().tolist()
    ([1.0, 0.0], [0.0, 2.0])
    """
    import pandas as pd

    old, new = (_frame(side) for side in (X_reference, X))
    if list(old.columns) != list(new.columns):
        odd = sorted(map(str, set(old.columns) ^ set(new.columns))) or "another order"
        raise InvalidInput(f"X_reference and X need the same columns in the same order; they differ in {odd}")
    both = pd.concat([old, new], ignore_index=True)
    columns = [_codes(both[name]) for name in both.columns]
    joined = np.column_stack(columns) if columns else np.empty((len(both), 0))
    return joined[: len(old)], joined[len(old) :]


def _frame(X: Any) -> pd.DataFrame:
    import pandas as pd

    if isinstance(X, pd.DataFrame):
        return X
    values = np.asarray(X)
    if values.ndim != 2:
        raise InvalidInput(f"features are a table of rows and columns, got shape {values.shape}")
    return pd.DataFrame(values)


def _codes(column: pd.Series[Any]) -> NDArray[np.float64]:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    if pd.api.types.is_datetime64_any_dtype(column):
        return np.where(column.isna(), np.nan, column.astype("int64").to_numpy(dtype=np.float64))
    codes = pd.factorize(column.astype("str").where(column.notna()), sort=True)[0].astype(np.float64)
    return np.where(codes < 0, np.nan, codes)


def density(old: NDArray[np.float64], new: NDArray[np.float64], seed: int) -> Density:
    """Return density ratios by a classifier that tells the sides apart, every row judged by folds without it.

    References
    ----------
    Bickel, Brückner and Scheffer (2009), Discriminative learning under covariate shift, JMLR 10. Kish (1965), Survey
    Sampling, for the effective sample size ``sum(w) ** 2 / sum(w ** 2)``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = density(rng.normal(0, 1, (2000, 1)), rng.normal(1, 1, (2000, 1)), seed=0)
    >>> 300 < found.effective_n < 1200
    True
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    both, side = np.vstack([old, new]), np.repeat([0, 1], [len(old), len(new)])
    model = HistGradientBoostingClassifier(
        max_iter=60, learning_rate=0.1, max_leaf_nodes=15, min_samples_leaf=30, l2_regularization=1.0,
        early_stopping=False, random_state=seed,
    )  # fmt: skip
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    chance = cross_val_predict(model, both, side, cv=folds, method="predict_proba")[:, 1]
    odds = chance / np.maximum(1 - chance, 1e-9)
    weights = np.minimum(odds[: len(old)], _MOST_ODDS)
    weights = weights / weights.mean()
    return Density(
        weights, float(weights.sum() ** 2 / (weights**2).sum()), float(np.mean(odds[len(old) :] > _MOST_ODDS))
    )


def missing_support(found: Density) -> str:
    """Return why the reference cannot speak for the new rows, or nothing."""
    if found.unsupported > UNSUPPORTED_MOST:
        return (
            f"{found.unsupported:.0%} of rows lie where the reference has hardly any; "
            "label some of them and add them to the reference"
        )
    if found.effective_n < _LEAST_EFFECTIVE:
        return (
            f"weighted to look like the new rows, the reference is worth {found.effective_n:.0f} rows; "
            f"{_LEAST_EFFECTIVE} would do"
        )
    return ""
