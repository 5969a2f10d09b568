"""Build what a running cluster needs of AWS again: from its own keys, its own requests and what its issuer says.

The plan is that of `create-all`, with the keys of the API server's JWKS instead of one from a file, and with the
cluster's Secrets and issuer instead of the installer's manifests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from msgspec.structs import replace

from ccoctl.aws import names, plans
from ccoctl.aws.observe import Scope, observe
from ccoctl.aws.reader import reader
from ccoctl.engine.attempt import Attempts, Tell, read
from ccoctl.engine.call import Call, with_placeholders
from ccoctl.engine.cloud import Cloud
from ccoctl.engine.diff import Unseen
from ccoctl.engine.events import Listener, silent
from ccoctl.engine.execute import execute
from ccoctl.engine.graph import in_order
from ccoctl.engine.plan import Action, Plan, Result, Step
from ccoctl.errors import CcoctlError, ClusterError
from ccoctl.openshift.operations import SERVICE
from ccoctl.openshift.review import missing_rights
from ccoctl.openshift.seen import ClusterSeen, Requests
from ccoctl.signing.jwks import Jwks
from ccoctl.workflows.aws_order import Checked
from ccoctl.workflows.cluster_keys import trusted_keys
from ccoctl.workflows.cluster_steps import dead_providers, issuer_steps, removals, secret_steps
from ccoctl.workflows.output_files import without_files, writer


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    """A plan that is ready."""

    checked: Checked
    plan: Plan
    issuer: str
    """The issuer that the cluster is to have; a placeholder where only CloudFront knows its name."""
    notes: tuple[str, ...]


def prepare(
    checked: Checked,
    seen: ClusterSeen,
    cluster: Cloud,
    cloud: Cloud,
    *,
    force: bool = False,
    concurrency: int = 10,
    tell: Tell | None = None,
) -> Repair:
    """Look at the account, and draw the plan; nothing is changed.

    Args:
        checked: what the cluster orders.
        seen: the cluster.
        cluster: the same, to ask which of its keys it signs with.
        cloud: the account.
        force: whether fields of a Secret are taken over from whoever set them to something else.
        concurrency: how many questions are under way at a time.
        tell: hears of what takes long.

    Raises:
        Problems: something in the account is in the way.
        ClusterError: the cluster's keys or Secrets may not be seen.
        CloudError: the account cannot be looked at.
    """
    keys = trusted_keys(cluster, _keys(seen))
    _check_secrets(seen)
    settings = checked.settings
    roles = names.role_names(settings.name, [request.secret for request in checked.requests])
    with reader(lambda call: read(cloud, call, tell), concurrency) as asked:
        found = observe(asked, Scope(settings=settings, roles=tuple(roles.values())))
    dead = dead_providers(found, settings.name)
    living = replace(found, providers=tuple(item for item in found.providers if item not in dead))
    drawn = plans.all_of_it(settings, checked.requests, keys, living)
    account = without_files(drawn.plan)
    own = (*secret_steps(checked.requests, drawn, seen.secrets, force=force), *issuer_steps(drawn, seen))
    steps = (*account.steps, *own)
    plan = Plan(steps=in_order((*steps, *removals(dead, steps))), notes=account.notes)
    issuer = str(with_placeholders(drawn.issuer.url)) if drawn.issuer is not None else ""
    notes = (*checked.notes, *found.denied, *_warnings(own, seen), *_elsewhere(checked))
    return Repair(checked=checked, plan=plan, issuer=issuer, notes=notes)


def check_rights(repair: Repair, cluster: Cloud) -> None:
    """Ask the cluster whether its part of the plan may be carried out, before anything is.

    Raises:
        ClusterError: it may not; every missing right is named.
        CloudError: the cluster does not answer.
    """
    asked = [step.work for step in repair.plan.steps if isinstance(step.work, Call) and step.work.service == SERVICE]
    if missing := missing_rights(cluster, asked):
        raise ClusterError(
            f"the plan takes the right to {'; '.join(missing)}; nothing was changed",
            remedy="`ccoctl cluster required-permissions --command repair` prints the roles.",
        )


def carry_out(
    repair: Repair,
    reach: Cloud,
    *,
    concurrency: int = 10,
    listener: Listener = silent,
    attempts: Attempts | None = None,
) -> Result:
    """Do every step; `reach` is the account and the cluster. A failed step is in the result, not raised."""
    return execute(
        repair.plan,
        reach,
        write_file=writer(repair.plan, repair.checked.order.output_dir),
        concurrency=concurrency,
        listener=listener,
        attempts=attempts,
    )


def _keys(seen: ClusterSeen) -> Jwks:
    if isinstance(seen.keys, Unseen):
        raise ClusterError(
            "the API server's keys may not be seen, and they are what has to be published",
            remedy=f"Allow {seen.keys.action}: see `ccoctl cluster required-permissions`.",
        )
    if isinstance(seen.keys, CcoctlError):
        raise seen.keys
    if not seen.keys.keys:
        raise ClusterError("the API server publishes no key", remedy="See what it is given to sign tokens with.")
    return seen.keys


def _check_secrets(seen: ClusterSeen) -> None:
    ours = seen.requests.documents if isinstance(seen.requests, Requests) else {}
    looked_at = (seen.issuer, *(held for ref, held in seen.secrets.items() if ref in ours))
    unseen = sorted({held.action for held in looked_at if isinstance(held, Unseen)})
    if unseen:
        raise ClusterError(
            f"some of what is to be put right may not be seen: it takes the right to {'; '.join(unseen)}",
            remedy="`ccoctl cluster required-permissions` prints the roles.",
        )


def _warnings(own: Iterable[Step], seen: ClusterSeen) -> Iterator[str]:
    if any(step.address.kind == "Authentication" for step in own):
        yield (
            f"the cluster's issuer changes from {seen.issuer or 'none'}: the API servers roll out anew, and components "
            "have no credentials until they get tokens of the new one"
        )
    keys = [step for step in own if step.action is Action.DELETE]
    if keys:
        yield "an access key that was in a Secret stays valid until its IAM user is deleted"


def _elsewhere(checked: Checked) -> Iterator[str]:
    if checked.settings.issuer_url:
        yield f"the documents of {checked.settings.issuer_url} are served by you, and not looked after here"
