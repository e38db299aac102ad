"""Bytes under keys, the log that orders them, and the streams beside it; has never heard of machine learning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._lazy import lazy_names

if TYPE_CHECKING:
    from mlcycle.storage._addresses import address_of, without_credentials
    from mlcycle.storage._commit_log import Commit, Draft, Log, UpToDate
    from mlcycle.storage._compaction import Compaction
    from mlcycle.storage._create_once import create_once
    from mlcycle.storage._entries import MAX_BYTES, Entry
    from mlcycle.storage._files import (
        Appender,
        Files,
        KeyNotFound,
        Listed,
        Outcome,
        check_key,
        open_files,
    )
    from mlcycle.storage._places import is_litter, parents_of
    from mlcycle.storage._prefetch import fetch
    from mlcycle.storage._probe import probe
    from mlcycle.storage._put_if_absent import prove_new
    from mlcycle.storage._range_reads import open_range
    from mlcycle.storage._replay import Fold, Snapshot, State
    from mlcycle.storage._segments import Readable, lines_of, read_tail, segments
    from mlcycle.storage._streams import SegmentWriter, owner_alive, read_lines, recover_spools, spooled_owners
    from mlcycle.storage._sweep import SweepResult, sweep
    from mlcycle.storage._symlinks import links_in
    from mlcycle.storage._verify import Problem, Verification, verify

__all__ = [
    "MAX_BYTES",
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
    "Snapshot",
    "State",
    "SweepResult",
    "UpToDate",
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
    "without_credentials",
]

# Loaded on first use: who only opens a file should not pay for the log, and nobody at import pays for fsspec.
_HOMES = {
    "_addresses": ("address_of", "without_credentials"),
    "_compaction": ("Compaction",),
    "_entries": ("MAX_BYTES", "Entry"),
    "_files": ("Appender", "Files", "KeyNotFound", "Listed", "Outcome", "check_key", "open_files"),
    "_prefetch": ("fetch",),
    "_symlinks": ("links_in",),
    "_commit_log": ("Commit", "Draft", "Log", "UpToDate"),
    "_create_once": ("create_once",),
    "_places": ("is_litter", "parents_of"),
    "_probe": ("probe",),
    "_put_if_absent": ("prove_new",),
    "_range_reads": ("open_range",),
    "_replay": ("Fold", "Snapshot", "State"),
    "_segments": ("Readable", "lines_of", "read_tail", "segments"),
    "_streams": ("SegmentWriter", "owner_alive", "read_lines", "recover_spools", "spooled_owners"),
    "_sweep": ("SweepResult", "sweep"),
    "_verify": ("Problem", "Verification", "verify"),
}

if not TYPE_CHECKING:  # a type checker takes a name that is not listed above for a mistake
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
