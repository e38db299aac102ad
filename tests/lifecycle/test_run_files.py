"""Runs whose small files lie many to a pack: they read as before, wherever each file is."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

import mlcycle as mc
from mlcycle._digest import sha256_bytes
from mlcycle._ids import new_id
from mlcycle.errors import Corrupt, MlcycleWarning
from mlcycle.lifecycle.blobs._checked_files import CheckedFiles
from mlcycle.lifecycle.runs._files import RunFiles, run_folder
from mlcycle.lifecycle.runs._verify import verify_runs
from mlcycle.state import FactAdd, Place
from mlcycle.storage import Files, KeyNotFound, open_files, read_lines
from mlcycle.testing import FaultyFiles

RUN = "019ab0f2c40071c8a3b1f0e2d4c6a8b0"
FOLDER = f"{run_folder(RUN)}/"
WRITER = "ab" * 20


def pack(files: Files, keys: list[str], *, rows: int = 3, **wrong: Any) -> dict[str, Any]:
    """Put files into a new pack, and describe it."""
    data = [files.read(key) for key in sorted(keys)]
    table = pa.table(
        {
            "key": pa.array(sorted(keys), pa.string()),
            "size": pa.array(map(len, data), pa.int64()),
            "sha256": pa.array(map(sha256_bytes, data), pa.string()),
            "data": pa.array(data, pa.binary()),
        }
    )
    for name, column in wrong.items():
        table = (
            table.drop_columns([name])
            if column is None
            else table.set_column(table.column_names.index(name), name, [column])
        )
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink, row_group_size=rows)
    stored = sink.getvalue().to_pybytes()
    key = f"{min(keys)[: len('runs/2026-11/')]}pack-{new_id()}.parquet"
    files.put(key, stored)
    return {"key": key, "size": len(stored), "sha256": sha256_bytes(stored), "enc": None, "kind": "pack"}


def place(project: mc.Project, file: dict[str, Any]) -> None:
    """Bring a pack into force."""
    pack = new_id()
    changes = [
        Place(object=f"pack:{pack}", files=[file]),
        FactAdd(of="pack", id=pack, subject=f"pack:{pack}", needs=[f"pack:{pack}"]),
    ]
    project._session.operate("run.pack", lambda do: do.commit(lambda view: changes))


def small(project: mc.Project) -> list[str]:
    """Return the keys of all heads, ends and segments."""
    return [
        one.key
        for one in project._session.log.files.list("runs/")
        if "/files/" not in one.key and "/pack-" not in one.key
    ]


def reopened(project: mc.Project) -> mc.Project:
    """Return the project in a session that remembers nothing."""
    session = project._session
    return mc.open(session.url, create=False, storage_options=session.log.files.storage_options)


def seen(project: mc.Project) -> Any:
    """Return all that can be read of runs."""
    runs = project.experiments["e"].runs()
    frames = [run.points().to_dict("list") for run in runs]
    return runs, frames, [run.artifact("notes") for run in runs]


def filled(project: mc.Project) -> mc.Experiment:
    """Make four runs."""
    experiment = project.experiments.open("e")
    for number in range(4):
        with experiment.start(params={"number": number}) as run:
            for step in range(3):
                run.log(loss=number + 1 / (step + 1), step=step)
            run.log_artifact("notes", f"of {number}")
    return experiment


def test_packed_runs_read_as_before(anywhere: mc.Project) -> None:
    """Packed, and then gone from their folders, runs and their points are what they were."""
    filled(anywhere)
    before = seen(anywhere)
    keys = small(anywhere)
    files = anywhere._session.log.files
    place(anywhere, pack(files, keys[:7]))
    place(anywhere, pack(files, keys[5:]))
    assert seen(reopened(anywhere)) == before
    files.delete(keys)
    again = reopened(anywhere)
    assert seen(again) == before
    assert again.runs[before[0][2].id] == before[0][2]
    assert again.runs[before[0][2].id[:-1]] == before[0][2]


def test_the_past_finds_what_was_packed_since(project: mc.Project) -> None:
    """Where files lie is told as of now, whatever moment is looked at."""
    filled(project)
    before = seen(project)[0]
    moment = project._session.view().n
    keys = small(project)
    files = project._session.log.files
    place(project, pack(files, keys))
    files.delete(keys)
    past = reopened(project).at(moment).experiments["e"]
    assert past.runs() == before
    assert past.frame()["run"].tolist() == [run.id for run in before]


def test_a_pack_that_no_entry_names_does_not_count(project: mc.Project) -> None:
    """What somebody was about to pack is where it was, and what is not in force is not read."""
    filled(project)
    keys = small(project)
    files = project._session.log.files
    pack(files, keys)
    files.delete([key for key in keys if key.endswith("end.json")])
    assert set(reopened(project).runs.frame()["status"]) == {"lost"}


def test_what_leaves_its_folder_meanwhile_is_found(project: mc.Project) -> None:
    """A run that is packed and swept between the listing and the reading is looked for again."""
    filled(project)
    before = seen(project)
    keys = small(project)
    files = project._session.log.files
    for moment in range(8):  # whichever head or end is asked for when it happens
        again = reopened(project)
        asked: list[str] = []
        held: dict[str, bytes] = {}

        def plan(number: int, op: str, key: str, asked: list[str] = asked, held: Any = held, at: int = moment) -> None:
            if op == "read" and key in keys:
                asked.append(key)
                if len(asked) == at + 1:
                    held.update({key: files.read(key) for key in keys})
                    place(project, pack(files, keys))
                    files.delete(keys)

        again._session._connection.use_files(FaultyFiles(files, plan, local_paths=True))
        assert again.experiments["e"].runs() == before[0]
        assert len(held) == 12
        for key, data in held.items():
            files.create(key, data)


def test_a_late_segment_is_read_beside_the_pack(tmp_path: Path) -> None:
    """Bytes of folder and packs are merged by offset; of a file that grew since, the longer one is all of it."""
    files = open_files(tmp_path)
    first, late = f"{FOLDER}points-{WRITER}-0-4.jsonl", f"{FOLDER}points-{WRITER}-4-8.jsonl"
    grows = f"{FOLDER}points-{'cd' * 20}-0.jsonl"
    files.create(first, b"one\n")
    files.create(grows, b"a\n")
    packs = [pack(files, [first, grows]), pack(files, [first])]
    files.delete([first])
    files.create(late, b"two\n")
    files.put(grows, b"a\nb\n")
    found = RunFiles(CheckedFiles(files), files.list("runs/"), packs)
    assert [one.key for one in found.list(FOLDER)] == [first, late, grows]
    assert [text for _, text in read_lines(found, FOLDER, "points-")] == [b"one", b"two", b"a", b"b"]
    assert (found.read(first, 1, 3), found.ids()) == (b"ne", [RUN])
    files.put(grows, b"")
    shorter = RunFiles(CheckedFiles(files), files.list("runs/"), packs)
    assert [text for _, text in read_lines(shorter, FOLDER, "points-")] == [b"one", b"two", b"a"]
    with pytest.raises(KeyNotFound):
        shorter.read(f"{FOLDER}end.json")


def test_only_small_files_of_runs_are_taken_from_a_pack(tmp_path: Path) -> None:
    """Heads, ends and segments; artifacts stay files, and folders that are no run's are passed over."""
    files = open_files(tmp_path)
    names = ["head.json", "end.json", f"files/{RUN}.bin", "points-x.jsonl", "other"]
    for name in names:
        files.create(FOLDER + name, b"{}")
    others = [f"runs/2025-11/{'f' * 32}/head.json", f"runs/2025-11/{RUN[:-1]}/head.json", "runs/2025-11/x/head.json"]
    elsewhere = f"runs/2025-12/{RUN}/head.json"
    for key in [*others, elsewhere]:
        files.create(key, b"{}")
    packs = [pack(files, [FOLDER + name for name in names] + others), pack(files, [elsewhere])]
    found = RunFiles(CheckedFiles(files), (), packs)
    assert [one.key for one in found.list(FOLDER)] == [f"{FOLDER}end.json", f"{FOLDER}head.json"]
    assert found.ids() == [RUN] == RunFiles(CheckedFiles(files), files.list("runs/")).ids()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"sha256": None}, "has no column 'sha256'"),
        ({"key": ["runs/2025-12/x/head.json"]}, "speaks of the file 'runs/2025-12/x/head.json'"),
        ({"key": [None]}, "speaks of the file None"),
    ],
)
def test_a_damaged_pack_is_told(tmp_path: Path, wrong: dict[str, Any], said: str) -> None:
    """What is in it is left out, and it is said why."""
    files = open_files(tmp_path)
    files.create(f"{FOLDER}head.json", b"{}")
    described = pack(files, [f"{FOLDER}head.json"], **wrong)
    found = RunFiles(CheckedFiles(files), (), [described])
    assert (found.ids(), list(found.trouble)) == ([], [described["key"]])
    assert said in str(found.trouble[described["key"]])


@pytest.mark.parametrize("change", [{"enc": "age"}, {"key": "@place/pack.parquet"}])
def test_a_pack_of_the_future_is_refused_in_words(tmp_path: Path, change: dict[str, Any]) -> None:
    """How a pack is kept is not guessed."""
    files = open_files(tmp_path)
    files.create(f"{FOLDER}head.json", b"{}")
    described = pack(files, [f"{FOLDER}head.json"]) | change
    found = RunFiles(CheckedFiles(files), (), [described])
    assert "in a way this mlcycle does not know" in str(found.trouble[described["key"]])
    assert [problem.kind for problem in verify_runs(CheckedFiles(files), (), [described])] == ["unreadable"]


def test_a_pack_that_is_torn_hides_its_runs_and_no_others(project: mc.Project) -> None:
    """A table of runs goes on with what it can read, and warns of the rest."""
    filled(project)
    keys = small(project)
    files = project._session.log.files
    described = pack(files, [key for key in keys if key.startswith(keys[0].rpartition("/")[0])])
    place(project, described)
    files.delete(keys[:3])
    for damage in (b"", files.read(described["key"])[:-40]):
        files.put(described["key"], damage)
        with pytest.warns(MlcycleWarning, match="cannot be read and are left out"):
            assert len(reopened(project).runs.frame()) == 3


def test_a_pack_at_a_place_of_the_user_is_told(project: mc.Project) -> None:
    """What lies where this library cannot look is left out with a warning, not in silence."""
    filled(project)
    place(project, pack(project._session.log.files, small(project)) | {"key": "@place/pack.parquet"})
    with pytest.warns(MlcycleWarning, match="@place/pack.parquet is kept in a way this mlcycle does not know"):
        assert len(project.runs.frame()) == 4


def test_other_bytes_in_a_pack_are_damage(tmp_path: Path) -> None:
    """What comes out of a pack is checked against its digest."""
    files = open_files(tmp_path)
    files.create(f"{FOLDER}head.json", b"{}")
    described = pack(files, [f"{FOLDER}head.json"], sha256=[sha256_bytes(b"[]")])
    found = RunFiles(CheckedFiles(files), (), [described])
    with pytest.raises(Corrupt, match="digest is another"):
        found.read(f"{FOLDER}head.json")


def test_packed_runs_are_verified(project: mc.Project) -> None:
    """What an end names is looked for in packs too."""
    filled(project)
    keys = small(project)
    files = project._session.log.files
    described = pack(files, keys)
    files.delete(keys)
    checked_files = CheckedFiles(files)
    assert list(verify_runs(checked_files, files.list("runs/"), [described], deep=True)) == []
    artifact = next(one for one in files.list("runs/") if "/files/" in one.key)
    files.delete([artifact.key])
    found = list(verify_runs(checked_files, files.list("runs/"), [described]))
    assert [(problem.kind, problem.key) for problem in found] == [("missing", artifact.key)]


def test_a_pack_that_went_away_is_looked_for_again(project: mc.Project) -> None:
    """Two packs become one, and the two are swept: who has just read of them in the log reads the log again."""
    filled(project)
    before = seen(project)
    keys = small(project)
    files = project._session.log.files
    parts = [pack(files, keys[:6]), pack(files, keys[6:])]
    together = pack(files, keys)
    files.delete(keys)
    for part in parts:
        place(project, part)
    again = reopened(project)
    swept: list[str] = []

    def plan(number: int, op: str, key: str) -> None:
        if key == parts[0]["key"] and not swept:
            swept.append(key)
            place(project, together)
            files.delete([parts[0]["key"]])

    again._session._connection.use_files(FaultyFiles(files, plan, local_paths=False))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MlcycleWarning)  # here the first pack is still in force, and gone
        assert again.experiments["e"].runs() == before[0]
    assert swept == [parts[0]["key"]]
