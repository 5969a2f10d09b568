"""A dry run's plan as `apply.sh`: the same Calls through the AWS CLI, in the plan's order, each of them idempotent.

The plan is one of an empty account. The files that a dry run writes are the requests; the script fills in what earlier
answers hold. Nothing of the user's is ever read by the shell as code: every text goes through `shlex.quote`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Any, TypeAlias

import msgspec

from ccoctl.aws import names
from ccoctl.aws.desired import Settings
from ccoctl.aws.manifests import UNKNOWN_ROLE
from ccoctl.aws.script_shell import CLOUDFRONT, COMMON, ISSUER, OPENING, PROVIDER, ROLES
from ccoctl.aws.script_steps import Draft, command, in_query, issuer_of, lines_of
from ccoctl.engine.call import Call, JsonText, Value
from ccoctl.engine.plan import Plan
from ccoctl.signing import discovery

NAME = "apply.sh"
"""Its place beside the dry run's other files."""
MODE = 0o755


Section: TypeAlias = tuple[str, Sequence[str]]
"""What a step of the script does, as a sentence and as lines of bash."""


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """What a script is made of that carries its files itself."""

    opening: str
    """Its first lines, instead of those of `apply.sh`."""
    unpacking: str
    """The bash that puts the files below `$here`."""
    last: tuple[Section, ...] = ()
    """What is done after the plan's own steps."""


def script(
    plan: Plan,
    file_of: Mapping[str, str],
    settings: Settings,
    *,
    provider_arn: Value = "",
    packed: Packed | None = None,
) -> str:
    """The text of `apply.sh`.

    Args:
        file_of: the dry run's file for each step id, as `dry_run.file_names` gives it.
        provider_arn: the provider that the roles trust, where the plan makes none.
        packed: given where there are no files beside the script.
    """
    draft = Draft(plan=plan, file_of=file_of, settings=settings)
    sections = [
        *_look(draft, provider_arn),
        *((step.summary, lines) for step in plan.steps if (lines := lines_of(draft, step))),
        *(packed.last if packed else ()),
    ]
    count = len(sections)
    body = [section(f"{number}/{count}", *each) for number, each in enumerate(sections, start=1)]
    functions = [_constants(draft), *_functions(draft)]
    if packed is not None:
        return "".join([packed.opening, *functions, packed.unpacking, *body, _ending(draft, _COPIED)])
    return "".join([OPENING, *functions, *body, _ending(draft, _BESIDE)])


_BESIDE = ("printf 'manifests: %s\\n' \"$here/manifests\"",)
_COPIED = (
    "mkdir -p -- manifests",
    'cp -- "$here"/manifests/* manifests/',
    'if [ -d "$here/issuer" ]; then cp -R -- "$here/issuer" .; fi',
    "printf 'manifests: %s\\n' \"$PWD/manifests\"",
)


def section(number: str, title: str, lines: Sequence[str]) -> str:
    """A section of the script, announced by its number and title."""
    return "\n".join(["", f"step {number} {quote(title)}", *lines, ""])


def _constants(draft: Draft) -> str:
    settings = draft.settings
    literals = {"tag": in_query(names.comment(settings.site)), "open_line": UNKNOWN_ROLE}
    if draft.step("CreateOpenIDConnectProvider") is not None:
        literals["prefix"] = in_query(names.TAG_PREFIX)
        literals["host"] = settings.issuer_url.removeprefix("https://")
    if draft.step("CreateBucket") is not None:
        literals["bucket"] = settings.bucket
        literals["host"] = "" if settings.private else settings.bucket_host
    lines = ["", *(f"{name}={quote(value)}" for name, value in literals.items())]
    if settings.region:
        region = quote(settings.region)
        lines.append(f"export AWS_REGION={region} AWS_DEFAULT_REGION={region}")
    return "\n".join([*lines, ""])


def _functions(draft: Draft) -> list[str]:
    needed = {
        ISSUER: draft.step("CreateBucket"),
        PROVIDER: draft.step("CreateOpenIDConnectProvider"),
        CLOUDFRONT: draft.step("CreateDistributionWithTags"),
        ROLES: draft.step("CreateRole"),
    }
    return [COMMON, *(functions for functions, step in needed.items() if step is not None)]


def _look(draft: Draft, provider_arn: Value) -> list[tuple[str, list[str]]]:
    """What must be as it should be before anything is changed."""
    if draft.step("CreateBucket") is not None:
        lines = ["look_at_distribution"] if draft.settings.private else []
        folder = f"{draft.settings.folder}/" if draft.settings.folder else ""
        lines += [
            "look_at_bucket",
            f"keep_issuer {quote(folder + discovery.PATH)} {quote(draft.settings.path)}".rstrip(),
        ]
        if kids := _kids(draft):
            lines.append(" ".join(["keep_keys", quote(folder + discovery.KEYS), *map(quote, kids)]))
        return [("look at what is there already", lines)]
    if draft.step("CreateOpenIDConnectProvider") is not None:
        return []
    if not isinstance(provider_arn, str) or not provider_arn:
        return []
    lines = [
        f"provider_arn={quote(provider_arn)}",
        'ask NoSuchEntity iam get-open-id-connect-provider --open-id-connect-provider-arn "$provider_arn" \\',
        '  --query Url || fail "there is no OIDC provider $provider_arn in this account"',
    ]
    return [("look for the OIDC provider that the roles will trust", lines)]


def _kids(draft: Draft) -> list[str]:
    step = next((step for step in draft.plan.steps if step.id == f"object/{discovery.KEYS}/put"), None)
    body = step.work.parameters["Body"] if step is not None and isinstance(step.work, Call) else None
    document: Any = body.document if isinstance(body, JsonText) else {}
    return [str(key["kid"]) for key in document.get("keys", ())]


def _ending(draft: Draft, manifests: Sequence[str]) -> str:
    lines = ["", "say 'done'"]
    if draft.step("CreateOpenIDConnectProvider") is not None:
        lines.append(f"printf 'issuer: %s\\n' {issuer_of(draft)}")
    lines += ["printf 'OIDC provider: %s\\n' \"$provider_arn\"", *manifests, ""]
    return "\n".join(lines)


__all__ = ["MODE", "NAME", "Packed", "Section", "command", "script", "section"]
