"""The process that all others are forked from: it has imported, read and made whatever takes longer than a command.

What of the product takes time by itself is replaced here, and only here: clocks that somebody else moves, an account's
clients and signing keys that are made once.
"""

from __future__ import annotations

import gc
import mmap
import os
import pkgutil
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from itertools import count
from typing import Any

import ccoctl
import ccoctl.aws.client
import ccoctl.lab.server
from ccoctl.aws.client import RATES, AwsCloud, Connection
from ccoctl.engine.clock import SystemClock
from ccoctl.engine.pace import Pace
from ccoctl.federation.clock import WallClock
from ccoctl.lab.conditions import Conditions
from ccoctl.lab.http import HttpServer
from ccoctl.lab.server import EmbeddedAws, embedded_aws
from ccoctl.signing import keypair
from ccoctl.signing.jwk import kid

_KEYS = 5
"""Pairs that are made once: each process of a command begins with another one."""


class _Clock:
    """What all go by; it stands still until somebody waits, and then it is at once as late as they want it."""

    def __init__(self, now: float) -> None:
        self.begin(now)

    def begin(self, now: float) -> None:
        """Go on from there, for this process and its children alone."""
        self._shared = mmap.mmap(-1, 8)
        struct.pack_into("d", self._shared, 0, now)

    def later(self, seconds: float) -> None:
        """Let time go by for all."""
        struct.pack_into("d", self._shared, 0, self() + seconds)

    def __call__(self) -> float:
        now: float = struct.unpack_from("d", self._shared)[0]
        return now


class LaterServer(HttpServer):
    """The lab's server, which can be begun, ended and begun again."""

    def __init__(self, address: tuple[str, int], *arguments: Any, **named: Any) -> None:
        self.port = address[1]
        self._address, self._arguments, self._named = address, arguments, named
        self._has_begun = False
        servers.append(self)

    def begin(self) -> None:
        super().__init__(self._address, *self._arguments, **self._named)
        self._has_begun = True

    def close(self) -> None:
        if self._has_begun:
            super().close()
        self._has_begun = False


servers: list[LaterServer] = []
clock = _Clock(WallClock().now())
_keys: list[bytes] = []
_clouds: list[AwsCloud] = []


@contextmanager
def account() -> Iterator[EmbeddedAws]:
    """An empty AWS that does not serve yet. A distribution takes half a minute of its time."""
    _put(ccoctl.lab.server, "HttpServer", LaterServer)
    with socket.socket() as kept:
        # nobody else is given the port while this socket is there, and a server of ours may listen on it
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
        with embedded_aws(Conditions(distribution_delay=30.0), port=kept.getsockname()[1], clock=clock) as aws:
            yield aws


def warm_up(aws: EmbeddedAws, rehearse: Callable[[], object]) -> None:
    """Make ready what commands need, and let some be rehearsed in this process."""
    for module in pkgutil.walk_packages(ccoctl.__path__, "ccoctl."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    os.environ.update(aws.environment())
    for kind in (WallClock, SystemClock):
        _put(kind, "now", lambda _self: clock())
    _put(SystemClock, "pause", _pause)
    _put(ccoctl.aws.client, "AwsCloud", _cloud)
    _keys.extend(keypair.generate(2048) for _ in range(_KEYS))
    for pem in _keys:
        kid_of(pem)
    make_keys_from(0)
    rehearse()
    for cloud in _clouds:
        for client in cloud._clients.values():
            client.close()  # no two processes may speak on one connection
    aws.reset()
    gc.collect()
    gc.freeze()


def make_keys_from(number: int) -> None:
    """Signing keys that are made from now on are the n-th of ours and those after it."""
    following = count(number)
    _put(keypair, "generate", lambda _bits=keypair.DEFAULT_SIZE: _keys[next(following) % len(_keys)])


@cache
def kid_of(pem: bytes) -> str:
    """The kid of a private key.

    Raises:
        CcoctlError: it is none, or not whole.
    """
    return str(kid(keypair.load_private(pem).public_key()))


def _put(place: Any, name: str, value: object) -> None:
    """There is no way back: the process is made for this."""
    setattr(place, name, value)


@cache
def _read(connection: Connection) -> AwsCloud:
    made = AwsCloud(connection)
    _clouds.append(made)
    return made


def _cloud(connection: Connection) -> AwsCloud:
    """An account of which nothing has been seen yet, with clients that are there."""
    fresh, made = AwsCloud.__new__(AwsCloud), _read(connection)
    fresh.__dict__ |= made.__dict__ | {"_seen": type(made._seen)(), "_pace": Pace(rates=RATES)}
    return fresh


def _pause(_clock: object, seconds: float, stop: threading.Event) -> None:
    if not stop.is_set():
        clock.later(seconds)
