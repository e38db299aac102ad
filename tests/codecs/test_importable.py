"""What only this program can import: asked in programs that are started as users start theirs."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path, PurePosixPath

import joblib
import numpy as np
import pytest
from sklearn.preprocessing import FunctionTransformer

from mlcycle.codecs._importable import (
    local_names,
    missing_modules,
    module_folders,
    pickled_names,
    relative_folders,
)

ROOT = str(Path(__file__).parents[2])
ASK = (
    f"import sys, json; sys.path.insert(0, {ROOT!r}); from mlcycle.codecs._importable import local_names\n"
    f"sys.path.remove({ROOT!r})\n"
)
NAMES = "print(json.dumps(local_names(['features.Clipper'])))\n"


def told(folder: Path, *command: str, **environ: str) -> dict[str, str]:
    """Run a program in a folder, and return what it prints."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env={**clean, **environ}, capture_output=True, text=True, check=True
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def written(folder: Path, name: str, text: str = "class Clipper: pass\n") -> Path:
    """Write a file of a program."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_modules_that_others_do_not_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where this program finds them says nothing; an absolute entry of PYTHONPATH is of all, a relative one of none."""
    written(tmp_path, "src/beside_all.py", "raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path / "src")
    monkeypatch.chdir(tmp_path)
    names = ["beside_all.Clipper", "sklearn.tree.Tree", "pathlib.Path", "__main__.Clipper", "beside_all.Other"]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["src", ""]))
    assert missing_modules(names) == ["beside_all", "__main__"]
    assert relative_folders() == ["src"]
    assert str(tmp_path / "src") not in module_folders()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "src"))
    assert missing_modules(names) == ["__main__"]
    assert relative_folders() == []
    assert str(tmp_path / "src") in module_folders()


def test_a_class_of_the_script(tmp_path: Path) -> None:
    """It has its name in this program alone."""
    script = written(tmp_path, "train.py", ASK + "print(json.dumps(local_names(['__main__.Clipper'])))")
    reason = "is of __main__, which is another program each time"
    assert told(tmp_path, str(script)) == {"__main__.Clipper": reason}


def test_a_module_started_as_main_has_another_name(tmp_path: Path) -> None:
    """Where the script has a name that others may import, the remedy is that."""
    written(tmp_path, "app/__init__.py", "")
    written(tmp_path, "app/train.py", ASK + "print(json.dumps(local_names(['__main__.Clipper'])))")
    [reason] = told(tmp_path, "-m", "app.train").values()
    assert "which was started as app.train: others can load it if what you start imports it from app.train" in reason


def test_a_module_beside_the_script(tmp_path: Path) -> None:
    """It is found because of where the script lies; also in a package, with and without an ``__init__``."""
    for name, module in (
        ("features.py", "features"),
        ("mine/__init__.py", "mine"),
        ("own/deep/parts.py", "own.deep.parts"),
    ):
        written(tmp_path, name)
        asked = f"import {module}\nprint(json.dumps(local_names(['{module}.Clipper'])))"
        script = written(tmp_path, "train.py", ASK + asked)
        reason = f"is of {module}, which lies in {tmp_path} and is not installed"
        assert told(tmp_path.parent, str(script)) == {f"{module}.Clipper": reason}


def test_pythonpath_is_a_setting_of_the_machine(tmp_path: Path) -> None:
    """An absolute entry holds for every program; a relative one is another folder for each."""
    written(tmp_path, "lib/features.py")
    script = written(tmp_path, "scripts/train.py", ASK + "import features\n" + NAMES)
    assert told(tmp_path, str(script), PYTHONPATH=str(tmp_path / "lib")) == {}
    assert [*told(tmp_path, str(script), PYTHONPATH="lib")] == ["features.Clipper"]


def test_what_is_installed_from_its_own_folder(tmp_path: Path) -> None:
    """By a ``.pth`` file, or by a hook and its metadata; a neighbour of the project is no part of it."""
    source = tmp_path / "project" / "src"
    written(source, "features.py")
    found = f"import sys; sys.path.insert(0, {str(source)!r})\n" + ASK + "import features\n"
    script = written(tmp_path, "project/train.py", found + NAMES)
    assert [*told(tmp_path, str(script))] == ["features.Clipper"]
    home = tmp_path / "home"
    site = subprocess.run(
        [sys.executable, "-c", "import site; print(site.getusersitepackages())"],
        env={**os.environ, "PYTHONUSERBASE": str(home)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    pth = written(Path(site), "mine.pth", f"# mine\n{source}\n")
    assert told(tmp_path, str(script), PYTHONUSERBASE=str(home)) == {}
    pth.unlink()
    meta = tmp_path / "meta"
    written(meta, "features_of_mine-1.dist-info/METADATA", "Name: features-of-mine\nVersion: 1\n")
    written(meta, "features_of_mine-1.dist-info/top_level.txt", "features\n")
    url = {"url": (tmp_path / "project").as_uri(), "dir_info": {"editable": True}}
    written(meta, "features_of_mine-1.dist-info/direct_url.json", json.dumps(url))
    assert told(tmp_path, str(script), PYTHONPATH=str(meta)) == {}
    written(source, "other.py")
    script.write_text(found + "import other\n" + NAMES.replace("features", "other"))
    assert [*told(tmp_path, str(script), PYTHONPATH=str(meta))] == ["other.Clipper"]


def test_a_module_made_in_the_program(tmp_path: Path) -> None:
    """It has no file that others could have."""
    made = "import types; sys.modules['features'] = types.ModuleType('features')\n"
    [reason] = told(tmp_path, "-c", ASK + made + NAMES).values()
    assert reason == "is of features, a module without a file that was made in this program"


def test_what_everybody_has_is_not_local() -> None:
    """The standard library, what is installed, extension modules, names of modules nobody imported."""
    names = ["pathlib.Path", "builtins.len", "numpy.ufunc", "sklearn.tree._tree.Tree", "no_such.Thing", "bare", ""]
    assert local_names(names) == {}


def test_names_in_a_pickle() -> None:
    """Functions by their name, also within others, and the classes of what is written."""
    model = FunctionTransformer(functools.partial(joblib.hash), kw_args={"hash_name": "md5"})
    names = pickled_names([model, np.arange(3.0)])
    assert {"joblib.hashing.hash", "sklearn.preprocessing._function_transformer.FunctionTransformer"} <= names
    assert "functools.partial" in names


def test_what_cannot_be_pickled_is_no_trouble() -> None:
    """Whoever writes the file says so; here it names what was found until then."""
    found = pickled_names([PurePosixPath("a"), lambda: 0, FunctionTransformer()])
    assert "pathlib.PurePosixPath" in found
    assert "sklearn.preprocessing._function_transformer.FunctionTransformer" not in found
