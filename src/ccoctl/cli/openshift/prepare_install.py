"""`ccoctl openshift prepare-install`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ccoctl.cli import options, output
from ccoctl.cli.command import Command

if TYPE_CHECKING:
    from ccoctl.workflows.prepare_install import Preparation

DIFFERENCES = 3
"""Exit code of --check when something would have to be done."""


@click.command(cls=Command, name="prepare-install")
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path),
    required=True,
    help="The installer's directory, with install-config.yaml or with the manifests that it became.",
)
@click.option(
    "--output-dir",
    type=click.Path(path_type=Path),
    default=None,
    help="What create-all wrote: manifests and keys.  [default: the current directory]",
)
@click.option("--check", is_flag=True, help="Only look; exit with 3 when something would have to be done.")
@click.option("--set-credentials-mode", is_flag=True, help="Write credentialsMode: Manual into install-config.yaml.")
@options.allow_unprotected_key
@options.result
def command(**given: Any) -> int:
    """Put manifests and signing key where the installer takes them.

    Issuer, key, Secrets and roles are checked to belong together first, and nothing that differs is overwritten. Run
    it before `openshift-install create manifests`, and with --check after it: the installer takes the manifests only
    beside its own.
    """
    from ccoctl.cli.debugging import set_up_logging
    from ccoctl.workflows.prepare_install import carry_out, look

    set_up_logging(given["debug"])
    seen = look(
        given["directory"],
        given["output_dir"] or Path.cwd(),
        may_set_mode=given["set_credentials_mode"],
        only_look=given["check"],
    )
    if not given["check"]:
        carry_out(seen)
    for sentence in seen.notes:
        output.note(sentence)
    if given["output"] == "json":
        output.result_json(_json(seen, done=not given["check"]))
    else:
        output.result(_text(seen, done=not given["check"]))
    return DIFFERENCES if given["check"] and seen.to_do else 0


_WORDS = {
    ("there", True): "is there",
    ("there", False): "is there",
    ("write", True): "written",
    ("write", False): "to write",
    ("edit", True): "edited",
    ("edit", False): "to edit",
}


def _text(seen: Preparation, *, done: bool) -> str:
    lines = [f"{_WORDS[piece.action.value, done]:9} {piece.path}  ({piece.what})" for piece in seen.pieces]
    if seen.stage.value == "manifests":
        lines.insert(
            0, "install-config.yaml was taken in by `openshift-install create manifests`, and is as it must be"
        )
    return "\n".join([*lines, "next:", *(f"  {step}" for step in seen.next)])


def _json(seen: Preparation, *, done: bool) -> dict[str, Any]:
    return {
        "stage": seen.stage.value,
        "complete": done or not seen.to_do,
        "files": [
            {
                "path": str(piece.path),
                "action": _WORDS[piece.action.value, done],
                "mode": f"{piece.mode:04o}",
                "what": piece.what,
            }
            for piece in seen.pieces
        ],
        "notes": list(seen.notes),
        "next": list(seen.next),
    }
