"""Names that are loaded when they are first used: a module for the first of its names, each name once."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import mlcycle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

PACKAGE = """
from mlcycle._lazy import lazy_names
__all__ = ["a", "own"]
own, other = 1, 2
__getattr__, __dir__ = lazy_names(__name__, {"_one": ("a", "b"), "_two": ("c", "missing"), "whole": ()})
"""
ROOMS = sorted(
    file.parent.relative_to(Path(mlcycle.__file__).parents[1])
    for file in Path(mlcycle.__file__).parent.rglob("__init__.py")
    if "lazy_names(" in file.read_text(encoding="utf-8")
)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Return a package with three modules that are loaded on first use."""
    folder = tmp_path / "a_lazy_package"
    folder.mkdir()
    (folder / "__init__.py").write_text(PACKAGE)
    (folder / "_one.py").write_text("a, b = object(), object()")
    (folder / "_two.py").write_text("c = object()")
    (folder / "whole.py").write_text("inside = 3")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module(folder.name)
    for name in [name for name in sys.modules if name.partition(".")[0] == folder.name]:
        del sys.modules[name]


def _loaded(house: ModuleType) -> list[str]:
    return sorted(name.rpartition(".")[2] for name in sys.modules if name.startswith(f"{house.__name__}."))


def test_a_module_is_loaded_for_the_first_of_its_names(house: ModuleType) -> None:
    """Listing the names loads none; each name is the module's own, and asked for once."""
    shown = [name for name in dir(house) if not name.startswith("__")]
    assert shown == ["a", "b", "c", "missing", "own", "whole"]  # and nothing the package needs for itself
    assert _loaded(house) == []
    first = house.b
    assert _loaded(house) == ["_one"]
    assert (first is sys.modules[f"{house.__name__}._one"].b, "b" in vars(house), "a" in vars(house)) == (
        True,
        True,
        False,
    )
    sys.modules[f"{house.__name__}._one"].b = None  # type: ignore[attr-defined]
    assert house.b is first


def test_a_module_may_be_a_name_itself(house: ModuleType) -> None:
    """It is loaded like any other, also by a star import."""
    assert (house.whole.inside, _loaded(house)) == (3, ["whole"])
    names: dict[str, object] = {}
    exec(f"from {house.__name__} import *", names)
    assert {*names} - {"__builtins__"} == {"a", "own"}


def test_an_unknown_name_is_refused_as_python_does(house: ModuleType) -> None:
    """Nothing is loaded for it; `from … import` says it in its own words."""
    with pytest.raises(AttributeError, match=f"^module '{house.__name__}' has no attribute 'd'$"):
        house.d  # noqa: B018
    assert (hasattr(house, "__path__"), hasattr(house, "__wrapped__"), _loaded(house)) == (True, False, [])
    with pytest.raises(ImportError, match="cannot import name 'd'"):
        exec(f"from {house.__name__} import d")


def test_a_name_its_module_does_not_hold_is_told_by_that_module(house: ModuleType) -> None:
    """A mistake in the list of names is seen at the first use."""
    with pytest.raises(AttributeError, match=rf"module '{house.__name__}\._two' has no attribute 'missing'"):
        house.missing  # noqa: B018


def _typed(tree: ast.Module, package: str) -> dict[str, str]:
    """Return what a type checker is told: each name with the module it comes from."""
    told = {}
    blocks = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    for node in (node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)):
        for one in node.names:
            told[one.name] = one.name if node.module == package else (node.module or "").removeprefix(f"{package}.")
    return told


@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_types_and_names_agree(room: Path) -> None:
    """What a type checker reads, what is loaded, and what a star import takes are the same names."""
    package = ".".join(room.parts)
    module = importlib.import_module(package)
    homes = {name: home for home, names in module._HOMES.items() for name in names or (home,)}
    assert _typed(ast.parse(inspect.getsource(module)), package) == homes
    assert homes.keys() - {*module.__all__} == ({"open"} if room == Path("mlcycle") else set())
    assert [name for name in module.__all__ if name not in dir(module)] == []


def test_there_is_one_scheme() -> None:
    """No package loads its names in a way of its own."""
    files = Path(mlcycle.__file__).parent.rglob("__init__.py")
    assert [str(file) for file in files if "def __getattr__" in file.read_text(encoding="utf-8")] == []
    assert len(ROOMS) > 9
