"""Facts about models: what goes in and out, and the versions themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mlcycle import _html
from mlcycle.records._committed import Committed, stamp_last
from mlcycle.records._data import FileRef
from mlcycle.records._record import Record, copied, listed, texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlcycle._typing import Moment, Trust
    from mlcycle.records._comparisons import Comparison
    from mlcycle.records._costs import Cost
    from mlcycle.records._datasets import DatasetVersion
    from mlcycle.records._decisions import Decision
    from mlcycle.records._evaluations import Evaluation
    from mlcycle.records._listing import Listing
    from mlcycle.records._metric_source import MetricSource

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
    """One version of a model: what is known of it, and what can be done with it.

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
        Datasets it was trained on, as declared, as refs.
    reads : tuple of str
        Datasets that were loaded in its run, as refs; where none was declared they stand in, as long as they share no
        row with the data it is judged on.
    base : tuple of str
        Models it goes on from, as refs: what they were trained on, it has seen too.
    params : dict
    environment : str or None
        Digest of the environment it was made in.
    packages : dict
        Distribution to version, of what loading needs.
    untrusted : tuple of str
        Types in the file outside the library's list; loading needs trust for them.
    local : tuple of str
        Classes and functions in it that only the script or folder it was saved from can import.

    Examples
    --------
    >>> version = ModelVersion(name="churn", number=7, id="0b", class_name="sklearn.linear_model.LogisticRegression")
    >>> version.ref
    'churn@7'
    >>> version
    ModelVersion('churn@7', class='LogisticRegression')
    """

    _contents = "the estimator is in load()"

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
    reads: tuple[str, ...] = field(default=(), converter=texts, metadata={"ref": "dataset"})
    base: tuple[str, ...] = field(default=(), converter=texts, metadata={"ref": "model"})
    params: dict[str, Any] = field(factory=dict, converter=copied, hash=False)
    environment: str | None = None
    packages: dict[str, str] = field(factory=dict, converter=copied, hash=False)
    untrusted: tuple[str, ...] = field(default=(), converter=texts)
    local: tuple[str, ...] = field(default=(), converter=texts)

    @property
    def ref(self) -> str:
        """The address of exactly this version."""
        return f"{self.name}@{self.number}"

    # verbs ---------------------------------------------------------------------------------------------------------

    def load(self, *, trust: Trust = ()) -> Any:
        """Load the estimator.

        Parameters
        ----------
        trust : bool or collection of str, default ()
            Types outside the library's own list that may be built, or True for a pickle format. Loading such a file
            runs code of whoever wrote it. `mlcycle.trust` says so once for every time.

        Raises
        ------
        UntrustedModel
            Naming the types and the call that would load them.
        Corrupt
            When the bytes are not those the log names.
        """
        return self._do("load", trust=trust)

    def evaluate(
        self,
        on: str | DatasetVersion | None = None,
        *,
        checks: Iterable[Any] = (),
        trust: Trust = (),
        override_until: Moment | None = None,
        message: str = "",
        op: str | None = None,
    ) -> Evaluation:
        """Judge this version by the criteria of the scope and by checks, and keep what was found.

        Parameters
        ----------
        on : ref or DatasetVersion, optional
            The data it is judged on; defaults to the scope's ``test``.
        checks : iterable of criteria and callables, optional
            More questions: a criterion, or ``(subject, context) -> Result | number | bool | iterable of them``, where
            `subject` is a full ref and `context` offers ``data``, ``models`` and ``code``.
        trust
            As in `load`.
        override_until : str, date, datetime or timedelta, or one of numpy or pandas, optional
            Passes a hook that blocks, with a `message`; until when.
        message, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.

        Returns
        -------
        Evaluation
            Values, intervals, verdicts, and how often this data has been judged on.

        Raises
        ------
        InvalidInput
            Where nothing says on what, for a check that is neither of these, and for a criterion that could never
            fail or never pass.
        """
        asked = {"on": on, "checks": checks, "trust": trust}
        return self._do("evaluate", **asked, override_until=override_until, message=message, op=op)

    def promote(
        self,
        alias: str = "production",
        *,
        override_until: Moment | None = None,
        message: str = "",
        op: str | None = None,
    ) -> Decision:
        """Point an alias at this version, if the gate allows it.

        The gate reads the criteria of today's scope and what `evaluate` found. Its decision is committed with the
        move, or without one when it blocks.

        Parameters
        ----------
        alias : str, default "production"
            The alias to move.
        override_until : str, date, datetime or timedelta, or one of numpy or pandas, optional
            Passes a gate that blocks, with a `message`; until when. A bare date means the end of that day (UTC),
            ``"30d"`` or a timedelta so long from now.
        message, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.

        Raises
        ------
        GateBlocked
            Saying what failed, by how much, and how to override.
        ConflictError
            When somebody moved the alias meanwhile; names who.
        """
        return self._do("promote", alias=alias, override_until=override_until, message=message, op=op)

    def demote(
        self, alias: str, *, override_until: Moment | None = None, message: str = "", op: str | None = None
    ) -> None:
        """Take an alias away from this version, so that it points at nothing.

        Parameters
        ----------
        alias : str
            One that points at this version.
        override_until, message, op
            As in `promote`.

        Raises
        ------
        NotFound
            When the alias does not point at this version.
        """
        self._do("demote", alias=alias, override_until=override_until, message=message, op=op)

    def compare(
        self,
        other: str | ModelVersion,
        on: str | DatasetVersion | None = None,
        metrics: str | Cost | MetricSource | Sequence[str | Cost | MetricSource] | None = None,
        *,
        confidence: float = 0.95,
    ) -> Comparison:
        """Compare this version with another on rows both were judged on: no model is loaded, and nothing is stored.

        What `evaluate` kept of both is compared pair by pair, so it is no new look at the data.

        Parameters
        ----------
        other : alias, ref or ModelVersion
            ``"production"`` of the same model, ``"churn@6"``, a version of another model.
        on : ref or DatasetVersion, optional
            The data; defaults to the scope's ``test``, as gates are judged on it.
        metrics : str, Cost or MetricSource, or a sequence of them, optional
            As a criterion holds them; by default those of the scope's criteria, else the usual ones.
        confidence : float, default 0.95
            Of the two-sided intervals, each by itself: with many metrics some differ by chance.

        Returns
        -------
        Comparison
            Per metric both values and the difference with its paired interval, by groups where the data has them;
            on how many rows they answer differently, and which.

        Raises
        ------
        NotFound
            Where predictions of one of them are not kept, with the line that makes them.
        InvalidInput
            For a version and itself; where nothing says on what; for an unknown metric.
        """
        return self._do("compare", other=other, on=on, metrics=metrics, confidence=confidence)

    def evaluations(self) -> Listing[Evaluation]:
        """Return what `evaluate` found of this version, oldest first."""
        return self._do("evaluations")

    def decisions(self) -> Listing[Decision]:
        """Return what was decided about this version, of routes too, oldest first."""
        return self._do("decisions")

    # looks ---------------------------------------------------------------------------------------------------------

    @property
    def _address(self) -> str:
        return f"model:{self.ref}"

    def _title(self) -> str:
        return self.ref

    def _facts(self) -> list[tuple[str, Any]]:
        return [
            ("class", self.class_name.rpartition(".")[2]),
            ("format", self.format),
            ("run", self.run),
            ("data", self.data),
            ("reads", tuple(one for one in self.reads if one not in self.data)),
            ("base", self.base),
            ("untrusted", self.untrusted),
            ("local", self.local),
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
