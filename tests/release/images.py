"""Release images for tests: built in memory, laid out on disk or pushed to a registry."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OCI = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def tar(entries: Mapping[str, bytes | tarfile.TarInfo], *, form: int = tarfile.PAX_FORMAT) -> bytes:
    """An archive: bytes are files, other headers are taken as they are."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        for name, content in entries.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
            else:
                header = tarfile.TarInfo(name)
                header.size = len(content)
                archive.addfile(header, io.BytesIO(content))
    return made.getvalue()


def header(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


def payload_layer(files: Mapping[str, bytes]) -> bytes:
    """A layer as `oc adm release new` writes it."""
    directory = {"release-manifests/": header("release-manifests/", tarfile.DIRTYPE)}
    return tar({**directory, **{f"release-manifests/{name}": data for name, data in files.items()}})


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


@dataclass(frozen=True)
class Built:
    """An image: its manifest, and everything that it leads to."""

    manifest: bytes
    media_type: str
    blobs: Mapping[str, bytes] = field(default_factory=dict)
    manifests: Sequence[tuple[str, bytes]] = ()
    """Media type and content of the manifests that an index names."""

    @property
    def digest(self) -> str:
        return digest(self.manifest)

    @property
    def descriptor(self) -> dict[str, Any]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.manifest)}


def build(
    *layers: bytes, docker: bool = False, labels: Mapping[str, str] | None = None, created: str = "2024-03-01T10:00:00Z"
) -> Built:
    """An image of these layers, the first of which is the lowest."""
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": created,
            "config": {"Labels": dict(labels or {})},
            "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
        }
    ).encode()
    stored = [packed(layer) for layer in layers]
    kind = "application/vnd.docker.container.image.v1+json" if docker else "application/vnd.oci.image.config.v1+json"
    manifest = {
        "schemaVersion": 2,
        "mediaType": DOCKER if docker else OCI,
        "config": {"mediaType": kind, "digest": digest(config), "size": len(config)},
        "layers": [
            {"mediaType": DOCKER_LAYER if docker else f"{OCI_LAYER}+gzip", "digest": digest(data), "size": len(data)}
            for data in stored
        ],
    }
    return Built(
        json.dumps(manifest).encode(),
        DOCKER if docker else OCI,
        {digest(config): config, **{digest(data): data for data in stored}},
    )


def index(images: Mapping[str, Built], *, docker: bool = False) -> Built:
    """An index of images by their platforms, `os/architecture[/variant]`."""
    entries = []
    for name, image in images.items():
        system, architecture, *variant = name.split("/")
        platform = {"os": system, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
        entries.append({**image.descriptor, "platform": platform})
    kind = DOCKER_LIST if docker else OCI_INDEX
    return Built(
        json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": entries}).encode(),
        kind,
        {key: data for image in images.values() for key, data in image.blobs.items()},
        [(image.media_type, image.manifest) for image in images.values()],
    )


def write_layout(directory: Path, images: Mapping[str, Built]) -> Path:
    """An OCI layout with these images by their tags."""
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for image in images.values():
        for data in (*image.blobs.values(), *(data for _, data in image.manifests), image.manifest):
            (blobs / hashlib.sha256(data).hexdigest()).write_bytes(data)
    entries = [
        {**image.descriptor, "annotations": {"org.opencontainers.image.ref.name": tag} if tag else {}}
        for tag, image in images.items()
    ]
    (directory / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    return directory


def write_archive(file: Path, layout: Path) -> Path:
    """The same as one archive, in the order in which skopeo writes it."""
    with tarfile.open(file, "w") as archive:
        for path in sorted(layout.rglob("*")):
            archive.add(path, arcname=str(path.relative_to(layout)), recursive=False)
    return file


def requests_of(folder: Path, *clouds: str) -> dict[str, bytes]:
    """The manifests of a release of the shared requests; those of one file for several clouds are one file again."""
    files: dict[str, list[bytes]] = {}
    for cloud in clouds or tuple(sorted(path.name for path in folder.iterdir())):
        for path in sorted((folder / cloud).glob("*.yaml")):
            files.setdefault(path.name, []).append(path.read_bytes())
    return {name: b"\n---\n".join(parts) for name, parts in files.items()}


def request(name: str, *, kind: str = "AWSProviderSpec", **annotations: str) -> bytes:
    """One CredentialsRequest; underscores in annotations' names are `.` and `/` as in those that releases use."""
    document = {
        "apiVersion": "cloudcredential.openshift.io/v1",
        "kind": "CredentialsRequest",
        "metadata": {
            "name": name,
            "namespace": "openshift-cloud-credential-operator",
            "annotations": {_ANNOTATIONS[key]: value for key, value in annotations.items()},
        },
        "spec": {
            "serviceAccountNames": ["operator"],
            "secretRef": {"namespace": "openshift-operator", "name": f"{name}-credentials"},
            "providerSpec": {
                "apiVersion": "cloudcredential.openshift.io/v1",
                "kind": kind,
                "statementEntries": [{"effect": "Allow", "action": ["ec2:DescribeVpcs"], "resource": "*"}],
            },
        },
    }
    return json.dumps(document).encode()


_ANNOTATIONS = {
    "profile": "include.release.openshift.io/self-managed-high-availability",
    "hosted": "include.release.openshift.io/ibm-cloud-managed",
    "capability": "capability.openshift.io/name",
    "feature_set": "release.openshift.io/feature-set",
    "feature_gate": "release.openshift.io/feature-gate",
}
