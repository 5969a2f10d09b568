"""What `ccoctl aws migrate-to-private-bucket` and `migrate-to-public-bucket` have in common."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ccoctl.cli import options, output
from ccoctl.errors import UsageError

if TYPE_CHECKING:
    from ccoctl.aws.migration import Side
    from ccoctl.engine.plan import Result
    from ccoctl.workflows.aws_migrate import At, Checked, Looked, Prepared

DIFFERENCES = 3
"""Exit code of --plan-only when something would change."""

common = options.together(
    options.name,
    options.region,
    options.credentials_requests_dir,
    options.output_dir,
    options.enable_tech_preview,
    click.option(
        "--kubeconfig",
        type=click.Path(path_type=Path),
        help="The running cluster: it is switched over its API, and its tokens are looked at.",
    ),
    click.option("--status", is_flag=True, help="Say where the migration stands and what is safe now; change nothing."),
    click.option("--finish", is_flag=True, help="Take the old issuer away, once no token of it can be alive."),
    click.option("--rollback", is_flag=True, help="Go back; possible at any point, and again in the same steps."),
    click.option(
        "--unused-since",
        default="",
        metavar="TIME",
        help="For --finish where no cluster is at hand: since when no API server signs for the old issuer, as "
        "2026-11-24T10:00:00Z; or never-used.",
    ),
    click.option("--plan-only", is_flag=True, help="Show what would be done next, and do nothing."),
    options.allow_unprotected_key,
    options.yes,
    options.connection,
    options.result,
)


def migrate(to: Side, given: dict[str, Any]) -> int:
    """One run of a migration: look, show, ask, act, and say where it stands then."""
    from ccoctl.cli.debugging import set_up_logging
    from ccoctl.workflows.aws_migrate import prepare

    set_up_logging(given["debug"])
    if given["status"] and (given["finish"] or given["plan_only"]):
        raise UsageError("--status only looks: leave out --finish and --plan-only")
    checked = _checked(to, given)
    with _reaching(checked, given) as at:
        looked = _looked(checked, at, given)
        if given["status"]:
            return _told(looked, None, given)
        prepared = prepare(looked)
        if given["plan_only"]:
            return _shown(prepared, given)
        if not _agreed(prepared, given):
            return 1
        result = _carried_out(prepared, at, given)
        return _told(_at_the_end(prepared, at, given), result, given)


def _checked(to: Side, given: dict[str, Any]) -> Checked:
    from ccoctl.cli.aws.creating import order
    from ccoctl.workflows.aws_migrate import Order, check
    from ccoctl.workflows.aws_order import Part

    return check(
        Order(
            base=order(Part.ALL, given),
            to=to,
            rollback=given["rollback"],
            finish=given["finish"],
            unused_since=given["unused_since"],
        )
    )


@contextmanager
def _reaching(checked: Checked, given: dict[str, Any]) -> Iterator[At]:
    from ccoctl.aws.client import AwsCloud
    from ccoctl.cli.aws.creating import connection
    from ccoctl.federation.https import Again, HttpsGet
    from ccoctl.workflows.aws_migrate import reaching

    aws, get = AwsCloud(connection(given)), Again(HttpsGet(ca_bundle=given["ca_bundle"]))
    with reaching(checked, aws, get, given["kubeconfig"]) as at:
        yield at


def _looked(checked: Checked, at: At, given: dict[str, Any]) -> Looked:
    from ccoctl.cli.progress import looking
    from ccoctl.workflows.aws_migrate import look

    with looking(sys.stderr) as tell:
        return look(checked, at, concurrency=given["concurrency"], tell=tell)


def _at_the_end(prepared: Prepared, at: At, given: dict[str, Any]) -> Looked:
    from ccoctl.cli.progress import looking
    from ccoctl.workflows.aws_migrate_end import look_at_the_end

    with looking(sys.stderr) as tell:
        return look_at_the_end(prepared, at, concurrency=given["concurrency"], tell=tell)


def _shown(prepared: Prepared, given: dict[str, Any]) -> int:
    from msgspec.structs import replace

    from ccoctl.render.show import plan_json, plan_text

    plan = prepared.plan
    if given["output"] == "json":
        output.result_json({"stage": prepared.stage.value, **plan_json(plan)})
    else:  # proofs of what is there already are nothing that is to be done
        output.result(plan_text(replace(plan, steps=()) if plan.changes_nothing else plan))
    return 0 if prepared.plan.changes_nothing else DIFFERENCES


def _agreed(prepared: Prepared, given: dict[str, Any]) -> bool:
    """Shown before it acts; asked where there is somebody to ask."""
    from ccoctl.render.show import plan_text

    if prepared.plan.changes_nothing:
        return True
    click.echo(output.printable(plan_text(prepared.plan)), err=True)
    if given["yes"] or not output.can_ask() or output.confirmed("Do all of this?"):
        return True
    output.note("nothing was changed")
    return False


def _carried_out(prepared: Prepared, at: At, given: dict[str, Any]) -> Result:
    from ccoctl.cli.progress import progress
    from ccoctl.cli.stopping import stoppable
    from ccoctl.render.report import failure
    from ccoctl.workflows.aws_migrate import carry_out

    with stoppable() as attempts, progress(sys.stderr) as listener:
        result = carry_out(prepared, at, concurrency=given["concurrency"], listener=listener, attempts=attempts)
    for answer in result.answers.values():
        if "Skipped" in answer:
            output.note(str(answer["Skipped"]))
    for sentence in prepared.plan.notes:
        output.note(sentence)
    if not result.ok:
        raise failure(result)
    return result


def _told(looked: Looked, result: Result | None, given: dict[str, Any]) -> int:
    from ccoctl.cli.aws.migrate_words import standing_json, standing_text
    from ccoctl.render.report import outcomes_json

    if given["output"] == "json":
        actions = {} if result is None else {"actions": outcomes_json(result)}
        output.result_json({**standing_json(looked), **actions})
    else:
        output.result(standing_text(looked))
    return 0
