"""What an upgrade tells beside its plan."""

from __future__ import annotations

from ccoctl.aws import names
from ccoctl.aws.upgrade import Drawn
from ccoctl.aws.upgrade_observe import Held
from ccoctl.openshift.calls import UPGRADEABLE_TO
from ccoctl.workflows.aws_upgrade_cluster import plain


def renamed(name: str, drawn: Drawn) -> tuple[str, ...]:
    """Where a role keeps a name that the new release alone would not give it."""
    by_rule = names.role_names(name, drawn.roles)
    return tuple(
        f"{secret} keeps role {role.name}, which a new set-up would call {by_rule[secret]}"
        for secret, role in drawn.roles.items()
        if role.name != by_rule[secret]
    )


def spared(drawn: Drawn, here: Held) -> tuple[str, ...]:
    """What `finish` will remove, told before."""
    gone = ", ".join(one.role.name for one in drawn.dropped)
    foreign = tuple(f"{problem}" for problem in here.hidden.values())
    return (f"the new release does not ask for these; `finish` removes them: {gone}", *foreign) if gone else foreign


def to_do(target_version: str, *, in_cluster: bool) -> tuple[str, ...]:
    """What the person has to do, and must not do."""
    told = ["until `finish`, create-all of the old release takes back what is added here: run this again after it"]
    if not in_cluster:
        told.append("apply the Secrets of the output directory to the cluster before it is upgraded: `oc apply -f`")
    if target_version and not in_cluster:
        version = plain(target_version)
        told.append(f"then: `oc annotate cloudcredential cluster {UPGRADEABLE_TO}={version} --overwrite`")
    return tuple(told)


def without_cluster(drawn: Drawn) -> tuple[str, ...]:
    """What cannot be seen without the cluster."""
    if not drawn.dropped:
        return ()
    gone = ", ".join(str(one.secret) for one in drawn.dropped if one.secret is not None and not one.replaced)
    moved = ", ".join(str(one.secret) for one in drawn.dropped if one.replaced)
    told = (
        "operators beside the release may use roles of this name: keep theirs with --keep",
        f"delete these Secrets from the cluster: {gone}" if gone else "",
        f"these Secrets must name their other role in the cluster before one is removed: {moved}" if moved else "",
    )
    return tuple(sentence for sentence in told if sentence)


__all__ = ["renamed", "spared", "to_do", "without_cluster"]
