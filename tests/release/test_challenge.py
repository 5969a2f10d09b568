"""What registries ask for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccoctl.release.challenge import challenges


@pytest.mark.parametrize(
    ("headers", "read"),
    [
        (['Basic realm="Registry"'], [("basic", {"realm": "Registry"})]),
        (
            ['Bearer realm="https://auth.local/token?a=b,c",service=registry,scope="repository:a/b:pull,push"'],
            [("bearer", {
                "realm": "https://auth.local/token?a=b,c", "service": "registry", "scope": "repository:a/b:pull,push",
            })],
        ),
        (['Bearer realm="a", Basic realm="b"'], [("bearer", {"realm": "a"}), ("basic", {"realm": "b"})]),
        (['Basic realm="b"', 'bearer REALM = "a"'], [("basic", {"realm": "b"}), ("bearer", {"realm": "a"})]),
        (['Basic realm="with \\"quotes\\""'], [("basic", {"realm": 'with "quotes"'})]),
        (["Negotiate", "Negotiate abc==, Basic realm=x"], [
            ("negotiate", {}), ("negotiate", {}), ("basic", {"realm": "x"}),
        ]),
        (['Bearer realm="first",realm="second"'], [("bearer", {"realm": "first"})]),
        (['Bearer realm="open'], [("bearer", {})]),
        ([""], []),
        ([], []),
    ],
)  # fmt: skip
def test_challenges_are_read_from_one_header_or_from_several(
    headers: list[str], read: list[tuple[str, dict[str, str]]]
) -> None:
    assert [(one.scheme, dict(one.parameters)) for one in challenges(headers)] == read


@settings(deadline=None)
@given(st.lists(st.text(alphabet='abB =,"\\:/', max_size=60), max_size=3))
def test_any_header_is_read_to_some_end(headers: list[str]) -> None:
    for one in challenges(headers):
        assert one.scheme == one.scheme.lower() != ""


def test_a_header_without_end_is_read_in_no_time() -> None:
    assert len(challenges([f"Bearer {'a=' * 1_000_000}"])) <= 1
