"""IAM's limits hold where moto has none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config

from ccoctl.lab.accounts import iam as backend
from ccoctl.lab.server import EmbeddedAws
from tests.lab.clients import ACCOUNT, allowing, client, refusal

HOST = "issuer.example.com"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"


def iam_of(aws: EmbeddedAws) -> Any:
    return client(aws, "iam", config=Config(parameter_validation=False))


def trust(**changed: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": "sts:AssumeRoleWithWebIdentity",
        **changed,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [{k: v for k, v in statement.items() if v is not None}]})


def role(name: str = "role", **changed: Any) -> dict[str, Any]:
    return {"RoleName": name, "AssumeRolePolicyDocument": trust(), **changed}


def tags(number: int, start: int = 0) -> list[dict[str, str]]:
    return [{"Key": f"key{count}", "Value": "v"} for count in range(start, start + number)]


def sized(size: int) -> str:
    """A permissions policy of so many characters that count, and as much white space again."""
    empty = len(json.dumps(json.loads(allowing("s3:")), separators=(",", ":")))
    return " " * size + json.dumps(json.loads(allowing(f"s3:{'s' * (size - empty)}")), indent=2)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"RoleName": "a" * 65}, "ValidationError"),
        ({"RoleName": "a b"}, "ValidationError"),
        ({"RoleName": "röle"}, "ValidationError"),
        ({"Path": "no-slash"}, "ValidationError"),
        ({"Path": "/no-slash"}, "ValidationError"),
        ({"Path": f"/{'a' * 511}/"}, "ValidationError"),
        ({"Description": "a" * 1001}, "ValidationError"),
        ({"Description": "snow\u2603"}, "ValidationError"),
        ({"MaxSessionDuration": 3599}, "ValidationError"),
        ({"MaxSessionDuration": 43201}, "ValidationError"),
        ({"Tags": tags(51)}, "LimitExceeded"),
        ({"Tags": [{"Key": "k" * 129, "Value": "v"}]}, "ValidationError"),
        ({"Tags": [{"Key": "k", "Value": "v" * 257}]}, "ValidationError"),
        ({"Tags": [{"Key": "k!", "Value": "v"}]}, "ValidationError"),
        ({"Tags": [{"Key": "aws:k", "Value": "v"}]}, "InvalidInput"),
        ({"Tags": [{"Key": "k", "Value": "1"}, {"Key": "K", "Value": "2"}]}, "InvalidInput"),
        ({"AssumeRolePolicyDocument": "no json"}, "MalformedPolicyDocument"),
        ({"AssumeRolePolicyDocument": "[]"}, "MalformedPolicyDocument"),
        ({"AssumeRolePolicyDocument": trust(Effect="Maybe")}, "MalformedPolicyDocument"),
        ({"AssumeRolePolicyDocument": trust(Resource="*")}, "MalformedPolicyDocument"),
        ({"AssumeRolePolicyDocument": trust(Principal=None)}, "MalformedPolicyDocument"),
        ({"AssumeRolePolicyDocument": trust(Action=None)}, "MalformedPolicyDocument"),
        (
            {"AssumeRolePolicyDocument": trust(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/nobody"})},
            "MalformedPolicyDocument",
        ),
        ({"AssumeRolePolicyDocument": trust(Sid="s" * 2048)}, "LimitExceeded"),
    ],
)
def test_a_role_beyond_a_limit_is_refused(embedded_aws: EmbeddedAws, change: dict[str, Any], code: str) -> None:
    iam = iam_of(embedded_aws)
    assert refusal(iam.create_role, **role(**change)) == (code, 409 if code == "LimitExceeded" else 400)
    assert iam.list_roles()["Roles"] == []


def test_a_role_at_every_limit_is_made(embedded_aws: EmbeddedAws) -> None:
    iam = iam_of(embedded_aws)
    filler = 2048 - len(json.dumps(json.loads(trust(Sid="")), separators=(",", ":")))
    made = iam.create_role(
        RoleName="w+=,.@-" + "a" * 57,
        Path=f"/{'a' * 510}/",
        Description="ä\t" + "a" * 998,
        MaxSessionDuration=43200,
        AssumeRolePolicyDocument=trust(Sid="s" * filler),
        Tags=[{"Key": "k" * 128, "Value": "v" * 256}, *tags(49)],
    )
    assert made["Role"]["MaxSessionDuration"] == 43200


def test_white_space_does_not_count(embedded_aws: EmbeddedAws) -> None:
    iam = iam_of(embedded_aws)
    iam.create_role(**role(AssumeRolePolicyDocument=json.dumps(json.loads(trust()), indent=1000)))


def test_inline_policies_count_together(embedded_aws: EmbeddedAws) -> None:
    iam = iam_of(embedded_aws)
    iam.create_role(**role())
    iam.put_role_policy(RoleName="role", PolicyName="one", PolicyDocument=sized(5000))
    iam.put_role_policy(RoleName="role", PolicyName="two", PolicyDocument=sized(5240))
    over = refusal(iam.put_role_policy, RoleName="role", PolicyName="three", PolicyDocument=sized(200))

    assert over == ("LimitExceeded", 409)
    iam.put_role_policy(RoleName="role", PolicyName="one", PolicyDocument=sized(4999))
    assert refusal(iam.put_role_policy, RoleName="role", PolicyName="p" * 129, PolicyDocument=sized(200))[1] == 400


def test_managed_policies_are_so_large_and_so_many(embedded_aws: EmbeddedAws) -> None:
    iam = iam_of(embedded_aws)
    iam.create_role(**role())
    made = [
        iam.create_policy(PolicyName=f"p{number}", PolicyDocument=sized(6144 if number else 200))["Policy"]["Arn"]
        for number in range(11)
    ]
    assert refusal(iam.create_policy, PolicyName="large", PolicyDocument=sized(6145)) == ("LimitExceeded", 409)
    for arn in made[:10]:
        iam.attach_role_policy(RoleName="role", PolicyArn=arn)
    assert refusal(iam.attach_role_policy, RoleName="role", PolicyArn=made[10]) == ("LimitExceeded", 409)
    iam.attach_role_policy(RoleName="role", PolicyArn=made[0])


def test_tags_count_with_those_that_are_there(embedded_aws: EmbeddedAws) -> None:
    iam = iam_of(embedded_aws)
    iam.create_role(**role(Tags=tags(49)))
    iam.tag_role(RoleName="role", Tags=tags(2, 48))
    assert refusal(iam.tag_role, RoleName="role", Tags=tags(1, 60)) == ("LimitExceeded", 409)
    iam.tag_role(RoleName="role", Tags=tags(50))


def test_names_are_unique_whatever_their_case(embedded_aws: EmbeddedAws) -> None:
    iam = iam_of(embedded_aws)
    iam.create_role(**role("Role"))
    assert refusal(iam.create_role, **role("rOLE", Path="/other/")) == ("EntityAlreadyExists", 409)


def test_roles_and_providers_are_so_many(embedded_aws: EmbeddedAws) -> None:
    iam, there = iam_of(embedded_aws), backend("aws")
    for number in range(1000):
        there.create_role(f"role{number}", trust(), "/", None, "", [], "3600", "us-east-1")
    assert refusal(iam.create_role, **role()) == ("LimitExceeded", 409)
    for number in range(100):
        there.create_open_id_connect_provider(f"https://{number}.example.com", ["a" * 40], ["openshift"], [])
    assert refusal(iam.create_open_id_connect_provider, **provider()) == ("LimitExceeded", 409)


def provider(**changed: Any) -> dict[str, Any]:
    return {"Url": f"https://{HOST}", "ClientIDList": ["openshift"], "ThumbprintList": ["a" * 40], **changed}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Url": f"http://{HOST}"}, "ValidationError"),
        ({"Url": HOST}, "ValidationError"),
        ({"Url": f"https://{HOST}:8443"}, "ValidationError"),
        ({"Url": f"https://{HOST}?a=b"}, "ValidationError"),
        ({"Url": f"https://user@{HOST}"}, "ValidationError"),
        ({"Url": f"https://{HOST}/{'a' * 255}"}, "ValidationError"),
        ({"ClientIDList": [f"client{number}" for number in range(101)]}, "LimitExceeded"),
        ({"ClientIDList": ["a" * 256]}, "ValidationError"),
        ({"ThumbprintList": ["a" * 39]}, "ValidationError"),
        ({"ThumbprintList": ["g" * 40]}, "ValidationError"),
        ({"ThumbprintList": [f"{number}" * 40 for number in range(6)]}, "InvalidInput"),
        ({"Tags": tags(51)}, "LimitExceeded"),
    ],
)
def test_a_provider_beyond_a_limit_is_refused(embedded_aws: EmbeddedAws, change: dict[str, Any], code: str) -> None:
    iam = iam_of(embedded_aws)
    assert refusal(iam.create_open_id_connect_provider, **provider(**change))[0] == code
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def test_a_provider_needs_no_thumbprint_and_may_have_a_path(embedded_aws: EmbeddedAws) -> None:
    iam = iam_of(embedded_aws)
    made = iam.create_open_id_connect_provider(Url=f"https://{HOST}/a/path", ClientIDList=["openshift"])
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=made["OpenIDConnectProviderArn"])
    assert found["Url"] == f"{HOST}/a/path"
    again = provider(Url=f"https://{HOST}/a/path")
    assert refusal(iam.create_open_id_connect_provider, **again) == ("EntityAlreadyExists", 409)


def test_what_is_added_to_a_provider_counts(embedded_aws: EmbeddedAws) -> None:
    iam = iam_of(embedded_aws)
    iam.create_open_id_connect_provider(**provider(ClientIDList=[f"client{number}" for number in range(100)]))
    update: Callable[..., Any] = iam.update_open_id_connect_provider_thumbprint
    six = [f"{number}" * 40 for number in range(6)]

    added = refusal(iam.add_client_id_to_open_id_connect_provider, OpenIDConnectProviderArn=PROVIDER, ClientID="more")
    assert added == ("LimitExceeded", 409)
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER, ClientID="client1")
    assert refusal(update, OpenIDConnectProviderArn=PROVIDER, ThumbprintList=six) == ("InvalidInput", 400)
    update(OpenIDConnectProviderArn=PROVIDER, ThumbprintList=six[:5])


def test_client_ids_come_and_go(embedded_aws: EmbeddedAws) -> None:
    iam = iam_of(embedded_aws)
    iam.create_open_id_connect_provider(**provider())
    of = {"OpenIDConnectProviderArn": PROVIDER}
    for _ in range(2):
        iam.add_client_id_to_open_id_connect_provider(**of, ClientID="sts.amazonaws.com")
    assert iam.get_open_id_connect_provider(**of)["ClientIDList"] == ["openshift", "sts.amazonaws.com"]
    for _ in range(2):
        iam.remove_client_id_from_open_id_connect_provider(**of, ClientID="openshift")
    assert iam.get_open_id_connect_provider(**of)["ClientIDList"] == ["sts.amazonaws.com"]
    elsewhere = {"OpenIDConnectProviderArn": f"{PROVIDER}/elsewhere", "ClientID": "a"}
    assert refusal(iam.add_client_id_to_open_id_connect_provider, **elsewhere) == ("NoSuchEntity", 404)


def test_a_list_of_roles_has_neither_tags_nor_boundary(embedded_aws: EmbeddedAws) -> None:
    iam = iam_of(embedded_aws)
    made = iam.create_policy(PolicyName="b", PolicyDocument=allowing("iam:*"))["Policy"]["Arn"]
    iam.create_role(**role(Tags=tags(1), PermissionsBoundary=made))
    (listed,) = iam.list_roles()["Roles"]
    found = iam.get_role(RoleName="role")["Role"]

    assert not {"Tags", "PermissionsBoundary"} & listed.keys()
    assert {"Tags", "PermissionsBoundary"} <= found.keys()
