"""No secret is repeated from what a server says."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.aws.unsaid import INSTEAD, told, unsaid
from ccoctl.errors import in_line, spaced

SECRET = "wJalr/XUtn+FEMI=K7MDENG"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("It does not match. The Canonical String for this request was 'x'", "It does not match."),
        ("No. The String-to-Sign should have been 'x'", "No."),
        (f"You said {SECRET}!", f"You said {INSTEAD}!"),
        ("You said wJalr%2FXUtn%2BFEMI%3DK7MDENG", f"You said {INSTEAD}"),
        (f"token {JWT} is bad", f"token {INSTEAD} is bad"),
        (f"token {JWT[:-8]} is bad", f"token {INSTEAD} is bad"),
        ("X-Amz-Security-Token: FwoGZXIv/Y=, Host: a", f"X-Amz-Security-Token: {INSTEAD}, Host: a"),
        ("a=1&X-Amz-Security-Token=FwoG%2F&b=2", f"a=1&X-Amz-Security-Token={INSTEAD}&b=2"),
        ("WebIdentityToken=abc&Version=1", f"WebIdentityToken={INSTEAD}&Version=1"),
        ("User a is not authorized to perform: iam:GetRole", "User a is not authorized to perform: iam:GetRole"),
    ],
)
def test_what_is_left_of_it(said: str, shown: str) -> None:
    assert unsaid(said, [SECRET]) == shown


@pytest.mark.parametrize("secret", [f"{SECRET}\r", f" {SECRET}\n", f"{SECRET}\u00e9", f"{SECRET}\n{SECRET[::-1]}"])
@pytest.mark.parametrize("spelt", [str, repr, ascii, str.strip, spaced, in_line, lambda text: repr(text.encode())])
def test_a_secret_is_found_as_it_is_quoted(secret: str, spelt: Callable[[str], str]) -> None:
    """With its white space or without, as `repr` writes text and bytes, and with something else for a line end."""
    shown = unsaid(f"Invalid header value {spelt(secret)} there", [secret])

    assert SECRET not in shown
    assert SECRET[::-1] not in shown
    assert (shown.startswith("Invalid header value"), shown.endswith("there")) == (True, True)


def test_what_is_too_short_to_be_a_secret_stays() -> None:
    assert unsaid("the lab says no", ["lab"]) == "the lab says no"


@given(st.text(max_size=50), st.text(max_size=50))
def test_a_known_secret_is_never_shown(before: str, after: str) -> None:
    assert SECRET not in unsaid(f"{before}{SECRET}{after}", [SECRET])


def test_the_secrets_of_a_request_are_those_of_its_credentials_and_its_token() -> None:
    plain = SimpleNamespace(access_key="a", secret_key="b", token=None)
    refreshed = SimpleNamespace(_frozen_credentials=SimpleNamespace(secret_key="c", token="d"), token="older")
    assumed = SimpleNamespace(access_key="a", secret_key="e", session_token="f")

    assert told(plain, {}) == ("b",)
    assert told(refreshed, {"WebIdentityToken": "g"}) == ("c", "d", "g")
    assert told(assumed, {}) == ("e", "f")
    assert told(None, {}) == ()
