"""`pod run`: a command as a component runs, its token kept fresh, nothing of its caller's credentials, nothing left."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.credentialsrequest.load import load
from ccoctl.credentialsrequest.select import select
from ccoctl.errors import CcoctlError, UsageError
from ccoctl.federation.clock import WallClock
from ccoctl.federation.keeper import Failed, Refreshed
from ccoctl.federation.token import parse
from ccoctl.workflows.pod_environment import pod_environment
from ccoctl.workflows.pod_run import PodOrder, component, pod
from tests.workflows.commands import Cli, client

MACHINE_API = "openshift-machine-api/machine-api-controllers"
ROLE = "demo-openshift-machine-api-aws-cloud-credentials"
ASSUMED = f"arn:aws:sts::123456789012:assumed-role/{ROLE}/"
TIMEOUT = 60
"""Seconds for a command to end."""


@pytest.fixture
def manifests(cli: Cli, root: Path, key_pair: Path, tmp_path: Path) -> Path:
    """What create-all writes for a real release, with its issuer and roles in the account."""
    requests = root / "examples/credentials-requests/okd-4.13"
    out = tmp_path / "out"
    shutil.copytree(key_pair, out)
    cli(
        *("create-all", "--name", "demo", "--region", "us-east-1", "--credentials-requests-dir", str(requests)),
        *("--output-dir", str(out)),
    )
    return out / "manifests"


@pytest.fixture
def environment(cli: Cli, tmp_path: Path) -> dict[str, str]:
    """The administrator's, with a place for temporary files that can be looked into."""
    (tmp_path / "temporary").mkdir()
    found = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**found, **cli.aws.environment(), "TMPDIR": str(tmp_path / "temporary")}


@pytest.fixture
def left(tmp_path: Path) -> Iterator[None]:
    """Nothing is left when the test has ended."""
    yield
    assert list((tmp_path / "temporary").iterdir()) == []


def started(environment: dict[str, str], manifests: Path, *command: str, who: str = MACHINE_API) -> list[Any]:
    return [
        [sys.executable, "-m", "ccoctl", "pod", "run", who, "--manifests-dir", str(manifests), "--", *command],
        environment,
    ]


def ran(
    environment: dict[str, str], manifests: Path, *command: str, who: str = MACHINE_API
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    arguments, variables = started(environment, manifests, *command, who=who)
    return subprocess.run(arguments, env=variables, capture_output=True, text=True, timeout=TIMEOUT, check=False)


@pytest.mark.usefixtures("left")
def test_the_real_aws_cli_is_the_components_role(environment: dict[str, str], manifests: Path) -> None:
    aws = shutil.which("aws", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if aws is None:
        pytest.skip("the AWS CLI is not installed")
    done = ran(environment, manifests, aws, "sts", "get-caller-identity", "--output", "json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["Arn"].startswith(ASSUMED)
    assert done.stderr == ""


@pytest.mark.usefixtures("left")
def test_a_component_that_is_another_is_refused_by_sts(environment: dict[str, str], manifests: Path) -> None:
    program = "import botocore.session as s; s.Session().create_client('sts').get_caller_identity()"
    done = ran(environment, manifests, sys.executable, "-c", program, who="openshift-machine-api/stranger")

    assert done.returncode == 1
    assert "AccessDenied" in done.stderr
    assert "AssumeRoleWithWebIdentity" in done.stderr


def test_no_credentials_of_the_caller_reach_the_command(environment: dict[str, str], manifests: Path) -> None:
    done = ran(environment, manifests, sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))")
    seen = json.loads(done.stdout)

    assert environment["AWS_ACCESS_KEY_ID"] not in seen.values()
    assert "AWS_SECRET_ACCESS_KEY" not in seen
    assert {seen[name] for name in ("AWS_REGION", "AWS_DEFAULT_REGION")} == {"us-east-1"}
    assert seen["AWS_ENDPOINT_URL"] == environment["AWS_ENDPOINT_URL"]
    assert seen["HTTPS_PROXY"] == environment["HTTPS_PROXY"]
    assert seen["HOME"] != os.environ["HOME"]


def test_files_are_private_and_gone_afterwards(environment: dict[str, str], manifests: Path, tmp_path: Path) -> None:
    program = (
        "import json, os, pathlib, stat\n"
        "root = pathlib.Path(os.environ['AWS_SHARED_CREDENTIALS_FILE']).parent\n"
        "print(json.dumps({str(p.relative_to(root)): oct(stat.S_IMODE(p.stat().st_mode))\n"
        "                  for p in [root, *root.rglob('*')] if '/..' not in str(p)}))\n"
    )
    done = ran(environment, manifests, sys.executable, "-c", program)

    assert json.loads(done.stdout) == {
        ".": "0o700",
        "config": "0o600",
        "credentials": "0o600",
        "home": "0o700",
        "serviceaccount": "0o700",
        "serviceaccount/token": "0o600",
    }
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.usefixtures("left")
@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["sh", "-c", "exit 42"], 42),
        (["sh", "-c", "kill -KILL $$"], 128 + 9),
        (["no-such-command-anywhere"], 127),
        (["/etc/passwd"], 126),
    ],
)
def test_the_commands_end_is_ours(environment: dict[str, str], manifests: Path, command: list[str], code: int) -> None:
    done = ran(environment, manifests, *command)

    assert done.returncode == code
    assert ("cannot be run" in done.stderr) == (code in {126, 127})
    assert "bug" not in done.stderr


@pytest.mark.usefixtures("left")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("heeded", [False, True])
def test_signals_reach_the_command_and_everything_is_cleaned_up(
    environment: dict[str, str], manifests: Path, number: signal.Signals, heeded: bool
) -> None:
    trap = f"trap 'echo caught; exit 7' {number.name.removeprefix('SIG')}; " if heeded else ""
    arguments, variables = started(environment, manifests, "sh", "-c", f"{trap}echo ready; while :; do read x; done")
    with subprocess.Popen(
        arguments, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(number)
        if heeded:
            # a shell heeds a trap when what it waits for has ended
            assert running.stdin is not None
            running.stdin.write("\n")
            running.stdin.flush()
        out, _ = running.communicate(timeout=TIMEOUT)

    assert running.returncode == (7 if heeded else 128 + number)
    assert ("caught" in out) == heeded


@pytest.mark.parametrize("kill", [os.kill, os.killpg], ids=["the process", "its whole group"])
def test_killed_by_sigkill_it_leaves_no_token_although_the_command_runs_on(
    environment: dict[str, str], manifests: Path, tmp_path: Path, kill: Callable[[int, int], None]
) -> None:
    # a command that is in no group of ours, as a daemon would be
    program = "import os, sys; os.setsid(); print('ready', flush=True); sys.stdin.read()"
    arguments, variables = started(environment, manifests, sys.executable, "-c", program)
    temporary = tmp_path / "temporary"
    with subprocess.Popen(
        arguments, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        assert len(list(temporary.glob("ccoctl-pod-*/serviceaccount/token"))) == 1
        kill(running.pid, signal.SIGKILL)
        looking, left = threading.Event(), True
        for _ in range(TIMEOUT * 20):
            if not (left := bool(list(temporary.iterdir()))):
                break
            looking.wait(0.05)
        running.communicate(timeout=TIMEOUT)  # its input ends, and so does the command

    assert not left
    assert running.returncode == -signal.SIGKILL


def test_an_sdk_gets_credentials_with_a_token_that_was_refreshed_under_it(cli: Cli, manifests: Path) -> None:
    """The command asks STS anew for each line that it gets, with the token that is there."""
    program = (
        "import botocore.session, os, sys\n"
        "for line in sys.stdin:\n"
        "    sts = botocore.session.Session().create_client('sts')\n"
        "    print(sts.get_caller_identity()['Arn'], open(os.environ['TOKEN']).read(), flush=True)\n"
    )
    callers = {**os.environ, **cli.environment}
    found = component(PodOrder(service_account=MACHINE_API, manifests_dir=manifests), callers)
    with pod(found, callers, clock=WallClock(), report=lambda _: None) as running:
        variables = {**running.environment, "TOKEN": str(running.keeper.path)}
        with subprocess.Popen(
            [sys.executable, "-c", program], env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            seen = []
            for _ in range(2):
                child.stdin.write("go\n")
                child.stdin.flush()
                seen.append(child.stdout.readline().split())
                running.keeper.refresh()
            child.stdin.close()

    assert all(arn.startswith(ASSUMED) for arn, _ in seen)
    assert len({parse(token).claims.others["jti"] for _, token in seen}) == 2


class Forward(WallClock):
    """The machine's clock, whose hands can be put forward."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


def test_a_token_is_replaced_behind_a_command_when_its_time_has_come(cli: Cli, manifests: Path) -> None:
    told: queue.Queue[Refreshed | Failed] = queue.Queue()
    clock = Forward()
    order = PodOrder(service_account=MACHINE_API, manifests_dir=manifests, lifetime=600)
    with pod(component(order, {}), {}, clock=clock, report=told.put) as running:
        told.get(timeout=TIMEOUT)
        before = parse(running.keeper.path.read_text()).claims
        clock.ahead = 500
        running.keeper.wake()
        told.get(timeout=TIMEOUT)
        after = parse(running.keeper.path.read_text()).claims

    assert after.issued_at - before.issued_at in range(499, 560)
    assert (before.lifetime, after.lifetime) == (600, 600)
    assert not running.keeper.path.exists()


def test_the_issuers_bucket_says_the_region_and_the_caller_where_it_does_not(cli: Cli, manifests: Path) -> None:
    order = PodOrder(service_account=MACHINE_API, manifests_dir=manifests)
    assert component(order, {"AWS_REGION": "eu-west-1"}).region == "us-east-1"

    authentication = manifests / "cluster-authentication-02-config.yaml"
    authentication.write_text("kind: Authentication\nspec: {serviceAccountIssuer: 'https://d1.cloudfront.net'}\n")
    assert component(order, {"AWS_DEFAULT_REGION": "eu-west-1"}).region == "eu-west-1"
    with pytest.raises(UsageError, match="does not say which region"):
        component(order, {})


def test_a_secret_with_long_lived_keys_is_refused(cli: Cli, manifests: Path) -> None:
    [secret] = manifests.glob("openshift-machine-api-*")
    secret.write_text(
        "kind: Secret\nmetadata: {name: aws-cloud-credentials, namespace: openshift-machine-api}\n"
        "stringData: {aws_access_key_id: a, aws_secret_access_key: hidden}\n"
    )
    with pytest.raises(CcoctlError, match=r"no stringData\.credentials") as raised:
        component(PodOrder(service_account=MACHINE_API, manifests_dir=manifests), {})

    assert "hidden" not in str(raised.value)


def test_each_component_of_the_release_is_its_own_role(cli: Cli, manifests: Path, root: Path) -> None:
    """Every Secret's service accounts, found through the requests, without a command in between."""
    requests = root / "examples/credentials-requests/okd-4.13"
    roles = {role["RoleName"] for role in client(cli.aws, "iam").list_roles()["Roles"]}
    found = [
        component(
            PodOrder(service_account=f"{one.secret.namespace}/{name}", manifests_dir=manifests, requests_dir=requests),
            {},
        )
        for one in select(load(requests), enable_tech_preview=False).requests
        for name in one.service_accounts
    ]

    assert {one.profile.role_arn.rpartition("/")[2] for one in found} == roles


NAMES = st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdef", min_size=1, max_size=20).filter(
    lambda name: not name.startswith("AWS_")
)


@given(
    st.dictionaries(
        st.one_of(NAMES, NAMES.map("AWS_NEW_{}".format), NAMES.map("aws_new_{}".format)), st.just("the caller's")
    )
)
def test_no_variable_of_aws_is_let_through_but_those_that_say_where_it_is(callers: dict[str, str]) -> None:
    given = pod_environment(callers, credentials=Path("/c"), config=Path("/f"), home=Path("/h"), region="us-east-1")
    through = {name for name, value in given.items() if value == "the caller's"}

    assert not [name for name in through if name.upper().startswith("AWS_")]
    assert {name for name in callers if not name.upper().startswith("AWS_")} - {
        "HOME",
        "BOTO_CONFIG",
        "BOTO_PATH",
    } <= through


@pytest.mark.parametrize(
    "name",
    [
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"),
        *("AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_SECURITY_TOKEN"),
        *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        *("AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_BEARER_TOKEN_BEDROCK"),
        *("AWS_CREDENTIAL_FILE", "AWS_DATA_PATH", "BOTO_CONFIG", "aws_access_key_id"),
    ],
)
def test_variables_that_carry_credentials_or_lead_to_them_are_held_back(name: str) -> None:
    given = pod_environment({name: "x"}, credentials=Path("/c"), config=Path("/f"), home=Path("/h"), region="us-east-1")

    assert name not in given
