"""The lab's one port speaks HTTP/1.1 as strictly as it must, to this machine alone."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess

import pytest

from ccoctl.lab.server import HOST, EmbeddedAws
from tests.lab.clients import client, open_bucket, port, raw, secured

CALLER = b"Action=GetCallerIdentity&Version=2011-06-15"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"


def request(aws: EmbeddedAws, head: bytes, body: bytes = b"", *, end: bool = True) -> bytes:
    return raw(aws, head + b"Host: lab\r\n" + FORM + b"\r\n" + body, end=end)


def status(answer: bytes) -> int:
    """Of the last answer in what a server said."""
    return int(answer[answer.rindex(b"HTTP/1.1 ") :].split(b" ")[1])


def statuses(answer: bytes) -> list[int]:
    return [int(part.split(b" ")[0]) for part in answer.split(b"HTTP/1.1 ")[1:]]


def test_only_this_machine_is_listened_to(embedded_aws: EmbeddedAws) -> None:
    others = {str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {HOST}
    assert embedded_aws.endpoint_url.startswith("http://127.0.0.1:")
    for address in others:
        with pytest.raises(OSError):  # noqa: PT011 - refused or unreachable, as the machine has it
            socket.create_connection((address, port(embedded_aws)), timeout=5)


def test_a_connection_is_kept_for_several_requests(embedded_aws: EmbeddedAws) -> None:
    connection = http.client.HTTPConnection(HOST, port(embedded_aws), timeout=30)
    for _ in range(3):
        connection.request("GET", "/_lab/calls")
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())) == (200, [])
        kept = connection.sock
        assert kept is not None
    connection.close()


def test_requests_may_be_sent_before_the_answers_are_read(embedded_aws: EmbeddedAws) -> None:
    one = b"GET /_lab/calls HTTP/1.1\r\nHost: lab\r\n\r\n"
    assert statuses(raw(embedded_aws, one * 3)) == [200, 200, 200]
    assert statuses(raw(embedded_aws, one + b"GET /_lab/nothing HTTP/1.1\r\nHost: lab\r\n\r\n" + one)) == [
        200,
        404,
        200,
    ]


def test_an_old_client_gets_its_answer_and_no_more(embedded_aws: EmbeddedAws) -> None:
    answer = raw(embedded_aws, b"GET /_lab/calls HTTP/1.0\r\n\r\n", end=False)
    assert statuses(answer) == [200]
    assert b"Connection: close" in answer


def test_a_head_request_has_no_body(embedded_aws: EmbeddedAws) -> None:
    s3 = open_bucket(embedded_aws)
    s3.put_object(Bucket="bucket", Key="k", Body=b"12345")
    with secured(embedded_aws, "bucket.s3.us-east-1.amazonaws.com") as connection:
        connection.sendall(b"HEAD /k HTTP/1.1\r\nHost: bucket.s3.us-east-1.amazonaws.com\r\n\r\n" * 2)
        said = b""
        while said.count(b"\r\n\r\n") < 2:
            said += connection.recv(65536)
    assert statuses(said) == [200, 200]
    assert said.lower().count(b"content-length: 5\r\n") == 2
    assert b"12345" not in said


@pytest.mark.parametrize(
    "chunks",
    [
        b"2b\r\n%s\r\n0\r\n\r\n" % CALLER,
        b"2B;extension=1\r\n%s\r\n0\r\n\r\n" % CALLER,
        b"1\r\nA\r\n2a\r\n%s\r\n0\r\nTrailer: 1\r\n\r\n" % CALLER[1:],
        b"0000002b\r\n%s\r\n00\r\n\r\n" % CALLER,
    ],
)
def test_a_body_may_come_in_chunks(embedded_aws: EmbeddedAws, chunks: bytes) -> None:
    answer = request(embedded_aws, b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", chunks)
    assert status(answer) == 403
    assert b"<Code>MissingAuthenticationToken</Code>" in answer
    assert embedded_aws.calls()[-1].operation == "GetCallerIdentity"


@pytest.mark.parametrize(
    "chunks",
    [
        b"xyz\r\n",
        b"-1\r\n",
        b"+2b\r\n%s\r\n0\r\n\r\n" % CALLER,
        b"0x2b\r\n%s\r\n0\r\n\r\n" % CALLER,
        b"2b\n%s\n0\n\n" % CALLER,
        b"2a\r\n%s\r\n0\r\n\r\n" % CALLER,
        b"\r\n",
        b"1" * 2000,
        b"0\r\n" + b"A: b\r\n" * 100 + b"\r\n",
    ],
)
def test_chunks_that_are_none_are_refused(embedded_aws: EmbeddedAws, chunks: bytes) -> None:
    answer = request(embedded_aws, b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", chunks)
    assert statuses(answer) == [400]
    assert b"Connection: close" in answer
    assert embedded_aws.calls() == ()


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"POST / HTTP/1.1\r\nContent-Length: 43\r\nContent-Length: 4\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 43\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n", 501),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: +43\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 4_3\r\n", 400),
        ("POST / HTTP/1.1\r\nContent-Length: ٤٣\r\n".encode(), 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n", 413),
        (b"POST / HTTP/1.1\r\nContent-Length: 10485761\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: another\r\n", 400),
        (b"GET http://example.com/ HTTP/1.1\r\n", 403),
        (b"GET ftp://example.com/ HTTP/1.1\r\n", 403),
        (b"GET bucket/key HTTP/1.1\r\n", 403),
        (b"BREW / HTTP/1.1\r\n", 501),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n", 414),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 70_000 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200, 431),
    ],
)
def test_a_request_that_can_be_read_in_two_ways_is_not_read(
    embedded_aws: EmbeddedAws, head: bytes, expected: int
) -> None:
    answer = request(embedded_aws, head, CALLER)
    assert statuses(answer) == [expected]
    assert embedded_aws.calls() == ()


def test_a_request_without_a_host_is_refused(embedded_aws: EmbeddedAws) -> None:
    assert statuses(raw(embedded_aws, b"GET /_lab/calls HTTP/1.1\r\n\r\n")) == [400]


@pytest.mark.parametrize(
    "nonsense",
    [b"", b"\r\n\r\n", b"\x00\xff" * 100, b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"GET / HTTP/2.0\r\n\r\n"],
)
def test_nonsense_ends_its_own_connection_alone(
    embedded_aws: EmbeddedAws, nonsense: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = raw(embedded_aws, nonsense)
    assert b"HTTP/1.1 2" not in answer
    assert client(embedded_aws, "sts").get_caller_identity()["Account"] == embedded_aws.account_id
    assert capfd.readouterr() == ("", "")


def test_half_a_request_is_none(embedded_aws: EmbeddedAws) -> None:
    assert request(embedded_aws, b"POST / HTTP/1.1\r\nContent-Length: 100\r\n", CALLER) == b""
    assert request(embedded_aws, b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", b"2b\r\nAction") == b""
    assert embedded_aws.calls() == ()


def test_who_waits_to_be_told_is_told_once_and_only_if_the_body_is_wanted(embedded_aws: EmbeddedAws) -> None:
    wanted = b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: %d\r\n"
    assert statuses(request(embedded_aws, wanted % len(CALLER), CALLER)) == [100, 403]
    assert statuses(request(embedded_aws, wanted % 99_999_999, CALLER)) == [413]
    chunked = b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n"
    assert statuses(request(embedded_aws, chunked, b"2b\r\n%s\r\n0\r\n\r\n" % CALLER)) == [100, 403]


def test_a_header_cannot_begin_another_one(embedded_aws: EmbeddedAws) -> None:
    s3 = open_bucket(embedded_aws)
    s3.put_object(Bucket="bucket", Key="k", Body=b"1", CacheControl="max-age=1")
    target = b"GET /bucket/k?response-cache-control=a%0d%0aSet-Cookie:%20b=c HTTP/1.1\r\n"
    head = request(embedded_aws, target).partition(b"\r\n\r\n")[0]
    assert b"\r\nset-cookie:" not in head.lower()


def test_there_is_no_tunnel_in_a_tunnel(embedded_aws: EmbeddedAws) -> None:
    with secured(embedded_aws, "sts.amazonaws.com") as connection:
        connection.sendall(b"CONNECT iam.amazonaws.com:443 HTTP/1.1\r\nHost: iam.amazonaws.com:443\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize(("newest", "expected"), [("1.2", 0), ("1.1", 35)])
def test_old_tls_is_not_spoken(embedded_aws: EmbeddedAws, newest: str, expected: int) -> None:
    weak = ["--tlsv1.0", "--tls-max", newest, "--ciphers", "DEFAULT@SECLEVEL=0"]
    variables = {**embedded_aws.environment(), "PATH": "/usr/bin:/bin"}
    asked = ["curl", "-sS", "-o", "/dev/null", *weak, "https://sts.amazonaws.com/"]
    assert subprocess.run(asked, env=variables, check=False, capture_output=True).returncode == expected


def test_the_lab_itself_is_reset_by_post_alone(embedded_aws: EmbeddedAws) -> None:
    client(embedded_aws, "sts").get_caller_identity()
    assert statuses(raw(embedded_aws, b"GET /_lab/reset HTTP/1.1\r\nHost: lab\r\n\r\n")) == [405]
    assert len(embedded_aws.calls()) == 1
    assert statuses(raw(embedded_aws, b"POST /_lab/reset HTTP/1.1\r\nHost: lab\r\nContent-Length: 0\r\n\r\n")) == [200]
    assert embedded_aws.calls() == ()
    with secured(embedded_aws, "s3.amazonaws.com") as connection:  # not by the names of AWS
        connection.sendall(b"POST /_lab/reset HTTP/1.1\r\nHost: s3.amazonaws.com\r\nContent-Length: 0\r\n\r\n")
        assert connection.recv(1000).startswith((b"HTTP/1.1 403 ", b"HTTP/1.1 404 "))


def test_no_connection_outlives_the_lab() -> None:
    from ccoctl.lab.server import embedded_aws as serve

    with serve() as aws:
        kept = socket.create_connection((HOST, port(aws)), timeout=30)
        kept.sendall(b"GET /_lab/calls HTTP/1.1\r\nHost: lab\r\n\r\n")
        assert kept.recv(1000).startswith(b"HTTP/1.1 200 ")
    with kept:
        assert kept.recv(1000) == b""
