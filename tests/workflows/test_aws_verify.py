"""`ccoctl aws verify` against an account that is as wanted, and against what may be wrong with one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ccoctl.lab.server import EmbeddedAws
from ccoctl.signing.keypair import load_private
from ccoctl.workflows.create_key_pair import create_key_pair
from tests.openshift.apiserver import ApiServer, serving
from tests.workflows.commands import Cli, client, write_requests
from tests.workflows.test_aws_permissions import DOCUMENTED

ROLES = ("demo-openshift-machine-api-aws-cloud-credentials", "demo-openshift-ingress-cloud")
ISSUER = "https://demo-oidc.s3.us-east-1.amazonaws.com"


@pytest.fixture
def looked(common: list[str], key_pair: Path) -> list[str]:
    """The options of verify with the signing key; nothing is waited for."""
    without_key = common[: common.index("--public-key-file")]
    return [*without_key, "--private-key-file", str(key_pair / "serviceaccount-signer.private"), "--wait", "0"]


def proven(cli: Cli, options: list[str], code: int | None = 0) -> Any:
    """What verify says, as data."""
    return cli("verify", *options, "--output", "json", code=code).json


def verdicts(proof: Mapping[str, Any]) -> dict[str, str]:
    return {check["name"]: check["verdict"] for check in proof["checks"]}


def wrong(proof: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The exchanges that are not as they must be: what was tried, by whom, on which role."""
    return [
        (item["attempt"], item["service_account"], item["role"]) for item in proof["exchanges"] if not item["right"]
    ]


def trust(aws: EmbeddedAws, role: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the condition of a role's trust policy."""
    iam = client(aws, "iam")
    document = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    change(document["Statement"][0])
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(document))


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
def test_a_set_up_that_was_just_made_holds(cli: Cli, common: list[str], looked: list[str], private: bool) -> None:
    cli("create-all", *common, *(["--create-private-s3-bucket"] if private else []))
    proof = proven(cli, looked)

    assert proof["holds"]
    assert verdicts(proof) == dict.fromkeys(
        ("account", "manifests", "documents", "caches", "signing key", "identity provider"), "ok"
    )
    # two service accounts on two roles, and four strangers on each
    assert len(proof["exchanges"]) == 2 * 2 + 2 * 4
    assert wrong(proof) == []
    granted = [item["identity"] for item in proof["exchanges"] if item["granted"]]
    assert granted == [f"arn:aws:sts::123456789012:assumed-role/{role}/ccoctl-verify" for role in ROLES]


class TestWhichKeySigns:
    """Of a pair, both halves or none: tokens of another key would only be refused."""

    @pytest.fixture
    def rotated(self, cli: Cli, common: list[str], tmp_path: Path) -> list[str]:
        """The options of verify where the output directory has an old pair still, and the cluster's is elsewhere."""
        cli("create-all", *common)
        create_key_pair(tmp_path / "out", bits=2048)
        return [*common, "--wait", "0"]

    def test_the_private_key_beside_the_public_one_that_is_named(self, cli: Cli, rotated: list[str]) -> None:
        proof = proven(cli, rotated)

        assert proof["holds"]
        assert len(proof["exchanges"]) == 2 * 2 + 2 * 4

    def test_one_of_another_pair_is_refused_with_both_names(
        self, cli: Cli, rotated: list[str], key_pair: Path, tmp_path: Path
    ) -> None:
        other = tmp_path / "out/serviceaccount-signer.private"
        before = len(cli.aws.calls())
        done = cli("verify", *rotated, "--private-key-file", str(other), code=1)

        assert f"{other} does not belong to" in done.err.replace("\n", " ")
        assert str(key_pair / "serviceaccount-signer.public") in done.err
        assert len(cli.aws.calls()) == before

    @pytest.mark.parametrize("place", ["beside it", "in the output directory"])
    def test_one_that_is_found_and_of_another_pair_is_refused_as_well(
        self, cli: Cli, rotated: list[str], key_pair: Path, tmp_path: Path, place: str
    ) -> None:
        alone = tmp_path / "alone/serviceaccount-signer.public"
        alone.parent.mkdir()
        alone.write_bytes((key_pair / "serviceaccount-signer.public").read_bytes())
        other = tmp_path / "out/serviceaccount-signer.private"
        if place == "beside it":
            other = other.rename(alone.with_name(other.name))
        rotated[rotated.index("--public-key-file") + 1] = str(alone)
        done = cli("verify", *rotated, code=1)

        assert str(alone) in done.err
        assert f"{other} does not belong to" in done.err.replace("\n", " ")

    def test_without_one_no_token_is_tried(self, cli: Cli, rotated: list[str], key_pair: Path, tmp_path: Path) -> None:
        alone = tmp_path / "alone.public"
        alone.write_bytes((key_pair / "serviceaccount-signer.public").read_bytes())
        (tmp_path / "out/serviceaccount-signer.private").unlink()
        rotated[rotated.index("--public-key-file") + 1] = str(alone)

        assert "no token was tried" in cli("verify", *rotated).err


class TestWhatElseIsThere:
    """Roles that carry our tag and that nobody wants, and policies that nobody asked for."""

    @staticmethod
    def add_role(aws: EmbeddedAws, name: str, provider: str, **tags: str) -> None:
        statement = {
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": provider},
        }
        client(aws, "iam").create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )

    @pytest.mark.parametrize(("host", "severity"), [(ISSUER, "high"), ("https://other.example.com", "medium")])
    def test_a_role_of_ours_that_nobody_wants_is_found(
        self, cli: Cli, common: list[str], looked: list[str], host: str, severity: str
    ) -> None:
        cli("create-all", *common)
        provider = f"arn:aws:iam::123456789012:oidc-provider/{host.removeprefix('https://')}"
        owned = {"openshift.io/cloud-credential-operator/demo": "owned"}
        self.add_role(cli.aws, "demo-extra", provider, **owned)
        self.add_role(cli.aws, "demo-of-somebody", provider)
        self.add_role(
            cli.aws, "demo-two-cloud", provider, **{"openshift.io/cloud-credential-operator/demo-two": "owned"}
        )
        proof = proven(cli, looked)
        found = [item for item in proof["findings"] if "nobody wants" in item["what"]]

        assert [(item["severity"], item["where"]) for item in found] == [(severity, "role demo-extra")]
        assert "upgrade finish" in found[0]["remedy"]
        assert "exactly" not in next(check["detail"] for check in proof["checks"] if check["name"] == "account")

    def test_what_an_upgrade_left_is_found(
        self, cli: Cli, common: list[str], looked: list[str], tmp_path: Path
    ) -> None:
        cli("create-all", *common)
        more = write_requests(tmp_path / "more", "openshift-machine-api/aws-cloud-credentials", "openshift-new/cloud")
        new = ["--name", "demo", "--region", "us-east-1", "--output-dir", str(tmp_path / "new")]
        cli("upgrade", "prepare", *new, "--credentials-requests-dir", str(more), "--yes")
        proof = proven(cli, looked, code=None)

        assert ("high", "role demo-openshift-new-cloud") in [
            (item["severity"], item["where"]) for item in proof["findings"]
        ]

    def test_a_further_policy_is_read_for_what_it_allows(self, cli: Cli, common: list[str], looked: list[str]) -> None:
        cli("create-all", *common)
        everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
        client(cli.aws, "iam").put_role_policy(
            RoleName=ROLES[0], PolicyName="more", PolicyDocument=json.dumps(everything)
        )
        told = [(item["severity"], item["what"]) for item in proven(cli, looked)["findings"]]

        assert ("high", "it may do everything (action *), through its inline policy more") in told

    def test_it_takes_one_list_and_a_look_at_what_is_in_it(
        self, cli: Cli, common: list[str], looked: list[str]
    ) -> None:
        cli("create-all", *common)
        before = len(cli.aws.calls())
        proven(cli, looked)
        asked = [call.operation for call in cli.aws.calls()[before:]]

        assert asked.count("ListRoles") == 1
        assert asked.count("GetRole") == asked.count("GetRolePolicy") == len(ROLES)

    def test_who_may_not_list_roles_is_told(
        self,
        enforcing_aws: EmbeddedAws,
        as_user: Callable[[Mapping[str, str]], Cli],
        common: list[str],
        looked: list[str],
    ) -> None:
        limited = as_user(enforcing_aws.user("limited", actions=[one for one in DOCUMENTED if one != "iam:ListRoles"]))
        limited("create-all", *common)
        told = [item["what"] for item in proven(limited, looked, code=None)["findings"]]

        assert "roles of ours that nobody wants were not looked for (iam:ListRoles)" in told


def test_people_get_a_table(cli: Cli, common: list[str], looked: list[str]) -> None:
    cli("create-all", *common)
    done = cli("verify", *looked)

    assert "The federation of demo holds." in done.out
    assert "12 exchanges are tried" in done.err


def test_nothing_is_changed(cli: Cli, embedded_aws: EmbeddedAws, common: list[str], looked: list[str]) -> None:
    cli("create-all", *common)
    before = [call for call in embedded_aws.calls() if call.changing]
    proven(cli, looked)
    after = [call for call in embedded_aws.calls() if call.changing][len(before) :]

    assert {call.operation for call in after} == {"AssumeRoleWithWebIdentity"}


def test_the_lab_agrees_on_whose_tokens_were_granted(
    cli: Cli, embedded_aws: EmbeddedAws, common: list[str], looked: list[str]
) -> None:
    cli("create-all", *common)
    proven(cli, looked)
    granted = [call for call in embedded_aws.calls() if call.operation == "AssumeRoleWithWebIdentity" and not call.code]

    assert sorted(call.reason for call in granted) == [
        "granted to system:serviceaccount:openshift-ingress:controllers",
        "granted to system:serviceaccount:openshift-machine-api:controllers",
    ]


def test_without_a_key_everything_but_the_exchanges_is_looked_at(
    cli: Cli, common: list[str], key_pair: Path, tmp_path: Path
) -> None:
    cli("create-all", *common)
    alone = tmp_path / "alone.public"
    alone.write_bytes((key_pair / "serviceaccount-signer.public").read_bytes())
    common[common.index("--public-key-file") + 1] = str(alone)
    done = cli("verify", *common, "--output", "json")

    assert done.json["exchanges"] == []
    assert "signing key" in verdicts(done.json)
    assert "no token was tried" in done.err


def test_a_directory_that_is_named_lends_its_key(cli: Cli, tmp_path: Path, requests_dir: Path) -> None:
    out = tmp_path / "out"
    create_key_pair(out, bits=2048)
    options = [
        *("--name", "demo", "--region", "us-east-1", "--output-dir", str(out)),
        *("--credentials-requests-dir", str(requests_dir)),
    ]
    cli("create-all", *options)

    assert len(proven(cli, options)["exchanges"]) == 12


def test_a_role_that_lets_in_somebody_else_is_found_by_a_token_and_by_reading(
    cli: Cli, embedded_aws: EmbeddedAws, common: list[str], looked: list[str]
) -> None:
    cli("create-all", *common)
    other = "system:serviceaccount:openshift-ingress:controllers"
    subject = f"{ISSUER.removeprefix('https://')}:sub"
    trust(embedded_aws, ROLES[0], lambda statement: statement["Condition"]["StringEquals"][subject].append(other))
    proof = proven(cli, looked, code=3)

    assert wrong(proof) == [("other_role", "openshift-ingress/controllers", ROLES[0])]
    assert verdicts(proof)["account"] == "wrong"
    assert [item["severity"] for item in proof["findings"] if other in item["what"]] == ["high"]


def test_a_role_that_any_service_account_may_assume_lets_a_namesake_in(
    cli: Cli, embedded_aws: EmbeddedAws, common: list[str], looked: list[str]
) -> None:
    cli("create-all", *common)
    trust(embedded_aws, ROLES[0], lambda statement: statement.pop("Condition"))
    proof = proven(cli, looked, code=3)

    assert ("other_namespace", "openshift-machine-api/controllers", ROLES[0]) in wrong(proof)
    assert any("names no subject" in item["what"] for item in proof["findings"])


def test_a_role_that_is_gone_is_told_and_not_waited_for(
    cli: Cli, embedded_aws: EmbeddedAws, common: list[str], looked: list[str]
) -> None:
    cli("create-all", *common)
    iam = client(embedded_aws, "iam")
    iam.delete_role_policy(RoleName=ROLES[1], PolicyName=ROLES[1])
    iam.delete_role(RoleName=ROLES[1])
    proof = proven(cli, looked, code=3)

    assert {role for _, _, role in wrong(proof)} == {ROLES[1]}
    assert verdicts(proof)["account"] == "wrong"


def test_documents_that_the_world_cannot_read_are_found(
    cli: Cli, embedded_aws: EmbeddedAws, common: list[str], looked: list[str]
) -> None:
    cli("create-all", *common)
    client(embedded_aws, "s3").delete_bucket_policy(Bucket="demo-oidc")
    proof = proven(cli, looked, code=3)

    assert verdicts(proof)["documents"] == "wrong"
    assert verdicts(proof)["signing key"] == "not checked"


def test_another_key_than_the_clusters_is_found(cli: Cli, common: list[str], looked: list[str], tmp_path: Path) -> None:
    cli("create-all", *common)
    create_key_pair(tmp_path / "other", bits=2048)
    looked[looked.index("--private-key-file") + 1] = str(tmp_path / "other" / "serviceaccount-signer.private")
    proof = proven(cli, looked, code=3)

    assert verdicts(proof)["signing key"] == "wrong"
    assert [attempt for attempt, _, _ in wrong(proof)].count("own_role") == 2


def test_a_manifest_that_was_changed_is_found(cli: Cli, common: list[str], looked: list[str], tmp_path: Path) -> None:
    cli("create-all", *common)
    manifest = tmp_path / "out/manifests/cluster-authentication-02-config.yaml"
    manifest.write_text(manifest.read_text().replace("demo-oidc", "other-oidc"))
    proof = proven(cli, looked, code=3)

    assert (verdicts(proof)["manifests"], verdicts(proof)["account"]) == ("wrong", "ok")


@pytest.mark.parametrize("missing", ["*", "cluster-authentication-*", "openshift-ingress-*"])
def test_manifests_that_are_missing_are_found(
    cli: Cli, common: list[str], looked: list[str], tmp_path: Path, missing: str
) -> None:
    cli("create-all", *common)
    for path in (tmp_path / "out/manifests").glob(missing):
        path.unlink()
    proof = proven(cli, looked, code=3)

    assert (verdicts(proof)["manifests"], verdicts(proof)["account"]) == ("wrong", "ok")


def test_manifests_are_not_missed_where_no_directory_was_named(
    cli: Cli, common: list[str], looked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("create-all", *common)
    monkeypatch.chdir(tmp_path)
    at = looked.index("--output-dir")

    assert "manifests" not in verdicts(proven(cli, [*looked[:at], *looked[at + 2 :]]))


def test_a_provider_that_is_gone_makes_no_stranger_of_it(
    cli: Cli, embedded_aws: EmbeddedAws, common: list[str], looked: list[str]
) -> None:
    cli("create-all", *common)
    iam = client(embedded_aws, "iam")
    (provider,) = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])
    proof = proven(cli, looked, code=3)

    assert verdicts(proof)["identity provider"] == "wrong"
    assert [item["what"] for item in proof["findings"] if "lets in" in item["what"]] == []


def test_an_empty_account_holds_nothing(cli: Cli, looked: list[str]) -> None:
    proof = proven(cli, looked, code=3)

    assert verdicts(proof) == {
        "account": "wrong",
        "manifests": "wrong",
        "documents": "wrong",
        "signing key": "not checked",
        "identity provider": "wrong",
    }


def test_whoever_may_not_read_policies_learns_which_right_it_takes(
    as_user: Callable[[Mapping[str, str]], Cli], enforcing_aws: EmbeddedAws, common: list[str], looked: list[str]
) -> None:
    as_user(enforcing_aws.environment())("create-all", *common)
    reader = enforcing_aws.user(
        "reader",
        document={
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "*", "Resource": "*"},
                {"Effect": "Deny", "Action": "iam:GetRolePolicy", "Resource": "*"},
            ],
        },
    )
    proof = proven(as_user(reader), looked, code=3)

    assert verdicts(proof)["account"] == "not checked"
    assert "iam:GetRolePolicy" in proof["checks"][0]["detail"]
    assert proof["standing"] == "is not proven"
    assert wrong(proof) == []


def test_the_report_is_written_and_written_again(
    cli: Cli, common: list[str], looked: list[str], tmp_path: Path
) -> None:
    cli("create-all", *common)
    report = tmp_path / "reports" / "proof.html"
    for _ in range(2):
        cli("verify", *looked, "--html", str(report))

    assert report.read_text().startswith("<!DOCTYPE html>")


def test_a_file_that_is_no_report_is_left_alone(cli: Cli, common: list[str], looked: list[str], tmp_path: Path) -> None:
    cli("create-all", *common)
    mine = tmp_path / "mine.html"
    mine.write_text("mine")
    done = cli("verify", *looked, "--html", str(mine), code=1)

    assert "is no report of ours" in done.err
    assert "exchanges" not in done.err  # it is seen before they are tried
    assert mine.read_text() == "mine"


def test_a_running_cluster_gives_the_tokens(
    cli: Cli, common: list[str], key_pair: Path, tmp_path: Path, wall: Callable[[], float]
) -> None:
    cli("create-all", *common)
    cluster = ApiServer(
        key=load_private((key_pair / "serviceaccount-signer.private").read_bytes()),
        issuer=ISSUER,
        accounts=frozenset({"openshift-machine-api/controllers", "openshift-ingress/controllers"}),
        now=wall(),
    )
    with serving(cluster, tmp_path / "kubeconfig") as kubeconfig:
        proof = proven(cli, [*common, "--kubeconfig", str(kubeconfig)])

    assert proof["holds"]
    tried = {item["attempt"] for item in proof["exchanges"]}
    assert tried == {"own_role", "other_role", "other_key", "other_audience"}
    # two good tokens, and one for another audience on each role
    assert len(cluster.asked) == 4


def test_a_service_account_that_the_cluster_does_not_have_is_told(
    cli: Cli, common: list[str], key_pair: Path, tmp_path: Path, wall: Callable[[], float]
) -> None:
    cli("create-all", *common)
    cluster = ApiServer(
        key=load_private((key_pair / "serviceaccount-signer.private").read_bytes()),
        issuer=ISSUER,
        accounts=frozenset({"openshift-ingress/controllers"}),
        now=wall(),
    )
    with serving(cluster, tmp_path / "kubeconfig") as kubeconfig:
        proof = proven(cli, [*common, "--kubeconfig", str(kubeconfig)], code=3)

    assert {account for _, account, _ in wrong(proof)} == {"openshift-machine-api/controllers"}
    assert "not found" in next(item["message"] for item in proof["exchanges"] if not item["right"])


def test_key_and_cluster_exclude_each_other(cli: Cli, looked: list[str], tmp_path: Path) -> None:
    assert "exclude each other" in cli("verify", *looked, "--kubeconfig", str(tmp_path), code=2).err


def test_a_key_that_others_may_read_is_refused(cli: Cli, looked: list[str], tmp_path: Path) -> None:
    create_key_pair(tmp_path / "open", bits=2048)
    key = tmp_path / "open" / "serviceaccount-signer.private"
    key.chmod(0o644)
    looked[looked.index("--private-key-file") + 1] = str(key)

    assert str(key) in cli("verify", *looked, code=1).err


def test_many_requests_are_proven_in_full(cli: Cli, key_pair: Path, tmp_path: Path) -> None:
    requests = write_requests(tmp_path / "many", *(f"openshift-{number:02}/cloud" for number in range(12)))
    options = [
        *("--name", "demo", "--region", "us-east-1", "--credentials-requests-dir", str(requests)),
        *("--output-dir", str(tmp_path / "out")),
    ]
    cli("create-all", *options, "--public-key-file", str(key_pair / "serviceaccount-signer.public"))
    proof = proven(cli, [*options, "--private-key-file", str(key_pair / "serviceaccount-signer.private")])

    assert len(proof["exchanges"]) == 12 * 12 + 12 * 4
    assert proof["holds"]
