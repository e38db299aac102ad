"""What a check is, what it may ask for, and the ready-made answer to that."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, evolve, field, frozen

from mlcycle.codecs import own_rows
from mlcycle.errors import InvalidInput
from mlcycle.records import Result

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from mlcycle.checks._recorded import Recorded

__all__ = ["Bench", "Check", "Context", "Rows", "Said"]

Said = Result | float | bool | Iterable[Result | float | bool]
"""What a check may answer: results, numbers, yes or no."""


@frozen(eq=False)
class Rows:
    """One dataset, ready to be judged on.

    Attributes
    ----------
    ref : str
        Its version, ``"customers.test@1"``.
    frame : DataFrame
        All columns; slices are taken from here.
    X : DataFrame
        What models are given.
    y : ndarray or None
        The truth; ``None`` if the dataset has no target.
    groups : ndarray or None
        What rows belong together, for the bootstrap.
    unlabelled : int
        Rows left out because their target is missing.
    """

    ref: str
    frame: pd.DataFrame
    X: Any
    y: NDArray[Any] | None = None
    groups: NDArray[Any] | None = None
    unlabelled: int = 0


class Context(Protocol):
    """What a check may ask for.

    Attributes
    ----------
    data : str or None
        The dataset judged on unless a criterion names another.
    """

    @property
    def data(self) -> str | None:
        """The dataset judged on unless a criterion names another."""

    def load(self, ref: str | None = None) -> pd.DataFrame:
        """Return a dataset with all its columns."""

    def target(self, ref: str | None = None) -> NDArray[Any]:
        """Return the truth of a dataset, one value a row."""

    def predict(self, model: str, ref: str | None = None, method: str = "predict") -> NDArray[Any]:
        """Return what a model answers on a dataset, one row a row."""

    def rows(self, ref: str | None = None) -> Rows:
        """Return a dataset with its roles taken apart."""

    def recorded(self, model: str, ref: str | None = None) -> Recorded:
        """Return recorded answers of a model on a dataset, for scorers."""

    def find(self, model: str) -> str | None:
        """Return the version an alias or ref stands for, or None if there is none."""


class Check(Protocol):
    """Any callable that looks at a subject and says what it found."""

    def __call__(self, subject: str, context: Context, /) -> Said:
        """Judge the subject, a ref such as ``"churn@7"``."""


@define(eq=False, kw_only=True)
class Bench:
    """A `Context` that loads every dataset and asks every model once; lives for one evaluation.

    Parameters
    ----------
    data : str or None
        The dataset judged on unless a criterion names another.
    load_rows : callable
        ``ref -> Rows``.
    load_model : callable
        ``ref -> model`` with ``predict`` and what else it has.
    find_version : callable
        ``alias or ref -> ref``, or ``None`` if there is no such version.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.dummy import DummyClassifier
    >>> frame = pd.DataFrame({"x": [1, 2, 3, 4], "y": [0, 1, 1, None]})
    >>> model = DummyClassifier().fit(frame[["x"]], [0, 1, 1, 1])
    >>> bench = Bench(
    ...     data="d@1",
    ...     load_rows=lambda ref: Rows(ref, frame, frame[["x"]], frame["y"]),
    ...     load_model=lambda ref: model,
    ...     find_version=lambda name: None,
    ... )
    >>> bench.target().tolist(), bench.predict("m@1").tolist(), bench.rows().unlabelled
    ([0.0, 1.0, 1.0], [1, 1, 1], 1)
    """

    data: str | None
    load_rows: Callable[[str], Rows]
    load_model: Callable[[str], Any]
    find_version: Callable[[str], str | None]
    _rows: dict[str, Rows] = field(factory=dict, init=False, repr=False)
    _models: dict[str, Any] = field(factory=dict, init=False, repr=False)
    _recorded: dict[tuple[str, str], Recorded] = field(factory=dict, init=False, repr=False)

    def rows(self, ref: str | None = None) -> Rows:
        """Return a dataset with its roles taken apart, without the rows that have no label."""
        name = ref or self.data
        if name is None:
            raise InvalidInput(
                "there is no data to judge on: name it in the criterion (on='customers.test'), in the scope "
                "(project.scope.set(test=…)) or in evaluate(model, data)"
            )
        if name not in self._rows:
            self._rows[name] = _labelled(self.load_rows(name))
        return self._rows[name]

    def load(self, ref: str | None = None) -> pd.DataFrame:
        """Return a dataset with all its columns; a copy, so that a check may change it."""
        frame: pd.DataFrame = own_rows(self.rows(ref).frame)
        return frame

    def target(self, ref: str | None = None) -> NDArray[Any]:
        """Return the truth of a dataset, one value a row."""
        rows = self.rows(ref)
        if rows.y is None:
            raise InvalidInput(f"{rows.ref} has no target; add it with target=… so that metrics can be computed")
        return rows.y.copy()

    def recorded(self, model: str, ref: str | None = None) -> Recorded:
        """Return recorded answers of a model on a dataset, for scorers."""
        from mlcycle.checks._recorded import record

        rows = self.rows(ref)
        if (model, rows.ref) not in self._recorded:
            if model not in self._models:
                self._models[model] = self.load_model(model)
            self._recorded[model, rows.ref] = record(self._models[model], rows.X)
        return self._recorded[model, rows.ref]

    def predict(self, model: str, ref: str | None = None, method: str = "predict") -> NDArray[Any]:
        """Return what a model answers on a dataset, one row a row."""
        answers: NDArray[Any] = self.recorded(model, ref).answers(method).copy()
        return answers

    def find(self, model: str) -> str | None:
        """Return the version an alias or ref stands for, or None if there is none."""
        return self.find_version(model)


def _labelled(rows: Rows) -> Rows:
    """Leave out rows without a label, and turn what is left into arrays that metrics take."""
    import numpy as np
    import pandas as pd

    groups = None if rows.groups is None else np.asarray(rows.groups)
    if rows.y is None:
        return evolve(rows, groups=groups)
    labels = pd.Series(rows.y).reset_index(drop=True)
    known = labels.notna().to_numpy()
    y = _plain(labels[known])
    if known.all():
        return evolve(rows, y=y, groups=groups)
    return Rows(
        ref=rows.ref,
        frame=rows.frame[known],
        X=rows.X[known],
        y=y,
        groups=None if groups is None else groups[known],
        unlabelled=int(len(known) - known.sum()),
    )


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
