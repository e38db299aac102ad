"""Questions to git, each within its time, and without running anything a repository configures."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

from attrs import define, field

__all__ = ["Git", "GitFailedError"]

_SECONDS = 5.0
_SECONDS_IN_ALL = 10.0
_MOST = 16 * 1024 * 1024
_MOST_COMPLAINT = 16 * 1024

# Programs git would start, each named by a configuration that comes with the repository. Not written by the user's own
# configuration either: what is captured must not depend on it.
_QUIET = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.safecrlf": "false",
    "diff.external": "",
    "diff.orderFile": os.devnull,
    "diff.autoRefreshIndex": "false",  # else `git diff` writes the index of a repository that is only read
    "diff.suppressBlankEmpty": "false",
    "diff.relative": "false",
}
# Inside a git hook these point at another work tree; the others change how paths or diffs are read and written.
_FOREIGN_TEXT = (
    "GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX GIT_EXTERNAL_DIFF GIT_CONFIG_PARAMETERS GIT_CONFIG "
    "GIT_COMMON_DIR GIT_OBJECT_DIRECTORY GIT_NAMESPACE GIT_SHALLOW_FILE GIT_GRAFT_FILE GIT_DIFF_OPTS GIT_ATTR_SOURCE "
    "GIT_LITERAL_PATHSPECS GIT_GLOB_PATHSPECS GIT_NOGLOB_PATHSPECS GIT_ICASE_PATHSPECS"
)
_FOREIGN = frozenset(_FOREIGN_TEXT.split())
# A partial clone would fetch what it misses, by a program its configuration may name.
_OFFLINE = {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": ""}


class GitFailedError(Exception):
    """One call of git went wrong; the message is the line that says how, with the remedy git gives."""


@define
class Git:
    """Git in one folder; lives for one capture, whose questions share a clock.

    Parameters
    ----------
    folder : Path
        Where it works.
    ends : float, optional
        The moment (`time.monotonic`) at which every question has had its time; 10 seconds from now by default.
    """

    folder: Path
    ends: float = field(factory=lambda: time.monotonic() + _SECONDS_IN_ALL)
    _switches: dict[str, str] = field(factory=lambda: dict(_QUIET))

    def at(self, folder: Path) -> Git:
        """Return git in another folder, under the same clock; what its repository configures is not known yet."""
        return Git(folder, self.ends)

    def at_once(self, name: str, value: str) -> Git:
        """Return git in the same folder with one more setting."""
        return Git(self.folder, self.ends, self._switches | {name: value})

    def settings(self) -> dict[str, str]:
        """Return the configuration that holds here, and switch off the filters it names.

        Raises
        ------
        GitFailedError
            Also when a filter has a name by which it cannot be switched off.
        """
        told = self.ask("config", "--list", "-z").decode(errors="surrogateescape")
        pairs = (entry.partition("\n") for entry in told.split("\0") if entry)
        settings = {key: value for key, _, value in pairs}
        for key in settings:
            if not key.startswith("filter."):
                continue
            driver = key.rpartition(".")[0]
            if "=" in driver:
                raise GitFailedError(f"the filter {driver!r} cannot be switched off, so changes are not looked at")
            self._switches |= {f"{driver}.clean": "", f"{driver}.smudge": "", f"{driver}.process": ""}
            self._switches[f"{driver}.required"] = "false"
        return settings

    def ask(self, *arguments: str) -> bytes:
        """Return what git says.

        Raises
        ------
        GitFailedError
            When it fails, takes too long, or says more than is read.
        """
        told, cut = self.bounded(_MOST, *arguments)
        if cut:
            raise GitFailedError(f"{arguments[0]} says more than is read")
        return told

    def bounded(self, most: int, *arguments: str, said: bytes = b"") -> tuple[bytes, bool]:
        """Return what git says, at most so many bytes, and whether there was more."""
        seconds = min(_SECONDS, self.ends - time.monotonic())
        if seconds <= 0:
            raise GitFailedError(f"there was no time left for {arguments[0]}")
        command = ["git", "--no-pager", "-C", str(self.folder)]
        for name, value in self._switches.items():
            command += ["-c", f"{name}={value}"]
        with contextlib.ExitStack() as stack:
            given: IO[bytes] | int = subprocess.DEVNULL
            if said:  # a file, since a pipe would have to be fed while the answer is read
                given = stack.enter_context(tempfile.TemporaryFile())
                given.write(said)
                given.seek(0)
            try:
                answer = _run([*command, *arguments], given, most, seconds)
            except (OSError, ValueError) as error:
                raise GitFailedError(f"{arguments[0]} could not be started: {error}") from error
        if answer.code is None and not answer.cut:
            raise GitFailedError(f"{arguments[0]} took longer than {seconds:.2g} s")
        if answer.code and not answer.cut:
            raise GitFailedError(_telling(answer.complaint) or f"{arguments[0]} failed")
        return answer.told[:most], answer.cut


@define
class _Answer:
    told: bytes
    cut: bool
    complaint: str
    code: int | None


def _run(command: list[str], given: IO[bytes] | int, most: int, seconds: float) -> _Answer:
    """Run a program; return within the time, whoever else still holds its pipes."""
    ends = time.monotonic() + seconds
    process = subprocess.Popen(
        command,
        stdin=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_surroundings(),
        start_new_session=True,  # a group of its own, to be ended whole
    )
    assert process.stdout is not None
    assert process.stderr is not None
    told, complaint = _Reader(process.stdout, most), _Reader(process.stderr, _MOST_COMPLAINT, drain=True)
    try:
        while told.is_alive() and process.poll() is None and time.monotonic() < ends:
            told.join(0.05)
        with contextlib.suppress(subprocess.TimeoutExpired):
            if not told.cut:
                process.wait(max(ends - time.monotonic(), 0.01))
        told.join(0.2)  # what was written before the end is in the pipe already
        complaint.join(0.2)
        code = process.returncode
    finally:
        _end(process, told.is_alive() or complaint.is_alive())
    return _Answer(bytes(told.kept), told.cut, bytes(complaint.kept).decode(errors="replace"), code)


class _Reader(threading.Thread):
    """Reads a pipe to its end, keeps so many bytes of it, and closes it.

    A thread, because one who holds the pipe open without writing would keep a plain `read` waiting.
    """

    def __init__(self, stream: IO[bytes], most: int, *, drain: bool = False) -> None:
        super().__init__(daemon=True)
        self.kept = bytearray()
        self.cut = False
        self._stream, self._most, self._drain = stream, most, drain
        self.start()

    def run(self) -> None:
        with self._stream:
            while piece := os.read(self._stream.fileno(), 65536):
                if len(self.kept) <= self._most:
                    self.kept += piece
                elif not self._drain:
                    self.cut = True
                    return


def _end(process: subprocess.Popen[bytes], held: bool) -> None:
    """End a process, and with it all that it started."""
    if process.poll() is not None and not held:
        return
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1)


def _surroundings() -> dict[str, str]:
    own = {
        name: value
        for name, value in os.environ.items()
        if name not in _FOREIGN and not name.startswith("GIT_TRACE")  # a trace would be taken for a complaint
    }
    return own | _OFFLINE | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "LANGUAGE": ""}


def _telling(complaint: str) -> str:
    """Return the line of a complaint that says what is wrong, and the command git gives as the remedy."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    spoken = [line for line in lines if not line.startswith(("warning:", "hint:"))] or lines
    fatal = [line for line in spoken if line.startswith("fatal:")] or spoken
    remedy = [f"; if it is to be trusted: {line}" for line in lines if line.startswith("git config --global")]
    return "".join(fatal[:1] + remedy[:1])
