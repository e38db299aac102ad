"""Who is still alive on this machine: advisory locks that the kernel drops when a process dies."""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import time
from pathlib import Path

__all__ = ["Flock", "held", "host_tag", "supported"]

if sys.platform == "win32":  # pragma: no cover - no flock there: owners are never known to be alive or dead
    supported = False

    def _lock(descriptor: int, shared: bool) -> bool | None:
        return None

    def _unlock(descriptor: int) -> None:
        return None
else:
    import fcntl

    supported = True

    def _lock(descriptor: int, shared: bool) -> bool | None:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # some network folders have no locks at all
            return None
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


class Flock:
    """A lock on one file, held until `release` or the death of the process; make one with `hold`.

    A child made by ``fork`` shares the lock of its parent, and would keep it alive after the parent's death; `release`
    in the child gives up the child's share only.
    """

    __slots__ = ("_descriptor", "_owner")

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor
        self._owner = os.getpid()

    @classmethod
    def hold(cls, path: Path, *, patience: float = 1.0) -> Flock | None:
        """Lock the file, waiting up to `patience` seconds for those who only look.

        Returns
        -------
        Flock or None
            None if another process keeps holding it, the file is gone, or the platform has no such locks.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
        except OSError:
            return None
        deadline = time.monotonic() + patience
        while (locked := _lock(descriptor, shared=False)) is False and time.monotonic() < deadline:
            time.sleep(0.002)
        if locked:
            return cls(descriptor)
        os.close(descriptor)
        return None

    def release(self) -> None:
        """Let go; safe to call twice."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            if os.getpid() == self._owner:
                _unlock(descriptor)  # for children too that were forked and have not yet given up their share
            os.close(descriptor)

    def __del__(self) -> None:
        self.release()


def held(path: Path) -> bool | None:
    """Say whether a living process holds the lock of the file; None if that cannot be known."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None
    try:
        # shared, so that two processes that only look never take each other for the owner
        locked = _lock(descriptor, shared=True)
    finally:
        os.close(descriptor)
    return None if locked is None else not locked


@functools.cache
def host_tag() -> str:
    """Return 8 hex digits that tell this machine's writers from others'; they reveal nothing about it.

    Examples
    --------
    >>> len(host_tag()), host_tag() == host_tag()
    (8, True)
    """
    if sys.platform == "win32":
        name = os.environ.get("COMPUTERNAME", "")
    else:
        name = os.uname().nodename
    try:
        machine = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        machine = ""
    return hashlib.sha256(f"mlcycle host\0{name}\0{machine}".encode()).hexdigest()[:8]
