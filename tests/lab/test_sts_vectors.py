"""Tricks with a query to STS, over its real socket: each is answered with its code, and none gets credentials."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccoctl.federation.issue import Signer
from ccoctl.lab.conditions import Conditions
from ccoctl.lab.server import HOST, embedded_aws
from ccoctl.signing import jwks
from tests.federation import vectors, vectors_of_signatures
from tests.federation.forgery import ISSUER, NOW, rsa_key
from tests.lab.clients import ACCOUNT, Clock, Cluster, Seen, client, fetch, port

ACTION, VERSION = "AssumeRoleWithWebIdentity", "2011-06-15"
BUCKET = ISSUER.removeprefix("https://").partition(".")[0]
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One for all: nothing here changes the account."""
    clock = Clock()
    with embedded_aws(Conditions(), clock=clock) as aws:
        yield Cluster(aws, clock).set_up()


@pytest.fixture(scope="module")
def good(cluster: Cluster) -> dict[str, str]:
    """A request that is granted."""
    return {"Action": ACTION, "Version": VERSION, **cluster.request()}


def send(
    cluster: Cluster, body: bytes | str, *, target: str = "/", method: str = "POST", content_type: str | None = FORM
) -> Seen:
    """What STS answers to a body as it is."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    connection = http.client.HTTPConnection(HOST, port(cluster.aws), timeout=30)
    try:
        connection.request(method, target, body=body.encode() if isinstance(body, str) else body, headers=headers)
        answer = connection.getresponse()
        return Seen(answer.status, answer.read())
    finally:
        connection.close()


def is_refusal(seen: Seen) -> bool:
    """Nothing in it is of use to a stranger."""
    said = seen.body.decode()
    return 400 <= seen.status < 500 and "AccessKeyId" not in said and "Traceback" not in said


def test_the_request_that_all_others_begin_with_is_granted(cluster: Cluster, good: dict[str, str]) -> None:
    assert send(cluster, urlencode(good)).status == 200
    assert fetch(cluster.aws, "sts.us-east-1.amazonaws.com", f"/?{urlencode(good)}").status == 200


VALUES: dict[str, list[str]] = {
    "DurationSeconds": [
        *("3600.0", "3600 ", " 3600", "+3600", "-3600", "0x384", "1e3", "3_600", "", "\u0663\u0666\u0660\u0660"),
        *("3600\n", "9" * 400, "NaN", "null", "0", "899", "43201", "4294968196", "18446744073709555216"),
    ],
    "RoleSessionName": [
        *(
            "",
            "a",
            "a" * 65,
            "a b",
            "a/b",
            "a:b",
            "a\nb",
            "a\0",
            "s\u00e9",
            "\uff41\uff42",
            "a*b",
            "../x",
            "a\u200bb",
            "{}",
        ),
    ],
    "WebIdentityToken": ["", "a", "A" * 20_001],
    "RoleArn": [
        "",
        "arn",
        "a" * 2049,
        f"arn:aws:iam::{ACCOUNT}:role/component\n",
        "*",
        f"arn:aws:iam::{ACCOUNT}:role/*",
    ],
    "MinimumSessionTokenSize": ["-1", "4097", "x", "1.5"],
    "Policy": ["", "a" * 2049, "\0", "\u0101", '{"a": "\x1b"}'],
    "PolicyArns.member.1.arn": ["", "arn", "a" * 2049],
    "ProviderId": ["www.amazon.com", ""],
}


PAIRS = [(name, value) for name, values in VALUES.items() for value in values]


@pytest.mark.parametrize(("name", "value"), PAIRS, ids=lambda value: ascii(value[:24]))
def test_a_value_outside_of_its_limits_is_no_parameter(
    cluster: Cluster, good: dict[str, str], name: str, value: str
) -> None:
    seen = send(cluster, urlencode({**good, name: value}))

    assert (seen.status, seen.code) == (400, "ValidationError")
    assert is_refusal(seen)


NAMES = {
    "in lower case": ("RoleArn", "rolearn"),
    "in another case": ("WebIdentityToken", "webIdentityToken"),
    "with a space": ("RoleArn", "RoleArn "),
    "with a NUL": ("RoleArn", "RoleArn\0"),
    "as PHP's array": ("RoleArn", "RoleArn[]"),
    "as a list": ("RoleArn", "RoleArn.member.1"),
    "as a numbered one": ("WebIdentityToken", "WebIdentityToken.1"),
    "with a look-alike": ("RoleArn", "R\u043eleArn"),
    "percent-encoded twice": ("RoleArn", "Role%41rn"),
    "with a byte order mark": ("RoleArn", "\ufeffRoleArn"),
}


@pytest.mark.parametrize("how", NAMES)
@pytest.mark.parametrize("instead", [True, False], ids=["instead", "as well"])
def test_a_name_that_is_written_otherwise_is_none(
    cluster: Cluster, good: dict[str, str], how: str, instead: bool
) -> None:
    name, written = NAMES[how]
    given = {key: value for key, value in good.items() if key != name or not instead}
    seen = send(cluster, urlencode({**given, written: good[name]}))

    assert (seen.status, seen.code) == (400, "ValidationError")


LISTS = (
    *("PolicyArns.member.0.arn", "PolicyArns.member.01.arn", "PolicyArns.member.1.Arn", "PolicyArns.1.arn"),
    *("PolicyArns.member.1", "PolicyArns.member.-1.arn", "PolicyArns.member.\u0661.arn", "PolicyArns.member.1000.arn"),
    "Tags.member.1.Key",
)


@pytest.mark.parametrize("name", LISTS, ids=ascii)
def test_a_list_has_one_way_of_being_written(cluster: Cluster, good: dict[str, str], name: str) -> None:
    seen = send(cluster, urlencode({**good, name: f"arn:aws:iam::{ACCOUNT}:policy/mine"}))

    assert (seen.status, seen.code) == (400, "ValidationError")


@pytest.mark.parametrize("name", ["RoleArn", "RoleSessionName", "WebIdentityToken"])
def test_a_parameter_that_is_missing_is_named(cluster: Cluster, good: dict[str, str], name: str) -> None:
    seen = send(cluster, urlencode({key: value for key, value in good.items() if key != name}))

    assert (seen.status, seen.code) == (400, "ValidationError")
    assert b"must not be null" in seen.body


@pytest.mark.parametrize(
    "action",
    ["assumerolewithwebidentity", "AssumeRoleWithWebIdentity ", "AssumeRoleWithWebIdentity\0", "AssumeRoleWithSAML",
     "AssumeRole", "GetSessionToken", "*", "sts:AssumeRoleWithWebIdentity", "A" * 5000],
    ids=lambda action: ascii(action[:32]),
)  # fmt: skip
def test_another_action_is_none(cluster: Cluster, good: dict[str, str], action: str) -> None:
    seen = send(cluster, urlencode({**good, "Action": action}))

    assert is_refusal(seen)
    assert seen.code in {"InvalidAction", "MissingAuthenticationToken"}


@pytest.mark.parametrize("version", ["2010-05-08", "2011-06-15 ", "latest", "", "2099-01-01", None])
def test_the_operation_is_one_of_its_version(cluster: Cluster, good: dict[str, str], version: str | None) -> None:
    form = {**good, "Version": version}
    seen = send(cluster, urlencode({key: value for key, value in form.items() if value is not None}))

    assert (seen.status, seen.code) == (400, "InvalidAction")
    assert f"for version {version or 'NO_VERSION_SPECIFIED'}".strip().encode() in seen.body


def test_two_places_that_say_different_things_are_one_request_that_is_refused(
    cluster: Cluster, good: dict[str, str]
) -> None:
    for name, value in {**good, "Action": "GetCallerIdentity", "DurationSeconds": "900"}.items():
        if name != "DurationSeconds":
            seen = send(cluster, urlencode(good), target=f"/?{urlencode({name: value})}")
            assert is_refusal(seen), name


RAW = {
    "JSON": ('{"Action": "AssumeRoleWithWebIdentity"}', "application/json"),
    "JSON of another protocol": ('{"Action": "AssumeRoleWithWebIdentity"}', "application/x-amz-json-1.1"),
    "XML": ("<Action>AssumeRoleWithWebIdentity</Action>", "text/xml"),
    "parts": (
        '--x\r\nContent-Disposition: form-data; name="Action"\r\n\r\nAssumeRoleWithWebIdentity\r\n--x--\r\n',
        "multipart/form-data; boundary=x",
    ),
    "plain text": ("Action=AssumeRoleWithWebIdentity", "text/plain"),
    "no type": ("Action=AssumeRoleWithWebIdentity", None),
    "semicolons": ("Action=AssumeRoleWithWebIdentity;Version=2011-06-15", FORM),
    "line ends": ("Action=AssumeRoleWithWebIdentity\nVersion=2011-06-15", FORM),
    "a percent sign alone": ("Action=AssumeRoleWithWebIdentity&RoleArn=%", FORM),
    "overlong UTF-8": ("Action=AssumeRoleWithWebIdentity&RoleArn=%c0%ae", FORM),
    "half a character": ("Action=AssumeRoleWithWebIdentity&RoleArn=%ed%a0%80", FORM),
    "JavaScript's escapes": ("Action=AssumeRoleWithWebIdentity&RoleArn=%u0041", FORM),
    "NULs": ("\0" * 100, FORM),
    "65 parameters": ("Action=AssumeRoleWithWebIdentity" + "".join(f"&a{n}=b" for n in range(65)), FORM),
    "a name of a megabyte": ("Action=AssumeRoleWithWebIdentity&" + "a" * 1_000_000 + "=b", FORM),
    "a value of a megabyte": ("Action=AssumeRoleWithWebIdentity&Policy=" + "a" * 1_000_000, FORM),
}


@pytest.mark.parametrize("how", RAW)
def test_what_is_no_query_of_ours_is_refused(cluster: Cluster, how: str) -> None:
    body, content_type = RAW[how]

    assert is_refusal(send(cluster, body, content_type=content_type))


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data; boundary=x", None])
def test_a_good_form_of_another_type_is_none(cluster: Cluster, good: dict[str, str], content_type: str | None) -> None:
    assert is_refusal(send(cluster, urlencode(good), content_type=content_type))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "cp037"])
def test_another_encoding_is_none(cluster: Cluster, good: dict[str, str], encoding: str) -> None:
    assert is_refusal(send(cluster, urlencode(good).encode(encoding)))


def test_a_token_that_is_encoded_twice_is_another(cluster: Cluster, good: dict[str, str]) -> None:
    seen = send(cluster, urlencode({**good, "WebIdentityToken": quote(good["WebIdentityToken"].replace(".", "%2E"))}))

    assert (seen.status, seen.code) == (400, "InvalidIdentityToken")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"])
def test_another_method_gets_nothing(cluster: Cluster, good: dict[str, str], method: str) -> None:
    seen = send(cluster, urlencode(good), method=method)

    assert seen.status >= 400
    assert b"AccessKeyId" not in seen.body


@pytest.fixture(scope="module")
def vectored() -> Iterator[Cluster]:
    """The issuer of the token vectors, with keys of every kind, and the role of their subject."""
    clock = Clock(float(NOW))
    with embedded_aws(Conditions(), clock=clock) as aws:
        cluster = Cluster(aws, clock, bucket=BUCKET, account="machine-api-controllers").set_up()
        body = jwks.render(vectors.published())
        client(aws, "s3").put_object(Bucket=BUCKET, Key="keys.json", Body=body, CacheControl="max-age=60")
        yield cluster


def test_every_vector_of_a_token_comes_to_what_it_must(vectored: Cluster) -> None:
    wrong = []
    for name, (token, problem) in {**vectors.all_of_them(), **vectors_of_signatures.all_of_them()}.items():
        form = vectored.request(WebIdentityToken=token.encode("utf-8", "replace").decode())
        seen = send(vectored, urlencode({"Action": ACTION, "Version": VERSION, **form}))
        # that audience the provider takes, and the role's own policy does not
        granted = problem is None and name != "claims: aud of the other client"
        if (seen.status == 200) != granted or is_refusal(seen) == granted:
            wrong.append(f"{name}: {seen.status} {seen.code}")
    assert wrong == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(
            ["RoleArn", "RoleSessionName", "DurationSeconds", "Policy", "Version", "Action", "ProviderId", "x"]
        ),
        st.text(max_size=20),
        max_size=3,
    )
)
def test_whoever_has_no_token_of_the_cluster_gets_nothing(
    cluster: Cluster, good: dict[str, str], changed: dict[str, str]
) -> None:
    forged = cluster.token(signer=Signer(rsa_key("forger")))

    assert is_refusal(send(cluster, urlencode({**good, **changed, "WebIdentityToken": forged})))
