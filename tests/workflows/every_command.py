"""Every command with a world in which it does its work: for harnesses that no command may be missing from.

The rows are compared with the table of commands, so a new command without a row is a failing test.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path

import click
import pytest

from ccoctl.aws.client import AwsCloud, Connection
from ccoctl.cli.table import COMMANDS
from ccoctl.engine.attempt import Attempts
from ccoctl.federation.clock import WallClock
from ccoctl.federation.issue import ServiceAccount, Signer, TokenRequest, issue
from ccoctl.lab.server import EmbeddedAws
from ccoctl.workflows import aws_create
from ccoctl.workflows.aws_order import Order, Part, check
from ccoctl.workflows.create_key_pair import INSTALLER, PRIVATE, PUBLIC, load_private_key_file
from tests.openshift.apiserver import ApiServer, serving
from tests.openshift.objects import INFRASTRUCTURES
from tests.release import images
from tests.workflows.clusters import installed
from tests.workflows.commands import write_requests

NAME = ("--name", "demo", "--region", "us-east-1")
SECRETS = ("openshift-machine-api/aws-cloud-credentials", "openshift-ingress/cloud")
POD = "openshift-ingress/controllers"
PROVIDER = "arn:aws:iam::123456789012:oidc-provider/demo-oidc.s3.us-east-1.amazonaws.com"
TO_RUN = (sys.executable, "-c", "import os; print(os.path.exists(os.environ['AWS_SHARED_CREDENTIALS_FILE']))")
"""What `pod run` is given: its child sees its profile."""

Names = tuple[str, ...]


@cache
def _cloud(_endpoint: str) -> AwsCloud:
    """The account of a lab, once: reading botocore's models takes longer than a set-up."""
    return AwsCloud(Connection(region="us-east-1"))


@dataclass
class Stage:
    """Directories, an account and a cluster, each made when a command needs it."""

    aws: EmbeddedAws
    key_pair: Path
    root: Path
    kubeconfig: Path = field(init=False)
    cluster: ApiServer | None = None

    def __post_init__(self) -> None:
        self.requests = write_requests(self.root / "requests", *SECRETS)
        self.newer = write_requests(self.root / "newer", *SECRETS, "ns/added")
        self.out = self.root / "out"
        self.kubeconfig = self.root / "kubeconfig"

    @property
    def options(self) -> list[str]:
        """What most commands of AWS take."""
        requests = ("--credentials-requests-dir", str(self.requests))
        return [*NAME, *requests, "--output-dir", str(self.out)]

    def keys(self) -> None:
        """The cluster's key pair in the output directory."""
        for name in (PRIVATE, PUBLIC, INSTALLER):
            (self.out / name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copy2(self.key_pair / name, self.out / name)

    def made(self) -> None:
        """The set-up in the account, and its files."""
        self.keys()
        order = Order(
            part=Part.ALL,
            name="demo",
            region="us-east-1",
            output_dir=self.out,
            credentials_requests_dir=self.requests,
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("AWS_SESSION_TOKEN", raising=False)
            for name, value in self.aws.environment().items():
                patch.setenv(name, value)
            cloud = _cloud(self.aws.endpoint_url)
            done = aws_create.carry_out(aws_create.prepare(check(order), cloud), cloud, attempts=Attempts())
        assert done.result.ok, done.result.outcomes

    def provider(self) -> None:
        """The set-up without the files of its roles."""
        self.made()
        shutil.rmtree(self.out / "manifests")

    def running(self) -> None:
        """A cluster that was installed with them."""
        self.made()
        made = installed(self.key_pair, self.requests, self.out, WallClock().now)
        made.kinds = (*made.kinds, INFRASTRUCTURES)
        status = {"platformStatus": {"type": "AWS", "aws": {"region": "us-east-1"}}}
        made.add({"kind": "Infrastructure", "metadata": {"name": "cluster"}, "status": status})
        self.cluster = made

    def install_directory(self) -> None:
        """The installer's directory, with a configuration in manual mode."""
        self.made()
        config = (
            "apiVersion: v1\ncredentialsMode: Manual\nbaseDomain: example.com\nplatform: {aws: {region: us-east-1}}\n"
        )
        (self.root / "install").mkdir()
        (self.root / "install" / "install-config.yaml").write_text(config)

    def image(self) -> None:
        """A release image that holds the requests."""
        files = {path.name: path.read_bytes() for path in self.requests.iterdir()}
        images.write_layout(self.root / "layout", {"": images.build(images.payload_layer(files))})

    def token_file(self) -> Path:
        """A token of a service account."""
        signer = Signer(load_private_key_file(self.key_pair / PRIVATE))
        request = TokenRequest(account=ServiceAccount("ns", "sa", "uid"), audiences=("openshift",))
        now = int(WallClock().now())
        token = issue(signer, request, issuer="https://issuer.example.com", now=now, token_id="id")
        path = self.root / "token"
        path.write_text(token)
        path.chmod(0o600)
        return path


@contextmanager
def staged(aws: EmbeddedAws, key_pair: Path, root: Path, row: Row) -> Iterator[Stage]:
    """The world that a command needs."""
    with ExitStack() as running:
        root.mkdir(exist_ok=True)
        stage = Stage(aws, key_pair, root)
        if row.needs is not None:
            row.needs(stage)
        if stage.cluster is not None:
            running.enter_context(serving(stage.cluster, stage.kubeconfig))
            stage.kubeconfig.chmod(0o600)
        yield stage


@dataclass(frozen=True)
class Row:
    """How one command does its work."""

    arguments: Callable[[Stage], Sequence[str]]
    needs: Callable[[Stage], None] | None = None
    code: int = 0
    asks: frozenset[str] = frozenset()
    """Whom it asks over the network: aws, cluster."""
    writes: str = ""
    """The directory below the root that its files are in; empty for a command that writes none."""
    is_process: bool = False
    """Run as a process of its own only: it serves, or runs another."""


def _cluster(stage: Stage) -> list[str]:
    return ["--kubeconfig", str(stage.kubeconfig)]


_AWS = frozenset({"aws"})
_BOTH = frozenset({"aws", "cluster"})
_INSTALL = "install"

ROWS: Mapping[Names, Row] = {
    ("aws", "create-key-pair"): Row(lambda of: ["--output-dir", str(of.out), "--key-bits", "2048"], writes="out"),
    ("aws", "create-identity-provider"): Row(
        lambda of: [*NAME, "--output-dir", str(of.out)], Stage.keys, asks=_AWS, writes="out"
    ),
    ("aws", "create-iam-roles"): Row(
        lambda of: [*of.options, "--identity-provider-arn", PROVIDER], Stage.provider, asks=_AWS, writes="out"
    ),
    ("aws", "create-all"): Row(lambda of: [*of.options, "--key-bits", "2048"], asks=_AWS, writes="out"),
    ("aws", "plan"): Row(lambda of: of.options, Stage.keys, code=3, asks=_AWS),
    ("aws", "export"): Row(
        lambda of: [*of.options, "--format", "terraform", "--to", str(of.root / "exported")],
        Stage.keys,
        asks=_AWS,
        writes="exported",
    ),
    ("aws", "verify"): Row(
        lambda of: [*of.options, "--private-key-file", str(of.out / PRIVATE)], Stage.made, asks=_AWS
    ),
    ("aws", "rotate-signing-key"): Row(
        lambda of: [
            *(*NAME, "--output-dir", str(of.out), *_cluster(of)),
            *("--new-key", "--key-bits", "2048", "--yes"),
        ],
        Stage.running,
        asks=_BOTH,
        writes="out",
    ),
    ("aws", "delete"): Row(lambda _: [*NAME, "--yes"], Stage.made, asks=_AWS),
    ("aws", "upgrade", "prepare"): Row(
        lambda of: [
            *(*NAME, "--credentials-requests-dir", str(of.newer), "--output-dir", str(of.out), *_cluster(of)),
            *("--target-version", "4.19", "--yes"),
        ],
        Stage.running,
        asks=_BOTH,
        writes="out",
    ),
    ("aws", "upgrade", "finish"): Row(lambda of: [*of.options, *_cluster(of), "--yes"], Stage.running, asks=_BOTH),
    ("aws", "migrate-to-private-bucket"): Row(
        lambda of: [*of.options, *_cluster(of), "--yes"], Stage.running, asks=_BOTH, writes="out"
    ),
    ("aws", "migrate-to-public-bucket"): Row(
        lambda of: [*of.options, *_cluster(of), "--status"], Stage.running, asks=_BOTH
    ),
    ("aws", "required-permissions"): Row(lambda _: []),
    ("release", "extract"): Row(
        lambda of: ["--credentials-requests", f"oci:{of.root / 'layout'}", "--to", str(of.root / "extracted")],
        Stage.image,
        writes="extracted",
    ),
    ("release", "diff"): Row(lambda of: [str(of.requests), str(of.newer)], code=3),
    ("cluster", "verify"): Row(
        lambda of: [*_cluster(of), "--output-dir", str(of.out), "--wait", "0"], Stage.running, asks=_BOTH
    ),
    ("cluster", "adopt"): Row(
        lambda of: [*_cluster(of), "--output-dir", str(of.root / "adopted")],
        Stage.running,
        asks=frozenset({"cluster"}),
        writes="adopted",
    ),
    ("cluster", "repair"): Row(lambda of: [*_cluster(of), "--yes"], Stage.running, asks=_BOTH),
    ("cluster", "required-permissions"): Row(lambda _: []),
    ("openshift", "prepare-install"): Row(
        lambda of: ["--dir", str(of.root / _INSTALL), "--output-dir", str(of.out)],
        Stage.install_directory,
        writes=_INSTALL,
    ),
    ("token", "create"): Row(
        lambda of: [
            *("--service-account", "ns/sa", "--private-key-file", str(of.out / PRIVATE)),
            *("--issuer-url", "https://issuer.example.com"),
        ],
        Stage.keys,
    ),
    ("token", "inspect"): Row(lambda of: [str(of.token_file())]),
    ("pod", "run"): Row(
        lambda of: [POD, "--manifests-dir", str(of.out / "manifests"), "--", *TO_RUN], Stage.made, is_process=True
    ),
    ("lab", "up"): Row(lambda _: [], is_process=True),
    ("lab", "run"): Row(lambda _: ["--", sys.executable, "-c", "pass"], is_process=True),
    ("lab", "calls"): Row(lambda of: ["--endpoint-url", of.aws.endpoint_url], asks=frozenset({"lab"})),
    ("completion",): Row(lambda _: ["bash"]),
    ("help",): Row(lambda _: ["aws", "delete"]),
}


def flags(names: Names) -> frozenset[str]:
    """The flags that a command has."""
    module, _, name = COMMANDS[names].target.partition(":")
    command: click.Command = getattr(import_module(module), name)
    return frozenset(flag for option in command.params for flag in option.opts)


def with_flags(names: Names, arguments: Sequence[str], *more: str) -> list[str]:
    """A command line with flags before what comes after `--`."""
    given = list(arguments)
    end = given.index("--") if "--" in given else len(given)
    return [*names, *given[:end], *more, *given[end:]]


Arguments = Callable[[Stage], Sequence[str]]


def _also(names: Names, *more: str) -> tuple[Names, Arguments]:
    """A command's line with more flags; {root} in them is the stage's."""
    return names, lambda of: [*ROWS[names].arguments(of), *(flag.format(root=of.root) for flag in more)]


WRITERS: Mapping[str, tuple[Names, Arguments]] = {
    **{" ".join(names): (names, row.arguments) for names, row in ROWS.items() if row.writes},
    "aws create-identity-provider --dry-run": _also(("aws", "create-identity-provider"), "--dry-run"),
    "aws create-iam-roles --dry-run": _also(("aws", "create-iam-roles"), "--dry-run"),
    "aws create-all --dry-run": _also(("aws", "create-all"), "--dry-run"),
    "aws verify --html": _also(("aws", "verify"), "--html", "{root}/out/pages/page.html"),
}
"""Every command that writes files, and every mode of one, with its command line."""


def tree(directory: Path) -> dict[str, str]:
    """What a directory holds, to compare: kind, mode and content of everything in it."""
    return {str(path.relative_to(directory)): _described(path) for path in sorted(directory.rglob("*"))}


def _described(path: Path) -> str:
    status = path.lstat()
    if path.is_symlink():
        return f"link to {path.readlink()}"
    kind = "directory" if path.is_dir() else "other"
    return f"{status.st_mode:o} {path.read_bytes()!r}" if path.is_file() else f"{status.st_mode:o} {kind}"


__all__ = ["NAME", "ROWS", "WRITERS", "Names", "Row", "Stage", "flags", "staged", "tree", "with_flags"]
