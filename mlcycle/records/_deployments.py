"""Facts about models at work: revisions, and the moves of a rollback."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from mlcycle.records._committed import Committed, stamp_last
from mlcycle.records._record import Record, copied

__all__ = ["Move", "Revision"]


@frozen(kw_only=True, repr=False, field_transformer=stamp_last)
class Revision(Committed):
    """Which versions answer at a deployment, with what weights, since when.

    Attributes
    ----------
    deployment : str
    number : int
        1 for the first; never reused.
    weights : dict of str to int
        Version ref to its share of the traffic.
    shadow : str or None
        A version that answers too, unseen by the caller.

    Examples
    --------
    >>> Revision(deployment="eu-api", number=2, weights={"churn@6": 90, "churn@7": 10}, message="canary")
    Revision('eu-api revision 2', weights={churn@6: 90, churn@7: 10}, message='canary')
    """

    deployment: str = field(metadata={"ref": "deployment"})
    number: int
    weights: dict[str, int] = field(factory=dict, converter=copied, hash=False, metadata={"ref": "model"})
    shadow: str | None = field(default=None, metadata={"ref": "model"})

    @property
    def _address(self) -> str:
        return f"deployment:{self.deployment}@{self.number}"

    def _title(self) -> str:
        return f"{self.deployment} revision {self.number}"

    def _facts(self) -> list[tuple[str, Any]]:
        return [
            ("weights", self.weights),
            ("shadow", self.shadow),
            *super()._facts(),
        ]


def _pointed_at(move: dict[str, Any], text: str) -> str | None:
    """Return the kind of ref a move goes from and to; of a deployment it is a revision in words."""
    return {"dataset": "dataset", "alias": "model"}.get(move["kind"])


@frozen(kw_only=True, repr=False)
class Move(Record):
    """One pointer a rollback would move, or has moved.

    Attributes
    ----------
    kind : str
        ``"dataset"``, ``"alias"``, ``"route"``.
    name : str
        Of the dataset, model or deployment.
    pointer : str
        ``"latest"``, ``"production"``, ``"revision"``.
    before, after : str or None
        What it points at now, and then; ``None`` for nothing.
    author : str
        Who set it as it is now.

    Examples
    --------
    >>> print(Move(kind="alias", name="churn", pointer="production", before="churn@7", after="churn@6"))
    churn production: churn@7 → churn@6
    """

    kind: str
    name: str
    pointer: str
    before: str | None = field(default=None, metadata={"ref": _pointed_at})
    after: str | None = field(default=None, metadata={"ref": _pointed_at})
    author: str = ""

    def _title(self) -> str:
        return f"{self.name} {self.pointer}: {self.before or 'nothing'} → {self.after or 'nothing'}"

    def _facts(self) -> list[tuple[str, Any]]:
        return [("kind", self.kind), ("author", self.author)]
