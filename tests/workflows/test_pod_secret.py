"""A service account's Secret: the named one, the one that its request names, or the only one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccoctl.credentialsrequest.model import SecretRef
from ccoctl.errors import CcoctlError, UsageError
from ccoctl.workflows.manifest_files import ComponentSecret
from ccoctl.workflows.pod_secret import choose
from tests.workflows.commands import write_requests


def secrets(*names: str) -> list[ComponentSecret]:
    return [
        ComponentSecret(
            ref=SecretRef(namespace=name.partition("/")[0], name=name.partition("/")[2]),
            path=Path(f"manifests/{name.replace('/', '-')}-credentials.yaml"),
            credentials="",
        )
        for name in names
    ]


SEVERAL = secrets("ns/one", "ns/two", "other/three")


def test_the_only_one_of_a_namespace_needs_no_name() -> None:
    assert choose(SEVERAL, "other", "anybody").ref.name == "three"


def test_the_named_one() -> None:
    assert choose(SEVERAL, "ns", "anybody", name="two").ref.name == "two"


def test_the_one_whose_request_names_the_service_account(tmp_path: Path) -> None:
    write_requests(tmp_path / "a", "ns/one", service_accounts=["first"])
    write_requests(tmp_path / "b", "ns/two", service_accounts=["second", "third"])

    assert choose(SEVERAL, "ns", "third", requests_dir=tmp_path).ref.name == "two"


def test_several_are_listed_and_left_to_the_user() -> None:
    with pytest.raises(UsageError, match=r"several Secrets: one .*, two ") as raised:
        choose(SEVERAL, "ns", "anybody")

    assert "--secret" in raised.value.remedy


@pytest.mark.parametrize(
    ("namespace", "name", "said"),
    [
        ("nowhere", None, "The namespaces that have one: ns, other"),
        ("ns", "four", r"It has one \(ns-one-credentials.yaml\), two"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(namespace: str, name: str | None, said: str) -> None:
    with pytest.raises(CcoctlError) as raised:
        choose(SEVERAL, namespace, "anybody", name=name)

    assert raised.match(said)


def test_a_service_account_that_no_request_names_has_none(tmp_path: Path) -> None:
    write_requests(tmp_path, "ns/one", "ns/two", service_accounts=["first"])
    with pytest.raises(CcoctlError, match="No CredentialsRequest is for the service account ns/second"):
        choose(SEVERAL, "ns", "second", requests_dir=tmp_path)


def test_a_requested_secret_that_was_never_made_is_told(tmp_path: Path) -> None:
    write_requests(tmp_path, "ns/four", service_accounts=["first"])
    with pytest.raises(CcoctlError, match="lack the Secret that ns/first reads: ns/four"):
        choose(SEVERAL, "ns", "first", requests_dir=tmp_path)
