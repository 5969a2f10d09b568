"""Running commands of ours against an embedded AWS, and looking into its account without them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml

from ccoctl.cli.main import run
from ccoctl.lab.server import EmbeddedAws

REGION = "us-east-1"
NOBODY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
)
"""A trust policy that lets nobody in."""
_CLOUD_VARIABLES = (
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "https_proxy",
    "http_proxy",
)


@dataclass(frozen=True)
class Done:
    """What a command ended with."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Cli:
    """Runs commands in this process, as a user of the embedded AWS."""

    aws: EmbeddedAws
    environment: Mapping[str, str]
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    group: str = "aws"
    """Which group's commands are run; `dataclasses.replace` makes one of another."""

    def __call__(self, *arguments: str, code: int | None = 0) -> Done:
        """Run `ccoctl GROUP …` and expect an exit code."""
        for name in _CLOUD_VARIABLES:
            self.monkeypatch.delenv(name, raising=False)
        for name, value in self.environment.items():
            self.monkeypatch.setenv(name, value)
        self.capsys.readouterr()
        ended = run([self.group, *arguments])
        told = self.capsys.readouterr()
        assert code is None or ended == code, told.out + told.err
        return Done(ended, told.out, told.err)


def changing(aws: EmbeddedAws) -> list[str]:
    """The calls so far that change something."""
    return [f"{call.service}:{call.operation}" for call in aws.calls() if call.changing]


def client(aws: EmbeddedAws, service: str, region: str = REGION) -> Any:
    """A client of the SDK with the administrator's credentials."""
    environment = aws.environment()
    return botocore.session.Session().create_client(
        service,
        region_name=region,
        endpoint_url=aws.endpoint_url,
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


def inventory(aws: EmbeddedAws, region: str = REGION) -> dict[str, Any]:
    """Everything in the account that could be ours."""
    iam, s3, front = (client(aws, service, region) for service in ("iam", "s3", "cloudfront"))
    identities = front.list_cloud_front_origin_access_identities()["CloudFrontOriginAccessIdentityList"]
    return {
        "buckets": [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]],
        "providers": [item["Arn"] for item in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]],
        "roles": sorted(role["RoleName"] for role in iam.list_roles()["Roles"]),
        "distributions": [item["Id"] for item in front.list_distributions()["DistributionList"].get("Items", [])],
        "identities": [item["Id"] for item in identities.get("Items", [])],
        "controls": [
            item["Id"] for item in front.list_origin_access_controls()["OriginAccessControlList"].get("Items", [])
        ],
    }


NOTHING: dict[str, Any] = {
    "buckets": [],
    "providers": [],
    "roles": [],
    "distributions": [],
    "identities": [],
    "controls": [],
}


def write_requests(directory: Path, *secrets: str, **options: Any) -> Path:
    """Requests, one a file, for `namespace/name` each."""
    directory.mkdir(parents=True, exist_ok=True)
    for number, secret in enumerate(secrets):
        namespace, _, name = secret.partition("/")
        document = {
            "apiVersion": "cloudcredential.openshift.io/v1",
            "kind": "CredentialsRequest",
            "metadata": {"name": f"{namespace}-{name}", "namespace": "openshift-cloud-credential-operator"},
            "spec": {
                "serviceAccountNames": options.get("service_accounts", ["controllers"]),
                "secretRef": {"namespace": namespace, "name": name},
                "providerSpec": {
                    "apiVersion": "cloudcredential.openshift.io/v1",
                    "kind": "AWSProviderSpec",
                    "statementEntries": [
                        {"effect": "Allow", "action": options.get("action", ["ec2:DescribeVpcs"]), "resource": "*"}
                    ],
                },
                **options.get("spec", {}),
            },
        }
        (directory / f"{number:02}-{namespace}-{name}.yaml").write_text(yaml.safe_dump(document))
    return directory
