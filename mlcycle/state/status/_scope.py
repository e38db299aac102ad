"""What the scope lacks, and where it asks less than it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle import records
from mlcycle._ids import bare
from mlcycle._text import plain
from mlcycle.errors import NotFound
from mlcycle.state._judged_on import judged_on
from mlcycle.state.status._finding import finding, why

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.state.status._standing import Standing

__all__ = ["scope_findings"]

_SUBJECT = "scope:scope"


def scope_findings(standing: Standing) -> Iterator[records.Result]:
    """Say what the scope lacks, and what was eased in it by whom and until when."""
    version = standing.view.versions.newest("scope", "scope")
    if version is None:
        yield _missing("no scope yet: project.scope.set(objective=…, criteria=[…])")
        return
    scope = version["scope"]
    if not scope["criteria"]:
        yield _missing("the scope has no criteria, so no gate can block: project.scope.set(criteria=[…])")
    elif scope["test"] is None and any(one.get("on") is None for one in scope["criteria"]):
        yield _missing("criteria name no data: project.scope.set(test='…')")
    yield from _data_to_come(standing)
    yield from _amended(records.from_json(scope), standing.moment)


def _missing(detail: str) -> records.Result:
    return finding("missing", _SUBJECT, detail, "warn")


def _data_to_come(standing: Standing) -> Iterator[records.Result]:
    """Say which data is not there that models are to be judged on; before there is any, it is only to come."""
    if not standing.view.names.every("dataset"):
        return
    for on in standing.today:
        try:
            judged_on(standing.view, on)
        except NotFound as error:
            yield _missing(f"no gate lets a model through that is judged on {on}: {plain(error)}")


def _amended(scope: records.Scope, moment: str) -> Iterator[records.Result]:
    """Say which criteria were made easier, and where the test was moved to: until when, or for good."""
    for loosening in scope.loosened:
        again = (
            f"{plain(loosening.before)} holds again: write it into project.scope.set(criteria=[…]), or loosen it anew"
        )
        yield _told("loosened", loosening, f"{plain(loosening)} was loosened", again, moment)
    for move in scope.moved:
        before, after = bare(move.before), bare(move.after)
        again = f"models are judged on {before} again: project.scope.set(test={before!r}), or move it anew"
        yield _told("moved", move, f"models are judged on {after} instead of {before}, moved", again, moment)


def _told(check: str, one: records.Loosening | records.MovedTest, what: str, again: str, moment: str) -> records.Result:
    done = f"{what}{why(one.author, one.message)}"
    if one.over(moment):
        return finding(check, _SUBJECT, f"{done}; that was over on {one.until[:10]}, and {again}", "warn")
    ends = ", for good" if one.permanent else f" until {one.until[:10]}"
    return finding(check, _SUBJECT, f"{done}{ends}", "not_applicable")
