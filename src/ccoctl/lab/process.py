"""An embedded AWS in a process of its own, so that it and what is measured do not share an interpreter."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import msgspec

from ccoctl.lab.conditions import Conditions

_TIMEOUT = 30.0
"""Seconds to wait for the process to end."""


class AwsProcess(msgspec.Struct, frozen=True, kw_only=True):
    """A running one."""

    endpoint_url: str
    variables: dict[str, str]

    def environment(self) -> dict[str, str]:
        """The administrator's variables."""
        return dict(self.variables)

    def calls(self) -> list[dict[str, Any]]:
        """The requests so far."""
        found: list[dict[str, Any]] = json.loads(self._ask("calls", "GET"))
        return found

    def reset(self) -> None:
        """Empty the account and the log."""
        self._ask("reset", "POST")

    def _ask(self, name: str, method: str) -> bytes:
        request = Request(f"{self.endpoint_url}/_lab/{name}", method=method)  # noqa: S310 - our own loopback server
        with build_opener(ProxyHandler({})).open(request, timeout=_TIMEOUT) as answer:
            content: bytes = answer.read()
            return content


@contextmanager
def aws_process(conditions: Conditions | None = None) -> Iterator[AwsProcess]:
    """Serve an AWS until the block ends."""
    wanted = msgspec.json.encode(conditions or Conditions()).decode()
    command = [sys.executable, "-m", "ccoctl.lab", wanted]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours # nosec B603
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise RuntimeError("the embedded AWS did not start; what it said is above")
            ready = json.loads(line)
            yield AwsProcess(endpoint_url=ready["endpoint_url"], variables=ready["environment"])
        finally:
            if process.stdin:
                process.stdin.close()
            process.wait(timeout=_TIMEOUT)
