"""Estimators in and out of the store: the model itself, a card that says what it is, a few rows of its input."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlcycle import codecs
from mlcycle._ids import new_id
from mlcycle.errors import InvalidInput, MlcycleError
from mlcycle.lifecycle._params import as_params
from mlcycle.lifecycle._view import doc_ref, of_kind

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

    from mlcycle.lifecycle._session import Session

__all__ = [
    "PackedModel",
    "Signed",
    "card_of",
    "check_model",
    "files_of",
    "keep_model",
    "load_version",
    "store_model",
]

Doc = dict[str, Any]
_EXAMPLE_ROWS = 20


class PackedModel:
    """A fitted estimator written to a temporary folder, ready to be stored; use it in a ``with`` block.

    Attributes
    ----------
    path : Path
        The model in the safest format that reproduces it.
    card : dict
        Format, class, packages, types outside our trust, signature and parameters.
    """

    def __init__(self, model: Any, example: Any, format: str | None) -> None:
        check_model(model)
        self.example = _few_rows(example)
        self._folder = tempfile.TemporaryDirectory(prefix="mlcycle-")
        self.path = Path(self._folder.name, "model")
        try:
            self.card = self._pack(model, format)
        except BaseException:
            self._folder.cleanup()
            raise

    def _pack(self, model: Any, format: str | None) -> Doc:
        packed = codecs.dump_model(model, self.path, example=self.example, format=format)
        return {
            "format": packed.format,
            "class": packed.class_name,
            "packages": dict(packed.packages),
            "untrusted": list(packed.untrusted),
            "signature": None if self.example is None else self._signature(model, packed),
            "params": _params(model),
        }

    def _signature(self, model: Any, packed: codecs.Packed) -> Doc:
        try:
            signature = codecs.infer_signature(self.example, model)
        except Exception as error:
            why = str(error) if isinstance(error, MlcycleError) else f"{type(error).__name__}: {error!s:.200}"
            raise InvalidInput(f"{packed.class_name} and its example have no signature: {why}") from error
        failing = dict(packed.failing)
        if "predict_proba" in failing and "predict_log_proba" in signature["methods"]:
            failing["predict_log_proba"] = failing["predict_proba"]
        if failing:
            signature["methods"] = [name for name in signature["methods"] if name not in failing]
            signature["failing"] = failing
        return signature

    def __enter__(self) -> PackedModel:
        return self

    def __exit__(self, *exception: object) -> None:
        self._folder.cleanup()


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


def store_model(session: Session, folder: str, packed: PackedModel) -> list[Doc]:
    """Store a packed model below a folder; return the descriptions of its files, the model itself first."""
    file = session.depot.new_file(folder, "model", f".{packed.card['format']}")
    try:
        shutil.copyfile(packed.path, file.path)
        stored = [file.done()]
    finally:
        file.discard()
    if packed.example is not None:
        example = session.depot.new_file(folder, "example", ".parquet")
        try:
            _as_frame(packed.example).to_parquet(example.path)
            stored.append(example.done())
        finally:
            example.discard()
    return stored


def files_of(session: Session, doc: Doc) -> list[Doc]:
    """Return where the files of a version are now."""
    with session.view(refresh=False) as view:
        return view.files(doc["object"], doc_ref(doc))


def card_of(session: Session, doc: Doc) -> Doc:
    """Return what is said of a version: format, class, packages, signature, parameters."""

    def read() -> Doc:
        card: Doc = session.depot.read_document(of_kind(files_of(session, doc), "card"), doc_ref(doc))
        return card

    return session.depot.resolving(doc_ref(doc), read, session.log.snapshot)


def load_version(session: Session, doc: Doc, *, trust: bool | Collection[str] = (), reason: str | None = None) -> Any:
    """Load the estimator of a version, its bytes being those the log names, by the rules of trust."""
    card = card_of(session, doc)

    def read() -> Any:
        with session.depot.local_copy(of_kind(files_of(session, doc), "model"), doc_ref(doc)) as path:
            return codecs.load_model(path, card["format"], trust=trust, reason=reason)

    return session.depot.resolving(doc_ref(doc), read, session.log.snapshot)


class Signed:
    """A model that takes from a table what its signature names, as it does when it serves."""

    _ASKED = frozenset({"predict", "predict_proba", "decision_function"})

    def __init__(self, model: Any, signature: Doc) -> None:
        self._model = model
        self._signature = signature

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._model, name)
        return (lambda X: found(codecs.check_inputs(self._signature, X))) if name in self._ASKED else found


def _few_rows(example: Any) -> Any:
    return None if example is None else example[:_EXAMPLE_ROWS]


def _as_frame(example: Any) -> pd.DataFrame:
    import pandas as pd

    frame = example if isinstance(example, pd.DataFrame) else pd.DataFrame(example)
    return frame.rename(columns=str)


def _params(model: Any) -> Doc:
    """Return the model's own parameters where they have a JSON form; nothing is refused here."""
    if not codecs.has_method(model, "get_params"):
        return {}
    kept: Doc = {}
    try:
        params = dict(model.get_params(deep=False))
    except Exception:  # noqa: BLE001 - the model's own
        return {}
    for name, value in params.items():
        try:
            kept |= as_params({name: value})
        except Exception:  # noqa: BLE001 - of a value's own class
            kept[name] = f"{type(value).__module__}.{type(value).__qualname__}"
    return kept
