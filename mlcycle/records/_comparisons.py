"""Two versions of a model on the same rows: how far apart, how surely, and where they answer differently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mlcycle import _html
from mlcycle._ids import bare
from mlcycle.records._living import Living
from mlcycle.records._record import listed
from mlcycle.records._results import SUBJECT, Result, full_subject

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Comparison"]

_COLUMNS = ("metric", "subject", "reference", "gain", "low", "high", "finding", "n", "note")


@frozen(kw_only=True, repr=False)
class Comparison(Living):
    """What `ModelVersion.compare` found of two versions on the same rows; it is stored nowhere.

    Attributes
    ----------
    subject, reference : str
        The versions, as full refs: the first is held against the second.
    data : str
        The version of the data both were judged on, as a ref.
    results : tuple of Result
        One a metric: `value` is how much better the first is (turned so that positive is better), with its paired
        interval; `comparison` has both values and the `finding`: ``"better"``, ``"worse"`` or
        ``"no difference shown"``.
    n : int
        Rows they are compared on: those with a label.
    differ : int or None
        On how many of them the two answer differently; None where it is not known.
    won, lost : int or None
        On how many of those the first is right and the second wrong, or nearer to the truth; and the other way round.
    groups : int or None
        Of a group role, how many groups the rows fall into; intervals respect them.
    evaluations : tuple of str
        Ids of the evaluations whose predictions were compared, that of the first version first.

    Examples
    --------
    >>> found = Result(check="accuracy", subject="churn@7", verdict="not_applicable", value=0.02, low=0.01, high=0.03,
    ...                comparison={"subject": 0.9, "reference_value": 0.88, "finding": "better"}, n=900)
    >>> comparison = Comparison(subject="churn@7", reference="churn@6", data="customers.test@1", results=[found],
    ...                         n=900, differ=30, won=24, lost=6)
    >>> print(comparison)
    churn@7 against churn@6 on customers.test@1
      better: accuracy 0.9 against 0.88, difference 0.02 [0.01, 0.03], n=900
      they answer differently on 30 of 900 rows: churn@7 is right, or nearer, on 24, churn@6 on 6
    """

    _contents = "the rows they differ on are in differing()"

    subject: str = field(converter=full_subject, metadata=SUBJECT)
    reference: str = field(converter=full_subject, metadata=SUBJECT)
    data: str = field(metadata={"ref": "dataset"})
    results: tuple[Result, ...] = field(default=(), converter=listed)
    n: int = 0
    differ: int | None = None
    won: int | None = None
    lost: int | None = None
    groups: int | None = None
    evaluations: tuple[str, ...] = field(default=(), converter=listed)

    def differing(self, n: int = 10) -> pd.DataFrame:
        """Return rows the two answer differently, those they are farthest apart on first, with all columns of the data.

        Parameters
        ----------
        n : int, default 10
            How many at most.

        Returns
        -------
        DataFrame
            With the index of the data: ``truth``, what each version answered, under its ref, and the data's columns. Of
            labels those come first that the two are surest of, where scores of both are kept; of numbers those with
            the largest difference.

        Raises
        ------
        NotFound
            Where the data or what they answered is gone.
        """
        return self._do("differing", n=n)

    def frame(self) -> pd.DataFrame:
        """Return one row a metric: both values, the gain with its interval, and the finding.

        Examples
        --------
        >>> Comparison(subject="churn@7", reference="churn@6", data="customers.test@1").frame().columns.tolist()
        ['metric', 'subject', 'reference', 'gain', 'low', 'high', 'finding', 'n', 'note']
        """
        import pandas as pd

        return pd.DataFrame([self._cells_of(one) for one in self.results], columns=_COLUMNS)

    @staticmethod
    def _cells_of(one: Result) -> list[Any]:
        said = one.comparison or {}
        values = [said.get("subject"), said.get("reference_value"), one.value, one.low, one.high]
        return [one.check, *values, said.get("finding", one.verdict), one.n, one.detail]

    def _title(self) -> str:
        return f"{bare(self.subject)} against {bare(self.reference)} on {self.data}"

    def _facts(self) -> list[tuple[str, Any]]:
        found = {one.check: (one.comparison or {}).get("finding", one.verdict) for one in self.results}
        return [*found.items(), ("n", self.n), ("differ", self.differ)]

    def _differ(self) -> str:
        if self.differ is None:
            return ""
        where = f"they answer differently on {self.differ:,} of {self.n:,} rows"
        if not self.differ or self.won is None or self.lost is None:
            return where
        names = bare(self.subject), bare(self.reference)
        return f"{where}: {names[0]} is right, or nearer, on {self.won:,}, {names[1]} on {self.lost:,}"

    def _groups(self) -> str:
        return "" if self.groups is None else f"the rows fall into {self.groups:,} groups, which the intervals respect"

    def __str__(self) -> str:
        lines = [*map(_line, self.results), self._differ(), self._groups()]
        return "\n".join([self._title(), *(f"  {line}" for line in lines if line)])

    def _repr_html_(self) -> str:
        rows = [
            [
                _html.badge((one.comparison or {}).get("finding", one.verdict)),
                *self._cells_of(one)[:4],
                "" if one.low is None else f"{_html.number(one.low)} … {_html.number(one.high)}",
                _html.bar(
                    one.value, one.low, one.high, 0.0, verdict=(one.comparison or {}).get("finding", one.verdict)
                ),
                one.n,
                one.detail,
            ]
            for one in self.results
        ]
        heads = ["", "metric", bare(self.subject), bare(self.reference), "gain", "interval", "", "rows", "note"]
        facts = [("rows", self._differ()), ("groups", self._groups())]
        return _html.card(self._title(), facts, _html.table(heads, rows))


def _line(one: Result) -> str:
    said = one.comparison
    if one.value is None or said is None:
        return f"{one.verdict}: {one.check}: {one.detail}"
    interval = f" [{_html.number(one.low)}, {_html.number(one.high)}]" if one.low is not None else ""
    values = f"{_html.number(said['subject'])} against {_html.number(said['reference_value'])}"
    note = f"; {one.detail}" if one.low is None and one.detail else ""
    return f"{said['finding']}: {one.check} {values}, difference {_html.number(one.value)}{interval}, n={one.n}{note}"
