"""A model version nobody has evaluated yet: how much of the traffic it may get all the same, and until when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from mlcycle import checks, records
from mlcycle._ids import bare, now
from mlcycle._times import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlcycle.lifecycle._gate_request import Evidence
    from mlcycle.state import View

__all__ = ["on_trial", "trials_over"]

# Percent of the traffic, of all such versions together: a canary sees enough of it to crash, be slow or drift in the
# open, and nine callers in ten are answered by what was judged.
_SHARE = 10
# Two whole weeks hold every day of the week twice, so that one odd day is told from a habit; labels that take longer
# are a reason to say so with an override.
_LASTS = "14d"


def on_trial(
    view: View, place: str, weights: Mapping[str, int], evidence: Evidence, override: records.Override | None
) -> Evidence:
    """Let versions whose only fault is that nobody has measured them answer a small part for a while.

    Parameters
    ----------
    view : View
        The project.
    place : str
        The deployment, as a full ref.
    weights : mapping of str to int
        What is asked for, by full refs.
    evidence : Evidence
        Of the versions among them that nothing allowed already.
    override : Override or None
        Where one holds, it says how much and until when.
    """
    stopping = [one for one in evidence.results if checks.stops(one)]
    if evidence.problems or not stopping or any(one not in evidence.gaps for one in stopping):
        return evidence
    if override is not None and override.until > now():
        return evidence
    unseen = list(dict.fromkeys(one.subject for one in stopping))
    share = sum(weights[ref] for ref in unseen) / sum(weights.values())
    who, where = " and ".join(map(bare, unseen)), bare(place)
    begun = {ref: _until(view, place, ref) for ref in unseen}
    late = [f"{bare(ref)} until {until[:10]}" for ref, until in begun.items() if until is not None and until <= now()]
    if 100 * share > _SHARE:
        return _refused(
            evidence,
            f"{who} would answer {_percent(100 * share)} % of {where}, and nobody has evaluated it: evaluate it, give "
            f"what nobody has evaluated at most {_SHARE} % together, or say override_until= and message=",
        )
    if late:
        return _refused(
            evidence,
            f"{where} was given {' and '.join(late)} without evidence, which is over: evaluate it, leave it out, or "
            "say override_until= and message=",
        )
    trial = {ref: until or parse_time(_LASTS, ahead=True) for ref, until in begun.items()}
    return evolve(
        evidence,
        results=tuple(evolve(one, blocking=False) if one in stopping else one for one in evidence.results),
        trial=trial,
        notes=(*evidence.notes, *_notes(where, trial)),
    )


def trials_over(view: View, place: str, refs: Iterable[str]) -> Iterator[records.Result]:
    """Yield what is to be told of versions that are gone back to, whose trial is over and nobody has evaluated."""
    for ref in refs:
        until = _until(view, place, ref)
        if until is None or until > now() or next(view.facts.of("evaluation", ref), None) is not None:
            continue
        told = f"it could answer a part of {bare(place)} without evidence until {until[:10]}, and nobody evaluated it"
        yield records.Result(check="trial", subject=ref, verdict="fail", blocking=False, detail=told)


def _notes(where: str, trial: Mapping[str, str]) -> Iterable[str]:
    for ref, until in trial.items():
        leave = f"may answer up to {_SHARE} % of {where} without evidence until {until[:10]}"
        yield f"  · {bare(ref)} {leave}: project.models[{bare(ref)!r}].evaluate()"


def _percent(share: float) -> str:
    """Return a share above the limit in as many digits as show that it is."""
    return next(text for digits in range(3, 18) if float(text := f"{share:.{digits}g}") > _SHARE)


def _refused(evidence: Evidence, why: str) -> Evidence:
    return evolve(evidence, problems=(*evidence.problems, why))


def _until(view: View, place: str, ref: str) -> str | None:
    """Return the end of the first trial a version was given at a place: routing it again gives no other one."""
    for fact in view.facts.of("decision", place, ref):
        until: str | None = (fact.says.get("trial") or {}).get(ref)
        if until is not None and fact["allowed"]:
            return until
    return None
