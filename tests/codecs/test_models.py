"""Estimators to files and back."""

from __future__ import annotations

import json
import pickle
import warnings
import zipfile
from io import BytesIO
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import Birch, KMeans
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, SplineTransformer, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from mlcycle._digest import sha256_file
from mlcycle.codecs._models import dump_model, load_model
from mlcycle.errors import Corrupt, InvalidInput, MlcycleWarning, NotFound, SchemaError, UntrustedModel

X, y = make_classification(80, 6, n_informative=4, n_classes=3, random_state=0)

MODELS = [
    CalibratedClassifierCV(LogisticRegression(), cv=2),
    DecisionTreeClassifier(max_depth=3),
    DummyClassifier(),
    ExtraTreesClassifier(4, random_state=0),
    GaussianProcessRegressor(),
    GradientBoostingClassifier(n_estimators=3),
    GradientBoostingRegressor(n_estimators=3),
    GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, scoring="accuracy", cv=2),
    HistGradientBoostingClassifier(max_iter=3, categorical_features=[0]),
    HistGradientBoostingRegressor(max_iter=3),
    IsolationForest(n_estimators=4, random_state=0),
    KMeans(3, n_init=1, random_state=0),
    KNeighborsClassifier(),
    KNeighborsClassifier(algorithm="ball_tree", metric="manhattan"),
    LogisticRegression(),
    MLPClassifier((4,), max_iter=400, tol=0.1, random_state=0),
    OneVsRestClassifier(Ridge()),
    OneVsRestClassifier(make_pipeline(StandardScaler(), LinearSVC(random_state=0))),
    PCA(2),
    RandomForestClassifier(4, random_state=0),
    RandomForestRegressor(4, random_state=0),
    Ridge(),
    SGDClassifier(random_state=0),
    SVC(),
    SVR(),
    SplineTransformer(),
    StackingClassifier([("a", LogisticRegression()), ("b", DecisionTreeClassifier(max_depth=2))], cv=2),
    VotingClassifier([("a", LogisticRegression()), ("b", DecisionTreeClassifier(max_depth=2))], voting="soft"),
    make_pipeline(FunctionTransformer(np.log1p), StandardScaler(), LogisticRegression()),
]


class Shifted(ClassifierMixin, BaseEstimator):
    """A classifier of somebody's own."""

    def fit(self, X, y):
        """Learn a constant."""
        self.shift_ = 1
        return self

    def predict(self, X):
        """Answer the constant."""
        return np.full(len(X), self.shift_)


class Broken(Shifted):
    """A classifier that forgets what it learned."""

    def __getstate__(self):
        return {}

    def __setstate__(self, state):
        self.shift_ = 2


class Marker(TransformerMixin, BaseEstimator):
    """Leaves a file behind when it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("touched"),)


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Give a place for a model, in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "model"


def _answer(model, rows):
    return next(getattr(model, name) for name in ("predict_proba", "predict", "transform") if hasattr(model, name))(
        rows
    )


def _entries(data):
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _archive(path, entries, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)


def _hostile(path, node, **arrays):
    schema = json.dumps({"protocol": 2, "_skops_version": skops.__version__, "__id__": 1, **node})
    _archive(path, {"schema.json": schema, **arrays})


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_scikit_learn_comes_back_without_trust(model, file):
    """What people use of scikit-learn becomes skops, needs no trust, and answers as before."""
    rows = np.abs(np.round(X)) if "Hist" in type(model).__name__ else np.abs(X)
    model.fit(rows, y)
    packed = dump_model(model, file, example=rows[:5])
    again = load_model(file, packed.format)
    assert (packed.format, packed.untrusted) == ("skops", ())
    np.testing.assert_allclose(_answer(model, rows), _answer(again, rows), rtol=1e-12)
    assert repr(model) == repr(again)


def test_a_table_of_mixed_columns_comes_back(file):
    """A pipeline over text, categories and numbers with holes answers as before."""
    frame = pd.DataFrame(
        {
            "age": [20.0, np.nan, 40.0, 60.0] * 6,
            "region": ["north", "south", None, "east"] * 6,
            "plan": pd.Categorical(["a", "b", "a", "c"] * 6),
        }
    )
    model = make_pipeline(
        ColumnTransformer(
            [
                (
                    "numbers",
                    make_pipeline(SimpleImputer(), StandardScaler()),
                    make_column_selector(dtype_include="number"),
                ),
                ("region", OneHotEncoder(handle_unknown="ignore"), ["region"]),
                ("plan", OrdinalEncoder(), ["plan"]),
            ]
        ),
        LogisticRegression(),
    ).fit(frame, [0, 1, 0, 1] * 6)
    packed = dump_model(model, file, example=frame[:4])
    assert packed.format == "skops"
    np.testing.assert_array_equal(model.predict_proba(frame), load_model(file, "skops").predict_proba(frame))


def test_categories_of_a_frame_come_back(file):
    """HistGradientBoosting that learned its categories from pandas answers as before."""
    frame = pd.DataFrame({"plan": pd.Categorical(["a", "b", "c", "a"] * 20), "age": np.arange(80.0)})
    model = HistGradientBoostingClassifier(max_iter=3).fit(frame, [0, 1, 1, 0] * 20)
    packed = dump_model(model, file, example=frame[:5])
    assert packed.format == "skops"
    np.testing.assert_array_equal(model.predict_proba(frame), load_model(file, "skops").predict_proba(frame))


def test_text_and_one_dimension_come_back(file):
    """Estimators that take no table answer as before."""
    texts = ["good day", "bad day", "good night", "bad night"] * 3
    text = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 0, 1, 0] * 3)
    assert dump_model(text, file, example=texts[:3]).format == "skops"
    np.testing.assert_array_equal(text.predict(texts), load_model(file, "skops").predict(texts))
    line = IsotonicRegression(out_of_bounds="clip").fit(np.arange(5.0), np.arange(5.0))
    assert dump_model(line, file, example=np.arange(3.0)).format == "skops"


def test_what_was_written_is_told(file):
    """The record names the class and the packages that are needed to read it."""
    packed = dump_model(LogisticRegression().fit(X, y), file)
    assert packed.class_name == "sklearn.linear_model._logistic.LogisticRegression"
    assert sorted(packed.packages) == ["numpy", "scikit-learn", "scipy", "skops"]
    assert packed == pickle.loads(pickle.dumps(packed))


def test_own_class_becomes_joblib_with_a_warning(file):
    """A class outside the list is kept as joblib; reading it needs trust in all of joblib, or in this one file."""
    with pytest.warns(MlcycleWarning, match=r'test_models\.Shifted.*trust=True; save it with format="skops"'):
        packed = dump_model(Shifted().fit(X, y), file, example=X[:3])
    digest = sha256_file(file)
    assert packed.format == "joblib"
    assert any(name.endswith("Shifted") for name in packed.untrusted)
    remedies = (
        rf"whatever code.*True to load\(\) or evaluate\(\) for once; .*mlcycle\.trust\('{digest}'\).*trust\('joblib'"
    )
    for trust in ((), False, ["sklearn.svm._classes.SVC"], [Shifted], "sha256:" + "0" * 64):
        with pytest.raises(UntrustedModel, match=remedies) as caught:
            load_model(file, "joblib", trust=trust)
        vain = bool(trust) and trust != "sha256:" + "0" * 64
        assert ("Naming types does not help with a pickle" in str(caught.value)) == vain
        assert 'save the model again with format="skops"' in str(caught.value)
    for trust in (True, "joblib", ["joblib"], digest, {digest, "x"}):
        assert load_model(file, "joblib", trust=trust).shift_ == 1


def test_own_class_can_insist_on_skops(file):
    """A forced skops file says which types it needs trusted, and is read by naming them."""
    model = make_pipeline(StandardScaler(), Shifted()).fit(X, y)
    packed = dump_model(model, file, format="skops")
    name = f"{Shifted.__module__}.Shifted"
    assert packed.untrusted == (name,)
    remedies = (
        rf"{name}\..*\['{name}'\] to load\(\) or evaluate\(\) for once, or call mlcycle\.trust\(\['{name}'\], project"
    )
    for trust in ((), True, "joblib", sha256_file(file), [name.replace("Shifted", "Broken")], [name[:-1]]):
        with pytest.raises(UntrustedModel, match=remedies) as caught:
            load_model(file, "skops", trust=trust)
        told = "True and 'joblib' are for pickles, and this is a skops file: name the types" in str(caught.value)
        assert told == (trust in (True, "joblib"))
    for trust in ([name], name, Shifted, [Shifted, "x"]):
        assert load_model(file, "skops", trust=trust)[-1].shift_ == 1


@pytest.mark.parametrize("trust", [None, 1, b"joblib", [1], [None], [["joblib"]]])
def test_trust_that_names_nothing(trust, file):
    """What is neither names nor classes is refused, and not taken for nothing or for all."""
    dump_model(LogisticRegression().fit(X, y), file)
    with pytest.raises(InvalidInput, match="trust= must be True, or names"):
        load_model(file, "skops", trust=trust)


@pytest.mark.filterwarnings("default::mlcycle.errors.MlcycleWarning")
def test_what_skops_cannot_hold_becomes_joblib(file):
    """Estimators that skops refuses are kept as joblib, and insisting on skops says why not."""
    model = Birch(n_clusters=2).fit(X)
    with pytest.warns(MlcycleWarning, match="skops cannot hold it"):
        assert dump_model(model, file).format == "joblib"
    with pytest.raises(InvalidInput, match=r"cannot be kept as skops.*use 'joblib'"):
        dump_model(model, file, format="skops")
    assert isinstance(load_model(file, "joblib", trust=True), Birch)


def test_a_format_can_be_insisted_on(file):
    """Joblib without a warning when it was asked for, and no other word is a format."""
    model = LogisticRegression().fit(X, y)
    assert dump_model(model, file, format="joblib").format == "joblib"
    for use in (lambda: dump_model(model, file, format="onnx"), lambda: load_model(file, "pickle")):
        with pytest.raises(InvalidInput, match="is not a format"):
            use()


def test_nothing_is_left_when_writing_fails(file):
    """A model that cannot be written leaves the file that was there, and no other."""
    file.write_bytes(b"before")
    model = make_pipeline(FunctionTransformer(lambda rows: rows), LogisticRegression()).fit(X, y)
    with pytest.raises(InvalidInput, match="cannot be kept in any format"):
        dump_model(model, file)
    with pytest.raises(InvalidInput, match="does not survive being written: predict gives other values"):
        dump_model(Broken().fit(X, y), file, example=X[:3], format="joblib")
    assert [file] == list(file.parent.iterdir())
    assert file.read_bytes() == b"before"


def test_an_example_the_model_cannot_answer_is_refused(file):
    """An example of another width is the caller's mistake, and said so."""
    with pytest.raises(InvalidInput, match="fails on its example: its own predict says ValueError: X has 3 features"):
        dump_model(LogisticRegression().fit(X, y), file, example=X[:2, :3])


def test_another_version_gives_one_warning(file):
    """A file of another scikit-learn says which two versions differ, once for all estimators inside."""
    skops.io.dump(RandomForestClassifier(5).fit(X, y), file)
    here = json.dumps(json.dumps(__import__("sklearn").__version__))
    entries = _entries(file.read_bytes())
    entries["schema.json"] = entries["schema.json"].replace(here.encode(), b'"\\"1.5.1\\""')
    _archive(file, entries)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load_model(file, "skops")
    assert [MlcycleWarning] == [item.category for item in caught]
    assert "fitted with scikit-learn 1.5.1" in str(caught[0].message)
    assert caught[0].filename == __file__


FUNCTION = {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}
TEXT = {
    "__class__": "str",
    "__module__": "builtins",
    "__loader__": "JsonNode",
    "content": '"touch touched"',
    "is_json": True,
}
ARGUMENTS = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": [TEXT]}
NOTHING = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": "null", "is_json": True}
KEYS = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": []}
ATTACKS = {
    "function": FUNCTION,
    "type": {**FUNCTION, "__loader__": "TypeNode"},
    "constructor": {
        "__class__": "Popen",
        "__module__": "subprocess",
        "__loader__": "ConstructorFromReduceNode",
        "content": ARGUMENTS,
    },
    "list": {"__class__": "system", "__module__": "os", "__loader__": "ListNode", "content": [TEXT]},
    "dict": {
        "__class__": "Popen",
        "__module__": "subprocess",
        "__loader__": "DictNode",
        "content": {},
        "key_types": KEYS,
    },
    "key": {
        "__class__": "dict",
        "__module__": "builtins",
        "__loader__": "DictNode",
        "content": {"touch touched": TEXT},
        "key_types": {**KEYS, "content": [{**FUNCTION, "__loader__": "TypeNode"}]},
    },
    "partial": {
        "__class__": "partial",
        "__module__": "functools",
        "__loader__": "PartialNode",
        "content": {"func": FUNCTION, "args": ARGUMENTS, "kwds": NOTHING, "namespace": NOTHING},
    },
    "method": {
        "__class__": "LogisticRegression",
        "__module__": "sklearn.linear_model._logistic",
        "__loader__": "MethodNode",
        "content": {
            "func": "fit",
            "obj": {
                "__class__": "LogisticRegression",
                "__module__": "sklearn.linear_model._logistic",
                "__loader__": "ObjectNode",
            },
        },
    },
    "operator": {
        "__class__": "methodcaller",
        "__module__": "operator",
        "__loader__": "OperatorFuncNode",
        "attrs": ARGUMENTS,
    },
    "a trusted name in another way": {
        "__class__": "Tree",
        "__module__": "sklearn.tree._tree",
        "__loader__": "ConstructorFromReduceNode",
        "content": ARGUMENTS,
    },
    "a function that reads files": {"__class__": "load", "__module__": "numpy", "__loader__": "FunctionNode"},
    "scipy distributions": {
        "__class__": "norm_gen",
        "__module__": "scipy.stats._continuous_distns",
        "__loader__": "ObjectNode",
    },
    "a metric that calls Python": {
        "__class__": "PyFuncDistance64",
        "__module__": "sklearn.metrics._dist_metrics",
        "__loader__": "ObjectNode",
    },
    "a default factory": {
        "__class__": "defaultdict",
        "__module__": "collections",
        "__loader__": "DefaultDictNode",
        "content": {"main": NOTHING, "default_factory": FUNCTION},
    },
    "hidden where nothing looks": {**KEYS, "content": [], "spare": {"deep": [FUNCTION]}},
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_nodes_are_refused(attack, file):
    """A file that names anything outside the list is refused, and nothing of it has run."""
    _hostile(file, ATTACKS[attack])
    with pytest.raises(UntrustedModel, match="does not cover"):
        load_model(file, "skops")
    assert [file] == list(file.parent.iterdir())


def test_arrays_with_pickles_are_not_unpickled(file):
    """An object array inside .npy or .npz is a pickle, and is refused unread."""
    bomb = BytesIO()
    np.save(bomb, np.array([Marker()], dtype=object), allow_pickle=True)
    node = {
        "__class__": "ndarray",
        "__module__": "numpy",
        "__loader__": "NdArrayNode",
        "type": "numpy",
        "file": "1.npy",
    }
    _hostile(file, node, **{"1.npy": bomb.getvalue()})
    with pytest.raises(Corrupt, match="holds Python objects"):
        load_model(file, "skops")
    inner = BytesIO()
    _archive(inner, {"format.npy": bomb.getvalue()})
    node = {
        "__class__": "csr_matrix",
        "__module__": "scipy.sparse._csr",
        "__loader__": "SparseMatrixNode",
        "type": "scipy",
    }
    _hostile(file, {**node, "file": "1.npz"}, **{"1.npz": inner.getvalue()})
    with pytest.raises(Corrupt, match="holds Python objects"):
        load_model(file, "skops")
    for data in (pickle.dumps(Marker()), inner.getvalue()):
        _hostile(file, {**node, "file": "1.npy"}, **{"1.npy": data})
        with pytest.raises(Corrupt, match="cannot be read as skops"):
            load_model(file, "skops")
    assert not (file.parent / "touched").exists()


def test_promises_larger_than_the_file_are_refused(file):
    """Headers and archives that would fill the memory are refused before anything is allocated."""
    array = BytesIO()
    np.save(array, np.zeros(4))
    huge = array.getvalue().replace(b"(4,), }" + b" " * 10, b"(4000000000000,), }"[:17])
    node = {
        "__class__": "ndarray",
        "__module__": "numpy",
        "__loader__": "NdArrayNode",
        "type": "numpy",
        "file": "1.npy",
    }
    _hostile(file, node, **{"1.npy": huge})
    with pytest.raises(Corrupt):
        load_model(file, "skops")
    _archive(file, {"schema.json": b"[" * 300_000})
    with pytest.raises(Corrupt):
        load_model(file, "skops")
    _archive(file, {"schema.json": bytes(300_000_000)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(Corrupt, match="unpacks to 300000000"):
        load_model(file, "skops")


def test_damaged_files_are_corrupt(file):
    """Truncated, overwritten and foreign files are named damaged, whatever the format."""
    model = RandomForestClassifier(3).fit(X, y)
    dump_model(model, file)
    whole = file.read_bytes()
    rng = np.random.default_rng(0)
    for cut in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:cut])
        with pytest.raises(Corrupt):
            load_model(file, "skops")
    for _ in range(20):
        place = int(rng.integers(200, len(whole) - 200))
        file.write_bytes(whole[:place] + bytes(rng.integers(0, 256, 60, dtype=np.uint8)) + whole[place + 60 :])
        with pytest.raises((Corrupt, UntrustedModel, SchemaError)):
            load_model(file, "skops")
    dump_model(model, file, format="joblib")
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(Corrupt, match="cannot be read as joblib"):
        load_model(file, "joblib", trust=True)


def test_another_protocol_is_refused(file):
    """The number that chooses how skops reads a file is not the file's choice."""
    for protocol in (0, 1, 3, True, "2", None):
        _hostile(file, {**KEYS, "protocol": protocol})
        with pytest.raises(SchemaError, match="protocol"):
            load_model(file, "skops")


def test_a_missing_package_is_named(file):
    """A model whose class cannot be imported says which package is missing."""
    name = "no_such_package.Model"
    _hostile(file, {"__class__": "Model", "__module__": "no_such_package", "__loader__": "ObjectNode"})
    with pytest.raises(NotFound, match="needs the package 'no_such_package'"):
        load_model(file, "skops", trust=[name])
    _hostile(file, {"__class__": "Model", "__module__": "sklearn", "__loader__": "ObjectNode"})
    with pytest.raises(NotFound, match="not installed here"):
        load_model(file, "skops", trust=["sklearn.Model"])
    file.write_bytes(b"cno_such_package\nModel\n.")
    with pytest.raises(NotFound, match="needs the package 'no_such_package'"):
        load_model(file, "joblib", trust=True)


def test_joblib_runs_nothing_without_trust(file):
    """A joblib file that would run code has not, until it was trusted."""
    joblib.dump(Marker(), file)
    with pytest.raises(UntrustedModel):
        load_model(file, "joblib")
    assert not (file.parent / "touched").exists()
    load_model(file, "joblib", trust=True)
    assert (file.parent / "touched").exists()
