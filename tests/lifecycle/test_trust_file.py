"""The file of what a user trusts for every time: his own, whole, and of a form that is known, or no use at all."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from mlcycle import errors
from mlcycle.lifecycle._trust_file import Grant, change_grants, read_grants, trusted_in

posix = pytest.mark.skipif(os.name == "nt", reason="a POSIX matter")
DIGEST = "sha256:" + "0a" * 32
HERE = Grant("my_pkg.Clipper", "memory://here", "0a")


def add(*grants: Grant) -> None:
    """Add grants to the file."""
    change_grants(lambda before: [*before, *grants])


def test_it_is_read_by_people(trust_file: Path) -> None:
    """One grant an object, nothing that does not apply."""
    add(HERE, Grant(DIGEST))
    assert json.loads(trust_file.read_text()) == {
        "format": "mlcycle-trust",
        "v": 1,
        "grants": [{"what": "my_pkg.Clipper", "project": "memory://here", "id": "0a"}, {"what": DIGEST}],
    }
    assert read_grants() == [HERE, Grant(DIGEST)]
    assert sorted(path.name for path in trust_file.parent.iterdir()) == ["trust.json", "trust.json.lock"]


@pytest.mark.parametrize(
    ("store", "place", "expected"),
    [
        ("0a", "memory://here", {"my_pkg.Clipper", DIGEST}),
        ("0a", "memory://here2", {DIGEST}),
        ("0a", "memory://", {DIGEST}),
        ("0b", "memory://here", {DIGEST}),
        ("", "memory://here", {DIGEST}),
        ("0a", None, {DIGEST}),
    ],
)
def test_a_grant_is_of_an_id_and_a_place(store: str, place: str | None, expected: set[str]) -> None:
    """A copy of a store has its id, and another store may come to lie in its place: neither is trusted."""
    add(HERE, Grant(DIGEST))
    assert trusted_in(store, place) == expected


def test_nothing_is_trusted_where_there_is_no_file(trust_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading makes none."""
    assert (read_grants(), trust_file.exists()) == ([], False)
    monkeypatch.setenv("MLCYCLE_TRUST", str(Path(__file__, "below", "a file")))
    assert read_grants() == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        "true",
        "[]",
        "{}",
        '{"format": "mlcycle-store", "v": 1, "grants": []}',
        '{"format": "mlcycle-trust", "v": 1}',
        '{"format": "mlcycle-trust", "v": 1, "grants": "all"}',
        '{"format": "mlcycle-trust", "v": 1, "grants": ["joblib"]}',
        '{"format": "mlcycle-trust", "v": 1, "grants": [{}]}',
        '{"format": "mlcycle-trust", "v": 1, "grants": [{"what": "joblib"}]}',
        '{"format": "mlcycle-trust", "v": 1, "grants": [{"what": true, "project": "a", "id": "b"}]}',
        '{"format": "mlcycle-trust", "v": 1, "grants": [{"what": "joblib", "project": null, "id": null}]}',
        '{"format": "mlcycle-trust", "v": 1, "grants": [{"what": "joblib", "project": "memory://here"}]}',
        '{"format": "mlcycle-trust", "v": 1, "grants": [{"what": "joblib", "project": "", "id": ""}]}',
        '{"format": "mlcycle-trust", "v": 1, "grants": [{"what": "joblib"}], "grants": []}',
        f'{{"format": "mlcycle-trust", "v": 1, "grants": [{{"what": "a.B", "what": "{DIGEST}"}}]}}',
    ],
)
def test_damage_is_told(text: str, trust_file: Path) -> None:
    """It is neither nothing nor all, and is not written over."""
    trust_file.write_text(text)
    trust_file.chmod(0o600)
    with pytest.raises(errors.InvalidInput, match=r"trust\.json, where you keep what you trust, is damaged"):
        read_grants()
    with pytest.raises(errors.InvalidInput, match="is damaged"):
        add(HERE)
    assert trust_file.read_text() == text


@pytest.mark.parametrize(
    "newer",
    [
        {"v": 2},
        {"v": "1"},
        {"v": True},
        {"v": 1.0},
        {"except": ["joblib"]},
        {"grants": [{"what": DIGEST, "until": "2026-12-31"}]},
    ],
)
def test_a_newer_form_is_not_guessed_at(newer: dict[str, Any], trust_file: Path) -> None:
    """A field that is not known may narrow what is granted."""
    trust_file.write_text(json.dumps({"format": "mlcycle-trust", "v": 1, "grants": []} | newer))
    trust_file.chmod(0o600)
    with pytest.raises(errors.SchemaError, match="newer mlcycle: upgrade"):
        read_grants()


@posix
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_what_others_can_write_grants_nothing(mode: int, trust_file: Path) -> None:
    """The message says how to mend it."""
    add(HERE)
    trust_file.chmod(mode)
    with pytest.raises(errors.InvalidInput, match=rf"by others: chmod go-w {trust_file}"):
        read_grants()
    trust_file.chmod(0o644)
    assert read_grants() == [HERE]


@posix
def test_a_folder_others_can_write_grants_nothing(trust_file: Path) -> None:
    """They could put another file in its place, but in one like /tmp."""
    add(HERE)
    trust_file.parent.chmod(0o770)
    with pytest.raises(errors.InvalidInput, match=rf"by others: chmod go-w {trust_file.parent}, once"):
        read_grants()
    trust_file.parent.chmod(0o1777)
    assert read_grants() == [HERE]


@posix
def test_a_folder_others_can_write_is_not_written(trust_file: Path) -> None:
    """What was refused is not there, once the folder is mended."""
    trust_file.parent.chmod(0o777)
    with pytest.raises(errors.InvalidInput, match=rf"by others: chmod go-w {trust_file.parent}, once"):
        add(HERE)
    trust_file.parent.chmod(0o700)
    assert (read_grants(), [*trust_file.parent.iterdir()]) == ([], [])


@posix
def test_the_file_of_somebody_else_grants_nothing(trust_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of root alone, who can do everything anyway."""
    add(HERE)
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    if me == 0:
        assert read_grants() == [HERE]
        os.chown(trust_file, 4321, -1)
    with pytest.raises(errors.InvalidInput, match=r"trust\.json belongs to user \d+, and not to you"):
        read_grants()


@posix
def test_what_is_no_file_is_not_waited_for(trust_file: Path) -> None:
    """A pipe, a folder, a device."""
    os.mkfifo(trust_file, 0o600)
    with pytest.raises(errors.InvalidInput, match="is not a file"):
        read_grants()
    trust_file.unlink()
    trust_file.mkdir(0o700)
    with pytest.raises(errors.InvalidInput, match="is not a file"):
        read_grants()
    with pytest.raises(errors.InvalidInput, match="is not a file"):
        add(HERE)
    assert [*trust_file.parent.iterdir()] == [trust_file]


@posix
def test_a_lock_is_not_taken_through_a_link(trust_file: Path, tmp_path: Path) -> None:
    """It would make a file wherever somebody else likes."""
    Path(f"{trust_file}.lock").symlink_to(tmp_path / "made")
    with pytest.raises(errors.InvalidInput, match="cannot be written"):
        add(HERE)
    assert (read_grants(), (tmp_path / "made").exists()) == ([], False)


def test_text_that_utf_8_cannot_hold(trust_file: Path) -> None:
    """It stays what it is when others are added."""
    odd = Grant("joblib", "/data/\ud800é", "0a")
    add(odd)
    add(HERE)
    assert read_grants() == [odd, HERE]


@posix
def test_it_is_private_from_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the umask, and so is its folder."""
    before = os.umask(0)
    try:
        monkeypatch.setenv("MLCYCLE_TRUST", str(tmp_path / "new" / "mine.json"))
        add(HERE)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("new", "new/mine.json", "new/mine.json.lock")]
    assert modes == [0o700, 0o600, 0o600]


@posix
def test_a_link_stays_one(trust_file: Path, tmp_path: Path) -> None:
    """Of those who keep their settings elsewhere."""
    tmp_path.chmod(0o700)
    trust_file.symlink_to(tmp_path / "settings.json")
    add(HERE)
    assert (trust_file.is_symlink(), read_grants()) == (True, [HERE])


@pytest.mark.skipif(sys.platform != "linux", reason="where it lies elsewhere is another matter")
@pytest.mark.parametrize(("xdg", "expected"), [(None, ".config"), ("", ".config"), ("elsewhere", ".config")])
def test_where_it_is(xdg: str | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the folder of settings; one that is not absolute would be another in each folder."""
    tmp_path.chmod(0o700)
    for name in ("MLCYCLE_TRUST", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    if xdg is not None:
        monkeypatch.setenv("XDG_CONFIG_HOME", xdg)
    add(HERE)
    assert (tmp_path / expected / "mlcycle" / "trust.json").exists()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "absolute"))
    assert read_grants() == []
    monkeypatch.setenv("MLCYCLE_TRUST", "~/.config/mlcycle/trust.json")
    assert read_grants() == [HERE]


def test_a_relative_path_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be another file in a folder that somebody else filled."""
    monkeypatch.setenv("MLCYCLE_TRUST", "trust.json")
    with pytest.raises(errors.InvalidInput, match=r"absolute path of a file, got 'trust\.json'"):
        read_grants()


ADD = """
import sys
from mlcycle.lifecycle._trust_file import Grant, change_grants
for n in range(25):
    change_grants(lambda before: [*before, Grant(f"a.b{n}", sys.argv[1], "0a")])
"""


def test_nobody_loses_what_another_grants() -> None:
    """Two processes and two threads at once."""
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root}
    others = [subprocess.Popen([sys.executable, "-P", "-c", ADD, f"memory://{n}"], env=environment) for n in range(2)]
    threads = [
        threading.Thread(target=lambda: [add(Grant(f"c.d{n}", "memory://t", "0a")) for n in range(25)])
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [other.wait(60) for other in others] == [0, 0]
    assert len(read_grants()) == 100


@posix
def test_a_lock_that_is_never_given_back(trust_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits is told in the end."""
    import fcntl

    monkeypatch.setattr("mlcycle.lifecycle._trust_file._PATIENCE", 0.02)
    with Path(f"{trust_file}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(errors.InvalidInput, match="is being changed by another process"):
            add(HERE)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(trust_file: Path) -> None:
    """It says which file."""
    trust_file.parent.chmod(0o500)
    with pytest.raises(errors.InvalidInput, match=r"trust\.json.* cannot be written"):
        add(HERE)
