"""``python -m mlcycle``: the same as the command ``mlcycle``."""

from __future__ import annotations

import sys

from mlcycle.cli import main

if __name__ == "__main__":
    sys.exit(main())
