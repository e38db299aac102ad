"""Where files are, in one text: a copy elsewhere has another, the same place by another way has none of its own."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fsspec import AbstractFileSystem

from mlcycle.storage import address_of, open_files
from mlcycle.storage._addresses import place_options
from mlcycle.storage._object_store import ObjectFiles
from mlcycle.storage._single_writer import SingleWriterFiles
from mlcycle.testing import FaultyFiles

SECRET = "ZG8tbm90LXRlbGw="
KEYS = {"key": "x", "secret": SECRET}


class Bucket(ObjectFiles):
    """A bucket whose file system is given."""

    def _connect(self, extra: dict[str, Any]) -> tuple[Any, str]:
        return self.storage_options["filesystem"], "ml/churn"


class Server(AbstractFileSystem):
    """A file system on a host, which is not asked for anything."""

    cachable = False


def azure(**options: Any) -> str | None:
    """Return the address of a container, by the file system of Azure."""
    pytest.importorskip("adlfs")
    return address_of(open_files("az://ml/churn", storage_options=options))


def connection(account: str) -> str:
    """Return the connection string of an account."""
    return f"DefaultEndpointsProtocol=https;AccountName={account};AccountKey={SECRET};EndpointSuffix=core.windows.net"


def on_server(protocol: str, **options: Any) -> str | None:
    """Return the address of a folder on a server."""
    files = SingleWriterFiles("memory://store", "memory")
    files.url, files.protocol, files._fs = f"{protocol}:///store", protocol, Server(**options)
    return address_of(files)


def test_of_azure_the_account() -> None:
    """Whichever way it is named, and never its key."""
    team = "az://ml/churn endpoint_url=https://team.blob.core.windows.net"
    assert azure(connection_string=connection("team")) == team
    assert azure(connection_string=connection("mallory")) == team.replace("team", "mallory")
    assert azure(account_name="team", account_key=SECRET) == team
    assert azure(account_name="team", sas_token=f"sv=1&sig={SECRET}") == team
    assert azure(account_name="team", account_host="elsewhere/team", anon=True) == (
        "az://ml/churn endpoint_url=https://elsewhere/team"
    )


@pytest.mark.parametrize(
    ("protocol", "filesystem", "expected"),
    [
        (
            "az",
            {"service_client": SimpleNamespace(url=f"https://team.x/?sig={SECRET}")},
            " endpoint_url=https://team.x",
        ),
        ("az", {"account_name": "team"}, None),
        ("gs", {"_location": "https://storage.googleapis.com"}, ""),
        ("gs", {"_location": "https://storage.mtls.googleapis.com"}, ""),
        ("gs", {"_location": "http://localhost:4443"}, " endpoint_url=http://localhost:4443"),
        ("gs", {}, None),
        ("oss", {}, None),
    ],
)
def test_of_a_bucket_its_endpoint(protocol: str, filesystem: dict[str, Any], expected: str | None) -> None:
    """As the open file system has it; where it cannot tell, nobody guesses from options."""
    url = f"{protocol}://ml/churn"
    files = Bucket(url, protocol, storage_options={"filesystem": SimpleNamespace(**filesystem), "account_name": "team"})
    assert address_of(files) == (None if expected is None else url + expected)


@pytest.mark.parametrize(
    ("environment", "options", "expected"),
    [
        ({}, {}, ""),
        ({"AWS_DEFAULT_REGION": "eu-central-1"}, {}, ""),
        ({"AWS_DEFAULT_REGION": "us-gov-west-1"}, {}, " endpoint_url=https://s3.us-gov-west-1.amazonaws.com"),
        ({"AWS_DEFAULT_REGION": "cn-north-1"}, {}, " endpoint_url=https://s3.cn-north-1.amazonaws.com.cn"),
        ({"AWS_ENDPOINT_URL": "http://minio:9000/"}, {}, " endpoint_url=http://minio:9000"),
        ({"AWS_ENDPOINT_URL_S3": "http://minio:9000"}, {}, " endpoint_url=http://minio:9000"),
        ({"AWS_PROFILE": "mallory"}, {}, " endpoint_url=http://mallory:9000"),
        ({}, {"endpoint_url": "http://minio:9000"}, " endpoint_url=http://minio:9000"),
        ({}, {"client_kwargs": {"endpoint_url": "http://minio:9000"}}, " endpoint_url=http://minio:9000"),
        (
            {},
            {"endpoint_url": "https://s3-mallory.eu-west-1.elb.amazonaws.com"},
            " endpoint_url=https://s3-mallory.eu-west-1.elb.amazonaws.com",
        ),
    ],
)
def test_of_s3_the_endpoint(
    environment: dict[str, str],
    options: dict[str, Any],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also one of the environment or a profile; at Amazon itself the name of a bucket is enough."""
    (tmp_path / "config").write_text("[profile mallory]\nendpoint_url = http://mallory:9000\n")
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**environment, "AWS_CONFIG_FILE": str(tmp_path / "config")}.items():
        monkeypatch.setenv(name, value)
    files = open_files("s3://team/churn", storage_options={**KEYS, **options, "skip_instance_cache": True})
    assert address_of(files) == "s3://team/churn" + expected


def test_of_a_server_the_host() -> None:
    """Its port and its user, who may see a root of his own; a host that some setting knows is not told."""
    assert on_server("sftp", host="team", password=SECRET) == "sftp:///store host=team"
    assert (
        on_server("sftp", host="mallory", port=23, username="ada") == "sftp:///store host=mallory port=23 username=ada"
    )
    assert on_server("hdfs", host="team") == "hdfs:///store host=team"
    assert (on_server("hdfs"), on_server("hdfs", host="")) == (None, None)


def test_of_a_chain_nothing(tmp_path: Path) -> None:
    """The same folder of another file system would look the same."""
    options = {"path": str(tmp_path), "target_protocol": "file"}
    assert address_of(open_files("dir://store", single_writer=True, storage_options=options)) is None
    files = SingleWriterFiles("memory://store", "memory")
    files.url = "memory::s3://team/churn"
    assert address_of(files) is None


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_of_a_link_where_it_leads(tmp_path: Path) -> None:
    """So a store is one by a link and by its path, and another once the link leads elsewhere."""
    link, real, copy = (tmp_path.resolve() / name for name in ("link", "real", "copy"))
    real.mkdir()
    copy.mkdir()
    link.symlink_to(real)
    files = open_files(link)
    assert [address_of(one) for one in (files, open_files(real))] == [str(real)] * 2
    link.unlink()
    link.symlink_to(copy)
    assert address_of(files) == str(copy)


def test_files_around_files(memory_url: Any) -> None:
    """The place of those they hold; where these are in a bucket, nothing is known of its endpoint."""
    assert address_of(FaultyFiles(open_files(memory_url[0]), None)) == memory_url[0]
    bucket = open_files("s3://team/churn", storage_options={**KEYS, "endpoint_url": "http://minio:9000"})
    assert address_of(FaultyFiles(bucket, None)) is None


def test_the_account_in_a_connection_string() -> None:
    """Two accounts keep their spools apart; nothing secret is told."""
    text = f"AccountName=team;AccountKey={SECRET};BlobEndpoint=http://a:{SECRET}@host:1/team?sig={SECRET}"
    assert place_options({"connection_string": text}) == {
        "account_name": "team",
        "endpoint_url": "http://host:1/team",
    }
    assert place_options({"connection_string": connection("mallory")}) == {"account_name": "mallory"}
    assert place_options({"account_name": "team", "account_host": "h"}) == {"account_host": "h", "account_name": "team"}
    assert place_options({"connection_string": None, "anon": True}) == {}
