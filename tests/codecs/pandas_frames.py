"""A plugin for pytest: every frame that pandas' own tests build goes through the table codec, some through a project.

Run by ``test_pandas_frames.py`` in a process of its own; what it saw is written as JSON to the file
``MLCYCLE_FRAMES_REPORT`` names. After ``MLCYCLE_FRAMES_SECONDS`` the remaining tests are skipped.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.core.generic import NDFrame

import mlcycle as mc
from mlcycle import codecs
from mlcycle.errors import InvalidInput
from tests.codecs.conftest import FolderBlocks
from tests.codecs.same_frames import difference

_A_TEST, _ROWS, _COLUMNS = 100, 2_000, 120  # frames of one test; more or larger ones show nothing new
_EVERY = 100  # one in so many goes through a project, too


class _Hunt:
    """What was built in the running test, and what became of every frame so far."""

    def __init__(self) -> None:
        self.built: list[pd.DataFrame] = []
        self.listens = False
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self.seen: set[bytes] = set()
        self.until = time.monotonic() + float(os.environ["MLCYCLE_FRAMES_SECONDS"])
        self.blocks = FolderBlocks(Path(tempfile.mkdtemp()))
        self.project = mc.open("memory://pandas-frames")

    def try_all(self, test: str) -> None:
        for frame in self.built:
            if len(frame) > _ROWS or frame.shape[1] > _COLUMNS or not self._is_new(frame):
                continue
            self.counts["frames"] += 1
            outcome, said = self._outcome(frame)
            self.counts[outcome] += 1
            if outcome == "wrong":
                self.faults.append(f"{test}: {said}\n{_shown(frame)}")
        self.built.clear()

    def _is_new(self, frame: pd.DataFrame) -> bool:
        try:
            digest = hashlib.sha256(pickle.dumps(frame)).digest()
        except Exception:  # noqa: BLE001 - what cannot be pickled is tried each time
            return True
        known = digest in self.seen
        self.seen.add(digest)
        return not known

    def _outcome(self, frame: pd.DataFrame) -> tuple[str, str]:
        try:
            said = difference(frame, self._through_codec(frame))
            if said is None and len(frame) and self.counts["frames"] % _EVERY == 0:
                said = difference(frame, self.project.load(self.project.datasets.add("frame", frame)))
                self.counts["through a project"] += 1
        except InvalidInput as error:
            return "refused", str(error)
        except Exception as error:  # noqa: BLE001 - any other error is what is looked for
            return "wrong", f"{type(error).__name__}: {error}"
        return ("equal", "") if said is None else ("wrong", said)

    def _through_codec(self, frame: pd.DataFrame) -> pd.DataFrame:
        encoded = codecs.encode(frame, allow_empty=True)
        for column in encoded.table.columns:
            list(codecs.column_values(column))
        written = codecs.write(encoded, self.blocks)
        try:
            manifest = codecs.read_manifest(self.blocks.open(written.manifest["key"]))
            return codecs.load(manifest, self.blocks, verify=True)
        except InvalidInput as error:  # no longer a refusal: it has been stored
            raise AssertionError(f"stored, and not to be read: {error}") from error
        finally:
            for file in self.blocks.folder.iterdir():
                file.unlink()


def _shown(frame: pd.DataFrame) -> str:
    try:
        return f"{frame.head(3)!r}\n{frame.dtypes.tolist()!r:.300}\n{frame.index[:3]!r}\n{frame.columns[:5]!r}"
    except Exception as error:  # noqa: BLE001 - some frames of pandas' tests are broken on purpose
        return f"(cannot be shown: {error!r})"


hunt = _Hunt()
_init = NDFrame.__init__


def _remember(self: Any, *args: Any, **options: Any) -> None:
    _init(self, *args, **options)
    if hunt.listens and isinstance(self, pd.DataFrame) and len(hunt.built) < _A_TEST:
        hunt.built.append(self)


NDFrame.__init__ = _remember


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Listen while a test runs, then try what it built."""
    if time.monotonic() > hunt.until:
        hunt.counts["tests left out"] += 1
        pytest.skip("no time left")
    hunt.listens = True
    try:
        return (yield)
    finally:
        hunt.listens = False
        hunt.counts["tests"] += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            hunt.try_all(item.nodeid)


def pytest_sessionfinish() -> None:
    """Write down what was seen."""
    seen = {"counts": dict(hunt.counts), "faults": hunt.faults}
    Path(os.environ["MLCYCLE_FRAMES_REPORT"]).write_text(json.dumps(seen), "utf-8")
