"""Links below the root of a store: seen and named, never followed.

A link in a store leads somewhere else: to photos a sweep would take for garbage, or back into the log. The root itself,
and what lies above it, may be links.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

from mlcycle.errors import Corrupt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.storage._files import Files

__all__ = ["is_link", "link_on_the_way", "links_below", "links_in", "refuse_links"]

# What Windows calls a junction is no symbolic link to Python, and leads away all the same.
_JUNCTION = getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", -1)


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
