"""One dataset as checks and metrics take it: roles apart, labels as arrays, and nothing shared that could change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from mlcycle.codecs import own_rows
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from mlcycle.checks._cached_predictions import CachedPredictions

__all__ = ["FEW_CLASSES", "EvaluationData", "task_of"]

FEW_CLASSES = 50  # whole numbers of more values than that are amounts, not labels


@frozen(eq=False)
class EvaluationData:
    """One dataset, ready to be judged on. Frames it gives are copies, so that a check may change what it gets.

    Parameters
    ----------
    ref : str
        Its version, ``"customers.test@1"``.
    frame : DataFrame
        All columns.
    X : DataFrame
        What models are given.
    y : array-like or None
        The truth; ``None`` if the dataset has no target.
    groups : array-like or None
        What rows belong together, for the bootstrap.
    unlabelled : int
        Rows left out because their target is missing.
    positions : ndarray of int or None
        Where each row stands among all of the dataset; None where none is left out.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"x": [1, 2, 3], "y": [0, 1, None]})
    >>> rows = EvaluationData("d@1", frame, frame[["x"]], frame["y"]).labelled()
    >>> len(rows), rows.y.tolist(), rows.unlabelled
    (2, [0.0, 1.0], 1)
    """

    ref: str
    _frame: pd.DataFrame = field(repr=False)
    _X: Any = field(repr=False)
    y: NDArray[Any] | None = field(default=None, repr=False)
    groups: NDArray[Any] | None = field(default=None, repr=False)
    unlabelled: int = 0
    positions: NDArray[Any] | None = field(default=None, repr=False)

    @property
    def frame(self) -> pd.DataFrame:
        """All columns, a copy."""
        own: pd.DataFrame = own_rows(self._frame)
        return own

    @property
    def X(self) -> Any:  # noqa: N802 - what everyone calls it
        """What models are given, a copy."""
        return own_rows(self._X)

    def __len__(self) -> int:
        return len(self._frame)

    def column(self, name: Hashable) -> pd.Series[Any]:
        """Return one column, a copy."""
        own: pd.Series[Any] = own_rows(self._frame[name])
        return own

    def columns(self) -> list[Any]:
        """Return the names of all columns."""
        return list(self._frame.columns)

    def asked(self, model: Any) -> CachedPredictions:
        """Return what a model answers on these rows, asked when first needed and once."""
        from mlcycle.checks._cached_predictions import cache_predictions

        return cache_predictions(model, self._X)

    def target(self) -> NDArray[Any]:
        """Return the truth, one value a row, a copy.

        Raises
        ------
        InvalidInput
            Where the dataset has no target.
        """
        if self.y is None:
            raise InvalidInput(f"{self.ref} has no target; add it with target=… so that metrics can be computed")
        return self.y.copy()

    def labelled(self) -> EvaluationData:
        """Return the rows that have a label, and their labels as arrays that metrics take."""
        return _labelled(self)


def task_of(labels: Any, said: str | None = None) -> str:
    """Return the task that labels or answers are of: ``"classifier"`` or ``"regressor"``.

    Parameters
    ----------
    labels : array-like
        One value a row; a list of values where there are several targets.
    said : str, optional
        What a signature says of it, which counts.

    Examples
    --------
    >>> task_of(["no", "yes"]), task_of([1.0, 0.0, 1.0]), task_of([0.5, 2.0]), task_of([3, 4], "regressor")
    ('classifier', 'classifier', 'regressor', 'regressor')
    """
    if said in ("classifier", "regressor"):
        return str(said)
    listed = labels.tolist() if hasattr(labels, "tolist") else list(labels)
    flat = {item for one in listed for item in (one if isinstance(one, list) else [one])}
    if all(isinstance(one, str) for one in flat):
        return "classifier"
    whole = all(isinstance(one, str | bool) or float(one).is_integer() for one in flat)
    return "classifier" if whole and len(flat) <= FEW_CLASSES else "regressor"


def _labelled(rows: EvaluationData) -> EvaluationData:
    """Leave out rows without a label, and turn what is left into arrays that metrics take."""
    import numpy as np
    import pandas as pd

    groups = None if rows.groups is None else _fixed(np.asarray(rows.groups))
    if rows.y is None or getattr(rows.y, "ndim", 1) > 1:  # several targets a row: these are labelled already
        return evolve(rows, groups=groups)
    labels = pd.Series(rows.y).reset_index(drop=True)
    known = labels.notna().to_numpy()
    y = _fixed(_plain(labels[known]))
    if known.all():
        return evolve(rows, y=y, groups=groups)
    return EvaluationData(
        ref=rows.ref,
        frame=rows._frame[known],
        X=rows._X[known],
        y=y,
        groups=None if groups is None else _fixed(groups[known]),
        unlabelled=int(len(known) - known.sum()),
        positions=_fixed(np.flatnonzero(known)),
    )


def _fixed(values: NDArray[Any]) -> NDArray[Any]:
    """Return an array nobody can write to: every check and metric of an evaluation is given the same."""
    fixed = values.view()
    fixed.flags.writeable = False
    return fixed


def _plain(labels: pd.Series[Any]) -> NDArray[Any]:
    import numpy as np
    import pandas as pd

    if isinstance(labels.dtype, np.dtype):
        return _unobject(labels.to_numpy())
    if pd.api.types.is_bool_dtype(labels.dtype):
        return labels.to_numpy(dtype=bool)
    if pd.api.types.is_integer_dtype(labels.dtype):
        return labels.to_numpy(dtype=np.int64)
    if pd.api.types.is_float_dtype(labels.dtype):
        return labels.to_numpy(dtype=np.float64)
    return _unobject(np.asarray(labels))


def _unobject(values: np.ndarray[Any, Any]) -> NDArray[Any]:
    """Give labels of one plain type that type: scikit-learn compares arrays by their dtype."""
    import numpy as np

    if values.dtype == object and len(values) and all(isinstance(value, str) for value in values):
        return values.astype(str)
    try:
        return np.array(values.tolist()) if values.dtype == object else values
    except ValueError:  # lists of different lengths
        return values
