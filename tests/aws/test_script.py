"""`apply.sh`: what it holds, and what it does when bash runs it with a stand-in for the AWS CLI.

`test_script_live.py` runs it with the real AWS CLI against the embedded AWS.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path, PurePosixPath
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from msgspec.structs import replace

from ccoctl.aws.desired import Trusted
from ccoctl.aws.dry_run import DryFile, dry_run_files, file_names
from ccoctl.aws.plans import Drawn, all_of_it, iam_roles, identity_provider
from ccoctl.aws.resources import Account, OriginAccess
from ccoctl.aws.script import MODE, NAME, command, script
from ccoctl.engine.call import Call
from tests.aws.builders import ACCOUNT, HOST, KEY, request, settings

REQUESTS = (request("openshift-machine-api", "aws-cloud-credentials"), request("openshift-image-registry", "installer"))
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"
WHOLE: dict[str, dict[str, Any]] = {
    "public": {},
    "private with an identity": {"private": True},
    "private with a control": {"private": True, "access": OriginAccess.OAC},
    "a region of China": {"region": "cn-north-1"},
}
PLACEHOLDER = re.compile(r"<enter_[a-z_]+_here>")


def drawings() -> dict[str, tuple[Drawn, Any]]:
    """Plans of every kind, with their settings."""
    drawn = {
        name: (all_of_it(settings(**given), REQUESTS, KEY, Account()), settings(**given))
        for name, given in WHOLE.items()
    }
    roles = iam_roles(settings(), REQUESTS, Trusted(arn=PROVIDER, host=HOST), Account())
    provider = identity_provider(settings(), KEY, Account())
    return {**drawn, "roles alone": (roles, settings()), "provider alone": (provider, settings())}


DRAWINGS = drawings()
every_kind = pytest.mark.parametrize(("drawn", "of"), DRAWINGS.values(), ids=DRAWINGS)


def text_of(drawn: Drawn, of: Any) -> str:
    """The script of a plan."""
    names = file_names(of.name, drawn.roles, private=drawn.private)
    return script(drawn.plan, names, of, provider_arn=drawn.provider_arn)


def write(directory: Path, drawn: Drawn, of: Any) -> Path:
    """A dry run's files and its script, as the command writes them."""
    names = file_names(of.name, drawn.roles, private=drawn.private)
    made = DryFile(path=PurePosixPath(NAME), text=text_of(drawn, of), step="", mode=MODE)
    for file in (*dry_run_files(drawn.plan, names), made):
        path = directory / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text)
        path.chmod(file.mode)
    return directory / NAME


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with a stand-in for the AWS CLI: it notes its arguments and answers as the environment says."""
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "aws").write_text(
        "#!/bin/sh\n"
        'printf "%s\\n" "$*" >>"$NOTES"\n'
        '[ -z "${MISSING:-}" ] || case "$2" in get-caller-*) ;; get-* | head-*) ERROR="404) (NoSuchEntity" ;; esac\n'
        '[ -z "${ERROR:-}" ] || { echo "An error occurred ($ERROR) when calling the operation: no" >&2; exit 254; }\n'
        'printf "%s\\n" "${ANSWER:-}"\n'
    )
    (folder / "aws").chmod(0o755)
    return folder


def run(path: Path, tools: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """bash runs the script with the stand-in."""
    env = {"PATH": f"{tools}:{os.environ['PATH']}", "NOTES": str(tools / "notes"), **environment}
    return subprocess.run(
        [str(path), *arguments], cwd=tools.parent, env=env, capture_output=True, text=True, check=False, timeout=60
    )


@every_kind
def test_bash_can_read_it(drawn: Drawn, of: Any, tmp_path: Path) -> None:
    path = write(tmp_path, drawn, of)

    assert subprocess.run(["bash", "-n", path], capture_output=True, check=False).stderr == b""
    assert path.stat().st_mode & 0o777 == 0o755


@every_kind
def test_shellcheck_has_nothing_to_say(drawn: Drawn, of: Any, tmp_path: Path) -> None:
    tool = shutil.which("shellcheck")
    if tool is None:
        pytest.skip("shellcheck is not installed: the script is not linted")

    assert subprocess.run([tool, write(tmp_path, drawn, of)], capture_output=True, text=True, check=False).stdout == ""


@every_kind
def test_every_call_of_the_plan_but_the_thumbprint_is_in_it_in_order(drawn: Drawn, of: Any) -> None:
    body = text_of(drawn, of)
    position = body.index("\nstep 1/")
    for step in drawn.plan.steps:
        if isinstance(step.work, Call) and step.work.service != "tls":
            position = body.index(step.summary, position)
    assert position


@every_kind
def test_every_placeholder_of_the_files_is_filled_in_by_an_earlier_step(drawn: Drawn, of: Any) -> None:
    known: set[str] = set()
    body = text_of(drawn, of)
    files = {
        file.path.name: file.text
        for file in dry_run_files(drawn.plan, file_names(of.name, drawn.roles, private=drawn.private))
    }
    for line in map(str.strip, body.splitlines()):
        if found := re.match(r"know '(<enter_[a-z_]+_here>)'", line):
            known.add(found[1])
        if found := re.match(r"fill (\S+)", line):
            assert set(PLACEHOLDER.findall(files[found[1]])) <= known | {"<enter_tls_fingerprint_for_issuer_url_here>"}


def test_operations_are_named_as_the_aws_cli_names_them() -> None:
    session = botocore.session.Session()
    for service in ("iam", "s3", "cloudfront", "sts"):
        used = {
            step.work.operation
            for drawn, _ in DRAWINGS.values()
            for step in drawn.plan.steps
            if isinstance(step.work, Call) and step.work.service == service
        }
        assert used <= set(session.get_service_model(service).operation_names)
        assert all(command(operation) == xform_name(operation, "-") for operation in used)


def test_it_names_the_region_that_was_asked_for() -> None:
    drawn, of = DRAWINGS["a region of China"]

    assert "export AWS_REGION=cn-north-1 AWS_DEFAULT_REGION=cn-north-1" in text_of(drawn, of)
    assert "arn:aws-cn:iam::$answer:oidc-provider/$host" in text_of(drawn, of)


def test_the_same_plan_gives_the_same_script() -> None:
    assert text_of(*DRAWINGS["public"]) == text_of(*drawings()["public"])


def test_what_a_user_gives_is_never_code(tmp_path: Path, tools: Path) -> None:
    """Such names are refused long before; the script does not depend on it."""
    evil = "x'; touch EVIL; $(touch EVIL) `touch EVIL`\ntouch EVIL\n\""
    of = replace(settings(tags={"team": evil}), name=evil)
    path = write(tmp_path / "out", all_of_it(of, (request("a", evil),), KEY, Account()), of)

    done = run(path, tools, ANSWER=evil, MISSING="yes")

    assert done.stderr.endswith("done\n"), done.stderr
    assert "touch EVIL" in (tools / "notes").read_text()
    assert not list(tmp_path.rglob("EVIL"))


def test_it_needs_the_aws_cli_and_says_so(tmp_path: Path) -> None:
    path, tools = write(tmp_path, *DRAWINGS["public"]), tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "env", "dirname", "mktemp", "rm"):
        (tools / name).symlink_to(shutil.which(name) or name)

    done = subprocess.run([path], env={"PATH": str(tools)}, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (1, "apply.sh: the AWS CLI is needed, and there is no aws in PATH\n")


def test_it_takes_no_arguments(tmp_path: Path, tools: Path) -> None:
    done = run(write(tmp_path / "out", *DRAWINGS["public"]), tools, "--delete")

    assert (done.returncode, done.stderr) == (1, "apply.sh: takes no arguments\n")
    assert not (tools / "notes").exists()


def test_an_error_of_aws_is_shown_and_ends_it(tmp_path: Path, tools: Path) -> None:
    done = run(write(tmp_path / "out", *DRAWINGS["public"]), tools, ERROR="AccessDenied")

    assert done.returncode == 1
    assert "An error occurred (AccessDenied)" in done.stderr
    assert len((tools / "notes").read_text().splitlines()) == 1


def test_what_is_not_tagged_as_ours_is_left_alone(tmp_path: Path, tools: Path) -> None:
    done = run(write(tmp_path / "out", *DRAWINGS["public"]), tools, ANSWER="None")

    assert done.returncode == 1
    assert "bucket demo-oidc exists and does not carry the tag" in done.stderr
    assert not re.search(r" (put|create|tag|update)-", (tools / "notes").read_text())


def test_a_file_that_was_moved_away_is_missed(tmp_path: Path, tools: Path) -> None:
    path = write(tmp_path / "out", *DRAWINGS["roles alone"])
    (path.parent / "05-0-demo-openshift-machine-api-aws-cloud-credentials-role.json").unlink()

    done = run(path, tools, ANSWER="owned")

    assert "05-0-demo-openshift-machine-api-aws-cloud-credentials-role.json is not beside this script" in done.stderr
    assert done.returncode == 1


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path, tools: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    run(write(tmp_path / "out", *DRAWINGS["public"]), tools, ANSWER="None", TMPDIR=str(scratch))

    assert list(scratch.iterdir()) == []
