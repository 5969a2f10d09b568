"""What one step of a plan becomes in `apply.sh`: a few lines of bash that use the functions of `script_shell`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from shlex import quote
from typing import assert_never

from ccoctl.aws import names
from ccoctl.aws.desired import DISTRIBUTION_CREATE, ISSUER_PLACEHOLDER, Settings
from ccoctl.aws.dry_run import TAGS_SUFFIX
from ccoctl.engine.call import Call, Output, outputs
from ccoctl.engine.plan import Plan, Step, Wait, WriteFile
from ccoctl.signing import discovery

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_VARIABLES = {
    "Distribution.Id": "distribution",
    "Distribution.ARN": "distribution_arn",
    "Distribution.DomainName": "host",
    "OpenIDConnectProviderArn": "provider_arn",
    "CloudFrontOriginAccessIdentity.Id": "access",
    "OriginAccessControl.Id": "access",
}
"""The shell variable that holds what an answer has at a path."""
_ISSUER_LINE = "  serviceAccountIssuer: "
_ROLE_LINE = "    role_arn = "


class Draft:
    """What the section of a step is written from."""

    def __init__(self, *, plan: Plan, file_of: Mapping[str, str], settings: Settings) -> None:
        """Look once at who uses what: a plan may have thousands of steps."""
        self.plan = plan
        self.file_of = file_of
        self.settings = settings
        used = dict.fromkeys(output for step in plan.steps for output in outputs(_content(step)))
        self._outputs: dict[str, list[Output]] = {}
        for output in used:
            self._outputs.setdefault(output.step, []).append(output)
        roles = [step.id for step in plan.steps if _operation(step) == "CreateRole"]
        self._roles = {step: f"role_arn_{number}" for number, step in enumerate(roles, start=1)}

    def outputs_of(self, step: str) -> tuple[Output, ...]:
        """What other steps use of a step's answer, each once."""
        return tuple(self._outputs.get(step, ()))

    def role_variable(self, step: str) -> str:
        """The shell variable that holds the ARN of the role that a step makes."""
        return self._roles[step]

    def step(self, operation: str) -> Step | None:
        """The first step of an operation."""
        return next((step for step in self.plan.steps if _operation(step) == operation), None)


def command(operation: str) -> str:
    """An operation of the API in the words of the AWS CLI: `GetRole`, `get-role`."""
    return _WORD.sub("-", operation).lower()


def in_query(text: str) -> str:
    """A text as it stands between the single quotes of a JMESPath expression."""
    return text.replace("\\", "\\\\").replace("'", "\\'")


def issuer_of(draft: Draft, before: str = "https://") -> str:
    """The issuer as a word of bash, with something else before its host."""
    path = draft.settings.path
    return f'"{before}$host"{quote(path) if path else ""}'


def lines_of(draft: Draft, step: Step) -> list[str]:
    """What does a step; nothing where a dry run's file is all that there is to it."""
    match step.work:
        case WriteFile():
            return _manifest(draft, step.work)
        case Wait():
            return _wait(step.work)
        case Call(service="tls"):
            return []  # the thumbprint is left out
        case Call():
            return _call(draft, step, step.work)
        case _:
            assert_never(step.work)


def _call(draft: Draft, step: Step, call: Call) -> list[str]:
    match call.operation:
        case "CreateBucket":
            return _if('[ "$bucket_is" = missing ]', _send(draft, step, call))
        case "PutBucketTagging":
            return _if('[ "$bucket_is" != ours ]', _send(draft, step, call))
        case "PutObject":
            return _publish(draft, step, call)
        case "CreateCloudFrontOriginAccessIdentity":
            found = "CloudFrontOriginAccessIdentityList.Items[?Comment=='$tag'].Id"
            return _access(draft, step, call, "list-cloud-front-origin-access-identities", found)
        case "CreateOriginAccessControl":
            return _access(
                draft, step, call, "list-origin-access-controls", "OriginAccessControlList.Items[?Name=='$bucket'].Id"
            )
        case "CreateDistributionWithTags":
            return _distribution(draft, step, call)
        case "CreateOpenIDConnectProvider":
            return _provider(draft, step)
        case "CreateRole":
            name = quote(str(call.parameters["RoleName"]))
            used = [f"{draft.role_variable(step.id)}=$answer"] if draft.outputs_of(step.id) else []
            return [_fill(draft, step), f"role {name}", *used]
        case _:
            return _send(draft, step, call)


def _fill(draft: Draft, step: Step) -> str:
    return f"fill {quote(draft.file_of[step.id])}"


def _send(draft: Draft, step: Step, call: Call, *arguments: str) -> list[str]:
    return [_fill(draft, step), request(call, *arguments)]


def request(call: Call, *arguments: str) -> str:
    """The line that sends `$work/request` as a call."""
    return " ".join(["send", _not_yet(call), _service(call), command(call.operation), *arguments])


def _not_yet(call: Call) -> str:
    return quote("|".join(sorted(call.not_yet)) or "-")


def _service(call: Call) -> str:
    return "s3api" if call.service == "s3" else call.service


def _if(condition: str, lines: Sequence[str]) -> list[str]:
    return [f"if {condition}; then", *(f"  {line}" for line in lines), "fi"]


def put(call: Call) -> str:
    """The line that publishes `$work/request` as an object."""
    own = {"Body", "IfNoneMatch", "IfMatch"}  # younger AWS CLIs alone know the conditions; we have looked instead
    flags = [f"--{command(name)} {quote(str(value))}" for name, value in call.parameters.items() if name not in own]
    return f'insist {_not_yet(call)} s3api put-object --body "$work/request" {" ".join(flags)}'


def _publish(draft: Draft, step: Step, call: Call) -> list[str]:
    lines = [_fill(draft, step), "complete", put(call)]
    is_keys = step.id == f"object/{discovery.KEYS}/put"
    return _if('[ "$keys_are" = missing ]', lines) if is_keys else lines


def _access(draft: Draft, step: Step, call: Call, listing: str, query: str) -> list[str]:
    made = draft.outputs_of(step.id)
    make = _send(draft, step, call, f"--query {quote(made[0].path)}")
    return [
        f'find_one cloudfront {listing} --query "{query}"',
        *_if('[ -z "$answer" ]', make),
        "access=$answer",
        *_knowledge(draft, step),
    ]


def _distribution(draft: Draft, step: Step, call: Call) -> list[str]:
    make = [
        _fill(draft, step),
        f"retag {quote(_tags_file(draft, step))}",
        request(call, "--query 'Distribution.[Id,ARN,DomainName]'"),
        "IFS=$'\\t' read -r distribution distribution_arn host <<<\"$answer\"",
    ]
    issuer = f'know {quote(ISSUER_PLACEHOLDER)} "https://$host"'  # the path stands behind the placeholder
    return [*_if('[ -z "$distribution" ]', make), *_knowledge(draft, step), issuer]


def _provider(draft: Draft, step: Step) -> list[str]:
    settings = draft.settings
    arn = issuer_of(draft, f"arn:{settings.partition.id}:iam::$answer:oidc-provider/")
    # what is shared carries the tag of the site, and what comes now that of the cluster
    own = [f"tag={quote(in_query(names.comment(settings.name)))}"] if settings.shared else []
    return [
        *own,
        "ask - sts get-caller-identity --query Account",
        f"provider_arn={arn}",
        _fill(draft, step),
        "without_thumbprint",
        f"provider {quote(_tags_file(draft, step))}",
        *_knowledge(draft, step),
    ]


def _tags_file(draft: Draft, step: Step) -> str:
    return draft.file_of[step.id].removesuffix(".json") + TAGS_SUFFIX


def _knowledge(draft: Draft, step: Step) -> list[str]:
    """What the step's answer tells the steps after it."""
    return [
        f'know {quote(output.placeholder)} "${_VARIABLES[output.path]}"'
        for output in draft.outputs_of(step.id)
        if isinstance(output.placeholder, str) and output.placeholder
    ]


def _wait(wait: Wait) -> list[str]:
    asked = [
        f'--{command(name)} "${_VARIABLES[value.path]}"' if isinstance(value, Output) else f"--{command(name)} {value}"
        for name, value in wait.call.parameters.items()
    ]
    times = f"{wait.deadline:.0f} {wait.first_interval:.0f} {wait.longest_interval:.0f} {quote(str(wait.equals))}"
    question = f"{_service(wait.call)} {command(wait.call.operation)} {' '.join(asked)} --query {quote(wait.path)}"
    return [f"await {times} {question}"]


def _manifest(draft: Draft, file: WriteFile) -> list[str]:
    path = quote(str(file.path))
    for output in outputs(file.content):
        if output.step == DISTRIBUTION_CREATE:
            return [f"manifest {path} {quote(_ISSUER_LINE)} {issuer_of(draft)}"]
        return [f'manifest {path} {quote(_ROLE_LINE)} "${draft.role_variable(output.step)}"']
    return []


def _operation(step: Step) -> str:
    return step.work.operation if isinstance(step.work, Call) else ""


def _content(step: Step) -> object:
    match step.work:
        case Call(parameters=parameters):
            return parameters
        case Wait(call=call):
            return call.parameters
        case WriteFile(content=content):
            return content
        case _:
            assert_never(step.work)
