"""Have the columns of a frame moved? The front door for two samples of rows."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput, NotFound
from mlcycle.stats._arguments import check_seed, check_share, check_size
from mlcycle.stats._multiple import CONTROLS, adjust, global_p, strictness
from mlcycle.stats.two_sample._findings import ColumnDrift, Drift, Shift
from mlcycle.stats.two_sample._pairing import Pairing
from mlcycle.stats.two_sample._shifts import MOST_TESTS, Plan, ShiftDraft

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from numpy.typing import NDArray

__all__ = ["MARGINS", "drift"]

MARGINS = {
    "numeric": 0.1,
    "datetime": 0.1,
    "text": 0.1,
    "vocabulary": 0.05,
    "discrete": 0.05,
    "categorical": 0.05,
    "boolean": 0.05,
    "nulls": 0.02,
    "unseen levels": 0.01,
    "infinite": 0.01,
}
# Below so many values in all, starting threads costs more than they save.
_WORTH_THREADS = 1_000_000


@frozen
class _Setting:
    alpha: float
    control: str
    margin: float | Mapping[Any, float] | None
    columns: tuple[Hashable, ...]

    def margin_for(self, name: Hashable, kind: str, draft: ShiftDraft) -> float:
        """Return the margin of one test: given for the column, or for its kind or aspect, or the usual one."""
        key = kind if draft.aspect in ("values", "length") else draft.aspect
        # Against a constant, numbers are compared by the share of others, and standard deviations mean nothing.
        usual = (
            MARGINS["discrete" if draft.unit == "share" and key == "numeric" else key] if key in MARGINS else math.nan
        )
        if self.margin is None or (isinstance(self.margin, float) and key != kind):
            return usual
        if isinstance(self.margin, float):
            given = self.margin
        elif key == kind and name in self.margin:
            given = float(self.margin[name])
        elif key in self.margin and key not in self.columns:
            given = float(self.margin[key])
        else:
            return usual
        if given < 1 or not draft.unit or draft.unit == "robust sd":
            return given
        if kind in ("numeric", "datetime", "text"):
            return usual
        raise InvalidInput(
            f"margin {given:g} is a share of rows for column {name!r}, which is {kind}: give less than 1, "
            f"a mapping such as {{'numeric': {given:g}}}, or kinds={{{name!r}: 'numeric'}} if it is a number"
        )

    def level(self, chosen: int, tests: int) -> float:
        """Return the level of each of `chosen` claims among `tests`, so that together they keep to alpha."""
        return self.alpha * strictness(self.control, chosen, tests)


def drift(
    reference: Any,
    current: Any,
    *,
    columns: Iterable[Hashable] | None = None,
    kinds: Mapping[Hashable, str] | None = None,
    alpha: float = 0.05,
    margin: float | Mapping[Any, float] | None = None,
    control: str = "bh",
    seed: int = 0,
) -> Drift:
    """Compare two samples of rows column by column.

    A column has *drifted* when a test is significant after control over all tests **and** the near end of the interval
    of its effect lies beyond the margin. It is *inconclusive* when there are too few rows for any verdict, or when a
    change is certain but not whether it is larger than the margin. Otherwise it is *stable*, and `detectable` says what
    could have been missed. The frame has drifted when a global test over all columns is significant too; on the same
    distribution that happens in at most a share `alpha` of cases.

    ============ ==================================== ================================ ========
    kind         test                                 effect                           margin
    ============ ==================================== ================================ ========
    numeric      Kolmogorov-Smirnov (exact for small  largest shift of the 10, 25, 50, 0.1
                 samples and for repeated values)     75, 90 % quantiles in robust sd
    datetime     as numeric                           as numeric                       0.1
    text         as numeric, on lengths               as numeric                       0.1
    vocabulary   chi-square or Fisher for each common largest change of the share of   0.05
                 word, Bonferroni over the words      texts that hold a word
    discrete     chi-square; Fisher for two levels,   total variation, debiased        0.05
                 permutation where counts are small
    categorical  as discrete                          as discrete                      0.05
    boolean      as discrete                          difference of shares             0.05
    nulls        chi-square or Fisher                 difference of shares             0.02
    unseen       random division of all rows          share of rows above chance       0.01
    infinite     as nulls                             difference of shares             0.01
    ============ ==================================== ================================ ========

    Parameters
    ----------
    reference, current : DataFrame, Series, Arrow table, ndarray, mapping of columns or Summary
        Rows that were, rows that are; or what `summarise` kept of either, which says what is lost. The vocabulary of
        text is compared only from rows.
    columns : iterable, optional
        The columns to compare; all that both sides have, unless given.
    kinds : mapping, optional
        Kinds by column where the guess is wrong. Columns of text with few different values are ``categorical``, numbers
        with at most 10 are ``discrete``. Naming a kind also switches off the refusal of running ids and clocks.
    alpha : float, default 0.05
        The level after control. Intervals have confidence ``1 - alpha`` or more: `Drift.confidence`.
    margin : float or mapping, optional
        The smallest change of values that matters, for all columns, or by column, kind or aspect (``vocabulary``,
        ``nulls``, ``unseen levels``, ``infinite``); the defaults stand in the table.
    control : {"bh", "holm", "by", "none"}, default "bh"
        ``bh``: of all columns called drifted, at most a share `alpha` have not moved, or not beyond their margin (false
        discovery rate; Benjamini and Hochberg 1995, for tests that do not speak against each other). ``by``: the same
        under any dependence. ``holm``: the chance of *any* such false call is at most `alpha`. Tests and intervals are
        both held to it.
    seed : int, default 0
        For permutation tests; a column's result does not depend on the other columns or their order, only, by the
        number of draws, on how many they are.

    Returns
    -------
    Drift
        Columns that only one side has are named there.

    Raises
    ------
    InvalidInput
        If an argument cannot be used, or the sides have no column in common. A column whose values cannot be compared
        raises nothing: only its nulls are compared, and its verdict says why.
    NotFound
        If `columns`, `kinds` or `margin` names a column that neither side has.

    References
    ----------
    Benjamini and Yekutieli (2005), False discovery rate-adjusted multiple confidence intervals for selected parameters,
    JASA 100, for intervals of what was chosen. Simes (1986), Biometrika 73, for the global test.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from mlcycle import stats
    >>> rng = np.random.default_rng(1)
    >>> before = pd.DataFrame({"age": rng.normal(40, 10, 800), "plan": rng.choice(["free", "pro"], 800)})
    >>> after = pd.DataFrame({"age": rng.normal(47, 10, 500), "plan": rng.choice(["free", "pro"], 500)})
    >>> found = stats.drift(before, after)
    >>> print(found)
    drifted: 1 of 2 columns drifted (alpha 0.05, bh; global test: Simes, p ...)
      drifted      age (numeric, values): 0.967 [..., ...] robust sd, margin 0.1, p ...
      stable       plan (categorical, values): ...
    >>> found.frame()[["column", "verdict"]].values.tolist()
    [['age', 'drifted'], ['plan', 'stable']]
    """
    pairing = Pairing.of(reference, current, columns, kinds)
    setting, seed = _checked(alpha, control, margin, pairing), check_seed(seed)
    # Before the tests are made their number is not known, and no column may ask for more than was kept for it.
    least = setting.level(1, max(MOST_TESTS * len(pairing.names), 1))
    plan = Plan(least, int(np.clip(10 / least, 1999, 99_999)))

    def drafted(name: Hashable) -> tuple[str, list[ShiftDraft]]:
        return pairing.drafted(name, plan, seed)

    if len(pairing.names) > 1 and sum(pairing.rows) * len(pairing.names) > _WORTH_THREADS:
        with ThreadPoolExecutor(min(os.cpu_count() or 1, 4)) as pool:
            drafts = list(pool.map(drafted, pairing.names))
    else:
        drafts = [drafted(name) for name in pairing.names]
    found, p, confidence = _judged(pairing.names, drafts, setting)
    judged = [
        ColumnDrift(name, kind, *pairing.rows, shifts)
        for name, (kind, _), shifts in zip(pairing.names, drafts, found, strict=True)
    ]
    return Drift(tuple(judged), alpha, control, pairing.only_reference, pairing.only_current, p, confidence)


def _checked(alpha: Any, control: Any, margin: Any, pairing: Pairing) -> _Setting:
    alpha = check_share(alpha, "alpha", 0.05)
    if not isinstance(control, str) or control not in CONTROLS:
        raise InvalidInput(f"control is one of {', '.join(CONTROLS)}, got {control!r}")
    columns = (*pairing.names, *pairing.only_reference, *pairing.only_current)
    what = "the smallest change that matters"
    if not isinstance(margin, Mapping):
        return _Setting(alpha, control, None if margin is None else check_size(margin, "margin", what), columns)
    if odd := [key for key in margin if key not in columns and key not in MARGINS]:
        raise NotFound(
            f"margin names {odd[0]!r}, which is not a column, a kind or an aspect; those are {', '.join(MARGINS)}."
        )
    return _Setting(alpha, control, {k: check_size(v, f"margin of {k!r}", what) for k, v in margin.items()}, columns)


def _judged(
    names: tuple[Hashable, ...], drafts: list[tuple[str, list[ShiftDraft]]], setting: _Setting
) -> tuple[list[tuple[Shift, ...]], float, float]:
    """Return every column's tests, the p-value of the global test, and the confidence of all intervals."""
    flat = [
        (draft, setting.margin_for(name, kind, draft))
        for name, (kind, some) in zip(names, drafts, strict=True)
        for draft in some
    ]
    p = np.array([math.nan if draft.rows_needed < 0 else draft.p for draft, _ in flat])
    adjusted = adjust(p, setting.control)
    tests = max(int(np.count_nonzero(~np.isnan(p))), 1)
    level = _level_of_claims(flat, adjusted <= setting.alpha, tests, setting)
    shifts = iter(
        [
            _shift(draft, float(value), margin, level, setting.level(1, tests), setting.alpha)
            for (draft, margin), value in zip(flat, adjusted, strict=True)
        ]
    )
    return [tuple(next(shifts) for _ in some) for _, some in drafts], global_p(p, setting.control), 1 - level


def _level_of_claims(
    flat: list[tuple[ShiftDraft, float]], significant: NDArray[np.bool_], tests: int, setting: _Setting
) -> float:
    """Return the level at which intervals must lie beyond their margins for the claims to keep to alpha together.

    "Beyond the margin" is a hypothesis of its own, tested by the interval. Stepping from all that are significant down
    to the largest number of intervals that lie beyond at the level this number allows is the step-up procedure
    of Benjamini and Hochberg on those tests (2005, JASA 100, for the intervals).
    """
    standing = [pair for pair, one in zip(flat, significant, strict=True) if one]
    while True:
        level = setting.level(max(len(standing), 1), tests)
        still = [(draft, margin) for draft, margin in standing if draft.sized(1 - level).low > margin]
        if len(still) == len(standing):
            return level
        standing = still


def _shift(draft: ShiftDraft, adjusted: float, margin: float, level: float, alone: float, alpha: float) -> Shift:
    found = draft.sized(1 - level)
    significant = adjusted <= alpha
    verdict, note = "stable", found.note
    if significant and found.low > margin:
        verdict = "drifted"
    elif draft.rows_needed:
        verdict = "inconclusive"
        if draft.rows_needed > 0:
            few = f"too few rows for any verdict; {draft.rows_needed} with values on either side would do"
            note = f"{note}; {few}" if note else few
    elif significant and found.high > margin:
        verdict = "inconclusive"
        note = "; ".join(filter(None, [note, "a change for certain, but not whether it is beyond the margin"]))
    return Shift(
        draft.aspect, draft.test, draft.p, adjusted, found.effect, found.low, found.high, draft.unit,
        margin, draft.detectable(alone, margin), verdict, note,
    )  # fmt: skip
