"""Loading the estimator of a version, by the rules of trust."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle.lifecycle._model_files import load_version
from mlcycle.state import resolve

if TYPE_CHECKING:
    from mlcycle import records
    from mlcycle._typing import Trust
    from mlcycle.lifecycle._session import Session

__all__ = ["load"]


def load(session: Session, version: str | records.ModelVersion, *, trust: Trust = ()) -> Any:
    """Load as `ModelVersion.load` documents."""
    return load_version(session.blobs, resolve(session.view(), version, "model"), trust=trust)
