"""Archives: read as the standard library reads them, and no further than they are honest."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccoctl.errors import ImageError
from ccoctl.release.tarstream import Bytes, Entry, Kind, TarStream
from tests.release.images import header, tar

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=120)


def stream(data: bytes, *, piece: int = 1000, most: int = 1000) -> TarStream:
    return TarStream(Bytes(data[at : at + piece] for at in range(0, len(data), piece)), most_entries=most)


def contents(data: bytes, *, piece: int = 1000) -> Iterator[tuple[Entry, bytes]]:
    archive = stream(data, piece=piece)
    for entry in archive:
        yield entry, archive.content(1 << 20) if entry.kind is Kind.FILE else b""


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("piece", [1, 511, 512, 100_000])
def test_files_come_out_in_every_format_and_in_any_pieces(form: int, piece: int) -> None:
    files: dict[str, bytes | tarfile.TarInfo] = {
        "release-manifests/a.yaml": b"a: 1\n",
        "empty": b"",
        f"{'deep/' * 20}{'x' * 60}": b"z" * 1500,
    }
    read = {entry.name: data for entry, data in contents(tar(files, form=form), piece=piece)}
    assert read == files


@settings(deadline=None)
@given(st.dictionaries(NAMES, st.binary(max_size=1200), max_size=6), st.integers(1, 2000))
def test_whatever_the_standard_library_writes_is_read(files: dict[str, bytes], piece: int) -> None:
    data = tar(dict(files))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        expected = [(member.name, archive.extractfile(member).read()) for member in archive]  # type: ignore[union-attr] # all are files
    assert [(entry.name, content) for entry, content in contents(data, piece=piece)] == expected


@settings(deadline=None)
@given(st.binary(max_size=3000), st.integers(0, 5000), st.binary(max_size=20))
def test_damage_is_an_error_of_ours_or_does_no_harm(tail: bytes, at: int, damage: bytes) -> None:
    data = bytearray(tar({"a": b"x" * 700, "b" * 200: b"y"}) + tail)
    data[at : at + len(damage)] = damage
    try:
        for entry, content in contents(bytes(data)):
            assert len(content) <= len(data), entry
    except ImageError:
        pass


def test_links_devices_and_directories_are_told_apart() -> None:
    entries = tar(
        {
            "d/": header("d/", tarfile.DIRTYPE),
            "s": header("s", tarfile.SYMTYPE, "/etc/passwd"),
            "h": header("h", tarfile.LNKTYPE, "f"),
            "p": header("p", tarfile.FIFOTYPE),
            "c": header("c", tarfile.CHRTYPE),
        }
    )
    kinds = [entry.kind for entry in stream(entries)]
    assert kinds == [Kind.DIRECTORY, Kind.LINK, Kind.LINK, Kind.OTHER, Kind.OTHER]


def test_a_file_that_claims_more_than_there_is_ends_the_reading() -> None:
    claimed = tarfile.TarInfo("big")
    claimed.size = 1 << 40
    data = claimed.tobuf() + b"x" * 1024
    archive = stream(data)
    next(iter(archive))
    with pytest.raises(ImageError, match="more than the 1,024"):
        archive.content(1024)
    with pytest.raises(ImageError, match="cut off"):
        list(stream(data))


def test_a_header_of_headers_cannot_fill_the_memory() -> None:
    claimed = tarfile.TarInfo("x")
    claimed.type, claimed.size = tarfile.XHDTYPE, 1 << 32
    with pytest.raises(ImageError, match="more than any needs"):
        list(stream(claimed.tobuf()))


def test_an_archive_of_more_entries_than_any_image_has_is_refused() -> None:
    with pytest.raises(ImageError, match="more than 10 entries"):
        list(stream(tar({str(number): b"" for number in range(11)}), most=10))


def test_bytes_after_the_end_are_no_second_archive() -> None:
    first = tarfile.TarInfo("first").tobuf()
    with pytest.raises(ImageError, match="more after its end"):
        list(stream(first + bytes(512) + tarfile.TarInfo("second").tobuf()))


@pytest.mark.parametrize(
    "record", [b"9 path=a", b"0 path=a\n", b"99 path=a\n", b"11 nothing \n", b"x path=a\n", b"12 size=-1x\n"]
)
def test_an_extended_header_that_is_none_is_damage(record: bytes) -> None:
    extension = tarfile.TarInfo("x")
    extension.type, extension.size = tarfile.XHDTYPE, len(record)
    data = extension.tobuf() + record.ljust(512, b"\0") + tarfile.TarInfo("file").tobuf()
    with pytest.raises(ImageError, match="damaged"):
        list(stream(data))


def test_a_wrong_checksum_is_damage() -> None:
    data = bytearray(tar({"a": b"x"}))
    data[0:1] = b"b"
    with pytest.raises(ImageError, match="checksum"):
        list(stream(bytes(data)))
