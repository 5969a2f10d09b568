"""`ccoctl cluster repair`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from ccoctl.cli import options, output
from ccoctl.cli.cluster import shared
from ccoctl.cli.command import Command

if TYPE_CHECKING:
    from ccoctl.aws.client import AwsCloud
    from ccoctl.openshift.cluster import KubeCluster
    from ccoctl.workflows.cluster_repair import Repair

DIFFERENCES = 3
"""Exit code when something would change."""


@click.command(cls=Command, name="repair")
@shared.set_up
@click.option("--plan-only", is_flag=True, help="Show what would be done, and change nothing; exits with 3 then.")
@click.option(
    "--force-conflicts", is_flag=True, help="Take fields of Secrets over from whoever set them to something else."
)
@options.yes
@options.connection
@options.result
def command(**given: Any) -> int:
    """Build again what a running cluster needs of AWS, after a deletion or a restore.

    Issuer documents, OIDC provider and roles are made of the cluster's own keys and requests, and its Secrets are
    pointed at the roles. What is there as wanted is left alone, and no published key is dropped, nor is a retired
    one published again. The plan is shown first.
    """
    from ccoctl.cli.debugging import set_up_logging

    set_up_logging(given["debug"])
    with shared.cluster_of(given) as cluster:
        return _repair(cluster, given)


def _repair(cluster: KubeCluster, given: dict[str, Any]) -> int:
    from ccoctl.aws.client import AwsCloud
    from ccoctl.cli.aws.creating import connection
    from ccoctl.cli.progress import looking
    from ccoctl.workflows.cluster_repair import check_rights, prepare

    seen = shared.looked_at(cluster, given)
    checked = shared.ordered(seen, given, strict=True)
    cloud = AwsCloud(connection(given))
    many = given["concurrency"]
    with looking(sys.stderr) as tell:
        repair = prepare(checked, seen, cluster, cloud, force=given["force_conflicts"], concurrency=many, tell=tell)
    for sentence in repair.notes:
        output.note(sentence)
    if given["plan_only"]:
        return _shown(repair, given)
    check_rights(repair, cluster)
    if not _agreed(repair, given):
        output.note("nothing was changed")
        return 1
    return _carried_out(repair, cloud, cluster, given)


def _shown(repair: Repair, given: dict[str, Any]) -> int:
    from ccoctl.render.show import plan_json, plan_text

    if given["output"] == "json":
        output.result_json(plan_json(repair.plan))
    else:
        output.result(plan_text(repair.plan))
    return 0 if repair.plan.changes_nothing else DIFFERENCES


def _agreed(repair: Repair, given: dict[str, Any]) -> bool:
    """Show the plan before it is carried out, or what it says of itself; on a terminal a person is asked."""
    from ccoctl.render.show import plan_text

    if repair.plan.changes_nothing or given["yes"]:
        for sentence in repair.plan.notes:
            output.note(sentence)
        return True
    click.echo(output.printable(plan_text(repair.plan)), err=True)
    return not output.can_ask() or output.confirmed("Do this?")


def _carried_out(repair: Repair, cloud: AwsCloud, cluster: KubeCluster, given: dict[str, Any]) -> int:
    from ccoctl.cli.progress import progress
    from ccoctl.cli.stopping import stoppable
    from ccoctl.render.report import failure, outcomes_json
    from ccoctl.workflows.cluster_repair import carry_out
    from ccoctl.workflows.reach import Reach

    reach = Reach(cloud, cluster=cluster)
    with stoppable() as attempts, progress(sys.stderr) as listener:
        result = carry_out(repair, reach, concurrency=given["concurrency"], listener=listener, attempts=attempts)
    if given["output"] == "json":
        settings = repair.checked.settings
        output.result_json({"name": settings.name, "region": settings.region, "actions": outcomes_json(result)})
    if not result.ok:
        raise failure(result)
    if given["output"] != "json":
        changed = [step for step in repair.plan.steps if step.action.value not in {"read", "wait"}]
        told = f"{len(changed)} changes made." if changed else "Nothing had to be changed."
        output.result(f"{told}\nSee that all of it works with `ccoctl cluster verify`.")
    return 0
