"""`ccoctl release extract`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ccoctl.cli import options, output
from ccoctl.cli.command import Command
from ccoctl.errors import UsageError

if TYPE_CHECKING:
    from ccoctl.workflows.release_extract import Done

_PATH = click.Path(path_type=Path)
CLOUDS = (
    "alibabacloud",
    "aws",
    "azure",
    "gcp",
    "ibmcloud",
    "nutanix",
    "openstack",
    "ovirt",
    "powervs",
    "vsphere",
)
"""As `oc` knows them; kept here so that help needs nothing of the release."""


@click.command(cls=Command, name="extract")
@click.argument("image", required=False, default="")
@click.option("--from", "source", default="", metavar="IMAGE", help="The image, instead of the argument.")
@click.option("--credentials-requests", is_flag=True, help="Extract the CredentialsRequests.  [required]")
@click.option("--cloud", type=click.Choice(CLOUDS), default=None, help="Only those for this cloud.")
@click.option("--to", type=_PATH, default=Path(), help="Directory for the files.  [default: the current directory]")
@click.option("--included", is_flag=True, help="Leave out what the cluster of --install-config would not get.")
@click.option("--install-config", type=_PATH, default=None, help="The install-config.yaml of the cluster.")
@options.registry_access
@options.result
def command(**given: Any) -> int:
    """Extract the CredentialsRequests of a release image, as `oc adm release extract` does.

    IMAGE is registry/repository:tag or @digest, oci:DIRECTORY or oci-archive:FILE. Only the layers that can hold the
    release's manifests are fetched, and everything is checked against its digest. With --included, requests of
    capabilities and feature sets that the install-config does not enable are left out. Files of other content that are
    in the way are never overwritten: then nothing is written.
    """
    from ccoctl.cli.debugging import set_up_logging
    from ccoctl.cli.release_images import access
    from ccoctl.workflows.release_extract import ExtractOrder, release_extract

    set_up_logging(given["debug"])
    image = _image(given)
    order = ExtractOrder(
        image=image,
        directory=given["to"],
        cloud=given["cloud"] or "",
        install_config=given["install_config"],
        access=access(given),
    )
    done = release_extract(order, tell=output.note)
    for sentence in _notes(done, order.directory, included=given["included"]):
        output.note(sentence)
    if given["output"] == "json":
        output.result_json(_json(done, order.directory))
    else:
        output.result(_text(done, order.directory))
    return 0


def _image(given: dict[str, Any]) -> str:
    if not given["credentials_requests"]:
        raise UsageError("--credentials-requests is missing: nothing else of a release can be extracted")
    if given["included"] != (given["install_config"] is not None):
        raise UsageError("--included and --install-config go together")
    if bool(given["image"]) == bool(given["source"]):
        raise UsageError("Name one image, as an argument or with --from")
    return str(given["image"] or given["source"])


def _notes(done: Done, directory: Path, *, included: bool) -> list[str]:
    notes = []
    if done.extracted.left_out:
        parts = (f"{count} {reason}" for reason, count in done.extracted.left_out.items())
        notes.append(f"left out: {', '.join(parts)}")
    if not included:
        notes.append("with --included and --install-config, requests that your cluster will not get are left out")
    if done.strangers:
        names = ", ".join(done.strangers[:5]) + (", …" if len(done.strangers) > 5 else "")
        notes.append(f"{directory} holds other manifests, too, which are not of this release: {names}")
    return notes


def _text(done: Done, directory: Path) -> str:
    name = done.payload.version or "the release"
    made = f", made {done.payload.created}" if done.payload.created else ""
    return "\n".join(
        [
            f"{name}, {done.payload.digest}{made}",
            f"{done.extracted.requests} CredentialsRequests are in",
            *(f"  {directory / file}  {change.value}" for file, change in done.changes.items()),
        ]
    )


def _json(done: Done, directory: Path) -> dict[str, Any]:
    return {
        "image": done.payload.where,
        "digest": done.payload.digest,
        "version": done.payload.version,
        "created": done.payload.created,
        "requests": done.extracted.requests,
        "files": [{"path": str(directory / file), "action": change.value} for file, change in done.changes.items()],
        "left_out": [{"reason": reason, "count": count} for reason, count in done.extracted.left_out.items()],
        "other_files": list(done.strangers),
    }
