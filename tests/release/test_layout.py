"""Images on disk: OCI layouts and archives of them, and reading a release out of its layers."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from ccoctl.errors import CcoctlError, FileError, ImageError
from ccoctl.release.layers import Limits
from ccoctl.release.layout import LayoutSource
from ccoctl.release.payload import Payload, read
from ccoctl.release.reference import OnDisk
from tests.release.images import (
    Built,
    build,
    digest,
    header,
    index,
    payload_layer,
    request,
    tar,
    write_archive,
    write_layout,
)

METADATA = json.dumps({"kind": "cincinnati-metadata-v0", "version": "4.15.3"}).encode()
BASE = tar({"usr/bin/operator": b"ELF" * 1000, "release-manifests/old.yaml": b"old"})
TOP = payload_layer({"release-metadata": METADATA, "a.yaml": request("a")})
LABELLED = build(BASE, TOP, labels={"io.openshift.release": "4.15.3"})
PLAIN = build(BASE, TOP)


def layout(tmp_path: Path, image: Built) -> Path:
    return write_layout(tmp_path / "layout", {"4.15": image})


def payload(path: Path, *, tag: str = "", archive: bool = False, arch: str = "", wanted: str = "") -> Payload:
    source = LayoutSource(OnDisk(path=str(path), tag=tag, archive=archive, digest=wanted))
    return read(source, arch=arch, machine="x86_64")


@pytest.mark.parametrize("archive", [False, True])
def test_a_release_is_read_from_a_directory_and_from_an_archive(tmp_path: Path, archive: bool) -> None:
    path = layout(tmp_path, LABELLED)
    path = write_archive(tmp_path / "release.tar", path) if archive else path
    found = payload(path, tag="4.15", archive=archive)
    assert found.files["a.yaml"] == request("a")
    assert (found.version, found.digest, found.created) == ("4.15.3", LABELLED.digest, "2024-03-01T10:00:00Z")


def test_only_the_layer_of_a_release_is_read_and_all_of_what_nobody_labelled(tmp_path: Path) -> None:
    found = payload(layout(tmp_path / "labelled", LABELLED))
    assert (found.layers_read, sorted(found.files)) == (1, ["a.yaml", "release-metadata"])
    found = payload(layout(tmp_path / "plain", PLAIN))
    assert (found.layers_read, sorted(found.files)) == (2, ["a.yaml", "old.yaml", "release-metadata"])
    assert found.version == "4.15.3"


def test_layers_that_are_not_needed_may_be_missing(tmp_path: Path) -> None:
    path = layout(tmp_path, LABELLED)
    base = json.loads(LABELLED.manifest)["layers"][0]["digest"].partition(":")[2]
    (path / "blobs/sha256" / base).unlink()
    assert payload(path).layers_read == 1


def test_a_layer_above_the_release_changes_it(tmp_path: Path) -> None:
    top = tar({"release-manifests/a.yaml": request("patched"), "release-manifests/.wh.b.yaml": b""})
    image = build(BASE, payload_layer({"release-metadata": METADATA, "a.yaml": b"", "b.yaml": b""}), top,
                  labels={"io.openshift.release": "4.15.3"})  # fmt: skip
    found = payload(layout(tmp_path, image))
    assert found.files["a.yaml"] == request("patched")
    assert "b.yaml" not in found.files


def test_one_image_of_several_is_chosen_by_its_architecture(tmp_path: Path) -> None:
    images = {f"linux/{name}": build(payload_layer({"a.yaml": request(name)})) for name in ("amd64", "arm64", "s390x")}
    path = layout(tmp_path, index(images))
    assert payload(path).files["a.yaml"] == request("amd64")
    assert payload(path, arch="s390x").files["a.yaml"] == request("s390x")
    with pytest.raises(ImageError, match="not there for ppc64le"):
        payload(path, arch="ppc64le")


def test_a_layout_of_several_images_asks_for_a_tag(tmp_path: Path) -> None:
    other = build(payload_layer({"b.yaml": request("b")}))
    path = write_layout(tmp_path / "layout", {"4.15": PLAIN, "quay.io/okd/release:4.16": other})
    assert "a.yaml" in payload(path, tag="4.15").files
    assert "b.yaml" in payload(path, tag="4.16").files
    assert "b.yaml" in payload(path, wanted=other.digest).files
    with pytest.raises(ImageError, match="several images") as caught:
        payload(path)
    assert "4.15, quay.io/okd/release:4.16" in caught.value.remedy
    with pytest.raises(ImageError, match=r"no image 4\.17"):
        payload(path, tag="4.17")


@pytest.mark.parametrize("archive", [False, True])
def test_content_that_is_not_what_its_digest_says_is_refused(tmp_path: Path, archive: bool) -> None:
    path = layout(tmp_path, PLAIN)
    layer = path / "blobs/sha256" / json.loads(PLAIN.manifest)["layers"][1]["digest"].partition(":")[2]
    data = bytearray(layer.read_bytes())
    data[4] ^= 1  # the time in gzip's header, which nobody else would notice
    layer.write_bytes(data)
    path = write_archive(tmp_path / "release.tar", path) if archive else path
    with pytest.raises(ImageError, match="not what its digest says"):
        payload(path, archive=archive)


@pytest.mark.parametrize("change", [b"", b"longer"])
def test_content_of_another_length_is_refused(tmp_path: Path, change: bytes) -> None:
    path = layout(tmp_path, PLAIN)
    config = path / "blobs/sha256" / json.loads(PLAIN.manifest)["config"]["digest"].partition(":")[2]
    config.write_bytes(config.read_bytes() + change if change else config.read_bytes()[:-1])
    with pytest.raises(ImageError, match="more than the" if change else "ends after"):
        payload(path)


def test_an_image_that_is_no_release_says_so(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no release image"):
        payload(layout(tmp_path, build(tar({"bin/sh": b"x"}))))


def test_indexes_that_lead_to_indexes_come_to_an_end(tmp_path: Path) -> None:
    nested = build(payload_layer({"a.yaml": request("a")}))
    for _ in range(5):
        nested = _wrapped(nested)
    with pytest.raises(ImageError, match="another index"):
        payload(layout(tmp_path, nested))


def _wrapped(image: Built) -> Built:
    outer = index({"linux/amd64": image})
    return Built(outer.manifest, outer.media_type, outer.blobs, [*image.manifests, *outer.manifests])


def test_a_layer_without_bounds_is_refused_before_it_is_read(tmp_path: Path) -> None:
    source = LayoutSource(OnDisk(path=str(layout(tmp_path, PLAIN))))
    with pytest.raises(ImageError, match="more than that of any release"):
        read(source, limits=Limits(layer_bytes=10))


def test_links_in_an_archive_are_not_followed(tmp_path: Path) -> None:
    path = layout(tmp_path, PLAIN)
    blob = json.loads(PLAIN.manifest)["config"]["digest"].replace(":", "/")
    (path / "blobs" / blob).unlink()
    file = write_archive(tmp_path / "release.tar", path)
    with tarfile.open(file, "a") as archive:
        archive.addfile(header(f"blobs/{blob}", tarfile.SYMTYPE, "/etc/hostname"))
    with pytest.raises(ImageError, match="holds no blobs"):
        payload(file, archive=True)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "no OCI layout"),
        ({"oci-layout": "{"}, "damaged"),
        ({"oci-layout": '{"imageLayoutVersion": "2.0"}'}, "version '2.0'"),
        ({"oci-layout": '{"imageLayoutVersion": "1.0.0"}'}, "no such file"),
        ({"oci-layout": '{"imageLayoutVersion": "1.0.0"}', "index.json": "{}"}, "not what it is said to be"),
        ({"oci-layout": '{"imageLayoutVersion": "1.0.0"}', "index.json": '{"manifests": []}'}, "no image"),
    ],
)
def test_what_is_no_layout_is_refused(tmp_path: Path, files: dict[str, str], why: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(CcoctlError, match=why):
        payload(tmp_path)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "release.tar"
    with pytest.raises(FileError, match="no such file"):
        payload(file, archive=True)
    file.write_bytes(b"\x1f\x8b\x08\0 packed")
    with pytest.raises(ImageError, match="packed as a whole") as caught:
        payload(file, archive=True)
    assert "gunzip" in caught.value.remedy
    file.write_bytes(write_archive(tmp_path / "whole.tar", layout(tmp_path, PLAIN)).read_bytes()[:4000])
    with pytest.raises(ImageError):
        payload(file, archive=True)
    with pytest.raises(FileError, match="no such file") as missing:
        payload(tmp_path / "layout", archive=True)
    assert "oci:DIRECTORY" in missing.value.remedy


def test_digests_lead_to_no_other_place(tmp_path: Path) -> None:
    path = layout(tmp_path, PLAIN)
    told = json.loads((path / "index.json").read_text())
    told["manifests"][0]["digest"] = "sha256:../../../etc/passwd"
    (path / "index.json").write_text(json.dumps(told))
    with pytest.raises(ImageError, match="cannot be checked"):
        payload(path)
    assert digest(b"") != told["manifests"][0]["digest"]
