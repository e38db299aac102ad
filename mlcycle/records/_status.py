"""Where a project stands, as people and scripts read it."""

from __future__ import annotations

from attrs import field, frozen

from mlcycle import _html
from mlcycle._ids import bare
from mlcycle.records._record import Record, copied
from mlcycle.records._results import Result, severity_of

__all__ = ["Status"]

_MARKS = {"info": "·", "warn": "!", "fail": "✗"}


@frozen(kw_only=True, repr=False)
class Status(Record):
    """Where the project stands: per phase, what is missing, stale, blocked, failing or due.

    Printed, ✗ is where somebody must act (a finding whose verdict is ``"fail"``), ! where somebody should, · what is
    only good to know, and ✓ a phase without findings.

    Attributes
    ----------
    phases : dict of str to list of Result
        Phases in the order of the cycle, each with its findings; an empty list means nothing to do.
    at : str
        When it was made (UTC).

    Examples
    --------
    >>> due = Result(check="stale", verdict="warn", detail="no new data for 40 days", phase="data")
    >>> Status(phases={"scope": [], "data": [due]})
    scope  ✓
    data   ! no new data for 40 days
    >>> Status(phases={"data": [due]}).ok
    True
    """

    phases: dict[str, list[Result]] = field(factory=dict, converter=copied, hash=False)
    at: str = ""

    @property
    def findings(self) -> tuple[Result, ...]:
        """Everything noticed, over all phases."""
        return tuple(finding for found in self.phases.values() for finding in found)

    @property
    def ok(self) -> bool:
        """Whether nothing fails: no finding is a ✗."""
        return not any(one.verdict == "fail" for one in self.findings)

    def __repr__(self) -> str:
        width = max((len(phase) for phase in self.phases), default=0)
        lines = []
        for phase, found in self.phases.items():
            said = [f"{_MARKS.get(severity_of(one.verdict), '?')} {one.detail or one.check}" for one in found] or ["✓"]
            lines += [f"{phase if first else '':<{width}}  {text}" for first, text in _first(said)]
        return "\n".join(lines) or super().__repr__()

    def _repr_html_(self) -> str:
        rows = []
        for phase, found in self.phases.items():
            rows += [
                [phase, _html.badge(severity_of(one.verdict)), one.check, bare(one.subject), one.detail]
                for one in found
            ] or [[phase, _html.badge("pass"), "", "", ""]]
        return _html.table(["phase", "", "check", "subject", "finding"], rows)


def _first(items: list[str]) -> list[tuple[bool, str]]:
    return [(number == 0, item) for number, item in enumerate(items)]
