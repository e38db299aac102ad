"""Random logs, written change by change, for tests that hold for any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.state.small_log import SmallLog

if TYPE_CHECKING:
    from mlcycle.state import View

Doc = dict[str, Any]

NOUNS = ("model", "dataset", "toy")  # the last is known to nobody
NAMES = ("a", "A", "b", "Ärger")  # two of them are one
POINTERS = ("production", "canary")
MARKS = ("dropped", "retracted", "rejected", "swept", "frozen")
KEYS = ("toy:a", "model:a@1", "content", "a\tb", "back\\slash", "null\0byte\\", "line\nand \\n", "ö")

_whole = st.integers(0, 2**20)


@st.composite
def logs(draw: st.DrawFn, most: int = 25) -> SmallLog:
    """Return a log of up to so many entries, all of which fit what came before them."""
    log = SmallLog()
    log.write({"kind": "project.create", "id": "p"})
    for _ in range(draw(st.integers(0, most))):
        log.write(*draw(entries(log.view())))
    return log


@st.composite
def entries(draw: st.DrawFn, view: View) -> list[Doc]:
    """Return the changes of an entry that may follow."""
    kind = draw(st.sampled_from([*_DRAWN, "version.add", "version.add", "pointer.move", "project.rollback"]))
    return [{"kind": kind, **change} for change in _DRAWN[kind](draw, view)]


def asked(view: View, of: str, name: str) -> Doc:
    """Return all that a view answers of a name, to be compared."""
    found = view.names.get(of, name)
    if found is None:
        return {}
    marks = {mark: view.marks.numbers(of, found, mark) for mark in MARKS}
    stacks = {pointer: view.pointers.stack(of, name, pointer) for pointer in POINTERS}
    tops = {pointer: stack[-1] if stack else None for pointer, stack in stacks.items()}
    assert tops == {pointer: view.pointers.at(of, name, pointer) for pointer in POINTERS}
    return {
        "count": view.versions.count(found),
        "latest": view.versions.latest(of, name),
        "marks": marks,
        "stacks": stacks,
    }


def _name(draw: st.DrawFn) -> Doc:
    return {"of": draw(st.sampled_from(NOUNS)), "name": draw(st.sampled_from(NAMES))}


def _name_set(draw: st.DrawFn, view: View) -> list[Doc]:
    name = _name(draw)
    fixed = {"fixed": True} if draw(st.integers(0, 9)) == 0 else {}
    guards = {"guards": {"pointer.move:production": ["gates"]}} if draw(st.booleans()) else {}
    return [{**name, "id": "i", "owner": draw(st.sampled_from(["ada", None])), **fixed, **guards}]


def _version_add(draw: st.DrawFn, view: View) -> list[Doc]:
    name = _name(draw)
    refs = [f"{of}:a@{i}" for of in NOUNS for i in (1, 2)]
    picked = st.lists(st.sampled_from(refs), max_size=2, unique=True)
    number = view.versions.next_number(name["of"], name["name"])
    return [{**name, "number": number, "uses": draw(picked), "made_from": draw(picked), "needs": ["toy:a"]}]


def _pointer_move(draw: st.DrawFn, view: View) -> list[Doc]:
    name, pointer = _name(draw), draw(st.sampled_from(POINTERS))
    count = view.versions.next_number(name["of"], name["name"]) - 1
    facts = {
        "after": draw(st.sampled_from([None, *range(1, count + 1)])),
        "pops": draw(st.sampled_from([0, 0, 1, 2, 9])),
    }
    return [{**name, "pointer": pointer, "before": view.pointers.at(name["of"], name["name"], pointer), **facts}]


def _version_mark(draw: st.DrawFn, view: View) -> list[Doc]:
    first, more = draw(st.integers(1, 3)), draw(st.integers(0, 2))
    numbers = draw(st.sampled_from([[], [[first, first + more]], [[1, 1], [first, first]]]))
    mark, on = draw(st.sampled_from(MARKS)), draw(st.booleans())
    return [{**_name(draw), "mark": mark, "on": on, **({"numbers": numbers} if numbers else {})}]


def _fact_add(draw: st.DrawFn, view: View) -> list[Doc]:
    keys = st.sampled_from(KEYS)
    ids = draw(st.lists(_whole, min_size=1, max_size=2))
    about = draw(st.lists(keys, max_size=2))
    return [{"of": "evaluation", "id": f"{i:x}", "subject": draw(keys), "about": about} for i in ids]


def _rollback(draw: st.DrawFn, view: View) -> list[Doc]:
    keep = draw(st.lists(st.sampled_from([f"{of}:{name}" for of in NOUNS for name in NAMES]), max_size=2))
    return [{"to": draw(st.integers(0, view.n)), **({"keep": keep} if draw(st.booleans()) else {})}]


def _placed(draw: st.DrawFn, view: View) -> list[Doc]:
    return [{"object": draw(st.sampled_from(["toy:a", "model:a"])), "files": [{"key": "files/1", "size": 1}]}]


_DRAWN: dict[str, Any] = {
    "name.set": _name_set,
    "version.add": _version_add,
    "pointer.move": _pointer_move,
    "version.mark": _version_mark,
    "fact.add": _fact_add,
    "project.rollback": _rollback,
    "tag.set": lambda draw, view: [{"name": "first", "to": draw(st.integers(0, view.n))}],
    "place": _placed,
    "sweep": lambda draw, view: [{"keys": ["files/1"], "swept": draw(st.sampled_from([["toy:a"], []]))}],
    "x-lab.note": lambda draw, view: [{"optional": True, "text": "…"}],
}
