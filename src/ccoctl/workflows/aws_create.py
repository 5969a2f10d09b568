"""Make a set-up on AWS, or a part of it: check, observe, draw the plan, carry it out."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from ccoctl.aws import names
from ccoctl.aws.observe import Scope, account_id, find_provider, observe
from ccoctl.aws.plans import KEPT, Drawn
from ccoctl.aws.reader import Reader, reader
from ccoctl.credentialsrequest.model import SecretRef
from ccoctl.engine.attempt import Attempts, Tell, read
from ccoctl.engine.call import resolve
from ccoctl.engine.cloud import Cloud
from ccoctl.engine.events import Listener, silent
from ccoctl.engine.execute import execute
from ccoctl.engine.plan import Address, Result, State
from ccoctl.errors import ConflictError
from ccoctl.workflows.aws_drawn import Prepared, drawn_for
from ccoctl.workflows.aws_keys import Keys, Saving, keys_for
from ccoctl.workflows.aws_order import Checked, Part
from ccoctl.workflows.create_key_pair import KeyPair
from ccoctl.workflows.output_files import only_changes, without_files, writer


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What a creation ended with; texts are empty where they are not known because a step was not done."""

    prepared: Prepared
    result: Result
    key_pair: KeyPair | None
    """The pair in the output directory; None where a public key alone was given, or none was needed."""
    issuer: str
    provider_arn: str
    role_arns: Mapping[SecretRef, str]
    """Of the roles that exist."""
    notes: tuple[str, ...]


def prepare(
    checked: Checked,
    cloud: Cloud,
    *,
    concurrency: int = 10,
    tell: Tell | None = None,
    make_key: bool = True,
    compare_files: bool = True,
) -> Prepared:
    """Look at the keys and the account, and draw the plan; nothing is changed.

    Args:
        make_key: whether a key pair is made, in memory, where there is none; a plan to look at does without.
        compare_files: whether the plan covers the files of the output directory.

    Raises:
        Problems: something is in the way; SigningKeyError, FileError: the key pair is damaged or unsafe.
        CloudError: the account cannot be looked at.
    """
    keys = keys_for(checked.order, make_one=make_key, wait=False)
    with reader(lambda call: read(cloud, call, tell), concurrency) as asked:
        drawn = _draw(checked, keys, asked)
    directory = checked.order.output_dir
    plan = only_changes(drawn.plan, directory) if compare_files else without_files(drawn.plan)
    if KEPT in plan.notes:
        keys = replace(keys, notes=())  # none is to be made, or published
    return Prepared(
        checked=checked,
        keys=keys,
        drawn=replace(drawn, plan=plan),
        notes=(*checked.notes, *keys.notes, *plan.notes),
    )


def carry_out(
    prepared: Prepared,
    cloud: Cloud,
    *,
    concurrency: int = 10,
    listener: Listener = silent,
    attempts: Attempts | None = None,
) -> Made:
    """Do every step of the plan; a key pair that is new is saved by one. A failed step is in the result, not raised."""
    write_file = writer(prepared.drawn.plan, prepared.checked.order.output_dir)
    saving = Saving(cloud, prepared.keys)
    result = execute(
        prepared.drawn.plan,
        saving,
        write_file=write_file,
        concurrency=concurrency,
        listener=listener,
        attempts=attempts,
    )
    return _made(replace(prepared, keys=saving.keys), result, saving.saved)


def _made(prepared: Prepared, result: Result, saved: KeyPair | None) -> Made:
    drawn = prepared.drawn

    def known(value: object) -> str:
        return str(resolve(value, lambda output: result.lookup(output) or ""))

    unmade = {
        outcome.step.address
        for outcome in result.outcomes
        if outcome.step.id.endswith("/create") and outcome.state is not State.DONE
    }
    skipped = [str(answer["Skipped"]) for answer in result.answers.values() if "Skipped" in answer]
    return Made(
        prepared=prepared,
        result=result,
        key_pair=saved,
        issuer=known(drawn.issuer.url) if drawn.issuer is not None else "",
        provider_arn=known(drawn.provider_arn),
        role_arns={
            secret: known(role.arn) for secret, role in drawn.roles.items() if Address("role", role.name) not in unmade
        },
        notes=(*prepared.notes, *(f"the thumbprint is left out, and AWS does not need it: {why}" for why in skipped)),
    )


def _draw(checked: Checked, keys: Keys, asked: Reader) -> Drawn:
    settings = checked.settings
    wanted_roles = names.role_names(settings.name, [request.secret for request in checked.requests]).values()
    if checked.order.part is Part.IAM_ROLES:
        _check_provider(checked, asked)
    scope = Scope(settings=settings, issuer=checked.order.part is not Part.IAM_ROLES, roles=tuple(wanted_roles))
    found = observe(asked, scope)
    drawn = drawn_for(checked, keys.public, found)
    return replace(drawn, plan=replace(drawn.plan, notes=(*drawn.plan.notes, *found.denied)))


def _check_provider(checked: Checked, asked: Reader) -> None:
    """Roles may trust only a provider of their own account, and one that is there."""
    arn = checked.order.provider_arn
    account = account_id(asked)
    theirs = arn.split(":")[4]
    if theirs != account:
        raise ConflictError(
            f"the OIDC provider is in account {theirs}, the credentials are of account {account}",
            where=arn,
            remedy="A role can trust only a provider of its own account: use that account's credentials.",
        )
    host = arn.partition(":oidc-provider/")[2]
    if find_provider(asked, checked.settings, account, host) is None:
        raise ConflictError(
            "there is no such OIDC provider",
            where=arn,
            remedy="Make it with `ccoctl aws create-identity-provider`, which prints its ARN.",
        )


def exposure(checked: Checked) -> tuple[str, ...]:
    """What a reviewer should know: which requests ask for rights on every resource."""
    wide = [
        str(request.secret)
        for request in checked.requests
        if any(statement.effect == "Allow" and statement.resource == "*" for statement in request.spec.statements)
    ]
    if not wide:
        return ()
    return (f"{len(wide)} of {len(checked.requests)} requests ask for rights on every resource: {', '.join(wide)}",)


__all__ = ["Made", "Prepared", "carry_out", "exposure", "prepare"]
