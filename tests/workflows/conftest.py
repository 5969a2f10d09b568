"""Fixtures of the whole-command tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from ccoctl.federation.clock import WallClock
from ccoctl.lab.server import EmbeddedAws
from ccoctl.workflows.create_key_pair import create_key_pair
from tests.workflows.commands import Cli, write_requests
from tests.workflows.weathering import Place, place


@pytest.fixture
def cli(embedded_aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Commands as the administrator of an account without IAM enforcement."""
    return Cli(embedded_aws, embedded_aws.environment(), monkeypatch, capsys)


@pytest.fixture
def as_user(
    enforcing_aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[Mapping[str, str]], Cli]:
    """Commands as an IAM user of an account that enforces policies."""
    return lambda environment: Cli(enforcing_aws, environment, monkeypatch, capsys)


@pytest.fixture
def requests_dir(tmp_path: Path) -> Path:
    """Two requests."""
    return write_requests(
        tmp_path / "requests", "openshift-machine-api/aws-cloud-credentials", "openshift-ingress/cloud"
    )


@pytest.fixture(scope="session")
def key_pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a key pair, made once because making keys is slow."""
    directory = tmp_path_factory.mktemp("keys")
    create_key_pair(directory, bits=2048)
    return directory


@pytest.fixture
def common(tmp_path: Path, requests_dir: Path, key_pair: Path) -> list[str]:
    """The options of create-all and plan."""
    return [
        *("--name", "demo", "--region", "us-east-1", "--credentials-requests-dir", str(requests_dir)),
        *("--output-dir", str(tmp_path / "out"), "--public-key-file", str(key_pair / "serviceaccount-signer.public")),
    ]


@pytest.fixture
def wall() -> Callable[[], float]:
    """The machine's clock."""
    return WallClock().now


@pytest.fixture
def at(
    tmp_path: Path, key_pair: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Place]:
    """An account whose weather can be changed, by a clock that nobody waits for."""
    with place(tmp_path, key_pair, monkeypatch, capsys) as there:
        yield there
