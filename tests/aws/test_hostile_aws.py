"""An AWS that lies, dawdles or never ends: each call ends with an error that says so, in bounded time and memory."""

from __future__ import annotations

import base64
import gzip
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from socket import socket

import pytest

from ccoctl.aws import bounds, calls, role_calls
from ccoctl.aws import cloudfront_calls as front
from ccoctl.aws.client import BODY_LIMIT, AwsCloud, Connection
from ccoctl.aws.observe import role_candidates
from ccoctl.aws.reader import reader
from ccoctl.engine.call import Call
from ccoctl.errors import CloudError, ErrorKind
from tests.aws.hostile import BOMB, HTML, LOUD_ERROR, PAGE, Message, Spoil, answer, received, say, without_end
from tests.conftest import ROOT, Count
from tests.federation.servers import Server, serving

ARN = "arn:aws:iam::123456789012:role/demo"
SECRET = "wJalrXUtnFEMI/K7MDENG"
TOKEN = "FwoGZXIvYXdzEBYaDExample"
FOREIGN = ("AWS_PROFILE", "AWS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


@dataclass
class Hostile:
    """What answers as AWS."""

    says: Spoil = field(default_factory=say)
    asked: list[Message] = field(default_factory=list)
    _cloud: list[AwsCloud] = field(default_factory=list)

    @property
    def cloud(self) -> AwsCloud:
        """Who asks; its clients take a while to make, so there is one for all tests."""
        if not self._cloud:
            self._cloud.append(AwsCloud(Connection(region="us-east-1")))
        return self._cloud[0]

    def failed(self, call: Call, says: Spoil) -> CloudError:
        """The error that a call ends with."""
        self.says = says
        with pytest.raises(CloudError) as raised:
            self.cloud.perform(call)
        error = raised.value
        assert error.operation == call.name
        assert not re.search(rf"{re.escape(SECRET)}|{TOKEN}", str(error))
        assert len(str(error)) < 1500
        return error


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    folder = tmp_path_factory.mktemp("aws")
    made = Hostile()

    def handler(server: Server, connection: socket) -> None:
        asked = received(connection)
        if asked.head.strip():
            made.asked.append(asked)
            made.says(server, connection, asked)

    with serving(handler) as server, pytest.MonkeyPatch.context() as patch:
        environment = {
            "AWS_CONFIG_FILE": str(folder / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_SESSION_TOKEN": TOKEN,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}",
        }
        for name in FOREIGN:
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        yield made


@pytest.fixture
def hostile(listening: Hostile) -> Hostile:
    listening.asked.clear()
    return listening


def iam(operation: str, result: str) -> bytes:
    wrapped = f"<{operation}Result>{result}</{operation}Result>"
    return f'<{operation}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/">{wrapped}</{operation}Response>'.encode()


def role(name: str = "demo", arn: str = ARN, more: str = "") -> bytes:
    return iam("GetRole", f"<Role><RoleName>{name}</RoleName><Arn>{arn}</Arn><Path>/</Path>{more}</Role>")


GET_ROLE = role_calls.get_role("demo")
HTTP = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HTTP + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"


def test_an_honest_answer_is_taken(hostile: Hostile) -> None:
    hostile.says = say(answer(role()))
    found = hostile.cloud.perform(GET_ROLE)

    assert found["Role"] == {"RoleName": "demo", "Arn": ARN, "Path": "/"}


NONSENSE: dict[str, tuple[Call, bytes, ErrorKind, str]] = {
    "a web page": (GET_ROLE, answer(HTML), ErrorKind.PERMANENT, "a web page came instead of AWS's GetRoleResponse"),
    "a web page for what has no answer": (
        calls.delete_bucket("b"),
        answer(HTML),
        ErrorKind.PERMANENT,
        "a web page came where AWS answers nothing",
    ),
    "a web page that says 404": (
        GET_ROLE,
        answer(PAGE, "404 Not Found"),
        ErrorKind.PERMANENT,
        "404 came with a web page",
    ),
    "S3's web page that says 404": (
        calls.get_bucket_tagging("b"),
        answer(PAGE, "404 Not Found"),
        ErrorKind.PERMANENT,
        "404 came with a web page",
    ),
    "a web page of a gateway": (
        front.list_distributions(),
        answer(PAGE, "502 Bad Gateway"),
        ErrorKind.TRANSIENT,
        "502 came with a web page",
    ),
    "nothing": (front.list_distributions(), answer(), ErrorKind.TRANSIENT, "the answer is empty"),
    "nothing, and it failed": (GET_ROLE, answer(b"", "403 Forbidden"), ErrorKind.PERMANENT, "without a word"),
    "JSON": (GET_ROLE, answer(b'{"Role": {}}'), ErrorKind.PERMANENT, "JSON came instead of AWS's GetRoleResponse"),
    "another document": (
        front.list_distributions(),
        answer(b"<InvalidationList></InvalidationList>"),
        ErrorKind.PERMANENT,
        "another document came instead of AWS's DistributionList",
    ),
    "half a document": (GET_ROLE, answer(role()[:-30]), ErrorKind.TRANSIENT, "cut off"),
    "a document that closes what it did not open": (
        GET_ROLE,
        answer(role(more="</Description>")),
        ErrorKind.PERMANENT,
        "makes no sense",
    ),
    "no result": (GET_ROLE, answer(b"<GetRoleResponse></GetRoleResponse>"), ErrorKind.PERMANENT, "makes no sense"),
    "no role": (GET_ROLE, answer(iam("GetRole", "")), ErrorKind.PERMANENT, "has no Role.RoleName"),
    "a number that is none": (
        GET_ROLE,
        answer(role(more="<MaxSessionDuration>soon</MaxSessionDuration>")),
        ErrorKind.PERMANENT,
        "makes no sense",
    ),
    "a date that is none": (
        GET_ROLE,
        answer(role(more="<CreateDate>yesterday</CreateDate>")),
        ErrorKind.PERMANENT,
        "makes no sense",
    ),
    "a list for a text": (
        GET_ROLE,
        answer(role(more="<Description>a</Description><Description>b</Description>")),
        ErrorKind.PERMANENT,
        "says something twice",
    ),
    "no list": (role_calls.list_roles(), answer(iam("ListRoles", "")), ErrorKind.PERMANENT, "has no Roles"),
    "another role": (GET_ROLE, answer(role("other")), ErrorKind.PERMANENT, "about another RoleName: 'other'"),
    "another role's ARN": (GET_ROLE, answer(role(arn=f"{ARN}-2")), ErrorKind.PERMANENT, "is no ARN of role demo"),
    "an ARN with more in it": (
        GET_ROLE,
        answer(role(arn=f"{ARN}\nweb_identity_token_file = /etc/shadow")),
        ErrorKind.PERMANENT,
        "Role.Arn cannot be one",
    ),
    "a policy that nests": (
        GET_ROLE,
        answer(role(more="<AssumeRolePolicyDocument>" + "[" * 90_000 + "</AssumeRolePolicyDocument>")),
        ErrorKind.PERMANENT,
        "makes no sense",
    ),
    "entities that unfold": (GET_ROLE, answer(BOMB + role()), ErrorKind.PERMANENT, "came instead of AWS's"),
    "entities after a comment": (
        GET_ROLE,
        answer(b"<GetRoleResponse><!DOCTYPE a [<!ENTITY b 'c'>]></GetRoleResponse>"),
        ErrorKind.PERMANENT,
        "declares entities",
    ),
    "invalid UTF-8": (GET_ROLE, answer(role().replace(b"/<", b"\xff<")), ErrorKind.PERMANENT, "makes no sense"),
    "NULs": (GET_ROLE, answer(role().replace(b"><", b">\0<")), ErrorKind.PERMANENT, "makes no sense"),
    "a loud error": (GET_ROLE, answer(LOUD_ERROR, "400 Bad Request"), ErrorKind.PERMANENT, "Bad"),
    "an error that says its code twice": (
        GET_ROLE,
        answer(b"<Error><Code>1</Code><Code>2</Code></Error>", "400 Bad Request"),
        ErrorKind.PERMANENT,
        "no error of AWS",
    ),
    "an error that nests": (
        GET_ROLE,
        answer(b"<Error>" * 5000 + b"</Error>" * 5000, "400 Bad Request"),
        ErrorKind.PERMANENT,
        "no error of AWS",
    ),
    "an error without end": (
        GET_ROLE,
        answer(b"<Error><Code>x</Code>" + b" " * 70_000 + b"</Error>", "400 Bad Request"),
        ErrorKind.PERMANENT,
        "no error of AWS",
    ),
    "a key that is none": (
        calls.list_objects("b"),
        answer(b"<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>"),
        ErrorKind.PERMANENT,
        "has no Contents.Key",
    ),
    "a host that is none": (
        front.get_distribution("E1"),
        answer(
            b"<Distribution><Id>E1</Id><ARN>arn:aws:cloudfront::1:distribution/E1</ARN>"
            b"<DomainName>x/../../evil.example?</DomainName></Distribution>"
        ),
        ErrorKind.PERMANENT,
        "DomainName cannot be one",
    ),
    "an object without ETag": (calls.get_object("b", "k"), answer(b"{}"), ErrorKind.PERMANENT, "has no ETag"),
    "an object that is cut off": (
        calls.get_object("b", "k"),
        answer(b"{}", ETag='"e"').replace(b"Length: 2", b"Length: 20"),
        ErrorKind.TRANSIENT,
        "",
    ),
    "an object of another checksum": (
        calls.get_object("b", "k"),
        answer(b"{}", ETag='"e"', x_amz_checksum_crc32=base64.b64encode(b"1234").decode()),
        ErrorKind.TRANSIENT,
        "not what its checksum says",
    ),
    "a bucket's policy that is no text": (
        calls.get_bucket_policy("b"),
        answer(b"\xff\xfe"),
        ErrorKind.PERMANENT,
        "makes no sense",
    ),
    "no answer": (GET_ROLE, b"", ErrorKind.TRANSIENT, "did not answer"),
    "another protocol": (GET_ROLE, b"220 smtp.example.com ESMTP\r\n", ErrorKind.TRANSIENT, "did not answer"),
    "many headers": (GET_ROLE, HTTP + b"X: y\r\n" * 3000 + b"\r\n", ErrorKind.TRANSIENT, "did not answer"),
    "a header of a megabyte": (GET_ROLE, HTTP + b"X: " + b"y" * 1_000_000, ErrorKind.TRANSIENT, "did not answer"),
    "chunks that are none": (GET_ROLE, CHUNKED + b"zz\r\n", ErrorKind.TRANSIENT, "did not answer"),
    "a chunk that is cut off": (GET_ROLE, CHUNKED + b"ff\r\n<GetRole", ErrorKind.TRANSIENT, "did not answer"),
    "half a continuation": (GET_ROLE, b"HTTP/1.1 100 Continue\r\n", ErrorKind.TRANSIENT, "did not answer"),
    "what is packed": (
        GET_ROLE,
        answer(gzip.compress(role()), Content_Encoding="gzip"),
        ErrorKind.PERMANENT,
        "something that is no XML",
    ),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_what_makes_no_sense_is_told(hostile: Hostile, count: Count, name: str) -> None:
    call, said, kind, words = NONSENSE[name]
    error = hostile.failed(call, say(said))

    assert (error.kind, words in error.what) == (kind, True), str(error)
    assert error.remedy or name == "a loud error"
    assert len(hostile.asked) == 1, "repeating is the engine's"
    count(1, "answers of AWS that make no sense")


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize(
    "call", [GET_ROLE, calls.get_bucket_tagging("b"), calls.head_bucket("b")], ids=lambda c: c.name
)
def test_nobody_is_followed_elsewhere(hostile: Hostile, status: str, call: Call) -> None:
    with serving(lambda server, _: server.requests.append(b"asked")) as elsewhere:
        away = answer(b"", status, Location=f"http://127.0.0.1:{elsewhere.port}/", x_amz_bucket_region="x.example/#")
        error = hostile.failed(call, say(away))

    assert elsewhere.requests == []
    assert error.kind is ErrorKind.PERMANENT


def test_another_account_in_the_middle_is_refused(hostile: Hostile) -> None:
    cloud = hostile.cloud
    for arn, fits in ((ARN, True), (ARN.replace("123", "999"), False), (ARN.replace("aws", "aws-cn"), False)):
        hostile.says = say(answer(role(arn=arn)))
        if fits:
            cloud.perform(GET_ROLE)
            continue
        with pytest.raises(CloudError, match="in another account than aws:123456789012"):
            cloud.perform(GET_ROLE)


def paged(markers: Iterator[str]) -> Spoil:
    def spoil(_server: Server, connection: socket, _asked: Message) -> None:
        member = "<member><RoleName>demo-x</RoleName></member>"
        rest = f"<IsTruncated>true</IsTruncated><Marker>{next(markers)}</Marker>"
        connection.sendall(answer(iam("ListRoles", f"<Roles>{member}</Roles>{rest}")))

    return spoil


def test_a_list_that_comes_back_to_a_page_is_given_up(hostile: Hostile) -> None:
    hostile.says = paged(iter(["1", "2", "3", "2", "3", "2"]))
    with (
        reader(hostile.cloud.perform, 1) as asked,
        pytest.raises(CloudError, match="iam:ListRoles: the list has no end"),
    ):
        role_candidates(asked, "demo")
    assert len(hostile.asked) == 4


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (without_end(HTTP + b"\r\n", b"x" * 65536), "more than 200,000 bytes"),
        (without_end(HTTP + b"Content-Length: 1073741824\r\n\r\n", b"x" * 65536), "more than 200,000 bytes"),
        (without_end(CHUNKED, b"10000\r\n" + b"x" * 65536 + b"\r\n"), "more than 200,000 bytes"),
        (without_end(CHUNKED, b"1" * 65536), "did not answer"),
        (without_end(CHUNKED + b"0\r\n", b"X-Trailer: x\r\n" * 5000), "more than 200,000 bytes"),
        (without_end(b"", b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" * 3000), "more than 200,000 bytes"),
        (without_end(b"HTTP/1.1 500 Oh\r\n\r\n", b"<Error>" * 10_000), "more than 200,000 bytes"),
    ],
    ids=["body", "length", "chunks", "length of a chunk", "trailers", "continuations", "error"],
)
def test_an_answer_without_end_is_given_up(
    hostile: Hostile, count: Count, monkeypatch: pytest.MonkeyPatch, says: Spoil, words: str
) -> None:
    monkeypatch.setattr(bounds, "LIMIT", 200_000)
    error = hostile.failed(GET_ROLE, says)

    assert words in error.what
    assert error.kind is (ErrorKind.TRANSIENT if words == "did not answer" else ErrorKind.PERMANENT)
    count(1, "answers of AWS without end")


@pytest.mark.parametrize(
    "says",
    [
        without_end(HTTP + b"\r\n", b"x", pause=0.02),
        without_end(CHUNKED, b"1\r\nx\r\n", pause=0.02),
        without_end(HTTP, b"X: y\r\n", pause=0.02),
        without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.02),
        without_end(b"", b"H", pause=0.02),
        without_end(HTTP + b"Content-Length: 1000\r\n\r\n", b"", pause=0.02),
    ],
    ids=["body", "chunks", "headers", "continuations", "status", "silence"],
)
def test_an_answer_that_trickles_is_given_up_at_its_deadline(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch, says: Spoil
) -> None:
    monkeypatch.setattr(bounds, "DEADLINE", 0.2)
    error = hostile.failed(GET_ROLE, says)

    assert (error.kind, error.code) == (ErrorKind.TRANSIENT, "ReadTimeoutError")


def test_an_object_without_end_is_read_as_far_as_one_may_be_long(hostile: Hostile) -> None:
    hostile.says = without_end(HTTP + b'ETag: "e"\r\n\r\n', b"x" * 65536)
    got = hostile.cloud.perform(calls.get_object("b", "k"))

    assert got["Body"] == b"x" * BODY_LIMIT


def test_a_connection_that_served_is_used_again_and_in_its_own_time(hostile: Hostile) -> None:
    """Bounds are those of one answer: the next on the same connection begins anew."""

    def kept(_server: Server, connection: socket, _asked: Message) -> None:
        for _ in range(3):
            connection.sendall(answer(role()).replace(b"Connection: close\r\n", b""))
            received(connection)

    hostile.says = kept
    cloud = hostile.cloud
    for _ in range(3):
        cloud.perform(GET_ROLE)
    assert len(hostile.asked) == 1, "of connections"


CHILD = """
import sys
from ccoctl.aws import role_calls
from ccoctl.aws.client import AwsCloud, Connection
from ccoctl.errors import CloudError
from tests.peak import peak
cloud = AwsCloud(Connection(region="us-east-1"))
for _ in range(int(sys.argv[1])):
    try:
        cloud.perform(role_calls.list_roles())
        print("taken")
    except CloudError as error:
        print(error.what)
print(peak() // 1024**2)
"""


def _memory(hostile: Hostile, *bombs: Spoil) -> list[str]:
    """What became of each bomb, and the most memory of the process that took them, in MiB."""
    left = list(bombs)

    def spoil(server: Server, connection: socket, asked: Message) -> None:
        left.pop(0)(server, connection, asked)

    hostile.says = spoil
    child = [sys.executable, "-c", CHILD, str(len(bombs))]
    done = subprocess.run(child, cwd=ROOT, capture_output=True, text=True, check=True, timeout=100)
    return done.stdout.splitlines()


def _roles(inner: bytes) -> bytes:
    return iam("ListRoles", "@").replace(b"@", inner)


def test_memory_is_bounded_for_the_worst_that_is_parsed(hostile: Hostile) -> None:
    largest = b"<Roles>" + b"<member><RoleName>r</RoleName></member>" * 90_000 + b"</Roles>"
    *told, peak = _memory(hostile, say(answer(_roles(largest))), say(answer(_roles(b"<a/>" * 600_000))))

    assert told[0] == "taken"
    assert "more than 500,000 tags" in told[1]
    assert int(peak) < 200, peak


@pytest.mark.long
@pytest.mark.timeout(300)
def test_memory_is_bounded_whatever_comes(hostile: Hostile) -> None:
    bombs = {
        "a gigabyte": without_end(HTTP + b"Content-Length: 1073741824\r\n\r\n", b"x" * 1024 * 1024),
        "tags": say(answer(_roles(b"<a/>" * 4_000_000))),
        "depth": say(answer(_roles(b"<a>" * 240_000 + b"</a>" * 240_000))),
        "text": say(answer(_roles(b"<Roles><member><RoleName>" + b"r" * 16_000_000 + b"</RoleName></member></Roles>"))),
        "gzip": say(answer(gzip.compress(bytes(64 * 1024 * 1024), 1), Content_Encoding="gzip")),
        "entities": say(answer(BOMB.replace(b"nonsense", b"x" * 10_000_000) + _roles(b"&b;"))),
    }
    *told, peak = _memory(hostile, *bombs.values())

    assert len(told) == len(bombs)
    assert "taken" not in told
    assert int(peak) < 250, peak


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("start", [HTTP + b"\r\n", CHUNKED], ids=["plain", "chunked"])
def test_a_gigabyte_is_refused_long_before_its_end(hostile: Hostile, start: bytes) -> None:
    piece = b"x" * 1024 * 1024 if start != CHUNKED else b"100000\r\n" + b"x" * 1024 * 1024 + b"\r\n"
    told, peak = _memory(hostile, without_end(start, piece, most=1024**3))

    assert "more than 16,777,216 bytes" in told
    assert int(peak) < 200, peak


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_byte_a_second_is_given_up_after_a_minute(hostile: Hostile) -> None:
    error = hostile.failed(GET_ROLE, without_end(HTTP + b"\r\n", b"x", pause=1.0))

    assert error.code == "ReadTimeoutError"
