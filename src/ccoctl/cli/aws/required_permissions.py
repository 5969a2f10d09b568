"""`ccoctl aws required-permissions`."""

from __future__ import annotations

from typing import Any

import click

from ccoctl.cli import options, output
from ccoctl.cli.command import Command


@click.command(cls=Command, name="required-permissions")
@options.private
@options.origin_access
@click.option("--name", default="", help="Cover only what has this name, wherever IAM can tell.  [default: everything]")
@click.option("--region", default="us-east-1", show_default=True, help="Region, for the ARNs of its partition.")
@options.result
def command(**given: Any) -> int:
    """Print the IAM policy that you need to run these commands.

    Without the statement "Needed" they do not work. What "SeeAndMendMore" allows is done without where it is missing,
    and said. The policy is JSON in either form of output.
    """
    from ccoctl.cli.debugging import set_up_logging

    set_up_logging(given["debug"])
    _print(given["create_private_s3_bucket"], given["origin_access"], given["name"], given["region"])
    return 0


def _print(private: bool, access: str | None, name: str, region: str) -> None:
    from ccoctl.aws.required import policy_document, required
    from ccoctl.aws.resources import OriginAccess
    from ccoctl.workflows.aws_required import settings_for

    settings = settings_for(name or "any", region, private=private, access=OriginAccess(access) if access else None)
    output.result_json(policy_document(settings, required(settings), scoped=bool(name)))
