"""Values that the tests of `ccoctl.aws` start from."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ccoctl.aws import desired
from ccoctl.aws.desired import Issuer, Settings, Trusted
from ccoctl.aws.partition import partition_of
from ccoctl.aws.resources import AccessIdentity, Account, Bucket, Distribution, OriginAccess, Provider, Role
from ccoctl.credentialsrequest.model import AwsProviderSpec, AwsStatement, CredentialsRequest, SecretRef, Source
from ccoctl.engine.call import json_text
from ccoctl.signing import jwks
from ccoctl.signing.jwk import Jwk, to_jwk
from ccoctl.signing.keypair import generate, load_private

ACCOUNT = "123456789012"
HOST = "demo-oidc.s3.us-east-1.amazonaws.com"
FRONT = "d111111abcdef8.cloudfront.net"


def key() -> Jwk:
    """A new public key."""
    return to_jwk(load_private(generate(2048)).public_key())


KEY = key()


def settings(**options: Any) -> Settings:
    """The settings of `demo` in us-east-1."""
    region = options.pop("region", "us-east-1")
    return Settings(name=options.pop("name", "demo"), region=region, partition=partition_of(region), **options)


def request(
    namespace: str = "openshift-machine-api", name: str = "aws-cloud-credentials", **options: Any
) -> CredentialsRequest:
    """A request with one statement."""
    return CredentialsRequest(
        name=f"{namespace}-request",
        namespace="openshift-cloud-credential-operator",
        annotations={},
        secret=SecretRef(namespace=namespace, name=name),
        service_accounts=options.pop("service_accounts", ("controllers",)),
        spec=AwsProviderSpec(statements=(AwsStatement(effect="Allow", actions=("ec2:DescribeVpcs",), resource="*"),)),
        source=Source(file="requests/one.yaml", line=1, document=1),
        **options,
    )


REQUEST = request()


def bucket(wanted: Settings) -> Bucket:
    """The bucket as wanted, with documents in it."""
    return replace(desired.bucket(wanted), empty=False)


def provider(wanted: Settings, host: str = HOST) -> Provider:
    """The provider of a host as wanted."""
    return desired.provider(wanted, ACCOUNT, Issuer(host=host))


def role(wanted: Settings, of: CredentialsRequest = REQUEST, host: str = HOST) -> Role:
    """The role of a request as AWS answers it when all is as wanted."""
    arn = f"arn:{wanted.partition.id}:iam::{ACCOUNT}:oidc-provider/{host}"
    made = desired.roles(wanted, ACCOUNT, Trusted(arn=arn, host=host), (of,))[of.secret]
    return replace(
        made,
        path=wanted.role_path or "/",
        boundary=wanted.boundary,
        max_session_duration=wanted.max_session_duration or 3600,
        inline_policies=(made.name,),
    )


def public_account(wanted: Settings | None = None, published: Jwk = KEY) -> Account:
    """An account in which everything public is as wanted."""
    wanted = wanted or settings()
    documents = desired.documents(wanted, Issuer(host=wanted.bucket_host), jwks.document(jwks.Jwks((published,))))
    return Account(
        id=ACCOUNT,
        bucket=bucket(wanted),
        documents={item.key: replace(item, etag='"1"', raw=json_text(item.body).encode()) for item in documents},
        providers=(provider(wanted, wanted.bucket_host),),
        roles={role(wanted, host=wanted.bucket_host).name: role(wanted, host=wanted.bucket_host)},
    )


def private_account(access: OriginAccess = OriginAccess.OAI) -> Account:
    """An account in which everything private is as wanted."""
    from ccoctl.aws import policy

    wanted = settings(private=True)
    documents = desired.documents(wanted, Issuer(host=FRONT), jwks.document(jwks.Jwks((KEY,))))
    front = distribution(wanted, access)
    readers = (
        policy.identity_read(wanted.bucket, "aws", "E1")
        if access is OriginAccess.OAI
        else policy.control_read(wanted.bucket, "aws", front.arn)
    )
    return Account(
        id=ACCOUNT,
        bucket=replace(bucket(wanted), policy=readers),
        documents={item.key: replace(item, etag='"1"', raw=json_text(item.body).encode()) for item in documents},
        access_identities=(AccessIdentity(kind=access, id="E1", etag="EE1"),),
        distribution=front,
        providers=(provider(wanted, FRONT),),
        roles={role(wanted, host=FRONT).name: role(wanted, host=FRONT)},
    )


def distribution(wanted: Settings, access: OriginAccess = OriginAccess.OAI) -> Distribution:
    """The distribution, deployed."""
    return replace(
        desired.distribution(wanted),
        id="D1",
        arn=f"arn:aws:cloudfront::{ACCOUNT}:distribution/D1",
        domain_name=FRONT,
        status="Deployed",
        etag="ED1",
        access=access,
        config={"Enabled": True, "Comment": "kept"},
    )
