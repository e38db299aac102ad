"""Have the columns of a frame moved? The front door for two samples of rows."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_seed, check_share
from mlcycle.stats._multiple import CONTROLS, adjust, global_p, strictness
from mlcycle.stats.two_sample._column_drafts import gone
from mlcycle.stats.two_sample._dependence import dependence_notes, units_of
from mlcycle.stats.two_sample._drafts import MOST_TESTS, Draft, Plan, Sized
from mlcycle.stats.two_sample._families import guessed
from mlcycle.stats.two_sample._findings import ColumnDrift, Drift, Shift
from mlcycle.stats.two_sample._margins import Margins
from mlcycle.stats.two_sample._pairing import Pairing

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    from numpy.typing import NDArray

    from mlcycle.stats.two_sample._pairing import Sides

__all__ = ["drift"]

# Below so many values in all, starting threads costs more than they save.
_WORTH_THREADS = 1_000_000


def drift(
    reference: Any,
    current: Any,
    *,
    columns: Iterable[Hashable] | None = None,
    kinds: Mapping[Hashable, str] | None = None,
    alpha: float = 0.05,
    margin: Any = None,
    control: str = "bh",
    groups: Any = None,
    blocks: Any = None,
    seed: int = 0,
) -> Drift:
    """Compare two samples of rows column by column.

    A column has *drifted* when a test is significant after control over all tests **and** the near end of the interval
    of its effect lies beyond the margin; or when it is gone, new, or of another type. It is *within margin* when no end
    of any interval lies beyond, and *not seen* otherwise: `detectable` says what change would have been seen. The
    frame has drifted when a column has, and a global test over all columns is significant too; on the same distribution
    that happens in at most a share `alpha` of cases.

    =============== ================================= ============================================== ======
    aspect          test                              effect                                         margin
    =============== ================================= ============================================== ======
    values          Kolmogorov-Smirnov (exact for     largest shift of the 10, 25, 50, 75, 90 %      0.1
                    small samples and ties), and      quantiles, in robust sd
    share           shares of rows below 11 values    largest change of the share of rows below any  0.02
                                                      value
    range           the outermost rows all being of   share of rows beyond all of the other side,    0.01
                    one side                          either way, above chance
    frequent values Fisher, Bonferroni                share of rows at a value of 2 % of rows        0.02
    granularity     as frequent values                share of values that are whole multiples of a  0.05
                                                      power of ten; whole minutes, hours, days
    repeated        as frequent values                share of rows that hold the value of the row   0.02
                                                      before
    time of day     as values                         as share, of moments                           0.05
    values of       chi-square; Fisher for two        total variation, debiased                      0.05
    levels          levels, permutation where counts
                    are small
    unseen levels,  random division of all rows       share of rows above chance                     0.01
    lost levels
    nulls, infinite as frequent values                change of the share of rows                    0.02,
                                                                                                     0.01
    text            its length as values; vocabulary, change of the share of texts                   0.02
                    new words, new signs and letters                                                 to
                    as ``two_sample._texts`` says                                                    0.1
    =============== ================================= ============================================== ======

    Numbers of at most ten different values are compared as levels, with a margin of 0.02.

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
    margin : str, float or mapping, optional
        The smallest change of values that matters. ``"5 %"`` is one of rows. A number is one of robust sd for ordered
        columns, and of rows for levels. A mapping gives margins by kind or aspect in their own unit, and by column: a
        number in the column's own unit (seconds, or a timedelta, for moments), ``"5 %"`` of rows, or a mapping by
        aspect, as `margins` learns it from healthy times. What is given decides alone: with ``{"age": 2}``, no share of
        rows that `age` moves by less counts as drift.
    control : {"bh", "holm", "by", "none"}, default "bh"
        ``bh``: of all columns called drifted, at most a share `alpha` have not moved, or not beyond their margin (false
        discovery rate; Benjamini and Hochberg 1995, for tests that do not speak against each other). ``by``: the same
        under any dependence. ``holm``: the chance of *any* such false call is at most `alpha`. Tests and intervals are
        both held to it.
    groups : column, or pair of array-like, optional
        Rows of one group, such as a customer, hang together; given as a column that both sides have, or as the groups
        of the rows of either side; the column itself is compared only if `columns` names it. All counts are divided by
        the design effect (Rao and Scott 1992): how much more shares vary between groups than they would between rows.
    blocks : column, or pair of array-like, optional
        Rows hang together in this order, such as time; counts are divided by how much longer the series takes to
        forget than independent rows would. Without either, rows that repeat or hang together in their order are named
        in `Drift.notes` where they would raise false alarms.
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
      drifted       age: rows up to ...: ... % -> ... % (numeric, share: ... share, margin 0.02, p ...)
      not seen      plan: 'free': ... a change of ... share would have been seen ...
    >>> found.frame()[["column", "verdict"]].values.tolist()
    [['age', 'drifted'], ['plan', 'not seen']]
    """
    pairing = Pairing.of(reference, current, columns, kinds, (groups, blocks))
    seed, alpha = check_seed(seed), check_share(alpha, "alpha", 0.05)
    if not isinstance(control, str) or control not in CONTROLS:
        raise InvalidInput(f"control is one of {', '.join(CONTROLS)}, got {control!r}")
    every = (*pairing.names, *pairing.only_reference, *pairing.only_current)
    setting = _Setting(alpha, control, Margins.of(margin, pairing.known))
    units = units_of(pairing.frames, groups, blocks)
    # Before the tests are made their number is not known, and no column may ask for more than was kept for it.
    least = setting.level(1, max(MOST_TESTS * len(pairing.names), 1))
    plan = Plan(least, int(np.clip(10 / least, 1999, 99_999)))

    def drafted(name: Hashable) -> tuple[Sides, tuple[str, list[Draft]]]:
        return pairing.drafted(name, plan, seed, units)

    if len(pairing.names) > 1 and sum(pairing.rows) * len(pairing.names) > _WORTH_THREADS:
        with ThreadPoolExecutor(min(os.cpu_count() or 1, 4)) as pool:
            noted = pool.submit(dependence_notes, pairing.frames, pairing.names, units)
            made, notes = list(pool.map(drafted, pairing.names)), noted.result()
    else:
        made = [drafted(name) for name in pairing.names]
        notes = dependence_notes(pairing.frames, pairing.names, units)
    drafts = [draft for _, draft in made]
    drafts += [("lost", [gone("the column is gone", "lost")]) for _ in pairing.only_reference]
    drafts += [("new", [gone("a column the reference does not have", "new")]) for _ in pairing.only_current]
    found, p, confidence = _judged(every, drafts, setting)
    judged = [
        ColumnDrift(name, kind, *pairing.rows, shifts)
        for name, (kind, _), shifts in zip(every, drafts, found, strict=True)
    ]
    # The drafts hold both sides of every column anyway, so they are not read again.
    sides = dict(zip(pairing.names, (both for both, _ in made), strict=True))
    judged = guessed(judged, sides, pairing.frames)
    if pairing.frames is None:
        texts = ", ".join(str(column.name) for column in judged if column.kind == "text")
        notes = (f"of texts only the lengths were compared, as a summary keeps no words: {texts}",) if texts else notes
    return Drift(tuple(judged), alpha, control, pairing.only_reference, pairing.only_current, p, confidence, notes)


@frozen
class _Setting:
    alpha: float
    control: str
    margins: Margins

    def level(self, chosen: int, tests: int) -> float:
        """Return the level of each of `chosen` claims among `tests`, so that together they keep to alpha."""
        return self.alpha * strictness(self.control, chosen, tests)


_Judged = list[tuple[Draft, tuple[float, ...]]]


def _judged(
    names: tuple[Hashable, ...], drafts: list[tuple[str, list[Draft]]], setting: _Setting
) -> tuple[list[tuple[Shift, ...]], float, float]:
    """Return every column's tests, the p-value of the global test, and the confidence of all intervals."""
    flat = [
        (draft, tuple(setting.margins.of_measure(name, kind, measure) for measure in draft.measures))
        for name, (kind, some) in zip(names, drafts, strict=True)
        for draft in some
    ]
    p = np.array([math.nan if draft.rows_needed < 0 or draft.certain else draft.p for draft, _ in flat])
    adjusted = adjust(p, setting.control)
    tests = max(int(np.count_nonzero(~np.isnan(p))), 1)
    level = _level_of_claims(flat, adjusted <= setting.alpha, tests, setting)
    judged = iter(
        [
            _shifts(draft, 0.0 if draft.certain else float(value), margins, level, setting.level(1, tests), setting)
            for (draft, margins), value in zip(flat, adjusted, strict=True)
        ]
    )
    shifts = [tuple(shift for _ in some for shift in next(judged)) for _, some in drafts]
    return shifts, global_p(p, setting.control), 1 - level


def _level_of_claims(flat: _Judged, significant: NDArray[np.bool_], tests: int, setting: _Setting) -> float:
    """Return the level at which intervals must lie beyond their margins for the claims to keep to alpha together.

    "Beyond the margin" is a hypothesis of its own, tested by the interval. Stepping from all that are significant down
    to the largest number of intervals that lie beyond at the level this number allows is the step-up procedure
    of Benjamini and Hochberg on those tests (2005, JASA 100, for the intervals).
    """
    standing = [pair for pair, one in zip(flat, significant, strict=True) if one]
    while True:
        level = setting.level(max(len(standing), 1), tests)
        still = [
            (draft, margins)
            for draft, margins in standing
            if any(
                measure.sized(1 - level / len(margins)).low > margin
                for measure, margin in zip(draft.measures, margins, strict=True)
            )
        ]
        if len(still) == len(standing):
            return level
        standing = still


def _shifts(
    draft: Draft, adjusted: float, margins: tuple[float, ...], level: float, alone: float, setting: _Setting
) -> list[Shift]:
    """Return what is said of one test: in each of its units, each with its part of the error."""
    significant, parts = adjusted <= setting.alpha, len(margins)
    made = []
    for measure, margin in zip(draft.measures, margins, strict=True):
        found = measure.sized(1 - level / parts)
        verdict, note = _verdict(draft, found, significant, margin)
        seen = math.inf if draft.rows_needed or margin == math.inf else measure.detectable(alone / parts, margin)
        made.append(
            Shift(
                measure.aspect, draft.test, draft.p, adjusted, found.effect, found.low, found.high, measure.unit,
                margin, seen, verdict, note, significant,
            )
        )  # fmt: skip
    return made


def _verdict(draft: Draft, found: Sized, significant: bool, margin: float) -> tuple[str, str]:
    if draft.certain or (significant and found.low > margin):
        return "drifted", found.note
    if draft.rows_needed > 0:
        few = f"too few rows for any verdict; {draft.rows_needed} with values on either side would do"
        return "not seen", f"{found.note}; {few}".removeprefix("; ")
    if found.high <= margin or not (draft.test or draft.rows_needed):
        return "within margin", found.note
    if significant:
        return "not seen", f"{found.note}; changed for certain, but perhaps within the margin"
    return "not seen", found.note
