"""Mirrors of registries, as the policies of a cluster name them."""

from __future__ import annotations

import pytest
import yaml

from ccoctl.errors import Problems
from ccoctl.release.mirrors import parse, places
from ccoctl.release.reference import Image
from ccoctl.release.reference import parse as parse_reference

DIGEST = f"sha256:{'0' * 64}"
RELEASE = "quay.io/openshift-release-dev/ocp-release"


def policy(kind: str, *rules: dict[str, object]) -> bytes:
    versions = {"ImageContentSourcePolicy": "operator.openshift.io/v1alpha1"}
    members = {
        "ImageContentSourcePolicy": "repositoryDigestMirrors",
        "ImageDigestMirrorSet": "imageDigestMirrors",
        "ImageTagMirrorSet": "imageTagMirrors",
    }
    document = {
        "apiVersion": versions.get(kind, "config.openshift.io/v1"),
        "kind": kind,
        "metadata": {"name": "mirror"},
        "spec": {members[kind]: list(rules)},
    }
    return yaml.safe_dump(document).encode()


def rule(source: str, *mirrors: str, **more: object) -> dict[str, object]:
    return {"source": source, "mirrors": list(mirrors), **more}


def looked_for(reference: str, data: bytes) -> list[str]:
    image = parse_reference(reference)
    assert isinstance(image, Image)
    return [str(place) for place in places(image, parse("mirrors.yaml", data))]


@pytest.mark.parametrize("kind", ["ImageContentSourcePolicy", "ImageDigestMirrorSet"])
@pytest.mark.parametrize("what", [":4.15", f"@{DIGEST}"])
def test_mirrors_come_in_their_order_and_the_source_last(kind: str, what: str) -> None:
    data = policy(kind, rule(RELEASE, "mirror.local:5000/ocp4/release", "backup.local/release"))
    assert looked_for(f"{RELEASE}{what}", data) == [
        f"mirror.local:5000/ocp4/release{what}",
        f"backup.local/release{what}",
        f"{RELEASE}{what}",
    ]


def test_what_follows_the_source_moves_along_and_neighbours_do_not() -> None:
    data = policy("ImageDigestMirrorSet", rule("quay.io/openshift-release-dev", "mirror.local/ocp4"))
    assert looked_for(f"{RELEASE}:1", data)[0] == "mirror.local/ocp4/ocp-release:1"
    assert looked_for("quay.io/openshift-release-devs/x:1", data) == ["quay.io/openshift-release-devs/x:1"]


def test_a_registry_may_be_mirrored_as_a_whole() -> None:
    assert looked_for(f"{RELEASE}:1", policy("ImageDigestMirrorSet", rule("quay.io", "mirror.local:5000")))[0] == (
        "mirror.local:5000/openshift-release-dev/ocp-release:1"
    )


def test_a_wildcard_stands_for_the_registries_of_a_domain() -> None:
    data = policy("ImageDigestMirrorSet", rule("*.redhat.io", "mirror.local/redhat"))
    assert looked_for("registry.redhat.io/a/b:1", data)[0] == "mirror.local/redhat/a/b:1"
    assert looked_for("redhat.io/a/b:1", data) == ["redhat.io/a/b:1"]


def test_the_most_specific_source_goes_first() -> None:
    data = policy("ImageDigestMirrorSet", rule("quay.io", "general.local"), rule(RELEASE, "special.local/release"))
    assert looked_for(f"{RELEASE}:1", data)[:2] == [
        "special.local/release:1",
        "general.local/openshift-release-dev/ocp-release:1",
    ]


def test_a_source_that_must_not_be_contacted_is_not() -> None:
    never = rule(RELEASE, "mirror.local/release", mirrorSourcePolicy="NeverContactSource")
    assert looked_for(f"{RELEASE}:1", policy("ImageDigestMirrorSet", never)) == ["mirror.local/release:1"]


def test_mirrors_for_tags_are_for_tags_alone() -> None:
    data = policy("ImageTagMirrorSet", rule(RELEASE, "mirror.local/release"))
    assert len(looked_for(f"{RELEASE}:1", data)) == 2
    assert len(looked_for(f"{RELEASE}@{DIGEST}", data)) == 1


def test_several_policies_in_a_file_or_in_a_list_count_together() -> None:
    one = policy("ImageDigestMirrorSet", rule("quay.io", "a.local"))
    other = policy("ImageTagMirrorSet", rule("quay.io", "b.local"))
    listed = yaml.safe_dump({"kind": "List", "apiVersion": "v1", "items": [yaml.safe_load(one), yaml.safe_load(other)]})
    for data in (one + b"---\n" + other, listed.encode()):
        assert looked_for("quay.io/x/y:1", data) == ["a.local/x/y:1", "b.local/x/y:1", "quay.io/x/y:1"]


def test_the_same_place_is_looked_at_once() -> None:
    data = policy("ImageDigestMirrorSet", rule("quay.io/x", "m.local/x", "quay.io/x"), rule("quay.io", "m.local"))
    assert looked_for("quay.io/x/y:1", data) == ["m.local/x/y:1", "quay.io/x/y:1"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "names no mirrors"),
        (b"a: [", "not YAML"),
        (b"kind: ConfigMap\napiVersion: v1\n", "no policy of mirrors"),
        (policy("ImageDigestMirrorSet", {"mirrors": ["a.local"]}), "source is missing"),
        (policy("ImageDigestMirrorSet", rule("quay.io/A", "a.local")), "neither a registry nor a repository"),
        (policy("ImageDigestMirrorSet", rule("quay.io", "https://a.local")), "neither a registry nor a repository"),
        (policy("ImageDigestMirrorSet", rule("quay.io", "*.local")), "neither a registry nor a repository"),
        (policy("ImageDigestMirrorSet", {"source": "quay.io", "mirrors": "a.local"}), "must be a list"),
    ],
)
def test_what_is_no_policy_is_refused_at_its_place(data: bytes, why: str) -> None:
    with pytest.raises(Problems) as caught:
        parse("mirrors.yaml", data)
    assert why in str(caught.value)
    assert "mirrors.yaml" in str(caught.value)
