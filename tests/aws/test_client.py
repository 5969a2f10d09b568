"""What goes wrong with AWS becomes an error that says what it means and what to do; from real answers over HTTP."""

from __future__ import annotations

import socket
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import botocore.exceptions
import botocore.session
import pytest
from botocore.awsrequest import AWSPreparedRequest

from ccoctl.aws import calls, role_calls
from ccoctl.aws.client import BODY_LIMIT, MESSAGE_LIMIT, RATES, AwsCloud, Connection
from ccoctl.aws.cloudfront_calls import list_distributions
from ccoctl.aws.failures import kind_of
from ccoctl.aws.sts import Credentials
from ccoctl.engine.call import Call
from ccoctl.errors import CloudError, ErrorKind, UsageError
from tests.federation.test_proxies import UNFIT

SECRET = "wJalrXUtnFEMI/K7MDENG"
TOKEN = "FwoGZXIvYXdzEBYaDExample"
FOREIGN = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ROLE_ARN", "AWS_CA_BUNDLE")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "ALL_PROXY", "all_proxy")


@dataclass
class Server:
    """Answers every request alike."""

    port: int = 0
    status: int = 200
    body: bytes = b""
    agents: list[str] = field(default_factory=list)

    def refuse(self, status: int, code: str, message: str, more: str = "") -> None:
        """Answer with an error; S3's has no envelope, and the SDK reads either."""
        error = f"<Code>{code}</Code><Message>{message}</Message>{more}"
        self.status, self.body = status, f"<ErrorResponse><Error>{error}</Error></ErrorResponse>".encode()

    def refuse_as_s3(self, status: int, code: str, message: str, more: str = "") -> None:
        """The same in S3's shape."""
        self.status = status
        self.body = f"<Error><Code>{code}</Code><Message>{message}</Message>{more}</Error>".encode()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    canned = Server()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            canned.agents.append(self.headers["User-Agent"])
            self.send_response(canned.status)
            self.send_header("Content-Length", str(len(canned.body)))
            self.send_header("ETag", '"of-an-object"')
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(canned.body)

        do_GET = do_POST = do_PUT = do_HEAD = _answer  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_arguments: object) -> None:
            """The test looks at the answers."""

    for name in (*FOREIGN, *PROXIES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    canned.port = http.server_port
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{canned.port}")
    serving = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    yield canned
    http.shutdown()
    serving.join()
    http.server_close()


def failed(call: Call, connection: Connection | None = None) -> CloudError:
    """The error that a call ends with."""
    with pytest.raises(CloudError) as raised:
        AwsCloud(connection or Connection(region="us-east-1")).perform(call)
    assert raised.value.operation == call.name
    assert SECRET not in str(raised.value)
    assert TOKEN not in str(raised.value)
    return raised.value


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


DENIAL = "User: arn:aws:iam::1:user/u is not authorized to perform: {} on resource: x because no policy allows it"


def test_a_denial_names_the_action_that_aws_names(server: Server) -> None:
    server.refuse(403, "AccessDenied", DENIAL.format("iam:TagRole"))
    error = failed(role_calls.get_role("r"))

    assert (error.kind, error.actions) == (ErrorKind.DENIED, ("iam:TagRole",))
    assert error.remedy == "Allow iam:TagRole: see `ccoctl aws required-permissions`."


def test_a_denial_that_names_none_means_what_the_call_needs(server: Server) -> None:
    server.refuse_as_s3(403, "AccessDenied", "Access Denied")

    assert failed(calls.get_public_access_block("b")).actions == ("s3:GetBucketPublicAccessBlock",)
    assert failed(calls.head_bucket("b")).actions == ("s3:ListBucket",)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "NoSuchBucket", ErrorKind.MISSING),
        (409, "BucketAlreadyOwnedByYou", ErrorKind.EXISTS),
        (503, "SlowDown", ErrorKind.THROTTLED),
        (500, "InternalError", ErrorKind.TRANSIENT),
        (503, "NeverHeardOf", ErrorKind.THROTTLED),
        (502, "NeverHeardOf", ErrorKind.TRANSIENT),
        (400, "NeverHeardOf", ErrorKind.PERMANENT),
    ],
)
def test_the_code_counts_and_the_status_where_the_code_is_unknown(
    server: Server, status: int, code: str, kind: ErrorKind
) -> None:
    server.refuse_as_s3(status, code, "Said.")
    error = failed(calls.get_bucket_tagging("b"))

    assert (error.kind, error.code, error.what) == (kind, code, f"s3:GetBucketTagging failed: {code}: Said.")
    assert len(server.agents) == 1, "repeating is the engine's"


def test_a_missing_bucket_is_missing_where_there_is_no_body_to_say_so(server: Server) -> None:
    server.status = 404

    assert failed(calls.head_bucket("b")).kind is ErrorKind.MISSING


def test_blocked_public_policies_have_another_way_out_than_permissions(server: Server) -> None:
    server.refuse_as_s3(403, "AccessDenied", "public policies are blocked by the BlockPublicPolicy setting")
    error = failed(calls.get_bucket_policy("b"))

    assert "--create-private-s3-bucket" in error.remedy
    assert error.actions == ()


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch"])
def test_bad_credentials_are_called_so(server: Server, code: str) -> None:
    server.refuse(403, code, "It is not valid.")

    assert "log in again" in failed(calls.get_caller_identity()).remedy


def test_no_credential_is_repeated_from_what_a_server_says(server: Server) -> None:
    """Some services answer a wrong signature with all headers that they signed."""
    said = f"It does not match. The Canonical String for this request should have been 'x-amz-security-token:{TOKEN}'"
    server.refuse(403, "SignatureDoesNotMatch", said, f"<StringToSign>{TOKEN}</StringToSign>")

    assert "It does not match." in failed(calls.get_caller_identity()).what


@pytest.mark.parametrize("debris", ["{}\r", "{}\n", "\r{}", "{}\r\n ", "{} ", "{}\u00e9"])
@pytest.mark.parametrize(
    ("variable", "secret", "called"),
    [
        ("AWS_SESSION_TOKEN", TOKEN, "the session token"),
        ("AWS_SECRET_ACCESS_KEY", SECRET, "the secret access key"),
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE", "the access key's id"),
    ],
)
def test_a_credential_that_no_header_can_hold_is_called_so_and_not_quoted(
    server: Server, monkeypatch: pytest.MonkeyPatch, variable: str, secret: str, called: str, debris: str
) -> None:
    """As a variable of a CI has it that was set from a file with Windows line ends."""
    monkeypatch.setenv(variable, debris.format(secret))
    error = failed(calls.get_caller_identity())

    assert f"{called} has a line end" in error.what
    assert variable in error.remedy
    assert (error.kind, server.agents) == (ErrorKind.PERMANENT, [])
    for told in (str(error), "".join(traceback.format_exception(error))):
        assert secret not in told


def test_what_cannot_be_sent_is_not_quoted_whoever_it_is_from(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a token of the SDK's own making, in a request that is not ours to look at before."""
    monkeypatch.setenv("AWS_SESSION_TOKEN", f"{TOKEN}\r")
    monkeypatch.setattr("ccoctl.aws.client.check_credentials", lambda **_: None)
    error = failed(calls.get_caller_identity())

    assert error.kind is ErrorKind.PERMANENT
    assert "line end" in error.what
    assert TOKEN not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("wrapped", [True, False])
def test_what_the_sdk_words_is_told_without_the_secrets(
    server: Server, monkeypatch: pytest.MonkeyPatch, wrapped: bool
) -> None:
    def broken(_self: object, request: AWSPreparedRequest) -> None:
        error = ValueError(f"{bytes(request.headers['X-Amz-Security-Token'])!r} is no good")
        raise botocore.exceptions.ConnectionError(error=error) if wrapped else error

    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", broken)
    error = failed(calls.get_caller_identity())

    assert "<secret>' is no good" in error.what
    assert TOKEN not in "".join(traceback.format_exception(error))


def test_what_a_server_says_is_bounded(server: Server) -> None:
    server.refuse(400, "ValidationError", "x" * 100_000)

    assert len(str(failed(role_calls.get_role("r")))) < MESSAGE_LIMIT + 100


def test_who_does_not_answer_may_answer_later(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed_port()}")
    error = failed(list_distributions())

    assert (error.kind, error.code) == (ErrorKind.TRANSIENT, "EndpointConnectionError")
    assert "HTTPS_PROXY" in error.remedy


def test_a_proxys_password_is_not_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://someone:hunter2@127.0.0.1:{closed_port()}")
    error = failed(calls.get_caller_identity())

    assert (error.kind, error.code) == (ErrorKind.TRANSIENT, "ProxyConnectionError")
    assert "hunter2" not in str(error)


@pytest.mark.parametrize("proxy", UNFIT)
def test_what_is_no_proxy_is_refused_before_anything_is_asked(
    server: Server, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    error = failed(calls.get_caller_identity())

    assert error.what == "http_proxy is no address of an HTTP proxy"
    assert error.kind is ErrorKind.PERMANENT
    assert "percent-encoded" in error.remedy
    assert "unter2" not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("proxy", UNFIT)
def test_a_proxy_that_is_none_is_not_told_by_whoever_looks_for_credentials(
    server: Server, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_EC2_METADATA_DISABLED"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://localhost:{server.port}/")
    monkeypatch.setenv("http_proxy", proxy)
    error = failed(calls.get_caller_identity())

    assert error.what == "http_proxy is no address of an HTTP proxy"
    assert "unter2" not in "".join(traceback.format_exception(error))


def test_a_proxy_that_nobody_uses_may_be_anything(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.refuse(404, "NoSuchEntity", "There is none.")
    monkeypatch.setenv("ALL_PROXY", UNFIT[0])
    monkeypatch.setenv("HTTPS_PROXY", UNFIT[0])
    assert failed(role_calls.get_role("r")).kind is ErrorKind.MISSING

    monkeypatch.setenv("HTTP_PROXY", UNFIT[0])
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert failed(role_calls.get_role("r")).kind is ErrorKind.MISSING


def test_without_credentials_it_says_how_to_give_them(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    error = failed(calls.get_caller_identity())

    assert error.kind is ErrorKind.PERMANENT
    assert "AWS_PROFILE" in error.remedy
    assert server.agents == []


def test_a_profile_that_is_not_there_is_a_mistake_of_the_command_line(server: Server) -> None:
    with pytest.raises(UsageError, match="nobody") as raised:
        AwsCloud(Connection(profile="nobody"))
    assert "list-profiles" in raised.value.remedy


def test_an_object_is_read_up_to_a_limit(server: Server) -> None:
    server.body = b"x" * (BODY_LIMIT + 1)
    answer = AwsCloud(Connection(region="us-east-1")).perform(calls.get_object("b", "k"))

    assert answer["Body"] == b"x" * BODY_LIMIT
    assert "ResponseMetadata" not in answer


def test_every_error_that_the_service_models_promise_has_its_kind() -> None:
    """A new version of the SDK that knows more of them fails here."""
    session = botocore.session.Session()
    named = {
        shape.name: shape.metadata.get("error", {}).get("code", shape.name)
        for service in ("iam", "cloudfront", "s3")
        for shape in session.get_service_model(service).error_shapes
    }
    kinds = {code: kind_of(code, 400) for code in named.values()}

    for code in ("NoSuchEntity", "NoSuchBucket", "NoSuchDistribution", "NoSuchOriginAccessControl"):
        assert kinds[code] is ErrorKind.MISSING
    ours = ("Entity", "Bucket", "Distribution", "CloudFrontOriginAccessIdentity", "OriginAccessControl")
    exists = {code for code in kinds if "Already" in code and code.partition("Already")[0] in ours}
    assert len(exists) >= 6
    assert {kinds[code] for code in exists} == {ErrorKind.EXISTS}


def test_a_service_that_throttles_is_asked_less_from_then_on(server: Server) -> None:
    cloud = AwsCloud(Connection(region="us-east-1"))
    server.refuse(400, "Throttling", "Rate exceeded")

    for call in (role_calls.get_role("r"), calls.get_caller_identity()):
        with pytest.raises(CloudError, match="Throttling"):
            cloud.perform(call)
    with pytest.raises(CloudError):
        cloud.bearing(Credentials("ASIA1", "secret", "token")).perform(role_calls.get_role("r"))

    assert {name: rate.ceiling for name, rate in RATES.items()} == {"iam": 100.0, "sts": 600.0}
    assert all(bucket.allowed < 2.0 for bucket in cloud._pace._buckets.values())
    assert set(cloud._pace._buckets) == {"iam", "sts"}
