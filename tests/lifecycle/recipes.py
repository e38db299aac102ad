"""A noun that mlcycle has never heard of: recipes, which have versions, a pointer, facts and files.

All the library is told of them is one row. What is written here are the verbs such a noun would have; they do what
those of the library do: put files beside the log, and commit changes that name them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle.lifecycle.blobs._placement import files_of

from mlcycle._ids import new_id
from mlcycle.state import Change, FactAdd, NameSet, Noun, Place, PointerMove, VersionAdd, bare, roll_back

if TYPE_CHECKING:
    import mlcycle as mc
    from mlcycle.state import Version, View

Doc = dict[str, Any]


def _added(change: Any) -> str:
    if isinstance(change, FactAdd):
        return f"tasted {bare(change.subject)}: {change['verdict']}"
    return f"wrote down {change.name}@{change.number} for {change['serves']}"


ROW = Noun("recipe", named=lambda change: f"thought of {change.name}", added=_added, chosen=("serves",))


def write_down(project: mc.Project, name: str, text: str, *, uses: list[str] | None = None, **facts: Any) -> str:
    """Add a version of a recipe, its text in a file, and return its ref."""
    session = project._session

    def upload() -> tuple[str, Doc]:
        owner = new_id()
        return f"recipe:{owner}", session.blobs.depot.store_bytes(f"files/{owner}", "recipe", ".txt", text.encode())

    def plan(view: View, stored: tuple[str, Doc]) -> list[Change]:
        begun = [] if view.names.get("recipe", name) else [NameSet(of="recipe", name=name, id=new_id())]
        number = view.versions.next_number("recipe", name)
        version = VersionAdd(of="recipe", name=name, number=number, needs=[stored[0]], uses=uses or [], says=facts)
        return [*begun, Place(object=stored[0], files=[stored[1]]), version]

    entry = session.publish(upload, plan, verb="recipe.add", message=text).entry
    assert entry is not None
    return f"recipe:{name}@{entry['changes'][-1]['number']}"


def read(project: mc.Project, version: Version) -> str:
    """Return the text of a recipe, checked against its digest."""
    (file,) = files_of(project._session, version.needs[0], version.shown)
    return project._session.blobs.depot.read_file(file, version.shown).decode()


def serve(project: mc.Project, name: str, number: int) -> None:
    """Put a version on the menu."""

    def plan(view: View) -> list[Change]:
        before = view.pointers.at("recipe", name, "menu")
        return [PointerMove(of="recipe", name=name, pointer="menu", before=before, after=number, how="promote")]

    project._session.commit(plan, verb="recipe.serve")


def take_back(project: mc.Project, name: str) -> None:
    """Serve what was served before."""
    project._session.commit(
        lambda view: [roll_back(view, "recipe", name, "menu", f"{name} was always served so")], verb="recipe.rollback"
    )


def taste(project: mc.Project, ref: str, verdict: str) -> None:
    """Say how a version is, for ever."""
    says = {"verdict": verdict}
    project._session.commit(
        lambda view: [FactAdd(of="recipe", id=new_id(), subject=ref, about=["guest:ann"], says=says)],
        verb="recipe.taste",
    )
