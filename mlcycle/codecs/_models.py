"""Estimators to one file and back, by the safest format that reproduces them."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import threading
import warnings
from collections.abc import Collection, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from attrs import field, frozen

from mlcycle._digest import sha256_bytes
from mlcycle._error_text import error_text
from mlcycle._ids import new_id
from mlcycle._locks import renew_in_child
from mlcycle._warn import warn
from mlcycle.codecs._bounds import check_bounds
from mlcycle.codecs._importable import local_names, pickled_names
from mlcycle.codecs._rows import own_rows
from mlcycle.codecs._skops import look_into, untrusted_types, write_skops
from mlcycle.errors import Corrupt, InvalidInput, MlcycleError, NotFound, UnsafePath, UntrustedModel

if TYPE_CHECKING:
    import os

    from mlcycle._typing import Trust
    from mlcycle.codecs._trusted_types import TrustReport

__all__ = ["DumpedModel", "dump_model", "has_method", "load_model", "rescue_model", "trusted_names"]

_FORMATS = ("skops", "joblib")
_KNOWN = {"sklearn": "scikit-learn", "numpy": "numpy", "scipy": "scipy"}
_METHODS = ("predict", "predict_proba", "decision_function", "transform")
# What a full or failing disk says; every other OSError while a model is written comes from the model.
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})
_filters = threading.RLock()
renew_in_child(globals(), "_filters", threading.RLock)


def _copy(packages: Mapping[str, str]) -> dict[str, str]:
    return dict(packages)


@frozen
class DumpedModel:
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
    failing : dict
        Methods the model has that fail on its example while others answer, and what they say.
    local : dict
        Classes and functions in it that only this program can import, and why; see `local_names`.
    """

    format: str
    class_name: str
    packages: dict[str, str] = field(converter=_copy, hash=False)
    untrusted: tuple[str, ...] = ()
    failing: dict[str, str] = field(factory=dict, converter=_copy, hash=False)
    local: dict[str, str] = field(factory=dict, converter=_copy, hash=False)


def dump_model(
    model: Any,
    path: str | os.PathLike[str],
    *,
    example: Any = None,
    format: str | None = None,
) -> DumpedModel:
    """Write a model to one file, which appears complete or not at all.

    Without `format` it becomes a skops file, which holds data only, if the library's list of trusted types covers it,
    it can be read back, and gives the same predictions on `example`. Everything else becomes a joblib file, with a
    warning that says why, because reading one runs whatever code it holds.

    Parameters
    ----------
    model : object
        A fitted estimator.
    path : str or path
        The file to write; its directory exists.
    example : array or DataFrame, optional
        A few rows. The file must answer for them as the model does, by every method that works on them.
    format : {"skops", "joblib"}, optional
        Insist on a format. A skops file with types outside the list can be read with ``trust=[those types]``.

    Raises
    ------
    InvalidInput
        If the format is unknown, cannot hold this model, or does not reproduce it, and if the model's own `predict`
        fails on the example.
    OSError
        If the disk is full, or there is no such directory.

    Warns
    -----
    MlcycleWarning
        If the file cannot be read back without ``trust=``.

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
        raise InvalidInput(f"{format!r} is not a format for a model; use 'skops', 'joblib', or leave it out")
    goal = Path(path)
    passing = goal.with_name(f".{goal.name}.{new_id()}.tmp")
    passing.touch()  # whatever the disk has against it is said here, and not taken for the model's fault
    try:
        packed = _write(model, passing, example, format)
        passing.replace(goal)
    finally:
        passing.unlink(missing_ok=True)
    return packed


def _write(model: Any, path: Path, example: Any, format: str | None) -> DumpedModel:
    kind = type(model)
    class_name = f"{kind.__module__}.{kind.__qualname__}"
    answers, failing, fault = _ask(model, example)
    chosen, found, why = _write_safest(model, path, class_name, format, answers, example)
    if chosen == "joblib" and not fault:
        fault = _joblib_trouble(path, answers, example)
    if fault:
        raise InvalidInput(f"{class_name} {fault}")
    if chosen == "skops":
        return DumpedModel("skops", class_name, _packages(found, "skops"), found, failing, local_names(found))
    if format is None:
        warn(
            f"{class_name} is kept as joblib, because {why}. A joblib file runs code when it is read, so loading it "
            "will need trust=True" + _hint(found)
        )
    named = found or (class_name,)
    local = local_names(sorted({*named, *pickled_names(model)}))
    return DumpedModel("joblib", class_name, _packages((class_name, *found), "joblib"), named, failing, local)


def _hint(found: tuple[str, ...]) -> str:
    if "builtins.method_descriptor" in found:
        return (
            ". A method used as a function, such as str.lower or str.split, has no name in a module: a parameter such "
            "as lowercase=True or token_pattern= does the same."
        )
    # only what skops could look through may be a skops file, once its types are named
    return '; save it with format="skops" to name its types instead, trust=[…].' if found else "."


def _write_safest(
    model: Any, path: Path, class_name: str, format: str | None, answers: dict[str, Any], example: Any
) -> tuple[str, tuple[str, ...], str]:
    """Write the file; return its format, what in it is outside the list, and why it is no safer format."""
    found: tuple[str, ...] = ()
    why = ""
    if format != "joblib":
        found, why = _try_skops(model, path, answers, example, wanted=format == "skops")
        if not why and (format == "skops" or not found):
            return "skops", found, ""
        if format == "skops":
            raise InvalidInput(f"{class_name} cannot be kept as skops: {why}; leave format= out, or use 'joblib'")
    _write_joblib(model, path, class_name)
    return "joblib", found, why or f"mlcycle's list of trusted types does not cover {', '.join(found)}"


def _try_skops(
    model: Any, path: Path, answers: dict[str, Any], example: Any, *, wanted: bool
) -> tuple[tuple[str, ...], str]:
    """Write a skops file; return what in it is outside the list, and why it will not do (or nothing)."""
    try:
        with _filters, warnings.catch_warnings():
            # skops looks for the names of functions in every module there is, and some of them warn when asked.
            warnings.simplefilter("ignore")
            found = write_skops(model, path).untrusted
    except Exception as error:
        if _is_disk(error):
            raise
        return (), f"skops cannot hold it ({error_text(error)}{untrusted_types(model)})"
    if found and not wanted:
        return found, ""
    try:
        again = load_model(path, "skops", trust=found)
    except Exception as error:  # noqa: BLE001 - whatever it says, nobody could read the file
        return (), f"the skops file cannot be read back ({error_text(error)})"
    difference = _differs(again, answers, example)
    return found, f"the skops file does not reproduce it: {difference}" if difference else ""


def _write_joblib(model: Any, path: Path, class_name: str) -> None:
    import joblib

    try:
        joblib.dump(model, path)
    except Exception as error:
        if _is_disk(error):
            raise
        raise InvalidInput(
            f"{class_name} cannot be kept in any format: {error_text(error)}. A lambda, a nested function or an open "
            "file inside a model is the usual reason: use a function of a module instead"
        ) from error


def _joblib_trouble(path: Path, answers: dict[str, Any], example: Any) -> str:
    try:
        again = _read_joblib(path)
    except Exception as error:  # noqa: BLE001 - whatever it says, nobody could read the file
        return f"does not survive being written: {error_text(error)}"
    difference = _differs(again, answers, example)
    return f"does not survive being written: {difference}" if difference else ""


def _is_disk(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in _DISK


def rescue_model(model: Any, path: str | os.PathLike[str]) -> bool:
    """Write what was refused as a model, in any way there is, for people to look at; tell whether there was one.

    Functions and classes that pickles cannot name are written out with it, which this very Python can read, by
    ``joblib.load``, and perhaps no other.
    """
    import joblib

    with contextlib.suppress(Exception):
        joblib.dump(model, path)
        return True
    with contextlib.suppress(Exception):
        joblib.dump(joblib.wrap_non_picklable_objects(model, keep_wrapper=False), path)
        return True
    Path(path).unlink(missing_ok=True)
    return False


def _packages(names: Collection[str], writer: str) -> dict[str, str]:
    wanted = {"scikit-learn", "numpy", "scipy", writer}
    others = {name.partition(".")[0] for name in names} - set(_KNOWN) - {"builtins", "__main__"}
    if others:
        homes = metadata.packages_distributions()
        wanted.update(home for name in others for home in homes.get(name, ()))
    return {name: metadata.version(name) for name in sorted(wanted)}


def _ask(model: Any, example: Any) -> tuple[dict[str, Any], dict[str, str], str]:
    """Return what a model answers for its example, which of its methods fail there, and why that will not do (or "").

    A method that does not agree with itself has no answer that could be compared.
    """
    answers: dict[str, Any] = {}
    failing: dict[str, str] = {}
    if example is None:
        return answers, failing, ""
    present = [method for method in _METHODS if has_method(model, method)]
    for method in present:
        try:
            answer = _answer(model, method, example)
            steady = _same(answer, _answer(model, method, example))
        except Exception as error:  # noqa: BLE001 - the model's own
            failing[method] = error_text(error)
        else:
            answers |= {method: answer} if steady else {}
    refused = "predict" in failing or len(failing) == len(present)
    fault = "".join(f"fails on its example: its own {name} says {reason}" for name, reason in list(failing.items())[:1])
    return answers, failing, fault if refused else ""


def has_method(model: Any, name: str) -> bool:
    """Tell whether an object has a method, whatever its ``__getattr__`` does when it has none."""
    try:
        return callable(getattr(model, name, None))
    except Exception:  # noqa: BLE001 - somebody's own
        return False


def _answer(model: Any, method: str, example: Any) -> Any:
    # A copy each time, for there are models that change the rows they are given. What they warn of is heard when they
    # are used; where warnings are errors, it would be taken for a failure here.
    with _filters, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(model, method)(own_rows(example))


def _differs(again: Any, answers: dict[str, Any], example: Any) -> str:
    """Say how what was read back answers otherwise, or nothing."""
    for method, expected in answers.items():
        try:
            actual = _answer(again, method, example)
        except Exception as error:  # noqa: BLE001 - whatever it says, the copy does not work
            return f"{method} fails on the example with {error_text(error)}"
        if not _same(expected, actual):
            return f"{method} gives other values on the example"
    return ""


def _same(a: Any, b: Any) -> bool:
    try:
        return _same_values(a, b)
    except Exception:  # noqa: BLE001 - answers of somebody's own class, that cannot be compared
        return False


def _same_values(a: Any, b: Any) -> bool:
    import numpy as np

    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(_same, a, b))
    if hasattr(a, "tocsr"):
        a, b = a.tocsr(), b.tocsr()
        return a.shape == b.shape and all(_same(getattr(a, x), getattr(b, x)) for x in ("indptr", "indices", "data"))
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind in "fc":
        # Threads of a forest add up in any order, so the last bits may differ between two calls of one model.
        return bool(np.allclose(a, b, rtol=1e-12, atol=1e-12, equal_nan=True))
    return bool(np.all((a == b) | ((a != a) & (b != b))))


def trusted_names(trust: Trust) -> frozenset[str]:
    """Return what a caller trusts as names; ``True`` is every pickle, and nothing in a skops file.

    Raises
    ------
    InvalidInput
        For what is neither names nor classes.

    Examples
    --------
    >>> sorted(trusted_names([ValueError, "joblib"])), trusted_names(True)
    (['builtins.ValueError', 'joblib'], frozenset({'joblib'}))
    """
    if isinstance(trust, bool):
        return frozenset({"joblib"} if trust else ())
    given = [trust] if isinstance(trust, str | type) or not isinstance(trust, Collection) else list(trust)
    if isinstance(trust, Mapping) or any(not isinstance(one, str | type) for one in given):
        raise InvalidInput(
            "trust= must be True, or names such as ['my_pkg.transform.Clipper', 'joblib', 'sha256:…'], or classes, got "
            f"{type(trust).__name__}: {trust!r:.80}"
        )
    return frozenset(one if isinstance(one, str) else f"{one.__module__}.{one.__qualname__}" for one in given)


def load_model(
    path: str | os.PathLike[str],
    format: str,
    *,
    trust: Trust = (),
    label: str | None = None,
) -> Any:
    """Read a model back, running no code that nobody vouched for.

    The file is read into memory once: what was looked at is what is built, though somebody writes to it meanwhile.

    Parameters
    ----------
    path : str or path
        The file, whose digest the caller has compared already.
    format : {"skops", "joblib"}
        The format it was written in, from the record and not from the file.
    trust : bool, str, type or collection of them, default ()
        For skops: names of types to allow beyond the library's list, or the classes. For joblib, since such a file
        cannot be looked into without running it: ``True``, ``["joblib"]``, or the digest of the file,
        ``["sha256:<64 hex digits>"]``.
    label : str, optional
        What errors call the model; the name of the file by default.

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
        raise InvalidInput(f"{format!r} is not a format of a model file; known are 'skops' and 'joblib'")
    label, names = label or Path(path).name, trusted_names(trust)
    data = Path(path).read_bytes()
    with _one_version_warning(label):
        model = (_read_pickle if format == "joblib" else _read_skops)(data, label, names)
    check_bounds(model, shadows=format == "skops")
    return model


def _read_pickle(data: bytes, label: str, names: Collection[str]) -> Any:
    if "joblib" not in names and (digest := sha256_bytes(data)) not in names:
        named = any("sha256:" not in name for name in names)
        hint = "Naming types does not help with a pickle. " if named else ""
        raise UntrustedModel(
            f"{label} is kept as joblib, a pickle, and reading one runs whatever code it holds. {hint}If you know who "
            "wrote it, pass trust=True to load() or evaluate() for once; for every time, "
            f"mlcycle.trust({digest!r}) trusts this one file, and mlcycle.trust('joblib', project) all that the "
            'project keeps so. If you can, save the model again with format="skops"'
        )
    return _read_joblib(io.BytesIO(data))


def _read_joblib(source: Path | BinaryIO) -> Any:
    import joblib

    with _telling_damage("joblib"):
        return joblib.load(source)


def _read_skops(data: bytes, label: str, names: Collection[str]) -> Any:
    import skops.io

    with _telling_damage("skops"):
        found: TrustReport = look_into(io.BytesIO(data), names)
    if found.untrusted:
        listed = list(found.untrusted)
        hint = "True and 'joblib' are for pickles, and this is a skops file: name the types. "
        raise UntrustedModel(
            f"{label} holds types that mlcycle's list does not cover: {', '.join(listed)}. "
            f"{hint if 'joblib' in names else ''}If you know who wrote it and what they do, pass trust={listed!r} to "
            f"load() or evaluate() for once, or call mlcycle.trust({listed!r}, project) for every time"
        )
    with _telling_damage("skops"):
        return skops.io.load(io.BytesIO(data), trusted=sorted(found.named))


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
        warn(
            f"{label} was fitted with scikit-learn {', '.join(sorted(others))}, and {here} is installed: predictions "
            "may differ. Compare them on the model's example, or fit and register it again"
        )
