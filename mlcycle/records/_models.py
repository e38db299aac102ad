"""Facts about models: what goes in and out, and the versions themselves."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from mlcycle import _html
from mlcycle.records._data import FileRef
from mlcycle.records._record import Committed, Record, copied, listed, stamp_last, texts

__all__ = ["ModelVersion", "Signature"]


@frozen(kw_only=True, repr=False)
class Signature(Record):
    """What a model takes and gives.

    Attributes
    ----------
    inputs : tuple of dict
        One per column, in order: ``{"name", "type"}``.
    task : str, default ""
        ``"classification"``, ``"regression"`` or what the model says.
    classes : tuple
        Labels a classifier may answer, in its order; a list of them for each of several outputs.
    methods : tuple of str
        What can be asked: ``predict``, ``predict_proba``, ``decision_function``, …
    n_outputs : int or None
        Numbers per row of a regressor.
    detail : dict
        What else the format knows.

    Examples
    --------
    >>> Signature(inputs=[{"name": "age", "type": "int64"}], task="classification", classes=[0, 1])
    Signature('1 input', task='classification', classes=(0, 1))
    """

    inputs: tuple[dict[str, Any], ...] = field(default=(), converter=listed, hash=False)
    task: str = ""
    classes: tuple[Any, ...] = field(default=(), converter=listed, hash=False)  # lists for several outputs
    methods: tuple[str, ...] = field(default=(), converter=texts)
    n_outputs: int | None = None
    detail: dict[str, Any] = field(factory=dict, converter=copied, hash=False)

    def _title(self) -> str:
        return f"{len(self.inputs)} input{'' if len(self.inputs) == 1 else 's'}"

    def _facts(self) -> list[tuple[str, Any]]:
        return [("task", self.task), ("classes", self.classes), ("methods", self.methods)]

    def _repr_html_(self) -> str:
        rows = [[one.get("name", ""), one.get("type", "")] for one in self.inputs]
        return _html.card(
            f"signature, {self._title()}",
            [("task", self.task), ("classes", ", ".join(map(str, self.classes))), ("methods", ", ".join(self.methods))],
            _html.table(["input", "type"], rows),
        )


@frozen(kw_only=True, repr=False, field_transformer=stamp_last)
class ModelVersion(Committed):
    """One version of a model.

    Attributes
    ----------
    name : str
    number : int
        1 for the first; never reused.
    id : str
    format : str
        How the file is written: ``"skops"``, ``"joblib"``.
    class_name : str
        The estimator's class, dotted.
    files : tuple of FileRef
        The model's files, the model itself first.
    signature : Signature or None
    example : FileRef or None
        A few input rows.
    run : str or None
        Id of the run it comes from.
    data : tuple of str
        Datasets it was trained on, as refs.
    params : dict
    environment : str or None
        Digest of the environment it was made in.
    packages : dict
        Distribution to version, of what loading needs.
    untrusted : tuple of str
        Types in the file outside the library's list; loading needs trust for them.

    Examples
    --------
    >>> version = ModelVersion(name="churn", number=7, id="0b", class_name="sklearn.linear_model.LogisticRegression")
    >>> version.ref
    'churn@7'
    >>> version
    ModelVersion('churn@7', class='LogisticRegression')
    """

    name: str
    number: int
    id: str
    format: str = ""
    class_name: str = ""
    files: tuple[FileRef, ...] = field(default=(), converter=listed)
    signature: Signature | None = None
    example: FileRef | None = None
    run: str | None = field(default=None, metadata={"ref": "run"})
    data: tuple[str, ...] = field(default=(), converter=texts, metadata={"ref": "dataset"})
    params: dict[str, Any] = field(factory=dict, converter=copied, hash=False)
    environment: str | None = None
    packages: dict[str, str] = field(factory=dict, converter=copied, hash=False)
    untrusted: tuple[str, ...] = field(default=(), converter=texts)

    @property
    def ref(self) -> str:
        """The address of exactly this version."""
        return f"{self.name}@{self.number}"

    def _title(self) -> str:
        return self.ref

    def _facts(self) -> list[tuple[str, Any]]:
        return [
            ("class", self.class_name.rpartition(".")[2]),
            ("format", self.format),
            ("run", self.run),
            ("data", self.data),
            ("untrusted", self.untrusted),
            *super()._facts(),
        ]

    def _repr_html_(self) -> str:
        facts = [(name, ", ".join(value) if isinstance(value, tuple) else value) for name, value in self._facts()]
        facts.append(("bytes", sum(file.size for file in self.files) or None))
        signature = self.signature
        if signature is not None:
            facts.append(("inputs", ", ".join(str(one.get("name", "")) for one in signature.inputs[:20])))
            facts.append(("task", signature.task))
        return _html.card(self.ref, facts)
