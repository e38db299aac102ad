"""How a finished file gets its name on a disk: only if the name is free, decided by the system in one call."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
import threading

from mlcycle._locks import renew_in_child
from mlcycle.errors import UnsupportedStorage

__all__ = ["publish"]

_WINDOWS = os.name == "nt"
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_check_then_write = threading.Lock()
renew_in_child(globals(), "_check_then_write", threading.Lock)


def publish(scratch: str, target: str, shared: bool) -> bool:
    """Give a finished file its name unless the name is taken; True if it was free."""
    try:
        if _WINDOWS:
            os.rename(scratch, target)  # noqa: PTH104 - refuses an existing target there
        else:
            os.link(scratch, target)
    except FileExistsError:
        # Over NFS a repeated request finds the link its lost answer had made: then the file has two names.
        return not _WINDOWS and os.stat(scratch).st_nlink == 2  # noqa: PTH116
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return _without_links(scratch, target, shared)
    return True


def _without_links(scratch: str, target: str, shared: bool) -> bool:
    answer = _rename_exclusively(scratch, target)
    if answer is not None:
        return answer
    if shared:
        raise UnsupportedStorage(
            f"the disk under {os.path.dirname(target)} has neither hard links nor an exclusive rename, so two writers "  # noqa: PTH120
            "could overwrite each other; use another disk, or open it with single_writer=True"
        )
    with _check_then_write:
        if os.path.lexists(target):
            return False
        os.rename(scratch, target)  # noqa: PTH104
        return True


def _rename_exclusively(scratch: str, target: str) -> bool | None:
    """Rename unless the target exists: True done, False it exists, None this system or disk cannot."""
    library = ctypes.CDLL(None, use_errno=True)
    source, destination = os.fsencode(scratch), os.fsencode(target)
    try:
        if sys.platform == "darwin":
            failed = library.renamex_np(source, destination, 0x4)  # RENAME_EXCL
        else:
            failed = library.renameat2(-100, source, -100, destination, 1)  # AT_FDCWD, RENAME_NOREPLACE
    except AttributeError:
        return None
    if not failed:
        return True
    code = ctypes.get_errno()
    if code == errno.EEXIST:
        return False
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP):
        return None
    raise OSError(code, os.strerror(code), target)
