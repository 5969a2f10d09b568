"""`ccoctl aws plan`."""

from __future__ import annotations

import sys
from typing import Any

import click

from ccoctl.cli import options, output
from ccoctl.cli.command import Command

DIFFERENCES = 3
"""Exit code when something would change."""


@click.command(cls=Command, name="plan")
@options.set_up
@options.flavor
@options.connection
@options.result
def command(**given: Any) -> int:
    """Show what create-all would change, and change nothing.

    Exits with 0 when nothing would change and with 3 when something would. The files are part of it when --output-dir
    is given.
    """
    from ccoctl.aws.client import AwsCloud
    from ccoctl.cli.aws.creating import connection, order
    from ccoctl.cli.debugging import set_up_logging
    from ccoctl.cli.progress import looking
    from ccoctl.render.show import plan_json, plan_text
    from ccoctl.workflows.aws_create import exposure, prepare
    from ccoctl.workflows.aws_order import Part, check

    set_up_logging(given["debug"])
    checked = check(order(Part.ALL, given))
    with looking(sys.stderr) as tell:
        prepared = prepare(
            checked,
            AwsCloud(connection(given)),
            concurrency=given["concurrency"],
            tell=tell,
            make_key=False,
            compare_files=given["output_dir"] is not None,
        )
    plan = prepared.drawn.plan
    notes = (*checked.notes, *exposure(checked), *prepared.keys.notes)
    for sentence in notes:
        output.note(sentence)
    if given["output"] == "json":
        output.result_json({**plan_json(plan), "notes": [*checked.order.said, *notes, *plan.notes]})
    else:
        output.result(plan_text(plan))
    return 0 if plan.changes_nothing else DIFFERENCES
