"""The work of a command grows with the number of requests, not with its square: calls are counted, not seconds."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath
from types import FrameType
from typing import Any

import pytest
from msgspec.structs import replace

from ccoctl.aws.deletion import deletion
from ccoctl.aws.dry_run import dry_run_files, file_names
from ccoctl.aws.export_cli import cli_script
from ccoctl.aws.export_cloudformation import template
from ccoctl.aws.export_terraform import terraform
from ccoctl.aws.export_whole import whole
from ccoctl.aws.plans import all_of_it
from ccoctl.aws.resources import Account
from ccoctl.aws.script import script
from ccoctl.credentialsrequest.load import load
from ccoctl.credentialsrequest.model import CredentialsRequest
from ccoctl.credentialsrequest.select import select
from ccoctl.engine.graph import graph
from ccoctl.render.show import plan_json, plan_text
from tests.aws.builders import ACCOUNT, KEY, public_account, request, role, settings
from tests.workflows.commands import write_requests

pytestmark = pytest.mark.harness

FEW, MANY = 30, 60
EMPTY = Account(id=ACCOUNT)

Task = Callable[[int, Path], object]


def requests(number: int) -> tuple[CredentialsRequest, ...]:
    return tuple(request(f"namespace-{one}", "cloud-credentials") for one in range(number))


def account(number: int) -> Account:
    """An account in which all of it is as wanted."""
    wanted = settings()
    roles = [role(wanted, of, host=wanted.bucket_host) for of in requests(number)]
    return replace(public_account(wanted), roles={one.name: one for one in roles})


def loading(number: int, directory: Path) -> object:
    return select(load(directory / str(number)), enable_tech_preview=False)


def drawing(number: int, _: Path) -> object:
    return graph(all_of_it(settings(), requests(number), KEY, EMPTY).plan.steps)


def comparing(number: int, _: Path) -> object:
    plan = all_of_it(settings(), requests(number), KEY, account(number)).plan
    assert {str(PurePosixPath(step.id).parts[0]) for step in plan.steps} == {"file"}
    return plan_text(plan), plan_json(plan)


def dry_run(number: int, _: Path) -> object:
    drawn = all_of_it(settings(), requests(number), KEY, Account())
    names = file_names("demo", drawn.roles, private=False)
    return dry_run_files(drawn.plan, names), script(drawn.plan, names, settings(), provider_arn=drawn.provider_arn)


def exporting(number: int, _: Path) -> object:
    everything = whole(settings(), requests(number), KEY, account(number))
    empty, now = (all_of_it(settings(), requests(number), KEY, found) for found in (EMPTY, account(number)))
    return template(everything), terraform(everything), cli_script(everything, empty, now.plan)


def deleting(number: int, _: Path) -> object:
    return deletion("demo", "demo-oidc", account(number))


TASKS: list[Task] = [loading, drawing, comparing, dry_run, exporting, deleting]
every_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Requests in directories of their number."""
    made = tmp_path_factory.mktemp("requests")
    for number in (FEW, MANY):
        write_requests(made / str(number), *(f"namespace-{one}/cloud-credentials" for one in range(number)))
    return made


def calls(task: Callable[[], object]) -> int:
    """How many calls of functions a task makes, those in C counted in."""
    made = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal made
        made += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        task()
    finally:
        sys.setprofile(None)
    return made


@every_task
def test_twice_the_requests_are_twice_the_work(task: Task, directory: Path) -> None:
    task(FEW, directory)  # what is kept from the first time on
    few, many = (calls(partial(task, number, directory)) for number in (FEW, MANY))

    assert many < 2.1 * few


@every_task
def test_twice_the_requests_are_twice_the_memory(task: Task, directory: Path) -> None:
    task(FEW, directory)
    few, many = (peak(partial(task, number, directory)) for number in (FEW, MANY))

    assert many < 2.1 * few


def peak(task: Callable[[], object]) -> int:
    """The most bytes that a task had at a time."""
    gc.collect()
    tracemalloc.start()
    try:
        task()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
