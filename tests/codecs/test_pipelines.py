"""Pipelines as tutorials build them: saved as data, loaded by another process without trust and without a warning."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector, make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingRegressor,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import RFECV, SelectFromModel, SelectKBest, mutual_info_classif
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.linear_model import (
    BayesianRidge,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeCV,
    SGDClassifier,
)
from sklearn.metrics import f1_score, fbeta_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    RepeatedStratifiedKFold,
    StratifiedKFold,
    TimeSeriesSplit,
    TunedThresholdClassifierCV,
)
from sklearn.multioutput import ClassifierChain, MultiOutputRegressor
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC, LinearSVC

from mlcycle.codecs._models import dump_model

RNG = np.random.default_rng(0)
ROWS = 120
PASSENGERS = pd.DataFrame(
    {
        "age": np.where(RNG.random(ROWS) < 0.2, np.nan, RNG.normal(30, 12, ROWS).round(1)),
        "fare": RNG.lognormal(3, 1, ROWS),
        "parts": RNG.integers(0, 5, ROWS),
        "sex": RNG.choice(["male", "female"], ROWS),
        "port": RNG.choice(["C", "Q", "S", None], ROWS),
        "class": pd.Categorical(RNG.choice(["first", "second", "third"], ROWS)),
        "member": RNG.random(ROWS) < 0.5,
    }
)
SURVIVED = ((PASSENGERS["sex"] == "female") ^ (RNG.random(ROWS) < 0.1)).astype(int)
NUMBERS = pd.DataFrame(np.abs(RNG.normal(size=(ROWS, 4))) + 0.1, columns=["a", "b", "c", "d"])
PRICE = 50 + 10 * NUMBERS["a"] + NUMBERS["b"]
KIND = np.digitize(NUMBERS["a"], [0.5, 1.0])
TEXTS = [f"{a} {b} {c}" for a in ("good", "bad", "fine") for b in ("day", "night") for c in ("here", "there")] * 10
MOOD = [int(not text.startswith("bad")) for text in TEXTS]
NEWS = pd.DataFrame({"title": TEXTS, "length": [len(text) for text in TEXTS]})


def _titanic() -> BaseEstimator:
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    names = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    columns = ColumnTransformer(
        [
            ("numbers", numbers, make_column_selector(dtype_include=np.number)),
            ("names", names, make_column_selector(dtype_include=[object, "string", pd.CategoricalDtype])),
        ]
    )
    grid = {"columntransformer__numbers__simpleimputer__strategy": ["mean", "median"]}
    return GridSearchCV(make_pipeline(columns, LogisticRegression(max_iter=500)), grid, cv=2, scoring="roc_auc")


def _boosted() -> BaseEstimator:
    encode = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2, dtype=np.int32
    )
    columns = make_column_transformer((encode, ["sex", "port", "class"]), remainder="passthrough")
    return make_pipeline(columns, HistGradientBoostingClassifier(max_iter=5))


def _words_and_numbers() -> BaseEstimator:
    columns = [("title", TfidfVectorizer(dtype=np.float32), "title"), ("length", MinMaxScaler(), ["length"])]
    return make_pipeline(ColumnTransformer(columns), LinearSVC(random_state=0))


def _missing() -> BaseEstimator:
    columns = make_column_transformer((make_union(KNNImputer(), MissingIndicator()), ["age", "fare"]))
    return make_pipeline(columns, BayesianRidge())


PIPELINES = {
    "titanic, by kinds of columns, a grid": (_titanic(), PASSENGERS, SURVIVED),
    "ordinal encoder and boosting": (_boosted(), PASSENGERS, SURVIVED),
    "boosting over categories of the frame": (
        HistGradientBoostingRegressor(max_iter=5, categorical_features="from_dtype"),
        PASSENGERS[["age", "fare", "class"]],
        PASSENGERS["parts"],
    ),
    "target encoder": (
        make_pipeline(make_column_transformer((TargetEncoder(cv=2), ["sex", "class"])), LogisticRegression()),
        PASSENGERS,
        SURVIVED,
    ),
    "news, by a search over a distribution": (
        RandomizedSearchCV(
            make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), SGDClassifier(random_state=0)),
            {"sgdclassifier__alpha": stats.loguniform(1e-5, 1e-2), "sgdclassifier__max_iter": stats.randint(500, 999)},
            n_iter=2,
            cv=StratifiedKFold(2, shuffle=True, random_state=0),
            random_state=0,
        ),
        TEXTS,
        MOOD,
    ),
    "words counted": (make_pipeline(CountVectorizer(stop_words=["here"]), MultinomialNB()), TEXTS, MOOD),
    "words and numbers": (_words_and_numbers(), NEWS, MOOD),
    "topics": (
        make_pipeline(TfidfVectorizer(), TruncatedSVD(2, random_state=0), Normalizer(), KMeans(2, n_init=1)),
        TEXTS,
        None,
    ),
    "price, on a scale of logarithms": (
        TransformedTargetRegressor(RidgeCV(), func=np.log1p, inverse_func=np.expm1),
        NUMBERS,
        PRICE,
    ),
    "price, by functions of numpy": (
        make_pipeline(
            FunctionTransformer(np.asarray),
            FunctionTransformer(np.clip, kw_args={"a_min": 0.2, "a_max": 2.0}),
            FunctionTransformer(special.expit),
            PolynomialFeatures(2),
            Ridge(),
        ),
        NUMBERS,
        PRICE,
    ),
    "digits": (
        GridSearchCV(make_pipeline(StandardScaler(), PCA(), SVC()), {"pca__n_components": [2, 3]}, cv=2),
        NUMBERS,
        KIND,
    ),
    "votes": (
        VotingClassifier(
            [("lines", LogisticRegression()), ("trees", RandomForestClassifier(5, random_state=0)), ("none", "drop")],
            voting="soft",
        ),
        NUMBERS,
        KIND,
    ),
    "a stack": (
        StackingRegressor(
            [("lines", make_pipeline(StandardScaler(), LinearRegression())), ("trees", RandomForestRegressor(5))], cv=2
        ),
        NUMBERS,
        PRICE,
    ),
    "the best columns": (
        make_pipeline(SelectKBest(partial(mutual_info_classif, random_state=0), k=2), KNeighborsClassifier()),
        NUMBERS,
        KIND,
    ),
    "columns chosen by a model": (
        make_pipeline(SelectFromModel(RandomForestClassifier(5, random_state=0)), LogisticRegression()),
        NUMBERS,
        KIND,
    ),
    "columns left out one by one": (RFECV(LogisticRegression(), cv=2, scoring="accuracy"), NUMBERS, KIND),
    "calibrated": (CalibratedClassifierCV(LinearSVC(random_state=0), cv=2), NUMBERS, KIND),
    "a threshold": (
        TunedThresholdClassifierCV(
            LogisticRegression(class_weight={False: 1, True: 2}), scoring=make_scorer(fbeta_score, beta=2), cv=2
        ),
        NUMBERS,
        KIND > 0,
    ),
    "several outputs": (
        MultiOutputRegressor(GradientBoostingRegressor(n_estimators=3)),
        NUMBERS,
        np.column_stack([PRICE, PRICE**2]),
    ),
    "a chain": (ClassifierChain(LogisticRegression()), NUMBERS, np.column_stack([KIND > 0, KIND > 1]).astype(int)),
    "holes in the data": (_missing(), PASSENGERS, PASSENGERS["parts"]),
    "claims, by bins and splines": (
        make_pipeline(
            make_union(KBinsDiscretizer(3, strategy="uniform"), SplineTransformer()),
            PoissonRegressor(alpha=1e-2, max_iter=999),
        ),
        NUMBERS,
        KIND,
    ),
    "outliers": (make_pipeline(RobustScaler(), IsolationForest(n_estimators=5, random_state=0)), NUMBERS, None),
    "a series in time": (
        GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=TimeSeriesSplit(2), scoring="neg_mean_absolute_error"),
        NUMBERS,
        PRICE,
    ),
    "repeated folds and several scores": (
        GridSearchCV(
            SVC(),
            {"C": [1, 10]},
            cv=RepeatedStratifiedKFold(n_splits=2, n_repeats=1, random_state=0),
            scoring={"accuracy": "accuracy", "f1": make_scorer(f1_score, average="macro")},
            refit="f1",
        ),
        NUMBERS,
        KIND,
    ),
    "frames between the steps": (
        make_pipeline(StandardScaler(), PCA(2), LogisticRegression()).set_output(transform="pandas"),
        NUMBERS,
        KIND,
    ),
}

# Warnings are errors here, and nothing was imported that the process which saved the models had imported.
CHILD = """
import json, pickle, sys
from pathlib import Path
import numpy as np
from mlcycle.codecs import load_model

folder, wrong = sys.argv[1], {}
for number, (name, rows, expected) in enumerate(pickle.loads(Path(folder, "expected").read_bytes())):
    try:
        model = load_model(f"{folder}/{number}.skops", "skops")
        if not np.allclose(model.predict(rows), expected, rtol=1e-12, atol=1e-12):
            wrong[name] = "predicts otherwise"
    except BaseException as error:
        wrong[name] = f"{type(error).__name__}: {error}"
print(json.dumps(wrong))
"""


def test_pipelines_of_tutorials_load_in_another_process(tmp_path):
    """Each is skops, needs no trust, warns of nothing, and predicts the same where it was not made."""
    untrusted, expected = {}, []
    for number, (name, (model, rows, answers)) in enumerate(PIPELINES.items()):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of fitting so little data
            model.fit(rows, answers)
        packed = dump_model(model, tmp_path / f"{number}.skops", example=rows[:5])
        if packed.format != "skops" or packed.untrusted:
            untrusted[name] = packed
        expected.append((name, rows, model.predict(rows)))
    assert untrusted == {}
    (tmp_path / "expected").write_bytes(pickle.dumps(expected))
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-W", "error", "-c", CHILD, str(tmp_path)]
    child = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    assert (json.loads(child.stdout), child.stderr) == ({}, "")
    assert len(PIPELINES) >= 20


@pytest.mark.parametrize("name", ["titanic, by kinds of columns, a grid", "news, by a search over a distribution"])
def test_a_search_is_what_it_was(name, tmp_path):
    """What was searched, and how, comes back too, so that it can be searched again."""
    from sklearn.base import clone

    from mlcycle.codecs._models import load_model

    model, rows, answers = PIPELINES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = clone(model).fit(rows, answers)
        dump_model(model, tmp_path / "model", example=rows[:5])
        again = load_model(tmp_path / "model", "skops")
        assert again.best_params_ == model.best_params_
        assert clone(again).fit(rows, answers).best_params_ == model.best_params_
