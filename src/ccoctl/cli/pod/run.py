"""`ccoctl pod run`."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

import click

from ccoctl.cli import options, output
from ccoctl.cli.command import Command

if TYPE_CHECKING:
    from ccoctl.federation.keeper import Failed, Refreshed
    from ccoctl.workflows.pod_run import PodOrder

_PATH = click.Path(path_type=Path)


@click.command(cls=Command, name="run")
@click.argument("service_account", metavar="NAMESPACE/NAME")
@click.argument("command_line", metavar="-- COMMAND [ARG]...", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--manifests-dir", type=_PATH, required=True, help="Directory of the manifests that ccoctl wrote.")
@click.option(
    "--private-key-file",
    type=_PATH,
    default=None,
    help="The cluster's signing key.  [default: serviceaccount-signer.private beside the manifests directory]",
)
@click.option("--secret", default=None, help="Name of the component's Secret.  [default: the namespace's only one]")
@click.option(
    "--credentials-requests-dir",
    type=_PATH,
    default=None,
    help="Directory of CredentialsRequests; they say which Secret is the service account's.",
)
@click.option("--region", default=None, help="AWS region.  [default: that of the issuer's bucket, or the caller's]")
@options.audience
@options.expiration_seconds
@options.allow_unprotected_key
@options.debug
def command(**given: Any) -> int:
    """Run a command as a component of the cluster would run.

    The command has the AWS profile of the component's Secret, a token of its service account, which is refreshed behind
    it as a kubelet does, and an empty home directory. Nothing else of the caller's AWS credentials reaches it;
    endpoints, proxies and certificate authorities do. Its exit code is ccoctl's; 127 when there is no such command.
    """
    from ccoctl.cli.child import InOurPlace
    from ccoctl.cli.debugging import set_up_logging
    from ccoctl.federation.clock import WallClock
    from ccoctl.workflows.pod_run import component, pod

    set_up_logging(given["debug"])
    with InOurPlace() as place:
        found = component(_order(given), os.environ)
        with pod(found, os.environ, clock=WallClock(), report=_tell) as running:
            return place.run(given["command_line"], running.environment)


def _order(given: dict[str, Any]) -> PodOrder:
    from ccoctl.workflows.pod_run import PodOrder

    return PodOrder(
        service_account=given["service_account"],
        manifests_dir=given["manifests_dir"],
        private_key_file=given["private_key_file"],
        secret=given["secret"],
        requests_dir=given["credentials_requests_dir"],
        region=given["region"],
        audiences=given["audiences"],
        lifetime=given["expiration_seconds"],
    )


def _tell(event: Refreshed | Failed) -> None:
    from ccoctl.federation.clock import iso
    from ccoctl.federation.keeper import Failed, Refreshed

    match event:
        case Refreshed(term=term):
            logging.getLogger("ccoctl").debug("a new token, good until %s", iso(term.expires))
        case Failed(error=error, expired=expired, again_in=pause):
            still = "the old one has expired" if expired else "the old one still serves"
            with contextlib.suppress(OSError, ValueError):  # who closes stderr does not want to know
                output.note(f"the token could not be refreshed: {error}; {still}; again in {pause:.0f} s")
        case _:
            assert_never(event)
