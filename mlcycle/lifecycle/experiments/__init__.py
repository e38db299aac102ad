"""Experiments: named questions, and the runs made to answer them."""

from __future__ import annotations

from mlcycle.lifecycle.experiments._collection import Experiment, Experiments

__all__ = ["Experiment", "Experiments"]
