"""Estimators in skops files: what is done for skops before it writes, and looked at before it reads."""

from __future__ import annotations

import copy
import io
import json
import sys
import zipfile
from typing import TYPE_CHECKING, Any, BinaryIO

from mlcycle._ids import new_id
from mlcycle.codecs._bounds import parts_of
from mlcycle.codecs._folders import check_archive
from mlcycle.codecs._trusted_types import DISTRIBUTIONS, TrustReport, nodes_of, report_types
from mlcycle.errors import Corrupt, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

__all__ = ["look_into", "untrusted_types", "write_skops"]

_MAX_SCHEMA = 1 << 30
_MAX_HEADER = 1 << 13
_AT_HOME = frozenset({"builtins", "collections", "functools", "numpy", "scipy", "sklearn"})
_BOOLEANS = frozenset({"builtins.bool", "numpy.bool", "numpy.bool_"})


def write_skops(model: Any, path: Path) -> TrustReport:
    """Write a skops file, and audit it; mended where skops alone would write one that says something else.

    Raises whatever the model's own methods, or skops, raise.
    """
    import skops.io

    skops.io.dump(_with_stand_ins(model), path)
    with zipfile.ZipFile(path) as made:
        schema = json.loads(made.read("schema.json"))
    if _tidied(schema):
        _rewrite(path, schema)
    return report_types(schema)


def _rewrite(path: Path, schema: Any) -> None:
    tidy = path.with_name(f"{path.name}.{new_id()}")
    try:
        with zipfile.ZipFile(path) as made, zipfile.ZipFile(tidy, "w") as goal:
            for name in made.namelist():
                goal.writestr(name, json.dumps(schema) if name == "schema.json" else made.read(name))
        tidy.replace(path)
    finally:
        tidy.unlink(missing_ok=True)


def untrusted_types(model: Any) -> str:
    """Name some types inside a model that skops does not know, to explain why it cannot hold the model."""
    kinds = {type(part) for part in parts_of(model)}
    names = sorted(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds)
    foreign = [name for name in names if name.partition(".")[0] not in _AT_HOME]
    return f"; inside are {', '.join(foreign[:3])}" if foreign else ""


# before it writes ----------------------------------------------------------------------------------------------------


def _with_stand_ins(model: Any) -> Any:
    """Return the model, or a copy in which others stand for what skops writes as code, or not at all."""
    stand_ins = {id(part): found for part in parts_of(model) if (found := _stand_in(part)) is not None}
    return copy.deepcopy(model, stand_ins) if stand_ins else model


def _stand_in(part: Any) -> Any:
    kind = type(part)
    make = _STAND_INS.get((kind.__module__.partition(".")[0], kind.__name__))
    return make(part) if make else None


def _for_distribution(frozen: Any) -> Any:
    """Write the distribution as its name in scipy.stats: by itself it is written as a text to execute."""
    name = str(frozen.dist.name)
    own: Any = getattr(sys.modules[DISTRIBUTIONS], name, None)
    if type(own) is not type(frozen.dist) or own._updated_ctor_param() != frozen.dist._updated_ctor_param():
        return None
    return _described(frozen, vars(frozen) | {"dist": _named(DISTRIBUTIONS, name)})


def _for_string_dtype(dtype: Any) -> Any:
    """Write what pandas sets when it reads a pickle: by itself it is written as a call."""
    missing = {"_na_value": _named("numpy", "nan")} if isinstance(dtype.na_value, float) else {}
    return _described(dtype, {"storage": dtype.storage, **missing})


def _for_request(request: Any) -> Any:
    """Write the owner of a metadata request by its name, which scikit-learn takes, too: it is the estimator around."""
    held = {key: _stand_in(inner) or inner for key, inner in vars(request).items()}
    owner = request.owner if isinstance(request.owner, str | None) else type(request.owner).__name__
    return _described(request, held | {"owner": owner})


_STAND_INS = {
    ("pandas", "StringDtype"): _for_string_dtype,
    ("scipy", "rv_continuous_frozen"): _for_distribution,
    ("scipy", "rv_discrete_frozen"): _for_distribution,
    ("sklearn", "MetadataRequest"): _for_request,
    ("sklearn", "MethodMetadataRequest"): _for_request,
}


class _Described:
    """Something skops writes as an object of another class, by the name of the class and a dict."""

    def __init__(self, state: dict[str, Any]) -> None:
        self._state = state

    def __getstate__(self) -> dict[str, Any]:
        return self._state


def _described(thing: Any, state: dict[str, Any]) -> _Described:
    kind = type(thing)
    stand_in: type[_Described] = type(kind.__name__, (_Described,), {"__module__": kind.__module__})
    return stand_in(state)


def _named(module: str, name: str) -> type:
    """Return a class, which skops writes as no more than its name; whatever the module holds by it is read back."""
    return type(name, (), {"__module__": module})


# after it has written ------------------------------------------------------------------------------------------------


def _tidied(schema: dict[str, Any]) -> bool:
    """Mend names and keys in place; tell whether there was anything to mend."""
    changes = [_name_by_home(node) or _mend_keys(node) for node in nodes_of(schema)]
    return any(changes)


def _name_by_home(node: dict[str, Any]) -> bool:
    """Name a ufunc by where it comes from: skops names it by the first module imported that holds it, anyone's."""
    import numpy as np
    import scipy.special

    module, name = node.get("__module__"), node.get("__class__")
    if node["__loader__"] == "LossNode" and module == "_loss":  # what losses of scikit-learn 1.5 say of themselves
        node["__module__"] = "sklearn._loss._loss"
        return True
    if node["__loader__"] != "FunctionNode" or module in ("numpy", "scipy.special"):
        return False
    found = getattr(sys.modules.get(str(module)), str(name), None)
    home = next((home for home in (np, scipy.special) if getattr(home, str(name), None) is found), None)
    if not isinstance(found, np.ufunc) or home is None:
        return False
    node["__module__"] = home.__name__
    return True


def _mend_keys(node: dict[str, Any]) -> bool:
    """Write a key that is False as the empty text: skops calls the key's type with it, and bool("false") is True."""
    if node["__loader__"] != "DictNode":
        return False
    kinds = [f"{kind['__module__']}.{kind['__class__']}" for kind in node["key_types"]["content"]]
    content = node["content"]
    if len(kinds) != len(content):
        raise InvalidInput("skops writes two keys of a dict as one")
    if not _BOOLEANS.intersection(kinds):
        return False
    keys = ["" if kind in _BOOLEANS and key == "false" else key for kind, key in zip(kinds, content, strict=True)]
    if len(set(keys)) != len(keys):
        raise InvalidInput("skops writes two keys of a dict as one")
    node["content"] = dict(zip(keys, content.values(), strict=True))
    return True


# before it reads -----------------------------------------------------------------------------------------------------


def look_into(file: BinaryIO, vouched: Collection[str]) -> TrustReport:
    """Check names, sizes and array headers of a skops file, and audit its types, building nothing.

    Raises `Corrupt`, or whatever a damaged archive makes its reader raise.
    """
    with zipfile.ZipFile(file) as archive:
        for member in check_archive(archive):
            _check_array(archive, member)
        if archive.getinfo("schema.json").file_size > _MAX_SCHEMA:
            raise Corrupt(f"schema.json of the model file is larger than {_MAX_SCHEMA} bytes")
        return report_types(json.loads(archive.read("schema.json")), vouched)


def _check_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    name = member.filename
    if name.endswith(".npy"):
        with archive.open(member) as file:
            _check_header(name, file.read(min(_MAX_HEADER, member.file_size)), member.file_size)
    elif name.endswith(".npz"):
        with archive.open(member) as file, zipfile.ZipFile(io.BytesIO(file.read())) as inner:
            for part in check_archive(inner):
                if not part.filename.endswith(".npy"):
                    raise Corrupt(f"{name} in the model file holds {part.filename!r:.60}, which is not an array")
                _check_array(inner, part)
    elif name != "schema.json" and not name.endswith(".bin"):
        raise Corrupt(f"{name!r:.60} is nothing that stands in a skops file")


def _check_header(name: str, start: bytes, size: int) -> None:
    """Refuse an array whose header promises more than the file holds: it would be allocated before it is read."""
    from numpy.lib import format as npy

    head = io.BytesIO(start)
    version = npy.read_magic(head)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if read is None:
        raise Corrupt(f"{name} in the model file has a header of version {version}, expected 1.0 or 2.0")
    shape, _, dtype = read(head)
    if dtype.hasobject:
        raise Corrupt(f"{name} in the model file holds Python objects, which only a pickle can hold")
    count = 1
    for length in shape:
        count *= length
    if count * dtype.itemsize != size - head.tell() or count > max(size, 1 << 16) or min(shape, default=0) < 0:
        raise Corrupt(f"{name} in the model file is {size} bytes, and its header promises {shape} of {dtype}")
