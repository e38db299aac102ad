"""Two sessions, a sweep and a reader, in any order, against a dict that says what should be there."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from mlcycle.errors import ConflictError, VersionDeleted
from mlcycle.storage import Draft, Files, _checkpoints, open_files, verify
from mlcycle.storage._checkpoints import list_marks
from mlcycle.testing import Fault, FaultyFiles
from tests.storage.shelf import ShelfLog, Swept, do_sweep, drop, named, put, restore, small_rollups, upload

NAMES = st.sampled_from(["a", "b", "c"])
SESSIONS = st.sampled_from([0, 1])
CONTENT = st.binary(max_size=4)
LOST = st.sampled_from([None, None, Fault.UNKNOWN, Fault.UNDONE])


class Sessions(RuleBasedStateMachine):
    """Commits, sweeps, deaths and lost answers of two sessions; the model is what was acknowledged."""

    uploaded = Bundle("uploaded")

    @initialize()
    def begin(self) -> None:
        """Open an empty store twice."""
        self.files: Files = open_files(f"memory://machine-{uuid.uuid4().hex}")
        self.sessions = [FaultyFiles(self.files) for _ in range(2)]
        self.logs = [ShelfLog(files, author=str(i)) for i, files in enumerate(self.sessions)]
        self.things: dict[str, tuple[dict[str, Any], bytes]] = {}
        self.dropped: set[str] = set()
        self.gone: set[str] = set()
        self.operations: dict[str, int] = {}

    def commit(self, who: int, fault: Fault | None, *args: Any, **options: Any) -> Any:
        """Commit, with the answer to the create lost."""
        pending = [fault]
        self.sessions[who].plan = lambda number, op, key: pending.pop() if op == "create" and pending else None
        return self.logs[who].commit(*args, **options)

    @rule(target=uploaded, content=CONTENT)
    def upload(self, content: bytes) -> tuple[dict[str, Any], bytes, int]:
        """Upload a file while the log stands at some entry; nobody has named it yet."""
        since = self.logs[0].snapshot().n
        return upload(self.files, content), content, since

    @rule(who=SESSIONS, fault=LOST, name=NAMES, made=uploaded)
    def put(self, who: int, fault: Fault | None, name: str, made: tuple[dict[str, Any], bytes, int]) -> None:
        """Name a file, unless the name is taken, or a sweep was faster or may have been."""
        file, content, since = made
        if name in self.things:
            with pytest.raises(ConflictError):
                self.commit(who, fault, put(name, file))
        elif file["key"] in self.gone or self.logs[who].snapshot().base > since:
            with pytest.raises(Swept):
                self.commit(who, fault, put(name, file, self.logs[who], since))
        else:
            assert self.commit(who, fault, put(name, file, self.logs[who], since)).mine
            self.things[name] = file, content

    @rule(who=SESSIONS, fault=LOST, name=NAMES)
    def drop(self, who: int, fault: Fault | None, name: str) -> None:
        """Drop a thing that stands."""
        if name in self.things and name not in self.dropped:
            self.commit(who, fault, drop(name))
            self.dropped.add(name)

    @rule(who=SESSIONS, fault=LOST, name=NAMES)
    def restore(self, who: int, fault: Fault | None, name: str) -> None:
        """Restore what was dropped, as long as its file is there."""
        if name in self.dropped and self.things[name][0]["key"] in self.gone:
            with pytest.raises(VersionDeleted):
                self.commit(who, fault, restore(name))
        else:
            made = self.commit(who, fault, restore(name))
            assert made.mine is (name in self.dropped)
            self.dropped.discard(name)

    @rule(who=SESSIONS, fault=LOST, op=st.sampled_from(["job", "other"]))
    def repeat(self, who: int, fault: Fault | None, op: str) -> None:
        """Do an operation of the caller's once."""
        made = self.commit(who, fault, lambda now: Draft([{"kind": "tick", "by": op}]), op=op)
        assert made.mine is (op not in self.operations)
        assert made.n == self.operations.setdefault(op, made.n)

    @rule(who=SESSIONS)
    def sweep(self, who: int) -> None:
        """Remove what nothing names."""
        self.sessions[who].plan = None
        before = {item.key for item in self.files.list("files/")}
        standing = {self.things[name][0]["key"] for name in self.things.keys() - self.dropped}
        found = do_sweep(self.logs[who], self.sessions[who])
        assert set(found.keys) == before - standing
        self.gone |= set(found.keys)

    @rule(who=SESSIONS)
    def die(self, who: int) -> None:
        """Open the store anew."""
        self.logs[who] = ShelfLog(self.sessions[who], author=str(who))

    @rule(who=SESSIONS)
    def checkpoint(self, who: int) -> None:
        """Write a checkpoint and the hint before they are due."""
        self.sessions[who].plan = None
        self.logs[who].snapshot()
        self.logs[who]._caches._entries = 64
        self.logs[who]._caches._bytes = 10**9
        self.logs[who].flush()

    @rule(who=SESSIONS)
    def compact(self, who: int) -> None:
        """Move old entries into rollups, and empty them; nobody sees a difference."""
        self.sessions[who].plan = None
        self.logs[who].compact()

    @rule(at=st.integers(0, 2000))
    def harm_a_checkpoint(self, at: int) -> None:
        """Change a byte of the newest checkpoint, or remove it."""
        for mark in list_marks(self.files)[:1]:
            data = bytearray(self.files.read(mark.key))
            if at >= len(data):
                self.files.delete([mark.key])
            else:
                data[at] ^= 1
                self.files.put(mark.key, bytes(data))

    @rule(
        harm=st.sampled_from([b"", b"{", b'{"v":1,"needs_read":[],"n":2,"fold":"shelf/1","marks":[],"rolled":0}', None])
    )
    def lose_the_hint(self, harm: bytes | None) -> None:
        """Tear, age or remove the hint."""
        if harm is None:
            self.files.delete(["hint.json"])
        else:
            self.files.put("hint.json", harm)

    @invariant()
    def everybody_sees_the_same(self) -> None:
        """Both sessions and a newcomer see what was acknowledged, and every byte of it."""
        for log in [*self.logs, ShelfLog(self.files)]:
            state = log.snapshot().state
            assert state["things"] == {name: file for name, (file, _) in self.things.items()}
            assert set(state["dropped"]) == self.dropped
            known = log.swept_since(log.snapshot().base)
            assert known is not None
            assert known <= self.gone
            assert {name for name, (file, _) in self.things.items() if file["key"] in self.gone} == {*state["gone"]}
            assert sorted(state["ticks"]) == sorted(self.operations)
        for name in self.things.keys() - self.dropped:
            file, content = self.things[name]
            assert self.files.read(file["key"]) == content

    def teardown(self) -> None:
        """Verify everything; a checkpoint that was harmed is the only thing to say."""
        found = verify(ShelfLog(self.files), self.files, named, level="bytes")
        assert {one.kind for one in found.problems} <= {"checkpoint"}
        self.files.delete([item.key for item in self.files.list("")])


CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much]


def test_sessions() -> None:
    """A short search."""
    few = settings(max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=CHECKS)
    with pytest.MonkeyPatch.context() as patch:
        small_rollups(patch)
        patch.setattr(_checkpoints, "_FIRST", 600)  # the head and a little, so that parts are read later
        run_state_machine_as_test(Sessions, settings=few)


@pytest.mark.deep
def test_sessions_at_length() -> None:
    """A long search."""
    many = settings(max_examples=600, stateful_step_count=60, deadline=None, suppress_health_check=CHECKS)
    with pytest.MonkeyPatch.context() as patch:
        small_rollups(patch)
        patch.setattr(_checkpoints, "_FIRST", 600)  # the head and a little, so that parts are read later
        run_state_machine_as_test(Sessions, settings=many)
