"""`ccoctl cluster adopt`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ccoctl.cli import options, output
from ccoctl.cli.cluster import shared
from ccoctl.cli.command import Command

if TYPE_CHECKING:
    from ccoctl.openshift.cluster import KubeCluster
    from ccoctl.workflows.aws_order import Checked
    from ccoctl.workflows.cluster_adopt import Adoption


@click.command(cls=Command, name="adopt")
@shared.kubeconfig
@shared.context
@shared.name
@shared.region
@click.option("--output-dir", type=click.Path(path_type=Path), required=True, help="Directory for the files.")
@options.concurrency
@options.result
def command(**given: Any) -> int:
    """Write the output directory of a running cluster that somebody else set up.

    Public keys, requests, and the manifests with the cluster's issuer and roles: what every other command works on.
    The private key stays in the cluster, and AWS is not asked. No file is replaced.
    """
    from ccoctl.cli.debugging import set_up_logging

    set_up_logging(given["debug"])
    with shared.cluster_of(given) as cluster:
        return _adopt(cluster, given)


def _adopt(cluster: KubeCluster, given: dict[str, Any]) -> int:
    from ccoctl.render.report import failure
    from ccoctl.workflows.cluster_adopt import carry_out, prepare

    seen = shared.looked_at(cluster, given)
    checked = shared.ordered(seen, given, strict=True)
    kid = _kid(cluster, checked, given["concurrency"])
    adoption = prepare(checked, seen, given["output_dir"], kid=kid)
    for sentence in adoption.notes:
        output.note(sentence)
    result = carry_out(adoption, cluster)
    if not result.ok:
        raise failure(result)
    _told(adoption, given)
    return 0


def _kid(cluster: KubeCluster, checked: Checked, concurrency: int) -> str:
    """Of the key that signs now, as a token of any component says; empty where none is to be had."""
    from ccoctl.aws.desired import TOKEN_AUDIENCE
    from ccoctl.openshift.tokens import ClusterTokens

    tokens = ClusterTokens(cluster, audience=TOKEN_AUDIENCE)
    accounts = [f"{one.secret.namespace}/{name}" for one in checked.requests for name in one.service_accounts]
    tokens.missing(accounts, concurrency=concurrency)
    return tokens.kid()


def _told(adoption: Adoption, given: dict[str, Any]) -> None:
    from ccoctl.workflows.cluster_adopt import REQUESTS
    from ccoctl.workflows.cluster_names import is_elsewhere
    from ccoctl.workflows.create_key_pair import PUBLIC

    settings, directory = adoption.checked.settings, adoption.directory
    written = [str(directory / step.address.name) for step in adoption.plan.steps]
    options_of_others = {
        "--name": settings.name,
        "--region": settings.region,
        "--output-dir": str(directory),
        "--credentials-requests-dir": str(directory / REQUESTS),
        "--public-key-file": str(directory / PUBLIC),
        **({"--issuer-url": adoption.issuer} if is_elsewhere(adoption.issuer) else {}),
    }
    if given["output"] == "json":
        named = {"name": settings.name, "region": settings.region, "issuer": adoption.issuer}
        output.result_json({**named, "files": written, "options": options_of_others, "notes": list(adoption.notes)})
        return
    lines = [f"name:    {settings.name}", f"region:  {settings.region}", f"issuer:  {adoption.issuer}"]
    lines += ["files:", *(f"  {path}" for path in written)] if written else ["All files are there already."]
    lines += ["Other commands take", *(f"  {option} {value}" for option, value in options_of_others.items())]
    output.result("\n".join(lines))
