"""Claims at several levels, from the whole down to its parts: this dataset, this column of it, this slice of that."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mlcycle.errors import InvalidInput
from mlcycle.stats._arguments import check_share
from mlcycle.stats._multiple import benjamini_hochberg, global_p

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Hierarchy", "Node", "hierarchy"]


@frozen
class Node:
    """One hypothesis of a hierarchy: that nothing has changed here, nor in any part of it.

    Attributes
    ----------
    path : tuple
        The names from the top down to it.
    p : float
        Its p-value: as given for a leaf, the test of Simes over its parts otherwise; ``nan`` for a test not made.
    level : float
        The level of the false discovery rate its family was tested at; 0 where the family was not tested.
    adjusted_p : float
        Adjusted over its family; rejected where this is at most `level`. ``nan`` where the family was not tested.
    rejected : bool
        Whether the claim is made.
    """

    path: tuple[Any, ...]
    p: float
    level: float
    adjusted_p: float
    rejected: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dict, the path as text."""
        return {
            "path": " / ".join(map(str, self.path)),
            "depth": len(self.path),
            "p": self.p,
            "level": self.level,
            "adjusted_p": self.adjusted_p,
            "rejected": self.rejected,
        }


@frozen(repr=False)
class Hierarchy:
    """What `hierarchy` found.

    Attributes
    ----------
    nodes : tuple of Node
        Every node above its parts, in the order given.
    alpha : float
        The level.
    """

    nodes: tuple[Node, ...]
    alpha: float

    @property
    def rejected(self) -> tuple[tuple[Any, ...], ...]:
        """The paths of all claims, every one above its parts."""
        return tuple(node.path for node in self.nodes if node.rejected)

    def frame(self) -> pd.DataFrame:
        """Return one row per node."""
        import pandas as pd

        columns = ["path", "depth", "p", "level", "adjusted_p", "rejected"]
        return pd.DataFrame([node.as_dict() for node in self.nodes], columns=columns)

    def as_dict(self) -> dict[str, Any]:
        """Return the level and all nodes as plain dicts."""
        return {"alpha": self.alpha, "nodes": [node.as_dict() for node in self.nodes]}

    def __str__(self) -> str:
        lines = [self._claims()]
        for node in self.nodes:
            # Parts of what was not rejected were not tested and would only fill the page.
            if node.rejected or not math.isnan(node.adjusted_p):
                mark = "changed" if node.rejected else "-"
                lines.append(f"{'  ' * len(node.path)}{node.path[-1]!s}: {mark}, p {node.p:.2g}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"Hierarchy({self._claims()})"

    def _claims(self) -> str:
        return f"{len(self.rejected)} of {len(self.nodes)} claims made (alpha {self.alpha:g})"

    def _repr_html_(self) -> str:
        from mlcycle import _html

        rows = [
            ["\u2003" * (len(node.path) - 1) + str(node.path[-1]), node.p, node.adjusted_p, node.level,
             "changed" if node.rejected else ""]
            for node in self.nodes
        ]  # fmt: skip
        return str(_html.table(["", "p", "adjusted p", "at level", ""], rows, caption=self._claims()))


def hierarchy(p: Mapping[Any, Any], *, alpha: float = 0.05) -> Hierarchy:
    """Test a tree of hypotheses from the top down: which datasets changed, which of their columns, which slices.

    Every node above the leaves gets the p-value of Simes over its parts. The families are tested by Benjamini and
    Hochberg, the parts of a node only if it was rejected, and then at `alpha` times the share rejected of every family
    on the way down: who picks the most striking columns first has to be stricter inside of them. So of the claims at
    the top an expected share of at most `alpha` is false, and so, on average over the families that were opened, at
    each level below.

    Parameters
    ----------
    p : mapping
        Names to p-values, or to mappings of the same kind: ``{"customers": {"age": {"DE": 0.01, "FR": 0.4}}}``. Any
        depth; ``nan`` marks a test that was not made.
    alpha : float, default 0.05
        The false discovery rate at each level.

    Returns
    -------
    Hierarchy

    Raises
    ------
    InvalidInput
        If something is neither a mapping nor a p-value, or a mapping is empty.

    Notes
    -----
    Proven for independent p-values. Under positive dependence, and for all claims of a level taken together,
    simulations keep to `alpha`; under other kinds of dependence nothing is promised.

    References
    ----------
    Benjamini and Bogomolov (2014), Selective inference on multiple families of hypotheses, JRSS B 76. Bogomolov,
    Peterson, Benjamini and Sabatti (2021), Hypotheses on a tree: new error rates and testing strategies, Biometrika 108
    (TreeBH).

    Examples
    --------
    >>> from mlcycle import stats
    >>> print(stats.hierarchy({"age": {"DE": 0.0002, "FR": 0.03, "IT": 0.6}, "plan": {"DE": 0.4, "FR": 0.9}}))
    2 of 7 claims made (alpha 0.05)
      age: changed, p 0.0006
        DE: changed, p 0.0002
        FR: -, p 0.03
        IT: -, p 0.6
      plan: -, p 0.8
    """
    alpha = check_share(alpha, "alpha", 0.05)
    if not hasattr(p, "items"):
        raise InvalidInput(f"p is a mapping of names to p-values or to their parts, got {type(p).__name__}")
    return Hierarchy(tuple(_tested(p, (), alpha)), alpha)


def _tested(family: Mapping[Any, Any], path: tuple[Any, ...], level: float) -> Iterator[Node]:
    """Yield the nodes of a family, each followed by its parts; `level` 0 marks a family that is not tested."""
    values = np.array([_p_value(part, (*path, name)) for name, part in family.items()])
    adjusted = benjamini_hochberg(values) if level else np.full(len(values), math.nan)
    rejected = adjusted <= level
    made = max(int(np.count_nonzero(~np.isnan(values))), 1)
    inside = level * int(np.count_nonzero(rejected)) / made
    for (name, part), value, one, chosen in zip(family.items(), values, adjusted, rejected, strict=True):
        yield Node((*path, name), float(value), level, float(one), bool(chosen))
        if isinstance(part, Mapping):
            yield from _tested(part, (*path, name), inside if chosen else 0.0)


def _p_value(part: Any, path: tuple[Any, ...]) -> float:
    where = " / ".join(map(str, path))
    if isinstance(part, Mapping):
        if not part:
            raise InvalidInput(f"{where} has no parts; leave it out, or give its p-value")
        return global_p([_p_value(inner, (*path, name)) for name, inner in part.items()])
    try:
        value = float(part)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{where} is a p-value or a mapping of its parts, got {part!r}") from error
    if not (math.isnan(value) or 0 <= value <= 1):
        raise InvalidInput(f"{where} is a p-value between 0 and 1, got {value!r}")
    return value
