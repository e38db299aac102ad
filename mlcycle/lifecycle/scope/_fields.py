"""The fields of a scope as its caller gives them, and as they are stored."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve

from mlcycle import checks, records
from mlcycle._ids import check_alias, name_key, parse_ref
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlcycle._ids import Ref

__all__ = ["stored_criteria", "stored_fields"]

Doc = dict[str, Any]


def stored_fields(
    *,
    criteria: Sequence[records.Criterion] | None,
    aliases: Mapping[str, Sequence[records.Criterion]] | None,
    test: str | records.DatasetVersion | None,
    texts: dict[str, str | None],
    lists: dict[str, Sequence[str] | None],
) -> Doc:
    """Return the fields that are given, as they are stored; None is not given.

    Raises
    ------
    InvalidInput
        For a field of the wrong kind, a criterion that asks nothing of sense, and what can name no data.
    """
    given: Doc = {
        "criteria": None if criteria is None else stored_criteria(criteria),
        "aliases": None if aliases is None else _stored_rules(aliases),
        "test": None if test is None else f"dataset:{_dataset_name(test)}",
        **{field: _text(field, value) for field, value in texts.items()},
        **{field: _texts(field, values) for field, values in lists.items()},
    }
    return {field: value for field, value in given.items() if value is not None}


def stored_criteria(criteria: Any) -> list[Doc]:
    """Return criteria as they are stored, with their refs as they are spelled there."""
    if not isinstance(criteria, (list, tuple)):
        raise InvalidInput(f"criteria is a list, for example [mc.AtLeast('roc_auc', 0.8)], got {criteria!r:.80}")
    for criterion in criteria:
        checks.validate(criterion)
    return [records.to_json(_with_plain_refs(criterion)) for criterion in criteria]


def _stored_rules(aliases: Any) -> Doc:
    if not isinstance(aliases, Mapping):
        raise InvalidInput(
            "aliases says by alias which criteria it asks, for example {'staging': [mc.AtLeast('f1', 0.5)], "
            f"'challenger': []}}, got {type(aliases).__name__}: {aliases!r:.80}"
        )
    found = {check_alias(alias): stored_criteria(rules) for alias, rules in aliases.items()}
    for one, other in itertools.combinations(found, 2):
        if name_key(one) == name_key(other):
            raise InvalidInput(f"aliases has rules for {one!r} and for {other!r}, which are one alias; give them once")
    return found


def _with_plain_refs(criterion: records.Criterion) -> records.Criterion:
    """Return a criterion with its refs spelled as they are stored: ``@1`` for ``@01``, names in NFC."""
    refs: Doc = {}
    if criterion.on is not None:
        refs["on"] = _dataset_name(criterion.on, "on")
    known: Any = criterion  # its class is one of attrs, though the parent of all criteria is none
    reference = getattr(known, "reference", None) if "reference" in criterion.needs else None
    if reference is not None and "@" in reference:  # without, it is an alias or number
        ref = _ref(reference, "model", "reference", "churn@production")
        refs["reference"] = f"{ref.name}@{ref.version}"
    return evolve(known, **refs) if refs else criterion


def _dataset_name(test: str | records.DatasetVersion, argument: str = "test") -> str:
    if isinstance(test, records.DatasetVersion):
        return test.ref
    ref = _ref(test, "dataset", argument, "customers.test")
    return ref.name if ref.version == "latest" else f"{ref.name}@{ref.version}"


def _ref(text: str, kind: str, argument: str, example: str) -> Ref:
    ref = parse_ref(text)
    if ref.kind not in (None, kind):
        raise InvalidInput(f"{argument}={text!r} names a {ref.kind}; it is a {kind}, for example {example!r}")
    return ref


def _text(field: str, value: str | None) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise InvalidInput(f"{field} is text, got {type(value).__name__}: {value!r:.80}")


def _texts(field: str, values: Sequence[str] | None) -> list[str] | None:
    if values is None:
        return None
    if not isinstance(values, (list, tuple)) or not all(isinstance(value, str) for value in values):
        raise InvalidInput(f"{field} is a list of texts, got {values!r:.80}")
    return list(values)
