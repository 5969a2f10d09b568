"""The root group, and the border where every error becomes a sentence and an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from types import FrameType

import click

from ccoctl import __version__
from ccoctl.cli import ending, output
from ccoctl.cli.command import SETTINGS, LazyGroup
from ccoctl.cli.main import INTERRUPTED
from ccoctl.errors import CcoctlError, CloudError, Problems


@click.group(cls=LazyGroup, name="ccoctl", context_settings=SETTINGS, no_args_is_help=True)
@click.version_option(__version__, message="ccoctl %(version)s (Python)")
def root() -> None:
    """Set up short-lived cloud credentials for every component of a cluster.

    The cluster signs a token for each of its components; the cloud trusts the cluster's issuer and exchanges the token
    for credentials that live an hour and can do only what that component needs.
    """


def run(argv: Sequence[str]) -> int:
    """Run a command line: 0 done, 1 failed, 2 usage, 3 differences found, 130 interrupted."""
    ending.catch(_terminated)
    try:
        code = root.main(args=list(argv), prog_name="ccoctl", standalone_mode=False)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.UsageError as error:
        return _usage(error, argv)
    except click.ClickException as error:
        output.error(error.format_message())
        return 1
    except (KeyboardInterrupt, click.Abort):
        output.error("interrupted; run the same command again to go on")
        return INTERRUPTED
    except CcoctlError as error:
        return _known(error, argv)
    except BrokenPipeError as error:
        return unwritable(error)
    except Exception as error:
        return _bug(error, argv)
    return code if isinstance(code, int) else 0


def unwritable(error: OSError) -> int:
    """The end where output goes nowhere: whoever read it has left, which is no error to tell, or there is no room."""
    output.discard()
    if not isinstance(error, BrokenPipeError):
        output.error(f"{output.UNWRITABLE}: {error.strerror}")
    return 1


def _ours(argv: Sequence[str]) -> Sequence[str]:
    """What is said to us: after `--` comes another command's line."""
    return argv[: list(argv).index("--")] if "--" in argv else argv


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _wants(argv: Sequence[str], flag: str, value: str) -> bool:
    ours = _ours(argv)
    pairs = zip(ours, [*ours, ""][1:], strict=True)
    return any(arg == f"{flag}={value}" or (arg == flag and following == value) for arg, following in pairs)


def _usage(error: click.UsageError, argv: Sequence[str]) -> int:
    if _wants(argv, "--output", "json"):
        output.error_json({"what": error.format_message(), "exit_code": 2})
        return 2
    output.error(error.format_message())
    if error.ctx is not None:
        click.echo(f"Try '{error.ctx.command_path} --help'.", err=True)
    return 2


def _known(error: CcoctlError, argv: Sequence[str]) -> int:
    _trace_if_debugging(argv)
    if _wants(argv, "--output", "json"):
        output.error_json(_as_json(error))
    elif isinstance(error, Problems):
        output.error(error.what)
        for problem in error.problems:
            click.echo(output.printable(f"  {problem}"), err=True)
        if error.remedy:
            click.echo(output.printable(f"  {error.remedy}"), err=True)
    else:
        output.error(str(error))
    return error.exit_code


def _as_json(error: CcoctlError) -> dict[str, object]:
    told: dict[str, object] = {"what": error.what, "exit_code": error.exit_code}
    told |= {name: value for name, value in (("where", error.where), ("remedy", error.remedy)) if value}
    if isinstance(error, Problems):
        told["problems"] = [{"where": problem.where, "what": problem.what} for problem in error.problems]
    if isinstance(error, CloudError):
        told |= {"kind": error.kind.value, "code": error.code, "operation": error.operation}
        told |= {"missing_actions": list(error.actions)}
    return told


def _bug(error: Exception, argv: Sequence[str]) -> int:
    _trace_if_debugging(argv)
    output.error(
        f"this is a bug of ccoctl, {type(error).__name__}: {error}\n"
        "  Please report it with the command line and with what --debug adds."
    )
    return 1


def _trace_if_debugging(argv: Sequence[str]) -> None:
    if "--debug" in _ours(argv):
        import traceback

        click.echo(output.printable(traceback.format_exc()), err=True)
