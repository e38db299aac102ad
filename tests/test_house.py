"""The house rules that a machine can keep: sizes, doors, and what an import may load."""

from __future__ import annotations

import ast
import importlib
import inspect
import io
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

import mlcycle
from mlcycle.records import Record

PACKAGE = Path(mlcycle.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = [str(file.relative_to(PACKAGE)) for file in FILES]
HEAVY = ("pandas", "pyarrow", "sklearn", "scipy", "cattrs", "numpy", "fsspec", "skops", "joblib")


@pytest.mark.parametrize("module", ["mlcycle", "mlcycle.storage", "mlcycle.records"])
def test_import_is_light(module: str) -> None:
    """Importing the package, or a room that is often opened alone, loads no heavy library."""
    code = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_files_stay_small(file: Path) -> None:
    """No file is longer than 500 lines."""
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 500


def test_the_median_file_is_a_page_or_two() -> None:
    """Half of the files have at most about 150 lines; docstrings with examples may stretch it."""
    lengths = sorted(len(file.read_text(encoding="utf-8").splitlines()) for file in FILES)
    assert lengths[len(lengths) // 2] <= 220


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_functions_stay_short(file: Path) -> None:
    """No function has more than 40 lines of code, its docstring not counted."""
    too_long = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
            if lines > 40:
                too_long.append(f"{node.name}: {lines}")
    assert too_long == []


def _public_classes() -> list[type]:
    found: dict[str, type] = {}
    for info in pkgutil.walk_packages(mlcycle.__path__, "mlcycle."):
        if info.name.endswith("__main__") or ".testing" in info.name:
            continue
        module = importlib.import_module(info.name)
        for name, value in inspect.getmembers(module, inspect.isclass):
            if value.__module__.startswith("mlcycle") and not name.startswith("_"):
                found[f"{value.__module__}.{name}"] = value
    return list(found.values())


def _is_record(cls: type) -> bool:
    # the parent of all criteria is a record, though none of attrs: what it lists are their fields
    return attrs.has(cls) or issubclass(cls, BaseException | tuple | io.IOBase | Record)


def test_handles_have_at_most_twelve_public_members() -> None:
    """A handle fits in one's head."""
    crowded = {}
    for cls in _public_classes():
        if not _is_record(cls):
            members = {name for name in dir(cls) if not name.startswith("_")}
            members |= {name for name in _assigned_in_init(cls) if not name.startswith("_")}
            if len(members) > 12 and not issubclass(cls, str | int):
                crowded[cls.__name__] = sorted(members)
    assert crowded == {}


def _assigned_in_init(cls: type) -> set[str]:
    try:
        tree = ast.parse(inspect.cleandoc(inspect.getsource(cls.__init__)))  # type: ignore[misc]
    except (OSError, TypeError, SyntaxError):
        return set()
    targets = [
        node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign)
    ]
    return {t.attr for t in targets if isinstance(t, ast.Attribute) and getattr(t.value, "id", "") == "self"}


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_all_is_true(file: Path) -> None:
    """Every name in `__all__` resolves (ruff keeps it sorted)."""
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    if parts[-1] == "__main__":
        return
    module = importlib.import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    assert [name for name in getattr(module, "__all__", []) if not hasattr(module, name)] == []


def test_open_stays_out_of_all() -> None:
    """A star import does not shadow the builtin `open`."""
    assert "open" not in mlcycle.__all__
    assert callable(mlcycle.open)


def test_the_shop_window_is_small() -> None:
    """About 25 names, each documented."""
    assert len(mlcycle.__all__) <= 27
    undocumented = [name for name in mlcycle.__all__ if not getattr(mlcycle, name).__doc__]
    assert undocumented == []


def _messages(file: Path) -> list[str]:
    """Return the texts of a file that are not docstrings, parts of f-strings among them."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    homes = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docs = {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, homes) and ast.get_docstring(node)}
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docs)
    return [node.value for node in texts if isinstance(node.value, str)]


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_messages_are_plain_english(file: Path) -> None:
    """A thing *is not a* valid name; it never *is no* name, however short that would be."""
    odd = re.compile(r"(?<!there )\b(is|are|was|were) no\b(?! (longer|more|less))", re.IGNORECASE)
    assert [text for text in _messages(file) if odd.search(text)] == []


FORKED = """
import importlib, os, pkgutil, sys, threading
import mlcycle
for info in pkgutil.walk_packages(mlcycle.__path__, "mlcycle."):
    if not info.name.endswith("__main__"):
        importlib.import_module(info.name)
kinds = (type(threading.Lock()), type(threading.RLock()))
def locks():
    modules = [(name, module) for name, module in sys.modules.items() if name.startswith("mlcycle")]
    return {f"{at}.{name}": lock for at, module in modules
            for name, lock in vars(module).items() if type(lock) in kinds}
held, done = threading.Event(), threading.Event()
def hold():
    for lock in locks().values():
        lock.acquire()
    held.set()
    done.wait()
threading.Thread(target=hold, daemon=True).start()
held.wait()
child = os.fork()
if not child:
    print(len(locks()), sorted(name for name, lock in locks().items() if not lock.acquire(False)), flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_waits_for_no_thread_that_stayed_behind() -> None:
    """Whatever lock of a module a thread held at the fork, the child has one of its own."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FORKED], capture_output=True, text=True, timeout=60)
    count, _, left = done.stdout.strip().partition(" ")
    assert int(count) >= 5, done.stderr
    assert left == "[]"
