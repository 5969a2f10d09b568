"""`ccoctl token inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ccoctl.cli import options, output
from ccoctl.cli.command import Command

if TYPE_CHECKING:
    from ccoctl.workflows.token_inspect import Against, Trust

REFUSED = 3
"""Exit code when the token would be refused."""
_PATH = click.Path(path_type=Path)


@click.command(cls=Command, name="inspect")
@click.argument("file", default="-", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--issuer-url", default=None, help="Check it against what this issuer publishes, fetched over HTTPS.")
@click.option("--jwks", type=_PATH, default=None, help="Check it against the keys of this file; nothing is fetched.")
@click.option(
    "--audience",
    "audiences",
    multiple=True,
    default=("openshift", "sts.amazonaws.com"),
    show_default=True,
    help="Client id of the identity provider; may be repeated.",
)
@click.option("--trust-policy", type=_PATH, default=None, help="File with a role's trust policy, to go on through it.")
@click.option("--role-arn", default=None, help="ARN of that role.")
@options.ca_bundle
@options.result
def command(**given: Any) -> int:
    """Show what a token says and how long it is good, and check it.

    FILE holds the token; - or nothing reads it from standard input. With --issuer-url or --jwks it is verified, and you
    see what STS would answer to AssumeRoleWithWebIdentity, with the reason. The signature is never shown. Exits with 0
    when nothing was checked or the token holds, and with 3 when it would be refused.
    """
    from ccoctl.cli.debugging import set_up_logging
    from ccoctl.cli.token.reading import read_token
    from ccoctl.cli.token.shown import as_json, as_text
    from ccoctl.federation.clock import WallClock
    from ccoctl.federation.inspect import inspect
    from ccoctl.workflows.token_inspect import check

    set_up_logging(given["debug"])
    against = _against(given)
    text = read_token(given["file"])
    now = WallClock().now()
    seen = inspect(text, now=now)
    checked = None if against is None else check(text, against, now=now)
    if given["output"] == "json":
        output.result_json(as_json(seen, checked, now))
    else:
        output.result(as_text(seen, checked, now))
    return 0 if checked is None or checked.good else REFUSED


def _against(given: dict[str, Any]) -> Against | None:
    from ccoctl.workflows.token_inspect import Against, keys_of_file, published_keys

    issuer, jwks = given["issuer_url"], given["jwks"]
    trust = _trust(given)
    if issuer is None and jwks is None:
        if trust is not None:
            raise _usage("--trust-policy needs --issuer-url or --jwks: a policy says nothing about a forged token")
        return None
    if jwks is not None:
        keys = keys_of_file(jwks)
    else:
        from ccoctl.federation.https import HttpsGet

        keys = published_keys(issuer, HttpsGet(ca_bundle=given["ca_bundle"]))
    return Against(keys=keys, issuer=issuer, audiences=given["audiences"], trust=trust)


def _trust(given: dict[str, Any]) -> Trust | None:
    from ccoctl.workflows.token_inspect import trust_of_file

    policy, role_arn = given["trust_policy"], given["role_arn"]
    if (policy is None) != (role_arn is None):
        raise _usage("--trust-policy and --role-arn belong together")
    return None if policy is None else trust_of_file(policy, role_arn)


def _usage(what: str) -> click.UsageError:
    return click.UsageError(what, ctx=click.get_current_context())
