"""Parts and folds: in the order given and by name, in pickles and copies, and as scikit-learn takes them."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict, cross_val_score
from sklearn.tree import DecisionTreeClassifier

import mlcycle as mc
from mlcycle import errors, records
from mlcycle.records import DatasetVersion, Part, Parts


def _parts(*names: str) -> Parts[DatasetVersion]:
    return Parts(DatasetVersion(name=f"d.{name}", number=1, id="i", rows=3) for name in names)


def test_parts_come_by_place_and_by_name() -> None:
    """And a part of them is a listing."""
    parts = _parts("train", "valid", "test")
    train, valid, test = parts
    assert (parts["train"], parts[1], parts[-1], len(parts)) == (train, valid, test, 3)
    assert parts[:2] == [train, valid]
    assert type(parts[:2]) is records.Listing
    assert repr(parts).splitlines()[0].split()[:2] == ["version", "rows"]
    assert repr(Parts()) == "no parts"
    for again in (pickle.loads(pickle.dumps(parts)), copy.copy(parts), copy.deepcopy(parts)):
        assert (again["valid"], type(again), again) == (valid, Parts, parts)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("tset", "there is no part 'tset'; did you mean 'test'"),
        ("x", "there are 'train', 'test'"),
        ("d.test", "no part"),
    ],
)
def test_a_part_that_is_not_there_is_refused(name: str, says: str) -> None:
    """With those there are."""
    with pytest.raises(errors.NotFound, match=says):
        _parts("train", "test")[name]


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (Part(method="random", seed=0), "random"),
        (Part(method="random", seed=7), "random, seed 7"),
        (Part(method="stratified", column="y", stratify="y", seed=0), "stratified by 'y'"),
        (Part(method="group", column="g", group="g", stratify=0), "group 'g', stratified by 0"),
        (Part(method="key", column=0, group="g"), "key 0, groups of 'g' whole"),
        (Part(method="time", column="at", gap=5), "time 'at', gap 5 rows"),
        (Part(method="mask"), "mask"),
        (Part(method="splitter", splitter="KFold(5)"), "splitter KFold(5)"),
    ],
)
def test_a_part_says_in_words_how_it_was_chosen(part: Part, said: str) -> None:
    """So that a version can show it in a line."""
    assert str(part) == said
    assert f"part={said!r}" in repr(DatasetVersion(name="d.a", number=1, id="i", part=part))


def test_a_part_says_its_own_share_and_place() -> None:
    """Nothing of the other parts, each of which says its own."""
    part = Part(method="random", share=0.25, place=2, of=3)
    assert records.from_json(records.to_json(part)) == part
    assert repr(part) == "Part('random', share=0.25, place=2, of=3)"


def test_scikit_learn_takes_folds() -> None:
    """Every row is tested on once; scores are those of folds that scikit-learn makes; a search takes them."""
    project = mc.open("memory://sklearn-folds", create=True)
    version = project.datasets.add("cells", load_breast_cancer(as_frame=True).frame, target="target")
    X, y = version.xy()
    folds = version.folds(5)
    model = DecisionTreeClassifier(max_depth=3, random_state=0)
    scores = cross_val_score(model, X, y, cv=folds)
    assert scores.mean() == pytest.approx(cross_val_score(model, X, y, cv=StratifiedKFold(5)).mean(), abs=0.03)
    tested = np.concatenate([test for _, test in folds.split(X, y)])
    assert sorted(tested) == list(range(len(X)))
    assert all(len(train) + len(test) == len(set(train) | set(test)) == len(X) for train, test in folds)
    assert len(cross_val_predict(model, X, y, cv=folds)) == len(X)  # which refuses folds that are not a partition
    assert GridSearchCV(model, {"max_depth": [1, 3]}, cv=folds).fit(X, y).n_splits_ == len(folds) == 5
    assert all(part.load().index.tolist() == test.tolist() for part, (_, test) in zip(folds.parts, folds, strict=True))


def test_folds_are_committed_once() -> None:
    """In one entry; again, they are the same and nothing is written; they pickle, and know how many rows there are."""
    project = mc.open("memory://folds", create=True)
    version = project.datasets.add("d", pd.DataFrame({"x": range(30), "g": [n // 3 for n in range(30)]}), group="g")
    folds = version.folds(3, message="for the search")
    entries = project.store.info()["entries"]
    assert [part.ref for part in folds.parts] == ["d.fold1@1", "d.fold2@1", "d.fold3@1"]
    assert {(part.entry, part.message, part.rows) for part in folds.parts} >= {(2, "for the search", 9)}
    again = project.datasets["d"].folds(3)
    assert (again.parts, project.store.info()["entries"]) == (folds.parts, entries)
    copied = pickle.loads(pickle.dumps(folds))
    assert [pair[1].tolist() for pair in copied] == [pair[1].tolist() for pair in again]
    assert repr(folds) == "<3 folds of d@1: group 'g'>"
    assert folds.get_n_splits() == 3
    with pytest.raises(errors.InvalidInput, match=r"folds of the 30 rows of d@1, and X has 29; give what its load\(\)"):
        folds.split(version.load()[1:])
