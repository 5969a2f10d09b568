"""`ccoctl aws upgrade finish`."""

from __future__ import annotations

from typing import Any

import click

from ccoctl.cli import options
from ccoctl.cli.aws.upgrade import phases
from ccoctl.cli.command import Command


@click.command(cls=Command, name="finish")
@phases.common
@click.option(
    "--keep",
    multiple=True,
    help="A Secret, namespace/name, or a role that stays although the release does not ask for it; may be repeated.",
)
@phases.acting
@options.connection
@options.result
def command(**given: Any) -> int:
    """Remove what only the old release needed, once the new one has rolled out.

    Takes from the roles the permissions and service accounts that the new release does not ask for, and removes the
    roles and Secrets of requests that it dropped; only what carries our tag, and each with when it was last used.
    Refuses while the new release lacks anything: `prepare` comes first.

    Operators beside the release may have roles of the same name: with --kubeconfig those whose CredentialsRequest is in
    the cluster stay; without it, name them with --keep, or put their requests into the directory, too.
    """
    return phases.run("finish", given)
