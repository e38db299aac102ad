"""Names of a package that are loaded when they are first used, so that importing the package costs next to nothing."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["lazy_names"]


def lazy_names(
    package: str, homes: Mapping[str, tuple[str, ...]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` (PEP 562) of a package whose names live in its modules.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    homes : mapping of str to tuple of str
        Module, relative to the package, to the names it holds; with none, the module itself is the name.

    Examples
    --------
    >>> load, names = lazy_names("mlcycle", {"_ids": ("new_id",), "errors": ()})
    >>> len(load("new_id")()), load("errors").__name__, "new_id" in names()
    (32, 'mlcycle.errors', True)
    """
    home = {name: module for module, names in homes.items() for name in names or (module,)}

    def __getattr__(name: str) -> Any:  # noqa: N807 - it becomes the package's own
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(f"{package}.{home[name]}")
        value = getattr(module, name) if homes[home[name]] else module
        setattr(sys.modules[package], name, value)
        return value

    def __dir__() -> list[str]:  # noqa: N807
        own = vars(sys.modules[package])
        return sorted({*home, *own.get("__all__", ()), *(name for name in own if name.startswith("__"))})

    return __getattr__, __dir__
