"""The operations of services that the lab has no table of."""

from __future__ import annotations

import pytest

from ccoctl.lab.models import is_action, operation_by_model, prefix_of


@pytest.mark.parametrize(
    ("service", "method", "path", "operation"),
    [
        ("route53", "GET", "/2013-04-01/hostedzone", "ListHostedZones"),
        ("route53", "GET", "/2013-04-01/hostedzone/Z1", "GetHostedZone"),
        ("route53", "POST", "/2013-04-01/hostedzone/Z1/rrset/", "ChangeResourceRecordSets"),
        ("route53", "GET", "/2013-04-01/hostedzonecount", "GetHostedZoneCount"),
        ("elasticfilesystem", "GET", "/2015-02-01/file-systems", "DescribeFileSystems"),
        ("route53", "PATCH", "/2013-04-01/hostedzone", "Unknown"),
        ("route53", "GET", "/", "Unknown"),
        ("no-such-service", "GET", "/", "Unknown"),
        ("kms", "POST", "/", "Unknown"),
    ],
)
def test_a_rest_request_is_known_by_method_and_path(service: str, method: str, path: str, operation: str) -> None:
    assert operation_by_model(service, method, path, "") == operation


@pytest.mark.parametrize(
    ("target", "operation"),
    [
        ("TrentService.DescribeKey", "DescribeKey"),
        ("ResourceGroupsTaggingAPI_20170126.GetResources", "GetResources"),
        ("GetResources", "GetResources"),
        ("a.b\n", "Unknown"),
        ("x" * 400, "Unknown"),
    ],
)
def test_a_json_request_names_its_operation(target: str, operation: str) -> None:
    assert operation_by_model("kms", "POST", "/", target) == operation


def test_iam_has_prefixes_of_its_own() -> None:
    assert prefix_of("tagging") == "tag"
    assert prefix_of("route53") == "route53"


@pytest.mark.parametrize(
    "action", ["iam:CreateRole", "IAM:list*", "*", "s3:Put?bject", "ec2:*", "*:Get*", "tag:TagResources"]
)
def test_an_action_is_of_a_service_and_may_hold_wildcards(action: str) -> None:
    assert is_action(action)


@pytest.mark.parametrize(
    "action", ["nonsense", "iam", "iam:", ":ListRoles", "iam:List Roles", "imm:ListRoles", "imm*:*", ""]
)
def test_what_no_service_begins_is_no_action(action: str) -> None:
    assert not is_action(action)
