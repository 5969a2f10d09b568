"""Many clients at a time get right answers."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from ccoctl.federation.issue import Signer
from tests.federation.forgery import rsa_key
from tests.lab.clients import Cluster, client, fetch, post, refusal

THREADS = 16


def test_exchanges_at_a_time_are_each_their_own(cluster: Cluster) -> None:
    iam = client(cluster.aws, "iam")
    names = [f"role{number}" for number in range(8)]
    for name in names:
        one = json.dumps(cluster.trust()).replace(":controllers", f":{name}")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=one)

    def exchange(pair: tuple[str, str]) -> tuple[str, str, int]:
        account, role = pair
        seen = post(
            cluster.aws,
            {
                "Action": "AssumeRoleWithWebIdentity",
                "Version": "2011-06-15",
                "RoleArn": cluster.role_arn.replace("component", role),
                "RoleSessionName": account,
                "WebIdentityToken": cluster.token(account=account),
            },
        )
        assert (f"assumed-role/{role}/{account}".encode() in seen.body) == (seen.status == 200)
        return account, role, seen.status

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(exchange, [(account, role) for account in names for role in names]))
    assert {(account, role) for account, role, status in found if status == 200} == {(name, name) for name in names}
    assert Counter(status for *_, status in found) == {200: 8, 403: 56}


def test_exchanges_go_on_while_roles_are_made_and_deleted(cluster: Cluster) -> None:
    iam = client(cluster.aws, "iam")
    trust = json.dumps(cluster.trust())

    def work(number: int) -> int:
        if number % 2:
            iam.create_role(RoleName=f"role{number}", AssumeRolePolicyDocument=trust)
            iam.delete_role(RoleName=f"role{number}")
            return 200
        form = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", **cluster.request()}
        return post(cluster.aws, form).status

    with ThreadPoolExecutor(THREADS) as pool:
        assert set(pool.map(work, range(200))) == {200}


def test_documents_are_fetched_once_however_many_ask(cluster: Cluster) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        form = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", **cluster.request()}
        assert {seen.status for seen in pool.map(lambda _: post(cluster.aws, form), range(64))} == {200}
    read = Counter(call.resource for call in cluster.aws.calls() if call.operation == "GetObject")
    assert set(read.values()) == {1}


def test_unknown_kids_at_a_time_fetch_no_more_than_they_may(cluster: Cluster) -> None:
    cluster.assume()
    forged = [cluster.token(signer=Signer(rsa_key(f"forger {number}"))) for number in range(3)]

    def attack(number: int) -> int:
        form = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15"}
        return post(cluster.aws, form | cluster.request(WebIdentityToken=forged[number % 3])).status

    with ThreadPoolExecutor(THREADS) as pool:
        assert set(pool.map(attack, range(96))) == {400}
    read = Counter(call.resource for call in cluster.aws.calls() if call.operation == "GetObject")
    assert max(read.values()) <= 5  # the first fetch, and a burst of four
    cluster.assume()


def test_of_several_first_writers_one_wins(cluster: Cluster) -> None:
    s3 = client(cluster.aws, "s3")

    def write(number: int) -> str:
        try:
            s3.put_object(Bucket="issuer", Key="first", Body=str(number).encode(), IfNoneMatch="*")
        except s3.exceptions.ClientError as error:
            return str(error.response["Error"]["Code"])
        return f"won {number}"

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(write, range(32)))
    (winner,) = [how for how in found if how.startswith("won")]
    assert Counter(found) == {winner: 1, "PreconditionFailed": 31}
    assert f"won {fetch(cluster.aws, cluster.host, '/first').body.decode()}" == winner


def test_conditional_writes_say_which_condition_failed(cluster: Cluster) -> None:
    s3 = client(cluster.aws, "s3")
    put = s3.put_object
    assert refusal(put, Bucket="issuer", Key="none", Body=b"", IfMatch='"x"') == ("NoSuchKey", 404)
    etag = put(Bucket="issuer", Key="k", Body=b"1")["ETag"]
    put(Bucket="issuer", Key="k", Body=b"2", IfMatch=etag)
    assert refusal(put, Bucket="issuer", Key="k", Body=b"3", IfMatch=etag) == ("PreconditionFailed", 412)
    assert refusal(put, Bucket="issuer", Key="k", Body=b"3", IfNoneMatch="*") == ("PreconditionFailed", 412)
