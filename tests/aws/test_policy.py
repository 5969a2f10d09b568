"""Policies: what is written, and when two of them mean the same."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.aws.policy import Policy, control_read, identity_read, parse, permissions, public_read, size, trust
from ccoctl.credentialsrequest.model import AwsStatement
from ccoctl.engine.call import Output, outputs

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
    document = trust(ARN, "issuer.example.com", ["system:serviceaccount:ns:one"]).document

    assert document["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Federated": ARN},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {"issuer.example.com:sub": ["system:serviceaccount:ns:one"]}},
        }
    ]


def test_defect_18_trust_can_bind_the_audience_too() -> None:
    document = trust(ARN, "issuer.example.com", ["s"], ["openshift"]).document

    assert document["Statement"][0]["Condition"]["StringEquals"]["issuer.example.com:aud"] == ["openshift"]


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
    assert hash(one) == hash(other)


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
