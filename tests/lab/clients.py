"""Clients of the lab as the world has them: signed by botocore, or bare HTTP through the tunnel."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from ccoctl.federation.connect import tunnel
from ccoctl.federation.issue import ServiceAccount, Signer, TokenRequest, issue
from ccoctl.lab.server import HOST, EmbeddedAws
from ccoctl.signing import discovery, jwks
from ccoctl.signing.jwks import Jwks
from tests.federation.forgery import rsa_key

REGION = "us-east-1"
ACCOUNT = EmbeddedAws.account_id
_SESSION = botocore.session.Session()
ONCE = {"total_max_attempts": 1}


@dataclass
class Clock:
    """A clock that moves when it is told to."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Seen:
    """What a server answered."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """The error code in an XML body."""
        return self.body.decode().partition("<Code>")[2].partition("</Code>")[0]


def client(
    aws: EmbeddedAws,
    service: str,
    environment: Mapping[str, str] | None = None,
    *,
    region: str = REGION,
    by_name: bool = False,
    **options: Any,
) -> Any:
    """A client of the endpoint, or with `by_name` of AWS's own names through the proxy; the administrator's."""
    environment = environment or aws.environment()
    config = options.pop("config", Config())
    if by_name:
        config = config.merge(Config(proxies={"https": aws.endpoint_url}))
        options["verify"] = str(aws.ca_bundle)
    else:
        options["endpoint_url"] = aws.endpoint_url
    return _SESSION.create_client(
        service,
        region_name=region,
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=environment.get("AWS_SESSION_TOKEN"),
        config=config.merge(Config(retries=ONCE)),
        **options,
    )


def unsigned(aws: EmbeddedAws, service: str, **options: Any) -> Any:
    """A client without credentials."""
    return client(aws, service, config=Config(signature_version=UNSIGNED, parameter_validation=False), **options)


def code(raised: pytest.ExceptionInfo[ClientError]) -> str:
    """The error code of a refusal."""
    found: str = raised.value.response["Error"]["Code"]
    return found


def refusal(call: Any, **parameters: Any) -> tuple[str, int]:
    """Error code and HTTP status of a call that must be refused."""
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    return code(raised), raised.value.response["ResponseMetadata"]["HTTPStatusCode"]


def port(aws: EmbeddedAws) -> int:
    """The lab's port."""
    return int(aws.endpoint_url.rpartition(":")[2])


def trusting(aws: EmbeddedAws) -> ssl.SSLContext:
    """A context that trusts the lab's authority alone."""
    return ssl.create_default_context(cafile=str(aws.ca_bundle))


def secured(aws: EmbeddedAws, host: str, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
    """A TLS connection to a name, through the lab's tunnel."""
    plain = tunnel(HOST, port(aws), f"{host}:443", timeout=30)
    try:
        return (context or trusting(aws)).wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def fetch(
    aws: EmbeddedAws,
    host: str,
    path: str,
    method: str = "GET",
    body: bytes | None = None,
    **headers: str,
) -> Seen:
    """What the world gets from a name of AWS; `If_Match` is the header If-Match."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPSConnection(HOST, port(aws), context=trusting(aws), timeout=30)
    connection.set_tunnel(host, 443)
    try:
        connection.request(method, path, body=body, headers=named)
        answer = connection.getresponse()
        return Seen(answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()})
    finally:
        connection.close()


def post(aws: EmbeddedAws, parameters: list[tuple[str, str]] | Mapping[str, str], *, query: str = "") -> Seen:
    """A form sent to the endpoint."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    connection = http.client.HTTPConnection(HOST, port(aws), timeout=30)
    try:
        connection.request("POST", f"/{query}", body=urlencode(parameters), headers=headers)
        answer = connection.getresponse()
        return Seen(answer.status, answer.read())
    finally:
        connection.close()


def raw(aws: EmbeddedAws, sent: bytes, *, end: bool = True) -> bytes:
    """Everything that the server says to some bytes, until it closes the connection."""
    with socket.create_connection((HOST, port(aws)), timeout=30) as connection:
        connection.sendall(sent)
        if end:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
        return received


def open_bucket(aws: EmbeddedAws, name: str = "bucket", *, region: str = REGION, partition: str = "aws") -> Any:
    """A bucket whose objects everybody may read; a client of S3."""
    s3 = client(aws, "s3", region=region)
    place = {} if region == REGION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=name, **place)
    s3.delete_public_access_block(Bucket=name)
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(reading("*", name, partition)))
    return s3


def reading(principal: Any, bucket: str = "bucket", partition: str = "aws", **more: Any) -> dict[str, Any]:
    """A bucket policy that lets somebody read the objects."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": principal,
                "Action": "s3:GetObject",
                "Resource": f"arn:{partition}:s3:::{bucket}/*",
                **more,
            }
        ],
    }


def allowing(*actions: str, resource: str = "*", **more: Any) -> str:
    """A policy that allows some actions."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}],
        }
    )


@dataclass
class Cluster:
    """An issuer in a public bucket, registered in IAM, and a role that one service account may assume."""

    aws: EmbeddedAws
    clock: Clock
    bucket: str = "issuer"
    signer: Signer = field(default_factory=lambda: Signer(rsa_key()))
    role: str = "component"
    namespace: str = "openshift-machine-api"
    account: str = "controllers"

    @property
    def host(self) -> str:
        """The issuer without its scheme."""
        return f"{self.bucket}.s3.{REGION}.amazonaws.com"

    @property
    def role_arn(self) -> str:
        """Of the component's role."""
        return f"arn:aws:iam::{ACCOUNT}:role/{self.role}"

    def set_up(self) -> Cluster:
        """Make bucket, documents, provider and role."""
        s3 = open_bucket(self.aws, self.bucket)
        document = discovery.document(f"https://{self.host}", f"https://{self.host}/keys.json")
        body = json.dumps(document).encode()
        s3.put_object(Bucket=self.bucket, Key=discovery.PATH, Body=body, CacheControl="max-age=60")
        self.publish(self.signer)
        iam = client(self.aws, "iam")
        iam.create_open_id_connect_provider(
            Url=f"https://{self.host}", ClientIDList=["openshift", "sts.amazonaws.com"], ThumbprintList=["a" * 40]
        )
        iam.create_role(RoleName=self.role, AssumeRolePolicyDocument=json.dumps(self.trust()))
        return self

    def publish(self, *signers: Signer) -> None:
        """Put the keys of these signers into the JWKS."""
        body = json.dumps(jwks.document(Jwks(tuple(signer.jwk for signer in signers)))).encode()
        s3 = client(self.aws, "s3")
        s3.put_object(Bucket=self.bucket, Key="keys.json", Body=body, CacheControl="max-age=60")

    def trust(self) -> dict[str, Any]:
        """The role's trust policy."""
        return {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{self.host}"},
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Condition": {
                        "StringEquals": {
                            f"{self.host}:sub": f"system:serviceaccount:{self.namespace}:{self.account}",
                            f"{self.host}:aud": "openshift",
                        }
                    },
                }
            ],
        }

    def token(self, *, signer: Signer | None = None, lifetime: int = 3600, **changed: Any) -> str:
        """A token of the service account, as good as it gets unless something is changed."""
        account = ServiceAccount(
            changed.get("namespace", self.namespace), changed.get("account", self.account), "1f2e3d4c"
        )
        request = TokenRequest(
            account=account, audiences=tuple(changed.get("audiences", ("openshift",))), lifetime=lifetime
        )
        issuer = changed.get("issuer", f"https://{self.host}")
        return issue(signer or self.signer, request, issuer=issuer, now=int(self.clock.now), token_id="t")

    def request(self, **changed: Any) -> dict[str, Any]:
        """The parameters of a request that STS grants, unless something is changed; None leaves one out."""
        good = {"RoleArn": self.role_arn, "RoleSessionName": "session", "WebIdentityToken": self.token()}
        return {name: value for name, value in {**good, **changed}.items() if value is not None}

    def assume(self, *, by_name: bool = False, **changed: Any) -> Any:
        """STS's answer."""
        sts = unsigned(self.aws, "sts", by_name=by_name)
        return sts.assume_role_with_web_identity(**self.request(**changed))

    def session(self, **changed: Any) -> dict[str, str]:
        """The variables of an assumed role."""
        given = self.assume(**changed)["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
        }

    def may(self, *actions: str) -> None:
        """Give the role a policy."""
        client(self.aws, "iam").put_role_policy(RoleName=self.role, PolicyName="p", PolicyDocument=allowing(*actions))
