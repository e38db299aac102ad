"""Equal content is one version, whatever container and dtypes it comes in."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mlcycle as mc


class Stream:
    """A frame of another library, as polars and DuckDB give theirs."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Hand it out."""
        return self._table.__arrow_c_stream__(requested_schema)


def _arrow(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)


FLAVOURS: dict[str, Any] = {
    "numpy": lambda frame: frame,
    "nullable": lambda frame: frame.convert_dtypes(),
    "pyarrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "objects": lambda frame: frame.astype({"s": object}),
    "category": lambda frame: frame.astype({"s": "category"}),
    "index of numbers": lambda frame: frame.set_axis(np.arange(len(frame))),
    "attrs": lambda frame: frame.assign().pipe(lambda one: one.attrs.update(source="crm") or one),
    "arrow": _arrow,
    "dictionary": lambda frame: _arrow(frame.astype({"s": "category"})),
    "large text": lambda frame: _arrow(frame).cast(
        pa.schema([(one.name, pa.large_string() if one.name == "s" else one.type) for one in _arrow(frame).schema])
    ),
    "chunks": lambda frame: pa.concat_tables([_arrow(frame[:1]), _arrow(frame[1:])]),
    "stream": lambda frame: Stream(_arrow(frame)),
}
FRAME = pd.DataFrame({"i": [1, 2, 3], "f": [0.5, 1.5, -0.0], "s": ["a", "ä", "a"], "b": [True, False, True]})


@pytest.fixture
def url() -> str:
    """Return an empty place."""
    return f"memory://one-{uuid.uuid4().hex}"


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(-(2**40), 2**40), st.sampled_from([0.5, 1.25, -7.75]), st.text(max_size=3), st.booleans()
        ),
        min_size=1,
        max_size=6,
    ),
    first=st.sampled_from(sorted(FLAVOURS)),
    second=st.sampled_from(sorted(FLAVOURS)),
)
def test_a_container_makes_no_version(rows: list[Any], first: str, second: str) -> None:
    """The first one stands: nothing is written, and it is what is loaded."""
    frame = pd.DataFrame(rows, columns=list("ifsb"))
    project = mc.open(f"memory://one-{uuid.uuid4().hex}", create=True)
    version = project.datasets.add("d", FLAVOURS[first](frame), key="i", target="b")
    entries = project.store.info()
    assert project.datasets.add("d", FLAVOURS[second](frame)) == version
    assert project.store.info() == entries


def test_every_container_is_equal_to_every_other(url: str) -> None:
    """And what is loaded is what came first."""
    for number, (name, flavour) in enumerate(FLAVOURS.items()):
        project = mc.open(f"{url}-{number}", create=True)
        project.datasets.add("d", flavour(FRAME))
        loaded = project.load("dataset:d")
        for other in FLAVOURS.values():
            assert project.datasets.add("d", other(FRAME)).ref == "d@1", name
        pd.testing.assert_frame_equal(loaded, project.load("dataset:d"))


def test_other_roles_in_another_container_are_a_version_that_comes_back_as_it_is(url: str) -> None:
    """It has a table of its own, so that its rows come back as they were added."""
    project = mc.open(url, create=True)
    project.datasets.add("d", FRAME)
    version = project.datasets.add("d", FRAME.astype({"s": "category"}), target="b")
    assert (version.ref, str(version.load()["s"].dtype)) == ("d@2", "category")
    assert project.datasets.add("d", FRAME) == version
    assert project.datasets.add("d", FRAME, target=None).ref == "d@3"
    assert project.load("dataset:d")["s"].dtype == FRAME["s"].dtype


def test_what_is_an_index_is_no_column(url: str) -> None:
    """Its values are content, and whether it is one is told apart."""
    project = mc.open(url, create=True)
    last = FRAME.assign(k=[7, 8, 9])
    frames = [last, last.set_index("k"), FRAME.set_axis([7, 8, 9]), FRAME]
    assert [project.datasets.add("d", frame).ref for frame in frames] == ["d@1", "d@2", "d@3", "d@4"]


def test_numbers_that_are_labels_are_text_in_a_table(url: str) -> None:
    """A role stays with its column."""
    project = mc.open(url, create=True)
    frame = pd.DataFrame({0: [1, 2], 1: [0, 1]})
    version = project.datasets.add("d", frame, target=1)
    table = pa.table({"0": [1, 2], "1": [0, 1]})
    assert project.datasets.add("d", table) == project.datasets.add("d", table, target="1") == version
    longer = project.datasets.add("d", pa.table({"0": [1, 2, 3], "1": [0, 1, 1]}))
    assert (longer.roles.target, longer.notes) == ("1", ())
    assert longer.xy()[1].tolist() == [0, 1, 1]


def test_other_values_are_another_version(url: str) -> None:
    """Types, missing values, the sign of zero, and the order of columns are content."""
    project = mc.open(url, create=True)
    frames = [
        FRAME,
        FRAME.astype({"i": "int32"}),
        FRAME.assign(f=[0.5, 1.5, 0.0]),
        FRAME.assign(f=[0.5, 1.5, np.nan]),
        FRAME[["f", "i", "s", "b"]],
    ]
    refs = [project.datasets.add("d", frame).ref for frame in frames]
    assert refs == [f"d@{n}" for n in itertools.islice(itertools.count(1), len(frames))]
