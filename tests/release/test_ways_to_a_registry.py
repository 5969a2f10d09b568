"""On the way to a registry: TLS that must stay, tokens that are there or expire, and mirrors that are dead."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ccoctl.engine.clock import SystemClock
from ccoctl.errors import ErrorKind, ImageError
from ccoctl.release.wire import Trust
from ccoctl.workflows.release_image import Access, read_payload
from tests.federation.servers import Server, certificates, head, serving
from tests.federation.test_proxies import UNFIT
from tests.release.images import OCI
from tests.release.test_hostile_registry import IMAGE, Script, response, says


class Waiting(SystemClock):
    """A clock on which nobody waits, and that remembers for how long they would have."""

    def __init__(self) -> None:
        self.paused: list[float] = []

    def now(self) -> float:
        return sum(self.paused)

    def pause(self, seconds: float, stop: threading.Event) -> None:
        assert not stop.is_set()
        self.paused.append(seconds)


@contextlib.contextmanager
def tls(folder: Path, script: Script) -> Iterator[tuple[str, Trust]]:
    """The script behind TLS: its host and what trusts it."""
    made = certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.chain)

    def handler(server: Server, connection: socket.socket) -> None:
        with contextlib.suppress(ssl.SSLError), context.wrap_socket(connection, server_side=True) as secured:
            script.answer(server, secured, head(secured))

    with serving(handler) as server:
        yield f"localhost:{server.port}", Trust(authorities=made.bundle)


def access(trust: Trust, logins: Path | None = None, mirrors: Path | None = None) -> Access:
    return Access(
        registry_config=logins,
        trust=trust,
        mirror_files=(mirrors,) if mirrors else (),
        environment={"HOME": "/nonexistent"},
    )


def quiet(sentence: str) -> None:
    del sentence


def test_a_registry_with_tls_cannot_send_us_on_without_it(tmp_path: Path) -> None:
    plain = Script()
    with serving(plain) as there, tls(tmp_path, script := Script()) as (host, trust):
        elsewhere = f"http://127.0.0.1:{there.port}/v2/okd/release/manifests/1"
        script.answers["/manifests/"] = says(response("307 Temporary Redirect", Location=elsewhere))
        with pytest.raises(ImageError, match="without TLS") as caught:
            read_payload(f"{host}/okd/release:1", access(trust), tell=quiet)
    assert "--insecure" in caught.value.remedy
    assert plain.requests == []


def test_a_registry_with_tls_cannot_have_the_login_sent_without_it(tmp_path: Path) -> None:
    logins = tmp_path / "logins.json"
    plain = Script()
    with serving(plain) as there, tls(tmp_path, script := Script()) as (host, trust):
        logins.write_text(json.dumps({"auths": {host: {"username": "me", "password": "hunter2"}}}))
        challenge = f'Bearer realm="http://127.0.0.1:{there.port}/token",service="s"'
        script.answers["/manifests/"] = says(response("401 Unauthorized", WWW_Authenticate=challenge))
        with pytest.raises(ImageError, match="without TLS"):
            read_payload(f"{host}/okd/release:1", access(trust, logins), tell=quiet)
    assert plain.requests == []


def test_a_token_of_the_file_is_shown_as_it_is(tmp_path: Path) -> None:
    logins = tmp_path / "logins.json"
    with tls(tmp_path, script := Script()) as (host, trust):
        logins.write_text(json.dumps({"auths": {host: {"registrytoken": "made-before"}}}))
        assert read_payload(f"{host}/okd/release:1", access(trust, logins), tell=quiet).digest == IMAGE.digest
    assert all(b"authorization: bearer made-before" in asked.lower() for asked in script.requests)


def test_a_token_that_expires_meanwhile_is_asked_for_again(tmp_path: Path) -> None:
    with tls(tmp_path, script := Script()) as (host, trust):
        challenge = f'Bearer realm="https://{host}/token"'
        asks = response("401 Unauthorized", WWW_Authenticate=challenge)
        script.answers["/manifests/"] = says(asks, response("200 OK", IMAGE.manifest, Content_Type=OCI))
        script.answers["/token"] = says(
            response("200 OK", b'{"token": "first"}'), response("200 OK", b'{"token": "second"}')
        )
        layer = list(IMAGE.blobs)[-1]
        script.answers[layer] = says(asks, response("200 OK", IMAGE.blobs[layer]))
        assert read_payload(f"{host}/okd/release:1", access(trust), tell=quiet).digest == IMAGE.digest
    shown = [asked.lower().partition(b"authorization: ")[2].split(b"\r")[0] for asked in script.lines(b"GET /v2/okd")]
    assert shown[0] == b""
    assert shown[-1] == b"bearer second"


def test_a_dead_mirror_is_not_waited_for_as_long_as_the_only_registry_is(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        dead = f"127.0.0.1:{free.getsockname()[1]}"
    policy = tmp_path / "idms.yaml"
    with tls(tmp_path, Script()) as (host, trust):
        rule = {"source": f"{host}/okd", "mirrors": [dead, f"{dead}/other"]}
        document = {"apiVersion": "config.openshift.io/v1", "kind": "ImageDigestMirrorSet"}
        policy.write_text(yaml.safe_dump({**document, "spec": {"imageDigestMirrors": [rule]}}))
        told: list[str] = []
        clock = Waiting()
        found = read_payload(f"{host}/okd/release:1", access(trust, mirrors=policy), tell=told.append, clock=clock)
    assert found.where == f"{host}/okd/release:1"
    assert [line.split(" ")[0] for line in told] == [f"{dead}/release:1", f"{dead}/other/release:1"]
    assert 0 < sum(clock.paused) <= 4.0
    with pytest.raises(ImageError) as caught:
        read_payload(f"{dead}/okd/release:1", access(trust), tell=quiet, clock=(alone := Waiting()))
    assert caught.value.kind is ErrorKind.TRANSIENT
    assert sum(alone.paused) == pytest.approx(15.0)


@pytest.mark.usefixtures("no_proxies")
class TestThroughAProxyThatIsNone:
    @pytest.mark.parametrize("proxy", UNFIT)
    @pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY"])
    def test_nobody_is_asked_and_its_password_not_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, proxy: str
    ) -> None:
        monkeypatch.setenv(name, proxy)
        with tls(tmp_path, script := Script()) as (host, trust), pytest.raises(ImageError) as raised:
            read_payload(f"{host}/okd/release:1", access(trust), tell=quiet)

        assert raised.value.what == f"{name} is no address of an HTTP proxy"
        assert "SOCKS is not supported" in raised.value.remedy
        assert "unter2" not in "".join(traceback.format_exception(raised.value))
        assert script.requests == []

    def test_a_registry_that_needs_none_is_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", UNFIT[0])
        monkeypatch.setenv("NO_PROXY", "localhost")
        with tls(tmp_path, Script()) as (host, trust):
            assert read_payload(f"{host}/okd/release:1", access(trust), tell=quiet).digest == IMAGE.digest
