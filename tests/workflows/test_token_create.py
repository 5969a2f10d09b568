"""`token create`: one token on stdout, as the API server would issue it, and everything wrong told at once."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ccoctl.cli.main import run
from ccoctl.errors import FileError, Problems, SigningKeyError, TokenError, TokenProblem
from ccoctl.federation.token import parse
from ccoctl.federation.verify import key_set, verify
from ccoctl.signing.jwks import Jwks
from ccoctl.workflows.create_key_pair import PRIVATE, load_public_key_file
from ccoctl.workflows.token_create import TokenOrder, create_token
from tests.workflows.commands import Cli

ISSUER = "https://demo-oidc.s3.us-east-1.amazonaws.com"
NOW = 1_800_000_000


def order(key_pair: Path, **options: object) -> TokenOrder:
    given: dict[str, object] = {
        "service_account": "openshift-ingress-operator/ingress-operator",
        "private_key_file": key_pair / PRIVATE,
        "issuer": ISSUER,
        "audiences": ("openshift",),
    }
    return TokenOrder(**{**given, **options})  # type: ignore[arg-type]  # the options are typed where they are written


def test_the_token_holds_and_says_whose_it_is(key_pair: Path) -> None:
    new = create_token(order(key_pair, pod="router-0", pod_uid="a-uid", node="worker-0"), now=NOW)
    keys = key_set(Jwks((load_public_key_file(key_pair / "serviceaccount-signer.public"),)))
    claims = verify(new.token, keys=keys, issuer=ISSUER, audiences=("openshift",), now=NOW)
    bound = claims.others["kubernetes.io"]

    assert claims.subject == "system:serviceaccount:openshift-ingress-operator:ingress-operator"
    assert claims.expires == new.expires == NOW + 3600
    assert isinstance(bound, dict)
    assert bound["pod"] == {"name": "router-0", "uid": "a-uid"}
    assert bound["node"]["name"] == "worker-0"
    assert len(bound["node"]["uid"]) == len(bound["serviceaccount"]["uid"]) == 36
    assert new.token not in repr(new)


def test_two_tokens_are_never_the_same(key_pair: Path) -> None:
    assert create_token(order(key_pair), now=NOW).token != create_token(order(key_pair), now=NOW).token


def test_everything_that_is_wrong_is_told_at_once(key_pair: Path) -> None:
    wrong = order(key_pair, service_account="A/B", issuer="http://x", uid="", pod="P", node_uid="x")
    with pytest.raises(Problems) as raised:
        create_token(wrong, now=NOW)

    assert [problem.where for problem in raised.value.problems] == [
        *("--service-account", "--service-account", "--service-account-uid", "--pod", "--node-uid", "--issuer-url")
    ]


def test_what_no_api_server_issues_is_refused(key_pair: Path) -> None:
    with pytest.raises(TokenError) as raised:
        create_token(order(key_pair, lifetime=599), now=NOW)
    assert raised.value.problem is TokenProblem.LIFETIME
    with pytest.raises(TokenError, match="needs an audience"):
        create_token(order(key_pair, audiences=("",)), now=NOW)


def test_a_key_that_others_may_read_is_not_signed_with(key_pair: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes((key_pair / PRIVATE).read_bytes())
    key.chmod(stat.S_IRUSR | stat.S_IROTH)
    with pytest.raises(FileError, match="other users"):
        create_token(order(key_pair, private_key_file=key), now=NOW)


def test_a_public_key_signs_nothing(key_pair: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes((key_pair / "serviceaccount-signer.public").read_bytes())
    for mode in (0o600, 0o644):  # it is no secret, so its mode is not what is wrong with it
        key.chmod(mode)
        with pytest.raises(SigningKeyError, match="a public key, not an RSA private key"):
            create_token(order(key_pair, private_key_file=key), now=NOW)


def arguments(key_pair: Path, *more: str) -> list[str]:
    private = ["--private-key-file", str(key_pair / PRIVATE)]
    return ["token", "create", "--service-account", "ns/sa", *private, *more]


def test_the_token_alone_is_on_stdout(key_pair: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments(key_pair, "--issuer-url", ISSUER, "--debug")) == 0
    told = capsys.readouterr()

    assert parse(told.out.removesuffix("\n")).claims.audiences == ("openshift",)
    assert told.out.count("\n") == 1
    assert "eyJ" not in told.err


def test_the_issuer_is_read_from_the_manifests_of_create_all(
    cli: Cli, common: list[str], key_pair: Path, tmp_path: Path
) -> None:
    cli("create-all", *common)
    cli.capsys.readouterr()
    more = ["--audience", "a", "--audience", "b", "--expiration-seconds", "600", "--output", "json"]
    assert run(arguments(key_pair, "--manifests-dir", str(tmp_path / "out/manifests"), *more)) == 0
    told = cli.capsys.readouterr().out
    claims = parse(told.partition('"token": "')[2].partition('"')[0]).claims

    assert claims.issuer == ISSUER
    assert claims.audiences == ("a", "b")
    assert claims.lifetime == 600
    assert '"subject": "system:serviceaccount:ns:sa"' in told


@pytest.mark.parametrize("more", [[], ["--issuer-url", ISSUER, "--manifests-dir", "x"]])
def test_there_is_one_place_to_take_the_issuer_from(
    key_pair: Path, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments(key_pair, *more)) == 2
    assert "one of --issuer-url and --manifests-dir" in capsys.readouterr().err


def test_a_life_below_ten_minutes_is_a_wrong_command_line(key_pair: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments(key_pair, "--issuer-url", ISSUER, "--expiration-seconds", "599")) == 2
    assert "600" in capsys.readouterr().err
