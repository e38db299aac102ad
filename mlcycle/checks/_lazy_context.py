"""What a context offers, loaded when first asked for and once: datasets, models, and the code they were made with."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from mlcycle import records
    from mlcycle.checks._cached_predictions import CachedPredictions
    from mlcycle.checks._context import DataAccess, TrafficAccess
    from mlcycle.checks._evaluation_data import EvaluationData

__all__ = ["LoadedCode", "LoadedData", "LoadedModels", "LoadedTraffic"]


@define(eq=False, kw_only=True)
class LoadedData:
    """`DataAccess` that reads every dataset once.

    Parameters
    ----------
    default : str or None
        The dataset judged on unless another is named.
    read : callable
        ``ref -> EvaluationData``, all of them.
    table_of : callable, optional
        ``ref -> pyarrow.Table`` that is there already, or None: then one is made of the rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from mlcycle.checks import EvaluationData
    >>> frame = pd.DataFrame({"x": [1, 2, 3], "y": [0, 1, None]})
    >>> data = LoadedData(default="d@1", read=lambda ref: EvaluationData(ref, frame, frame[["x"]], frame["y"]))
    >>> len(data.load()), data.table().num_rows, len(data.rows()), data.target().tolist()
    (3, 3, 2, [0.0, 1.0])
    """

    default: str | None
    read: Callable[[str], EvaluationData]
    table_of: Callable[[str], pa.Table | None] = field(default=lambda ref: None, repr=False)
    _all: dict[str, EvaluationData] = field(factory=dict, init=False, repr=False)
    _labelled: dict[str, EvaluationData] = field(factory=dict, init=False, repr=False)
    _tables: dict[str, pa.Table] = field(factory=dict, init=False, repr=False)

    def load(self, ref: str | None = None) -> pd.DataFrame:
        """Return all rows with all columns, a copy."""
        return self._read(self._named(ref)).frame

    def table(self, ref: str | None = None) -> pa.Table:
        """Return all rows with all columns as Arrow has them."""
        name = self._named(ref)
        if name not in self._tables:
            there = self.table_of(name)
            self._tables[name] = _as_table(self._read(name)) if there is None else there
        return self._tables[name]

    def target(self, ref: str | None = None) -> NDArray[Any]:
        """Return the truth of the rows that have a label, one value a row, a copy."""
        return self.rows(ref).target()

    def rows(self, ref: str | None = None) -> EvaluationData:
        """Return the rows that have a label, with their roles taken apart."""
        name = self._named(ref)
        if name not in self._labelled:
            self._labelled[name] = self._read(name).labelled()
        return self._labelled[name]

    def _named(self, ref: str | None) -> str:
        if ref is not None and not isinstance(ref, str):
            raise InvalidInput(
                f"a dataset is named by a ref such as 'customers.test@1', got {type(ref).__name__}; "
                "rows of your own are asked of the model itself: context.models.load(ref).predict(rows)"
            )
        name = self.default if ref is None else ref.removeprefix("dataset:")
        if name is None:
            raise InvalidInput(
                "there is no data to judge on: name it in the criterion (on='customers.test'), in the scope "
                "(project.scope.set(test=…)) or in evaluate(model, data)"
            )
        return name

    def _read(self, name: str) -> EvaluationData:
        if name not in self._all:
            rows = self.read(name)
            self._all[name] = self._all.setdefault(rows.ref, rows)  # a name and its newest version are one dataset
        return self._all[name]


def _as_table(rows: EvaluationData) -> pa.Table:
    import pyarrow as pa

    try:
        named = any(name is not None for name in rows.frame.index.names)  # such a level is a column, as it is stored
        return pa.Table.from_pandas(rows.frame, preserve_index=True if named else None)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InvalidInput(f"{rows.ref} has no form as an Arrow table: {error}; load() gives a DataFrame") from error


@define(eq=False, kw_only=True)
class LoadedModels:
    """`Models` that loads each version once, and asks it once on each dataset.

    Parameters
    ----------
    data : DataAccess
        The rows they are asked on.
    read : callable
        ``ref -> model`` with ``predict`` and what else it has.
    find : callable
        ``ref -> ref of the version``, None if there is no such version.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.dummy import DummyClassifier
    >>> from mlcycle.checks import LoadedData, EvaluationData
    >>> frame = pd.DataFrame({"x": [1, 2, 3], "y": [0, 1, 1]})
    >>> data = LoadedData(default="d@1", read=lambda ref: EvaluationData(ref, frame, frame[["x"]], frame["y"]))
    >>> model = DummyClassifier().fit(frame[["x"]], frame["y"])
    >>> LoadedModels(data=data, read=lambda ref: model).predict("model:m@1").tolist()
    [1, 1, 1]
    """

    data: DataAccess
    read: Callable[[str], Any]
    _find: Callable[[str], str | None] = field(default=lambda name: None, repr=False)
    _models: dict[str, Any] = field(factory=dict, init=False, repr=False)
    _cached: dict[tuple[str, str], CachedPredictions] = field(factory=dict, init=False, repr=False)

    def find(self, name: str) -> str | None:
        """Return the version a ref or alias stands for, or None if there is none."""
        return self._find(name)

    def load(self, ref: str) -> Any:
        """Return the model."""
        name = self._find(ref) or ref
        if name not in self._models:
            self._models[name] = self.read(name)
        return self._models[name]

    def cached(self, ref: str, data: str | None = None) -> CachedPredictions:
        """Return recorded answers of a model on a dataset, for scorers."""
        rows, name = self.data.rows(data), self._find(ref) or ref
        if (name, rows.ref) not in self._cached:
            self._cached[name, rows.ref] = rows.asked(self.load(name))
        return self._cached[name, rows.ref]

    def recorded(self, ref: str, data: str | None = None) -> CachedPredictions | None:
        """Return what a model was asked on a dataset so far, None where nobody asked it; it is not loaded for that."""
        return self._cached.get((self._find(ref) or ref, self.data.rows(data).ref))

    def predict(self, ref: str, data: str | None = None, method: str = "predict") -> NDArray[Any]:
        """Return what a model answers on a dataset, one row a row, a copy."""
        answers: NDArray[Any] = self.cached(ref, data).answers(method).copy()
        return answers


@frozen(eq=False, kw_only=True)
class LoadedCode:
    """`Code` of runs, read when asked for.

    Parameters
    ----------
    read : callable
        ``ref of a run or model version -> Run``, None where there is none any more.

    Examples
    --------
    >>> from mlcycle.records import Code, Run
    >>> run = Run(id="0a", experiment="churn", code=Code(commit="4f2a"))
    >>> LoadedCode(read=lambda ref: run).of("run:0a").commit
    '4f2a'
    """

    read: Callable[[str], records.Run | None]

    def of(self, ref: str) -> records.Code | None:
        """Return the code of a run, or of the run a model version came from."""
        run = self.read(ref)
        return None if run is None else run.code

    def environment(self, ref: str) -> records.Environment | None:
        """Return the environment of a run, or of the run a model version came from."""
        run = self.read(ref)
        return None if run is None else run.environment


class LoadedTraffic:
    """`TrafficAccess` that reads its window when something of it is first asked for.

    Parameters
    ----------
    read : callable
        Returns the window.
    """

    def __init__(self, read: Callable[[], TrafficAccess]) -> None:
        self._read = functools.cache(read)

    @property
    def since(self) -> str:
        """The beginning of the window (UTC)."""
        return self._read().since

    @property
    def until(self) -> str:
        """Its end, which no longer belongs to it."""
        return self._read().until

    @property
    def revision(self) -> records.Revision:
        """The revision of the deployment that is looked at."""
        return self._read().revision

    @property
    def frame(self) -> pd.DataFrame:
        """One row a prediction."""
        return self._read().frame

    def live(self) -> pd.DataFrame:
        """Return what callers got."""
        return self._read().live()
