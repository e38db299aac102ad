"""A progress bar for long work, where somebody is watching."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["watched"]


@contextlib.contextmanager
def watched(label: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Give a callable ``(done, total)`` that moves a bar; silent unless in a notebook or on a terminal."""
    from tqdm import tqdm

    with tqdm(desc=label, unit=f" {unit}", leave=False, disable=not _seen(), delay=0.5) as bar:

        def move(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield move


def _seen() -> bool:
    return "ipykernel" in sys.modules or sys.stderr.isatty()
