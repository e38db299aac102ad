"""Everything can be undone: the whole project back to an earlier day, and forward again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mlcycle as mc
from mlcycle.demo._data import PIXELS, Forms

if TYPE_CHECKING:
    from mlcycle.demo._show import Show

__all__ = ["rollback"]


def rollback(show: Show, project: mc.Project, service: mc.Service, forms: Forms) -> None:
    """Take the project back to the first cycle, work a day there, and return."""
    show.act(7, "The way back, and forward again")
    show.say(
        """The new scanner breaks, and for some days the old one is back. The office wants everything as it was in the
        first cycle: data, model and route together. But the scope has grown since, and remembers:"""
    )
    newest = int(project.history().index[-1])
    try:
        with show.code():
            project.rollback(to="first-cycle", message="the old scanner is back")
    except mc.errors.GateBlocked as blocked:
        show.answer(f"✗ {blocked}")
    show.say(
        "That is so, and for once it is all right. An override says who, why and until when. First, what would move?"
    )
    with show.code():
        moves = project.rollback(to="first-cycle", dry_run=True)
    show.table(
        ["what", "now", "then", "set by"],
        [[f"{m.name} {m.pointer}", m.before, m.after or "nothing", m.author] for m in moves],
    )
    with show.code():
        project.rollback(to="first-cycle", message="the old scanner is back", override_until="7d")
    _where_it_stands(show, project, service)
    old = forms.old_scanner
    with show.code():
        answers = service.predict(old[PIXELS], ids=old["form"])
        service.label(old["form"], old["digit"])
    show.block(f"✓ {(answers == old['digit']).mean():.1%} of {len(old)} forms from the old scanner read correctly")
    show.say("The scanner is mended. Forward is a rollback too, to the entry before it:")
    with show.code():
        project.rollback(to=newest, message="the new scanner is mended")
    _where_it_stands(show, project, service)
    show.say("And nothing of it is forgotten:")
    with show.code():
        history = project.history(limit=16)
    show.table(["entry", "what", "why"], [[n, row["what"], row["message"]] for n, row in history.iterrows()], widest=48)
    with show.code():
        verified = project.store.verify("bytes")
    show.block(f"✓ {verified}" if verified.ok else f"✗ {verified}")


def _where_it_stands(show: Show, project: mc.Project, service: mc.Service) -> None:
    service.refresh()
    production, answering = project.models["reader@production"], ", ".join(service.revision.weights)
    show.block(f"✓ production is {production.ref}, and {answering} answers in the mailroom")
