"""`ccoctl aws upgrade prepare`."""

from __future__ import annotations

from typing import Any

import click

from ccoctl.cli import options
from ccoctl.cli.aws.upgrade import phases
from ccoctl.cli.command import Command


@click.command(cls=Command, name="prepare")
@phases.common
@click.option(
    "--target-version",
    default="",
    help="Version of the new release, 4.19 or 4.19.3: once all is there, the cluster is told that it may go on.",
)
@options.role_options
@options.tags
@phases.acting
@options.connection
@options.result
def command(**given: Any) -> int:
    """Add what a new release wants, so that the old one keeps working while the new one rolls out.

    Makes the roles that are new, adds to the others what the new release may do and who may do it, and writes the
    Secrets. Nothing is taken away: no statement, no service account, no role. With --kubeconfig the Secrets are put
    into the cluster; with --target-version it is told that it may be upgraded, when another look finds everything
    there.

    It is shown first, and a terminal is asked. With --plan-only nothing is changed, and the exit code is 3 when
    something would be. New roles have the boundary, path, tags and session length that all others have, unless an
    option says otherwise.
    """
    return phases.run("prepare", given)
