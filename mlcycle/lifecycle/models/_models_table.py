"""Versions of models as one table: what they are, where they stand, how they are judged by the scope of today."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from mlcycle import records
from mlcycle._ids import bare
from mlcycle._text import plain
from mlcycle.lifecycle._stored_evaluations import evaluation_facts, evaluation_record
from mlcycle.lifecycle.blobs import readable
from mlcycle.lifecycle.evaluation import answer_on, asked_today
from mlcycle.lifecycle.models._record import model_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd

    from mlcycle.lifecycle._session import Session
    from mlcycle.state import Version, View

__all__ = ["models_frame"]

Doc = dict[str, Any]
_STAMP = ("author", "at", "age", "message")  # last in a row, behind what was measured
_AT_ONCE = 16  # versions read in parallel where every read is a journey, as runs are
_HARMLESS = ("pass", "not_applicable")


def models_frame(session: Session, view: View, names: Iterable[str]) -> pd.DataFrame:
    """Return a table as `Models.frame` documents."""
    import pandas as pd

    standing = [one for name in names for one in view.versions.standing("model", name)]
    rows = _rows(_Rows(session, view), standing, parallel=not session.log.files.can_append)
    found = dict.fromkeys(column for row in rows for column in row)
    frame = pd.DataFrame(rows, columns=[*(one for one in found if one not in _STAMP), *_STAMP])
    frame["at"] = pd.to_datetime(frame["at"])
    frame["age"] = (pd.Timestamp.now("UTC") - frame["at"]).dt.floor("s") if rows else pd.to_timedelta(frame["age"])
    return frame


def _rows(rows: _Rows, standing: Sequence[Version], *, parallel: bool) -> list[Doc]:
    if not parallel or len(standing) < 2:
        return readable(rows.of, standing)
    with ThreadPoolExecutor(min(_AT_ONCE, len(standing)), thread_name_prefix="mlcycle-models") as pool:
        futures = [pool.submit(rows.of, version) for version in standing]
        return readable(Future.result, futures)


class _Rows:
    """Makes the rows of one table; what is asked of all versions is looked up once."""

    def __init__(self, session: Session, view: View) -> None:
        self._session, self._view = session, view
        self._asked = asked_today(view)
        self._aliases: dict[str, dict[int, list[str]]] = {}

    def of(self, version: Version) -> Doc:
        """Return what is worth reading of a version beside others."""
        made = model_record(self._session, version)
        judged, on, measured = self._by_scope(version) if self._asked else self._as_last(version)
        return {
            "version": made.ref,
            "aliases": ", ".join(self._aliases_of(version)),
            "class_name": made.class_name,
            "run": made.run,
            "data": ", ".join(made.data),
            "verdict": judged,
            "judged_on": on,
            **measured,
            **{field: getattr(made, field, None) for field in _STAMP if field != "age"},
        }

    def _aliases_of(self, version: Version) -> list[str]:
        if version.name not in self._aliases:
            found: dict[int, list[str]] = {}
            for alias in self._view.pointers.names("model", version.name):
                number = self._view.pointers.at("model", version.name, alias)
                if number is not None:
                    found.setdefault(number, []).append(alias)
            self._aliases[version.name] = found
        return self._aliases[version.name].get(version.number, [])

    def _by_scope(self, version: Version) -> tuple[str | None, str, Doc]:
        """Return how a version stands by the criteria of today, and what was measured for each."""
        blobs = self._session.blobs
        answers = [(one, answer_on(blobs, self._view, version, one, data)) for one, data in self._asked]
        cells: Doc = {}
        for criterion, results in answers:
            cells |= _cells(plain(criterion), results)
        every = [one for _, results in answers for one in results]
        verdict: str | None = records.worst(every)
        if verdict in _HARMLESS and not all(results for _, results in answers):
            verdict = None  # what nobody measured may still fail
        return verdict, ", ".join(dict.fromkeys(bare(one.data) for one in every if one.data)), cells

    def _as_last(self, version: Version) -> tuple[str | None, str | None, Doc]:
        """Return what the newest evaluation of a version found."""
        fact = next(evaluation_facts(self._view, version.ref), None)
        if fact is None:
            return None, None, {}
        judged = evaluation_record(self._session, fact)
        cells: Doc = {}
        for name, results in _by_check(judged.results):
            cells |= _cells(name, results)
        return judged.verdict, judged.data, cells


def _by_check(results: Iterable[records.Result]) -> Iterator[tuple[str, list[records.Result]]]:
    found: dict[str, list[records.Result]] = {}
    for one in results:
        found.setdefault(one.check, []).append(one)
    yield from found.items()


def _cells(name: str, results: Sequence[records.Result]) -> Doc:
    """Return value, limits and verdict of one question; of several slices those of the worst."""
    if not results:
        return dict.fromkeys((name, f"{name} low", f"{name} high", f"{name} verdict"))
    verdict = records.worst(results)
    alike = [one for one in results if records.worst([one]) == verdict] or list(results)
    # among failures the farthest from what was asked, among others the nearest to failing
    worst = (max if verdict == "fail" else min)(alike, key=_gap)
    return {name: worst.value, f"{name} low": worst.low, f"{name} high": worst.high, f"{name} verdict": verdict}


def _gap(one: records.Result) -> float:
    """Return how far a value is from what was asked."""
    return 0.0 if one.value is None or one.threshold is None else abs(one.value - one.threshold)
