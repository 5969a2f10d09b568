"""The Go tool's defects, as our specification numbers them, that no other test is named after: ours has none."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ccoctl.aws import names
from ccoctl.aws.client import AwsCloud, Connection
from ccoctl.aws.observe import observe_for_deletion
from ccoctl.aws.observe_cloudfront import find_distribution
from ccoctl.aws.plans import all_of_it
from ccoctl.aws.reader import Reader
from ccoctl.aws.resources import Account
from ccoctl.credentialsrequest.load import load
from ccoctl.credentialsrequest.select import select
from ccoctl.engine.attempt import Attempts
from ccoctl.engine.call import Answer, Call
from ccoctl.engine.execute import execute
from ccoctl.engine.plan import Plan, Wait
from ccoctl.errors import CloudError, ErrorKind, Problems
from ccoctl.lab.server import EmbeddedAws
from ccoctl.workflows import aws_create
from ccoctl.workflows.aws_order import Order, Part, check
from ccoctl.workflows.create_key_pair import create_key_pair
from tests.aws.builders import KEY, REQUEST, settings
from tests.engine.simulated import FakeClock, step
from tests.workflows.commands import NOTHING, Cli, changing, client, inventory, write_requests

ROLES = ("openshift-machine-api/aws-cloud-credentials", "openshift-ingress/cloud", "openshift-image-registry/installer")


@pytest.fixture
def cli(embedded_aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(embedded_aws, embedded_aws.environment(), monkeypatch, capsys)


@pytest.fixture
def common(tmp_path: Path) -> list[str]:
    create_key_pair(tmp_path / "keys", bits=2048)
    requests = write_requests(tmp_path / "requests", *ROLES)
    return [
        *("--name", "demo", "--region", "us-east-1", "--credentials-requests-dir", str(requests)),
        *("--output-dir", str(tmp_path / "out")),
        *("--public-key-file", str(tmp_path / "keys" / "serviceaccount-signer.public")),
    ]


def order(common: list[str], **options: Any) -> Order:
    given = dict(zip(common[::2], common[1::2], strict=True))
    return Order(
        part=Part.ALL,
        name="demo",
        region="us-east-1",
        output_dir=Path(given["--output-dir"]),
        credentials_requests_dir=Path(given["--credentials-requests-dir"]),
        public_key_file=Path(given["--public-key-file"]),
        **options,
    )


def test_defect_08_a_bucket_in_us_east_1_is_looked_for_before_it_is_made(cli: Cli, common: list[str]) -> None:
    cli("create-all", *common, "--create-private-s3-bucket")
    cli("create-all", *common, "--create-private-s3-bucket")

    assert changing(cli.aws).count("s3:CreateBucket") == 1
    assert changing(cli.aws).count("cloudfront:CreateDistributionWithTags") == 1


def test_defect_10_a_half_that_does_not_match_is_refused(cli: Cli, common: list[str], tmp_path: Path) -> None:
    create_key_pair(tmp_path / "other", bits=2048)
    public = tmp_path / "keys" / "serviceaccount-signer.public"
    public.write_bytes((tmp_path / "other" / public.name).read_bytes())

    assert "halves of two different pairs" in cli("create-key-pair", "--output-dir", str(tmp_path / "keys"), code=1).err


def test_defect_11_the_private_key_is_nobody_elses_whatever_the_umask(cli: Cli, tmp_path: Path) -> None:
    before = os.umask(0o000)
    try:
        made = cli(
            "create-key-pair", "--output-dir", str(tmp_path / "k"), "--key-bits", "2048", "--output", "json"
        ).json
    finally:
        os.umask(before)

    assert [file["mode"] for file in made["files"]] == ["0600", "0644", "0600"]


def test_defect_12_and_13_what_goes_wrong_with_a_key_file_is_told(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "k").mkdir()
    (tmp_path / "k" / "serviceaccount-signer.public").mkdir()

    told = cli("create-key-pair", "--output-dir", str(tmp_path / "k"), "--key-bits", "2048", code=1).err
    assert "serviceaccount-signer.public" in told


def test_defect_20_the_feature_set_is_a_list(tmp_path: Path) -> None:
    requests = write_requests(tmp_path, "a/b")
    text = next(requests.iterdir()).read_text()
    annotated = text.replace(
        "metadata:", 'metadata:\n  annotations: {release.openshift.io/feature-set: "Custom,TechPreviewNoUpgrade"}'
    )
    (requests / "preview.yaml").write_text(annotated.replace("namespace: a\n", "namespace: c\n"))

    def taken(*, preview: bool) -> list[str]:
        return [str(one.secret) for one in select(load(requests), enable_tech_preview=preview).requests]

    assert taken(preview=False) == ["a/b"]
    assert taken(preview=True) == ["a/b", "c/b"]


def test_defect_23_an_access_control_can_be_chosen(cli: Cli, common: list[str]) -> None:
    cli("create-all", *common, "--create-private-s3-bucket", "--origin-access", "oac")
    policy = json.loads(client(cli.aws, "s3").get_bucket_policy(Bucket="demo-oidc")["Policy"])["Statement"][0]

    assert policy["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert policy["Condition"]["StringEquals"]["AWS:SourceArn"].startswith(
        "arn:aws:cloudfront::123456789012:distribution/"
    )
    assert inventory(cli.aws)["identities"] == []


def test_defect_25_a_dry_run_writes_what_public_mode_needs_and_calls_nothing(
    cli: Cli, common: list[str], tmp_path: Path
) -> None:
    done = cli("create-all", *common, "--dry-run", "--output", "json").json
    written = {Path(file["path"]).name for file in done["files"]}

    assert {"01-oidc-bucket-policy.json", "01-oidc-bucket-public-access-block.json", "apply.sh"} <= written
    assert done["issuer"] == "https://demo-oidc.s3.us-east-1.amazonaws.com"
    assert cli.aws.calls() == ()


def test_defect_25_a_dry_run_of_roles_alone_knows_their_arns_from_the_providers(
    cli: Cli, common: list[str], tmp_path: Path
) -> None:
    arn = "arn:aws:iam::123456789012:oidc-provider/issuer.example.com"
    given = [value for value in common if value != "--public-key-file" and not value.endswith(".public")]
    cli("create-iam-roles", *given, "--identity-provider-arn", arn, "--dry-run")

    secret = (tmp_path / "out/manifests/openshift-ingress-cloud-credentials.yaml").read_text()
    assert "role_arn = arn:aws:iam::123456789012:role/demo-openshift-ingress-cloud\n" in secret
    assert "POPULATE" not in secret


def test_defect_27_rights_on_every_resource_are_said(cli: Cli, common: list[str]) -> None:
    assert "3 of 3 requests ask for rights on every resource" in cli("plan", *common, code=3).err


def test_defect_28_policies_over_iams_size_are_refused_before_any_call(
    cli: Cli, common: list[str], tmp_path: Path
) -> None:
    accounts = [f"a-service-account-with-a-long-name-{number}" for number in range(30)]
    write_requests(tmp_path / "requests" / "a", "big/trust", service_accounts=accounts)
    actions = [f"ec2:Describe{'X' * 40}{number}" for number in range(250)]
    write_requests(tmp_path / "requests" / "b", "big/policy", action=actions)

    told = cli("create-all", *common, code=1).err

    assert "the trust policy of role demo-big-trust has" in told
    assert "the permissions policy of role demo-big-policy has" in told
    assert cli.aws.calls() == ()


class Watched:
    """A cloud that remembers how many calls were under way, and throttles every third attempt."""

    def __init__(self, cloud: AwsCloud, *, throttle: bool = False) -> None:
        self._cloud, self._throttle = cloud, throttle
        self._lock = threading.Lock()
        self.running = self.most = self.attempts = 0

    def perform(self, call: Call) -> Answer:
        with self._lock:
            self.attempts += 1
            self.running += 1
            self.most = max(self.most, self.running)
            refused = self._throttle and self.attempts % 3 == 0
        try:
            if refused:
                raise CloudError("slower", kind=ErrorKind.THROTTLED, code="Throttling")
            return self._cloud.perform(call)
        finally:
            with self._lock:
                self.running -= 1


@pytest.fixture
def cloud(embedded_aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> AwsCloud:
    for name, value in embedded_aws.environment().items():
        monkeypatch.setenv(name, value)
    return AwsCloud(Connection(region="us-east-1"))


def test_defect_30_several_calls_are_under_way_at_a_time(cloud: AwsCloud, common: list[str]) -> None:
    watched = Watched(cloud)
    made = aws_create.carry_out(aws_create.prepare(check(order(common)), watched), watched, concurrency=4)

    assert made.result.ok
    assert 2 <= watched.most <= 10


def test_defect_31_a_wait_has_an_end(common: list[str]) -> None:
    plan = all_of_it(settings(private=True), (REQUEST,), KEY, Account(id="123456789012")).plan
    wait = next(item for item in plan.steps if isinstance(item.work, Wait))
    clock = FakeClock()

    class Never:
        def perform(self, _call: Call) -> Answer:
            return {"Distribution": {"Status": "InProgress", "Id": "D"}}

    result = execute(
        Plan(steps=(step("distribution/create"), wait)),
        Never(),
        write_file=lambda _work, _text: None,
        attempts=Attempts(clock=clock),
    )

    assert not result.ok
    assert clock.time == 1800.0


def test_defect_33_providers_of_others_are_not_read_one_by_one(cli: Cli, common: list[str]) -> None:
    iam = client(cli.aws, "iam")
    for number in range(5):
        iam.create_open_id_connect_provider(Url=f"https://other-{number}.example.com", ClientIDList=["x"])
    cli("create-all", *common)
    before = len(cli.aws.calls())
    cli("delete", "--name", "demo", "--region", "us-east-1")
    asked = [call.operation for call in cli.aws.calls()[before:]]

    assert asked.count("GetOpenIDConnectProvider") == 1


def test_defect_35_a_second_deletion_is_no_failure_and_an_unfinished_one_is(cli: Cli, common: list[str]) -> None:
    cli("create-all", *common)
    client(cli.aws, "s3").put_object(Bucket="demo-oidc", Key="foreign", Body=b"")
    cli("delete", "--name", "demo", "--region", "us-east-1", code=1)
    client(cli.aws, "s3").delete_object(Bucket="demo-oidc", Key="foreign")
    cli("delete", "--name", "demo", "--region", "us-east-1")
    cli("delete", "--name", "demo", "--region", "us-east-1")

    assert inventory(cli.aws) == NOTHING


def _paged(pages: Mapping[tuple[str, str], Answer], asked: list[str]) -> Reader:
    def perform(call: Call) -> Answer:
        asked.append(call.operation)
        marker = str(call.parameters.get("Marker", ""))
        if (call.operation, marker) in pages:
            return pages[call.operation, marker]
        if call.operation == "GetCallerIdentity":
            return {"Account": "123456789012"}
        raise CloudError("nothing there", kind=ErrorKind.MISSING, code="NoSuchEntity")

    return Reader(perform, ThreadPoolExecutor(4))


def test_defect_36_every_page_is_read() -> None:
    comment = names.comment("demo")
    pages: dict[tuple[str, str], Answer] = {
        ("ListRoles", ""): {"Roles": [{"RoleName": "other"}], "IsTruncated": True, "Marker": "m"},
        ("ListRoles", "m"): {"Roles": [{"RoleName": "demo-late"}], "IsTruncated": False},
        ("ListDistributions", ""): {"DistributionList": {"Items": [{"Id": "A", "Comment": "x"}], "NextMarker": "n"}},
        ("ListDistributions", "n"): {"DistributionList": {"Items": [{"Id": "B", "Comment": comment}]}},
        ("ListOpenIDConnectProviders", ""): {"OpenIDConnectProviderList": []},
        ("ListCloudFrontOriginAccessIdentities", ""): {},
        ("ListOriginAccessControls", ""): {},
    }
    asked: list[str] = []
    observe_for_deletion(_paged(pages, asked), settings())
    find_distribution(_paged(pages, asked), settings())

    assert asked.count("ListRoles") == 2
    assert asked.count("GetRole") == 1
    assert asked.count("GetDistribution") == 2


def test_defect_39_a_result_for_scripts(cli: Cli, common: list[str]) -> None:
    made = cli("create-all", *common, "--output", "json").json

    assert {"issuer", "identity_provider_arn", "kid", "roles", "files", "actions"} <= set(made)
    assert all(action["state"] == "done" for action in made["actions"])


def test_defect_41_throttling_does_not_end_a_run(cloud: AwsCloud, common: list[str]) -> None:
    watched = Watched(cloud, throttle=True)
    how = Attempts(clock=FakeClock())
    quiet = aws_create.prepare(check(order(common)), cloud)
    made = aws_create.carry_out(quiet, watched, concurrency=4, attempts=how)

    assert made.result.ok
    assert any(outcome.attempts > 1 for outcome in made.result.outcomes)


def test_defect_42_missing_parents_of_the_output_directory_are_made(
    cli: Cli, common: list[str], tmp_path: Path
) -> None:
    cli("create-all", *common, "--output-dir", str(tmp_path / "a" / "b" / "c"))
    assert (tmp_path / "a/b/c/manifests/cluster-authentication-02-config.yaml").is_file()

    (tmp_path / "file").write_text("")
    told = cli("create-key-pair", "--output-dir", str(tmp_path / "file" / "x"), "--key-bits", "2048", code=1).err
    assert "file" in told


def test_nothing_is_written_when_nothing_can_apply(cli: Cli, common: list[str], tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    given = [str(empty) if value.endswith("requests") else value for value in common]

    told = cli("create-all", *given, code=1).err
    assert "holds no CredentialsRequest for AWS" in told
    assert not (tmp_path / "out").exists()
    with pytest.raises(Problems):
        select(load(empty), enable_tech_preview=False)
