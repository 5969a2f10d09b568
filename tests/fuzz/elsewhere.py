"""The other ways by which a request comes in, as commands of the confined process."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ccoctl.credentialsrequest.document import Value, documents
from ccoctl.engine.call import Call
from ccoctl.errors import CcoctlError
from ccoctl.openshift.requests import requests_of
from ccoctl.release.requests import extract


def of_a_release(directory: str) -> int:
    """The files as manifests of a release image; what is taken must be what it was."""
    payload = {path.name: path.read_bytes() for path in Path(directory).iterdir() if path.is_file()}
    try:
        extracted = extract(payload, where="image", cloud="aws")
    except CcoctlError as error:
        sys.stderr.write(str(error).encode("unicode_escape").decode())
        return 1
    for name, text in extracted.files.items():
        there = [_held(one.root) for one in documents(name, payload[name]).documents]
        for one in documents(name, text.encode()).documents:
            assert _held(one.root) in there, "what is written is read as something else"
    return 0


def _held(value: Value) -> object:
    """The value without its lines, so that it can be compared."""
    match value.data:
        case Mapping():
            return {key: _held(inner) for key, inner in value.data.items()}
        case tuple():
            return [_held(inner) for inner in value.data]
        case float() as number if math.isnan(number):  # it is not itself
            return "nan"
        case _:
            return value.data


def of_a_cluster(directory: str) -> int:
    """The JSON documents as a cluster's API gives them."""
    items = [value for path in sorted(Path(directory).glob("*.json")) for value in _objects(path)]

    def ask(_call: Call) -> Mapping[str, Any]:
        return {"items": items}

    try:
        found = requests_of(ask)
    except CcoctlError:
        return 1
    return 1 if found.problems else 0


def _objects(path: Path) -> list[Any]:
    if not path.is_file() or path.stat().st_size > 1_000_000:
        return []
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return []
    return value if isinstance(value, list) else [value]


COMMANDS: Mapping[str, Callable[[str], int]] = {"of-a-release": of_a_release, "of-a-cluster": of_a_cluster}
