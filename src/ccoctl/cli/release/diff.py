"""`ccoctl release diff`."""

from __future__ import annotations

from typing import Any

import click

from ccoctl.cli import options, output
from ccoctl.cli.command import Command

DIFFERENCES = 3
"""Exit code when any request differs."""


@click.command(cls=Command, name="diff")
@click.argument("before", metavar="FROM")
@click.argument("after", metavar="TO")
@options.enable_tech_preview
@options.registry_access
@click.option(
    "--output",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="Form of the result.",
)
@options.debug
def command(**given: Any) -> int:
    """Show what the CredentialsRequests of one release ask for that those of another do not.

    FROM and TO are directories of CredentialsRequests or release images: registry/repository:tag, oci:DIRECTORY,
    oci-archive:FILE. Requests are compared by the Secret that they ask for: which are new and which are gone, and for
    each the actions, resources, conditions and service accounts that it gains and loses. Exits with 0 when all ask for
    the same, and with 3 when any differs.
    """
    from functools import partial

    from ccoctl.cli.debugging import set_up_logging
    from ccoctl.cli.release_images import access
    from ccoctl.render.release_diff import diff_json, diff_markdown, diff_text
    from ccoctl.workflows.release_diff import release_diff
    from ccoctl.workflows.release_image import requests_of

    set_up_logging(given["debug"])
    requests = partial(requests_of, access=access(given), tell=output.note)
    tech_preview = given["enable_tech_preview"]
    compared = release_diff(given["before"], given["after"], requests, enable_tech_preview=tech_preview)
    match given["output"]:
        case "json":
            output.result_json(diff_json(compared))
        case "markdown":
            output.result(diff_markdown(compared))
        case _:
            output.result(diff_text(compared))
    return DIFFERENCES if compared.differs else 0
