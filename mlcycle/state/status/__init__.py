"""Where the project stands: each phase looks at the log and says what is missing, stale, blocked, failing or due.

A finding says one thing with one cause, and the line that mends it: ✗ (fail) where somebody must act, ! (warn) where
somebody should, · (not_applicable) where it is only good to know. No data and no document is read: what is told stands
in the entries of the log.
"""

from __future__ import annotations

from mlcycle.state.status._status import status_of

__all__ = ["status_of"]
