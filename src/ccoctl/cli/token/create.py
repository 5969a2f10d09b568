"""`ccoctl token create`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ccoctl.cli import options, output
from ccoctl.cli.command import Command

if TYPE_CHECKING:
    from ccoctl.workflows.token_create import NewToken

_PATH = click.Path(path_type=Path)


@click.command(cls=Command, name="create")
@click.option("--service-account", required=True, metavar="NAMESPACE/NAME", help="Whom the token is of.")
@click.option("--private-key-file", type=_PATH, required=True, help="The cluster's signing key.")
@click.option("--issuer-url", default=None, help="The cluster's issuer.")
@click.option(
    "--manifests-dir", type=_PATH, default=None, help="Directory of the manifests, to read the issuer from instead."
)
@options.audience
@options.expiration_seconds
@click.option("--service-account-uid", default=None, help="UID of the service account.  [default: a new one]")
@click.option("--pod", default=None, help="Name of the pod that the token is bound to.")
@click.option("--pod-uid", default=None, help="UID of the pod.  [default: a new one]")
@click.option("--node", default=None, help="Name of the node that the pod is on.")
@click.option("--node-uid", default=None, help="UID of the node.  [default: a new one]")
@options.allow_unprotected_key
@options.result
def command(**given: Any) -> int:
    """Issue a token as the cluster's API server would, and print it.

    Whoever has the token is that service account until it expires: keep it as you keep a password.
    """
    from ccoctl.cli.debugging import set_up_logging
    from ccoctl.federation.clock import WallClock
    from ccoctl.workflows.token_create import TokenOrder, create_token

    set_up_logging(given["debug"])
    if (given["issuer_url"] is None) == (given["manifests_dir"] is None):
        raise click.UsageError("give one of --issuer-url and --manifests-dir", ctx=click.get_current_context())
    order = TokenOrder(
        service_account=given["service_account"],
        private_key_file=given["private_key_file"],
        issuer=given["issuer_url"],
        manifests_dir=given["manifests_dir"],
        audiences=given["audiences"],
        lifetime=given["expiration_seconds"],
        uid=given["service_account_uid"],
        pod=given["pod"],
        pod_uid=given["pod_uid"],
        node=given["node"],
        node_uid=given["node_uid"],
    )
    new = create_token(order, now=int(WallClock().now()))
    if given["output"] == "json":
        output.result_json(_as_json(new))
    else:
        output.result(new.token)
    return 0


def _as_json(new: NewToken) -> dict[str, object]:
    from ccoctl.federation.claims import subject_of
    from ccoctl.federation.clock import iso

    account = new.request.account
    return {
        "token": new.token,
        "issuer": new.issuer,
        "subject": subject_of(account.namespace, account.name),
        "audiences": list(new.request.audiences),
        "issued": iso(new.issued),
        "expires": iso(new.expires),
        "kid": new.kid,
        "jti": new.token_id,
    }
