"""Locks of modules, which a forked child must not inherit held."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["renew_in_child"]


def renew_in_child(module: dict[str, Any], name: str, make: Callable[[], Any]) -> None:
    """Give a forked child a lock of its own: a thread that held the parent's does not exist there.

    Parameters
    ----------
    module : dict
        The ``globals()`` of the module.
    name : str
        The name of its lock.
    make : callable
        Makes one: `threading.Lock`, `threading.RLock`.
    """

    def renew() -> None:
        module[name] = make()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=renew)
