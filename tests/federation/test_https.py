"""A document over HTTPS: from real TLS servers on loopback, honest ones and those that mean harm."""

from __future__ import annotations

import datetime
import gzip
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ccoctl.errors import DocumentError
from ccoctl.federation import https as module
from ccoctl.federation.https import Again, Fetched, HttpsGet
from tests.engine.simulated import FakeClock
from tests.federation.servers import Certificates, Server, certificates, endless, https, proxy, saying, serving

DOCUMENT = b'{"keys":[]}'
LIMIT = 1000
OK = b"HTTP/1.1 200 OK\r\n"

Answer = Callable[[Server, socket.socket], None]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Whoever stops waiting leaves nobody behind."""
    yield
    for thread in threading.enumerate():
        if thread.name == "https-get":
            thread.join(10)
            assert not thread.is_alive()


def fetched(made: Certificates, answer: Answer, *, limit: int = LIMIT, patience: float = 5.0) -> Fetched:
    with https(made.chain, answer) as server:
        get = HttpsGet(ca_bundle=str(made.bundle), patience=patience)
        return get(f"https://localhost:{server.port}/keys.json", limit)


def served(body: bytes, *headers: bytes) -> Answer:
    lines = b"".join(header + b"\r\n" for header in headers)
    return saying(OK + lines + b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body)


class TestWhatIsTaken:
    def test_a_document_is_fetched_with_one_plain_request(self, made: Certificates) -> None:
        with https(made.chain, served(DOCUMENT)) as server:
            found = HttpsGet(ca_bundle=str(made.bundle))(f"https://localhost:{server.port}/a/keys.json", LIMIT)

        assert found == Fetched(DOCUMENT, None)
        [request] = server.requests
        lines = request.split(b"\r\n")
        assert lines[0] == b"GET /a/keys.json HTTP/1.1"
        assert f"Host: localhost:{server.port}".encode() in lines
        assert b"Accept-Encoding: identity" in lines
        assert b"Connection: close" in lines

    @pytest.mark.parametrize(
        "answer",
        [
            saying(OK + b"\r\n" + DOCUMENT),
            saying(b"HTTP/1.0 200 OK\r\n\r\n" + DOCUMENT),
            saying(
                OK
                + b"Transfer-Encoding: chunked\r\n\r\n3\r\n"
                + DOCUMENT[:3]
                + b"\r\n8\r\n"
                + DOCUMENT[3:]
                + b"\r\n0\r\n\r\n"
            ),
            saying(b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 11\r\n\r\n" + DOCUMENT),
            served(DOCUMENT, b"Content-Encoding: identity"),
        ],
        ids=["until the end", "HTTP/1.0", "in chunks", "after 100", "identity"],
    )
    def test_every_framing_of_http(self, made: Certificates, answer: Answer) -> None:
        assert fetched(made, answer).body == DOCUMENT

    def test_exactly_as_many_bytes_as_are_allowed(self, made: Certificates) -> None:
        assert len(fetched(made, served(b"a" * LIMIT)).body) == LIMIT

    @pytest.mark.parametrize(
        ("directives", "seconds"),
        [
            (b"max-age=60", 60),
            (b"public, MAX-AGE=60", 60),
            (b"public,max-age=0", 0),
            (b"s-maxage=5, max-age=60", 60),
            (b"no-store", 0),
            (b"no-cache, max-age=60", 0),
            (b"private", 0),
            (b"public", None),
            (b"max-age=", None),
            (b"max-age=-1", None),
            (b"x-max-age=60", None),
        ],
    )
    def test_how_long_it_may_be_kept_is_what_its_source_says(
        self, made: Certificates, directives: bytes, seconds: int | None
    ) -> None:
        assert fetched(made, served(DOCUMENT, b"Cache-Control: " + directives)).max_age == seconds


def test_a_proxy_that_is_none_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:Hunter2pw/x@127.0.0.1:3128")
    with pytest.raises(DocumentError, match="HTTPS_PROXY is no address of an HTTP proxy") as raised:
        HttpsGet()("https://issuer.example.com/keys.json", LIMIT)

    assert "percent-encoded" in raised.value.remedy
    assert not raised.value.may_pass
    assert "unter2" not in str(raised.value)


class TestWhoIsTrusted:
    def test_the_environments_bundle_counts(self, made: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(made.bundle))
        with https(made.chain, served(DOCUMENT)) as server:
            assert HttpsGet()(f"https://localhost:{server.port}/", LIMIT).body == DOCUMENT

    def test_an_unknown_authority_is_refused(self, made: Certificates, tmp_path: Path) -> None:
        stranger = certificates(tmp_path)
        with (
            https(stranger.chain, served(DOCUMENT)) as server,
            pytest.raises(DocumentError, match="certificate verify failed"),
        ):
            HttpsGet(ca_bundle=str(made.bundle))(f"https://localhost:{server.port}/", LIMIT)
        assert server.requests == []

    def test_the_certificate_of_another_host_is_refused(self, tmp_path: Path) -> None:
        other = certificates(tmp_path, name="other.example.com")
        with https(other.chain, served(DOCUMENT)) as server, pytest.raises(DocumentError, match="Hostname mismatch"):
            HttpsGet(ca_bundle=str(other.bundle))(f"https://localhost:{server.port}/", LIMIT)

    def test_a_certificate_that_has_expired_is_refused(self, tmp_path: Path) -> None:
        old = certificates(tmp_path, end=datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC))
        with https(old.chain, served(DOCUMENT)) as server, pytest.raises(DocumentError, match="expired"):
            HttpsGet(ca_bundle=str(old.bundle))(f"https://localhost:{server.port}/", LIMIT)

    @pytest.mark.parametrize("content", [None, b"no PEM"])
    def test_a_bundle_that_is_none_is_named(self, tmp_path: Path, content: bytes | None) -> None:
        bundle = tmp_path / "bundle.pem"
        if content is not None:
            bundle.write_bytes(content)
        with pytest.raises(DocumentError, match=r"bundle\.pem is no bundle of certificates"):
            HttpsGet(ca_bundle=str(bundle))("https://localhost/", LIMIT)


NO_DOCUMENTS: dict[str, tuple[Answer, str]] = {
    "a redirect": (saying(b"HTTP/1.1 302 Found\r\nLocation: https://evil.example.com/\r\n\r\n"), "redirects"),
    "a redirect to itself": (saying(b"HTTP/1.1 308 Permanent\r\nLocation: /keys.json\r\n\r\n"), "redirects"),
    "not found": (saying(b"HTTP/1.1 404 Not Found\r\n\r\n"), "HTTP 404 Not Found"),
    "forbidden": (saying(b"HTTP/1.1 403 Forbidden\r\n\r\n"), "HTTP 403"),
    "a failure": (saying(b"HTTP/1.1 503 Slow Down\r\n\r\n"), "HTTP 503"),
    "no content": (saying(b"HTTP/1.1 204 No Content\r\n\r\n"), "HTTP 204"),
    "part of it": (saying(b"HTTP/1.1 206 Partial Content\r\nContent-Length: 11\r\n\r\n" + DOCUMENT), "HTTP 206"),
    "one byte too many": (served(b"a" * (LIMIT + 1)), "more than 1,000 bytes"),
    "a huge length": (saying(OK + b"Content-Length: 99999999999999\r\n\r\n" + DOCUMENT), "closed before its end"),
    "a length beyond numbers": (
        saying(OK + b"Content-Length: " + b"9" * 6000 + b"\r\n\r\n" + DOCUMENT),
        "closed before its end",
    ),
    "cut off": (saying(OK + b"Content-Length: 12\r\n\r\n" + DOCUMENT), "closed before its end"),
    "a chunk cut off": (saying(OK + b"Transfer-Encoding: chunked\r\n\r\nff\r\n" + DOCUMENT), "IncompleteRead"),
    "a chunk of no length": (saying(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + DOCUMENT), "cannot be had"),
    "gzip": (served(gzip.compress(DOCUMENT), b"Content-Encoding: gzip"), "encodes it as gzip"),
    "nothing": (saying(b""), "cannot be had"),
    "no HTTP": (saying(b"\x00\x01\x02\x1b[31m" * 50 + b"\r\n\r\n"), "cannot be had"),
    "an old HTTP": (saying(DOCUMENT), "cannot be had"),
    "a status without end": (endless(b"HTTP/1.1 200 ", b"O" * 4096), "cannot be had"),
    "a header without end": (endless(OK + b"X: ", b"x" * 4096), "cannot be had"),
    "headers without end": (endless(OK, b"X: x\r\n" * 100), "cannot be had"),
    "a body without end": (endless(OK + b"\r\n", b" " * 4096), "more than 1,000 bytes"),
    "chunks without end": (endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n" * 100), "more than 1,000"),
    "a chunk of the length -1": (
        endless(OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", b"a" * 65536),
        "too long, or has no end",
    ),
    "100 without end": (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), "too long, or has no end"),
    "trailers without end": (
        endless(OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n", b"X: x\r\n" * 100),
        "too long, or has no end",
    ),
}


class TestWhatIsRefused:
    @pytest.mark.parametrize("name", NO_DOCUMENTS)
    def test_an_answer_that_is_no_document(self, made: Certificates, name: str) -> None:
        answer, reason = NO_DOCUMENTS[name]
        with pytest.raises(DocumentError, match=reason) as raised:
            fetched(made, answer, patience=20.0)
        assert raised.value.where.startswith("https://localhost:")
        assert len(raised.value.what) < 400
        assert raised.value.what.isprintable()

    @pytest.mark.parametrize(
        "answer",
        [
            endless(b"", b"H", pause=0.02),
            endless(OK, b"X", pause=0.02),
            endless(OK + b"\r\n", b" ", pause=0.02),
            endless(OK + b"Content-Length: 900\r\n\r\n", b" ", pause=0.02),
        ],
        ids=["status", "header", "body", "body with a length"],
    )
    def test_who_sends_a_byte_now_and_then_is_not_waited_for(self, made: Certificates, answer: Answer) -> None:
        with https(made.chain, answer) as server:
            with pytest.raises(DocumentError, match=r"no answer within 0\.3 seconds"):
                HttpsGet(ca_bundle=str(made.bundle), patience=0.3)(f"https://localhost:{server.port}/", LIMIT)
            assert server.hung_up.wait(10), "the connection is let go"

    def test_what_comes_when_nobody_waits_any_more_counts_for_nothing(self) -> None:
        """A connection that is cut looks like the end of a document that has no length."""
        attempt = module._Attempt(
            "https://localhost/", LIMIT, lambda *_: socket.socket(), ssl.create_default_context(), 0.3
        )  # its end and its result meet in no order that a test could bring about from outside
        for late in (None, Fetched(b"{", None)):
            with pytest.raises(DocumentError, match=r"no answer within 0\.3 seconds"):
                attempt.result()
            attempt._ended(late, "too late")
        with pytest.raises(DocumentError, match=r"no answer within 0\.3 seconds"):
            attempt.result()

    def test_nor_is_who_drips_its_handshake(self, made: Certificates) -> None:
        # a handshake record that says it has 16,000 bytes
        with serving(endless(b"\x16\x03\x03\x3e\x80\x02", b"\0", pause=0.02)) as server:
            with pytest.raises(DocumentError, match=r"no answer within 0\.3 seconds"):
                HttpsGet(ca_bundle=str(made.bundle), patience=0.3)(f"https://localhost:{server.port}/", LIMIT)
            assert server.hung_up.wait(10), "the connection is let go"

    def test_nor_is_a_connection_that_comes_too_late(self, made: Certificates) -> None:
        gone = threading.Event()
        with https(made.chain, served(DOCUMENT)) as server:

            def late(_host: str, port: int, timeout: float) -> socket.socket:
                gone.wait(10)
                return socket.create_connection(("127.0.0.1", port), timeout)

            with pytest.raises(DocumentError, match=r"no answer within 0\.1 seconds"):
                HttpsGet(ca_bundle=str(made.bundle), connect=late, patience=0.1)(
                    f"https://localhost:{server.port}/", LIMIT
                )
            gone.set()
            for thread in threading.enumerate():
                if thread.name == "https-get":
                    thread.join(10)
        assert server.requests == []

    def test_who_never_answers_is_not_waited_for(self, made: Certificates) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(DocumentError, match="cannot be had"):
            HttpsGet(ca_bundle=str(made.bundle), patience=0.2)(f"https://localhost:{silent.getsockname()[1]}/", LIMIT)

    def test_nobody_there(self, made: Certificates) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        with pytest.raises(DocumentError, match="refused"):
            HttpsGet(ca_bundle=str(made.bundle))(f"https://localhost:{port}/", LIMIT)

    def test_a_server_without_tls(self, made: Certificates) -> None:
        with serving(saying(OK + b"\r\n" + DOCUMENT)) as server, pytest.raises(DocumentError, match="cannot be had"):
            HttpsGet(ca_bundle=str(made.bundle))(f"https://localhost:{server.port}/", LIMIT)

    @pytest.mark.parametrize(
        "url",
        [
            "http://localhost/",
            "file:///etc/passwd",
            "https:///keys.json",
            "https://user:secret@localhost/",
            "https://localhost/\r\nX-Evil: 1",
            "https://local host/",
            "https://localhost:99999/",
            "https://localhost/?a",
            "https://localhost/#a",
            "https://l\u043ecalhost/",
            "",
        ],
    )
    def test_what_is_no_plain_https_url_is_not_asked_for(self, made: Certificates, url: str) -> None:
        def never(_host: str, _port: int, _timeout: float) -> socket.socket:
            raise AssertionError("nobody is to be called")

        with pytest.raises(DocumentError, match="The URL"):
            HttpsGet(ca_bundle=str(made.bundle), connect=never)(url, LIMIT)


class TestWhatMayPass:
    @pytest.mark.parametrize(
        ("answer", "may_pass"),
        [
            (saying(b"HTTP/1.1 503 Slow Down\r\n\r\n"), True),
            (saying(b""), True),
            (saying(b"HTTP/1.1 403 Forbidden\r\n\r\n"), False),
            (saying(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"), False),
        ],
        ids=["the server's fault", "a lost connection", "a refusal", "a redirect"],
    )
    def test_the_fault_of_the_server_or_of_the_way_may_pass(
        self, made: Certificates, answer: Answer, may_pass: bool
    ) -> None:
        with pytest.raises(DocumentError) as caught:
            fetched(made, answer)

        assert caught.value.may_pass is may_pass

    def test_a_certificate_that_does_not_hold_will_not_hold_later(self, made: Certificates) -> None:
        with https(made.chain, served(DOCUMENT)) as server, pytest.raises(DocumentError) as caught:
            HttpsGet()(f"https://localhost:{server.port}/keys.json", LIMIT)

        assert not caught.value.may_pass

    @pytest.mark.parametrize(("may_pass", "times"), [(True, 9), (False, 1)])
    def test_only_that_is_tried_again(self, may_pass: bool, times: int) -> None:
        asked: list[str] = []

        def failing(url: str, limit: int) -> Fetched:
            asked.append(f"{url} {limit}")
            raise DocumentError("not now", may_pass=may_pass)

        with pytest.raises(DocumentError):
            Again(failing, clock=(clock := FakeClock()))("https://a.example.com", LIMIT)

        assert len(asked) == times
        assert clock.time == (20.0 if may_pass else 0.0)

    def test_what_is_there_the_second_time_is_taken(self) -> None:
        answers: list[Fetched | DocumentError] = [DocumentError("not now", may_pass=True), Fetched(DOCUMENT, None)]

        def get(url: str, limit: int) -> Fetched:
            assert (url, limit) == ("https://a.example.com", LIMIT)
            answer = answers.pop(0)
            if isinstance(answer, DocumentError):
                raise answer
            return answer

        assert Again(get, clock=FakeClock())("https://a.example.com", LIMIT).body == DOCUMENT


def test_it_goes_through_the_proxy_of_the_environment(made: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    with https(made.chain, served(DOCUMENT)) as server, proxy(port=server.port) as between:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{between.port}")
        monkeypatch.setattr(module, "HTTPS_PORT", server.port)

        assert HttpsGet(ca_bundle=str(made.bundle))("https://localhost/keys.json", LIMIT).body == DOCUMENT
        assert between.requests[0].startswith(f"CONNECT localhost:{server.port} HTTP/1.1\r\n".encode())
