"""Datasets: versions of tables, and parts of them selected without copying a row."""

from __future__ import annotations

from mlcycle.lifecycle.datasets._collection import Datasets
from mlcycle.lifecycle.datasets._features import xy
from mlcycle.lifecycle.datasets._splitting import folds, split

__all__ = ["Datasets", "folds", "split", "xy"]
