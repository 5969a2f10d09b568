"""Which role serves which Secret while two releases are alive: a name never changes under a running one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ccoctl.aws import names
from ccoctl.aws.resources import Role
from ccoctl.aws.upgrade_names import Serving, described, serving
from ccoctl.credentialsrequest.model import SecretRef
from tests.aws import builders

LONG = "a-cluster-with-a-name-that-leaves-little"
"""With it, the Secrets of one namespace collide once their roles' names are cut."""
NAMESPACE = "openshift-cluster-csi-drivers"
A, B, C = (SecretRef(namespace=NAMESPACE, name=f"{letter}-cloud-credentials") for letter in "abc")
CUT = names.role_names(LONG, [A])[A]


def role(name: str, secret: SecretRef | None = None) -> Role:
    description = f"OpenShift role for {secret}" if secret else "somebody's own words"
    return replace(builders.role(builders.settings()), name=name, description=description)


def of(*roles: Role) -> dict[str, Role]:
    return {one.name: one for one in roles}


def release(*secrets: SecretRef) -> dict[str, Role]:
    """The roles that create-all makes for these."""
    return of(*(role(name, secret) for secret, name in names.role_names(LONG, secrets).items()))


def served(wanted: list[SecretRef], roles: dict[str, Role], **named: str) -> Serving:
    by_letter = {"A": A, "B": B, "C": C}
    return serving(LONG, wanted, roles, {by_letter[letter]: name for letter, name in named.items()})


def test_names_collide_here() -> None:
    assert names.role_names(LONG, [B])[B] == CUT
    assert CUT not in names.role_names(LONG, [A, B]).values()


def test_an_account_without_roles_gets_the_names_of_the_rule() -> None:
    assert served([A, B], {}).chosen == names.role_names(LONG, [A, B])


def test_a_secret_keeps_its_role_when_a_new_one_collides_with_it() -> None:
    found = served([A, B], release(A))

    assert found.chosen == {A: CUT, B: names.suffixed_name(LONG, B)}
    assert (found.others, found.dropped) == ({}, ())


def test_a_secret_keeps_its_role_when_the_one_that_it_collided_with_is_dropped() -> None:
    found = served([A], release(A, B))

    assert found.chosen == {A: names.suffixed_name(LONG, A)}
    assert found.dropped == (names.suffixed_name(LONG, B),)


def test_a_new_secret_does_not_take_the_role_of_one_that_is_dropped() -> None:
    found = served([B], release(A))

    assert found.chosen == {B: names.suffixed_name(LONG, B)}
    assert found.dropped == (CUT,)


def test_a_role_that_says_nothing_is_known_by_its_name() -> None:
    found = served([A, B], of(role(CUT), role(names.suffixed_name(LONG, B))))

    assert found.chosen == {A: CUT, B: names.suffixed_name(LONG, B)}


def test_what_create_all_of_the_new_release_made_beside_it_is_told_from_the_first() -> None:
    found = served([A, B], {**release(A), **release(A, B)})

    assert found.chosen == names.role_names(LONG, [A, B])
    assert found.others == {A: (CUT,)}


def test_what_the_cluster_names_comes_first() -> None:
    found = served([A, B], {**release(A), **release(A, B)}, A=CUT)

    assert found.chosen[A] == CUT
    assert found.others == {A: (names.suffixed_name(LONG, A),)}


def test_a_role_is_not_shared_even_where_the_cluster_names_it_twice() -> None:
    """The Go tool lets two Secrets share a role when their names collide; the second one's permissions win."""
    found = served([A, B], release(A), A=CUT, B=CUT)

    assert found.chosen == {A: CUT, B: names.suffixed_name(LONG, B)}


def test_a_description_says_the_secret_in_full() -> None:
    assert described(role("any", A)) == A
    assert described(role("any")) is None
    assert described(replace(role("any"), description="OpenShift role for a/b/c")) is None


SECRETS = st.lists(
    st.builds(
        SecretRef,
        namespace=st.sampled_from([NAMESPACE, "a", "a-b"]),
        name=st.sampled_from(["a-cloud-credentials", "b-cloud-credentials", "c", "b-c"]),
    ),
    unique=True,
    max_size=5,
)


@given(SECRETS, SECRETS, st.sampled_from([LONG, "x"]))
def test_names_never_change_and_nobody_shares(old: list[SecretRef], new: list[SecretRef], name: str) -> None:
    before = names.role_names(name, old)
    roles = of(*(role(text, secret) for secret, text in before.items()))
    found = serving(name, new, roles)

    assert all(found.chosen[secret] == before[secret] for secret in new if secret in before)
    assert len({text.lower() for text in found.chosen.values()}) == len(new)
    assert {*found.dropped} == {text for secret, text in before.items() if secret not in new}
    after = of(*(role(text, secret) for secret, text in found.chosen.items()))
    assert serving(name, new, after).chosen == found.chosen
