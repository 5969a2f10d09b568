"""What both phases of an upgrade have in common: their options, showing the plan, asking, and the result."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ccoctl.cli import options, output

if TYPE_CHECKING:
    from ccoctl.engine.cloud import Cloud
    from ccoctl.openshift.cluster import KubeCluster
    from ccoctl.workflows.aws_upgrade import Ready, Upgraded

DIFFERENCES = 3
"""Exit code of --plan-only when something would change."""

common = options.together(
    options.name,
    options.region,
    options.requests_source,
    options.output_dir,
    options.enable_tech_preview,
    click.option(
        "--identity-provider-arn",
        default="",
        help="ARN of the IAM OIDC provider that roles trust.  [default: the one that those there trust]",
    ),
)
acting = options.together(
    click.option(
        "--kubeconfig",
        type=click.Path(path_type=Path),
        default=None,
        help="Also look at the cluster that this file leads to, and put its Secrets right.",
    ),
    click.option("--plan-only", is_flag=True, help="Show what would be done, and do nothing."),
    options.yes,
)


def run(name: str, given: dict[str, Any]) -> int:
    """Check, look, show, ask and carry out; the exit code."""
    from ccoctl.aws.client import AwsCloud
    from ccoctl.cli.aws.creating import connection, order
    from ccoctl.cli.debugging import set_up_logging
    from ccoctl.cli.progress import looking
    from ccoctl.workflows.aws_order import Part
    from ccoctl.workflows.aws_upgrade import Phase, check, look
    from ccoctl.workflows.reach import Reach

    set_up_logging(given["debug"])
    upgrade = check(
        Phase(name),
        order(Part.ALL, given),
        provider_arn=given["identity_provider_arn"],
        target_version=given.get("target_version", ""),
        keep=given.get("keep", ()),
        in_cluster=given["kubeconfig"] is not None,
    )
    with _cluster(given["kubeconfig"]) as cluster:
        reach = Reach(AwsCloud(connection(given)), cluster=cluster)
        with looking(sys.stderr) as tell:
            ready = look(upgrade, reach, concurrency=given["concurrency"], tell=tell)
        return _show(ready, given) if given["plan_only"] else _do(ready, reach, given)


def _cluster(kubeconfig: Path | None) -> AbstractContextManager[KubeCluster | None]:
    if kubeconfig is None:
        return nullcontext()
    from ccoctl.openshift.cluster import KubeCluster

    return closing(KubeCluster(kubeconfig))


def _show(ready: Ready, given: dict[str, Any]) -> int:
    from ccoctl.render.show import plan_json, plan_text

    as_json = given["output"] == "json"
    if as_json:
        output.result_json(plan_json(ready.plan))
    else:
        output.result(plan_text(ready.plan))
    return 0 if ready.plan.changes_nothing else DIFFERENCES


def _do(ready: Ready, reach: Cloud, given: dict[str, Any]) -> int:
    from ccoctl.cli.progress import progress
    from ccoctl.cli.stopping import stoppable
    from ccoctl.render.report import failure
    from ccoctl.render.show import plan_text
    from ccoctl.workflows.aws_upgrade import carry_out

    if not ready.plan.changes_nothing and not given["yes"] and output.can_ask():
        click.echo(output.printable(plan_text(ready.plan)), err=True)
        if not output.confirmed("Do all of this?"):
            output.note("nothing was changed")
            return 1
    with stoppable() as attempts, progress(sys.stderr) as listener:
        done = carry_out(ready, reach, concurrency=given["concurrency"], listener=listener, attempts=attempts)
    for sentence in ready.plan.notes:
        output.note(sentence)
    if given["output"] == "json":
        output.result_json(_json(done))
    elif done.result.ok:
        output.result(_text(done))
    if not done.result.ok:
        raise failure(done.result)
    return 0


def _json(done: Upgraded) -> dict[str, Any]:
    from ccoctl.render.report import outcomes_json

    return {
        "phase": done.ready.upgrade.phase.value,
        "roles": [
            {"secret": {"namespace": secret.namespace, "name": secret.name}, "arn": str(role.arn)}
            for secret, role in done.ready.drawn.roles.items()
        ],
        "actions": outcomes_json(done.result),
        "notes": list(done.ready.plan.notes),
    }


def _text(done: Upgraded) -> str:
    count = len(done.result.outcomes)
    made = "Nothing had to be changed" if not count else f"{count} change{'' if count == 1 else 's'} made"
    if done.ready.upgrade.phase.value == "finish":
        return f"{made}: the account holds what the release wants, and nothing else of its name."
    return (
        f"{made}: both releases have what they need. When the new one has rolled out, run `ccoctl aws upgrade finish`."
    )


__all__ = ["DIFFERENCES", "acting", "common", "run"]
