"""The log says who called what, about what, with which answer, and holds no secret."""

from __future__ import annotations

import json
from urllib.request import ProxyHandler, build_opener

import pytest
from botocore.exceptions import ClientError

from ccoctl.lab.log import LIMIT, TEXT_LIMIT, LoggedCall
from ccoctl.lab.server import EmbeddedAws
from tests.lab.clients import ACCOUNT, Cluster, client, fetch, open_bucket, post, raw, reading, refusal

ADMINISTRATOR = f"arn:aws:iam::{ACCOUNT}:user/administrator"


def lines(aws: EmbeddedAws) -> list[tuple[str, str, str, int, str]]:
    return [(call.service, call.operation, call.resource, call.status, call.code) for call in aws.calls()]


def test_calls_of_every_service_are_named_as_their_models_name_them(aws: EmbeddedAws) -> None:
    s3, iam, front = (client(aws, service) for service in ("s3", "iam", "cloudfront"))
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="a/key", Body=b"1")
    s3.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "a/key"}]})
    refusal(iam.get_role, RoleName="nobody")
    front.list_distributions()
    refusal(front.get_distribution, Id="E1")

    assert lines(aws) == [
        ("s3", "CreateBucket", "arn:aws:s3:::bucket", 200, ""),
        ("s3", "PutObject", "arn:aws:s3:::bucket/a/key", 200, ""),
        ("s3", "DeleteObjects", "arn:aws:s3:::bucket", 200, ""),
        ("iam", "GetRole", f"arn:aws:iam::{ACCOUNT}:role/nobody", 404, "NoSuchEntity"),
        ("cloudfront", "ListDistributions", "*", 200, ""),
        ("cloudfront", "GetDistribution", f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1", 404, "NoSuchDistribution"),
    ]
    assert {call.principal for call in aws.calls()} == {ADMINISTRATOR}
    assert {call.access_key for call in aws.calls()} == {"AKIALABADMINISTRATOR"}
    assert [call.changing for call in aws.calls()] == [True, True, True, False, False, False]


def test_an_exchange_and_what_its_session_does_are_seen(cluster: Cluster) -> None:
    cluster.aws.calls()
    session = cluster.session()
    client(cluster.aws, "sts", session).get_caller_identity()
    documents, granted, caller = cluster.aws.calls()[-4:-2], cluster.aws.calls()[-2], cluster.aws.calls()[-1]

    assert [call.resource.rpartition("/")[2] for call in documents] == ["openid-configuration", "keys.json"]
    assert granted.resource == cluster.role_arn
    assert granted.reason == "granted to system:serviceaccount:openshift-machine-api:controllers"
    assert caller.principal == f"arn:aws:sts::{ACCOUNT}:assumed-role/component/session"
    assert caller.access_key == session["AWS_ACCESS_KEY_ID"]


def test_viewers_are_in_the_log_too(aws: EmbeddedAws) -> None:
    open_bucket(aws)
    fetch(aws, "bucket.s3.us-east-1.amazonaws.com", "/k")
    last = aws.calls()[-1]
    assert (last.principal, last.operation, last.resource) == ("", "GetObject", "arn:aws:s3:::bucket/k")


def test_no_token_and_no_key_is_remembered(cluster: Cluster) -> None:
    session = cluster.session()
    token = cluster.token(account="another")
    refusal(
        client(cluster.aws, "sts", session).assume_role_with_web_identity, **cluster.request(WebIdentityToken=token)
    )
    kept = json.dumps([str(call) for call in cluster.aws.calls()])
    secrets = (session["AWS_SECRET_ACCESS_KEY"], session["AWS_SESSION_TOKEN"], token, token.rpartition(".")[2], "eyJ")
    assert not [secret for secret in secrets if secret in kept]


def test_what_strangers_send_is_cut(aws: EmbeddedAws) -> None:
    post(aws, {"Action": "A" * 100_000, "RoleArn": "R" * 100_000})
    raw(aws, b"GET /" + b"k" * 60_000 + b" HTTP/1.1\r\nHost: lab\r\n\r\n")
    for call in aws.calls():
        assert len(call.operation) <= TEXT_LIMIT
        assert len(call.resource) <= TEXT_LIMIT
    assert len(aws.calls()) == 2


def test_it_is_there_as_json(aws: EmbeddedAws) -> None:
    client(aws, "sts").get_caller_identity()
    with build_opener(ProxyHandler({})).open(f"{aws.endpoint_url}/_lab/calls", timeout=30) as answer:
        (call,) = json.load(answer)
    assert LoggedCall(**call) == aws.calls()[0]
    assert (call["service"], call["status"], call["principal"]) == ("sts", 200, ADMINISTRATOR)


def test_what_the_lab_cannot_do_is_a_server_error_with_its_reason(
    aws: EmbeddedAws, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ClientError) as raised:
        client(aws, "iam").list_open_id_connect_provider_tags(OpenIDConnectProviderArn="nobody's, but long enough")
    assert raised.value.response["Error"]["Code"] != ""
    with pytest.raises(ClientError) as raised:
        client(aws, "iam").get_context_keys_for_custom_policy(PolicyInputList=["{}"])
    assert raised.value.response["Error"]["Code"] == "InternalFailure"
    assert "NotImplementedError" in aws.calls()[-1].reason
    assert capfd.readouterr() == ("", "")


def test_times_do_not_go_back_and_the_log_has_an_end(aws: EmbeddedAws) -> None:
    s3 = open_bucket(aws)
    s3.put_bucket_policy(Bucket="bucket", Policy=json.dumps(reading("*")))
    times = [call.at for call in aws.calls()]
    assert times == sorted(times)
    assert times[0] >= 0
    assert LIMIT < 1_000_000
