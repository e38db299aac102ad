"""Which of two classes a metric is about."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["positive_of"]


def positive_of(classes: Any) -> Any:
    """Return which of two classes is the positive one: 1 if it is among them, as in scikit-learn, else the second.

    Examples
    --------
    >>> positive_of(["no", "yes"]), positive_of([1, 2]), positive_of([False, True])
    ('yes', 1, True)
    """
    listed = np.asarray(classes).tolist()
    return next((label for label in listed if label == 1), listed[1])
