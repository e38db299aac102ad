"""Which code is running: commit, uncommitted changes, entry point and command line."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from attrs import field, fields, frozen

from mlcycle._locks import renew_in_child
from mlcycle.provenance._diff import FileDiff, new_file_diff, path_text
from mlcycle.provenance._git import Repository, read_repository
from mlcycle.provenance._secrets import is_secret_file, redact, redact_argv
from mlcycle.records import Code

__all__ = ["CapturedCode", "capture_code"]

_INTERACTIVE_SECONDS = 30.0
_MAX_SOURCE = 256 * 1024


@frozen(kw_only=True, repr=False)
class CapturedCode(Code):
    """The code a process runs: the record of it, and the text of what was not committed.

    Its ``entry_point`` is relative to the repository where it lies inside, and ``dirty`` are new files that are not
    ignored, too. Its ``detail`` has, where there is something to say, ``entry_digest``: ``sha256:…`` of the entry
    point; ``argv``: the command line through the secret filter, without the program; ``redacted``: how many values the
    filter replaced; and ``left_out`` and ``problems``.

    Attributes
    ----------
    diff : str
        What was not committed, through the secret filter; ``git apply`` takes it, unless ``problems`` names a file
        in which a secret was masked where nothing was changed. Small new text files are part of it. Outside a
        repository it is the entry point itself, in a notebook the cells that ran so far.
    """

    diff: str = field(default="", repr=False)

    def record(self) -> Code:
        """Return the record alone."""
        return Code(**{one.name: getattr(self, one.name) for one in fields(Code)})


_lock = threading.Lock()
renew_in_child(globals(), "_lock", threading.Lock)
_last: tuple[CapturedCode, float] | None = None


def capture_code(*, fresh: bool = False) -> CapturedCode:
    """Return the code this process runs; quick after the first call.

    A script is captured once a process, because what it has imported does not change any more. An interactive
    session is captured again when the last capture is older than 30 seconds.

    Parameters
    ----------
    fresh : bool, default False
        Capture again in any case.

    Returns
    -------
    CapturedCode
        With what could be found out; what went wrong is a detail of it, ``problems``. Nothing is raised, and nothing
        that a repository configures is run: no hook, filter, monitor or diff program. Git is given 5 seconds a
        question and 10 in all, and no more than 512 KB of changes are kept, file by file.

    Examples
    --------
    >>> code = capture_code()
    >>> code is capture_code()
    True
    """
    global _last
    with _lock:
        if _last is None or fresh or (_interactive() and time.monotonic() - _last[1] > _INTERACTIVE_SECONDS):
            _last = (_capture(), time.monotonic())
        return _last[0]


def _capture() -> CapturedCode:
    try:
        return _captured()
    except Exception as error:  # noqa: BLE001 - provenance must never stop a training
        return CapturedCode(detail={"problems": [f"{type(error).__name__}: {error}"]})


def _captured() -> CapturedCode:
    entry = _entry_file()
    cells = _cells()
    repository = _repository(entry)
    problems = list(repository.problems)
    left_out = list(repository.left_out)
    name, digest, inside = _describe(entry, repository, problems)
    files = list(repository.files)
    if cells:
        _add_source(files, "session-cells.py", cells, left_out)
    elif entry is not None and not inside and _own(entry):
        _add_source(files, entry.name, _read_text(entry, left_out), left_out)
    diff, redacted = _filtered(files, left_out, problems)
    argv, more = redact_argv(sys.argv[1:])
    detail: dict[str, Any] = {
        "entry_digest": digest,
        "argv": [argument[:1000].encode(errors="replace").decode() for argument in argv[:200]],
        "redacted": redacted + more,
        "left_out": _printable(left_out),
        "problems": _printable(problems),
    }
    return CapturedCode(
        commit=repository.commit,
        branch=repository.branch,
        repository=repository.url,
        dirty=repository.dirty,
        entry_point=name,
        detail={name: value for name, value in detail.items() if value},
        diff=diff,
    )


def _filtered(files: list[FileDiff], left_out: list[str], problems: list[str]) -> tuple[str, int]:
    """Return the diff without secrets, and how many there were; say which files are not as they were, therefore."""
    pieces, found = [], 0
    for file in files:
        head, hunks, body = file.text.partition("\n@@ ")
        if redact(head)[1]:
            left_out.append(f"{path_text(file.path)} (its name may hold a secret)")
            continue
        text, n = redact(hunks + body)
        pieces.append(head + text)
        found += n
        if n:
            problems.append(_masked(file, n, applies=_unchanged(hunks + body) == _unchanged(text)))
    return "".join(pieces), found


def _unchanged(text: str) -> list[str]:
    """Return the lines `git apply` compares with the file it changes."""
    return [line for line in text.split("\n") if line.startswith((" ", "-"))]


def _masked(file: FileDiff, n: int, *, applies: bool) -> str:
    path = path_text(file.path)
    told = f"{path}: {n} {'value' if n == 1 else 'values'} in its diff may be secret, therefore masked"
    return told if applies else f"{told}, also where it was not changed: git apply --exclude={path} takes the rest"


def _printable(texts: list[str]) -> list[str]:
    return [redact(text.encode(errors="replace").decode())[0] for text in texts]


def _entry_file() -> Path | None:
    """Return the file that was started: script, module or notebook."""
    main = sys.modules.get("__main__")
    names = getattr(main, "__dict__", {})
    candidates = [names.get("__vsc_ipynb_file__"), os.environ.get("JPY_SESSION_NAME")] if _interactive() else []
    candidates += [names.get("__file__"), sys.argv[0] if sys.argv else None]
    for candidate in candidates:
        if isinstance(candidate, str) and candidate and Path(candidate).is_file():
            return Path(candidate).resolve()
    return None


def _interactive() -> bool:
    main = sys.modules.get("__main__")
    return hasattr(sys, "ps1") or not hasattr(main, "__file__") or "__vsc_ipynb_file__" in vars(main) or bool(_inputs())


def _inputs() -> list[str]:
    found = getattr(sys.modules.get("__main__"), "In", None)
    return found if "IPython" in sys.modules and isinstance(found, list) else []


def _cells() -> str:
    cells = [cell for cell in _inputs() if isinstance(cell, str) and cell.strip()]
    return "".join(f"# In[{number}]\n{cell.rstrip()}\n\n" for number, cell in enumerate(cells, 1))


def _own(file: Path) -> bool:
    """Tell whether a file is somebody's own rather than part of an installation."""
    installed = (sys.prefix, sys.base_prefix)
    inside = any(file.is_relative_to(Path(folder).resolve()) for folder in installed if folder not in ("/", "/usr"))
    return not inside and not {"site-packages", "dist-packages"} & set(file.parts) and not file.is_relative_to("/usr")


def _repository(entry: Path | None) -> Repository:
    """Return the repository of the entry point, else the one around the working folder."""
    if entry is not None and _own(entry):
        found = read_repository(entry.parent)
        if found.root is not None or found.problems:
            return found
    return read_repository(Path.cwd())


def _describe(entry: Path | None, repository: Repository, problems: list[str]) -> tuple[str | None, str | None, bool]:
    """Return name and digest of the entry point, and whether commit and diff hold it already."""
    if entry is None:
        return None, None, False
    root = repository.root.resolve() if repository.root else None
    inside = root is not None and entry.is_relative_to(root)
    name = entry.relative_to(root).as_posix() if root is not None and inside else entry.name
    digest = None
    try:
        with entry.open("rb") as file:
            digest = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        problems.append(f"the entry point cannot be read: {error.strerror}")
    return name.encode(errors="replace").decode(), digest, inside


def _read_text(file: Path, left_out: list[str]) -> str:
    if is_secret_file(file.name) or file.stat().st_size > _MAX_SOURCE:
        return ""
    data = file.read_bytes()
    try:
        return "" if b"\0" in data else data.decode()
    except UnicodeDecodeError:
        left_out.append(f"{path_text(file.name)} (not UTF-8)")
        return ""


def _add_source(files: list[FileDiff], name: str, text: str, left_out: list[str]) -> None:
    if len(text) > _MAX_SOURCE:
        left_out.append(f"{name} (larger than {_MAX_SOURCE // 1024} KB)")
    elif text:
        files.append(FileDiff(name, new_file_diff(name, text.encode(errors="replace").decode())))
