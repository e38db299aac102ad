"""The forms: real handwritten digits that come with scikit-learn, in the order they reach the office."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from attrs import frozen
from sklearn.datasets import load_digits

__all__ = ["PIXELS", "Forms", "arriving_forms", "images", "rescanned"]

PIXELS = [f"r{row}c{column}" for row in range(8) for column in range(8)]
"""Names of the 64 pixels, row by row; each is a grey value from 0 (paper) to 16 (ink)."""


@frozen(eq=False)
class Forms:
    """Every form of the story; a frame has the columns ``form`` (its number), `PIXELS` and ``digit`` (the truth).

    Attributes
    ----------
    collected : DataFrame
        Collected and labelled before the project begins.
    ordinary : DataFrame
        The first that arrive once a model is at work.
    new_scanner : DataFrame
        Those that come through the new scanner.
    canary : DataFrame
        Those too, a little later, when two models share the work.
    old_scanner : DataFrame
        The last, from a day on which the old scanner is back.
    """

    collected: pd.DataFrame
    ordinary: pd.DataFrame
    new_scanner: pd.DataFrame
    canary: pd.DataFrame
    old_scanner: pd.DataFrame


def arriving_forms() -> Forms:
    """Return all 1 797 forms, each exactly once, shuffled by a fixed seed."""
    pixels, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(digits))
    forms = pd.DataFrame(pixels[order].astype("int64"), columns=PIXELS)
    forms.insert(0, "form", [f"form-{number:04d}" for number in range(len(forms))])
    forms["digit"] = digits[order]
    ends = [0, 1100, 1200, 1560, 1740, len(forms)]
    parts = [forms.iloc[start:end].reset_index(drop=True) for start, end in pairwise(ends)]
    collected, ordinary, new, canary, old = parts
    return Forms(collected, ordinary, rescanned(new), rescanned(canary), old)


def rescanned(forms: pd.DataFrame) -> pd.DataFrame:
    """Return forms as the new scanner sees them: one pixel to the right, and dimmer."""
    seen = images(forms)
    shifted = np.zeros_like(seen)
    shifted[:, :, 1:] = seen[:, :, :-1]
    dimmer = shifted * 6 // 10
    return forms.assign(**dict(zip(PIXELS, dimmer.reshape(len(forms), -1).T, strict=True)))


def images(forms: pd.DataFrame) -> np.ndarray:
    """Return the pictures on forms, an array of shape (forms, 8, 8)."""
    return forms[PIXELS].to_numpy().reshape(-1, 8, 8)
