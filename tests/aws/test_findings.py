"""A least-privilege reading of roles."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from ccoctl.aws.findings import Reviewed, findings
from ccoctl.aws.policy import Policy
from ccoctl.aws.resources import Role
from ccoctl.engine.diff import Unseen
from ccoctl.federation.proof import Severity
from tests.aws.builders import ACCOUNT, HOST, REQUEST, role, settings

ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"
SUBJECT = REQUEST.subjects[0]
BOUND = settings(bind_audience=True)


def review(of: Role) -> list[tuple[str, str]]:
    """Severity and words of what is found."""
    reviewed = Reviewed(role=of, subjects=frozenset(REQUEST.subjects), provider_arn=ARN, host=HOST)
    return [(item.severity.name, item.what) for item in findings([reviewed])]


def good() -> Role:
    """A role that nothing is to be said of."""
    narrow = {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::one/*"}
    return replace(role(BOUND), permissions=Policy({"Version": "2012-10-17", "Statement": [narrow]}))


def trusting(**statement: Any) -> Role:
    """A role whose trust policy has a statement with other elements."""
    usual = good().trust.document["Statement"][0]
    changed = {name: value for name, value in {**usual, **statement}.items() if value is not None}
    return replace(good(), trust=Policy({"Version": "2012-10-17", "Statement": [changed]}))


def may(*statements: dict[str, Any]) -> Role:
    """A role that may do this."""
    return replace(good(), permissions=Policy({"Version": "2012-10-17", "Statement": list(statements)}))


def allow(action: object, resource: object = "arn:aws:s3:::one", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def on(operator: str, value: object, key: str = "sub") -> dict[str, Any]:
    """A condition on the subject, and the usual one on the audience."""
    return {operator: {f"{HOST}:{key}": value}, "StringEquals": {f"{HOST}:aud": "openshift"}}


def test_a_narrow_role_gives_no_cause() -> None:
    assert review(good()) == []


def test_a_role_without_an_audience_condition_is_told() -> None:
    assert ("LOW", "its trust policy takes tokens for any audience of the provider") in review(role(settings()))


@pytest.mark.parametrize(
    ("of", "severity", "words"),
    [
        (trusting(Principal="*"), "HIGH", "also lets in AWS *"),
        (trusting(Principal={"AWS": "*"}), "HIGH", "also lets in AWS *"),
        (
            trusting(Principal={"Federated": [ARN, "cognito-identity.amazonaws.com"]}),
            "HIGH",
            "lets in Federated cognito",
        ),
        (trusting(Principal=None, NotPrincipal={"AWS": "1"}), "HIGH", "lets in whoever is not listed"),
        (trusting(Action=None, NotAction="sts:TagSession"), "HIGH", "whatever is not listed (NotAction)"),
        (trusting(Condition=None), "HIGH", "names no subject"),
        (trusting(Condition=on("StringNotEquals", "x")), "HIGH", "names no subject"),
        (trusting(Condition=on("StringEqualsIfExists", SUBJECT)), "HIGH", "names no subject"),
        (trusting(Condition=on("StringLike", "system:serviceaccount:*")), "HIGH", "pattern system:serviceaccount:*"),
        (
            trusting(Condition={"StringEquals": {f"{HOST}:sub": [SUBJECT, "other"], f"{HOST}:aud": "openshift"}}),
            "HIGH",
            "also takes other, which no request asks for",
        ),
        (trusting(Condition={"StringEquals": {"other.example.com:sub": SUBJECT}}), "HIGH", "names no subject"),
        (may(allow("*")), "HIGH", "everything (action *)"),
        (may(allow("ec2:*")), "MEDIUM", "everything of one service (ec2:*)"),
        (may(allow("s3:GetObject", "*")), "LOW", "rights on every resource"),
        (may(allow(["iam:PassRole"], "*")), "HIGH", "may gain other rights"),
        (may(allow("iam:*Policy", "*")), "HIGH", "iam:AttachRolePolicy"),
        (may(allow("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/*")), "HIGH", "may gain other rights"),
        (may(allow("iam:CreateAccessKey", ["x", "arn:*:iam::*:user/*"])), "HIGH", "may gain other rights"),
        (may({"Effect": "Allow", "NotAction": "iam:*", "Resource": "arn:aws:s3:::one"}), "HIGH", "(NotAction)"),
        (may({"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "x"}), "HIGH", "(NotResource)"),
        (replace(good(), permissions=None), "MEDIUM", "no permissions policy"),
        (replace(good(), permissions=Unseen("iam:GetRolePolicy")), "MEDIUM", "not reviewed (iam:GetRolePolicy)"),
        (replace(good(), inline_policies=("more",)), "MEDIUM", "inline policy more"),
        (replace(good(), attached_policies=("arn:aws:iam::aws:policy/x",)), "MEDIUM", "managed policy arn:aws:iam"),
        (may(allow([f"s3:Get{number:0100}" for number in range(90)])), "LOW", "of the 10240 characters"),
        (
            trusting(Condition={"StringEquals": {f"{HOST}:sub": [SUBJECT] * 40, f"{HOST}:aud": "openshift"}}),
            "LOW",
            "of the 2048 characters",
        ),
    ],
)
def test_what_is_wider_than_it_need_be_is_found(of: Role, severity: str, words: str) -> None:
    assert [found for found in review(of) if found[0] == severity and words in found[1]], review(of)


@pytest.mark.parametrize(
    "of",
    [
        may(allow("s3:GetObject", "*", Condition={"StringEquals": {"aws:ResourceTag/a": "b"}})),
        may(allow("iam:PassRole", "arn:aws:iam::123456789012:role/one")),
        may(allow("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/demo-*")),
        may(allow("iam:PassRole", "arn:aws:iam::999999999999:role/*")),
        may({"Effect": "Deny", "Action": "*", "Resource": "*"}),
        trusting(Condition={"ForAnyValue:StringEquals": {f"{HOST.upper()}:SUB": SUBJECT, f"{HOST}:aud": "openshift"}}),
    ],
)
def test_what_is_narrow_in_another_way_is_not_found(of: Role) -> None:
    assert review(of) == []


@pytest.mark.parametrize(
    ("held", "severity", "words"),
    [
        (Policy({"Statement": allow("*", "*")}), "HIGH", "everything (action *), through its inline policy more"),
        (Policy({"Statement": allow("iam:PassRole", "*")}), "HIGH", "may gain other rights"),
        (Policy({"Statement": allow("s3:GetObject", "*")}), "LOW", "rights on every resource"),
        (Unseen("iam:GetRolePolicy"), "MEDIUM", "not reviewed (iam:GetRolePolicy)"),
    ],
)
def test_further_inline_policies_are_read_by_the_same_rules(held: Policy | Unseen, severity: str, words: str) -> None:
    reviewed = Reviewed(
        role=replace(good(), inline_policies=(good().name, "more")),
        subjects=frozenset(REQUEST.subjects),
        provider_arn=ARN,
        host=HOST,
        further={"more": held},
    )
    said = [(item.severity.name, item.what) for item in findings([reviewed])]

    assert ("MEDIUM", "it has the inline policy more, which no request asks for") in said
    assert [found for found in said if found[0] == severity and words in found[1]]


def test_what_is_the_same_for_several_roles_is_said_once() -> None:
    def named(name: str, of: Role) -> Reviewed:
        wanted = frozenset(REQUEST.subjects)
        return Reviewed(role=replace(of, name=name), subjects=wanted, provider_arn=ARN, host=HOST)

    without = [named(name, role(settings())) for name in ("one", "two")]

    assert [item.where for item in findings(without) if "audience" in item.what] == ["all 2 roles"]
    some = findings([*without, named("three", good())])
    assert [item.where for item in some if "audience" in item.what] == ["2 roles: one, two"]


def test_the_gravest_come_first() -> None:
    order = list(Severity)
    found = findings(
        [
            Reviewed(role=may(allow("*", "*")), subjects=frozenset(), provider_arn="", host="x"),
            Reviewed(role=may(allow("ec2:*", "*")), subjects=frozenset(), provider_arn="", host="x"),
        ]
    )
    ranks = [order.index(item.severity) for item in found]

    assert ranks == sorted(ranks)


@pytest.mark.parametrize("document", [{}, {"Statement": "x"}, {"Statement": [1, None]}, {"Statement": {"Effect": []}}])
def test_a_policy_that_makes_no_sense_is_read_without_an_error(document: dict[str, Any]) -> None:
    review(replace(good(), trust=Policy(document), permissions=Policy(document)))
