"""Capturing code, in real repositories and real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mlcycle
from mlcycle.provenance import capture_code

PACKAGE = str(Path(mlcycle.__file__).parents[1])
SCRIPT = """
import json, sys
from mlcycle.provenance import capture_code
from mlcycle.records import to_json
captured = capture_code()
assert capture_code() is captured
print(json.dumps({**to_json(captured.record()), "diff": captured.diff}))
"""


def git(folder: Path, *arguments: str) -> str:
    """Run git and return what it says."""
    quiet = ["-c", "user.name=me", "-c", "user.email=me@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *quiet, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def run(folder: Path, *arguments: str, script: Path | None = None, **variables: str) -> dict[str, Any]:
    """Run a script that captures its own code, and return what it captured."""
    script = script or folder / "train.py"
    script.exists() or script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": PACKAGE, "PYTHONDONTWRITEBYTECODE": "1", **variables}
    command = [sys.executable, str(script), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Give a repository with one commit."""
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init")
    (folder / "train.py").write_text(SCRIPT)
    (folder / "settings.py").write_text("depth = 3\n")
    (folder / ".gitignore").write_text("ignored/\n")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "first")
    return folder


def test_a_clean_commit(repository: Path) -> None:
    """Commit, branch, remote without credentials, entry point and filtered command line are recorded."""
    git(repository, "remote", "add", "origin", "https://me:pw12345@example.org/team/churn.git")
    code = run(repository, "--token", "abc12345", "--depth=3")
    detail = code.pop("detail")
    expected = {
        "type": "Code",
        "commit": git(repository, "rev-parse", "HEAD"),
        "branch": "main",
        "repository": "https://example.org/team/churn.git",
        "dirty": False,
        "entry_point": "train.py",
        "diff": "",
        "diff_file": None,
    }
    assert expected == code
    assert detail["argv"] == ["--token", "[redacted:assignment]", "--depth=3"]
    assert detail["entry_digest"].startswith("sha256:")
    assert "problems" not in detail


def test_the_diff_brings_the_work_back(repository: Path, tmp_path: Path) -> None:
    """Applying the diff to the commit gives the uncommitted work, new files included."""
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repository), str(clone))
    (repository / "settings.py").write_text("depth = 5\n")
    (repository / "pkg").mkdir()
    (repository / "pkg" / "new ö.py").write_text("x = 1\ny = 2")
    git(repository, "mv", "train.py", "fit.py")
    code = run(repository, script=repository / "fit.py")
    assert code["dirty"]
    (tmp_path / "work.diff").write_text(code["diff"])
    git(clone, "apply", str(tmp_path / "work.diff"))
    assert (clone / "settings.py").read_text() == "depth = 5\n"
    assert (clone / "pkg" / "new ö.py").read_text() == "x = 1\ny = 2"
    assert (clone / "fit.py").read_text() == SCRIPT
    assert code["entry_point"] == "fit.py"


def test_secrets_never_reach_the_diff(repository: Path) -> None:
    """Secret files are left out by name, tracked or not; values inside other files are replaced."""
    (repository / "prod.pem").write_text("old\n")
    git(repository, "add", ".")
    git(repository, "commit", "-m", "oops")
    (repository / "prod.pem").write_text("very hidden\n")
    (repository / ".env").write_text("PASSWORD=very hidden\n")
    (repository / "settings.py").write_text('password = "hunter2"\n')
    code = run(repository)
    assert "hidden" not in code["diff"]
    assert "hunter2" not in code["diff"]
    assert '+password = "[redacted:assignment]"' in code["diff"]
    assert code["detail"]["redacted"] == 1
    assert code["detail"]["left_out"] == ["prod.pem (may hold secrets)", ".env (may hold secrets)"]


def test_data_and_stores_stay_out(repository: Path) -> None:
    """Ignored files, data, binaries, large files, links and mlcycle stores are no part of the diff."""
    store = repository / "work" / "churn"
    (store / "log").mkdir(parents=True)
    (store / "store.json").write_text("{}")
    (store / "log" / "0000000000.json").write_text("{}")
    code = run(repository)
    assert (code["dirty"], code["diff"]) == (False, "")
    (repository / "ignored").mkdir()
    (repository / "ignored" / "a.py").write_text("hidden")
    (repository / "rows.csv").write_text("a,b\n1,2\n")
    (repository / "big.py").write_text("#" * 70_000)
    (repository / "photo.bin").write_bytes(b"\0\1")
    (repository / "link.py").symlink_to("train.py")
    code = run(repository)
    reasons = ["big.py (larger than 64 KB)", "link.py (no regular file)", "photo.bin (binary)", "rows.csv (data)"]
    assert (True, "", reasons) == (code["dirty"], code["diff"], code["detail"]["left_out"])


def test_a_detached_worktree(repository: Path, tmp_path: Path) -> None:
    """On a detached head in another work tree there is a commit and no branch."""
    tree = tmp_path / "tree"
    git(repository, "worktree", "add", "--detach", str(tree))
    code = run(tree)
    assert (git(repository, "rev-parse", "HEAD"), None, False) == (code["commit"], code["branch"], code["dirty"])


def test_before_the_first_commit(tmp_path: Path) -> None:
    """A repository without a commit has a branch, and everything is a change."""
    git(tmp_path, "init")
    (tmp_path / "staged.py").write_text("x = 1\n")
    git(tmp_path, "add", "staged.py")
    code = run(tmp_path)
    assert (code["commit"], code["branch"], code["dirty"]) == (None, "main", True)
    assert "+x = 1" in code["diff"]
    assert "problems" not in code["detail"]


def test_outside_a_repository_the_script_itself_is_kept(tmp_path: Path) -> None:
    """Without version control the source that was started is all there is, so it is taken."""
    code = run(tmp_path, GIT_CEILING_DIRECTORIES=str(tmp_path.parent))
    assert tuple(code[k] for k in ("commit", "branch", "dirty", "entry_point")) == (None, None, False, "train.py")
    assert code["diff"].startswith("diff --git a/train.py b/train.py\nnew file mode 100644\n")
    assert "problems" not in code["detail"]


def test_without_git(repository: Path, tmp_path: Path) -> None:
    """Where git is not installed that is said, and the rest is captured."""
    code = run(repository, PATH=str(tmp_path / "nothing"))
    assert (code["commit"], code["entry_point"]) == (None, "train.py")
    assert code["detail"]["problems"] == ["git is not installed, so commit and changes are unknown"]


def test_a_broken_repository_is_no_obstacle(repository: Path) -> None:
    """Damage inside .git is a problem that is noted, never an exception."""
    (repository / ".git" / "index").write_bytes(b"garbage")
    code = run(repository)
    assert code["entry_point"] == "train.py"
    assert len(code["detail"]["problems"]) == 1


def test_a_script_elsewhere_finds_its_own_repository(repository: Path, tmp_path: Path) -> None:
    """The repository is the script's, wherever it was started from."""
    code = run(tmp_path, script=repository / "train.py")
    assert git(repository, "rev-parse", "HEAD") == code["commit"]


def test_nothing_a_repository_configures_is_run(repository: Path, tmp_path: Path) -> None:
    """Hooks, monitors and diff programs named in a repository's configuration are not started."""
    trap = tmp_path / "trap"
    program = tmp_path / "program.sh"
    program.write_text(f"#!/bin/sh\ntouch {trap}\n")
    program.chmod(0o755)
    for name in ("core.fsmonitor", "diff.external", "core.pager", "diff.trap.textconv", "diff.trap.command"):
        git(repository, "config", name, str(program))
    (repository / ".gitattributes").write_text("*.py diff=trap\n")
    (repository / "settings.py").write_text("depth = 9\n")
    code = run(repository)
    assert ("+depth = 9" in code["diff"], trap.exists()) == (True, False)


def test_hooks_do_not_lead_astray(repository: Path, tmp_path: Path) -> None:
    """Variables that git sets inside a hook of another repository are not followed."""
    code = run(repository, GIT_DIR=str(tmp_path), GIT_INDEX_FILE="index", GIT_WORK_TREE=str(tmp_path))
    assert git(repository, "rev-parse", "HEAD") == code["commit"]


def test_a_notebook_session_keeps_its_cells(tmp_path: Path) -> None:
    """In IPython the cells that ran are the source, through the secret filter."""
    cells = [
        "password = 'hunter2'",
        "from mlcycle.provenance import capture_code",
        "print(capture_code(fresh=True).diff)",
    ]
    session = (
        "from IPython.core.interactiveshell import InteractiveShell\nshell = InteractiveShell.instance()\n"
        "import sys; sys.modules['__main__'].__dict__['In'] = shell.user_ns['In']\n"
        + "".join(f"shell.run_cell({cell!r}, store_history=True)\n" for cell in cells)
    )
    environment = {**os.environ, "PYTHONPATH": PACKAGE, "IPYTHONDIR": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", session], cwd=tmp_path, capture_output=True, text=True, check=True, env=environment
    )
    assert "+++ b/session-cells.py" in done.stdout
    assert "+password = '[redacted:assignment]'" in done.stdout


def test_in_this_process() -> None:
    """Capturing twice costs nothing and gives the same object; fresh captures again."""
    captured = capture_code(fresh=True)  # a test before may have captured in another folder
    assert captured is capture_code()
    assert captured == capture_code(fresh=True)
