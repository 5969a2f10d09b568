"""The hand work between `ccoctl` and `openshift-install create cluster`: looked at, and then done.

The installer reads install-config.yaml once: `create manifests` takes it in and removes it. It takes the files of
`manifests/` only beside its own, which `create manifests` writes; the signing key it takes from `tls/` at any time.
Source: the installer's assets (pkg/asset/manifests/operators.go, openshift.go; pkg/asset/tls/boundsasigningkey.go) and
OpenShift's documentation, "Incorporating the Cloud Credential Operator utility manifests".
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import msgspec

from ccoctl.credentialsrequest.cursor import Cursor
from ccoctl.credentialsrequest.document import documents
from ccoctl.errors import CcoctlError, FileError, Problem, Problems, SigningKeyError
from ccoctl.files import read_bytes, read_if_present
from ccoctl.signing import keypair
from ccoctl.workflows import create_key_pair as pair
from ccoctl.workflows import manifest_files
from ccoctl.workflows import prepare_install_config as install_config
from ccoctl.workflows.manifest_files import AUTHENTICATION
from ccoctl.workflows.places import refuse_blocked, sweep_below, write_below
from ccoctl.workflows.prepare_install_checks import Wanted, wanted
from ccoctl.workflows.prepare_install_config import MANUAL, MEMBER
from ccoctl.workflows.private_keys import read_private_if_present

CONFIG = "install-config.yaml"
STATE = ".openshift_install_state.json"
CLUSTER_CONFIG = "manifests/cluster-config.yaml"
"""The installer's own copy of install-config.yaml, in a ConfigMap."""
ROOT_CREDENTIALS = "openshift/99_cloud-creds-secret.yaml"
"""The Secret of the account's own credentials, which the installer writes in every mode but the manual one."""
LIMIT = 4 * 1024 * 1024
"""Bytes of the installer's files."""


class Stage(Enum):
    """How far the installer is; the member's value is the word people and JSON see."""

    CONFIG = "install-config.yaml"
    """Nothing was created yet."""
    MANIFESTS = "manifests"
    """`create manifests` was run: install-config.yaml is taken in and gone."""


class Action(Enum):
    """What is done about a file; the member's value is the word people and JSON see."""

    THERE = "there"
    WRITE = "write"
    EDIT = "edit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A file of the installer's directory, and what is done about it."""

    path: Path
    action: Action
    what: str
    mode: int
    data: bytes = field(repr=False, default=b"")


class Preparation(msgspec.Struct, frozen=True, kw_only=True):
    """What the installer's directory lacks; `pieces` in the order in which they are written."""

    directory: Path
    stage: Stage
    pieces: tuple[Piece, ...]
    notes: tuple[str, ...]
    next: tuple[str, ...]
    """What to do afterwards, as commands and sentences."""

    @property
    def to_do(self) -> tuple[Piece, ...]:
        """What is not as it must be."""
        return tuple(piece for piece in self.pieces if piece.action is not Action.THERE)


def look(directory: Path, output_dir: Path, *, may_set_mode: bool, only_look: bool = False) -> Preparation:
    """Look at both directories; nothing is changed.

    Args:
        may_set_mode: whether install-config.yaml may be edited.
        only_look: say that it would have to be, instead of refusing.

    Raises:
        Problems: what is there does not belong together or is in the way; all of it at once.
        CcoctlError: it is too late, or too early.
    """
    given = wanted(output_dir)
    stage = _stage(directory)
    problems: list[Problem] = []
    remedies: list[str] = []
    pieces = list(_config_pieces(directory, stage, problems, may_set_mode=may_set_mode or only_look, remedies=remedies))
    of_config = len(problems)
    pieces += _key_pieces(directory, given, problems)
    pieces += _manifest_pieces(directory, given, problems)
    if problems:
        remedy = "".join(remedies) if len(problems) == of_config else ""
        what = "the installer's directory cannot be prepared; nothing was changed"
        raise Problems(tuple(problems), what=what, remedy=remedy or _REMEDY)
    notes = (*given.notes, *_foreign(directory, given))
    return Preparation(
        directory=directory, stage=stage, pieces=tuple(pieces), notes=notes, next=_next(directory, stage)
    )


_REMEDY = "Nothing that differs is overwritten: move it away, or start in an empty directory with install-config.yaml."


def carry_out(preparation: Preparation) -> None:
    """Write what is missing, the key first; a run that was stopped is gone on with by another.

    Raises:
        Problems: something is in the way; then nothing is written.
        FileError: a file cannot be written, or appeared meanwhile with other content.
    """
    names = {piece.path.relative_to(preparation.directory): piece for piece in preparation.to_do}
    refuse_blocked(preparation.directory, names)
    sweep_below(preparation.directory, [piece.path.relative_to(preparation.directory) for piece in preparation.pieces])
    for name, piece in names.items():
        write_below(preparation.directory, name, piece.data, mode=piece.mode, replace=piece.action is Action.EDIT)


# How far the installer is


def _stage(directory: Path) -> Stage:
    if not directory.is_dir():
        raise FileError("there is no such directory", where=str(directory), remedy=_MAKE_CONFIG)
    quoted = shlex.quote(str(directory))
    if _is_there(directory / CONFIG):
        return Stage.CONFIG
    if _is_there(directory / CLUSTER_CONFIG):
        return Stage.MANIFESTS
    made = [name for name in ("metadata.json", "bootstrap.ign", "auth/kubeconfig") if _is_there(directory / name)]
    if made:
        raise FileError(
            f"a cluster was created from here already ({made[0]} is there): the installer takes nothing in any more",
            where=str(directory),
            remedy="A cluster that runs is put right with `ccoctl cluster repair`; a new one needs a new directory.",
        )
    if _is_there(directory / STATE) or (directory / "manifests").is_dir():
        raise FileError(
            f"{CONFIG} was taken in by the installer and is gone, and so are the manifests that it became",
            where=str(directory),
            remedy=f"Put your copy of {CONFIG} into an empty directory and give that one, or make it anew there: "
            f"openshift-install create install-config --dir {quoted}",
        )
    raise FileError(f"there is no {CONFIG}", where=str(directory), remedy=_MAKE_CONFIG)


_MAKE_CONFIG = "Give the installer's directory; `openshift-install create install-config --dir DIR` begins one."


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _next(directory: Path, stage: Stage) -> tuple[str, ...]:
    quoted = shlex.quote(str(directory))
    create = f"openshift-install create cluster --dir {quoted}"
    if stage is Stage.MANIFESTS:
        return (create,)
    return (
        f"openshift-install create manifests --dir {quoted}",
        "this command once more with --check, which then sees what the installer made of it",
        create,
    )


# install-config.yaml


def _config_pieces(
    directory: Path, stage: Stage, problems: list[Problem], *, may_set_mode: bool, remedies: list[str]
) -> Iterator[Piece]:
    try:
        if stage is Stage.CONFIG:
            yield _config(directory / CONFIG, may_set_mode=may_set_mode)
        else:
            problems += _taken_in(directory)
    except Problems as error:
        problems += error.problems
        remedies.append(error.remedy)
    except CcoctlError as error:
        problems.append(Problem(error.where, error.what))


def _config(path: Path, *, may_set_mode: bool) -> Piece:
    data = read_bytes(path, limit=install_config.LIMIT)
    mode = stat.S_IMODE(os.stat(path).st_mode)  # noqa: PTH116 - what was read, whatever the name
    said = install_config.mode_of(data, where=str(path))
    if said.value == MANUAL:
        return Piece(path=path, action=Action.THERE, what=f"{MEMBER} is {MANUAL}", mode=mode)
    now = f"is {said.value[:40]!r}" if said.value else "is missing"
    if not may_set_mode:
        what = f"{MEMBER} {now} and must be {MANUAL}: run again with --set-credentials-mode, or write it yourself"
        raise Problems((Problem(f"{path}:{said.line}", what),))
    edited = install_config.with_manual(data, where=str(path))
    return Piece(path=path, action=Action.EDIT, what=f"{MEMBER} {now}; becomes {MANUAL}", mode=mode, data=edited)


def _taken_in(directory: Path) -> Iterator[Problem]:
    """What the installer has made of an install-config.yaml that did not say Manual; it cannot be mended any more."""
    path = directory / CLUSTER_CONFIG
    again = (
        f"{CONFIG} was taken in without it and cannot be changed any more; put your copy of it into an empty "
        f"directory, and run this there with --set-credentials-mode before `openshift-install create manifests`"
    )
    said = install_config.mode_of(_inner(path), where=f"{path} (install-config)")
    if said.value != MANUAL:
        now = f"is {said.value[:40]!r}" if said.value else "is missing"
        yield Problem(str(path), f"{MEMBER} {now} and must be {MANUAL}: {again}")
    if _is_there(directory / ROOT_CREDENTIALS):
        what = f"it holds credentials of your account, and the installer writes it in every mode but {MANUAL}"
        yield Problem(str(directory / ROOT_CREDENTIALS), f"{what}; remove it, and look at {MEMBER}")


def _inner(path: Path) -> bytes:
    """The install-config.yaml inside of the installer's ConfigMap."""
    read = documents(str(path), read_bytes(path, limit=LIMIT))
    if read.problems:
        raise Problems(read.problems)
    problems: list[Problem] = []
    cursors = [Cursor(str(path), one.number, one.root, problems) for one in read.documents]
    held = [text for one in cursors if (text := one.peek("data", "install-config"))]
    if len(held) != 1:
        raise Problems((Problem(str(path), f"holds {len(held)} copies of {CONFIG}, not one"),))
    return held[0].encode("utf-8", "replace")


# Key and manifests


def _key_pieces(directory: Path, given: Wanted, problems: list[Problem]) -> Iterator[Piece]:
    path = directory / pair.INSTALLER
    what = "the private key that the cluster signs with"
    try:
        there = read_private_if_present(path)
        if there is not None and there != given.key.pem:
            theirs = keypair.load_private(there, where=str(path))
            if not keypair.matches(theirs, given.key.key.public_key()):
                raise SigningKeyError(f"this is another key than {given.key.path}", where=str(path))
    except CcoctlError as error:
        problems.append(Problem(error.where or str(path), error.what))
        return
    action = Action.WRITE if there is None else Action.THERE
    yield Piece(path=path, action=action, what=what, mode=0o600, data=given.key.pem)


def _manifest_pieces(directory: Path, given: Wanted, problems: list[Problem]) -> Iterator[Piece]:
    sources = given.secrets[0].path.parent
    files = {AUTHENTICATION: f"the issuer, {given.issuer}"}
    files |= {one.path.name: f"the Secret {one.ref}" for one in given.secrets}
    for name, what in files.items():
        path = directory / "manifests" / name
        try:
            data = read_bytes(sources / name, limit=manifest_files.LIMIT)
            there = read_if_present(path, limit=LIMIT)
        except FileError as error:
            problems.append(Problem(error.where or str(path), error.what))
            continue
        if there is not None and there != data:
            problems.append(Problem(str(path), f"it is there and differs from {sources / name}"))
            continue
        yield Piece(path=path, action=Action.WRITE if there is None else Action.THERE, what=what, mode=0o644, data=data)
    problems += _doubles(directory, given)


def _doubles(directory: Path, given: Wanted) -> Iterator[Problem]:
    """The same Secret in a file of another name: the cluster would get the one or the other."""
    ours = {one.ref: one.path.name for one in given.secrets}
    for other in _there(directory):
        if other.ref in ours and other.path.name != ours[other.ref]:
            yield Problem(str(other.path), f"it holds the Secret {other.ref}, as {ours[other.ref]} does")


def _foreign(directory: Path, given: Wanted) -> Iterator[str]:
    ours = {one.ref for one in given.secrets}
    for other in _there(directory):
        if other.ref not in ours:
            yield f"{other.path} holds the Secret {other.ref}, which is not ours; it stays"


def _there(directory: Path) -> tuple[manifest_files.ComponentSecret, ...]:
    if not (directory / "manifests").is_dir():
        return ()
    try:
        return manifest_files.secrets(directory / "manifests")
    except CcoctlError:
        return ()  # what cannot be read of ours differs, and is told above; the rest is the installer's


__all__ = ["Action", "Piece", "Preparation", "Stage", "carry_out", "look"]
