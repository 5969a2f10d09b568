"""Bad weather: what goes wrong goes wrong in AWS's own words, and alike in every run with the same seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError
from msgspec.structs import replace

from ccoctl.aws.failures import kind_of
from ccoctl.errors import ErrorKind
from ccoctl.lab.conditions import Conditions, Weather
from ccoctl.lab.server import EmbeddedAws, embedded_aws
from tests.lab.clients import ACCOUNT, Clock, Cluster, allowing, client, fetch, reading, refusal, unsigned
from tests.lab.conftest import Serve
from tests.lab.test_world import by_user, identity


def calls(aws: EmbeddedAws) -> dict[str, Callable[[], Any]]:
    """A call of each service."""
    return {
        "iam": client(aws, "iam").list_roles,
        "s3": client(aws, "s3").list_buckets,
        "sts": client(aws, "sts").get_caller_identity,
        "cloudfront": client(aws, "cloudfront").list_distributions,
        "ec2": client(aws, "ec2").describe_vpcs,
    }


def fared(call: Callable[[], Any]) -> str:
    """How a call fared."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except HTTPClientError:
        return "reset"
    return "fine"


@pytest.mark.parametrize(
    ("weather", "expected"),
    [
        (
            Weather(throttle=1),
            {
                "iam": ("Throttling", 400),
                "s3": ("SlowDown", 503),
                "sts": ("Throttling", 400),
                "cloudfront": ("Throttling", 400),
                "ec2": ("RequestLimitExceeded", 503),
            },
        ),
        (
            Weather(server_errors=1),
            {
                "iam": ("ServiceFailure", 500),
                "s3": ("InternalError", 500),
                "sts": ("InternalFailure", 500),
                "cloudfront": ("InternalError", 500),
                "ec2": ("InternalError", 500),
            },
        ),
        (
            Weather(unavailable=1),
            {
                "iam": ("ServiceUnavailable", 503),
                "s3": ("ServiceUnavailable", 503),
                "sts": ("ServiceUnavailable", 503),
                "cloudfront": ("ServiceUnavailable", 503),
                "ec2": ("Unavailable", 503),
            },
        ),
    ],
    ids=["throttling", "server errors", "unavailable"],
)
def test_each_service_has_its_own_words_that_a_client_understands(
    serve: Serve, weather: Weather, expected: dict[str, tuple[str, int]]
) -> None:
    aws = serve(weather=weather)
    for service, call in calls(aws).items():
        said = refusal(call)
        assert said == expected[service]
        assert kind_of(*said) is not ErrorKind.PERMANENT
    assert [logged.code for logged in aws.calls()] == [code for code, _ in expected.values()]


def test_half_of_the_resets_come_before_and_half_after_the_server_acted(serve: Serve) -> None:
    aws = serve(weather=Weather(connection_resets=1))
    iam = client(aws, "iam")
    names = [f"role{number}" for number in range(40)]
    for name in names:
        assert fared(lambda name=name: iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")) == "reset"  # type: ignore[misc]
    done = [call.resource.rpartition("/")[2] for call in aws.calls() if call.status == 200]
    undone = [call for call in aws.calls() if call.status == 0]

    assert {call.code for call in undone} == {"ConnectionReset"}
    assert len(done) + len(undone) == 40
    assert 5 < len(done) < 35
    from ccoctl.lab.accounts import iam as backend

    assert sorted(role.name for role in backend("aws").roles.values()) == sorted(done)


def test_a_lost_answer_is_of_a_request_that_was_carried_out(serve: Serve) -> None:
    aws = serve(weather=Weather(lost_answers=1))
    iam = client(aws, "iam")
    assert fared(lambda: iam.create_role(RoleName="role", AssumeRolePolicyDocument="{}")) == "reset"
    assert fared(lambda: iam.create_role(RoleName="role", AssumeRolePolicyDocument="{}")) == "reset"
    assert [call.code for call in aws.calls()] == ["", "EntityAlreadyExists"]


def test_a_storm_may_be_of_some_requests_alone(serve: Serve) -> None:
    aws = serve(weather=Weather(server_errors=1, only=("iam:List*", "s3:*")))
    fates = {name: fared(call) for name, call in calls(aws).items()}
    assert {name for name, fate in fates.items() if fate != "fine"} == {"iam", "s3"}


def test_a_storm_comes_and_goes(serve: Serve) -> None:
    aws = serve()
    ask = client(aws, "sts").get_caller_identity
    told = [fared(ask)]
    aws.change_weather(Weather(throttle=1))
    told.append(fared(ask))
    aws.reset()
    told.append(fared(ask))
    aws.change_weather(Weather())
    assert [*told, fared(ask)] == ["fine", "Throttling", "Throttling", "fine"]


def run(weather: Weather, backwards: bool = False) -> list[tuple[str, str]]:
    """How some calls fare; those of different kinds in the one order or the other."""
    with embedded_aws(Conditions(weather=weather)) as aws:
        named = [(name, call) for name, call in calls(aws).items() if name != "ec2"]
        return sorted(
            (f"{name} {number}", fared(call))
            for number in range(12)
            for name, call in (reversed(named) if backwards else named)
        )


def test_one_seed_is_one_weather_whatever_runs_beside_it() -> None:
    weather = Weather(throttle=0.2, server_errors=0.2, connection_resets=0.2, seed=7)
    first = run(weather)

    assert {"fine", "reset"} < {how for _, how in first}
    assert run(weather) == first
    assert run(weather, backwards=True) == first
    assert run(replace(weather, seed=8)) != first


def test_a_reset_of_the_lab_begins_the_weather_anew(serve: Serve) -> None:
    aws = serve(weather=Weather(throttle=0.5, seed=3))
    sts = client(aws, "sts")
    first = [fared(sts.get_caller_identity) for _ in range(20)]
    aws.reset()
    assert [fared(sts.get_caller_identity) for _ in range(20)] == first


def test_shares_are_kept() -> None:
    fates = [how for _, how in run(Weather(throttle=0.25))]
    assert 2 <= sum(how != "fine" for how in fates) <= 24


@pytest.mark.parametrize(
    ("deny", "service", "operation"),
    [
        ("iam:ListRoles", "iam", "list_roles"),
        ("IAM:list*", "iam", "list_roles"),
        ("*", "s3", "list_buckets"),
        ("s3:ListAllMyBuckets", "s3", "list_buckets"),
        ("cloudfront:ListDistributions", "cloudfront", "list_distributions"),
    ],
)
def test_what_is_denied_is_denied_to_the_administrator_too(
    serve: Serve, deny: str, service: str, operation: str
) -> None:
    aws = serve(weather=Weather(deny=(deny,)))
    assert refusal(getattr(client(aws, service), operation)) == ("AccessDenied", 403)
    client(aws, "sts").get_caller_identity()  # nothing denies it


def test_exchanges_can_be_denied(serve: Serve, clock: Clock) -> None:
    aws = serve(weather=Weather(deny=("sts:AssumeRole*",)))
    cluster = Cluster(aws, clock).set_up()
    exchange = unsigned(aws, "sts").assume_role_with_web_identity
    assert refusal(exchange, **cluster.request()) == ("AccessDenied", 403)


# eventual consistency


def test_a_fresh_identity_is_nobody_to_a_bucket_policy(serve: Serve, clock: Clock) -> None:
    aws = serve(eventual_consistency=10)
    s3, front = client(aws, "s3"), client(aws, "cloudfront")
    s3.create_bucket(Bucket="demo-oidc")
    made = identity(front)["CloudFrontOriginAccessIdentity"]
    for principal in (by_user(made["Id"]), reading({"CanonicalUser": made["S3CanonicalUserId"]}, "demo-oidc")):
        policy = {"Bucket": "demo-oidc", "Policy": json.dumps(principal)}
        with pytest.raises(ClientError, match="Invalid principal in policy") as raised:
            s3.put_bucket_policy(**policy)
        assert raised.value.response["Error"]["Code"] == "MalformedPolicy"
        clock.now += 10
        s3.put_bucket_policy(**policy)
        clock.now -= 10


def test_a_fresh_role_is_not_found_and_not_assumed(serve: Serve, clock: Clock) -> None:
    aws = serve(eventual_consistency=10)
    cluster = Cluster(aws, clock).set_up()
    iam, sts = client(aws, "iam"), unsigned(aws, "sts")
    policy = {"RoleName": "component", "PolicyName": "p", "PolicyDocument": allowing("s3:*")}
    assert refusal(iam.put_role_policy, **policy) == ("NoSuchEntity", 404)
    assert refusal(iam.get_role, RoleName="component") == ("NoSuchEntity", 404)
    assert refusal(sts.assume_role_with_web_identity, **cluster.request())[0] == "InvalidIdentityToken"

    clock.now += 10
    iam.put_role_policy(**policy)
    cluster.assume()
    iam.create_role(RoleName="fresh", AssumeRolePolicyDocument=json.dumps(cluster.trust()))
    fresh = cluster.request(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/fresh")
    assert refusal(sts.assume_role_with_web_identity, **fresh) == ("AccessDenied", 403)
    clock.now += 10
    cluster.assume(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/fresh")


def test_a_fresh_role_is_nobody_to_a_policy_that_names_it(serve: Serve, clock: Clock) -> None:
    aws = serve(eventual_consistency=10)
    iam, s3 = client(aws, "iam"), client(aws, "s3")
    s3.create_bucket(Bucket="bucket")
    made = iam.create_role(RoleName="fresh", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    policy = {"Bucket": "bucket", "Policy": json.dumps(reading({"AWS": made}))}
    assert refusal(s3.put_bucket_policy, **policy) == ("MalformedPolicy", 400)
    statement = {"Effect": "Allow", "Principal": {"AWS": made}, "Action": "sts:AssumeRole"}
    trust = {"RoleName": "other", "AssumeRolePolicyDocument": json.dumps({"Statement": [statement]})}
    assert refusal(iam.create_role, **trust) == ("MalformedPolicyDocument", 400)
    clock.now += 10
    s3.put_bucket_policy(**policy)
    iam.create_role(**trust)


def test_nothing_is_fresh_where_all_is_seen_at_once(aws: EmbeddedAws) -> None:
    iam = client(aws, "iam")
    iam.create_role(RoleName="role", AssumeRolePolicyDocument="{}")
    assert iam.get_role(RoleName="role")["Role"]["RoleName"] == "role"


def test_documents_come_late_where_calls_do(serve: Serve, clock: Clock) -> None:
    aws = serve(latency=0.01)
    cluster = Cluster(aws, clock).set_up()
    cluster.assume()
    assert fetch(aws, cluster.host, "/keys.json").status == 200


def test_sts_says_when_it_did_not_reach_the_issuer_and_asks_again_soon(serve: Serve, clock: Clock) -> None:
    aws = serve()
    cluster = Cluster(aws, clock).set_up()
    assume = unsigned(aws, "sts").assume_role_with_web_identity
    aws.change_weather(Weather(server_errors=1, only=("s3:GetObject",)))
    assert refusal(assume, **cluster.request()) == ("IDPCommunicationError", 400)
    aws.change_weather(Weather())
    clock.now += 2
    cluster.assume()
