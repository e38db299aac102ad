"""Columns and frames of every kind, for tests of drift."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from mlcycle import stats

KINDS = ["normal", "heavy", "ties", "counts", "zeros", "levels", "many", "boolean", "nulls"]


def column(reference: object, current: object, **options: object) -> stats.ColumnDrift:
    """Return the drift of one column."""
    found = stats.drift({"x": reference}, {"x": current}, **options)  # type: ignore[arg-type]
    return found.columns[0]


def aspects(found: stats.ColumnDrift, verdict: str = "drifted") -> set[str]:
    """Return the aspects of a column with this verdict."""
    return {shift.aspect for shift in found.shifts if shift.verdict == verdict}


def aspect(found: stats.ColumnDrift, name: str) -> stats.Shift:
    """Return one aspect of a column."""
    return next(shift for shift in found.shifts if shift.aspect == name)


def most_alarms(times: int, rate: float = 0.05) -> float:
    """Return the share of `times` runs that may alarm: the rate and 3 standard errors of it."""
    return rate + 3 * math.sqrt(rate * (1 - rate) / times)


def make(kind: str, n: int, rng: np.random.Generator, shift: float = 0.0) -> object:
    """Return a column of a kind, moved by about `shift` standard deviations."""
    if kind == "normal":
        return rng.normal(shift, 1, n)
    if kind == "heavy":
        return rng.standard_t(1.5, n) + shift
    if kind == "ties":
        return np.round(rng.normal(shift, 1, n), 1)
    if kind == "counts":
        return rng.poisson(2 * (1 + 0.7 * shift), n)
    if kind == "zeros":
        return np.where(rng.random(n) < 0.6 - 0.3 * shift, 0.0, rng.lognormal(size=n))
    if kind == "levels":
        weights = np.array([0.5, 0.25, 0.12, 0.08, 0.04, 0.01]) ** (1 - 0.8 * shift)
        return rng.choice(list("abcdef"), n, p=weights / weights.sum())
    if kind == "many":
        weights = (1 / np.arange(1, 301)) ** (1 - 0.8 * shift)
        return rng.choice([f"level {i}" for i in range(300)], n, p=weights / weights.sum())
    if kind == "boolean":
        return rng.random(n) < 0.2 + 0.25 * shift
    if kind == "moments":
        start = pd.Timestamp("2026-01-01") + pd.Timedelta(10 * shift, unit="D")
        return pd.Series(start + pd.to_timedelta(rng.integers(0, 30 * 86_400, n), unit="s"))
    if kind == "text":
        return texts(n, rng, [f"word{i}" for i in range(round(60 * (1 + shift)))])
    assert kind == "nulls"
    return np.where(rng.random(n) < 0.05 + 0.2 * shift, np.nan, rng.normal(size=n))


def texts(n: int, rng: np.random.Generator, words: list[str], weights: list[float] | None = None) -> list[str]:
    """Return texts of twelve words, all different from each other."""
    return [" ".join([*rng.choice(words, 12, p=weights), str(rng.integers(10**9))]) for _ in range(n)]


def frame(n: int, columns: int, rng: np.random.Generator, kinds: list[str] | None = None) -> pd.DataFrame:
    """Return a frame whose columns go round the kinds."""
    kinds = kinds or KINDS
    return pd.DataFrame({f"c{i}": make(kinds[i % len(kinds)], n, rng) for i in range(columns)})
