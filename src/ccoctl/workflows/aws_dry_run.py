"""Write down what a creation would do, as the Go tool's files and a script; nobody is asked and nothing is called."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import msgspec
from msgspec.structs import replace

from ccoctl.aws.dry_run import DryFile, dry_run_files, file_names
from ccoctl.aws.script import MODE, NAME, script
from ccoctl.workflows.aws_drawn import Prepared, prepare_dry
from ccoctl.workflows.aws_order import Checked
from ccoctl.workflows.create_key_pair import KeyPair
from ccoctl.workflows.places import refuse_blocked, sweep_below, write_below


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What a dry run wrote."""

    prepared: Prepared
    files: tuple[Path, ...]
    key_pair: KeyPair | None
    notes: tuple[str, ...]


def dry_run(checked: Checked) -> Written:
    """Write the files; a key pair that is missing is made, as the Go tool does.

    Raises:
        Problems, SigningKeyError, FileError: as a creation would, but for what the account holds.
    """
    prepared = prepare_dry(checked)
    directory = checked.order.output_dir
    files = _files(prepared)
    names = [file.path for file in files]
    refuse_blocked(directory, names)
    sweep_below(directory, names)
    pair = prepared.keys.save()
    for file in files:  # there may be thousands, and another run makes them again
        write_below(directory, file.path, file.text.encode(), mode=file.mode, durable=False)
    return Written(
        prepared=prepared, files=tuple(directory / file.path for file in files), key_pair=pair, notes=prepared.notes
    )


def _files(prepared: Prepared) -> tuple[DryFile, ...]:
    drawn = prepared.drawn
    settings = replace(prepared.checked.settings, private=drawn.private)
    file_of = file_names(settings.name, drawn.roles, private=settings.private)
    arn = prepared.checked.order.provider_arn
    text = script(drawn.plan, file_of, settings, provider_arn=arn)
    return (*dry_run_files(drawn.plan, file_of), DryFile(path=PurePosixPath(NAME), text=text, step="", mode=MODE))
