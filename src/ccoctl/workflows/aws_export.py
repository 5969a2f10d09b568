"""A set-up on AWS for a pipeline that applies it: the account is looked at, nothing is changed."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import assert_never

import msgspec

from ccoctl.aws import names, plans
from ccoctl.aws.export_cli import cli_script
from ccoctl.aws.export_cloudformation import template
from ccoctl.aws.export_terraform import terraform
from ccoctl.aws.export_whole import Export, ExportFile, Whole, whole
from ccoctl.aws.observe import Scope, observe
from ccoctl.aws.plans import Drawn
from ccoctl.aws.reader import reader
from ccoctl.aws.resources import Account
from ccoctl.engine.attempt import Tell, read
from ccoctl.engine.cloud import Cloud
from ccoctl.errors import FileError
from ccoctl.files import read_if_present
from ccoctl.signing.jwk import Jwk
from ccoctl.workflows.aws_keys import keys_for
from ccoctl.workflows.aws_order import Checked
from ccoctl.workflows.places import refuse_blocked, sweep_below, write_below

LIMIT = 16 * 1024 * 1024
"""Bytes of an earlier export; far more than one has."""
_MARK = re.compile(rb"Written by `ccoctl aws export`|\"Metadata\": \{\s*\"ccoctl\"")
"""What the head of the file that counts says; anything else of that name is somebody's work and left alone."""
_HEAD = 1024


class Format(Enum):
    """What an export is for."""

    CLI = "cli"
    CLOUDFORMATION = "cloudformation"
    TERRAFORM = "terraform"


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """An export, and what is to be said beside it."""

    export: Export
    notes: tuple[str, ...]


def export(
    checked: Checked, cloud: Cloud, form: Format, *, concurrency: int = 10, tell: Tell | None = None
) -> Exported:
    """Look at keys and account, and describe all that is wanted.

    Raises:
        Problems, ConflictError: something is in the way; SigningKeyError, FileError: the key pair is damaged or unsafe.
        CloudError: the account cannot be looked at.
    """
    settings = checked.settings
    keys = keys_for(checked.order, make_one=False)
    wanted = names.role_names(settings.name, [request.secret for request in checked.requests]).values()
    with reader(lambda call: read(cloud, call, tell), concurrency) as asked:
        found = observe(asked, Scope(settings=settings, roles=tuple(wanted)))
    now = plans.all_of_it(settings, checked.requests, keys.public, found)
    everything = whole(settings, checked.requests, keys.public, found)
    made = _rendered(form, everything, checked, keys.public, now)
    return Exported(export=made, notes=(*checked.notes, *now.plan.notes, *found.denied, *made.notes))


def _rendered(form: Format, everything: Whole, checked: Checked, key: Jwk | None, now: Drawn) -> Export:
    match form:
        case Format.CLI:
            empty = plans.all_of_it(everything.settings, checked.requests, key, Account(id=everything.found.id))
            return cli_script(everything, empty, now.plan)
        case Format.CLOUDFORMATION:
            return template(everything)
        case Format.TERRAFORM:
            return terraform(everything)
        case _:
            assert_never(form)


def save(made: Export, to: Path) -> tuple[Path, ...]:
    """Write an export: one file as `to`, or below it where that is a directory; several below the directory `to`.

    A name under which nobody would read the file (Terraform reads `*.tf.json`) is that of a directory, too.

    Raises:
        FileError: a file cannot be written, or one of another kind is in the way; then nothing is written.
    """
    files = (*made.beside, made.main)  # the one that counts comes last
    into = bool(made.beside) or to.is_dir() or not to.name.endswith(made.ending)
    paths = [(to / file.path if into else to, file) for file in files]
    _refuse_others(*paths[-1], among=[path for path, _ in paths])
    directory = to if into else to.parent
    named = {path.relative_to(directory): file for path, file in paths}
    refuse_blocked(directory, named)
    sweep_below(directory, named)
    for name, file in named.items():
        write_below(directory, name, file.text.encode(), mode=file.mode)
    return tuple(path for path, _ in paths)


def _refuse_others(main: Path, file: ExportFile, among: list[Path]) -> None:
    """An earlier export may be replaced, and nothing else."""
    there = read_if_present(main, limit=LIMIT)
    if there is None:
        taken = [path for path in among if path.exists()]
        if taken:
            raise FileError(
                f"this is there, without the {file.path} of an earlier export: it is not replaced",
                where=str(taken[0]),
                remedy="Move it out of the way, or choose another place with --to.",
            )
    elif not _MARK.search(there[:_HEAD]):
        raise FileError(
            "the file is there and is no export of ours", where=str(main), remedy="Choose another place with --to."
        )
