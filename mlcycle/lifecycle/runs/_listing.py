"""Looks at what there is of runs: folders are listed first, then the log says what lies in packs, and what counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mlcycle._warn import warn
from mlcycle.lifecycle.runs._files import RunFiles
from mlcycle.storage import KeyNotFound

if TYPE_CHECKING:
    from mlcycle.lifecycle._session import Session
    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.state import View

__all__ = ["TRIES", "RunListing", "list_runs", "packs_in_force"]

Doc = dict[str, Any]
TRIES = 4  # twice would do, but for packers and sweeps overtaking one reader


class RunListing(NamedTuple):
    """What there is of runs: their files, and what the log says of them."""

    files: RunFiles
    view: View

    def standing(self) -> list[str]:
        """Return the runs that were not dropped, oldest first."""
        marks, ever = self.view.marks, self.view.names.every("run")
        dropped = {one.name for one in ever if marks.has("run", one.name, "dropped")}
        return [run for run in self.files.ids() if run not in dropped]

    def noted(self, run: str) -> Doc:
        """Return what was said of a run after its start, ``name`` and ``tags``; what was said last counts."""
        said: Doc = {}
        for fact in self.view.facts.of("annotation", f"run:{run}"):
            said |= fact.says
        return said

    def renamed(self) -> dict[str, Any]:
        """Return the names that were given after the start, by run."""
        found: dict[str, Any] = {}
        for fact in self.view.facts.of("annotation"):
            if "name" in fact.says:
                found |= dict.fromkeys((fact.subject, *fact.about), fact.says["name"])
        return {one.removeprefix("run:"): name for one, name in found.items()}


def list_runs(session: Session, prefix: str) -> RunListing:
    """Look at what there is of runs below a folder; what cannot be read of it is told."""
    for _ in range(TRIES):
        look = _list_once(session, prefix)
        if not any(isinstance(error, KeyNotFound) for error in look.files.trouble.values()):
            break  # else a pack has become part of another since the log was read
    for key, error in look.files.trouble.items():
        warn(f"{session.url}: the runs in {key} cannot be read and are left out: {error}")
    return look


def packs_in_force(blobs: Blobs, view: View) -> list[Doc]:
    """Return the packs of finished runs that the log names."""
    return [file for fact in view.facts.of("pack") for file in blobs.files_of(fact.needs[0], f"pack {fact.id}")]


def _list_once(session: Session, prefix: str) -> RunListing:
    """List first, then fold: what left its folder meanwhile is in a pack that the log names by now."""
    blobs, month = session.blobs, prefix[: len("runs/2026-11/")]
    files = RunFiles(blobs.checked_files, session.log.files.list(prefix))
    view = session.view()
    packs = packs_in_force(blobs, view.then(view.state.n))  # where files lie is always told as of now
    files.add_packs(pack for pack in packs if pack["key"].startswith((month, "@")))
    return RunListing(files, view)
