"""Facts about attempts: runs, and the code and environment they happened in."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mlcycle import _html
from mlcycle.records._data import FileRef
from mlcycle.records._living import Living
from mlcycle.records._record import Record, copied, texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from mlcycle._typing import Moment
    from mlcycle.records._datasets import DatasetVersion
    from mlcycle.records._evaluations import Evaluation
    from mlcycle.records._listing import Listing
    from mlcycle.records._models import ModelVersion

__all__ = ["Code", "Environment", "Run"]


@frozen(kw_only=True, repr=False)
class Code(Record):
    """The source a run was made by.

    Attributes
    ----------
    commit : str or None
        Of the version control system; ``None`` where there is none.
    branch, repository : str or None
        As version control knows them; the address without credentials.
    dirty : bool, default False
        Whether there were changes that were not committed.
    diff_file : FileRef or None
        Those changes.
    entry_point : str or None
        The script, module or notebook that was started.
    detail : dict
        What else was noticed.
    left_out, problems : tuple of str
        Of that, the files that are not in the diff, and why (binaries, other encodings than UTF-8, files of secrets,
        those that pass a filter of the repository, submodules, and what is too large); and what went wrong.

    Examples
    --------
    >>> Code(commit="4f0c1d2e3a", dirty=True, entry_point="train.py")
    Code('4f0c1d2e3a+changes', entry_point='train.py')
    """

    commit: str | None = None
    branch: str | None = None
    repository: str | None = None
    dirty: bool = False
    diff_file: FileRef | None = None
    entry_point: str | None = None
    detail: dict[str, Any] = field(factory=dict, converter=copied, hash=False)

    @property
    def left_out(self) -> tuple[str, ...]:
        """The files that are not in the diff, and why."""
        return tuple(self.detail.get("left_out", ()))

    @property
    def problems(self) -> tuple[str, ...]:
        """What went wrong while it was captured."""
        return tuple(self.detail.get("problems", ()))

    def _title(self) -> str:
        return f"{(self.commit or 'no commit')[:12]}{'+changes' if self.dirty else ''}"

    def _facts(self) -> list[tuple[str, Any]]:
        return [("repository", self.repository), ("branch", self.branch), ("entry point", self.entry_point)]


@frozen(kw_only=True, repr=False)
class Environment(Record):
    """The machine and the packages a run happened with.

    Attributes
    ----------
    digest : str, default ""
        Identifies an equal environment.
    python, platform, cpu : str
        Versions and names.
    cores : int or None
        Logical processors.
    memory : int or None
        Bytes.
    threads : dict
        Thread settings of numerical libraries.
    packages : dict
        Installed distribution to version.
    detail : dict
        What else was noticed.

    Examples
    --------
    >>> Environment(python="3.12.1", platform="Linux", packages={"numpy": "2.1.0"})
    Environment('Python 3.12.1', platform='Linux', packages=1)
    """

    digest: str = ""
    python: str = ""
    platform: str = ""
    cpu: str = ""
    cores: int | None = None
    memory: int | None = None
    threads: dict[str, Any] = field(factory=dict, converter=copied, hash=False)
    packages: dict[str, str] = field(factory=dict, converter=copied, hash=False)
    detail: dict[str, Any] = field(factory=dict, converter=copied, hash=False)

    def _title(self) -> str:
        return f"Python {self.python}" if self.python else "environment"

    def _facts(self) -> list[tuple[str, Any]]:
        return [("platform", self.platform), ("cpu", self.cpu), ("packages", len(self.packages) or None)]


def _numbers(metrics: dict[str, Any]) -> dict[str, float]:
    """Return a copy in which NaN is one and the same object: dicts compare by that, and a pickle loses it."""
    return {name: math.nan if value != value else value for name, value in metrics.items()}


@frozen(kw_only=True, repr=False)
class Run(Living):
    """One attempt: what went in, what came out, how it ended, and what can be done with it.

    Attributes
    ----------
    id : str
    experiment : str
        Name of the experiment it belongs to.
    name : str
        What people call it.
    status : str, default "running"
        ``running``, ``finished``, ``failed``, ``cancelled``, ``probably lost``, ``lost``; ``damaged``, and
        ``unreadable`` if a newer mlcycle wrote it, where `error` says why.
    params : dict
        Parameters, as given.
    metrics : dict of str to float
        The last value logged under each name; may be NaN or infinite.
    uses : tuple of str
        Datasets and models that went in, as refs.
    reads : tuple of str
        Versions of data that were loaded in its ``with`` block, as refs, each once.
    artifacts : dict of str to FileRef
        Files saved, by name.
    model : dict or None
        What `save_model` wrote: files, format, class, signature.
    code : Code or None
    environment : Environment or None
        Of one that was not kept, or cannot be read, the digest alone is known.
    error : str or None
        The traceback of a failed run.
    author, started_at, ended_at : str
        Who, and when (UTC); `ended_at` is ``None`` while it runs.
    entry : int or None
        The last log entry seen when it started; orders runs among the project's changes.
    n_points : int, default 0
        Metric points logged.
    failures : int, default 0
        Points or files the storage did not take.
    tags : tuple of str

    Examples
    --------
    >>> run = Run(id="0192", experiment="boosting", name="calm-otter", status="finished", metrics={"loss": 0.31},
    ...           started_at="2026-11-23T10:00:00.000000Z", ended_at="2026-11-23T10:01:30.000000Z")
    >>> run.duration
    90.0
    >>> run
    Run('boosting/calm-otter', status='finished', seconds=90, metrics={loss: 0.31})
    """

    _contents = "what was logged is in metrics and points(), files in artifact(name)"

    id: str
    experiment: str = field(metadata={"ref": "experiment"})
    name: str = ""
    status: str = "running"
    params: dict[str, Any] = field(factory=dict, converter=copied, hash=False)
    metrics: dict[str, float] = field(factory=dict, converter=_numbers, hash=False)
    uses: tuple[str, ...] = field(default=(), converter=texts, metadata={"ref": "dataset"})
    reads: tuple[str, ...] = field(default=(), converter=texts, metadata={"ref": "dataset"})
    artifacts: dict[str, FileRef] = field(factory=dict, converter=copied, hash=False)
    model: dict[str, Any] | None = field(default=None, converter=copied, hash=False)
    code: Code | None = None
    environment: Environment | None = None
    error: str | None = None
    author: str = ""
    started_at: str = ""
    ended_at: str | None = None
    entry: int | None = None
    n_points: int = 0
    failures: int = 0
    tags: tuple[str, ...] = field(default=(), converter=texts)

    @property
    def duration(self) -> float | None:
        """Seconds from start to end; ``None`` while it runs."""
        if not self.started_at or not self.ended_at:
            return None
        return (datetime.fromisoformat(self.ended_at) - datetime.fromisoformat(self.started_at)).total_seconds()

    # verbs ---------------------------------------------------------------------------------------------------------

    def register(
        self,
        name: str,
        *,
        uses: Sequence[str | DatasetVersion | ModelVersion] = (),
        override_until: Moment | None = None,
        message: str = "",
        op: str | None = None,
    ) -> ModelVersion:
        """Register the model that was saved with this run as the next version of a name.

        Parameters
        ----------
        name : str
            Name of the model.
        uses : sequence of refs, optional
            What it was trained on: data, and models it goes on from (``"model:churn@7"``). Where no data is named it is
            that which the run `uses`, and likewise for models.
        override_until : str, date, datetime or timedelta, or one of numpy or pandas, optional
            Passes a hook that blocks, with a `message`; until when.
        message, op : str, optional
            Why, for the history; and an id of yours that makes a restarted script idempotent.

        Raises
        ------
        InvalidInput
            When the run saved no model.
        """
        return self._do("register", name=name, uses=uses, override_until=override_until, message=message, op=op)

    def points(self) -> pd.DataFrame:
        """Return every point that was logged, in order of time: ``name, step, value, time, writer``."""
        return self._do("points")

    def artifact(self, name: str) -> bytes:
        """Return the bytes of an artifact, checked against its digest; a folder comes as a zip.

        Raises
        ------
        NotFound
            With the names there are.
        """
        return self._do("artifact", name=name)

    def evaluate(
        self,
        on: str | DatasetVersion | None = None,
        *,
        checks: Iterable[Any] = (),
        override_until: Moment | None = None,
        message: str = "",
        op: str | None = None,
    ) -> Evaluation:
        """Judge this run by checks, and keep what was found.

        Parameters
        ----------
        on : ref or DatasetVersion, optional
            Data the checks may ask for.
        checks : iterable of callables
            ``(subject, context) -> Result | number | bool | iterable of them``.
        override_until, message, op
            As in `register`.
        """
        return self._do("evaluate", on=on, checks=checks, override_until=override_until, message=message, op=op)

    def evaluations(self) -> Listing[Evaluation]:
        """Return what `evaluate` found of this run, oldest first."""
        return self._do("evaluations")

    # looks ---------------------------------------------------------------------------------------------------------

    @property
    def _address(self) -> str:
        return f"run:{self.id}"

    def _title(self) -> str:
        return f"{self.experiment}/{self.name or self.id}"

    def _facts(self) -> list[tuple[str, Any]]:
        return [
            ("status", self.status),
            ("seconds", self.duration),
            ("params", self.params),
            ("metrics", self.metrics),
            ("uses", self.uses),
            ("reads", tuple(one for one in self.reads if one not in self.uses)),
            ("artifacts", tuple(self.artifacts)),
            ("failures", self.failures or None),
            ("author", self.author),
        ]

    def _cells(self) -> list[tuple[str, Any]]:
        facts = [(name, value) for name, value in self._facts() if name not in ("status", "params", "metrics")]
        return [
            ("run", self.id),
            ("experiment", self.experiment),
            ("name", self.name),
            ("status", self.status),
            *((f"metrics.{name}", value) for name, value in self.metrics.items()),
            *((f"params.{name}", value) for name, value in self.params.items()),
            ("started", self.started_at),
            *facts,
        ]

    def _repr_html_(self) -> str:
        facts: list[tuple[str, Any]] = [
            ("status", _html.badge(self.status)),
            ("started", self.started_at),
            ("seconds", self.duration),
            ("uses", ", ".join(self.uses)),
            ("reads", ", ".join(self.reads)),
            ("artifacts", ", ".join(self.artifacts)),
            ("author", self.author),
            ("code", str(self.code) if self.code else None),
            ("points the storage did not take", self.failures or None),
            ("error", self.error.strip().splitlines()[-1] if self.error and self.error.strip() else None),
        ]
        params = _html.table(["parameter", "value"], [[key, str(value)] for key, value in self.params.items()])
        metrics = _html.table(["metric", "last value"], list(self.metrics.items()))
        return _html.card(f"run {self._title()}", facts, params if self.params else "", metrics if self.metrics else "")
