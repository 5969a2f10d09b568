"""What the commands for a running cluster have in common: their options, and looking at the cluster."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ccoctl.cli import options

if TYPE_CHECKING:
    from ccoctl.openshift.cluster import KubeCluster
    from ccoctl.openshift.seen import ClusterSeen
    from ccoctl.workflows.aws_order import Checked

_FILE = click.Path(path_type=Path)

kubeconfig = click.option(
    "--kubeconfig",
    type=_FILE,
    required=True,
    help="The way to the cluster, and the credentials for it.",
)
context = click.option("--context", default="", help="Context of the kubeconfig.  [default: its current one]")
name = click.option(
    "--name", default="", help="Name of the set-up.  [default: found in the cluster's issuer, or its Secrets' roles]"
)
region = click.option(
    "--region", default="", help="AWS region of the bucket.  [default: found in the issuer, or the cluster's own]"
)
set_up = options.together(
    kubeconfig,
    context,
    name,
    region,
    options.shared_issuer,
    options.issuer_url,
    options.origin_access,
    options.role_options,
    options.tags,
)
"""Which cluster, and what else its set-up is described by."""


@contextmanager
def cluster_of(given: dict[str, Any]) -> Iterator[KubeCluster]:
    """The cluster of a command's options."""
    from ccoctl.openshift.cluster import KubeCluster

    with closing(KubeCluster(given["kubeconfig"], context=given["context"])) as cluster:
        yield cluster


def looked_at(cluster: KubeCluster, given: dict[str, Any]) -> ClusterSeen:
    """The cluster as it is."""
    from ccoctl.cli.progress import looking
    from ccoctl.openshift.observe import observe

    with looking(sys.stderr) as tell:
        return observe(cluster, concurrency=given["concurrency"], tell=tell)


def ordered(seen: ClusterSeen, given: dict[str, Any], *, strict: bool) -> Checked:
    """What the cluster orders; its name and region are filled in, for the connection to AWS, too."""
    from ccoctl.cli.aws.creating import order
    from ccoctl.workflows.aws_order import Part
    from ccoctl.workflows.cluster_order import checked_of

    checked = checked_of(order(Part.ALL, given), seen, strict=strict)
    given["region"] = checked.settings.region
    return checked
