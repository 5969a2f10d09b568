"""The strict STS over real sockets: what it answers, and what its credentials are good for."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from ccoctl.federation.issue import Signer
from ccoctl.lab.server import HOST, EmbeddedAws
from tests.federation.forgery import rsa_key
from tests.lab.clients import ACCOUNT, Clock, Cluster, allowing, client, fetch, port, post, reading, refusal, unsigned

STS = "sts.us-east-1.amazonaws.com"


def form(cluster: Cluster, **changed: Any) -> dict[str, str]:
    return {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", **cluster.request(**changed)}


def refused(cluster: Cluster, **changed: Any) -> tuple[str, int]:
    return refusal(unsigned(cluster.aws, "sts").assume_role_with_web_identity, **cluster.request(**changed))


# the answer


@pytest.mark.parametrize("by_name", [False, True], ids=["the endpoint", "sts.us-east-1.amazonaws.com"])
def test_a_good_token_is_exchanged(cluster: Cluster, by_name: bool) -> None:
    answer = cluster.assume(by_name=by_name)
    given = answer["Credentials"]

    assert given["AccessKeyId"].startswith("ASIA")
    assert given["Expiration"].timestamp() == cluster.clock.now + 3600
    assert len(given["SecretAccessKey"]) == 40
    assert answer["SubjectFromWebIdentityToken"] == "system:serviceaccount:openshift-machine-api:controllers"
    assert answer["Audience"] == "openshift"
    assert answer["Provider"] == f"arn:aws:iam::{ACCOUNT}:oidc-provider/{cluster.host}"
    role = client(cluster.aws, "iam").get_role(RoleName=cluster.role)["Role"]
    assert answer["AssumedRoleUser"] == {
        "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/component/session",
        "AssumedRoleId": f"{role['RoleId']}:session",
    }
    assert "PackedPolicySize" not in answer


def test_a_session_policy_has_a_packed_size(cluster: Cluster) -> None:
    assert 0 < cluster.assume(Policy=allowing("s3:ListAllMyBuckets"))["PackedPolicySize"] < 100


def test_the_answer_is_xml_with_a_request_id(cluster: Cluster) -> None:
    seen = post(cluster.aws, form(cluster))
    assert seen.status == 200
    assert seen.body.startswith(
        b'<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
    )
    assert b"<RequestId>" in seen.body


def test_parameters_may_come_in_the_url(cluster: Cluster) -> None:
    assert fetch(cluster.aws, STS, f"/?{urlencode(form(cluster))}").status == 200


# refusals: error code and HTTP status of the service model


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/nobody"}, "AccessDenied", 403),
        ({"RoleArn": f"arn:aws:iam::{ACCOUNT}:user/administrator"}, "ValidationError", 400),
        ({"RoleArn": "arn:aws:iam::999999999999:role/component"}, "InvalidIdentityToken", 400),
        ({"RoleArn": f"arn:aws-cn:iam::{ACCOUNT}:role/component"}, "InvalidIdentityToken", 400),
        ({"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/path/component"}, "AccessDenied", 403),
        ({"RoleSessionName": "two\nlines"}, "ValidationError", 400),
        ({"DurationSeconds": 3601}, "ValidationError", 400),
        ({"DurationSeconds": 899}, "ValidationError", 400),
        ({"Policy": "{}"}, "MalformedPolicyDocument", 400),
        ({"ProviderId": "www.amazon.com"}, "ValidationError", 400),
        ({"WebIdentityToken": "no token"}, "InvalidIdentityToken", 400),
        ({"WebIdentityToken": "A" * 20_000}, "InvalidIdentityToken", 400),
    ],
)
def test_what_is_wrong_has_a_code(cluster: Cluster, change: dict[str, Any], code: str, status: int) -> None:
    assert refused(cluster, **change) == (code, status)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"issuer": "https://evil.example.com"}, "InvalidIdentityToken"),
        ({"audiences": ["another"]}, "InvalidIdentityToken"),
        ({"namespace": "default"}, "AccessDenied"),
        ({"account": "another"}, "AccessDenied"),
        ({"signer": Signer(rsa_key("forger"))}, "InvalidIdentityToken"),
    ],
)
def test_another_token_is_refused(cluster: Cluster, change: dict[str, Any], code: str) -> None:
    assert refused(cluster, WebIdentityToken=cluster.token(**change))[0] == code


def test_a_token_is_good_until_it_expires(cluster: Cluster, clock: Clock) -> None:
    token = cluster.token(lifetime=600)
    clock.now += 599
    cluster.assume(WebIdentityToken=token)
    clock.now += 1
    assert refused(cluster, WebIdentityToken=token) == ("ExpiredTokenException", 400)


def test_a_longer_token_is_no_parameter(cluster: Cluster) -> None:
    seen = post(cluster.aws, form(cluster, WebIdentityToken="A" * 20_001))
    assert (seen.status, seen.code) == (400, "ValidationError")


def test_parameters_that_are_there_twice_are_refused(cluster: Cluster) -> None:
    good = form(cluster)
    for twice in [*good.items(), ("RoleArn", f"arn:aws:iam::{ACCOUNT}:role/another")]:
        seen = post(cluster.aws, [*good.items(), twice])
        assert (seen.status, seen.code) == (400, "ValidationError"), twice[0]
    seen = post(cluster.aws, good, query=f"?RoleArn={good['RoleArn']}")
    assert (seen.status, seen.code) == (400, "ValidationError")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Action",
        b"Action=AssumeRoleWithWebIdentity&&RoleArn",
        b"Action=AssumeRoleWithWebIdentity&RoleArn=%ff%fe",
        b"Action=AssumeRoleWithWebIdentity&" + b"&".join(b"a%d=1" % number for number in range(2000)),
        b"\xff\xfe\x00",
        b'{"Action":"AssumeRoleWithWebIdentity"}',
    ],
)
def test_a_body_that_is_no_form_is_refused(cluster: Cluster, body: bytes) -> None:
    headers = {"Content_Type": "application/x-www-form-urlencoded"}
    seen = fetch(cluster.aws, STS, "/", "POST", body, **headers)
    assert 400 <= seen.status < 500
    assert b"Credentials" not in seen.body
    assert "Traceback" not in seen.body.decode()


def test_a_refusal_says_no_more_than_aws_and_the_log_says_why(cluster: Cluster) -> None:
    seen = post(cluster.aws, form(cluster, WebIdentityToken=cluster.token(account="another")))
    assert b"<Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message>" in seen.body

    logged = cluster.aws.calls()[-1]
    assert "system:serviceaccount:openshift-machine-api:another" in logged.reason
    assert (logged.operation, logged.resource, logged.code) == (
        "AssumeRoleWithWebIdentity", cluster.role_arn, "AccessDenied",
    )  # fmt: skip


@pytest.mark.parametrize(
    "operation", ["get_session_token", "get_federation_token", "assume_role", "decode_authorization_message"]
)
def test_sts_gives_nothing_out_that_was_not_checked(aws: EmbeddedAws, operation: str) -> None:
    parameters: dict[str, dict[str, str]] = {
        "get_federation_token": {"Name": "somebody"},
        "assume_role": {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/component", "RoleSessionName": "session"},
        "decode_authorization_message": {"EncodedMessage": "m"},
    }
    call = getattr(client(aws, "sts"), operation)
    assert refusal(call, **parameters.get(operation, {})) == ("InvalidAction", 400)


# the documents


def test_a_rotation_is_seen_without_a_restart(cluster: Cluster) -> None:
    new = Signer(rsa_key("rotated"))
    cluster.assume()
    assert refused(cluster, WebIdentityToken=cluster.token(signer=new))[0] == "InvalidIdentityToken"

    cluster.publish(cluster.signer, new)
    cluster.assume(WebIdentityToken=cluster.token(signer=new))
    cluster.publish(new)
    cluster.assume()
    cluster.clock.now += 61
    assert refused(cluster, WebIdentityToken=cluster.token())[0] == "InvalidIdentityToken"


def test_documents_that_nobody_may_read_verify_nothing(cluster: Cluster) -> None:
    client(cluster.aws, "s3").delete_bucket_policy(Bucket=cluster.bucket)
    assert refused(cluster) == ("InvalidIdentityToken", 400)
    assert "403" in cluster.aws.calls()[-1].reason


def test_a_provider_that_is_gone_vouches_for_nobody(cluster: Cluster) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{cluster.host}"
    client(cluster.aws, "iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert refused(cluster) == ("InvalidIdentityToken", 400)


def test_nobody_waits_for_an_issuer_that_does_not_answer(cluster: Cluster) -> None:
    """The account is not locked while documents are fetched."""
    held, asked = threading.Event(), threading.Event()

    def slow(host: str, wanted: int, timeout: float) -> Any:
        asked.set()
        held.wait(30)
        raise OSError("gone")

    cluster.aws._edge._issuers._get._connect = slow  # type: ignore[attr-defined] # an issuer that hangs
    waiting = threading.Thread(target=lambda: refused(cluster))
    waiting.start()
    try:
        assert asked.wait(10)
        client(cluster.aws, "iam").list_roles()
        assert client(cluster.aws, "sts").get_caller_identity()["Account"] == ACCOUNT
    finally:
        held.set()
        waiting.join()


# the credentials


def test_an_assumed_role_knows_who_it_is(cluster: Cluster) -> None:
    for by_name in (False, True):
        caller = client(cluster.aws, "sts", cluster.session(), by_name=by_name).get_caller_identity()
        assert caller["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/component/session"


def test_a_role_remembers_when_and_where_its_credentials_were_last_used(cluster: Cluster, clock: Clock) -> None:
    iam = client(cluster.aws, "iam")
    session = cluster.session()
    assert not iam.get_role(RoleName=cluster.role)["Role"].get("RoleLastUsed"), "nobody used them yet"

    clock.now += 60
    assert refusal(client(cluster.aws, "s3", session, region="eu-west-1").list_buckets) == ("AccessDenied", 403)

    used = iam.get_role(RoleName=cluster.role)["Role"]["RoleLastUsed"]
    assert (used["LastUsedDate"].timestamp(), used["Region"]) == (clock.now, "eu-west-1")


def test_an_assumed_role_may_do_what_its_policy_allows_and_nothing_else(cluster: Cluster) -> None:
    iam = client(cluster.aws, "iam", cluster.session())
    assert refusal(iam.list_roles) == ("AccessDenied", 403)

    cluster.may("iam:ListRoles")
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["component"]
    assert refusal(iam.list_users) == ("AccessDenied", 403)
    assert refusal(client(cluster.aws, "s3", cluster.session()).list_buckets) == ("AccessDenied", 403)
    assert refusal(client(cluster.aws, "ec2", cluster.session()).describe_vpcs) == ("UnauthorizedOperation", 403)
    assert refusal(client(cluster.aws, "cloudfront", cluster.session()).list_distributions) == ("AccessDenied", 403)


def test_a_policy_of_some_resources_is_one_of_those_alone(cluster: Cluster) -> None:
    iam = client(cluster.aws, "iam")
    policy = allowing("iam:GetRole", "iam:ListRoles", resource=cluster.role_arn)
    iam.put_role_policy(RoleName=cluster.role, PolicyName="p", PolicyDocument=policy)
    iam.create_role(RoleName="another", AssumeRolePolicyDocument=json.dumps(cluster.trust()))
    own = client(cluster.aws, "iam", cluster.session())

    own.get_role(RoleName=cluster.role)
    assert refusal(own.get_role, RoleName="another") == ("AccessDenied", 403)
    assert refusal(own.list_roles) == ("AccessDenied", 403)  # it is about no role in particular


def test_a_session_policy_takes_away_and_gives_nothing(cluster: Cluster) -> None:
    cluster.may("iam:ListRoles", "iam:ListUsers")
    limited = cluster.session(Policy=allowing("iam:ListRoles", "iam:ListGroups"))
    iam = client(cluster.aws, "iam", limited)

    iam.list_roles()
    assert refusal(iam.list_users) == ("AccessDenied", 403)
    assert refusal(iam.list_groups) == ("AccessDenied", 403)


def test_a_boundary_takes_away_and_gives_nothing(cluster: Cluster) -> None:
    cluster.may("iam:ListRoles", "iam:ListUsers")
    iam = client(cluster.aws, "iam")
    made = iam.create_policy(PolicyName="b", PolicyDocument=allowing("iam:ListRoles", "iam:ListGroups"))
    iam.put_role_permissions_boundary(RoleName=cluster.role, PermissionsBoundary=made["Policy"]["Arn"])
    own = client(cluster.aws, "iam", cluster.session())

    own.list_roles()
    assert refusal(own.list_users) == ("AccessDenied", 403)
    assert refusal(own.list_groups) == ("AccessDenied", 403)


def test_credentials_expire(cluster: Cluster, clock: Clock) -> None:
    sts = client(cluster.aws, "sts", cluster.session(DurationSeconds=900))
    s3 = client(cluster.aws, "s3", cluster.session(DurationSeconds=900))
    clock.now += 899
    sts.get_caller_identity()
    clock.now += 1
    assert refusal(sts.get_caller_identity) == ("ExpiredToken", 403)
    assert refusal(s3.list_buckets) == ("ExpiredToken", 400)


def without_token(given: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if name != "AWS_SESSION_TOKEN"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (without_token, "InvalidClientTokenId"),
        (lambda given: {**given, "AWS_SESSION_TOKEN": "another"}, "InvalidClientTokenId"),
        (lambda given: {**given, "AWS_ACCESS_KEY_ID": "ASIAANOTHERANOTHER00"}, "InvalidClientTokenId"),
        (lambda given: {**given, "AWS_SECRET_ACCESS_KEY": "another"}, "SignatureDoesNotMatch"),
    ],
    ids=["no session token", "another session token", "another access key", "another secret key"],
)
def test_half_of_the_credentials_is_worth_nothing(
    cluster: Cluster, change: Callable[[dict[str, str]], dict[str, str]], code: str
) -> None:
    sts = client(cluster.aws, "sts", change(cluster.session()))
    assert refusal(sts.get_caller_identity) == (code, 403)


def test_another_role_of_the_same_name_is_nothing_to_an_old_session(cluster: Cluster) -> None:
    cluster.may("iam:ListRoles")
    old = client(cluster.aws, "iam", cluster.session())
    iam = client(cluster.aws, "iam")
    old.list_roles()
    iam.delete_role_policy(RoleName=cluster.role, PolicyName="p")
    iam.delete_role(RoleName=cluster.role)
    iam.create_role(RoleName=cluster.role, AssumeRolePolicyDocument=json.dumps(cluster.trust()))
    cluster.may("iam:ListRoles")

    assert refusal(old.list_roles) == ("AccessDenied", 403)


def test_a_longer_session_needs_a_role_that_allows_it(cluster: Cluster) -> None:
    assert refused(cluster, DurationSeconds=7200) == ("ValidationError", 400)
    client(cluster.aws, "iam").update_role(RoleName=cluster.role, MaxSessionDuration=7200)
    expires = cluster.assume(DurationSeconds=7200)["Credentials"]["Expiration"]
    assert expires.timestamp() == cluster.clock.now + 7200


def test_a_bucket_policy_may_grant_to_a_role_within_its_session_policy(cluster: Cluster) -> None:
    s3 = client(cluster.aws, "s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="k", Body=b"1")
    s3.put_bucket_policy(Bucket="bucket", Policy=json.dumps(reading({"AWS": cluster.role_arn})))
    assert client(cluster.aws, "s3", cluster.session()).get_object(Bucket="bucket", Key="k")["Body"].read() == b"1"
    limited = client(cluster.aws, "s3", cluster.session(Policy=allowing("iam:*")))
    assert refusal(limited.get_object, Bucket="bucket", Key="k") == ("AccessDenied", 403)


def test_delete_objects_takes_what_it_may_and_says_what_it_may_not(cluster: Cluster) -> None:
    s3 = client(cluster.aws, "s3")
    s3.create_bucket(Bucket="bucket")
    for key in ("mine/1", "yours/2", "mine/<&>"):
        s3.put_object(Bucket="bucket", Key=key, Body=b"1")
    policy = allowing("s3:DeleteObject", resource="arn:aws:s3:::bucket/mine/*")
    client(cluster.aws, "iam").put_role_policy(RoleName=cluster.role, PolicyName="p", PolicyDocument=policy)
    own = client(cluster.aws, "s3", cluster.session())
    wanted = {"Objects": [{"Key": key} for key in ("mine/1", "yours/2", "mine/<&>")]}
    answer = own.delete_objects(Bucket="bucket", Delete=wanted)

    assert sorted(item["Key"] for item in answer["Deleted"]) == ["mine/1", "mine/<&>"]
    assert [(item["Key"], item["Code"]) for item in answer["Errors"]] == [("yours/2", "AccessDenied")]
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="bucket")["Contents"]] == ["yours/2"]


def test_no_body_is_waited_for_that_has_no_end(cluster: Cluster) -> None:
    connection = http.client.HTTPConnection(HOST, port(cluster.aws), timeout=30)
    connection.putrequest("POST", "/")
    connection.putheader("Content-Type", "application/x-www-form-urlencoded")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    piece = b"%x\r\n%s\r\n" % (1 << 20, b"a" * (1 << 20))
    try:
        for _ in range(32):
            connection.send(piece)
    except OSError:
        pass  # the server does not read on
    else:
        assert connection.getresponse().status == 413
    finally:
        connection.close()
    cluster.assume()
