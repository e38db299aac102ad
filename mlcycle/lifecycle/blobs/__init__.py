"""The files beside the log: made under names nobody has used, found by what the log says, read back checked."""

from __future__ import annotations

from mlcycle.lifecycle.blobs._depot import Depot, NewFile, file_record
from mlcycle.lifecycle.blobs._placement import file_of, files_of, place, readable

__all__ = ["Depot", "NewFile", "file_of", "file_record", "files_of", "place", "readable"]
