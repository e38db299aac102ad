"""Act as a user who may not do everything, even where the tests run as root."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def nobody() -> Iterator[Path]:
    """Give such a user a place.

    It lies outside `tmp_path`: pytest shuts its folders to others, and tests in other processes share their parents.
    What the user does should have been done before: Python itself may lie where nobody can import from it.
    """
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        Path(place).chmod(0o777)
        was = os.geteuid()
        if was == 0:
            os.seteuid(65534)
        try:
            yield Path(place)
        finally:
            os.seteuid(was)
