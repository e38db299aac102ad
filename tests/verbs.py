"""The verbs of the log, as they stand in the source."""

from __future__ import annotations

import ast
from pathlib import Path

import mlcycle

__all__ = ["verbs"]

PACKAGE = Path(mlcycle.__file__).parent


def verbs() -> set[str]:
    """Return the verbs in the source: first in ``operate``, and ``verb=`` where a commit is the log's own.

    That of a ``GateRequest`` is an event, as hooks know it.
    """
    files = [*(PACKAGE / "lifecycle").rglob("*.py"), PACKAGE / "storage" / "_sweep.py"]
    calls = [
        node
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    ]
    operated = [call.args[0] for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "operate"]
    logged = [call for call in calls if not (isinstance(call.func, ast.Name) and call.func.id == "GateRequest")]
    given = [keyword.value for call in logged for keyword in call.keywords if keyword.arg == "verb"]
    return {
        node.value for node in (*operated, *given) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
