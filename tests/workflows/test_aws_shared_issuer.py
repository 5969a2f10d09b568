"""Issuers below a distribution that several clusters share, and issuers that the user serves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ccoctl.lab.server import EmbeddedAws
from ccoctl.workflows.create_key_pair import create_key_pair
from tests.workflows.commands import NOTHING, Cli, changing, client, inventory, write_requests

ELSEWHERE = "https://oidc.example.com/clusters/prod"


@pytest.fixture
def cluster(tmp_path: Path) -> Any:
    """The options of a cluster by name, with a key pair and an output directory of its own."""
    requests = write_requests(tmp_path / "requests", "openshift-machine-api/cloud", "openshift-ingress/cloud")

    def options(name: str, *more: str) -> list[str]:
        out = tmp_path / name
        if not out.exists():
            create_key_pair(out, bits=2048)
        return [
            *("--name", name, "--region", "us-east-1", "--credentials-requests-dir", str(requests)),
            *("--output-dir", str(out), *more),
        ]

    return options


def shared(cluster: Any, name: str) -> list[str]:
    found: list[str] = cluster(name, "--shared-issuer", "fleet")
    return found


def objects(aws: EmbeddedAws) -> list[str]:
    listed = client(aws, "s3").list_objects_v2(Bucket="fleet-oidc")
    return [item["Key"] for item in listed.get("Contents", [])]


def test_clusters_share_one_distribution_and_have_a_path_each(
    cli: Cli, embedded_aws: EmbeddedAws, cluster: Any
) -> None:
    made = [cli("create-all", *shared(cluster, name), "--output", "json").json for name in ("one", "two")]
    there = inventory(embedded_aws)

    assert there["buckets"] == ["fleet-oidc"]
    assert len(there["distributions"]) == len(there["identities"]) == 1
    issuers = [entry["issuer"] for entry in made]
    assert [issuer.rpartition("/")[2] for issuer in issuers] == ["one", "two"]
    assert {issuer.rpartition("/")[0].endswith(".cloudfront.net") for issuer in issuers} == {True}
    assert there["providers"] == [
        f"arn:aws:iam::123456789012:oidc-provider/{issuer.removeprefix('https://')}" for issuer in issuers
    ]
    assert objects(embedded_aws) == [
        f"{name}/{key}" for name in ("one", "two") for key in (".well-known/openid-configuration", "keys.json")
    ]


def test_the_second_cluster_waits_for_no_distribution(cli: Cli, embedded_aws: EmbeddedAws, cluster: Any) -> None:
    cli("create-all", *shared(cluster, "one"))
    before = len(changing(embedded_aws))
    cli("create-all", *shared(cluster, "two"))

    assert sorted(set(changing(embedded_aws)[before:])) == [
        "iam:CreateOpenIDConnectProvider",
        "iam:CreateRole",
        "iam:PutRolePolicy",
        "s3:PutObject",
    ]


def test_each_clusters_components_get_their_roles_and_not_the_others(cli: Cli, cluster: Any) -> None:
    for name in ("one", "two"):
        cli("create-all", *shared(cluster, name))
    for name in ("one", "two"):
        proof = cli("verify", *shared(cluster, name), "--wait", "0", "--output", "json").json
        assert proof["holds"], proof
        assert len(proof["exchanges"]) == 2 * 2 + 2 * 4


def test_the_trust_policy_names_the_path(cli: Cli, embedded_aws: EmbeddedAws, cluster: Any) -> None:
    made = cli("create-all", *shared(cluster, "one"), "--output", "json").json
    role = client(embedded_aws, "iam").get_role(RoleName="one-openshift-ingress-cloud")["Role"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    issuer = made["issuer"].removeprefix("https://")

    assert statement["Principal"]["Federated"].endswith(f":oidc-provider/{issuer}")
    assert list(statement["Condition"]["StringEquals"]) == [f"{issuer}:sub"]


def test_a_second_run_changes_nothing(cli: Cli, embedded_aws: EmbeddedAws, cluster: Any) -> None:
    cli("create-all", *shared(cluster, "one"))
    before = changing(embedded_aws)
    cli("create-all", *shared(cluster, "one"))

    assert changing(embedded_aws) == before
    cli("plan", *shared(cluster, "one"))


def test_deleting_one_cluster_leaves_the_others_alone(cli: Cli, embedded_aws: EmbeddedAws, cluster: Any) -> None:
    for name in ("one", "two"):
        cli("create-all", *shared(cluster, name))
    cli("delete", "--name", "one", "--region", "us-east-1", "--shared-issuer", "fleet", "--yes")

    assert {key.partition("/")[0] for key in objects(embedded_aws)} == {"two"}
    assert inventory(embedded_aws)["roles"] == ["two-openshift-ingress-cloud", "two-openshift-machine-api-cloud"]
    assert cli("verify", *shared(cluster, "two"), "--output", "json").json["holds"]


def test_a_deletion_that_was_not_told_of_the_shared_issuer_says_so(cli: Cli, cluster: Any) -> None:
    cli("create-all", *shared(cluster, "one"))
    done = cli("delete", "--name", "one", "--region", "us-east-1", "--yes", code=1)

    assert "name it with --shared-issuer" in done.err


def test_the_shared_issuer_stays_while_it_serves_others_and_goes_after_the_last(
    cli: Cli, embedded_aws: EmbeddedAws, cluster: Any
) -> None:
    cli("create-all", *shared(cluster, "one"))
    kept = cli("delete", "--name", "fleet", "--region", "us-east-1", "--yes", code=1)

    assert "it also serves the issuer of one" in kept.err
    assert len(inventory(embedded_aws)["distributions"]) == 1
    cli("delete", "--name", "one", "--region", "us-east-1", "--shared-issuer", "fleet", "--yes")
    cli("delete", "--name", "fleet", "--region", "us-east-1", "--yes")
    assert inventory(embedded_aws) == NOTHING


def test_a_public_issuer_is_not_closed_to_be_shared(cli: Cli, embedded_aws: EmbeddedAws, cluster: Any) -> None:
    cli("create-all", *cluster("fleet"))
    before = changing(embedded_aws)
    done = cli("create-all", *shared(cluster, "one"), code=1)

    assert "serves an issuer of its own to everybody" in done.err
    assert changing(embedded_aws) == before


def test_documents_that_the_user_serves_are_written_and_not_uploaded(
    cli: Cli, embedded_aws: EmbeddedAws, cluster: Any, tmp_path: Path
) -> None:
    made = cli("create-all", *cluster("demo", "--issuer-url", ELSEWHERE), "--output", "json").json
    described = json.loads((tmp_path / "demo/issuer/.well-known/openid-configuration").read_text())
    keys = json.loads((tmp_path / "demo/issuer/keys.json").read_text())

    assert made["issuer"] == described["issuer"] == ELSEWHERE
    assert described["jwks_uri"] == f"{ELSEWHERE}/keys.json"
    assert [key["kid"] for key in keys["keys"]] == [made["kid"]]
    assert inventory(embedded_aws)["buckets"] == []
    assert inventory(embedded_aws)["providers"] == [
        "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/clusters/prod"
    ]
    assert ELSEWHERE in (tmp_path / "demo/manifests/cluster-authentication-02-config.yaml").read_text()


def test_a_second_run_with_an_issuer_elsewhere_changes_nothing(
    cli: Cli, embedded_aws: EmbeddedAws, cluster: Any
) -> None:
    cli("create-all", *cluster("demo", "--issuer-url", ELSEWHERE))
    before = changing(embedded_aws)

    assert "Nothing had to be changed" in cli("create-all", *cluster("demo", "--issuer-url", ELSEWHERE)).out
    assert changing(embedded_aws) == before


def test_a_jwks_that_the_user_keeps_is_never_replaced(cli: Cli, cluster: Any, tmp_path: Path) -> None:
    cli("create-all", *cluster("demo", "--issuer-url", ELSEWHERE))
    keys = tmp_path / "demo/issuer/keys.json"
    keys.write_text('{"keys": []}')
    cli("create-all", *cluster("demo", "--issuer-url", ELSEWHERE), code=1)

    assert keys.read_text() == '{"keys": []}'


@pytest.mark.parametrize("more", [["--issuer-url", ELSEWHERE], ["--shared-issuer", "fleet"]])
def test_the_issuer_of_a_set_up_never_changes_by_the_way(
    cli: Cli, embedded_aws: EmbeddedAws, cluster: Any, more: list[str]
) -> None:
    cli("create-all", *cluster("demo", *more))
    before = changing(embedded_aws)
    done = cli("create-all", *cluster("demo"), code=1)

    assert "give the options that it was made with" in done.err
    assert changing(embedded_aws) == before


def test_an_issuer_elsewhere_is_deleted_by_its_tag(cli: Cli, embedded_aws: EmbeddedAws, cluster: Any) -> None:
    cli("create-all", *cluster("demo", "--issuer-url", ELSEWHERE))
    cli("delete", "--name", "demo", "--region", "us-east-1", "--yes")

    assert inventory(embedded_aws) == NOTHING


def test_an_issuer_elsewhere_whose_roles_are_gone_is_deleted_when_it_is_named(
    cli: Cli, embedded_aws: EmbeddedAws, cluster: Any
) -> None:
    """As a deletion leaves it that was killed after the last role."""
    cli("create-identity-provider", *with_public_key(cluster("demo", "--issuer-url", ELSEWHERE)))
    cli("delete", "--name", "demo", "--region", "us-east-1", "--yes", "--issuer-url", ELSEWHERE)

    assert inventory(embedded_aws) == NOTHING


def with_public_key(options: list[str]) -> list[str]:
    """The same without the requests, which create-identity-provider does not take."""
    where = options.index("--credentials-requests-dir")
    return [*options[:where], *options[where + 2 :]]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--issuer-url", "http://oidc.example.com"], "does not begin with https://"),
        (["--issuer-url", "https://oidc.example.com/"], "ends in a slash"),
        (["--issuer-url", "https://oidc.example.com:8443/x"], "has a port"),
        (["--issuer-url", "https://OIDC.example.com/x"], "upper-case"),
        (["--issuer-url", f"https://oidc.example.com/{'x' * 240}"], "more than 255"),
        (["--issuer-url", ELSEWHERE, "--shared-issuer", "fleet"], "either served by you"),
        (["--issuer-url", ELSEWHERE, "--create-private-s3-bucket"], "either served by you"),
        (["--shared-issuer", "demo"], "is --name, too"),
        (["--shared-issuer", "A.b"], "holds a dot"),
    ],
)
def test_what_cannot_be_an_issuer_is_refused(
    cli: Cli, embedded_aws: EmbeddedAws, cluster: Any, more: list[str], words: str
) -> None:
    assert words in cli("create-all", *cluster("demo", *more), code=1).err
    assert changing(embedded_aws) == []


@pytest.mark.parametrize("more", [["--issuer-url", ELSEWHERE], ["--shared-issuer", "fleet"]])
def test_the_go_tools_dry_run_knows_no_such_issuer(cli: Cli, cluster: Any, more: list[str]) -> None:
    assert "ccoctl aws plan" in cli("create-all", *cluster("demo", *more), "--dry-run", code=2).err
