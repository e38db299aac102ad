"""What living records say of names they do not have."""

from __future__ import annotations

import copy
import pickle

import attrs
import pytest

from mlcycle.records import DatasetVersion, Evaluation, ModelVersion, Run
from mlcycle.records._living import Living

VERSION = DatasetVersion(name="customers", number=3, id="0a", rows=900)
RECORDS = (VERSION, ModelVersion(name="churn", number=7, id="0b"), Run(id="0c", experiment="trees"))


@pytest.mark.parametrize(
    ("record", "name", "says"),
    [
        (RECORDS[0], "head", "a DatasetVersion has no 'head'; its rows are in load() (it has at, author, columns,"),
        (RECORDS[0], "split_", "a DatasetVersion has no 'split_'; its rows are in load(); did you mean split()? (it"),
        (RECORDS[1], "predict", "a ModelVersion has no 'predict'; the estimator is in load()"),
        (RECORDS[2], "metric", "what was logged is in metrics and points(), files in artifact(name)"),
        (
            Evaluation(id="0d", subject="churn@7"),
            "verdicts",
            "an Evaluation has no 'verdicts'; what the model answered is in predictions(); did you mean verdict",
        ),
    ],
)
def test_a_name_that_is_not_there_says_what_is(record: Living, name: str, says: str) -> None:
    """Where the contents are, what looks alike, and all there is."""
    assert not hasattr(record, name)
    with pytest.raises(AttributeError) as caught:
        getattr(record, name)
    assert says in str(caught.value)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_what_python_asks_for_is_absent_as_ever(record: Living) -> None:
    """Underscores are told plainly; copies, pickles and what attrs makes of a record are as they were."""
    for name in ("_repr_png_", "__array__", "_ipython_canary_method_should_not_exist_", "_home"):
        with pytest.raises(AttributeError, match=f"^'{type(record).__name__}' object has no attribute '{name}'$"):
            getattr(record, name)
    for other in (copy.copy(record), copy.deepcopy(record), pickle.loads(pickle.dumps(record)), attrs.evolve(record)):
        assert other == record
    assert "contents" not in "".join(attrs.asdict(record))
