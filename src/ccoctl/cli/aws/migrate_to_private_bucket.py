"""`ccoctl aws migrate-to-private-bucket`."""

from __future__ import annotations

from typing import Any

import click

from ccoctl.cli import options
from ccoctl.cli.aws.migrate import common
from ccoctl.cli.command import Command


@click.command(cls=Command, name="migrate-to-private-bucket")
@common
@options.origin_access
def command(**given: Any) -> int:
    """Serve a public set-up's issuer through CloudFront, and close its bucket.

    A first run makes the private issuer beside the public one: documents, provider, and every role trusting both. It
    switches the cluster where --kubeconfig names it, and else says how. A day later --finish takes the public issuer
    away. Each phase is verified before the next, no component is ever without credentials, and a run that was stopped
    goes on where it was.
    """
    from ccoctl.aws.migration import Side
    from ccoctl.cli.aws.migrate import migrate

    return migrate(Side.PRIVATE, given)
