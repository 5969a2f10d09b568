"""The two phases as plans: what is added, what is removed, and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from msgspec import structs
from msgspec.structs import replace

from ccoctl.aws import desired, policy
from ccoctl.aws.desired import Settings, Trusted
from ccoctl.aws.policy import Policy
from ccoctl.aws.resources import Role
from ccoctl.aws.upgrade import Drawn, Release, finish, prepare, trusted
from ccoctl.aws.upgrade_names import serving
from ccoctl.aws.upgrade_observe import Held
from ccoctl.credentialsrequest.model import AwsProviderSpec, AwsStatement, CredentialsRequest
from ccoctl.engine.call import Call
from ccoctl.engine.diff import Unseen
from ccoctl.engine.plan import Step
from ccoctl.errors import ConflictError, Problem, Problems
from tests.aws import builders
from tests.aws.builders import ACCOUNT, HOST

ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"
TRUSTED = Trusted(arn=ARN, host=HOST)


def request(name: str, *actions: str, accounts: tuple[str, ...] = ("controllers",)) -> CredentialsRequest:
    spec = AwsProviderSpec(statements=(AwsStatement(effect="Allow", actions=actions or ("ec2:A",), resource="*"),))
    return structs.replace(builders.request("ns", name, service_accounts=accounts), spec=spec)


def account(*requests: CredentialsRequest, settings: Settings | None = None) -> Held:
    """What the account holds after create-all for these."""
    wanted = settings or builders.settings()
    roles = desired.roles(wanted, ACCOUNT, TRUSTED, requests)
    found = [
        replace(
            role,
            path=wanted.role_path or "/",
            boundary=wanted.boundary,
            max_session_duration=wanted.max_session_duration or 3600,
            inline_policies=(role.name,),
            last_used="2026-11-01 10:00 UTC in us-east-1",
        )
        for role in roles.values()
    ]
    return Held(name="demo", account=ACCOUNT, roles={role.name: role for role in found}, providers=(ARN,))


def prepared(here: Held, *requests: CredentialsRequest, settings: Settings | None = None) -> Drawn:
    release = Release(settings=settings or builders.settings(), requests=requests, trusted=TRUSTED)
    return prepare(release, here, serving("demo", [one.secret for one in requests], here.ours))


def finished(here: Held, *requests: CredentialsRequest, keep: Iterable[str] = ()) -> Drawn:
    release = Release(settings=builders.settings(), requests=requests, trusted=TRUSTED)
    return finish(release, here, serving("demo", [one.secret for one in requests], here.ours), keep=keep)


def calls(steps: Iterable[Step]) -> dict[str, Any]:
    return {step.id: step.work.parameters for step in steps if isinstance(step.work, Call)}


def with_policies(here: Held, drawn: Drawn) -> Held:
    """The account after the steps about policies."""
    roles = dict(here.roles)
    for step in drawn.account.steps:
        role = roles.get(step.address.name) or next(r for r in drawn.roles.values() if r.name == step.address.name)
        change: dict[str, Any] = {one.name: one.new for one in step.changes}
        roles[role.name] = replace(
            role,
            path="/" if not isinstance(role.path, str) else role.path,
            boundary=role.boundary if isinstance(role.boundary, str) else "",
            max_session_duration=role.max_session_duration if isinstance(role.max_session_duration, int) else 3600,
            permissions=change.get("permissions", role.permissions),
            trust=change.get("trust", role.trust),
            inline_policies=(role.name,),
        )
    return replace(here, roles=roles)


def of(here: Held, name: str) -> Role:
    return here.roles[f"demo-ns-{name}"]


def test_bug_364_an_existing_role_gets_the_new_permissions_and_subjects() -> None:
    here = account(request("a", "ec2:Old"))
    drawn = prepared(here, request("a", "ec2:New", accounts=("controllers", "new")))
    after = of(with_policies(here, drawn), "a")

    assert list(calls(drawn.account.steps)) == ["role/demo-ns-a/policy", "role/demo-ns-a/trust"]
    assert isinstance(after.permissions, Policy)
    assert after.permissions.document["Statement"][0]["Action"] == ["ec2:Old", "ec2:New"]
    assert after.trust == policy.trust(
        ARN, HOST, ["system:serviceaccount:ns:controllers", "system:serviceaccount:ns:new"]
    )


def test_cco_335_every_secret_is_written_whether_its_role_is_new_or_not() -> None:
    drawn = prepared(account(request("a")), request("a"), request("b"))

    assert [str(step.address.name) for step in drawn.files] == [
        "manifests/ns-a-credentials.yaml",
        "manifests/ns-b-credentials.yaml",
    ]
    assert [edge.step for edge in drawn.files[1].after] == ["role/demo-ns-b/create", "role/demo-ns-b/policy"]


def test_a_second_prepare_has_nothing_to_do_and_finish_leaves_what_create_all_makes() -> None:
    here = account(request("a", "ec2:Old", accounts=("old",)), request("gone"))
    new = (request("a", "ec2:New", accounts=("new",)), request("b"))
    between = with_policies(here, prepared(here, *new))
    assert prepared(between, *new).account.steps == ()

    done = finished(between, *new)
    after = with_policies(between, done)
    assert of(after, "a").permissions == of(account(*new), "a").permissions
    assert of(after, "a").trust == of(account(*new), "a").trust
    assert list(calls(done.account.steps)) == [
        *("role/demo-ns-a/trust", "role/demo-ns-a/policy"),
        *("role/demo-ns-gone/policy/demo-ns-gone", "role/demo-ns-gone/delete"),
    ]


def test_finish_says_when_a_role_was_last_used() -> None:
    done = finished(account(request("a"), request("gone")), request("a"))

    assert done.account.steps[-1].summary == "delete role demo-ns-gone, last used 2026-11-01 10:00 UTC in us-east-1"


def test_finish_refuses_while_anything_is_missing_as_after_create_all_of_the_old_release() -> None:
    here = account(request("a", "ec2:Old"))
    with pytest.raises(Problems) as raised:
        finished(here, request("a", "ec2:New"), request("b"))

    assert [problem.where for problem in raised.value.problems] == [
        *("role demo-ns-a", "role demo-ns-b", "role demo-ns-b"),
    ]
    assert "upgrade prepare" in raised.value.remedy
    assert "create-all of the old release" in raised.value.remedy


def test_what_is_to_be_kept_stays_by_its_secret_or_its_role() -> None:
    here = account(request("a"), request("x"), request("y"))
    done = finished(here, request("a"), keep=("ns/x", "demo-ns-y"))

    assert done.account.steps == ()
    assert len(done.account.notes) == 2
    with pytest.raises(Problems, match="no role that would be removed"):
        finished(here, request("a"), keep=("ns/typo",))


def test_only_what_carries_our_tag_is_changed_or_removed() -> None:
    here = account(request("a"), request("b"))
    foreign = replace(here, roles={**here.roles, "demo-ns-b": replace(of(here, "b"), tags={})})

    assert finished(foreign, request("a")).account.steps == ()
    (problem,) = prepared(foreign, request("a"), request("b")).account.conflicts
    assert "not ours to change" in problem.what


def test_a_role_that_may_not_be_looked_at_stands_in_the_way_only_under_a_name_that_is_needed() -> None:
    here = account(request("a"))
    hidden = {name: Problem(f"role {name}", "it cannot be seen") for name in ("demo-ns-b", "demo-other")}
    found = prepared(replace(here, hidden=hidden), request("a"), request("b")).account

    assert [problem.where for problem in found.conflicts] == ["role demo-ns-b"]


def test_permissions_that_cannot_be_seen_are_not_written_over() -> None:
    here = account(request("a"))
    blind = replace(here, roles={"demo-ns-a": replace(of(here, "a"), permissions=Unseen("iam:GetRolePolicy"))})
    (problem,) = prepared(blind, request("a")).account.conflicts

    assert "iam:GetRolePolicy" in problem.what


def test_a_role_left_without_permissions_gets_the_new_ones() -> None:
    here = account(request("a"))
    crashed = replace(here, roles={"demo-ns-a": replace(of(here, "a"), permissions=None)})

    assert list(calls(prepared(crashed, request("a")).account.steps)) == ["role/demo-ns-a/policy"]


def test_a_denial_in_the_way_is_a_conflict_and_one_to_come_is_a_note() -> None:
    here = account(request("a"))
    denying = Policy({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "ec2:*", "Resource": "*"}]})
    blocked = replace(here, roles={"demo-ns-a": replace(of(here, "a"), permissions=denying)})
    (problem,) = prepared(blocked, request("a")).account.conflicts
    assert "may deny ec2:A" in problem.what

    deny = AwsStatement(effect="Deny", actions=("ec2:B",), resource="*")
    new = request("a")
    drawn = prepared(here, structs.replace(new, spec=AwsProviderSpec(statements=(*new.spec.statements, deny))))
    assert drawn.account.steps == ()
    assert drawn.account.notes == ("role demo-ns-a: it is denied ec2:B only when the upgrade is finished",)


def test_a_union_that_is_too_long_is_joined_and_one_that_still_is_says_what_to_do() -> None:
    actions = [f"ec2:{'Verb' * 8}{number:03}" for number in range(200)]
    here = account(request("a", *actions))
    doubled = {"Effect": "Allow", "Action": actions[:60], "Resource": "*"}
    permissions = of(here, "a").permissions
    assert isinstance(permissions, Policy)
    long = Policy({**permissions.document, "Statement": [*permissions.document["Statement"], doubled]})
    found = replace(here, roles={"demo-ns-a": replace(of(here, "a"), permissions=long)})

    drawn = prepared(found, request("a", "ec2:New"))
    assert "joined" in drawn.account.notes[0]
    (problem,) = prepared(here, request("a", *(f"s3:{'Verb' * 8}{n:03}" for n in range(200)))).account.conflicts
    assert "IAM takes 10240" in problem.what
    assert "managed policy" in problem.what


def test_too_many_subjects_for_both_say_what_to_do() -> None:
    many = tuple(f"a-service-account-{number:02}" for number in range(25))
    others = tuple(f"another-service-account-{number:02}" for number in range(25))
    (problem,) = prepared(account(request("a", accounts=many)), request("a", accounts=others)).account.conflicts

    assert "IAM takes 2048" in problem.what
    assert "quota" in problem.what


def test_new_roles_are_as_all_others_are_unless_it_is_said() -> None:
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    as_made = builders.settings(
        boundary=boundary,
        role_path="/clusters/",
        tags={"team": "a", "aws:x": "y"},
        max_session_duration=7200,
        bind_audience=True,
    )
    new = prepared(account(request("a"), settings=as_made), request("a"), request("b"))
    create = calls(new.account.steps)["role/demo-ns-b/create"]

    assert create["PermissionsBoundary"] == boundary
    assert create["Path"] == "/clusters/"
    assert create["MaxSessionDuration"] == 7200
    assert {"Key": "team", "Value": "a"} in create["Tags"]
    assert not [tag for tag in create["Tags"] if tag["Key"].startswith("aws:")]
    assert f"{HOST}:aud" in create["AssumeRolePolicyDocument"].document["Statement"][0]["Condition"]["StringEquals"]
    assert new.roles[request("b").secret].arn == f"arn:aws:iam::{ACCOUNT}:role/clusters/demo-ns-b"

    own = builders.settings(role_path="/new/")
    said = prepared(account(request("a"), settings=as_made), request("a"), request("b"), settings=own)
    assert calls(said.account.steps)["role/demo-ns-b/create"]["Path"] == "/new/"


def test_finish_keeps_path_and_audience_of_what_is_there() -> None:
    as_made = builders.settings(role_path="/clusters/", bind_audience=True)
    here = account(request("a", accounts=("controllers", "old")), settings=as_made)
    done = finished(here, request("a"))

    assert [step.id for step in done.account.steps] == ["role/demo-ns-a/trust"]
    assert of(with_policies(here, done), "a").trust == policy.trust(
        ARN, HOST, ["system:serviceaccount:ns:controllers"], ["openshift"]
    )


def test_the_issuer_is_the_one_that_the_roles_trust() -> None:
    here = account(request("a"))
    other = ARN.replace(HOST, "d111111abcdef8.cloudfront.net/demo")

    assert trusted(here) == TRUSTED
    assert trusted(replace(here, providers=(other,))).host == "d111111abcdef8.cloudfront.net/demo"
    assert trusted(replace(here, providers=(ARN, other)), other).arn == other
    for wrong, why in (
        (replace(here, providers=(ARN, other)), "trust 2 issuers"),
        (replace(here, providers=()), "is not there"),
        (replace(here, roles={}), "nothing to upgrade"),
    ):
        with pytest.raises(ConflictError, match=why):
            trusted(wrong)
    with pytest.raises(ConflictError, match="none of its roles trusts"):
        trusted(here, other)
