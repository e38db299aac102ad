"""A model file opened by a Python that has none of this program: not its modules, nor its folders.

Where Python can fork safely, one such Python is kept for a while, with nothing imported but the libraries that every
model needs, and each file is opened by a fork of it: the first takes as long as Python needs to import scikit-learn,
and the next a few milliseconds. Elsewhere each file takes a Python of its own.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mlcycle._locks import renew_in_child
from mlcycle.codecs._load_child import of_death

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FreshLoad", "load_afresh"]

Doc = dict[str, Any]
# macOS has no place here: its own frameworks, Accelerate among them, may crash in a forked child.
_FORKS = sys.platform == "linux"
# Seconds. A forest of a gigabyte loads in ten; a Python over a slow network drive needs half a minute to import
# scikit-learn. What takes longer is waiting for something that will not come.
_PATIENCE = 60.0
_GOODBYE = 2.0  # seconds for one that is to end by itself, which takes it milliseconds
_DEATHS = 2  # of one that was started for this file: once may be chance, or somebody else's doing
_BEGIN = """
import sys
sys.path.insert(0, sys.argv[1])
import mlcycle
del sys.path[0]
from mlcycle.codecs._load_child import serve
serve(forks=sys.argv[2] == "forks")
"""


@frozen
class FreshLoad:
    """What became of a model file in a fresh Python.

    Attributes
    ----------
    outcome : {"loads", "fails", "untrusted", "untold"}
        ``"untold"``: it could not be tried to the end, which says nothing of the model.
    detail : str
        In words: what Python said, or why nothing can be told.
    answered : bool
        Whether the model answered its example, too.
    missing : tuple of str
        Of one that is untrusted: the names among `local` whose modules the fresh Python does not find.
    """

    outcome: str
    detail: str = ""
    answered: bool = False
    missing: tuple[str, ...] = ()


def load_afresh(
    path: str | os.PathLike[str],
    format: str,
    *,
    trust: frozenset[str] = frozenset(),
    signature: Doc | None = None,
    example: str | os.PathLike[str] | None = None,
    label: str = "the model",
    local: Iterable[str] = (),
    patience: float = _PATIENCE,
) -> FreshLoad:
    """Open a model file in a Python that has nothing of this program but its environment variables.

    Parameters
    ----------
    path : str or path
        The file, whose digest the caller has compared already.
    format : {"skops", "joblib"}
    trust : frozenset of str
        As `mlcycle.codecs.trusted_names` gives it; no code of the file runs that `load_model` would not run.
    signature : dict, optional
    example : str or path, optional
        Rows as Parquet, which the model is to answer.
    label : str
        What messages call the model.
    local : iterable of str
        Names in it that only the program that saved it found (`local_names`): of one that is untrusted they are looked
        for all the same, which runs nothing of it.
    patience : float
        Seconds after which it is given up; to start takes its own time.

    Examples
    --------
    >>> import joblib
    >>> from sklearn.dummy import DummyClassifier
    >>> file = Path(tempfile.mkdtemp(), "model")
    >>> written = joblib.dump(DummyClassifier().fit([[0.0]], [1]), file)
    >>> load_afresh(file, "joblib", trust=frozenset({"joblib"}))
    FreshLoad(outcome='loads', detail='', answered=False, missing=())
    """
    request = {
        "model": os.path.abspath(path),  # noqa: PTH100 - links stay as they are
        "format": format,
        "trust": sorted(trust),
        "signature": signature,
        "example": None if example is None else os.path.abspath(example),  # noqa: PTH100
        "label": label,
        "local": sorted(local),
        "patience": patience,
    }
    if why := _not_a_python():
        return FreshLoad("untold", why)
    with tempfile.TemporaryDirectory(prefix="mlcycle-", ignore_cleanup_errors=True) as folder:
        try:
            answer = _ask({**request, "folder": folder}, patience)
        except _CannotStart as error:
            return FreshLoad("untold", f"a fresh Python cannot be started here: {error}")
        except TimeoutError:
            return FreshLoad("untold", f"a fresh Python was not done with it within {patience:g} s")
    return FreshLoad(**{**answer, "missing": tuple(answer.get("missing", ()))})


class _CannotStart(Exception):  # noqa: N818 - a signal to `load_afresh`, never seen by a user
    """There is no fresh Python to be had, as it says."""


def _not_a_python() -> str:
    """Say why there is no Python to start, where this is none itself; nothing else is ever started."""
    name = Path(sys.executable or "").name.lower()
    if getattr(sys, "frozen", False) or not name.startswith(("python", "pypy", "graalpy")):
        return f"this program is not run by a Python that could be started again (sys.executable is {name!r})"
    return ""


# one Python -----------------------------------------------------------------------------------------------------------


def _started(mode: str, folder: str) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).parents[2])
    flags = [*(["-E"] if sys.flags.ignore_environment else []), *(["-s"] if sys.flags.no_user_site else [])]
    try:
        return subprocess.Popen(
            [sys.executable, "-P", *flags, "-W", "ignore", "-c", _BEGIN, root, mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd=folder,
            start_new_session=True,  # Ctrl-C is for whoever asks
        )
    except (OSError, ValueError) as error:
        raise _CannotStart(str(error)) from error


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End it with all it has started, which is in a session with it where there are sessions."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()


def _document(line: bytes) -> Doc | None:
    """Return what a line says; None for one of somebody else, such as a ``sitecustomize`` that prints."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _check_ready(hello: Doc, status: int | None) -> None:
    if not hello.get("ready"):
        raise _CannotStart(str(hello.get("broken", f"it ended with status {status}")))


def _ask_once(request: Doc, patience: float) -> Doc:
    """Ask a Python that answers once."""
    with _started("once", request["folder"]) as process:
        try:
            said, _ = process.communicate(json.dumps(request).encode() + b"\n", timeout=_PATIENCE + patience)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        finally:
            _kill(process)
    heard: list[Doc] = [*filter(None, map(_document, said.splitlines())), {}, {}]
    _check_ready(heard[0], process.returncode)
    return heard[1] or of_death(process.returncode)


class _ForkingPython:
    """A Python that forks for each request; lives until it is closed, or has had nothing to do for a while.

    Parameters
    ----------
    folder : str
        An empty one, for as long as it starts.
    """

    def __init__(self, folder: str) -> None:
        self._received = b""
        self.path = os.environ.get("PYTHONPATH")
        self._process = _started("forks", folder)
        self.pid = self._process.pid
        try:
            hello = self._line(time.monotonic() + _PATIENCE)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_GOODBYE)  # what was started has forked, or ended
            _check_ready(hello, self._process.returncode)
            self.pid = int(hello["pid"])
        except BaseException:
            self.close()
            raise

    def ask(self, request: Doc, patience: float) -> Doc:
        """Return the answer to a request; nothing where nobody is there any more."""
        assert self._process.stdin is not None
        rest = memoryview(json.dumps(request).encode() + b"\n")
        try:
            while rest:
                rest = rest[self._process.stdin.write(rest) :]
            return self._line(time.monotonic() + patience)
        except BrokenPipeError:
            return {}

    def _line(self, deadline: float) -> Doc:
        """Return what is said next; nothing where it has ended."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        waiting = select.poll()  # unlike `select` it takes files whose number is above 1 024
        waiting.register(descriptor, select.POLLIN)
        while True:
            line, end, rest = self._received.partition(b"\n")
            if end:
                self._received = rest
                if (found := _document(line)) is not None:
                    return found
                continue
            if not waiting.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise TimeoutError
            part = os.read(descriptor, 1 << 16)
            if not part:
                return {}
            self._received += part

    def close(self) -> None:
        """End it: without anybody who could ask, it kills what it has forked, and ends."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        if not self._has_ended():  # so that the number is still its own
            with contextlib.suppress(OSError):
                os.kill(self.pid, signal.SIGKILL)
        self.forget()
        self._process.wait()
        with contextlib.suppress(OSError):  # where this program is what the system hands orphans to, as in a container
            os.waitpid(self.pid, os.WNOHANG)

    def _has_ended(self) -> bool:
        """Wait a moment for its end, which is that of what it says."""
        try:
            while self._line(time.monotonic() + _GOODBYE):
                pass
        except TimeoutError:
            return False
        return True

    def forget(self) -> None:
        """Let go of it, as a forked child does: it ends with its owner."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


_lock = threading.Lock()
renew_in_child(globals(), "_lock", threading.Lock)
_standing: _ForkingPython | None = None


def _ask_standing(request: Doc, patience: float) -> Doc:
    """Ask the Python that is there, or one that is started now.

    The one that is there may have ended for want of something to do; those started now have died of this very file.
    """
    global _standing
    deaths = 0
    with _lock:
        while deaths < _DEATHS:
            if _standing is not None and _standing.path != os.environ.get("PYTHONPATH"):
                _end()
            answer: Doc = {}
            own = _standing is None
            try:
                if _standing is None:
                    _standing = _ForkingPython(request["folder"])
                answer = _standing.ask({**request, "environ": dict(os.environ)}, patience)
            finally:
                # what is mended after a failure, by installing something, only another one sees
                if answer.get("outcome") in (None, "fails") or answer.get("missing"):
                    _end()
            if answer:
                return answer
            deaths += own
    return {"outcome": "fails", "detail": "it ended the Python that was to load it, each time one was started"}


def _end() -> None:
    global _standing
    if _standing is not None:
        _standing.close()
    _standing = None


def _forget() -> None:
    global _standing
    if _standing is not None:
        _standing.forget()
    _standing = None


_ask = _ask_standing if _FORKS else _ask_once
atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
