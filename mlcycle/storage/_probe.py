"""Does this storage keep the promises the log rests on? Try, and write down what was seen."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from mlcycle._ids import new_id, now
from mlcycle.errors import AccessDenied, StorageUnavailable
from mlcycle.storage._files import Outcome
from mlcycle.storage._put_if_absent import broken_promise

if TYPE_CHECKING:
    from mlcycle.storage._files import Files

__all__ = ["probe"]

_RACERS = 4


def probe(files: Files) -> dict[str, Any]:
    """Try put-if-absent, overwriting, ranges and listing under ``probe/<id>/``, and return what was seen.

    Parameters
    ----------
    files : Files
        The storage to try; what the probe writes, it deletes.

    Returns
    -------
    dict
        JSON-able: ``protocol``, ``shared``, ``at``, ``create`` (outcome of the first, second and empty second put),
        ``race`` (racers, winners), ``overwrite``, ``range``, ``list`` and ``delete`` (true, false, or ``"denied"``).

    Raises
    ------
    UnsupportedStorage
        Several writers were to share it, and a put-if-absent overwrote or had two winners.
    AccessDenied, StorageUnavailable
        It cannot be written at all.

    Examples
    --------
    >>> from mlcycle.storage import open_files
    >>> seen = probe(open_files("memory://example-probe"))
    >>> seen["create"], seen["race"]
    ({'first': 'won', 'second': 'lost', 'empty': 'lost'}, {'racers': 4, 'winners': 1})
    """
    folder = f"probe/{new_id()}/"
    seen: dict[str, Any] = {"protocol": files.protocol, "shared": files.shared, "at": now()}
    try:
        trouble = _try_creating(files, folder, seen)
        _try_the_rest(files, folder, seen)
    finally:
        seen["delete"] = _clean(files, folder)
    if trouble and files.shared:
        raise broken_promise(files.url, trouble)
    return seen


def _try_creating(files: Files, folder: str, seen: dict[str, Any]) -> str | None:
    first = files.create(f"{folder}first", b"first")
    second = files.create(f"{folder}first", b"second")
    files.create(f"{folder}empty", b"")
    empty = files.create(f"{folder}empty", b"")
    seen["create"] = {"first": first.value, "second": second.value, "empty": empty.value}
    with ThreadPoolExecutor(_RACERS) as pool:
        outcomes = list(pool.map(lambda i: files.create(f"{folder}race", b"%d" % i), range(_RACERS)))
    seen["race"] = {"racers": _RACERS, "winners": outcomes.count(Outcome.WON)}
    if Outcome.UNKNOWN in (first, second, empty, *outcomes):
        raise StorageUnavailable(f"{files.url} did not answer while it was being tried; try again")
    if files.read(f"{folder}first") != b"first" or second is Outcome.WON:
        return "a second put-if-absent of one key overwrote the first"
    if empty is Outcome.WON:
        return "a put-if-absent of no bytes overwrote what was there"
    if outcomes.count(Outcome.WON) != 1:
        return f"{outcomes.count(Outcome.WON)} of {_RACERS} racing put-if-absents of one key were told they won"
    if files.read(f"{folder}race") != b"%d" % outcomes.index(Outcome.WON):
        return "the loser of a race overwrote the winner"
    return None


def _try_the_rest(files: Files, folder: str, seen: dict[str, Any]) -> None:
    files.put(f"{folder}first", b"overwritten", durable=False)
    seen["overwrite"] = files.read(f"{folder}first") == b"overwritten"
    seen["range"] = files.read(f"{folder}first", 4, 11) == b"written"
    try:
        seen["list"] = {key for key, _, _ in files.list(folder)} == {f"{folder}{name}" for name in _NAMES}
    except AccessDenied:
        seen["list"] = "denied"


_NAMES = ("first", "empty", "race")


def _clean(files: Files, folder: str) -> bool | str:
    try:
        files.delete([f"{folder}{name}" for name in _NAMES])
    except AccessDenied:
        return "denied"
    except StorageUnavailable:
        with contextlib.suppress(StorageUnavailable, AccessDenied):
            files.delete([f"{folder}{name}" for name in _NAMES])
        return False
    return True
