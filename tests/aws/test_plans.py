"""From wanted and found to plans, without a cloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from ccoctl.aws.plans import all_of_it, identity_provider
from ccoctl.aws.policy import Policy, public_read
from ccoctl.aws.resources import Account, Document, OriginAccess, PublicAccess
from ccoctl.engine.call import Call
from ccoctl.engine.diff import Unseen
from ccoctl.engine.plan import Action, Plan, WriteFile
from ccoctl.errors import Problems
from ccoctl.signing import discovery, jwks
from tests.aws.builders import ACCOUNT, KEY, REQUEST, key, private_account, public_account, role, settings

ROLE = "demo-openshift-machine-api-aws-cloud-credentials"


def plan(found: Account, **options: Any) -> Plan:
    """The plan of everything."""
    return all_of_it(settings(**options), (REQUEST,), KEY, found).plan


def changes(drawn: Plan) -> list[str]:
    """The ids of the steps that change the cloud."""
    return [step.id for step in drawn.steps if not isinstance(step.work, WriteFile) and step.action is not Action.READ]


def call(drawn: Plan, step_id: str) -> Mapping[str, Any]:
    """The parameters of a step's call."""
    work = next(step.work for step in drawn.steps if step.id == step_id)
    assert isinstance(work, Call)
    return work.parameters


def test_everything_is_made_in_an_empty_account() -> None:
    assert changes(plan(Account(id=ACCOUNT))) == [
        "bucket/create",
        "bucket/tags",
        "object/.well-known/openid-configuration/put",
        "bucket/public-access",
        "bucket/policy",
        "object/keys.json/put",
        "provider/create",
        f"role/{ROLE}/create",
        f"role/{ROLE}/policy",
    ]


def test_the_same_input_gives_the_same_plan() -> None:
    assert plan(Account(id=ACCOUNT)) == plan(Account(id=ACCOUNT))


@pytest.mark.parametrize("found", [public_account(), private_account(), private_account(OriginAccess.OAC)])
def test_nothing_is_to_be_done_where_all_is_as_wanted(found: Account) -> None:
    assert changes(plan(found)) == []
    assert plan(found).notes in {(), ("the set-up is private and stays so",)}


def test_defect_9_the_provider_is_tagged_in_the_call_that_makes_it() -> None:
    tags = call(plan(Account(id=ACCOUNT)), "provider/create")["Tags"]

    assert {"Key": "openshift.io/cloud-credential-operator/demo", "Value": "owned"} in tags


def test_defect_15_a_secret_waits_for_its_roles_rights() -> None:
    secret = next(step for step in plan(Account(id=ACCOUNT)).steps if step.id.endswith("-credentials.yaml"))

    assert {f"role/{ROLE}/create", f"role/{ROLE}/policy", "provider/create"} <= set(secret.needs)


def test_defect_7_a_bucket_left_half_made_is_finished() -> None:
    from ccoctl.aws.resources import Bucket

    bare = Bucket(
        name="demo-oidc", region="us-east-1", tags={}, public_access=PublicAccess(block_policies=True), policy=None
    )
    drawn = plan(Account(id=ACCOUNT, bucket=bare))

    issuer = "object/.well-known/openid-configuration/put"
    assert changes(drawn)[:4] == ["bucket/tags", issuer, "bucket/public-access", "bucket/policy"]
    assert "taken over" in drawn.notes[0]


def test_a_bucket_that_is_not_ours_is_refused() -> None:
    found = public_account()
    assert found.bucket is not None
    foreign = replace(found.bucket, tags={})

    with pytest.raises(Problems, match=r"bucket demo-oidc: it exists and does not carry the tag"):
        plan(replace(found, bucket=foreign))


def test_a_bucket_elsewhere_is_refused() -> None:
    with pytest.raises(Problems, match="use --region us-east-1"):
        plan(public_account(), region="eu-west-1")


def test_defect_17_a_role_that_is_not_ours_is_refused_by_name() -> None:
    found = public_account()
    foreign = replace(found.roles[ROLE], tags={"team": "other"})

    with pytest.raises(Problems, match=f"role {ROLE}: it exists and does not carry the tag"):
        plan(replace(found, roles={ROLE: foreign}))


def test_conflicts_are_told_all_at_once() -> None:
    found = public_account()
    assert found.bucket is not None
    found = replace(
        found,
        bucket=replace(found.bucket, tags={"openshift.io/cloud-credential-operator/other": "owned"}),
        roles={ROLE: replace(found.roles[ROLE], tags={})},
    )

    with pytest.raises(Problems) as raised:
        plan(found)

    assert [str(problem.where) for problem in raised.value.problems] == ["bucket demo-oidc", f"role {ROLE}"]
    assert "belongs to other" in raised.value.problems[0].what


def test_defect_4_a_role_with_another_trust_policy_is_mended() -> None:
    found = public_account()
    drifted = replace(found.roles[ROLE], trust=Policy({"Version": "2012-10-17", "Statement": []}))
    drawn = plan(replace(found, roles={ROLE: drifted}))

    assert changes(drawn) == [f"role/{ROLE}/trust"]
    assert drawn.steps[0].changes[0].old == drifted.trust


def test_every_property_of_a_role_is_brought_back() -> None:
    found = public_account()
    drifted = replace(
        found.roles[ROLE],
        permissions=None,
        description="changed by hand",
        tags={"openshift.io/cloud-credential-operator/demo": "owned", "mine": "kept"},
        boundary="",
    )
    drawn = plan(replace(found, roles={ROLE: drifted}), boundary="arn:aws:iam::123456789012:policy/b")

    assert changes(drawn) == [f"role/{ROLE}/{what}" for what in ("policy", "settings", "boundary", "tags")]
    assert call(drawn, f"role/{ROLE}/tags")["Tags"] == [{"Key": "Name", "Value": "demo"}]
    assert call(drawn, f"role/{ROLE}/settings")["MaxSessionDuration"] == 3600


def test_what_is_not_said_stays_as_it_is() -> None:
    found = public_account()
    with_boundary = replace(
        found.roles[ROLE], boundary="arn:aws:iam::1:policy/b", path="/p/", max_session_duration=7200
    )

    assert changes(plan(replace(found, roles={ROLE: with_boundary}))) == []


def test_a_bound_audience_is_not_loosened_by_leaving_the_flag_out() -> None:
    bound = settings(bind_audience=True)
    found = replace(public_account(), roles={ROLE: role(bound)})

    assert changes(plan(found)) == []
    assert changes(plan(public_account(), bind_audience=True)) == [f"role/{ROLE}/trust"]


def test_a_path_cannot_change() -> None:
    with pytest.raises(Problems, match="its path is '/' and cannot become '/other/'"):
        plan(public_account(), role_path="/other/")


def test_defect_1_a_published_key_is_never_dropped() -> None:
    found = public_account(published=key())

    with pytest.raises(Problems, match="rotate-signing-key"):
        plan(found)


def test_a_key_beside_ours_stays_published() -> None:
    other = key()
    found = public_account()
    both = jwks.Jwks((other, KEY))
    document = replace(found.documents[discovery.KEYS], body=jwks.document(both), raw=jwks.render(both))

    assert changes(plan(replace(found, documents={**found.documents, discovery.KEYS: document}))) == []


def test_an_empty_key_set_as_the_go_tool_may_leave_it_is_filled() -> None:
    found = public_account()
    empty = replace(found.documents[discovery.KEYS], body={"keys": []}, raw=b'{"keys": []}')

    drawn = plan(replace(found, documents={**found.documents, discovery.KEYS: empty}))

    assert changes(drawn) == ["object/keys.json/put"]
    assert call(drawn, "object/keys.json/put")["IfMatch"] == '"1"'


def test_what_is_no_jwks_is_not_overwritten() -> None:
    found = public_account()
    odd = replace(found.documents[discovery.KEYS], body=None, raw=b"<html>")

    with pytest.raises(Problems, match="no JWKS"):
        plan(replace(found, documents={**found.documents, discovery.KEYS: odd}))


def test_defect_24_documents_without_type_and_cache_control_are_published_again() -> None:
    found = public_account()
    old: dict[str, Document] = {
        name: replace(item, content_type="binary/octet-stream", cache_control="")
        for name, item in found.documents.items()
    }
    drawn = plan(replace(found, documents=old))

    assert len(changes(drawn)) == 2
    assert call(drawn, "object/keys.json/put")["ContentType"] == "application/json"


def test_defect_5_a_provider_lacking_an_audience_gets_it_and_keeps_others() -> None:
    found = public_account()
    lacking = replace(found.providers[0], audiences=frozenset({"openshift", "mine"}))
    drawn = plan(replace(found, providers=(lacking,)))

    assert changes(drawn) == ["provider/audience/sts.amazonaws.com"]


def test_defect_9_an_untagged_provider_of_our_issuer_is_adopted_and_anothers_is_not() -> None:
    found = public_account()
    untagged = replace(found.providers[0], tags={})
    foreign = replace(found.providers[0], tags={"openshift.io/cloud-credential-operator/other": "owned"})

    assert changes(plan(replace(found, providers=(untagged,)))) == ["provider/tags"]
    with pytest.raises(Problems, match="belongs to other"):
        plan(replace(found, providers=(foreign,)))


def test_what_may_not_be_seen_is_written_again_and_said() -> None:
    found = public_account()
    assert found.bucket is not None
    unseen = replace(
        found,
        bucket=replace(
            found.bucket, policy=Unseen("s3:GetBucketPolicy"), public_access=Unseen("s3:GetBucketPublicAccessBlock")
        ),
        roles={ROLE: replace(found.roles[ROLE], permissions=Unseen("iam:GetRolePolicy"))},
    )
    drawn = plan(unseen)

    assert changes(drawn) == ["bucket/public-access", "bucket/policy", f"role/{ROLE}/policy"]
    assert {step.action for step in drawn.steps if step.id in changes(drawn)} == {Action.REWRITE}
    assert any("iam:GetRolePolicy is not allowed" in note for note in drawn.notes)


def test_an_open_bucket_is_closed_again_as_the_mode_wants() -> None:
    found = private_account()
    assert found.bucket is not None
    opened = replace(
        found.bucket, public_access=PublicAccess(block_policies=False), policy=public_read("demo-oidc", "aws")
    )

    drawn = plan(replace(found, bucket=opened))

    assert changes(drawn) == ["bucket/policy", "bucket/public-access"]
    closing = next(step for step in drawn.steps if step.id == "bucket/public-access")
    assert closing.needs == ("bucket/policy",)  # a block that meets a public policy would keep CloudFront out


def test_a_distribution_that_was_disabled_is_enabled_and_waited_for() -> None:
    found = private_account()
    assert found.distribution is not None
    off = replace(found.distribution, enabled=False)
    drawn = plan(replace(found, distribution=off))

    assert changes(drawn) == ["distribution/enable", "distribution/deployed"]
    assert call(drawn, "distribution/enable")["DistributionConfig"] == {"Enabled": True, "Comment": "kept"}


def test_a_wait_that_was_interrupted_is_resumed() -> None:
    found = private_account()
    assert found.distribution is not None

    assert changes(plan(replace(found, distribution=replace(found.distribution, status="InProgress")))) == [
        "distribution/deployed"
    ]


def test_regions_that_never_had_identities_get_a_control() -> None:
    drawn = all_of_it(settings(private=True, region="il-central-1"), (REQUEST,), KEY, Account(id=ACCOUNT)).plan

    assert "control/create" in changes(drawn)
    assert "identity/create" not in changes(drawn)


def test_extra_policies_are_named_and_left() -> None:
    found = public_account()
    more = replace(
        found.roles[ROLE], inline_policies=(ROLE, "extra"), attached_policies=("arn:aws:iam::aws:policy/Admin",)
    )
    drawn = plan(replace(found, roles={ROLE: more}))

    assert changes(drawn) == []
    assert [note.rsplit(": ", 1)[1] for note in drawn.notes] == ["extra", "arn:aws:iam::aws:policy/Admin"]


def test_without_a_key_the_published_one_stays() -> None:
    assert changes(identity_provider(settings(), None, public_account()).plan) == []
