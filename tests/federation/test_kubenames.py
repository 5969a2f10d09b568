"""Names are those that Kubernetes takes, and nothing else comes near a subject or a path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.errors import Problem
from ccoctl.federation.kubenames import name_problems, namespace_problems, service_account_problems, uid_problems


@pytest.mark.parametrize(
    "text", ["openshift-machine-api/machine-api-controllers", "a/b.c-d.e", "0/0", f"{'n' * 63}/{'x' * 253}"]
)
def test_service_accounts(text: str) -> None:
    assert service_account_problems("X", text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "/",
        "a/",
        "/b",
        "a/b/c",
        "A/b",
        "a/B",
        "a.b/c",
        "a/b:c",
        "-a/b",
        "a/b-",
        "a/b..c",
        "a/b\n",
        "a /b",
        "a/../b",
        "ä/b",
        "a/*",
        f"{'n' * 64}/x",
        f"n/{'x' * 254}",
    ],
)
def test_what_is_none(text: str) -> None:
    problems = service_account_problems("--service-account", text)

    assert problems
    assert {problem.where for problem in problems} == {"--service-account"}


def test_both_halves_are_told_at_once() -> None:
    assert len(service_account_problems("X", "A/B")) == 2


@given(st.text(max_size=300))
def test_whatever_passes_is_safe_in_a_subject_and_in_a_file_name(text: str) -> None:
    for problems in (namespace_problems("X", text), name_problems("X", text), uid_problems("X", text)):
        if not problems:
            assert text.isascii()
            assert text
            assert not set(text) & set(":/\\*? \n\0")


def test_uids() -> None:
    assert uid_problems("X", "4bee12ae-75e8-490c-8f55-604c535b7cc2") == ()
    assert uid_problems("--pod-uid", "a b") == (
        Problem("--pod-uid", "'a b' is no UID: 1 to 64 letters, digits and dashes"),
    )
