"""`ccoctl aws rotate-signing-key`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from ccoctl.cli import options, output
from ccoctl.cli.command import Command
from ccoctl.errors import UsageError

if TYPE_CHECKING:
    from ccoctl.aws.rotation import Found
    from ccoctl.workflows.aws_rotate import Order, Prepared, Rotated
    from ccoctl.workflows.aws_rotate_cloud import RotationCloud

_FILE = click.Path(path_type=Path)
_KINDS = ("public_key_file", "new_key", "cluster_key", "switched_to", "retire", "retire_old", "status")


@click.command(cls=Command, name="rotate-signing-key")
@options.name
@options.region
@click.option("--shared-issuer", default="", metavar="NAME", help="The issuer that the cluster shares with others.")
@click.option("--issuer-url", default="", metavar="URL", help="The issuer, where its documents are served by you.")
@click.option("--new-key", is_flag=True, help="Rotate to a new pair, which is made below the output directory.")
@click.option("--public-key-file", type=_FILE, help="Rotate to this key; the cluster is given its private half by you.")
@click.option("--cluster-key", is_flag=True, help="Rotate to a key that OpenShift makes itself; needs --kubeconfig.")
@click.option(
    "--output-dir",
    type=_FILE,
    default=None,
    help="Directory of the set-up; a new pair goes into signing-key-2 in it, and so on.  [default: the current one]",
)
@options.key_bits
@options.allow_unprotected_key
@click.option("--kubeconfig", type=_FILE, help="The cluster: it is told to sign with the key, and watched.")
@click.option("--switched-to", default="", metavar="KID", help="Say that the cluster signs with this key since now.")
@click.option("--retire", multiple=True, metavar="KID", help="Take this key down; may be repeated.")
@click.option("--retire-old", is_flag=True, help="Take every key down that is older than the one that is signed with.")
@click.option("--force", is_flag=True, help="Retire a key though tokens of it may be alive: they are refused then.")
@click.option("--status", is_flag=True, help="Say where the rotation stands and what is safe now; change nothing.")
@click.option(
    "--max-token-life",
    type=click.IntRange(600, 365 * 86400),
    default=86400,
    show_default=True,
    help="Seconds that the longest token of a component lives.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@options.yes
@options.connection
@options.result
def command(**given: Any) -> int:
    """Have the cluster sign its tokens with another key, with no token refused meanwhile.

    The new public key is published beside the old one and seen by the world, before the cluster signs with it; with a
    kubeconfig OpenShift is told to, and watched. Since when it does is noted on the IAM provider. When no token of the
    old key can be alive any more, and not before, --retire-old takes it down. The same command goes on wherever an
    earlier run ended, and two administrators cannot undo each other.
    """
    from ccoctl.cli.debugging import set_up_logging

    set_up_logging(given["debug"])
    _check(given)
    with _way(given) as way:
        found = way.look()
        if given["status"]:
            return _told(found, (), given)
        return _rotate(way, found, given)


def _check(given: dict[str, Any]) -> None:
    chosen = ["--" + kind.replace("_", "-") for kind in _KINDS if given[kind]]
    if set(chosen) == {"--retire", "--retire-old"}:
        chosen = chosen[:1]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} exclude each other")
    if not chosen and given["kubeconfig"] is None:
        what = "say which key to rotate to: --new-key, --cluster-key or --public-key-file"
        raise UsageError(what, remedy="--status says where things stand; --kubeconfig alone goes on with a rotation.")
    if given["cluster_key"] and given["kubeconfig"] is None:
        raise UsageError("--cluster-key needs --kubeconfig: the cluster makes the key")
    if given["force"] and not (given["retire"] or given["retire_old"]):
        raise UsageError("--force is for --retire and --retire-old alone")


class _Way(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for, and the clouds that it takes."""

    order: Order
    cloud: RotationCloud
    with_cluster: bool

    def look(self) -> Found:
        """Where things stand now."""
        from ccoctl.cli.progress import looking
        from ccoctl.federation.clock import WallClock
        from ccoctl.workflows.aws_rotate import look

        with looking(sys.stderr) as tell:
            return look(self.order, self.cloud, now=WallClock().now(), with_cluster=self.with_cluster, tell=tell)


@contextmanager
def _way(given: dict[str, Any]) -> Iterator[_Way]:
    from ccoctl.aws.client import AwsCloud
    from ccoctl.cli.aws.creating import connection
    from ccoctl.federation.clock import WallClock
    from ccoctl.federation.https import Again, HttpsGet
    from ccoctl.workflows.aws_delete import check
    from ccoctl.workflows.aws_rotate import Order
    from ccoctl.workflows.aws_rotate_cloud import RotationCloud
    from ccoctl.workflows.reach import Reach

    order = Order(
        settings=check(given["name"], given["region"], shared=given["shared_issuer"], issuer_url=given["issuer_url"]),
        public_key_file=given["public_key_file"],
        output_dir=given["output_dir"] or Path.cwd(),
        make_pair=given["new_key"],
        by_cluster=given["cluster_key"],
        switched_to=given["switched_to"],
        retire=tuple(given["retire"]),
        retire_old=given["retire_old"],
        force=given["force"],
        life=given["max_token_life"],
        key_bits=int(given["key_bits"]),
    )
    aws, get = AwsCloud(connection(given)), Again(HttpsGet(ca_bundle=given["ca_bundle"]))
    kubeconfig = given["kubeconfig"]
    with ExitStack() as open_connections:
        if kubeconfig is None:
            yield _Way(order=order, cloud=RotationCloud(Reach(aws, get=get), clock=WallClock().now), with_cluster=False)
            return
        from ccoctl.openshift.cluster import KubeCluster

        cluster = open_connections.enter_context(closing(KubeCluster(kubeconfig)))
        cloud = RotationCloud(
            Reach(aws, get=get, cluster=cluster),
            clock=WallClock().now,
            connect=lambda: closing(KubeCluster(kubeconfig)),
        )
        yield _Way(order=order, cloud=cloud, with_cluster=True)


def _rotate(way: _Way, found: Found, given: dict[str, Any]) -> int:
    from ccoctl.cli.progress import progress
    from ccoctl.cli.stopping import stoppable
    from ccoctl.render.report import failure, outcomes_json
    from ccoctl.workflows.aws_rotate import carry_out, prepare

    prepared = prepare(way.order, found)
    if prepared.pair is not None:
        made = "would be made, with yet another kid" if given["dry_run"] else "is made"
        there = "is used, which was there" if prepared.pair.is_there else made
        output.note(f"the key pair in {prepared.pair.directory} {there}")
    if given["dry_run"]:
        return _shown(prepared, given)
    if not prepared.plan.steps:
        return _told(found, (), given)
    if not _agreed(prepared, given):
        output.note("nothing was changed")
        return 1
    for sentence in prepared.plan.notes:
        output.note(sentence)
    with stoppable() as attempts, progress(sys.stderr) as listener:
        done = carry_out(prepared, way.cloud, way.look, listener=listener, attempts=attempts)
    if not done.last.ok:
        if given["output"] == "json":
            output.result_json({"actions": [entry for result in done.results for entry in outcomes_json(result)]})
        raise failure(done.last)
    if prepared.retired:
        output.note("other commands are to be given the key that is left: --public-key-file, --private-key-file")
    return _told(way.look(), (done,), given)


def _shown(prepared: Prepared, given: dict[str, Any]) -> int:
    from ccoctl.render.show import plan_json, plan_text
    from ccoctl.workflows.aws_rotate_told import status_json, status_text

    if given["output"] == "json":
        output.result_json({**plan_json(prepared.plan), "status": status_json(prepared.found)})
    else:
        output.result(f"{status_text(prepared.found)}\n{plan_text(prepared.plan)}")
    return 0


def _agreed(prepared: Prepared, given: dict[str, Any]) -> bool:
    from ccoctl.render.show import plan_text

    forced = [kid for kid in prepared.retired if given["force"]]
    if forced:
        output.note(f"--force: tokens of {' and '.join(forced)} that are alive will be refused from now on")
    if given["yes"] or not output.can_ask():
        return True
    click.echo(output.printable(plan_text(prepared.plan)), err=True)
    return output.confirmed("Do all of this?")


def _told(found: Found, done: tuple[Rotated, ...], given: dict[str, Any]) -> int:
    from ccoctl.render.report import outcomes_json
    from ccoctl.workflows.aws_rotate_told import status_json, status_text

    lost = sum(rotated.lost_races for rotated in done)
    if lost:
        output.note("somebody else changed the keys meanwhile: theirs were read again, and ours added to them")
    if given["output"] == "json":
        actions = [entry for rotated in done for result in rotated.results for entry in outcomes_json(result)]
        output.result_json({"actions": actions, "status": status_json(found)})
    else:
        output.result(status_text(found))
    return 0
