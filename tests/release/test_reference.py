"""Image references: Docker's grammar, and images on disk."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccoctl.errors import UsageError
from ccoctl.release.reference import Image, OnDisk, parse

DIGEST = f"sha256:{'a1' * 32}"


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("quay.io/openshift-dev/ocp-release:4.15.3", "quay.io", "openshift-dev/ocp-release", "4.15.3", ""),
        ("quay.io/okd/scos-release", "quay.io", "okd/scos-release", "", ""),
        (f"quay.io/a/b@{DIGEST}", "quay.io", "a/b", "", DIGEST),
        (f"quay.io/a/b:4.15@{DIGEST}", "quay.io", "a/b", "4.15", DIGEST),
        ("docker://quay.io/a/b:1", "quay.io", "a/b", "1", ""),
        ("mirror.local:5000/ocp4/release:4.15", "mirror.local:5000", "ocp4/release", "4.15", ""),
        ("localhost/release", "localhost", "release", "", ""),
        ("localhost:5000/release:x", "localhost:5000", "release", "x", ""),
        ("[::1]:5000/release", "[::1]:5000", "release", "", ""),
        ("registry/release", "docker.io", "registry/release", "", ""),
        ("release", "docker.io", "library/release", "", ""),
        ("docker.io/release:1", "docker.io", "library/release", "1", ""),
        ("index.docker.io/org/release", "docker.io", "org/release", "", ""),
        ("Registry/release", "Registry", "release", "", ""),
    ],
)  # fmt: skip
def test_a_name_is_read_as_docker_reads_it(text: str, registry: str, repository: str, tag: str, digest: str) -> None:
    assert parse(text) == Image(registry=registry, repository=repository, tag=tag, digest=digest)


def test_docker_hub_is_asked_where_its_api_is() -> None:
    image = parse("org/release")
    assert isinstance(image, Image)
    assert (image.host, image.name) == ("registry-1.docker.io", "docker.io/org/release")


def test_the_digest_is_asked_for_before_the_tag_and_latest_without_either() -> None:
    asked = [parse(text).selector for text in ("a/b", "a/b:1", f"a/b:1@{DIGEST}") if isinstance(parse(text), Image)]  # type: ignore[union-attr] # an Image, as the filter says
    assert asked == ["latest", "1", DIGEST]


@pytest.mark.parametrize(
    ("text", "path", "tag", "archive"),
    [
        ("oci:release", "release", "", False),
        ("oci:/srv/release:4.15", "/srv/release", "4.15", False),
        ("oci:./a:b/release", "./a:b/release", "", False),
        ("oci-archive:release.tar", "release.tar", "", True),
        ("oci-archive:/srv/release.tar:4.15.3-x86_64", "/srv/release.tar", "4.15.3-x86_64", True),
    ],
)
def test_an_image_on_disk_is_a_path_and_perhaps_a_tag(text: str, path: str, tag: str, archive: bool) -> None:
    assert parse(text) == OnDisk(path=path, tag=tag, archive=archive)


def test_an_image_on_disk_may_be_named_by_its_digest() -> None:
    assert parse(f"oci:/srv/release@{DIGEST}") == OnDisk(path="/srv/release", digest=DIGEST)


@pytest.mark.parametrize(
    "text",
    [
        "", "quay.io/", "quay.io/A/b", "/a/b", "a//b", "a/b:", "a/b:-tag", f"a/b:{'x' * 129}", "a/b@sha256:12",
        "a/b@md5:0",
        f"a/b@sha256:{'A' * 64}", "quay.io:0/a", "quay.io:99999/a", "-quay.io/a", "a b", "quay.io/a\n", "quay.io/../b",
        "oci:", "oci-archive:", "https://quay.io/a/b", f"quay.io/{'a' * 300}", "x" * 5000, "user@quay.io/a",
        "quay.io/a_-b",
    ],
)  # fmt: skip
def test_what_is_no_reference_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="names no image") as caught:
        parse(text)
    assert "quay.io/openshift-release-dev" in caught.value.remedy


_PARTS = st.from_regex(r"[a-z0-9]{1,8}([._-][a-z0-9]{1,8})?", fullmatch=True)
_IMAGES = st.builds(
    Image,
    registry=st.sampled_from(["quay.io", "localhost", "mirror.local:5000", "10.0.0.1:443", "docker.io", "[fe80::1]:5"]),
    repository=st.lists(_PARTS, min_size=2, max_size=4).map("/".join),
    tag=st.from_regex(r"([a-zA-Z0-9_][a-zA-Z0-9_.-]{0,20})?", fullmatch=True),
    digest=st.sampled_from(["", DIGEST, f"sha512:{'0f' * 64}"]),
)


@settings(deadline=None)
@given(_IMAGES)
def test_what_is_written_is_read_again(image: Image) -> None:
    assert parse(str(image)) == image


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_an_image_or_refused(text: str) -> None:
    try:
        parsed = parse(text)
    except UsageError:
        return
    assert parse(str(parsed)) == parsed
