"""`ccoctl aws export`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ccoctl.cli import options, output
from ccoctl.cli.command import Command

if TYPE_CHECKING:
    from ccoctl.workflows.aws_export import Exported


@click.command(cls=Command, name="export")
@options.set_up
@click.option(
    "--format",
    "form",
    type=click.Choice(["cli", "cloudformation", "terraform"]),
    required=True,
    help="What applies it: a script of the AWS CLI, a CloudFormation stack, or Terraform.",
)
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    default=None,
    help="File, or directory where there are several.  [default: stdout]",
)
@options.connection
@options.result
def command(**given: Any) -> int:
    """Write what create-all would make, for a pipeline to apply.

    The account is looked at and nothing is changed. Everything is described, also what is there already: Terraform
    imports it, and CloudFormation gets what an import needs. The documents of the issuer are no resources of
    CloudFormation; with --to, a script that publishes them stands beside the template.
    """
    from ccoctl.aws.client import AwsCloud
    from ccoctl.cli.aws.creating import connection, order
    from ccoctl.cli.debugging import set_up_logging
    from ccoctl.cli.progress import looking
    from ccoctl.workflows.aws_export import Format, export, save
    from ccoctl.workflows.aws_order import Part, check

    set_up_logging(given["debug"])
    checked = check(order(Part.ALL, given))
    with looking(sys.stderr) as tell:
        done = export(
            checked,
            AwsCloud(connection(given, checked.settings.partition.global_region)),
            Format(given["form"]),
            concurrency=given["concurrency"],
            tell=tell,
        )
    written = save(done.export, given["to"]) if given["to"] is not None else ()
    for sentence in done.notes:
        output.note(sentence)
    _tell(done, written, given["output"] == "json")
    return 0


def _tell(done: Exported, written: tuple[Path, ...], as_json: bool) -> None:
    made = done.export
    if as_json:
        files = [{"path": str(file.path), "text": file.text} for file in (made.main, *made.beside)]
        output.result_json({"files": files, "written": [str(path) for path in written], "notes": list(done.notes)})
    elif written:
        output.result("\n".join(map(str, written)))
    else:
        if made.beside:
            output.note(f"--to DIR also writes {', '.join(str(file.path) for file in made.beside)}")
        click.echo(made.main.text, nl=False)
