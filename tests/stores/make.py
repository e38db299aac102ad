"""Make the sample stores that `test_stores` reads for ever, all of them anew: ``python -m tests.stores.make``.

``v1/`` is a project as format 1 writes it, once around the cycle. ``long.tar.xz`` is one with more entries than a
rollup holds, and its caches; an archive, because most of its files are empty. ``future/<what>/`` is laid over a copy of
``v1/``: entries by a library that knows more (`tests.stores.newer`).

Until a format is released they may be made again whenever it changes, and are then as before but for ids, times and
digests, which no test names. A released store is never made again; a new format gets a folder of its own beside it.
"""

from __future__ import annotations

import io
import platform
import shutil
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import provenance, records
from mlcycle.provenance._environment import identified
from tests.stores import newer

HERE = Path(__file__).parent


def frame() -> pd.DataFrame:
    """Return twelve customers, with what is hard to store: missing values, text, categories, moments."""
    return pd.DataFrame(
        {
            "id": np.arange(12),
            "age": [23.0, 41.5, np.nan, 58.0, 29.0, 44.0, 61.0, 38.0, 33.0, 52.0, 47.0, 26.0],
            "visits": pd.array([3, 1, None, 7, 2, 8, 0, 5, 4, 6, 2, 9], dtype="Int64"),
            "region": pd.Categorical(["north", "süd", "west"] * 4),
            "since": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(12), unit="D"),
            "left": [0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 1, 0],
        }
    )


def model(rows: pd.DataFrame) -> DecisionTreeClassifier:
    """Return a tree that asks for the age."""
    return DecisionTreeClassifier(max_depth=1, random_state=0).fit(rows[["age", "visits"]], rows["left"])


def make(url: Path) -> None:
    """Go once through everything a project does."""
    project = mc.open(url, create=True, author="ada")
    project.scope.set(
        objective="Keep customers who are about to leave",
        criteria=[mc.AtLeast("accuracy", 0.01)],
        test="customers.test",
        message="agreed",
    )
    roles = {"target": "left", "key": "id", "time": "since", "group": "region"}
    project.datasets.add("customers", frame(), message="CRM export", **roles)
    train, test = project.datasets["customers"].split(test=0.5)
    trees = project.experiments.open("trees", hypothesis="age is enough", metric="accuracy")
    rows = project.load(train)
    with trees.start(params={"max_depth": 1}, uses=[train], name="first") as run:
        run.log(accuracy=0.5, step=1)
        run.log(accuracy=0.75, loss=float("nan"), step=2)
        run.log_artifact("notes", "grüße")
        run.save_model(model(rows), example=rows[["age", "visits"]][:3])
    first = run.register("churn", message="the first")
    first.evaluate(test)
    first.promote("production", override_until="2100-01-01", message="it is all we have")
    project.deployments.open("eu").route({"churn@1": 100}, message="launch")
    with project.deployments["eu"].serve() as service:
        service.predict(pd.DataFrame({"age": [30.0, 60.0], "visits": [1, 2]}), ids=["a", "b"])
        service.label(["a"], [1])
    project.store.tag("launched")
    project.datasets.add("customers", frame().assign(left=0), message="a broken export")
    project.rollback("launched", message="broken export")


CODE = provenance.CapturedCode(
    commit="0123456789abcdef0123456789abcdef01234567",
    branch="main",
    dirty=True,
    entry_point="train.py",
    diff="--- a/train.py\n+++ b/train.py\n@@ -1 +1 @@\n-depth = 2\n+depth = 1\n",
)
ENVIRONMENT = identified(
    records.Environment(
        python="3.11.7", platform="Linux x86_64 glibc 2.36", cores=2, packages={"scikit-learn": "1.5.0"}
    )
)


def make_long(url: Path) -> None:
    """Make a project of 1 100 entries, compacted after most of them."""
    project = mc.open(url, create=True, author="ada")
    project.datasets.add("numbers", pd.DataFrame({"n": range(3)}), message="the first", op="numbers")
    for n in range(1085):
        project.store.tag(f"t{n % 10}")
    project.datasets.add("numbers", pd.DataFrame({"n": range(4)}), message="one more")
    project.store.compact()
    for n in range(12):
        project.store.tag(f"late{n}")


def packed(folder: Path, target: Path) -> None:
    """Put a folder into an archive, in order and without moments."""
    with tarfile.open(target, "w:xz") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            member = tarfile.TarInfo(path.relative_to(folder).as_posix())
            member.size = path.stat().st_size
            archive.addfile(member, io.BytesIO(path.read_bytes()))


def main() -> None:
    """Make them all anew."""
    for name in ("v1", "future"):
        shutil.rmtree(HERE / name, ignore_errors=True)
    platform.node = lambda: "example"
    provenance.capture_code = lambda: CODE  # a sample says nothing of the machine it was made on
    provenance.capture_environment = lambda: ENVIRONMENT
    make(HERE / "v1")
    for write in newer.ALL:
        write(newer.Newer(HERE / "v1", HERE / "future" / write.__name__))
    with tempfile.TemporaryDirectory() as folder:
        make_long(Path(folder, "long"))
        packed(Path(folder, "long"), HERE / "long.tar.xz")


if __name__ == "__main__":
    main()
