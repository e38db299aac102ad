"""A process that commits and prints what is acknowledged: ``python -m tests.storage.committer STORE WHO COUNT``."""

from __future__ import annotations

import sys

from mlcycle.storage import open_files
from tests.storage.shelf import ShelfLog, tick


def main(url: str, who: str, count: int) -> None:
    """Commit `count` ticks; say which were acknowledged, each in one write."""
    log = ShelfLog(open_files(url), author=who)
    for i in range(count):
        made = log.commit(tick(f"{who}.{i}"))
        sys.stdout.write(f"{who}.{i} {made.n}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
