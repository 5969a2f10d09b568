"""`ccoctl aws create-identity-provider`."""

from __future__ import annotations

from typing import Any

import click

from ccoctl.cli import options
from ccoctl.cli.command import Command


@click.command(cls=Command, name="create-identity-provider")
@options.name
@options.region
@options.output_dir
@options.public_key_file
@options.private
@options.origin_access
@options.shared_issuer
@options.issuer_url
@options.tags
@options.dry_run
@options.connection
@options.result
def command(**given: Any) -> int:
    """Publish the issuer's documents and register it with IAM.

    Makes the bucket with the discovery document and the JWKS, the distribution in front of it where it is private, and
    the IAM OIDC provider; writes the Authentication manifest.
    """
    from ccoctl.cli.aws.creating import create
    from ccoctl.workflows.aws_order import Part

    return create(Part.IDENTITY_PROVIDER, given)
