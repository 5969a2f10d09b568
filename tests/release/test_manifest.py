"""Manifests and indexes, of OCI and of Docker."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ccoctl.errors import ImageError
from ccoctl.release.content import Document
from ccoctl.release.manifest import Index, Manifest, choose, config, parse
from tests.release import images
from tests.release.images import Built, build, index, tar

IMAGE = build(tar({"a": b"a"}), tar({"b": b"b"}))


def document(data: bytes | dict[str, Any], media_type: str = "") -> Document:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return Document(data=raw, media_type=media_type, digest=images.digest(raw))


def of(built: Built) -> Document:
    return document(built.manifest, built.media_type)


@pytest.mark.parametrize("docker", [False, True])
def test_an_image_is_its_configuration_and_its_layers_from_the_base_up(docker: bool) -> None:
    built = build(tar({"a": b"a"}), tar({"b": b"b"}), docker=docker)
    parsed = parse(of(built))
    assert isinstance(parsed, Manifest)
    assert {parsed.config.digest, *(layer.digest for layer in parsed.layers)} == built.blobs.keys()
    assert [layer.size for layer in parsed.layers] == [len(built.blobs[layer.digest]) for layer in parsed.layers]


@pytest.mark.parametrize("docker", [False, True])
def test_an_index_names_the_same_image_for_several_platforms(docker: bool) -> None:
    parsed = parse(of(index({"linux/amd64": IMAGE, "linux/arm64/v8": IMAGE}, docker=docker)))
    assert isinstance(parsed, Index)
    assert [str(one.platform) for one in parsed.manifests] == ["linux/amd64", "linux/arm64/v8"]


PLATFORMS = {
    "linux/amd64": build(tar({"a": b"amd64"})),
    "linux/arm64/v8": build(tar({"a": b"arm64"})),
    "linux/s390x": build(tar({"a": b"s390x"})),
    "windows/ppc64le": build(tar({"a": b"other"})),
    "unknown/unknown": build(tar({"a": b"an attestation"})),
}


@pytest.mark.parametrize(
    ("arch", "machine", "chosen"),
    [
        ("arm64", "x86_64", "linux/arm64/v8"),
        ("aarch64", "x86_64", "linux/arm64/v8"),
        ("arm64/v8", "x86_64", "linux/arm64/v8"),
        ("s390x", "", "linux/s390x"),
        ("", "aarch64", "linux/arm64/v8"),
        ("", "x86_64", "linux/amd64"),
        ("", "riscv64", "linux/amd64"),
    ],
)
def test_an_index_gives_the_image_that_is_asked_for_or_that_suits(arch: str, machine: str, chosen: str) -> None:
    parsed = parse(of(index(PLATFORMS)))
    assert isinstance(parsed, Index)
    assert choose(parsed, arch=arch, machine=machine).digest == PLATFORMS[chosen].digest


@pytest.mark.parametrize("arch", ["ppc64le", "arm64/v7", "unknown", "x" * 100])
def test_an_architecture_that_is_not_there_is_an_error_that_lists_those_that_are(arch: str) -> None:
    parsed = parse(of(index(PLATFORMS)))
    assert isinstance(parsed, Index)
    with pytest.raises(ImageError, match="not there for") as caught:
        choose(parsed, arch=arch, machine="")
    assert "linux/amd64, linux/arm64/v8, linux/s390x" in caught.value.remedy


def test_an_index_of_another_architecture_alone_will_do_when_none_is_asked_for() -> None:
    parsed = parse(of(index({"linux/s390x": IMAGE})))
    assert isinstance(parsed, Index)
    assert choose(parsed, arch="", machine="riscv64").digest == IMAGE.digest


GOOD: dict[str, Any] = json.loads(IMAGE.manifest)


@pytest.mark.parametrize(
    ("data", "media_type", "why"),
    [
        (b"no JSON", "", "cannot be read"),
        (b"[" * 100_000, "", "cannot be read"),
        ({**GOOD, "layers": "x"}, "", "cannot be read"),
        ({"schemaVersion": 1, "fsLayers": []}, "", "schema 1"),
        ({"schemaVersion": 2}, "", "no container image"),
        ({**GOOD, "layers": GOOD["layers"] * 501}, "", "more than 1000"),
        ({**GOOD, "manifests": []}, "", "an index and an image"),
        (GOOD, images.OCI_INDEX, "not what it is said to be"),
        ({"schemaVersion": 2, "mediaType": images.DOCKER, "manifests": []}, "", "not what it is said to be"),
        ({**GOOD, "layers": [{"digest": "sha256:../../x", "size": 1}]}, "", "cannot be checked"),
        ({**GOOD, "layers": [{"digest": "md5:d41d8cd98f00b204e9800998ecf8427e", "size": 1}]}, "", "cannot be checked"),
        ({**GOOD, "layers": [{"digest": images.digest(b""), "size": -1}]}, "", "-1 bytes"),
    ],
)
def test_what_is_no_manifest_or_could_be_two_is_refused(data: Any, media_type: str, why: str) -> None:
    with pytest.raises(ImageError, match=why):
        parse(document(data, media_type))


def test_a_configuration_may_say_little() -> None:
    assert config(b'{"config": null, "created": null}').labels == {}
    assert config(b'{"config": {"Labels": {"a": "b"}}, "created": "2024"}').labels == {"a": "b"}
    with pytest.raises(ImageError, match="cannot be read"):
        config(b"[]")
