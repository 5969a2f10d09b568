"""The Calls of a migration that are none of AWS: what the world sees of an issuer, and what becomes of real tokens."""

from __future__ import annotations

from enum import Enum

from ccoctl.aws.migration import UNUSED_SINCE
from ccoctl.engine.call import Call, Value
from ccoctl.engine.plan import Wait
from ccoctl.signing.jwk import Kid

AS_WANTED = "as wanted"
SEEN_DEADLINE = 600.0
"""Seconds that the documents may take to be seen; bucket policies and new names take seconds, seldom minutes."""
ROLLOUT_DEADLINE = 3600.0
"""Seconds that a cluster may take to sign for another issuer: its API servers are restarted one after the other."""
TOKENS = "token"
"""The service of the Calls about tokens; no token is ever in their parameters or their answers."""


def see_issuer(url: Value, kids: tuple[Kid | None, ...]) -> Call:
    """What the world sees of an issuer; `Said` is AS_WANTED when it is its own documents, with all these keys."""
    parameters = {"Url": url, "Kids": [str(kid) for kid in kids if kid is not None]}
    return Call(service="issuer", operation="GetKeys", parameters=parameters)


def note_use(provider_arn: Value, said: Value) -> Call:
    """Note on a provider since when its issuer is not used, or that it is; the time may be in an answer to come."""
    return Call(
        service="iam",
        operation="TagOpenIDConnectProvider",
        parameters={"OpenIDConnectProviderArn": provider_arn, "Tags": [{"Key": UNUSED_SINCE, "Value": said}]},
        not_yet=frozenset({"NoSuchEntity"}),
    )


class Source(Enum):
    """Where a token comes from."""

    KEY = "signing key"
    """Signed here as the cluster would sign it: whatever the cluster signs for at the moment."""
    CLUSTER = "cluster"


def exchange(source: Source, issuer: Value, service_account: str, role_arn: Value) -> Call:
    """A token of a service account (`namespace/name`) from this issuer, handed to STS for a role.

    The answer holds `Identity`, or `Skipped` where the cluster has no such service account.
    """
    return Call(
        service=TOKENS,
        operation="Exchange",
        parameters={
            "Source": source.value,
            "Issuer": issuer,
            "ServiceAccount": service_account,
            "RoleArn": role_arn,
        },
        # IAM may not have seen the role's new trust policy everywhere
        not_yet=frozenset({"AccessDenied", "InvalidIdentityToken", "IDPCommunicationError"}),
    )


def look(issuer: Value, service_accounts: tuple[str, ...]) -> Call:
    """A fresh token of the cluster, for the first of these service accounts that it has.

    `Said` of the answer is AS_WANTED when the token names this issuer, `At` is when it was issued.
    """
    parameters = {"Issuer": issuer, "ServiceAccounts": list(service_accounts)}
    return Call(service=TOKENS, operation="Look", parameters=parameters)


def until_seen(url: Value, kids: tuple[Kid | None, ...]) -> Wait:
    """Waiting until the world sees an issuer's documents with all of the keys."""
    return Wait(call=see_issuer(url, kids), path="Said", equals=AS_WANTED, deadline=SEEN_DEADLINE)


def until_signed_for(issuer: Value, service_accounts: tuple[str, ...]) -> Wait:
    """Waiting until new tokens of the cluster carry an issuer."""
    return Wait(call=look(issuer, service_accounts), path="Said", equals=AS_WANTED, deadline=ROLLOUT_DEADLINE)
