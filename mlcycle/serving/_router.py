"""Which version answers which id: by weight, the same answer for the same id, anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle._digest import hash64, hash64_one, salt_of, unit_interval
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["check_weights", "choose"]


def check_weights(weights: Mapping[str, Any]) -> dict[str, int]:
    """Return weights as positive whole numbers, or say which one is something else.

    Raises
    ------
    InvalidInput
        Naming the version whose weight is not a positive whole number; or when there is no version.

    Examples
    --------
    >>> check_weights({"churn@6": 90, "churn@7": 10})
    {'churn@6': 90, 'churn@7': 10}
    """
    if not weights:
        raise InvalidInput("a route names at least one version: {'churn@1': 100}")
    for ref, weight in weights.items():
        if isinstance(weight, bool) or not hasattr(weight, "__index__") or weight <= 0:
            raise InvalidInput(
                f"the weight of {ref} must be a positive whole number, as in {{'churn@6': 90, 'churn@7': 10}}, "
                f"got {weight!r}; leave out a version that gets nothing"
            )
    return {ref: weight.__index__() for ref, weight in weights.items()}


def choose(ids: Sequence[str], weights: Mapping[str, int], deployment: str) -> NDArray[np.intp]:
    """Return, for every id, the position of the version that answers it.

    An id is hashed to a point of [0, 1) with a salt of the deployment. The versions, in the order of name and number,
    divide that interval by weight. Hence an id always gets the same version while weights stand, in any process.
    When weights change, an id changes its version only if a border passed over its point: between two versions that
    is as few ids as can be, 90/10 to 80/20 moves one in ten; with more versions, borders between those whose own
    share stays may move too.

    Parameters
    ----------
    ids : sequence of str, shape (n,)
        Canonical ids.
    weights : mapping of str to int
        Shares by version.
    deployment : str
        Name of the deployment; another one divides the same ids independently.

    Returns
    -------
    ndarray of int, shape (n,)
        Positions in the order of `weights`.

    Examples
    --------
    >>> choose(["a", "b", "c", "d"], {"churn@1": 1}, "shop").tolist()
    [0, 0, 0, 0]
    >>> choose(["a", "b", "c", "d"], {"churn@2": 1, "churn@1": 1}, "shop").tolist()
    [...]
    """
    import numpy as np

    if len(weights) == 1:
        return np.zeros(len(ids), dtype=np.intp)
    refs = list(weights)
    order = sorted(range(len(refs)), key=lambda position: _place(refs[position]))
    edges = np.cumsum([weights[refs[position]] for position in order]) / sum(weights.values())
    salt = salt_of("route", deployment)
    points: Any = (
        [unit_interval(hash64_one(ids[0], salt))]  # one row at a time is the usual call, and arrays cost most of it
        if len(ids) == 1
        else unit_interval(hash64(np.array(ids, dtype=object), salt))
    )
    chosen = np.minimum(np.searchsorted(edges, points, side="right"), len(refs) - 1)
    positions: NDArray[np.intp] = np.array(order, dtype=np.intp)[chosen]
    return positions


def _place(ref: str) -> tuple[str, int]:
    name, _, number = ref.rpartition("@")
    return name, int(number) if number.isdigit() else 0
