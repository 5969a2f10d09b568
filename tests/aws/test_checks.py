"""What must hold of a set-up besides its exchanges."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from ccoctl.aws.checks import Seen, checks
from ccoctl.aws.plans import all_of_it
from ccoctl.aws.resources import Account
from ccoctl.engine.diff import Unseen
from ccoctl.errors import DocumentError, Problem, Problems
from ccoctl.federation.documents import Documents
from ccoctl.federation.proof import Verdict
from ccoctl.federation.verify import key_set
from ccoctl.signing import discovery
from ccoctl.signing.discovery import Discovery
from ccoctl.signing.jwk import Jwk
from ccoctl.signing.jwks import Jwks
from ccoctl.workflows.output_files import without_files
from tests.aws.builders import HOST, KEY, REQUEST, key, provider, public_account, role, settings

ISSUER = f"https://{HOST}"
OTHER = key()


def documents(*keys: Jwk) -> Documents:
    """What the world sees."""
    described = Discovery(
        issuer=ISSUER,
        jwks_uri=f"{ISSUER}/keys.json",
        response_types=("id_token",),
        subject_types=("public",),
        algorithms=("RS256",),
    )
    return Documents(discovery=described, jwks=Jwks(keys), keys=key_set(Jwks(keys)), max_age=1)


def seen(found: Account | None = None, **changed: Any) -> dict[str, tuple[Verdict, str]]:
    """The checks by name, of an account with all of its files as wanted."""
    found = found or public_account()
    plan = without_files(all_of_it(settings(), (REQUEST,), KEY, found).plan)
    looked = {
        "issuer": ISSUER,
        "plan": plan,
        "account": found,
        "documents": documents(KEY),
        "key": KEY,
        "has_manifests": True,
        **changed,
    }
    return {check.name: (check.verdict, check.detail) for check in checks(Seen(**looked))}


def test_everything_holds_where_everything_is_as_wanted() -> None:
    found = seen()

    assert list(found) == ["account", "manifests", "documents", "caches", "signing key", "identity provider"]
    assert {verdict for verdict, _ in found.values()} == {Verdict.OK}


def test_an_account_that_differs_is_wrong_and_says_how() -> None:
    verdict, detail = seen(replace(public_account(), roles={}))["account"]

    assert verdict is Verdict.WRONG
    assert "create-all would create role demo-openshift-machine-api" in detail


def test_a_conflict_is_wrong() -> None:
    assert seen(plan=Problems((Problem("bucket demo-oidc", "is foreign"),)))["account"] == (
        Verdict.WRONG,
        "bucket demo-oidc: is foreign",
    )


def test_what_may_not_be_read_is_not_checked() -> None:
    hidden = replace(role(settings()), permissions=Unseen("iam:GetRolePolicy"))
    verdict, detail = seen(replace(public_account(), roles={hidden.name: hidden}))["account"]

    assert (verdict, "without iam:GetRolePolicy" in detail) == (Verdict.UNKNOWN, True)


def test_why_the_world_has_no_documents_is_told_on_one_line_with_the_way_out() -> None:
    error = DocumentError("The server answered HTTP 403", where=ISSUER, remedy="Look at it with curl.")

    assert seen(documents=error)["documents"] == (
        Verdict.WRONG,
        f"{ISSUER}: The server answered HTTP 403. Look at it with curl.",
    )


def test_a_missing_file_is_wrong_of_the_manifests_alone() -> None:
    plan = all_of_it(settings(), (REQUEST,), KEY, public_account()).plan
    found = seen(plan=plan)

    assert found["account"][0] is Verdict.OK
    assert found["manifests"][0] is Verdict.WRONG
    assert "cluster-authentication-02-config.yaml" in found["manifests"][1]


def test_manifests_and_key_are_checked_where_they_are_at_hand() -> None:
    assert {"manifests", "signing key"} & seen(key=None, has_manifests=False).keys() == set()


def test_documents_that_nobody_can_fetch_are_wrong_and_the_key_is_not_checked() -> None:
    found = seen(documents=DocumentError("HTTP 403", where=ISSUER))

    assert found["documents"] == (Verdict.WRONG, f"{ISSUER}: HTTP 403.")
    assert found["signing key"][0] is Verdict.UNKNOWN
    assert "caches" not in found


def test_a_key_that_is_not_published_is_wrong() -> None:
    verdict, detail = seen(documents=documents(OTHER))["signing key"]

    assert verdict is Verdict.WRONG
    assert str(OTHER.kid) in detail


def test_another_key_under_our_kid_is_wrong() -> None:
    disguised = Jwk(kty="RSA", use="sig", alg="RS256", kid=KEY.kid, n=OTHER.n, e=OTHER.e)

    assert seen(documents=documents(disguised))["signing key"][0] is Verdict.WRONG


def test_a_cache_that_still_serves_what_the_bucket_held_before_is_wrong() -> None:
    assert seen(documents=documents(KEY, OTHER))["caches"][0] is Verdict.WRONG


def test_a_bucket_that_holds_no_jwks_is_wrong() -> None:
    found = public_account()
    damaged = replace(found.documents[discovery.KEYS], raw=b"{}")

    assert seen(account=replace(found, documents={discovery.KEYS: damaged}))["caches"][0] is Verdict.WRONG


@pytest.mark.parametrize(
    ("providers", "words"),
    [
        ((), "no OIDC provider for"),
        ((replace(provider(settings()), audiences=frozenset({"openshift"})),), "the audience sts.amazonaws.com"),
    ],
)
def test_a_provider_that_is_not_there_or_takes_no_tokens_is_wrong(providers: Any, words: str) -> None:
    verdict, detail = seen(account=replace(public_account(), providers=providers))["identity provider"]

    assert verdict is Verdict.WRONG
    assert words in detail
