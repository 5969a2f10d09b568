"""The shell's manners: flags in every form, errors as sentences, exit codes, completion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.cli.command import Command
from ccoctl.cli.main import run
from ccoctl.cli.output import printable

TRUE = ["1", "t", "T", "TRUE", "true", "True"]
FALSE = ["0", "f", "F", "FALSE", "false", "False"]


@click.command(cls=Command)
@click.option("--dry-run", is_flag=True)
@click.option("--name", required=True)
@click.option("--region", required=True)
def sample(dry_run: bool, name: str, region: str) -> tuple[bool, str, str]:
    return dry_run, name, region


def call(*arguments: str) -> object:
    return sample.main(args=["--name", "n", "--region", "r", *arguments], standalone_mode=False)


@given(st.lists(st.sampled_from([*TRUE, *FALSE, None]), max_size=6))
def test_boolean_flags_take_every_form_and_the_last_one_wins(forms: list[str | None]) -> None:
    arguments = ["--dry-run" if form is None else f"--dry-run={form}" for form in forms]
    wanted = bool(forms) and (forms[-1] is None or forms[-1] in TRUE)

    assert call(*arguments) == (wanted, "n", "r")


def test_values_follow_an_equals_sign_or_a_space() -> None:
    assert sample.main(args=["--name=a=b", "--region", "--x"], standalone_mode=False) == (False, "a=b", "--x")


def test_a_boolean_that_is_none_is_refused() -> None:
    with pytest.raises(click.UsageError, match="it is true or false"):
        call("--dry-run=perhaps")


def test_all_missing_flags_are_named_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["aws", "create-all"]) == 2
    assert "--name, --region, --credentials-requests-dir" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["awz"], "Did you mean aws?"),
        (["aws", "create-al"], "Did you mean create-all?"),
        (["aws", "create-key-pair", "--ouput-dir", "x"], "--output-dir"),
        (["aws", "create-key-pair", "stray"], "stray"),
        (["help", "nothing"], "no command nothing"),
        (["--", "awz"], "Did you mean aws?"),
    ],
)
def test_wrong_command_lines_end_with_2(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""


def test_errors_are_json_where_results_are(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    options = ["--name", "Bad.Name", "--region", "nowhere", "--output", "json"]
    assert run(["aws", "delete", *options]) == 1
    told = capsys.readouterr()

    error = json.loads(told.err)["error"]
    assert told.out == ""
    assert error["exit_code"] == 1
    assert {problem["where"] for problem in error["problems"]} == {"--name", "--region"}


def test_what_comes_after_two_dashes_is_another_commands(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    command = ["pod", "run", "ns/sa", "--manifests-dir", str(tmp_path), "--", "aws", "--output", "json", "--debug"]

    assert run(command) == 1
    assert capsys.readouterr().err.startswith("ccoctl: ")


def test_a_group_alone_shows_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["aws"]) == 0
    assert "create-all" in capsys.readouterr().out


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", "aws", "delete"]) == 0
    assert run(["aws", "delete", "-h"]) == 0
    first, second = capsys.readouterr().out.split("Usage: ")[1:]
    assert first == second
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("ccoctl ")


@pytest.mark.parametrize("line", ["--help", "aws required-permissions"])
def test_output_that_has_no_room_is_said(line: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ccoctl", *line.split()], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )

    assert (done.returncode, done.stderr) == (1, "ccoctl: the output cannot be written: No space left on device\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    assert "_CCOCTL_COMPLETE" in capsys.readouterr().out


def test_commands_and_flags_are_completed() -> None:
    environment = {**os.environ, "_CCOCTL_COMPLETE": "bash_complete", "COMP_CWORD": "3"}
    environment["COMP_WORDS"] = "ccoctl aws create-all --create"
    done = subprocess.run([sys.executable, "-m", "ccoctl"], env=environment, capture_output=True, text=True, check=True)

    assert done.stdout == "plain,--create-private-s3-bucket\n"


def test_control_characters_never_reach_a_terminal() -> None:
    assert printable("a\x1b[31m\x07b\n\tc\u202e") == "a\\x1b[31m\\x07b\n\tc\\u202e"


@given(st.text())
def test_what_is_printed_is_printable(text: str) -> None:
    assert all(character in "\n\t" or character.isprintable() for character in printable(text))


def test_a_key_pair_is_made_and_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["aws", "create-key-pair", f"--output-dir={tmp_path / 'a'}", "--key-bits=2048", "--output=json"]
    assert run(arguments) == 0
    made = json.loads(capsys.readouterr().out)
    assert run(arguments) == 0
    used = json.loads(capsys.readouterr().out)

    assert [(Path(file["path"]).name, file["mode"], file["action"]) for file in made["files"]] == [
        ("serviceaccount-signer.private", "0600", "created"),
        ("serviceaccount-signer.public", "0644", "created"),
        ("bound-service-account-signing-key.key", "0600", "created"),
    ]
    assert {file["action"] for file in used["files"]} == {"re-used"}
    assert made["kid"] == used["kid"]
