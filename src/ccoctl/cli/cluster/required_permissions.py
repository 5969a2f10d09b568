"""`ccoctl cluster required-permissions`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ccoctl.cli import options, output
from ccoctl.cli.command import Command

_COMMANDS = ("verify", "adopt", "repair", "upgrade", "rotate", "migrate")


@click.command(cls=Command, name="required-permissions")
@click.option(
    "--command",
    "commands",
    type=click.Choice(_COMMANDS),
    multiple=True,
    help="Which command it is for; may be repeated.  [default: all of them]",
)
@click.option(
    "--credentials-requests-dir",
    type=click.Path(path_type=Path),
    help="Cover only the Secrets and service accounts of these requests, each in its namespace.",
)
@click.option("--role-name", default="ccoctl", show_default=True, help="What the roles are called.")
@options.result
def command(**given: Any) -> int:
    """Print the roles of RBAC that you need on a cluster to run commands with --kubeconfig.

    They are YAML for `kubectl apply -f -`, made of the requests that the commands send. Without
    --credentials-requests-dir a ClusterRole covers the Secrets of every namespace.
    """
    from ccoctl.cli.debugging import set_up_logging

    set_up_logging(given["debug"])
    return _print(given)


def _print(given: dict[str, Any]) -> int:
    import yaml

    from ccoctl.workflows.cluster_permissions import roles_for

    roles = roles_for(given["commands"] or _COMMANDS, given["role_name"], given["credentials_requests_dir"])
    if given["credentials_requests_dir"] is None:
        output.note(
            "the ClusterRole covers every namespace; --credentials-requests-dir narrows it to those that matter"
        )
    if given["output"] == "json":
        output.result_json(list(roles))
    else:
        output.result(yaml.safe_dump_all(roles, sort_keys=False, explicit_start=True).rstrip("\n"))
    return 0
