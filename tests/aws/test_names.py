"""Names and tags on AWS."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ccoctl.aws.names import is_owned, name_problems, owned_tags, owners, role_names
from ccoctl.credentialsrequest.model import SecretRef

labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?", fullmatch=True)
secrets = st.builds(SecretRef, namespace=labels, name=labels)


def test_role_is_name_namespace_and_secret() -> None:
    secret = SecretRef(namespace="openshift-machine-api", name="aws-cloud-credentials")

    assert role_names("demo", [secret])[secret] == "demo-openshift-machine-api-aws-cloud-credentials"


def test_long_role_names_are_cut_at_64_as_the_go_tool_does() -> None:
    secret = SecretRef(namespace="openshift-cloud-credential-operator", name="cloud-credential-operator-iam-ro-creds")

    assert role_names("demo", [secret])[secret] == "demo-openshift-cloud-credential-operator-cloud-credential-operat"


def test_defect_16_colliding_roles_each_get_a_suffix_whatever_the_order() -> None:
    name = "n" * 33
    first = SecretRef(namespace="openshift-cluster-csi-drivers", name="ebs-cloud-credentials")
    second = SecretRef(namespace="openshift-cluster-csi-drivers", name="efs-cloud-credentials")
    alone = SecretRef(namespace="a", name="b")

    forwards, backwards = role_names(name, [first, second, alone]), role_names(name, [alone, second, first])

    assert forwards == backwards
    assert forwards[first] != forwards[second]
    assert forwards[first].startswith(f"{name}-openshift-cluster-csi-")
    assert forwards[alone] == f"{name}-a-b"


def test_secrets_that_spell_the_same_role_collide_too() -> None:
    one, other = SecretRef(namespace="a-b", name="c"), SecretRef(namespace="a", name="b-c")

    assert len(set(role_names("demo", [one, other]).values())) == 2


@given(name=labels, wanted=st.lists(secrets, unique=True, max_size=8))
def test_role_names_are_unique_short_and_ours(name: str, wanted: list[SecretRef]) -> None:
    made = role_names(name, wanted)

    assert len(set(made.values())) == len(wanted)
    assert all(len(role) <= 64 and role.startswith(f"{name}-") for role in made.values())


def test_ownership_needs_key_and_value() -> None:
    assert is_owned(owned_tags("demo"), "demo")
    assert not is_owned({"openshift.io/cloud-credential-operator/demo": "shared"}, "demo")
    assert not is_owned(owned_tags("demo-2"), "demo")
    assert owners(owned_tags("other")) == ("other",)


def test_defect_29_names_that_s3_would_refuse() -> None:
    for bad in ("", "Demo", "de.mo", "-demo", "demo-", "de_mo", "d" * 59, "xn--demo", "démo", "demo\n"):
        assert name_problems(bad), bad
    for good in ("demo", "d", "0", "d" * 58, "my-cluster-1"):
        assert not name_problems(good), good
