"""`ccoctl aws create-all`."""

from __future__ import annotations

from typing import Any

import click

from ccoctl.cli import options
from ccoctl.cli.command import Command


@click.command(cls=Command, name="create-all")
@options.set_up
@options.key_bits
@options.flavor
@options.dry_run
@options.connection
@options.result
def command(**given: Any) -> int:
    """Make key pair, identity provider and IAM roles.

    Running it again is safe: it repairs what has drifted and goes on where an earlier run ended. A set-up that is
    private stays private, and a key that is published stays published.
    """
    from ccoctl.cli.aws.creating import create
    from ccoctl.workflows.aws_order import Part

    return create(Part.ALL, given)
