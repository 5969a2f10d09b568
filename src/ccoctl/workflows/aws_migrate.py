"""Move a set-up on AWS between its public issuer and a private one, without a moment in which no token is good."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import msgspec
from msgspec.structs import replace

from ccoctl.aws import names
from ccoctl.aws.migration import NEVER_USED, Found, Side, Situation
from ccoctl.aws.migration_calls import Source
from ccoctl.aws.migration_observe import observe_migration
from ccoctl.aws.migration_plans import Trial, both, only
from ccoctl.aws.migration_serving import key_set
from ccoctl.aws.migration_standing import Evidence, Signing, Standing, seconds, standing, unsafe
from ccoctl.aws.partition import has_cloudfront
from ccoctl.aws.reader import reader
from ccoctl.aws.steps.common import Steps, together
from ccoctl.aws.sts import Aws
from ccoctl.engine.attempt import Attempts, Tell, read
from ccoctl.engine.call import with_placeholders
from ccoctl.engine.cloud import Cloud
from ccoctl.engine.events import Listener, silent
from ccoctl.engine.execute import execute
from ccoctl.engine.graph import in_order
from ccoctl.engine.plan import Action, Plan, Result
from ccoctl.errors import ConflictError, Problem, Problems
from ccoctl.federation.clock import WallClock
from ccoctl.federation.https import Get
from ccoctl.openshift.cluster import KubeCluster
from ccoctl.signing import discovery, jwks
from ccoctl.signing.jwk import Jwk, to_jwk
from ccoctl.signing.keypair import PrivateKey
from ccoctl.workflows import aws_order, create_key_pair
from ccoctl.workflows.aws_migrate_cloud import MigrationCloud, signing_of
from ccoctl.workflows.aws_migrate_switch import Tokens, authentication_file, switch
from ccoctl.workflows.output_files import only_changes, writer
from ccoctl.workflows.reach import Reach


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """The options of the two commands, as given."""

    base: aws_order.Order
    to: Side
    """Where the command leads."""
    rollback: bool = False
    finish: bool = False
    unused_since: str = ""
    """ISO 8601 with its zone, or NEVER_USED; empty where nothing is said."""

    @property
    def target(self) -> Side:
        """The side that is to be used in the end."""
        return self.to.other if self.rollback else self.to


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """An order that can be carried out."""

    order: Order
    base: aws_order.Checked

    @property
    def accounts(self) -> tuple[str, ...]:
        """Every component's service account, `namespace/name`."""
        return tuple(dict.fromkeys(trial.service_account for trial in self.trials(Source.KEY)))

    def trials(self, source: Source) -> tuple[Trial, ...]:
        """A token of each service account for its role."""
        requests = self.base.requests
        roles = names.role_names(self.base.settings.name, [request.secret for request in requests])
        return tuple(
            Trial(source=source, role=roles[request.secret], service_account=f"{request.secret.namespace}/{account}")
            for request in requests
            for account in request.service_accounts
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """What a migration acts on: the account, and the cluster where one was named."""

    cloud: Cloud
    cluster: Cloud | None
    clock: Callable[[], float]
    """Seconds since 1970."""
    key: PrivateKey | None = field(default=None, repr=False)


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen; nothing is changed yet."""

    checked: Checked
    situation: Situation
    evidence: Evidence
    standing: Standing
    key: Jwk | None
    """The signing key's public half, where it is at hand and published."""
    notes: tuple[str, ...]


class Stage(Enum):
    """What one run does."""

    PREPARE = "prepare"
    """Serve, register and trust the new issuer beside the old one, and switch the cluster where one was named."""
    FINISH = "finish"
    """Take the old issuer away."""


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A plan that is ready."""

    looked: Looked
    stage: Stage
    plan: Plan


def check(order: Order) -> Checked:
    """Everything that can be wrong with an order, found in one go.

    Raises:
        Problems: with all of it.
        FileError: the directory of requests cannot be read.
    """
    problems: list[Problem] = []
    if order.unused_since and order.unused_since != NEVER_USED and seconds(order.unused_since) is None:
        what = f"{order.unused_since!r} is neither a time like 2026-11-24T10:00:00Z nor {NEVER_USED}"
        problems.append(Problem("--unused-since", what))
    if order.unused_since and not order.finish:
        problems.append(Problem("--unused-since", "it is what --finish asks for; give both"))
    try:
        base = aws_order.check(order.base)
    except Problems as error:
        raise Problems((*problems, *error.problems)) from error
    if not has_cloudfront(base.settings.partition.id):
        problems.append(Problem("--region", f"partition {base.settings.partition.id} has no CloudFront"))
    if problems:
        raise Problems(tuple(problems))
    return Checked(order=order, base=base)


def look(checked: Checked, at: At, *, concurrency: int = 10, tell: Tell | None = None) -> Looked:
    """Look at the account and the cluster; nothing is changed.

    Raises:
        CloudError: one of them cannot be looked at.
        ConflictError: there is no such set-up.
    """
    settings = replace(checked.base.settings, private=False)
    with reader(lambda call: read(at.cloud, call, tell), concurrency) as asked:
        found = observe_migration(asked, settings)
    if found.account.bucket is None:
        what = f"there is no such bucket, so there is no set-up named {settings.name}"
        raise ConflictError(what, where=f"bucket {settings.bucket}", remedy="Check --name and --region.")
    situation = Situation(settings=replace(settings, tags=_own_tags(found, settings.name)), found=found)
    evidence = Evidence(
        unused_since=checked.order.unused_since, signing=_signing(checked, situation, at), now=at.clock()
    )
    target = checked.order.target
    left = only(situation, target, Steps()) if situation.is_settled(target) else Steps()
    key, notes = _key(situation, at.key)
    return Looked(
        checked=checked,
        situation=situation,
        evidence=evidence,
        standing=standing(situation, target, evidence, leftovers=_changes(left)),
        key=key,
        notes=(*checked.base.notes, *found.account.denied, *notes),
    )


def prepare(looked: Looked) -> Prepared:
    """Draw the plan of what is to be done next.

    Raises:
        Problems: something stands in the way, or it is not safe yet to take the other issuer away.
    """
    checked, situation = looked.checked, looked.situation
    stage = _stage(looked)
    target = checked.order.target
    trials = checked.trials(Source.KEY) if looked.key is not None else ()
    if stage is Stage.FINISH and (problems := unsafe(situation, target, looked.evidence)):
        raise Problems(problems, what="It is not safe yet; nothing was changed")
    signing, is_used = looked.evidence.signing, bool(situation.trusting(target.other))
    if stage is Stage.PREPARE:
        steps = both(situation, target, trials)
    else:
        tokens = checked.trials(Source.CLUSTER) if signing is not None and is_used else ()
        steps = only(situation, target, Steps(), (*trials, *tokens))
    files = (authentication_file(situation, target, steps.ids),)
    if signing is not None and (stage is Stage.PREPARE or not is_used):
        # where nobody trusts the other issuer any more, a cluster that signs for it has to be switched all the more
        seen = Tokens(accounts=checked.accounts, trials=checked.trials(Source.CLUSTER))
        steps = together(steps, switch(situation, target, signing, seen, steps.ids))
    if steps.conflicts:
        count = len(steps.conflicts)
        things = "1 thing stands" if count == 1 else f"{count} things stand"
        raise Problems(steps.conflicts, what=f"{things} in the way; nothing was changed")
    plan = Plan(steps=in_order((*steps.steps, *files)), notes=(*looked.notes, *steps.notes))
    return Prepared(looked=looked, stage=stage, plan=only_changes(plan, checked.order.base.output_dir))


def carry_out(
    prepared: Prepared,
    at: At,
    *,
    concurrency: int = 10,
    listener: Listener = silent,
    attempts: Attempts | None = None,
) -> Result:
    """Do every step of the plan. A failed step is in the result, not raised."""
    return execute(
        prepared.plan,
        at.cloud,
        write_file=writer(prepared.plan, prepared.looked.checked.order.base.output_dir),
        concurrency=concurrency,
        listener=listener,
        attempts=attempts,
    )


@contextmanager
def reaching(
    checked: Checked, aws: Aws, get: Get, kubeconfig: Path | None, *, clock: Callable[[], float] | None = None
) -> Iterator[At]:
    """AWS, the issuers and the cluster as one cloud; the signing key is that of the output directory, if it is there.

    `clock` gives seconds since 1970; None for the machine's.

    Raises:
        ClusterError: the kubeconfig cannot be used.
        FileError, SigningKeyError: the key cannot be read, is damaged or unsafe.
    """
    path = checked.order.base.output_dir / create_key_pair.PRIVATE
    key = create_key_pair.load_private_key_file(path) if path.exists() else None
    clock = clock or WallClock().now
    with ExitStack() as stack:
        cluster = stack.enter_context(closing(KubeCluster(kubeconfig))) if kubeconfig is not None else None
        world = Reach(aws, get=get, cluster=cluster)
        cloud = MigrationCloud(world, aws, clock=clock, key=key, cluster=cluster)
        yield At(cloud=cloud, cluster=cluster, clock=clock, key=key)


def _stage(looked: Looked) -> Stage:
    """What the next run does: what nobody can use any more, or never used, is taken away without being asked."""
    order, situation = looked.checked.order, looked.situation
    unused = order.rollback and situation.unused_since(order.target.other) == NEVER_USED
    if order.finish or situation.is_settled(order.target) or unused:
        return Stage.FINISH
    return Stage.PREPARE


def _signing(checked: Checked, situation: Situation, at: At) -> Signing | None:
    if at.cluster is None:
        return None
    issuer = str(with_placeholders(situation.issuer(checked.order.target).url))
    return signing_of(at.cloud, at.cluster, issuer, checked.accounts)


def _own_tags(found: Found, name: str) -> dict[str, str]:
    """The tags besides ours that the documents carry: what is made anew gets them, too."""
    document = found.account.documents.get(discovery.PATH)
    tags = document.tags if document is not None and isinstance(document.tags, Mapping) else {}
    return {key: value for key, value in tags.items() if key not in names.owned_tags(name)}


def _key(situation: Situation, private: PrivateKey | None) -> tuple[Jwk | None, tuple[str, ...]]:
    """The key that tokens can be tried with: one that is not published would only be refused."""
    if private is None:
        return None, ()
    key, (published, _, _) = to_jwk(private.public_key()), key_set(situation)
    if jwks.has(published, key.kid):
        return key, ()
    return None, (f"no token is tried with the signing key at hand: its kid {key.kid} is not published",)


def _changes(steps: Steps) -> bool:
    """True when there is something to do; what is only written again because it may not be read does not count."""
    acting = {Action.CREATE, Action.UPDATE, Action.DELETE}
    return bool(steps.conflicts) or any(step.action in acting for step in steps.steps)


__all__ = [
    "At",
    "Checked",
    "Looked",
    "Order",
    "Prepared",
    "Stage",
    "carry_out",
    "check",
    "look",
    "prepare",
    "reaching",
]
