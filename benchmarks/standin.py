"""An AWS that is empty, answers at once or after a while, and costs next to nothing: what is measured is the client.

The embedded AWS does what AWS does, which takes a Python server milliseconds of processor time for each call: with ten
clients it is the bottleneck long before ours is. This one knows no state. Every look finds nothing and every change is
done; it answers what `create-all` asks, in the shapes of IAM, STS and S3, some 10,000 times a second.

`with standin(latency=0.02) as aws: ...`, or `python benchmarks/standin.py 0.02` for one in the foreground.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.request import ProxyHandler, build_opener

ACCOUNT = "123456789012"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ACTION = re.compile(rb"(?:^|&)Action=([A-Za-z]+)")
_ROLE = re.compile(rb"(?:^|&)RoleName=([^&]+)")
_OUTCOMES = {
    b"GetCallerIdentity": f"<GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:user/bench</Arn>"
    f"<UserId>AIDABENCH</UserId><Account>{ACCOUNT}</Account></GetCallerIdentityResult>",
    b"CreateRole": "<CreateRoleResult><Role><Path>/</Path>"
    f"<Arn>arn:aws:iam::{ACCOUNT}:role/ROLE</Arn><RoleName>ROLE</RoleName><RoleId>AROABENCH</RoleId>"
    "<CreateDate>2026-01-01T00:00:00Z</CreateDate><AssumeRolePolicyDocument>%7B%7D</AssumeRolePolicyDocument>"
    "</Role></CreateRoleResult>",
    b"CreateOpenIDConnectProvider": "<CreateOpenIDConnectProviderResult><OpenIDConnectProviderArn>"
    f"arn:aws:iam::{ACCOUNT}:oidc-provider/bench</OpenIDConnectProviderArn></CreateOpenIDConnectProviderResult>",
    b"PutRolePolicy": "",
}
"""What is inside the envelope of an answer, by action, with ROLE for the role's name; others find nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the stand-in saw since it was last asked."""

    calls: dict[str, int]
    """How often, by action; S3's by method."""
    connections: int
    first: float
    """When the first request was read, by the clock of `time.monotonic`; 0 where there was none."""
    last: float
    """When the last answer was sent."""
    busy: float
    """Seconds of processor time that it took itself."""
    rush: int
    """The most IAM calls within any one second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standin:
    """A running one."""

    url: str

    def environment(self) -> dict[str, str]:
        """The variables with which the SDK speaks to it; there is nobody behind HTTPS_PROXY."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "AKIABENCH",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_EC2_METADATA_DISABLED": "true",
            "HTTPS_PROXY": self.url,
            "https_proxy": self.url,
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    def seen(self) -> Seen:
        """What it saw; it forgets it then."""
        with build_opener(ProxyHandler({})).open(f"{self.url}/_seen", timeout=30) as answer:
            return Seen(**json.loads(answer.read()))


@contextmanager
def standin(latency: float) -> Iterator[Standin]:
    """A process of its own until the block ends; `latency` is the seconds that each call takes."""
    command = [sys.executable, __file__, str(latency)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Standin(url=process.stdout.readline().strip())
        finally:
            process.stdin.close()


class _Log:
    """What was seen."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget it; connections stay counted, since they stay open."""
        self.calls = Counter[str]()
        self.iam: list[float] = []
        self.connections, self.first, self.last, self.busy = 0, 0.0, 0.0, time.process_time()

    def asked(self, action: str, *, iam: bool) -> None:
        now = time.monotonic()
        self.first = self.first or now
        self.calls[action] += 1
        if iam:
            self.iam.append(now)

    def told(self) -> bytes:
        """All of it as JSON."""
        rush, begin = 0, 0
        for end, moment in enumerate(self.iam):
            while self.iam[begin] <= moment - 1:
                begin += 1
            rush = max(rush, end - begin + 1)
        seen = {
            "calls": dict(self.calls),
            "connections": self.connections,
            "first": self.first,
            "last": self.last,
            "busy": time.process_time() - self.busy,
            "rush": rush,
        }
        self.clear()
        return json.dumps(seen).encode()


class _Connection(asyncio.Protocol):
    def __init__(self, log: _Log, latency: float) -> None:
        self._log = log
        self._latency = latency
        self._loop = asyncio.get_running_loop()
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._log.connections += 1

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._read, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._read) < whole:
                return
            head, body, self._read = self._read[:end], self._read[end + 4 : whole], self._read[whole:]
            self._serve(head, body)

    def _serve(self, head: bytes, body: bytes) -> None:
        method, path = head.split(b" ", 2)[:2]
        if method == b"CONNECT":
            self._transport.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        elif path == b"/_seen":
            self._transport.write(_response(b"200 OK", self._log.told()))
            self._log.connections = 0
        else:
            action = found[1] if (found := _ACTION.search(body)) else method
            self._log.asked(action.decode(), iam=found is not None and action != b"GetCallerIdentity")
            role = asked[1].decode() if (asked := _ROLE.search(body)) else ""
            self._loop.call_later(self._latency, self._answer, action, role, found is not None)

    def _answer(self, action: bytes, role: str, is_query: bool) -> None:
        if not is_query:
            self._transport.write(_response(b"404 Not Found" if action in {b"HEAD", b"GET"} else b"200 OK", b""))
        elif action in _OUTCOMES:
            name, outcome = action.decode(), _OUTCOMES[action].replace("ROLE", role)
            told = "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"
            self._transport.write(_response(b"200 OK", f"<{name}Response>{outcome}{told}</{name}Response>".encode()))
        else:
            error = b"<Type>Sender</Type><Code>NoSuchEntity</Code><Message>there is none</Message>"
            self._transport.write(
                _response(b"404 Not Found", b"<ErrorResponse><Error>" + error + b"</Error></ErrorResponse>")
            )
        self._log.last = time.monotonic()


def _response(status: bytes, body: bytes) -> bytes:
    kind = b"Content-Type: text/xml\r\n" if body else b""
    return b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, kind, len(body), body)


async def _serve(latency: float) -> None:
    log, loop = _Log(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(log, latency), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
