"""Unmodified clients against the lab over HTTPS: what works here is what a component does in a cluster on AWS.

Nothing tells a client where the lab is but a proxy and a certificate authority: the names are AWS's own.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ccoctl.lab.server import EmbeddedAws, embedded_aws
from ccoctl.workflows.create_key_pair import create_key_pair
from tests.lab.pods import INGRESS, MAKERS, REGISTRY, Clock, Pod, SetUp, made, pod_by_secret, pod_by_variables, session
from tests.workflows.commands import write_requests

REFUSED = "An error occurred ({}) when calling the {} operation"
NOT_AUTHORIZED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
JAVASCRIPT_SDK = {
    "@aws-sdk/client-s3": "3.1173.0",
    "@aws-sdk/client-sts": "3.1173.0",
    "@aws-sdk/credential-providers": "3.1173.0",
    "@smithy/node-http-handler": "4.14.2",
    "hpagent": "1.2.0",
}


@pytest.fixture(scope="module")
def account() -> Iterator[tuple[EmbeddedAws, Clock]]:
    """An account that is kept while the tests of this file run."""
    clock = Clock()
    with embedded_aws(clock=clock) as aws:
        yield aws, clock


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("keys")
    create_key_pair(directory, bits=2048)
    return directory


@pytest.fixture(scope="module")
def requests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two components: one may list buckets, the other one roles; the first one has two service accounts."""
    directory = tmp_path_factory.mktemp("requests")
    accounts = ["controllers", "pruner"]
    write_requests(directory, REGISTRY, action=["s3:ListAllMyBuckets"], service_accounts=accounts)
    write_requests(directory, INGRESS, action=["iam:ListRoles"])
    return directory


@pytest.fixture(scope="module")
def public(
    account: tuple[EmbeddedAws, Clock], keys: Path, requests: Path, tmp_path_factory: pytest.TempPathFactory
) -> SetUp:
    return made(account, keys, requests, tmp_path_factory.mktemp("public"), "open")


@pytest.fixture(scope="module")
def private(
    account: tuple[EmbeddedAws, Clock], keys: Path, requests: Path, tmp_path_factory: pytest.TempPathFactory
) -> SetUp:
    return made(account, keys, requests, tmp_path_factory.mktemp("private"), "hidden", "--create-private-s3-bucket")


@pytest.fixture(params=["public", "private"])
def set_up(request: pytest.FixtureRequest) -> SetUp:
    """Each of the two."""
    found: SetUp = request.getfixturevalue(request.param)
    return found


def identity_of(arn: str, role: str, name: str = "") -> bool:
    """True for the ARN of a session of a role, with a name of its own where none is given."""
    prefix = f"arn:aws:sts::123456789012:assumed-role/{role.rpartition('/')[2]}/"
    return arn.startswith(prefix) and (arn == prefix + name if name else len(arn) > len(prefix))


@pytest.mark.parametrize("way", MAKERS)
def test_boto3_is_the_component_and_may_do_what_its_role_may(
    set_up: SetUp, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    component = session(MAKERS[way](set_up, tmp_path, set_up.token(REGISTRY)), monkeypatch)
    before = len(set_up.exchanges())

    sts = component.client("sts")
    arn = sts.get_caller_identity()["Arn"]
    buckets = [bucket["Name"] for bucket in component.client("s3").list_buckets()["Buckets"]]
    with pytest.raises(ClientError) as refused:
        component.client("iam").list_roles()

    assert sts.meta.endpoint_url == "https://sts.us-east-1.amazonaws.com"
    assert identity_of(arn, set_up.role(REGISTRY), "controllers-0" if way == "variables" else "")
    assert f"{set_up.name}-oidc" in buckets
    assert REFUSED.format("AccessDenied", "ListRoles") in str(refused.value)
    assert f"User: {arn} is not authorized to perform: iam:ListRoles" in str(refused.value)
    assert set_up.exchanges()[before:] == [
        ("", "granted to system:serviceaccount:openshift-image-registry:controllers")
    ]


def test_each_component_may_do_other_things(public: SetUp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    component = session(pod_by_secret(public, tmp_path, public.token(INGRESS), INGRESS), monkeypatch)

    roles = [role["Arn"] for role in component.client("iam").list_roles()["Roles"]]
    with pytest.raises(ClientError) as refused:
        component.client("s3").list_buckets()

    assert {public.role(INGRESS), public.role(REGISTRY)} <= set(roles)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"


REFUSALS: dict[str, tuple[Callable[[SetUp], str], str, str, str]] = {
    "of another component": (lambda made: made.token(INGRESS), "ClientError", "AccessDenied", NOT_AUTHORIZED),
    "of another service account": (
        lambda made: made.token(REGISTRY, "default"),
        "ClientError",
        "AccessDenied",
        NOT_AUTHORIZED,
    ),
    "for another audience": (
        lambda made: made.token(REGISTRY, audience="https://kubernetes.default.svc"),
        "InvalidIdentityTokenException",
        "InvalidIdentityToken",
        "Incorrect token audience",
    ),
    "that is none": (
        lambda _made: "a.b.c",
        "InvalidIdentityTokenException",
        "InvalidIdentityToken",
        "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
    ),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_boto3_reports_why_a_token_is_refused(
    public: SetUp, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, kind, code, message = REFUSALS[what]
    component = session(pod_by_variables(public, tmp_path, token(public)), monkeypatch)

    with pytest.raises(ClientError) as refused:
        component.client("s3").list_buckets()

    error = refused.value.response["Error"]
    assert (type(refused.value).__name__, error["Code"], error["Message"]) == (kind, code, message)
    assert refused.value.operation_name == "AssumeRoleWithWebIdentity"


def test_a_token_that_expired_is_refused_as_expired(
    public: SetUp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    component = session(pod_by_variables(public, tmp_path, public.token(REGISTRY)), monkeypatch)
    monkeypatch.setattr(public.clock, "ahead", 3601)

    with pytest.raises(ClientError) as refused:
        component.client("sts").get_caller_identity()

    assert refused.value.response["Error"]["Code"] == "ExpiredTokenException"


def test_boto3_reads_the_token_file_again_when_its_credentials_come_to_their_end(
    public: SetUp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public.clock, "ahead", -3300)  # an hour's credentials have 5 minutes left: too few for boto3
    container = pod_by_secret(public, tmp_path, public.token(REGISTRY))
    component = session(container, monkeypatch)
    s3 = component.client("s3")
    before = len(public.exchanges())

    s3.list_buckets()
    container.write(public.token(REGISTRY, "pruner"))
    s3.list_buckets()

    reasons = [reason.rpartition(":")[2] for _, reason in public.exchanges()[before:]]
    assert (reasons[0], reasons[-1]) == ("controllers", "pruner")


def test_credentials_are_kept_while_they_are_good_whatever_becomes_of_the_token(
    public: SetUp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = pod_by_secret(public, tmp_path, public.token(REGISTRY))
    s3 = session(container, monkeypatch).client("s3")
    before = len(public.exchanges())
    s3.list_buckets()
    container.token_file.unlink()
    s3.list_buckets()

    assert len(public.exchanges()) == before + 1


def test_credentials_end_when_aws_says_so(public: SetUp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    component = session(pod_by_secret(public, tmp_path, public.token(REGISTRY)), monkeypatch)
    sts, s3 = component.client("sts"), component.client("s3")
    s3.list_buckets()
    monkeypatch.setattr(public.clock, "ahead", 3601)

    for call, code in ((sts.get_caller_identity, "ExpiredToken"), (s3.list_buckets, "ExpiredToken")):
        with pytest.raises(ClientError) as refused:
            call()
        assert refused.value.response["Error"]["Code"] == code


@pytest.fixture(scope="module")
def aws_cli() -> str:
    found = shutil.which("aws", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        pytest.skip("there is no aws command: the AWS CLI cannot be tried")
    return found


@pytest.mark.parametrize("way", MAKERS)
def test_the_aws_cli_is_the_component(set_up: SetUp, aws_cli: str, way: str, tmp_path: Path) -> None:
    container = MAKERS[way](set_up, tmp_path, set_up.token(REGISTRY))

    done = container.run(aws_cli, "sts", "get-caller-identity", "--output", "json")

    assert done.returncode == 0, done.stderr
    assert identity_of(json.loads(done.stdout)["Arn"], set_up.role(REGISTRY))


def test_the_aws_cli_may_do_what_the_role_may(public: SetUp, aws_cli: str, tmp_path: Path) -> None:
    container = pod_by_secret(public, tmp_path, public.token(REGISTRY))

    allowed = container.run(aws_cli, "s3api", "list-buckets", "--query", "Buckets[].Name", "--output", "json")
    refused = container.run(aws_cli, "iam", "list-roles")
    container.write(public.token(INGRESS))
    stranger = container.run(aws_cli, "s3api", "list-buckets")

    assert allowed.returncode == 0, allowed.stderr
    assert "open-oidc" in json.loads(allowed.stdout)
    assert refused.returncode != 0 != stranger.returncode
    assert REFUSED.format("AccessDenied", "ListRoles") in refused.stderr
    assert REFUSED.format("AccessDenied", "AssumeRoleWithWebIdentity") in stranger.stderr


@pytest.fixture(scope="module")
def javascript(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Node, and a directory with the JavaScript SDK in it: installed once, and kept in pytest's cache."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip(f"there is no {'npm' if node else 'node'}: the JavaScript SDK cannot be tried")
    cache = getattr(pytestconfig, "cache", None)  # it can be switched off
    folder = tmp_path_factory.mktemp("javascript") if cache is None else cache.mkdir("javascript-sdk")
    place: Path = folder / uuid.uuid5(uuid.NAMESPACE_URL, repr(JAVASCRIPT_SDK)).hex
    if not place.is_dir():
        half = Path(tempfile.mkdtemp(dir=folder))
        if problem := npm_problem(npm, half):
            shutil.rmtree(half)
            pytest.skip(f"npm could not install the JavaScript SDK: {problem}")
        with contextlib.suppress(OSError):  # another run was faster
            half.rename(place)
    return node, place


def npm_problem(npm: str, directory: Path) -> str:
    """Why the SDK could not be installed; empty when it was."""
    options = ["--prefix", str(directory), "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"]
    options += ["--fetch-retries", "0", "--fetch-timeout", "15000"]
    wanted = [f"{name}@{version}" for name, version in JAVASCRIPT_SDK.items()]
    try:
        done = subprocess.run(
            [npm, "install", *options, *wanted], cwd=directory, capture_output=True, text=True, check=False, timeout=60
        )
    except subprocess.TimeoutExpired:
        return "it took longer than a minute"
    return "" if done.returncode == 0 else done.stderr.partition("\n")[0] or f"exit code {done.returncode}"


IN_JAVASCRIPT = """
import { ListBucketsCommand, S3Client } from "@aws-sdk/client-s3";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { fromIni, fromTokenFile } from "@aws-sdk/credential-providers";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import hpagent from "hpagent";

const httpsAgent = new hpagent.HttpsProxyAgent({ proxy: process.env.HTTPS_PROXY });
const requestHandler = new NodeHttpHandler({ httpsAgent });
const provide = process.env.AWS_WEB_IDENTITY_TOKEN_FILE ? fromTokenFile : fromIni;
const credentials = provide({ clientConfig: { region: process.env.AWS_REGION, requestHandler, maxAttempts: 1 } });
const options = { region: process.env.AWS_REGION, credentials, requestHandler };

async function answered(ask) {
    try {
        return await ask();
    } catch (error) {
        return { error: error.name, message: error.message, status: error.$metadata?.httpStatusCode };
    }
}

const identity = await answered(() => new STSClient(options).send(new GetCallerIdentityCommand({})));
const listed = await answered(() => new S3Client(options).send(new ListBucketsCommand({})));
console.log(JSON.stringify({ identity, listed }));
"""


def in_javascript(javascript: tuple[str, Path], container: Pod) -> Mapping[str, Any]:
    node, directory = javascript
    done = container.run(node, "--input-type=module", "--eval", IN_JAVASCRIPT, cwd=directory)
    assert done.returncode == 0, done.stderr
    found: Mapping[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("way", MAKERS)
def test_the_javascript_sdk_is_the_component(
    public: SetUp, javascript: tuple[str, Path], way: str, tmp_path: Path
) -> None:
    said = in_javascript(javascript, MAKERS[way](public, tmp_path, public.token(REGISTRY)))

    assert identity_of(said["identity"].get("Arn", ""), public.role(REGISTRY)), said
    assert "open-oidc" in [bucket["Name"] for bucket in said["listed"]["Buckets"]]


def test_the_javascript_sdk_may_do_no_more_than_the_role(
    public: SetUp, javascript: tuple[str, Path], tmp_path: Path
) -> None:
    said = in_javascript(javascript, pod_by_variables(public, tmp_path, public.token(INGRESS), INGRESS))

    assert identity_of(said["identity"].get("Arn", ""), public.role(INGRESS), "controllers-0"), said
    assert (said["listed"]["error"], said["listed"]["status"]) == ("AccessDenied", 403)


def test_the_javascript_sdk_reports_why_a_token_is_refused(
    public: SetUp, javascript: tuple[str, Path], tmp_path: Path
) -> None:
    said = in_javascript(javascript, pod_by_variables(public, tmp_path, public.token(INGRESS)))

    assert said["identity"]["error"] == "AccessDenied"
    assert said["identity"]["message"] == NOT_AUTHORIZED


@dataclass(frozen=True)
class Curl:
    """The command, as anybody in the world who trusts the authority."""

    command: str
    aws: EmbeddedAws

    def __call__(self, url: str) -> tuple[int, str]:
        """Status and body."""
        names = ("https_proxy", "no_proxy", "CURL_CA_BUNDLE")
        environment = {name: self.aws.environment()[name] for name in names}
        done = subprocess.run(
            [self.command, "-q", "--silent", "--show-error", "--max-time", "30", "--write-out", "\n%{http_code}", url],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body


@pytest.fixture
def curl(account: tuple[EmbeddedAws, Clock]) -> Curl:
    found = shutil.which("curl")
    if found is None:
        pytest.skip("there is no curl")
    return Curl(found, account[0])


def test_curl_fetches_what_an_issuer_publishes(set_up: SetUp, curl: Curl) -> None:
    status, discovery = curl(f"{set_up.issuer}/.well-known/openid-configuration")
    described = json.loads(discovery)
    jwks_status, jwks = curl(described["jwks_uri"])

    assert (status, jwks_status) == (200, 200)
    assert described["issuer"] == set_up.issuer
    assert [key["kid"] for key in json.loads(jwks)["keys"]] == [set_up.signer.kid]


def test_a_private_bucket_shows_its_documents_to_nobody(private: SetUp, curl: Curl) -> None:
    bucket = "https://hidden-oidc.s3.us-east-1.amazonaws.com"

    assert private.issuer.endswith(".cloudfront.net")
    for path in (".well-known/openid-configuration", "keys.json", "nothing.json", ""):
        status, body = curl(f"{bucket}/{path}")
        assert status == 403
        assert "<Code>AccessDenied</Code>" in body


def test_a_bucket_is_listed_to_nobody_and_hides_what_it_does_not_have(public: SetUp, curl: Curl) -> None:
    bucket = "https://open-oidc.s3.us-east-1.amazonaws.com"

    assert public.issuer == bucket
    assert [curl(f"{bucket}/{path}")[0] for path in ("", "?list-type=2", "nothing.json")] == [403, 403, 403]
