"""Which row of a version goes into which part: by time, group, key, column, class, mask or splitter."""

from __future__ import annotations

from mlcycle.lifecycle.datasets.splits._methods import METHODS, draw
from mlcycle.lifecycle.datasets.splits._request import Request, folds_request, parts_request
from mlcycle.lifecycle.datasets.splits._rows import Drawn, Rows, sides_of

__all__ = ["METHODS", "Drawn", "Request", "Rows", "draw", "folds_request", "parts_request", "sides_of"]
