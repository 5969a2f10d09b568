"""`token inspect`: what a token says, whether it holds, and what STS would answer, with the reason."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ccoctl.aws import policy
from ccoctl.cli.main import run
from ccoctl.cli.token.shown import span
from ccoctl.errors import DocumentError, Problems
from ccoctl.federation.clock import WallClock
from ccoctl.federation.https import HttpsGet
from ccoctl.federation.issue import ObjectRef, ServiceAccount, TokenRequest, issue
from ccoctl.federation.token import parse
from ccoctl.federation.verify import KeySet, key_set
from ccoctl.signing.jwks import render
from ccoctl.workflows.token_inspect import Against, Trust, check, keys_of_file, published_keys
from tests.federation import forgery
from tests.federation.forgery import AUDIENCES, ISSUER, NOW, REQUEST
from tests.workflows.commands import Cli, client

ROLE = "arn:aws:iam::123456789012:role/demo-role"
PROVIDER = f"arn:aws:iam::123456789012:oidc-provider/{ISSUER.removeprefix('https://')}"
SUBJECT = "system:serviceaccount:openshift-machine-api:machine-api-controllers"


def token(request: TokenRequest = REQUEST, *, issuer: str = ISSUER, key: str = "cluster") -> str:
    return issue(forgery.signer(key), request, issuer=issuer, now=NOW, token_id="an-id")


def trust(*subjects: str) -> Trust:
    document = policy.trust(PROVIDER, ISSUER.removeprefix("https://"), subjects, ("openshift",))
    return Trust(role_arn=ROLE, policy=json.loads(json.dumps(document.document)))


def keys() -> KeySet:
    return key_set(forgery.published())


def against(**options: Any) -> Against:
    return Against(**{"keys": keys, "issuer": ISSUER, "audiences": AUDIENCES, **options})


def unreachable() -> KeySet:
    raise DocumentError("The document cannot be had: HTTP 403", where=ISSUER)


def test_a_good_token_is_taken_and_the_trust_policy_is_left_open() -> None:
    checked = check(token(), against(), now=NOW)

    assert checked.good
    assert not checked.trust_decided


def test_a_good_token_goes_on_through_the_roles_trust_policy() -> None:
    assert check(token(), against(trust=trust(SUBJECT)), now=NOW).good
    refused = check(token(), against(trust=trust("system:serviceaccount:a:b")), now=NOW)

    assert not refused.good
    assert refused.refusal == ""
    assert (refused.answer.status, refused.answer.code) == (403, "AccessDenied")
    assert SUBJECT in refused.answer.reason


@pytest.mark.parametrize(
    ("text", "options", "now", "code", "message", "refusal"),
    [
        (
            token(),
            {"issuer": "https://other.example.com"},
            NOW,
            "InvalidIdentityToken",
            "No OpenIDConnect",
            "issuer is",
        ),
        (
            token(),
            {"audiences": ("sts.amazonaws.com",)},
            NOW,
            "InvalidIdentityToken",
            "Incorrect token aud",
            "audience",
        ),
        (token(), {}, NOW + 3600, "ExpiredTokenException", "Token expired", "expired 0 seconds ago"),
        (token(key="other"), {}, NOW, "InvalidIdentityToken", "Couldn't retrieve", "No published key"),
        (token(), {"keys": unreachable}, NOW, "InvalidIdentityToken", "Couldn't retrieve", f"HTTP 403 ({ISSUER})"),
        (token(), {"trust": Trust(role_arn="role", policy={})}, NOW, "ValidationError", "ARN is invalid", ""),
        (token(), {"trust": Trust(role_arn=ROLE, policy={})}, NOW, "AccessDenied", "Not authorized", ""),
    ],
)
def test_a_refusal_has_the_code_the_words_and_the_reason(
    text: str, options: dict[str, Any], now: int, code: str, message: str, refusal: str
) -> None:
    checked = check(text, against(**options), now=now)

    assert not checked.good
    assert checked.answer.code == code
    assert message in checked.answer.message
    assert refusal in checked.refusal
    assert bool(refusal) == bool(checked.refusal)
    assert text not in repr(checked)


@pytest.mark.parametrize("name", forgery.all_of_them())
def test_no_forgery_is_good(name: str) -> None:
    assert not check(forgery.all_of_them()[name], against(), now=NOW).good


def test_documents_are_fetched_once_whatever_is_asked_of_them() -> None:
    asked = []

    def fetched() -> KeySet:
        asked.append(1)
        return keys()

    check(token(), against(keys=fetched), now=NOW)

    assert asked == [1]


def test_an_issuer_that_is_no_url_is_the_users_mistake() -> None:
    with pytest.raises(Problems, match="does not begin with https"):
        published_keys("demo", HttpsGet())


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((0, "in 0 seconds"), (1, "in 1 second"), (-119, "119 seconds ago"), (7199, "in 119 minutes")),
        *((-7200, "2 hours ago"), (3 * 86400, "in 3 days")),
    ],
)
def test_time_left_is_said_in_words(seconds: float, words: str) -> None:
    assert span(seconds) == words


# the command itself

Inspect = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Inspect:
    """Runs `token inspect` on a text, with the cluster's keys in a file beside it."""
    (tmp_path / "jwks.json").write_bytes(render(forgery.published()))

    def inspect(text: str, *options: str, keys: bool = True) -> tuple[int, str, str]:
        (tmp_path / "token").write_text(f"{text}\n")
        jwks = ["--jwks", str(tmp_path / "jwks.json")] if keys else []
        code = run(["token", "inspect", str(tmp_path / "token"), *jwks, *options])
        told = capsys.readouterr()
        return code, told.out, told.err

    return inspect


def fresh(audience: str = "openshift", lifetime: int = 3600, ago: int = 0) -> str:
    request = TokenRequest(
        account=ServiceAccount("ns", "sa", "a-uid"),
        audiences=(audience,),
        lifetime=lifetime,
        pod=ObjectRef("a-pod", "p-uid"),
    )
    now = int(WallClock().now()) - ago
    return issue(forgery.signer(), request, issuer=ISSUER, now=now, token_id="an-id")


def test_header_claims_and_time_are_shown_and_the_signature_is_not(shown: Inspect) -> None:
    text = fresh()
    code, out, err = shown(text, keys=False)

    assert code == 0
    assert '"alg": "RS256"' in out
    assert '"sub": "system:serviceaccount:ns:sa"' in out
    assert "in 59 minutes" in out
    assert "verifies" not in out
    assert text.split(".")[2][:20] not in out + err


def test_a_token_that_holds_ends_with_0_and_says_what_is_open(shown: Inspect) -> None:
    code, out, _ = shown(fresh(), "--issuer-url", ISSUER)

    assert code == 0
    assert "verifies:  yes" in out
    assert "trust policy decides the rest" in out


def test_a_token_that_would_be_refused_ends_with_3_and_says_why(shown: Inspect) -> None:
    code, out, _ = shown(fresh("vault"))

    assert code == 3
    assert "verifies:  no. The token is for the audience 'vault'" in out
    assert "STS:       HTTP 400 InvalidIdentityToken: Incorrect token audience" in out
    assert "because The token is for the audience" in out
    assert shown(fresh("vault"), "--audience", "vault")[0] == 0


def test_an_expired_token_says_since_when(shown: Inspect) -> None:
    code, out, _ = shown(fresh(lifetime=600, ago=7800), "--output", "json")
    told = json.loads(out)

    assert code == 3
    assert -7300 < told["seconds_left"] <= -7200
    assert told["sts"]["code"] == "ExpiredTokenException"
    assert told["sts"]["granted"] is False
    assert told["problems"] == ["The token expired 2 hours ago"]


def test_a_trust_policy_has_the_last_word(shown: Inspect, tmp_path: Path) -> None:
    document = policy.trust(PROVIDER, ISSUER.removeprefix("https://"), ("system:serviceaccount:ns:sa",), ("openshift",))
    (tmp_path / "trust.json").write_text(json.dumps(document.document))
    options = ["--trust-policy", str(tmp_path / "trust.json"), "--role-arn", ROLE, "--output", "json"]
    code, out, _ = shown(fresh(), *options)

    assert code == 0
    told = json.loads(out)["sts"]
    assert (told["granted"], told["trust_policy_checked"], told["status"]) == (True, True, 200)
    assert not any(told[name] for name in ("code", "message", "reason"))
    assert json.loads(shown(fresh(), "--output", "json")[1])["sts"]["granted"] is None


@pytest.mark.parametrize("options", [["--trust-policy", "x"], ["--role-arn", ROLE]])
def test_policy_and_role_belong_together(shown: Inspect, options: list[str]) -> None:
    code, out, err = shown(fresh(), *options)

    assert (code, out) == (2, "")
    assert "belong together" in err


def test_a_policy_alone_checks_nothing(shown: Inspect, tmp_path: Path) -> None:
    (tmp_path / "trust.json").write_text("{}")
    options = ["--trust-policy", str(tmp_path / "trust.json"), "--role-arn", ROLE]

    assert shown(fresh(), *options, keys=False)[0] == 2


@pytest.mark.parametrize("text", ["", "garbage", "a.b.c", "é.é.é", "x" * 30_000])
def test_garbage_is_a_clear_error_and_no_result(shown: Inspect, text: str) -> None:
    code, out, err = shown(text)

    assert (code, out) == (1, "")
    assert err.startswith("ccoctl: ")
    assert "bug" not in err


def test_a_token_comes_from_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Stdin:
        buffer = io.BytesIO(fresh().encode() + b"\n")

    monkeypatch.setattr("sys.stdin", Stdin)
    assert run(["token", "inspect"]) == 0
    assert "system:serviceaccount:ns:sa" in capsys.readouterr().out


def test_documents_are_fetched_as_the_world_sees_them(
    cli: Cli, common: list[str], key_pair: Path, tmp_path: Path
) -> None:
    """Over HTTPS, from the bucket that create-all made; and once it is private, no more."""
    cli("create-all", *common)
    cli.capsys.readouterr()
    private = ["--private-key-file", str(key_pair / "serviceaccount-signer.private")]
    assert run(["token", "create", "--service-account", "ns/sa", *private, "--issuer-url", ISSUER]) == 0
    (tmp_path / "token").write_text(cli.capsys.readouterr().out)
    bundle = ["--ca-bundle", str(cli.aws.ca_bundle)]
    inspect = ["token", "inspect", str(tmp_path / "token"), "--issuer-url", ISSUER, *bundle, "--output", "json"]
    assert run(inspect) == 0
    assert json.loads(cli.capsys.readouterr().out)["verifies"] is True

    client(cli.aws, "s3").delete_object(Bucket="demo-oidc", Key="keys.json")
    assert run(inspect) == 3
    told = json.loads(cli.capsys.readouterr().out)
    assert "HTTP 40" in told["refusal"]
    assert told["sts"]["message"].startswith("Couldn't retrieve verification key")


def test_real_tokens_hold_at_their_time_and_the_one_for_the_api_server_does_not(shared: Path) -> None:
    folder = shared / "fixtures/kube-apiserver-1.36"
    published = keys_of_file(folder / "jwks-rsa-and-ec.json")
    for file in sorted(folder.glob("*.jwt")):
        text = file.read_text().strip()
        checked = check(text, against(keys=published), now=parse(text).claims.issued_at)
        assert checked.good == ("warnafter" not in file.name), file.name
