"""`ccoctl completion`: the script that a shell loads."""

from __future__ import annotations

import click

from ccoctl.cli.command import Command
from ccoctl.cli.completing import VARIABLE

SHELLS = ("bash", "zsh", "fish")

_BASH = """\
if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404)); then
    echo "ccoctl: bash $BASH_VERSION is too old for completion, which takes 4.4 or later" >&2
else
{script}
fi
"""


@click.command(cls=Command, name="completion")
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> int:
    """Print a script that completes commands and flags.

    \b
    bash: source <(ccoctl completion bash)
    zsh:  source <(ccoctl completion zsh)
    fish: ccoctl completion fish | source
    """
    click.echo(script(shell))
    return 0


def script(shell: str) -> str:
    """The script of a shell, which asks us for each word to complete.

    Raises:
        LookupError: of an unknown shell.
    """
    from click.shell_completion import get_completion_class

    from ccoctl.cli.root import root

    found = get_completion_class(shell)
    if found is None:
        raise LookupError(f"no completion for {shell}")
    complete = found(root, {}, "ccoctl", VARIABLE)
    text = (complete.source_template % complete.source_vars()).rstrip()
    # the bash that loads it counts, not the first one of PATH, which click would start to ask
    return _BASH.format(script=text) if shell == "bash" else text
