"""Deployments: named places, which versions answer there, and what their traffic says."""

from __future__ import annotations

from mlcycle.lifecycle.deployments._collection import Deployments
from mlcycle.lifecycle.deployments._deployment import Deployment
from mlcycle.lifecycle.deployments._traffic_check import window_of

__all__ = ["Deployment", "Deployments", "window_of"]
