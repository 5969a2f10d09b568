"""A deadline for whole exchanges of httpx, which knows a time-out for each read alone.

Whoever sends a byte now and then, in the head of an answer or in its body, is never late for such a time-out.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from httpcore2 import NetworkStream, ReadTimeout, SyncBackend
from httpx2 import Client

from ccoctl.engine.clock import Clock


class Deadline:
    """Until when the exchanges of a client have to be over; each thread has its own."""

    def __init__(self, client: Client, clock: Clock) -> None:
        """Holds the client's connections to it, also those through proxies. The client must not have asked yet."""
        self._clock = clock
        self._until = threading.local()
        transports: list[Any] = [client._transport, *client._mounts.values()]
        for transport in transports:
            if (pool := getattr(transport, "_pool", None)) is not None:
                pool._network_backend = _Backend(self)

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """What this thread sends and reads in the block ends with httpx's ReadTimeout once the seconds are over."""
        self._until.moment = self._clock.now() + seconds
        try:
            yield
        finally:
            del self._until.moment

    def left(self, timeout: float | None) -> float | None:
        """The time-out of one read, no longer than there is time.

        Raises:
            ReadTimeout: there is none.
        """
        until = getattr(self._until, "moment", None)
        if until is None:
            return timeout
        seconds: float = until - self._clock.now()
        if seconds <= 0:
            raise ReadTimeout("the answer takes too long")
        return seconds if timeout is None else min(timeout, seconds)


class _Backend(SyncBackend):
    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> NetworkStream:
        until = self._deadline.left(timeout)
        return _Stream(super().connect_tcp(host, port, until, local_address, socket_options), self._deadline)


class _Stream(NetworkStream):
    def __init__(self, inner: NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        secured = self._inner.start_tls(ssl_context, server_hostname, self._deadline.left(timeout))
        return _Stream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
