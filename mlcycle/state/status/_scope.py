"""What the scope lacks, and where it asks less than it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle import records
from mlcycle._ids import bare, parse_ref
from mlcycle._text import plain
from mlcycle.state.status._finding import finding, why

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlcycle.state.status._look import Look

__all__ = ["scope_findings"]

_SUBJECT = "scope:scope"


def scope_findings(look: Look) -> Iterator[records.Result]:
    """Say what the scope lacks, and what was eased in it by whom and until when."""
    version = look.view.versions.newest("scope", "scope")
    if version is None:
        yield _missing("no scope yet: project.scope.set(objective=…, criteria=[…])")
        return
    scope = version["scope"]
    if not scope["criteria"]:
        yield _missing("the scope has no criteria, so no gate can block: project.scope.set(criteria=[…])")
    elif scope["test"] is None and any(one.get("on") is None for one in scope["criteria"]):
        yield _missing("criteria name no data: project.scope.set(test='…')")
    yield from _data_to_come(look)
    yield from _eased(look, records.from_json(scope))
    for move in scope.get("moved", ()):
        yield _moved(move, look.moment)


def _missing(detail: str) -> records.Result:
    return finding("missing", _SUBJECT, detail, "warn", "scope")


def _data_to_come(look: Look) -> Iterator[records.Result]:
    """Say which data is not there that models are to be judged on; before there is any, it is only to come."""
    if not look.view.names.every("dataset"):
        return
    for on in look.today:
        ref = parse_ref(on)
        if look.view.versions.latest("dataset", ref.name) is None:
            yield _missing(
                f"models are judged on {on}, and there is no such data, so no gate lets one through: "
                f"add or split it, or project.scope.set(test='…')"
            )


def _eased(look: Look, scope: records.Scope) -> Iterator[records.Result]:
    """Say which criteria were made easier; what stands as it was before is eased no longer."""
    for one in scope.loosened:
        if one.before in scope.criteria:
            continue
        what = f"{plain(one)} was loosened{why(one.author, one.message)}"
        if not one.until:
            yield finding("loosened", _SUBJECT, f"{what}, for good", "not_applicable", "scope")
        elif one.until > look.moment:
            yield finding("loosened", _SUBJECT, f"{what} until {one.until[:10]}", "not_applicable", "scope")
        else:
            over = f"that was over on {one.until[:10]}, and {plain(one.before)} holds again"
            yield finding("loosened", _SUBJECT, f"{what}; {over}: {_AGAIN}", "warn", "scope")


_AGAIN = "write it into project.scope.set(criteria=[…]), or loosen it anew"


def _moved(move: dict[str, Any], moment: str) -> records.Result:
    """Say that models are judged on other data than at first; read as stored, so that a newer form is told too."""
    before, after = (bare(move.get(end) or "nothing") for end in ("before", "after"))
    what = (
        f"models are judged on {after} instead of {before}, moved{why(move.get('author'), move.get('message') or '')}"
    )
    until = move.get("until") or ""
    if not until:
        return finding("moved", _SUBJECT, f"{what}, for good", "not_applicable", "scope")
    if until > moment:
        return finding("moved", _SUBJECT, f"{what} until {until[:10]}", "not_applicable", "scope")
    over = f"that was over on {until[:10]}: project.scope.set(test={before!r}), or move it anew"
    return finding("moved", _SUBJECT, f"{what}; {over}", "warn", "scope")
