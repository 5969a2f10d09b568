"""`apply.sh` run by bash with the AWS CLI's own code against the embedded AWS.

What it leaves must be what ccoctl itself wants: its own plan for the account and the output directory is empty then.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from ccoctl.aws import policy
from ccoctl.aws.client import AwsCloud, Connection
from ccoctl.aws.desired import Settings
from ccoctl.aws.names import role_names
from ccoctl.aws.observe import Scope, observe
from ccoctl.aws.plans import all_of_it, identity_provider
from ccoctl.aws.reader import reader
from ccoctl.aws.resources import Account, OriginAccess
from ccoctl.aws.role_calls import update_trust
from ccoctl.engine.call import Call, resolve
from ccoctl.lab.server import EmbeddedAws
from ccoctl.signing.jwk import Jwk
from ccoctl.workflows.output_files import only_changes
from tests.aws.builders import ACCOUNT, KEY, key, request, settings
from tests.aws.test_script import write
from tests.aws.warm import warm
from tests.workflows.test_aws_permissions import DOCUMENTED, PRIVATE

pytestmark = pytest.mark.harness

REQUESTS = (request("openshift-machine-api", "aws-cloud-credentials"), request("openshift-image-registry", "installer"))
CREATIONS = (
    "create-cloud-front-origin-access-identity",
    "create-bucket",
    "put-bucket-tagging",
    "create-distribution-with-tags",
    "put-object",
    "put-public-access-block",
    "put-bucket-policy",
    "create-open-id-connect-provider",
    "create-role",
    "put-role-policy",
)


@pytest.fixture(scope="module")
def warm_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with an `aws` that is the AWS CLI, without its start-up."""
    with warm(tmp_path_factory.mktemp("aws")) as folder:
        yield folder


@pytest.fixture
def account(embedded_aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """An empty account, and the environment variables that lead to it."""
    variables = embedded_aws.environment()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


@dataclass(frozen=True, kw_only=True)
class Runner:
    """Runs a script in an account."""

    account: Mapping[str, str]
    """The environment variables that lead to it."""
    aws: Path
    scratch: Path

    def __call__(self, path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """A session of its own, so that it can be killed as a whole."""
        environment = {"PATH": f"{self.aws}:{os.environ['PATH']}", "TMPDIR": str(self.scratch), **environment}
        return subprocess.run(
            [path],
            cwd="/",
            env={**environment, **self.account},
            start_new_session=True,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )


@pytest.fixture
def run(account: Mapping[str, str], warm_aws: Path, tmp_path: Path) -> Runner:
    """The warm AWS CLI on the embedded AWS."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return Runner(account=account, aws=warm_aws, scratch=scratch)


def found(of: Settings) -> Account:
    """The account as ccoctl sees it."""
    cloud = AwsCloud(Connection(region=of.region))
    roles = role_names(of.name, [one.secret for one in REQUESTS]).values()
    with reader(cloud.perform, 5) as asked:
        return observe(asked, Scope(settings=of, roles=tuple(roles)))


def to_do(of: Settings, out: Path) -> list[str]:
    """What ccoctl would still do, in the account and in the output directory."""
    return [step.summary for step in only_changes(all_of_it(of, REQUESTS, KEY, found(of)).plan, out).steps]


def dry_run(out: Path, of: Settings) -> Path:
    """The script of a dry run of everything."""
    return write(out, all_of_it(of, REQUESTS, KEY, Account()), of)


def issuer_alone(out: Path, of: Settings, signer: Jwk = KEY) -> Path:
    """The script of a dry run without roles."""
    return write(out, identity_provider(of, signer, Account()), of)


def resolved(call: Call) -> Call:
    """A call whose parameters are plain."""
    parameters: Any = resolve(call.parameters, lambda output: output.placeholder)
    return replace(call, parameters=parameters)


def changed(notes: Path) -> list[str]:
    """The operations that succeeded and change something, as the AWS CLI names them."""
    done = [line.split()[2] for line in notes.read_text().splitlines() if line.startswith("0 ")]
    return [operation for operation in done if not operation.startswith(("get-", "head-", "list-"))]


@pytest.mark.parametrize("options", [{}, {"private": True, "access": OriginAccess.OAC}], ids=["public", "private"])
def test_it_makes_what_ccoctl_wants_and_again_nothing_new(options: dict[str, Any], run: Runner, tmp_path: Path) -> None:
    of, out, notes = settings(**options), tmp_path / "out of the way", tmp_path / "notes"
    path = dry_run(out, of)

    first = run(path)
    assert first.returncode == 0, first.stderr
    assert to_do(of, out) == []

    again = run(path, NOTES=str(notes))
    assert (again.returncode, again.stdout) == (0, first.stdout), again.stderr
    assert set(changed(notes)) == {"put-public-access-block", "put-bucket-policy", "put-object", "put-role-policy"}
    assert to_do(of, out) == []
    assert list(run.scratch.iterdir()) == []


def test_it_says_issuer_and_provider_and_completes_the_manifests(run: Runner, tmp_path: Path) -> None:
    of, out = settings(private=True), tmp_path / "out"

    done = run(dry_run(out, of))

    distribution = found(of).distribution
    assert distribution is not None
    assert done.stdout.splitlines() == [
        f"issuer: https://{distribution.domain_name}",
        f"OIDC provider: arn:aws:iam::{ACCOUNT}:oidc-provider/{distribution.domain_name}",
        f"manifests: {out}/manifests",
    ]
    issuer = yaml.safe_load((out / "manifests" / "cluster-authentication-02-config.yaml").read_text())
    assert issuer["spec"]["serviceAccountIssuer"] == f"https://{distribution.domain_name}"
    secret = yaml.safe_load((out / "manifests" / "openshift-image-registry-installer-credentials.yaml").read_text())
    assert (
        f"role_arn = arn:aws:iam::{ACCOUNT}:role/demo-openshift-image-registry-installer\n"
        in (secret["stringData"]["credentials"])
    )


@pytest.mark.long
def test_killed_right_after_any_call_it_goes_on_from_there(run: Runner, tmp_path: Path) -> None:
    of, out, notes = settings(private=True), tmp_path / "out", tmp_path / "notes"
    path = dry_run(out, of)

    for operation in CREATIONS:
        killed = run(path, DIE_AFTER=operation, NOTES=str(notes))
        assert killed.returncode == -9, f"it was to die after {operation}: {killed.stderr}"
    done = run(path, NOTES=str(notes))

    assert done.returncode == 0, done.stderr
    assert to_do(of, out) == []
    once = Counter(operation for operation in changed(notes) if operation.startswith("create-"))
    assert once.pop("create-role") == len(REQUESTS)
    assert set(once.values()) == {1}


def test_the_documented_permissions_are_enough(enforcing_aws: EmbeddedAws, warm_aws: Path, tmp_path: Path) -> None:
    user = enforcing_aws.user("installer", actions=[*DOCUMENTED, *PRIVATE])
    path, run = dry_run(tmp_path / "out", settings(private=True)), Runner(account=user, aws=warm_aws, scratch=tmp_path)

    first, again = run(path), run(path)

    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    assert first.stdout == again.stdout


def test_another_key_that_is_published_stops_it_before_it_changes_anything(run: Runner, tmp_path: Path) -> None:
    of, notes = settings(), tmp_path / "notes"
    assert run(issuer_alone(tmp_path / "one", of)).returncode == 0

    other = run(issuer_alone(tmp_path / "two", of, key()), NOTES=str(notes))

    assert other.returncode == 1
    assert "publishes another key than ours" in other.stderr
    assert changed(notes) == []


def test_a_private_set_up_is_not_made_public_by_the_way(run: Runner, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    assert run(issuer_alone(tmp_path / "one", settings(private=True))).returncode == 0

    public = run(issuer_alone(tmp_path / "two", settings()), NOTES=str(notes))

    assert public.returncode == 1
    assert "publishes another issuer" in public.stderr
    assert changed(notes) == []


def test_a_role_that_trusts_somebody_else_is_put_right(run: Runner, tmp_path: Path) -> None:
    of, out, notes = settings(), tmp_path / "out", tmp_path / "notes"
    path = dry_run(out, of)
    assert run(path).returncode == 0
    other = policy.trust(f"arn:aws:iam::{ACCOUNT}:oidc-provider/other", "other", ("system:serviceaccount:a:b",))
    role = "demo-openshift-image-registry-installer"
    AwsCloud(Connection(region="us-east-1")).perform(resolved(update_trust(role, other, was=other)))
    assert to_do(of, out) == [f"change who may assume role {role}"]

    assert run(path, NOTES=str(notes)).returncode == 0

    assert to_do(of, out) == []
    assert changed(notes).count("update-assume-role-policy") == 1


@pytest.mark.long
def test_it_runs_with_the_aws_cli_as_it_is_installed(account: Mapping[str, str], tmp_path: Path) -> None:
    beside = Path(sys.executable).with_name("aws")
    cli = beside if beside.exists() else shutil.which("aws")
    if cli is None:
        pytest.skip("the AWS CLI is not installed: the script is not run with it")
    of, out = settings(), tmp_path / "out"
    path = issuer_alone(out, of)

    done = Runner(account=account, aws=Path(cli).parent, scratch=tmp_path)(path)

    assert done.returncode == 0, done.stderr
    assert only_changes(identity_provider(of, KEY, found(of)).plan, out).steps == ()
