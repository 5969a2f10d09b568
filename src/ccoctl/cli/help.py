"""`ccoctl help`: the help of a command, as `--help` shows it."""

from __future__ import annotations

import click

from ccoctl.cli.command import Command


@click.command(cls=Command, name="help")
@click.argument("names", nargs=-1, metavar="[COMMAND]...")
@click.pass_context
def command(ctx: click.Context, names: tuple[str, ...]) -> int:
    """Show the help of a command."""
    found: click.Command = ctx.find_root().command
    place = click.Context(found, info_name="ccoctl", max_content_width=100, terminal_width=100)
    for name in names:
        below = found.get_command(place, name) if isinstance(found, click.Group) else None
        if below is None:
            raise click.UsageError(f"there is no command {' '.join(names)!r}", ctx=ctx)
        found = below
        place = click.Context(found, info_name=name, parent=place)
    click.echo(found.get_help(place))
    return 0
