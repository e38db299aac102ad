"""Links below the root of a store: seen and named, never followed.

A link in a store leads somewhere else: to photos a sweep would take for garbage, or back into the log. The root itself,
and what lies above it, may be links.
"""

from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING, Any

from mlcycle.errors import Corrupt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.storage._files import Files

__all__ = ["SymlinkGuard", "is_link", "link_on_the_way", "links_below", "links_in", "refuse_links"]

# What Windows calls a junction is no symbolic link to Python, and leads away all the same.
_JUNCTION = getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", -1)


# Where a system lets a file be opened without following a link at its end, only the folders need a look.
_OPENS_NO_LINK = hasattr(os, "O_NOFOLLOW")
_MOMENT = 0.02  # seconds; a folder made a link within them could as well have been made one just after a look


def is_link(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry of a folder is a link or a junction, wherever it leads."""
    return entry.is_symlink() or (os.name == "nt" and _leads_away(entry.stat(follow_symlinks=False)))


def _leads_away(seen: Any) -> bool:
    return stat.S_ISLNK(seen.st_mode) or getattr(seen, "st_reparse_tag", 0) == _JUNCTION


def link_on_the_way(root: str, key: str) -> str | None:
    """Return the first link a key passes through or is, as a key; None where there is none.

    Parameters
    ----------
    root : str
        The folder of this machine the store is in.
    key : str
        A key, or a folder of keys; the empty one is the root.
    """
    path = root
    for name in key.split("/") if key else ():
        path = f"{path}{os.sep}{name}"
        try:
            seen = os.lstat(path)
        except OSError:  # absent, so that nothing lies behind it
            return None
        if _leads_away(seen):
            return path[len(root) + 1 :].replace(os.sep, "/")
    return None


def refuse_links(root: str, key: str) -> None:
    """Raise `Corrupt`, naming the link, if a key passes through one or is one."""
    found = link_on_the_way(root, key)
    if found is not None:
        raise Corrupt(
            f"{found!r} in {root} is a link ({_target(root, found)}), and links in a store are never followed: "
            "put what it leads to in its place, or remove it; project.store.verify() names every link"
        )


class SymlinkGuard:
    """Looks for links before a file is read, and believes of the folder it saw last what it saw for a moment.

    A look takes longer than reading a small file, and entries are read by the hundred. Lives as long as the files.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._seen = ("", 0.0)

    def __call__(self, folder: str, key: str) -> None:
        """Raise `Corrupt` if a key in a folder lies behind a link."""
        now = time.monotonic()
        if not _OPENS_NO_LINK or self._seen[0] != folder or now > self._seen[1]:
            refuse_links(self._root, folder if _OPENS_NO_LINK else key)
            self._seen = folder, now + _MOMENT


def _target(root: str, key: str) -> str:
    try:
        return f"to {os.readlink(f'{root}{os.sep}{key}')}"  # noqa: PTH115
    except OSError:
        return "leading elsewhere"


def links_below(root: str, prefix: str) -> Iterator[str]:
    """Yield every link whose key begins with `prefix`, or that stands in its way, in no particular order."""
    folders = [root]
    while folders:
        try:
            with os.scandir(folders.pop()) as scan:
                entries = list(scan)
        except OSError:  # gone meanwhile, or not ours to look into
            continue
        for entry in entries:
            key = entry.path[len(root) + 1 :].replace(os.sep, "/")
            if is_link(entry):
                if key.startswith(prefix) or prefix.startswith(f"{key}/"):
                    yield key
            elif entry.is_dir(follow_symlinks=False) and (key.startswith(prefix) or prefix.startswith(key)):
                folders.append(entry.path)


def links_in(files: Files, prefix: str) -> Iterator[str]:
    """As `links_below`, of whatever storage: most know no links, and those that do have a way to look for them."""
    look = getattr(files, "_links", None)
    return iter(()) if look is None else look(prefix)
