"""The command ``mlcycle``: a thin door to what the library does, for looking into a store from a shell."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlcycle
from mlcycle import records
from mlcycle._text import table
from mlcycle.errors import InvalidInput, MlcycleError, NotAStore, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, or 1 when something is wrong and one line on stderr says what.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after ``mlcycle``; those of this process by default.

    Examples
    --------
    >>> import mlcycle as mc
    >>> project = mc.open("memory://docs-cli")
    >>> main(["history", "memory://docs-cli"])
    entry at                  author kind           what            message
    ───── ─────────────────── ────── ────────────── ─────────────── ───────────────
        0 ...                 ...    project.create project created project created
    0
    """
    for stream in (sys.stdout, sys.stderr):  # a name the terminal cannot show does not end the program
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except MlcycleError as error:
        print(f"mlcycle: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `mlcycle history … | head` is no failure; nothing more can be said to that pipe
        with contextlib.suppress(OSError), Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mlcycle", description="The machine-learning lifecycle in a folder or bucket."
    )
    parser.add_argument("--version", action="version", version=f"mlcycle {mlcycle.__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    demo = commands.add_parser("demo", help="watch a whole lifecycle on real data, in under a minute")
    demo.add_argument(
        "--store", metavar="URL", help="where to: an empty folder or any URL (default: a temporary folder)"
    )
    demo.add_argument("--keep", action="store_true", help="without --store: make it ./mlcycle-demo, to stay")
    demo.set_defaults(run=_demo)

    told = "what is missing, stale, blocked, failing or due; ends with 1 where something fails (✗), else with 0"
    status = _reader(commands, "status", _status, told)
    status.add_argument("--json", action="store_true", help="as one JSON document: phases, each with its findings")
    history = _reader(commands, "history", _history, "who did what, when and why")
    history.add_argument("--author", action="append", metavar="NAME", help="only what this one did; may be repeated")
    history.add_argument(
        "--of", metavar="REF", help="only what is about this: churn, model:churn@7, deployment:eu, scope"
    )
    history.add_argument(
        "--kind", action="append", help="only what was done so: model.promote, model, promote; repeated"
    )
    history.add_argument("--since", metavar="MOMENT", help="only from then on: 2026-11-23, 7d, an entry, a tag")
    history.add_argument("--limit", type=int, metavar="N", help="only the newest N entries of those")
    show = _reader(commands, "show", _show, "everything about a dataset, a model or a run")
    show.add_argument("ref", metavar="REF", help="digits@2, dataset:digits, model:reader@production, or a run's id")
    verify = _reader(commands, "verify", _verify, "whether the store is whole")
    verify.add_argument("--level", choices=("chain", "files", "bytes"), default="files", help="how closely to look")
    sweep = _reader(commands, "sweep", _sweep, "remove files that nothing names any more")
    sweep.add_argument("--dry-run", action="store_true", help="only say what would go")
    sweep.add_argument(
        "--min-age", default="7", metavar="AGE", help="leave younger files alone: days, or '12h' (default: 7)"
    )
    return parser


def _reader(commands: Any, name: str, run: Any, help: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help, description=help)
    parser.add_argument("url", metavar="URL", help="the store: a folder, s3://...")
    parser.set_defaults(run=run)
    return parser


def _open(arguments: argparse.Namespace, mode: str = "r") -> mlcycle.Project:
    try:
        return mlcycle.open(arguments.url, create=False, mode=mode)
    except NotAStore as error:
        raise NotAStore(str(error).replace("; open it with create=True to make one", "")) from None


def _demo(arguments: argparse.Namespace) -> int:
    from mlcycle.demo import tell

    tell(sys.stdout, arguments.store, keep=arguments.keep, command=_command())
    return 0


def _command() -> str:
    """Return how this program was called, as one would type it again here."""
    if Path(sys.argv[0]).stem == "mlcycle":
        return "mlcycle"
    python = Path(sys.executable)
    found = shutil.which(python.name)
    if found and Path(found) == python:
        return f"{python.name} -m mlcycle"
    if python.is_relative_to(Path.cwd()):
        python = python.relative_to(Path.cwd())
    return f"{python} -m mlcycle"


def _status(arguments: argparse.Namespace) -> int:
    found = _open(arguments).status()
    print(json.dumps(records.to_json(found)) if arguments.json else found)
    return 0 if found.ok else 1


def _history(arguments: argparse.Namespace) -> int:
    if arguments.limit is not None and arguments.limit < 1:
        raise InvalidInput(f"--limit {arguments.limit} is not a number of entries; give 1 or more")
    since = arguments.since
    frame = _open(arguments).history(
        author=arguments.author,
        of=arguments.of,
        kind=arguments.kind,
        since=int(since) if since is not None and since.isdigit() else since,
        limit=arguments.limit,
    )
    columns = ["author", "kind", "what", "message"]  # the longest last: a terminal wraps lines, and cuts no columns
    rows = [[number, f"{row['at']:%Y-%m-%d %H:%M:%S}", *row[columns]] for number, row in frame.iterrows()]
    print(table(["entry", "at", *columns], rows))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    import attrs

    record = _find(_open(arguments), arguments.ref)
    print(f"{type(record).__name__} {record}")
    print(
        table(
            [], [row for field in attrs.fields(type(record)) for row in _rows(field.name, getattr(record, field.name))]
        )
    )
    if isinstance(record, mlcycle.DatasetVersion):
        print()
        print(table(["column", "type", "nulls"], [[one.name, one.type, one.nulls] for one in record.columns]))
    return 0


_TOO_LONG = ("columns", "profile", "packages")


def _rows(name: str, value: Any) -> list[list[str]]:
    """Return the lines of one field: one for a plain value, one for each item of a dict, none for nothing."""
    if value is None or value in ("", (), [], {}) or name in _TOO_LONG:
        return []
    if isinstance(value, dict):
        return [[f"{name}.{key}", str(item)] for key, item in value.items()]
    if isinstance(value, tuple):
        return [[name if position == 0 else "", str(item)] for position, item in enumerate(value)]
    if name == "error":  # of a traceback the last line says what happened
        return [[name, str(value).strip().rpartition("\n")[2]]]
    return [[name, f"{value:.6g}" if isinstance(value, float) else str(value)]]


def _find(project: mlcycle.Project, ref: str) -> Any:
    """Return the record a ref means; without its kind, whatever there is of this name."""
    kind, colon, name = ref.partition(":")
    kinds: dict[str, Mapping[str, Any]] = {"dataset": project.datasets, "model": project.models, "run": project.runs}
    if colon:
        if kind not in kinds:
            raise InvalidInput(f"{ref!r} begins with an unknown kind; 'dataset:…', 'model:…' or 'run:…'")
        return kinds[kind][name]
    missing = []
    for things in kinds.values():
        try:
            return things[ref]
        except (NotFound, InvalidInput) as error:
            missing.append(error)
    near = [name for error in missing if isinstance(error, NotFound) for name in error.near]
    raise NotFound(f"there is no dataset, model or run {ref!r} in {project.store.url}.", near)


def _verify(arguments: argparse.Namespace) -> int:
    found = _open(arguments).store.verify(arguments.level)
    print(found)
    return 0 if found.ok else 1


def _sweep(arguments: argparse.Namespace) -> int:
    project = _open(arguments, "r" if arguments.dry_run else "rw")
    days = re.fullmatch(r"\d+(\.\d+)?", arguments.min_age)
    age = f"{arguments.min_age}d" if days else arguments.min_age
    print(project.store.sweep(dry_run=arguments.dry_run, min_age=age))
    return 0
