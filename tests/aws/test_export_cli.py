"""The script of `ccoctl aws export`: what bash and shellcheck say of it, and what it never does.

`tests/workflows/test_aws_export.py` runs it with the real AWS CLI against the embedded AWS.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from msgspec.structs import replace

from ccoctl.aws.dry_run import DryFile
from ccoctl.aws.export_cli import cli_script, unpacked
from ccoctl.aws.export_whole import whole
from ccoctl.aws.plans import all_of_it
from ccoctl.aws.resources import Account
from tests.aws.builders import ACCOUNT, KEY, distribution, private_account, public_account, settings
from tests.aws.test_export_terraform import CASES, EMPTY, REQUESTS, every_case

Case = tuple[dict[str, Any], Account]


def text_of(case: Case, requests: Any = REQUESTS, of: Any = None) -> str:
    options, found = case
    of = of or settings(**options)
    everything = whole(of, requests, KEY, found)
    empty = all_of_it(everything.settings, requests, KEY, Account(id=ACCOUNT))
    return cli_script(everything, empty, all_of_it(of, requests, KEY, found).plan).main.text


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


@every_case
def test_bash_can_read_it(case: Case, tmp_path: Path) -> None:
    path = write(tmp_path / "apply.sh", text_of(case))

    assert subprocess.run(["bash", "-n", path], capture_output=True, check=False).stderr == b""


@every_case
def test_shellcheck_has_nothing_to_say(case: Case, tmp_path: Path) -> None:
    tool = shutil.which("shellcheck")
    if tool is None:
        pytest.skip("shellcheck is not installed: the script is not linted")
    path = write(tmp_path / "apply.sh", text_of(case))

    assert subprocess.run([tool, path], capture_output=True, text=True, check=False).stdout == ""


@every_case
def test_it_holds_no_private_key_and_names_its_account(case: Case) -> None:
    text = text_of(case)

    assert "PRIVATE KEY" not in text
    assert f'[ "$answer" = {ACCOUNT} ] || fail' in text


def test_nothing_is_mended_where_everything_is_as_wanted() -> None:
    assert "mend-" not in text_of(({}, public_account()), REQUESTS[:1])
    assert "mend-" not in text_of(CASES["public"])


def test_what_has_drifted_is_mended_by_steps_of_their_own() -> None:
    account = public_account()
    role = next(iter(account.roles.values()))
    roles = {role.name: replace(role, description="another", tags={**role.tags, "Name": "x"})}

    text = text_of(({}, replace(account, roles=roles)), REQUESTS[:1])

    assert re.findall(r"^send - iam ([a-z-]+)$", text, re.MULTILINE)[-2:] == ["update-role", "tag-role"]


def test_a_distribution_is_changed_only_while_it_is_the_one_that_was_looked_at() -> None:
    account = private_account()
    disabled = replace(distribution(settings(private=True)), enabled=False)

    text = text_of(({"private": True}, replace(account, distribution=disabled)), REQUESTS[:1])

    assert 'ask - cloudfront get-distribution --id D1 --query ETag\nif [ "$answer" = ED1 ]; then' in text
    assert "await 1800" in text.split("update-distribution")[-1]


def test_what_a_user_gives_is_never_code(tmp_path: Path) -> None:
    """Such tags are refused long before; the script does not depend on it."""
    evil = "x'; touch EVIL; $(touch EVIL) `touch EVIL`\nCCOCTL_END_OF_FILE\ntouch EVIL\n\""
    text = text_of(({}, EMPTY), of=settings(tags={"team": evil}))
    (tmp_path / "tools").mkdir()
    write(tmp_path / "tools" / "aws", f"#!/bin/sh\necho {ACCOUNT}\n")

    path = write(tmp_path / "apply.sh", text)
    subprocess.run(
        [path], cwd=tmp_path, env={"PATH": f"{tmp_path}/tools:/usr/bin:/bin"}, capture_output=True, check=False
    )

    assert json.dumps(evil)[1:-1] in text
    assert not list(tmp_path.rglob("EVIL"))


@hypothesis(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=60), st.booleans())
def test_files_come_out_as_they_went_in(tmp_path: Path, text: str, ends: bool) -> None:
    file = DryFile(path=PurePosixPath("a b.json"), text=f"{text}\n" if ends else text, step="")

    subprocess.run(["bash", "-c", f'here="$1"\n{unpacked(file)}', "bash", tmp_path], check=True)

    assert (tmp_path / "a b.json").read_text() == file.text
