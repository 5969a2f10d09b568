"""What a running cluster orders of AWS: its own requests, for the set-up that its issuer and Secrets name."""

from __future__ import annotations

from msgspec import structs
from msgspec.structs import replace

from ccoctl.aws import desired
from ccoctl.credentialsrequest.model import CredentialsRequest, SecretRef
from ccoctl.credentialsrequest.select import Selected, select
from ccoctl.engine.diff import Unseen
from ccoctl.errors import ClusterError, Problems
from ccoctl.openshift.seen import ClusterSeen, Requests
from ccoctl.workflows.aws_order import Checked, Order, check
from ccoctl.workflows.cluster_names import find
from ccoctl.workflows.cluster_secrets import roles_in


def issuer_of(seen: ClusterSeen) -> str:
    """The issuer of the cluster's tokens, as far as it may be seen: as it is wanted, else as it is; or empty."""
    said = [value for value in (seen.issuer, seen.served) if isinstance(value, str) and value]
    return said[0] if said else ""


def checked_of(order: Order, seen: ClusterSeen, *, strict: bool) -> Checked:
    """The order with what the cluster says filled in: name and region where they are not given, and the requests.

    Args:
        order: its name and region may be empty.
        seen: the cluster.
        strict: False where what cannot be served is told elsewhere, and the rest is wanted all the same.

    Raises:
        Problems: something is wrong with the options or the requests, or the set-up's name is not to be found.
        ClusterError: the requests may not be seen, and are needed.
    """
    found = find(
        issuer_of(seen),
        _roles(seen),
        region_of_cluster=seen.region,
        name=order.name,
        region=order.region,
    )
    is_own = not order.shared and not order.issuer_url
    checked = check(
        replace(order, name=found.name, region=found.region, private=is_own and (order.private or found.private))
    )
    selected = _selected(seen.requests, strict=strict)
    nobody = _for_nobody(seen.requests) if strict else ()
    if oversized := desired.size_problems(checked.settings, selected.requests):
        raise Problems(oversized)
    said = selected.summary()
    return replace(checked, selected=selected, notes=(*checked.notes, *((said,) if said else ()), *nobody))


def _roles(seen: ClusterSeen) -> dict[SecretRef, str]:
    """The roles in the Secrets, without those that add-ons brought: their names say nothing of the set-up."""
    brought = seen.requests.own_roles if isinstance(seen.requests, Requests) else {}
    return {ref: arn for ref, arn in roles_in(seen.secrets).items() if ref not in brought}


def _selected(requests: Requests | Unseen, *, strict: bool) -> Selected:
    if isinstance(requests, Unseen):
        if not strict:
            return Selected(requests=())
        raise ClusterError(
            "the cluster's CredentialsRequests may not be seen",
            remedy=f"Allow {requests.action}: see `ccoctl cluster required-permissions`.",
        )
    if strict:
        if requests.problems:
            raise Problems(requests.problems)
        named = tuple(one for one in requests.loaded.requests if one.service_accounts)
        return select(structs.replace(requests.loaded, requests=named), enable_tech_preview=True)
    usable = tuple(one for one in _first_of_each(requests.loaded.requests) if one.service_accounts)
    return Selected(requests=usable, skipped=requests.loaded.skipped)


def _for_nobody(requests: Requests | Unseen) -> tuple[str, ...]:
    """A request that names no service account has no role; whoever wrote it need not keep the others waiting."""
    listed = requests.loaded.requests if isinstance(requests, Requests) else ()
    return tuple(
        f"request {one.name} for {one.secret} is left out: it names no service account that may use its role"
        for one in listed
        if not one.service_accounts
    )


def _first_of_each(requests: tuple[CredentialsRequest, ...]) -> tuple[CredentialsRequest, ...]:
    kept = {request.secret: request for request in reversed(requests)}
    return tuple(reversed(kept.values()))
