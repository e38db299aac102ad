"""A run while it happens: whatever storage does, training goes on."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlcycle import codecs, storage
from mlcycle._ids import now
from mlcycle.errors import InvalidInput, MlcycleError, MlcycleWarning
from mlcycle.lifecycle._model_files import PackedModel, keep_model, store_model
from mlcycle.lifecycle._points import PointsWriter, beat, read_points, to_json
from mlcycle.lifecycle._runs import POINTS, run_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from mlcycle.lifecycle._session import Session

__all__ = ["ActiveRun"]

Doc = dict[str, Any]


class ActiveRun:
    """One attempt, being made; lives from `Experiment.start` until `finish`, or until its ``with`` block ends.

    A point is safe when `log` returns: on a local store it survives a kill of the process, on a remote one it is in
    a spool on this machine and is uploaded every few seconds. Trouble with storage is a warning and a count in
    `failures`, never an exception in training, unless the run was started with ``strict=True``.

    Attributes
    ----------
    id : str
        Names the run everywhere.
    params : dict
        The parameters as they were passed, ready for ``Estimator(**run.params)``.
    failures : int
        What could not be stored so far.
    """

    def __init__(self, session: Session, head: Doc, params: Mapping[str, Any], *, strict: bool) -> None:
        self.id: str = head["id"]
        self.params = dict(params)
        self._session = session
        self._head = head
        self._strict = strict
        self._failures = 0
        self._artifacts: dict[str, Doc] = {}
        self._model: Doc | None = None
        self._finished = False
        self._owner = os.getpid()
        self._folder = run_folder(self.id)
        self._attempt("start", lambda: session.files.put(f"{self._folder}/head.json", _document(head), durable=False))
        segments = storage.SegmentWriter(session.files, f"{self._folder}/", POINTS, strict=strict, heartbeat=beat)
        self._points = PointsWriter(segments, strict=strict)
        self.log = self._points.log_values

    def __repr__(self) -> str:
        return f"<run {self.id} of {self._head['experiment_name']}: {'finished' if self._finished else 'running'}>"

    @property
    def failures(self) -> int:
        """What could not be stored so far."""
        return self._failures + self._points.failures

    # logging -------------------------------------------------------------------------------------------------------

    def log_artifact(self, name: str, thing: Any) -> None:
        """Keep a file, a folder, a table, text, bytes or JSON data with the run.

        Parameters
        ----------
        name : str
            What to find it by; logged again, the later one counts.
        thing : path, pandas.DataFrame, str, bytes, dict or list
            A path to a file is stored as it is, a path to a folder as a zip. Text that is no path object is text.
        """
        if not isinstance(name, str) or not name.strip() or len(name) > 256 or "\0" in name:
            raise InvalidInput(f"an artifact is named by 1 to 256 characters, got {name!r:.80}")
        write, suffix = _artifact_writer(thing)

        def store() -> None:
            file = self._session.depot.new_file(f"{self._folder}/files", "artifact", suffix)
            try:
                write(file.path)
                description = file.done()
            finally:
                file.discard()
            self._artifacts[name] = description
            self._points.event({"e": "artifact", "name": name, "file": description})

        self._attempt(f"artifact {name!r}", store)

    def save_model(self, model: Any, *, example: Any = None, format: str | None = None) -> None:
        """Keep a fitted estimator with the run, by the safest format that reproduces it.

        Parameters
        ----------
        model : estimator
            A fitted estimator.
        example : DataFrame or array, optional
            A few rows of its input: gives the model its signature, and the stored model must predict the same.
        format : {"skops", "joblib"}, optional
            Force a format; by default skops where this library vouches for every type inside, else joblib with a
            warning, because loading it will need ``trust=`` and a reason.

        Notes
        -----
        If no format holds the model, if it fails on its example, or if the storage fails, a warning says so and the
        training goes on; whatever could be written is kept on this machine, and the warning says where.
        """
        try:
            made = PackedModel(model, example, format)
        except (MlcycleError, OSError) as error:
            self._failed("model", error, keep_model(model))
            return
        with made as packed:
            try:
                files = store_model(self._session, f"{self._folder}/files", packed)
            except (MlcycleError, OSError) as error:
                self._failed("model", error, keep_model(packed.path, packed.card["format"]))
                return
        self._model = {"files": files, "card": packed.card}
        self._points.event({"e": "model", **self._model})

    # ending --------------------------------------------------------------------------------------------------------

    def finish(self, status: str = "finished", error: str | None = None) -> None:
        """End the run; called once, by the process that started it, and harmless when called again.

        Parameters
        ----------
        status : {"finished", "failed", "cancelled"}
            How it ended.
        error : str, optional
            The traceback of a failure.
        """
        if status not in ("finished", "failed", "cancelled"):
            raise InvalidInput(f"status={status!r} is unknown; a run is finished, failed or cancelled")
        if self._finished or os.getpid() != self._owner:
            return
        self._finished = True
        self._points.close()
        end = {
            "v": 1,
            "status": status,
            "ended_at": now(),
            "entry": self._entry(),
            "failures": self.failures,
            "error": error,
            **self._logged(),
        }
        self._attempt("end", lambda: self._session.files.put(f"{self._folder}/end.json", _document(end)))

    def __enter__(self) -> ActiveRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        elif issubclass(kind, (KeyboardInterrupt, GeneratorExit, SystemExit)):
            self.finish("cancelled", error=kind.__name__)
        else:
            self.finish("failed", error="".join(traceback.format_exception(kind, error, trace)))

    # trouble -------------------------------------------------------------------------------------------------------

    def _logged(self) -> Doc:
        """Return what was logged; where forked children logged too, everything is read back and put together."""
        own: Doc = {
            "metrics": to_json(self._points.last),
            "points": self._points.count,
            "artifacts": self._artifacts,
            "model": self._model,
        }
        try:
            if len(storage.segments(self._session.files, f"{self._folder}/", POINTS)) <= 1:
                return own
            points = read_points(storage.read_lines(self._session.files, f"{self._folder}/", POINTS))
        except (MlcycleError, OSError):
            return own
        together = {"metrics": to_json(points.last), "points": points.count}
        return together | {"artifacts": points.artifacts, "model": points.model or self._model}

    def _entry(self) -> int:
        with contextlib.suppress(MlcycleError, OSError), self._session.view() as view:
            return view.n
        return int(self._head["entry"])

    def _attempt(self, what: str, action: Callable[[], Any]) -> None:
        try:
            action()
        except (MlcycleError, OSError) as error:
            self._failed(what, error)

    def _failed(self, what: str, error: Exception, remedy: str = "") -> None:
        if self._strict:
            raise error
        self._failures += 1
        warnings.warn(
            f"run {self.id}: the {what} could not be stored ({error}){remedy}; training goes on",
            MlcycleWarning,
            stacklevel=3,
        )


def _document(document: Doc) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _artifact_writer(thing: Any) -> tuple[Callable[[Path], Any], str]:
    """Return how to write an artifact to a path, and the suffix it gets."""
    if isinstance(thing, Path):
        if thing.is_dir():
            return lambda path: codecs.pack_folder(thing, path), ".zip"
        if thing.is_file():
            return lambda path: shutil.copyfile(thing, path), thing.suffix or ".bin"
        raise InvalidInput(f"the artifact {thing} is no file and no folder")
    if isinstance(thing, bytes):
        return lambda path: path.write_bytes(thing), ".bin"
    if isinstance(thing, str):
        return lambda path: path.write_text(thing, encoding="utf-8"), ".txt"
    if hasattr(thing, "to_parquet"):
        return thing.to_parquet, ".parquet"
    if hasattr(thing, "savefig"):
        return lambda path: thing.savefig(path, format="png"), ".png"
    if isinstance(thing, (dict, list)):
        try:
            text = json.dumps(thing, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise InvalidInput(
                f"this artifact is no JSON ({error}); pass a path, a DataFrame, text or bytes"
            ) from error
        return lambda path: path.write_text(text, encoding="utf-8"), ".json"
    raise InvalidInput(
        f"an artifact is a path, a DataFrame, a figure, text, bytes, a dict or a list, got {type(thing).__name__}; "
        "write it to a file and pass pathlib.Path(file)"
    )
