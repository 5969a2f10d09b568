"""The SDK does nothing twice: one read of a bundle, one client for many identities, one round trip for an object."""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.exceptions
import pytest

from ccoctl.aws import calls, sdk
from ccoctl.aws.client import AwsCloud, Connection
from ccoctl.aws.resources import Document
from ccoctl.aws.sts import Credentials

IDENTITY = (
    b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/u</Arn>"
    b"<UserId>AIDA</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)


@dataclass
class Server:
    """Answers every call with an identity, over connections that are kept."""

    url: str = ""
    heads: list[dict[str, str]] = field(default_factory=list)
    connections: int = 0


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    seen = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            seen.connections += 1

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.heads.append(dict(self.headers))
            body = IDENTITY if self.command == "POST" else b""
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = _answer  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_arguments: object) -> None:
            """The test looks at the answers."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

    http = Quiet(("127.0.0.1", 0), Handler)
    seen.url = f"http://127.0.0.1:{http.server_port}"
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", seen.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOWN")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "own")
    serving = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    yield seen
    http.shutdown()
    serving.join()
    http.server_close()


@pytest.fixture
def cloud(server: Server) -> AwsCloud:
    del server
    return AwsCloud(Connection(region="us-east-1", concurrency=4))


def signers(server: Server) -> list[str]:
    """The access keys that the requests were signed with."""
    return [re.findall(r"Credential=(\w+)/", head["Authorization"])[0] for head in server.heads]


def test_an_object_is_sent_with_its_headers_and_not_announced_first(server: Server, cloud: AwsCloud) -> None:
    document = Document(key="keys.json", body={"keys": []}, content_type="application/json", cache_control="", tags={})
    put = calls.put_object("b", document, replaces="")

    cloud.perform(type(put)(service="s3", operation="PutObject", parameters={**put.parameters, "Body": "{}"}))

    assert "Expect" not in server.heads[0]
    assert server.heads[0]["If-None-Match"] == "*"


def test_calls_say_who_makes_them(server: Server, cloud: AwsCloud) -> None:
    cloud.perform(calls.get_caller_identity())

    assert re.match(r"Botocore/\S+ Python/\S+ .*ccoctl-python$", server.heads[0]["User-Agent"])


def test_connections_are_kept_and_there_are_no_more_than_calls_at_a_time(server: Server, cloud: AwsCloud) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(cloud.perform, [calls.get_caller_identity()] * 40))

    assert len(server.heads) == 40
    assert 1 <= server.connections <= 4


def test_calls_in_the_name_of_others_share_a_client_and_bear_their_own_credentials(
    server: Server, cloud: AwsCloud
) -> None:
    others = [Credentials(f"ASIA{number}", "secret", f"token-{number}") for number in range(20)]

    def ask(credentials: Credentials) -> None:
        cloud.bearing(credentials).perform(calls.get_caller_identity())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, others))
    cloud.perform(calls.get_caller_identity())

    assert sorted(signers(server)) == sorted([*(item.access_key for item in others), "AKIAOWN"])
    tokens = {head.get("X-Amz-Security-Token", "") for head in server.heads}
    assert tokens == {"", *(item.session_token for item in others)}
    assert server.connections <= 5


def test_a_call_that_nobody_lends_credentials_to_bears_none(server: Server, cloud: AwsCloud) -> None:
    cloud.bearing(Credentials("ASIA1", "secret", "token")).perform(calls.get_caller_identity())
    borne = next(client for (_, is_borne), client in cloud._clients.items() if is_borne)

    with pytest.raises(LookupError, match="outside"):
        borne.get_caller_identity()

    assert signers(server) == ["ASIA1"]


class Counting(ssl.SSLContext):
    """Counts what it is told to read."""

    read: list[Any]

    def load_verify_locations(self, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        self.read.append((cafile, capath, cadata))


def test_a_bundle_of_authorities_is_read_once_for_all_clients_and_connections() -> None:
    made = Counting(ssl.PROTOCOL_TLS_CLIENT)
    made.read = []
    authorities = sdk.Authorities()

    for _ in range(3):
        context = authorities.context(lambda: made)
        context.load_verify_locations("bundle.pem")
    authorities.context(lambda: made).load_verify_locations(None, "/etc/authorities")

    assert made.read == [("bundle.pem", None, None), (None, "/etc/authorities", None)]


def test_a_session_knows_every_service_without_looking_into_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    session = sdk.session("")

    assert {"iam", "s3", "sts", "cloudfront", "sso"} <= set(session.get_available_services())
    assert session.get_service_model("sso").service_name == "sso"
    with pytest.raises(botocore.exceptions.UnknownServiceError):
        session.get_service_model("no-such-service")
