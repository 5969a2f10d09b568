"""A set-up as one bash script for the AWS CLI that carries its files itself.

It is `apply.sh` of a dry run, which looks before it acts and can be run again, for an account that has been looked at:
the account's number is known and checked, and what has drifted is mended by steps of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from shlex import quote

from msgspec.structs import replace

from ccoctl.aws.desired import Settings
from ccoctl.aws.dry_run import DryFile, dry_run_files, file_names
from ccoctl.aws.export_whole import Export, ExportFile, Whole
from ccoctl.aws.plans import Drawn
from ccoctl.aws.script import MODE, NAME, Packed, Section, script
from ccoctl.aws.script_steps import Draft, lines_of, put, request
from ccoctl.engine.call import Call, outputs
from ccoctl.engine.plan import Action, Plan, Step, Wait, WriteFile
from ccoctl.signing import discovery

OPENING = r"""#!/usr/bin/env bash
#
# Written by `ccoctl aws export`, to be read before it is run. It does with the AWS CLI (version 1 or 2) what
# `ccoctl aws create-all` would have done when it was written. It can be stopped at any point and run again: what is
# there already is kept, and what has our name and not our tag stops it. Credentials, profile and proxy come from the
# environment, as for every use of the AWS CLI. The manifests for the installer are written below the current directory.

set -euo pipefail
"""
_KEYS = f"object/{discovery.KEYS}/put"
_ALSO = frozenset({"bucket/tags", _KEYS, "distribution/deployed"})
"""Steps that the script takes where nothing is there; one in the plan is about what is there."""
_END = "CCOCTL_END_OF_FILE"


def cli_script(whole: Whole, drawn: Drawn, plan: Plan) -> Export:
    """The script.

    Args:
        drawn: the plan of the same set-up in an empty account of the same number.
        plan: what differs in the account now.
    """
    settings = replace(whole.settings, private=drawn.private)
    base = _kept(whole, drawn.plan)
    mending = tuple(_mending(base, plan))
    file_of = {
        **file_names(settings.name, drawn.roles, private=settings.private),
        **{step.id: f"mend-{number}.json" for number, step in enumerate(mending, start=1)},
    }
    files = [*dry_run_files(base, file_of), *dry_run_files(Plan(steps=mending), file_of)]
    packed = Packed(
        opening=OPENING,
        unpacking=_unpacking(whole.found.id, files),
        last=tuple(_mended(step, settings, file_of) for step in mending),
    )
    text = script(base, file_of, settings, provider_arn=drawn.provider_arn, packed=packed)
    return Export(main=ExportFile(path=PurePosixPath(NAME), text=text, mode=MODE))


def _kept(whole: Whole, plan: Plan) -> Plan:
    """The plan with the trust policies as they are wanted now: one that is stricter than asked for stays."""
    trusts = {f"role/{role.name}/create": role.trust.text for role in whole.roles.values()}
    return replace(
        plan,
        steps=tuple(
            replace(
                step,
                work=replace(
                    step.work, parameters={**step.work.parameters, "AssumeRolePolicyDocument": trusts[step.id]}
                ),
            )
            if step.id in trusts and isinstance(step.work, Call)
            else step
            for step in plan.steps
        ),
    )


def _mending(base: Plan, plan: Plan) -> Iterable[Step]:
    """Steps for what is there and differs, and that the script would not take by itself."""
    made = {step.address for step in plan.steps if step.action is Action.CREATE}
    there = {step.id for step in base.steps} - _ALSO
    for step in plan.steps:
        is_file = isinstance(step.work, WriteFile)
        if not is_file and step.id not in there and step.address not in made and not outputs(_parameters(step)):
            # S3 takes the condition only from what was read just now, and the script may run much later
            yield replace(step, id=f"mend/{step.id}", work=_unconditional(step.work))


def _parameters(step: Step) -> object:
    return step.work.parameters if isinstance(step.work, Call) else ()


def _unconditional(work: Call | Wait | WriteFile) -> Call | Wait | WriteFile:
    if not isinstance(work, Call) or work.operation != "PutObject":
        return work
    kept = {key: value for key, value in work.parameters.items() if key not in {"IfMatch", "IfNoneMatch"}}
    return replace(work, parameters=kept)


def _mended(step: Step, settings: Settings, file_of: Mapping[str, str]) -> Section:
    call = step.work
    if not isinstance(call, Call):
        return step.summary, lines_of(Draft(plan=Plan(), file_of=file_of, settings=settings), step)
    fill = f"fill {quote(file_of[step.id])}"
    if call.operation == "PutObject":
        return step.summary, [fill, put(call)]
    if call.operation != "UpdateDistribution":
        return step.summary, [fill, request(call)]
    known = quote(str(call.parameters["IfMatch"]))
    return step.summary, [
        f"ask - cloudfront get-distribution --id {quote(str(call.parameters['Id']))} --query ETag",
        f'if [ "$answer" = {known} ]; then',
        f"  {fill}",
        f"  {request(call)}",
        "else",
        "  say '      it was changed since this script was written, and stays as it is'",
        "fi",
    ]


def _unpacking(account: str, files: Sequence[DryFile]) -> str:
    lines = [
        "",
        "ask - sts get-caller-identity --query Account",
        f'[ "$answer" = {quote(account)} ] || fail "this is account $answer; the script was written for {account}"',
        "",
        "here=$work/files",
        *(f'mkdir -p -- "$here"/{quote(str(folder))}' for folder in dict.fromkeys(file.path.parent for file in files)),
    ]
    return "\n".join([*lines, *map(unpacked, files), ""])


def unpacked(file: DryFile) -> str:
    """The bash that writes a file, to the byte; nothing in it is looked at by bash."""
    place = f'"$here"/{quote(str(file.path))}'
    if not file.text.endswith("\n"):
        return f"printf '%s' {quote(file.text)} >{place}"
    end = _END
    while end in file.text:
        end += "_"
    return f"cat >{place} <<'{end}'\n{file.text}{end}"
