"""`ccoctl lab run`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click

from ccoctl.cli.command import Command
from ccoctl.cli.lab.serving import regions, serving, weather


@click.command(cls=Command, name="run")
@click.argument("command_line", metavar="-- COMMAND [ARG]...", nargs=-1, required=True, type=click.UNPROCESSED)
@weather
def command(**given: Any) -> int:
    """Run a command inside a fresh lab.

    An AWS is served on this machine for as long as the command runs; the command's variables lead to it, and none of
    the caller's AWS credentials reach it. Its exit code is ccoctl's; 127 when there is no such command.
    """
    from ccoctl.cli.child import InOurPlace

    with InOurPlace() as place, serving(given) as aws:
        return place.run(given["command_line"], {**_own(os.environ), **aws.environment()})


def _own(callers: Mapping[str, str]) -> dict[str, str]:
    """The caller's variables without those that lead to the caller's AWS."""
    kept = {name: value for name, value in callers.items() if not name.startswith("AWS_")}
    files = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    return {**regions(callers), **kept, **files}
