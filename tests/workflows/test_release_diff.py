"""`release diff` on directories, real ones included."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from ccoctl.cli.main import run
from tests.release import images
from tests.workflows.commands import write_requests


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int) -> str:
    capsys.readouterr()
    assert run(["release", "diff", *arguments]) == code
    return capsys.readouterr().out


def test_every_neighbouring_pair_of_real_releases(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shared / "credrequests"
    versions = sorted((path.name for path in folder.iterdir() if path.is_dir()), key=lambda name: int(name[2:]))
    gained = {}
    for before, after in pairwise(versions):
        pair = [str(folder / version / "aws") for version in (before, after)]
        code = run(["release", "diff", *pair, "--output", "json"])
        found = json.loads(capsys.readouterr().out)
        assert code == (3 if found["requests"] else 0)
        assert len(found["requests"]) + len(found["unchanged"]) == 6
        gained[after] = {
            action
            for request in found["requests"]
            for grant in request["permissions"]["gained"]
            for action in grant["actions"]
        }

    assert gained == {
        "4.13": {"kms:ReEncrypt*"},
        "4.14": {"sts:AssumeRole", "ec2:DescribeAvailabilityZones", "ec2:EnableFastSnapshotRestores"},
        "4.15": set(),
        "4.16": set(),
        "4.18": {"kms:ReEncrypt*"},
    }


def test_the_exit_code_says_whether_anything_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = write_requests(tmp_path / "old", "ns/a"), write_requests(tmp_path / "new", "ns/a", "ns/b")

    assert told(capsys, str(old), str(old), code=0).startswith("No request differs")
    assert "ns/b" in told(capsys, str(old), str(new), code=3)
    assert told(capsys, str(old), str(new), "--output", "markdown", code=3).startswith("## CredentialsRequests")


def test_images_are_compared_as_directories_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = write_requests(tmp_path / "old", "ns/a"), write_requests(tmp_path / "new", "ns/a", "ns/b")
    files = {path.name: path.read_bytes() for path in new.iterdir()}
    layout = images.write_layout(tmp_path / "layout", {"": images.build(images.payload_layer(files))})

    assert "ns/b" in told(capsys, str(old), f"oci:{layout}", code=3)
    assert "No request differs" in told(capsys, str(new), f"oci:{layout}", code=0)


@pytest.mark.parametrize("name", ["./missing", "/missing", "../missing"])
def test_a_directory_that_is_not_there_is_no_image(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["release", "diff", name, name]) == 1
    assert "The directory cannot be read" in capsys.readouterr().err


def test_a_bare_name_that_is_no_directory_is_not_looked_for_in_a_registry(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["release", "diff", "nowhere", "nowhere"]) == 1
    said = capsys.readouterr().err
    assert "there is no directory nowhere" in said
    assert "registry/repository:tag, oci:DIRECTORY or oci-archive:FILE" in said


def test_what_is_wrong_in_either_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = write_requests(tmp_path / "old", "ns/a", service_accounts=[]), tmp_path / "new"
    new.mkdir()
    assert run(["release", "diff", str(old), str(new)]) == 1
    said = capsys.readouterr().err

    assert "names no service account" in said
    assert "holds no CredentialsRequest for AWS" in said
