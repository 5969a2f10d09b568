"""AssumeRoleWithWebIdentity decided: who gets a role's credentials, and everybody who does not, with STS's answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ccoctl.aws.exchange import ACTION, AssumableRole, Grant, RegisteredProvider, condition_keys, exchange
from ccoctl.aws.web_identity import StsError, WebIdentityRequest, parse_request
from ccoctl.errors import CcoctlError, DocumentError, SigningKeyError
from ccoctl.federation.claims import Claims
from ccoctl.federation.token import Token, parse
from ccoctl.federation.verify import KeySet, key_set
from ccoctl.signing import jwks
from ccoctl.signing.jwks import Jwks
from tests.federation import forgery
from tests.federation.forgery import AUDIENCES, ISSUER, NOW

HOST = ISSUER.removeprefix("https://")
ACCOUNT = "123456789012"
PROVIDER_ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/demo-machine-api"
SUBJECT = "system:serviceaccount:openshift-machine-api:machine-api-controllers"
POLICY = json.dumps({"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
POLICY_ARN = f"arn:aws:iam::{ACCOUNT}:policy/mine"

NO_KEY = "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements"  # noqa: E501 - as AWS says it
NO_JWT = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
NOT_AUTHORIZED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"


def trust(condition: object = None, **changed: Any) -> dict[str, Any]:
    """A trust policy as ccoctl writes it, its statement with some elements changed."""
    own = {"StringEquals": {f"{HOST}:sub": [SUBJECT]}}
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER_ARN},
        "Action": ACTION,
        "Condition": own if condition is None else condition,
        **changed,
    }
    return {"Version": "2012-10-17", "Statement": [{k: v for k, v in statement.items() if v is not None}]}


@dataclass
class Account:
    """An account in memory, with one issuer's provider and one role."""

    trust: Mapping[str, Any] = field(default_factory=trust)
    audiences: frozenset[str] = frozenset(AUDIENCES)
    published: Jwks | CcoctlError = field(default_factory=forgery.published)
    issuer: str = ISSUER
    longest: int = 3600
    role_arn: str = ROLE_ARN
    asked: list[str] = field(default_factory=list)

    def provider(self, partition: str, account: str, url: str) -> RegisteredProvider | None:
        self.asked.append("provider")
        if (partition, account, url) != ("aws", ACCOUNT, self.issuer):
            return None
        host = url.removeprefix("https://")
        arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"
        return RegisteredProvider(arn=arn, url=url, audiences=self.audiences)

    def role(self, arn: str) -> AssumableRole | None:
        self.asked.append("role")
        if arn != self.role_arn:
            return None
        return AssumableRole(arn=arn, trust=self.trust, max_session_duration=self.longest)

    def keys(self, issuer: str, token: Token) -> KeySet:
        self.asked.append("keys")
        assert issuer == token.claims.issuer
        if isinstance(self.published, CcoctlError):
            raise self.published
        return key_set(self.published)


def request(token: str | None = None, **changed: Any) -> WebIdentityRequest:
    good = WebIdentityRequest(
        role_arn=ROLE_ARN, session_name="session", token=forgery.good() if token is None else token
    )
    return replace(good, **changed)


def granted(asked: WebIdentityRequest | None = None, account: Account | None = None, *, now: float = NOW) -> Grant:
    return exchange(asked or request(), account or Account(), now=now)


def refusal(asked: WebIdentityRequest | None = None, account: Account | None = None, *, now: float = NOW) -> StsError:
    with pytest.raises(StsError) as raised:
        granted(asked, account, now=now)
    error = raised.value
    signature = (asked or request()).token.rpartition(".")[2]
    assert len(signature) < 9 or signature not in f"{error} {error.reason}", "no token in an error"
    assert error.message.isascii()
    assert error.message.isprintable(), "an answer in XML can hold it"
    return error


def denied(account: Account, token: str | None = None) -> StsError:
    error = refusal(request(token), account)
    assert (error.code, error.status, error.message) == ("AccessDenied", 403, NOT_AUTHORIZED)
    return error


class TestAGrant:
    def test_says_what_sts_answers(self) -> None:
        grant = granted()

        assert grant.role_arn == ROLE_ARN
        assert grant.session_name == "session"
        assert grant.duration == 3600
        assert grant.claims.subject == SUBJECT
        assert grant.provider.arn == PROVIDER_ARN
        assert grant.session_policies == ()
        assert grant.packed_policy_size is None

    def test_is_for_as_long_as_was_asked_and_the_role_allows(self) -> None:
        assert granted(request(duration=900)).duration == 900
        assert granted(request(duration=43200), Account(longest=43200)).duration == 43200
        assert granted(account=Account(longest=43200)).duration == 3600, "an hour where nothing is said"

    def test_of_too_long_a_session_is_refused(self) -> None:
        error = refusal(request(duration=3601))

        assert (error.code, error.status) == ("ValidationError", 400)
        assert error.message == "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."

    def test_has_the_session_policy_and_how_full_it_is(self) -> None:
        grant = granted(request(policy=POLICY, policy_arns=(POLICY_ARN,), least_token_size=9))

        assert grant.session_policies == (json.loads(POLICY),)
        assert grant.policy_arns == (POLICY_ARN,)
        assert grant.packed_policy_size == 6
        assert grant.least_token_size == 9

    @pytest.mark.parametrize(
        "policy",
        [
            "",
            "{}",
            "[]",
            "null",
            '"Allow"',
            "{",
            POLICY * 2,
            '{"Statement": []}',
            '{"Statement": [[]]}',
            '{"Statement": "Allow"}',
            POLICY.replace("Allow", "allow"),
            POLICY.replace('"Allow"', '["Allow"]'),
            POLICY.replace('"Allow"', "{}"),
            POLICY.replace('"Effect": "Allow", ', ""),
            POLICY.replace("Action", "action"),
            POLICY.replace('"Action"', '"NotAction": "a", "Action"'),
            POLICY.replace("Resource", "Resources"),
            POLICY.replace('"Action"', '"Principal": "*", "Action"'),
            POLICY.replace('"Effect"', '"Effect": "Deny", "Effect"'),
            POLICY.replace('{"Statement"', '{"Version": "2030-01-01", "Statement"'),
            POLICY.replace('{"Statement"', '{"Version": [], "Statement"'),
            POLICY.replace("s3:*", "\\ud800"),
            '{"Statement": [' + "[" * 2000,
            '{"Statement": NaN}',
        ],
    )
    def test_with_a_session_policy_that_is_none_is_refused(self, policy: str) -> None:
        error = refusal(request(policy=policy))

        assert (error.code, error.status) == ("MalformedPolicyDocument", 400)

    @pytest.mark.parametrize(
        ("policy", "arns"), [(POLICY, 60), (POLICY + " " * 2048, 0), (POLICY.replace("s3", "\u00e9" * 1000), 0)]
    )
    def test_with_more_session_policy_than_fits_is_refused(self, policy: str, arns: int) -> None:
        error = refusal(request(policy=policy, policy_arns=(POLICY_ARN,) * arns))

        assert (error.code, error.status) == ("PackedPolicyTooLarge", 400)
        assert "% of the allowed packed size" in error.message

    @pytest.mark.parametrize(
        "statement",
        [
            {"Effect": "Deny", "Action": "s3:*", "Resource": "*"},
            {"Effect": "Allow", "NotAction": "iam:*", "NotResource": ["arn:aws:s3:::a"]},
        ],
        ids=str,
    )
    @pytest.mark.parametrize("version", [{}, {"Version": "2008-10-17"}, {"Version": "2012-10-17"}], ids=str)
    def test_with_any_statement_that_is_one_is_granted(self, statement: object, version: dict[str, str]) -> None:
        for statements in (statement, [statement], [statement, statement]):
            policy = {**version, "Statement": statements}
            assert granted(request(policy=json.dumps(policy))).session_policies == (policy,)

    @pytest.mark.parametrize("name", ["Principal", "NotPrincipal"])
    def test_with_a_session_policy_for_somebody_is_refused(self, name: str) -> None:
        policy = POLICY.replace('"Action"', f'"{name}": "*", "Action"')

        assert refusal(request(policy=policy)).code == "MalformedPolicyDocument"

    @pytest.mark.parametrize(
        ("policy", "arns", "percent"),
        [
            (None, ("a" * 20,), 1),
            (None, ("a" * 1024, "a" * 1024), 100),
            (None, ("a" * 1024, "a" * 1025), 101),
            (POLICY.ljust(2048), (), 100),
            (POLICY.ljust(1024), ("a" * 1024,), 100),
            (POLICY.ljust(1025), ("a" * 1024,), 101),
            (POLICY.ljust(2028), ("a" * 21,), 101),
        ],
        ids=["an ARN", "ARNs", "too many ARNs", "a policy", "both", "too much of both", "a byte too many"],
    )
    def test_says_how_much_of_the_room_is_taken_rounded_up(
        self, policy: str | None, arns: tuple[str, ...], percent: int
    ) -> None:
        asked = request(policy=policy, policy_arns=arns)
        if percent <= 100:
            assert granted(asked).packed_policy_size == percent
        else:
            error = refusal(asked)
            assert error.code == "PackedPolicyTooLarge"
            assert error.message == f"PackedPolicySize is {percent}% of the allowed packed size"
            assert error.reason == "session policy and policy ARNs are too large together"

    def test_with_a_session_policy_of_more_than_8192_bytes_is_not_read(self) -> None:
        assert refusal(request(policy=POLICY.ljust(8192))).code == "PackedPolicyTooLarge"
        assert refusal(request(policy=POLICY.ljust(8193))).code == "MalformedPolicyDocument"


class TestTheReason:
    """What the owner of the account is told, beside the answer of AWS."""

    def test_of_each_refusal(self) -> None:
        elsewhere = Account(issuer="https://other.example.com")
        assert refusal(request(role_arn="no role")).reason == "the RoleArn is not the ARN of a role"
        assert refusal(request(), elsewhere).reason == "no such provider is registered"
        assert refusal(request("a.b")).reason.startswith("The token is not three parts")
        assert refusal(request(duration=3601)).reason == "the role allows 3600 seconds"
        assert refusal(request(policy="{}")).reason == "the session policy is no policy"
        assert refusal(now=NOW + 3540.5).reason == "The token expired 0 seconds ago"
        assert refusal(account=Account(trust={})).reason == (
            f"the role's trust policy does not let '{SUBJECT}' in: no statement allows {ACTION}"
        )

    def test_and_the_answers_words(self) -> None:
        assert refusal(request(policy="{}")).message == "Syntax errors in policy."
        assert refusal(now=NOW + 3540.5).message == (
            f"Token expired: current date/time {NOW + 3540} must be before the expiration date/time {NOW + 3540}"
        )

    def test_an_endless_issuer_is_told_by_its_beginning(self) -> None:
        message = refusal(request(forgery.good(iss="i" * 201))).message

        assert message == f"No OpenIDConnect provider found in your account for {'i' * 200}"


class TestTheRoleArn:
    @pytest.mark.parametrize(
        "arn",
        [
            "demo-machine-api-of-mine",
            f"arn:aws:iam::{ACCOUNT}:user/demo-machine-api",
            f"arn:aws:iam::{ACCOUNT}:root",
            f"arn:aws:sts::{ACCOUNT}:assumed-role/demo-machine-api/session",
            f"arn:aws:iam:us-east-1:{ACCOUNT}:role/demo-machine-api",
            "arn:aws:iam::12345678901:role/demo-machine-api",
            "arn:aws:iam::\u0661\u0662\u0663456789012:role/demo-machine-api",
            f"arn:aws:iam::{ACCOUNT}:role/",
            f"arn:aws:iam::{ACCOUNT}:role/{'a' * 65}",
            f"arn:aws:iam::{ACCOUNT}:role//demo-machine-api",
            f"arn:aws:iam::{ACCOUNT}:role/demo machine",
            f"arn:aws:iam::{ACCOUNT}:role/d\u0435mo-machine-api",
            f"{ROLE_ARN}\n",
            f"{ROLE_ARN}\0",
            f" {ROLE_ARN}",
            f"ARN{ROLE_ARN[3:]}",
        ],
    )
    def test_that_is_no_roles_is_refused_before_anything_is_looked_at(self, arn: str) -> None:
        account = Account()
        error = refusal(request(role_arn=arn), account)

        assert (error.code, error.status, error.message) == ("ValidationError", 400, "Request ARN is invalid")
        assert account.asked == []

    @pytest.mark.parametrize(
        "arn",
        [
            ROLE_ARN.replace(ACCOUNT, "210987654321"),
            ROLE_ARN.replace(":aws:", ":aws-cn:"),
            ROLE_ARN.replace(":aws:", ":x:"),
        ],
    )
    def test_of_another_account_or_partition_finds_no_provider_there(self, arn: str) -> None:
        error = refusal(request(role_arn=arn))

        assert (error.code, error.status) == ("InvalidIdentityToken", 400)
        assert error.message == f"No OpenIDConnect provider found in your account for {ISSUER}"

    @pytest.mark.parametrize("name", ["another", "DEMO-MACHINE-API", "path/demo-machine-api", "demo-machine-api/x"])
    def test_of_a_role_that_is_not_there_tells_nobody_so(self, name: str) -> None:
        error = refusal(request(role_arn=f"arn:aws:iam::{ACCOUNT}:role/{name}"))

        assert (error.code, error.status, error.message) == ("AccessDenied", 403, NOT_AUTHORIZED)
        assert error.reason == "there is no such role"
        assert "no such role" not in str(error)

    def test_has_its_path(self) -> None:
        arn = f"arn:aws:iam::{ACCOUNT}:role/a/b/demo-machine-api"
        assert granted(request(role_arn=arn), Account(role_arn=arn)).role_arn == arn


FORGERIES = forgery.all_of_them()


def answer_to(name: str) -> tuple[str, str]:
    """The code and the beginning of the words that a forgery is answered with."""
    kind, _, what = name.partition(": ")
    if what in {"expired", "expires now"}:
        return "ExpiredTokenException", "Token expired: current date/time 1800000000 must be before the expiration"
    if kind == "signature" and what != "empty":
        return "InvalidIdentityToken", NO_KEY
    if kind == "claims" and what.startswith("iss ") and what not in {"iss missing", "iss a list"}:
        return "InvalidIdentityToken", "No OpenIDConnect provider found in your account for "
    if what in {"aud another", "aud upper case", "aud one among many", "aud part of a name", "azp another"}:
        return "InvalidIdentityToken", "Incorrect token audience"
    return "InvalidIdentityToken", ""


class TestAForgery:
    @pytest.mark.parametrize("name", FORGERIES)
    def test_is_refused_as_sts_does(self, name: str) -> None:
        code, words = answer_to(name)
        error = refusal(request(FORGERIES[name]))

        assert (error.code, error.status) == (code, 400)
        assert error.message.startswith(words)

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("shape: two parts", NO_JWT),
            ("shape: four parts", NO_JWT),
            ("shape: an access token", NO_JWT),
            ("header: alg none", NO_KEY),
            ("header: kid unknown", NO_KEY),
            ("header: kid missing", NO_KEY),
            ("header: jku", NO_JWT),
            ("claims: sub missing", "Missing or invalid required claim(s) in the ID Token"),
            ("claims: nbf in the future", "Token is not yet valid"),
            ("claims: lives a year", "The ID Token's lifetime is longer than is allowed"),
        ],
    )
    def test_is_told_no_more_than_that(self, name: str, words: str) -> None:
        assert refusal(request(FORGERIES[name])).message == words

    def test_tells_when_it_expired(self) -> None:
        assert refusal(now=NOW + 4000).message == (
            f"Token expired: current date/time {NOW + 4000} must be before the expiration date/time {NOW - 60 + 3600}"
        )

    def test_of_20_001_characters_is_none(self) -> None:
        token = forgery.good()
        assert refusal(request(token + "A" * (20_001 - len(token)))).message == NO_JWT
        with pytest.raises(StsError, match="less than or equal to 20000"):
            parse_request([("RoleArn", ROLE_ARN), ("RoleSessionName", "se"), ("WebIdentityToken", "a" * 20_001)])

    def test_is_not_looked_at_in_the_role(self) -> None:
        """Nobody without a token that holds learns which roles there are."""
        for name in ("signature: another key, this kid", "claims: expired", "claims: aud another"):
            account = Account()
            refusal(request(FORGERIES[name]), account)
            assert "role" not in account.asked

    def test_of_an_unknown_issuer_makes_nobody_fetch_anything(self) -> None:
        account = Account()
        refusal(request(FORGERIES["claims: iss another"]), account)
        assert account.asked == ["provider"]

    def test_whose_issuer_holds_control_characters_is_answered_readably(self) -> None:
        token = forgery.good(iss="https://\0\x1b[31m<b>")
        assert refusal(request(token)).message.endswith(r"for https://\x00\x1b[31m<b>")


class TestTheIssuer:
    @pytest.mark.parametrize(
        "failure",
        [DocumentError("no answer within 5 seconds"), SigningKeyError("The JWKS is not JSON"), CcoctlError("?")],
        ids=lambda error: type(error).__name__,
    )
    def test_whose_documents_cannot_be_had_is_the_owners_to_mend(self, failure: CcoctlError) -> None:
        error = refusal(account=Account(published=failure))

        assert (error.code, error.status, error.message) == ("InvalidIdentityToken", 400, NO_KEY)
        assert error.reason == str(failure)

    def test_that_does_not_answer_for_a_moment_may_be_asked_again(self) -> None:
        """STS API reference: IDPCommunicationError is the one that a caller may try again."""
        error = refusal(account=Account(published=DocumentError("no answer within 5 seconds", may_pass=True)))

        assert (error.code, error.status) == ("IDPCommunicationError", 400)
        assert error.message == "Error communicating to identity provider"
        assert error.reason == "no answer within 5 seconds"

    def test_is_the_one_that_is_registered_character_by_character(self) -> None:
        class Lenient(Account):
            def provider(self, partition: str, account: str, url: str) -> RegisteredProvider | None:
                assert url != ISSUER
                return super().provider(partition, account, ISSUER)

        for name in ("claims: iss with a slash", "claims: iss upper case", "claims: iss with a port"):
            error = refusal(request(FORGERIES[name]), Lenient())
            assert error.message.startswith("No OpenIDConnect provider found")

    def test_may_have_a_path(self) -> None:
        issuer = "https://oidc.example.com/id/ABC"
        arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.example.com/id/ABC"
        condition = {"StringEquals": {"oidc.example.com/id/ABC:sub": SUBJECT}}
        account = Account(issuer=issuer, trust=trust(condition, Principal={"Federated": arn}))

        assert granted(request(forgery.good(iss=issuer)), account).provider.arn == arn

    def test_with_another_key_under_the_same_kid_is_another(self) -> None:
        theirs = forgery.signer("forger").jwk
        disguised = jwks.parse(
            jwks.render(Jwks((theirs,))).replace(str(theirs.kid).encode(), forgery.signer().kid.encode())
        )

        assert refusal(account=Account(published=disguised)).message == NO_KEY

    def test_that_retired_a_key_has_retired_its_tokens(self) -> None:
        assert refusal(account=Account(published=Jwks((forgery.ec_signer().jwk,)))).message == NO_KEY


class TestTheAudience:
    @pytest.mark.parametrize(
        "changed",
        [{"aud": "openshift"}, {"aud": ["sts.amazonaws.com", "openshift"]}, {"aud": ["x"], "azp": "openshift"}],
    )
    def test_is_one_of_the_providers(self, changed: dict[str, Any]) -> None:
        assert granted(request(forgery.good(**changed))).role_arn == ROLE_ARN

    def test_of_a_provider_without_any_is_nobodys(self) -> None:
        assert refusal(account=Account(audiences=frozenset())).message == "Incorrect token audience"

    def test_pinned_by_the_role_must_fit_too(self) -> None:
        pinned = {"StringEquals": {f"{HOST}:sub": SUBJECT, f"{HOST}:aud": "sts.amazonaws.com"}}

        granted(request(forgery.good(aud=["sts.amazonaws.com"])), Account(trust=trust(pinned)))
        granted(request(forgery.good(aud=["openshift", "sts.amazonaws.com"])), Account(trust=trust(pinned)))
        denied(Account(trust=trust(pinned)))


class TestTheTrustPolicy:
    @pytest.mark.parametrize(
        "condition",
        [
            {"StringEquals": {f"{HOST}:sub": SUBJECT}},
            {"StringEquals": {f"{HOST.upper()}:SUB": SUBJECT}},
            {"StringEquals": {f"{HOST}:sub": ["system:serviceaccount:a:b", SUBJECT], f"{HOST}:aud": "openshift"}},
            {"StringLike": {f"{HOST}:sub": "system:serviceaccount:openshift-machine-api:*"}},
            {"StringNotLike": {f"{HOST}:sub": "system:serviceaccount:kube-*"}},
            {"StringEqualsIgnoreCase": {f"{HOST}:sub": SUBJECT.upper()}},
            {"ForAllValues:StringEquals": {f"{HOST}:aud": ["openshift"]}},
            {"ForAnyValue:StringLike": {f"{HOST}:aud": "open*"}},
            {"StringEquals": {"sts:RoleSessionName": "session"}},
            {"StringLike": {"aws:FederatedProvider": PROVIDER_ARN}},
            {"DateLessThan": {"aws:CurrentTime": "2027-01-16T00:00:00Z"}},
            {"NumericGreaterThan": {"aws:EpochTime": NOW - 1}},
            {"Bool": {"aws:SecureTransport": True}},
            {"Null": {f"{HOST}:oaud": True, f"{HOST}:sub": False}},
        ],
        ids=str,
    )
    def test_lets_in_whom_it_describes(self, condition: object) -> None:
        granted(account=Account(trust=trust(condition)))

    @pytest.mark.parametrize(
        "condition",
        [
            {},
            {"StringEquals": {f"{HOST}:sub": "system:serviceaccount:a:b"}},
            {"StringEquals": {f"{HOST}:sub": SUBJECT.upper()}},
            {"StringEquals": {f"{HOST}:sub": "*"}},
            {"StringEquals": {"sub": SUBJECT}},
            {"StringEquals": {f"https://{HOST}:sub": SUBJECT}},
            {"StringEquals": {f"{HOST}/:sub": SUBJECT}},
            {"StringEquals": {f"{HOST}:sub": SUBJECT}, "StringLike": {f"{HOST}:aud": "sts.*"}},
            {"StringNotEquals": {f"{HOST}:sub": SUBJECT}},
            {"StringLike": {f"{HOST}:sub": "system:serviceaccount:openshift-*:operator"}},
            {"StringEquals": {"sts:RoleSessionName": "another"}},
            {"StringEquals": {f"{HOST}:email": "a@example.com"}},
            {"StringEquals": {"aws:RequestTag/team": "a"}},
            {"DateLessThan": {"aws:CurrentTime": "2027-01-15T08:00:00Z"}},
            {"StringMatches": {f"{HOST}:sub": ".*"}},
            {"Null": {f"{HOST}:sub": True}},
        ],
        ids=str,
    )
    def test_and_nobody_else(self, condition: object) -> None:
        denied(Account(trust=trust(condition)))

    @pytest.mark.parametrize(
        "changed",
        [
            {"Principal": "*"},
            {"Principal": {"AWS": "*"}},
            {"Principal": {"Federated": "*"}},
            {"Principal": {"Federated": HOST}},
            {"Principal": {"Federated": PROVIDER_ARN.replace(ACCOUNT, "210987654321")}},
            {"Principal": None, "NotPrincipal": {"Federated": f"{PROVIDER_ARN}x"}},
            {"Principal": None, "NotPrincipal": {"AWS": "*"}},
            {"Action": None, "NotAction": "sts:AssumeRole"},
            {"Action": "sts:AssumeRole"},
            {"Effect": "Deny"},
            {"condition": {}},
        ],
        ids=str,
    )
    def test_that_says_too_much_lets_in_nobody(self, changed: dict[str, Any]) -> None:
        denied(Account(trust=trust(**changed)))

    @pytest.mark.parametrize("policy", [{}, {"Statement": []}, {"Statement": None}, {"Statement": "Allow"}], ids=str)
    def test_that_says_nothing_lets_in_nobody(self, policy: dict[str, Any]) -> None:
        denied(Account(trust=policy))

    @pytest.mark.parametrize(
        "deny",
        [
            {"Principal": "*"},
            {
                "Principal": {"Federated": PROVIDER_ARN},
                "Condition": {"StringLike": {f"{HOST}:sub": "*:openshift-machine-*"}},
            },
            {"Principal": "*", "Condition": {"StringMatches": {"a": "b"}}},
        ],
        ids=str,
    )
    def test_that_denies_is_obeyed(self, deny: dict[str, Any]) -> None:
        policy = trust()
        policy["Statement"].append({"Effect": "Deny", "Action": ACTION, **deny})

        denied(Account(trust=policy))

    def test_without_a_subject_lets_in_every_token_of_the_issuer(self) -> None:
        """As AWS does: it is for `verify` to report."""
        everybody = trust({"StringEquals": {f"{HOST}:aud": "openshift"}})
        granted(request(forgery.good(sub="system:serviceaccount:a:b")), Account(trust=everybody))

    def test_keeps_its_reason_to_itself(self) -> None:
        error = denied(Account(trust=trust({"StringEquals": {f"{HOST}:sub": "system:serviceaccount:a:b"}})))

        assert SUBJECT in error.reason
        assert SUBJECT not in str(error)


class TestTheSubject:
    @pytest.mark.parametrize(
        "subject",
        [
            f"{SUBJECT}:",
            f"{SUBJECT}:admin",
            f"{SUBJECT} ",
            f" {SUBJECT}",
            SUBJECT.upper(),
            SUBJECT.replace(":openshift-machine-api:", "::openshift-machine-api:"),
            SUBJECT.removeprefix("system:"),
            SUBJECT[:-1],
            f"{SUBJECT}s",
            SUBJECT.replace("controllers", "*"),
            SUBJECT.replace("controllers", "controller?"),
            "*",
            "system:serviceaccount:*:*",
            SUBJECT.replace("-", "%2d"),
            "system:admin",
        ],
    )
    def test_is_taken_character_by_character(self, subject: str) -> None:
        token = forgery.good(sub=subject)

        denied(Account(), token)
        denied(Account(trust=trust({"StringLike": {f"{HOST}:sub": SUBJECT}})), token)

    @pytest.mark.parametrize(
        "subject", [f"{SUBJECT}\0", f"{SUBJECT}\n", SUBJECT.replace("a", "\u0430", 1), f"{SUBJECT}\u0301"]
    )
    def test_of_other_characters_than_ascii_is_none(self, subject: str) -> None:
        assert refusal(request(forgery.good(sub=subject))).code == "InvalidIdentityToken"

    def test_of_another_namespace_is_somebody_else_even_with_colons_in_a_name(self) -> None:
        """`StringLike system:serviceaccount:*:controllers` is the policy's own risk; an exact one has none."""
        denied(Account(), forgery.good(sub="system:serviceaccount:x:openshift-machine-api:machine-api-controllers"))


class TestConditionKeys:
    PROVIDER = RegisteredProvider(arn=PROVIDER_ARN, url="https://IdP.example.com/A", audiences=frozenset())

    def keys(self, **changed: Any) -> Mapping[str, tuple[str, ...]]:
        claims: Claims = parse(forgery.good(**changed)).claims
        return condition_keys(self.PROVIDER, claims, "session", NOW + 0.9)

    def test_are_those_that_aws_documents(self) -> None:
        assert self.keys() == {
            "idp.example.com/a:sub": (SUBJECT,),
            "idp.example.com/a:aud": ("openshift",),
            "sts:rolesessionname": ("session",),
            "aws:federatedprovider": (PROVIDER_ARN,),
            "aws:currenttime": (str(NOW),),
            "aws:epochtime": (str(NOW),),
            "aws:securetransport": ("true",),
        }

    def test_an_authorized_party_takes_the_audiences_place(self) -> None:
        keys = self.keys(azp="party", aud=["a", "b"])

        assert keys["idp.example.com/a:aud"] == ("party",)
        assert keys["idp.example.com/a:oaud"] == ("a", "b")

    def test_amr_and_email_are_there_where_they_are_texts(self) -> None:
        keys = self.keys(amr=["a", 1, "b"], email="a@example.com")
        assert (keys["idp.example.com/a:amr"], keys["idp.example.com/a:email"]) == (("a", "b"), ("a@example.com",))
        assert not {"idp.example.com/a:amr", "idp.example.com/a:email"} & self.keys(amr={}, email=7).keys()


class TestTheOrder:
    """Everything is wrong with a request, and is put right one by one: each answer is that of the next check."""

    def test_of_the_checks(self) -> None:
        account = Account(
            issuer="https://other.example.com", published=DocumentError("away"), trust={}, audiences=frozenset()
        )
        asked = request("no token", role_arn="no role", duration=43200, policy="no policy")
        assert refusal(asked, account).message == "Request ARN is invalid"
        asked = replace(asked, role_arn=ROLE_ARN)
        assert refusal(asked, account).message == NO_JWT
        late = {"iat": NOW - 9000, "nbf": NOW - 9000, "exp": NOW - 1, "aud": "x"}
        asked = replace(asked, token=forgery.signer("forger").sign(forgery.members(**late)))
        assert refusal(asked, account).message == f"No OpenIDConnect provider found in your account for {ISSUER}"
        account.issuer = ISSUER
        assert refusal(asked, account).reason == "away"
        account.published = forgery.published()
        assert refusal(asked, account).reason.startswith("No published key has the kid")
        asked = replace(asked, token=forgery.good(**late))
        assert refusal(asked, account).code == "ExpiredTokenException"
        asked = replace(asked, token=forgery.good(aud="x"))
        assert refusal(asked, account).message == "Incorrect token audience"
        account.audiences = frozenset({"x"})
        assert refusal(asked, account).code == "AccessDenied"
        account.trust = trust()
        assert "DurationSeconds" in refusal(asked, account).message
        account.longest = 43200
        assert refusal(asked, account).code == "MalformedPolicyDocument"
        assert granted(replace(asked, policy=POLICY), account).duration == 43200


class TestARealApiServer:
    @pytest.fixture
    def folder(self, shared: Path) -> Path:
        return shared / "fixtures/kube-apiserver-1.36"

    def test_has_its_tokens_taken_at_their_time(self, folder: Path) -> None:
        published = jwks.parse((folder / "jwks-rsa-and-ec.json").read_bytes())
        files = [file for file in sorted(folder.glob("*.jwt")) if "warnafter" not in file.name]
        assert len(files) == 7
        assert {"es256.jwt"} < {file.name for file in files}
        for file in files:
            token = file.read_text(encoding="ascii").strip()
            claims = parse(token).claims
            account = Account(
                published=published,
                trust=trust({"StringEquals": {f"{HOST}:sub": claims.subject, f"{HOST}:aud": "openshift"}}),
            )
            assert granted(request(token), account, now=claims.issued_at + 5).claims == claims
            assert refusal(request(token), account, now=claims.expires).code == "ExpiredTokenException"
            other = Account(
                published=published, trust=trust({"StringEquals": {f"{HOST}:sub": "system:serviceaccount:a:b"}})
            )
            assert refusal(request(token), other, now=claims.issued_at + 5).code == "AccessDenied"

    def test_has_the_token_refused_that_it_made_for_itself(self, folder: Path) -> None:
        token = (folder / "rs256.warnafter.jwt").read_text(encoding="ascii").strip()
        published = jwks.parse((folder / "jwks-rsa-and-ec.json").read_bytes())
        now = parse(token).claims.issued_at + 5

        error = refusal(request(token), Account(published=published), now=now)
        assert error.message == "The ID Token's lifetime is longer than is allowed"
        error = refusal(request(token), Account(published=published), now=parse(token).claims.expires - 10)
        assert error.code == "InvalidIdentityToken"

    def test_before_the_rotation_has_the_newer_key_unknown(self, folder: Path) -> None:
        token = (folder / "es256.jwt").read_text(encoding="ascii").strip()
        published = jwks.parse((folder / "jwks.json").read_bytes())

        error = refusal(request(token), Account(published=published), now=parse(token).claims.issued_at + 5)
        assert error.message == NO_KEY


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


class TestWhateverIsAsked:
    @given(
        st.text(max_size=60) | st.sampled_from(sorted(FORGERIES.values())),
        st.text(max_size=60) | st.just(ROLE_ARN),
        st.none() | st.text(max_size=60),
    )
    def test_without_a_token_that_holds_nothing_is_granted(self, token: str, arn: str, policy: str | None) -> None:
        with pytest.raises(StsError):
            granted(request(token, role_arn=arn, policy=policy))

    @given(st.dictionaries(st.sampled_from(["iss", "sub", "aud", "exp", "iat", "nbf", "azp", "amr", "email"]), JSON))
    def test_a_signed_token_gets_the_role_only_as_the_subject_that_it_names(self, changed: dict[str, Any]) -> None:
        try:
            grant = granted(request(forgery.good(**changed)))
        except StsError:
            return
        assert grant.claims.subject == SUBJECT
        assert grant.claims.issuer == ISSUER
        assert {*grant.claims.audiences} <= set(AUDIENCES) or grant.claims.authorized_party in AUDIENCES

    @given(JSON | st.fixed_dictionaries({"Statement": JSON | st.lists(JSON, max_size=3)}))
    def test_a_session_policy_is_taken_or_refused(self, policy: Any) -> None:
        try:
            [document] = granted(request(policy=json.dumps(policy))).session_policies
        except StsError as error:
            if error.code not in {"MalformedPolicyDocument", "PackedPolicyTooLarge"}:
                raise
        else:
            assert document == policy
