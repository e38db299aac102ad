"""What can be asked of a run that is stored: what was logged, and what was kept with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from mlcycle._digest import json_text
from mlcycle._ids import near
from mlcycle.errors import InvalidInput, NotFound, VersionDeleted
from mlcycle.lifecycle.runs._reading import points_of, run_of

if TYPE_CHECKING:
    import pandas as pd

    from mlcycle import records
    from mlcycle.lifecycle._session import Session

__all__ = ["artifact", "points"]


def points(session: Session, run: records.Run) -> pd.DataFrame:
    """Read as `Run.points` documents."""
    import pandas as pd

    return pd.DataFrame(points_of(session, run).columns())


def artifact(session: Session, run: records.Run, *, name: str) -> bytes:
    """Read as `Run.artifact` documents."""
    found = run_of(session, run)  # as it is now: the record may be older than the artifact
    if not isinstance(name, str):
        raise InvalidInput(f"an artifact is given by its name, got {type(name).__name__}: {name!r:.80}")
    name = json_text(name)
    if name not in found.artifacts:
        raise NotFound(f"run {found.id} has no artifact {name!r}", near(name, found.artifacts))
    file = found.artifacts[name]
    what = f"artifact {name!r} of run {found.id}"
    try:
        return session.blobs.checked_files.read_file(attrs.asdict(file), what)
    except FileNotFoundError as error:
        raise VersionDeleted(f"{what} is gone; its run was dropped and swept") from error
