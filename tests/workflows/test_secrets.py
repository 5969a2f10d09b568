"""Nothing secret is ever said, not even with --debug."""

from __future__ import annotations

import base64
from pathlib import Path

from tests.workflows.commands import Cli


def test_no_command_shows_a_key_or_a_secret(cli: Cli, requests_dir: Path, tmp_path: Path) -> None:
    options = ["--name", "demo", "--region", "us-east-1", "--credentials-requests-dir", str(requests_dir)]
    out = ["--output-dir", str(tmp_path / "out"), "--debug"]
    said = [
        cli("create-all", *options, *out, "--key-bits", "2048"),
        cli("create-all", *options, *out, "--output", "json"),
        cli("plan", *options, *out),
        cli("create-key-pair", *out),
        cli("create-all", *options, *out, "--permissions-boundary-arn", "x", code=1),
        cli("delete", "--name", "demo", "--region", "us-east-1", "--debug"),
    ]
    text = "".join(done.out + done.err for done in said)
    private = (tmp_path / "out" / "serviceaccount-signer.private").read_text()
    body = [line for line in private.splitlines() if not line.startswith("-----")]

    assert "PRIVATE KEY" not in text
    assert not [line for line in body if line in text]
    assert base64.b64decode("".join(body))[30:60].hex() not in text
    assert cli.environment["AWS_SECRET_ACCESS_KEY"] not in text.split()
    assert "iam:CreateRole" in text
