"""The issuer's documents as files, and a small script that publishes them in the bucket that a stack has made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from shlex import quote

from ccoctl.aws import calls, names
from ccoctl.aws.desired import ISSUER_PLACEHOLDER
from ccoctl.aws.export_whole import ExportFile, Whole
from ccoctl.aws.resources import Document
from ccoctl.aws.script import section
from ccoctl.aws.script_shell import COMMON, ISSUER
from ccoctl.aws.script_steps import in_query, put
from ccoctl.engine.call import json_text, outputs, with_placeholders
from ccoctl.signing import discovery

DOCUMENTS = "documents"
NAME = "publish.sh"
_OPENING = r"""#!/usr/bin/env bash
#
# Written by `ccoctl aws export`, to be read before it is run. It publishes the issuer's documents, which stand beside
# it, in the bucket of the stack; the AWS CLI (version 1 or 2) takes credentials from the environment. It can be run
# again: an issuer or a key that is published stays, and one of another name is an error.

set -euo pipefail

stack=${1:-}
if [ $# -ne 1 ] || [ -z "$stack" ]; then
  printf 'usage: publish.sh STACK\n' >&2
  exit 2
fi
shift
"""


def documents(whole: Whole) -> Iterator[ExportFile]:
    """The documents as files; what only AWS knows is a placeholder."""
    for document in whole.documents:
        body = json_text(with_placeholders(document.body), indent=4)
        yield ExportFile(path=PurePosixPath(DOCUMENTS) / document.key, text=f"{body}\n")


def publishing(whole: Whole) -> Iterator[ExportFile]:
    """The documents; and the script, unless somebody else serves them."""
    yield from documents(whole)
    if not whole.settings.issuer_url:
        yield ExportFile(path=PurePosixPath(NAME), text=_script(whole), mode=0o755)


def _script(whole: Whole) -> str:
    settings = whole.settings
    constants = {
        "tag": in_query(names.comment(settings.site)),
        "bucket": settings.bucket,
        "open_line": "-",
    }
    region = quote(settings.region)
    lines = ["", *(f"{name}={quote(value)}" for name, value in constants.items())]
    lines += [f"export AWS_REGION={region} AWS_DEFAULT_REGION={region}", ""]
    sections = [("look at what is there already", _looking(whole))]
    sections += [(f"publish {document.key}", _publishing(whole, document)) for document in whole.documents]
    count = len(sections)
    body = [section(f"{number}/{count}", *each) for number, each in enumerate(sections, start=1)]
    ending = "\nsay 'done'\nprintf 'issuer: https://%s\\n' \"$host\"\n"
    return "".join([_OPENING, COMMON, "\n".join(lines), ISSUER, *body, ending]).replace("apply.sh: ", "publish.sh: ")


def _looking(whole: Whole) -> list[str]:
    """The issuer as the stack says it, which must be the one that this was written for where that is known."""
    query = quote("Stacks[0].Outputs[?OutputKey=='Issuer'].OutputValue | [0]")
    known = "" if outputs(whole.issuer.url) else str(whole.issuer.url)
    lines = [f'ask - cloudformation describe-stacks --stack-name "$stack" --query {query}']
    if known:
        lines.append(f'[ "$answer" = {quote(known)} ] || fail "the stack has another issuer, $answer"')
    lines += [
        'case $answer in https://*) host=${answer#https://} ;; *) fail "stack $stack has no output Issuer" ;; esac',
        f'know {quote(ISSUER_PLACEHOLDER)} "https://$host"',
        "look_at_bucket",
        '[ "$bucket_is" = ours ] || fail "bucket $bucket is not there, or carries no tag of ours"',
    ]
    for document in whole.documents:
        key = quote(document.object_key)
        if document.key == discovery.PATH:
            lines.append(f"keep_issuer {key}")
        else:
            lines.append(" ".join(["keep_keys", key, *map(quote, _kids(document))]))
    return lines


def _publishing(whole: Whole, document: Document) -> list[str]:
    file = quote(f"{DOCUMENTS}/{document.key}")
    call = calls.put_object(whole.settings.bucket, document, replaces="")
    lines = [f"fill {file}", "complete", put(call)]
    if document.key != discovery.KEYS:
        return lines
    return ['if [ "$keys_are" = missing ]; then', *(f"  {line}" for line in lines), "fi"]


def _kids(document: Document) -> list[str]:
    return [str(key["kid"]) for key in (document.body or {}).get("keys", ()) if "kid" in key]
