"""What a scope asks of models, data by data: what their gate stops at, for the status to hold facts against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import attrs
from attrs import evolve

from mlcycle._ids import parse_ref
from mlcycle.lifecycle.evaluation._gate import model_criteria, test_of

if TYPE_CHECKING:
    from mlcycle import records
    from mlcycle.state import Version

__all__ = ["asked_of_models"]


def asked_of_models(scope: Version, at: str) -> dict[str, list[records.Criterion]]:
    """Return the criteria in force at a moment that block models, by the data (as a ref) they are judged on.

    Each names the data without its version, so that those of two scopes can be compared; what names no data at all is
    left out.
    """
    found: dict[str, list[records.Criterion]] = {}
    for one in model_criteria(scope, at):
        on = one.on or test_of(scope)
        if one.blocking and on is not None:
            found.setdefault(on, []).append(_about(one, parse_ref(on).name))
    return found


def _about(criterion: records.Criterion, name: str) -> records.Criterion:
    kind = type(criterion)
    takes = attrs.has(kind) and any(one.name == "on" for one in attrs.fields(cast("Any", kind)))
    return evolve(cast("Any", criterion), on=name) if takes else criterion
