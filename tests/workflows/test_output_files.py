"""The files of a plan against those that are there: what differs is shown, and what may be secret is not."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from ccoctl.engine.plan import FieldChange, Plan, WriteFile, file_step
from ccoctl.workflows.output_files import only_changes

NAME = "manifests/ns-cloud-credentials.yaml"


def text(role: str = "arn:aws:iam::123456789012:role/demo-ns-cloud", token: str = "/var/run/secrets/token") -> str:
    return (
        "apiVersion: v1\n"
        "stringData:\n"
        "  credentials: |-\n"
        "    [default]\n"
        f"    role_arn = {role}\n"
        f"    web_identity_token_file = {token}\n"
        "kind: Secret\n"
    )


def changes(directory: Path) -> tuple[FieldChange, ...] | None:
    """How the file differs; None where it is as wanted."""
    plan = only_changes(Plan(steps=(file_step(WriteFile(path=PurePosixPath(NAME), content=text())),)), directory)
    return plan.steps[0].changes if plan.steps else None


def put(directory: Path, content: str) -> Path:
    path = directory / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_a_file_that_is_not_there_is_to_be_written(tmp_path: Path) -> None:
    assert changes(tmp_path) == ()


def test_a_file_that_is_as_wanted_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, text())
    assert changes(tmp_path) is None


@pytest.mark.parametrize(
    "other",
    [text(role="arn:aws-cn:iam::210987654321:role/path/other"), text(token="/var/run/elsewhere/token")],
    ids=["another role", "another token file"],
)
def test_an_earlier_file_of_ours_is_shown(tmp_path: Path, other: str) -> None:
    put(tmp_path, other)
    assert changes(tmp_path) == (FieldChange(name="content", old=other, new=text()),)


SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize(
    "other",
    [
        text(role=SECRET),
        text(token=SECRET),
        text().replace("|-", SECRET),
        text().replace("role_arn = ", f"aws_secret_access_key = {SECRET}#"),
        text() + f"password: {SECRET}\n",
        SECRET,
    ],
)
def test_a_line_that_may_be_secret_is_not_shown(tmp_path: Path, other: str) -> None:
    put(tmp_path, other)
    [change] = changes(tmp_path) or ()
    assert SECRET not in str(change.old)
    assert "(not shown, since it may be secret: 1 of its lines)" in str(change.old)


def test_what_of_a_file_is_ours_is_shown_beside_what_is_not(tmp_path: Path) -> None:
    put(tmp_path, text() + f"a: {SECRET}\nb: {SECRET}\n")
    [change] = changes(tmp_path) or ()
    assert change.old == text() + "(not shown, since it may be secret: 2 of its lines)\n"


@pytest.mark.parametrize("linked", [NAME, "manifests"], ids=["the file", "its directory"])
def test_nothing_is_read_through_a_link(tmp_path: Path, linked: str) -> None:
    elsewhere = put(tmp_path / "elsewhere", text(token="/an/other"))
    link = tmp_path / "out" / linked
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere if linked == NAME else elsewhere.parent)
    assert changes(tmp_path / "out") == ()
