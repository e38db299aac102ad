"""Real tables for benchmarks and deep tests, in the order their rows were written down; nothing of them is committed.

============== ======= ======================================================================== =====================
name           rows    what, and the order of its rows                                          from, licence
============== ======= ======================================================================== =====================
elec2          45 312  price and demand of electricity in New South Wales every half hour, May  scikit-multiflow
                       1996 to December 1998 (Harries 1999); by time                            0.4.1, BSD-3-Clause
weather        18 159  one station in Nebraska day by day, 1949 to 1999 (Elwell and Polikar     scikit-multiflow
                       2011, from NOAA); by time                                                0.4.1, BSD-3-Clause
covtype        581 012 forest cover of cells of 30 m (Blackard and Dean 1999); as published,    scikit-multiflow
                       which walks from area to area                                            0.4.1, BSD-3-Clause
flights        100 000 flights in the United States in 2015, a sample (US DOT); by day          popmon 1.4.12, MIT
digits         1 797   8 by 8 images of digits; by writer                                       scikit-learn
breast_cancer  569     measurements of cell nuclei                                              scikit-learn
wine           178     chemistry of wines; by cultivar                                          scikit-learn
iris           150     flowers; by species                                                      scikit-learn
diabetes       442     patients and the progress of their disease after a year                  scikit-learn
============== ======= ======================================================================== =====================

scikit-learn (BSD-3-Clause) carries its sets with it. The other tables are read out of released wheels, which pip
fetches once and whose sha256 is pinned here, into ``MLCYCLE_TEST_CACHE`` or ``~/.cache/mlcycle-tests``.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pandas as pd
from attrs import frozen

__all__ = ["NAMES", "TARGETS", "DataMissing", "cache_folder", "table"]

TARGETS = {
    "elec2": "class",
    "weather": "rain",
    "covtype": "Cover_Type",
    "flights": "DEPARTURE_DELAY",
    "digits": "target",
    "breast_cancer": "target",
    "wine": "target",
    "iris": "target",
    "diabetes": "target",
}
NAMES = tuple(TARGETS)

_COLUMNS = {
    "elec2": ["period", "nswprice", "nswdemand", "vicprice", "vicdemand", "transfer", "class"],
    "weather": [
        "temperature", "dew_point", "sea_level_pressure", "visibility", "wind_speed", "wind_speed_max",
        "temperature_max", "temperature_min", "rain",
    ],
}  # fmt: skip


class DataMissing(RuntimeError):  # noqa: N818 - it says what happened, as the library's own do
    """A table that is not on this machine and cannot be fetched."""


@frozen
class _Wheel:
    requirement: str
    file: str
    sha256: str
    options: tuple[str, ...]


_MULTIFLOW = _Wheel(
    "scikit-multiflow==0.4.1",
    "scikit_multiflow-0.4.1-cp37-cp37m-manylinux1_x86_64.whl",
    "17842a0719992871f66f2edd475c3cf947be73d16595cb28d9ec26a79cfc58de",
    ("--platform", "manylinux1_x86_64", "--python-version", "37"),
)
_POPMON = _Wheel(
    "popmon==1.4.12",
    "popmon-1.4.12-py3-none-any.whl",
    "2f184745813165004aea46829b528d0852c963f847bf32bcc6a15e51703cfd14",
    (),
)


def table(name: str) -> pd.DataFrame:
    """Return a table with its rows in their original order, the target among the columns (see `TARGETS`).

    elec2: period of the day, price and demand in New South Wales and Victoria, transfer between them, all scaled to 0
    to 1; class 1 where the price is above its average of the last 24 hours. weather: temperatures in Fahrenheit,
    pressure in millibar, visibility in miles, wind in knots; rain 0 or 1. covtype: 10 measurements, 4 areas and 40
    soils as 0 and 1, cover 1 to 7. flights: CANCELLED, AIRLINE (text), DEPARTURE_DELAY, TAXI_OUT, AIR_TIME in minutes,
    DISTANCE in miles, DATE; nulls where a flight was cancelled.

    Raises
    ------
    DataMissing
        If the table is in no cache and pip cannot fetch it, or fetches something else than was pinned.
    """
    if name not in TARGETS:
        raise KeyError(f"no table {name!r}; there are {', '.join(NAMES)}")
    if name == "flights":
        return _flights()
    if name in ("elec2", "weather", "covtype"):
        file = "elec" if name == "elec2" else name
        frame = pd.read_csv(io.BytesIO(_member(_MULTIFLOW, f"skmultiflow/data/datasets/{file}.csv")))
        return frame.set_axis(_COLUMNS.get(name, frame.columns), axis=1)
    from sklearn import datasets

    frame: pd.DataFrame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    return frame


def cache_folder() -> Path:
    """Return the folder for what tests and benchmarks fetch, made if need be; it is outside of the repository."""
    folder = Path(os.environ.get("MLCYCLE_TEST_CACHE") or Path.home() / ".cache" / "mlcycle-tests")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _flights() -> pd.DataFrame:
    parts = [
        pd.read_csv(io.BytesIO(gzip.decompress(_member(_POPMON, f"popmon/test_data/{file}.csv.gz"))), index_col=0)
        for file in ("flight_delays_reference", "flight_delays")
    ]
    # The index is the row in the table of the whole year, which is in order of time.
    frame = pd.concat(parts).sort_index(kind="stable")
    frame["DATE"] = pd.to_datetime(frame["DATE"])
    return frame.reset_index(drop=True)


def _member(wheel: _Wheel, path: str) -> bytes:
    file = cache_folder() / wheel.file
    if not file.exists():
        _fetch(wheel, file)
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != wheel.sha256:
        raise DataMissing(f"{file} is not the pinned {wheel.requirement}; delete it to have it fetched again")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(path)


def _fetch(wheel: _Wheel, file: Path) -> None:
    """Have pip fetch a wheel, and give it its name only when it is whole and the pinned one."""
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
        done = subprocess.run(
            [*command, *wheel.options, "-d", folder, wheel.requirement], capture_output=True, text=True, check=False
        )
        got = Path(folder) / wheel.file
        if done.returncode or not got.exists():
            raise DataMissing(f"pip could not fetch {wheel.requirement}: {done.stderr.strip()[-500:]}")
        if hashlib.sha256(got.read_bytes()).hexdigest() != wheel.sha256:
            raise DataMissing(f"pip fetched a {wheel.file} with another sha256 than the pinned one")
        got.replace(file)
