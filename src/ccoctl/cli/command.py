"""Commands and groups with the manners of the Go tool: lazy groups, `--flag=false`, all missing flags at once."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from ccoctl.cli.table import COMMANDS, help_of, names_below

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100, "terminal_width": 100}

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
"""What Go's strconv.ParseBool takes."""


class Command(click.Command):
    """A command whose flags behave as pflag's do."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As click's, with our settings."""
        kwargs.setdefault("context_settings", SETTINGS)
        super().__init__(*args, **kwargs)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse after the boolean flags are brought to click's form and all required ones are there."""
        if not ctx.resilient_parsing:  # the shell completes a word; the others may be wrong still
            args = self._plain_booleans(args)
            self._require_all(ctx, args)
        return super().parse_args(ctx, args)

    def _plain_booleans(self, args: list[str]) -> list[str]:
        """`--flag=true` as `--flag`, and nothing for `--flag=false`, which also takes back an earlier `--flag`."""
        booleans = {
            name
            for option in self.params
            if isinstance(option, click.Option) and option.is_flag
            for name in option.opts
        }
        plain: list[str] = []
        for position, arg in enumerate(args):
            if arg == "--":
                return [*plain, *args[position:]]
            name, equals, value = arg.partition("=")
            if not equals or name not in booleans:
                plain.append(arg)
                continue
            plain = [other for other in plain if other != name]
            if value in _TRUE:
                plain.append(name)
            elif value not in _FALSE:
                raise click.UsageError(f"invalid value {value!r} for {name}: it is true or false")
        return plain

    def _require_all(self, ctx: click.Context, args: list[str]) -> None:
        given, _, _ = self.make_parser(ctx).parse_args(list(args))
        wants_help = self.get_help_option(ctx)
        if wants_help is not None and wants_help.name in given:
            return
        missing = [
            option.opts[0]
            for option in self.params
            if isinstance(option, click.Option) and option.name not in given and _is_needed(option, given)
        ]
        if missing:
            raise click.UsageError(f"missing: {', '.join(missing)}", ctx=ctx)


def _is_needed(option: click.Option, given: Mapping[str, Any]) -> bool:
    """True for an option without which the command cannot run, as far as the others say."""
    return option.required and getattr(option, "unless", None) not in given


class LazyGroup(click.Group):
    """A group that knows its commands from the table and imports one when it is called."""

    def __init__(self, *args: Any, path: tuple[str, ...] = (), **kwargs: Any) -> None:
        """`path` is the group's place in the table."""
        kwargs.setdefault("context_settings", SETTINGS)
        super().__init__(*args, **kwargs)
        self.path = path

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the table's order."""
        del ctx
        return list(names_below(self.path))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; a group below is made from the table."""
        del ctx
        path = (*self.path, cmd_name)
        if path in COMMANDS:
            module, _, name = COMMANDS[path].target.partition(":")
            command: click.Command = getattr(import_module(module), name)
            return command
        if cmd_name in names_below(self.path):
            return LazyGroup(name=cmd_name, path=path, help=f"{help_of(path)}.", no_args_is_help=True)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, with a guess where there is no such command."""
        name = args[0]
        if not ctx.resilient_parsing and not name.startswith("-") and name not in self.list_commands(ctx):
            from difflib import get_close_matches

            near = get_close_matches(name, self.list_commands(ctx), n=1)
            guess = f" Did you mean {near[0]}?" if near else ""
            raise click.UsageError(f"there is no command {name!r}.{guess}", ctx=ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Commands, with their help from the table, and options; none is imported."""
        from click.shell_completion import CompletionItem

        below = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        commands = [CompletionItem(name, help=help_of((*self.path, name))) for name in below]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands with their help from the table; none is imported."""
        rows = [(name, help_of((*self.path, name))) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
