"""What became of a plan, as a person and as a script is told."""

from __future__ import annotations

import json

from ccoctl.engine.plan import Outcome, Result, State
from ccoctl.errors import CloudError, ErrorKind, FileError
from ccoctl.render.report import failure, outcomes_json
from tests.engine.simulated import step

DENIED = CloudError(
    "not allowed",
    kind=ErrorKind.DENIED,
    code="AccessDenied",
    operation="iam:CreateRole",
    actions=("iam:CreateRole",),
    where="role b",
    remedy="Allow iam:CreateRole.",
)
PARTLY = Result(
    outcomes=(
        Outcome(step=step("a"), state=State.DONE),
        Outcome(step=step("b"), state=State.FAILED, error=DENIED),
        Outcome(step=step("c", "b"), state=State.SKIPPED, because="b"),
        Outcome(step=step("d"), state=State.FAILED, error=FileError("the disk is full", where="d.yaml")),
    )
)
STOPPED = Result(
    outcomes=(Outcome(step=step("a"), state=State.DONE), Outcome(step=step("b", "a"), state=State.SKIPPED)),
    interrupted=True,
)


def test_root_causes_come_first_then_what_was_done_and_what_was_not_and_because_of_whom() -> None:
    error = failure(PARTLY)

    assert str(error).splitlines() == [
        "failed to make b: role b: not allowed",
        "  Allow iam:CreateRole.",
        "failed to make d: d.yaml: the disk is full",
        "1 of 4 steps were done",
        "  done: make a",
        "  not done: make c (because of: make b)",
        "  Mend the cause and run the command again: it does what is left.",
    ]
    assert error.exit_code == 1


def test_a_run_that_was_stopped_has_nothing_to_mend_and_an_exit_code_of_its_own() -> None:
    error = failure(STOPPED)

    assert str(error).splitlines() == [
        "the run was stopped",
        "1 of 2 steps were done",
        "  done: make a",
        "  not done: make b",
        "  Run the command again: it does what is left.",
    ]
    assert error.exit_code == 130


def test_a_script_gets_every_step_with_its_state() -> None:
    entries = outcomes_json(PARTLY)

    assert [(entry["id"], entry["state"], entry.get("because")) for entry in entries] == [
        ("a", "done", None),
        ("b", "failed", None),
        ("c", "skipped", "b"),
        ("d", "failed", None),
    ]
    assert entries[0] == {
        "id": "a",
        "resource": {"kind": "thing", "name": "a"},
        "action": "create",
        "state": "done",
    }
    json.dumps(entries)


def test_a_script_gets_the_parts_of_an_error() -> None:
    _, cloud, _, file = outcomes_json(PARTLY)

    assert cloud["error"] == {
        "what": "not allowed",
        "where": "role b",
        "remedy": "Allow iam:CreateRole.",
        "kind": "denied",
        "code": "AccessDenied",
        "operation": "iam:CreateRole",
        "missing_actions": ["iam:CreateRole"],
    }
    assert file["error"] == {"what": "the disk is full", "where": "d.yaml", "remedy": ""}


def test_a_bug_is_called_one_in_either() -> None:
    result = Result(outcomes=(Outcome(step=step("a"), state=State.FAILED, error=KeyError("x")),))
    told = "this is a bug of ccoctl, KeyError: 'x'"

    assert str(failure(result)).startswith(f"failed to make a: {told}\n")
    assert outcomes_json(result)[0]["error"] == {"what": told}
