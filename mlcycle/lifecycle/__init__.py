"""Where the rooms below meet: a folder for each noun of a project, over one session."""

from __future__ import annotations

from mlcycle.lifecycle._opening import open
from mlcycle.lifecycle._trust_file import Grant
from mlcycle.lifecycle._trusting import trust
from mlcycle.lifecycle.deployments import Deployment
from mlcycle.lifecycle.experiments import Experiment
from mlcycle.lifecycle.project import Project
from mlcycle.lifecycle.runs import ActiveRun, current_run

__all__ = ["ActiveRun", "Deployment", "Experiment", "Grant", "Project", "current_run", "open", "trust"]
