"""`ccoctl lab up`."""

from __future__ import annotations

import contextlib
import os
import shlex
import threading
from typing import Any

import click

from ccoctl.cli import options, output
from ccoctl.cli.command import Command
from ccoctl.cli.lab.serving import regions, serving, weather
from ccoctl.errors import UsageError

_IN_THE_WAY = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE")
"""What a shell may have of the caller's own AWS that would go beside the lab's credentials."""


_LOOPBACK = frozenset({"127.0.0.1", "localhost"})


def _loopback_alone(_context: click.Context, _option: click.Parameter, host: str) -> str:
    """Whoever reaches a lab is its administrator, and its authority may speak for every name of AWS."""
    if host not in _LOOPBACK:
        raise UsageError(
            f"the lab would listen on {host}, where others could be its administrators; it listens on 127.0.0.1 alone",
            remedy="From another machine go through SSH: ssh -L PORT:127.0.0.1:PORT THIS-MACHINE",
        )
    return host


@click.command(cls=Command, name="up")
@click.option("--host", default="127.0.0.1", callback=_loopback_alone, help="Where to listen: 127.0.0.1 and no other.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1.  [default: a free one]")
@weather
@options.output
def command(**given: Any) -> int:
    """Serve an AWS on this machine until Ctrl-C, and print the variables that lead to it.

    S3, IAM, CloudFront and an STS that checks tokens as AWS does; issuers are served over HTTPS under their real names,
    through a proxy and with a certificate authority that the variables name. It listens on 127.0.0.1 alone, begins
    empty, holds its users to their policies, and forgets everything when it ends.
    """
    with contextlib.suppress(KeyboardInterrupt), serving(given, port=given["port"]) as aws:
        variables = {**regions(os.environ), **aws.environment()}
        if given["output"] == "json":
            output.result_json({"endpoint_url": aws.endpoint_url, "environment": variables})
        else:
            output.result(f"unset {' '.join(_IN_THE_WAY)}")
            output.result("\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items()))
        click.echo(f"serving on {aws.endpoint_url}; Ctrl-C ends it", err=True)
        threading.Event().wait()
    return 0
