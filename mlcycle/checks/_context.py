"""What a check is, and what it may ask for: data, models, code and traffic, each a small protocol."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from attrs import frozen

from mlcycle._ids import bare
from mlcycle.errors import InvalidInput
from mlcycle.records import Result

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from mlcycle import records
    from mlcycle.checks._cached_predictions import CachedPredictions
    from mlcycle.checks._evaluation_data import EvaluationData
    from mlcycle.checks._metrics import Metric

__all__ = [
    "Answer",
    "Check",
    "CodeAccess",
    "Context",
    "DataAccess",
    "EvaluationContext",
    "MetricAccess",
    "ModelAccess",
    "TrafficAccess",
    "data_of",
    "default_data",
]

T = TypeVar("T")
Answer = Result | float | bool | Iterable[Result | float | bool]
"""What a check may answer: results, numbers, yes or no."""


class DataAccess(Protocol):
    """Datasets a check may read. Whatever it gets is its own, or cannot be changed."""

    @property
    def default(self) -> str | None:
        """The dataset judged on, as a ref; what every method takes where no other is named."""

    def load(self, ref: str | None = None) -> pd.DataFrame:
        """Return all rows with all columns, a copy."""

    def table(self, ref: str | None = None) -> pa.Table:
        """Return all rows with all columns as Arrow has them."""

    def target(self, ref: str | None = None) -> NDArray[Any]:
        """Return the truth of the rows that have a label, one value a row, a copy."""

    def rows(self, ref: str | None = None) -> EvaluationData:
        """Return the rows that have a label, with their roles taken apart, in the order of `target`."""


class ModelAccess(Protocol):
    """Model versions a check may ask."""

    def find(self, name: str) -> str | None:
        """Return the version a ref or alias stands for, ``"model:churn@7"``, or None if there is none."""

    def load(self, ref: str) -> Any:
        """Return the model."""

    def predict(self, ref: str, data: str | None = None, method: str = "predict") -> NDArray[Any]:
        """Return what a model answers on the rows of a dataset that have a label, one row a row, a copy."""

    def cached(self, ref: str, data: str | None = None) -> CachedPredictions:
        """Return recorded answers of a model on those rows, for scorers."""


class MetricAccess(Protocol):
    """Metrics a criterion may be about, by the word of whoever asks."""

    def find(self, metric: records.AnyMetric, subject: str = "") -> Metric:
        """Return a metric, to be asked of a subject; a source written elsewhere only if the caller trusts it."""


class CodeAccess(Protocol):
    """What runs and the models of runs were made with."""

    def of(self, ref: str) -> records.Code | None:
        """Return the code of a run, or of the run a model version came from; None where none is known."""

    def environment(self, ref: str) -> records.Environment | None:
        """Return the environment of a run, or of the run a model version came from; None where none is known."""


class TrafficAccess(Protocol):
    """What a deployment was asked and answered in a window of time."""

    @property
    def since(self) -> str:
        """The beginning of the window (UTC)."""

    @property
    def until(self) -> str:
        """Its end, which no longer belongs to it."""

    @property
    def revision(self) -> records.Revision:
        """The revision of the deployment that is looked at."""

    @property
    def frame(self) -> pd.DataFrame:
        """One row a prediction, see `mlcycle.serving`."""

    def live(self) -> pd.DataFrame:
        """Return what callers got: no answers of shadows, no failures."""


class Context(Protocol):
    """What a check may ask for; what there is not is refused in words."""

    @property
    def data(self) -> DataAccess:
        """Datasets."""

    @property
    def models(self) -> ModelAccess:
        """Model versions."""

    @property
    def metrics(self) -> MetricAccess:
        """Metrics, those kept as source by the caller's trust."""

    @property
    def code(self) -> CodeAccess:
        """Code and environment of runs and models."""

    @property
    def traffic(self) -> TrafficAccess:
        """What a deployment was asked and answered."""


class Check(Protocol):
    """Any callable that looks at a subject and says what it found."""

    def __call__(self, subject: str, context: Context, /) -> Answer:
        """Judge the subject, a full ref such as ``"model:churn@7"``."""


@frozen(eq=False, kw_only=True)
class EvaluationContext:
    """The `Context` of one evaluation, of what there is for it.

    Parameters
    ----------
    data : DataAccess, optional
    models : ModelAccess, optional
    metrics : MetricAccess, optional
        By default sources run only where they were written.
    code : CodeAccess, optional
    traffic : TrafficAccess, optional

    Examples
    --------
    >>> EvaluationContext().traffic
    Traceback (most recent call last):
    ...
    mlcycle.errors.InvalidInput: this evaluation has no traffic; only checks of a deployment can ask for traffic
    """

    _data: DataAccess | None = None
    _models: ModelAccess | None = None
    _metrics: MetricAccess | None = None
    _code: CodeAccess | None = None
    _traffic: TrafficAccess | None = None

    @property
    def data(self) -> DataAccess:
        """Datasets."""
        return _there(self._data, "data", "of a model or a dataset")

    @property
    def models(self) -> ModelAccess:
        """Model versions."""
        return _there(self._models, "models", "in a project")

    @property
    def metrics(self) -> MetricAccess:
        """Metrics, those kept as source by the caller's trust."""
        if self._metrics is not None:
            return self._metrics
        from mlcycle.checks._metrics import LoadedMetrics

        return LoadedMetrics()

    @property
    def code(self) -> CodeAccess:
        """Code and environment of runs and models."""
        return _there(self._code, "code", "in a project")

    @property
    def traffic(self) -> TrafficAccess:
        """What a deployment was asked and answered."""
        return _there(self._traffic, "traffic", "of a deployment")


def _there(what: T | None, name: str, where: str) -> T:
    if what is None:
        raise InvalidInput(f"this evaluation has no {name}; only checks {where} can ask for {name}")
    return what


def data_of(criterion: Any, subject: str, context: Context) -> str | None:
    """Return the dataset a criterion is held against: the version that is judged, unless it names another.

    A name means the version that is judged and not the newest there is; a version is that version.
    """
    of, _, ref = subject.rpartition(":")
    judged = ref if of == "dataset" and "@" in ref else default_data(context)
    on: str | None = criterion.on
    return judged if on is None or (judged is not None and bare(on) == bare(judged).partition("@")[0]) else on


def default_data(context: Context) -> str | None:
    """Return the dataset a context judges on, None where it has none."""
    with contextlib.suppress(InvalidInput):
        return getattr(getattr(context, "data", None), "default", None)
    return None
