"""Proofs to render: of seven components, of fifty, with much that is wrong, and as Hypothesis finds them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from hypothesis import strategies as st
from msgspec.structs import replace

from ccoctl.aws.names import role_names
from ccoctl.credentialsrequest.load import load
from ccoctl.federation.proof import (
    Attempt,
    Check,
    Component,
    Exchange,
    Finding,
    Part,
    Permission,
    Proof,
    Severity,
    Verdict,
)

EXAMPLES = Path(__file__).resolve().parents[2] / "examples/credentials-requests/okd-4.13"
ACCOUNT = "123456789012"
HOST = "demo-oidc.s3.us-east-1.amazonaws.com"
STRANGERS = (Attempt.OTHER_NAMESPACE, Attempt.OTHER_KEY, Attempt.EXPIRED, Attempt.OTHER_AUDIENCE)
NOT_AUTHORIZED = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
REFUSALS = {
    Attempt.OTHER_ROLE: NOT_AUTHORIZED,
    Attempt.OTHER_NAMESPACE: NOT_AUTHORIZED,
    Attempt.OTHER_KEY: (
        "InvalidIdentityToken",
        (
            "Couldn't retrieve verification key from your identity provider, please reference "
            "AssumeRoleWithWebIdentity documentation for requirements"
        ),
    ),
    Attempt.EXPIRED: (
        "ExpiredTokenException",
        "Token expired: current date/time 1785146400 must be before the expiration date/time 1785142800",
    ),
    Attempt.OTHER_AUDIENCE: ("InvalidIdentityToken", "Incorrect token audience"),
}
CHECKS = (
    Check(name="account", verdict=Verdict.OK, detail="It holds all that is wanted.", part=Part.ACCOUNT),
    Check(
        name="documents",
        verdict=Verdict.OK,
        detail=f"https://{HOST} serves the discovery document and the JWKS to everybody.",
        part=Part.ISSUER,
    ),
    Check(
        name="issuer",
        verdict=Verdict.OK,
        detail="Discovery document, provider and manifests name the same issuer.",
        part=Part.ISSUER,
    ),
    Check(
        name="audiences", verdict=Verdict.OK, detail="The provider takes openshift and sts.amazonaws.com.",
        part=Part.PROVIDER,
    ),
    Check(name="signing key", verdict=Verdict.OK, detail="Its kid is published.", part=Part.KEY),
)  # fmt: skip
FINDINGS = (
    Finding(
        severity=Severity.LOW,
        where="demo-openshift-cluster-csi-drivers-ebs-cloud-credentials",
        what="the action kms:ReEncrypt* holds a wildcard",
        remedy="Name the actions in the CredentialsRequest.",
    ),
    Finding(
        severity=Severity.MEDIUM,
        where="demo-openshift-machine-api-aws-cloud-credentials",
        what="iam:PassRole is allowed on every resource",
        remedy="Name the roles that machines may get.",
    ),
)


def seven(name: str = "demo") -> Proof:
    """The components of an OKD release, everything as it must be."""
    return _with_exchanges(_proof(name, _components(name)))


def one() -> Proof:
    """A single component."""
    return _with_exchanges(_proof("demo", _components("demo")[3:4]))


def fifty() -> Proof:
    """Many components, everything as it must be."""
    base = _components("demo")
    many = []
    for number in range(50):
        like = base[number % len(base)]
        many.append(
            replace(
                like,
                secret=f"{like.secret}-{number:02}",
                role=f"{like.role[:60]}-{number:02}",
                role_arn=f"{like.role_arn}-{number:02}",
                service_accounts=tuple(f"{account}-{number:02}" for account in like.service_accounts),
            )
        )
    return _with_exchanges(_proof("demo", tuple(many)))


def without_key() -> Proof:
    """Checks alone: there was no key to issue tokens with."""
    proof = seven()
    unknown = Check(
        name="signing key", verdict=Verdict.OK, detail="One key is published; yours was not given.", part=Part.KEY
    )
    return replace(proof, checks=(*proof.checks[:-1], unknown), exchanges=())


def broken() -> Proof:
    """Much is wrong: a role that is missing, one that anybody of the issuer may assume, a throttled answer."""
    proof = seven()
    missing, open_, mistaken = (proof.components[number].role for number in (4, 3, 6))
    registry = "openshift-image-registry/registry"
    ingress = "openshift-ingress-operator/ingress-operator"
    exchanges = []
    for item in proof.exchanges:
        if item.role == missing and item.attempt is Attempt.OWN_ROLE:
            code, message = NOT_AUTHORIZED
            exchanges.append(replace(item, granted=False, identity="", code=code, message=message))
        elif item.role == open_ and (item.service_account == ingress or item.attempt is Attempt.OTHER_NAMESPACE):
            exchanges.append(replace(item, granted=True, identity=identity(open_), code="", message=""))
        elif item.role == mistaken and item.attempt is Attempt.OWN_ROLE:
            exchanges.append(replace(item, identity=identity("admin"), mistaken=True))
        elif item.service_account == registry and item.role == proof.components[0].role:
            exchanges.append(replace(item, answered=False, code="Throttling", message="Rate exceeded"))
        else:
            exchanges.append(item)
    components = tuple(replace(one, role_arn="") if one.role == missing else one for one in proof.components)
    account = Check(
        name="account",
        verdict=Verdict.WRONG,
        detail=f"1 resource to create: role {missing}. Run ccoctl aws create-all to make it.",
        part=Part.ACCOUNT,
    )
    audiences = Check(
        name="audiences",
        verdict=Verdict.UNKNOWN,
        detail="You may not read the provider: ask for iam:GetOpenIDConnectProvider.",
        part=Part.PROVIDER,
    )
    documents = replace(
        proof.checks[1], verdict=Verdict.WRONG, detail=f"https://{HOST}/keys.json answers 403. Make the object public."
    )
    wide = Finding(
        severity=Severity.HIGH,
        where=open_,
        what="its trust policy has no condition on sub: every token of the issuer may assume it",
        remedy="Run ccoctl aws create-iam-roles: it writes the policy anew.",
    )
    return replace(
        proof,
        checks=(account, documents, proof.checks[2], audiences, proof.checks[4]),
        components=components,
        exchanges=tuple(exchanges),
        findings=(*FINDINGS, wide),
    )


def hostile(text: str) -> Proof:
    """The broken proof with a stranger's text wherever a stranger may put one."""
    proof = broken()
    return replace(
        proof,
        name=text,
        region=text,
        issuer=text,
        provider_arn=text,
        kid=text,
        at=text,
        checks=tuple(replace(one, name=text, detail=text) for one in proof.checks),
        components=tuple(
            Component(
                secret=text,
                role=text + str(number),
                role_arn=text,
                service_accounts=(text + str(number),),
                permissions=(Permission(effect=text, actions=(text, f"{text}:{text}"), resource=text, condition=text),),
            )
            for number, _ in enumerate(proof.components)
        ),
        exchanges=tuple(
            Exchange(
                attempt=attempt,
                service_account=text + str(number),
                role=text + str(number),
                granted=wanted,
                wanted=True,
                identity=text,
                code=text,
                message=text,
            )
            for number, attempt in enumerate(Attempt)
            for wanted in (True, False)
        ),
        findings=tuple(Finding(severity=one, where=text, what=text, remedy=text) for one in Severity),
    )


def identity(role: str) -> str:
    """Who a role's credentials say they are."""
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/ccoctl-verify"


def _proof(name: str, components: tuple[Component, ...]) -> Proof:
    return Proof(
        name=name,
        region="us-east-1",
        issuer=f"https://{HOST}",
        provider_arn=f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}",
        kid="EXJpNKXAl5mUhuoS1p0fbPEcM9WvmjHMbqZXBUJT2uA",
        at="2026-07-27T10:00:00Z",
        checks=CHECKS,
        components=components,
        findings=FINDINGS,
    )


def _components(name: str) -> tuple[Component, ...]:
    requests = load(EXAMPLES).requests
    roles = role_names(name, [request.secret for request in requests])
    return tuple(
        Component(
            secret=str(request.secret),
            role=roles[request.secret],
            role_arn=f"arn:aws:iam::{ACCOUNT}:role/{roles[request.secret]}",
            service_accounts=tuple(f"{request.secret.namespace}/{one}" for one in request.service_accounts),
            permissions=tuple(
                Permission(
                    effect=one.effect,
                    actions=one.actions,
                    resource=one.resource,
                    condition=json.dumps(one.condition) if one.condition else "",
                )
                for one in request.spec.statements
            ),
        )
        for request in requests
    )


def _with_exchanges(proof: Proof) -> Proof:
    return replace(proof, exchanges=tuple(_exchanges(proof)))


def _exchanges(proof: Proof) -> Iterator[Exchange]:
    for owner in proof.components:
        for account in owner.service_accounts:
            for target in proof.components:
                own = target is owner
                yield _exchange(Attempt.OWN_ROLE if own else Attempt.OTHER_ROLE, account, target.role)
    for component in proof.components:
        for attempt in STRANGERS:
            yield _exchange(attempt, component.service_accounts[0], component.role)


def _exchange(attempt: Attempt, account: str, role: str) -> Exchange:
    own = attempt is Attempt.OWN_ROLE
    code, message = ("", "") if own else REFUSALS[attempt]
    return Exchange(
        attempt=attempt,
        service_account=account,
        role=role,
        granted=own,
        wanted=own,
        identity=identity(role) if own else "",
        code=code,
        message=message,
    )


_TEXT = st.text(max_size=30)
"""Anything, lone surrogates and control characters among it."""


def proofs() -> st.SearchStrategy[Proof]:
    """Any proof at all, of no sense."""
    permission = st.builds(
        Permission,
        effect=_TEXT,
        actions=st.lists(_TEXT, max_size=3).map(tuple),
        resource=_TEXT,
        condition=_TEXT,
    )
    component = st.builds(
        Component,
        secret=_TEXT,
        role=_TEXT,
        role_arn=_TEXT,
        service_accounts=st.lists(_TEXT, max_size=3).map(tuple),
        permissions=st.lists(permission, max_size=2).map(tuple),
    )
    return st.builds(
        Proof,
        name=_TEXT,
        region=_TEXT,
        issuer=_TEXT,
        provider_arn=_TEXT,
        kid=_TEXT,
        at=_TEXT,
        checks=st.lists(st.builds(Check, name=_TEXT, detail=_TEXT), max_size=3).map(tuple),
        components=st.lists(component, max_size=4).map(tuple),
        exchanges=st.lists(
            st.builds(Exchange, service_account=_TEXT, role=_TEXT, identity=_TEXT, code=_TEXT, message=_TEXT),
            max_size=6,
        ).map(tuple),
        findings=st.lists(st.builds(Finding, where=_TEXT, what=_TEXT, remedy=_TEXT), max_size=3).map(tuple),
    )
