"""`ccoctl aws delete`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from ccoctl.cli import options, output
from ccoctl.cli.command import Command

if TYPE_CHECKING:
    from ccoctl.aws.client import AwsCloud
    from ccoctl.aws.deletion import Deletion
    from ccoctl.aws.desired import Settings


@click.command(cls=Command, name="delete")
@options.name
@options.region
@click.option(
    "--shared-issuer", default="", metavar="NAME", help="The issuer that it shares with others, who are left alone."
)
@click.option(
    "--issuer-url",
    default="",
    metavar="URL",
    help="The issuer that is served by you, where no role is left to name it.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@options.yes
@options.connection
@options.result
def command(**given: Any) -> int:
    """Delete everything that was made under a name.

    Only what carries our tag, key and value, is deleted: roles first, then the provider, then documents, bucket,
    distribution and its identity. On a terminal it asks first. What is gone already is no error; what is left is listed
    with the reason, and the exit code is 1.
    """
    from ccoctl.aws.client import AwsCloud
    from ccoctl.cli.aws.creating import connection
    from ccoctl.cli.debugging import set_up_logging
    from ccoctl.cli.progress import looking
    from ccoctl.render.show import plan_text
    from ccoctl.workflows.aws_delete import check, prepare

    set_up_logging(given["debug"])
    cloud = AwsCloud(connection(given))
    settings = check(given["name"], given["region"], shared=given["shared_issuer"], issuer_url=given["issuer_url"])
    with looking(sys.stderr) as tell:
        prepared = prepare(settings, cloud, concurrency=given["concurrency"], tell=tell)
    for role, when in prepared.used:
        output.note(f"role {role} was last used {when}")
    if given["dry_run"]:
        return _show(prepared, as_json=given["output"] == "json")
    if prepared.plan.steps and not given["yes"] and output.can_ask():
        click.echo(output.printable(plan_text(prepared.plan)), err=True)
        if not output.confirmed(f"Delete all of this under the name {given['name']}?"):
            output.note("nothing was deleted")
            return 1
    return _delete(prepared, cloud, settings, given)


def _show(prepared: Deletion, *, as_json: bool) -> int:
    from ccoctl.cli.aws.results import left_text
    from ccoctl.render.show import plan_json, plan_text

    if as_json:
        left = [{"where": problem.where, "what": problem.what} for problem in prepared.left]
        output.result_json({**plan_json(prepared.plan), "left": left})
        return 0
    output.result(plan_text(prepared.plan) if prepared.plan.steps else "There is nothing to delete.")
    if prepared.left:
        output.result(left_text(prepared.left))
    return 0


def _delete(prepared: Deletion, cloud: AwsCloud, settings: Settings, given: dict[str, Any]) -> int:
    from ccoctl.cli.aws.results import left_text
    from ccoctl.cli.progress import progress
    from ccoctl.cli.stopping import stoppable
    from ccoctl.render.report import failure, outcomes_json
    from ccoctl.workflows.aws_delete import carry_out

    with stoppable() as attempts, progress(sys.stderr) as listener:
        done = carry_out(
            prepared, cloud, settings, concurrency=given["concurrency"], listener=listener, attempts=attempts
        )
    for sentence in prepared.plan.notes:
        output.note(sentence)
    if given["output"] == "json":
        left = [{"where": problem.where, "what": problem.what} for problem in done.left]
        output.result_json({"actions": outcomes_json(done.result), "left": left})
    elif not done.left:
        count = len(done.result.outcomes)
        output.result(f"Nothing of {given['name']} is left." if count else f"There was nothing of {given['name']}.")
    if done.left:
        click.echo(output.printable(left_text(done.left)), err=True)
    if not done.result.ok:
        raise failure(done.result)
    return 1 if done.left else 0
