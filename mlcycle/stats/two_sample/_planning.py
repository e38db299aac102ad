"""How much data for which change: the smallest change that n rows would show, and the rows that a change asks for."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING, Any

from attrs import asdict, field, frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_share, check_size, check_whole
from mlcycle.stats._estimate import POWER
from mlcycle.stats.two_sample import _power

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Planned", "minimum_detectable", "sample_size"]

_MOST = 10**12


@frozen
class _Kind:
    """What a kind of change is called, which facts it rests on, and the change that so many rows show."""

    change: str
    unit: str
    needs: tuple[str, ...]
    options: tuple[str, ...]
    detectable: Callable[..., float]
    largest: Callable[[Mapping[str, float]], float] = field(default=lambda facts: math.inf)
    paired: bool = False
    blind: str = "would see no change at level {alpha:.3g}, however large"


_KINDS = {
    "numeric": _Kind("a shift of", "sd", (), ("sd",), _power.shift),
    "mean": _Kind("a shift of the mean by", "sd", (), ("sd",), _power.mean),
    "proportion": _Kind(
        "a change of the share by",
        "",
        ("base",),
        (),
        _power.proportion,
        lambda facts: max(facts["base"], 1 - facts["base"]),
    ),
    "categorical": _Kind("a total variation of", "", ("levels",), (), _power.levels, lambda facts: 1.0),
    "psi": _Kind(
        "a PSI of", "", (), ("bins",), _power.psi, blind="are too few for a PSI at level {alpha:.3g}; 10 a bin would do"
    ),
    "accuracy": _Kind(
        "a difference in accuracy of",
        "",
        ("discordant",),
        (),
        _power.paired,
        lambda facts: facts["discordant"],
        paired=True,
    ),
    "auc": _Kind("a change of the AUC by", "", ("auc", "prevalence"), (), _power.auc, lambda facts: facts["auc"] - 0.5),
}


@frozen(repr=False)
class Planned:
    """A change, and the rows that show it. ``float()`` gives the change, ``int()`` the rows of the reference.

    Attributes
    ----------
    kind : str
        What is compared.
    effect : float
        The change, in `unit`; ``inf`` when no change, however large, could be seen (a PSI: with fewer than 10 rows a
        bin).
    unit : str
        Empty for shares and indices.
    n_reference, n_current : int
        Rows on either side; the same rows, where two models are compared on them.
    alpha : float
        Level of the test, after division by `tests`.
    power : float
        Chance of seeing the change.
    margin : float
        The change that does not matter yet: the interval has to lie beyond it.
    """

    kind: str
    effect: float
    unit: str
    n_reference: int
    n_current: int
    alpha: float
    power: float
    margin: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dict, one row of a table."""
        return asdict(self)

    def __float__(self) -> float:
        return self.effect

    def __int__(self) -> int:
        return self.n_reference

    def __str__(self) -> str:
        if _KINDS[self.kind].paired:
            rows = f"{self.n_reference:,} rows with both models"
        elif self.n_reference == self.n_current:
            rows = f"{self.n_reference:,} rows on either side"
        else:
            rows = f"{self.n_reference:,} rows of reference and {self.n_current:,} current"
        if math.isinf(self.effect):
            return f"{rows} {_KINDS[self.kind].blind.format(alpha=self.alpha)}"
        change = " ".join(filter(None, [_KINDS[self.kind].change, f"{self.effect:.3g}", self.unit]))
        beyond = f", beyond a margin of {self.margin:g}" if self.margin else ""
        return f"{rows} would see {change}{beyond} with {100 * self.power:g} % power at level {self.alpha:.3g}"

    def __repr__(self) -> str:
        return f"Planned({self})"


def minimum_detectable(
    kind: str,
    n_reference: int,
    n_current: int | None = None,
    *,
    alpha: float = 0.05,
    power: float = POWER,
    margin: float = 0.0,
    tests: int = 1,
    **facts: float,
) -> Planned:
    """Return the smallest change that so many rows would show.

    =============== ======================================= ========================= ================================
    kind            change                                  facts                     by
    =============== ======================================= ========================= ================================
    ``numeric``     shift of a normal column in standard    ``sd=``                   Kolmogorov-Smirnov and the
                    deviations (in units with ``sd``)                                 interval of `quantile_shift`
    ``mean``        shift of the mean, as above             ``sd=``                   t test
    ``proportion``  change of a share towards one half      ``base=`` the share       `proportions`
    ``categorical`` total variation, spread evenly          ``levels=`` how many      chi-square and the interval of
                                                                                      `total_variation`
    ``psi``         population stability index              ``bins=`` (10)            the interval of `psi`, from 10
                                                                                      rows a bin on
    ``accuracy``    difference of two models on the same    ``discordant=`` share of  McNemar
                    rows                                    rows only one has right
    ``auc``         change towards one half, of two         ``auc=``,                 normal
                    samples                                 ``prevalence=``
    =============== ======================================= ========================= ================================

    Parameters
    ----------
    kind : str
        What is compared, from the table.
    n_reference, n_current : int
        Rows on either side; as many as in the reference, unless given.
    alpha : float, default 0.05
        Level of the two-sided test.
    power : float, default 0.8
        Chance of seeing the change.
    margin : float, default 0
        A change up to which nothing matters, in the unit of the answer; the interval must lie beyond it.
    tests : int, default 1
        Tests made at once; each has the level ``alpha / tests`` (Bonferroni).
    **facts : float
        What the kind rests on, from the table.

    Raises
    ------
    InvalidInput
        If an argument is out of range, or a fact is missing or not one of this kind.

    References
    ----------
    Cohen (1988), Statistical Power Analysis, chapters 2 and 7. Casagrande, Pike and Smith (1978), Biometrics 34, for
    proportions under Fisher's exact test. Connor (1987), Biometrics 43, for McNemar. Hanley and McNeil (1982),
    Radiology 143, for the AUC. Yurdakul (2018), dissertation, Western Michigan University, for PSI.

    Examples
    --------
    >>> from mlcycle import stats
    >>> stats.minimum_detectable("proportion", 1000, base=0.1)
    Planned(1,000 rows on either side would see a change of the share by 0.0418 with 80 % power at level 0.05)
    >>> round(float(stats.minimum_detectable("numeric", 1000, 500, sd=12.0, tests=20)), 1)
    3.7
    """
    n = check_whole(n_reference, "n_reference", 2)
    m = n if n_current is None else check_whole(n_current, "n_current", 2)
    chosen, unit, scale = _checked(kind, facts)
    level, power, margin = _checked_level(alpha, power, margin, tests)
    if chosen.paired and m != n:
        raise InvalidInput(f"{kind} compares two models on the same rows: leave n_current out, got {n_current!r}")
    found = chosen.detectable(n, m, level, power, margin / scale, **facts) * scale
    return Planned(kind, found, unit, n, m, level, power, margin)


def sample_size(
    kind: str,
    effect: float,
    *,
    ratio: float = 1.0,
    alpha: float = 0.05,
    power: float = POWER,
    margin: float = 0.0,
    tests: int = 1,
    **facts: float,
) -> Planned:
    """Return the fewest rows that would show a change: the inverse of `minimum_detectable`.

    Parameters
    ----------
    kind : str
        What is compared; see the table of `minimum_detectable`.
    effect : float
        The change to be seen, beyond `margin`.
    ratio : float, default 1.0
        Current rows for each row of the reference.
    alpha, power, margin, tests, **facts
        As in `minimum_detectable`.

    Raises
    ------
    InvalidInput
        If an argument is out of range, a fact is missing or not one of this kind, or no number of rows would do.

    Examples
    --------
    >>> from mlcycle import stats
    >>> stats.sample_size("mean", 0.2)
    Planned(394 rows on either side would see a shift of the mean by 0.2 sd with 80 % power at level 0.05)
    >>> int(stats.sample_size("accuracy", 0.02, discordant=0.1))
    2059
    """
    chosen, unit, scale = _checked(kind, facts)
    level, power, margin = _checked_level(alpha, power, margin, tests)
    most = chosen.largest(facts)
    if not (_is_number(effect) and margin < effect <= most):
        raise InvalidInput(f"effect is a size beyond the margin of {margin:g} and at most {most:g}, got {effect!r}")
    if not (_is_number(ratio) and ratio > 0):
        raise InvalidInput(f"ratio is current rows for each row of the reference, above 0, got {ratio!r}")

    def seen(n: int) -> bool:
        found = chosen.detectable(n, current(n), level, power, margin / scale, **facts)
        return bool(found * scale <= effect * (1 + 1e-12))

    def current(n: int) -> int:
        return n if chosen.paired else max(math.ceil(n * ratio), 2)

    low, high = 1, 2
    while not seen(high):
        low, high = high, 2 * high
        if high > _MOST:
            raise InvalidInput(f"no number of rows shows {_KINDS[kind].change} {effect:g} here; is it possible at all?")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if seen(middle) else (middle, high)
    return Planned(kind, float(effect), unit, high, current(high), level, power, margin)


def _checked(kind: str, facts: dict[str, float]) -> tuple[_Kind, str, float]:
    """Return the kind, the unit of its change, and what one standard unit of it is."""
    if not isinstance(kind, str) or kind not in _KINDS:
        raise InvalidInput(f"kind is one of {', '.join(_KINDS)}, got {kind!r}")
    chosen = _KINDS[kind]
    if missing := [name for name in chosen.needs if name not in facts]:
        raise InvalidInput(f"{kind} rests on {missing[0]}=: {_FACTS[missing[0]][1]}")
    for name, value in facts.items():
        if name not in chosen.needs + chosen.options:
            knows = ", ".join(chosen.needs + chosen.options)
            raise InvalidInput(f"{kind} takes {knows or 'no facts'}, not {name}=")
        holds, what = _FACTS[name]
        if not (_is_number(value) and holds(value)):
            raise InvalidInput(f"{name} is {what}, got {value!r}")
    scale = float(facts.pop("sd", 1.0)) if "sd" in chosen.options else 1.0
    return chosen, chosen.unit if scale == 1.0 else "", scale


_FACTS: dict[str, tuple[Callable[[float], bool], str]] = {
    "sd": (lambda x: 0 < x < math.inf, "a standard deviation, above 0"),
    "base": (lambda x: 0 <= x <= 1, "the share in the reference, between 0 and 1"),
    "levels": (lambda x: x >= 2 and int(x) == x, "how many levels there are, at least 2"),
    "bins": (lambda x: x >= 2 and int(x) == x, "how many bins there are, at least 2"),
    "discordant": (lambda x: 0 < x <= 1, "the share of rows that only one model has right, above 0 and up to 1"),
    "auc": (lambda x: 0.5 < x < 1, "the area expected, between 0.5 and 1"),
    "prevalence": (lambda x: 0 < x < 1, "the share of positive rows, between 0 and 1"),
}


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _checked_level(alpha: float, power: float, margin: float, tests: int) -> tuple[float, float, float]:
    """Return the level of one test of several, the power and the margin."""
    alpha, power = check_share(alpha, "alpha", 0.05), check_share(power, "power", 0.8)
    if power <= alpha:
        raise InvalidInput(f"power is a chance between alpha and 1 such as 0.8, got {power!r}")
    margin = check_size(margin, "margin", "a change that does not matter yet")
    return alpha / check_whole(tests, "tests", 1), power, margin
