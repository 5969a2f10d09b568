"""Policies: what is written, and when two of them mean the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.aws.policy import (
    Policy,
    control_read,
    federated,
    identity_read,
    parse,
    permissions,
    public_read,
    size,
    trust,
)
from ccoctl.credentialsrequest.model import AwsStatement
from ccoctl.engine.call import JsonText, Output, outputs

ARN = "arn:aws:iam::123456789012:oidc-provider/issuer.example.com"

names = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=8)
statements = st.lists(
    st.builds(
        AwsStatement,
        effect=st.sampled_from(["Allow", "Deny"]),
        actions=st.lists(st.builds("{}:{}".format, names, names), min_size=1, max_size=4).map(tuple),
        resource=names,
        condition=st.dictionaries(
            st.sampled_from(["StringEquals", "Bool"]),
            st.dictionaries(
                names, st.one_of(names, st.booleans(), st.lists(names, min_size=1, max_size=3).map(tuple)), max_size=2
            ),
            max_size=2,
        ),
    ),
    min_size=1,
    max_size=4,
)


def test_trust_is_for_the_exact_subjects() -> None:
    assert trust(ARN, "issuer.example.com", ["system:serviceaccount:ns:one"]).document == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": ARN},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {"issuer.example.com:sub": ["system:serviceaccount:ns:one"]}},
            }
        ],
    }


def test_defect_18_trust_can_bind_the_audience_too() -> None:
    document = trust(ARN, "issuer.example.com", ["s"], ["openshift"]).document

    assert document["Statement"][0]["Condition"]["StringEquals"]["issuer.example.com:aud"] == ["openshift"]


def test_permissions_are_what_the_request_asks_for() -> None:
    condition: Mapping[str, Mapping[str, Any]] = {"StringEquals": {"k": ("a", "b")}, "Bool": {"l": True}}
    asked = AwsStatement(effect="Allow", actions=("s3:Get", "ec2:Run"), resource="*", condition=condition)

    assert permissions([asked, AwsStatement(effect="Deny", actions=("a:B",), resource="r", condition={})]).document == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["s3:Get", "ec2:Run"],
                "Resource": "*",
                "Condition": {"StringEquals": {"k": ["a", "b"]}, "Bool": {"l": True}},
            },
            {"Effect": "Deny", "Action": ["a:B"], "Resource": "r"},
        ],
    }


def test_a_policy_is_a_parameter_as_it_is_written() -> None:
    policy = public_read("b", "aws")

    assert policy.text == JsonText(policy.document)


class TestBucketPolicies:
    def test_everybody_reads_a_public_bucket(self) -> None:
        assert public_read("demo-oidc", "aws").document == {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "AllowReadPublicAccess",
                    "Principal": "*",
                    "Effect": "Allow",
                    "Action": ["s3:GetObject"],
                    "Resource": ["arn:aws:s3:::demo-oidc/*"],
                }
            ],
        }

    def test_an_access_identity_reads_a_private_one(self) -> None:
        assert identity_read("demo-oidc", "aws", "E1").document == {
            "Version": "2008-10-17",
            "Id": "PolicyForCloudFrontPrivateContent",
            "Statement": [
                {
                    "Sid": "1",
                    "Effect": "Allow",
                    "Principal": {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"},
                    "Action": "s3:GetObject",
                    "Resource": "arn:aws:s3:::demo-oidc/*",
                }
            ],
        }

    def test_an_access_control_reads_it_for_one_distribution_alone(self) -> None:
        arn = "arn:aws:cloudfront::123456789012:distribution/E2"
        assert control_read("demo-oidc", "aws", arn).document == {
            "Version": "2012-10-17",
            "Id": "PolicyForCloudFrontPrivateContent",
            "Statement": [
                {
                    "Sid": "AllowCloudFrontServicePrincipal",
                    "Effect": "Allow",
                    "Principal": {"Service": "cloudfront.amazonaws.com"},
                    "Action": "s3:GetObject",
                    "Resource": "arn:aws:s3:::demo-oidc/*",
                    "Condition": {"StringEquals": {"AWS:SourceArn": arn}},
                }
            ],
        }


def allowing(**elements: object) -> Policy:
    """A policy of one statement, some of whose elements are changed or added."""
    whole = {"Sid": "one", "Effect": "Allow", "Action": "s3:Get", "Resource": "a", **elements}
    return Policy({"Version": "2012-10-17", "Statement": whole})


@pytest.mark.parametrize(
    ("element", "one", "alike", "other"),
    [
        ("Sid", "a", "b", None),
        ("Effect", "Allow", "Allow", "Deny"),
        ("Action", ["s3:Get", "s3:Put"], ["S3:PUT", "s3:get"], ["s3:Get"]),
        ("NotAction", ["s3:Get", "s3:Put"], ["S3:PUT", "s3:get"], ["s3:Get"]),
        ("Resource", ["a", "b"], ["b", "a"], ["a", "B"]),
        ("NotResource", ["a", "b"], ["b", "a"], ["a", "B"]),
        ("Principal", "*", {"AWS": ["*"]}, {"AWS": "123456789012"}),
        ("NotPrincipal", "*", {"AWS": ["*"]}, {"AWS": "123456789012"}),
        ("Principal", {"Federated": ["a", "b"]}, {"Federated": ["b", "a"]}, {"Federated": ["a"]}),
        ("Principal", "nobody", "nobody", "somebody"),
        ("Condition", {"Bool": {"A:b": True}}, {"Bool": {"a:B": "true"}}, {"Bool": {"a:b": False}}),
        ("Condition", {"StringLike": {"k": "v"}}, {"StringLike": {"k": ["v"]}}, {"StringEquals": {"k": "v"}}),
        ("Condition", {"StringLike": {"k": "v"}}, {"StringLike": {"k": ["v"]}}, {"StringLike": {"k": "V"}}),
        ("Condition", {"Bool": {"k": {"a": 1, "b": 2}}}, {"Bool": {"k": {"b": 2, "a": 1}}}, {"Bool": {"k": {"a": 1}}}),
        ("Condition", {"Bool": "k"}, {"Bool": "k"}, {"Bool": "l"}),
        ("Condition", "k", "k", "l"),
        ("Unheard", [1], [1], [2]),
    ],
)
def test_each_element_counts_by_what_it_means(element: str, one: object, alike: object, other: object) -> None:
    assert allowing(**{element: one}) == allowing(**{element: alike})
    if other is not None:
        assert allowing(**{element: one}) != allowing(**{element: other})


def test_what_comes_behind_the_sid_counts() -> None:
    assert allowing(Unheard=1) != allowing(Unheard=2)
    assert allowing(Unheard=1) != allowing()


def test_keys_of_a_condition_are_one_key_in_any_case() -> None:
    """`\u00df` has no upper case of its own: folding to upper would make it `SS`."""
    assert allowing(Condition={"Bool": {"\u00df": "x"}}) != allowing(Condition={"Bool": {"ss": "x"}})
    assert allowing(Action="\u00df:a") != allowing(Action="ss:a")


def test_a_policy_without_a_version_is_of_the_first() -> None:
    statement = [{"Effect": "Allow", "Action": "a:B", "Resource": "*"}]

    assert Policy({"Statement": statement}) == Policy({"Version": "2008-10-17", "Statement": statement})
    assert Policy({"Statement": statement}) != Policy({"Version": "2012-10-17", "Statement": statement})


class TestTheProvidersOfATrustPolicy:
    @staticmethod
    def of(*statements: object) -> frozenset[str]:
        return federated(Policy({"Version": "2012-10-17", "Statement": list(statements)}))

    def test_all_that_are_allowed(self) -> None:
        other = {"Effect": "Allow", "Principal": {"Federated": ["b", "c"]}}

        assert self.of({"Effect": "Allow", "Principal": {"Federated": "a"}}, other) == {"a", "b", "c"}

    def test_a_single_statement_needs_no_list(self) -> None:
        statement = {"Effect": "Allow", "Principal": {"Federated": "a"}}

        assert federated(Policy({"Statement": statement})) == {"a"}
        assert federated(Policy({"Statement": (statement,)})) == {"a"}

    def test_none_that_is_denied_or_of_another_kind(self) -> None:
        service = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}}
        everybody = {"Effect": "Allow", "Principal": "*"}

        assert self.of({"Effect": "Deny", "Principal": {"Federated": "a"}}, service, everybody) == frozenset()
        assert self.of({"Principal": {"Federated": "a"}}, {"Effect": "Allow"}, "nonsense", None) == frozenset()
        assert federated(Policy({"Version": "2012-10-17"})) == frozenset()


def test_order_case_and_single_values_do_not_count() -> None:
    one = Policy(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Sid": "a", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"},
                {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": ["x"]},
            ],
        }
    )
    other = Policy(
        {
            "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": ["S3:listbucket"], "Resource": "x"},
                {"Effect": "Allow", "Action": ["s3:PutObject", "s3:GETOBJECT"], "Resource": ["*"]},
            ],
            "Version": "2012-10-17",
        }
    )

    assert one == other


def test_conditions_compare_as_iam_keeps_them() -> None:
    wanted = permissions(
        [AwsStatement(effect="Allow", actions=("a:B",), resource="*", condition={"Bool": {"K:X": True}})]
    )
    kept = {"Effect": "Allow", "Action": ["a:B"], "Resource": "*", "Condition": {"Bool": {"k:x": ["true"]}}}

    assert wanted == Policy({"Version": "2012-10-17", "Statement": kept})


def test_what_matters_makes_a_difference() -> None:
    base = public_read("b", "aws")

    assert base != public_read("c", "aws")
    assert base != public_read("b", "aws-cn")
    assert base != Policy({**base.document, "Version": "2008-10-17"})
    assert trust(ARN, "h", ["a"]) != trust(ARN, "h", ["a", "b"])
    assert trust(ARN, "h", ["a"]) != trust(ARN, "h", ["a"], ["openshift"])


def test_what_is_no_policy_equals_nothing_that_we_write() -> None:
    for text in ("", "null", "[]", "{", '{"Version":"2012-10-17"}'):
        assert parse(text) != public_read("b", "aws")


def test_defect_21_bucket_policies_carry_the_partition() -> None:
    text = json.dumps([identity_read("b", "aws-cn", "E1").document, control_read("b", "aws-cn", "arn").document])

    assert "arn:aws:" not in text
    assert "arn:aws-cn:iam::cloudfront:user/CloudFront Origin Access Identity E1" in text


def test_a_policy_may_hold_what_is_known_later() -> None:
    late = Output(step="identity/create", path="Id", placeholder="<id>")
    policy = identity_read("b", "aws", late)

    assert outputs(policy.document) == (late,)
    assert policy != identity_read("b", "aws", "E1")


def test_size_leaves_white_space_out() -> None:
    assert size({"Version": "2012-10-17"}) == len('{"Version":"2012-10-17"}')


@given(statements)
def test_a_policy_read_back_is_the_policy(wanted: list[AwsStatement]) -> None:
    policy = permissions(wanted)

    assert parse(json.dumps(policy.document, indent=2)) == policy


@given(statements, st.randoms(use_true_random=False))
def test_statements_in_any_order_are_the_same_policy(wanted: list[AwsStatement], random: object) -> None:
    shuffled = list(wanted)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis gives a random.Random

    assert permissions(shuffled) == permissions(wanted)


@pytest.mark.parametrize(
    "text",
    [
        '{"Statement": ' + "[" * 100_000,
        '{"Statement": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"Statement": ' + "[" * 300 + "]" * 300 + "}",
        '{"Statement": [{"Sid": "\\ud800"}]}',
        '{"\\udfff": 1}',
        '{"Statement": ' + "1" * 10_000 + "}",
    ],
)
def test_a_policy_that_no_aws_keeps_is_unreadable_and_equals_nothing_that_we_write(text: str) -> None:
    assert parse(text).document == {"Unreadable": text}
