"""The parameters of AssumeRoleWithWebIdentity: within the limits of STS's model, once each, or refused."""

from __future__ import annotations

import contextlib
from typing import Any

import botocore.loaders
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.aws.web_identity import StsError, WebIdentityRequest, parse_request, refuse

ROLE = "arn:aws:iam::123456789012:role/mine"
POLICY_ARN = "arn:aws:iam::123456789012:policy/mine"
GOOD = {
    "Action": "AssumeRoleWithWebIdentity",
    "Version": "2011-06-15",
    "RoleArn": ROLE,
    "RoleSessionName": "session",
    "WebIdentityToken": "a.b.c",
}


def parsed(**changed: str | None) -> WebIdentityRequest:
    """The request with some parameters changed; those that are None are left out."""
    return parse_request([(name, value) for name, value in {**GOOD, **changed}.items() if value is not None])


def refused(pairs: list[tuple[str, str]]) -> StsError:
    with pytest.raises(StsError) as raised:
        parse_request(pairs)
    assert raised.value.code == "ValidationError"
    assert raised.value.status == 400
    assert raised.value.message.isprintable()
    assert len(raised.value.message) < 300
    return raised.value


def numbered(count: int, arn: str = POLICY_ARN) -> dict[str, str]:
    return {f"PolicyArns.member.{number}.arn": arn for number in range(1, count + 1)}


def test_what_sdks_send_is_read() -> None:
    assert parsed() == WebIdentityRequest(role_arn=ROLE, session_name="session", token="a.b.c")


def test_the_rest_is_read_too() -> None:
    request = parsed(DurationSeconds="900", Policy="{}", **numbered(10))

    assert request.duration == 900
    assert request.policy == "{}"
    assert request.policy_arns == (POLICY_ARN,) * 10


def test_policy_arns_are_in_the_order_of_their_numbers() -> None:
    arns = {f"PolicyArns.member.{number}.arn": f"{POLICY_ARN}{number}" for number in (10, 2, 1)}

    assert parsed(**arns).policy_arns == tuple(f"{POLICY_ARN}{number}" for number in (1, 2, 10))


@pytest.mark.parametrize("name", ["RoleArn", "RoleSessionName", "WebIdentityToken"])
def test_what_is_needed_must_be_there(name: str) -> None:
    member = name[0].lower() + name[1:]
    error = refused([(key, value) for key, value in GOOD.items() if key != name])

    assert error.message == (
        f"1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    )


@pytest.mark.parametrize("name", [*GOOD, "DurationSeconds", "Policy", "PolicyArns.member.1.arn"])
@pytest.mark.parametrize("same", [True, False])
def test_no_parameter_is_there_twice(name: str, same: bool) -> None:
    value = {**GOOD, "DurationSeconds": "900", "Policy": "{}", **numbered(1)}[name]
    pairs = [*GOOD.items(), *([] if name in GOOD else [(name, value)]), (name, value if same else f"{value}0")]

    assert "is there twice" in refused(pairs).message


@pytest.mark.parametrize(
    "name",
    [
        "roleArn",
        "RoleArn ",
        "RoleArn\0",
        "RoleArn[]",
        "Tags.member.1.Key",
        "SourceIdentity",
        "PolicyArns",
        "PolicyArns.member.0.arn",
        "PolicyArns.member.01.arn",
        "PolicyArns.member.-1.arn",
        "PolicyArns.member.1000.arn",
        "PolicyArns.member.\u0661.arn",
        "PolicyArns.member.1.arn\n",
        "PolicyArns.member.1",
        "PolicyArns.1.arn",
        "",
        "\x1b[31m" * 100,
    ],
)
def test_nothing_else_is(name: str) -> None:
    assert "there is no parameter" in refused([*GOOD.items(), (name, POLICY_ARN)]).message


def test_a_provider_id_is_for_others() -> None:
    assert "ProviderId" in refused([*GOOD.items(), ("ProviderId", "www.amazon.com")]).message


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("RoleArn", 20, 2048), ("RoleSessionName", 2, 64), ("WebIdentityToken", 4, 20_000), ("Policy", 1, 2048)],
)
def test_texts_keep_their_lengths(name: str, least: int, most: int) -> None:
    parsed(**{name: "a" * least})
    parsed(**{name: "a" * most})
    assert f"greater than or equal to {least}" in refused([*{**GOOD, name: "a" * (least - 1)}.items()]).message
    assert f"less than or equal to {most}" in refused([*{**GOOD, name: "a" * (most + 1)}.items()]).message


@pytest.mark.parametrize("name", ["ab", "_+=,.@-", "A" * 64, "botocore-session-1700000000"])
def test_a_session_name_is_a_plain_word(name: str) -> None:
    assert parsed(RoleSessionName=name).session_name == name


@pytest.mark.parametrize(
    "name",
    [
        "a b",
        "session\n",
        "\nsession",
        "se\r\nssion",
        "a/b",
        "a:b",
        "\u0430bc",
        "a\0b",
        "se\u0301",
        "<b>",
        "a'b",
        "\u0661\u0662",
    ],
)
def test_and_nothing_else(name: str) -> None:
    assert r"[\w+=,.@-]*" in refused([*{**GOOD, "RoleSessionName": name}.items()]).message


@pytest.mark.parametrize("value", ["900", "43200", "3600"])
def test_a_duration_is_from_a_quarter_of_an_hour_to_half_a_day(value: str) -> None:
    assert parsed(DurationSeconds=value).duration == int(value)


@pytest.mark.parametrize(
    "value",
    [
        "899",
        "43201",
        "0",
        "-900",
        "+900",
        "3600.0",
        "1e3",
        "",
        " 900",
        "900\n",
        "0x384",
        "\u0669\u0660\u0660",
        "9" * 5000,
    ],
)
def test_and_no_other(value: str) -> None:
    assert "from 900 to 43200" in refused([*{**GOOD, "DurationSeconds": value}.items()]).message


@pytest.mark.parametrize(("value", "size"), [(None, 0), ("0", 0), ("4096", 4096)])
def test_a_session_token_may_be_wanted_of_some_size(value: str | None, size: int) -> None:
    assert parsed(MinimumSessionTokenSize=value).least_token_size == size


@pytest.mark.parametrize("value", ["-1", "4097", "", "1.5"])
def test_but_of_no_other(value: str) -> None:
    assert "from 0 to 4096" in refused([*GOOD.items(), ("MinimumSessionTokenSize", value)]).message


@pytest.mark.parametrize("policy", ["\0", "{\x07}", "\u20ac", "\ud800"])
def test_a_policy_has_the_characters_of_one(policy: str) -> None:
    assert "policy" in refused([*{**GOOD, "Policy": policy}.items()]).message


def test_at_most_ten_policies_are_named() -> None:
    assert "more than 10" in refused([*GOOD.items(), *numbered(11).items()]).message


@pytest.mark.parametrize("arn", ["", "a" * 19, "a" * 2049])
def test_each_by_its_arn(arn: str) -> None:
    assert "20 to 2048" in refused([*GOOD.items(), *numbered(1, arn).items()]).message


def test_the_limits_are_those_of_aws_own_model() -> None:
    shapes = botocore.loaders.Loader().load_service_model("sts", "service-2")["shapes"]
    members = shapes["AssumeRoleWithWebIdentityRequest"]["members"]
    limits = {name: shapes[member["shape"]] for name, member in members.items()}

    assert {name: (limit.get("min"), limit.get("max")) for name, limit in limits.items()} == {
        "RoleArn": (20, 2048),
        "RoleSessionName": (2, 64),
        "WebIdentityToken": (4, 20_000),
        "ProviderId": (4, 2048),
        "PolicyArns": (None, None),
        "Policy": (1, 2048),
        "DurationSeconds": (900, 43200),
        "MinimumSessionTokenSize": (0, 4096),
    }
    assert limits["RoleSessionName"]["pattern"] == r"[\w+=,.@-]*"


NAMES = st.sampled_from([*GOOD, "DurationSeconds", "Policy", "PolicyArns.member.1.arn", "ProviderId"]) | st.text(
    max_size=30
)
VALUES = st.sampled_from([*GOOD.values(), "900", "{}", POLICY_ARN]) | st.text(max_size=80)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=12))
def test_any_pairs_are_a_request_within_the_limits_or_refused(pairs: list[tuple[str, str]]) -> None:
    try:
        request = parse_request(pairs)
    except StsError:
        return
    assert pairs.count(("RoleArn", request.role_arn)) == 1
    assert len({name for name, _ in pairs}) == len(pairs)
    assert_within(request)


@given(st.dictionaries(st.sampled_from([*GOOD, "DurationSeconds", "Policy"]), VALUES, max_size=4))
def test_a_good_request_with_some_parameters_spoiled_is_one_or_refused(spoiled: dict[str, Any]) -> None:
    with contextlib.suppress(StsError):
        assert_within(parsed(**spoiled))


def assert_within(request: WebIdentityRequest) -> None:
    assert 20 <= len(request.role_arn) <= 2048
    assert 2 <= len(request.session_name) <= 64
    assert request.session_name.isascii()
    assert request.session_name.isprintable()
    assert 4 <= len(request.token) <= 20_000
    assert request.duration is None or 900 <= request.duration <= 43200
    assert request.policy is None or 1 <= len(request.policy) <= 2048


INVALID = "1 validation error detected: "
CONSTRAINT = "failed to satisfy constraint:"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([("RoleArn", ROLE)], "the parameter 'RoleArn' is there twice"),
        ([("n" * 41, ""), ("n" * 41, "")], f"the parameter '{'n' * 40}' is there twice"),
        ([("Zone", ""), ("Area", "")], "there is no parameter 'Area'"),
        ([("n" * 41, "")], f"there is no parameter '{'n' * 40}'"),
        ([("ProviderId", "www.amazon.com")], "ProviderId is not for OpenID Connect tokens"),
        ([("Policy", "")], f"Value at 'policy' {CONSTRAINT} Member must have length greater than or equal to 1"),
        ([("Policy", "\0")], f"Value at 'policy' {CONSTRAINT} it has characters that no policy has"),
        ([("DurationSeconds", "1")], f"Value at 'durationSeconds' {CONSTRAINT} Member must be from 900 to 43200"),
        (
            [("MinimumSessionTokenSize", "x")],
            f"Value at 'minimumSessionTokenSize' {CONSTRAINT} Member must be from 0 to 4096",
        ),
        ([*numbered(11).items()], f"Value at 'policyArns' {CONSTRAINT} there are more than 10"),
        ([*numbered(1, "a").items()], f"Value at 'policyArns' {CONSTRAINT} an ARN has 20 to 2048 characters"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 200 else "",
)
def test_a_refusal_says_what_is_wrong(more: list[tuple[str, str]], words: str) -> None:
    error = refused([*GOOD.items(), *more])

    assert error.message == f"{INVALID}{words}"
    assert error.reason == error.message
    assert str(error) == f"ValidationError: {error.message}"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("RoleArn", "a" * 19, "Member must have length greater than or equal to 20"),
        ("RoleSessionName", "a", "Member must have length greater than or equal to 2"),
        ("RoleSessionName", "a b", r"Member must satisfy regular expression pattern: [\w+=,.@-]*"),
        ("WebIdentityToken", "a" * 20_001, "Member must have length less than or equal to 20000"),
    ],
    ids=["short", "shorter", "pattern", "long"],
)
def test_and_names_the_member(name: str, value: str, words: str) -> None:
    member = name[0].lower() + name[1:]
    error = refused([*{**GOOD, name: value}.items()])

    assert error.message == f"{INVALID}Value at '{member}' {CONSTRAINT} {words}"


def test_an_arn_of_a_policy_has_20_to_2048_characters() -> None:
    for size in (20, 2048):
        assert parsed(**numbered(1, "a" * size)).policy_arns == ("a" * size,)


def test_a_number_has_nine_digits_at_most() -> None:
    assert parsed(DurationSeconds="000000900").duration == 900
    assert "from 900 to 43200" in refused([*GOOD.items(), ("DurationSeconds", "0000000900")]).message


def test_a_refusal_may_keep_its_reason_to_itself() -> None:
    error = refuse("AccessDenied", "Not authorized", status=403, reason="there is no such role")

    assert (error.code, error.status, error.message) == ("AccessDenied", 403, "Not authorized")
    assert error.reason == "there is no such role"
    assert str(error) == "AccessDenied: Not authorized"
