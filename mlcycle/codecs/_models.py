"""Estimators to one file and back, by the safest format that reproduces them."""

from __future__ import annotations

import contextlib
import io
import json
import threading
import warnings
import zipfile
from collections.abc import Collection, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from attrs import field, frozen

from mlcycle._ids import new_id
from mlcycle.codecs._bounds import check_bounds
from mlcycle.codecs._folders import check_archive
from mlcycle.codecs._rows import own_rows
from mlcycle.codecs._trust import Audit, audit
from mlcycle.errors import Corrupt, InvalidInput, MlcycleError, MlcycleWarning, NotFound, UnsafePath, UntrustedModel

if TYPE_CHECKING:
    import os

__all__ = ["Packed", "dump_model", "load_model"]

_FORMATS = ("skops", "joblib")
_MAX_SCHEMA = 1 << 30
_MAX_HEADER = 1 << 13
_KNOWN = {"sklearn": "scikit-learn", "numpy": "numpy", "scipy": "scipy"}
_METHODS = ("predict_proba", "decision_function", "predict", "transform")
_filters = threading.RLock()


def _copy(packages: Mapping[str, str]) -> dict[str, str]:
    return dict(packages)


@frozen
class Packed:
    """How a model was written.

    Attributes
    ----------
    format : {"skops", "joblib"}
        The format of the file.
    class_name : str
        The full name of the model's class.
    packages : dict
        Distribution name to version, of what is needed to read it.
    untrusted : tuple of str
        Types and functions outside the library's list. Empty: loading needs no trust.
    """

    format: str
    class_name: str
    packages: dict[str, str] = field(converter=_copy, hash=False)
    untrusted: tuple[str, ...] = ()


def dump_model(model: Any, path: str | os.PathLike[str], *, example: Any = None, format: str | None = None) -> Packed:
    """Write a model to one file, which appears complete or not at all.

    Without `format` it becomes a skops file, which holds data only, if the library's list of trusted types covers it
    and the file gives the same predictions on `example`. Everything else becomes a joblib file, with a warning,
    because reading one runs whatever code it holds.

    Parameters
    ----------
    model : object
        A fitted estimator.
    path : str or path
        The file to write; its directory exists.
    example : array or DataFrame, optional
        A few rows. The file is read back and must answer for them as the model does.
    format : {"skops", "joblib"}, optional
        Insist on a format. A skops file with types outside the list can be read with ``trust=[those types]``.

    Raises
    ------
    InvalidInput
        If the format is unknown, cannot hold this model, or does not reproduce it.

    Warns
    -----
    MlcycleWarning
        If the file cannot be read back without ``trust=`` and a reason.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.linear_model import LogisticRegression
    >>> model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    >>> file = Path(tempfile.mkdtemp()) / "model.skops"
    >>> packed = dump_model(model, file, example=[[0.2]])
    >>> packed.format, packed.untrusted
    ('skops', ())
    >>> load_model(file, packed.format)
    LogisticRegression()
    """
    if format not in (None, *_FORMATS):
        raise InvalidInput(f"{format!r} is no format for a model; use 'skops', 'joblib', or leave it out")
    goal = Path(path)
    passing = goal.with_name(f".{goal.name}.{new_id()}.tmp")
    try:
        packed = _write(model, passing, example, format)
        passing.replace(goal)
    finally:
        passing.unlink(missing_ok=True)
    return packed


def _write(model: Any, path: Path, example: Any, format: str | None) -> Packed:
    kind = type(model)
    class_name = f"{kind.__module__}.{kind.__qualname__}"
    found: tuple[str, ...] = ()
    trouble = ""
    if format != "joblib":
        found, trouble = _try_skops(model, path, example)
        if not trouble and (format == "skops" or not found):
            return Packed("skops", class_name, _packages(found, "skops"), found)
        if format == "skops":
            raise InvalidInput(f"{class_name} cannot be kept as skops: {trouble}; leave format= out, or use 'joblib'")
    _write_joblib(model, path, class_name)
    if example is not None and (difference := _differs(model, _read_joblib(path), example)):
        raise InvalidInput(f"{class_name} does not survive being written: {difference}")
    if format is None:
        why = trouble or f"mlcycle's list of trusted types does not cover {', '.join(found)}"
        warnings.warn(
            f"{class_name} is kept as joblib, because {why}. A joblib file runs code when it is read, so loading it "
            "will need trust=True and a reason=" + _main_hint(class_name, found),
            MlcycleWarning,
            stacklevel=3,
        )
    return Packed("joblib", class_name, _packages((class_name, *found), "joblib"), found or (class_name,))


def _main_hint(class_name: str, found: tuple[str, ...]) -> str:
    if not any(name.startswith("__main__.") for name in (class_name, *found)):
        return "."
    return ". A class in __main__ cannot be found by other programs: move it to a module that they can import."


def _try_skops(model: Any, path: Path, example: Any) -> tuple[tuple[str, ...], str]:
    """Write a skops file; return what in it is outside the list, and why it will not do (or nothing)."""
    import skops.io

    try:
        skops.io.dump(model, path)
        with path.open("rb") as file:
            found = _look_into(file, ()).untrusted
    except (MlcycleError, TypeError, ValueError, AttributeError, RecursionError, NotImplementedError) as error:
        return (), f"skops cannot hold it ({str(error) or type(error).__name__:.200})"
    if found or example is None:
        return found, ""
    try:
        again = load_model(path, "skops")
    except MlcycleError as error:
        return (), f"the skops file cannot be read back ({error!s:.300})"
    difference = _differs(model, again, example)
    return (), f"the skops file does not reproduce it: {difference}" if difference else ""


def _write_joblib(model: Any, path: Path, class_name: str) -> None:
    import joblib

    try:
        joblib.dump(model, path)
    except OSError:
        raise
    except Exception as error:
        raise InvalidInput(
            f"{class_name} cannot be kept in any format: {error!s:.300}. A lambda, a nested function or an open file "
            "inside a model is the usual reason: use a function of a module instead"
        ) from error


def _packages(names: Collection[str], writer: str) -> dict[str, str]:
    wanted = {"scikit-learn", "numpy", "scipy", writer}
    others = {name.partition(".")[0] for name in names} - set(_KNOWN) - {"builtins", "__main__"}
    if others:
        homes = metadata.packages_distributions()
        wanted.update(home for name in others for home in homes.get(name, ()))
    return {name: metadata.version(name) for name in sorted(wanted)}


def _differs(model: Any, again: Any, example: Any) -> str:
    """Say how the two answers differ, or nothing; a model that does not agree with itself is not asked."""
    for method in _METHODS:
        if not hasattr(model, method):
            continue
        try:
            expected = getattr(model, method)(own_rows(example))  # a model may change its rows
            steady = _same(expected, getattr(model, method)(own_rows(example)))
        except Exception as error:
            raise InvalidInput(f"the model's own {method} fails on its example: {error!s:.300}") from error
        if not steady:
            return ""
        try:
            actual = getattr(again, method)(own_rows(example))
        except Exception as error:  # noqa: BLE001 - whatever it says, the copy does not work
            return f"{method} fails on the example with {type(error).__name__}: {error!s:.200}"
        return "" if _same(expected, actual) else f"{method} gives other values on the example"
    return ""


def _same(a: Any, b: Any) -> bool:
    import numpy as np

    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(_same, a, b))
    if hasattr(a, "toarray"):
        a, b = a.toarray(), b.toarray()
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind in "fc":
        # Threads of a forest add up in any order, so the last bits may differ between two calls of one model.
        return bool(np.allclose(a, b, rtol=1e-12, atol=1e-12, equal_nan=True))
    return bool(np.all((a == b) | ((a != a) & (b != b))))


def load_model(
    path: str | os.PathLike[str], format: str, *, trust: bool | Collection[str] = (), reason: str | None = None
) -> Any:
    """Read a model back, running no code that nobody vouched for.

    Parameters
    ----------
    path : str or path
        The file, whose digest the caller has compared already.
    format : {"skops", "joblib"}
        The format it was written in, from the record and not from the file.
    trust : bool or collection of str, default ()
        For skops: names of types to allow beyond the library's list. For joblib: ``True`` or ``["joblib"]``, since
        such a file cannot be looked into without running it.
    reason : str, optional
        Why this file may be trusted. Needed with `trust`.

    Returns
    -------
    object
        The estimator.

    Raises
    ------
    UntrustedModel
        If the file would rebuild types, or run code, that neither the library nor `trust` names.
    Corrupt
        If the file is damaged, or the arrays inside it point outside one another.
    NotFound
        If a class inside belongs to a package that cannot be imported here.

    Warns
    -----
    MlcycleWarning
        If the model was fitted with another version of scikit-learn.
    """
    if format not in _FORMATS:
        raise InvalidInput(f"{format!r} is no format of a model file; known are 'skops' and 'joblib'")
    names = {trust} if isinstance(trust, str) else set(trust) if not isinstance(trust, bool) else set()
    if (trust is True or names) and not (reason and reason.strip()):
        raise UntrustedModel(f"trust={trust!r} needs a reason: say in reason='…' why {Path(path).name} may be trusted")
    with Path(path).open("rb") as file, _one_version_warning(Path(path).name):
        if format == "joblib":
            if trust is not True and "joblib" not in names:
                raise UntrustedModel(
                    f"{Path(path).name} is a joblib file, and reading one runs whatever code it holds. If you know who "
                    "wrote it, pass trust=True and reason='…'; if you can, save the model again as skops"
                )
            model = _read_joblib(file)
        else:
            model = _read_skops(file, Path(path).name, names)
    check_bounds(model, shadows=format == "skops")
    return model


def _read_joblib(source: Path | BinaryIO) -> Any:
    import joblib

    with _telling_damage("joblib"):
        return joblib.load(source)


def _read_skops(file: BinaryIO, label: str, names: Collection[str]) -> Any:
    import skops.io

    found = _look_into(file, names)
    if found.untrusted:
        listed = ", ".join(found.untrusted)
        raise UntrustedModel(
            f"{label} holds types that mlcycle's list does not cover: {listed}. If you know who wrote it and what they "
            f"do, pass trust={list(found.untrusted)!r} and reason='…'"
        )
    file.seek(0)
    with _telling_damage("skops"):
        return skops.io.load(file, trusted=sorted(found.named))


def _look_into(file: BinaryIO, vouched: Collection[str]) -> Audit:
    """Check names, sizes and array headers of a skops file, and audit its types, building nothing."""
    with _telling_damage("skops"), zipfile.ZipFile(file) as archive:
        for member in check_archive(archive):
            _check_array(archive, member)
        if archive.getinfo("schema.json").file_size > _MAX_SCHEMA:
            raise Corrupt(f"schema.json of the model file is larger than {_MAX_SCHEMA} bytes")
        return audit(json.loads(archive.read("schema.json")), vouched)


def _check_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    name = member.filename
    if name.endswith(".npy"):
        with archive.open(member) as file:
            _check_header(name, file.read(min(_MAX_HEADER, member.file_size)), member.file_size)
    elif name.endswith(".npz"):
        with archive.open(member) as file, zipfile.ZipFile(io.BytesIO(file.read())) as inner:
            for part in check_archive(inner):
                if not part.filename.endswith(".npy"):
                    raise Corrupt(f"{name} in the model file holds {part.filename!r:.60}, which is no array")
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


@contextlib.contextmanager
def _telling_damage(format: str) -> Iterator[None]:
    """Turn whatever goes wrong in reading a file into what it means to the caller."""
    try:
        yield
    except (MlcycleError, MemoryError) as error:
        if isinstance(error, UnsafePath):
            raise Corrupt(f"the model file is damaged: {error}") from error
        raise
    except ModuleNotFoundError as error:
        raise NotFound(
            f"the model needs the package {error.name!r}, which cannot be imported here: install it"
        ) from error
    except Exception as error:
        if isinstance(error, AttributeError) and str(error).lower().startswith(("module ", "can't get attribute")):
            raise NotFound(
                f"the model needs something that is not installed here: {error}. Compare the versions it was made with"
            ) from error
        raise Corrupt(f"the model file cannot be read as {format}: {type(error).__name__}: {error!s:.300}") from error


@contextlib.contextmanager
def _one_version_warning(label: str) -> Iterator[None]:
    """Give one warning that names both versions, in place of scikit-learn's for every estimator inside."""
    from sklearn import __version__ as here
    from sklearn.exceptions import InconsistentVersionWarning

    # Filters belong to the process: two threads that change them at once would leave them changed.
    with _filters, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", InconsistentVersionWarning)
        yield
    others = set()
    for item in caught:
        if isinstance(item.message, InconsistentVersionWarning):
            others.add(item.message.original_sklearn_version)
        else:
            warnings.warn_explicit(item.message, item.category, item.filename, item.lineno)
    if others:
        warnings.warn(
            f"{label} was fitted with scikit-learn {', '.join(sorted(others))}, and {here} is installed: predictions "
            "may differ. Compare them on the model's example, or fit and register it again",
            MlcycleWarning,
            stacklevel=4,
        )
