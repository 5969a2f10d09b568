"""The requests among a release's manifests, in the files that `oc` writes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ccoctl.errors import Problems
from ccoctl.release.inclusion import Inclusion
from ccoctl.release.requests import extract
from tests.release.images import request, requests_of

OTHERS = {
    "image-references": b"{}",
    "release-metadata": b"{}",
    "0000_03_crd.yaml": b"kind: CustomResourceDefinition\nspec: {names: {kind: CredentialsRequest}}\n",
    "0000_10_readme.md": b"kind: CredentialsRequest of cloudcredential.openshift.io/v1",
    "0000_20_broken.yaml": b"a: [ # of no interest\n",
    "0000_21_windows.yaml": b"path: C:\\windows\n",
}


@pytest.mark.parametrize("release", ["4.12", "4.13", "4.14", "4.15", "4.16", "4.18"])
@pytest.mark.parametrize("cloud", ["aws", "azure", "gcp", "vsphere"])
def test_of_all_clouds_requests_those_of_one_are_exactly_its_files(shared: Path, release: str, cloud: str) -> None:
    folder = shared / "credrequests" / release
    extracted = extract({**requests_of(folder), **OTHERS}, where="image", cloud=cloud)
    expected = {path.name: list(yaml.safe_load_all(path.read_bytes())) for path in (folder / cloud).glob("*.yaml")}
    assert {name: list(yaml.safe_load_all(text)) for name, text in extracted.files.items()} == expected
    assert list(extracted.files) == sorted(expected)


def test_without_a_cloud_all_requests_come_tombstones_included(shared: Path) -> None:
    folder = shared / "credrequests/4.15"
    extracted = extract(requests_of(folder), where="image")
    assert extracted.requests == 60
    assert set(extracted.files) == {path.name for path in folder.rglob("*.yaml")}
    assert extracted.left_out == {}


def test_each_request_begins_with_three_dashes_and_has_its_keys_sorted() -> None:
    both = request("a") + b"\n---\n" + request("b")
    extracted = extract({"x.yaml": both}, where="image")
    assert extracted.files["x.yaml"].startswith(
        "---\napiVersion: cloudcredential.openshift.io/v1\nkind: CredentialsRequest\n"
    )
    assert extracted.files["x.yaml"].count("---\n") == extracted.requests == 2


def test_what_is_left_out_is_counted_by_its_reason() -> None:
    files = {
        "a.yaml": request("a", profile="true", capability="CloudCredential"),
        "b.yaml": request("b", profile="true", feature_set="TechPreviewNoUpgrade"),
        "c.yaml": request("c", kind="GCPProviderSpec", profile="true"),
        "d.json": request("d", hosted="true"),
        "e.yml": request("e"),
    }
    extracted = extract(files, where="image", included=Inclusion(cloud="aws"))
    assert set(extracted.files) == {"a.yaml", "e.yml"}
    assert sorted(extracted.left_out.values()) == [1, 1, 1]
    assert extracted.left_out["for another cloud"] == 1


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (request("a") + b"\n---\n" + request("a"), "stands here twice"),
        (request("a").replace(b'"name": "a", ', b""), "metadata.name is missing"),
        (request("a") + b"\n---\na: [", "not YAML"),
        (b"\xff" + request("a"), "not UTF-8"),
    ],
)
def test_a_request_that_cannot_be_read_is_a_problem_and_not_left_out(data: bytes, why: str) -> None:
    with pytest.raises(Problems) as caught:
        extract({"good.yaml": request("b"), "bad.yaml": data}, where="quay.io/release")
    assert why in str(caught.value)
    assert "quay.io/release: bad.yaml" in str(caught.value)


def test_a_name_of_the_image_begins_no_line_of_what_is_told() -> None:
    twice = request("a\nFORGED")
    with pytest.raises(Problems) as raised:
        extract({"x.yaml": twice + b"\n---\n" + twice}, where="image")
    assert "stands here twice" in str(raised.value)
    assert not any(line.startswith("FORGED") for line in str(raised.value).splitlines())


def test_requests_that_would_take_for_ever_to_write_are_refused() -> None:
    many = request("a").replace(b'["operator"]', b"[" + b'"a", ' * 15_000 + b'"b"]')
    assert extract({"x.json": many}, where="image").requests == 1
    with pytest.raises(Problems) as raised:
        extract({"x.json": many, "y.json": many.replace(b'"name": "a"', b'"name": "b"')}, where="image")
    assert "the image's requests have more than 30,000 values" in str(raised.value)
