"""The lab's commands, each as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ccoctl.cli.lab.run import _own  # what reaches the command is decided there alone
from ccoctl.cli.main import run
from ccoctl.lab.server import EmbeddedAws

CCOCTL = [sys.executable, "-m", "ccoctl"]
ASK = (
    "import botocore.session as b; print(b.Session().create_client('sts', region_name='us-east-1')"
    ".get_caller_identity()['Arn'])"
)


def ended(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CCOCTL, *arguments], capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )


def test_a_command_runs_inside_a_fresh_lab_and_its_exit_code_is_ours() -> None:
    done = ended("lab", "run", "--", sys.executable, "-c", f"{ASK}; raise SystemExit(7)")

    assert done.stdout == "arn:aws:iam::123456789012:user/administrator\n"
    assert done.returncode == 7


def test_none_of_the_callers_aws_reaches_the_command() -> None:
    callers = {
        "AWS_PROFILE": "mine",
        "AWS_SESSION_TOKEN": "mine",
        "AWS_ENDPOINT_URL_STS": "https://sts.example.com",
        "AWS_REGION": "eu-west-1",
        "PATH": "/bin",
    }

    assert _own(callers) == {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "eu-west-1",
        "PATH": "/bin",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def test_a_command_that_is_not_there_ends_as_in_a_shell() -> None:
    done = ended("lab", "run", "--", "no-such-command-anywhere")

    assert done.returncode == 127
    assert "no-such-command-anywhere" in done.stderr


def test_faults_are_served_as_asked_for() -> None:
    done = ended("lab", "run", "--deny", "sts:*", "--deny", "iam:ListRoles", "--", sys.executable, "-c", LIST_ROLES)

    assert done.stdout == "AccessDenied\n", done.stderr


@pytest.mark.parametrize(
    "action", ["nonsense", "iam", "iam:", ":ListRoles", "iam:List Roles", "imm:ListRoles", "imm*:*"]
)
def test_an_action_that_denies_nothing_is_a_usage_error(action: str) -> None:
    done = ended("lab", "run", "--deny", "iam:*", "--deny", action, "--", "true")

    assert done.returncode == 2, done.stderr
    assert f"--deny: {action!r} is no action of a service of the lab" in done.stderr


LIST_ROLES = """
import botocore.session, botocore.exceptions
try:
    botocore.session.Session().create_client("iam", region_name="us-east-1").list_roles()
except botocore.exceptions.ClientError as error:
    print(error.response["Error"]["Code"])
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_stopped_and_prints_the_way_there(number: signal.Signals) -> None:
    with subprocess.Popen([*CCOCTL, "lab", "up", "--output", "json"], stdout=subprocess.PIPE, text=True) as lab:
        assert lab.stdout is not None
        text = ""
        while not text.endswith("}\n}\n"):
            text += lab.stdout.readline()
        told = json.loads(text)
        asked = subprocess.run(
            [sys.executable, "-c", ASK],
            env={**os.environ, **told["environment"]},
            capture_output=True,
            text=True,
            check=True,
        )
        log = ended("lab", "calls", "--output", "json", **told["environment"])
        lab.send_signal(number)
        assert lab.wait(10) == 0

    assert asked.stdout.strip().endswith(":user/administrator")
    assert [call["operation"] for call in json.loads(log.stdout)] == ["GetCallerIdentity"]


def test_exports_are_fit_for_a_shell() -> None:
    without_region = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with subprocess.Popen(
        [*CCOCTL, "lab", "up"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=without_region
    ) as lab:
        assert lab.stdout is not None
        assert lab.stderr is not None
        lab.stderr.readline()
        lab.terminate()
        lines = lab.stdout.read()

    # a shell that has set nothing but a profile and a session of another account
    there = {"PATH": os.environ["PATH"], "AWS_PROFILE": "mine", "AWS_SESSION_TOKEN": "mine"}
    wanted = "echo $AWS_DEFAULT_REGION$AWS_PROFILE$AWS_SESSION_TOKEN $AWS_ENDPOINT_URL"
    done = subprocess.run(["sh", "-euc", f"{lines}\nset +u\n{wanted}"], capture_output=True, env=there, check=True)
    assert done.stdout.startswith(b"us-east-1 http://127.0.0.1:")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "", "lab.example.com"])
def test_it_listens_on_loopback_alone_and_says_so_when_asked_for_more(
    capsys: pytest.CaptureFixture[str], host: str
) -> None:
    assert run(["lab", "up", "--host", host]) == 2
    said = capsys.readouterr().err
    assert "it listens on 127.0.0.1 alone" in said
    assert "ssh -L" in said


def test_who_comes_by_another_address_of_this_machine_finds_nobody(embedded_aws: EmbeddedAws) -> None:
    port = urlsplit(embedded_aws.endpoint_url).port
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    with pytest.raises(OSError, match=r"refused|unreachable|assign|timed out"):
        socket.create_connection(("127.0.0.2", port), timeout=5)


def test_a_port_that_is_taken_is_named(embedded_aws: EmbeddedAws, capsys: pytest.CaptureFixture[str]) -> None:
    port = embedded_aws.endpoint_url.rpartition(":")[2]

    assert run(["lab", "up", "--port", port]) == 1
    assert f"port {port} of 127.0.0.1 cannot be used" in capsys.readouterr().err


def test_the_log_shows_who_called_what(embedded_aws: EmbeddedAws, capsys: pytest.CaptureFixture[str]) -> None:
    environment = {**os.environ, **embedded_aws.environment()}
    subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, check=True)

    assert run(["lab", "calls", "--endpoint-url", embedded_aws.endpoint_url]) == 0
    assert "sts:GetCallerIdentity  user/administrator" in capsys.readouterr().out
    assert run(["lab", "calls", "--endpoint-url", embedded_aws.endpoint_url, "--changing"]) == 0
    assert capsys.readouterr().out == "There were no requests yet.\n"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "where the lab serves is not known"),
        (["--endpoint-url", "https://iam.amazonaws.com"], 2, "is no lab"),
        (["--endpoint-url", "http://127.0.0.1:1"], 1, "no lab answers"),
    ],
)
def test_a_log_is_asked_of_a_lab_alone(
    arguments: list[str],
    code: int,
    words: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)

    assert run(["lab", "calls", *arguments]) == code
    assert words in capsys.readouterr().err
