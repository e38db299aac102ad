"""The secret filter, by cases that must be caught and cases that must be left alone."""

from __future__ import annotations

import time

import pytest

from mlcycle.provenance import is_secret_file, redact, redact_argv, strip_credentials

# Put together at run time, so that no scanner mistakes this file for a leak.
KEY = "-----BEGIN RSA PRIVATE " + "KEY-----\n" + "MIIEpAIBAAKCAQEA7bq9\n" * 4 + "-----END RSA PRIVATE " + "KEY-----"

BAD = {
    "aws-key": "AKIA" + "IOSFODNN7EXAMPLE",
    "github-token": "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
    "gitlab-token": "glpat-" + "x8DkeP3kd93kZZk3kdke",
    "slack-token": "xoxb-" + "123456789012-abcdefABCDEF",
    "google-key": "AIza" + "SyA-1234567890abcdefghijklmnopqrstu",
    "api-key": "sk-proj-" + "abcDEF123456ghiJKL789012mnoPQR",
    "jwt": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc_def-123",
}
ASSIGNED = [
    ('password = "hunter2"', "hunter2"),
    ("DB_PASSWORD=hunter", "hunter"),
    ("  password: s3cret!x", "s3cret!x"),
    ('{"api_key": "abcd1234efgh"}', "abcd1234efgh"),
    ('os.environ["API_KEY"] = "abc12345"', "abc12345"),
    ("export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCY", "wJalrXUtnFEMI"),
    ("+token: str = 'abc12345defg'", "abc12345defg"),
    ('os.environ.setdefault("WANDB_API_KEY", "0123456789abcdef0123456789abcdef01234567")', "0123456789abcdef"),
    ('"source": "password = \\"hunter2\\"\\n"', "hunter2"),
    ('conn = "Server=x;Password=abc123;"', "abc123"),
    ("mysql --password hunter2", "hunter2"),
    ("SESSION_COOKIE=Aj39dkE2kd93KDk3kdKE92kdkw", "Aj39dkE2"),
    ('key = "fd8a0b1c2d3e4f5061728394a5b6c7d8"', "fd8a0b1c"),
    ('curl -H "Authorization: Bearer abcdefghij123456"', "abcdefghij123456"),
    ("postgres://me:hunter2@db.example.org/prod", "hunter2"),
    ("https://x.blob.core.windows.net/a?sv=1&sig=abcdEFGHijkl1234%2F", "abcdEFGH"),
]
GOOD = [
    'password = getpass("Password: ")',
    "token = tokens[i]",
    "max_tokens=100",
    "n_tokens: 2048",
    'token_count = "12345678"',
    'tokenizer = "bert-base-uncased-v2"',
    "password=password,",
    "    token=token",
    "password: Optional[str] = None",
    'password = os.environ["DB_PASSWORD"]',
    "PASSWORD=${PASSWORD}",
    "api_key = settings.api_key",
    "postgres://user:{password}@host",
    'eos_token = "</s>"',
    'sort_key="region_and_month_of_2024"',
    'commit = "0123456789abcdef0123456789abcdef01234567"',
    "sha256_key: 0123456789abcdef0123456789abcdef0123456789abcdef",
    'model_name="distilbert-base-uncased-finetuned-sst-2-english"',
    'parser.add_argument("--token", "-t", help="the token")',
    'class="sk-toggleable__label sk-toggleable__label-arrow"',
    "index abc1234..def5678 100644",
    "learning_rate=0.001",
]


@pytest.mark.parametrize(("kind", "secret"), BAD.items())
def test_known_shapes_are_found_anywhere(kind: str, secret: str) -> None:
    """A token of a known shape is replaced in the middle of any line."""
    assert (f"call([redacted:{kind}], 3)", 1) == redact(f"call({secret}, 3)")


@pytest.mark.parametrize(("line", "secret"), ASSIGNED)
def test_assigned_secrets_go_and_their_names_stay(line: str, secret: str) -> None:
    """A value beside a telling name goes; the line still says what it was."""
    text, found = redact(f"first = 1\n{line}\nlast = 2\n")
    assert (found, secret in text) == (1, False)
    assert text.startswith("first = 1\n")
    assert text.endswith("\nlast = 2\n")


@pytest.mark.parametrize("line", GOOD)
def test_ordinary_code_is_left_alone(line: str) -> None:
    """Code that only speaks about secrets is not changed."""
    assert (line, 0) == redact(line)


@pytest.mark.parametrize("mark", ["", "+", "-", " ", "    "])
def test_a_private_key_goes_whole(mark: str) -> None:
    """A key block is replaced, and its lines stay lines, each with the sign of a diff."""
    text = "before\n" + "".join(f"{mark}{line}\n" for line in KEY.splitlines()) + "after\n"
    others = f"{mark[:1]}\n" * (len(KEY.splitlines()) - 1)
    assert (f"before\n{mark}[redacted:private-key]\n{others}after\n", 1) == redact(text)


def test_a_cut_private_key_goes_too() -> None:
    """A hunk that holds only the beginning or the end of a key gives nothing of it away."""
    lines = KEY.splitlines()
    assert redact("\n".join(lines[:3]) + "\n def f(): ...") == ("[redacted:private-key]\n\n\n def f(): ...", 1)
    assert redact("x = 1\n" + "\n".join(lines[2:]) + "\n") == ("x = 1\n[redacted:private-key]\n\n\n\n", 1)


def test_filtering_twice_changes_nothing_more() -> None:
    """The filter leaves its own marks alone."""
    once, found = redact("\n".join([KEY, *BAD.values(), *(line for line, _ in ASSIGNED)]))
    assert found >= len(BAD) + len(ASSIGNED) + 1
    assert (once, 0) == redact(once)


@pytest.mark.parametrize(
    "text",
    [
        *("a" * 100_000, "-" * 100_000, "password " * 10_000, "key_" * 25_000, "://" * 25_000, 'token="' * 10_000),
        *(("+" + "A" * 64 + "\n") * 1500 + "PRIVATE KEY", "-----BEGIN PRIVATE KEY-----\n" * 300, "A_" * 50_000 + "="),
    ],
    ids=lambda text: text[:8],
)
def test_no_text_makes_it_slow(text: str) -> None:
    """Time grows with the length of the text, whatever it is made of."""
    begun = time.process_time()
    redact(text)
    assert time.process_time() - begun < 2.0


def test_the_command_line_is_filtered() -> None:
    """Values after telling options go, in both spellings; counts and flags stay."""
    argv = ["train.py", "--password", "hunter2", "--api-key=abc123", "--max-tokens", "100", "--token", "--verbose"]
    expected = ["train.py", "--password", "[redacted:assignment]", "--api-key=[redacted:assignment]"]
    assert ([*expected, *argv[4:]], 2) == redact_argv(argv)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        *((".env", True), ("app/.env.production", True), ("a/id_ed25519", True), ("server.PEM", True)),
        *((".aws/config", True), ("credentials.json", True), ("prod.tfvars", True), (".netrc", True)),
        *((".env.example", False), ("id_rsa.pub", False), ("secrets.py", False), ("environment.yml", False)),
        *(("keys.py", False), ("docs/credentials.md", False), ("train.py", False)),
    ],
)
def test_files_are_left_out_by_name(path: str, expected: bool) -> None:
    """Files that exist to hold secrets are known by name, wherever they stand."""
    assert expected == is_secret_file(path)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://me:pw@example.org/a.git", "https://example.org/a.git"),
        ("https://sometoken@example.org/a.git?x=1", "https://example.org/a.git"),
        ("ssh://git@example.org:22/a.git", "ssh://git@example.org:22/a.git"),
        ("git@example.org:team/a.git", "git@example.org:team/a.git"),
        ("../elsewhere", "../elsewhere"),
    ],
)
def test_remotes_lose_their_credentials(url: str, expected: str) -> None:
    """User, password, token and query go from a web address; ssh keeps its user."""
    assert expected == strip_credentials(url)
