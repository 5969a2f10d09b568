"""Whole commands in bad weather: throttled, failing, with answers that are lost after AWS acted."""

from __future__ import annotations

from pathlib import Path

import pytest
from moto.cloudfront.models import cloudfront_backends
from moto.s3.models import s3_backends

from ccoctl.lab.accounts import ACCOUNT, iam
from ccoctl.lab.conditions import Conditions, Weather
from ccoctl.lab.server import embedded_aws
from tests.workflows.commands import Cli


def test_a_private_set_up_is_made_proven_and_deleted(
    common: list[str], key_pair: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weather = Weather(throttle=0.1, server_errors=0.1, connection_resets=0.1, seed=5)
    with embedded_aws(Conditions(weather=weather, eventual_consistency=0.5)) as aws:
        cli = Cli(aws, aws.environment(), monkeypatch, capsys)
        cli("create-all", *common, "--create-private-s3-bucket")
        without_key = common[: common.index("--public-key-file")]
        key = ["--private-key-file", str(key_pair / "serviceaccount-signer.private")]
        proof = cli("verify", *without_key, *key, "--output", "json").json
        cli("delete", "--name", "demo", "--region", "us-east-1", "--yes")
        # looked at in the account itself, since whoever asks meets the weather, too
        backend = iam("aws")
        left = [*backend.roles, *backend.open_id_providers, *s3_backends[ACCOUNT]["aws"].buckets]
        left += [*cloudfront_backends[ACCOUNT]["aws"].distributions]

    assert proof["holds"], proof
    assert left == []
