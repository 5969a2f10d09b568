"""What the commands of the lab have in common: its weather as options, and serving it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from ccoctl.cli.options import together
from ccoctl.errors import CcoctlError, UsageError

if TYPE_CHECKING:
    from ccoctl.lab.server import EmbeddedAws

_SHARE = click.FloatRange(0, 1)
_SECONDS = click.FloatRange(0, 3600)

weather = together(
    click.option("--latency", type=_SECONDS, default=0.0, help="Seconds before each request is looked at."),
    click.option("--throttle", type=_SHARE, default=0.0, help="Share of requests that are throttled, from 0 to 1."),
    click.option("--server-errors", type=_SHARE, default=0.0, help="Share of requests that end in a server error."),
    click.option(
        "--connection-resets",
        type=_SHARE,
        default=0.0,
        help="Share of requests whose connection is reset, half of them after they were carried out.",
    ),
    click.option(
        "--eventual-consistency",
        type=_SECONDS,
        default=0.0,
        help="Seconds until what was made is seen by policies and by STS.",
    ),
    click.option("--deny", multiple=True, metavar="ACTION", help="IAM action that nobody may do; may be repeated."),
    click.option("--seed", type=int, default=0, help="The same seed gives the same faults."),
    click.option(
        "--distribution-delay",
        type=_SECONDS,
        default=0.2,
        show_default=True,
        help="Seconds until a CloudFront distribution is deployed.",
    ),
)
"""What goes wrong, and how soon things are there."""


_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")


def regions(callers: Mapping[str, str]) -> dict[str, str]:
    """The caller's regions, which are no secret; without one the AWS CLI would ask for it."""
    return {"AWS_DEFAULT_REGION": "us-east-1", **{name: callers[name] for name in _REGIONS if callers.get(name)}}


@contextmanager
def serving(given: Mapping[str, Any], *, port: int = 0) -> Iterator[EmbeddedAws]:
    """An AWS that serves on this machine until the block ends; port 0 is any free one.

    Raises:
        UsageError: an action is denied that no service of the lab has.
        CcoctlError: the extra is not installed, or the port is taken.
    """
    try:
        from ccoctl.lab.conditions import Conditions, Weather
        from ccoctl.lab.models import is_action
        from ccoctl.lab.server import HOST, embedded_aws
    except ModuleNotFoundError as error:
        remedy = "Install it: pip install 'ccoctl[lab]'"
        raise CcoctlError(f"the lab needs {error.name}, which is not installed", remedy=remedy) from error
    if (mistyped := next((action for action in given["deny"] if not is_action(action)), None)) is not None:
        what = f"{mistyped!r} is no action of a service of the lab, and would deny nothing"
        raise UsageError(what, where="--deny", remedy="Write service:Action, like iam:CreateRole or s3:Put*.")
    conditions = Conditions(
        enforce_iam=True,
        latency=given["latency"],
        distribution_delay=given["distribution_delay"],
        eventual_consistency=given["eventual_consistency"],
        weather=Weather(
            throttle=given["throttle"],
            server_errors=given["server_errors"],
            connection_resets=given["connection_resets"],
            deny=given["deny"],
            seed=given["seed"],
        ),
    )
    try:
        with embedded_aws(conditions, port=port) as aws:
            yield aws
    except OSError as error:
        if port == 0:
            raise
        what = f"port {port} of {HOST} cannot be used: {error.strerror or error}"
        raise CcoctlError(what, remedy="Choose another --port, or leave it out.") from error
