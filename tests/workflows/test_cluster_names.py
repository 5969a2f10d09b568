"""The name and region of the set-up that a running cluster uses."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ccoctl.aws import names
from ccoctl.credentialsrequest.model import SecretRef
from ccoctl.errors import Problems
from ccoctl.workflows.cluster_names import find, name_in_roles, role_name

REFS = tuple(
    SecretRef(namespace=namespace, name=name)
    for namespace, name in (
        ("openshift-image-registry", "installer-cloud-credentials"),
        ("openshift-ingress-operator", "cloud-credentials"),
        ("openshift-cloud-credential-operator", "cloud-credential-operator-iam-ro-creds"),
        ("openshift-cluster-csi-drivers", "ebs-cloud-credentials"),
    )
)


def roles(name: str, path: str = "/") -> dict[SecretRef, str]:
    """The roles of a set-up of that name, cut where IAM's limit is."""
    return {ref: f"arn:aws:iam::123456789012:role{path}{role}" for ref, role in names.role_names(name, REFS).items()}


def test_a_public_issuer_tells_both() -> None:
    found = find("https://demo-oidc.s3.eu-west-1.amazonaws.com", {})

    assert (found.name, found.region, found.private) == ("demo", "eu-west-1", False)


@pytest.mark.parametrize("suffix", ["amazonaws.com.cn", "amazonaws.eu"])
def test_in_other_partitions_too(suffix: str) -> None:
    assert find(f"https://my-oidc-oidc.s3.cn-north-1.{suffix}", {}).name == "my-oidc"


def test_behind_cloudfront_the_roles_tell_the_name_and_the_cluster_the_region() -> None:
    found = find("https://d111111abcdef8.cloudfront.net", roles("demo"), region_of_cluster="us-east-2")

    assert (found.name, found.region, found.private) == ("demo", "us-east-2", True)


def test_what_is_given_is_taken() -> None:
    issuer = "https://demo-oidc.s3.eu-west-1.amazonaws.com"
    found = find(issuer, roles("demo"), region_of_cluster="us-east-2", name="mine", region="us-west-1")

    assert (found.name, found.region) == ("mine", "us-west-1")


def test_both_that_are_not_to_be_found_are_told_at_once() -> None:
    with pytest.raises(Problems) as raised:
        find("https://oidc.example.com", {})

    assert [problem.where for problem in raised.value.problems] == ["--name", "--region"]


def test_one_foreign_role_does_not_hide_the_name() -> None:
    mixed = {**roles("demo"), REFS[0]: "arn:aws:iam::123456789012:role/something-else"}

    assert name_in_roles(mixed) == "demo"


def test_roles_of_no_name_in_common_tell_none() -> None:
    assert name_in_roles({ref: f"arn:aws:iam::123456789012:role/own-{number}" for number, ref in enumerate(REFS)}) == ""
    assert name_in_roles({}) == ""


@given(st.from_regex(r"[a-z0-9]([a-z0-9-]{0,56}[a-z0-9])?", fullmatch=True), st.sampled_from(["/", "/path/of/ours/"]))
def test_every_name_is_found_in_its_roles_however_they_are_cut(name: str, path: str) -> None:
    assume(not names.name_problems(name))
    found = name_in_roles(roles(name, path))

    # a long name is cut itself, and then any that is as long fits: what is found must give the same roles
    assert found
    assert names.role_names(found, REFS) == names.role_names(name, REFS)


@given(st.text())
def test_whatever_is_in_a_secret_names_a_role_or_none(text: str) -> None:
    assert role_name(text) == ""
    assert name_in_roles({REFS[0]: text}) == ""
