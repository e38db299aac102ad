"""Where the rooms below meet: one file per collection of a project, over one session."""

from __future__ import annotations

from mlcycle.lifecycle.deployments import Deployment
from mlcycle.lifecycle.experiments import Experiment
from mlcycle.lifecycle.project import Project, open
from mlcycle.lifecycle.runs import ActiveRun

__all__ = ["ActiveRun", "Deployment", "Experiment", "Project", "open"]
