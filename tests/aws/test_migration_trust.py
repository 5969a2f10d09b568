"""A trust policy during a migration: the same for both issuers, and nothing else of it changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ccoctl.aws import desired, migration_trust, names, policy
from ccoctl.aws.conditions import Context
from ccoctl.aws.desired import Trusted, future_issuer
from ccoctl.aws.evaluate import Question, decide
from ccoctl.aws.exchange import ACTION
from ccoctl.aws.policy import Policy
from ccoctl.credentialsrequest.load import load
from ccoctl.credentialsrequest.select import select
from ccoctl.engine.call import resolve
from tests.aws.builders import ACCOUNT, FRONT, HOST, settings

OLD = Trusted(arn=f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}", host=HOST)
NEW = Trusted(arn=f"arn:aws:iam::{ACCOUNT}:oidc-provider/{FRONT}", host=FRONT)
SUBJECT = "system:serviceaccount:openshift-machine-api:controllers"
PLAIN = policy.trust(OLD.arn, OLD.host, [SUBJECT])


def is_trusted(trust: Policy, provider: Trusted, subject: str = SUBJECT, audience: str = "openshift") -> bool:
    """What IAM decides of a token."""
    context: Context = {f"{provider.host}:sub".lower(): (subject,), f"{provider.host}:aud".lower(): (audience,)}
    principals = frozenset({("Federated", str(provider.arn))})
    return decide([trust.document], Question(action=ACTION, principals=principals, context=context)).allowed


def test_a_role_that_trusts_both_takes_the_same_subjects_of_each() -> None:
    both = migration_trust.also(PLAIN, OLD, NEW)

    for provider in (OLD, NEW):
        assert is_trusted(both, provider)
        assert not is_trusted(both, provider, "system:serviceaccount:elsewhere:controllers")


def test_a_token_of_one_issuer_does_not_satisfy_the_conditions_of_the_other() -> None:
    both = migration_trust.also(PLAIN, OLD, NEW)
    context = {f"{OLD.host}:sub": (SUBJECT,)}
    question = Question(action=ACTION, principals=frozenset({("Federated", str(NEW.arn))}), context=context)

    assert not decide([both.document], question).allowed


def test_there_and_back_it_is_what_create_all_writes() -> None:
    both = migration_trust.also(PLAIN, OLD, NEW)

    assert migration_trust.without(both, str(OLD.arn)) == policy.trust(NEW.arn, NEW.host, [SUBJECT])
    assert migration_trust.without(both, str(NEW.arn)) == PLAIN


def test_saying_it_again_changes_nothing() -> None:
    both = migration_trust.also(PLAIN, OLD, NEW)

    assert migration_trust.also(both, OLD, NEW) == both
    assert migration_trust.also(both, NEW, OLD) == both
    assert migration_trust.without(PLAIN, str(NEW.arn)) == PLAIN


def test_a_bound_audience_is_bound_for_both() -> None:
    both = migration_trust.also(policy.trust(OLD.arn, OLD.host, [SUBJECT], ["openshift"]), OLD, NEW)

    assert is_trusted(both, NEW)
    assert not is_trusted(both, NEW, audience="sts.amazonaws.com")


def test_what_others_put_into_the_policy_stays_and_what_they_put_into_our_statement_is_taken_along() -> None:
    theirs = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    ours: dict[str, Any] = {**PLAIN.document["Statement"][0], "Sid": "Ours"}
    ours["Condition"] = {**ours["Condition"], "Bool": {"aws:SecureTransport": "true"}}
    deny = {**ours, "Effect": "Deny", "Condition": {"StringLike": {f"{HOST.upper()}:SUB": "*:default:*"}}}
    both = migration_trust.also(Policy({"Version": "2012-10-17", "Statement": [theirs, ours, deny]}), OLD, NEW)

    assert both.document["Statement"][:3] == [theirs, ours, deny]
    allowed, denied = both.document["Statement"][3:]
    assert allowed["Condition"]["Bool"] == {"aws:SecureTransport": "true"}
    assert "Sid" not in allowed  # IAM takes an id once
    assert denied["Condition"] == {"StringLike": {f"{FRONT}:SUB": "*:default:*"}}
    left = migration_trust.without(both, str(OLD.arn)).document["Statement"]
    assert left == [theirs, allowed, denied]


def test_one_statement_with_two_principals_loses_the_one() -> None:
    shared = {**PLAIN.document["Statement"][0], "Principal": {"Federated": [OLD.arn, NEW.arn]}}
    left = migration_trust.without(Policy({"Version": "2012-10-17", "Statement": shared}), str(OLD.arn))

    assert left.document["Statement"][0]["Principal"] == {"Federated": [NEW.arn]}


def test_an_issuer_that_is_yet_to_come_is_filled_in_and_measured_with_its_usual_length() -> None:
    issuer = future_issuer()
    coming = Trusted(arn=f"arn:aws:iam::{ACCOUNT}:oidc-provider/{FRONT}", host=issuer.name)
    both = migration_trust.also(PLAIN, OLD, coming)
    filled = resolve(both.document, lambda _: FRONT)

    assert isinstance(filled, dict)
    assert Policy(filled) == migration_trust.also(PLAIN, OLD, NEW)
    assert migration_trust.size(both) == policy.size(filled)


def test_both_issuers_fit_into_the_trust_policies_of_every_release_with_the_longest_name(shared: Path) -> None:
    releases = [path for path in sorted((shared / "credrequests").iterdir()) if path.is_dir()]
    wanted = settings(name="n" * names.NAME_LIMIT, region="ap-southeast-1", bind_audience=True)
    old = Trusted(arn=f"arn:aws:iam::{ACCOUNT}:oidc-provider/{wanted.bucket_host}", host=wanted.bucket_host)
    sizes = [
        migration_trust.size(migration_trust.also(role.trust, old, NEW))
        for release in releases
        for role in desired.roles(
            wanted, ACCOUNT, old, select(load(release), enable_tech_preview=True).requests
        ).values()
    ]

    assert len(sizes) > 5 * len(releases)
    assert max(sizes) < policy.TRUST_POLICY_LIMIT


_SUBJECTS = st.lists(st.from_regex(r"system:serviceaccount:[a-z]{1,9}:[a-z]{1,9}", fullmatch=True), min_size=1)


@given(granted=_SUBJECTS, asked=_SUBJECTS)
def test_the_new_issuer_is_trusted_with_exactly_what_the_old_one_is(granted: list[str], asked: list[str]) -> None:
    both = migration_trust.also(policy.trust(OLD.arn, OLD.host, granted), OLD, NEW)

    for subject in [*granted, *asked]:
        assert is_trusted(both, NEW, subject) == is_trusted(both, OLD, subject) == (subject in granted)
