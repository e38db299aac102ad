"""The frame of the story: a place to tell it in, the acts in order, and what is left at the end."""

from __future__ import annotations

import shlex
import tempfile
import time
from typing import TYPE_CHECKING

import mlcycle as mc
from mlcycle.demo import _first_cycle, _rollback, _second_cycle
from mlcycle.demo._data import arriving_forms
from mlcycle.demo._show import Show

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["tell"]


def tell(
    out: TextIO, store: str | None = None, *, keep: bool = False, command: str = "python -m mlcycle"
) -> mc.Project:
    """Tell the whole story into a store, and return the project.

    Parameters
    ----------
    out : text file
        Where it is told: coloured if it is a terminal.
    store : str, optional
        An empty or absent place, any URL `mlcycle.open` takes. By default a fresh folder among the temporary files of
        this machine, which the system clears away some day.
    keep : bool, default False
        Without `store`: make it ``./mlcycle-demo`` instead, to stay.
    command : str
        How the reader calls mlcycle, for the commands suggested at the end.

    Raises
    ------
    StoreExists, NotAStore
        When the place is not empty.
    """
    began = time.perf_counter()
    url = store or ("mlcycle-demo" if keep else tempfile.mkdtemp(prefix="mlcycle-demo-"))
    show, forms, project = Show(out), arriving_forms(), _open(url)
    show.say("One project, twice around the cycle and back. A folder or a bucket is all it needs:")
    show.lines(f'import mlcycle as mc\nproject = mc.open("{url}")')

    scope = _first_cycle.scoping(show, project)
    train, validation = _first_cycle.data(show, project, forms)
    tree, reader = _first_cycle.experiments(show, project, train, validation)
    _first_cycle.evaluation(show, tree, reader)
    mailroom, service = _first_cycle.deployment(show, project, forms)

    with service:
        replaced = _second_cycle.monitoring(show, project, mailroom, service, forms)
        _second_cycle.data(show, project, mailroom, scope, replaced)
        _second_cycle.models(show, project)
        _second_cycle.canary(show, mailroom, service, forms)
        _rollback.rollback(show, project, service, forms)

    _the_end(show, project, command, time.perf_counter() - began)
    return project


def _open(url: str) -> mc.Project:
    try:
        return mc.open(url, create=True)
    except mc.errors.StoreExists as error:
        raise mc.errors.StoreExists(
            f"the demo begins in an empty place: {error.args[0].split(';')[0]}; give another one with --store"
        ) from None


def _the_end(show: Show, project: mc.Project, command: str, seconds: float) -> None:
    info, url = project.store.info(), shlex.quote(project.store.url)
    show.say(
        f"That was a whole lifecycle in {seconds:.0f} seconds: {info['entries']} entries in the log, "
        f"{info['files']} files, {info['bytes'] / 1e6:.1f} MB of Parquet, JSON and models. "
        f"It is all in {project.store.url}."
    )
    if url.startswith("memory:"):
        show.say(
            "Being in memory, it is gone with this process. Give a folder or a bucket, --store URL, to look around."
        )
        return
    show.say("Look around:")
    show.block(
        "\n".join(
            f"{command} {words}"
            for words in (
                f"history {url}",
                f"status {url}",
                f"show {url} model:reader@production",
                f"verify {url} --level bytes",
            )
        )
    )
