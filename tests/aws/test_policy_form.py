"""Statements that IAM would refuse are refused here, before a role has been made for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ccoctl.aws.policy_form import form_problems
from ccoctl.credentialsrequest.load import load
from ccoctl.credentialsrequest.model import AwsProviderSpec, AwsStatement
from tests.aws.builders import request


def told(resource: str = "*", condition: Mapping[str, Any] | None = None) -> list[str]:
    """What is told of a request with such a statement behind a good one."""
    statement = AwsStatement(effect="Allow", actions=("s3:GetObject",), resource=resource, condition=condition or {})
    good = request()
    spec = AwsProviderSpec(statements=(*good.spec.statements, statement))
    return [str(problem) for problem in form_problems([good, msgspec.structs.replace(good, spec=spec)])]


@pytest.mark.parametrize(
    "operator",
    ["StringMatches", "", "$eq", "ForAnyValue:", "ForSomeValues:StringLike", "String\u0415quals", "NullIfExists"],
)
def test_an_operator_that_is_none_is_refused_with_its_place(operator: str) -> None:
    problem, *_ = told(condition={operator: {"aws:RequestedRegion": "us-east-1"}})

    assert problem.startswith("requests/one.yaml:1: document 1: spec.providerSpec.statementEntries[1].policyCondition")
    assert f"there is no condition operator {operator!a}" in problem


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("DateLessThan", "tomorrow"),
        ("NumericEquals", "x"),
        ("Bool", "yes"),
        ("IpAddress", "10.0.0.0/33"),
        ("ArnLike", "bucket"),
        ("Null", ("true", "maybe")),
    ],
)
def test_a_value_that_could_never_be_compared_is_refused(operator: str, value: Any) -> None:
    (problem,) = told(condition={operator: {"aws:a": value}})
    assert f"the operator {operator} has nothing to compare" in problem


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("StringEquals", ("a", True, 7)),
        ("ForAllValues:StringLikeIfExists", "a*"),
        ("DateGreaterThan", "2026-01-01T00:00:00Z"),
        ("NumericLessThan", 7.5),
        ("Bool", True),
        ("Null", False),
        ("IpAddress", "2001:db8::/32"),
        ("ArnNotLike", "arn:aws:s3:::b*"),
        ("ArnLike", "${aws:PrincipalArn}"),
        ("BinaryEquals", "QmluYXJ5"),
    ],
)
def test_a_condition_that_iam_takes_is_no_problem(operator: str, value: Any) -> None:
    assert told(condition={operator: {"aws:a": value}}) == []


@pytest.mark.parametrize(
    "resource", ["*", "arn:aws:s3:::b", "arn:aws:s3:::b/*", "arn:aws:iam::*:role/x", "arn:aws:ec2:*"]
)
def test_a_resource_is_an_arn(resource: str) -> None:
    assert told(resource) == []


@pytest.mark.parametrize("resource", ["arn:aws", "arn:aws:s3", "arn:aws:s3::b"])
def test_an_arn_has_six_parts(resource: str) -> None:
    assert "is no ARN" in told(resource)[0]


def test_a_variable_stands_in_the_last_part_of_an_arn() -> None:
    assert told("arn:aws:s3:::b/${aws:username}/*") == []
    assert "policy variable" in told("arn:aws:iam::${aws:PrincipalAccount}:role/x")[0]


def test_a_character_that_no_policy_may_hold_is_shown() -> None:
    (problem,) = told(condition={"StringEquals": {"aws:a": "b\u202ec"}})

    assert problem.endswith(r"its statements hold the character '\u202e'; IAM takes those of Latin-1 alone")
    assert told(condition={"StringEquals": {"aws:a": "\u00e9\0"}}) == [], "JSON writes a NUL as an escape"


def test_the_requests_of_every_release_are_as_they_should_be(shared: Path) -> None:
    for directory in sorted((shared / "credrequests").glob("*/aws")):
        assert form_problems(load(directory).requests) == ()
