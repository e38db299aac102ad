"""`import mlcycle` in a cold process, against `import attrs, fsspec`.

python tests/benchmarks/bench_import.py [--times 21]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time


def seconds(code: str) -> float:
    """Return how long a fresh interpreter needs for some code."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


def main() -> None:
    """Print medians, without the start of the interpreter, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=21)
    times = parser.parse_args().times
    codes = {"nothing": "pass", "attrs, fsspec": "import attrs, fsspec", "mlcycle": "import mlcycle"}
    codes["mlcycle, all names"] = (
        "import mlcycle; [getattr(mlcycle, n) for n in mlcycle.__all__ if n != 'stats']; mlcycle.open"
    )
    found: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(times):
        for name, code in codes.items():
            found[name].append(seconds(code))
    medians = {name: statistics.median(values) * 1e3 for name, values in found.items()}
    floor = medians["attrs, fsspec"] - medians["nothing"]
    for name in ("attrs, fsspec", "mlcycle", "mlcycle, all names"):
        own = medians[name] - medians["nothing"]
        print(f"{name:<20} {own:7.1f} ms   {own / floor:5.2f} x floor")


if __name__ == "__main__":
    main()
