"""Which run goes on here, and what it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle.lifecycle.runs._entered import entered

if TYPE_CHECKING:
    from mlcycle.lifecycle._session import Session
    from mlcycle.lifecycle.runs._active_run import ActiveRun

__all__ = ["current_run", "note_read"]


def current_run() -> ActiveRun | None:
    """Return the run whose ``with`` block this is, the innermost that has not ended; None outside of any.

    Versions of data that are loaded meanwhile are kept as what the run `reads`.

    Returns
    -------
    ActiveRun or None

    Notes
    -----
    A run is current where its block was entered, and in what inherits the context from there: coroutines and tasks,
    `asyncio.to_thread`, and children made by ``fork``. A thread of one's own begins without a run, as it begins without
    any other context; ``contextvars.copy_context().run`` takes it there. A copy of the run in another process is
    current in a ``with`` block of its own, whose end does not end the run.

    A run that was started without ``with`` is not current, since nothing says where it would cease to be. A generator
    shares the context of whoever asks it: while it is suspended inside a ``with`` block, its run is current there too.
    Enter the block around the loop instead, or exhaust or close the generator before the next run.

    Examples
    --------
    >>> import mlcycle as mc
    >>> import pandas as pd
    >>> project = mc.open("memory://docs-current-run")
    >>> frame = pd.DataFrame({"age": [31, 45], "left": [0, 1]})
    >>> customers = project.datasets.add("customers", frame, target="left")
    >>> def train():
    ...     X, y = customers.xy()
    ...     mc.current_run().log(rows=len(X))
    >>> with project.experiments.open("trees").start() as run:
    ...     train()
    >>> found = project.runs[run.id]
    >>> found.reads, found.metrics
    (('customers@1',), {'rows': 2})
    >>> mc.current_run() is None
    True
    """
    return next((run for run in reversed(entered()) if not run._finished), None)


def note_read(session: Session, ref: str) -> None:
    """Keep with the current run that a version of data (a full ref) was loaded, if both are of one project."""
    run = current_run()
    if run is not None:
        run._note_read(session, ref)
