"""Are runs what their heads and ends say: for `project.store.verify`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlcycle.errors import Corrupt, MlcycleError, SchemaError
from mlcycle.lifecycle.runs._files import RunFiles, hash_stored, run_folder
from mlcycle.lifecycle.runs._head_and_end import read_end, read_head
from mlcycle.storage import KeyNotFound, Listed, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from mlcycle.lifecycle.blobs import CheckedFiles

__all__ = ["verify_runs"]

Doc = dict[str, Any]
_GROWS = re.compile(r".*/points-[0-9a-f]{40}-[0-9]+\.jsonl")
_REMEDY = "put it back from a copy of the store"


def verify_runs(
    checked_files: CheckedFiles,
    listed: Iterable[Listed],
    packs: Iterable[Doc] = (),
    *,
    deep: bool = False,
    passed: Collection[str] = (),
) -> Iterator[Problem]:
    """Yield what is wrong with runs: their heads, their ends, and every file an end names.

    Parameters
    ----------
    checked_files : CheckedFiles
        The files of the store.
    listed : iterable of Listed
        All that is below ``runs/``.
    packs : iterable of dict, default ()
        Descriptions of the packs in force, read from the log after that listing.
    deep : bool, default False
        Read every byte and compare digests, not sizes alone.
    passed : collection of str, default ()
        Runs to pass over: those dropped, whose files a sweep may have taken.

    Examples
    --------
    >>> from mlcycle.lifecycle.blobs import CheckedFiles
    >>> from mlcycle.storage import open_files
    >>> files = open_files("memory://verify-runs-example")
    >>> files.put("runs/2025-11/019ab0f2c40071c8a3b1f0e2d4c6a8b0/head.json", b"torn")
    >>> [problem.kind for problem in verify_runs(CheckedFiles(files), files.list("runs/"))]
    ['damaged']
    """
    everything = list(listed)
    sizes = {one.key: one.size for one in everything}
    files = RunFiles(checked_files, everything, packs)
    for key, error in files.trouble.items():
        yield Problem("unreadable", key, str(error))
    for run in files.ids():
        if run not in passed:
            yield from _check(files, run, sizes, deep)


def _check(files: RunFiles, run: str, sizes: dict[str, int], deep: bool) -> Iterator[Problem]:
    folder = f"{run_folder(run)}/"
    held = {one.key: one.size for one in files.list(folder)}
    _, head_problem = _document(read_head, files, run, "head.json")
    if head_problem:
        yield head_problem
    if f"{folder}end.json" not in held:
        return  # it is running, or was lost: nothing says what there should be
    end, end_problem = _document(read_end, files, run, "end.json")
    if end_problem:
        yield end_problem
    for file in end["files"] if end else ():
        key = file.get("key") if isinstance(file, dict) else None
        if key == f"{folder}head.json" and head_problem:
            continue  # one thing is wrong with it, not two
        if not isinstance(key, str) or type(file.get("size")) is not int or not isinstance(file.get("sha256"), str):
            what = f"among its files is {file!r:.80}, which describes none; put a good copy back"
            yield Problem("damaged", f"{folder}end.json", what, (f"run:{run}",))
        elif not key.startswith("@"):  # lies at a place of the user's own, outside this store
            yield from _check_file(files, run, file, held.get(key, sizes.get(key)), deep)


def _document(
    read: Callable[[RunFiles, str], Doc], files: RunFiles, run: str, name: str
) -> tuple[Doc | None, Problem | None]:
    key = f"{run_folder(run)}/{name}"
    hurts = (f"run:{run}",)
    try:
        return read(files, run), None
    except KeyNotFound:
        return None, Problem("missing", key, f"it is not there; {_REMEDY}", hurts)
    except Corrupt as error:
        return None, Problem("damaged", key, str(error).removeprefix(f"{key} is damaged: "), hurts)
    except (SchemaError, MlcycleError, OSError) as error:
        return None, Problem("unreadable", key, str(error).removeprefix(f"{key} "), hurts)


def _check_file(files: RunFiles, run: str, file: Doc, size: int | None, deep: bool) -> Iterator[Problem]:
    key, hurts = file["key"], (f"run:{run}",)
    # a child made by fork may go on after the end: of a file that grows, the end speaks of the first bytes
    grown = size is not None and size > file["size"] and _GROWS.fullmatch(key) is not None
    if size is None:
        yield Problem("missing", key, f"it is not there; {_REMEDY}", hurts)
    elif size != file["size"] and not grown:
        yield Problem("size", key, f"it has {size} bytes, {file['size']} were stored; put a good copy back", hurts)
    elif deep:
        try:
            digest = hash_stored(files, key, file["size"])
        except KeyNotFound:
            yield Problem("missing", key, f"it is not there; {_REMEDY}", hurts)
        except (MlcycleError, OSError) as error:
            yield Problem("unreadable", key, str(error), hurts)
        else:
            if digest != file["sha256"]:
                what = f"its bytes have the digest {digest}, {file['sha256']} were stored; put a good copy back"
                yield Problem("digest", key, what, hurts)
