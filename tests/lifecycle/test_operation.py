"""One operation: what its work sees, when it is done again, and what comes back."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from mlcycle import errors
from mlcycle._cache import Cache
from mlcycle._ids import new_id
from mlcycle.lifecycle._connection import Connection
from mlcycle.lifecycle._gate_request import Evidence, GateRequest
from mlcycle.lifecycle._opening import _begin
from mlcycle.lifecycle._operation import Operation, Retry, retry_after_sweep
from mlcycle.lifecycle._session import Session
from mlcycle.state import Change, FactAdd, NameSet, Place, Sweep, TagSet, VersionAdd, View
from mlcycle.storage import UpToDate
from mlcycle.storage._backoff import Backoff
from mlcycle.storage._put_if_absent import prove_put_if_absent
from mlcycle.testing import FaultyFiles


@pytest.fixture
def connection() -> Connection:
    """Return a connection to a new store in memory, that counts calls."""
    connection = Connection(f"memory://operation-{uuid.uuid4().hex}")
    _begin(connection, create=True)
    connection.use_files(FaultyFiles(connection.files))
    prove_put_if_absent(
        connection.files, connection.log.first, Backoff(quick=True, patience=9)
    )  # what a first commit asks
    connection.look()
    return connection


@pytest.fixture
def session(connection: Connection) -> Session:
    """Return ada's session on it."""
    return Session(connection, author="ada")


def tagging(name: str = "t") -> Callable[[View], list[Change]]:
    """Return a plan that tags entry 0."""
    return lambda view: [TagSet(name=name, to=0)]


def keeping(changes: list[Change]) -> Callable[[View], list[Change]]:
    """Return a plan that wants these changes whatever it sees."""
    return lambda view: changes


def stored(do: Operation, session: Session) -> list[Change]:
    """Upload a file and return what adds it as the first version of a name."""
    one, name = f"thing:{new_id()}", f"n{do.view.n}"
    file = do.upload(lambda: session.blobs.checked_files.store_bytes("files/" + "a" * 32, "thing", ".bin", b"1"))
    made = VersionAdd(of="thing", name=name, number=1, needs=[one])
    return [NameSet(of="thing", name=name, id=new_id()), Place(object=one, files=[file]), made]


def test_one_look_one_commit_and_nothing_read_back(connection: Connection, session: Session) -> None:
    """The result is built from what was committed."""
    files: Any = connection.files
    files.calls.clear()

    def work(do: Operation) -> Any:
        changes = stored(do, session)
        return do.commit(lambda view: changes).versions("thing")[0]

    version = session.operate("thing.add", work, message="why")
    calls = [op for op, key in files.calls if key != "hint.json"]
    assert calls == ["read", "put", "create"]
    assert (version.number, version.stamp.author, version.stamp.message, version.stamp.entry) == (1, "ada", "why", 1)
    assert connection.log.entry(1)["verb"] == "thing.add"


def test_the_view_of_an_operation_does_not_move(connection: Connection, session: Session) -> None:
    """Others commit meanwhile: the plan sees it, what the work looked at stays."""
    seen = []

    def work(do: Operation) -> None:
        Session(connection, author="bob").operate("store.tag", lambda other: other.commit(tagging("other")))
        assert (do.view.n, do.view.tag("other")) == (0, None)

        def plan(view: View) -> list[Change]:
            seen.append(view.tag("other"))
            return [TagSet(name="mine", to=0)]

        assert do.commit(plan).view.n == 2

    session.operate("store.tag", work)
    assert seen == [0]


def test_what_the_work_has_read_is_held_for_its_plan(connection: Connection, session: Session) -> None:
    """However little the process keeps of the log: the plan is asked once, and nothing is read for it."""
    for _ in range(5):
        session.operate("thing.add", lambda do: do.commit(keeping(stored(do, session))))
    connection.log._recent = Cache(0)
    asked: list[int] = []

    def read(view: View) -> list[int]:
        return [view.versions.get("thing", f"n{n}", 1).number for n in range(5)]

    def work(do: Operation) -> None:
        assert read(do.view) == [1] * 5

        def plan(view: View) -> list[Change]:
            asked.append(view.n)
            return [TagSet(name="t", to=sum(read(view)))]

        do.commit(plan)

    session.operate("store.tag", work)
    assert asked == [5]


def test_the_work_is_done_again_where_a_sweep_took_the_upload(connection: Connection, session: Session) -> None:
    """From a new look, with a file of its own; nothing of the first try is committed."""
    tried: list[str] = []

    def work(do: Operation) -> Any:
        changes = stored(do, session)
        (place,) = [one for one in changes if isinstance(one, Place)]
        tried.append(place.named()[0]["key"])
        if len(tried) == 1:
            sweep = Sweep(keys=[tried[0]], swept=[])
            Session(connection).operate("store.sweep", lambda other: other.commit(lambda view: [sweep]))
        return do.commit(lambda view: changes).view

    view = session.operate("thing.add", work)
    assert (len(tried), view.n, view.names.of("thing")) == (2, 2, ["n1"])


def test_what_never_holds_is_told(session: Session) -> None:
    """After five tries, in the words of whoever asked for another; swept files have words of their own."""
    tries = []

    def work(do: Operation) -> None:
        tries.append(do.view.n)
        raise Retry(errors.ConflictError("the weather changes"))

    with pytest.raises(errors.ConflictError, match="the weather changes"):
        session.operate("x", work)
    assert len(tries) == 5
    with pytest.raises(errors.VersionDeleted, match="swept 5 times"):
        session.operate("x", lambda do: do.commit(lambda view: [FactAdd(of="f", id="1", subject="s", needs=["gone"])]))
    assert str(retry_after_sweep().error).startswith("the files of this commit were swept")


def test_nothing_need_be_written(connection: Connection, session: Session) -> None:
    """What is there already comes back as it is, with no entry."""
    done = session.operate("x", lambda do: do.commit(lambda view: UpToDate("it")))
    assert (done.entry, done.value, done.view.n, connection.look().n) == (None, "it", 0, 0)


def test_a_full_disk_is_told(session: Session) -> None:
    """An upload that fails says so in words; errors of our own stay what they are."""

    def full() -> None:
        raise OSError(28, "No space left on device")

    def ours() -> None:
        raise errors.AccessDenied("not you")

    with pytest.raises(errors.StorageUnavailable, match="No space left on device; nothing was committed"):
        session.operate("x", lambda do: do.upload(full))
    with pytest.raises(errors.AccessDenied, match="not you"):
        session.operate("x", lambda do: do.upload(ours))


def test_the_message_of_the_caller_comes_first(connection: Connection, session: Session) -> None:
    """What an operation says of itself is for who gave no message."""
    for given in ("because", ""):
        session.operate("store.tag", lambda do: do.commit(tagging(f"t{do.view.n}"), message="own words"), message=given)
    assert [entry["message"] for entry in connection.log.entries(1)] == ["because", "own words"]


def test_an_op_is_for_one_thing(connection: Connection, session: Session) -> None:
    """The same again gives what was committed; another verb or another name is refused and changes nothing."""
    first = session.operate("store.tag", lambda do: do.commit(tagging("a")), op="mine")
    again = session.operate("store.tag", lambda do: do.commit(tagging("a")), op="mine")
    assert (first.entry, first.view.n) == (again.entry, again.view.n)
    for verb, name in (("store.untag", "a"), ("store.tag", "b")):
        with pytest.raises(errors.ConflictError, match="op='mine' was used already, by ada in entry 1"):
            session.operate(verb, lambda do, name=name: do.commit(tagging(name)), op="mine")  # type: ignore[misc]
    assert connection.look().n == 1


def test_a_refusal_uses_up_no_op(connection: Connection, session: Session) -> None:
    """It is kept, and what it refused can still be done under that id."""
    refused = GateRequest(
        verb="model.promote", action="promote", subject="model:m@1", evidence=Evidence(problems=("no",))
    )
    with pytest.raises(errors.GateBlocked, match="promote m@1 is blocked"):
        session.operate("store.tag", lambda do: do.judge(lambda: refused), op="mine")
    session.operate("store.tag", lambda do: do.commit(tagging("done")), op="mine")
    assert [entry["op"][:5] for entry in connection.log.entries(1)] == ["auto:", "user:"]


@pytest.mark.parametrize(
    "given", [{"message": 1}, {"message": None}, {"op": ""}, {"op": 1}, {"op": "\ud800"}], ids=lambda given: repr(given)
)
def test_words_that_cannot_be_stored(session: Session, given: dict[str, Any]) -> None:
    """They are refused before any work."""
    with pytest.raises(errors.InvalidInput, match=r"is text|lone surrogate"):
        session.operate("x", lambda do: pytest.fail("worked"), **given)


def test_who_only_reads_does_no_work(connection: Connection) -> None:
    """Neither who asked for it, nor who looks at the past."""
    for reader, why in (
        (Session(connection, mode="r"), "mode='r'"),
        (Session(connection).sibling(0), "as it stood at entry 0"),
    ):
        with pytest.raises(errors.ReadOnly, match=why):
            reader.operate("x", lambda do: pytest.fail("worked"))
