"""The command reference: `python -m ccoctl.cli.reference > docs/commands.md`."""

from __future__ import annotations

import click

from ccoctl.cli.root import root
from ccoctl.cli.table import COMMANDS

HEAD = """\
# Commands

Every command with its help, as `--help` prints it. Made by `python -m ccoctl.cli.reference`; a test holds it true.

Flags are given as `--flag value` or `--flag=value`; a boolean one also as `--flag=true` and `--flag=false`.
Results go to stdout, everything else to stderr.
Exit codes: 0 done, 1 failed, 2 usage, 130 interrupted, and 3 where something is not as it must be, or would change:
`aws plan`, `aws verify`, `cluster verify`, `token inspect`, `release diff`, `openshift prepare-install --check`, and
`--plan-only` of `aws upgrade`, of both migrations and of `cluster repair`. `--dry-run` exits with 0. `pod run` and
`lab run` end with the exit code of the command that they run.
"""


def reference() -> str:
    """The whole page."""
    sections = [_section(())]
    sections += [_section(path) for path in COMMANDS]
    return "\n".join([HEAD, *sections])


def _section(path: tuple[str, ...]) -> str:
    title = " ".join(["ccoctl", *path])
    return f"## {title}\n\n```\n{help_text(path)}\n```\n"


def help_text(path: tuple[str, ...]) -> str:
    """The help of the command at a path.

    Raises:
        LookupError: there is no such command.
    """
    context = context_of(path)
    return context.command.get_help(context)


def context_of(path: tuple[str, ...]) -> click.Context:
    """The command at a path, as if it had been called with nothing.

    Raises:
        LookupError: there is no such command.
    """
    context = click.Context(root, info_name="ccoctl", **root.context_settings)
    for name in path:
        group = context.command
        command = group.get_command(context, name) if isinstance(group, click.Group) else None
        if command is None:
            raise LookupError(f"no command {' '.join(path)}")
        context = click.Context(command, info_name=name, parent=context, **command.context_settings)
    return context


if __name__ == "__main__":
    click.echo(reference(), nl=False)
