"""What is to be judged before it is committed, and the one decision on it.

What is asked for stands in a `GateRequest`. What hooks, criteria of the scope and the gate say of it is one list, and
becomes one decision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from attrs import evolve, field, frozen

from mlcycle import checks, provenance, records
from mlcycle._ids import now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pandas as pd

    from mlcycle.state import Version, VersionAdd, View

__all__ = ["Candidate", "Evidence", "GateRequest", "decide_on", "masked"]

Doc = dict[str, Any]


@frozen
class Evidence:
    """What the gate built in knows of a request.

    Attributes
    ----------
    results : tuple of Result
    evaluations, problems, notes : tuple of str
        Ids of the evaluations the results come from; what is wrong with them; what else a reader should know.
    amended : tuple of Loosening and MovedTest
        What was amended in the scope.
    gaps : tuple of Result
        Those among the results that say only that nobody has measured it yet.
    scope : int or None
        Number of the scope it was gathered by.
    changed_after_results : int
        How often the scope had been changed after results on the test were seen.
    trial : dict
        Full refs of versions that may answer a small part without evidence, and until when.
    found_by : tuple of str
        What the decision is to be found by for what was learnt on the way.
    """

    results: tuple[records.Result, ...] = ()
    evaluations: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    amended: tuple[records.Loosening | records.MovedTest, ...] = ()
    gaps: tuple[records.Result, ...] = ()
    scope: int | None = None
    changed_after_results: int = 0
    trial: Mapping[str, str] = field(factory=dict)
    found_by: tuple[str, ...] = ()

    def blocks(self, override: records.Override | None) -> bool:
        """Say whether it blocks whatever else is found, and no override holds: then nothing more need be tried."""
        against = bool(self.problems) or any(map(checks.stops, self.results))
        return against and (override is None or override.until <= now())


class Candidate(Protocol):
    """Rows that are to become a version."""

    @property
    def roles(self) -> Doc:
        """Column by role."""

    @property
    def table(self) -> Any:
        """As Arrow has them."""

    def frame(self) -> pd.DataFrame:
        """As they will be read back."""


def _is_equal(version: Version, made: VersionAdd) -> bool:
    """Say whether a version is what is to be added: of the same things, and saying the same."""
    wanted = (tuple(made.needs), tuple(made.made_from), made.says)
    return (tuple(version.needs), tuple(version.made_from), version.says) == wanted


@frozen(kw_only=True)
class GateRequest:
    """What is to be judged, or told: one event of an operation.

    Attributes
    ----------
    verb : str
        Of the event: ``"model.promote"``.
    action : str
        In a word, for people: ``"promote"``.
    subject : str
        Full ref of the nearest thing that exists.
    proposal : callable
        Returns what is asked for; called only where a hook is to see it.
    evidence : Evidence
        What the gate built in says.
    alias : str or None
        Of a model: where it is to be promoted to.
    about : tuple of str
        What else the decision is to be found by.
    on_name : bool
        Whether the decision is about the subject also where a version of it is made: what is judged of a route are
        the models, and not the revision.
    always : bool
        Whether the decision is kept also where nobody had anything to say.
    rejects : bool
        Whether the version is kept as rejected where it is blocked; else the decision is kept alone.
    final : bool
        Whether no override lets it through.
    premise : callable
        View to what the judgement rests on; where it is another at the commit, it is judged anew.
    candidates : mapping of str to Candidate
        By name, the rows that are to become its next version, and are stored nowhere yet.
    built_in : callable, optional
        What checks of the library say of it, given the criteria that are asked of the same; asked once, with hooks.
    same : callable
        Whether a version that was rejected before is what is to be added, so that it need not be kept once more.
    """

    verb: str
    action: str
    subject: str
    proposal: Callable[[], Mapping[str, Any]] = dict
    evidence: Evidence = Evidence()
    alias: str | None = None
    about: tuple[str, ...] = ()
    on_name: bool = False
    always: bool = False
    rejects: bool = False
    final: bool = False
    premise: Callable[[View], Any] = lambda view: None
    candidates: Mapping[str, Candidate] = field(factory=dict)
    built_in: Callable[[Sequence[records.Criterion]], Iterable[records.Result]] | None = None
    same: Callable[[Version, VersionAdd], bool] = _is_equal

    @property
    def keys(self) -> tuple[str, ...]:
        """All that the decision is found by, beside what it is about."""
        return (*self.about, *self.evidence.found_by)


def masked(results: Iterable[records.Result]) -> list[records.Result]:
    """Return results without the secrets that the message of an exception may hold, which comes from outside."""
    return [evolve(one, detail=provenance.redact(one.detail)[0]) if one.verdict == "error" else one for one in results]


def decide_on(
    request: GateRequest, said: Sequence[records.Result], author: str, message: str, override: records.Override | None
) -> records.Decision | None:
    """Return the one decision on a request; None where nobody had anything to say, and nobody need know."""
    evidence = request.evidence
    if not (said or evidence.results or evidence.problems or request.always):
        return None
    decision: records.Decision = checks.decide(
        request.action,
        request.subject,
        [*evidence.results, *said],
        now=now(),
        override=None if request.final else override,
        final=request.final,
        amended=evidence.amended,
        problems=evidence.problems,
        evaluations=evidence.evaluations,
        message=message,
        author=author,
    )
    why = "\n".join([decision.why, *dict.fromkeys(evidence.notes)])
    facts = {field: getattr(evidence, field) for field in ("scope", "changed_after_results")}
    return evolve(decision, why=why, alias=request.alias, trial=dict(evidence.trial), **facts)
