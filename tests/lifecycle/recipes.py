"""A noun that mlcycle has never heard of: recipes, which have versions, a pointer, facts and files.

All the library is told of them is one row. What is written here are the verbs such a noun would have; they do what
those of the library do: put files beside the log, and commit changes that name them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlcycle._ids import bare, new_id
from mlcycle.state import Change, FactAdd, NameSet, Noun, Place, PointerMove, VersionAdd, roll_back

if TYPE_CHECKING:
    import mlcycle as mc
    from mlcycle.lifecycle._operation import Operation
    from mlcycle.state import Version, View


def _added(change: Any) -> str:
    if isinstance(change, FactAdd):
        return f"tasted {bare(change.subject)}: {change['verdict']}"
    return f"wrote down {change.name}@{change.number} for {change['serves']}"


ROW = Noun("recipe", named=lambda change: f"thought of {change.name}", added=_added, chosen=("serves",))


def write_down(project: mc.Project, name: str, text: str, *, uses: list[str] | None = None, **facts: Any) -> str:
    """Add a version of a recipe, its text in a file, and return its ref."""
    session = project._session

    def work(do: Operation) -> str:
        owner, checked_files = new_id(), session.blobs.checked_files
        file = do.upload(lambda: checked_files.store_bytes(f"files/{owner}", "recipe", ".txt", text.encode()))
        stored = Place(object=f"recipe:{owner}", files=[file])

        def plan(view: View) -> list[Change]:
            begun = [] if view.names.get("recipe", name) else [NameSet(of="recipe", name=name, id=new_id())]
            number = view.versions.next_number("recipe", name)
            needs = [stored.object]
            version = VersionAdd(of="recipe", name=name, number=number, needs=needs, uses=uses or [], says=facts)
            return [*begun, stored, version]

        return do.commit(plan).versions("recipe")[0].ref

    return session.operate("recipe.add", work, message=text)


def read(project: mc.Project, version: Version) -> str:
    """Return the text of a recipe, checked against its digest."""
    blobs = project._session.blobs
    (file,) = blobs.files_of(version.needs[0], version.shown)
    return blobs.checked_files.read_file(file, version.shown).decode()


def serve(project: mc.Project, name: str, number: int) -> None:
    """Put a version on the menu."""

    def plan(view: View) -> list[Change]:
        before = view.pointers.at("recipe", name, "menu")
        return [PointerMove(of="recipe", name=name, pointer="menu", before=before, after=number, how="promote")]

    project._session.operate("recipe.serve", lambda do: do.commit(plan))


def take_back(project: mc.Project, name: str) -> None:
    """Serve what was served before."""

    def plan(view: View) -> list[Change]:
        return [roll_back(view, "recipe", name, "menu", f"{name} was always served so")]

    project._session.operate("recipe.rollback", lambda do: do.commit(plan))


def taste(project: mc.Project, ref: str, verdict: str) -> None:
    """Say how a version is, for ever."""
    tasted = FactAdd(of="recipe", id=new_id(), subject=ref, about=["guest:ann"], says={"verdict": verdict})
    project._session.operate("recipe.taste", lambda do: do.commit(lambda view: [tasted]))
