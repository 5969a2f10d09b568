"""The steps of a migration, in an order in which nobody is ever without credentials."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from ccoctl.aws import desired, migration_trust, policy
from ccoctl.aws.desired import Issuer
from ccoctl.aws.migration import FOLDER, NEVER_USED, ORIGIN_PATH, UNUSED_SINCE, Found, Side, Situation
from ccoctl.aws.migration_calls import Source
from ccoctl.aws.migration_plans import Trial, both, only
from ccoctl.aws.migration_serving import for_everybody_and
from ccoctl.aws.resources import Account, OriginAccess, PublicAccess
from ccoctl.aws.steps.common import Steps
from ccoctl.engine.call import Call, json_text, resolve
from ccoctl.engine.diff import Unseen
from ccoctl.engine.graph import in_order
from ccoctl.engine.plan import Action, Step, Wait
from ccoctl.signing import discovery, jwks
from tests.aws.builders import FRONT, HOST, KEY, key, private_account, public_account, role, settings

ROLE = "demo-openshift-machine-api-aws-cloud-credentials"
TRIAL = Trial(source=Source.KEY, role=ROLE, service_account="openshift-machine-api/controllers")


def situation(account: Account, **found: Any) -> Situation:
    """What was found, as the commands see it."""
    return Situation(settings=settings(), found=Found(account=account, **found))


def public() -> Situation:
    return situation(public_account())


def private(access: OriginAccess = OriginAccess.OAI) -> Situation:
    return situation(private_account(access))


def between() -> Situation:
    """Both issuers served, registered and trusted."""
    start = private_account()
    assert start.distribution is not None
    assert start.bucket is not None
    origin = {"Id": "o", "DomainName": HOST, "OriginPath": ORIGIN_PATH}
    front = replace(start.distribution, config={"Enabled": True, "Origins": {"Quantity": 1, "Items": [origin]}})
    readers = for_everybody_and(policy.public_read("demo-oidc", "aws"), policy.identity_read("demo-oidc", "aws", "E1"))
    bucket = replace(start.bucket, policy=readers, public_access=PublicAccess(block_policies=False))
    there = situation(replace(start, distribution=front, bucket=bucket))
    old = role(settings())
    trusting = replace(
        old, trust=migration_trust.also(old.trust, there.trusted(Side.PUBLIC), there.trusted(Side.PRIVATE))
    )
    account = replace(
        there.found.account,
        documents=public_account().documents,
        providers=(*public_account().providers, *start.providers),
        roles={ROLE: trusting},
    )
    wanted = desired.documents(settings(), Issuer(host=FRONT), jwks.document(jwks.Jwks((KEY,))))
    moved = {item.key: replace(item, folder=FOLDER, etag='"2"', raw=json_text(item.body).encode()) for item in wanted}
    return situation(account, moved=moved)


def changes(steps: Steps) -> list[str]:
    """The ids of the steps that change something, in the order of the plan."""
    return [step.id for step in in_order(steps.steps) if step.action not in {Action.READ, Action.WAIT}]


def step(steps: Steps, step_id: str) -> Step:
    return next(step for step in steps.steps if step.id == step_id)


def call(steps: Steps, step_id: str) -> dict[str, Any]:
    work = step(steps, step_id).work
    assert isinstance(work, Call)
    return dict(work.parameters)


def before(steps: Steps, step_id: str) -> set[str]:
    """Every step that must be done before another."""
    found: set[str] = set()

    def collect(one: str) -> Iterator[str]:
        for needed in step(steps, one).needs:
            if needed not in found:
                found.add(needed)
                yield from collect(needed)

    list(collect(step_id))
    return found


def test_to_private_everything_of_the_new_issuer_is_made_and_nothing_of_the_old_one_is_touched() -> None:
    drawn = both(public(), Side.PRIVATE, [TRIAL])

    assert changes(drawn) == [
        "identity/create",
        "bucket/policy",
        "distribution/create",
        "cloudfront/object/.well-known/openid-configuration/put",
        "cloudfront/object/keys.json/put",
        "provider/create",
        f"role/{ROLE}/trust",
        "provider/in-use",
    ]
    assert call(drawn, "cloudfront/object/keys.json/put")["Key"] == "cloudfront/keys.json"
    config = call(drawn, "distribution/create")["DistributionConfigWithTags"]["DistributionConfig"]
    assert config["Origins"]["Items"][0]["OriginPath"] == "/cloudfront"


def test_to_public_the_private_issuer_moves_into_the_folder_before_the_root_is_anothers() -> None:
    drawn = both(private(), Side.PUBLIC, [TRIAL])

    assert changes(drawn) == [
        "bucket/public-access",
        "bucket/policy",
        "cloudfront/object/.well-known/openid-configuration/put",
        "cloudfront/object/keys.json/put",
        "distribution/origin-path",
        "root/object/.well-known/openid-configuration/put",
        "provider/create",
        f"role/{ROLE}/trust",
        "provider/in-use",
    ]
    root = before(drawn, "root/object/.well-known/openid-configuration/put")
    assert {"distribution/origin-path", "distribution/deployed", "seen/private/documents"} <= root
    moved = before(drawn, "distribution/origin-path")
    assert {f"cloudfront/object/{name}/put" for name in (discovery.PATH, discovery.KEYS)} <= moved


@pytest.mark.parametrize(("start", "to"), [(public(), Side.PRIVATE), (private(), Side.PUBLIC)])
def test_each_phase_is_verified_before_the_next(start: Situation, to: Side) -> None:
    drawn = both(start, to, [TRIAL])
    exchange = f"role/{ROLE}/exchange/key/openshift-machine-api/controllers"

    assert f"seen/{to.value}/documents" in before(drawn, "provider/create")
    assert "provider/create" in before(drawn, f"role/{ROLE}/trust")
    assert f"role/{ROLE}/trust" in before(drawn, exchange)
    assert exchange in before(drawn, "provider/in-use")


def test_what_is_done_already_is_not_done_again() -> None:
    for to in Side:
        assert changes(both(between(), to)) == []


def test_the_end_of_the_way_to_private_takes_the_trust_first_and_closes_the_bucket_last() -> None:
    drawn = only(between(), Side.PRIVATE, Steps())
    order = changes(drawn)

    assert order == [
        f"role/{ROLE}/trust",
        "provider/public/delete",
        "root/object/.well-known/openid-configuration/put",
        "distribution/origin-path",
        "cloudfront/object/.well-known/openid-configuration/delete",
        "cloudfront/object/keys.json/delete",
        "bucket/policy",
        "bucket/public-access",
    ]
    assert step(drawn, "distribution/origin-path").changes[0].new == "/"
    emptied = before(drawn, "cloudfront/object/keys.json/delete")
    assert {"distribution/deployed", "root/private/documents", "provider/public/delete"} <= emptied
    for later in order[1:]:
        assert {"seen/private/documents", f"role/{ROLE}/trust"} <= before(drawn, later)


def test_bug_762_the_bucket_is_closed_to_everybody_but_cloudfront_policy_first() -> None:
    drawn = only(between(), Side.PRIVATE, Steps())

    assert call(drawn, "bucket/policy")["Policy"].document == policy.identity_read("demo-oidc", "aws", "E1").document
    assert "bucket/policy" in before(drawn, "bucket/public-access")
    blocked = call(drawn, "bucket/public-access")["PublicAccessBlockConfiguration"]
    assert blocked == dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )


def test_the_end_of_the_way_to_public_deletes_the_distribution_once_nobody_trusts_its_issuer() -> None:
    drawn = only(between(), Side.PUBLIC, Steps())

    assert changes(drawn) == [
        f"role/{ROLE}/trust",
        "provider/private/delete",
        "distribution/disable",
        "distribution/delete",
        "identity/E1/delete",
        "cloudfront/object/.well-known/openid-configuration/delete",
        "cloudfront/object/keys.json/delete",
        "bucket/policy",
    ]
    assert {f"role/{ROLE}/trust", "provider/private/delete"} <= before(drawn, "distribution/disable")


def test_the_ends_are_what_create_all_wants() -> None:
    for to, start in ((Side.PRIVATE, private()), (Side.PUBLIC, public())):
        steps = only(between(), to, Steps())
        trust = call(steps, f"role/{ROLE}/trust")["PolicyDocument"].document
        assert policy.Policy(trust) == start.found.account.roles[ROLE].trust
        assert changes(only(start, to, Steps())) == []


def test_nothing_is_taken_away_before_the_issuer_that_stays_is_whole() -> None:
    problems = only(public(), Side.PRIVATE, Steps()).conflicts

    assert any("is not ready to be used; run the command without --finish first" in item.what for item in problems)
    assert [item.where for item in problems if "does not trust" in item.what] == [f"role {ROLE}"]


def test_roles_of_others_that_trust_the_old_issuer_alone_are_named_and_stop_the_end() -> None:
    """Workloads on the cluster may use its issuer with roles of their own; to delete it would cut them off."""
    theirs = policy.trust(public().trusted(Side.PUBLIC).arn, HOST, ["system:serviceaccount:shop:cart"])
    start = replace(between(), found=replace(between().found, strangers={"shop-cart": theirs}))

    assert "role shop-cart is not ours and trusts" in both(start, Side.PRIVATE).notes[0]
    assert [item.where for item in only(start, Side.PRIVATE, Steps()).conflicts] == ["role shop-cart"]

    willing = migration_trust.also(theirs, start.trusted(Side.PUBLIC), start.trusted(Side.PRIVATE))
    ready = replace(start, found=replace(start.found, strangers={"shop-cart": willing}))
    assert not both(ready, Side.PRIVATE).notes
    assert not only(ready, Side.PRIVATE, Steps()).conflicts


def test_roles_of_requests_that_were_dropped_migrate_with_the_others() -> None:
    start = public()
    dropped = replace(start.found.account.roles[ROLE], name="demo-of-an-older-release")
    roles = {**start.found.account.roles, dropped.name: dropped}
    drawn = both(situation(replace(start.found.account, roles=roles)), Side.PRIVATE)

    assert f"role/{dropped.name}/trust" in changes(drawn)


def test_a_role_that_trusts_neither_issuer_is_for_create_all() -> None:
    start = public()
    odd = replace(start.found.account.roles[ROLE], trust=policy.Policy({"Version": "2012-10-17", "Statement": []}))
    drawn = both(situation(replace(start.found.account, roles={ROLE: odd})), Side.PRIVATE)

    assert "create-all" in drawn.conflicts[0].what
    assert drawn.steps == ()


def test_a_trust_policy_that_would_be_too_large_is_refused_before_anything_is_done() -> None:
    start = public()
    many = [f"system:serviceaccount:openshift-machine-api:controllers-{number}" for number in range(15)]
    large = policy.trust(start.trusted(Side.PUBLIC).arn, HOST, many)
    assert policy.size(large.document) < policy.TRUST_POLICY_LIMIT
    full = replace(start.found.account.roles[ROLE], trust=large)
    drawn = both(situation(replace(start.found.account, roles={ROLE: full})), Side.PRIVATE)

    assert "with both issuers, IAM takes 2048" in drawn.conflicts[0].what


def test_a_set_up_without_an_issuer_cannot_be_migrated() -> None:
    assert "IAM knows neither issuer" in both(situation(Account(id="1")), Side.PRIVATE).conflicts[0].what


def test_a_set_up_without_keys_or_with_damaged_ones_is_left_alone() -> None:
    found = public_account()
    bare = replace(found, documents={discovery.PATH: found.documents[discovery.PATH]})
    broken = replace(found.documents[discovery.KEYS], raw=b"<html>")

    assert "there is no JWKS" in both(situation(bare), Side.PRIVATE).conflicts[0].what
    damaged = replace(found, documents={**found.documents, discovery.KEYS: broken})
    assert both(situation(damaged), Side.PRIVATE).conflicts


def test_no_published_key_is_dropped_whichever_place_it_is_in() -> None:
    start, other = between(), key()
    document = start.found.moved[discovery.KEYS]
    more = jwks.Jwks((KEY, other))
    moved = {**start.found.moved, discovery.KEYS: replace(document, body=jwks.document(more), raw=jwks.render(more))}
    drawn = both(replace(start, found=replace(start.found, moved=moved)), Side.PUBLIC)

    assert changes(drawn) == ["root/object/keys.json/put"]
    assert [item["kid"] for item in call(drawn, "root/object/keys.json/put")["Body"].document["keys"]] == [
        KEY.kid,
        other.kid,
    ]
    assert call(drawn, "root/object/keys.json/put")["IfMatch"] == '"1"'


def test_a_distribution_of_somebody_else_or_of_another_bucket_is_a_conflict() -> None:
    start = between()
    assert start.front is not None
    for other, told in (
        ({"tags": {"openshift.io/cloud-credential-operator/other": "owned"}}, "belongs to other"),
        ({"tags": Unseen("cloudfront:ListTagsForResource")}, "cloudfront:ListTagsForResource is not allowed"),
        ({"origin": "other-oidc.s3.us-east-1.amazonaws.com"}, "its origin is other-oidc"),
    ):
        account = replace(start.found.account, distribution=replace(start.front, **other))
        drawn = both(replace(start, found=replace(start.found, account=account)), Side.PRIVATE)
        assert told in drawn.conflicts[0].what


def test_what_a_distribution_serves_besides_is_sent_back_as_it_was() -> None:
    start = between()
    config = call(only(start, Side.PRIVATE, Steps()), "distribution/origin-path")["DistributionConfig"]

    assert config["Origins"]["Items"][0] == {"Id": "o", "DomainName": HOST, "OriginPath": ""}
    assert config["Enabled"] is True


def test_a_disabled_distribution_is_enabled_in_the_same_update() -> None:
    start = private()
    assert start.front is not None
    assert start.front.config is not None
    off = replace(start.front, enabled=False, config={**start.front.config, "Enabled": False})
    drawn = both(situation(replace(start.found.account, distribution=off)), Side.PUBLIC)

    assert call(drawn, "distribution/origin-path")["DistributionConfig"]["Enabled"] is True
    assert [item for item in changes(drawn) if item.startswith("distribution/")] == ["distribution/origin-path"]


def test_a_new_provider_is_marked_as_never_used_until_somebody_may_sign_for_it() -> None:
    drawn = both(public(), Side.PRIVATE)

    assert {"Key": UNUSED_SINCE, "Value": NEVER_USED} in call(drawn, "provider/create")["Tags"]
    assert call(drawn, "provider/in-use")["Tags"] == [{"Key": UNUSED_SINCE, "Value": "in-use"}]
    arn = resolve(call(drawn, "provider/in-use")["OpenIDConnectProviderArn"], lambda _: FRONT)
    assert arn == f"arn:aws:iam::123456789012:oidc-provider/{FRONT}"


def test_the_tags_that_others_put_on_a_set_up_are_on_what_is_made_anew() -> None:
    drawn = both(replace(public(), settings=settings(tags={"team": "infra"})), Side.PRIVATE)
    items = call(drawn, "distribution/create")["DistributionConfigWithTags"]["Tags"]["Items"]

    assert {"Key": "team", "Value": "infra"} in items
    assert {"Key": "team", "Value": "infra"} in call(drawn, "provider/create")["Tags"]
    assert "team=infra" in call(drawn, "cloudfront/object/keys.json/put")["Tagging"]


def test_bug_ocpbugs_13549_the_partition_is_right_in_every_policy_and_arn() -> None:
    wanted = settings(region="cn-north-1")
    start = Situation(settings=wanted, found=Found(account=public_account(wanted)))
    drawn = both(start, Side.PRIVATE)

    written = json_text(
        [statement["Resource"] for statement in call(drawn, "bucket/policy")["Policy"].document["Statement"]]
    )
    assert written == '[["arn:aws-cn:s3:::demo-oidc/*"],"arn:aws-cn:s3:::demo-oidc/*"]'
    trust = json_text(resolve(call(drawn, f"role/{ROLE}/trust")["PolicyDocument"].document, lambda _: FRONT))
    assert "arn:aws:" not in trust
    assert f"arn:aws-cn:iam::123456789012:oidc-provider/{FRONT}" in trust


@pytest.mark.parametrize("access", list(OriginAccess))
def test_the_way_in_of_cloudfront_stays_as_it_was(access: OriginAccess) -> None:
    drawn = both(private(access), Side.PUBLIC)

    assert not [item for item in changes(drawn) if item.startswith(("identity", "control"))]
    readers = call(drawn, "bucket/policy")["Policy"].document["Statement"]
    assert [statement["Principal"] == "*" for statement in readers] == [True, False]


def test_waits_have_an_end() -> None:
    for drawn in (both(public(), Side.PRIVATE), only(between(), Side.PRIVATE, Steps())):
        waits = [one.work for one in drawn.steps if isinstance(one.work, Wait)]
        assert waits
        assert all(0 < wait.deadline <= 3600 for wait in waits)


@pytest.mark.parametrize(
    ("start", "side"), [(public, Side.PRIVATE), (private, Side.PUBLIC)], ids=["to private", "to public"]
)
def test_a_key_that_is_published_while_its_copy_is_made_is_noticed_before_anything_relies_on_the_copy(
    start: Any, side: Side
) -> None:
    there = start()
    steps = both(there, side, [TRIAL])
    looked = step(steps, "root/keys/unchanged")

    assert isinstance(looked.work, Call)
    assert looked.work.parameters["IfMatch"] == there.found.account.documents[discovery.KEYS].etag
    order = [one.id for one in in_order(steps.steps)]
    copied = next(name for name in order if name.endswith("keys.json/put") and name.startswith(FOLDER))
    assert order.index(copied) < order.index(looked.id)
    needs = {one.id: set(one.needs) for one in steps.steps}
    assert looked.id in needs["provider/create"]


def test_where_nothing_is_copied_nobody_looks_again() -> None:
    assert "root/keys/unchanged" not in [one.id for one in both(between(), Side.PRIVATE, [TRIAL]).steps]
