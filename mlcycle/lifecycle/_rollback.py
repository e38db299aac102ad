"""What a rollback of the whole project moves, as people see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle import records
from mlcycle.state import moves_to, pointer_moves

if TYPE_CHECKING:
    from mlcycle.state import Moved, View

__all__ = ["moves_of", "new_models"]


def moves_of(view: View, to: int) -> records.Listing[records.Move]:
    """Return the pointers that a rollback to an entry would move, and who had set them."""
    return records.Listing((_shown(view, moved) for moved in moves_to(view, to)), of="moves")


def _shown(view: View, moved: Moved) -> records.Move:
    kind, pointer, form = {
        "dataset": ("dataset", moved.pointer, f"{moved.name}@{{}}"),
        "deployment": ("route", "revision", "revision {}"),
    }.get(moved.of, ("alias", moved.pointer, f"{moved.name}@{{}}"))
    before, after = (None if end is None else form.format(end) for end in (moved.before, moved.after))
    return records.Move(
        kind=kind, name=moved.name, pointer=pointer, before=before, after=after, author=_author(view, moved)
    )


def _author(view: View, moved: Moved) -> str:
    if moved.pointer == "latest":
        return "" if moved.before is None else view.versions.get(moved.of, moved.name, moved.before).stamp.author
    return next(pointer_moves(view, moved.of, moved.name, moved.pointer, newest_first=True)).stamp.author


def new_models(view: View, to: int) -> list[tuple[str, str | None]]:
    """Return the model versions that pointers would newly point at, as full refs, each with the alias that would."""
    found = set[tuple[str, str | None]]()
    for moved in moves_to(view, to):
        if moved.of == "model" and moved.after is not None:
            found.add((f"model:{moved.name}@{moved.after}", moved.pointer))
        if moved.of == "deployment" and moved.after is not None:
            found |= {(ref, None) for ref in view.versions.get(moved.of, moved.name, moved.after)["weights"]}
    return sorted(found, key=str)
