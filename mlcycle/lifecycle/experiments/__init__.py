"""Experiments: named questions, and the runs made to answer them."""

from __future__ import annotations

from mlcycle.lifecycle.experiments._collection import Experiments
from mlcycle.lifecycle.experiments._experiment import Experiment

__all__ = ["Experiment", "Experiments"]
