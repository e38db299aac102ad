"""Every frame that pandas' own tests build comes back to the bit, or is refused in words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent.parent.parent
_SECONDS = 480  # with the start and what runs last, below ten minutes
_MODULES = (  # the many small ones first: what is left out when time is up comes from the last
    "pandas.tests.frame.test_constructors",
    "pandas.tests.frame.test_stack_unstack",
    "pandas.tests.frame.indexing",
    "pandas.tests.arrays.sparse",
    "pandas.tests.groupby.methods.test_value_counts",
    "pandas.tests.groupby.test_categorical",
    "pandas.tests.io.json.test_json_table_schema",
    "pandas.tests.io.test_parquet",
    "pandas.tests.reshape",
    "pandas.tests.groupby.test_groupby",
    "pandas.tests.frame.methods",
    "pandas.tests.resample.test_base",
)


@pytest.mark.deep
def test_the_frames_of_pandas_come_back_or_are_refused(tmp_path: Path) -> None:
    """Each frame is equal in values, dtypes, index, labels, names and attrs, or refused; nothing else happens to it."""
    report = tmp_path / "report.json"
    env = {
        **os.environ,
        "PYTHONPATH": str(_ROOT),
        "MLCYCLE_FRAMES_REPORT": str(report),
        "MLCYCLE_FRAMES_SECONDS": str(_SECONDS),
    }
    options = ["-p", "tests.codecs.pandas_frames", "-p", "no:cacheprovider", "-c", os.devnull, "-q", "--tb=no"]
    command = [sys.executable, "-m", "pytest", *options, "--rootdir", str(tmp_path), "--pyargs", *_MODULES]
    ran = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert report.exists(), ran.stdout[-3000:] + ran.stderr[-3000:]
    seen = json.loads(report.read_text("utf-8"))
    print(seen["counts"])
    assert not seen["faults"], "\n\n".join(seen["faults"][:20])
    assert seen["counts"]["equal"] > 3_000
    assert seen["counts"]["through a project"] > 30
