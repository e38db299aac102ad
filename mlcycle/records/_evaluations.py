"""Evaluations: what was found about one subject at one time, and what a model answered on the rows it was judged on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mlcycle import _html
from mlcycle._ids import bare
from mlcycle.records._committed import Committed, stamp_last
from mlcycle.records._record import as_row, copied, listed
from mlcycle.records._results import HEADS, SUBJECT, Result, full_subject, gravest, results_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd

    from mlcycle.records._costs import Cost
    from mlcycle.records._metric_source import MetricSource

__all__ = ["Evaluation"]

# A frame of a thousand columns may drift in all of them; the first of a signal are the strongest.
_SHOWN = 3


def _foremost(findings: Iterable[Result]) -> Iterator[Result | str]:
    """Yield the first findings of each signal and verdict, and how many more there are."""
    kinds: dict[tuple[str, str], list[Result]] = {}
    for one in findings:
        kinds.setdefault((one.look or one.check, one.verdict), []).append(one)
    for (look, verdict), found in kinds.items():
        yield from found[:_SHOWN]
        if len(found) > _SHOWN:
            yield f"{verdict}: and {len(found) - _SHOWN} more of {look}"


def _findings_table(findings: Iterable[Result]) -> _html.Markup:
    rows = [
        ["", "", "", one, ""]
        if isinstance(one, str)
        else [_html.badge(one.verdict), one.look or "", one._name, one.detail, one.phase]
        for one in _foremost(findings)
    ]
    return _html.table(["", "look", "check", "finding", "next phase"], rows) if rows else _html.Markup("")


def _looks_table(results: Iterable[Result]) -> _html.Markup:
    rows = [[one.look or "", bare(one.subject), *one._row()] for one in results]
    return _html.table(["look", "subject", *HEADS], rows)


def _rows(count: int) -> str:
    return "row" if count == 1 else "rows"


@frozen(kw_only=True, repr=False, field_transformer=stamp_last)
class Evaluation(Committed):
    """What was found about one subject at one time: on one dataset, or in a window of a deployment's traffic.

    Attributes
    ----------
    id : str
    subject : str
        What was judged, as a full ref: a version, or ``"deployment:eu"`` for a window; without a kind it is a model.
    data : str or None
        The version of the data, as a ref.
    results : tuple of Result
    detail : str, default ""
        A sentence for the reader: why no criterion of the scope was asked, where it has some.
    scope : int or None
        Number of the scope the criteria come from.
    uses_of_test : int, default 0
        How many looks there were at rows of this data, this one included: a look is one model version judged on one
        part of the root that shares a row with it, whatever the part is called. The same look again is no new one.
    overlap : dict of str to int or None
        Training data sharing rows with `data`, and how many rows; None where it could not be compared.
    left_out : int, default 0
        Rows of `data` that have no label.
    groups : int or None
        Of a group role, how many groups the rows fall into; intervals respect them.
    not_kept : str, default ""
        Of a model, why what it answered is not kept, or not all of it.
    since, until : str or None
        The window of traffic judged (UTC).
    revision : int or None
        The revision of the deployment that was judged.

    Examples
    --------
    >>> evaluation = Evaluation(id="0c", subject="model:churn@7", data="customers.test@1",
    ...                         results=[Result(check="roc_auc ≥ 0.8", verdict="pass", value=0.85, n=500)])
    >>> evaluation.verdict
    'pass'
    >>> evaluation
    Evaluation('churn@7 on customers.test@1', verdict='pass', results=1)
    """

    _contents = "what the model answered is in predictions()"

    id: str
    subject: str = field(converter=full_subject, metadata=SUBJECT)
    data: str | None = field(default=None, metadata={"ref": "dataset"})
    results: tuple[Result, ...] = field(default=(), converter=listed)
    detail: str = ""
    scope: int | None = None
    uses_of_test: int = 0
    overlap: dict[str, int | None] = field(factory=dict, converter=copied, hash=False, metadata={"ref": "dataset"})
    left_out: int = 0
    groups: int | None = None
    since: str | None = None
    until: str | None = None
    revision: int | None = None
    not_kept: str = ""

    @property
    def verdict(self) -> str:
        """One verdict for all results, as `worst` weighs them; of a window an alarm counts before what is undecided."""
        return gravest(self.results, alarm=self._window)

    @property
    def findings(self) -> tuple[Result, ...]:
        """The results that name a phase to go to."""
        return tuple(one for one in self.results if one.phase is not None)

    @property
    def n_predictions(self) -> int | None:
        """How many predictions were looked at in a window; None where it is not known."""
        return next((one.n for one in self.results if one.look == "traffic" and one.n is not None), None)

    @property
    def _window(self) -> bool:
        return self.since is not None

    def frame(self) -> pd.DataFrame:
        """Return the results as a DataFrame, one row each.

        Examples
        --------
        >>> one = Evaluation(id="0c", subject="churn@7", results=[Result(check="a", verdict="pass", value=1.0)])
        >>> one.frame()[["check", "verdict", "value"]].to_dict("records")
        [{'check': 'a', 'verdict': 'pass', 'value': 1.0}]
        """
        import pandas as pd

        return pd.DataFrame([as_row(result) for result in self.results])

    # what the model answered ---------------------------------------------------------------------------------------

    def predictions(self) -> pd.DataFrame:
        """Return what the model answered on the rows it was judged on, as it was kept; no model is loaded.

        Returns
        -------
        DataFrame
            One row each row with a label; the index ``row`` is its position in ``load()`` of the data. Columns:
            ``truth``, ``predict``, and where the model was asked for them ``predict_proba`` and
            ``decision_function``, a column a class (``predict_proba.yes``) where there are several numbers a row.

        Raises
        ------
        NotFound
            Where none are kept, with the reason.
        Corrupt
            Where they are damaged.
        """
        return self._do("predictions")

    def errors(self, n: int = 10) -> pd.DataFrame:
        """Return the rows the model was most wrong about, worst first, with all columns of the data.

        Parameters
        ----------
        n : int, default 10
            How many at most.

        Returns
        -------
        DataFrame
            With the index of the data. Of labels the rows answered wrong, and where scores are kept, first those it
            was surest of: ``truth``, ``predict``, ``confidence`` (the probability of the wrong answer, or its score).
            Of numbers those with the largest absolute ``error``. A column of the data that is called so, too, keeps
            its name, and ours ends with ``_``.

        Raises
        ------
        NotFound
            Where no predictions are kept, with the reason; where the data is gone.
        InvalidInput
            Where a row has several values.
        """
        return self._do("errors", n=n)

    def slices(
        self,
        by: str | Sequence[str] | pd.Series[Any],
        metrics: str | Cost | MetricSource | Sequence[str | Cost | MetricSource] | None = None,
        *,
        confidence: float = 0.95,
    ) -> pd.DataFrame:
        """Return metrics within every level of some columns, with intervals, from what is kept; no model is loaded.

        Parameters
        ----------
        by : str, sequence of str, or Series
            Columns of the data, or one made of them: a value each row of its ``load()``, such as
            ``pd.cut(frame["age"], 4)``.
        metrics : str, Cost or MetricSource, or a sequence of them, optional
            As a criterion holds them; by default those this evaluation measured.
        confidence : float, default 0.95
            Of the two-sided intervals.

        Returns
        -------
        DataFrame
            One row a slice and metric: ``slice``, ``metric``, ``value``, ``low``, ``high``, ``n``, ``note``. Nothing is
            judged: among many slices the lowest is low by chance, too.

        Raises
        ------
        NotFound
            Where no predictions are kept, with the reason; where the data is gone.
        InvalidInput
            For a column the data has not, or one of too many levels; for an unknown metric.
        """
        return self._do("slices", by=by, metrics=metrics, confidence=confidence)

    # looks ---------------------------------------------------------------------------------------------------------

    def _title(self) -> str:
        return f"{bare(self.subject)} on {self.data}" if self.data else bare(self.subject)

    @property
    def _said(self) -> str:
        """The verdict in words; where nothing was held against a line, why that is."""
        measured = self.results and all(one._said == "measured" for one in self.results)
        return (self.detail or "no criterion yet") if measured and not self._window else self.verdict

    def _notes(self) -> Iterator[str]:
        """Yield what a reader should know of the rows that were judged on."""
        for ref, rows in self.overlap.items():
            if rows is None:
                yield f"cannot be compared with {ref}, which it was trained on"
            else:
                yield f"shares {rows:,} {_rows(rows)} with {ref}, which it was trained on"
        if self.left_out:
            yield f"{self.left_out:,} {_rows(self.left_out)} without a label left out"
        if self.groups is not None:
            yield f"the rows fall into {self.groups:,} groups, which the intervals respect"
        if self.not_kept:
            yield f"not kept: {self.not_kept}"

    def _facts(self) -> list[tuple[str, Any]]:
        return [
            ("verdict", self._said),
            ("results", len(self.results)),
            *self._looked_at(),
            ("scope", self.scope),
            ("uses of test", self.uses_of_test or None),
            ("overlap", self.overlap),
            *super()._facts(),
        ]

    def _looked_at(self) -> list[tuple[str, Any]]:
        """Say which window this is, and how much was in it."""
        if not self._window:
            return []
        return [
            ("findings", len(self.findings)),
            ("predictions", self.n_predictions),
            ("revision", self.revision),
            ("since", self.since),
            ("until", self.until),
        ]

    def __str__(self) -> str:
        if not self._window:
            lines = (f"  {one}" for one in (*self.results, *self._notes()))
            return "\n".join([f"{self._title()}: {self._said}", *lines])
        seen = "" if self.n_predictions is None else f"{self.n_predictions:,} predictions, "
        noun = "finding" if len(self.findings) == 1 else "findings"
        head = f"{self._title()}: {seen}{len(self.findings)} {noun}"
        lines = (one if isinstance(one, str) else one._text() for one in _foremost(self.findings))
        return "\n".join([head, *(f"  {line}" for line in lines)])

    def _repr_html_(self) -> str:
        shared = ", ".join(f"{'?' if rows is None else rows} rows with {ref}" for ref, rows in self.overlap.items())
        facts = [
            ("verdict", _html.badge(self._said)),
            ("scope", self.scope),
            ("times this test set was used", self.uses_of_test or None),
            ("shares", shared),
            ("rows without a label", self.left_out or None),
            ("groups of rows", self.groups),
            ("not kept", self.not_kept or None),
            *self._looked_at(),
            *super()._facts(),
        ]
        if not self._window:
            return _html.card(self._title(), facts, results_table(self.results))
        return _html.card(self._title(), facts, _findings_table(self.findings), _looks_table(self.results))
