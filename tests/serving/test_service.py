"""A deployment at work."""

from __future__ import annotations

import pickle
import threading
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

from mlcycle.codecs import complete_signature, infer_signature
from mlcycle.errors import InvalidInput, MlcycleWarning
from mlcycle.serving import Service, choose
from tests.serving.conftest import Place

Iris = tuple[pd.DataFrame, pd.Series]


class Failing(BaseEstimator):
    """A model that cannot answer."""

    def predict(self, X: Any) -> Any:
        """Fail."""
        raise RuntimeError("out of order")


def test_one_version_answers_as_the_estimator_does(place: Place, iris: Iris) -> None:
    """Values, dtype and shape are the estimator's own, for frames, records, columns, arrays and no rows."""
    X, _ = iris
    model = place.models["iris@1"]
    with Service("shop", **place.parts()) as service:
        for rows in (X, X[:1], X.to_dict("records"), X.to_dict("list"), X.to_numpy(), X[list(X.columns[::-1])]):
            answer = service.predict(rows)
            np.testing.assert_array_equal(model.predict(X[: len(answer)]), answer)
            np.testing.assert_array_equal(model.predict_proba(X[: len(answer)]), service.predict_proba(rows))
        one = service.predict(dict(X.iloc[0]))
        assert one.tolist() == model.predict(X[:1]).tolist()
    assert place.closed == 1


def test_a_split_keeps_the_order_of_rows(place: Place, iris: Iris) -> None:
    """Every row has the answer of its own version, in its own place, whatever form the rows came in."""
    X, _ = iris
    place.route({"iris@2": 1, "iris@1": 1, "iris@10": 2})
    ids = np.arange(len(X)) * 7
    refs = np.array(list(place.weights))[choose([str(i) for i in ids], place.weights, "shop")]
    expected = np.array([place.models[ref].predict(X.iloc[[i]])[0] for i, ref in enumerate(refs)])
    with Service("shop", **place.parts()) as service:
        for rows in (X, X.to_dict("records"), X.to_dict("list"), X.to_numpy()):
            answer = service.predict(rows, ids=ids)
            np.testing.assert_array_equal(expected, answer)
            assert answer.dtype == expected.dtype
        single = [service.predict(X.iloc[[i]], ids=[ids[i]])[0] for i in range(20)]
        assert single == expected[:20].tolist()
        assert service.predict_proba(X, ids=ids).shape == (150, 3)
    kept = place.traffic().frame
    assert kept[:150].set_index("id")["version"].to_dict() == dict(zip(map(str, ids), refs.tolist(), strict=True))


def test_what_is_kept(place: Place, iris: Iris) -> None:
    """Id, inputs, label, scores, version, revision and time of every row, also where ids were made up."""
    X, y = iris
    with Service("shop", **place.parts()) as service:
        service.predict(X[:3], ids=["a", 2, 3.0])
        service.predict(X[3:5])
        service.label(["a", "2"], y[:2])
    frame = place.traffic().frame
    assert frame["id"].tolist()[:3] == ["a", "2", "3"]
    assert all(len(one) == 32 for one in frame["id"][3:])
    assert frame["id"].is_unique
    assert frame["label"].tolist() == [0, 0, None, None, None]
    assert frame["output"].tolist() == place.models["iris@1"].predict(X[:5]).tolist()
    np.testing.assert_array_equal(place.models["iris@1"].predict_proba(X[:5]), np.stack(frame["scores"]))
    np.testing.assert_array_equal(X[:5], frame.filter(like="in."))
    assert (set(frame["version"]), set(frame["revision"]), set(frame["role"])) == ({"iris@1"}, {1}, {"live"})
    assert (frame["ms"] > 0).all()


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([1, 2], "3 rows and 2 ids"),
        ([1, None, 3], "position 1 is missing"),
        ([1, float("nan"), 3], "position 1 is missing"),
        ("abc", "one a row, got the text"),
    ],
)
def test_ids_that_cannot_be(place: Place, iris: Iris, ids: Any, message: str) -> None:
    """As many ids as rows, none missing."""
    with Service("shop", **place.parts()) as service, pytest.raises(InvalidInput, match=message):
        service.predict(iris[0][:3], ids=ids)


def test_inputs_are_held_against_the_signature(place: Place, iris: Iris) -> None:
    """A missing column is named, and the failure is kept as traffic."""
    X, _ = iris
    with Service("shop", **place.parts()) as service:
        with pytest.raises(InvalidInput, match="petal width"):
            service.predict(X.drop(columns="petal width (cm)")[:2], ids=[1, 2])
        assert service.failures["answer"] == 1
    frame = place.traffic().frame
    assert frame["id"].tolist() == ["1", "2"]
    assert frame["error"].str.contains("petal width").all()
    assert len(place.traffic().live()) == 0


def test_new_revisions_are_followed(place: Place, iris: Iris) -> None:
    """A new revision answers at the next look; models that answered already are not loaded again."""
    X, _ = iris
    with Service("shop", **place.parts(), follow=0) as service:
        service.predict(X[:1])
        place.route({"iris@1": 1, "iris@2": 1})
        service.predict(X)
        assert service.revision.number == 2
        place.route({"iris@2": 1})
        np.testing.assert_array_equal(place.models["iris@2"].predict(X), service.predict(X))
    assert place.loads == ["iris@1", "iris@2"]


def test_looks_are_rationed(place: Place, iris: Iris) -> None:
    """Between looks nothing is asked; `refresh` looks at once."""
    with Service("shop", **place.parts(), follow=60) as service:
        for _ in range(20):
            service.predict(iris[0][:1])
        assert place.asked == 1
        place.route({"iris@2": 1})
        assert service.revision.number == 1
        service.refresh()
        assert (service.revision.number, place.asked) == (2, 2)


def test_a_revision_that_cannot_be_loaded_is_no_outage(place: Place, iris: Iris) -> None:
    """The old one answers on, with one warning and a count; when the trouble is over, the new one takes over."""
    X, _ = iris
    with Service("shop", **place.parts(), follow=0) as service:
        place.broken.add("iris@2")
        place.route({"iris@2": 1})
        with pytest.warns(MlcycleWarning, match="shop stays at revision 1: .*iris@2 is damaged"):
            answer = service.predict(X)
        np.testing.assert_array_equal(place.models["iris@1"].predict(X), answer)
        asked = place.asked
        service.predict(X)
        assert (service.failures["refresh"], place.asked) == (1, asked)  # it waits before it tries again
        service.refresh()
        assert service.failures["refresh"] == 2  # counted, not said again
        place.broken.clear()
        service.refresh()
        assert service.revision.number == 2


def test_no_network_is_no_outage(place: Place, iris: Iris) -> None:
    """Where the routes cannot be read the service goes on as it was."""
    with Service("shop", **place.parts(), follow=0) as service:
        place.broken.add("routes")
        with pytest.warns(MlcycleWarning, match="no network"):
            assert len(service.predict(iris[0])) == 150


def test_a_full_disk_is_no_outage(place: Place, iris: Iris) -> None:
    """What cannot be kept is counted and said once."""
    with Service("shop", **place.parts()) as service:
        place.broken.add("sink")
        with pytest.warns(MlcycleWarning, match="could not be kept: .*disk full"):
            service.predict(iris[0])
        service.predict(iris[0])
        assert service.failures["capture"] == 2


def test_shadows_answer_unseen(place: Place, iris: Iris) -> None:
    """A shadow sees all rows and is kept under the same ids; callers get the live answers."""
    X, _ = iris
    place.route({"iris@1": 1}, shadow="iris@2")
    with Service("shop", **place.parts()) as service:
        np.testing.assert_array_equal(place.models["iris@1"].predict(X), service.predict(X))
    frame = place.traffic().frame
    shadow = frame[frame["role"] == "shadow"]
    assert shadow["output"].tolist() == place.models["iris@2"].predict(X).tolist()
    assert shadow["id"].tolist() == frame[frame["role"] == "live"]["id"].tolist()
    assert set(shadow["version"]) == {"iris@2"}


def test_a_failing_shadow_never_reaches_the_caller(place: Place, iris: Iris) -> None:
    """It is counted, said once, and kept; one that cannot be loaded holds nothing up."""
    X, _ = iris
    place.models = {**place.models, "iris@2": Failing()}
    place.route({"iris@1": 1}, shadow="iris@2")
    with Service("shop", **place.parts()) as service:
        with pytest.warns(MlcycleWarning, match="shadow iris@2 failed: RuntimeError"):
            np.testing.assert_array_equal(place.models["iris@1"].predict(X[:2]), service.predict(X[:2]))
        assert service.failures["shadow"] == 1
    assert place.traffic().frame["error"].tolist() == [None, None] + ["RuntimeError: out of order"] * 2
    place.broken.add("iris@2")
    with pytest.warns(MlcycleWarning, match="could not be loaded"), Service("shop", **place.parts()) as service:
        assert len(service.predict(X)) == 150


def test_a_failing_version_fails_its_callers(place: Place, iris: Iris) -> None:
    """The estimator's own exception reaches the caller, and the failure is kept."""
    place.models = {**place.models, "iris@1": Failing()}
    with Service("shop", **place.parts()) as service:
        with pytest.raises(RuntimeError, match="out of order"):
            service.predict(iris[0][:2])
        with pytest.raises(AttributeError, match="predict_proba"):
            service.predict_proba(iris[0][:2])
        assert service.failures["answer"] == 2


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_sampling_is_by_id(place: Place, iris: Iris, share: float) -> None:
    """A share of the ids is kept, always the same ones, independently of the route; labels are always kept."""
    X = pd.concat([iris[0]] * 10, ignore_index=True)
    with Service("shop", **place.parts(), capture=share) as service:
        first = service.predict(X, ids=X.index)
        np.testing.assert_array_equal(place.models["iris@1"].predict(X), first)
        service.predict(X, ids=X.index)
        service.label([1], [0])
    assert place.kept.count(b'"y":') == 1
    frame = place.traffic().frame
    counts = frame["id"].value_counts() if len(frame) else pd.Series(dtype=int)
    assert set(counts) <= {2}
    assert abs(len(counts) / len(X) - share) < 0.06
    if len(frame):
        rows = frame["id"].astype(int)
        np.testing.assert_array_equal(X.loc[rows].to_numpy(), frame.filter(like="in.").to_numpy())


def test_versions_with_other_classes_stand_side_by_side(place: Place, iris: Iris) -> None:
    """Probabilities of versions that know other classes have a column for every class, the same at every call."""
    X, y = iris
    two = LogisticRegression(max_iter=2000).fit(X[y < 2], y[y < 2])
    place.models = {**place.models, "iris@2": two}
    place.route({"iris@1": 1, "iris@2": 1})
    with Service("shop", **place.parts()) as service:
        scores = service.predict_proba(X, ids=range(150))
        refs = np.array(list(place.weights))[choose([str(i) for i in range(150)], place.weights, "shop")]
        np.testing.assert_array_equal(two.predict_proba(X[refs == "iris@2"]), scores[refs == "iris@2"][:, :2])
        assert (scores[refs == "iris@2"][:, 2] == 0).all()
        shapes = {service.predict_proba(X[i : i + 1], ids=[i]).shape for i in range(10)}
        assert shapes == {(1, 3)}


def test_regressors_and_several_targets(iris: Iris) -> None:
    """Numbers come back as numbers; several targets keep their shape, alone and divided."""
    X, y = iris
    targets = np.column_stack([y, y])
    one, two = LinearRegression().fit(X, y), LinearRegression().fit(X, targets)
    forests = {f"f@{i}": RandomForestClassifier(3, random_state=i).fit(X, targets) for i in (1, 2)}
    for models, method in (
        ({"m@1": one}, "predict"),
        ({"m@1": two, "m@2": two}, "predict"),
        (forests, "predict_proba"),
    ):
        place = Place(dict.fromkeys(models, 1), models, signature=infer_signature(X, next(iter(models.values()))))
        with Service("shop", **place.parts()) as service:
            answer = getattr(service, method)(X, ids=range(150))
        own = getattr(next(iter(models.values())), method)(X)
        assert np.shape(answer) == np.shape(own)
        if models is not forests:
            np.testing.assert_array_equal(own, answer)
        assert len(place.traffic().frame) == 150


def test_text_models(iris: Iris) -> None:
    """A model that takes one text a row is served lists of text, divided too."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.pipeline import make_pipeline

    texts = ["good thing", "bad thing", "good day", "bad day"]
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, [1, 0, 1, 0])
    place = Place({"t@1": 1, "t@2": 1}, {"t@1": model, "t@2": model}, signature=infer_signature(texts, model))
    with Service("shop", **place.parts()) as service:
        assert service.predict(texts, ids=range(4)).tolist() == model.predict(texts).tolist()
    assert sorted(place.traffic().frame["in.x0"]) == sorted(texts)


def test_many_threads_at_once(place: Place, iris: Iris) -> None:
    """While routes change under them, all threads get whole answers of one revision, and every line is kept."""
    X, _ = iris
    answers = [place.models[ref].predict(X).tolist() for ref in ("iris@1", "iris@2")]
    wrong: list[Any] = []
    with Service("shop", **place.parts(), follow=0) as service:

        def work() -> None:
            for _ in range(15):
                found = service.predict(X).tolist()
                if found not in answers:
                    wrong.append(found)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for turn in range(10):
            place.route({("iris@2", "iris@1")[turn % 2]: 1})
            time.sleep(0.005)
        for thread in threads:
            thread.join()
    assert wrong == []
    traffic = place.traffic()
    assert (len(traffic.frame), traffic.skipped) == (4 * 15 * 150, 0)


def test_a_closed_service_says_so(place: Place, iris: Iris) -> None:
    """After close there is an error with the remedy; closing again is harmless, and it is never pickled."""
    service = Service("shop", **place.parts())
    assert repr(service) == "<service shop: shop revision 1>"
    service.close()
    service.close()
    assert (place.closed, repr(service)) == (1, "<service shop: shop revision 1, closed>")
    with pytest.raises(InvalidInput, match="is closed"):
        service.predict(iris[0])
    with pytest.raises(InvalidInput, match="is closed"):
        service.label([1], [1])
    with pytest.raises(TypeError, match="a service answers in one process"):
        pickle.dumps(service)


@pytest.mark.parametrize(
    ("argument", "value"),
    [*(("capture", value) for value in (1.5, -0.1, "all", None)), *(("follow", value) for value in (-1, "1s", None))],
)
def test_arguments_that_cannot_be(place: Place, argument: str, value: Any) -> None:
    """Shares lie between 0 and 1, pauses are not negative."""
    with pytest.raises(InvalidInput, match=f"^{argument}={value!r} is "):
        Service("shop", **place.parts(), **{argument: value})


def test_it_costs_little(place: Place, iris: Iris) -> None:
    """A row through the service takes at most twice as long as through the estimator; the benchmark says how much."""
    X, model = iris[0][:1], place.models["iris@1"]
    with Service("shop", **place.parts()) as service, warnings.catch_warnings():
        alone, served = [], []
        for _ in range(150):
            for action, times in ((lambda: model.predict(X), alone), (lambda: service.predict(X, ids=["1"]), served)):
                began = time.perf_counter()
                action()
                times.append(time.perf_counter() - began)
    assert np.median(served) < 2 * np.median(alone)


def test_a_handle_is_small() -> None:
    """A service has at most twelve public members, and says first how long it lives."""
    members = [name for name in dir(Service) if not name.startswith("_")]
    assert len(members) + 1 <= 12  # and `name`
    assert "lives as long as" in (Service.__doc__ or "").splitlines()[0]


def test_no_rows_and_iterators_are_told_in_words(place: Place, iris: Iris) -> None:
    """What the model says of no rows is not left to its library, and an iterator is not used up for nothing."""
    X, _ = iris
    with Service("shop", **place.parts()) as service:
        for rows in (X[:0], X[:0].to_numpy(), [], {name: [] for name in X.columns}):
            for method in (service.predict, service.predict_proba):
                with pytest.raises(InvalidInput, match="no rows"):
                    method(rows)
        for rows in (iter(X.to_numpy()), map(list, X.to_numpy()), (row for row in X.to_dict("records")), None, 5, "a"):
            with pytest.raises(InvalidInput, match="rows are a DataFrame"):
                service.predict(rows)
        assert service.failures["answer"] == 0
    assert place.kept == b""


def test_a_model_that_answers_no_rows_does(place: Place) -> None:
    """Where the estimator itself has an answer, it is given."""

    class Counting:
        def predict(self, X: Any) -> Any:
            return np.arange(len(X))

    place.models, place.signature = {"iris@1": Counting()}, None
    with Service("shop", **place.parts()) as service:
        assert service.predict(pd.DataFrame({"a": []})).tolist() == []


def test_dicts_reach_a_model_of_dicts_and_are_kept(place: Place) -> None:
    """As they came, from dicts and from a table; what is kept has their keys."""
    rows = [{"word": "good", "n": 1}, {"word": "bad"}] * 4
    model = make_pipeline(DictVectorizer(dtype=float), LogisticRegression()).fit(rows, [1, 0] * 4)
    for signature in (infer_signature(rows, model), complete_signature(None, model)):
        place.models, place.signature, place.kept = {"iris@1": model}, signature, b""
        with Service("shop", **place.parts()) as service:
            assert service.predict(rows[:2], ids=[1, 2]).tolist() == [1, 0]
            assert service.predict(pd.DataFrame(rows[:2]), ids=[3, 4]).tolist() == [1, 0]
        kept = place.traffic().frame
        assert kept["in.word"].tolist() == ["good", "bad"] * 2
        assert kept["in.n"].isna().tolist() == [False, True] * 2
