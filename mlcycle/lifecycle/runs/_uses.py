"""What a run or a model is made from, as its caller names it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle import records
from mlcycle.errors import InvalidInput
from mlcycle.state import read_ref, resolve

if TYPE_CHECKING:
    from mlcycle.state import View

__all__ = ["used_ref"]


def used_ref(view: View, used: Any) -> str:
    """Return the full ref of a version of data, or of a model: a text that does not say which means data.

    Raises
    ------
    InvalidInput, NotFound
        For what is neither, and for a version that is not there.
    """
    if not isinstance(used, (str, records.DatasetVersion, records.ModelVersion)):
        raise InvalidInput(f"uses= takes versions of data and models, such as 'customers@3', got {type(used).__name__}")
    return resolve(view, used, "model" if read_ref(used, view).kind == "model" else "dataset").ref
