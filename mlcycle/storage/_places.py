"""What place a path or URL means, what lies around it, and what may lie in it without being anything."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from mlcycle.errors import InvalidInput, StorageUnavailable, UnsupportedStorage

__all__ = [
    "STRATEGIES",
    "StorePlace",
    "absolute",
    "is_litter",
    "parents_of",
    "place_of",
    "why_not_shared",
    "without_secrets",
]

STRATEGIES = {
    "file": "mlcycle.storage._local:open_local",
    "memory": "mlcycle.storage._memory:open_memory",
    "s3": "mlcycle.storage._s3:open_s3",
    "gs": "mlcycle.storage._object_store:open_objects",
    "az": "mlcycle.storage._object_store:open_objects",
}
_ALIASES = {"local": "file", "s3a": "s3", "gcs": "gs", "abfs": "az", "abfss": "az"}

_WINDOWS = os.name == "nt"
# An underscore is no part of a scheme in RFC 3986, but people write some, and fsspec knows some.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+._-]+)(://|::)(.*)", re.DOTALL)
_NEARLY = re.compile(rf"[A-Za-z][A-Za-z0-9+._-]+:/|(?:{'|'.join([*STRATEGIES, *_ALIASES])}):|.*://", re.I | re.DOTALL)
_FILE = re.compile(r"(?:file|local):(?!:)(.*)", re.I | re.DOTALL)
_CACHES = frozenset(["blockcache", "cached", "filecache", "simplecache"])
_AT_IN_PATH = frozenset(["github", "gitlab"])  # they write org:repo@sha, which is no password
_MOST = 64

# What file managers, disks and habits leave in a folder that its owner calls empty, in lower case.
_LITTER = frozenset(
    (
        *(".apdisk", ".directory", ".ds_store", ".gitkeep", ".keep", ".localized"),
        *("desktop.ini", "ehthumbs.db", "icon\r", "thumbs.db"),
    )
)
_LITTER_BEGINS = ("._", ".fuse_hidden", ".nfs", ".smbdelete")
_LITTER_FOLDERS = frozenset(
    (
        *("$recycle.bin", ".fseventsd", ".ipynb_checkpoints", ".spotlight-v100", ".temporaryitems", ".trashes"),
        *("@eadir", "__macosx", "lost+found", "system volume information"),
    )
)


class StorePlace(NamedTuple):
    """A place as it was written, understood.

    Attributes
    ----------
    url : str
        For a folder of this machine its path, decoded; else the URL, its scheme in lower case.
    scheme, protocol : str
        As written, and what it is an alias of.
    chained : bool
        Whether file systems are wrapped in one another (``zip::s3://…``).
    """

    url: str
    scheme: str
    protocol: str
    chained: bool = False


def place_of(url: str | os.PathLike[str]) -> StorePlace:
    """Return the place a path or URL means; refuse what could mean another one than its writer thinks.

    A ``file:`` URI is read as RFC 8089 and `pathlib.Path.as_uri` have it, so ``%20`` in it is a space (fsspec would
    leave it); in a plain path and in other URLs a percent sign is one.

    Raises
    ------
    InvalidInput
        It is neither text nor a path.
    UnsupportedStorage
        It is malformed, a path of another system, or says more than a place.

    Examples
    --------
    >>> place_of("file:///data/my%20project").url, place_of("/data/100%").url
    ('/data/my project', '/data/100%')
    >>> place_of("S3://team/churn")
    StorePlace(url='s3://team/churn', scheme='s3', protocol='s3', chained=False)
    """
    text = _text_of(url)
    if found := _FILE.fullmatch(text):
        return StorePlace(_path_of_uri(text, found[1]), "file", "file")
    if found := _SCHEME.fullmatch(text):
        return _remote(text, found[1].lower(), found[2], found[3])
    # "s3:/bucket" and "://x" would otherwise quietly become a folder of that name; so would Path("s3://bucket").
    if _NEARLY.match(text):
        raise _malformed(text, f"write it as s3://bucket/project, and as text ({_known()})")
    return StorePlace(_path_of(text, url), "file", "file")


def _text_of(url: Any) -> str:
    try:
        text = os.fspath(url)
    except TypeError:
        raise InvalidInput(
            f"a store is named by a path or a URL such as 's3://bucket/project', got {type(url).__name__}: {url!r:.80}"
        ) from None
    if not isinstance(text, str):
        raise InvalidInput(f"a store is named by text or a pathlib.Path, got {type(text).__name__}: decode it first")
    if not text.strip() or re.search(r"[\x00-\x1f\x7f]", text):
        raise UnsupportedStorage(
            f"{without_secrets(text)!r} is not a path or URL; write 'churn', 's3://bucket/churn' or 'memory://churn'"
        )
    return text


def _path_of(text: str, url: Any) -> str:
    if not _WINDOWS:
        drive = re.match(r"[A-Za-z]:|\\\\", text)
        # An absolute path holds a slash here, so that a folder whose name has a backslash can be opened again.
        if drive or ("\\" in text and "/" not in text and not isinstance(url, PurePosixPath)):
            raise UnsupportedStorage(
                f"{text!r} is a path of Windows, and this machine is not one; write 'folder/churn', or a URL such as "
                "'s3://bucket/churn'"
            )
        text = re.sub(r"^//+", "/", text)
    if text.startswith("~"):
        home = os.path.expanduser(text)  # noqa: PTH111 - pathlib raises where nobody is called so
        if home == text:
            raise UnsupportedStorage(f"{text!r}: nobody here has that home; write './{text}' for a folder of that name")
        return home
    return text


def _path_of_uri(text: str, rest: str) -> str:
    host, slash, path = rest[2:].partition("/") if rest.startswith("//") else ("", "", rest)
    path = slash + path
    if not host and not path.startswith("/"):
        raise _malformed(text, "it names no folder; write file:///data/project, or the plain path")
    if "?" in path or "#" in path:
        raise _malformed(text, "a folder has no query and no fragment: write %3F and %23, or the plain path")
    decoded = os.fsdecode(unquote_to_bytes(path))
    if "\0" in decoded:
        raise _malformed(text, "write the path without %00, as file:///data/project")
    if _WINDOWS and host and host.lower() != "localhost":
        return f"{host}{decoded}" if re.fullmatch("[A-Za-z]:", host) else f"//{host}{decoded}"
    if host.lower() not in ("", "localhost"):
        raise _malformed(
            text, f"{host!r} stands where the name of a machine does: write file:///data/project, or the plain path"
        )
    return re.sub(r"^/(?=[A-Za-z]:)", "", decoded) if _WINDOWS else re.sub(r"^//+", "/", decoded)


def _remote(text: str, scheme: str, separator: str, rest: str) -> StorePlace:
    protocol = _ALIASES.get(scheme, scheme)
    if _holds_password(protocol, separator, rest):
        where = "it holds a password, which would be seen wherever the place is named: use storage_options="
        raise _malformed(f"{scheme}{separator}…", where)
    if "?" in rest:
        raise _malformed(text, "a place has no query; options of a storage go into storage_options=")
    if separator == "::":
        if scheme in _CACHES:
            raise _malformed(text, f"{scheme} shows old copies of files that have changed; write the URL without it")
        return StorePlace(f"{scheme}::{rest}", scheme, protocol, chained=True)
    parts = (rest.strip("/") if protocol == "memory" else rest.rstrip("/")).split("/")
    if not parts[0]:
        raise UnsupportedStorage(
            f"{without_secrets(text)!r} names no bucket or folder; write it as {scheme}://name/project"
        )
    if protocol in STRATEGIES and (odd := {"", ".", ".."}.intersection(parts)):
        raise _malformed(
            text, f"it has the part {min(odd)!r}, which no storage resolves; write {scheme}://name/project"
        )
    return StorePlace(f"{scheme}://{rest}", scheme, protocol)


def _holds_password(protocol: str, separator: str, rest: str) -> bool:
    if protocol in STRATEGIES and protocol != "memory" and separator == "://":
        return ":" in rest.partition("/")[0]  # no bucket has a colon, and a secret may hold a slash
    return protocol not in _AT_IN_PATH and re.search(r"(?:^|//)[^/@]*:[^/@]*@", rest) is not None


def _malformed(text: str, remedy: str) -> UnsupportedStorage:
    return UnsupportedStorage(f"{without_secrets(text)!r} is not a URL of a store: {remedy}")


def without_secrets(text: str) -> str:
    """Return a URL as it may be shown: without what stands before a host and after a question mark.

    Examples
    --------
    >>> without_secrets("s3://key:secret@team/churn?token=abc")
    's3://…@team/churn?…'
    """
    return re.sub(r"(://.*?\?).+", r"\1…", re.sub(r"(?<=://)[^/@]*:[^/@]*@", "…@", text), flags=re.DOTALL)


def why_not_shared(place: StorePlace) -> str:
    """Return why nobody can share this place, in words."""
    return (
        f"{place.url!r}: {place.scheme!r} is not a storage that several writers can share safely ({_known()}); check "
        "the spelling, or, where only one process ever writes and fsspec knows it, open it with single_writer=True"
    )


def _known() -> str:
    return "known: a local folder, " + ", ".join(f"{name}://" for name in [*STRATEGIES, *_ALIASES])


def absolute(path: str) -> str:
    """Return a path from the root on; links in it are not followed."""
    try:
        return os.path.abspath(path)  # noqa: PTH100 - resolve() would follow links
    except FileNotFoundError:
        raise StorageUnavailable(
            f"{path!r} is a relative path, and the folder this process works in is gone; give the whole path"
        ) from None


def parents_of(url: str) -> Iterator[str]:
    """Yield the places a URL lies in, nearest first; without the root of a disk or a bare scheme.

    Examples
    --------
    >>> list(parents_of("s3://team/churn/eu"))
    ['s3://team/churn', 's3://team']
    >>> list(parents_of("file:///home/ada/churn"))
    ['file:///home/ada', 'file:///home']
    """
    scheme, separator, path = url.partition("://")
    if not separator:
        scheme, path = "", url
    for _ in range(_MOST):
        path = path.rstrip("/").rpartition("/")[0]
        if not path.strip("/"):
            return
        yield f"{scheme}{separator}{path}"


def is_litter(key: str) -> bool:
    """Return whether a file may lie in a place that is empty all the same.

    Litter is what nobody put there on purpose, or only to keep a folder: what file managers leave (``.DS_Store``,
    ``._name``, ``Thumbs.db``, ``desktop.ini``, ``.directory``), trash, indexes and previews of disks
    (``$RECYCLE.BIN``, ``.Trash-1000``, ``.Trashes``, ``.Spotlight-V100``, ``@eaDir``), ``lost+found``,
    ``.ipynb_checkpoints``, ``.gitkeep`` and ``.keep``, deleted files that are still open (``.nfs…``), markers of
    folders in a bucket (``name_$folder$``), and what a probe could not remove. A README, ``.gitignore`` and
    what lies in ``.git`` are somebody's; folders without a file, like one that ``git init`` never finished, are
    nothing, as in a bucket, which has no folders.

    Examples
    --------
    >>> is_litter(".DS_Store"), is_litter("sub/._a.txt"), is_litter("lost+found/#12"), is_litter("README.md")
    (True, True, True, False)
    """
    *folders, name = key.casefold().split("/")
    return (
        name in _LITTER
        or name.startswith(_LITTER_BEGINS)
        or name.endswith("_$folder$")
        or key.startswith("probe/")
        or any(folder in _LITTER_FOLDERS or folder.startswith(".trash-") for folder in folders)
    )
