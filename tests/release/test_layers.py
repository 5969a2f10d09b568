"""Layers: what lies on top wins, and no archive gets further than its own directory."""

from __future__ import annotations

import contextlib
import gzip
import importlib
import tarfile
from collections.abc import Iterator

import pytest

from ccoctl.errors import ErrorKind, ImageError
from ccoctl.release.layers import Layer, Limits, Union, is_plain_name, read_layer
from tests.release.images import header, packed, tar

LIMITS = Limits()


def layer(entries: dict[str, bytes | tarfile.TarInfo], limits: Limits = LIMITS) -> Layer:
    return read_layer(pieces(packed(tar(entries))), limits)


def pieces(data: bytes, size: int = 700) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def union(*layers: Layer) -> dict[str, bytes]:
    """The layers as a manifest lists them, the lowest first."""
    made = Union()
    for one in reversed(layers):
        made.put_below(one)
    return made.files


def test_files_of_the_directory_are_kept_and_others_pass() -> None:
    found = layer({"etc/passwd": b"root", "release-manifests/a.yaml": b"a", "release-manifests": _directory()})
    assert found.files == {"a.yaml": b"a"}


@pytest.mark.parametrize(
    "name", ["release-manifests/a.yaml", "./release-manifests/a.yaml", "/release-manifests//a.yaml"]
)
def test_paths_begin_at_the_images_root_however_they_are_written(name: str) -> None:
    assert layer({name: b"a"}).files == {"a.yaml": b"a"}


def test_a_later_layer_wins() -> None:
    lower = layer({"release-manifests/a.yaml": b"old", "release-manifests/b.yaml": b"kept"})
    upper = layer({"release-manifests/a.yaml": b"new"})
    assert union(lower, upper) == {"a.yaml": b"new", "b.yaml": b"kept"}


def test_a_whiteout_takes_away_what_lies_below_it() -> None:
    lower = layer({"release-manifests/a.yaml": b"a", "release-manifests/b.yaml": b"b"})
    gone = layer({"release-manifests/.wh.a.yaml": b""})
    again = layer({"release-manifests/a.yaml": b"again"})
    assert union(lower, gone) == {"b.yaml": b"b"}
    assert union(lower, gone, again) == {"a.yaml": b"again", "b.yaml": b"b"}


@pytest.mark.parametrize("name", ["release-manifests/.wh..wh..opq", ".wh.release-manifests"])
def test_a_directory_made_anew_hides_all_of_the_old_one(name: str) -> None:
    lower = layer({"release-manifests/a.yaml": b"a"})
    upper = layer({name: b"", "release-manifests/b.yaml": b"b"})
    assert union(lower, upper) == {"b.yaml": b"b"}


@pytest.mark.parametrize(
    "entry",
    [
        header("release-manifests/a.yaml", tarfile.SYMTYPE, "/etc/shadow"),
        header("release-manifests/a.yaml", tarfile.LNKTYPE, "etc/shadow"),
        header("release-manifests/a.yaml", tarfile.CHRTYPE),
        header("release-manifests/a.yaml", tarfile.FIFOTYPE),
        header("release-manifests", tarfile.SYMTYPE, "/etc"),
        header("release-manifests/../../etc/passwd", tarfile.REGTYPE),
        header("../release-manifests/a.yaml", tarfile.REGTYPE),
        header("x/../../y", tarfile.REGTYPE),
        header("release-manifests/deep/a.yaml", tarfile.REGTYPE),
        header("release-manifests/.bashrc", tarfile.REGTYPE),
        header("release-manifests/a\n.yaml", tarfile.REGTYPE),
        header("release-manifests/a\\b.yaml", tarfile.REGTYPE),
        header("release-manifests/C:a.yaml", tarfile.REGTYPE),
        header("release-manifests", tarfile.REGTYPE),
    ],
)
def test_tricks_with_paths_and_links_are_refused(entry: tarfile.TarInfo) -> None:
    with pytest.raises(ImageError):
        layer({"trick": entry})


def test_links_elsewhere_are_nobodys_business() -> None:
    assert layer({"bin": header("bin", tarfile.SYMTYPE, "usr/bin")}).files == {}


def test_a_bomb_is_stopped_long_before_it_is_unpacked() -> None:
    bomb = gzip.compress(tar({"zeros": bytes(20_000_000)}))
    assert len(bomb) < 100_000
    with pytest.raises(ImageError, match="more than 1,000,000 bytes once it is unpacked"):
        read_layer(pieces(bomb), Limits(unpacked_bytes=1_000_000))


@pytest.mark.parametrize(
    "limits",
    [Limits(file_bytes=10), Limits(all_bytes=30), Limits(files=1)],
    ids=["a file", "all files", "their number"],
)
def test_a_directory_larger_than_that_of_any_release_is_refused(limits: Limits) -> None:
    entries: dict[str, bytes | tarfile.TarInfo] = {f"release-manifests/{name}.yaml": b"x" * 20 for name in "ab"}
    assert len(layer(entries).files) == 2
    with pytest.raises(ImageError):
        layer(entries, limits)


def test_layers_may_be_plain_or_packed_in_several_members() -> None:
    data = tar({"release-manifests/a.yaml": b"a" * 3000})
    members = packed(data[:2000]) + packed(data[2000:]) + bytes(100)
    for stored in (data, packed(data), members):
        assert read_layer(pieces(stored), LIMITS).files == {"a.yaml": b"a" * 3000}


def test_a_layer_that_is_cut_off_may_be_fetched_again() -> None:
    with pytest.raises(ImageError) as caught:
        read_layer(pieces(packed(tar({"a": b"x"}))[:-9]), LIMITS)
    assert caught.value.kind is ErrorKind.TRANSIENT


@pytest.mark.parametrize("data", [b"\x1f\x8bnonsense", packed(b"no archive" * 100), b"plain nonsense" * 100])
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(ImageError):
        read_layer(pieces(data), LIMITS)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("0000_30_a.yaml", True),
        ("ä.yaml", True),
        *((name, False) for name in ("", ".", "..", "a/b", "a\0", "x" * 256, "a.", "CON\\a", "a:b", "\udc80")),
    ],
)
def test_a_manifests_name_is_one_on_every_system(name: str, plain: bool) -> None:
    assert is_plain_name(name) is plain


def _directory() -> tarfile.TarInfo:
    return header("release-manifests/", tarfile.DIRTYPE)


def zstd_packed(data: bytes) -> bytes:
    """The data as one frame; the test is skipped where nothing can make it."""
    for name in ("compression.zstd", "backports.zstd"):
        with contextlib.suppress(ImportError):
            made: bytes = importlib.import_module(name).compress(data)
            return made
    pytest.skip("zstd layers need Python 3.14 or the package backports.zstd (pip install backports.zstd)")


def test_layers_may_be_packed_by_zstd_in_several_frames() -> None:
    data = tar({"release-manifests/a.yaml": b"a" * 600_000})
    stored = zstd_packed(data[:2000]) + zstd_packed(data[2000:])
    for size in (1, 100, 10_000_000):
        assert read_layer(pieces(stored, size), LIMITS).files == {"a.yaml": b"a" * 600_000}
    with pytest.raises(ImageError, match="cut off"):
        read_layer(pieces(stored[:-5]), LIMITS)
    with pytest.raises(ImageError, match="cannot be unpacked"):
        read_layer(pieces(stored[:6] + b"nonsense" * 100), LIMITS)
    with pytest.raises(ImageError, match="more than 1,000,000 bytes"):
        read_layer(pieces(zstd_packed(tar({"zeros": bytes(20_000_000)}))), Limits(unpacked_bytes=1_000_000))


def test_where_nothing_can_unpack_zstd_the_error_says_what_can(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr("ccoctl.release.layers.import_module", missing)
    with pytest.raises(ImageError, match="packed by zstd") as caught:
        read_layer(pieces(b"\x28\xb5\x2f\xfd and so on"), LIMITS)
    assert "backports.zstd" in caught.value.remedy
