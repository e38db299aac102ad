"""Code and environment: blobs that many runs share, and that live as long as a run that stands names them.

The log cannot tell which runs name a blob, because heads of runs are not in it. So who starts a run and who sweeps
agree by the order of their steps, without a clock (``tests/storage/protocol/heads.py`` checks every interleaving):

- a starter pins a blob (a fact of the log), puts its head, and *then looks again*: where no pin stands unasked, it pins
  anew;
- a sweeper asks for the pins of a blob that no run seems to name (marks them ``retracted``, which still keeps the
  blob), *then* lists heads, and takes the blob only if every run that names it is dropped, and no pin came meanwhile.

A mark on a pin is never lifted: a pin anew is another pin. A run killed between its two looks may lose its blob.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from mlcycle._error_text import error_text
from mlcycle._ids import new_id
from mlcycle._warn import warn
from mlcycle.errors import Corrupt, SchemaError
from mlcycle.lifecycle._operation import retry_after_sweep
from mlcycle.lifecycle.runs._files import RunFiles
from mlcycle.lifecycle.runs._head_and_end import known_head
from mlcycle.lifecycle.runs._listing import packs_in_force
from mlcycle.state import MARKS, Change, FactAdd, Place, VersionMark
from mlcycle.storage import KeyNotFound, UpToDate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlcycle.lifecycle._operation import Operation
    from mlcycle.lifecycle._session import Session
    from mlcycle.lifecycle.blobs import CheckedFiles
    from mlcycle.state import Fact, LiveFiles, View

__all__ = ["PinRequests", "all_pinned", "ask_for_pins", "blobs_of", "pin"]

Doc = dict[str, Any]
_KINDS = {"environment": ".json", "code": ".diff"}


def all_pinned(view: View, blobs: Iterable[str]) -> bool:
    """Return whether each blob is placed and pinned, and no sweeper has asked for its pins."""
    return all(_is_pinned(view, blob) for blob in blobs)


def pin(do: Operation, checked_files: CheckedFiles, blobs: dict[str, bytes]) -> None:
    """Pin each blob that is not pinned, or whose pins a sweeper has asked for; what cannot be stored is warned of.

    Parameters
    ----------
    do : Operation
        Which has looked: at the start of a run, or again after its head was put.
    checked_files : CheckedFiles
        Where the blobs go.
    blobs : dict of str to bytes
        Stored object to its bytes.
    """
    missing = [blob for blob in blobs if not _is_pinned(do.view, blob)]
    files: dict[str, Doc] = {}
    for blob in list(missing):
        if do.view.placed.has(blob):
            continue
        kind = blob.partition(":")[0]
        try:
            files[blob] = checked_files.store_bytes(f"files/{kind}", kind, _KINDS[kind], blobs[blob])
        except Exception as error:  # noqa: BLE001 - whatever the storage throws must not stop a training
            warn(f"the {kind} of this run could not be stored: {error_text(error)}")
            missing.remove(blob)

    def plan(view: View) -> list[Change] | UpToDate:
        return [change for blob in missing for change in _pinning(view, blob, files.get(blob))] or UpToDate()

    if missing:
        kinds = " and ".join(blob.partition(":")[0] for blob in missing)
        do.commit(plan, message=f"{kinds} of a run")


def _pinning(view: View, blob: str, file: Doc | None) -> list[Change]:
    if _is_pinned(view, blob):
        return []
    pinned = FactAdd(of="pin", id=new_id(), subject=blob, needs=[blob])
    if view.placed.has(blob):
        return [pinned]
    if file is None:
        raise retry_after_sweep()
    return [Place(object=blob, files=[file]), pinned]


def _pins(view: View, blob: str, *without: str) -> list[Fact]:
    """Return the pins of a blob that stand and bear none of some marks."""
    pins = view.facts.of("pin", blob)
    return [pin for pin in pins if not any(view.marks.has("pin", pin.id, mark) for mark in without)]


def _is_pinned(view: View, blob: str) -> bool:
    return view.placed.has(blob) and bool(_pins(view, blob, *MARKS))


def blobs_of(head: Doc) -> list[str]:
    """Return the stored objects that the head of a run names."""
    return [blob for blob in (head["environment"], head["code"].get("diff")) if blob]


@frozen
class PinRequests:
    """What a sweeper has asked for, and what heads said after that.

    Attributes
    ----------
    pins : dict
        Blob to the ids of its pins, all of which were asked for.
    runs : dict
        Blob to the runs whose heads name it.
    """

    pins: dict[str, frozenset[str]]
    runs: dict[str, frozenset[str]]

    def free(self, view: View, live_files: LiveFiles) -> list[str]:
        """Return the blobs that may go by this view: nothing else needs them, and no pin or run came back."""
        return [
            blob
            for blob, asked in self.pins.items()
            if view.placed.has(blob)
            and _only_pinned(live_files, blob)
            and {pin.id for pin in _pins(view, blob)} <= asked
            and not any(view.marks.stands("run", run) for run in self.runs[blob])
        ]

    def marks(self, view: View, retry_after_sweep: list[str]) -> list[Change]:
        """Return the marks on the pins of blobs that go."""
        gone = [pin.id for blob in retry_after_sweep if blob in self.pins for pin in _pins(view, blob)]
        return [VersionMark(of="pin", name=pin, mark="swept") for pin in gone]


def ask_for_pins(session: Session, live_files: LiveFiles, before: str, *, dry_run: bool) -> PinRequests:
    """Ask for the pins of what no run that stands names, then list heads.

    Parameters
    ----------
    session : Session
        The project.
    live_files : LiveFiles
        What stands.
    before : str
        For thrift: what was pinned after this moment (UTC text) is left alone.
    dry_run : bool
        Ask nothing, only see what could go.
    """
    view = session.view()
    if not view.names.every("run"):  # none was ever dropped, so every blob is somebody's
        return PinRequests({}, {})
    named = _named(session)
    kept = [blob for blob in live_files.owners if blob.partition(":")[0] in _KINDS and _only_pinned(live_files, blob)]
    wanted = [
        blob
        for blob in kept
        if not any(view.marks.stands("run", run) for run in named.get(blob, ()))
        and all(pin.stamp.at <= before for pin in _pins(view, blob))
    ]
    if named.get("") or not wanted:  # a head that cannot be read may name anything
        return PinRequests({}, {})

    def plan(view: View) -> list[Change] | UpToDate:
        pins = [pin.id for blob in wanted for pin in _pins(view, blob, *MARKS)]
        return [VersionMark(of="pin", name=pin, mark="retracted") for pin in pins] or UpToDate(None)

    if not dry_run:
        done = session.operate("store.ask", lambda do: do.commit(plan, message="are these still needed?"))
        view, named = done.view, _named(session)  # listed after the question: who starts now sees it
        if named.get(""):
            return PinRequests({}, {})
    pins = {
        blob: frozenset(pin.id for pin in _pins(view, blob))
        for blob in wanted
        if dry_run or not _pins(view, blob, *MARKS)
    }
    return PinRequests(pins, {blob: named.get(blob, frozenset()) for blob in pins})


def _only_pinned(live_files: LiveFiles, blob: str) -> bool:
    return all(owner.startswith("pin:") for owner in live_files.owners.get(blob, ()))


def _named(session: Session) -> dict[str, frozenset[str]]:
    """Return the runs that name each blob; under no name those whose head cannot be read."""
    listed = list(session.log.files.list("runs/"))  # before the log: what leaves its folder meanwhile is in a pack
    files = RunFiles(session.blobs.checked_files, listed, packs_in_force(session.blobs, session.view()))
    found: dict[str, set[str]] = {}
    for run in files.ids():
        try:
            blobs = blobs_of(known_head(session.blobs.checked_files, files, run))
        except KeyNotFound:
            continue  # its folder is going
        except (Corrupt, SchemaError):
            blobs = [""]
        for blob in blobs:
            found.setdefault(blob, set()).add(run)
    if files.trouble:
        found.setdefault("", set()).update(files.trouble)
    return {blob: frozenset(runs) for blob, runs in found.items()}
