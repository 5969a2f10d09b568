"""Tokens are handed to STS, and what it answers is compared with what it must."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ccoctl.aws.prove import prove
from ccoctl.aws.sts import Credentials, Sts
from ccoctl.aws.trials import Trial
from ccoctl.engine.call import Answer, Call
from ccoctl.errors import CcoctlError, CloudError, ErrorKind
from ccoctl.federation.proof import Attempt, Exchange

ROLE = "arn:aws:iam::123456789012:role/path/demo"
OURS = "arn:aws:sts::123456789012:assumed-role/demo/ccoctl-verify"


class Account:
    """An AWS that answers each operation with one answer or error, and remembers the calls."""

    def __init__(self, assume: CcoctlError | None = None, identity: str | CcoctlError = OURS) -> None:
        self.assume = assume
        self.whose = identity
        self.calls: list[Call] = []

    def perform(self, call: Call) -> Answer:
        self.calls.append(call)
        if self.assume is not None:
            raise self.assume
        return {"Credentials": {"AccessKeyId": "ASIA1", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": 0}}

    def bearing(self, credentials: Credentials) -> Bearer:
        assert credentials.access_key == "ASIA1"
        return Bearer(self.whose)


class Bearer:
    """Whoever has the credentials."""

    def __init__(self, whose: str | CcoctlError) -> None:
        self.whose = whose

    def perform(self, call: Call) -> Mapping[str, Any]:
        assert call.name == "sts:GetCallerIdentity"
        if isinstance(self.whose, CcoctlError):
            raise self.whose
        return {"Arn": self.whose, "Account": "123456789012"}


class Tokens:
    """Every token is the same; none is to be had for `ns/nobody`."""

    kinds = frozenset(Attempt)

    def token(self, service_account: str, attempt: Attempt) -> str:
        if service_account == "ns/nobody":
            raise CcoctlError("no such service account")
        return f"a.token.{attempt.name}"


def refused(code: str, kind: ErrorKind = ErrorKind.PERMANENT) -> CloudError:
    operation = "sts:AssumeRoleWithWebIdentity"
    return CloudError(f"{operation} failed: {code}: No, never", kind=kind, code=code, operation=operation)


def exchanged(account: Account, attempt: Attempt = Attempt.OWN_ROLE, **changed: Any) -> Exchange:
    trial = Trial(
        **{
            "attempt": attempt,
            "service_account": "ns/a",
            "role": "demo",
            "role_arn": ROLE,
            "wanted": attempt is Attempt.OWN_ROLE,
            **changed,
        }
    )
    (found,) = prove([trial], Tokens(), Sts(account, patience=0), concurrency=2, done=lambda _: None)
    return found


def test_a_component_gets_its_own_role() -> None:
    account = Account()
    found = exchanged(account)

    assert found.right
    assert (found.granted, found.identity) == (True, OURS)
    assert account.calls[0].parameters["WebIdentityToken"] == "a.token.OWN_ROLE"


def test_what_a_proof_receives_may_do_nothing_and_soon_not_even_that() -> None:
    account = Account()
    exchanged(account)

    assert account.calls[0].parameters["DurationSeconds"] == 900
    assert account.calls[0].parameters["Policy"] == (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
    )


def test_another_roles_credentials_are_a_mistake() -> None:
    found = exchanged(Account(identity=OURS.replace("/demo/", "/other/")))

    assert found.mistaken
    assert not found.right


def test_a_role_of_the_same_name_in_another_account_is_another_role() -> None:
    assert exchanged(Account(identity=OURS.replace("123456789012", "210987654321"))).mistaken


@pytest.mark.parametrize(
    ("attempt", "code"),
    [
        (Attempt.OTHER_ROLE, "AccessDenied"),
        (Attempt.OTHER_NAMESPACE, "AccessDenied"),
        (Attempt.OTHER_KEY, "InvalidIdentityToken"),
        (Attempt.EXPIRED, "ExpiredTokenException"),
        (Attempt.OTHER_AUDIENCE, "InvalidIdentityToken"),
    ],
)
def test_a_stranger_is_refused_for_the_right_reason(attempt: Attempt, code: str) -> None:
    found = exchanged(Account(refused(code)), attempt)

    assert found.right
    assert (found.code, found.message) == (code, "No, never")


@pytest.mark.parametrize(
    ("attempt", "code"),
    [
        (Attempt.OTHER_ROLE, "InvalidIdentityToken"),
        (Attempt.EXPIRED, "InvalidIdentityToken"),
        (Attempt.OTHER_KEY, "ValidationError"),
        (Attempt.OTHER_NAMESPACE, "RegionDisabledException"),
        (Attempt.OWN_ROLE, "PackedPolicyTooLarge"),
    ],
)
def test_a_refusal_for_another_reason_proves_nothing(attempt: Attempt, code: str) -> None:
    found = exchanged(Account(refused(code)), attempt)

    assert not found.answered
    assert not found.right


def test_a_component_that_is_refused_is_wrong() -> None:
    found = exchanged(Account(refused("AccessDenied", ErrorKind.DENIED)))

    assert found.answered
    assert not found.right


@pytest.mark.parametrize("identity", [OURS, refused("InvalidClientTokenId")])
def test_a_stranger_who_gets_credentials_is_wrong_whatever_they_are_good_for(identity: str | CcoctlError) -> None:
    found = exchanged(Account(identity=identity), Attempt.OTHER_KEY)

    assert (found.answered, found.granted, found.right) == (True, True, False)


def test_credentials_that_do_not_work_prove_nothing() -> None:
    found = exchanged(Account(identity=refused("InvalidClientTokenId")))

    assert (found.answered, found.right) == (False, False)


def test_without_a_role_or_a_token_nothing_is_asked() -> None:
    account = Account()

    assert exchanged(account, role_arn="").message == "there is no such role"
    assert exchanged(account, service_account="ns/nobody").message == "there is no token: no such service account"
    assert account.calls == []


def test_whoever_is_interrupted_does_not_wait_for_iam() -> None:
    """Were the refusals waited out, this would run into the time that a test may take."""

    def interrupted(_: Exchange) -> None:
        raise KeyboardInterrupt

    trials = [
        Trial(attempt=Attempt.OWN_ROLE, service_account="ns/a", role="demo", role_arn=ROLE, wanted=True),
        Trial(attempt=Attempt.OTHER_ROLE, service_account="ns/nobody", role="demo", role_arn=ROLE, wanted=False),
    ]
    account = Account(refused("AccessDenied", ErrorKind.DENIED))
    with pytest.raises(KeyboardInterrupt):
        prove(reversed(trials), Tokens(), Sts(account, patience=3600), concurrency=2, done=interrupted)


def test_answers_come_in_the_order_of_the_trials_and_each_is_heard_of() -> None:
    heard: list[Exchange] = []
    trials = [
        Trial(attempt=Attempt.OWN_ROLE, service_account=f"ns/{n}", role="demo", role_arn=ROLE, wanted=True)
        for n in range(20)
    ]
    found = prove(trials, Tokens(), Sts(Account(), patience=0), concurrency=5, done=heard.append)

    assert [item.service_account for item in found] == [trial.service_account for trial in trials]
    assert sorted(heard, key=lambda item: item.service_account) == sorted(found, key=lambda item: item.service_account)
