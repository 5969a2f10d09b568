"""What the creating commands have in common: from options to an order, and from an order to a result."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ccoctl.cli import output
from ccoctl.cli.debugging import set_up_logging
from ccoctl.errors import UsageError
from ccoctl.workflows.aws_order import Checked, Order, Part, check

if TYPE_CHECKING:
    from ccoctl.aws.client import Connection


def order(part: Part, options: dict[str, Any]) -> Order:
    """The order that a command's options make."""
    from ccoctl.aws.desired import Flavor
    from ccoctl.aws.resources import OriginAccess
    from ccoctl.cli.release_images import requests_of_image

    said: list[str] = []

    def tell(sentence: str) -> None:
        """At once, since reading an image may take a while, and once more in the data."""
        output.note(sentence)
        said.append(sentence)

    access = options.get("origin_access")
    requests = requests_of_image(options, tell)
    return Order(
        part=part,
        name=options["name"],
        region=options["region"],
        output_dir=options.get("output_dir") or Path.cwd(),
        credentials_requests_dir=options.get("credentials_requests_dir"),
        requests=requests,
        said=tuple(said),
        public_key_file=options.get("public_key_file"),
        provider_arn=options.get("identity_provider_arn", ""),
        private=options.get("create_private_s3_bucket", False),
        access=OriginAccess(access) if access else None,
        shared=options.get("shared_issuer", ""),
        issuer_url=options.get("issuer_url", ""),
        flavor=Flavor(options.get("flavor", Flavor.OPENSHIFT.value)),
        boundary=options.get("permissions_boundary_arn", ""),
        role_path=options.get("role_path", ""),
        tags=options.get("tags", {}),
        max_session_duration=options.get("max_session_duration"),
        bind_audience=options.get("bind_audience", False),
        enable_tech_preview=options.get("enable_tech_preview", False),
        key_bits=int(options.get("key_bits", 4096)),
    )


def create(part: Part, options: dict[str, Any]) -> int:
    """Check, then write the dry run's files or carry the plan out, and say what came of it."""
    set_up_logging(options["debug"])
    others = [name for name in ("shared_issuer", "issuer_url") if options.get(name)]
    if options.get("flavor", "openshift") != "openshift":
        others.append("flavor")
    if options["dry_run"] and others:
        unknown = " and ".join(f"--{name.replace('_', '-')}" for name in others)
        what = f"--dry-run writes the Go tool's files, and that tool does not know {unknown}"
        raise UsageError(what, remedy="See what would be done with `ccoctl aws plan`.")
    checked = check(order(part, options))
    return _dry_run(checked, options) if options["dry_run"] else _create(checked, options)


def _dry_run(checked: Checked, options: dict[str, Any]) -> int:
    from ccoctl.cli.aws.results import dry_run_json, dry_run_text
    from ccoctl.workflows.aws_dry_run import dry_run

    done = dry_run(checked)
    for sentence in done.notes:
        output.note(sentence)
    if options["output"] == "json":
        output.result_json(dry_run_json(done))
    else:
        output.result(dry_run_text(done))
    return 0


def _create(checked: Checked, options: dict[str, Any]) -> int:
    from ccoctl.aws.client import AwsCloud
    from ccoctl.cli.aws.results import made_json, made_text
    from ccoctl.cli.progress import looking, progress
    from ccoctl.cli.stopping import stoppable
    from ccoctl.render.report import failure
    from ccoctl.workflows.aws_create import carry_out, prepare

    cloud = AwsCloud(connection(options, checked.settings.partition.global_region))
    with looking(sys.stderr) as tell:
        prepared = prepare(checked, cloud, concurrency=options["concurrency"], tell=tell)
    with stoppable() as attempts, progress(sys.stderr) as listener:
        made = carry_out(prepared, cloud, concurrency=options["concurrency"], listener=listener, attempts=attempts)
    for sentence in made.notes:
        output.note(sentence)
    if options["output"] == "json":
        output.result_json(made_json(made))
    elif made.result.ok:
        output.result(made_text(made))
    if not made.result.ok:
        raise failure(made.result)
    return 0


def connection(options: dict[str, Any], fallback_region: str = "") -> Connection:
    """How to reach AWS."""
    from ccoctl.aws.client import Connection

    return Connection(
        region=options["region"],
        fallback_region=fallback_region,
        profile=options["profile"],
        ca_bundle=options["ca_bundle"],
        concurrency=options["concurrency"],
    )
