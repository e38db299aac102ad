"""Trust given once for every time, and taken back: `mlcycle.trust`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle import codecs
from mlcycle.errors import InvalidInput, NotFound
from mlcycle.lifecycle._trust_file import Grant, change_grants, is_digest, read_grants
from mlcycle.lifecycle.project import Project

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["trust"]


def trust(
    what: str | type | Collection[str | type] = (), project: Project | None = None, *, revoke: bool = False
) -> list[Grant]:
    """Trust types, pickles or metrics for every time, in a file of your own on this machine; or see what you trust.

    It holds for you alone, wherever a model is loaded or judged: by `project.load`, in evaluations and hooks, in
    services. The file is named by ``MLCYCLE_TRUST``, else ``mlcycle/trust.json`` in your configuration folder. Nothing
    in a store can change it, and a copy of a store at another place is not trusted with it.

    Parameters
    ----------
    what : str, class or collection of them, optional
        Names of types and functions a skops file may rebuild, ``"my_pkg.transform.Clipper"``, or the classes. For
        pickles, which run whatever code they hold: ``"joblib"`` for all that `project` holds in that format, or
        ``"sha256:<64 hex digits>"`` for one file. For a metric that a criterion keeps as source, its digest:
        ``"metric:sha256:<64 hex digits>"``. Without it nothing changes.
    project : Project, optional
        Where it holds. Only a digest can do without: it names the very same bytes everywhere.
    revoke : bool, default False
        Take it back.

    Returns
    -------
    list of Grant
        What you trust in `project`, or, without one, everywhere and in every project.

    Raises
    ------
    InvalidInput
        For names that are not those of a type, a project whose place cannot be told from that of a copy, and a file
        that is damaged, or that others could have written.
    NotFound
        When you take back what was not granted.
    SchemaError
        When a newer mlcycle wrote the file.

    Examples
    --------
    >>> import mlcycle
    >>> project = mlcycle.open("memory://docs-trust")
    >>> [grant.what for grant in mlcycle.trust("my_pkg.transform.Clipper", project)]
    ['my_pkg.transform.Clipper']
    >>> mlcycle.trust("my_pkg.transform.Clipper", project, revoke=True)
    []
    """
    if project is not None and not isinstance(project, Project):
        raise InvalidInput(
            f"project= must be an open project (mlcycle.open(url)), got {type(project).__name__}: {project!r:.80}"
        )
    store, place = (None, None) if project is None else project._session.blobs.identity
    grants = [Grant(one, place, store) for one in _names(what, project)]
    if project is not None and grants and place is None:
        raise InvalidInput(
            f"{project.store.url} cannot be told from a copy of it elsewhere: neither its URL nor its file system says "
            "which account, endpoint or host it is, so nothing is trusted there by project. Trust single files by "
            "their digest and without a project, mlcycle.trust('sha256:…'), or pass trust= to each call"
        )
    if revoke:
        _take_back(grants)
    elif grants:
        change_grants(lambda before: list(dict.fromkeys([*before, *grants])))
    return [
        one
        for one in read_grants()
        if project is None or one.project is None or (one.id, one.project) == (store, place)
    ]


def _names(what: str | type | Collection[str | type], project: Project | None) -> list[str]:
    """Return what is to be trusted, as names that could be meant."""
    if isinstance(what, bool):
        raise InvalidInput("what is trusted for every time has a name: 'joblib' is every pickle of a project")
    names = sorted(codecs.trusted_names(what))
    for name in names:
        if is_digest(name):
            continue
        dotted = "." in name and all(part.isidentifier() for part in name.split("."))
        if name != "joblib" and not dotted:
            raise InvalidInput(
                f"{name!r:.80} cannot be trusted: name a type such as 'my_pkg.transform.Clipper', or 'joblib', or one "
                "file by its digest, 'sha256:<64 hex digits>', or a metric by that of its source, 'metric:sha256:…'"
            )
        if project is None:
            raise InvalidInput(f"{name!r:.80} is trusted in one project: mlcycle.trust({name!r:.80}, project)")
    return names


def _take_back(grants: list[Grant]) -> None:
    if not grants:
        raise InvalidInput(
            "revoke=True takes back what you name: mlcycle.trust('my_pkg.Clipper', project, revoke=True)"
        )

    def without(before: list[Grant]) -> list[Grant]:
        for one in grants:
            if one not in before:
                where = "everywhere" if one.project is None else f"in {one.project!r}"
                raise NotFound(f"you do not trust {one.what!r:.80} {where}; mlcycle.trust() tells what you trust")
        return [one for one in before if one not in grants]

    change_grants(without)
