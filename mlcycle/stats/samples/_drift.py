"""Have the columns of a frame moved? The front door for two samples of rows."""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, frozen

from mlcycle.errors import InvalidInput, NotFound
from mlcycle.stats._multiple import CONTROLS, adjust
from mlcycle.stats.samples import _columns
from mlcycle.stats.samples._findings import ColumnDrift, Drift, Shift
from mlcycle.stats.samples._shifts import Draft, Plan, column_drafts

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    import pandas as pd

__all__ = ["MARGINS", "drift"]

MARGINS = {
    "numeric": 0.1,
    "datetime": 0.1,
    "text": 0.1,
    "discrete": 0.05,
    "categorical": 0.05,
    "boolean": 0.05,
    "nulls": 0.02,
    "unseen levels": 0.01,
    "infinite": 0.01,
}


@frozen
class _Setting:
    alpha: float
    control: str
    margin: float | Mapping[Any, float] | None = None

    def margin_for(self, name: Hashable, kind: str, aspect: str) -> float:
        key = kind if aspect in ("values", "length") else aspect
        if isinstance(self.margin, (int, float)):
            return float(self.margin) if key == kind else MARGINS[key]
        given = self.margin or {}
        if key == kind and name in given:
            return float(given[name])
        return float(given.get(key, MARGINS.get(key, math.nan)))


def drift(
    reference: Any,
    current: Any,
    *,
    columns: Iterable[Hashable] | None = None,
    kinds: Mapping[Hashable, str] | None = None,
    alpha: float = 0.05,
    margin: float | Mapping[Any, float] | None = None,
    control: str = "holm",
    seed: int = 0,
) -> Drift:
    """Compare two samples of rows column by column.

    A column has *drifted* when a test is significant after control over all tests **and** the near end of the interval
    of its effect lies beyond the margin. It is *inconclusive* when there are too few rows for any verdict, or when a
    change is certain but not whether it is larger than the margin. Otherwise it is *stable*, and `detectable` says what
    could have been missed.

    ============ ==================================== ================================ ========
    kind         test                                 effect                           margin
    ============ ==================================== ================================ ========
    numeric      Kolmogorov-Smirnov (exact when       largest shift of the 10, 25, 50, 0.1
                 ``n * m <= 250 000``)                75, 90 % quantiles in robust sd
    datetime     as numeric                           as numeric                       0.1
    text         as numeric, on lengths               as numeric                       0.1
    discrete     chi-square; permutation or Fisher    total variation, debiased        0.05
                 when expected counts are below 5
    categorical  as discrete                          as discrete                      0.05
    boolean      as discrete                          difference of shares             0.05
    nulls        chi-square or Fisher                 difference of shares             0.02
    unseen       random division of all rows          share of rows above chance       0.01
    infinite     as nulls                             difference of shares             0.01
    ============ ==================================== ================================ ========

    Parameters
    ----------
    reference, current : DataFrame, Series, Arrow table, ndarray or mapping of columns
        Rows that were, rows that are.
    columns : iterable, optional
        The columns to compare; all that both sides have, unless given.
    kinds : mapping, optional
        Kinds by column where the guess is wrong. Columns of text with few different values are ``categorical``, numbers
        with at most 10 are ``discrete``. Naming a kind also switches off the refusal of running ids and clocks.
    alpha : float, default 0.05
        The level after control; effect intervals have confidence ``1 - alpha``.
    margin : float or mapping, optional
        The smallest change of values that matters, for all columns, or by column, kind or aspect (``nulls``,
        ``unseen levels``, ``infinite``); the defaults stand in the table.
    control : {"holm", "bh", "by", "none"}, default "holm"
        With ``holm`` the chance of *any* false alarm is at most `alpha`, whatever the dependence between columns.
    seed : int, default 0
        For permutation tests; a column's result does not depend on the other columns or their order.

    Returns
    -------
    Drift
        Columns that only one side has are named there.

    Raises
    ------
    InvalidInput
        If an argument cannot be used. A column whose values cannot be compared raises nothing: its verdict is
        ``inconclusive`` and says why.
    NotFound
        If `columns` or `kinds` names a column that neither side has.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(1)
    >>> before = pd.DataFrame({"age": rng.normal(40, 10, 800), "plan": rng.choice(["free", "pro"], 800)})
    >>> after = pd.DataFrame({"age": rng.normal(47, 10, 500), "plan": rng.choice(["free", "pro"], 500)})
    >>> found = stats.drift(before, after)
    >>> print(found)
    drifted: 1 of 2 columns drifted (alpha 0.05, holm)
      drifted      age (numeric, values): 0.967 [0.699, 1.28] robust sd, margin 0.1, p ...
      stable       plan (categorical, values): ...
    >>> found.frame()[["column", "verdict"]].values.tolist()
    [['age', 'drifted'], ['plan', 'stable']]
    """
    setting = _checked(alpha, control, margin)
    before, after = _columns.as_frame(reference, "reference"), _columns.as_frame(current, "current")
    names, only_before, only_after = _chosen(before, after, columns)
    chosen = _checked_kinds(kinds or {}, before, after)
    # Two tests a column is what a frame has at most on average; the draws must be able to pass control over all.
    least = alpha / max(2 * len(names), 1) if control != "none" else alpha
    plan = Plan(1 - alpha, int(np.clip(20 / least, 1999, 99_999)), least)
    drafts = [_drafted(before[name], after[name], chosen.get(name), plan, seed) for name in names]
    found = _judged(names, drafts, setting)
    sizes = len(before), len(after)
    judged = [
        ColumnDrift(name, kind, *sizes, shifts) for name, (kind, _), shifts in zip(names, drafts, found, strict=True)
    ]
    return Drift(tuple(judged), alpha, control, only_before, only_after)


def _checked(alpha: float, control: str, margin: float | Mapping[Any, float] | None) -> _Setting:
    if not 0 < alpha < 1:
        raise InvalidInput(f"alpha is a level between 0 and 1 such as 0.05, got {alpha!r}")
    if control not in CONTROLS:
        raise InvalidInput(f"control is one of {', '.join(CONTROLS)}, got {control!r}")
    values = [margin] if isinstance(margin, (int, float)) else list((margin or {}).values())
    if wrong := [value for value in values if not value >= 0]:
        raise InvalidInput(f"a margin is a size, 0 or more, got {wrong[0]!r}")
    return _Setting(alpha, control, margin)


def _chosen(
    before: pd.DataFrame, after: pd.DataFrame, columns: Iterable[Hashable] | None
) -> tuple[list[Hashable], tuple[Hashable, ...], tuple[Hashable, ...]]:
    wanted = (
        list(columns) if columns is not None else [*before.columns, *after.columns.difference(before.columns, False)]
    )
    if missing := [name for name in wanted if name not in before.columns and name not in after.columns]:
        raise NotFound(f"no column {missing[0]!r} on either side; there are {list(before.columns)[:20]!r}.")
    return (
        [name for name in wanted if name in before.columns and name in after.columns],
        tuple(name for name in wanted if name not in after.columns),
        tuple(name for name in wanted if name not in before.columns),
    )


def _checked_kinds(kinds: Mapping[Hashable, str], before: pd.DataFrame, after: pd.DataFrame) -> Mapping[Hashable, str]:
    for name, kind in kinds.items():
        if kind not in _columns.KINDS:
            raise InvalidInput(f"kind of column {name!r} is one of {', '.join(_columns.KINDS)}, got {kind!r}")
        if name not in before.columns and name not in after.columns:
            raise NotFound(f"kinds names a column {name!r} that neither side has.")
    return kinds


def _drafted(
    before: pd.Series[Any], after: pd.Series[Any], kind: str | None, plan: Plan, seed: int
) -> tuple[str, list[Draft]]:
    guessed, why = (kind, "") if kind else _columns.joint_kind(before, after)
    nothing = (math.nan,) * 4
    if guessed == "mixed":
        return guessed, [Draft("values", "", *nothing, "", why, -1)]
    rng = np.random.default_rng([seed, zlib.crc32(repr(before.name).encode())])
    try:
        found, drafts = column_drafts(before, after, guessed or "empty", plan, rng)
    except (TypeError, ValueError, AttributeError) as error:
        if kind is None:
            raise
        raise InvalidInput(f"column {before.name!r} cannot be read as {kind}: {error}") from error
    if kind is None and (reason := _columns.running(before, after, found)):
        return found, [evolve(drafts[0], note=reason, rows_needed=-1), *drafts[1:]]
    return found, drafts


def _judged(names: list[Hashable], drafts: list[tuple[str, list[Draft]]], setting: _Setting) -> list[tuple[Shift, ...]]:
    flat = [draft for _, some in drafts for draft in some]
    adjusted = iter(adjust([math.nan if d.rows_needed < 0 else d.p for d in flat], setting.control))
    tests = max(sum(not math.isnan(draft.p) for draft in flat), 1)
    level = setting.alpha if setting.control == "none" else setting.alpha / tests
    return [
        tuple(
            _shift(draft, next(adjusted), setting.margin_for(name, kind, draft.aspect), level, setting)
            for draft in some
        )
        for name, (kind, some) in zip(names, drafts, strict=True)
    ]


def _shift(draft: Draft, adjusted: float, margin: float, level: float, setting: _Setting) -> Shift:
    significant = adjusted <= setting.alpha
    verdict, note = "stable", draft.note
    if significant and draft.low > margin:
        verdict = "drifted"
    elif draft.rows_needed:
        verdict = "inconclusive"
        if draft.rows_needed > 0:
            few = f"too few rows for any verdict; {draft.rows_needed} with values on either side would do"
            note = f"{note}; {few}" if note else few
    elif significant and draft.high > margin:
        verdict = "inconclusive"
        note = "; ".join(filter(None, [note, "a change for certain, but not whether it is beyond the margin"]))
    return Shift(
        draft.aspect, draft.test, draft.p, float(adjusted), draft.effect, draft.low, draft.high, draft.unit,
        margin, draft.detectable(level, margin), verdict, note,
    )  # fmt: skip
