"""Images that are made to fill the memory, the disk or the day, and registries that dawdle."""

from __future__ import annotations

import gzip
import json
import tarfile
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from socket import socket
from typing import Any

import pytest

from ccoctl.engine.retry import Patience, RetryPolicy
from ccoctl.errors import CcoctlError, ErrorKind, ImageError
from ccoctl.release import tarstream, wire
from ccoctl.release.layers import Limits, read_layer
from ccoctl.release.layout import LayoutSource
from ccoctl.release.payload import Payload, read
from ccoctl.release.reference import OnDisk
from tests.conftest import Count
from tests.federation.servers import Server
from tests.release.images import (
    DOCKER,
    OCI,
    OCI_INDEX,
    OCI_LAYER,
    Built,
    build,
    digest,
    header,
    packed,
    payload_layer,
    request,
    tar,
    write_archive,
    write_layout,
)
from tests.release.test_hostile_registry import IMAGE, Script, layer, pull, registry, response

ONCE = RetryPolicy(transient=Patience(first=0.01, longest=0.01, total=0.01))


def stored(data: bytes, *, claims: dict[str, Any] | None = None) -> Built:
    """An image whose only layer is stored as these bytes, described as it is but for what it claims."""
    made = build(payload_layer({"a.yaml": request("a")}))
    manifest = json.loads(made.manifest)
    described = {"mediaType": f"{OCI_LAYER}+gzip", "digest": digest(data), "size": len(data), **(claims or {})}
    manifest["layers"] = [described]
    blobs = {key: value for key, value in made.blobs.items() if key == manifest["config"]["digest"]}
    return Built(json.dumps(manifest).encode(), OCI, {**blobs, described["digest"]: data})


def on_disk(folder: Path, image: Built) -> Payload:
    layout = write_layout(folder / "layout", {"1": image})
    return read(LayoutSource(OnDisk(path=str(layout), tag="1", digest="", archive=False)), machine="x86_64")


def zipped() -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("release-manifests/a.yaml", "a: 1")
    return made.getvalue()


def raw(name: bytes, size: bytes, kind: bytes = b"0") -> bytes:
    """A header whose size is written as these bytes, its checksum right."""
    block = bytearray(tarfile.TarInfo(name.decode()).tobuf()[:512])
    block[124:136] = size.ljust(12, b"\0")
    block[156:157] = kind
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def link(name: str, kind: bytes, to: str) -> bytes:
    return tar({name: header(name, kind, to)})


IN = "release-manifests/a.yaml"
TRICKS: dict[str, bytes] = {
    "a path out of it": tar({"../../../etc/cron.d/x": b"x"}),
    "a path out of the directory": tar({"release-manifests/../../etc/passwd": b"x"}),
    "a symbolic link": link(IN, tarfile.SYMTYPE, "/etc/shadow"),
    "a hard link": link(IN, tarfile.LNKTYPE, "../../etc/shadow"),
    "a link for the directory": link("release-manifests", tarfile.SYMTYPE, "/etc"),
    "a device": tar({IN: header(IN, tarfile.BLKTYPE)}),
    "a pipe": tar({IN: header(IN, tarfile.FIFOTYPE)}),
    "a sparse file": raw(IN.encode(), b"00000000010", b"S") + bytes(1024),
    "a size below nothing": raw(IN.encode(), b"\xff" * 12) + bytes(1024),
    "a size beyond everything": raw(IN.encode(), b"\x80" + b"\xff" * 11) + bytes(1024),
    "a size that is no number": raw(IN.encode(), b"9x") + bytes(1024),
    "a name of gigabytes": raw(b"././@LongLink", b"\x80" + (1 << 32).to_bytes(11, "big"), b"L") + bytes(1024),
    "an attribute of gigabytes": raw(b"x", b"77777777777", b"x") + bytes(1024),
    "a name longer than any": tar({"x/" * 40_000: b"x"}),
    "a name of separators": tar({"x" + "/" * 500_000 + "y": b"x"}),
    "names that are taken away and longer than any": tar({f"release-manifests/.wh.{'x' * 300}": b""}),
    "a zip": zipped(),
    "a zip, packed": packed(zipped()),
    "nothing": b"",
    "nothing, packed": packed(b""),
    "half of it": packed(payload_layer({"a.yaml": request("a")}))[:-20],
    "packed twice": packed(packed(payload_layer({"a.yaml": request("a")}))),
    "bzip2": b"BZh91AY&SY",
    "a page": b"<html>Not Found</html>" * 100,
}


@pytest.mark.parametrize("trick", TRICKS)
def test_a_layer_of_tricks_is_refused(tmp_path: Path, count: Count, trick: str) -> None:
    data = TRICKS[trick]
    image = stored(data if data.startswith((b"PK", b"BZ", b"<", b"\x1f")) else packed(data))
    with pytest.raises(ImageError) as caught:
        on_disk(tmp_path, image)

    assert str(tmp_path) in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["layout"]
    count(1, "tricks of layers")


CLAIMS: dict[str, dict[str, Any]] = {
    "another digest": {"digest": f"sha256:{'0' * 64}"},
    "less than it has": {"size": 10},
    "more than it has": {"size": 10_000},
    "more than any has": {"size": 1 << 50},
    "less than nothing": {"size": -1},
    "a digest of a broken kind": {"digest": f"md5:{'0' * 32}"},
    "a digest that is a path": {"digest": "sha256:../../../../etc/passwd"},
    "a digest in capitals": {"digest": f"SHA256:{'0' * 64}"},
    "an algorithm of Python's": {"digest": f"shake_128:{'0' * 64}"},
    "a size that is a text": {"size": "10"},
    "a size that is none": {"size": None},
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_what_a_manifest_claims_of_a_layer_must_be_true(tmp_path: Path, claim: str) -> None:
    with pytest.raises(CcoctlError):
        on_disk(tmp_path, stored(packed(payload_layer({"a.yaml": request("a")})), claims=CLAIMS[claim]))


@pytest.mark.parametrize("media_type", [f"{OCI_LAYER}+zstd", OCI_LAYER, "application/zip", "", "text/html"])
def test_what_a_layer_is_follows_from_its_bytes_and_not_from_its_type(tmp_path: Path, media_type: str) -> None:
    data = packed(payload_layer({"a.yaml": request("a")}))
    assert on_disk(tmp_path, stored(data, claims={"mediaType": media_type})).files == {"a.yaml": request("a")}


def test_an_index_that_leads_to_itself_comes_to_an_end() -> None:
    """No digest can be its own, so an honest client cannot be led in a circle; one that does not look could be."""
    entry = {"mediaType": OCI_INDEX, "digest": f"sha256:{'0' * 64}", "size": 500}
    body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}).encode()
    script = Script(answers={"/manifests/": _says(response("200 OK", body, Content_Type=OCI_INDEX))})
    with registry(script) as host, pytest.raises(ImageError, match="not what its digest says"):
        pull(host)
    assert len(script.lines(b"GET /v2/okd/release/manifests")) == 2


def nested(depth: int) -> tuple[Built, dict[str, bytes]]:
    """An index of an index of an index …, and all of them by their digests."""
    inner = IMAGE
    manifests = {inner.digest: inner.manifest}
    for _ in range(depth):
        body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [inner.descriptor]}).encode()
        inner = Built(body, OCI_INDEX, IMAGE.blobs, [(inner.media_type, inner.manifest)])
        manifests[inner.digest] = body
    return inner, manifests


def test_indexes_of_indexes_are_followed_only_so_far() -> None:
    outer, manifests = nested(10)
    script = Script(answers={"manifests/1": _says(response("200 OK", outer.manifest, Content_Type=OCI_INDEX))})
    for key, body in manifests.items():
        kind = OCI if body == IMAGE.manifest else OCI_INDEX
        script.answers[key] = _says(response("200 OK", body, Content_Type=kind))
    with registry(script) as host, pytest.raises(ImageError, match="leads to another index"):
        pull(host)
    assert len(script.requests) < 8


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b'{"schemaVersion": 1, "fsLayers": []}', DOCKER),
        (IMAGE.manifest, OCI_INDEX),
        (b'{"schemaVersion": 2, "manifests": []}', OCI),
        (b'{"schemaVersion": 2, "manifests": [], "layers": [], "config": null}', OCI_INDEX),
        (b'{"schemaVersion": 2, "config": {}, "layers": []}', OCI),
        (b"[" * 100_000, OCI),
        (b'{"annotations": ' + b'{"a":' * 50_000, OCI),
        (b"\xff\xfe", OCI),
        (b"", OCI),
        (b"null", OCI),
        (gzip.compress(IMAGE.manifest), OCI),
    ],
)
def test_a_manifest_that_is_none_is_refused(body: bytes, media_type: str) -> None:
    script = Script(answers={"/manifests/": _says(response("200 OK", body, Content_Type=media_type))})
    with registry(script) as host, pytest.raises(ImageError):
        pull(host, policy=ONCE)


SMALL = Limits(files=50, all_bytes=100_000, unpacked_bytes=1_000_000, file_bytes=50_000)


def test_the_names_that_layers_take_away_are_bounded() -> None:
    many = tar({f"release-manifests/.wh.{number}": b"" for number in range(100)})
    with pytest.raises(ImageError, match="larger than that of any release"):
        read_layer([many], SMALL)


def layers_of(content: Callable[[int], dict[str, bytes]]) -> Built:
    return build(*[tar({f"release-manifests/{name}": data for name, data in content(at).items()}) for at in range(10)])


@pytest.mark.parametrize(
    "content",
    [
        lambda at: {f"{at}-{number}.yaml": b"" for number in range(40)},
        lambda at: {f".wh.{at}-{number}": b"" for number in range(40)},
        lambda at: {f"{at}.yaml": b"x" * 30_000},
    ],
    ids=["files", "whiteouts", "bytes"],
)
def test_all_layers_together_are_bounded_as_one_is(tmp_path: Path, content: Callable[[int], dict[str, bytes]]) -> None:
    layout = write_layout(tmp_path / "layout", {"1": layers_of(content)})
    source = LayoutSource(OnDisk(path=str(layout), tag="1", digest="", archive=False))
    with pytest.raises(ImageError, match="larger than that of any release"):
        read(source, machine="x86_64", limits=SMALL)


def test_members_without_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccoctl.release.layers.MOST_MEMBERS", 100)
    with pytest.raises(ImageError, match="more than 100 parts"):
        read_layer([gzip.compress(b"") * 1000], Limits())


@pytest.mark.parametrize("size", [b"\x80" + b"\xff" * 11, b"77777777777"], ids=["binary", "octal"])
def test_an_archive_of_a_layout_may_claim_what_it_likes(tmp_path: Path, size: bytes) -> None:
    layout = write_layout(tmp_path / "layout", {"1": IMAGE})
    archive = write_archive(tmp_path / "layout.tar", layout)
    archive.write_bytes(raw(b"big", size) + archive.read_bytes())
    with pytest.raises(ImageError):
        LayoutSource(OnDisk(path=str(archive), tag="1", digest="", archive=True))


def test_a_layout_of_links_reads_no_other_file(tmp_path: Path) -> None:
    """A link in a layout's directory is its owner's; content that is not what its digest says is nobody's."""
    layout = write_layout(tmp_path / "layout", {"1": IMAGE})
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    blob = layout / "blobs" / "sha256" / layer().removeprefix("sha256:")
    blob.unlink()
    blob.symlink_to(secret)
    with pytest.raises(CcoctlError) as caught:
        read(LayoutSource(OnDisk(path=str(layout), tag="1", digest="", archive=False)), machine="x86_64")
    assert "hunter2" not in str(caught.value)


def trickling(start: bytes, piece: bytes) -> Callable[[Server, socket], None]:
    def answer(server: Server, connection: socket) -> None:
        connection.sendall(start)
        while not server.stop.wait(0.02):
            connection.sendall(piece)

    return answer


@pytest.mark.parametrize(
    ("path", "start", "piece"),
    [
        ("/manifests/", b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        ("/manifests/", b"", b"H"),
        ("/manifests/", b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        ("blobs/", b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        ("blobs/", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
    ids=["headers", "status", "manifest", "blob", "chunks"],
)
def test_an_answer_that_trickles_is_given_up_whatever_part_of_it(
    monkeypatch: pytest.MonkeyPatch, path: str, start: bytes, piece: bytes
) -> None:
    monkeypatch.setattr("ccoctl.release.registry.DEADLINE", 0.3)
    monkeypatch.setattr("ccoctl.release.registry.LONG_DEADLINE", 0.3)
    script = Script(answers={path: trickling(start, piece)})
    with registry(script) as host, pytest.raises(ImageError) as caught:
        pull(host, policy=ONCE)
    assert caught.value.kind is ErrorKind.TRANSIENT
    assert host in str(caught.value)


def _says(answer: bytes) -> Callable[[Server, socket], None]:
    def say(_server: Server, connection: socket) -> None:
        connection.sendall(answer)

    return say


def test_the_bounds_of_the_product_are_those_of_no_honest_release() -> None:
    assert tarstream.LONGEST_NAME >= 4096
    assert wire.DEADLINE <= 60
