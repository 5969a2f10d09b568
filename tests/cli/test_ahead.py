"""The texts made ahead are what click would say; `python -m ccoctl.cli.ahead` makes them again."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccoctl.cli import ahead, completing, helping, root
from ccoctl.cli.main import run
from ccoctl.cli.table import COMMANDS, GROUPS


def test_the_help_is_what_click_prints() -> None:
    assert Path(helping.TEXT).read_text() == ahead.texts()


def test_the_data_for_completion_is_what_click_knows() -> None:
    assert Path(completing.DATA).read_text() == ahead.data()


HELP = [line for path in ahead.PATHS for line in ([*path, "--help"], [*path, "-h"], ["help", *path])]
ALONE = [[], *(list(group) for group in GROUPS)]


@pytest.mark.parametrize("line", [*HELP, *ALONE, ["--version"]], ids=" ".join)
def test_a_line_that_asks_for_help_is_answered_as_click_answers_it(
    line: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert helping.answer(line) is not None
    ended = run(line)
    ours = capsys.readouterr()

    assert (ended, *ours) == (root.run(line), *capsys.readouterr())


NOT_ASKED = [
    *(list(path) for path in COMMANDS if path != ("help",)),
    ["aws", "create-all", "--name", "--help"],
    ["aws", "-h", "create-all"],
    ["aws create-all", "--help"],
    ["aws", "", "--help"],
    ["aws\ncreate-all", "-h"],
    ["pod", "run", "--help", "--", "--help"],
    ["pod", "run", "a/b", "--", "aws", "--help"],
    ["help", "nothing"],
    ["nothing"],
    ["--version", "--help"],
    ["", "--help"],
]


@pytest.mark.parametrize("line", NOT_ASKED, ids=repr)
def test_any_other_line_is_left_to_click(line: list[str]) -> None:
    assert helping.answer(line) is None
