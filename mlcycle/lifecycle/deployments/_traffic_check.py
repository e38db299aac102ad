"""A window of a deployment's traffic, with what the store knows to hold it against, and what was found in it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs
from attrs import evolve

from mlcycle import monitoring, records, serving, stats
from mlcycle._digest import canonical_json
from mlcycle._ids import new_id, now, refs_of
from mlcycle.errors import AccessDenied, InvalidInput, NotFound, StorageUnavailable
from mlcycle.lifecycle import traffic
from mlcycle.lifecycle._model_files import InputCheckedModel, card_of
from mlcycle.lifecycle._points_in_time import time_window
from mlcycle.lifecycle._stored_evaluations import evaluation_document, evaluation_facts
from mlcycle.lifecycle.datasets import tables
from mlcycle.lifecycle.deployments._record import current_revision
from mlcycle.lifecycle.deployments._service_sources import StoredModelLoader
from mlcycle.lifecycle.evaluation import context_of, criteria_today, metrics_of, scope_test
from mlcycle.state import judged_on, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlcycle.lifecycle._session import Session
    from mlcycle.lifecycle.blobs import Blobs
    from mlcycle.state import View

__all__ = ["judge_window", "window_of"]

Doc = dict[str, Any]


def window_of(session: Session, view: View, name: str, since: str | None, until: str | None) -> monitoring.Window:
    """Return the traffic of a deployment in a window, with what there is to hold it against, read when asked for.

    Parameters
    ----------
    session : Session
    view : View
    name : str
        Of the deployment.
    since, until : str or None
        UTC text; by default from when the current revision began to answer, until now.

    Raises
    ------
    NotFound
        Before the first route.
    """
    revision = current_revision(view, name)
    if revision is None:
        raise NotFound(f"{name} has no route yet, so there is nothing to check")
    start, end = since or revision.at, until or now()
    models = _Models(session, view)
    seen: monitoring.Window = monitoring.Window(
        since=start,
        until=end,
        revision=revision,
        captured=traffic.read(session, name, view.names.known("deployment", name).id or "", start, end),
        reference=lambda: _reference(session.blobs, view, seen.main),
        expected=lambda: _expected(session.blobs, view, seen.main, models),
        judge=monitoring.AnswersJudge(
            criteria_today(view.versions.newest("scope", "scope")), models, metrics_of(session, view)
        ),
    )
    return seen


def judge_window(
    session: Session, name: str, since: Any, until: Any, budget: stats.Budget, checks: Sequence[Any]
) -> tuple[records.Evaluation, float]:
    """Judge the traffic of a deployment in a window, as `Deployment.check` documents; return the level it took, too."""
    view = session.view()
    level, told = _level(view, name, budget)
    signals = (*monitoring.signals_at(level), *checks)
    seen = window_of(session, view, name, *time_window(since, until))
    scope, subject = view.versions.latest("scope", "scope"), f"deployment:{name}"
    context: Any = attrs.evolve(context_of(session, view, data=None), traffic=seen)
    found = records.Evaluation(
        id=new_id(),
        subject=subject,
        results=(*monitoring.run_signals(signals, subject, context), evolve(told, subject=subject)),
        scope=scope,
        since=seen.since,
        until=seen.until,
        revision=seen.revision.number,
    )
    return found, level


def _level(view: View, name: str, budget: stats.Budget) -> tuple[float, records.Result]:
    """Return what this look may alarm at, and how it is told: by the level of the last look and the time since then."""
    last, note = next(evaluation_facts(view, f"deployment:{name}"), None), ""
    level = budget.level_after()
    if last is not None:
        try:  # the log may hold anything: that of an older release has no level
            level = budget.level_after(0.0 + last.says["level"], _moment(now()) - _moment(last.stamp.at))
        except (KeyError, TypeError, ValueError, InvalidInput):
            note = "; the last look does not say what it took of that, so this begins anew"
    yearly = f"{budget.false_alarms_per_year:g} false alarm{'' if budget.false_alarms_per_year == 1 else 's'} a year"
    return level, records.Result(
        check="level of alarms",
        look="traffic",
        verdict="not_applicable",
        value=level,
        detail=f"the chance of a false alarm at this look: {yearly} expected while nothing changes{note}",
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


class _Models:
    """The versions that answered: each read once and only when asked for, under what the user trusts for every time."""

    def __init__(self, session: Session, view: View) -> None:
        self._session, self._view = session, view
        self._loaded: dict[str, serving.LoadedModel | Exception] = {}

    def signature(self, ref: str) -> Doc | None:
        """Return the signature of a version, which needs no trust; None where there is none, or none any more."""
        try:
            version = resolve(self._view, ref, "model", dropped=True)
            signature: Doc | None = card_of(self._session.blobs, version)["signature"]
        except (AccessDenied, StorageUnavailable):
            raise
        except Exception:  # noqa: BLE001 - a card that cannot be read tells nothing, and the answers are there
            return None
        return signature

    def fetch(self, ref: str) -> None:
        """Read a version once, or keep why it cannot be had; a storage that fails raises."""
        if ref in self._loaded:
            return
        try:
            self._loaded[ref] = StoredModelLoader(self._session, ()).load(self._view, ref)
        except (AccessDenied, StorageUnavailable):
            raise
        except Exception as error:  # noqa: BLE001 - raised to whoever asks the model
            self._loaded[ref] = error

    def ask(self, ref: str, method: str, rows: Any) -> Any:
        """Return what a model answers on rows, or raise why it cannot be asked."""
        self.fetch(ref)
        found = self._loaded[ref]
        if isinstance(found, Exception):
            raise found
        return getattr(InputCheckedModel(found.model, found.signature), method)(rows)

    def evaluated(self, ref: str, metric: Any) -> records.Result | None:
        """Return the newest stored result of a metric over all rows of some data; its interval where it has one."""
        plainly = metric if isinstance(metric, str) else json.loads(canonical_json(records.to_json(metric)))
        for fact in evaluation_facts(self._view, f"model:{ref}"):
            for answer in evaluation_document(self._session.blobs, fact)["answers"]:
                asked = answer["criterion"]
                for document in answer["results"]:
                    found: records.Result = records.from_json(document)
                    mine = found.check == metric if asked is None else asked.get("metric") == plainly
                    if not mine or found.slice or not found.n or found.value is None:
                        continue
                    if found.comparison is None:
                        return found
                    return attrs.evolve(found, value=found.comparison["subject"], low=None, high=None)
        return None


def _reference(blobs: Blobs, view: View, ref: str) -> monitoring.ReferenceRows | None:
    """Return the rows of the training data, or None where a model has no lineage."""
    import pandas as pd

    made_from = resolve(view, ref, "model", dropped=True).made_from
    data = [resolve(view, one, "dataset", dropped=True) for one in refs_of("dataset", made_from)]
    if not data:
        return None
    frames = [tables.read_frame(blobs, view, one) for one in data]
    inputs = [tables.features(frame, one["roles"], one.shown) for frame, one in zip(frames, data, strict=True)]
    said = {}
    for role in ("group", "time"):
        columns = [one["roles"].get(role) for one in data]
        if None not in columns:
            parts = [frame[column] for frame, column in zip(frames, columns, strict=True)]
            said[f"{role}s"] = pd.concat(parts, ignore_index=True)
    return monitoring.ReferenceRows(pd.concat(inputs, ignore_index=True) if len(inputs) > 1 else inputs[0], **said)


def _expected(blobs: Blobs, view: View, main: str, models: _Models) -> Any:
    """Return what the model answers on the scope's test rows, or None where there are none.

    Rows it was trained on would not do: a model that overfits answers them like no others, and that reads as drift.
    """
    name = scope_test(view.versions.newest("scope", "scope"))
    if name is None:
        return None
    test = judged_on(view, name)
    rows = tables.features(tables.read_frame(blobs, view, test), test["roles"], test.shown)
    return models.ask(main, "predict", rows)
