"""`ccoctl aws verify`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ccoctl.cli import options, output
from ccoctl.cli.command import Command
from ccoctl.errors import UsageError

if TYPE_CHECKING:
    from ccoctl.aws.client import AwsCloud
    from ccoctl.federation.proof import Exchange, Proof
    from ccoctl.federation.specimens import Tokens
    from ccoctl.workflows.aws_verify import Looked

DIFFERENCES = 3
"""Exit code when something is not as it must be."""
_FILE = click.Path(path_type=Path)


@click.command(cls=Command, name="verify")
@options.set_up
@options.flavor
@click.option(
    "--private-key-file",
    type=_FILE,
    help="The cluster's signing key: tokens are issued with it and tried.  [default: serviceaccount-signer.private "
    "beside the public key file, or in the output directory]",
)
@click.option("--kubeconfig", type=_FILE, help="A running cluster, which issues the tokens instead.")
@click.option(
    "--wait",
    type=click.FloatRange(0, 300),
    default=15.0,
    show_default=True,
    help="Seconds to wait for IAM to know what was made a moment ago.",
)
@click.option("--html", type=_FILE, help="Write a report into this file: one page that needs no other file.")
@options.connection
@options.result
def command(**given: Any) -> int:
    """Prove that every component gets its own role, and nobody else does.

    Looks at the account, the issuer's documents as the world sees them, and the manifests of --output-dir. With the
    signing key or a cluster, real tokens are exchanged at STS: every service account with every role, and tokens of
    strangers with each. Nothing is changed, and the credentials that STS gives may do nothing. Exits with 3 when
    something is not as it must be.
    """
    from ccoctl.cli.debugging import set_up_logging

    set_up_logging(given["debug"])
    if given["private_key_file"] and given["kubeconfig"]:
        raise UsageError("--private-key-file and --kubeconfig exclude each other: tokens come from one of them")
    return _verify(given)


def _verify(given: dict[str, Any]) -> int:
    from ccoctl.aws.client import AwsCloud
    from ccoctl.cli.aws.creating import connection, order
    from ccoctl.cli.progress import looking
    from ccoctl.federation.clock import WallClock
    from ccoctl.federation.https import Again, HttpsGet
    from ccoctl.workflows.aws_order import Part, check
    from ccoctl.workflows.aws_verify import look, proof
    from ccoctl.workflows.report_file import check_place
    from ccoctl.workflows.token_source import token_source

    if given["html"] is not None:
        check_place(given["html"])
    key_file, named, own = _key_file(given), given["output_dir"], given["private_key_file"]
    source = token_source(
        private_key_file=key_file, kubeconfig=given["kubeconfig"], public_key_file=given["public_key_file"]
    )
    checked = check(order(Part.ALL, {**given, "output_dir": named or (own.parent if own else None)}))
    cloud = AwsCloud(connection(given))
    get = Again(HttpsGet(ca_bundle=given["ca_bundle"]))
    with looking(sys.stderr) as tell:
        looked = look(
            checked,
            cloud,
            get,
            source.key,
            manifests_wanted=named is not None,
            concurrency=given["concurrency"],
            tell=tell,
        )
    for sentence in looked.notes:
        output.note(sentence)
    clock = WallClock().now
    with source.tokens(looked.issuer, clock) as tokens:
        exchanges = _exchanges(looked, tokens, cloud, given)
    return told(proof(looked, exchanges, at=clock()), given)


def _key_file(given: dict[str, Any]) -> Path | None:
    """The signing key's file: the one that is named, that beside the public half that is, or the directory's."""
    from ccoctl.workflows.create_key_pair import PRIVATE

    named: Path | None = given["private_key_file"]
    if named is not None or given["kubeconfig"] is not None:
        return named
    public: Path | None = given["public_key_file"]
    directories = (public.parent if public is not None else None, given["output_dir"])
    places = (directory / PRIVATE for directory in directories if directory is not None)
    return next((place for place in places if place.exists()), None)


def _exchanges(looked: Looked, tokens: Tokens | None, cloud: AwsCloud, given: dict[str, Any]) -> tuple[Exchange, ...]:
    from ccoctl.cli.progress import counting
    from ccoctl.workflows.aws_verify import exchange, trials_of

    if tokens is None:
        output.note("no token was tried: name the signing key with --private-key-file, or a cluster with --kubeconfig")
        return ()
    tried = trials_of(looked, tokens)
    with counting(sys.stderr, "exchanges", len(tried)) as done:
        return exchange(
            tried, cloud, tokens, patience=given["wait"], concurrency=given["concurrency"], done=lambda _: done()
        )


def told(proof: Proof, given: dict[str, Any]) -> int:
    """Print a proof in the form that was asked for, write its report, and say whether it holds."""
    from ccoctl.render.proof_json import proof_json
    from ccoctl.render.proof_text import proof_text

    if given["html"] is not None:
        from ccoctl.render.proof_html import proof_html
        from ccoctl.workflows.report_file import write_report

        write_report(given["html"], proof_html(proof))
        output.note(f"the report is in {given['html']}")
    if given["output"] == "json":
        output.result_json(proof_json(proof))
    else:
        output.result(proof_text(proof))
    return 0 if proof.holds else DIFFERENCES
