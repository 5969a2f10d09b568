"""Where a rotation stands, and what is safe: the rules as a specification."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ccoctl.aws import rotation_plans as plans
from ccoctl.aws.cloudfront_calls import CACHING_DISABLED
from ccoctl.aws.desired import Issuer, Settings, documents
from ccoctl.aws.partition import partition_of
from ccoctl.aws.permissions import actions_of_all
from ccoctl.aws.resources import Account, Distribution, Provider
from ccoctl.aws.rotation import (
    LONGEST_LIFE,
    ROLLOUT,
    SIGNING_SINCE,
    Found,
    Record,
    Sighting,
    Stage,
    Use,
    key_states,
    missing_keys,
    record_of,
    stage,
    why_never,
    why_not,
)
from ccoctl.engine.call import Call
from ccoctl.engine.diff import Unseen
from ccoctl.engine.plan import After, Plan, Wait
from ccoctl.errors import SigningKeyError
from ccoctl.federation.clock import iso
from ccoctl.signing import discovery, jwks
from ccoctl.signing.jwk import Jwk, Kid, to_jwk
from ccoctl.signing.jwks import Jwks
from tests.federation.forgery import ec_key, rsa_key

NOW = 1_800_000_000.0
A, B, C = (to_jwk(rsa_key(name).public_key()) for name in "abc")
EC = to_jwk(ec_key().public_key())
SETTINGS = Settings(name="demo", region="us-east-1", partition=partition_of("us-east-1"))
ISSUER = Issuer(host=SETTINGS.bucket_host)


def found(
    *keys: Jwk,
    since: tuple[Jwk, float] | None = None,
    signs: tuple[Jwk, ...] = (),
    coming: Jwk | None = None,
    seen: tuple[Jwk, ...] | None = None,
    front: Distribution | None = None,
) -> Found:
    """A set-up that publishes these keys; `since`: the noted signer and when it was noted, in seconds before now."""
    published = Jwks(keys)
    noted = {SIGNING_SINCE: f"{iso(NOW - since[1])} {since[0].kid}"} if since is not None else {}
    listed = documents(SETTINGS, ISSUER, jwks.document(published))
    account = Account(
        id="123456789012",
        documents={document.key: replace(document, etag=f"of {document.key}") for document in listed},
        distribution=front,
    )
    cluster = Sighting(
        signs_with=tuple(str(key.kid) for key in signs),
        issuer=str(ISSUER.url),
        trusted=(*signs,),
        next=coming,
        is_openshift=coming is not None,
    )
    return Found(
        settings=SETTINGS,
        issuer=ISSUER,
        account=account,
        provider=Provider(url=ISSUER.url, arn="arn:of-the-provider", audiences=frozenset(), tags=noted),
        published=published,
        seen=tuple(str(key.kid) for key in (keys if seen is None else seen)),
        cluster=cluster if signs else None,
        now=NOW,
    )


def uses(state: Found) -> list[Use]:
    return [key.use for key in key_states(state)]


LONG_AGO = LONGEST_LIFE + ROLLOUT


@pytest.mark.parametrize(
    ("state", "expected", "stands"),
    [
        (found(A), [Use.SIGNING], Stage.STEADY),
        (found(A, signs=(A,)), [Use.SIGNING], Stage.STEADY),
        (found(A, B), [Use.UNKNOWN, Use.UNKNOWN], Stage.UNKNOWN),
        (found(A, B, signs=(A, B)), [Use.SIGNING, Use.SIGNING], Stage.UNKNOWN),
        (found(A, B, signs=(A,)), [Use.SIGNING, Use.NEXT], Stage.READY),
        (found(A, B, signs=(A,), seen=(A,)), [Use.SIGNING, Use.NEXT], Stage.PUBLISHED),
        (found(A, B, signs=(B,)), [Use.OLD, Use.SIGNING], Stage.SWITCHED),
        (found(A, B, since=(B, 60)), [Use.OLD, Use.SIGNING], Stage.SWITCHED),
        (found(A, B, since=(B, LONG_AGO - 1)), [Use.OLD, Use.SIGNING], Stage.SWITCHED),
        (found(A, B, since=(B, LONG_AGO)), [Use.IDLE, Use.SIGNING], Stage.RETIRABLE),
        (found(A, B, signs=(B,), since=(B, LONG_AGO)), [Use.IDLE, Use.SIGNING], Stage.RETIRABLE),
        (found(A, B, C, since=(B, LONG_AGO)), [Use.IDLE, Use.SIGNING, Use.NEXT], Stage.READY),
        (found(A, B, signs=(B,), coming=A, since=(B, LONG_AGO)), [Use.NEXT, Use.SIGNING], Stage.READY),
        (found(A, signs=(B,)), [Use.OLD], Stage.UNPUBLISHED),
        (found(A, signs=(A,), coming=B), [Use.SIGNING], Stage.UNPUBLISHED),
    ],
)
def test_what_each_key_is_for_and_where_the_rotation_stands(state: Found, expected: list[Use], stands: Stage) -> None:
    assert (uses(state), stage(state)) == (expected, stands)


def test_a_note_that_the_cluster_contradicts_is_not_believed() -> None:
    back = found(A, B, since=(B, LONG_AGO), signs=(A,))
    mixed = found(A, B, since=(B, LONG_AGO), signs=(A, B))

    assert back.record is None
    assert why_not(back, str(B.kid)) != ""
    assert mixed.safe_at is None
    assert "some with" in why_not(found(A, B, C, since=(B, LONG_AGO), signs=(A, B)), str(C.kid))


@pytest.mark.parametrize(
    ("state", "key", "reason"),
    [
        (found(A, B, since=(B, LONG_AGO)), A, ""),
        (found(A, B, since=(B, LONG_AGO - 1)), A, "may be alive until"),
        (found(A, B, signs=(B,)), A, "is not noted"),
        (found(A, B), A, "is not known"),
        (found(A, B, since=(A, LONG_AGO)), B, "sign with next"),
        (found(A, B, since=(B, LONG_AGO)), B, "the cluster signs with it"),
        (found(A, B, since=(B, LONG_AGO)), C, "is not published"),
        (found(A), A, "the cluster signs with it"),
        (found(A, B, since=(B, LONG_AGO), seen=(A,)), A, "the world does not see"),
    ],
)
def test_a_key_is_retired_only_where_no_token_of_it_can_be_alive(state: Found, key: Jwk, reason: str) -> None:
    said = why_not(state, str(key.kid))

    assert (reason in said) if reason else said == ""


def test_what_is_signed_with_is_never_retired_whatever_the_user_insists_on() -> None:
    mixed = found(A, B, C, signs=(A, B))

    assert [bool(why_never(mixed, str(key.kid))) for key in (A, B, C)] == [True, True, False]


@pytest.mark.parametrize(
    "tag", ["", "yesterday kid", "2026-13-40T00:00:00Z kid", "2026-11-24T10:00:00Z", "2026-11-24T10:00:00Z a b", " kid"]
)
def test_a_note_that_makes_no_sense_is_no_note(tag: str) -> None:
    provider = Provider(url="", arn="", audiences=frozenset(), tags={SIGNING_SINCE: tag})

    assert record_of(provider) is None
    assert record_of(None) is None


@given(st.integers(0, 2**32))
def test_a_note_is_read_as_it_was_written(seconds: int) -> None:
    [step] = plans.note_by_hand(replace(found(A, B), now=float(seconds)), str(B.kid)).steps
    assert isinstance(step.work, Call)
    listed: Any = step.work.parameters["Tags"]
    tags = {tag["Key"]: tag["Value"] for tag in listed}
    provider = Provider(url="", arn="", audiences=frozenset(), tags=tags)

    assert record_of(provider) == Record(kid=str(B.kid), since=float(seconds))


def calls(plan_or_steps: Plan | tuple[object, ...]) -> list[str]:
    steps = plan_or_steps.steps if isinstance(plan_or_steps, Plan) else plan_or_steps
    return [step.id for step in steps]  # type: ignore[attr-defined] # steps


def test_publishing_adds_a_key_and_drops_none_under_the_etag_that_was_read() -> None:
    put, wait = plans.publish(found(A), (B,))

    assert isinstance(put.work, Call)
    assert put.work.parameters["IfMatch"] == "of keys.json"
    assert put.work.written is not None
    body = put.work.parameters["Body"]
    assert [key["kid"] for key in body.document["keys"]] == [A.kid, B.kid]  # type: ignore[union-attr] # a JsonText
    assert isinstance(wait.work, Wait)
    assert wait.work.call.parameters["Kids"] == [A.kid, B.kid]
    assert [edge.step for edge in wait.after] == [put.id]


def test_what_is_published_and_seen_is_not_published_again() -> None:
    assert plans.publish(found(A, B), (B,)) == ()
    assert calls(plans.publish(found(A, B, seen=(A,)), (B,))) == [plans.SEEN]


def test_what_relies_on_a_new_key_is_drawn_from_another_look_at_the_account() -> None:
    """A migration that began meanwhile has copied the keys without it, and the cluster must not sign with it then."""
    published = plans.publish(found(A), (B,))
    relying = plans.noted(found(A), str(B.kid), iso(NOW), (After(step=plans.SEEN, reason="it must be seen"),))
    told = plans.noted(found(A), str(A.kid), iso(NOW), name="first")

    whole = Plan(steps=(*told, *published, *relying))
    assert calls(plans.until_seen(whole)) == ["first", plans.KEYS, plans.SEEN]
    nothing_new = Plan(steps=(*told, *relying))
    assert plans.until_seen(nothing_new) == nothing_new


def test_a_key_of_another_kind_extends_the_algorithms_and_the_last_one_of_its_kind_takes_them_along() -> None:
    steps = {step.id: step for step in plans.publish(found(A), (EC,))}
    change = steps[plans.DISCOVERY].changes[0]
    assert (change.old, change.new) == (["RS256"], ["ES256", "RS256"])

    retired = {step.id: step for step in plans.retire(found(A, EC, since=(EC, LONG_AGO)), (str(A.kid),)).steps}
    change = retired[plans.DISCOVERY].changes[0]
    assert (change.old, change.new) == (["ES256", "RS256"], ["ES256"])
    assert [edge.step for edge in retired[plans.DISCOVERY].after] == [plans.KEYS]


def test_nothing_else_of_the_documents_is_touched() -> None:
    state = found(A)
    described = state.account.documents[discovery.PATH]
    body = {**(described.body or {}), "scopes_supported": ["openid"]}
    tags = {**state.settings.all_tags, "team": "blue"}
    theirs = {
        discovery.PATH: replace(described, body=body, tags=tags, cache_control="no-cache"),
        discovery.KEYS: replace(state.account.documents[discovery.KEYS], tags=Unseen("s3:GetObjectTagging")),
    }
    steps = {
        step.id: step.work
        for step in plans.publish(replace(state, account=replace(state.account, documents=theirs)), (EC,))
    }

    put = steps[plans.DISCOVERY]
    assert isinstance(put, Call)
    assert put.parameters["CacheControl"] == "no-cache"
    assert "team=blue" in str(put.parameters["Tagging"])
    assert put.parameters["Body"].document["scopes_supported"] == ["openid"]  # type: ignore[union-attr] # a JsonText
    keys = steps[plans.KEYS]
    assert isinstance(keys, Call)
    assert "owned" in str(keys.parameters["Tagging"])  # else `delete` would not know it as ours


def test_members_that_we_do_not_know_stay_in_the_set() -> None:
    state = found(A)
    published = Jwks((A, Jwk(kty="AKP", kid=Kid("post-quantum"), others={"pub": "x"})), {"note": "of the other tool"})
    put = plans.publish(replace(state, published=published), (B,))[0]

    assert isinstance(put.work, Call)
    document = put.work.parameters["Body"].document  # type: ignore[union-attr] # a JsonText
    assert document["note"] == "of the other tool"
    assert document["keys"][1] == {"kty": "AKP", "kid": "post-quantum", "pub": "x"}


def test_another_key_under_the_same_kid_is_refused() -> None:
    with pytest.raises(SigningKeyError, match="Another key has the kid"):
        plans.publish(found(A), (msgspec.structs.replace(B, kid=A.kid),))


@pytest.mark.parametrize(
    ("policy", "forgets"), [(CACHING_DISABLED, False), ("658327ea-f89d-4fab-a63d-7e88639e58f6", True)]
)
def test_a_distribution_that_keeps_documents_is_told_to_forget_them_where_that_is_allowed(
    policy: str, forgets: bool
) -> None:
    front = Distribution(
        comment="",
        origin="",
        enabled=True,
        tags={},
        id="E1",
        config={"DefaultCacheBehavior": {"CachePolicyId": policy}},
    )
    steps = {step.id: step for step in plans.publish(found(A, front=front), (B,))}

    assert ("distribution/invalidate" in steps) is forgets
    if forgets:
        step = steps["distribution/invalidate"]
        assert isinstance(step.work, Call)
        assert step.work.tolerate == {"AccessDenied"}
        assert actions_of_all([step.work]) == ("cloudfront:CreateInvalidation",)
        assert [edge.step for edge in steps[plans.SEEN].after] == [plans.KEYS, "distribution/invalidate"]


def test_a_retirement_that_was_interrupted_goes_on_waiting_and_one_that_is_done_does_nothing() -> None:
    assert calls(plans.retire(found(B, seen=(A, B)), ())) == [plans.SEEN]
    assert calls(plans.retire(found(B), ())) == []


@given(st.sets(st.sampled_from(range(3))), st.sampled_from(range(3)), st.sampled_from([60.0, float(LONG_AGO)]))
def test_whatever_is_asked_for_the_key_that_is_signed_with_is_never_free_to_go(
    published: set[int], signer: int, since: float
) -> None:
    keys = [(A, B, C)[number] for number in sorted(published | {signer})]
    state = found(*keys, since=((A, B, C)[signer], since))

    assert why_not(state, str((A, B, C)[signer].kid)) != ""
    assert not missing_keys(state)
