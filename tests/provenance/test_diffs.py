"""The diff of a work tree, held against `git apply` in a clone, and what a foreign repository may not do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlcycle.provenance import CapturedCode, capture_code


def git(folder: Path, *arguments: str, said: bytes = b"") -> bytes:
    """Run git and return what it says."""
    quiet = ["-c", "user.name=me", "-c", "user.email=me@example.org", "-c", "protocol.file.allow=always"]
    quiet += ["-c", "init.defaultBranch=main", "-c", "core.safecrlf=false"]
    done = subprocess.run(["git", *quiet, *arguments], cwd=folder, capture_output=True, input=said)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def commit(folder: Path) -> None:
    """Commit everything."""
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "more", "--allow-empty")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Give a repository with one commit."""
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "train.py").write_text("".join(f"step_{i} = {i}\n" for i in range(20)))
    (folder / "settings.py").write_text("depth = 3\n")
    commit(folder)
    return folder


def capture(folder: Path) -> CapturedCode:
    """Return the code of a session that works in a folder."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        return capture_code(fresh=True)
    finally:
        os.chdir(here)


def noted(captured: CapturedCode, name: str) -> list[str]:
    """Return what was noticed besides, nothing where there is nothing to say."""
    return captured.detail.get(name, [])


def applied(folder: Path, captured: CapturedCode) -> Path:
    """Apply what was captured to a clone of the last commit, and return the clone."""
    clone = folder.parent / "clone"
    git(folder.parent, "clone", "-q", str(folder), str(clone))
    if captured.diff:
        git(clone, "apply", "--whitespace=nowarn", said=captured.diff.encode())
    return clone


def tree(folder: Path) -> dict[bytes, tuple[int, bytes]]:
    """Return every file of a work tree: what it holds, or points to, and whether it can be run."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_symlink():
            found[os.fsencode(path.relative_to(folder))] = (2, os.fsencode(path.readlink()))
        elif path.is_file() and ".git" not in path.relative_to(folder).parts:
            found[os.fsencode(path.relative_to(folder))] = (int(os.access(path, os.X_OK)), path.read_bytes())
    return found


NAMES = [
    "new ö.py",
    "a b  c.py",
    'say "x".py',
    "back\\slash.py",
    "two\nlines.py",
    "tab\there.py",
    "-dash.py",
    "漢字.py",
]
NAMES += ["caf\udce9.py", "a => b.py", "b and b.py", ":(top)x.py", "*.py", "ünï/ö\udcff.py", "trail .py "]


@pytest.mark.parametrize("how", ["changed", "new", "deleted", "renamed", "binary"])
def test_odd_names(repository: Path, how: str) -> None:
    """Whatever a file is called, its change applies, or the file is named as left out."""
    files = [repository / name for name in NAMES]
    for number, file in enumerate(files if how != "new" else []):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"\0\1" if how == "binary" else b"x = %d\n" % number * 9)
    commit(repository)
    for number, file in enumerate(files):
        file.parent.mkdir(exist_ok=True)
        if how in ("changed", "new"):
            file.write_bytes(b"x = %d\n" % number * 9 + b"x = 2")
        elif how == "binary":
            file.write_bytes(b"\0\2")
        elif how == "deleted":
            file.unlink()
        else:
            file.rename(repository / f"plain{number}.py")
    git(repository, *(["add", "-A"] if how == "renamed" else ["status"]))
    captured = capture(repository)
    expected = tree(repository)
    if how == "binary":
        assert len(NAMES) == sum(one.endswith("(binary)") for one in noted(captured, "left_out"))
        expected |= dict.fromkeys(map(os.fsencode, NAMES), (0, b"\0\1"))
    assert expected == tree(applied(repository, captured))
    assert (captured.dirty, noted(captured, "problems")) == (True, [])


def changes(folder: Path) -> None:
    """Change a work tree in the usual ways."""
    (folder / "train.py").write_text("".join(f"step_{i} = {i}\n" for i in range(20) if i != 11) + "last = 1")
    (folder / "crlf.txt").write_bytes(b"one\r\ntwo\r\nfour\r\n")
    (folder / "moved.py").rename(folder / "away.py")
    (folder / "copied.py").write_bytes((folder / "long.py").read_bytes() + b"more = 1\n")
    (folder / "gone.py").unlink()
    (folder / "gone.bin").unlink()
    (folder / "tool.sh").chmod(0o755)
    (folder / "link").unlink()
    (folder / "link").symlink_to("settings.py")
    (folder / "turned").unlink()
    (folder / "turned").symlink_to("train.py")
    (folder / "fresh.sh").write_text("echo\n")
    (folder / "fresh.sh").chmod(0o755)
    (folder / "empty.py").touch()
    (folder / "settings.py").touch()  # another time alone is no change
    (folder / "intended.py").write_text("x = 1\n")
    git(folder, "add", "-N", "intended.py")
    git(folder, "add", "away.py", "copied.py")


def rich(folder: Path) -> None:
    """Commit something of every kind, to be changed."""
    (folder / "crlf.txt").write_bytes(b"one\r\ntwo\r\nthree\r\n")
    (folder / "moved.py").write_text("m = 1\n" * 20)
    (folder / "long.py").write_text("".join(f"n_{i} = 1\n" for i in range(40)))
    (folder / "gone.py").write_text("g = 1\n")
    (folder / "gone.bin").write_bytes(bytes(range(256)))
    (folder / "tool.sh").write_text("echo\n")
    (folder / "link").symlink_to("train.py")
    (folder / "turned").write_text("a file\n")
    commit(folder)


SETTINGS = [
    ["diff.noprefix=true", "diff.external=false", "color.ui=always", "core.quotepath=true", "diff.renames=copies"],
    ["diff.mnemonicPrefix=true", "color.diff=always", "core.quotepath=false", "diff.renames=false"],
    ["diff.submodule=log", "diff.orderFile=nowhere", "diff.relative=true", "diff.context=0", "diff.dstPrefix=z/"],
    ["diff.interHunkContext=9", "diff.suppressBlankEmpty=true", "diff.algorithm=histogram", "diff.wordRegex=."],
    ["status.showUntrackedFiles=no", "status.relativePaths=false", "status.short=true", "status.renames=copies"],
    ["column.ui=always", "core.preloadIndex=false", "feature.manyFiles=true", "diff.colorMoved=zebra"],
    ["core.autocrlf=true", "core.pager=false", "diff.ignoreSubmodules=all"],
    ["core.autocrlf=input", "core.safecrlf=true"],
]


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: settings[0])
def test_whatever_is_configured(repository: Path, settings: list[str]) -> None:
    """Changes of every kind apply, whatever the configuration says about how diffs look."""
    rich(repository)
    for setting in settings:
        git(repository, "config", *setting.split("="))
    changes(repository)
    captured = capture(repository)
    expected, actual = tree(repository), tree(applied(repository, captured))
    if "autocrlf" in settings[0]:  # ends of lines are then git's to choose
        expected, actual = ({k: (m, c.replace(b"\r", b"")) for k, (m, c) in one.items()} for one in (expected, actual))
    assert expected == actual
    assert (noted(captured, "left_out"), noted(captured, "problems")) == ([], [])


def test_variables_that_change_how_git_speaks(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of the surroundings change nothing of the diff."""
    monkeypatch.setenv("GIT_DIFF_OPTS", "--unified=0")
    monkeypatch.setenv("GIT_TRACE", "1")
    monkeypatch.setenv("GIT_LITERAL_PATHSPECS", "1")
    rich(repository)
    changes(repository)
    assert tree(repository) == tree(applied(repository, capture(repository)))


@pytest.mark.parametrize("tracked", [True, False])
def test_other_encodings_are_named(repository: Path, tracked: bool) -> None:
    """A file in another encoding than UTF-8 is left out whole and named; the rest applies."""
    file = repository / "umlaut.py"
    before = "name = 'x'\n"
    if tracked:
        file.write_bytes(before.encode())
        commit(repository)
    file.write_bytes("name = 'ü'\n".encode("latin-1"))
    (repository / "settings.py").write_text("depth = 4\n")
    captured = capture(repository)
    clone = applied(repository, captured)
    assert noted(captured, "left_out") == ["umlaut.py (not UTF-8)"]
    assert (clone / "settings.py").read_text() == "depth = 4\n"
    assert (clone / "umlaut.py").exists() == tracked


def test_a_letter_cut_in_the_line_above_a_hunk(repository: Path) -> None:
    """Git may cut a letter in the line it shows above a hunk; the change is kept all the same."""
    head = "def f" + "é" * 60 + "():\n"
    (repository / "long.py").write_text(head + "    x = 1\n" * 20)
    commit(repository)
    (repository / "long.py").write_text(head + "    x = 1\n" * 15 + "    x = 2\n" * 5)
    assert tree(repository) == tree(applied(repository, capture(repository)))


def test_a_large_change_does_not_take_others_along(repository: Path) -> None:
    """A file that does not fit is left out whole and named; what comes after it is kept."""
    (repository / "a.py").write_text("x = 1\n")
    commit(repository)
    (repository / "a.py").write_text("".join(f"value_{i} = {i}\n" for i in range(60_000)))
    (repository / "settings.py").write_text("depth = 4\n")
    captured = capture(repository)
    assert noted(captured, "left_out") == ["a.py (beyond 512 KB of diff)"]
    assert (applied(repository, captured) / "settings.py").read_text() == "depth = 4\n"


def test_before_any_commit_of_either_hash(tmp_path: Path) -> None:
    """Without a commit everything is new, also where git names objects by SHA-256."""
    for form in ("sha1", "sha256"):
        folder = tmp_path / form
        folder.mkdir()
        git(folder, "init", "-q", f"--object-format={form}")
        (folder / "a.py").write_text("x = 1\n")
        git(folder, "add", "a.py")
        captured = capture(folder)
        assert ("+x = 1" in captured.diff, noted(captured, "problems")) == (True, [])


@pytest.mark.parametrize(
    ("line", "applies"), [("+password = 'hunter2'", True), (" password = 'hunter2'", False), ("-", False)]
)
def test_masked_lines_are_told(repository: Path, line: str, applies: bool) -> None:
    """A masked value is told with its file; where `git apply` would stumble over it, so is the remedy."""
    file = repository / "db.py"
    secret = "password = 'hunter2'\n"
    file.write_text({"+": "x = 1\n", " ": f"{secret}x = 1\n", "-": secret}[line[0]])
    commit(repository)
    file.write_text({"+": f"x = 1\n{secret}", " ": f"{secret}x = 2\n", "-": "x = 1\n"}[line[0]])
    (repository / "settings.py").write_text("depth = 4\n")
    captured = capture(repository)
    assert ("hunter2" in captured.diff, captured.detail["redacted"]) == (False, 1)
    [told] = noted(captured, "problems")
    assert told.startswith("db.py: 1 value")
    assert ("git apply --exclude=db.py" in told) == (not applies)
    clone = repository.parent / "clone"
    git(repository.parent, "clone", "-q", str(repository), str(clone))
    git(clone, "apply", *([] if applies else ["--exclude=db.py"]), said=captured.diff.encode())
    assert (clone / "settings.py").read_text() == "depth = 4\n"


def test_a_masked_key_keeps_the_lines_of_the_diff(repository: Path) -> None:
    """A private key in a new file is masked, and the diff still applies."""
    key = ["-----BEGIN RSA PRIVATE " + "KEY-----", *["MIIEpAIBAAKCAQEA7bq9"] * 4, "-----END RSA PRIVATE " + "KEY-----"]
    (repository / "key.py").write_text("\n".join(["KEY = '''", *key, "'''", "x = 1"]) + "\n")
    captured = capture(repository)
    lines = (applied(repository, captured) / "key.py").read_text().splitlines()
    assert (len(lines), lines[-1], captured.detail["redacted"], "MIIE" in captured.diff) == (9, "x = 1", 1, False)


# submodules -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def module(repository: Path, tmp_path: Path) -> Path:
    """Give a submodule in the repository."""
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    (other / "lib.py").write_text("y = 1\n")
    commit(other)
    git(repository, "submodule", "add", "-q", str(other), "libs/other")
    commit(repository)
    return repository / "libs" / "other"


@pytest.mark.parametrize("quiet", [False, True])
def test_changes_of_submodules_are_named(repository: Path, module: Path, quiet: bool) -> None:
    """A submodule that has changes, or stands at another commit, is named, whatever is configured to be ignored."""
    assert (capture(repository).dirty, noted(capture(repository), "left_out")) == (False, [])
    if quiet:
        git(repository, "config", "submodule.libs/other.ignore", "all")
        git(repository, "config", "diff.ignoreSubmodules", "all")
    (module / "lib.py").write_text("y = 2\n")
    captured = capture(repository)
    assert captured.dirty
    assert noted(captured, "left_out") == ["libs/other (a submodule with uncommitted changes of its own)"]
    commit(module)
    captured = capture(repository)
    [told] = noted(captured, "left_out")
    assert told == "libs/other (a submodule at another commit; the diff holds the commit alone)"
    assert f"+Subproject commit {git(module, 'rev-parse', 'HEAD').decode().strip()}" in captured.diff
    applied(repository, captured)


def test_a_repository_inside_another_is_named(repository: Path) -> None:
    """An untracked repository inside the work tree is named and not read."""
    inner = repository / "inner"
    inner.mkdir()
    git(inner, "init", "-q")
    (inner / "x.py").write_text("x = 1\n")
    commit(inner)
    assert noted(capture(repository), "left_out") == ["inner/ (a repository of its own)"]


# foreign repositories -------------------------------------------------------------------------------------------------


def trapped(folder: Path, trap: Path) -> None:
    """Configure every program git could start while it looks, each of which would leave a trace."""
    program = trap.with_suffix(".sh")
    program.write_text(f"#!/bin/sh\ntouch '{trap}'\ncat\n")
    program.chmod(0o755)
    for name in ("clean", "smudge", "process"):
        git(folder, "config", f"filter.trap.{name}", str(program))
        git(folder, "config", f"filter.Sub.Trap 2.{name}", str(program))
    git(folder, "config", "filter.trap.required", "true")
    for name in ("core.fsmonitor", "diff.external", "diff.trap.textconv", "diff.trap.command", "core.sshCommand"):
        git(folder, "config", name, str(program))
    for name in ("post-index-change", "post-checkout", "fsmonitor-watchman"):
        (folder / ".git" / "hooks").mkdir(exist_ok=True)
        (folder / ".git" / "hooks" / name).write_text(program.read_text())
        (folder / ".git" / "hooks" / name).chmod(0o755)


def test_nothing_of_the_repository_is_run(repository: Path, tmp_path: Path) -> None:
    """Filters, text converters, diff programs, monitors and hooks stay still; filtered files are named."""
    trap = tmp_path / "trap"
    (repository / ".gitattributes").write_text("*.dat filter=trap diff=trap\n*.bin filter=nowhere\n*.py diff=trap\n")
    (repository / "rows.dat").write_text("1\n")
    (repository / "rows.bin").write_text("1\n")
    (repository / "gone.dat").write_text("1\n")
    commit(repository)
    trapped(repository, trap)
    (repository / "rows.dat").write_text("22\n")
    (repository / "rows.bin").write_text("22\n")
    (repository / "new.dat").write_text("3\n")
    (repository / "gone.dat").unlink()
    (repository / "settings.py").write_text("depth = 4\n")
    os.utime(repository / "train.py", (1, 1))
    before = (repository / ".git" / "index").read_bytes()
    captured = capture(repository)
    assert (trap.exists(), noted(captured, "problems")) == (False, [])
    assert noted(captured, "left_out") == ["rows.dat (its filter 'trap' is not run)"]
    assert before == (repository / ".git" / "index").read_bytes()
    assert ("+depth = 4" in captured.diff, "+22" in captured.diff, "+3" in captured.diff) == (True, True, True)


def test_nothing_of_a_submodule_is_run(repository: Path, module: Path, tmp_path: Path) -> None:
    """What a submodule configures is not run either."""
    trap = tmp_path / "trap"
    (module / ".gitattributes").write_text("*.py filter=trap diff=trap\n")
    commit(module)
    home = Path(git(module, "rev-parse", "--absolute-git-dir").decode().strip())
    program = tmp_path / "program.sh"
    program.write_text(f"#!/bin/sh\ntouch '{trap}'\ncat\n")
    program.chmod(0o755)
    for name in ("filter.trap.clean", "filter.trap.process", "core.fsmonitor", "diff.trap.textconv"):
        git(home, "config", "-f", "config", name, str(program))
    (module / "lib.py").write_text("y = 2\n")
    captured = capture(repository)
    assert (trap.exists(), len(noted(captured, "left_out")), noted(captured, "problems")) == (False, 2, [])


def test_a_filter_that_cannot_be_switched_off(repository: Path) -> None:
    """A filter whose name git cannot be told on the command line stops the look, and that is told."""
    git(repository, "config", "filter.a=b.clean", "touch /nowhere")
    (repository / "settings.py").write_text("depth = 4\n")
    captured = capture(repository)
    assert (captured.diff, "cannot be switched off" in noted(captured, "problems")[0]) == ("", True)


SLOW = {
    "itself": "exec sleep 60",
    "a child": "sleep 60\necho",
    "a child in the background": "sleep 60 &\nexit 0",
    "a child in another group": f'{sys.executable} -c "import os, time; os.setsid(); time.sleep(60)" &\nexit 0',
    "deaf": "trap '' TERM INT\nsleep 60",
    "talkative": "yes",
    "complaining": "yes >&2",
}


@pytest.mark.parametrize("script", SLOW.values(), ids=SLOW)
def test_five_seconds_are_five_seconds(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    """Whatever git, or what it started, waits for: the capture goes on after its time, and leaves nobody behind."""
    monkeypatch.setattr("mlcycle.provenance._git_process._SECONDS", 0.5)
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "git").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    began = time.monotonic()
    captured = capture(repository)
    assert time.monotonic() - began < 2.5
    assert captured.commit is None


def test_all_questions_share_a_clock(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A git that is slow each time is given up when the time of the whole capture is over."""
    monkeypatch.setattr("mlcycle.provenance._git_process._SECONDS_IN_ALL", 1.0)
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    (tmp_path / "git").write_text(f'#!/bin/sh\nsleep 0.4\nexec {real} "$@"\n')
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    began = time.monotonic()
    captured = capture(repository)
    assert time.monotonic() - began < 2.5
    assert [problem.startswith("git: ") for problem in noted(captured, "problems")] == [True]


# what git complains about ---------------------------------------------------------------------------------------------


def test_a_repository_of_somebody_else(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another owner, as in a container, is told by the first line, with the command that helps."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    [problem] = noted(capture(repository), "problems")
    assert problem.startswith("git: fatal: detected dubious ownership in repository at ")
    assert problem.endswith(f"; if it is to be trusted: git config --global --add safe.directory {repository}")


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("index", "garbage" * 20, "git: fatal: index file corrupt"),
        ("index", "x", "git: fatal: .git/index: index file smaller than expected"),
        ("config", "[core\n", "git: fatal: bad config line 1 in file "),
    ],
)
def test_other_failures_by_their_first_line(repository: Path, file: str, content: str, expected: str) -> None:
    """Damage is told by the line that says what it is."""
    (repository / ".git" / file).write_text(content)
    assert [problem.startswith(expected) for problem in noted(capture(repository), "problems")] == [True]


def test_a_work_tree_whose_repository_is_gone(repository: Path) -> None:
    """A work tree that points to a repository that is gone is a problem, not the absence of version control."""
    (repository / "tree").mkdir()
    (repository / "tree" / ".git").write_text("gitdir: /nowhere/at/all\n")
    assert noted(capture(repository / "tree"), "problems") == ["git: fatal: not a git repository: /nowhere/at/all"]
