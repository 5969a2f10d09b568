"""`ccoctl cluster verify`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ccoctl.cli import options, output
from ccoctl.cli.cluster import shared
from ccoctl.cli.command import Command

if TYPE_CHECKING:
    from ccoctl.openshift.cluster import KubeCluster


@click.command(cls=Command, name="verify")
@shared.set_up
@options.output_dir
@click.option(
    "--wait",
    type=click.FloatRange(0, 300),
    default=15.0,
    show_default=True,
    help="Seconds to wait for IAM to know what was made a moment ago.",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path),
    help="Write a report into this file: one page that needs no other file.",
)
@options.connection
@options.result
def command(**given: Any) -> int:
    """Prove that a running cluster has nothing but short-lived credentials, and that each component gets its own.

    Looks at the cluster (manual mode, no root credentials, every Secret, issuer and keys), at the account and at the
    issuer's documents; then exchanges a token of every service account at STS for its own role, which must work, and
    for the others', which must not. Nothing is changed. What may not be looked at is said, with the right that is
    missing. Exits with 3 when something is not as it must be, or could not be told.
    """
    from ccoctl.cli.debugging import set_up_logging

    set_up_logging(given["debug"])
    with shared.cluster_of(given) as cluster:
        return _verify(cluster, given)


def _verify(cluster: KubeCluster, given: dict[str, Any]) -> int:
    from ccoctl.aws.client import AwsCloud
    from ccoctl.cli.aws.creating import connection
    from ccoctl.cli.aws.verify import told
    from ccoctl.cli.progress import counting, looking
    from ccoctl.federation.clock import WallClock
    from ccoctl.federation.https import Again, HttpsGet
    from ccoctl.workflows.cluster_verify import exchange, look, proof

    seen = shared.looked_at(cluster, given)
    checked = shared.ordered(seen, given, strict=False)
    cloud = AwsCloud(connection(given))
    get = Again(HttpsGet(ca_bundle=given["ca_bundle"]))
    many = given["concurrency"]
    with looking(sys.stderr) as tell:
        found = look(checked, seen, cluster, cloud, get, concurrency=many, tell=tell)
    for sentence in found.looked.notes:
        output.note(sentence)
    with counting(sys.stderr, "exchanges", len(found.trials)) as done:
        tried = exchange(found, cloud, patience=given["wait"], concurrency=many, done=lambda _: done())
    return told(proof(found, tried, clock=WallClock().now), given)
