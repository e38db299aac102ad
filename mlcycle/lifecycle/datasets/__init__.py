"""Datasets: versions of tables, and parts of them selected without copying a row."""

from __future__ import annotations

from mlcycle.lifecycle.datasets._collection import Datasets

__all__ = ["Datasets"]
