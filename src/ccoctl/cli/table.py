"""Every command: where it is and what it is for. A group lists them from here and imports none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Row(NamedTuple):
    """A command's import path, `module:name`, and its one line of help."""

    target: str
    help: str


GROUPS: Mapping[tuple[str, ...], str] = {
    ("aws",): "Manage a cluster's credentials on AWS",
    ("aws", "upgrade"): "Bring a cluster's roles from one release to the next, without an outage",
    ("release",): "Look into the releases of a cluster",
    ("cluster",): "Look at a running cluster, and put its credentials right",
    ("openshift",): "Work with OpenShift's installer",
    ("token",): "Make and examine tokens of service accounts",
    ("pod",): "Run commands as a component of the cluster would",
    ("lab",): "An AWS on this machine, for trying things out and for tests",
}

COMMANDS: Mapping[tuple[str, ...], Row] = {
    ("aws", "create-key-pair"): Row(
        "ccoctl.cli.aws.create_key_pair:command", "Make the cluster's signing key pair, or check the one that is there"
    ),
    ("aws", "create-identity-provider"): Row(
        "ccoctl.cli.aws.create_identity_provider:command", "Publish the issuer's documents and register it with IAM"
    ),
    ("aws", "create-iam-roles"): Row(
        "ccoctl.cli.aws.create_iam_roles:command", "Make an IAM role and a Secret for each CredentialsRequest"
    ),
    ("aws", "create-all"): Row("ccoctl.cli.aws.create_all:command", "Make key pair, identity provider and IAM roles"),
    ("aws", "plan"): Row("ccoctl.cli.aws.plan:command", "Show what create-all would change, and change nothing"),
    ("aws", "export"): Row(
        "ccoctl.cli.aws.export:command", "Write what create-all would make, for a pipeline to apply"
    ),
    ("aws", "verify"): Row(
        "ccoctl.cli.aws.verify:command", "Prove that every component gets its own role, and nobody else does"
    ),
    ("aws", "rotate-signing-key"): Row(
        "ccoctl.cli.aws.rotate_signing_key:command", "Have a cluster sign with another key, with no token refused"
    ),
    ("aws", "delete"): Row("ccoctl.cli.aws.delete:command", "Delete everything that was made under a name"),
    ("aws", "upgrade", "prepare"): Row(
        "ccoctl.cli.aws.upgrade.prepare:command", "Add what a new release wants, before it is rolled out"
    ),
    ("aws", "upgrade", "finish"): Row(
        "ccoctl.cli.aws.upgrade.finish:command", "Remove what only the old release needed, once it is gone"
    ),
    ("aws", "migrate-to-private-bucket"): Row(
        "ccoctl.cli.aws.migrate_to_private_bucket:command",
        "Serve the issuer through CloudFront and close its bucket, without an outage",
    ),
    ("aws", "migrate-to-public-bucket"): Row(
        "ccoctl.cli.aws.migrate_to_public_bucket:command", "Serve the issuer from its bucket again, without an outage"
    ),
    ("aws", "required-permissions"): Row(
        "ccoctl.cli.aws.required_permissions:command", "Print the IAM policy that you need to run these commands"
    ),
    ("release", "extract"): Row(
        "ccoctl.cli.release.extract:command", "Extract the CredentialsRequests of a release image"
    ),
    ("release", "diff"): Row(
        "ccoctl.cli.release.diff:command", "Show what the CredentialsRequests of two releases ask for differently"
    ),
    ("cluster", "verify"): Row(
        "ccoctl.cli.cluster.verify:command", "Prove that a running cluster has nothing but short-lived credentials"
    ),
    ("cluster", "adopt"): Row(
        "ccoctl.cli.cluster.adopt:command", "Write the output directory of a cluster that somebody else set up"
    ),
    ("cluster", "repair"): Row(
        "ccoctl.cli.cluster.repair:command",
        "Build again what a running cluster needs of AWS, of its keys and requests",
    ),
    ("cluster", "required-permissions"): Row(
        "ccoctl.cli.cluster.required_permissions:command", "Print the roles that you need on a cluster"
    ),
    ("openshift", "prepare-install"): Row(
        "ccoctl.cli.openshift.prepare_install:command", "Put manifests and signing key where the installer takes them"
    ),
    ("token", "create"): Row("ccoctl.cli.token.create:command", "Issue a token as the cluster's API server would"),
    ("token", "inspect"): Row(
        "ccoctl.cli.token.inspect:command", "Show what a token says, whether it holds and what STS would answer"
    ),
    ("pod", "run"): Row(
        "ccoctl.cli.pod.run:command", "Run a command with a component's role and a token that is kept fresh"
    ),
    ("lab", "up"): Row("ccoctl.cli.lab.up:command", "Serve an AWS on this machine until Ctrl-C"),
    ("lab", "run"): Row("ccoctl.cli.lab.run:command", "Run a command inside a fresh AWS on this machine"),
    ("lab", "calls"): Row("ccoctl.cli.lab.calls:command", "Show what a running lab was asked, and what it answered"),
    ("completion",): Row(
        "ccoctl.cli.completion:command", "Print a script that completes commands and flags in a shell"
    ),
    ("help",): Row("ccoctl.cli.help:command", "Show the help of a command"),
}


def names_below(path: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the commands and groups directly below a path, in the table's order."""
    depth = len(path)
    names = [row[depth] for row in COMMANDS if row[:depth] == path and len(row) > depth]
    return tuple(dict.fromkeys(names))


def help_of(path: tuple[str, ...]) -> str:
    """The one line of help of a command or group."""
    return COMMANDS[path].help if path in COMMANDS else GROUPS[path]
