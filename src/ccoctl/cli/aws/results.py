"""Results of the AWS commands, as text and as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ccoctl.cli.key_files import file_json, key_files
from ccoctl.engine.call import with_placeholders
from ccoctl.engine.plan import Action, State, WriteFile
from ccoctl.errors import Problem

if TYPE_CHECKING:
    from ccoctl.workflows.aws_create import Made
    from ccoctl.workflows.aws_dry_run import Written


def made_text(made: Made) -> str:
    """What there is now: issuer, provider, key, roles, files."""
    lines: list[str] = []
    if made.issuer:
        lines.append(f"issuer:         {made.issuer}")
    if made.provider_arn:
        lines.append(f"OIDC provider:  {made.provider_arn}")
    if made.prepared.keys.public is not None:
        lines.append(f"signing key:    {made.prepared.keys.public.kid}")
    if made.role_arns:
        lines.append("roles:")
        lines += [f"  {arn}  for {secret}" for secret, arn in made.role_arns.items()]
    if files := [entry for entry in files_json(made) if entry["action"] != "unchanged"]:
        lines.append("files:")
        lines += [f"  {entry['mode']}  {entry['path']}  {entry['action']}" for entry in files]
    changed = [outcome for outcome in made.result.outcomes if outcome.step.action not in {Action.READ, Action.WAIT}]
    count = f"{len(changed)} change{'' if len(changed) == 1 else 's'} made."
    lines.append(count if changed else "Nothing had to be changed.")
    return "\n".join(lines)


def made_json(made: Made) -> dict[str, Any]:
    """The same as data; null is what is not known: what a part has nothing to do with, or was not done."""
    from ccoctl.render.report import outcomes_json

    key = made.prepared.keys.public
    return {
        "issuer": made.issuer or None,
        "identity_provider_arn": made.provider_arn,
        "kid": key.kid if key is not None else None,
        "private_bucket": made.prepared.drawn.private if made.prepared.drawn.issuer is not None else None,
        "roles": [
            {"secret": {"namespace": secret.namespace, "name": secret.name}, "arn": arn}
            for secret, arn in made.role_arns.items()
        ],
        "files": files_json(made),
        "actions": outcomes_json(made.result),
        "notes": [*made.prepared.checked.order.said, *made.notes],
    }


def dry_run_text(done: Written) -> str:
    """The files of a dry run, and those of a key pair, which is made."""
    lines: list[str] = []
    if done.key_pair is not None:
        lines.append("signing key:")
        lines += [f"  {entry['mode']}  {entry['path']}  {entry['action']}" for entry in key_files(done.key_pair)]
    return "\n".join([*lines, "Nothing was called. What would be done is in", *(f"  {path}" for path in done.files)])


def dry_run_json(done: Written) -> dict[str, Any]:
    """What a dry run wrote; what only AWS knows is a placeholder."""
    drawn, key = done.prepared.drawn, done.prepared.keys.public
    return {
        "issuer": with_placeholders(drawn.issuer.url) if drawn.issuer is not None else None,
        "identity_provider_arn": with_placeholders(drawn.provider_arn),
        "kid": key.kid if key is not None else None,
        "files": [
            *(key_files(done.key_pair) if done.key_pair is not None else []),
            *(file_json(path, "written") for path in done.files),
        ],
        "notes": [*done.prepared.checked.order.said, *done.notes],
    }


def files_json(made: Made) -> list[dict[str, str]]:
    """The files of the output directory that were written or used."""
    directory = made.prepared.checked.order.output_dir
    keys = key_files(made.key_pair) if made.key_pair is not None else []
    written = [
        (directory / outcome.step.work.path, "replaced" if outcome.step.changes else "written")
        for outcome in made.result.outcomes
        if isinstance(outcome.step.work, WriteFile) and outcome.state is State.DONE
    ]
    return [*keys, *(file_json(path, action) for path, action in written)]


def left_text(left: tuple[Problem, ...]) -> str:
    """What a deletion leaves, and why."""
    return "\n".join(["still there:", *(f"  {problem}" for problem in left)])
