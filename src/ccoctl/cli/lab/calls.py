"""`ccoctl lab calls`."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import click

from ccoctl.cli import options, output
from ccoctl.cli.command import Command
from ccoctl.errors import CcoctlError, UsageError


@click.command(cls=Command, name="calls")
@click.option("--endpoint-url", default="", help="Where the lab serves.  [default: AWS_ENDPOINT_URL]")
@click.option("--changing", is_flag=True, help="Only calls that may change something.")
@options.output
def command(**given: Any) -> int:
    """Show the requests that a running lab has answered: who called what, and with which answer.

    For a token that STS refused it says why, which AWS tells nobody.
    """
    from ccoctl.lab.operations import is_changing

    calls = [call for call in _asked(given["endpoint_url"]) if not given["changing"] or is_changing(call["operation"])]
    if given["output"] == "json":
        output.result_json(calls)
    else:
        output.result("\n".join(map(_line, calls)) if calls else "There were no requests yet.")
    return 0


def _asked(url: str) -> list[dict[str, Any]]:
    from ccoctl.lab.process import AwsProcess

    url = url or os.environ.get("AWS_ENDPOINT_URL", "")
    if not url:
        raise UsageError("where the lab serves is not known", remedy="Name it with --endpoint-url or AWS_ENDPOINT_URL.")
    if urlsplit(url).hostname not in {"127.0.0.1", "localhost"}:
        raise UsageError(f"{url} is no lab: one listens on 127.0.0.1 alone")
    try:
        return AwsProcess(endpoint_url=url.rstrip("/"), variables={}).calls()
    except (OSError, ValueError) as error:
        remedy = "Start one with `ccoctl lab up`, and take the variables that it prints."
        raise CcoctlError(f"no lab answers: {error}", where=url, remedy=remedy) from error


def _line(call: dict[str, Any]) -> str:
    answer = f"{call['status']} {call['code']}".strip()
    who = call["principal"].rpartition(":")[2] or "anonymous"
    line = f"{call['at']:8.3f}  {answer:<28} {call['service']}:{call['operation']}  {who}  {call['resource']}"
    return f"{line}  ({call['reason']})" if call["reason"] else line
