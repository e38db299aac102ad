"""Traffic of deployments in the store: lines appended by services, and read as one table."""

from __future__ import annotations

from mlcycle.lifecycle.traffic._lines import Sink, read

__all__ = ["Sink", "read"]
