"""The secret filter over the forms in which people write secrets, and over what only looks like one."""

from __future__ import annotations

import inspect
import time
from pathlib import Path

import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils import all_estimators

from mlcycle.lifecycle._params import as_params
from mlcycle.provenance import redact, redact_argv, redact_params
from tests.provenance.secret_texts import FORMS, HARMLESS, P


@pytest.mark.parametrize(("text", "secret"), FORMS)
def test_every_form_of_a_secret_goes(text: str, secret: str) -> None:
    """In every form the secret goes and its lines stay, as a file and as each kind of line of a diff."""
    plain = text.removesuffix("\n").removeprefix("+").replace("\n+", "\n")
    for sign in ("", "+", "-", " "):
        shown = "".join(f"{sign}{line}\n" for line in plain.split("\n"))
        masked, found = redact(shown)
        assert (secret in masked, found >= 1) == (False, True), masked
        assert [line[:1] for line in shown.split("\n")] == [line[:1] for line in masked.split("\n")] or not sign
        assert (masked, 0) == redact(masked)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_speaks_of_secrets_stays(text: str) -> None:
    """Code, types, words and references hold no secret, and are not changed, in a diff either."""
    for sign in ("", "+", "-", " "):
        assert (f"{sign}{text}\n", 0) == redact(f"{sign}{text}\n")


@pytest.mark.parametrize("module", ["ensemble", "feature_extraction", "linear_model"])
def test_source_code_is_left_alone(module: str) -> None:
    """Nothing is masked in the sources of scikit-learn."""
    assert _masked(Path(sklearn.__file__).parent / module) == {}


@pytest.mark.deep
def test_all_source_code_is_left_alone() -> None:
    """Nothing is masked in all of scikit-learn, tests and compiled sources apart."""
    assert _masked(Path(sklearn.__file__).parent) == {}


def _masked(folder: Path) -> dict[str, int]:
    files = [file for file in folder.rglob("*.py") if "tests" not in file.parts]
    assert files
    counts = {file.name: redact(file.read_text())[1] for file in files}
    return {name: count for name, count in counts.items() if count}


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--password", P], ["--password", "[redacted:assignment]"]),
        (["--db-pass", P], ["--db-pass", "[redacted:assignment]"]),
        ([f"--passwd={P}"], ["--passwd=[redacted:assignment]"]),
        ([f"db.password={P}"], ["db.password=[redacted:assignment]"]),
        (["+db.password=123456"], ["+db.password=[redacted:assignment]"]),
        (["-u", f"me:{P}"], ["-u", "me:[redacted:option]"]),
        (["--url", f"postgres://u:{P}@h"], ["--url", "postgres://u:[redacted:url-password]@h"]),
        (
            ["--header", "Authorization: Bearer abcdefgh"],
            ["--header", "Authorization: Bearer [redacted:authorization]"],
        ),
        (["--api_key", "abcdef"], ["--api_key", "[redacted:assignment]"]),
        *((same, same) for same in (["--user", "1000:1000"], ["--password", "$PW"], ["--token-file", "a/b"])),
        *((same, same) for same in (["--tokenizer", "bert"], ["--max-tokens", "100"], ["--no-password"])),
        *((same, same) for same in (["--author", "me"], ["--passes", "3"], ["--n-pass", "3"], ["-p", "x"])),
    ],
)
def test_command_lines(argv: list[str], expected: list[str]) -> None:
    """Options keep their names and lose their secrets; other options keep their values."""
    assert expected == redact_argv(argv)[0]


# parameters -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *(
            "password",
            "passwd",
            "pwd",
            "PASSWORD",
            "db.password",
            "db__password",
            "db_password",
            "dbPassword",
            "secret",
        ),
        *("client_secret", "clientSecret", "api_key", "apikey", "api-key", "openai_api_key", "token", "access_token"),
        *(
            "hub_token",
            "aws_secret_access_key",
            "access_key",
            "private_key",
            "credentials",
            "auth",
            "pass",
            "smtp_pass",
        ),
    ],
)
def test_params_with_the_name_of_a_secret(name: str) -> None:
    """What is called a secret is masked at any depth, and what says that there is none stays."""
    mark = "[redacted:param]"
    assert {name: mark} == redact_params({name: "hunter"})
    assert {"a": [{name: [mark, mark]}]} == redact_params({"a": [{name: ["hunter", "moon"]}]})
    for plain in (None, True, "", "${SECRET}"):
        assert {name: plain} == redact_params({name: plain})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a", "[redacted:github-token]"),
        (f"postgres://me:{P}@db/x", "postgres://me:[redacted:url-password]@db/x"),
        (
            {"dsn": f"host=h user=me password={P} dbname=x"},
            {"dsn": "host=h user=me password=[redacted:assignment] dbname=x"},
        ),
        ([("AKIA" + "IOSFODNN7EXAMPLE")], ["[redacted:aws-key]"]),
        (["--password", "x"], ["--password", "[redacted:assignment]"]),
        (["run", "--seed", 3, "--db-pass", 123456], ["run", "--seed", 3, "--db-pass", "[redacted:assignment]"]),
        ([["fit", "--token", "abc123"]], [["fit", "--token", "[redacted:assignment]"]]),
        (["-u", "me:hunter2", {"api_key": "x"}], ["-u", "me:[redacted:option]", {"api_key": "[redacted:param]"}]),
        (["mysql", "-u", "root", "-phunter2"], ["mysql", "-u", "root", "-p[redacted:option]"]),
        ([{"name": "DB_PASSWORD", "value": "x"}], [{"name": "DB_PASSWORD", "value": "[redacted:param]"}]),
        ({"password": {"value": "x", "min": 3}}, {"password": {"value": "[redacted:param]", "min": 3}}),
    ],
)
def test_params_that_look_like_a_secret(value: object, expected: object) -> None:
    """A value that looks like a secret is masked under any name."""
    assert {"source": expected} == redact_params({"source": value})


OTHERS = {
    "token_pattern": "(?u)\\b\\w\\w+\\b",
    "tokenizer": "word",
    "key": "customer_id",
    "pass_through": True,
    "passthrough": "drop",
    "n_tokens": 7,
    "max_tokens": 100,
    "author": "Ann",
    "secret_santa": "Bob",
    "pad_token": "[PAD]",
    "eos_token": "</s>",
    "sort_key": "a",
    "primary_key": "id",
    "password_columns": ["a"],
    "tokens": ["a"],
    "authors": ["a"],
    # of XGBoost, LightGBM and CatBoost
    "objective": "binary:logistic",
    "eval_metric": "auc",
    "tree_method": "hist",
    "booster": "gbtree",
    "device": "cuda:0",
    "interaction_constraints": "[[0, 1], [2, 3]]",
    "monotone_constraints": "(1,0,-1)",
    "boosting_type": "gbdt",
    "categorical_feature": "name:c1,c2",
    "machines": "10.0.0.1:12400,10.0.0.2:12400",
    "cat_features": ["a"],
    "verbosity": -1,
    "loss_function": "Quantile:alpha=0.1",
    "bootstrap_type": "Bernoulli",
    "per_float_feature_quantization": "0:border_count=1024",
    "forcedsplits_filename": "a/b.json",
    "importance_type": "gain",
    "grow_policy": "lossguide",
    "learning_rate": 0.1,
    # lists that are no command line with a secret
    "columns": ["token", "text"],
    "stop_words": ["-", "a", "--", "password", "x"],
    "options": ["--tokenizer", "bert", "--max-tokens", "5", "--depth", 3, "-p", None, True, -0.5],
    "hyperparameter": {"name": "tokenizer", "value": "word"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_params_are_not_touched(name: str) -> None:
    """Parameters whose names or values only resemble secrets are kept."""
    assert {name: OTHERS[name]} == redact_params({name: OTHERS[name]})


def test_no_parameter_of_any_estimator_is_touched() -> None:
    """No estimator of scikit-learn has a parameter that is taken for a secret, whatever text it holds."""
    touched = []
    for name, estimator in all_estimators():
        given = dict.fromkeys(inspect.signature(estimator).parameters, "text")
        defaults = {
            p.name: p.default for p in inspect.signature(estimator).parameters.values() if p.default is not p.empty
        }
        plain = {
            key: value for key, value in defaults.items() if isinstance(value, (str, int, float, bool, type(None)))
        }
        touched += [name] * (given != redact_params(given) or plain != redact_params(plain))
    assert touched == []


def test_stored_params_lose_their_secrets() -> None:
    """What is stored of parameters is filtered, however deep; the caller's own are not changed."""
    params = {"db": {"password": P, "port": 5432}, "lr": 0.1}
    assert as_params(params) == {"db": {"password": "[redacted:param]", "port": 5432}, "lr": 0.1}
    assert params["db"] == {"password": P, "port": 5432}


# any text -------------------------------------------------------------------------------------------------------------

PIECES = (
    [form for form, _ in FORMS]
    + HARMLESS
    + ["\n", " ", '"', "'", "=", ":", "(", ")", "+", "-", "[redacted:jwt]", "\\", "é"]
)
PIECES += [
    "password",
    "token",
    "api_key",
    "://",
    "@",
    "-----BEGIN PRIVATE" + " KEY-----\n",
    "A1b2C3d4E5f6G7h8\n",
    "-----END PRIVATE" + " KEY-----",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_any_text_keeps_its_lines_and_is_filtered_once(text: str) -> None:
    """Filtering keeps the number of lines, and filtering again finds nothing."""
    masked, _ = redact(text)
    assert text.count("\n") == masked.count("\n")
    assert (masked, 0) == redact(masked)


HOSTILE = [
    "a",
    "password=",
    "password:'",
    'token="',
    "api_key=x",
    "secret=secret",
    "://u:",
    "://a:b@",
    "mysql -p",
    "curl -u ",
]
HOSTILE += [
    "auth=('",
    "machine login password ",
    "bearer aaaaaaaaaaaa",
    "password:\n",
    "password: |\n ",
    'password="""',
    "?key=",
    "\t",
]
HOSTILE += [
    "-----BEGIN PRIVATE" + " KEY-----",
    "-----END PRIVATE" + " KEY-----\n",
    "host=a password=b",
    "${password:-",
    "<password>",
    "İ password=",
]
HOSTILE += [
    *(
        "pass=pass=",
        "token=token=",
        "pass:",
        "pass_",
        "pass.pass.",
        "pass,pass,",
        'pass="pass="',
        "PASS:-",
        "--pass=--pass=",
    ),
    *("host=db password=", "private_key=", "tokentoken", '["pass",', "pass+pass+", "${pass:-", "pass\\t"),
    *(
        "mysql ",
        "mysql \\\n",
        "mysql -x ",
        "zip -",
        "curl ",
        "sqlplus a/",
        "sshpass -p",
        "://",
        "a://b@",
        "postgres://a@",
    ),
    *("https://a/?key=", "&sid=aaaa", "sig=a", "ENV KEY ", "ENV PASS a\n", "Ab1\n"),
]


@pytest.mark.parametrize("length", [40_000, pytest.param(1_000_000, marks=pytest.mark.deep)])
def test_hostile_texts_take_linear_time(length: int) -> None:
    """No text takes more time than its length explains, one line or many."""
    for piece in HOSTILE:
        text = (piece * length)[:length]
        begun = time.process_time()
        redact(text)
        assert time.process_time() - begun < 0.3 + length * 3e-6, piece
