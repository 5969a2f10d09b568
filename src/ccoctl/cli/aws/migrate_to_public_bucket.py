"""`ccoctl aws migrate-to-public-bucket`."""

from __future__ import annotations

from typing import Any

import click

from ccoctl.cli.aws.migrate import common
from ccoctl.cli.command import Command


@click.command(cls=Command, name="migrate-to-public-bucket")
@common
def command(**given: Any) -> int:
    """Serve a private set-up's issuer from its bucket, and delete its distribution.

    The way back from migrate-to-private-bucket, in the same phases: the public issuer is made beside the private one,
    the cluster is switched, and a day later --finish takes the private issuer away.
    """
    from ccoctl.aws.migration import Side
    from ccoctl.cli.aws.migrate import migrate

    return migrate(Side.PUBLIC, given)
