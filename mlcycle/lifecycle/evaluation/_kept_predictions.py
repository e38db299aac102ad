"""What a model answered on the rows it was judged on, as a Parquet file beside its evaluation.

Only what was asked is kept, and the labels: who looks again at a model that ranks wants to know what it said. A file is
a row a row judged on, in the order of the data: ``row`` (position), ``truth``, and a column a method.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle import checks, records
from mlcycle._error_text import error_text
from mlcycle.errors import Corrupt, MlcycleError, NotFound

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from mlcycle.lifecycle.blobs import Blobs

__all__ = ["KeptPredictions", "kept_bytes", "kept_file", "read_kept"]

Doc = dict[str, Any]
_KEY = b"mlcycle.predictions"
# Numbers in one file, of eight bytes: ten million rows of a model of two classes with its probabilities, 400 MB. They
# are held in memory while they are written, as they were when the model answered.
_MOST = 50_000_000


class _NotKept(Exception):  # noqa: N818 - never leaves this file
    """Why something has no place in the file."""


@frozen(eq=False)
class KeptPredictions:
    """What was kept of one evaluation.

    Attributes
    ----------
    rows : ndarray of int
        Where each row stands in the data.
    truth : ndarray or None
    cached : CachedPredictions
        What the model answered, in the place of the model.
    offered : tuple of str
        What the model can be asked, also where nobody did.
    """

    rows: NDArray[Any]
    truth: NDArray[Any] | None
    cached: checks.CachedPredictions
    offered: tuple[str, ...]

    def lacks(self, metric: records.AnyMetric) -> str | None:
        """Return the method a metric asks of this model that nobody asked; None where all is there."""
        asks = next((one for one in checks.find_metric(metric).methods if one in self.offered), None)
        return None if asks is None or asks in checks.answered(self.cached) else asks

    def frame(self) -> pd.DataFrame:
        """Return a table as `Evaluation.predictions` documents."""
        import pandas as pd

        said = {} if self.truth is None else {"truth": self.truth}
        columns: dict[str, Any] = {}
        for name, values in {**said, **checks.answered(self.cached)}.items():
            if values.ndim == 1:
                columns[name] = values
            else:
                columns |= {f"{name}.{label}": values[:, at] for at, label in enumerate(self._labels(values.shape[1]))}
        return pd.DataFrame(columns, index=pd.Index(self.rows, name="row"))

    def _labels(self, width: int) -> list[Any]:
        classes = np.asarray(getattr(self.cached, "classes_", ()), dtype=object)
        return classes.tolist() if classes.shape == (width,) else list(range(width))


# writing -------------------------------------------------------------------------------------------------------------


def kept_bytes(rows: checks.EvaluationData, cached: checks.CachedPredictions) -> tuple[bytes | None, str]:
    """Return the file of what a model answered on labelled rows, or None, and why not all of it is kept.

    It never fails an evaluation: types that Parquet cannot hold, and more than fits, are told in words.

    Parameters
    ----------
    rows : EvaluationData
        Those with a label.
    cached : CachedPredictions
        What it was asked; its labels are asked for here, where it has any.
    """
    try:
        answers, dropped = _answers(rows, cached)
        return _written(_table(rows, cached, answers)), dropped
    except Exception as error:  # noqa: BLE001 - a model's answers are foreign code and foreign types
        told = str(error) if isinstance(error, _NotKept | MlcycleError) else error_text(error)
        return None, f"what the model answered ({told})"


def _answers(rows: checks.EvaluationData, cached: checks.CachedPredictions) -> tuple[dict[str, NDArray[Any]], str]:
    """Return what is kept by method: of scores that are too many, not even one."""
    if hasattr(cached, "predict"):
        cached.answers("predict")
    answers = checks.answered(cached)
    for method, values in answers.items():
        if len(values) != len(rows):
            raise _NotKept(f"{len(values):,} values of {method} for {len(rows):,} rows")
    many = [one for one in answers if one != "predict" and _numbers(rows, answers) > _MOST]
    kept = {method: values for method, values in answers.items() if method not in many}
    if _numbers(rows, kept) > _MOST or not kept:
        raise _NotKept(f"{_numbers(rows, answers):,} values, more than {_MOST:,}")
    return kept, f"{' and '.join(many)} ({_numbers(rows, answers):,} values, more than {_MOST:,})" if many else ""


def _numbers(rows: checks.EvaluationData, answers: Doc) -> int:
    return 2 * len(rows) + sum(np.size(values) for values in answers.values())


def _table(rows: checks.EvaluationData, cached: checks.CachedPredictions, answers: Doc) -> pa.Table:
    import pyarrow as pa

    positions = np.arange(len(rows)) if rows.positions is None else rows.positions
    columns = {"row": pa.array(positions, pa.int64())}
    if rows.y is not None:
        columns["truth"] = _column("truth", _as_matrix(rows.y))
    columns |= {method: _column(method, values) for method, values in answers.items()}
    said = {
        "classes": _classes(getattr(cached, "classes_", None)),
        "finds_outliers": checks.finds_outliers(cached),
        "offered": [one for one in checks.METHODS if hasattr(cached, one)],
    }
    return pa.table(columns).replace_schema_metadata({_KEY: json.dumps(said, allow_nan=False)})


def _as_matrix(values: NDArray[Any]) -> NDArray[Any]:
    """Return lists of one length, several targets a row, as an array of two dimensions."""
    lists = values.dtype.kind == "O" and {len(one) if isinstance(one, list) else 0 for one in values}
    return np.array(values.tolist()) if lists and len(lists) == 1 and lists != {0} else values


def _column(name: str, values: NDArray[Any]) -> pa.Array:
    import pyarrow as pa

    if values.ndim > 2 or (values.ndim == 2 and not values.shape[1]):
        raise _NotKept(f"{name} has the shape {values.shape}")
    flat = _plain(name, values.reshape(-1))
    return flat if values.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, values.shape[1])


def _plain(name: str, values: NDArray[Any]) -> pa.Array:
    import pyarrow as pa

    if values.dtype.kind in "iufb":
        return pa.array(values)
    if values.dtype.kind in "UO" and all(isinstance(one, str) for one in values.tolist()):
        return pa.array(values.tolist(), pa.string())
    kinds = ", ".join(sorted({type(one).__name__ for one in values.tolist()})[:3])
    raise _NotKept(f"{name} holds {kinds}, neither numbers nor text")


def _classes(classes: Any) -> Any:
    """Return classes as JSON: their type and values; a list of such where there are several outputs."""
    if classes is None:
        return None
    if isinstance(classes, list | tuple) and np.ndim(classes[0]):
        return [_classes(one) for one in classes]
    array = np.asarray(classes)
    _plain("classes_", array)
    return {"type": array.dtype.str, "values": array.tolist()}


def _written(table: pa.Table) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    sink = pa.BufferOutputStream()
    # scores are all different, so that a dictionary of them is as long as they are; positions differ by one
    repeated = [one.name for one in table.schema if one.name in ("truth", "predict")]
    parquet.write_table(
        table,
        sink,
        compression="zstd",
        use_dictionary=repeated,
        column_encoding={"row": "DELTA_BINARY_PACKED"},
        write_page_checksum=True,
    )
    return bytes(sink.getvalue())


# reading -------------------------------------------------------------------------------------------------------------


def kept_file(blobs: Blobs, identity: str) -> Doc | None:
    """Return the file of what was kept beside an evaluation, None where there is none."""
    files = blobs.files_of(f"evaluation:{identity}", f"evaluation {identity}")
    return next((one for one in files if one["kind"] == "predictions"), None)


def read_kept(blobs: Blobs, identity: str, not_kept: str = "") -> KeptPredictions:
    """Return what was kept beside an evaluation.

    Raises
    ------
    NotFound
        Where there is nothing, with the reason.
    Corrupt
        Where the file is not what the log says.
    """
    what = f"the predictions of evaluation {identity}"

    def read() -> bytes:
        file = kept_file(blobs, identity)
        if file is None:
            raise NotFound(f"evaluation {identity[:8]} keeps no predictions: {not_kept or _NOBODY_ASKED}")
        return blobs.checked_files.read_file(file, what)

    try:
        return _parsed(blobs.reading(what, read))
    except MlcycleError:
        raise
    except Exception as error:
        raise Corrupt(f"{what} cannot be read: {error_text(error)}; evaluate the version again") from error


_NOBODY_ASKED = "no model was asked what it says of the rows; evaluate(checks=['accuracy']) of a version does"


def _parsed(data: bytes) -> KeptPredictions:
    import pyarrow as pa
    from pyarrow import parquet

    table = parquet.read_table(pa.BufferReader(data))
    said = json.loads(table.schema.metadata[_KEY])
    columns = {name: _array(table.column(name).combine_chunks()) for name in table.column_names}
    answers = {name: columns[name] for name in checks.METHODS if name in columns}
    cached = checks.replay_predictions(answers, _labels(said["classes"]), detector=said["finds_outliers"])
    return KeptPredictions(columns["row"], columns.get("truth"), cached, tuple(said["offered"]))


def _array(column: pa.Array) -> NDArray[Any]:
    import pyarrow as pa

    if pa.types.is_fixed_size_list(column.type):
        found: NDArray[Any] = _array(column.flatten()).reshape(-1, column.type.list_size)
        return found
    if pa.types.is_string(column.type):
        return np.array(column.to_pylist(), dtype=str)
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _labels(said: Any) -> Any:
    if isinstance(said, list):
        return [_labels(one) for one in said]
    if said is None:
        return None
    kind = np.dtype(said["type"])
    if kind.kind not in "iufbUO":
        raise Corrupt(f"classes of the type {said['type']!r} are neither numbers nor text")
    # as long as its longest word, whatever length the type says
    return np.array(said["values"], dtype=str if kind.kind == "U" else kind)
