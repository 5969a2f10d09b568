"""Connections, directly and through a real HTTP proxy on loopback."""

from __future__ import annotations

import socket

import pytest

from ccoctl.errors import ProxyError
from ccoctl.federation.connect import connect, tunnel
from tests.federation.servers import endless, proxy, saying, serving
from tests.federation.test_proxies import UNFIT

HELLO = b"hello\n"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def said(connection: socket.socket) -> bytes:
    with connection, connection.makefile("rb") as stream:
        return stream.readline()


def test_without_a_proxy_the_host_itself_is_called() -> None:
    with serving(saying(HELLO)) as server:
        assert said(connect("localhost", server.port, timeout=5)) == HELLO


@pytest.mark.parametrize("form", ["http://127.0.0.1:{}", "127.0.0.1:{}", "http://127.0.0.1:{}/"])
def test_the_environments_proxy_makes_a_tunnel(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(saying(HELLO)) as server, proxy(port=server.port) as between:
        monkeypatch.setenv("HTTPS_PROXY", form.format(between.port))

        assert said(connect("bucket.example.com", 443, timeout=5)) == HELLO
        [request] = between.requests
        assert request == b"CONNECT bucket.example.com:443 HTTP/1.1\r\nHost: bucket.example.com:443\r\n\r\n"


def test_its_user_and_password_go_along(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(saying(HELLO)) as server, proxy(port=server.port) as between:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:p%40ss@127.0.0.1:{between.port}")

        assert said(connect("bucket.example.com", 443, timeout=5)) == HELLO
        assert b"\r\nProxy-Authorization: Basic dXNlcjpwQHNz\r\n" in between.requests[0]


def test_a_host_that_needs_no_proxy_is_called_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "localhost")
    with serving(saying(HELLO)) as server:
        assert said(connect("localhost", server.port, timeout=5)) == HELLO


def test_an_address_of_ipv6_is_put_in_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(saying(HELLO)) as server, proxy(port=server.port) as between:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{between.port}")

        said(connect("2001:db8::1", 443, timeout=5))
        assert between.requests[0].startswith(b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\n")


def test_a_proxy_that_is_itself_behind_tls_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "https://127.0.0.1:1")

    with pytest.raises(ValueError, match="https:// is not supported"):
        connect("bucket.example.com", 443, timeout=5)


@pytest.mark.parametrize("url", UNFIT)
def test_what_is_no_proxy_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", url)

    with pytest.raises(ProxyError):
        connect("bucket.example.com", 443, timeout=5)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://evil.example.com\r\n\r\n",
        b"HTTP/1.1 502 \x1b[31mBad Gateway\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9\r\n\r\n",
        b"\r\n\r\n",
    ],
)
def test_a_proxy_that_makes_no_tunnel_is_an_error(answer: bytes) -> None:
    with proxy(answer) as between, pytest.raises(ValueError, match="the proxy answered") as raised:
        tunnel("127.0.0.1", between.port, "bucket.example.com:443", timeout=5, secret="user:p@ss")
    assert str(raised.value).isprintable()
    assert "p@ss" not in str(raised.value)


def test_a_proxy_that_hangs_up_is_an_error() -> None:
    with proxy(b"HTTP/1.1 2") as between, pytest.raises(ValueError, match="closed the connection"):
        tunnel("127.0.0.1", between.port, "bucket.example.com:443", timeout=5)


def test_a_proxy_whose_headers_have_no_end_is_an_error() -> None:
    with serving(endless(b"HTTP/1.1 200 OK\r\n", b"X: x\r\n" * 1000)) as between:
        with pytest.raises(ValueError, match="headers without end"):
            tunnel("127.0.0.1", between.port, "bucket.example.com:443", timeout=5)
        assert between.hung_up.wait(10)


def test_nothing_of_what_comes_after_the_answer_is_lost() -> None:
    with proxy(b"HTTP/1.1 200 OK\r\n\r\n" + HELLO, port=0) as between:
        assert said(tunnel("127.0.0.1", between.port, "bucket.example.com:443", timeout=5)) == HELLO


@pytest.mark.parametrize("target", ["a\r\nX-Evil: 1:443", "a b:443", "\u0430.example.com:443", "a\n:443"])
def test_no_target_can_bring_lines_along(target: str) -> None:
    with pytest.raises(ValueError, match="is no host with a port"):
        tunnel("127.0.0.1", 1, target, timeout=5)
