"""Doors that open when somebody knocks: a module is loaded for the first of its names, and asked once for each."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

DOOR = """
from mlcycle._doors import doors
own = 1
__getattr__, __dir__ = doors(__name__, {"_one": ("a", "b"), "_two": ("c", "missing")})
"""


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Return a package with two modules behind doors."""
    folder = tmp_path / "a_house_with_doors"
    folder.mkdir()
    (folder / "__init__.py").write_text(DOOR)
    (folder / "_one.py").write_text("a, b = object(), object()")
    (folder / "_two.py").write_text("c = object()")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module(folder.name)
    for name in [name for name in sys.modules if name.partition(".")[0] == folder.name]:
        del sys.modules[name]


def _loaded(house: ModuleType) -> list[str]:
    return sorted(name.rpartition(".")[2] for name in sys.modules if name.startswith(f"{house.__name__}."))


def test_a_module_is_loaded_for_the_first_of_its_names(house: ModuleType) -> None:
    """Listing the names loads none; each name is the module's own, found without a knock from then on."""
    assert {"a", "b", "c", "missing", "own"} <= {*dir(house)}
    assert dir(house) == sorted(dir(house))
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


def test_an_unknown_name_is_refused_as_python_does(house: ModuleType) -> None:
    """Nothing is loaded for it; `from … import` says it in its own words."""
    with pytest.raises(AttributeError, match=f"^module '{house.__name__}' has no attribute 'd'$"):
        house.d  # noqa: B018
    assert (hasattr(house, "__path__"), hasattr(house, "__wrapped__"), _loaded(house)) == (True, False, [])
    with pytest.raises(ImportError, match="cannot import name 'd'"):
        exec(f"from {house.__name__} import d")


def test_a_name_its_module_does_not_hold_is_told_by_that_module(house: ModuleType) -> None:
    """A mistake in the list of names is seen at the first knock."""
    with pytest.raises(AttributeError, match=rf"module '{house.__name__}\._two' has no attribute 'missing'"):
        house.missing  # noqa: B018
