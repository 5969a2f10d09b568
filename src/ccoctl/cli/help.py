"""`ccoctl help`: the help of a command, as `--help` shows it."""

from __future__ import annotations

import click

from ccoctl.cli.command import Command


@click.command(cls=Command, name="help")
@click.argument("names", nargs=-1, metavar="[COMMAND]...")
@click.pass_context
def command(ctx: click.Context, names: tuple[str, ...]) -> int:
    """Show the help of a command."""
    from ccoctl.cli.reference import help_text

    try:
        click.echo(help_text(names))
    except LookupError as error:
        raise click.UsageError(str(error), ctx=ctx) from error
    return 0
