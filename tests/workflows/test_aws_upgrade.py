"""`aws upgrade` against an AWS on a real socket: shown, asked, done, done again; both releases' Secrets as files."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ccoctl.cli import output
from tests.release import images
from tests.workflows.commands import NOBODY, Cli, changing, client, inventory, write_requests

BASE = ["--name", "demo", "--region", "us-east-1"]
OLD = ("ns/keep", "ns/drop")
NEW = ("ns/keep", "ns/add")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def old(cli: Cli, tmp_path: Path, key_pair: Path, out: Path) -> Callable[[], str]:
    """create-all of the old release, and what it tells; it has run once."""
    requests = write_requests(tmp_path / "old", *OLD, action=["ec2:Old"])
    public = ["--public-key-file", str(key_pair / "serviceaccount-signer.public")]

    def create_all() -> str:
        to = ["--output-dir", str(out), *public]
        return cli("create-all", *BASE, "--credentials-requests-dir", str(requests), *to).err

    create_all()
    return create_all


@pytest.fixture
def new(tmp_path: Path, out: Path) -> list[str]:
    """The options of both phases, for the new release."""
    requests = write_requests(tmp_path / "new", *NEW, action=["ec2:New"], service_accounts=["controllers", "more"])
    return [*BASE, "--credentials-requests-dir", str(requests), "--output-dir", str(out)]


def policy(cli: Cli, role: str) -> list[str]:
    answer = client(cli.aws, "iam").get_role_policy(RoleName=role, PolicyName=role)
    actions: list[str] = answer["PolicyDocument"]["Statement"][0]["Action"]
    return actions


def subjects(cli: Cli, role: str) -> list[str]:
    document = client(cli.aws, "iam").get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    (found,) = document["Statement"][0]["Condition"]["StringEquals"].values()
    return [subject.rpartition(":")[2] for subject in found]


def manifests(out: Path) -> set[str]:
    return {path.name.removesuffix("-credentials.yaml") for path in (out / "manifests").glob("ns-*")}


@pytest.mark.usefixtures("old")
def test_an_upgrade_from_its_first_look_to_its_last(cli: Cli, new: list[str], out: Path) -> None:
    before = len(changing(cli.aws))
    shown = cli("upgrade", "prepare", *new, "--plan-only", code=3).out
    assert "+ role demo-ns-add" in shown
    assert '+        "ec2:New"' in shown
    assert len(changing(cli.aws)) == before

    cli("upgrade", "prepare", *new)
    assert inventory(cli.aws)["roles"] == ["demo-ns-add", "demo-ns-drop", "demo-ns-keep"]
    assert policy(cli, "demo-ns-keep") == ["ec2:Old", "ec2:New"]
    assert policy(cli, "demo-ns-drop") == ["ec2:Old"]
    assert subjects(cli, "demo-ns-keep") == ["controllers", "more"]
    assert manifests(out) == {"ns-keep", "ns-drop", "ns-add"}
    assert "Nothing to do" in cli("upgrade", "prepare", *new, "--plan-only").out

    assert "- role demo-ns-drop" in cli("upgrade", "finish", *new, "--plan-only", code=3).out
    cli("upgrade", "finish", *new)
    assert inventory(cli.aws)["roles"] == ["demo-ns-add", "demo-ns-keep"]
    assert policy(cli, "demo-ns-keep") == ["ec2:New"]
    assert manifests(out) == {"ns-keep", "ns-add"}
    assert "Nothing to do" in cli("upgrade", "finish", *new, "--plan-only").out


@pytest.mark.usefixtures("old")
def test_after_finish_the_account_is_as_create_all_of_the_new_release_wants_it(
    cli: Cli, new: list[str], key_pair: Path
) -> None:
    cli("upgrade", "prepare", *new)
    cli("upgrade", "finish", *new)

    public = ["--public-key-file", str(key_pair / "serviceaccount-signer.public")]
    assert "Nothing to do" in cli("plan", *new, *public).out


@pytest.mark.usefixtures("old")
def test_prepare_takes_nothing_away_whatever_it_finds(cli: Cli, new: list[str]) -> None:
    iam = client(cli.aws, "iam")
    own = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
    document = iam.get_role_policy(RoleName="demo-ns-keep", PolicyName="demo-ns-keep")["PolicyDocument"]
    document["Statement"].append(own)
    iam.put_role_policy(RoleName="demo-ns-keep", PolicyName="demo-ns-keep", PolicyDocument=json.dumps(document))
    trust = iam.get_role(RoleName="demo-ns-keep")["Role"]["AssumeRolePolicyDocument"]
    trust["Statement"].append(json.loads(NOBODY)["Statement"][0])
    iam.update_assume_role_policy(RoleName="demo-ns-keep", PolicyDocument=json.dumps(trust))
    cli("upgrade", "prepare", *new)

    after = iam.get_role_policy(RoleName="demo-ns-keep", PolicyName="demo-ns-keep")["PolicyDocument"]
    assert own in after["Statement"]
    assert len(iam.get_role(RoleName="demo-ns-keep")["Role"]["AssumeRolePolicyDocument"]["Statement"]) == 2
    deleted = [call for call in changing(cli.aws) if "Delete" in call]
    assert deleted == []


def test_create_all_of_the_old_release_in_between_is_seen_by_finish_and_mended_by_prepare(
    cli: Cli, old: Callable[[], str], new: list[str]
) -> None:
    told = cli("upgrade", "prepare", *new).err
    assert "create-all of the old release takes back what is added here" in told
    undone = old()
    assert "do not ask for ec2:New, system:serviceaccount:ns:more, and it loses that" in undone
    assert "run `ccoctl aws upgrade prepare` again" in undone
    assert policy(cli, "demo-ns-keep") == ["ec2:Old"]
    before = len(changing(cli.aws))
    refused = cli("upgrade", "finish", *new, code=1).err

    assert "role demo-ns-keep: left to do" in refused
    assert "upgrade prepare" in refused
    assert len(changing(cli.aws)) == before
    cli("upgrade", "prepare", *new)
    assert policy(cli, "demo-ns-keep") == ["ec2:Old", "ec2:New"]
    cli("upgrade", "finish", *new)


@pytest.mark.usefixtures("old")
def test_finish_alone_removes_nothing(cli: Cli, new: list[str]) -> None:
    before = len(changing(cli.aws))
    cli("upgrade", "finish", *new, code=1)

    assert len(changing(cli.aws)) == before


@pytest.mark.usefixtures("old")
def test_cco_335_the_secret_of_a_role_that_was_there_is_written_too(cli: Cli, new: list[str], tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    cli("upgrade", "prepare", *new, "--output-dir", str(fresh))

    assert manifests(fresh) == {"ns-keep", "ns-add"}
    secret = yaml.safe_load((fresh / "manifests/ns-keep-credentials.yaml").read_text())
    assert f"role_arn = arn:aws:iam::{cli.aws.account_id}:role/demo-ns-keep\n" in secret["stringData"]["credentials"]


@pytest.mark.usefixtures("old")
def test_bz_2035328_a_request_marked_for_deletion_gets_no_role_and_loses_the_one_it_had(
    cli: Cli, new: list[str], tmp_path: Path
) -> None:
    marked = write_requests(tmp_path / "marked", "ns/drop", "ns/never")
    for number, path in enumerate(sorted(marked.glob("*.yaml"))):
        document = yaml.safe_load(path.read_text())
        document["metadata"]["annotations"] = {"release.openshift.io/delete": "true"}
        (tmp_path / "new" / f"9{number}.yaml").write_text(yaml.safe_dump(document))

    assert "marked for deletion" in cli("upgrade", "prepare", *new).err
    assert "demo-ns-never" not in inventory(cli.aws)["roles"]
    cli("upgrade", "finish", *new)
    assert inventory(cli.aws)["roles"] == ["demo-ns-add", "demo-ns-keep"]


@pytest.mark.usefixtures("old")
def test_bug_364_roles_that_exist_get_the_new_permissions(cli: Cli, new: list[str]) -> None:
    cli("upgrade", "prepare", *new)

    assert "ec2:New" in policy(cli, "demo-ns-keep")


@pytest.mark.usefixtures("old")
def test_what_is_kept_stays_and_what_is_not_there_to_be_kept_is_told(cli: Cli, new: list[str]) -> None:
    cli("upgrade", "prepare", *new)
    assert "ns/typo" in cli("upgrade", "finish", *new, "--keep", "ns/typo", code=1).err
    cli("upgrade", "finish", *new, "--keep", "ns/drop")

    assert "demo-ns-drop" in inventory(cli.aws)["roles"]


@pytest.mark.usefixtures("old")
def test_nothing_is_deleted_through_a_link_that_somebody_planted(
    cli: Cli, new: list[str], out: Path, tmp_path: Path
) -> None:
    cli("upgrade", "prepare", *new)
    elsewhere = (out / "manifests").rename(tmp_path / "elsewhere")
    (out / "manifests").symlink_to(elsewhere)
    before = sorted(path.name for path in elsewhere.iterdir())

    told = cli("upgrade", "finish", *new, code=1).err

    assert f"{out}/manifests: This is a symbolic link where a directory is needed" in told
    assert "Remove the link" in told
    assert sorted(path.name for path in elsewhere.iterdir()) == before
    assert "demo-ns-drop" in inventory(cli.aws)["roles"]


@pytest.mark.usefixtures("old")
def test_roles_of_our_prefix_that_are_not_ours_are_left_alone(cli: Cli, new: list[str]) -> None:
    iam = client(cli.aws, "iam")
    iam.create_role(RoleName="demo-2-of-others", AssumeRolePolicyDocument=NOBODY)
    cli("upgrade", "prepare", *new)
    cli("upgrade", "finish", *new)

    assert "demo-2-of-others" in inventory(cli.aws)["roles"]


@pytest.mark.usefixtures("old")
def test_a_role_in_the_way_that_is_not_ours_stops_it_before_anything_is_done(cli: Cli, new: list[str]) -> None:
    client(cli.aws, "iam").create_role(RoleName="demo-ns-add", AssumeRolePolicyDocument=NOBODY)
    before = len(changing(cli.aws))

    assert "role demo-ns-add: it exists and does not carry the tag" in cli("upgrade", "prepare", *new, code=1).err
    assert len(changing(cli.aws)) == before


def test_without_a_set_up_there_is_nothing_to_upgrade(cli: Cli, new: list[str]) -> None:
    assert "there is nothing to upgrade" in cli("upgrade", "prepare", *new, code=1).err
    assert changing(cli.aws) == []


@pytest.mark.usefixtures("old")
def test_roles_that_trust_two_issuers_as_in_a_migration_are_left_alone_unless_one_is_chosen(
    cli: Cli, new: list[str]
) -> None:
    iam = client(cli.aws, "iam")
    other = iam.create_open_id_connect_provider(Url="https://d111.cloudfront.net", ClientIDList=["openshift"])
    arn = other["OpenIDConnectProviderArn"]
    trust = iam.get_role(RoleName="demo-ns-keep")["Role"]["AssumeRolePolicyDocument"]
    text = json.dumps(trust["Statement"][0]).replace("demo-oidc.s3.us-east-1.amazonaws.com", "d111.cloudfront.net")
    trust["Statement"].append(json.loads(text))
    iam.update_assume_role_policy(RoleName="demo-ns-keep", PolicyDocument=json.dumps(trust))

    assert "trust 2 issuers" in cli("upgrade", "prepare", *new, code=1).err
    cli("upgrade", "prepare", *new, "--identity-provider-arn", arn)
    after = iam.get_role(RoleName="demo-ns-keep")["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert len(after[0]["Condition"]["StringEquals"]["demo-oidc.s3.us-east-1.amazonaws.com:sub"]) == 1
    assert len(after[1]["Condition"]["StringEquals"]["d111.cloudfront.net:sub"]) == 2


@pytest.mark.usefixtures("old")
def test_a_version_is_checked_and_the_way_on_is_told(cli: Cli, new: list[str]) -> None:
    assert "no version" in cli("upgrade", "prepare", *new, "--target-version", "latest", code=1).err
    told = cli("upgrade", "prepare", *new, "--target-version", "v4.19.3-rc.1").err

    assert "cloudcredential.openshift.io/upgradeable-to=4.19.3 " in told


@pytest.mark.usefixtures("old")
def test_results_as_data(cli: Cli, new: list[str]) -> None:
    planned = cli("upgrade", "prepare", *new, "--plan-only", "--output", "json", code=3).json
    done: dict[str, Any] = cli("upgrade", "prepare", *new, "--output", "json").json

    assert planned["changes"]
    assert done["phase"] == "prepare"
    assert {role["arn"].rpartition("/")[2] for role in done["roles"]} == {"demo-ns-keep", "demo-ns-add"}
    assert {action["state"] for action in done["actions"]} == {"done"}
    assert cli("upgrade", "finish", *new, "--output", "json").json["phase"] == "finish"


@pytest.mark.usefixtures("old")
def test_the_new_release_may_be_an_image(cli: Cli, new: list[str], tmp_path: Path) -> None:
    files = {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()}
    layout = images.write_layout(tmp_path / "layout", {"": images.build(images.payload_layer(files))})
    where = new.index("--credentials-requests-dir")
    cli("upgrade", "prepare", *new[:where], *new[where + 2 :], "--release-image", f"oci:{layout}")

    assert "Nothing to do" in cli("upgrade", "prepare", *new, "--plan-only").out


@pytest.mark.usefixtures("old")
@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("", 1), ("y", 0)])
def test_a_terminal_is_shown_the_plan_and_asked(
    cli: Cli, new: list[str], monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    monkeypatch.setattr(output, "can_ask", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{answer}\n"))
    told = cli("upgrade", "prepare", *new, code=code)

    assert "+ role demo-ns-add" in told.err
    assert ("demo-ns-add" in inventory(cli.aws)["roles"]) == (code == 0)
    assert ("nothing was changed" in told.err) == (code == 1)


@pytest.mark.usefixtures("old")
def test_yes_asks_nobody(cli: Cli, new: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "can_ask", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    cli("upgrade", "prepare", *new, "--yes")

    assert "demo-ns-add" in inventory(cli.aws)["roles"]


LONG = ["--name", "a-cluster-with-a-name-that-leaves-little", "--region", "us-east-1"]
NAMESPACE = "openshift-cluster-csi-drivers"


def test_names_that_begin_to_collide_do_not_change_under_the_running_release(
    cli: Cli, tmp_path: Path, key_pair: Path, out: Path
) -> None:
    before = write_requests(tmp_path / "old", f"{NAMESPACE}/a-cloud-credentials")
    after = write_requests(tmp_path / "new", *(f"{NAMESPACE}/{letter}-cloud-credentials" for letter in "ab"))
    public = ["--public-key-file", str(key_pair / "serviceaccount-signer.public")]
    to = ["--output-dir", str(out)]
    cli("create-all", *LONG, "--credentials-requests-dir", str(before), *to, *public)
    (kept,) = inventory(cli.aws)["roles"]
    secret = (out / f"manifests/{NAMESPACE}-a-cloud-credentials-credentials.yaml").read_text()
    new = [*LONG, "--credentials-requests-dir", str(after), *to]
    told = cli("upgrade", "prepare", *new)
    cli("upgrade", "finish", *new)

    roles = inventory(cli.aws)["roles"]
    assert kept in roles
    assert len(roles) == 2
    assert (out / f"manifests/{NAMESPACE}-a-cloud-credentials-credentials.yaml").read_text() == secret
    assert f"keeps role {kept}" in told.err
    assert "Nothing to do" in cli("upgrade", "finish", *new, "--plan-only").out


def test_a_second_role_for_a_secret_is_removed_only_after_a_warning(
    cli: Cli, tmp_path: Path, key_pair: Path, out: Path
) -> None:
    """create-all of the new release makes it where names begin to collide."""
    before = write_requests(tmp_path / "old", f"{NAMESPACE}/a-cloud-credentials")
    after = write_requests(tmp_path / "new", *(f"{NAMESPACE}/{letter}-cloud-credentials" for letter in "ab"))
    to = ["--output-dir", str(out), "--public-key-file", str(key_pair / "serviceaccount-signer.public")]
    cli("create-all", *LONG, "--credentials-requests-dir", str(before), *to)
    cli("create-all", *LONG, "--credentials-requests-dir", str(after), *to)
    new = [*LONG, "--credentials-requests-dir", str(after), "--output-dir", str(out)]
    cli("upgrade", "prepare", *new)
    told = cli("upgrade", "finish", *new).err

    assert f"must name their other role in the cluster before one is removed: {NAMESPACE}/a-cloud-credentials" in told
    assert len(inventory(cli.aws)["roles"]) == 2
