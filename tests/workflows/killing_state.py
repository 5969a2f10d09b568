"""What an account, a cluster and an output directory hold, as a text that is equal when they are."""

from __future__ import annotations

import base64
import json
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from moto.cloudfront.models import cloudfront_backends
from moto.s3.models import s3_backends

from ccoctl.errors import CcoctlError
from ccoctl.lab.accounts import ACCOUNT, iam
from ccoctl.signing.jwk import kid
from tests.openshift.objects import Object
from tests.workflows.killing_host import kid_of
from tests.workflows.killing_world import World

_OF_ITS_TIME = re.compile(
    r"(^|[_-])(etag|date|created|modified|id|expiry|reference|multipart|tick|checksum|sha256)([_-]|$)"
)
"""What moto notes of how and when a thing was made, and what only repeats its content."""
_OF_ITS_MAKING = ("resourceVersion", "uid", "creationTimestamp", "managedFields", "generation")
_RANDOM = (
    ("TIME", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")),
    ("HOST", re.compile(r"\b[0-9a-z]{13,14}(?=\.cloudfront\.net)")),
    ("USER", re.compile(r"\b[0-9a-f]{96}\b")),
    ("ID", re.compile(r"(?<=distribution/)[0-9A-Z]+|\bE[0-9A-Z]{12,14}\b")),
    ("MODULUS", re.compile(r"[\w-]{300,}")),
    ("KID", re.compile(r"(?<![\w-])[\w-]{43}(?![\w-])")),
)


def state(world: World) -> str:
    """All of it. What is random has a name by where it comes first."""
    held = {"account": _account(world), "cluster": _cluster(world), "files": _files(world.out)}
    named = json.loads(_named(json.dumps(held, sort_keys=True)))  # a random name may be sorted anywhere
    return json.dumps(named, indent=1, sort_keys=True).replace('\\"', '"')


def published(world: World) -> set[str]:
    """The kids of every key that the account publishes."""
    del world
    sets = [
        json.loads(key.value)
        for bucket in s3_backends[ACCOUNT]["aws"].buckets.values()
        for name, key in bucket.keys.items()
        if name.endswith("keys.json")
    ]
    return {key["kid"] for document in sets for key in document["keys"]}


def private_keys(world: World) -> dict[str, str]:
    """The kids of the private keys below the output directory, by file; half of one is none."""
    found = {}
    for path in sorted(world.out.rglob("*")):
        if path.suffix in {".private", ".key"} and path.is_file():
            try:
                found[str(path.relative_to(world.out))] = kid_of(path.read_bytes())
            except CcoctlError:
                continue
    return found


def _account(world: World) -> dict[str, Any]:
    backend = iam("aws")
    front = cloudfront_backends[ACCOUNT]["aws"]
    identities: Any = world.aws._edge._identities
    return {
        "roles": {role.name: _plain(role) for role in backend.roles.values()},
        "providers": {provider.url: _plain(provider) for provider in backend.open_id_providers.values()},
        "others": [len(backend.users), len(backend.groups), len(backend.instance_profiles)],
        "buckets": {
            bucket.name: _plain(bucket)
            | {"keys": {name: _plain(key) | {"value": key.value.decode()} for name, key in bucket.keys.items()}}
            for bucket in s3_backends[ACCOUNT]["aws"].buckets.values()
        },
        "distributions": [_plain(item) for item in front.distributions.values()],
        "controls": [_plain(item) for item in front.origin_access_controls.values()],
        "identities": [[item.comment] for item in identities._identities.values()],
        "tags": [sorted(map(str, tags)) for tags in front.tagger.tags.values()],
    }


def _plain(thing: object) -> dict[str, Any]:
    """What moto keeps of one thing, without what it notes of how and when it was made."""
    held = thing.__dict__ if hasattr(thing, "__dict__") else {}
    return {name: _value(value) for name, value in held.items() if not _OF_ITS_TIME.search(name.lstrip("_"))}


def _value(value: object) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return _document(value)
        case bytes():
            return value.decode("utf-8", "replace")
        case Mapping():
            return {str(key): _value(item) for key, item in value.items() if not _OF_ITS_TIME.search(str(key).lower())}
        case list() | tuple() | set() | frozenset():
            return [_value(item) for item in value]
        case _ if type(value).__module__.startswith("moto.") and "Backend" not in type(value).__name__:
            return _plain(value)
        case _:
            return type(value).__name__


def _document(text: str) -> Any:
    """JSON as what it says, so that its spelling does not count."""
    if not text.startswith("{"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _cluster(world: World) -> dict[str, Any]:
    server = world.cluster
    if server is None:
        return {}
    return {
        "issuer": server.issuer,
        "signs with": str(kid(server.key.public_key())),
        "takes": [str(kid(key.public_key())) for key in server.keys],
        "objects": {" ".join((key[0].kind, *key[1:])): _object(held) for key, held in server.store.objects.items()},
    }


def _object(held: Object) -> Object:
    metadata = {name: value for name, value in held.get("metadata", {}).items() if name not in _OF_ITS_MAKING}
    data = {name: _readable(base64.b64decode(value)) for name, value in held.get("data", {}).items()}
    return {**held, "metadata": metadata} | ({"data": data} if data else {})


def _files(directory: Path) -> dict[str, Any]:
    """Every file and directory with its mode, and what is in it; of a key, which one it is."""
    return {
        str(path.relative_to(directory)): [
            stat.filemode(path.lstat().st_mode),
            _readable(path.read_bytes()) if path.is_file() and not path.is_symlink() else None,
        ]
        for path in sorted(directory.rglob("*"))
    }


def _readable(data: bytes) -> str:
    if data.startswith(b"-----BEGIN RSA PRIVATE KEY"):
        try:
            return f"private key {kid_of(data)}"
        except CcoctlError:
            return "a part of a private key"
    if data.startswith(b"-----BEGIN PUBLIC KEY"):
        public: Any = load_pem_public_key(data)
        return f"public key {kid(public)}"
    return data.decode()


def _named(text: str) -> str:
    for kind, pattern in _RANDOM:
        seen: dict[str, str] = {}
        text = pattern.sub(lambda found, kind=kind, seen=seen: seen.setdefault(found[0], f"{kind}-{len(seen)}"), text)  # type: ignore[misc]  # mypy infers no type for a lambda's default
    return text
