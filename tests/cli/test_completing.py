"""Completion from the data made ahead is click's, and what the data cannot explain is left to click."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest
from click.shell_completion import get_completion_class

from ccoctl.cli import ahead, completing
from ccoctl.cli.completion import SHELLS
from ccoctl.cli.reference import context_of
from ccoctl.cli.root import root
from ccoctl.cli.table import COMMANDS


def environment(shell: str, words: list[str]) -> dict[str, str]:
    """The variables of a shell in which the last word is being completed."""
    number = words[-1] if shell == "fish" else str(len(words))
    return {"COMP_WORDS": " ".join(["ccoctl", *words]), "COMP_CWORD": number}


def ours(shell: str, *words: str) -> str | None:
    told = completing.answer(f"{shell}_complete", environment(shell, list(words)))
    return None if told is None else told.decode()


def clicks(monkeypatch: pytest.MonkeyPatch, shell: str, *words: str) -> str:
    for name, value in environment(shell, list(words)).items():
        monkeypatch.setenv(name, value)
    complete = get_completion_class(shell)
    assert complete is not None
    return f"{complete(root, {}, 'ccoctl', completing.VARIABLE).complete()}\n"


def situations(path: tuple[str, ...]) -> Iterator[list[str]]:
    """What may be typed behind a command's name."""
    options = [name for option in context_of(path).command.params for name in option.opts if name.startswith("-")]
    yield from ([*path, word] for word in ("", "-", "--", "--c", "c", "x", "--nothing", "file/", *options))
    yield from ([*path, option, word] for option, word in zip(options, cycle(("", "o", "-", "a/")), strict=False))


@pytest.mark.parametrize("path", ahead.PATHS, ids=lambda path: " ".join(path) or "ccoctl")
def test_commands_flags_and_values_are_completed_as_click_does(
    path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in situations(path):
        told = ours("zsh", *words)
        is_flag_before_a_command = path not in COMMANDS and len(words) > len(path) + 1
        assert told == clicks(monkeypatch, "zsh", *words) or (told is None and is_flag_before_a_command), words


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "last", [["create"], ["delete", "--p"], ["plan", "--output", ""], ["plan", "--output-dir", "a/"]]
)
def test_each_shell_is_told_in_its_form(shell: str, last: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert ours(shell, "aws", *last) == clicks(monkeypatch, shell, "aws", *last)


VOCABULARY = (
    *(
        "aws",
        "create-all",
        "delete",
        "pod",
        "run",
        "token",
        "create",
        "help",
        "completion",
        "bash",
        "x",
        "a/b",
        "-a",
        "-h",
    ),
    *(
        "--name",
        "--region",
        "--output",
        "--output=json",
        "--dry-run",
        "--dry-run=true",
        "--dry-run=",
        "--tags",
        "--tags=a=b",
    ),
    *("--audience", "--flavor", "oai", "--", "-", "--nothing", "=", "--registry-config", "-ax", "--origin-access=o"),
)


def test_lines_of_any_words_are_completed_as_click_does(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(5)
    answered = 0
    for _ in range(500):
        path = chance.choice(ahead.PATHS)
        words = [*path, *chance.choices(VOCABULARY, k=chance.randint(0, 4)), chance.choice([*VOCABULARY, "", "--"])]
        shell = chance.choice(["zsh", "fish"])
        told = ours(shell, *words)
        assert told is None or told == clicks(monkeypatch, shell, *words), (shell, words)
        answered += told is not None

    assert answered > 150


def test_a_value_behind_an_equals_sign_which_bash_takes_for_a_word_is_completed() -> None:
    assert ours("bash", "aws", "plan", "--output", "=") == "plain,text\nplain,json\n"
    assert ours("bash", "aws", "plan", "--output", "=", "j") == "plain,json\n"
    assert ours("bash", "aws", "plan", "--output", "=", "json", "--out") == "plain,--output-dir\n"
    assert ours("bash", "aws", "plan", "--output", "=", "") == "\n"


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("bash", 'ccoctl aws "create'),
        ("zsh", "ccoctl aws\\ x"),
        ("fish", "ccoctl aws '"),
        ("bash", "ccoctl a\tb"),
        ("ksh", "ccoctl"),
    ],
)
def test_quotes_and_unknown_shells_are_left_to_click(shell: str, line: str) -> None:
    assert completing.answer(f"{shell}_complete", {"COMP_WORDS": line, "COMP_CWORD": "1"}) is None


@pytest.mark.parametrize(
    "line", ["ccoctl awz create", "ccoctl aws create-all --dry-run=perhaps --na", "ccoctl aws create-all -- --na"]
)
def test_a_line_that_is_wrong_already_ends_without_a_word(line: str) -> None:
    variables = {completing.VARIABLE: "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    done = subprocess.run(
        [sys.executable, "-m", "ccoctl"], env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed: the script cannot be loaded")
def test_bash_loads_the_script_and_completes() -> None:
    program = "source <(ccoctl completion bash); complete -p ccoctl; COMP_WORDS=(ccoctl aws create-k); COMP_CWORD=2; "
    program += '_ccoctl_completion ccoctl; echo "${COMPREPLY[@]}"'
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", program], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True
    )

    assert done.stdout == "complete -o nosort -F _ccoctl_completion ccoctl\ncreate-key-pair\n"
    assert done.stderr == ""
