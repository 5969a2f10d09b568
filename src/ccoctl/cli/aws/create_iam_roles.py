"""`ccoctl aws create-iam-roles`."""

from __future__ import annotations

from typing import Any

import click

from ccoctl.cli import options
from ccoctl.cli.command import Command


@click.command(cls=Command, name="create-iam-roles")
@options.name
@options.region_optional
@options.requests_source
@options.identity_provider_arn
@options.output_dir
@options.enable_tech_preview
@options.role_options
@options.tags
@options.dry_run
@options.connection
@options.result
def command(**given: Any) -> int:
    """Make an IAM role and a Secret for each CredentialsRequest.

    Each role trusts the service accounts of its request alone, and may do what the request asks for and nothing else.
    A role of ours that is there is brought to the wanted state; one that is not ours is refused.
    """
    from ccoctl.cli.aws.creating import create
    from ccoctl.workflows.aws_order import Part

    return create(Part.IAM_ROLES, given)
