"""A run while it happens: whatever storage does, training goes on."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsFloat

from mlcycle import provenance, storage
from mlcycle._digest import json_text, sha256_bytes
from mlcycle._documents import described_file
from mlcycle._error_text import error_text, traceback_text
from mlcycle._ids import now
from mlcycle._text import printable
from mlcycle._warn import warn
from mlcycle.errors import InvalidInput, MlcycleError, MlcycleWarning, StorageUnavailable
from mlcycle.lifecycle._gate_request import GateRequest
from mlcycle.lifecycle._model_files import StagedModel, keep_model, store_model, suits
from mlcycle.lifecycle.blobs import NewFile
from mlcycle.lifecycle.runs._artifacts import pack_artifact
from mlcycle.lifecycle.runs._entered import enter, leave
from mlcycle.lifecycle.runs._files import POINTS, hash_stored, run_folder
from mlcycle.lifecycle.runs._log_lines import encode_values
from mlcycle.lifecycle.runs._points import PointsWriter
from mlcycle.lifecycle.runs._summary import RunSummary, read_summary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from mlcycle import records
    from mlcycle._typing import Moment
    from mlcycle.lifecycle._session import Session

__all__ = ["ActiveRun", "missing_model"]

Doc = dict[str, Any]
_NAMED = 5  # parts of what is not whole; their number says the rest
_OVER = "the run has ended; do it inside its with block, or start another run"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # half of a pair, which UTF-8 cannot hold


@printable
class ActiveRun:
    """One attempt, being made; lives from `Experiment.start` until `finish`, or until its ``with`` block ends.

    In its ``with`` block it is what `mlcycle.current_run` returns, and versions of data that are loaded there are kept
    as what it read. A point is safe when `log` returns: on a local store it survives a kill of the process, on a remote
    one it is in a spool on this machine and is uploaded every few seconds. What cannot be stored, for whatever reason,
    is a warning and a count in `failures`, never an exception in training, unless the run was started with
    ``strict=True``.

    Attributes
    ----------
    id : str
        Names the run everywhere.
    params : dict
        The parameters as they were passed, ready for ``Estimator(**run.params)``.
    failures : int
        What could not be stored so far, or not whole.
    """

    def __init__(
        self,
        session: Session,
        head: Doc,
        params: Mapping[str, Any],
        shortened: Sequence[str] = (),
        *,
        keep: Callable[[], None],
        strict: bool,
    ) -> None:
        self.id: str = head["id"]
        self.params = dict(params)
        self._session = session
        self._head = head
        self._keep = keep
        self._strict = strict
        self._failures = 0
        self._artifacts: dict[str, Doc] = {}
        self._model: Doc | None = None
        self._unsaved = ""  # why no model could be stored, of the last that was tried
        self._reads: dict[str, None] = {}  # in the order in which they came
        self._finished = False
        self._owner = os.getpid()
        self._folder = run_folder(self.id)
        if shortened:
            large = [f"{where:.60} is too large and kept only in part" for where in shortened]
            self._lost("record of its params", large, "; log what must be whole as an artifact")
        self._head_file: Doc | None = None
        self._attempt("start", self._store_head)
        self._lines = storage.SegmentWriter(
            session.log.files, f"{self._folder}/", POINTS, strict=strict, heartbeat=RunSummary()
        )
        self._points = PointsWriter(self._lines, strict=strict)

    def __repr__(self) -> str:
        return f"<run {self.id} of {self._head['experiment_name']}: {'finished' if self._finished else 'running'}>"

    @property
    def _address(self) -> str:
        return f"run:{self.id}"

    @property
    def _home(self) -> records.Home | None:
        return self._session.home

    @property
    def failures(self) -> int:
        """What could not be stored so far, or not whole."""
        return self._failures + self._points.failures

    # logging -------------------------------------------------------------------------------------------------------

    def log(
        self,
        values: Mapping[str, SupportsFloat | str] | None = None,
        /,
        step: float | None = None,
        **more: SupportsFloat | str,
    ) -> None:
        """Log numbers, or text, by name: ``run.log(loss=0.31, step=10)``, or ``run.log({"val/loss": 0.31}, 10)``.

        Parameters
        ----------
        values : mapping of str to number or str, optional
            Names that cannot be written as keywords, or that are made as one goes.
        step : int or float, optional
            Where on the way this was: an epoch, a batch, a number of rows.
        **more : number or str
            Names and values; of one name given twice, this value counts.

        Notes
        -----
        A number is a Python number, a scalar of numpy or an array or tensor without dimensions; truth values are 0 and
        1, NaN and infinities are kept as they are. Text is kept too, with a warning once a name, and left out of
        charts and comparisons. Everything else (lists, dicts, arrays, ``None``) is left out: `failures` counts it and a
        warning, once a type, names the remedy, while the other values of the same call are logged. A step that is not a
        number is left out in the same way. None of it stops the training, nor does trouble with the storage or a call
        after the end of the run; only a run that was started with ``strict=True`` raises.

        Any thread may log, and so may children made by ``fork``.

        Examples
        --------
        >>> import mlcycle as mc
        >>> experiment = mc.open("memory://docs-run-log").experiments.open("baseline")
        >>> with experiment.start() as run:
        ...     for epoch in range(3):
        ...         run.log({"val/loss": 1 / (epoch + 1)}, accuracy=0.5 + epoch / 10, step=epoch)
        >>> experiment.runs()[0].metrics
        {'val/loss': 0.333..., 'accuracy': 0.7}
        """
        if self._finished:
            self._failed("point", InvalidInput(_OVER))
        elif values is None:
            self._points.log(more, step)
        else:
            self._points.log(values, step, more)

    def log_artifact(self, name: str, thing: Any) -> None:
        """Keep a file, a folder, a table, text, bytes or JSON data with the run.

        Parameters
        ----------
        name : str
            What to find it by; logged again, the later one counts.
        thing : path, table, matplotlib figure, str, bytes, dict or list
            A path to a file is stored as it is, a path to a folder as a zip; text that names a file or folder that
            exists is that path. Other text is text, with a warning if it looks like a path. A table of pandas, polars
            or Arrow becomes Parquet, or CSV where Parquet cannot hold it; dicts and lists become JSON.

        Notes
        -----
        What cannot be kept is named in a warning and counted in `failures`, and the rest is kept: of a folder all but
        links that lead out, pipes and names that no other system can have. NaN and infinities, which JSON has not, are
        ``{"$float": "NaN"}``; text that is no Unicode is kept with backslash escapes.
        """
        got = f"{name!r:.80}" if isinstance(name, str) else type(name).__name__
        shown = f"artifact {got}"
        if self._finished:
            self._failed(shown, InvalidInput(_OVER))
            return
        if not isinstance(name, str) or not name.strip() or len(name) > 256 or "\0" in name:
            self._failed(shown, InvalidInput(f"an artifact is named by 1 to 256 characters, got {got}"))
            return
        self._attempt(shown, lambda: self._store_artifact(shown, json_text(name), thing))

    def _store_artifact(self, shown: str, name: str, thing: Any) -> None:
        with tempfile.TemporaryDirectory(prefix="mlcycle-") as folder:
            path = Path(folder, "artifact")
            packed = pack_artifact(thing, path)
            if packed.lost:
                self._lost(shown, packed.lost)
            file = NewFile(self._session.blobs.checked_files, f"{self._folder}/files", "artifact", packed.suffix)
            try:
                path.replace(file.path)
                description = file.done()
            finally:
                file.discard()
        self._artifacts[name] = description
        self._points.event({"e": "artifact", "name": name, "file": description})
        if packed.remark:
            warn(f"run {self.id}: the {shown}: {packed.remark}")

    def save_model(self, model: Any, *, example: Any = None, format: str | None = None) -> None:
        """Keep a fitted estimator with the run, by the safest format that reproduces it.

        Parameters
        ----------
        model : estimator
            A fitted estimator.
        example : DataFrame, array, sparse matrix, Arrow or polars table, list of rows, dicts or texts, optional
            A few rows of its input: gives the model its signature, and the stored model must predict the same.
        format : {"skops", "joblib"}, optional
            Force a format; by default skops where this library vouches for every type inside, else joblib with a
            warning, because loading it will need ``trust=``.

        Notes
        -----
        If the model cannot be stored, a file of it is kept on this machine and the warning says where; if only its
        example cannot, the model is stored without. Training goes on in any case.
        """
        if self._finished:
            self._failed("model", InvalidInput(_OVER), keep_model(model))
            return
        try:
            made = self._packed(model, example, format)
        except Exception as error:  # noqa: BLE001 - a full disk, or a model that no format can hold
            self._failed("model", error, keep_model(model))
            return
        with made as packed:
            try:
                _document(packed.card)  # what the end of the run could not hold must not take the end with it
                files = store_model(self._session.blobs.checked_files, f"{self._folder}/files", packed)
            except Exception as error:  # noqa: BLE001 - whatever it is, training goes on
                self._failed("model", error, keep_model(packed.path, packed.card["format"]))
                return
            if packed.lost:
                self._lost("model", [packed.lost])
        self._model = {"files": files, "card": packed.card}
        self._points.event({"e": "model", **self._model})

    def _note_read(self, session: Session, ref: str) -> None:
        """Keep that a version of data was loaded, a full ref; of another project's this run says nothing."""
        if self._finished or ref in self._reads:
            return

        def note() -> None:
            of_this, of_that = (one.log.snapshot(refresh=False).state.id for one in (self._session, session))
            if of_this == of_that:
                self._reads[ref] = None
                self._points.event({"e": "read", "ref": ref})

        self._attempt("note of what was read", note)

    def _packed(self, model: Any, example: Any, format: str | None) -> StagedModel:
        """Pack a model: in the next format if not in the one that was asked for, without an example that fits not."""
        try:
            return StagedModel(model, example, format)
        except Exception as error:
            if self._strict:
                raise
            if example is not None and not suits(model, example):
                packed, instead = self._packed(model, None, format), "without its example"
            elif format is not None:
                packed = self._packed(model, example, None)
                instead = f"as {packed.card['format']}"
            else:
                raise
            self._lost("model", [f"it is kept {instead}: {error_text(error)}"])
            return packed

    def register(
        self,
        name: str,
        *,
        uses: Sequence[str | records.DatasetVersion | records.ModelVersion] = (),
        override_until: Moment | None = None,
        message: str = "",
        op: str | None = None,
    ) -> records.ModelVersion:
        """Register the model that was saved with this run as the next version of a name, as `Run.register` does."""
        assert self._home is not None  # a project started this run
        if not self._finished:  # the stream says what was saved and read, and waits here where the storage is remote
            self._attempt("points", self._points.flush)
        made: records.ModelVersion = self._home.do(
            "register", self, name=name, uses=uses, override_until=override_until, message=message, op=op
        )
        return made

    # ending --------------------------------------------------------------------------------------------------------

    def finish(self, status: str = "finished", error: str | BaseException | None = None) -> None:
        """End the run; called once, by the process that started it, and harmless when called again.

        Parameters
        ----------
        status : {"finished", "failed", "cancelled"}
            How it ended.
        error : str or exception, optional
            The failure, or its traceback.
        """
        if status not in ("finished", "failed", "cancelled"):
            raise InvalidInput(f"status={status!r} is unknown; a run is finished, failed or cancelled")
        if self._finished or os.getpid() != self._owner:
            return
        self._finished = True
        if isinstance(error, BaseException):
            error = traceback_text(type(error), error, error.__traceback__)
        elif error is not None:
            error = str(error)
        with contextlib.ExitStack() as steps:  # the end is written even if the points raise, being strict
            steps.callback(self._end, status, error)
            self._points.close()
        self._attempt("hook", lambda: self._tell(status))

    def _tell(self, status: str) -> None:
        def facts() -> Doc:
            logged = {"metrics": dict(self._points.summary.last), "failures": self.failures}
            return {"status": status, "experiment": self._head["experiment_name"], "params": self.params, **logged}

        self._session.tell(GateRequest(verb="run.finish", action="finish", subject=f"run:{self.id}", proposal=facts))

    def _store_head(self) -> None:
        key, data = f"{self._folder}/head.json", _document(self._head)
        self._session.log.files.put(key, data, durable=False)
        self._head_file = described_file(key, len(data), sha256_bytes(data), "head")

    def _end(self, status: str, error: str | None) -> None:
        if self._head_file is None:
            with contextlib.suppress(Exception):  # that it failed at the start is told and counted already
                self._store_head()
        end = {
            "status": status,
            "ended_at": now(),
            "entry": self._entry(),
            "failures": self.failures,
            "error": provenance.redact(error)[0] if error else error,
            **self._logged(),
        }
        key, data = f"{self._folder}/end.json", _document(end)
        self._attempt("end", lambda: storage.create_once(self._session.log.files, key, data))

    def __enter__(self) -> ActiveRun:
        enter(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        leave(self)
        if kind is None:
            self.finish()
            return
        with contextlib.suppress(Exception):  # the exception of the training is the one that comes out
            if issubclass(kind, (KeyboardInterrupt, GeneratorExit, SystemExit)):
                self.finish("cancelled", error=kind.__name__)
            else:
                self.finish("failed", error=traceback_text(kind, error, trace))

    # trouble -------------------------------------------------------------------------------------------------------

    def _logged(self) -> Doc:
        """Return what was logged, also by forked children, and the files that hold it."""
        files, folder, summary = self._session.log.files, f"{self._folder}/", self._points.summary
        held: list[Doc] = []
        kept: Doc = {"reads": [*self._reads], "artifacts": self._artifacts, "model": self._model}
        try:
            listed = list(files.list(folder))
            if len(storage.segments(files, folder, POINTS, listed=listed)) > 1:
                summary = read_summary(files, folder, POINTS, listed=listed)
                found = summary.kept()
                reads = [*dict.fromkeys([*self._reads, *found["reads"]])]
                kept = {"reads": reads, "artifacts": found["artifacts"], "model": found["model"] or self._model}
            held = self._segments(listed)
        except Exception:  # noqa: BLE001 - what this process knows is then all there is
            held = [described_file(**one, kind="points") for one in self._lines.stored.values()]
        head = [self._head_file] if self._head_file else []
        model = kept["model"]["files"] if kept["model"] else ()
        return {
            "metrics": encode_values(summary.last),
            "points": summary.count,
            **kept,
            "files": [*head, *held, *kept["artifacts"].values(), *model],
        }

    def _segments(self, listed: Sequence[storage.Listed]) -> list[Doc]:
        """Describe every segment: what was uploaded from here is known, the rest is read back."""
        files, uploaded = self._session.log.files, self._lines.stored
        found = storage.segments(files, f"{self._folder}/", POINTS, listed=listed)
        made = []
        for one in (one for pieces in found.values() for one in pieces):
            known = uploaded.get(one.key)
            digest = known["sha256"] if known else hash_stored(files, one.key, one.size)
            made.append(described_file(one.key, one.size, digest, "points"))
        return made

    def _entry(self) -> int:
        with contextlib.suppress(Exception):
            found = self._session.view().n
            self._keep()  # its head was put before this look: a sweeper who did not see it has asked by now
            return found
        return int(self._head["entry"])

    def _attempt(self, what: str, action: Callable[[], Any]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - of the storage, of pandas, of a disk: training goes on
            self._failed(what, error)

    def _failed(self, what: str, error: Exception, remedy: str = "") -> None:
        if isinstance(error, MlcycleWarning):
            raise error  # somebody has made warnings errors
        message = f"the {what} could not be stored ({error_text(error)}){remedy}"
        if what == "model":
            self._unsaved = error_text(error)
        if self._strict:
            if isinstance(error, MlcycleError):
                raise error
            raise (StorageUnavailable if isinstance(error, OSError) else InvalidInput)(message) from error
        self._failures += 1
        warn(f"run {self.id}: {message}; training goes on")

    def _lost(self, what: str, parts: Sequence[str], remedy: str = "") -> None:
        """Tell and count what was kept only in part."""
        more = f" and {len(parts) - _NAMED} more" if len(parts) > _NAMED else ""
        message = f"the {what} is not whole: {'; '.join(parts[:_NAMED])}{more}{remedy}"
        if self._strict:
            raise InvalidInput(message)
        self._failures += len(parts)
        warn(f"run {self.id}: {message}")


def missing_model(run: ActiveRun | records.Run, end: Doc) -> str:
    """Say that a run has no model, and what is known of why; only the program that runs it heard the reason."""
    why = run._unsaved if isinstance(run, ActiveRun) else ""
    if why:
        return f"run {run.id} has no model: it could not be stored ({why}); save one that can be before registering"
    lost = ". Or it could not be stored: see the warnings the run gave" if end["failures"] else ""
    return f"run {run.id} has no model; call run.save_model(model, example=X[:5]) before registering{lost}"


def _document(document: Doc) -> bytes:
    # keys in the order in which they came: params and metrics are shown as they were given
    made = {"v": 1, "needs_read": [], **document}
    text = json.dumps(made, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _LONE_SURROGATE.sub(lambda found: f"\\\\u{ord(found[0]):04x}", text).encode()
