"""What a run's head says of code and environment: captured once a process, and kept for every run that names it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from mlcycle import provenance, records
from mlcycle._digest import sha256_bytes
from mlcycle._documents import written_document
from mlcycle._error_text import error_text
from mlcycle._warn import warn
from mlcycle.lifecycle._operation import Retry
from mlcycle.lifecycle.runs._pins import all_pinned, pin

if TYPE_CHECKING:
    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session

__all__ = ["Provenance"]

Doc = dict[str, Any]


class Provenance:
    """Code and environment of this process; lives as long as the handles whose runs it describes.

    Parameters
    ----------
    session : Session
        The project.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._facts: Doc | None = None
        self._blobs: dict[str, bytes] = {}
        self._pid = os.getpid()
        self._pinned_by = -1  # an entry by which all is pinned: it says the same however often it is looked at

    def facts(self) -> Doc:
        """Return ``code`` and ``environment`` of a head."""
        if self._facts is None or self._pid != os.getpid():
            self._pid, self._pinned_by = os.getpid(), -1
            try:
                self._facts, self._blobs = self._captured()
            except Exception as error:  # noqa: BLE001 - whatever a machine is like, training goes on
                warn(f"code and environment of this run could not be captured: {error_text(error)}")
                return {"code": {"diff": None}, "environment": None}  # the next run tries again
        return self._facts

    def pin(self, do: Operation) -> None:
        """Pin what heads name, where it is not pinned by the look of an operation."""
        if do.view.n == self._pinned_by:
            return
        if all_pinned(do.view, self._blobs):
            self._pinned_by = do.view.n
            return
        try:
            pin(do, self._session.blobs.checked_files, self._blobs)
        except Retry:
            raise
        except Exception as error:  # noqa: BLE001 - nothing here may stop a training
            warn(f"code and environment of this run may not be kept: {error_text(error)}")

    def keep(self) -> None:
        """Pin anew what is not pinned by the newest entry seen: to be called once a head that names it was put."""
        try:
            view = self._session.view(refresh=False)
            if view.n != self._pinned_by and not all_pinned(view, self._blobs):
                self._session.operate("run.pin", self.pin)
        except Exception as error:  # noqa: BLE001 - nothing here may stop a training
            warn(f"code and environment of this run may not be kept: {error_text(error)}")

    def _captured(self) -> tuple[Doc, dict[str, bytes]]:
        captured, environment = provenance.capture_code(), provenance.capture_environment()
        code, document = records.to_json(captured.record()), records.to_json(environment)
        del code["type"], code["diff_file"], document["type"]
        name = f"environment:{environment.digest}"
        blobs = {name: written_document(document)}
        diff = captured.diff.encode()
        code["diff"] = f"code:{sha256_bytes(diff)}" if diff else None
        if diff:
            blobs[code["diff"]] = diff
        return {"code": code, "environment": name}, blobs
