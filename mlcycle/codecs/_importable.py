"""What a model names that other programs cannot import, told without loading anything.

A class is found by its name. One of ``__main__`` has a name in this program alone, and one of a module beside the
script is found because Python puts the folder of the script first on the path; a program that starts elsewhere finds
neither. What others find is what is installed, as a package or from its own folder (``pip install -e``), the standard
library, and what an absolute entry of ``PYTHONPATH`` names: that is a setting of the machine, and made on purpose.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import pickle
import re
import site
import sys
import sysconfig
import types
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

__all__ = ["local_names", "missing_modules", "module_folders", "pickled_names", "relative_folders"]

_NAMED = (type, types.FunctionType, types.BuiltinFunctionType)
_MAIN = ("__main__", "__mp_main__")  # the second is the first, in a process that multiprocessing started
_NEVER_LOCAL = frozenset(sys.builtin_module_names) | sys.stdlib_module_names


def local_names(names: Iterable[str]) -> dict[str, str]:
    """Return those among dotted names of classes and functions that only this program finds, and why.

    Parameters
    ----------
    names : iterable of str
        Of things whose modules are imported: ``"features.Clipper"``.

    Returns
    -------
    dict of str to str
        Name to the reason, as the end of a sentence. What cannot be told is left out.

    Examples
    --------
    >>> local_names(["sklearn.tree._classes.DecisionTreeClassifier", "pathlib.Path"])
    {}
    >>> [*local_names(["__main__.Clipper"])]
    ['__main__.Clipper']
    """
    homes = {name: home for name in dict.fromkeys(names) if (home := _module_of(name)) is not None}
    reasons = _reasons(set(homes.values()))
    return {name: reasons[home] for name, home in homes.items() if home in reasons}


def pickled_names(model: Any) -> set[str]:
    """Return the names of classes and functions that a pickle of a model holds; none where it cannot be pickled.

    The pickle is made and thrown away, its arrays left out: joblib writes them between the codes of a pickle, so that
    nobody can read the names from its file without loading it.

    Examples
    --------
    >>> sorted(pickled_names([Path("a"), len]) & {"pathlib.PosixPath", "builtins.len"})
    ['builtins.len', 'pathlib.PosixPath']
    """
    pickler = _Names()
    with contextlib.suppress(Exception):  # of foreign code; what was found until then is told
        pickler.dump(model)
    return pickler.found


def missing_modules(names: Iterable[str]) -> list[str]:
    """Return the first parts of dotted names that a Python started elsewhere would not find; nothing is imported.

    Examples
    --------
    >>> missing_modules(["sklearn.tree._classes.DecisionTreeClassifier", "pathlib.Path", "__main__.Clipper"])
    ['__main__']
    """
    tops = dict.fromkeys(name.partition(".")[0] for name in names)
    left = [top for top in tops if top not in _NEVER_LOCAL]
    if left:
        importlib.invalidate_caches()
        path = [*module_folders(), *_site_folders(), *(sysconfig.get_paths()[one] for one in ("stdlib", "platstdlib"))]
        left = [top for top in left if top in _MAIN or PathFinder.find_spec(top, path) is None]
    editable = {name for tops, _ in _editable() for name in tops} if left else set()
    return [top for top in left if top not in editable]


def module_folders() -> list[str]:
    """Return the folders that a Python started elsewhere looks for modules in, beside those of what is installed.

    Examples
    --------
    >>> all(map(os.path.isabs, module_folders()))
    True
    """
    return [*_entries_of_environment(), *map(os.path.abspath, _entries_of_pth())]


def relative_folders() -> list[str]:
    """Return the entries of ``PYTHONPATH`` that are another folder wherever a program starts.

    Examples
    --------
    >>> relative_folders()
    []
    """
    return [one for one in _given_folders() if one and not os.path.isabs(one)]  # noqa: PTH117


class _Nowhere(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        return memoryview(data).nbytes


class _Names(pickle.Pickler):
    """Notes the class of everything it writes, and every class and function that is written by its name."""

    def __init__(self) -> None:
        super().__init__(_Nowhere(), protocol=5, buffer_callback=lambda buffer: None)
        self.found: set[str] = set()

    def reducer_override(self, part: Any) -> Any:
        thing = part if isinstance(part, _NAMED) else type(part)
        if isinstance(thing.__module__, str):
            self.found.add(f"{thing.__module__}.{thing.__qualname__}")
        return NotImplemented


def _module_of(name: str) -> str | None:
    """Return the module a name is of; None where none is imported by that name, so that nothing can be told."""
    parts = name.split(".")
    prefixes = (".".join(parts[:count]) for count in range(len(parts) - 1, 0, -1))
    return next((one for one in prefixes if one in sys.modules), None)


def _reasons(modules: set[str]) -> dict[str, str]:
    """Return why others cannot import some of these modules."""
    found: dict[str, str] = {}
    files: dict[str, Path] = {}
    for module in sorted(modules):
        if module in _MAIN:
            found[module] = _reason_of_main()
        elif module.partition(".")[0] not in _NEVER_LOCAL and not getattr(sys, "frozen", False):
            file = getattr(sys.modules[module], "__file__", None)
            if file is None:
                # an import system of somebody's own has a loader, and may find it elsewhere too
                if getattr(sys.modules[module], "__spec__", None) is None:
                    found[module] = f"is of {module}, a module without a file that was made in this program"
            else:
                files[module] = Path(os.path.abspath(file))  # noqa: PTH100 - as it is on the path, links not followed
    found |= {
        module: f"is of {module}, which lies in {_root(module, file)} and is not installed"
        for module, file in _outside(files).items()
    }
    return found


def _reason_of_main() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is None:
        return "is of __main__, which is another program each time"
    own = spec.name.removesuffix(".__main__")
    return f"is of __main__, which was started as {own}: others can load it if what you start imports it from {own}"


def _root(module: str, file: Path) -> Path:
    """Return the folder on the path that a module was found in."""
    depth = module.count(".") + (file.stem == "__init__")
    return file.parents[min(depth, len(file.parents) - 1)]


def _outside(files: dict[str, Path]) -> dict[str, Path]:
    """Return the modules among these that are neither installed nor on the path of every program here."""
    homes = [*_site_folders(), *(sysconfig.get_paths()[one] for one in ("stdlib", "platstdlib"))]
    rest = {module: file for module, file in files.items() if not _within(file, homes)}
    if not rest:
        return {}
    common = {*map(_resolved, _entries_of_pth()), *map(_resolved, _entries_of_environment())}
    rest = {module: file for module, file in rest.items() if _resolved(_root(module, file)) not in common}
    if not rest:
        return {}
    editable = [*_editable()]
    return {
        module: file
        for module, file in rest.items()
        if not any(module.partition(".")[0] in names and _within(file, [folder]) for names, folder in editable)
    }


def _resolved(path: str | Path) -> Path:
    try:
        return Path(path).resolve()
    except (OSError, RuntimeError):  # a loop of links
        return Path(path)


def _within(file: Path, folders: Collection[str | Path]) -> bool:
    real = _resolved(file)
    return any(file.is_relative_to(one) or real.is_relative_to(_resolved(one)) for one in folders)


def _site_folders() -> list[str]:
    # a distribution of Linux, and a virtual environment upon another, have several
    own = [sysconfig.get_paths()[one] for one in ("purelib", "platlib")]
    return [*own, *site.getsitepackages(), site.getusersitepackages()]


def _entries_of_pth() -> Iterator[Path]:
    """Yield what ``.pth`` files put on the path of every program, as most editable installs do."""
    for folder in map(Path, dict.fromkeys(_site_folders())):
        for file in sorted(folder.glob("*.pth")):
            with contextlib.suppress(OSError, UnicodeDecodeError):
                lines = file.read_text("utf-8-sig").splitlines()
                yield from (folder / line.strip() for line in lines if line.strip() and not _is_code(line))


def _is_code(line: str) -> bool:
    return line.startswith(("#", "import ", "import\t"))


def _entries_of_environment() -> list[str]:
    # a relative one is another folder wherever a program starts
    return [one for one in _given_folders() if os.path.isabs(one)]  # noqa: PTH117 - cheaper, and no less clear


def _given_folders() -> list[str]:
    return ("" if sys.flags.ignore_environment else os.environ.get("PYTHONPATH", "")).split(os.pathsep)


def _editable() -> Iterator[tuple[set[str], Path]]:
    """Yield top-level names and folder of every distribution that is installed from its own folder (PEP 610).

    Some find their modules by a hook, and not by the path: they are taken at the word of their metadata, or by name.
    """
    for distribution in metadata.distributions():
        with contextlib.suppress(Exception):  # of a damaged installation
            told = json.loads(distribution.read_text("direct_url.json") or "null")
            if isinstance(told, dict) and told.get("dir_info", {}).get("editable"):
                tops = {re.sub(r"[-.]+", "_", distribution.metadata["Name"]).lower()}
                tops.update((distribution.read_text("top_level.txt") or "").split())
                yield tops, Path(url2pathname(unquote(urlsplit(told["url"]).path)))
