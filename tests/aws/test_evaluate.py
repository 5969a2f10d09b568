"""What IAM decides: a deny wins, nothing is allowed by default, and what cannot be read allows nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.aws.evaluate import Decision, Question, Verdict, decide

ACTION = "sts:AssumeRoleWithWebIdentity"
PROVIDER = "arn:aws:iam::123456789012:oidc-provider/idp.example.com"
ROLE = "arn:aws:iam::123456789012:role/mine"
TRUST = Question(
    action=ACTION,
    principals=frozenset({("Federated", PROVIDER)}),
    context={"idp.example.com:sub": ("system:serviceaccount:ns:name",)},
)
ALLOW: dict[str, Any] = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": ACTION}
SUBJECT = {"StringEquals": {"idp.example.com:sub": "system:serviceaccount:ns:name"}}
DENY: dict[str, Any] = {**ALLOW, "Effect": "Deny"}


def trusted(*statements: object) -> Verdict:
    return decide([{"Version": "2012-10-17", "Statement": list(statements)}], TRUST).verdict


def may(action: str, resource: str | None, *statements: object, **context: tuple[str, ...]) -> Verdict:
    question = Question(action=action, resource=resource, context=context)
    return decide([{"Statement": list(statements)}], question).verdict


class TestATrustPolicy:
    def test_lets_in_whom_it_names(self) -> None:
        assert trusted({**ALLOW, "Condition": SUBJECT}) is Verdict.ALLOWED

    @pytest.mark.parametrize(
        "statement",
        [
            ALLOW,
            {**ALLOW, "Sid": "Components"},
            {**ALLOW, "Principal": {"Federated": ["arn:aws:iam::123456789012:oidc-provider/x", PROVIDER]}},
            {**ALLOW, "Principal": {"AWS": "123456789012", "Federated": PROVIDER}},
            {**ALLOW, "Principal": {"AWS": "1", "Service": "s", "CanonicalUser": "c", "Federated": PROVIDER}},
            {**ALLOW, "Action": ["sts:TagSession", ACTION]},
            {**ALLOW, "Action": "sts:assumerolewithwebidentity"},
            {**ALLOW, "Action": "STS:AssumeRole*"},
            {**ALLOW, "Action": "sts:AssumeRoleWith???Identity"},
            {**ALLOW, "Action": "*"},
        ],
        ids=str,
    )
    def test_in_each_of_its_forms(self, statement: dict[str, Any]) -> None:
        assert trusted(statement) is Verdict.ALLOWED
        assert decide([{"Statement": statement}], TRUST).allowed, "a statement needs no list around it"

    @pytest.mark.parametrize(
        "changed",
        [
            {"Principal": "*"},
            {"Principal": {"AWS": "*"}},
            {"Principal": {"Federated": "*"}},
            {"Principal": {"Service": "*"}},
            {"Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/*"}},
            {"Principal": {"Federated": PROVIDER.upper()}},
            {"Principal": {"Federated": f"{PROVIDER}/"}},
            {"Principal": {"Federated": PROVIDER.replace("123456789012", "210987654321")}},
            {"Principal": {"Federated": PROVIDER.replace("arn:aws:", "arn:aws-cn:")}},
            {"Principal": {"Federated": "idp.example.com"}},
            {"Principal": {"AWS": PROVIDER}},
            {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}},
            {"Principal": {"federated": PROVIDER}},
            {"Principal": PROVIDER},
            {"Principal": []},
            {"Principal": {}},
            {"Principal": None},
            {"Principal": {"Federated": None}},
            {"Principal": {"Federated": [PROVIDER, 7]}},
            {"Action": "sts:AssumeRole"},
            {"Action": "sts:AssumeRoleWithSAML"},
            {"Action": "AssumeRoleWithWebIdentity"},
            {"Action": []},
            {"Action": None},
            {"Action": {"sts": "*"}},
            {"Effect": "allow"},
            {"Effect": None},
            {"Effect": ["Allow"]},
            {"Effect": True},
            {"NotAction": "sts:AssumeRole"},
            {"NotPrincipal": {"Federated": "x"}},
            {"Condition": {}},
            {"Condition": None},
            {"Condition": {"StringMatches": {"idp.example.com:sub": "*"}}},
            {"Condition": {"StringEquals": {"idp.example.com:sub": "system:serviceaccount:ns:other"}}},
            {"Condition": {"StringEquals": {"idp.example.com:sub": "${idp.example.com:sub}"}}},
            {"condition": SUBJECT},
            {"Conditions": SUBJECT},
        ],
        ids=str,
    )
    def test_lets_in_nobody_with_anything_else(self, changed: dict[str, Any]) -> None:
        assert trusted({**ALLOW, **changed}) is not Verdict.ALLOWED

    @pytest.mark.parametrize("name", ["Effect", "Principal", "Action"])
    def test_needs_all_its_elements(self, name: str) -> None:
        assert trusted({key: value for key, value in ALLOW.items() if key != name}) is not Verdict.ALLOWED

    @pytest.mark.parametrize(
        "statement",
        [
            {
                "Effect": "Allow",
                "NotPrincipal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/x"},
                "Action": ACTION,
            },
            {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "NotAction": "iam:*"},
            {"Effect": "Allow", "NotPrincipal": {"AWS": "x"}, "NotAction": "iam:*"},
        ],
    )
    def test_cannot_let_in_by_saying_whom_it_keeps_out(self, statement: dict[str, Any]) -> None:
        assert trusted(statement) is Verdict.NOT_ALLOWED


class TestADeny:
    @pytest.mark.parametrize(
        "statement",
        [
            DENY,
            {**DENY, "Principal": "*"},
            {**DENY, "Principal": {"AWS": "*"}},
            {**DENY, "Principal": {"Federated": "*"}},
            {**DENY, "Action": "sts:*"},
            {"Effect": "Deny", "Principal": "*", "NotAction": "sts:AssumeRole"},
            {
                "Effect": "Deny",
                "NotPrincipal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/x"},
                "Action": "*",
            },
            {**DENY, "Condition": SUBJECT},
            {**DENY, "Condition": {"StringNotEquals": {"idp.example.com:aud": "openshift"}}},
        ],
        ids=str,
    )
    def test_wins_wherever_it_stands(self, statement: dict[str, Any]) -> None:
        assert trusted(ALLOW, statement) is Verdict.DENIED
        assert trusted(statement, ALLOW) is Verdict.DENIED
        assert decide([{"Statement": [ALLOW]}, {"Statement": [statement]}], TRUST).verdict is Verdict.DENIED

    @pytest.mark.parametrize(
        "statement",
        [
            {**DENY, "Condition": {"StringMatches": {"a": "b"}}},
            {**DENY, "Condition": {}},
            {**DENY, "Action": None},
            {"Effect": "Deny", "Action": ACTION},
            {"Effect": "Deny", "Principal": "*"},
            {"Effect": "Deny", "Principal": "*", "Action": ACTION, "NotAction": "iam:*"},
            {"Effect": "deny", "Principal": "*", "Action": ACTION},
            {"Effect": "Deny", "Principal": {"Everybody": "*"}, "Action": ACTION},
            {"Effect": "Deny", "Principal": {}, "Action": ACTION},
            {"Effect": "Deny", "principal": "*", "action": "*"},
            {},
            [],
            "Deny",
            None,
        ],
        ids=str,
    )
    def test_may_be_what_cannot_be_read(self, statement: object) -> None:
        assert trusted(ALLOW, statement) is Verdict.DENIED

    @pytest.mark.parametrize(
        "statement",
        [
            {**DENY, "Action": "sts:AssumeRole", "Condition": {"StringMatches": {"a": "b"}}},
            {**DENY, "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/x"}},
            {**DENY, "Principal": {"AWS": ["123456789012", "arn:aws:iam::123456789012:root"]}},
            {**DENY, "Condition": {"StringEquals": {"idp.example.com:sub": "other"}}},
            {"Effect": "Deny", "Principal": "*", "NotAction": "sts:*"},
            {"Effect": "Deny", "NotPrincipal": {"Federated": PROVIDER}, "Action": "*"},
        ],
        ids=str,
    )
    def test_of_others_is_none(self, statement: dict[str, Any]) -> None:
        assert trusted(ALLOW, statement) is Verdict.ALLOWED


class TestAPolicyOfTheCaller:
    @pytest.mark.parametrize(
        ("statement", "verdict"),
        [
            ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}, Verdict.ALLOWED),
            ({"Action": "s3:Get*", "Resource": ["arn:aws:s3:::a/*", "arn:aws:s3:::b/k?y"]}, Verdict.ALLOWED),
            ({"Action": "*", "Resource": "*"}, Verdict.ALLOWED),
            ({"Action": "s3:getobject", "Resource": "arn:aws:s3:::b/*"}, Verdict.ALLOWED),
            ({"NotAction": "iam:*", "Resource": "*"}, Verdict.ALLOWED),
            ({"NotAction": "s3:Get*", "Resource": "*"}, Verdict.NOT_ALLOWED),
            ({"Action": "s3:*", "NotResource": "arn:aws:s3:::a/*"}, Verdict.ALLOWED),
            ({"Action": "s3:*", "NotResource": "arn:aws:s3:::b/*"}, Verdict.NOT_ALLOWED),
            ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::B/*"}, Verdict.NOT_ALLOWED),
            ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b"}, Verdict.NOT_ALLOWED),
            ({"Action": "s3:GetObjectTagging", "Resource": "*"}, Verdict.NOT_ALLOWED),
            ({"Action": "s3:GetObject"}, Verdict.NOT_ALLOWED),
            ({"Action": "s3:GetObject", "Resource": "*", "NotResource": "x"}, Verdict.NOT_ALLOWED),
            ({"Action": "s3:GetObject", "Resource": []}, Verdict.NOT_ALLOWED),
            ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::${aws:username}/*"}, Verdict.NOT_ALLOWED),
        ],
        ids=str,
    )
    def test_allows_what_it_names(self, statement: dict[str, Any], verdict: Verdict) -> None:
        assert may("s3:GetObject", "arn:aws:s3:::b/key", {"Effect": "Allow", **statement}) is verdict

    def test_a_deny_of_other_actions_with_a_variable_in_it_is_no_deny_of_this_one(self) -> None:
        allow = {"Effect": "Allow", "Action": "iam:GetRole", "Resource": "*"}
        deny = {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::${aws:username}/*"}

        assert may("iam:GetRole", ROLE, allow, deny) is Verdict.ALLOWED
        assert may("s3:GetObject", "arn:aws:s3:::b/key", {**allow, "Action": "*"}, deny) is Verdict.DENIED

    def test_an_action_without_resources_is_allowed_on_everything_alone(self) -> None:
        assert may("iam:ListRoles", "*", {"Effect": "Allow", "Action": "*", "Resource": "*"}) is Verdict.ALLOWED
        one = {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::b"}
        assert may("iam:ListRoles", "*", one) is Verdict.NOT_ALLOWED

    @pytest.mark.parametrize("documents", [[], [{}], [None], ["Allow"], [{"Statement": []}], [[]], [{"Version": "x"}]])
    def test_nothing_is_allowed_by_default(self, documents: list[object]) -> None:
        question = Question(action="s3:GetObject", resource="arn:aws:s3:::b/key")
        assert decide(documents, question).verdict is Verdict.NOT_ALLOWED


class TestAPolicyOfAResource:
    WHO = "arn:aws:iam::123456789012:user/someone"

    def verdict(self, statement: dict[str, Any], *principals: tuple[str, str]) -> Verdict:
        question = Question(
            action="s3:GetObject",
            resource="arn:aws:s3:::b/key",
            principals=frozenset(principals or {("AWS", self.WHO)}),
        )
        return decide([{"Statement": {"Action": "s3:*", "Resource": "*", **statement}}], question).verdict

    @pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["x", "*"]}, {"AWS": WHO}])
    def test_allows_everybody_or_whom_it_names(self, principal: object) -> None:
        assert self.verdict({"Effect": "Allow", "Principal": principal}) is Verdict.ALLOWED

    @pytest.mark.parametrize("principal", ["123456789012", "arn:aws:iam::123456789012:root"], ids=["number", "root"])
    def test_an_account_is_everybody_in_it_for_a_deny_and_nobody_for_an_allow(self, principal: str) -> None:
        """An Allow for an account only lets its own policies decide."""
        assert self.verdict({"Effect": "Deny", "Principal": {"AWS": principal}}) is Verdict.DENIED
        assert self.verdict({"Effect": "Allow", "Principal": {"AWS": principal}}) is Verdict.NOT_ALLOWED

    def test_another_account_is_not_denied(self) -> None:
        statement = {"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::210987654321:root"}}
        assert self.verdict(statement) is Verdict.NOT_ALLOWED

    def test_a_part_of_aws_is_named_by_its_kind(self) -> None:
        who = ("Service", "cloudfront.amazonaws.com")
        assert self.verdict({"Effect": "Allow", "Principal": {"Service": who[1]}}, who) is Verdict.ALLOWED
        assert self.verdict({"Effect": "Allow", "Principal": {"AWS": who[1]}}, who) is Verdict.NOT_ALLOWED


class TestTheReason:
    def why(self, *statements: object) -> Decision:
        return decide([{"Statement": list(statements)}], TRUST)

    def test_names_the_statement(self) -> None:
        assert self.why({**ALLOW, "Sid": "Components"}).why == f"Components allows {ACTION}"
        assert self.why(ALLOW).why == f"a statement allows {ACTION}"
        assert self.why().why == f"no statement allows {ACTION}"

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"Condition": {"StringMatches": {"a": "b"}}}, "unknown condition operator StringMatches"),
            ({"condition": SUBJECT}, "a statement has the unknown element 'condition'"),
            ({"e" * 41: ""}, f"a statement has the unknown element '{'e' * 40}'"),
            ({"Principal": {}}, "a statement's principal is none"),
            ({"Principal": None}, "a statement's principal is none"),
            ({"NotPrincipal": "*"}, "a statement has both Principal and NotPrincipal"),
            ({"NotAction": "*"}, "a statement has both Action and NotAction"),
            ({"Action": 7}, "a statement has an element that is neither a text nor a list of texts"),
            ({"Action": [ACTION, 7]}, "a statement has an element that is neither a text nor a list of texts"),
            ({"Action": []}, "a statement has an element that is neither a text nor a list of texts"),
        ],
        ids=str,
    )
    def test_says_what_could_not_be_read(self, changed: dict[str, Any], words: str) -> None:
        assert self.why({**ALLOW, **changed}).why == f"no statement allows {ACTION}; one could not be read: {words}"
        assert self.why({**DENY, **changed}).why == f"a statement denies {ACTION}; one could not be read: {words}"

    def test_says_what_could_not_be_read_of_others(self) -> None:
        def why(*statements: object) -> str:
            return decide([{"Statement": list(statements)}], Question(action="s3:GetObject", resource="*")).why

        unreadable = "no statement allows s3:GetObject; one could not be read: "
        statement = {"Effect": "Allow", "Action": "*"}
        assert why({**statement, "Resource": "${a}"}) == f"{unreadable}policy variables are not evaluated here"
        assert why(statement) == f"{unreadable}a statement has neither Resource nor NotResource"
        assert why("Allow") == "a statement denies s3:GetObject; one could not be read: a statement is no object"


# An evaluator that is written as the user guide's flow chart, over a small language of valid policies.

ACTIONS = ["s3:GetObject", "s3:GetObjectTagging", "s3:PutObject", "iam:GetRole"]
RESOURCES = ["arn:aws:s3:::a/k", "arn:aws:s3:::b/k", "arn:aws:s3:::b/k2", "arn:aws:iam::123456789012:role/r"]
PEOPLE = ["arn:aws:iam::123456789012:user/a", "arn:aws:iam::123456789012:user/b"]


def one_or_more(items: list[str]) -> st.SearchStrategy[str | list[str]]:
    """As policies write it: one text, or a list."""
    return st.sampled_from(items) | st.lists(st.sampled_from(items), min_size=1, max_size=3)


conditions = st.dictionaries(
    st.sampled_from(["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIfExists"]),
    st.dictionaries(st.sampled_from(["x:a", "x:b", "X:A"]), one_or_more(["1", "2", "*", "?"]), min_size=1, max_size=2),
    min_size=1,
    max_size=2,
)


@st.composite
def statements(draw: st.DrawFn, effect: str | None = None) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": effect or draw(st.sampled_from(["Allow", "Deny"]))}
    action = draw(st.sampled_from(["Action", "NotAction"]))
    statement[action] = draw(one_or_more([*ACTIONS, "s3:*", "s3:Get*", "*", "S3:getobject", "iam:Get????"]))
    resource = draw(st.sampled_from(["Resource", "NotResource"]))
    statement[resource] = draw(one_or_more([*RESOURCES, "*", "arn:aws:s3:::b/*", "arn:aws:s3:::?/k", "arn:aws:s3:::a"]))
    statement["Principal"] = draw(st.sampled_from(["*", *({"AWS": person} for person in PEOPLE), {"AWS": PEOPLE}]))
    if draw(st.booleans()):
        statement["Condition"] = draw(conditions)
    return statement


questions = st.builds(
    Question,
    action=st.sampled_from(ACTIONS),
    resource=st.sampled_from(RESOURCES),
    principals=st.sampled_from(PEOPLE).map(lambda person: frozenset({("AWS", person)})),
    context=st.dictionaries(st.sampled_from(["x:a", "x:b"]), st.sampled_from(["1", "2", "12"]).map(lambda v: (v,))),
)


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def glob(pattern: str, text: str) -> bool:
    """Wildcards with Python's own engine: fine for patterns that mean no harm."""
    return bool(re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text, re.DOTALL))


def condition_holds(operator: str, wanted: list[str], found: str | None) -> bool:
    if found is None:
        return operator in {"StringNotEquals", "StringNotLike", "StringEqualsIfExists"}
    like = operator.endswith("Like")
    hit = any(glob(pattern, found) if like else pattern == found for pattern in wanted)
    return hit != operator.startswith("StringNot")


def applies(statement: dict[str, Any], question: Question) -> bool:
    action, resource = question.action.lower(), question.resource or ""
    name = "Action" if "Action" in statement else "NotAction"
    if any(glob(text.lower(), action) for text in listed(statement[name])) != (name == "Action"):
        return False
    name = "Resource" if "Resource" in statement else "NotResource"
    if any(glob(text, resource) for text in listed(statement[name])) != (name == "Resource"):
        return False
    [(_, who)] = question.principals or {("", "")}
    if statement["Principal"] != "*" and who not in listed(statement["Principal"]["AWS"]):
        return False
    return all(
        condition_holds(operator, listed(wanted), next(iter(question.context.get(key.lower(), ())), None))
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


def oracle(policy: list[dict[str, Any]], question: Question) -> Verdict:
    effects = {statement["Effect"] for statement in policy if applies(statement, question)}
    if "Deny" in effects:
        return Verdict.DENIED
    return Verdict.ALLOWED if "Allow" in effects else Verdict.NOT_ALLOWED


@given(st.lists(statements(), max_size=4), questions)
def test_a_naive_evaluator_agrees(policy: list[dict[str, Any]], question: Question) -> None:
    assert decide([{"Statement": policy}], question).verdict is oracle(policy, question)


@given(st.lists(statements(), max_size=4), statements("Allow"), questions)
def test_one_more_allow_never_takes_away(
    policy: list[dict[str, Any]], more: dict[str, Any], question: Question
) -> None:
    before, after = (decide([{"Statement": all_of}], question).verdict for all_of in (policy, [*policy, more]))
    assert after is before or (before, after) == (Verdict.NOT_ALLOWED, Verdict.ALLOWED)


@given(st.lists(statements(), max_size=4), statements("Deny"), questions)
def test_one_more_deny_never_gives(policy: list[dict[str, Any]], more: dict[str, Any], question: Question) -> None:
    before, after = (decide([{"Statement": all_of}], question).verdict for all_of in (policy, [*policy, more]))
    assert after in (before, Verdict.DENIED)


@given(st.permutations(list(range(4))), st.lists(statements(), min_size=4, max_size=4), questions)
def test_neither_the_order_of_statements_nor_their_documents_matter(
    order: list[int], policy: list[dict[str, Any]], question: Question
) -> None:
    together = decide([{"Statement": policy}], question).verdict
    apart = decide([{"Statement": policy[place]} for place in order], question).verdict
    assert together is apart


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(["*", "Allow", "Deny"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Effect", "Action", "NotAction", "Principal", "Condition", "Statement", "AWS", "Federated"]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=3) | st.lists(st.fixed_dictionaries({"Statement": JSON | st.lists(JSON)}), max_size=3))
def test_any_documents_are_decided_and_nobody_unnamed_is_let_in(documents: list[Any]) -> None:
    """No generated text is the provider's ARN, so nothing may let it in."""
    assert not decide(documents, TRUST).allowed


@given(st.sampled_from(sorted(ALLOW)), JSON)
def test_a_statement_with_one_element_spoiled_lets_in_only_by_what_it_names(name: str, value: Any) -> None:
    if decide([{"Statement": {**ALLOW, name: value}}], TRUST).allowed:
        assert name in {"Effect", "Action"}
        assert value == "Allow" or "*" in value
