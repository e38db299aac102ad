"""What checks may ask of a project, read when asked for: datasets, model versions, and the code of runs."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, cast

from mlcycle import checks
from mlcycle._ids import bare
from mlcycle.errors import InvalidInput, NotFound, VersionDeleted
from mlcycle.lifecycle._model_files import InputCheckedModel, load_version, signature_of
from mlcycle.lifecycle.datasets import tables
from mlcycle.lifecycle.evaluation._trusted_metrics import metrics_of
from mlcycle.lifecycle.runs import run_of
from mlcycle.state import reference_of, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from mlcycle import records
    from mlcycle._typing import Trust
    from mlcycle.lifecycle._gate_request import Candidate
    from mlcycle.lifecycle._session import Session
    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.state import Version, View

__all__ = ["context_of", "rows_of"]

Doc = dict[str, Any]


def context_of(
    session: Session,
    view: View,
    *,
    data: str | None,
    candidates: Mapping[str, Candidate] | None = None,
    trust: Trust = (),
) -> checks.EvaluationContext:
    """Return what checks may ask for, by one look at the project; each thing is loaded once, and nothing beforehand.

    Parameters
    ----------
    session : Session
    view : View
        The state that refs are resolved by.
    data : str or None
        The dataset judged on unless another is named, as a ref; the name alone of a candidate.
    candidates : mapping of str to Candidate, optional
        Rows that are to become the next version of a name and are not yet: they stand under that name.
    trust
        As in `ModelVersion.load`; digests of metrics kept as source, too.
    """
    name, coming = None if data is None else bare(data), candidates or {}
    if data is not None and name not in coming:
        with contextlib.suppress(NotFound):  # whoever loads it is told; who does not ask misses nothing
            name = resolve(view, data, "dataset").shown

    def read(ref: str) -> checks.EvaluationData:
        if (candidate := coming.get(bare(ref))) is not None:
            return _rows(bare(ref), candidate.frame(), candidate.roles)
        version = resolve(view, ref, "dataset")
        return rows_of(session.blobs, view, version)

    def load(ref: str) -> Any:
        version = resolve(view, ref, "model")
        estimator = load_version(session.blobs, version, trust=trust)
        return InputCheckedModel(estimator, signature_of(session.blobs, version, estimator))

    def find(ref: str) -> str | None:
        found = reference_of(view, ref)
        return None if found is None else found.ref

    found = checks.LoadedData(
        default=name, read=read, table_of=lambda ref: coming[ref].table if ref in coming else None
    )
    return checks.EvaluationContext(
        data=found,
        models=checks.LoadedModels(data=found, read=load, find=find),
        metrics=metrics_of(session, view, trust),
        code=checks.LoadedCode(read=lambda ref: _run(session, view, ref)),
    )


def rows_of(blobs: Blobs, view: View, version: Version) -> checks.EvaluationData:
    """Return the rows of a version of data, with their roles taken apart."""
    return _rows(version.shown, tables.read_frame(blobs, view, version), version["roles"])


def _rows(ref: str, frame: pd.DataFrame, roles: Doc) -> checks.EvaluationData:
    target, group = roles.get("target"), roles.get("group")
    return checks.EvaluationData(
        ref=ref,
        frame=frame,
        X=tables.features(frame, roles, ref),
        y=None if target is None else cast("Any", frame[target]),
        groups=None if target is None or group is None else cast("Any", frame[group]),
    )


def _run(session: Session, view: View, ref: str) -> records.Run | None:
    """Return the run a ref names, or the one a model version came from; None where there is none any more."""
    kind, colon, run = ref.partition(":")
    if not colon or kind == "model":
        made_by = resolve(view, ref, "model", dropped=True)["run"]
        if made_by is None:
            return None
        run = bare(made_by)
    elif kind != "run":
        raise InvalidInput(f"code is kept of runs and of models, and {ref!r} is a {kind}")
    try:
        return run_of(session, run, view, dropped=kind != "run")
    except (NotFound, VersionDeleted):
        if kind == "run":
            raise
        return None
