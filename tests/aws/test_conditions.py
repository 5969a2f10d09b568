"""Condition blocks: operator by operator as the IAM user guide has them, and hostile ones."""

from __future__ import annotations

import fnmatch
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.aws.conditions import UnreadablePolicyError, fulfils, operator_problem, wildcards

CONTEXT = {
    "idp:sub": ("system:serviceaccount:ns:name",),
    "idp:aud": ("openshift", "sts.amazonaws.com"),
    "aws:number": ("12.5",),
    "aws:currenttime": ("1800000000",),
    "aws:securetransport": ("true",),
    "aws:sourceip": ("203.0.113.7",),
    "aws:sourcearn": ("arn:aws:cloudfront::123456789012:distribution/E1",),
    "aws:logarn": ("arn:aws:logs:us-east-1:123456789012:log-group:a:b",),
    "aws:word": ("word",),
    "aws:odd": ("no number",),
}


def holds(operator: str, key: str, value: object) -> bool:
    return fulfils({operator: {key: value}}, CONTEXT)


@pytest.mark.parametrize(
    ("operator", "key", "value", "expected"),
    [
        ("StringEquals", "aws:word", "word", True),
        ("StringEquals", "aws:word", "Word", False),
        ("StringEquals", "aws:word", "wor", False),
        ("StringEquals", "aws:word", "w*", False),
        ("StringEquals", "aws:word", ["other", "word"], True),
        ("StringEquals", "AWS:Word", "word", True),
        ("stringequals", "aws:word", "word", True),
        ("StringNotEquals", "aws:word", "word", False),
        ("StringNotEquals", "aws:word", "Word", True),
        ("StringNotEquals", "aws:word", ["other", "word"], False),
        ("StringEqualsIgnoreCase", "aws:word", "WORD", True),
        ("StringEqualsIgnoreCase", "aws:word", "words", False),
        ("StringNotEqualsIgnoreCase", "aws:word", "WORD", False),
        ("StringLike", "aws:word", "w*", True),
        ("StringLike", "aws:word", "W*", False),
        ("StringLike", "aws:word", "w??d", True),
        ("StringLike", "aws:word", "w?d", False),
        ("StringLike", "aws:word", "*", True),
        ("StringLike", "aws:word", "word*", True),
        ("StringLike", "aws:word", "word?", False),
        ("StringLike", "aws:word", "[w]ord", False),
        ("StringLike", "aws:word", ".*", False),
        ("StringNotLike", "aws:word", "w*", False),
        ("StringNotLike", "aws:word", ["x*", "y*"], True),
        ("NumericEquals", "aws:number", "12.50", True),
        ("NumericEquals", "aws:number", 12.5, True),
        ("NumericNotEquals", "aws:number", "12.5", False),
        ("NumericLessThan", "aws:number", "12.5", False),
        ("NumericLessThan", "aws:number", "13", True),
        ("NumericLessThanEquals", "aws:number", "12.5", True),
        ("NumericGreaterThan", "aws:number", "-3", True),
        ("NumericGreaterThanEquals", "aws:number", ["99", "12.5"], True),
        ("NumericEquals", "aws:odd", "1", False),
        ("NumericNotEquals", "aws:odd", "1", True),
        ("DateLessThan", "aws:CurrentTime", "2027-01-15T08:00:01Z", True),
        ("DateLessThan", "aws:CurrentTime", "2027-01-15T08:00:00Z", False),
        ("DateLessThanEquals", "aws:CurrentTime", "2027-01-15T08:00:00Z", True),
        ("DateGreaterThan", "aws:CurrentTime", "2027-01-15", True),
        ("DateGreaterThan", "aws:CurrentTime", "2027-01-15T10:00:00+03:00", True),
        ("DateGreaterThanEquals", "aws:CurrentTime", "1800000000", True),
        ("DateEquals", "aws:CurrentTime", 1800000000, True),
        ("DateNotEquals", "aws:CurrentTime", "1800000000", False),
        ("Bool", "aws:SecureTransport", "true", True),
        ("Bool", "aws:SecureTransport", True, True),
        ("Bool", "aws:SecureTransport", "TRUE", True),
        ("Bool", "aws:SecureTransport", "false", False),
        ("IpAddress", "aws:SourceIp", "203.0.113.0/24", True),
        ("IpAddress", "aws:SourceIp", "203.0.113.7", True),
        ("IpAddress", "aws:SourceIp", "2001:db8::/32", False),
        ("IpAddress", "aws:SourceIp", "203.0.113.99/24", True),
        ("NotIpAddress", "aws:SourceIp", "203.0.113.0/24", False),
        ("NotIpAddress", "aws:SourceIp", "198.51.100.0/24", True),
        ("IpAddress", "aws:word", "0.0.0.0/0", False),
        ("ArnEquals", "aws:SourceArn", "arn:aws:cloudfront::123456789012:distribution/E1", True),
        ("ArnLike", "aws:SourceArn", "arn:aws:cloudfront::*:distribution/*", True),
        ("ArnLike", "aws:SourceArn", "arn:*:distribution/E1:*:*:*", False),
        ("ArnLike", "aws:LogArn", "arn:aws:logs:*:*:*", True),
        ("ArnLike", "aws:LogArn", "arn:aws:logs:*:*:log-group:*:b", True),
        ("ArnLike", "aws:LogArn", "arn:aws:logs:*:log-group:a:b", False),
        ("ArnNotLike", "aws:SourceArn", "arn:aws:cloudfront::*:distribution/*", False),
        ("ArnNotEquals", "aws:SourceArn", "arn:aws:cloudfront::123456789012:distribution/E2", True),
        ("ArnLike", "aws:word", "arn:*:*:*:*:*", False),
    ],
)
def test_operators(operator: str, key: str, value: object, expected: bool) -> None:
    assert holds(operator, key, value) is expected


@pytest.mark.parametrize("zone", ["EAST-9", "WEST+7"])
def test_a_time_without_a_zone_is_utc_wherever_this_runs(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", zone)
        time.tzset()
        there = [
            holds("DateEquals", "aws:CurrentTime", text) for text in ("2027-01-15T08:00:00", "2027-01-15T08:00:00Z")
        ]
    time.tzset()

    assert there == [True, True]


class TestAMissingKey:
    @pytest.mark.parametrize(
        ("operator", "value"),
        [
            ("StringEquals", "a"),
            ("StringLike", "*"),
            ("StringEqualsIgnoreCase", "a"),
            ("NumericLessThan", "1"),
            ("DateLessThan", "2030-01-01"),
            ("Bool", "false"),
            ("IpAddress", "0.0.0.0/0"),
            ("ArnLike", "arn:*:*:*:*:*"),
            ("ForAnyValue:StringLike", "*"),
            ("ForAnyValue:StringNotEquals", "a"),
        ],
    )
    def test_fails_what_wants_it(self, operator: str, value: str) -> None:
        assert holds(operator, "aws:absent", value) is False

    @pytest.mark.parametrize(
        ("operator", "value"),
        [
            ("StringNotEquals", "a"),
            ("StringNotLike", "*"),
            ("NumericNotEquals", "1"),
            ("DateNotEquals", "1"),
            ("NotIpAddress", "0.0.0.0/0"),
            ("ArnNotLike", "arn:*:*:*:*:*"),
            ("StringEqualsIfExists", "a"),
            ("stringlikeifexists", "a"),
            ("ForAllValues:StringEquals", "a"),
            ("ForAllValues:StringNotEquals", "a"),
            ("ForAnyValue:StringEqualsIfExists", "a"),
        ],
    )
    def test_passes_what_forbids_it_or_does_without(self, operator: str, value: str) -> None:
        assert holds(operator, "aws:absent", value) is True

    @pytest.mark.parametrize(
        ("key", "value", "expected"),
        [
            ("aws:absent", "true", True),
            ("aws:absent", True, True),
            ("aws:absent", "false", False),
            ("aws:word", "false", True),
            ("aws:word", "true", False),
        ],
    )
    def test_is_what_null_asks_for(self, key: str, value: object, expected: bool) -> None:
        assert holds("Null", key, value) is expected

    def test_if_exists_compares_where_it_does(self) -> None:
        assert holds("StringEqualsIfExists", "aws:word", "word") is True
        assert holds("StringEqualsIfExists", "aws:word", "other") is False


class TestSeveralValues:
    @pytest.mark.parametrize(
        ("operator", "value", "expected"),
        [
            ("StringEquals", "openshift", True),
            ("StringEquals", "other", False),
            ("StringNotEquals", "openshift", False),
            ("StringNotEquals", ["other"], True),
            ("ForAnyValue:StringEquals", "openshift", True),
            ("ForAnyValue:StringEquals", ["other", "sts.amazonaws.com"], True),
            ("ForAnyValue:StringEquals", "other", False),
            ("ForAnyValue:StringNotEquals", "openshift", True),
            ("ForAnyValue:StringNotEquals", ["openshift", "sts.amazonaws.com"], False),
            ("ForAllValues:StringEquals", "openshift", False),
            ("ForAllValues:StringEquals", ["sts.amazonaws.com", "openshift", "other"], True),
            ("ForAllValues:StringLike", ["*"], True),
            ("ForAllValues:StringNotEquals", "openshift", False),
            ("ForAllValues:StringNotEquals", "other", True),
            ("forallvalues:StringLike", ["open*", "sts.*"], True),
        ],
    )
    def test_of_the_request(self, operator: str, value: object, expected: bool) -> None:
        assert holds(operator, "idp:aud", value) is expected

    def test_operators_and_keys_must_all_hold(self) -> None:
        both = {"StringEquals": {"aws:word": "word", "idp:sub": "system:serviceaccount:ns:name"}}
        assert fulfils(both, CONTEXT)
        assert not fulfils({"StringEquals": {"aws:word": "word", "idp:sub": "other"}}, CONTEXT)
        assert not fulfils({**both, "Bool": {"aws:SecureTransport": "false"}}, CONTEXT)


class TestWhatCannotBeRead:
    @pytest.mark.parametrize(
        "condition",
        [
            {},
            None,
            [],
            "StringEquals",
            {"StringEquals": {}},
            {"StringEquals": None},
            {"StringEquals": ["aws:word"]},
            {"StringEquals": {"aws:word": []}},
            {"StringEquals": {"aws:word": None}},
            {"StringEquals": {"aws:word": {"a": "b"}}},
            {"StringEquals": {"aws:word": [["word"]]}},
            {"StringNotEquals": {"aws:word": []}},
            {"StringMatches": {"aws:word": "word"}},
            {"StringEqualsIfExistsIfExists": {"aws:word": "word"}},
            {"IfExists": {"aws:word": "word"}},
            {"": {"aws:word": "word"}},
            {"ForSomeValues:StringEquals": {"aws:word": "word"}},
            {"ForAnyValue:ForAllValues:StringEquals": {"aws:word": "word"}},
            {"ForAnyValue:Null": {"aws:word": "true"}},
            {"NullIfExists": {"aws:absent": "true"}},
            {"Null": {"aws:absent": "maybe"}},
            {"Bool": {"aws:SecureTransport": "yes"}},
            {"NumericNotEquals": {"aws:number": "many"}},
            {"NumericLessThan": {"aws:number": "inf"}},
            {"NumericLessThan": {"aws:number": "NaN"}},
            {"NumericLessThan": {"aws:number": "1_000"}},
            {"NumericLessThan": {"aws:number": "\u0661"}},
            {"NumericLessThan": {"aws:number": "9" * 5000}},
            {"DateNotEquals": {"aws:CurrentTime": "tomorrow"}},
            {"DateLessThan": {"aws:CurrentTime": ""}},
            {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/99"}},
            {"ArnNotEquals": {"aws:SourceArn": "everything"}},
            {"StringEquals": {"aws:word": "${aws:word}"}},
            {"StringNotEquals": {"aws:word": ["a", "${aws:username}"]}},
        ],
        ids=str,
    )
    def test_is_an_error_and_never_holds(self, condition: object) -> None:
        with pytest.raises(UnreadablePolicyError):
            fulfils(condition, CONTEXT)

    @pytest.mark.parametrize(
        ("condition", "words"),
        [
            ({}, "the condition is empty or no object"),
            (None, "the condition is empty or no object"),
            ({"StringEquals": {}}, "the operator StringEquals has no keys"),
            ({"ForSomeValues:StringEquals": {"a": "b"}}, "unknown condition operator ForSomeValues:StringEquals"),
            ({"StringMatches": {"a": "b"}}, "unknown condition operator StringMatches"),
            ({"NullIfExists": {"a": "true"}}, "unknown condition operator NullIfExists"),
            (
                {"StringEquals": {"a": []}},
                "StringEquals of a has no values, or something that is no text, number or truth value",
            ),
            ({"StringEquals": {"a": "${b}"}}, "policy variables are not evaluated here"),
            ({"Bool": {"a": "yes"}}, "Bool of a has a value of another kind than it compares"),
        ],
        ids=str,
    )
    def test_is_named_in_words(self, condition: object, words: str) -> None:
        with pytest.raises(UnreadablePolicyError) as raised:
            fulfils(condition, {})
        assert raised.value.what == words

    def test_is_not_hidden_behind_what_fails(self) -> None:
        with pytest.raises(UnreadablePolicyError):
            fulfils({"StringEquals": {"aws:word": "other"}, "StringMatches": {"aws:word": "word"}}, CONTEXT)


@pytest.mark.parametrize(
    ("operator", "values", "problem"),
    [
        ("StringLike", ["a*", 1, True], ""),
        ("BinaryEquals", ["QmFzZTY0"], ""),
        ("binaryequals", ["QmFzZTY0"], ""),
        ("Bool", [True, False, "true"], ""),
        ("NumericLessThan", [1, 2.5, "3"], ""),
        ("IpAddress", ["${aws:username}", "203.0.113.0/24"], ""),
        ("StringMatches", ["a"], "there is no condition operator 'StringMatches'"),
        ("o" * 61, ["a"], f"there is no condition operator '{'o' * 60}'"),
        ("Bool", ["true", "yes", "no"], "the operator Bool has nothing to compare 'yes' with"),
        ("Bool", [1], "the operator Bool has nothing to compare '1' with"),
        ("ArnLike", ["${a}", "v" * 61], f"the operator ArnLike has nothing to compare '{'v' * 60}' with"),
    ],
    ids=str,
)
def test_an_operator_that_iam_would_refuse_is_told_before(operator: str, values: list[object], problem: str) -> None:
    assert operator_problem(operator, values) == problem


class TestWildcards:
    @pytest.mark.parametrize(
        ("pattern", "text", "expected"),
        [
            ("", "", True),
            ("", "a", False),
            ("*", "", True),
            ("?", "", False),
            ("?", "\n", True),
            ("*", "a\nb", True),
            ("a*", "ba", False),
            ("*a", "ab", False),
            ("a*a", "a", False),
            ("a*a", "aa", True),
            ("*ab*ab", "ab", False),
            ("*ab*ab", "abab", True),
            ("a*b*c", "a.b.c.b.c", True),
            ("a*b*c*d", "a.b.c.d", True),
            ("a*b*c*d", "a.c.b.d", False),
            ("**a**", "bab", True),
            ("*?*", "", False),
            ("*??", "a", False),
            ("*a?c*", "abab abc", True),
            ("a.c", "abc", False),
            ("(a|b)+$", "(a|b)+$", True),
            ("\\", "\\", True),
        ],
    )
    def test_mean_what_iam_says(self, pattern: str, text: str, expected: bool) -> None:
        assert (wildcards(pattern).fullmatch(text) is not None) is expected

    @pytest.mark.parametrize(
        "pattern",
        [
            "*a" * 1000 + "*b",
            "*?a" * 700 + "*b",
            "*" * 2000 + "b",
            "*" + "a" * 900 + "*" + "a" * 900 + "*b",
            "?*" * 1000 + "b",
        ],
        ids=["letters", "any letters", "stars", "long pieces", "question marks"],
    )
    def test_take_no_time_that_a_hostile_policy_could_choose(self, pattern: str) -> None:
        """A regular expression with a `.*` for each star would not end before the sun does."""
        assert wildcards(pattern).fullmatch("a" * 2048) is None

    @given(st.text("ab*?", max_size=9), st.text("ab*?\n", max_size=12))
    def test_agree_with_a_naive_reading(self, pattern: str, text: str) -> None:
        assert (wildcards(pattern).fullmatch(text) is not None) is naive(pattern, text)

    @given(st.text("abc.^$+(){}|\\*?", max_size=20), st.text("abc.^$+(){}|\\", max_size=20))
    def test_agree_with_another_implementation(self, pattern: str, text: str) -> None:
        theirs = re.compile(fnmatch.translate(pattern)).match(text) is not None
        assert (wildcards(pattern).fullmatch(text) is not None) is theirs


def naive(pattern: str, text: str) -> bool:
    """IAM's wildcards, by definition."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(naive(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and naive(pattern[1:], text[1:])


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=6,
)
OPERATORS = st.sampled_from(["", "ForAnyValue:", "ForAllValues:"]).flatmap(
    lambda prefix: st.sampled_from(
        ["StringEquals", "StringNotLike", "NumericLessThan", "DateEquals", "Bool", "Null", "IpAddress", "ArnLike"]
    ).flatmap(lambda name: st.sampled_from([f"{prefix}{name}", f"{prefix}{name}IfExists"]))
)


@given(
    JSON | st.dictionaries(OPERATORS, st.dictionaries(st.sampled_from(sorted(CONTEXT)), JSON, max_size=3), max_size=3)
)
def test_any_block_holds_or_not_or_cannot_be_read(condition: object) -> None:
    try:
        assert fulfils(condition, CONTEXT) in {True, False}
    except UnreadablePolicyError:
        return


@given(st.sampled_from(sorted(CONTEXT)), st.lists(st.text(max_size=6), min_size=1, max_size=3))
def test_a_negated_operator_is_the_opposite_for_keys_with_one_value(key: str, values: list[str]) -> None:
    if len(CONTEXT[key]) == 1 and not any("${" in value for value in values):
        for positive, negative in (("StringEquals", "StringNotEquals"), ("StringLike", "StringNotLike")):
            assert holds(positive, key, values) != holds(negative, key, values)
