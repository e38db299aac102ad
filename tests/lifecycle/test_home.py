"""Records know where they came from: their verbs work wherever they travel, and nothing else about them changes."""

from __future__ import annotations

import copy
import functools
import gc
import inspect
import json
import multiprocessing
import os
import pickle
import re
import subprocess
import sys
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import joblib
import pandas as pd
import pytest

import mlcycle as mc
from mlcycle import records
from mlcycle.errors import InvalidInput, NotAStore, ReadOnly
from mlcycle.lifecycle._home import VERBS
from mlcycle.records import as_row, from_json, to_json
from tests.lifecycle.conftest import fitted

if TYPE_CHECKING:
    from collections.abc import Iterator

LIVING = (records.Comparison, records.DatasetVersion, records.Evaluation, records.ModelVersion, records.Run)
FRAME = pd.DataFrame({"id": range(40), "x": [n % 7 for n in range(40)], "left": [0, 1] * 20})
SECRETS = {
    "key": "hushkey",
    "secret": "hushsecret",
    "token": "hushtoken",
    "password": "hushpassword",
    "sas_token": "hushsas",
    "account_key": "hushaccount",
    "connection_string": "AccountKey=hushconnection",
    "client_kwargs": {"aws_secret_access_key": "hushdeep", "region_name": "eu-1"},
}


@pytest.fixture
def begun(project: mc.Project) -> mc.Project:
    """Return a project with data, a model and a run."""
    customers = project.datasets.add("customers", FRAME, target="left", key="id")
    train, _ = customers.split(test=0.25)
    X, y = train.xy()
    with project.experiments.open("linear").start({"C": 1.0}, uses=[train]) as run:
        run.log(loss=0.5)
        run.log_artifact("note", "well done")
        run.save_model(fitted(X, y), example=X[:5])
    run.register("churn")
    return project


def every(project: mc.Project) -> list[Any]:
    """Return one living record of each kind."""
    run = next(iter(project.runs))
    return [project.datasets["customers@1"], project.models["churn@1"], project.runs[run]]


# the facts are what they were ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", range(3))
def test_a_home_changes_nothing_about_the_facts(begun: mc.Project, which: int) -> None:
    """Equality, hash, repr, JSON, rows and tables are those of a record made by hand."""
    known = every(begun)[which]
    by_hand = type(known)(**{one.name: getattr(known, one.name) for one in attrs.fields(type(known))})
    assert known == by_hand
    assert hash(known) == hash(by_hand)
    assert repr(known) == repr(by_hand)
    assert known._repr_html_() == by_hand._repr_html_()
    assert len({known, by_hand}) == 1
    assert json.dumps(to_json(known)) == json.dumps(to_json(by_hand))
    assert from_json(to_json(known)) == known
    assert attrs.asdict(known) == attrs.asdict(by_hand)
    assert as_row(known).keys() == as_row(by_hand).keys()
    assert pd.DataFrame([as_row(known)]).shape == pd.DataFrame([as_row(by_hand)]).shape
    assert pd.Series([known, by_hand]).nunique() == 1


def test_the_past_is_equal_to_now(begun: mc.Project) -> None:
    """No field depends on time: a version looked at as of an entry is the version."""
    entry = begun.datasets["customers@1"].entry
    assert entry is not None
    begun.datasets.add("customers", FRAME.assign(x=0))
    begun.store.tag("later")
    assert begun.at(entry).datasets["customers@1"] == begun.datasets["customers@1"]
    assert begun.at(entry).datasets["customers"].ref == "customers@1"


def test_dask_calls_equal_records_the_same(begun: mc.Project) -> None:
    """What Dask names a record by are its facts, wherever it was got, NaN included."""
    from dask.base import tokenize

    for known in every(begun):
        by_hand = attrs.evolve(known)
        assert tokenize(known) == tokenize(by_hand)
    assert tokenize(begun.datasets["customers.train"]) != tokenize(begun.datasets["customers.test"])
    run = records.Run(id="0a", experiment="e", metrics={"loss": float("nan")})
    assert tokenize(run) == tokenize(pickle.loads(pickle.dumps(run)))


def test_a_record_stays_frozen(begun: mc.Project) -> None:
    """Neither a field nor the home can be set."""
    known: Any = begun.datasets["customers"]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        known.rows = 3
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        known._home = None
    assert not hasattr(known, "__dict__")


# verbs ---------------------------------------------------------------------------------------------------------------


def verbs_of(kind: type) -> list[str]:
    """Return the verbs of a class: what asks the project."""
    return [
        name for name, value in vars(kind).items() if inspect.isfunction(value) and "_do(" in inspect.getsource(value)
    ]


@pytest.mark.parametrize("kind", LIVING, ids=lambda one: one.__name__)
def test_each_verb_is_in_the_table_and_takes_what_is_said(kind: type) -> None:
    """What a record passes on is what is asked for, by name."""
    assert set(verbs_of(kind)) <= VERBS.keys()
    for verb in verbs_of(kind):
        said = list(inspect.signature(getattr(kind, verb)).parameters)[1:]
        taken = list(inspect.signature(VERBS[verb]).parameters)[2:]
        assert set(said) <= set(taken)


def test_a_record_made_by_hand_says_where_to_get_one() -> None:
    """It belongs to no project, and says how to take one from it."""
    by_hand = records.DatasetVersion(name="customers", number=3, id="0a")
    with pytest.raises(
        InvalidInput, match=r"made by hand and belongs to no project; take it from one.*project\.datasets"
    ):
        by_hand.load()


def test_a_record_of_another_project_is_refused(begun: mc.Project, tmp_path: Path) -> None:
    """The same address means other rows there; the address itself means those."""
    other = mc.open(tmp_path / "other", create=True)
    other.datasets.add("customers", FRAME[:10], target="left")
    with pytest.raises(InvalidInput, match="customers@1 is a record of another project"):
        other.load(begun.datasets["customers"])
    with pytest.raises(InvalidInput, match="another project"):
        other.datasets[begun.datasets["customers"]]
    assert len(other.load(begun.datasets["customers"].ref)) == 10


def test_verbs_on_records_of_the_past_look_at_the_past_and_write_nothing(begun: mc.Project) -> None:
    """A record of `at(n)` reads as of then, and says that it is the past where it would write."""
    past = begun.at(begun.datasets["customers"].entry or 0)
    known = past.datasets["customers"]
    assert len(known.load()) == 40
    with pytest.raises(ReadOnly, match="as it stood at entry"):
        known.split(test=0.5)
    again = pickle.loads(pickle.dumps(known))
    assert again == known
    with pytest.raises(ReadOnly, match="as it stood at entry"):
        again.split(test=0.5)


# travelling ----------------------------------------------------------------------------------------------------------


def test_pickles_keep_the_home_in_one_process(begun: mc.Project) -> None:
    """A record and its copies stand on the connection they came from, and copies are equal."""
    for known in every(begun):
        for again in (pickle.loads(pickle.dumps(known)), copy.copy(known), copy.deepcopy(known)):
            assert again == known
            assert again._home._session._connection is begun._session._connection
    assert copy.deepcopy(begun.models["churn@1"]).params is not begun.models["churn@1"].params
    assert pickle.loads(pickle.dumps(begun.models["churn"])).load().predict(FRAME[["x"]]).shape == (40,)


def test_a_read_only_home_stays_one(begun: mc.Project) -> None:
    """Mode ``"r"`` survives pickling."""
    known = mc.open(begun.store.url, mode="r").datasets["customers"]
    with pytest.raises(ReadOnly, match="mode='r'"):
        pickle.loads(pickle.dumps(known)).split(test=0.5)


def test_pickles_hold_no_secrets(begun: mc.Project) -> None:
    """What is dumped and mailed has none of the storage options that open a store, however deep."""
    begun._session._connection._storage_options = {**SECRETS, "anon": False}
    dumped = pickle.dumps([*every(begun)])
    assert b"hush" not in dumped
    assert b"eu-1" in dumped
    assert b"hushkey" in pickle.dumps(begun)  # a project goes to workers, which need them
    assert pickle.loads(dumped)[0]._home._session._connection is begun._session._connection


def run_elsewhere(code: str, data: bytes, *arguments: str) -> str:
    """Return what a fresh process prints that gets a pickle."""
    head = "import pickle, sys, warnings; warnings.simplefilter('error')\nthing = pickle.load(sys.stdin.buffer)\n"
    done = subprocess.run(
        [sys.executable, "-c", head + code, *arguments], input=data, capture_output=True, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def test_a_thousand_records_share_one_connection_elsewhere(begun: mc.Project) -> None:
    """In another process nothing is opened until a verb is used, and then once, however they were pickled."""
    pickles = [pickle.dumps(one) for one in every(begun) * 333] + [pickle.dumps(begun)]
    code = """
records = [pickle.loads(one) for one in thing]
*records, project = records
found = {id(one._home._session._connection) for one in records} | {id(project._session._connection)}
print(len(found), project._session._connection._pid)
print(len(records[0].load()), type(records[1].load()).__name__, len(records[2].points()), records[2].artifact("note"))
"""
    assert run_elsewhere(code, pickle.dumps(pickles)).splitlines() == ["1 None", "40 Pipeline 1 b'well done'"]


def test_a_store_that_is_gone_is_told_when_a_verb_is_used(begun: mc.Project, tmp_path: Path) -> None:
    """Unpickling fails for nobody; it never makes a store."""
    dumped = pickle.dumps(begun.datasets["customers"])
    Path(begun.store.url).rename(tmp_path / "moved")
    code = """
print(thing)
try:
    thing.load()
except Exception as error:
    print(type(error).__name__, error)
"""
    first, second = run_elsewhere(code, dumped).splitlines()
    assert first == "customers@1"
    assert second == f"NotAStore there is no mlcycle project at {begun.store.url}"
    assert not Path(begun.store.url).exists()


def test_memory_lives_in_one_process() -> None:
    """A record and a project of memory:// say so in another."""
    made = mc.open("memory://test-living", create=True)
    made.datasets.add("customers", FRAME)
    code = """
for one in thing:
    try:
        one.load() if hasattr(one, "ref") else one.status()
    except Exception as error:
        print(type(error).__name__, error)
"""
    for line in run_elsewhere(code, pickle.dumps([made.datasets["customers"], made])).splitlines():
        assert line == (
            "NotAStore there is no mlcycle project at memory://test-living: memory:// lives in one process, and what "
            "another made there is not here; share a folder"
        )
    with pytest.raises(NotAStore, match="memory:// lives in one process"):
        mc.open("memory://test-nothing", create=False)


def _rows(version: mc.DatasetVersion) -> int:
    return len(version.load())


def test_records_travel_to_joblib_workers(begun: mc.Project) -> None:
    """Joblib's processes load what they are handed."""
    versions = [begun.datasets["customers"], begun.datasets["customers.train"]] * 2
    assert joblib.Parallel(2)(joblib.delayed(_rows)(one) for one in versions) == [40, 30, 40, 30]


@pytest.fixture
def _same_environment() -> Iterator[None]:
    """Take out of the environment what a test put there: Dask's nanny leaves a hash seed and thread settings."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


@pytest.mark.usefixtures("_same_environment")
def test_records_travel_to_a_dask_cluster(begun: mc.Project) -> None:
    """A real cluster of processes gets equal inputs as one, and loads them."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        asked = [client.submit(_rows, one) for one in (begun.datasets["customers"], begun.datasets["customers@1"])]
        assert [one.result() for one in asked] == [40, 40]
        assert asked[0].key == asked[1].key


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_uses_the_record_it_was_born_with(begun: mc.Project) -> None:
    """Its connection is its own."""
    version = begun.datasets["customers"]
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply(_rows, (version,)) == 40


def test_a_project_lives_as_long_as_its_records(begun: mc.Project) -> None:
    """A record keeps what it stands on, and the last one lets it go."""
    opened = mc.open(begun.store.url)
    version = opened.datasets["customers"]
    watched = weakref.ref(opened._session)
    del opened
    gc.collect()
    assert watched() is not None
    assert len(version.load()) == 40
    del version  # which lets go at once: no cycle waits for a collection
    assert watched() is None


# hooks are part of a home --------------------------------------------------------------------------------------------


def stop(event: mc.Event, context: Any) -> bool:
    """Block whatever is asked."""
    return False


def test_hooks_judge_what_records_do(begun: mc.Project) -> None:
    """A verb on a record, or on a copy of it, asks the hooks the project was opened with."""
    guarded = mc.open(begun.store.url, hooks=[mc.before("model.promote", stop)])
    version = guarded.models["churn"]
    for one in (version, pickle.loads(pickle.dumps(version))):
        with pytest.raises(mc.errors.GateBlocked, match="stop"):
            one.promote("production")
    assert begun.models.aliases("churn") == {}


def test_a_hook_that_stays_behind_closes_what_it_guards(begun: mc.Project) -> None:
    """A copy whose hook is not found by its name reads everything and refuses that verb."""
    guarded = mc.open(begun.store.url, hooks=[mc.before("model.promote", lambda event, context: True)])
    again = pickle.loads(pickle.dumps(guarded.models["churn"]))
    assert again.load().predict(FRAME[["x"]]).shape == (40,)
    with pytest.raises(ReadOnly, match="lost before"):
        again.promote("production")


def test_who_acts_is_who_opened_the_project(begun: mc.Project) -> None:
    """The author travels with a record."""
    code = "print(thing.split(test=0.5)[0].author)"
    assert run_elsewhere(code, pickle.dumps(begun.datasets["customers"])) == "ada"


def test_without_secrets_a_bucket_says_what_came_without(s3_url: tuple[str, dict[str, Any]]) -> None:
    """Where the pickle's options do not suffice, the error names what they lack and how to go on."""
    url, options = s3_url
    made = mc.open(url, create=True, storage_options=options)
    made.datasets.add("customers", FRAME)
    dumped = pickle.dumps(made.datasets["customers"])
    code = """
import os
os.environ.update(AWS_EC2_METADATA_DISABLED="true", AWS_SHARED_CREDENTIALS_FILE="/nowhere", AWS_CONFIG_FILE="/nowhere")
for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
    os.environ.pop(name, None)
try:
    thing.load()
except Exception as error:
    print(type(error).__name__, error)
"""
    assert re.fullmatch(
        rf"AccessDenied .*came without key, secret: they may be secret.*mlcycle.open\('{url}'.*",
        run_elsewhere(code, dumped),
    )
    with_project = run_elsewhere("print(len(thing[1].load()))", pickle.dumps([made, made.datasets["customers"]]))
    assert with_project == "40"


def test_whatever_handle_travels_gives_living_records(begun: mc.Project) -> None:
    """An experiment, a collection and a deployment handed to a worker alone hand out records with verbs."""
    code = """
experiment, models, runs = thing
print(experiment.runs()[0].points()["value"].tolist(), models["churn"].load() is not None)
with experiment.start() as run:
    run.log(loss=1.0)
print(runs[run.id].points()["value"].tolist())
"""
    handles = (begun.experiments["linear"], begun.models, begun.runs)
    assert run_elsewhere(code, pickle.dumps(handles)).splitlines() == ["[0.5] True", "[1.0]"]


def notify(token: str, event: mc.Event, context: Any) -> None:
    """Be told, with a token."""


@pytest.mark.parametrize(
    "options",
    [
        {"s3_additional_kwargs": {"SSECustomerKey": "hush"}},
        {"client_kwargs": {"cookies": {"session": "hush"}, "headers": {"X-Auth": "hush"}}},
        {"connectionString": "hush"},
        {"sas": "hush", "sig": "hush", "pat": "hush", "creds": ["hush"], "dsn": "hush", "aws_access_key_id": "hush"},
        {"endpoint_url": "https://hush@host"},
        {"endpoint_url": "https://host/path?sig=hush"},
        {"account_url": "https://a.blob.core?sig=hush"},
        {"headers": ["Authorization: Bearer hush"]},
        {"basic": ("me", "hush")},
        {"target_options": {"password": "hush", "inner": [{"token": "hush"}]}},
        {"KEY": "hush", "Token": {"type": "hush"}},
    ],
    ids=lambda one: "-".join(one),
)
def test_what_is_not_known_to_be_harmless_stays_behind(begun: mc.Project, options: dict[str, Any]) -> None:
    """However it is named or nested; a URL loses what stands before its host and behind its path."""
    begun._session._connection._storage_options = {**options, "anon": False}
    dumped = pickle.dumps(every(begun))
    assert b"hush" not in dumped
    assert b"anon" in dumped


def test_hooks_that_hold_something_stay_behind(begun: mc.Project) -> None:
    """A record's pickle has the hooks that are functions of a module, by name, and nothing that one holds."""
    hooks = [mc.after("model.promote", functools.partial(notify, "hush")), mc.before("model.promote", stop)]
    guarded = mc.open(begun.store.url, hooks=hooks)
    dumped = pickle.dumps(guarded.models["churn"])
    assert b"hush" not in dumped
    with pytest.raises(mc.errors.GateBlocked):
        pickle.loads(dumped).promote("production")


def test_threads_that_use_one_unpickled_record_at_once(begun: mc.Project) -> None:
    """The connection is seen open when it is."""
    dumped = pickle.dumps(begun.datasets["customers"])
    code = """
import threading, time
from mlcycle.lifecycle import _connection
slow = _connection.Log
def log(*given, **more):
    time.sleep(0.2)
    return slow(*given, **more)
_connection.Log = log
found = []
threads = [threading.Thread(target=lambda: found.append(len(thing.load()))) for _ in range(6)]
for one in threads: one.start()
for one in threads: one.join()
print(found)
"""
    assert run_elsewhere(code, dumped) == "[40, 40, 40, 40, 40, 40]"


def test_joblib_calls_a_record_the_same_in_any_process(begun: mc.Project) -> None:
    """Its hash depends on where the store is, and not on who opened it when."""
    code = "import joblib; print(joblib.hash(thing.load.__self__))"
    version = begun.datasets["customers"]
    assert run_elsewhere(code, pickle.dumps(version)) == joblib.hash(version)
    assert joblib.hash(mc.open(begun.store.url, author="ada").datasets["customers"]) == joblib.hash(version)


def test_an_author_nobody_gave_is_not_pickled(begun: mc.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who acts elsewhere is who that machine says."""
    opened = mc.open(begun.store.url)
    opened.store.tag("one")
    monkeypatch.setenv("MLCYCLE_AUTHOR", "receiver")
    code = "print(thing.split(test=0.5)[0].author)"
    assert run_elsewhere(code, pickle.dumps(opened.datasets["customers"])) == "receiver"


def test_a_pickle_of_another_release_is_told(begun: mc.Project) -> None:
    """A field that this one needs and that one had not is a schema error, and one too many is passed over."""
    rebuild, (kind, facts, home) = begun.datasets["customers"].__reduce__()
    assert rebuild(kind, {**facts, "later": 1}, home) == begun.datasets["customers"]
    with pytest.raises(mc.errors.SchemaError, match="pickled by another release"):
        rebuild(kind, {"name": "customers"}, home)


def test_a_record_of_ones_own_class_has_the_verbs(begun: mc.Project) -> None:
    """Deriving from a record loses none of them."""

    class Mine(records.DatasetVersion):
        """A version of somebody's own."""

    known = begun.datasets["customers"]
    mine = records.at_home(Mine(name=known.name, number=1, id=known.id), known._home)
    assert len(mine.evaluations()) == 0
    assert mine.evaluate(checks=[lambda subject, context: True]).subject == "dataset:customers@1"
    assert len(begun.history(of=mine)) == len(begun.history(of=known))


def test_runs_with_nan_are_equal_to_their_copies(begun: mc.Project) -> None:
    """NaN is the metric it is, in a pickle as well."""
    with begun.experiments["linear"].start() as run:
        run.log(loss=float("nan"))
    known = begun.runs[run.id]
    assert pickle.loads(pickle.dumps(known)) == known == begun.runs[run.id]


def test_the_table_has_no_verb_that_no_record_has() -> None:
    """Each is somebody's."""
    kinds = LIVING
    assert {verb for kind in kinds for verb in verbs_of(kind)} == VERBS.keys()
