"""Two releases compared, request by request."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.credentialsrequest.diff import Change, Grant, Moved, ReleaseDiff, diff
from ccoctl.credentialsrequest.model import (
    AwsProviderSpec,
    AwsStatement,
    CredentialsRequest,
    Reason,
    SecretRef,
    Skipped,
    Source,
)
from ccoctl.credentialsrequest.select import Selected

SOURCE = Source(file="r.yaml", line=1, document=1)


def allow(*actions: str, resource: str = "*", effect: str = "Allow", **condition: Any) -> AwsStatement:
    return AwsStatement(effect=effect, actions=actions, resource=resource, condition=condition)


def request(secret: str, *statements: AwsStatement, accounts: tuple[str, ...] = ("one",), **more: Any) -> Any:
    namespace, _, name = secret.partition("/")
    return CredentialsRequest(
        name=more.pop("request", "r"),
        namespace="openshift-cloud-credential-operator",
        annotations={},
        secret=SecretRef(namespace=namespace, name=name),
        service_accounts=accounts,
        spec=AwsProviderSpec(statements=statements),
        source=SOURCE,
        **more,
    )


def compared(before: list[Any], after: list[Any], *skipped: Skipped) -> ReleaseDiff:
    return diff(
        Selected(requests=tuple(before)), Selected(requests=tuple(after), skipped=skipped), names=("4.1", "4.2")
    )


def test_a_request_is_known_by_its_secret_whatever_it_is_called() -> None:
    (one,) = compared([request("ns/a", allow("ec2:A"))], [request("ns/a", allow("ec2:A"), request="other")]).requests

    assert one.change is Change.CHANGED
    assert one.settings == {"request": ("r", "other")}


def test_added_and_removed_requests_gain_and_lose_everything() -> None:
    old, new = request("ns/old", allow("ec2:A")), request("ns/new", allow("s3:B", "s3:A"), accounts=("x", "y"))
    found = {str(one.secret): one for one in compared([old], [new]).requests}

    assert found["ns/new"].change is Change.ADDED
    assert found["ns/new"].gained == (Grant(effect="Allow", resource="*", actions=("s3:A", "s3:B")),)
    assert found["ns/new"].service_accounts == Moved(gained=("x", "y"))
    assert found["ns/old"].change is Change.REMOVED
    assert found["ns/old"].lost == (Grant(effect="Allow", resource="*", actions=("ec2:A",)),)
    assert found["ns/old"].service_accounts == Moved(lost=("one",))


def test_actions_resources_conditions_and_service_accounts_are_told_apart() -> None:
    old = request("ns/a", allow("ec2:A", "ec2:B"), accounts=("one", "two"))
    new = request(
        "ns/a", allow("ec2:B", "ec2:C", resource="arn:aws:ec2:*", Bool={"aws:x": True}), accounts=("two", "three")
    )
    (one,) = compared([old], [new]).requests

    assert one.actions == Moved(gained=("ec2:C",), lost=("ec2:A",))
    assert one.resources == Moved(gained=("arn:aws:ec2:*",), lost=("*",))
    assert one.conditions == Moved(gained=('{"Bool": {"aws:x": true}}',))
    assert one.service_accounts == Moved(gained=("three",), lost=("one",))
    assert [grant.actions for grant in one.gained] == [("ec2:B", "ec2:C")]
    assert [grant.actions for grant in one.lost] == [("ec2:A", "ec2:B")]


def test_allowing_what_was_denied_is_a_difference() -> None:
    (one,) = compared([request("ns/a", allow("ec2:A", effect="Deny"))], [request("ns/a", allow("ec2:A"))]).requests

    assert (one.gained[0].effect, one.lost[0].effect) == ("Allow", "Deny")
    assert not one.actions


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ((allow("ec2:A"), allow("ec2:B")), (allow("ec2:B", "ec2:A"),)),
        ((allow("ec2:describevpcs"),), (allow("ec2:DescribeVpcs"),)),
        ((allow("a:B", StringEquals={"k": "v"}),), (allow("a:B", StringEquals={"k": ("v",)}),)),
        ((allow("a:B", StringEquals={"k": ("v", "w")}),), (allow("a:B", StringEquals={"k": ("w", "v")}),)),
    ],
    ids=["statements", "case", "single value", "order of values"],
)
def test_what_means_the_same_is_no_difference(old: tuple[Any, ...], new: tuple[Any, ...]) -> None:
    found = compared([request("ns/a", *old)], [request("ns/a", *new)])

    assert not found.differs
    assert [str(secret) for secret in found.unchanged] == ["ns/a"]


def test_a_token_path_that_moves_is_a_difference() -> None:
    (one,) = compared([request("ns/a")], [request("ns/a", token_path="/elsewhere")]).requests

    assert one.settings["token path"][1] == "/elsewhere"


def test_bz_2035328_requests_marked_for_deletion_are_named_and_compared_as_gone() -> None:
    marked = Skipped(source=SOURCE, reason=Reason.DELETED, name="r")
    found = compared([request("ns/a", allow("ec2:A"))], [], marked)

    assert found.deleted == ("r",)
    assert [one.change for one in found.requests] == [Change.REMOVED]


def test_the_releases_are_named_as_the_user_did() -> None:
    found = compared([], [])

    assert (found.before, found.after) == ("4.1", "4.2")
    assert (found.requests, found.unchanged, found.deleted) == ((), (), ())
    assert not found.differs


def test_requests_are_in_the_order_of_their_secrets() -> None:
    old = [request(secret, allow("ec2:A")) for secret in ("ns/c", "ns/a", "ns/same", "ns/d")]
    new = [request(secret, allow("ec2:A")) for secret in ("ns/same", "ns/b", "ns/also")]
    found = compared(old, [*new, request("ns/c", allow("ec2:B"))])

    assert [(str(one.secret), one.change) for one in found.requests] == [
        ("ns/a", Change.REMOVED),
        ("ns/also", Change.ADDED),
        ("ns/b", Change.ADDED),
        ("ns/c", Change.CHANGED),
        ("ns/d", Change.REMOVED),
    ]
    assert [str(secret) for secret in found.unchanged] == ["ns/same"]


def test_only_what_is_marked_for_deletion_is_named_as_deleted_in_order() -> None:
    skipped = [
        Skipped(source=SOURCE, reason=reason, name=name)
        for name, reason in (("z", Reason.DELETED), ("other", Reason.OTHER_CLOUD), ("a", Reason.DELETED))
    ]

    assert compared([], [], *skipped).deleted == ("a", "z")


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [([], ["later"], "later"), (["before"], [], "before"), (["before"], ["later"], "later")],
    ids=["added", "removed", "changed"],
)
def test_a_request_is_called_what_it_is_called_last(old: list[str], new: list[str], name: str) -> None:
    before, after = ([request("ns/a", request=called) for called in names] for names in (old, new))

    assert [one.name for one in compared(before, after).requests] == [name]


ONE = request("ns/a", allow("ec2:A", "ec2:B"), accounts=("one", "two"), token_path="/here")


@pytest.mark.parametrize(
    ("changed", "member"),
    [
        (request("ns/a", allow("ec2:A", "ec2:B", "ec2:C"), accounts=("one", "two"), token_path="/here"), "gained"),
        (request("ns/a", allow("ec2:A"), accounts=("one", "two"), token_path="/here"), "lost"),
        (request("ns/a", allow("ec2:A", "ec2:B"), accounts=("one",), token_path="/here"), "service_accounts"),
        (request("ns/a", allow("ec2:A", "ec2:B"), accounts=("one", "two"), token_path="/there"), "settings"),
    ],
    ids=["gained", "lost", "service accounts", "settings"],
)
def test_each_of_these_alone_is_a_difference(changed: Any, member: str) -> None:
    found = compared([ONE], [changed])
    (one,) = found.requests

    assert found.differs
    assert [name for name in ("gained", "lost", "service_accounts", "settings") if getattr(one, name)] == [member]


def test_settings_are_told_before_and_after() -> None:
    (one,) = compared([ONE], [request("ns/a", request="other", token_path="/there")]).requests

    assert one.settings == {"token path": ("/here", "/there"), "request": ("r", "other")}


def test_an_added_or_removed_request_changes_no_setting() -> None:
    assert [dict(one.settings) for one in compared([ONE], [request("ns/b")]).requests] == [{}, {}]


def test_grants_are_told_by_effect_resource_and_condition_each_with_its_actions_in_order() -> None:
    statements = (
        allow("s3:B", resource="r2"),
        allow("s3:B", "s3:A", resource="r1"),
        allow("s3:C", resource="r1"),
        allow("s3:A", resource="r1", effect="Deny"),
        allow("s3:A", resource="r1", Bool={"aws:x": True}),
    )
    (one,) = compared([], [request("ns/a", *statements)]).requests

    assert one.gained == (
        Grant(effect="Allow", resource="r1", actions=("s3:A", "s3:B", "s3:C")),
        Grant(effect="Allow", resource="r1", condition='{"Bool": {"aws:x": true}}', actions=("s3:A",)),
        Grant(effect="Allow", resource="r2", actions=("s3:B",)),
        Grant(effect="Deny", resource="r1", actions=("s3:A",)),
    )
    assert (one.actions, one.resources) == (Moved(gained=("s3:A", "s3:B", "s3:C")), Moved(gained=("r1", "r2")))


def test_actions_are_told_as_they_are_written_and_known_in_any_case() -> None:
    old = request("ns/a", allow("EC2:Gone", "ec2:stays"))
    new = request("ns/a", allow("EC2:Stays", "s3:New"))
    (one,) = compared([old], [new]).requests

    assert one.actions == Moved(gained=("s3:New",), lost=("EC2:Gone",))
    assert [grant.actions for grant in one.gained] == [("s3:New",)]


def test_resources_conditions_and_service_accounts_are_others_in_another_case() -> None:
    old = request("ns/a", allow("s3:A", resource="arn:aws:s3:::x", Bool={"aws:x": "a"}), accounts=("one",))
    new = request("ns/a", allow("s3:A", resource="arn:aws:s3:::X", Bool={"aws:x": "A"}), accounts=("One",))
    (one,) = compared([old], [new]).requests

    assert one.actions == Moved()
    assert one.resources == Moved(gained=("arn:aws:s3:::X",), lost=("arn:aws:s3:::x",))
    assert one.conditions == Moved(gained=('{"Bool": {"aws:x": "A"}}',), lost=('{"Bool": {"aws:x": "a"}}',))
    assert one.service_accounts == Moved(gained=("One",), lost=("one",))


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ({"b": {"k": "v"}, "a": {"z": ("v",), "k": ("2", "1")}}, '{"a": {"k": ["1", "2"], "z": "v"}, "b": {"k": "v"}}'),
        ({"Bool": {"k": (True, "a", 1)}}, '{"Bool": {"k": [1, true, "a"]}}'),
        ({"StringEquals": {"k": "\u00e9"}}, '{"StringEquals": {"k": "\u00e9"}}'),
        ({"StringEquals": {"k": ()}}, '{"StringEquals": {"k": []}}'),
    ],
    ids=["order", "kinds", "other letters", "no values"],
)
def test_a_condition_is_told_as_json_whatever_its_order(condition: dict[str, Any], told: str) -> None:
    (one,) = compared([], [request("ns/a", allow("s3:A", **condition))]).requests

    assert one.conditions == Moved(gained=(told,))


ACTIONS = st.sets(st.sampled_from(["ec2:A", "ec2:B", "s3:A", "s3:*"]), min_size=1)
STATEMENTS = st.builds(
    lambda actions, resource, effect: allow(*sorted(actions), resource=resource, effect=effect),
    ACTIONS,
    st.sampled_from(["*", "arn:aws:s3:::x"]),
    st.sampled_from(["Allow", "Deny"]),
)
RELEASES = st.dictionaries(
    st.sampled_from(["ns/a", "ns/b", "ns/c"]),
    st.tuples(st.lists(STATEMENTS, min_size=1, max_size=3), st.sets(st.sampled_from(["x", "y"]), min_size=1)),
).map(lambda found: [request(key, *each, accounts=tuple(sorted(names))) for key, (each, names) in found.items()])


@given(RELEASES, RELEASES)
def test_the_other_way_round_gains_are_losses(old: list[Any], new: list[Any]) -> None:
    there, back = compared(old, new), compared(new, old)

    assert [(one.gained, one.lost, one.service_accounts) for one in there.requests] == [
        (one.lost, one.gained, Moved(gained=one.service_accounts.lost, lost=one.service_accounts.gained))
        for one in back.requests
    ]
    assert there.unchanged == back.unchanged


@given(RELEASES)
def test_nothing_differs_from_itself(release: list[Any]) -> None:
    assert not compared(release, release[::-1]).differs
