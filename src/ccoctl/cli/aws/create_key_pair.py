"""`ccoctl aws create-key-pair`."""

from __future__ import annotations

from pathlib import Path

import click

from ccoctl.cli import options, output
from ccoctl.cli.command import Command


@click.command(cls=Command, name="create-key-pair")
@options.output_dir
@options.key_bits
@options.allow_unprotected_key
@options.result
def command(output_dir: Path | None, key_bits: str, output: str, debug: bool) -> int:
    """Make the cluster's signing key pair, or check the one that is there.

    A private key is never overwritten. A missing public half is derived again; halves that do not belong together, or
    a private key that others may read, are refused.
    """
    from ccoctl.cli.debugging import set_up_logging

    set_up_logging(debug)
    _run(output_dir or Path.cwd(), int(key_bits), as_json=output == "json")
    return 0


def _run(directory: Path, bits: int, *, as_json: bool) -> None:
    from ccoctl.cli.key_files import key_files
    from ccoctl.workflows.create_key_pair import create_key_pair

    pair = create_key_pair(directory, bits=bits)
    files = key_files(pair)
    if as_json:
        output.result_json({"kid": pair.kid, "files": files})
        return
    lines = [f"signing key:  {pair.kid}", *(f"  {file['mode']}  {file['path']}  {file['action']}" for file in files)]
    output.result("\n".join(lines))
