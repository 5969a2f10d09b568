"""A clock that is off is told as what it is, with how far and what to do; and nothing else is blamed on it."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate

import pytest

from ccoctl.aws import calls, role_calls, skew
from ccoctl.aws.client import AwsCloud, Connection
from ccoctl.errors import CloudError, ErrorKind
from ccoctl.lab.conditions import Conditions
from ccoctl.lab.server import embedded_aws

NOW = 1_800_000_000.0


def dated(seconds: float) -> Mapping[str, str]:
    return {"date": formatdate(NOW + seconds, usegmt=True)}


@pytest.mark.parametrize("code", sorted(skew.SIGNATURES))
def test_a_refused_signature_is_the_clocks_fault_from_four_minutes_on(code: str) -> None:
    for sign in (1, -1):
        assert skew.off_by(code, dated(sign * 239), NOW) == 0
        assert skew.off_by(code, dated(sign * 241), NOW) == -sign * 241


@pytest.mark.parametrize("code", sorted(skew.TOKENS))
def test_a_refused_token_is_the_clocks_fault_from_a_minute_on(code: str) -> None:
    assert skew.off_by(code, dated(59), NOW) == 0
    assert skew.off_by(code, dated(61), NOW) == -61


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchEntity", "InvalidClientTokenId", "Throttling", "500", ""])
def test_no_other_error_is(code: str) -> None:
    assert skew.off_by(code, dated(3600), NOW) == 0


@pytest.mark.parametrize("header", ["", "yesterday", "Mon, 99 Foo 9999 99:99:99 GMT", "\0", "9" * 5000])
def test_a_date_that_is_none_says_nothing(header: str) -> None:
    assert skew.off_by("RequestTimeTooSkewed", {"date": header}, NOW) == 0
    assert skew.off_by("RequestTimeTooSkewed", {}, NOW) == 0


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (3600, "1 h ahead of AWS's"),
        (-3600, "1 h behind AWS's"),
        (301, "5 min ahead of AWS's"),
        (-(86400 + 7200 + 180), "1 d 2 h 3 min behind AWS's"),
        (10, "1 min ahead of AWS's"),
    ],
)
def test_people_are_told_how_far(ahead: float, said: str) -> None:
    assert skew.words(ahead) == f"the clock of this machine is {said}"


@pytest.mark.parametrize(("theirs", "said"), [(3600, "1 h behind"), (-3600, "1 h ahead of")])
def test_every_service_is_understood(theirs: float, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The HEAD of a bucket among them, whose refusal has no body."""
    asked = (calls.get_caller_identity(), role_calls.get_role("r"), calls.head_bucket("b"), calls.get_object("b", "k"))
    with embedded_aws(Conditions(clock_ahead=theirs)) as aws:
        for name, value in aws.environment().items():
            monkeypatch.setenv(name, value)
        cloud = AwsCloud(Connection(region="us-east-1"))
        for call in asked:
            with pytest.raises(CloudError) as raised:
                cloud.perform(call)
            assert f"the clock of this machine is {said} AWS's" in raised.value.what
            assert raised.value.kind is ErrorKind.PERMANENT
            assert "timedatectl" in raised.value.remedy
            assert raised.value.actions == ()
