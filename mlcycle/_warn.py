"""Warnings that point at the line of whoever called the library, however deep inside they are given."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings

from mlcycle.errors import MlcycleWarning

__all__ = ["warn"]

_INSIDE = (os.path.dirname(__file__) + os.sep, contextlib.__file__)  # noqa: PTH120 - pathlib would cost an import


def warn(message: str) -> None:
    """Give an `MlcycleWarning` at the first line above that is not of this library."""
    # `skip_file_prefixes` would do, from Python 3.12 on
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INSIDE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, MlcycleWarning, stacklevel=level)
