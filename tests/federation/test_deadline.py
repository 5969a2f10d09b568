"""The deadline of whole exchanges over httpx, in the clear, over TLS and through a proxy."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from httpx2 import Client, ReadTimeout

from ccoctl.engine.clock import SystemClock
from ccoctl.federation.deadline import Deadline
from tests.federation import servers


@contextlib.contextmanager
def asking(client: Client) -> Iterator[tuple[Client, Deadline]]:
    with client:
        yield client, Deadline(client, SystemClock())


def slow(start: bytes) -> servers.Handler:
    return servers.endless(start, b"x", pause=0.02)


HEAD = b"HTTP/1.1 200 OK\r\n"


def trusting(bundle: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=bundle)


@pytest.mark.parametrize("start", [b"", HEAD, HEAD + b"\r\n"], ids=["status", "headers", "body"])
def test_who_sends_a_byte_now_and_then_is_late_at_the_deadline(tmp_path: Path, start: bytes) -> None:
    made = servers.certificates(tmp_path)
    with (
        servers.https(made.chain, slow(start)) as server,
        asking(Client(verify=trusting(made.bundle), trust_env=False)) as (client, deadline),
        pytest.raises(ReadTimeout),
        deadline.within(0.2),
    ):
        client.get(f"https://localhost:{server.port}/")
    assert len(server.requests) == 1


def test_a_proxy_is_no_way_around_it(tmp_path: Path) -> None:
    made = servers.certificates(tmp_path)
    with (
        servers.https(made.chain, slow(HEAD)) as server,
        servers.proxy(port=server.port) as proxy,
        asking(Client(verify=trusting(made.bundle), proxy=f"http://127.0.0.1:{proxy.port}")) as (client, deadline),
        pytest.raises(ReadTimeout),
        deadline.within(0.3),
    ):
        client.get(f"https://localhost:{server.port}/")
    assert len(proxy.requests) == 1


def test_outside_of_it_time_is_the_clients_own() -> None:
    answer = HEAD + b"Content-Length: 2\r\nConnection: close\r\n\r\nok"
    with servers.serving(servers.saying(answer)) as server, asking(Client(trust_env=False)) as (client, deadline):
        with deadline.within(5):
            assert client.get(f"http://127.0.0.1:{server.port}/").text == "ok"
        assert client.get(f"http://127.0.0.1:{server.port}/").text == "ok"
        with pytest.raises(ReadTimeout), deadline.within(0):
            client.get(f"http://127.0.0.1:{server.port}/")
