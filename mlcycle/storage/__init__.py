"""Bytes under keys, the log that orders them, and the streams beside it; has never heard of machine learning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._lazy import lazy_names

if TYPE_CHECKING:
    from mlcycle.storage._compaction import Compaction
    from mlcycle.storage._entries import Entry
    from mlcycle.storage._files import (
        Appender,
        Files,
        KeyNotFound,
        Listed,
        Outcome,
        check_key,
        open_files,
    )
    from mlcycle.storage._held import fetch
    from mlcycle.storage._links import links_in
    from mlcycle.storage._log import Commit, Draft, Log, Settled
    from mlcycle.storage._once import create_once
    from mlcycle.storage._places import address_of, is_litter, parents_of
    from mlcycle.storage._probe import probe
    from mlcycle.storage._promise import prove_new
    from mlcycle.storage._ranges import open_range
    from mlcycle.storage._replay import Fold, Snapshot, State
    from mlcycle.storage._segments import Readable, lines_of, read_tail, segments
    from mlcycle.storage._streams import SegmentWriter, owner_alive, read_lines, recover_spools, spooled_owners
    from mlcycle.storage._sweep import SweepResult, sweep
    from mlcycle.storage._verify import Problem, Verification, verify

__all__ = [
    "Appender",
    "Commit",
    "Compaction",
    "Draft",
    "Entry",
    "Files",
    "Fold",
    "KeyNotFound",
    "Listed",
    "Log",
    "Outcome",
    "Problem",
    "Readable",
    "SegmentWriter",
    "Settled",
    "Snapshot",
    "State",
    "SweepResult",
    "Verification",
    "address_of",
    "check_key",
    "create_once",
    "fetch",
    "is_litter",
    "lines_of",
    "links_in",
    "open_files",
    "open_range",
    "owner_alive",
    "parents_of",
    "probe",
    "prove_new",
    "read_lines",
    "read_tail",
    "recover_spools",
    "segments",
    "spooled_owners",
    "sweep",
    "verify",
]

# Loaded on first use: who only opens a file should not pay for the log, and nobody at import pays for fsspec.
_HOMES = {
    "_compaction": ("Compaction",),
    "_entries": ("Entry",),
    "_files": ("Appender", "Files", "KeyNotFound", "Listed", "Outcome", "check_key", "open_files"),
    "_held": ("fetch",),
    "_links": ("links_in",),
    "_log": ("Commit", "Draft", "Log", "Settled"),
    "_once": ("create_once",),
    "_places": ("address_of", "is_litter", "parents_of"),
    "_probe": ("probe",),
    "_promise": ("prove_new",),
    "_ranges": ("open_range",),
    "_replay": ("Fold", "Snapshot", "State"),
    "_segments": ("Readable", "lines_of", "read_tail", "segments"),
    "_streams": ("SegmentWriter", "owner_alive", "read_lines", "recover_spools", "spooled_owners"),
    "_sweep": ("SweepResult", "sweep"),
    "_verify": ("Problem", "Verification", "verify"),
}

if not TYPE_CHECKING:  # a type checker takes a name that is not listed above for a mistake
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
