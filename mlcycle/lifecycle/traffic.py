"""Lines of traffic, written by this process and read from all."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from mlcycle import serving, storage
from mlcycle._ids import now

if TYPE_CHECKING:
    from mlcycle.lifecycle._session import Session

__all__ = ["TrafficWriter", "read"]

_sinks: weakref.WeakSet[TrafficWriter] = weakref.WeakSet()


class TrafficWriter:
    """Lines of traffic into segments of this process, a folder a day."""

    def __init__(self, session: Session, deployment: str) -> None:
        self._session = session
        self._deployment = deployment
        self._day = ""
        self._writer: storage.SegmentWriter | None = None
        _sinks.add(self)

    def belongs_to(self, session: Session, deployment: str) -> bool:
        """Say whether this writes the traffic of a deployment."""
        return (self._session.url, self._deployment) == (session.url, deployment)

    def write(self, lines: bytes) -> None:
        """Append whole lines; never raises, as `mlcycle.storage.SegmentWriter` says."""
        day = now()[:10]
        if self._writer is None or day != self._day:
            self.close()
            self._day = day
            self._writer = storage.SegmentWriter(self._session.log.files, f"traffic/{self._deployment}/{day}/")
        self._writer.write(lines)

    def flush(self) -> None:
        """Send what a spool holds."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """End the segment of the day."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def read(session: Session, name: str, deployment: str, start: str | None, end: str | None) -> serving.CapturedTraffic:
    """Return the captured traffic of a deployment between two times, what this process still holds included.

    Parameters
    ----------
    name, deployment : str
        Its name, and its id.
    start, end : str or None
        UTC text; None for no limit.
    """
    for sink in list(_sinks):
        if sink.belongs_to(session, deployment):
            sink.flush()
    prefix = f"traffic/{deployment}/"
    days = sorted({item.key.removeprefix(prefix).split("/")[0] for item in session.log.files.list(prefix)})
    # labels may come long after, so to the last day
    asked = [day for day in days if start is None or day >= start[:10]]
    lines = (line for day in asked for _, line in storage.read_lines(session.log.files, f"{prefix}{day}/"))
    complete = len(asked) == len(days)
    return serving.decode_traffic(lines, since=start, until=end, deployment=name, complete=complete)
