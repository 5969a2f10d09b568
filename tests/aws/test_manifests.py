"""The manifests as the installer and the cluster read them."""

from __future__ import annotations

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from ccoctl.aws.desired import Issuer, future_issuer
from ccoctl.aws.manifests import UNKNOWN_ROLE, authentication, file_problems, scalar, secret
from ccoctl.engine.call import Output, with_placeholders
from tests.aws.builders import request, role, settings

names = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,30}[a-z0-9])?", fullmatch=True)


@given(names)
@example("true")
@example("null")
@example("123")
@example("1e3")
@example("0x1f")
@example("2026-11-23")
@example("on")
def test_every_name_stays_a_string(name: str) -> None:
    assert yaml.safe_load(scalar(name)) == name


def test_the_secret_of_a_known_role_is_whole() -> None:
    wanted = request("true", "123", token_path="/var/run/secrets/other/token")
    content = secret(wanted, role(settings(), wanted)).content
    assert isinstance(content, str)
    document = yaml.safe_load(content)

    assert document["metadata"] == {"name": "123", "namespace": "true"}
    assert document["stringData"]["credentials"].splitlines() == [
        "[default]",
        "sts_regional_endpoints = regional",
        "role_arn = arn:aws:iam::123456789012:role/demo-true-123",
        "web_identity_token_file = /var/run/secrets/other/token",
    ]


def test_the_secret_of_an_unknown_role_cannot_be_applied_as_it_is() -> None:
    from msgspec.structs import replace

    unknown = replace(role(settings()), arn=Output(step="role/x/create", path="Role.Arn", placeholder=""))
    text = str(with_placeholders(secret(request(), unknown).content))

    assert text.endswith(f"type: Opaque\n{UNKNOWN_ROLE}\n")
    assert "role_arn = \n" in text


def test_the_authentication_names_the_issuer() -> None:
    known = authentication(Issuer(host="issuer.example.com")).content
    assert isinstance(known, str)

    assert yaml.safe_load(known)["spec"] == {"serviceAccountIssuer": "https://issuer.example.com"}
    assert "<enter_cloudfront_distribution_url_here>" in str(with_placeholders(authentication(future_issuer()).content))


def test_secrets_of_one_manifest_are_told_apart_before_one_is_written_over_the_other() -> None:
    one, other = request("a", "b-c"), request("a-b", "c")
    (problem,) = file_problems((one, other, request("a", "c"), one))

    assert problem.where == "requests/one.yaml:1: document 1: spec.secretRef"
    assert "manifests/a-b-c-credentials.yaml is that of the Secret a/b-c, too" in problem.what


def test_a_secret_whose_manifest_no_file_system_can_name_is_refused() -> None:
    longest = "s" * (255 - len("n--credentials.yaml"))

    assert file_problems((request("n", longest),)) == ()
    (problem,) = file_problems((request("n", f"{longest}s"),))
    assert "would have 256 characters" in problem.what
