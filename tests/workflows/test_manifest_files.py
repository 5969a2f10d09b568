"""Manifests are read again as written, and whatever else is in them is a sentence with its place."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccoctl.errors import CcoctlError, FileError, Problems
from ccoctl.workflows import manifest_files
from ccoctl.workflows.manifest_files import AUTHENTICATION

URL = "https://demo-oidc.s3.us-east-1.amazonaws.com"
SECRET = "kind: Secret\nmetadata: {name: cloud, namespace: openshift-ingress}\nstringData: {credentials: text}\n"


def authentication(tmp_path: Path, text: str) -> str:
    (tmp_path / AUTHENTICATION).write_text(text)
    return manifest_files.issuer(tmp_path)


def test_the_issuer_is_the_authentications(tmp_path: Path) -> None:
    assert authentication(tmp_path, f"kind: Authentication\nspec:\n  serviceAccountIssuer: {URL}\n") == URL


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names 0 issuers"),
        ("kind: Secret\n", "names 0 issuers"),
        ("kind: Authentication\n", "spec is missing"),
        ("kind: Authentication\nspec: {}\n", "serviceAccountIssuer is missing"),
        ("kind: Authentication\nspec: {serviceAccountIssuer: 5}\n", "must be a string"),
        ("kind: Authentication\nspec: {serviceAccountIssuer: http://a}\n", "does not begin with https://"),
        ("kind: Authentication\nspec: {serviceAccountIssuer: <enter_cloudfront>}\n", "does not begin with https://"),
        (f"kind: Authentication\nspec: {{serviceAccountIssuer: '{URL}'}}\n---\n" * 2, ""),
        (
            "---\n".join(f"kind: Authentication\nspec: {{serviceAccountIssuer: 'https://{x}'}}\n" for x in "ab"),
            "names 2 issuers",
        ),
        ("kind: [", "this is not YAML"),
    ],
)
def test_an_authentication_without_one_issuer_is_refused(tmp_path: Path, text: str, said: str) -> None:
    if not said:
        assert authentication(tmp_path, text) == URL
        return
    with pytest.raises(Problems, match=said) as raised:
        authentication(tmp_path, text)

    assert AUTHENTICATION in str(raised.value)


def test_a_missing_manifest_and_a_missing_directory_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        manifest_files.issuer(tmp_path)
    with pytest.raises(FileError, match="no such directory"):
        manifest_files.secrets(tmp_path / "missing")


def test_secrets_are_known_by_what_they_say_and_not_by_their_files_names(tmp_path: Path) -> None:
    (tmp_path / "b-credentials.yaml").write_text(SECRET)
    (tmp_path / "a-credentials.yaml").write_text("kind: ConfigMap\n")
    (tmp_path / "other.yaml").write_text("kind: [")
    found = manifest_files.secrets(tmp_path)

    assert [str(one.ref) for one in found] == ["openshift-ingress/cloud"]
    assert found[0].credentials == "text"
    assert "text" not in repr(found[0])


def test_problems_of_all_secrets_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a-credentials.yaml").write_text(SECRET.replace("cloud", "../cloud"))
    (tmp_path / "b-credentials.yaml").write_text("kind: Secret\nmetadata: {name: cloud}\n")
    with pytest.raises(Problems) as raised:
        manifest_files.secrets(tmp_path)

    assert [problem.what.partition(" ")[0] for problem in raised.value.problems] == ["'../cloud'", "namespace"]


def test_a_manifest_without_end_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a-credentials.yaml").write_text("a" * 70_000)
    with pytest.raises(FileError, match="more than"):
        manifest_files.secrets(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="kind: Secretmads{}[]&*!|>-'\"\n\t#", max_size=120))
def test_no_text_ends_in_another_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "a-credentials.yaml").write_text(SECRET + text)
    with contextlib.suppress(CcoctlError):
        assert all(one.ref.name for one in manifest_files.secrets(tmp_path))
