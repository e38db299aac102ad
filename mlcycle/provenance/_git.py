"""What git knows about a folder, asked with time limits and without running anything a repository configures."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
from pathlib import Path

from attrs import define, field

from mlcycle.provenance._secrets import is_secret_file, strip_credentials

__all__ = ["MAX_DIFF", "Repository", "new_file_diff", "read_repository"]

MAX_DIFF = 512 * 1024
_MAX_UNTRACKED = 64 * 1024
_MAX_FILES = 200
_SECONDS = 5.0
# The tree without entries is the same object in every repository of its hash: what to compare with before any commit.
_EMPTY_TREES = {40: "4b825dc642cb6eb9a060e54bf8d69288fbee4904"}
_EMPTY_TREES[64] = "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"
_DATA_ENDINGS = (
    *(".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".feather", ".arrow", ".xlsx", ".xls", ".sqlite", ".db"),
    *(".log", ".npy", ".npz", ".pkl", ".pickle", ".joblib", ".skops", ".h5", ".svg", ".lock"),
)


@define
class Repository:
    """What was found; fields stay ``None`` or empty where git could not say."""

    root: Path | None = None
    commit: str | None = None
    branch: str | None = None
    url: str | None = None
    dirty: bool = False
    diff: str = ""
    left_out: list[str] = field(factory=list)
    problems: list[str] = field(factory=list)


class _GitFailedError(Exception):
    """One call of git went wrong; the message is its last line."""


def read_repository(folder: Path) -> Repository:
    """Return what git knows of the work tree around a folder; never raises.

    Parameters
    ----------
    folder : Path
        Any folder inside the work tree.
    """
    found = Repository()
    if shutil.which("git") is None:
        found.problems.append("git is not installed, so commit and changes are unknown")
        return found
    try:
        top = _git(folder, "rev-parse", "--show-toplevel").decode(errors="surrogateescape").rstrip("\n")
    except _GitFailedError as error:
        if "not a git repository" not in str(error):
            found.problems.append(f"git: {error}")
        return found
    found.root = Path(top)
    try:
        changed, untracked = _status(found)
        found.url = _remote(found.root)
        new = _untracked_files(found, untracked)
        found.dirty = bool(changed or new)
        _diff(found, changed, new)
    except _GitFailedError as error:
        found.problems.append(f"git: {error}")
    return found


def _status(found: Repository) -> tuple[list[str], list[str]]:
    assert found.root is not None
    told = _git(found.root, "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal")
    changed: list[str] = []
    untracked: list[str] = []
    records = iter(told.decode(errors="surrogateescape").split("\0"))
    for record in records:
        mark, _, rest = record.partition(" ")
        if record.startswith("# branch.oid ") and not record.endswith("(initial)"):
            found.commit = record.split(" ")[2]
        elif record.startswith("# branch.head ") and not record.endswith("(detached)"):
            found.branch = record.split(" ", 2)[2]
        elif mark == "?":
            untracked.append(rest)
        elif mark in ("1", "2", "u"):
            changed.append(rest.split(" ", {"1": 7, "2": 8, "u": 9}[mark])[-1])
            if mark == "2":
                changed.append(next(records))  # a rename has a second path
    return changed, untracked


def _remote(root: Path) -> str | None:
    with contextlib.suppress(_GitFailedError):
        names = _git(root, "remote").decode(errors="replace").split()
        if names:
            name = "origin" if "origin" in names else names[0]
            return strip_credentials(
                _git(root, "config", "--get", f"remote.{name}.url").decode(errors="replace").strip()
            )
    return None


def _untracked_files(found: Repository, untracked: list[str]) -> list[str]:
    """Return the paths of untracked files, without the ignored ones and without mlcycle stores."""
    assert found.root is not None
    files = [path for path in untracked if not path.endswith("/")]
    folders = [path for path in untracked if path.endswith("/") and not _is_store(found.root / path)]
    for folder in folders[:_MAX_FILES]:
        told, cut = _bounded(found.root, 256 * 1024, "ls-files", "--others", "--exclude-standard", "-z", "--", folder)
        listed = told.decode(errors="surrogateescape").split("\0")
        files += [path for path in (listed[:-1] if cut else listed) if path]
        if cut:
            found.left_out.append(f"{folder} (more files than are looked at)")
    stores = {path.rpartition("/")[0] for path in files if path.endswith("/store.json")}
    stores = {store for store in stores if _is_store(found.root / store)}
    return [path for path in files if not any(path.startswith(f"{store}/") for store in stores)]


def _is_store(folder: Path) -> bool:
    return (folder / "store.json").is_file() and (folder / "log").is_dir()


def _diff(found: Repository, changed: list[str], new: list[str]) -> None:
    """Put the changes of tracked files, then small new text files, into `found.diff`."""
    assert found.root is not None
    secret = sorted({path for path in changed if is_secret_file(path)})
    found.left_out += [f"{path} (may hold secrets)" for path in secret]
    if len(secret) > _MAX_FILES:
        found.problems.append(f"{len(secret)} changed files may hold secrets; no diff was taken")
        return
    told = b""
    cut = False
    if changed:
        base = found.commit or _EMPTY_TREES[40]
        told, cut = _bounded(
            *(found.root, MAX_DIFF, "diff", "--no-ext-diff", "--no-textconv", "--no-color", "--src-prefix=a/"),
            *("--dst-prefix=b/", base, "--", ":/", *(f":(top,exclude,literal){path}" for path in secret)),
        )
    if cut:
        told = told[: told.rfind(b"\n") + 1]
        found.left_out.append(f"changes beyond {MAX_DIFF // 1024} KB of diff")
    pieces = [told.decode(errors="replace")]
    room = MAX_DIFF - len(told)
    for path in sorted(new):
        reason, piece = _new_file(found.root / path, path)
        if not reason and len(piece) > room:
            reason = f"beyond {MAX_DIFF // 1024} KB of diff"
        if reason:
            found.left_out.append(f"{path} ({reason})")
            continue
        room -= len(piece)
        pieces.append(piece)
    more = len(found.left_out) - _MAX_FILES
    if more > 0:
        found.left_out[_MAX_FILES:] = [f"and {more} more"]
    found.diff = "".join(pieces)


def _new_file(file: Path, path: str) -> tuple[str, str]:
    """Return why a file is left out, or nothing and its diff."""
    if is_secret_file(path):
        return "may hold secrets", ""
    if path.casefold().endswith(_DATA_ENDINGS):
        return "data", ""
    try:
        if file.is_symlink() or not file.is_file():
            return "no regular file", ""
        if file.stat().st_size > _MAX_UNTRACKED:
            return f"larger than {_MAX_UNTRACKED // 1024} KB", ""
        data = file.read_bytes()
    except OSError as error:
        return error.strerror or "unreadable", ""
    if b"\0" in data:
        return "binary", ""
    return "", new_file_diff(path, data.decode(errors="replace"))


def new_file_diff(path: str, text: str) -> str:
    r"""Return a text as the diff that creates its file, ready for ``git apply``.

    Examples
    --------
    >>> new_file_diff("a.py", "x = 1\n")
    'diff --git a/a.py b/a.py\nnew file mode 100644\n--- /dev/null\n+++ b/a.py\n@@ -0,0 +1 @@\n+x = 1\n'
    """
    head = f"diff --git a/{path} b/{path}\nnew file mode 100644\n"
    if not text:
        return head
    lines = text.split("\n")
    ended = lines[-1] == ""
    lines = lines[:-1] if ended else lines
    count = "+1" if len(lines) == 1 else f"+1,{len(lines)}"
    body = "".join(f"+{line}\n" for line in lines) + ("" if ended else "\\ No newline at end of file\n")
    return f"{head}--- /dev/null\n+++ b/{path}\n@@ -0,0 {count} @@\n{body}"


def _command(arguments: tuple[str, ...], folder: Path) -> list[str]:
    # a repository may name programs to run in its configuration; what reads must not start them
    quiet = ["-c", "core.fsmonitor=false", "-c", "core.quotepath=off", "-c", "core.hooksPath=", "-c", "diff.external="]
    return ["git", "--no-pager", "-C", str(folder), *quiet, *arguments]


def _surroundings() -> dict[str, str]:
    # inside a git hook these point at another work tree
    dropped = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_EXTERNAL_DIFF", "GIT_CONFIG_PARAMETERS")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "LANGUAGE": ""}


def _git(folder: Path, *arguments: str) -> bytes:
    told, cut = _bounded(folder, 16 * 1024 * 1024, *arguments)
    if cut:
        raise _GitFailedError(f"{arguments[0]} says more than is read")
    return told


def _bounded(folder: Path, most: int, *arguments: str) -> tuple[bytes, bool]:
    """Return what git says, at most so many bytes, and whether there was more."""
    try:
        process = subprocess.Popen(
            _command(arguments, folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_surroundings(),
        )
    except (OSError, ValueError) as error:
        raise _GitFailedError(f"{arguments[0]} could not be started: {error}") from error
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(_SECONDS, stop)
    timer.start()
    try:
        with process:
            assert process.stdout is not None
            assert process.stderr is not None
            told = process.stdout.read(most + 1)
            cut = len(told) > most
            if cut:
                process.kill()
            complaint = process.stderr.read(4096).decode(errors="replace").strip()
    finally:
        timer.cancel()
    if late.is_set():
        raise _GitFailedError(f"{arguments[0]} took longer than {_SECONDS:g} s")
    if process.returncode != 0 and not cut:
        raise _GitFailedError(complaint.splitlines()[-1] if complaint else f"{arguments[0]} failed")
    return told[:most], cut
