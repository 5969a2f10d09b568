"""Extract the CredentialsRequests of a release into a directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from ccoctl import files
from ccoctl.engine.clock import Clock
from ccoctl.errors import FileError, ImageError, Problem, Problems, UsageError
from ccoctl.release.inclusion import Inclusion
from ccoctl.release.payload import Payload
from ccoctl.release.requests import Extracted, extract
from ccoctl.workflows.release_image import Access, Tell, read_inclusion, read_payload

_COMPARED = 64 * 1024 * 1024
_ENDINGS = (".yaml", ".yml", ".json")


class ExtractOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be extracted, and where to."""

    image: str
    directory: Path
    cloud: str = ""
    install_config: Path | None = None
    """Leave out what the cluster that it describes would not get."""
    access: Access


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What was extracted."""

    payload: Payload
    extracted: Extracted
    changes: Mapping[str, files.Change]
    """File name → what writing it did."""
    strangers: tuple[str, ...]
    """Other manifests that were in the directory already, which whoever reads the directory reads, too."""


def release_extract(order: ExtractOrder, *, tell: Tell, clock: Clock | None = None) -> Done:
    """Read the release, then write all files, or none where one of another content is in the way.

    Raises:
        UsageError: the options contradict each other.
        ImageError: the image cannot be read, or holds no request that is meant.
        Problems: what is wrong in its requests, or which files are in the way.
        FileError: a file cannot be read or written.
    """
    included = _included(order)
    found = read_payload(order.image, order.access, tell=tell, clock=clock)
    extracted = extract(found.files, where=order.image, cloud=order.cloud, included=included)
    if not extracted.files:
        raise _nothing(order, extracted)
    _refuse_others(order.directory, extracted)
    files.ensure_directory(order.directory, mode=0o755)
    files.sweep(order.directory)
    changes = {
        name: files.write_whole(order.directory / name, content.encode(), mode=0o644, replace=False)
        for name, content in extracted.files.items()
    }
    return Done(
        payload=found, extracted=extracted, changes=changes, strangers=_strangers(order.directory, extracted.files)
    )


def _included(order: ExtractOrder) -> Inclusion | None:
    path = order.install_config
    if path is None:
        return None
    read = read_inclusion(path)
    if order.cloud and order.cloud != read.cloud:
        raise UsageError(f"--cloud says {order.cloud}, and {path} is for {read.cloud}")
    return read


def _nothing(order: ExtractOrder, extracted: Extracted) -> ImageError:
    meant = f" for {order.cloud}" if order.cloud else ""
    reasons = "; ".join(f"{count} {reason}" for reason, count in extracted.left_out.items())
    remedy = f"Left out were: {reasons}." if reasons else "Name a release image."
    return ImageError(f"The release holds no CredentialsRequest{meant} that is meant", where=order.image, remedy=remedy)


def _refuse_others(directory: Path, extracted: Extracted) -> None:
    """All files that are in the way, before the first is written."""
    problems = []
    for name, content in extracted.files.items():
        try:
            there = files.read_if_present(directory / name, limit=_COMPARED)
        except FileError as error:
            problems.append(Problem(error.where, error.what))
            continue
        if there is not None and there != content.encode():
            problems.append(Problem(str(directory / name), "is there already with other content"))
    if problems:
        remedy = "Choose another directory, or move the files out of the way."
        raise Problems(tuple(problems), what="Nothing was written", remedy=remedy)


def _strangers(directory: Path, own: Mapping[str, str]) -> tuple[str, ...]:
    there = (path.name for path in directory.iterdir() if path.name.lower().endswith(_ENDINGS))
    return tuple(sorted(name for name in there if name not in own))
