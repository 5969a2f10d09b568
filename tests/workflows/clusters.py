"""Running clusters for tests: the double of an API server that holds what a set-up gave it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import yaml

from ccoctl.signing.keypair import load_private
from tests.openshift.apiserver import ApiServer
from tests.workflows.commands import Cli
from tests.workflows.rotating import Operated

ISSUER = "https://demo-oidc.s3.us-east-1.amazonaws.com"


def of_cluster(cli: Cli) -> Cli:
    """`ccoctl cluster …` as the same user."""
    return replace(cli, group="cluster")


def installed(key_pair: Path, requests: Path, out: Path, now: Callable[[], float]) -> ApiServer:
    """The cluster that an installer makes of an output directory: its manifests, the release's requests, its pods'
    service accounts, and a signing key that is the pair's. Another key is rolled out as soon as somebody looks."""
    manifest = out / "manifests" / "cluster-authentication-02-config.yaml"
    issuer = yaml.safe_load(manifest.read_text())["spec"]["serviceAccountIssuer"]
    key = load_private((key_pair / "serviceaccount-signer.private").read_bytes())
    accounts = frozenset({"default/default"})
    cluster = Operated(key=key, issuer=issuer, accounts=accounts, now=now, rolls_out_after=-4).as_openshift()
    cluster.add_files(out / "manifests")
    cluster.add_files(requests)
    for path in sorted(requests.glob("*.yaml")):
        spec = yaml.safe_load(path.read_text())["spec"]
        for name in spec["serviceAccountNames"]:
            cluster.add_account(f"{spec['secretRef']['namespace']}/{name}")
    return cluster
