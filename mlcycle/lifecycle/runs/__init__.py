"""Runs: one while it happens, all of them as they are stored, and what they share."""

from __future__ import annotations

from mlcycle.lifecycle.runs._active_run import ActiveRun, missing_model
from mlcycle.lifecycle.runs._collection import Runs
from mlcycle.lifecycle.runs._current_run import current_run, note_read
from mlcycle.lifecycle.runs._files import run_folder
from mlcycle.lifecycle.runs._listing import packs_in_force
from mlcycle.lifecycle.runs._pins import ask_for_pins, blobs_of
from mlcycle.lifecycle.runs._points_and_artifacts import artifact, points
from mlcycle.lifecycle.runs._provenance import Provenance
from mlcycle.lifecycle.runs._reading import all_runs, documents_of, head_of, run_of, run_ref
from mlcycle.lifecycle.runs._table import Table, table
from mlcycle.lifecycle.runs._uses import used_ref
from mlcycle.lifecycle.runs._verify import verify_runs

__all__ = [
    "ActiveRun",
    "Provenance",
    "Runs",
    "Table",
    "all_runs",
    "artifact",
    "ask_for_pins",
    "blobs_of",
    "current_run",
    "documents_of",
    "head_of",
    "missing_model",
    "note_read",
    "packs_in_force",
    "points",
    "run_folder",
    "run_of",
    "run_ref",
    "table",
    "used_ref",
    "verify_runs",
]
