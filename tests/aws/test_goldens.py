"""A dry run against what the Go tool writes: the same files with the same meaning, and more of them.

What the Go tool leaves open (an empty text, `<enter_…_here>`, a Secret without its role) may be filled in by ours.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

CASES = (
    "4.12-private-tech-preview",
    "4.12-public",
    "4.13-private-tech-preview",
    "4.13-public",
    "4.14-private-tech-preview",
    "4.14-public",
    "4.15-private-tech-preview",
    "4.15-public",
    "4.16-private-tech-preview",
    "4.16-public",
    "4.18-private-tech-preview",
    "4.18-public",
    "boundary",
    "iam-roles-alone",
    "identity-provider-alone",
    "name-of-28-characters",
    "region-cn-north-1",
    "region-eu-west-1",
    "region-eusc-de-east-1",
    "region-us-gov-west-1",
)
PUBLIC_KEY = "serviceaccount-signer.public"
POPULATE = "POPULATE ROLE ARN AND DELETE THIS LINE"
PLACEHOLDER = re.compile(r"<enter_[a-z_]+_here>")
WATCHED = ("botocore", "boto3", "rich", "moto")
MAIN = f"""
import sys
from ccoctl.cli.main import main
try:
    code = main()
except SystemExit as end:
    code = end.code
heavy = sorted(name for name in {WATCHED!r} if name in sys.modules)
sys.exit(f"a dry run imported {{heavy}}" if heavy else code)
"""


def dry_run(arguments: list[str], tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """The command, without credentials or configuration and with no way out to any network."""
    nowhere = "http://127.0.0.1:9"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
        "AWS_ENDPOINT_URL": nowhere,
    }
    command = [sys.executable, "-W", "error", "-c", MAIN, "aws", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def agrees(golden: Any, ours: Any) -> bool:
    """True where ours is the golden value, or fills in what the golden value leaves open."""
    match golden:
        case dict():
            return isinstance(ours, dict) and _same_members(golden, ours)
        case list():
            return isinstance(ours, list) and len(golden) == len(ours) and all(map(agrees, golden, ours))
        case "":
            return isinstance(ours, str)
        case str():
            return isinstance(ours, str) and _same_text(golden, ours)
        case _:
            return type(golden) is type(ours) and golden == ours


def _same_members(golden: dict[str, Any], ours: dict[str, Any]) -> bool:
    """Keys too may hold a placeholder: `<enter_issuer_url_here>:sub`."""
    if len(golden) != len(ours):
        return False
    partner = {key: next((own for own in ours if _same_text(key, own)), None) for key in golden}
    if None in partner.values() or len(set(partner.values())) != len(ours):
        return False
    return all(agrees(golden[key], ours[own]) for key, own in partner.items() if own is not None)


def _same_text(golden: str, ours: str) -> bool:
    if golden.lstrip().startswith("{"):
        return agrees(json.loads(golden), json.loads(ours))
    pattern = ".+".join(re.escape(part) for part in PLACEHOLDER.split(golden))
    # a Secret's credentials without the role
    pattern = re.sub(r"(role_arn\\ =\\ )(?=\\\n|$)", r"\1.*", pattern)
    return re.fullmatch(pattern, ours) is not None


def meaning(path: Path) -> Any:
    """What a file says."""
    text = path.read_text()
    if path.suffix == ".yaml":
        return yaml.safe_load("\n".join(line for line in text.splitlines() if line != POPULATE))
    return json.loads(text)


@pytest.mark.parametrize("case", CASES)
def test_a_dry_run_says_what_the_go_tools_says(case: str, shared: Path, tmp_path: Path) -> None:
    golden, out = shared / "golden" / case, tmp_path / "out"
    out.mkdir()
    shutil.copy(shared / "golden" / "key" / PUBLIC_KEY, out)
    places = {"requests": str(shared / "credrequests"), "out": str(out)}
    arguments = [line.format(**places) for line in (golden / "args").read_text().splitlines() if line]

    done = dry_run(arguments, tmp_path)

    assert done.returncode == 0, done.stderr
    wanted = sorted(path.relative_to(golden / "out") for path in (golden / "out").rglob("*") if path.is_file())
    assert [str(path) for path in wanted if not (out / path).is_file()] == []
    different = [str(path) for path in wanted if not agrees(meaning(golden / "out" / path), meaning(out / path))]
    assert different == []


def test_every_golden_is_compared(shared: Path) -> None:
    assert {path.parent.name for path in (shared / "golden").glob("*/args")} == set(CASES)


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
def test_the_examples_need_neither_credentials_nor_network(private: bool, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    requests = root / "examples" / "credentials-requests" / "okd-4.13"
    arguments = ["create-all", "--dry-run", "--name=demo", "--region=us-east-1", f"--output-dir={out}"]
    arguments += [f"--credentials-requests-dir={requests}"]
    arguments += ["--create-private-s3-bucket", "--enable-tech-preview"] if private else []

    done = dry_run(arguments, tmp_path)

    assert done.returncode == 0, done.stderr
    names = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    roles = 7 if private else 6
    assert sum(name.endswith("-role.json") for name in names) == roles
    assert sum(name.endswith("-policy.json") and name.startswith("06-") for name in names) == roles
    assert sum(name.endswith("-credentials.yaml") for name in names) == roles
    assert {"01-oidc-bucket.json", "03-keys.json", "04-iam-identity-provider.json", "apply.sh"} <= names
    assert ("08-cloudfront-distribution.json" in names) is private
    assert os.access(out / "apply.sh", os.X_OK)


def test_the_comparison_sees_a_difference() -> None:
    golden = {"Policy": '{"a": ["x"], "<enter_issuer_url_here>:sub": ""}', "Tags": [1]}

    assert agrees(golden, {"Policy": '{"host:sub": "arn", "a": ["x"]}', "Tags": [1]})
    assert not agrees(golden, {"Policy": '{"host:sub": "arn", "a": ["y"]}', "Tags": [1]})
    assert not agrees(golden, {"Policy": '{"host:aud": "arn", "a": ["x"]}', "Tags": [1]})
    assert not agrees(golden, {"Policy": '{"host:sub": "arn", "a": ["x"]}', "Tags": [1, 2]})
    assert not agrees({"a": True}, {"a": 1})
    assert agrees({"c": "role_arn = \ntoken = t"}, {"c": "role_arn = arn:aws:iam::1:role/r\ntoken = t"})
    assert not agrees({"c": "role_arn = \ntoken = t"}, {"c": "role_arn = arn\ntoken = u"})
