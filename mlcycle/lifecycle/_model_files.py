"""Estimators in and out of the store: the model itself, a card that says what it is, a few rows of its input."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mlcycle import codecs
from mlcycle._error_text import error_text
from mlcycle._ids import new_id
from mlcycle._warn import warn
from mlcycle.errors import InvalidInput, MlcycleError, NotFound, UntrustedModel
from mlcycle.lifecycle._params import as_params
from mlcycle.lifecycle._trust_file import trusted_in
from mlcycle.lifecycle.blobs import NewFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from mlcycle._typing import Trust
    from mlcycle.lifecycle.blobs import Blobs, CheckedFiles
    from mlcycle.state import Version

__all__ = [
    "InputCheckedModel",
    "StagedModel",
    "card_of",
    "check_model",
    "keep_model",
    "load_version",
    "signature_of",
    "store_model",
    "suits",
]

Doc = dict[str, Any]
_EXAMPLE_ROWS = 20
_EXAMPLE_COLUMNS = 10_000
_SHOWN = 3  # names in one warning; a program of its own often has a dozen, for one and the same reason


class StagedModel:
    """A fitted estimator written to a temporary folder, ready to be stored; use it in a ``with`` block.

    Attributes
    ----------
    path : Path
        The model in the safest format that reproduces it.
    card : dict
        Format, class, packages, types outside our trust, names others cannot import, signature and parameters.
    example : Path or None
        A few rows of input as Parquet.
    lost : str
        Why the rows are not kept although there were some, or nothing.
    """

    def __init__(self, model: Any, example: Any, format: str | None) -> None:
        check_model(model)
        self._folder = tempfile.TemporaryDirectory(prefix="mlcycle-")
        self.path = Path(self._folder.name, "model")
        try:
            rows, signature = _described(model, example)
            self.card = self._pack(model, rows, signature, format)
            self.example, self.lost = self._keep(rows)
        except BaseException:
            self._folder.cleanup()
            raise

    def _pack(self, model: Any, rows: Any, signature: Doc | None, format: str | None) -> Doc:
        packed = codecs.dump_model(model, self.path, example=_as_served(rows, signature), format=format)
        if packed.local:
            warn(_local_text(packed.class_name, packed.local))
        return {
            "format": packed.format,
            "class": packed.class_name,
            "packages": dict(packed.packages),
            "untrusted": list(packed.untrusted),
            "local": sorted(packed.local),
            "signature": None if signature is None else _without(signature, packed.failing),
            "params": _params(model),
        }

    def _keep(self, rows: Any) -> tuple[Path | None, str]:
        """Write rows for people to look at; no model is lost because Parquet has no form for one of its columns."""
        if rows is None or not _is_narrow(rows):
            return None, ""
        path = Path(self._folder.name, "example.parquet")
        try:
            frame = _as_frame(rows)
            codecs.check_nesting(frame)
            frame.to_parquet(path)
        except Exception as error:  # pandas and pyarrow raise whatever they like
            if isinstance(error, OSError) and error.errno is not None:  # Arrow's own complaints have no number
                raise
            return None, f"the rows of its example cannot be kept as Parquet ({error_text(error)}); its signature is"
        return path, ""

    def __enter__(self) -> StagedModel:
        return self

    def __exit__(self, *exception: object) -> None:
        self._folder.cleanup()


def _local_text(class_name: str, local: dict[str, str]) -> str:
    """Say that others cannot load a model, why, and what to do; training goes on."""
    told = [f"{name} {why}" for name, why in local.items()]
    more = [f"and {len(told) - _SHOWN} more"] if len(told) > _SHOWN else []
    return (
        f"others cannot load this {class_name.rpartition('.')[2]}: {'; '.join([*told[:_SHOWN], *more])}. "
        "Move it to a module of a package that is installed (your own: pip install -e .), and save the model again"
    )


def _described(model: Any, example: Any) -> tuple[Any, Doc | None]:
    """Return a few rows of an example, and the signature they give."""
    if example is None:
        return None, None
    try:
        rows = codecs.example_rows(example, model, _EXAMPLE_ROWS)
        return rows, codecs.infer_signature(rows, model)
    except MlcycleError:
        raise
    except Exception as error:
        name = f"{type(model).__module__}.{type(model).__qualname__}"
        raise InvalidInput(f"{name} and its example have no signature: {error_text(error)}") from error


def _as_served(rows: Any, signature: Doc | None) -> Any:
    """Return what a model would be given in service for these rows, which stay as they are."""
    return None if signature is None else codecs.own_rows(codecs.check_inputs(signature, rows))


def suits(model: Any, example: Any) -> bool:
    """Say whether an example can be described, and a model answers on it."""
    try:
        rows = _as_served(*_described(model, example))
        (model.predict if codecs.has_method(model, "predict") else model.transform)(rows)
    except Exception:  # noqa: BLE001 - of whichever library made the example
        return False
    return True


def _without(signature: Doc, failing: dict[str, str]) -> Doc:
    """Take methods that fail on the example out of a signature, and note why."""
    if "predict_proba" in failing and "predict_log_proba" in signature["methods"]:
        failing = failing | {"predict_log_proba": failing["predict_proba"]}
    if not failing:
        return signature
    methods = [name for name in signature["methods"] if name not in failing]
    return signature | {"methods": methods, "failing": dict(failing)}


def check_model(model: Any) -> None:
    """Refuse what is no fitted estimator at first sight."""
    if isinstance(model, type) or not (codecs.has_method(model, "predict") or codecs.has_method(model, "transform")):
        what = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
        raise InvalidInput(f"a model has a predict or a transform method, got {what}: pass a fitted estimator")


def keep_model(model: Any, format: str = "joblib") -> str:
    """Keep a model, or its file, on this machine when it cannot be stored; return the words that say where."""
    kept = Path(tempfile.gettempdir(), f"mlcycle-model-{new_id()}.{format}")
    try:
        if isinstance(model, Path):
            shutil.copyfile(model, kept)
        elif not codecs.rescue_model(model, kept):
            return ""
    except OSError:
        kept.unlink(missing_ok=True)
        return ""
    return f"; it is kept at {kept}"


def store_model(checked_files: CheckedFiles, folder: str, packed: StagedModel) -> list[Doc]:
    """Store a packed model below a folder; return the descriptions of its files, the model itself first."""
    stored = [_store_file(checked_files, folder, "model", f".{packed.card['format']}", packed.path)]
    if packed.example is not None:
        stored.append(_store_file(checked_files, folder, "example", ".parquet", packed.example))
    return stored


def _store_file(checked_files: CheckedFiles, folder: str, kind: str, suffix: str, source: Path) -> Doc:
    file = NewFile(checked_files, folder, kind, suffix)
    try:
        shutil.copyfile(source, file.path)
        return file.done()
    finally:
        file.discard()


def card_of(blobs: Blobs, version: Version) -> Doc:
    """Return what is said of a version: format, class, packages, signature, parameters."""
    card: Doc = blobs.document(version.needs[0], "card", version.shown)
    return card


def load_version(blobs: Blobs, version: Version, *, trust: Trust = ()) -> Any:
    """Load the estimator of a version, its bytes being those the log names, by the rules of trust.

    What counts is what the caller trusts, and what this user trusts for every time (`mlcycle.trust`), whose file is
    asked only where the first does not do.
    """
    card = card_of(blobs, version)

    def read() -> Any:
        file = blobs.file_of(version.needs[0], "model", version.shown)
        with blobs.checked_files.local_copy(file, version.shown) as path, _telling_local(version.shown, card):
            try:
                return codecs.load_model(path, card["format"], trust=trust, label=version.shown)
            except UntrustedModel as error:
                granted = _granted(blobs, error)
            return codecs.load_model(
                path, card["format"], trust=codecs.trusted_names(trust) | granted, label=version.shown
            )

    return blobs.reading(version.shown, read)


@contextlib.contextmanager
def _telling_local(shown: str, card: Doc) -> Iterator[None]:
    """Say so where something is not found that only the program which saved a model could import.

    Nobody can install it, and a package that has the name of somebody's file is another one.
    """
    try:
        yield
    except NotFound as error:
        cause = error.__cause__ or error
        lost = str(cause.name).partition(".")[0] if isinstance(cause, ModuleNotFoundError) else None
        names = [one for one in card["local"] if lost in (None, one.partition(".")[0])]
        if not names:
            raise
        raise NotFound(
            f"{shown} needs {', '.join(names)}, which only the program that saved it could import ({error_text(cause)}"
            "): move it to a module of a package that is installed (your own: pip install -e .), and save the model "
            "again"
        ) from cause


def _granted(blobs: Blobs, refusal: UntrustedModel) -> frozenset[str]:
    """Return what this user trusts in this store for every time, if anything; else raise the refusal again."""
    try:
        found = trusted_in(*blobs.identity)
    except MlcycleError as error:
        raise UntrustedModel(f"{refusal}. What you trust for every time cannot be read: {error}") from error
    if not found:
        raise refusal
    return found


def signature_of(blobs: Blobs, version: Version, model: Any) -> Doc | None:
    """Return what a version takes, as it was stored and as the loaded model itself knows."""
    return codecs.complete_signature(card_of(blobs, version)["signature"], model)


class InputCheckedModel:
    """A model that takes from a table what its signature names, as it does when it serves."""

    _ASKED = frozenset({"predict", "predict_proba", "decision_function"})

    def __init__(self, model: Any, signature: Doc | None) -> None:
        self._model = model
        self._signature = signature

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._model, name)
        if self._signature is None or name not in self._ASKED:
            return found
        signature = self._signature
        # a copy of what is asked: an array made of a frame is a view of it that nobody may write to
        return lambda X: found(codecs.own_rows(codecs.check_inputs(signature, X)))


def _is_narrow(example: Any) -> bool:
    # a Parquet file of a million hashed columns takes minutes to write, and nobody reads it
    return len(example.shape) < 2 or example.shape[1] <= _EXAMPLE_COLUMNS if hasattr(example, "shape") else True


def _as_frame(example: Any) -> pd.DataFrame:
    import pandas as pd

    if codecs.are_records(example):
        example = codecs.frame_of(example)
    example = example.toarray() if hasattr(example, "toarray") else example
    frame = example if isinstance(example, pd.DataFrame) else pd.DataFrame(example)
    columns = (frame.iloc[:, i] for i in range(frame.shape[1]))
    dense = (cast("Any", one).sparse.to_dense() if isinstance(one.dtype, pd.SparseDtype) else one for one in columns)
    return pd.DataFrame({str(label): column for label, column in zip(frame.columns, dense, strict=True)}, frame.index)


def _params(model: Any) -> Doc:
    """Return the model's own parameters; an estimator that cannot tell them has none."""
    try:
        return as_params(model.get_params(deep=False))
    except Exception:  # noqa: BLE001 - no such method, or one that fails: foreign code
        return {}
