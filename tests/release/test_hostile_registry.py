"""Registries that lie, dawdle, or send us elsewhere; and the network between."""

from __future__ import annotations

import contextlib
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from ccoctl.engine.clock import SystemClock
from ccoctl.engine.retry import Patience, RetryPolicy
from ccoctl.errors import ErrorKind, ImageError
from ccoctl.release.credentials import Login
from ccoctl.release.payload import Payload, read
from ccoctl.release.reference import Image
from ccoctl.release.registry import RegistrySource
from ccoctl.release.wire import Trust, Wire
from tests.federation.servers import Server, head, serving
from tests.release.images import OCI, Built, build, payload_layer, request, tar

IMAGE = build(tar({"base": b"base"}), payload_layer({"a.yaml": request("a")}))
LOGIN = Login(user="me", password="hunter2")
BASIC = b"authorization: Basic bWU6aHVudGVyMg=="
QUICK = RetryPolicy(
    throttled=Patience(first=0.01, longest=0.02, total=5.0), transient=Patience(first=0.01, longest=0.02, total=5.0)
)


def response(status: str, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Script:
    """What a registry answers: an honest image, but for the paths that a test takes over."""

    image: Built = IMAGE
    answers: dict[str, Callable[[Server, socket.socket], None]] = field(default_factory=dict)
    requests: list[bytes] = field(default_factory=list)

    def __call__(self, server: Server, connection: socket.socket) -> None:
        if connection.recv(1, socket.MSG_PEEK) == b"\x16":  # TLS, which this server does not speak
            return
        self.answer(server, connection, head(connection))

    def answer(self, server: Server, connection: socket.socket, asked: bytes) -> None:
        """Answer a request by its head."""
        self.requests.append(asked)
        path = asked.split(b" ")[1].decode() if asked.count(b" ") > 1 else ""
        last = path.rpartition("/")[2]
        for key, answer in self.answers.items():
            if key in path:
                answer(server, connection)
                return
        if path == "/v2/":
            connection.sendall(response("200 OK"))
        elif "/manifests/" in path:
            connection.sendall(response("200 OK", self.image.manifest, Content_Type=OCI))
        elif last in self.image.blobs:
            connection.sendall(response("200 OK", self.image.blobs[last]))
        else:
            connection.sendall(response("404 Not Found"))

    def lines(self, beginning: bytes) -> list[bytes]:
        """The requests' heads that begin so."""
        return [asked for asked in self.requests if asked.startswith(beginning)]


def says(*answers: bytes) -> Callable[[Server, socket.socket], None]:
    """These answers, one after the other; the last again and again."""
    left = list(answers)

    def answer(_server: Server, connection: socket.socket) -> None:
        connection.sendall(left.pop(0) if len(left) > 1 else left[0])

    return answer


@contextlib.contextmanager
def registry(script: Script) -> Iterator[str]:
    with serving(script) as server:
        yield f"127.0.0.1:{server.port}"


def pull(
    host: str, *, tag: str = "1", digest: str = "", login: Login | None = None, policy: RetryPolicy = QUICK
) -> Payload:
    clock = SystemClock()
    image = Image(registry=host, repository="okd/release", tag=tag, digest=digest)
    with contextlib.closing(Wire(Trust(insecure=True), clock)) as wire:
        return read(RegistrySource(image, login, wire, clock, policy=policy), machine="x86_64")


def layer(number: int = -1) -> str:
    """The digest of a layer."""
    return list(IMAGE.blobs)[number]


def test_an_honest_registry_is_pulled_from_as_it_is() -> None:
    script = Script()
    with registry(script) as host:
        assert pull(host).files == {"a.yaml": request("a")}
    assert not [asked for asked in script.requests if b"authorization:" in asked.lower()]


def test_a_layer_that_is_not_what_its_digest_says_is_refused_and_not_asked_for_again() -> None:
    other = build(payload_layer({"a.yaml": request("evil")})).blobs
    data = list(other.values())[-1].ljust(len(IMAGE.blobs[layer()]), b"\0")[: len(IMAGE.blobs[layer()])]
    script = Script(answers={layer(): says(response("200 OK", data))})
    with (
        registry(script) as host,
        pytest.raises(ImageError, match=r"not what its digest says|cannot be unpacked|cut off"),
    ):
        pull(host)


def test_a_manifest_that_is_not_what_was_asked_for_is_refused() -> None:
    evil = build(payload_layer({"a.yaml": request("evil")}))
    with registry(Script(image=evil)) as host, pytest.raises(ImageError, match="not what its digest says"):
        pull(host, digest=IMAGE.digest)


def test_a_registry_that_contradicts_itself_about_a_tag_is_refused() -> None:
    lie = says(response("200 OK", IMAGE.manifest, Content_Type=OCI, Docker_Content_Digest=f"sha256:{'0' * 64}"))
    with registry(Script(answers={"/manifests/": lie})) as host, pytest.raises(ImageError, match="not what its digest"):
        pull(host)


def test_a_layer_that_is_cut_off_is_fetched_again() -> None:
    whole = response("200 OK", IMAGE.blobs[layer()])
    script = Script(answers={layer(): says(whole[:-20], whole[:-1], whole)})
    with registry(script) as host:
        assert pull(host).files == {"a.yaml": request("a")}


def test_a_layer_that_is_always_cut_off_is_given_up() -> None:
    impatient = RetryPolicy(transient=Patience(first=0.01, longest=0.01, total=0.05))
    script = Script(answers={layer(): says(response("200 OK", IMAGE.blobs[layer()])[:-20])})
    with registry(script) as host, pytest.raises(ImageError) as caught:
        pull(host, policy=impatient)
    assert caught.value.kind is ErrorKind.TRANSIENT
    assert host in str(caught.value)


def endless(start: bytes, piece: bytes) -> Callable[[Server, socket.socket], None]:
    def answer(server: Server, connection: socket.socket) -> None:
        connection.sendall(start)
        while not server.stop.is_set():
            connection.sendall(piece)

    return answer


UNENDING = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("path", ["/manifests/", "blobs/"])
def test_an_answer_without_end_is_cut_off_where_no_honest_one_is_longer(path: str) -> None:
    script = Script(answers={path: endless(UNENDING, b"x" * 65536)})
    with registry(script) as host, pytest.raises(ImageError, match="more than"):
        pull(host)


def test_headers_without_end_are_cut_off() -> None:
    script = Script(answers={"/manifests/": endless(b"HTTP/1.1 200 OK\r\n", b"X-More: of this\r\n" * 1000)})
    with registry(script) as host, pytest.raises(ImageError, match="no answer"):
        pull(host, policy=RetryPolicy(transient=Patience(first=0.01, longest=0.01, total=0.01)))


@pytest.mark.parametrize("status", ["500 Oh", "502 Oh", "503 Oh", "429 Slow down"])
def test_failures_that_pass_are_waited_out(status: str) -> None:
    script = Script(
        answers={"/manifests/": says(response(status), response(status), response("200 OK", IMAGE.manifest))}
    )
    with registry(script) as host:
        assert pull(host).digest == IMAGE.digest


@pytest.mark.parametrize("status", ["400 Oh", "403 Oh", "404 Oh", "418 Oh"])
def test_failures_that_stay_are_told_at_once_in_the_registrys_words(status: str) -> None:
    body = b'{"errors": [{"code": "X", "message": "because \\u001b[31m Bearer abc.def of me"}]}'
    script = Script(answers={"/manifests/": says(response(status, body))})
    with registry(script) as host, pytest.raises(ImageError, match="because") as caught:
        pull(host)
    assert len(script.lines(b"GET /v2/okd/release/manifests/1")) == 1
    assert "\x1b" not in str(caught.value)
    assert "abc.def" not in str(caught.value)


def test_a_login_is_shown_when_it_is_asked_for_and_once() -> None:
    asks = response("401 Unauthorized", WWW_Authenticate='Basic realm="x"')
    script = Script(answers={"/manifests/": says(asks, response("200 OK", IMAGE.manifest, Content_Type=OCI))})
    with registry(script) as host:
        assert pull(host, login=LOGIN).digest == IMAGE.digest
    shown = [BASIC.lower() in asked.lower() for asked in script.lines(b"GET /v2/okd")]
    assert shown == [False, True, *([True] * (len(shown) - 2))]


@pytest.mark.parametrize(
    "challenge",
    ['Basic realm="x"', 'Bearer realm="http://127.0.0.1:{port}/token"', "Negotiate", "", 'Bearer realm="ftp://x/"',
     'Bearer realm="http://me:you@127.0.0.1/"', 'Bearer realm="/token"'],
)  # fmt: skip
def test_a_registry_that_asks_again_and_again_is_given_up(challenge: str) -> None:
    script = Script()
    with serving(script) as server:
        host = f"127.0.0.1:{server.port}"
        script.answers["/manifests/"] = says(
            response("401 Unauthorized", WWW_Authenticate=challenge.format(port=server.port))
        )
        script.answers["/token"] = says(response("200 OK", b'{"token": "t"}'))
        with pytest.raises(ImageError) as caught:
            pull(host, login=LOGIN)
    assert caught.value.kind is ErrorKind.DENIED
    assert len(script.lines(b"GET /v2/okd")) <= 2


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"token": "two words"}', b'{"token": "a\\nb"}', b"x" * 300_000])
def test_a_token_that_is_none_is_not_shown(body: bytes) -> None:
    script = Script()
    with serving(script) as server:
        host = f"127.0.0.1:{server.port}"
        challenge = f'Bearer realm="http://{host}/token",service=s'
        script.answers["/manifests/"] = says(response("401 Unauthorized", WWW_Authenticate=challenge))
        script.answers["/token"] = says(response("200 OK", body))
        with pytest.raises(ImageError, match=r"token|more than"):
            pull(host)
    assert len(script.lines(b"GET /v2/okd")) == 1


def elsewhere(script: Script, target: Callable[[str], str]) -> tuple[Payload | ImageError, Script]:
    """Pull from a registry whose blobs are at another one, after a login."""
    other = Script()
    with serving(script) as server, serving(other) as there:
        host = f"127.0.0.1:{server.port}"
        asks = response("401 Unauthorized", WWW_Authenticate='Basic realm="x"')
        script.answers["/manifests/"] = says(asks, response("200 OK", IMAGE.manifest, Content_Type=OCI))
        for digest in IMAGE.blobs:
            place = f"http://127.0.0.1:{there.port}/store/{digest}"
            script.answers[digest] = says(response("307 Temporary Redirect", Location=target(place)))
        other.answers["/evil/"] = says(asks)
        try:
            return pull(host, login=LOGIN), other
        except ImageError as error:
            return error, other


def test_blobs_of_another_host_are_fetched_there_without_the_login() -> None:
    script = Script()
    done, other = elsewhere(script, lambda place: place)
    assert isinstance(done, Payload)
    assert done.files == {"a.yaml": request("a")}
    assert len(other.requests) == 3
    assert not [asked for asked in other.requests if b"authorization" in asked.lower()]
    assert [asked for asked in script.requests if BASIC.lower() in asked.lower()]


def test_a_host_that_we_were_sent_to_cannot_ask_for_the_login() -> None:
    failed, other = elsewhere(Script(), lambda place: place.replace("/store/", "/evil/"))
    assert isinstance(failed, ImageError)
    assert failed.kind is ErrorKind.DENIED
    assert len(other.requests) == 1
    assert b"authorization" not in other.requests[0].lower()


@pytest.mark.parametrize("location", ["", "ftp://x/y", "file:///etc/passwd", "http://me:you@127.0.0.1/x"])
def test_a_redirect_to_no_web_server_is_refused(location: str) -> None:
    script = Script(answers={"/manifests/": says(response("302 Found", Location=location))})
    with registry(script) as host, pytest.raises(ImageError, match=r"redirects to|no answer"):
        pull(host)


NO_URLS = ["https://[", "http://[::1", "http://127.0.0.1:99999/x", "http://127.0.0.1:port/x", "https://[zz]/", "//["]
"""What is shaped like a URL and cannot be taken apart."""


@pytest.mark.parametrize("location", NO_URLS)
def test_a_redirect_to_what_cannot_be_taken_apart_is_refused(location: str) -> None:
    script = Script(answers={"/manifests/": says(response("307 Temporary Redirect", Location=location))})
    with registry(script) as host, pytest.raises(ImageError, match="is no URL") as caught:
        pull(host)
    assert location in caught.value.what
    assert len(script.lines(b"GET /v2/okd")) == 1


@pytest.mark.parametrize("realm", [*NO_URLS, "http://a\u2100b/"])
def test_a_token_server_whose_address_cannot_be_taken_apart_is_not_asked(realm: str) -> None:
    challenge = f'Bearer realm="{realm}",service="x"'
    script = Script(answers={"/manifests/": says(response("401 Unauthorized", WWW_Authenticate=challenge))})
    with registry(script) as host, pytest.raises(ImageError, match="is no URL"):
        pull(host, login=LOGIN)
    assert len(script.lines(b"GET /v2/okd")) == 1


def test_redirects_in_a_circle_come_to_an_end() -> None:
    script = Script(answers={"/manifests/": says(response("302 Found", Location="/v2/x/manifests/y"))})
    with registry(script) as host, pytest.raises(ImageError, match="more than 5 times"):
        pull(host)
    assert len(script.lines(b"GET /v2/x")) == 5


def test_an_answer_that_trickles_is_given_up_at_its_deadline() -> None:
    class Late(SystemClock):
        def now(self) -> float:
            self.ticks = getattr(self, "ticks", 0.0) + 61.0
            return self.ticks

        def pause(self, seconds: float, stop: threading.Event) -> None:
            del seconds, stop
            raise AssertionError("there is no time left to wait in")

    image = Image(registry="", repository="okd/release", tag="1")
    with registry(Script()) as host:
        clock = Late()
        with contextlib.closing(Wire(Trust(insecure=True), clock)) as wire:
            source = RegistrySource(image.moved(host, "okd/release"), None, wire, clock, policy=QUICK)
            with pytest.raises(ImageError, match="takes too long"):
                source.root()


@pytest.mark.parametrize("token", ["hunter2\r", "x y\rhunter2", "hunter2\n hunter2"])
def test_a_header_that_cannot_be_sent_is_not_quoted(token: str) -> None:
    with registry(Script()) as host, pytest.raises(ImageError, match="line end") as caught:
        pull(host, login=Login(registry_token=token))
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_registry_that_nobody_runs_is_told_of() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    quick = RetryPolicy(transient=Patience(first=0.01, longest=0.01, total=0.02))
    with pytest.raises(ImageError, match="no answer") as caught:
        pull(f"127.0.0.1:{port}", policy=quick)
    assert f"127.0.0.1:{port}/okd/release:1" in str(caught.value)


def test_a_name_that_nobody_has_is_not_asked_for_again() -> None:
    with pytest.raises(ImageError, match=r"no such server|no answer"):
        pull("no-such-host.invalid", policy=RetryPolicy(transient=Patience(first=0.01, longest=0.01, total=0.02)))


def test_manifests_are_asked_for_in_all_forms_and_nothing_packed() -> None:
    script = Script()
    with registry(script) as host:
        pull(host)
    (asked,) = script.lines(b"GET /v2/okd/release/manifests/1")
    assert b"application/vnd.oci.image.index.v1+json" in asked
    assert b"manifest.list.v2+json" in asked
    assert b"accept-encoding: identity" in asked.lower()
