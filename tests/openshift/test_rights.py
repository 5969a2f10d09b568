"""Roles of RBAC from calls."""

from __future__ import annotations

from ccoctl.openshift import calls
from ccoctl.openshift.rights import ANY, rights_of, roles


def test_what_everybody_may_do_takes_no_right() -> None:
    assert rights_of(calls.review_access("get", "", "secrets")) == ()


def test_applying_takes_the_right_to_make_as_well() -> None:
    assert [(right.verb, right.name) for right in rights_of(calls.apply_secret("ns", "a", {}))] == [
        ("patch", "a"),
        ("create", ""),
    ]


def test_names_and_verbs_on_the_same_things_share_a_rule() -> None:
    asked = [
        *(calls.get_secret("ns", name) for name in ("a", "b")),
        *(calls.delete_secret("ns", name) for name in ("b", "a")),
    ]
    (role,) = roles("r", asked)

    assert (role["kind"], role["metadata"]) == ("Role", {"name": "r", "namespace": "ns"})
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["delete", "get"], "resourceNames": ["a", "b"]}
    ]


def test_things_of_the_whole_cluster_are_named_too() -> None:
    (role,) = roles("r", [calls.get_authentication(), calls.set_issuer(""), calls.get_keys()])

    assert role["kind"] == "ClusterRole"
    assert role["rules"] == [
        {
            "apiGroups": ["config.openshift.io"],
            "resources": ["authentications"],
            "verbs": ["get", "patch"],
            "resourceNames": ["cluster"],
        },
        {"nonResourceURLs": ["/openid/v1/jwks"], "verbs": ["get"]},
    ]


def test_whichever_namespace_and_name_there_is_goes_into_the_clusterrole() -> None:
    asked = [calls.get_secret(ANY, ANY), calls.get_secret("other", "b"), calls.delete_secret("other", "b")]
    everywhere, other = roles("r", [*asked, calls.get_cloud_credential()])

    assert everywhere["rules"] == [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
        {
            "apiGroups": ["operator.openshift.io"],
            "resources": ["cloudcredentials"],
            "verbs": ["get"],
            "resourceNames": ["cluster"],
        },
    ]
    assert [rule["verbs"] for rule in other["rules"]] == [["delete"]]


def test_the_same_calls_in_another_order_give_the_same_roles() -> None:
    asked = [calls.get_keys(), calls.get_secret("ns", "a"), calls.get_authentication(), calls.get_secret("n", "b")]

    assert roles("r", asked) == roles("r", reversed(asked))
