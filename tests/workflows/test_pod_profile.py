"""A component's profile says which role it has, and nothing that would make an SDK do anything else."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.errors import Problems
from ccoctl.workflows.pod_profile import Profile, parse, render

ARN = "arn:aws:iam::123456789012:role/demo-openshift-ingress-cloud"
TEXT = f"[default]\nsts_regional_endpoints = regional\nrole_arn = {ARN}\nweb_identity_token_file = /var/run/token"


def test_a_profile_as_create_iam_roles_writes_it() -> None:
    assert parse(TEXT, where="here") == Profile(role_arn=ARN, token_file="/var/run/token", regional="regional")


def test_comments_and_empty_lines_do_no_harm_and_a_session_name_is_kept() -> None:
    profile = parse(f"# ours\n\n{TEXT}\n\n; end\nrole_session_name=a-name\n", where="here")

    assert profile.session_name == "a-name"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "does not begin with"),
        ("role_arn = x", "does not begin with"),
        (TEXT.replace("default", "other"), "does not begin with"),
        (f"{TEXT}\n[profile other]", "neither the section"),
        (f"{TEXT}\ncredential_process = /bin/evil", "entry credential_process, which no component"),
        (f"{TEXT}\naws_secret_access_key = hidden", "entry aws_secret_access_key, which no component"),
        (f"{TEXT}\nsource_profile = x", "entry source_profile"),
        (f"{TEXT}\nrole_arn = {ARN}", "role_arn twice"),
        (f"{TEXT}\n  continued", "neither the section"),
        (TEXT.replace(ARN, ""), "role_arn is not one"),
        (TEXT.replace(ARN, "arn:aws:iam::123456789012:user/x"), "role_arn is not one"),
        (TEXT.replace("regional\n", "global\n"), "sts_regional_endpoints is not one"),
        (TEXT.replace("/var/run/token", "token"), "web_identity_token_file is not one"),
        (f"[default]\nrole_arn = {ARN}", "has no web_identity_token_file"),
        ("[default]\nweb_identity_token_file = /t", "has no role_arn"),
        (f"{TEXT}\r", "control characters"),
        (f"{TEXT}\u2028role_arn = {ARN}", "control characters"),
        (TEXT + "#" * 8192, "more than 8,192"),
    ],
)
def test_everything_else_is_refused_and_not_repeated(text: str, said: str) -> None:
    with pytest.raises(Problems, match=said) as raised:
        parse(text, where="a file")

    assert "hidden" not in str(raised.value)
    assert "a file" in str(raised.value)


@given(st.text(alphabet="abrole_n= :/[]defult\n\t#;'-%$", max_size=80))
def test_what_is_taken_is_read_alike_by_an_sdk(more: str) -> None:
    try:
        profile = parse(f"{TEXT}\n{more}", where="here")
    except Problems:
        return
    reader = configparser.RawConfigParser()
    reader.read_string(render(profile, Path("/t/token")).decode())

    assert reader.sections() == ["default"]
    assert dict(reader["default"]) == {
        "sts_regional_endpoints": "regional",
        "role_arn": ARN,
        "web_identity_token_file": "/t/token",
    }
