"""A complete lifecycle on real data, told act by act: ``python -m mlcycle demo``.

Read `_first_cycle`, `_second_cycle` and `_rollback` in that order: they are the story, and every line inside a
``with show.code():`` is printed as it runs.
"""

from __future__ import annotations

from mlcycle.demo._story import tell

__all__ = ["tell"]
