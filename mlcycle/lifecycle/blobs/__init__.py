"""The files beside the log: made under names nobody has used, found by what the log says, read back checked."""

from __future__ import annotations

from mlcycle.lifecycle.blobs._blobs import Blobs, readable
from mlcycle.lifecycle.blobs._checked_files import CheckedFiles, NewFile, file_record

__all__ = ["Blobs", "CheckedFiles", "NewFile", "file_record", "readable"]
