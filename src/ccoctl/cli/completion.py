"""`ccoctl completion`: the script that a shell loads."""

from __future__ import annotations

import click

from ccoctl.cli.command import Command


@click.command(cls=Command, name="completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> int:
    """Print a script that completes commands and flags.

    \b
    bash: source <(ccoctl completion bash)
    zsh:  source <(ccoctl completion zsh)
    fish: ccoctl completion fish | source
    """
    from click.shell_completion import get_completion_class

    complete = get_completion_class(shell)
    if complete is None:
        raise click.UsageError(f"no completion for {shell}", ctx=ctx)
    click.echo(complete(ctx.find_root().command, {}, "ccoctl", "_CCOCTL_COMPLETE").source())
    return 0
