"""What git knows about a folder: commit, branch, remote, and what was not committed as pieces of a diff."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from attrs import define, field

from mlcycle.provenance._diff import FileDiff, new_file_diff, path_text, read_diff
from mlcycle.provenance._git_process import Git, GitFailedError
from mlcycle.provenance._secrets import is_secret_file, strip_credentials

__all__ = ["MAX_DIFF", "Repository", "read_repository"]

MAX_DIFF = 512 * 1024
_MAX_READ = 16 * MAX_DIFF  # so that small changes behind a large one are still seen
_MAX_UNTRACKED = 64 * 1024
_MAX_FILES = 200
_MAX_SUBMODULES = 50
# The tree without entries is the same object in every repository of its hash: what to compare with before any commit.
_EMPTY_TREES = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
# Each says again what a user's or repository's configuration may have changed, so that `git apply` reads the answer.
_DIFF = (
    *("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--src-prefix=a/", "--dst-prefix=b/", "--full-index"),
    *("--submodule=short", "--ignore-submodules=dirty", "-M", "-U3", "--inter-hunk-context=0"),
)
_STATUS = ("status", "--porcelain=v2", "--branch", "-z", "--no-renames", "--no-ahead-behind")
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
    files: list[FileDiff] = field(factory=list)
    left_out: list[str] = field(factory=list)
    problems: list[str] = field(factory=list)

    def leave_out(self, path: str, why: str) -> None:
        """Name a file that is not in the diff."""
        self.left_out.append(f"{path_text(path)} ({why})")


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
    git = Git(folder)
    try:
        found.root = _top(git)
    except GitFailedError as error:
        if "not a git repository (or any" not in str(error):
            found.problems.append(f"git: {error}")
        return found
    git = git.at(found.root)
    try:
        settings = git.settings()
        found.url = _remote(settings)
        changed, untracked = _status(git, found)
        new = _untracked_files(git, found, untracked)
        inside = _submodules(git, found)
        found.dirty = bool(changed or new or inside)
        _changes(git, found, changed, settings)
        _new_files(found, new)
    except GitFailedError as error:
        found.problems.append(f"git: {error}")
    more = len(found.left_out) - _MAX_FILES
    if more > 0:
        found.left_out[_MAX_FILES:] = [f"and {more} more"]
    return found


def _top(git: Git) -> Path:
    return Path(git.ask("rev-parse", "--show-toplevel").decode(errors="surrogateescape").rstrip("\n"))


def _status(git: Git, found: Repository) -> tuple[list[str], list[str]]:
    """Return the paths of changed and of untracked files; submodules at another commit are named at once."""
    # To look into a submodule, git would start another git there, whose filters are not known here.
    told = git.ask(*_STATUS, "--untracked-files=normal", "--ignore-submodules=dirty")
    changed: list[str] = []
    untracked: list[str] = []
    for record in told.decode(errors="surrogateescape").split("\0"):
        mark, _, rest = record.partition(" ")
        if record.startswith("# branch.oid ") and not record.endswith("(initial)"):
            found.commit = record.split(" ")[2]
        elif record.startswith("# branch.head ") and not record.endswith("(detached)"):
            found.branch = record.split(" ", 2)[2]
        elif mark == "?":
            untracked.append(rest)
        elif mark in ("1", "u"):
            changed.append(rest.split(" ", {"1": 7, "u": 9}[mark])[-1])
            if rest.split(" ")[1].startswith("S"):
                found.leave_out(changed[-1], "a submodule at another commit; the diff holds the commit alone")
    return changed, untracked


def _remote(settings: dict[str, str]) -> str | None:
    urls = {
        key.removeprefix("remote.").removesuffix(".url"): url
        for key, url in sorted(settings.items())
        if key.startswith("remote.") and key.endswith(".url")
    }
    url = urls.get("origin", next(iter(urls.values()), None))
    return strip_credentials(url.encode(errors="replace").decode()) if url else None


def _untracked_files(git: Git, found: Repository, untracked: list[str]) -> list[str]:
    """Return the paths of untracked files, without the ignored ones and without mlcycle stores."""
    files = [path for path in untracked if not path.endswith("/")]
    folders = [path for path in untracked if path.endswith("/") and not _is_store(git.folder / path)]
    for folder in folders[_MAX_FILES:]:
        found.leave_out(folder, "more folders than are looked at")
    if folders:
        inside = [f":(top,literal){folder}" for folder in folders[:_MAX_FILES]]
        told, cut = git.bounded(512 * 1024, "ls-files", "--others", "--exclude-standard", "-z", "--", *inside)
        listed = told.decode(errors="surrogateescape").split("\0")
        files += [path for path in (listed[:-1] if cut else listed) if path]
        if cut:
            found.left_out.append("more untracked files than are looked at")
    stores = {path.rpartition("/")[0] for path in files if path.endswith("/store.json")}
    stores = {store for store in stores if _is_store(git.folder / store)}
    return [path for path in files if not any(path.startswith(f"{store}/") for store in stores)]


def _is_store(folder: Path) -> bool:
    return (folder / "store.json").is_file() and (folder / "log").is_dir()


def _submodules(git: Git, found: Repository, prefix: str = "") -> int:
    """Name the submodules that have changes of their own; return how many."""
    if not (git.folder / ".gitmodules").is_file():
        return 0
    told = git.ask("config", "-f", ".gitmodules", "--list", "-z").decode(errors="surrogateescape")
    pairs = [entry.partition("\n") for entry in told.split("\0")]
    paths = [path for key, _, path in pairs if key.startswith("submodule.") and key.endswith(".path")]
    if len(paths) > _MAX_SUBMODULES:
        found.problems.append(f"{len(paths) - _MAX_SUBMODULES} submodules were not looked into")
    dirty = 0
    for path in paths[:_MAX_SUBMODULES]:
        folder = git.folder / path
        if not (folder / ".git").exists() or not folder.resolve().is_relative_to(git.folder.resolve()):
            continue  # not checked out
        try:
            dirty += _submodule(git.at(folder), found, prefix + path)
        except GitFailedError as error:
            found.problems.append(f"git: the submodule {path_text(prefix + path)} cannot be read: {error}")
    return dirty


def _submodule(git: Git, found: Repository, path: str) -> int:
    if _top(git).resolve() != git.folder.resolve():
        raise GitFailedError("it is not a repository of its own")
    git.settings()
    changed, untracked = _status(git, Repository())
    if changed or untracked:
        found.leave_out(path, "a submodule with uncommitted changes of its own")
    return int(bool(changed or untracked)) + _submodules(git, found, f"{path}/")


def _filtered(git: Git, settings: dict[str, str], changed: list[str]) -> dict[str, str]:
    """Return which changed files pass a filter, and its name: without it, their content is not what is committed."""
    drivers = {key.removeprefix("filter.").rpartition(".")[0] for key in settings if key.startswith("filter.")}
    if not drivers or not changed:
        return {}
    said = "".join(f"{path}\0" for path in changed).encode(errors="surrogateescape")
    told, cut = git.bounded(len(said) + _MAX_READ, "check-attr", "-z", "--stdin", "filter", said=said)
    fields = told.decode(errors="surrogateescape").split("\0")
    if cut:
        raise GitFailedError("check-attr says more than is read")
    found = zip(fields[0::3], fields[2::3], strict=False)
    return {path: name for path, name in found if name in drivers and os.path.lexists(git.folder / path)}


def _changes(git: Git, found: Repository, changed: list[str], settings: dict[str, str]) -> None:
    """Put the changes of tracked files into `found.files`, and name those that cannot be there."""
    if not changed:
        return
    kept_out = {path: f"its filter {name!r} is not run" for path, name in _filtered(git, settings, changed).items()}
    kept_out |= {path: "may hold secrets" for path in changed if is_secret_file(path)}
    for path in sorted(kept_out):
        found.leave_out(path, kept_out[path])
    if len(kept_out) > _MAX_FILES:
        found.problems.append(f"{len(kept_out)} changed files may hold secrets or pass a filter; no diff was taken")
        return
    base = found.commit or _EMPTY_TREES.get(settings.get("extensions.objectformat", "sha1"), "")
    # other bytes than UTF-8 in a name would be lost in a text
    quoted = "on" if any(not path.isascii() and "\\" in path_text(path) for path in changed) else "off"
    told, cut = git.at_once("core.quotepath", quoted).bounded(
        _MAX_READ, *_DIFF, base, "--", ":/", *(f":(top,exclude,literal){path}" for path in kept_out)
    )
    files = read_diff(told)
    if cut:
        files = files[:-1]
        seen = {path for file in files for path in (file.path, file.before)} | set(kept_out)
        files += [FileDiff(path, "", left_out="more changes than are read") for path in changed if path not in seen]
    room = MAX_DIFF
    for file in files:
        reason = file.left_out
        if not reason and file.size > room:
            reason = f"beyond {MAX_DIFF // 1024} KB of diff"
        if reason:
            found.leave_out(file.path, reason if file.before is None else f"{reason}; was {path_text(file.before)}")
        else:
            room -= file.size
            found.files.append(file)


def _new_files(found: Repository, new: list[str]) -> None:
    """Add small new text files."""
    assert found.root is not None
    room = MAX_DIFF - sum(file.size for file in found.files)
    for path in sorted(new):
        file = _new_file(found.root / path, path)
        reason = file.left_out or (f"beyond {MAX_DIFF // 1024} KB of diff" if file.size > room else "")
        if reason:
            found.leave_out(path, reason)
        else:
            room -= file.size
            found.files.append(file)


def _new_file(file: Path, path: str) -> FileDiff:
    """Return the diff that creates a file, or why it is left out."""

    def without(reason: str) -> FileDiff:
        return FileDiff(path, "", left_out=reason)

    if path.endswith("/"):
        return without("a repository of its own")
    if is_secret_file(path):
        return without("may hold secrets")
    if path.casefold().endswith(_DATA_ENDINGS):
        return without("data")
    try:
        if file.is_symlink() or not file.is_file():
            return without("no regular file")
        if file.stat().st_size > _MAX_UNTRACKED:
            return without(f"larger than {_MAX_UNTRACKED // 1024} KB")
        data = file.read_bytes()
        executable = bool(file.stat().st_mode & 0o100)
    except OSError as error:
        return without(error.strerror or "unreadable")
    if b"\0" in data:
        return without("binary")
    try:
        return FileDiff(path, new_file_diff(path, data.decode(), executable=executable))
    except UnicodeDecodeError:
        return without("not UTF-8")
