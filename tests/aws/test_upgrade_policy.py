"""The union of two releases' policies: both can do all they need, and nothing that is there is taken away."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.aws import policy, upgrade_policy
from ccoctl.aws.evaluate import Question, decide
from ccoctl.aws.policy import Policy

ARN = "arn:aws:iam::123456789012:oidc-provider/issuer.example.com"
HOST = "issuer.example.com"


def allow(*actions: str, resource: Any = "*", effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": list(actions), "Resource": resource, **more}


def document(*statements: dict[str, Any]) -> Policy:
    return Policy({"Version": "2012-10-17", "Statement": list(statements)})


def trust(*subjects: str, audiences: tuple[str, ...] = ()) -> Policy:
    return policy.trust(ARN, HOST, subjects, audiences)


# -- permissions


def test_what_is_missing_joins_the_statement_that_differs_in_its_actions_alone() -> None:
    union = upgrade_policy.permissions(document(allow("ec2:A"), allow("s3:A")), document(allow("kms:A", "ec2:A")))

    assert union.policy.document["Statement"] == [allow("ec2:A", "kms:A"), allow("s3:A")]


def test_another_resource_or_condition_is_a_statement_of_its_own() -> None:
    here, there = allow("ec2:A"), allow("ec2:A", resource="arn:aws:ec2:::x", Condition={"Bool": {"a": "true"}})
    union = upgrade_policy.permissions(document(there), document(here))

    assert union.policy.document["Statement"] == [there, here]


@pytest.mark.parametrize(
    "found",
    [
        allow("ec2:A", "ec2:B", "ec2:C"),
        allow("EC2:a", "ec2:b"),
        allow("ec2:*"),
        allow("*"),
        allow("ec2:A", "ec2:B", resource=["arn:aws:s3:::x", "*"]),
        allow("ec2:A", "ec2:B", Sid="Mine"),
        allow("ec2:A", "ec2:B", resource="r"),
    ],
    ids=["more", "case", "pattern", "everything", "more resources", "sid", "the resource alone"],
)
def test_what_allows_it_already_stays_as_it_is(found: dict[str, Any]) -> None:
    there = document(found)

    assert upgrade_policy.permissions(there, document(allow("ec2:A", "ec2:B", resource="r"))).policy is there


@pytest.mark.parametrize(
    "found",
    [
        allow("ec2:A", Condition={"Bool": {"a": "true"}}),
        allow("ec2:A", resource="arn:aws:ec2:::x"),
        allow("ec2:A", effect="Deny", resource="arn:aws:s3:::x", NotResource="y"),
        {"Effect": "Allow", "NotAction": ["s3:A"], "Resource": "*"},
        {"Effect": "Allow", "Action": ["ec2:A"], "NotResource": ["*"]},
        allow("ec2:A", effect="Deny"),
    ],
    ids=["condition", "resource", "odd", "NotAction", "NotResource", "denial"],
)
def test_what_allows_it_only_in_part_is_not_enough(found: dict[str, Any]) -> None:
    union = upgrade_policy.permissions(document(found), document(allow("ec2:A", resource="*")))

    assert union.policy.document["Statement"][0] == found
    assert allow("ec2:A") in union.policy.document["Statement"]


def test_a_pattern_that_only_looks_wider_is_not() -> None:
    assert not upgrade_policy.covers("ec2:?", "ec2:*")
    assert upgrade_policy.covers("ec2:Describe*", "ec2:describeVpcs*")


def test_a_denial_of_the_new_release_waits_until_the_old_one_is_gone() -> None:
    there = document(allow("ec2:*"))
    union = upgrade_policy.permissions(there, document(allow("ec2:*"), allow("ec2:B", effect="Deny")))

    assert union.policy is there
    assert union.waiting == ("ec2:B",)


def test_a_denial_of_both_stays_and_hinders_nobody() -> None:
    both = document(allow("ec2:*"), allow("ec2:B", effect="Deny"))
    union = upgrade_policy.permissions(both, both)

    assert (union.policy, union.waiting, union.refused) == (both, (), ())


@pytest.mark.parametrize(
    ("denial", "refused"),
    [
        (allow("ec2:New", effect="Deny"), ("ec2:New",)),
        (allow("ec2:N*", effect="Deny"), ("ec2:New",)),
        ({"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}, ("ec2:New",)),
        ({"Effect": "Deny", "NotAction": "ec2:*", "Resource": "*"}, ()),
        (allow("s3:*", effect="Deny"), ()),
        (allow("ec2:New", effect="Deny", resource="arn:aws:s3:::x"), ("ec2:New",)),
    ],
    ids=["same", "pattern", "all but", "all but it", "another", "part of it"],
)
def test_a_denial_that_is_there_is_told_where_the_new_release_needs_it(
    denial: dict[str, Any], refused: tuple[str, ...]
) -> None:
    union = upgrade_policy.permissions(document(allow("ec2:Old"), denial), document(allow("ec2:New")))

    assert union.refused == refused
    assert denial in union.policy.document["Statement"]


@pytest.mark.parametrize(
    ("denial", "refused"),
    [
        ({"Action": "ec2:*", "Resource": "arn:aws:s3:::x"}, ()),
        ({"Action": "ec2:*", "Resource": ["arn:aws:s3:::x", "arn:aws:ec2:::y"]}, ("ec2:A", "ec2:B")),
        ({"Action": "ec2:*", "Resource": "arn:aws:e*"}, ("ec2:A", "ec2:B")),
        ({"Action": "ec2:*", "NotResource": "arn:aws:ec2:::y"}, ("ec2:A", "ec2:B")),
        ({"Action": "EC2:b", "Resource": "*"}, ("ec2:B",)),
        ({"NotAction": "ec2:a", "Resource": "*"}, ("ec2:B",)),
        ({"NotAction": ["s3:*", "ec2:B"], "Resource": "arn:aws:s3:::x"}, ()),
        ({"Resource": "*"}, ("ec2:A", "ec2:B")),
        ({"Action": "ec2:?", "Resource": "*", "Condition": {"Bool": {"a": "true"}}}, ("ec2:A", "ec2:B")),
    ],
    ids=str,
)
def test_what_a_denial_can_ever_concern_is_told_in_order(denial: dict[str, Any], refused: tuple[str, ...]) -> None:
    needed = document(allow("ec2:B", resource="arn:aws:ec2:::y"), allow("ec2:A", resource="arn:aws:ec2:::y"))
    union = upgrade_policy.permissions(document({"Effect": "Deny", **denial}), needed)

    assert union.refused == refused


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("ec2:A*", "ec2:AB*", True),
        ("ec2:AB*", "ec2:A*", True),
        ("ec2:A*", "ec2:B*", False),
        ("ec2:?B", "ec2:A*", True),
        ("ec2:A?", "s3:*", False),
        ("ec2:A", "ec2:A*", True),
        ("ec2:A*", "ec2:A", True),
        ("ec2:A", "ec2:B*", False),
        ("ec2:A?", "ec2:A", False),
        ("ec2:A", "ec2:*B", False),
        ("ec2:*B", "ec2:A", False),
        ("ec2:A*C*", "ec2:AB*", True),
    ],
)
def test_two_patterns_meet_unless_what_they_begin_with_differs(one: str, other: str, meet: bool) -> None:
    union = upgrade_policy.permissions(document(allow(one, effect="Deny")), document(allow(other)))

    assert union.refused == ((other,) if meet else ())


@pytest.mark.parametrize(
    ("denied", "needed", "meet"),
    [
        ("arn:aws:s3:::X", "arn:aws:s3:::X", True),
        ("arn:aws:s3:::XY", "arn:aws:s3:::X", False),
        ("arn:aws:s3:::X", "arn:aws:s3:::*Y", False),
        ("arn:aws:s3:::*Y", "arn:aws:s3:::X", False),
        ("arn:aws:s3:::x", "arn:aws:s3:::X", False),
    ],
)
def test_two_resources_meet_when_they_may_be_one(denied: str, needed: str, meet: bool) -> None:
    there, wanted = document(allow("s3:A", effect="Deny", resource=denied)), document(allow("s3:A", resource=needed))

    assert upgrade_policy.permissions(there, wanted).refused == (("s3:A",) if meet else ())


def test_what_waits_is_told_once_and_in_order() -> None:
    there = document(allow("ec2:A", effect="Deny"))
    denials = (allow("s3:B", "s3:A", effect="Deny"), allow("s3:A", effect="Deny"), allow("ec2:a", effect="Deny"))
    union = upgrade_policy.permissions(there, document(*denials))

    assert union.policy is there
    assert union.waiting == ("s3:A", "s3:B")


def test_a_statement_may_be_alone_without_a_list_and_its_action_a_text() -> None:
    found = Policy({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ec2:A", "Resource": "*"}})
    union = upgrade_policy.permissions(found, document(allow("ec2:B")))

    assert union.policy.document == {"Version": "2012-10-17", "Statement": [allow("ec2:A", "ec2:B")]}


def test_what_is_no_statement_is_left_out_of_what_is_added_to() -> None:
    found = Policy({"Statement": ["odd", allow("ec2:A")]})

    assert upgrade_policy.permissions(found, document(allow("ec2:A"))).policy is found
    assert upgrade_policy.permissions(found, document(allow("s3:A"))).policy.document["Statement"] == [
        allow("ec2:A", "s3:A")
    ]


def test_a_condition_that_says_nothing_or_the_same_is_enough() -> None:
    same = {"Bool": {"a": "true"}}
    for one in (allow("ec2:A"), allow("ec2:A", Condition={}), allow("ec2:A", Condition=same)):
        there = document(one)
        assert upgrade_policy.permissions(there, document(allow("ec2:A", Condition=same))).policy is there


def test_every_resource_must_be_named() -> None:
    wanted = document(allow("ec2:A", resource=["r1", "r2"]))
    there = document(allow("ec2:A", resource=["r2", "r1", "r3"]))

    assert upgrade_policy.permissions(there, wanted).policy is there
    assert upgrade_policy.permissions(document(allow("ec2:A", resource=["r1"])), wanted).policy != there


@pytest.mark.parametrize(
    ("pattern", "action", "covered"),
    [
        ("ec2:?*", "EC2:?*", True),
        ("EC2:*", "ec2:A", True),
        ("ec2:?", "ec2:A", True),
        ("ec2:?", "ec2:?", True),
        ("ec2:*", "ec2:?*", True),
        ("ec2:A?", "ec2:A*", False),
        ("ec2:A", "ec2:*", False),
    ],
)
def test_a_pattern_covers_what_it_matches_all_of(pattern: str, action: str, covered: bool) -> None:
    assert upgrade_policy.covers(pattern, action) is covered


def test_compact_says_the_same_in_fewer_characters() -> None:
    long = document(allow("ec2:A", Sid="1"), allow("s3:A"), allow("ec2:*", "ec2:B"), allow("ec2:A", effect="Deny"))
    short = upgrade_policy.compact(long)

    assert short.document["Statement"] == [allow("s3:A", "ec2:*", Sid="1"), allow("ec2:A", effect="Deny")]
    assert policy.size(short.document) < policy.size(long.document)


def test_patterns_that_mean_the_same_do_not_take_each_other_out() -> None:
    assert upgrade_policy.compact(document(allow("ec2:**", "ec2:*"))).document["Statement"] == [allow("ec2:**")]


def test_what_is_lost_is_what_nothing_allows_any_more() -> None:
    old = document(allow("ec2:A", "ec2:B"), allow("s3:A", effect="Deny"), allow("kms:A", resource="arn:aws:kms:::x"))

    assert upgrade_policy.lost(old, document(allow("ec2:*"))) == ("kms:A",)
    assert upgrade_policy.lost(old, old) == ()
    assert upgrade_policy.lost(trust("a", "b"), trust("b")) == ("a",)


def test_only_what_was_allowed_can_be_lost_and_is_told_once_in_order() -> None:
    other = {"Effect": "Allow", "NotAction": "ec2:A", "Resource": "*"}
    denied = {**trust("c").document["Statement"][0], "Effect": "Deny"}
    old = document(allow("s3:B", "s3:A"), allow("s3:A"), other, denied, *trust("b", "a").document["Statement"])

    assert upgrade_policy.lost(old, document()) == ("a", "b", "s3:A", "s3:B")


def test_compact_leaves_alone_what_cannot_be_one_with_another() -> None:
    others: list[dict[str, Any]] = [
        {"Effect": "Allow", "NotAction": ["ec2:A", "ec2:A"], "Resource": "*"},
        {"Effect": "Allow", "NotAction": ["ec2:A", "ec2:A"], "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": "x"}, "Action": ["a:A", "a:A"]},
        {"Effect": "Allow", "Principal": {"AWS": "x"}, "Action": ["a:A", "a:A"]},
    ]

    assert upgrade_policy.compact(document(*others)).document == {"Version": "2012-10-17", "Statement": others}


def test_compact_leaves_apart_what_lets_in_to_do_something_else() -> None:
    one, two = (trust(name).document["Statement"][0] for name in ("one", "two"))
    tagging = {**two, "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]}

    assert upgrade_policy.compact(document(one, tagging)).document["Statement"] == [one, tagging]


def test_compact_makes_one_of_three_and_keeps_each_subject_once() -> None:
    statements = [trust(*names).document["Statement"][0] for names in (("a", "b"), ("b", "c"), ("d",))]

    assert upgrade_policy.compact(document(*statements)) == trust("a", "b", "c", "d")
    assert upgrade_policy.compact(document(allow("a:A"), allow("a:B"), allow("a:C"))) == document(
        allow("a:A", "a:B", "a:C")
    )


NAMES = ["ec2:A", "ec2:B", "s3:A", "s3:B", "kms:A"]
ACTIONS = st.lists(st.sampled_from([*NAMES, "ec2:*", "*"]), min_size=1, max_size=4, unique=True)
RESOURCES = ["arn:aws:s3:::x", "arn:aws:s3:::y"]
CONDITION = {"StringEquals": {"aws:RequestedRegion": "r"}}
ALLOWS = st.builds(
    lambda actions, resource, condition: {
        **allow(*actions, resource=resource),
        **({"Condition": CONDITION} if condition else {}),
    },
    ACTIONS,
    st.sampled_from(["*", *RESOURCES]),
    st.booleans(),
)
POLICIES = st.lists(ALLOWS, min_size=1, max_size=4).map(lambda statements: document(*statements))
QUESTIONS = [
    Question(action=action, resource=resource, context=context)
    for action in NAMES
    for resource in RESOURCES
    for context in ({}, {"aws:requestedregion": ("r",)})
]


def allowed(*documents: Policy) -> list[bool]:
    return [decide([one.document for one in documents], question).allowed for question in QUESTIONS]


@given(POLICIES, POLICIES)
def test_the_union_allows_what_either_allows_and_nothing_else(old: Policy, new: Policy) -> None:
    union = upgrade_policy.permissions(old, new).policy

    assert allowed(union) == [any(pair) for pair in zip(allowed(old), allowed(new), strict=True)]
    assert allowed(upgrade_policy.compact(union)) == allowed(union)


@given(POLICIES, POLICIES)
def test_a_second_union_changes_nothing(old: Policy, new: Policy) -> None:
    union = upgrade_policy.permissions(old, new).policy

    assert upgrade_policy.permissions(union, new).policy is union
    short = upgrade_policy.compact(union)
    assert upgrade_policy.permissions(short, new).policy is short


# -- trust


def test_new_subjects_join_the_statement_of_their_issuer() -> None:
    assert upgrade_policy.trust(trust("old"), trust("new", "old")) == trust("old", "new")


def test_trust_that_lets_all_of_them_in_stays_as_it_is() -> None:
    there = trust("old", "new")

    assert upgrade_policy.trust(there, trust("new")) is there


@pytest.mark.parametrize("audiences", [("openshift",), ("openshift", "sts.amazonaws.com")])
def test_asking_for_the_audience_of_pods_stays(audiences: tuple[str, ...]) -> None:
    there = trust("old", audiences=audiences)

    assert upgrade_policy.trust(there, trust("new")) == trust("old", "new", audiences=audiences)
    assert upgrade_policy.trust(there, trust("old", audiences=("openshift",))) is there


def test_binding_the_audience_waits_until_the_old_release_is_gone() -> None:
    there = trust("old")

    assert upgrade_policy.trust(there, trust("old", audiences=("openshift",))) is there


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Deny"},
        {"Principal": {"Federated": f"{ARN}/other"}},
        {"Action": "sts:TagSession"},
        {"Condition": {"StringLike": {f"{HOST}:sub": "*"}}},
        {"Condition": {"StringEquals": {f"{HOST}:sub": "old", "aws:SourceIp": "192.0.2.1"}}},
        {"Condition": {"StringEquals": {f"{HOST}:sub": "old", f"{HOST}:aud": "other"}}},
        {"Condition": {"StringEquals": {"other:sub": "old"}}},
    ],
    ids=["denial", "issuer", "action", "operator", "address", "audience", "key"],
)
def test_a_statement_that_asks_for_something_else_stays_and_another_is_added(change: dict[str, Any]) -> None:
    odd = {**trust("old").document["Statement"][0], **change}
    union = upgrade_policy.trust(document(odd), trust("old"))

    assert union.document["Statement"] == [odd, trust("old").document["Statement"][0]]


def test_statements_that_let_different_subjects_in_become_one_when_it_is_too_long() -> None:
    one, two = (trust(name).document["Statement"][0] for name in ("one", "two"))

    assert upgrade_policy.compact(document(one, two)) == trust("one", "two")
    bound = trust("three", audiences=("openshift",)).document["Statement"][0]
    assert upgrade_policy.compact(document(one, bound)).document["Statement"] == [one, bound]


def test_a_trust_policy_says_whom_it_trusts_and_whether_it_asks_for_the_audience() -> None:
    assert upgrade_policy.providers(trust("a")) == (ARN,)
    assert not upgrade_policy.binds_audience(trust("a"))
    assert upgrade_policy.binds_audience(trust("a", audiences=("openshift",)))
    assert not upgrade_policy.binds_audience(document())


@pytest.mark.parametrize("element", ["Action", "Condition", "Principal"])
def test_a_statement_without_one_of_its_elements_stays_and_another_is_added(element: str) -> None:
    (good,) = trust("old").document["Statement"]
    odd = {name: value for name, value in good.items() if name != element}

    assert upgrade_policy.trust(document(odd), trust("old")).document["Statement"] == [odd, good]


def test_a_statement_that_names_no_subject_lets_nobody_in() -> None:
    (good,) = trust("old", audiences=("openshift",)).document["Statement"]
    anybody = {**good, "Condition": {"StringEquals": {f"{HOST}:aud": "openshift"}}}

    assert upgrade_policy.trust(trust("old"), document(anybody)) == trust("old")
    assert upgrade_policy.trust(document(anybody), trust("old")).document["Statement"] == [
        anybody,
        trust("old").document["Statement"][0],
    ]
    assert upgrade_policy.lost(document(anybody), document()) == ()


def test_new_subjects_join_the_first_statement_that_may_let_them_in() -> None:
    one, two = (trust(name).document["Statement"][0] for name in ("one", "two"))
    union = upgrade_policy.trust(document(one, two), trust("two", "three"))

    assert union.document["Statement"] == [trust("one", "three").document["Statement"][0], two]


def test_a_statement_of_several_issuers_lets_in_the_tokens_of_each() -> None:
    both = {**trust("old").document["Statement"][0], "Principal": {"Federated": [f"{ARN}/other", ARN]}}

    assert upgrade_policy.trust(document(both), trust("old")).document["Statement"] == [both]


@pytest.mark.parametrize(
    ("statements", "bound"),
    [
        ((("a", True), ("b", True)), True),
        ((("a", True), ("b", False)), False),
        ((("a", False), ("b", True)), False),
    ],
    ids=["both", "the first", "the second"],
)
def test_the_audience_is_asked_for_when_each_statement_does(
    statements: tuple[tuple[str, bool], ...], bound: bool
) -> None:
    listed = [trust(name, audiences=("openshift",) * asked).document["Statement"][0] for name, asked in statements]
    unasked = trust("c").document["Statement"][0]

    assert upgrade_policy.binds_audience(document(*listed)) is bound
    assert upgrade_policy.binds_audience(document(*listed, {**unasked, "Effect": "Deny"})) is bound
    assert upgrade_policy.binds_audience(document(*listed, allow("sts:TagSession"))) is bound


def test_only_issuers_whose_tokens_are_allowed_are_trusted_each_once_in_order() -> None:
    def principal(value: object, effect: str = "Allow") -> dict[str, Any]:
        return {"Effect": effect, "Principal": value, "Action": "sts:*"}

    found = document(
        principal("*"),
        principal({"AWS": "x"}),
        principal({"Federated": "arn:aws:iam::123456789012:saml-provider/x"}),
        principal({"Federated": [f"{ARN}/b", ARN]}),
        principal({"Federated": f"{ARN}/b"}),
        principal({"Federated": f"{ARN}/denied"}, "Deny"),
    )

    assert upgrade_policy.providers(found) == (f"{ARN}/b", ARN)


SUBJECTS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, unique=True)
TRUSTS = st.lists(
    st.builds(lambda names, bound: trust(*names, audiences=("openshift",) * bound), SUBJECTS, st.booleans()),
    min_size=1,
    max_size=3,
).map(lambda found: document(*(one.document["Statement"][0] for one in found)))


@given(TRUSTS, SUBJECTS)
def test_pods_of_both_releases_are_let_in_and_nobody_else(there: Policy, new: list[str]) -> None:
    union = upgrade_policy.trust(there, trust(*new))

    def let_in(document: Policy, subject: str) -> bool:
        question = Question(
            action="sts:AssumeRoleWithWebIdentity",
            principals=frozenset({("Federated", ARN)}),
            context={f"{HOST}:sub": (subject,), f"{HOST}:aud": ("openshift",)},
        )
        return decide([document.document], question).allowed

    for subject in ("a", "b", "c", "d"):
        assert let_in(union, subject) == (let_in(there, subject) or subject in new)
        assert let_in(upgrade_policy.compact(union), subject) == let_in(union, subject)
    assert upgrade_policy.trust(union, trust(*new)) is union
