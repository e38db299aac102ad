"""Other libraries, each in a virtual environment of its own, asked a question at a time.

An environment is made on first use under the folder of `cache_folder`, with the requirements that make the peer run
today, and kept. A peer that cannot be had is a `PeerMissing`, which a benchmark prints by name and passes over.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks.real_data import cache_folder

__all__ = ["REQUIREMENTS", "PeerMissing", "ask", "python_of"]

REQUIREMENTS = {
    "alibi-detect": ("alibi-detect", "pyarrow<22"),
    "crepes": ("crepes",),
    "deepchecks": ("deepchecks", "scikit-learn<1.5", "numpy<2", "pandas<2.3", "category-encoders<2.7", "pyarrow<22"),
    "evidently": ("evidently", "pandas<3"),
    "nannyml": ("nannyml", "statsmodels"),
    "river": ("river",),
    "whylogs": ("whylogs", "numpy<2", "pandas<3", "ipython", "scipy", "pyarrow<22"),
}
# Frames travel as parquet; newer pyarrow does without NumPy 1, which some peers are held to.
_TO_TALK = ("pandas", "pyarrow")
_QUIET = {
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "WANDB_MODE": "offline",
    "NML_DISABLE_USAGE_LOGGING": "1",
    "WHYLOGS_NO_ANALYTICS": "True",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "PYTHONWARNINGS": "ignore",
}

_ASKED = """
import json, sys
from importlib import metadata
from pathlib import Path

folder, peer = Path(sys.argv[1]), sys.argv[2]
known = json.loads((folder / "scalars.json").read_text())
for file in folder.glob("*.parquet"):
    import pyarrow.parquet
    # Without the metadata of another pandas, this pandas chooses the dtypes it prefers.
    known[file.stem] = pyarrow.parquet.read_table(file).replace_schema_metadata(None).to_pandas()
for file in folder.glob("*.npy"):
    import numpy
    known[file.stem] = numpy.load(file)
exec(compile((folder / "script.py").read_text(), "script.py", "exec"), known)
answer = dict(known["answer"], versions={name: metadata.version(name) for name in (peer, "numpy", "pandas")})
(folder / "answer.json").write_text(json.dumps(answer))
"""


class PeerMissing(RuntimeError):  # noqa: N818 - it says what happened, as the library's own do
    """A peer that cannot be installed here."""


def python_of(name: str) -> Path:
    """Return the interpreter of a peer's environment, making that on first use.

    Raises
    ------
    PeerMissing
        If pip cannot install it.
    """
    wanted = (*REQUIREMENTS[name], *_TO_TALK)
    mark = hashlib.sha256(repr((sys.version_info[:2], wanted)).encode()).hexdigest()[:8]
    home = cache_folder() / "peers" / f"{name}-{mark}"
    python = home / "bin" / "python"
    with _alone(home.with_suffix(".lock")):
        if not (home / "complete").exists():
            shutil.rmtree(home, ignore_errors=True)
            print(f"making an environment for {name} in {home}", file=sys.stderr)
            _make(name, home, [str(python), "-m", "pip", "install", "-q", *wanted])
            (home / "complete").touch()
    return python


def ask(name: str, script: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Run a script in a peer's environment and return what it assigned to ``answer``, with ``versions``.

    Parameters
    ----------
    name : str
        One of `REQUIREMENTS`.
    script : str
        Python source. Each name of `payload` is a variable; it must assign ``answer``, a dict that JSON can hold.
    payload : mapping
        Frames (column names are strings; the index is dropped), arrays of numbers, and what JSON can hold.

    Raises
    ------
    PeerMissing
        If it cannot be installed.
    RuntimeError
        If the script fails; the message holds the end of its traceback.
    """
    python = python_of(name)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        scalars = {}
        for key, value in payload.items():
            if isinstance(value, pd.DataFrame):
                value.to_parquet(folder / f"{key}.parquet", index=False)
            elif isinstance(value, np.ndarray):
                np.save(folder / f"{key}.npy", value, allow_pickle=False)
            else:
                scalars[key] = value
        (folder / "scalars.json").write_text(json.dumps(scalars))
        (folder / "script.py").write_text(script)
        done = subprocess.run(
            [str(python), "-c", _ASKED, temporary, name],
            capture_output=True, text=True, check=False, cwd=temporary, env={**os.environ, **_QUIET},
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{name} failed: {done.stderr.strip()[-2000:]}")
        answer: dict[str, Any] = json.loads((folder / "answer.json").read_text())
        return answer


def _make(name: str, home: Path, install: list[str]) -> None:
    for command in ([sys.executable, "-m", "venv", str(home)], install):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PeerMissing(f"{name} cannot be installed here: {done.stderr.strip()[-500:]}")


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Hold a lock, so that two benchmarks started together make an environment once."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
