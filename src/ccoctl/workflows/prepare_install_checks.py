"""Whether issuer, signing key, Secrets and roles of an output directory belong together, as far as its files tell."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from ccoctl.aws import names
from ccoctl.aws.partition import partition_of
from ccoctl.aws.plans import ISSUER_FILES
from ccoctl.credentialsrequest.model import DEFAULT_TOKEN_PATH
from ccoctl.errors import CcoctlError, FileError, Problem, Problems, SigningKeyError
from ccoctl.files import read_if_present
from ccoctl.signing import discovery, jwks, keypair
from ccoctl.signing.jwk import Kid, kid, to_jwk, to_public
from ccoctl.signing.keypair import PrivateKey
from ccoctl.workflows import create_key_pair as pair
from ccoctl.workflows import manifest_files, pod_profile
from ccoctl.workflows.manifest_files import AUTHENTICATION, ComponentSecret
from ccoctl.workflows.private_keys import read_private_if_present

T = TypeVar("T")

_ROLE = re.compile(r"arn:(?P<partition>[a-z-]+):iam::(?P<account>\d{12}):role/(?:.*/)?(?P<name>[^/]+)")
_TOKEN_FILE = re.compile(r"^web_identity_token_file[ \t]*=[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_BUCKET_HOST = re.compile(r"(?P<bucket>[a-z0-9-]+)\.s3[.-](?P<region>[a-z0-9-]+)\.(?P<suffix>[a-z0-9.-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """The cluster's private key and where it was read; nothing of it is shown by `repr`."""

    path: Path
    pem: bytes = field(repr=False)
    key: PrivateKey = field(repr=False)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What an output directory holds for the installer."""

    issuer: str
    secrets: tuple[ComponentSecret, ...]
    key: SigningKey
    notes: tuple[str, ...] = ()


def wanted(directory: Path) -> Wanted:
    """What is in the output directory, checked.

    Raises:
        Problems: with everything that is missing or does not belong together.
    """
    problems: list[Problem] = []
    manifests = directory / "manifests"
    issuer = _tried(problems, lambda: manifest_files.issuer(manifests)) or ""
    secrets = _tried(problems, lambda: manifest_files.secrets(manifests))
    key = _tried(problems, lambda: _key(directory))
    notes: list[str] = []
    if secrets is not None:
        problems += _secret_problems(manifests, secrets)
        problems += _role_problems(issuer, secrets, notes)
    if key is not None:
        problems += _published_problems(directory, key.key)
    if problems or key is None:
        raise Problems(
            tuple(problems),
            what=f"the output directory {directory} cannot be given to the installer; nothing was changed",
            remedy="Make it whole with `ccoctl aws create-all`, which repairs what is missing.",
        )
    return Wanted(issuer=issuer, secrets=secrets or (), key=key, notes=tuple(notes))


def _tried(problems: list[Problem], read: Callable[[], T]) -> T | None:
    """What was read; None where that fails: the problem is kept, and the rest is looked at all the same."""
    try:
        return read()
    except Problems as error:
        problems += error.problems
    except CcoctlError as error:
        problems.append(Problem(error.where, error.what))
    return None


def _key(directory: Path) -> SigningKey:
    """The private key that the cluster has to sign with: the installer's copy, or the one it is a copy of."""
    public_path = directory / pair.PUBLIC
    public = read_if_present(public_path, limit=pair.LIMIT)
    found: list[SigningKey] = []
    for path in (directory / pair.INSTALLER, directory / pair.PRIVATE):
        pem = read_private_if_present(path)
        if pem is not None and (not found or pem != found[0].pem):
            found.append(SigningKey(path=path, pem=pem, key=keypair.load_private(pem, where=str(path))))
    if not found:
        what = "there is no private key for the installer, and a key of its own would sign tokens that nobody trusts"
        raise SigningKeyError(what, where=str(directory / pair.INSTALLER))
    chosen, *others = found
    if any(not keypair.matches(other.key, chosen.key.public_key()) for other in others):
        raise SigningKeyError(f"it is another key than {pair.PRIVATE}", where=str(chosen.path))
    if public is not None and not keypair.matches(chosen.key, keypair.load_public(public, where=str(public_path))):
        raise SigningKeyError(f"its public half is not {pair.PUBLIC}", where=str(chosen.path))
    return chosen


def _published_problems(directory: Path, key: PrivateKey) -> Iterator[Problem]:
    """Documents that somebody else serves must hold the key."""
    path = directory / ISSUER_FILES / discovery.KEYS
    try:
        data = read_if_present(path, limit=pair.LIMIT)
        if data is not None and not jwks.has(jwks.parse(data, where=str(path)), _kid(key)):
            yield Problem(str(path), "the signing key is not in it, so nobody would accept its tokens")
    except (FileError, SigningKeyError) as error:
        yield Problem(error.where or str(path), error.what)


def _kid(key: PrivateKey) -> Kid:
    return kid(to_public(to_jwk(key.public_key())))


def _secret_problems(manifests: Path, secrets: Sequence[ComponentSecret]) -> Iterator[Problem]:
    if not secrets:
        yield Problem(str(manifests), "there is no Secret of any component in it")
    for path in sorted(set(manifests.glob(manifest_files.SECRETS)) - {one.path for one in secrets}):
        yield Problem(str(path), "it is called as a Secret's file is, and holds no Secret")
    for ref, count in Counter(one.ref for one in secrets).items():
        if count > 1:
            paths = ", ".join(one.path.name for one in secrets if one.ref == ref)
            yield Problem(str(manifests), f"{count} files hold the Secret {ref}: {paths}")


def _role_problems(issuer: str, secrets: Sequence[ComponentSecret], notes: list[str]) -> Iterator[Problem]:
    roles: dict[str, list[ComponentSecret]] = {}
    for secret in secrets:
        where = str(secret.path)
        if secret.credentials is None:
            yield Problem(where, f"the Secret {secret.ref} has no credentials in its stringData")
            continue
        try:
            profile = pod_profile.parse(secret.credentials, where=where)
        except Problems as error:
            yield from error.problems
            continue
        roles.setdefault(profile.role_arn, []).append(secret)
        yield from _token_problems(secret, where, notes)
    for arn, users in roles.items():
        if len(users) > 1:
            listed = ", ".join(str(one.ref) for one in users)
            yield Problem(str(users[1].path), f"{len(users)} Secrets name the same role, {arn}: {listed}")
    yield from _owner_problems(issuer, roles)


def _token_problems(secret: ComponentSecret, where: str, notes: list[str]) -> Iterator[Problem]:
    found = _TOKEN_FILE.search(secret.credentials or "")
    path = found[1] if found else ""
    if "//" in path or {".", ".."} & set(path.split("/")) or path.endswith("/"):
        yield Problem(where, f"the token file {path[:200]!r} is not a plain path of a file")
    elif path != DEFAULT_TOKEN_PATH:
        notes.append(f"the component of {secret.ref} finds its token at {path}, not at the usual place")


def _owner_problems(issuer: str, roles: dict[str, list[ComponentSecret]]) -> Iterator[Problem]:
    """All roles are of one account and partition, and of the set-up that the issuer is of, where its host says so."""
    parts = {arn: match for arn in roles if (match := _ROLE.fullmatch(arn))}
    owners = Counter((match["partition"], match["account"]) for match in parts.values())
    if not owners:
        return
    (most, _), *_ = owners.most_common(1)
    host = issuer.removeprefix("https://").partition("/")[0]
    bucket = _BUCKET_HOST.fullmatch(host)
    partition = _partition(bucket["region"]) if bucket else ""
    name = bucket["bucket"].removesuffix("-oidc") if bucket and bucket["bucket"].endswith("-oidc") else ""
    for arn, match in parts.items():
        where = str(roles[arn][0].path)
        if (match["partition"], match["account"]) != most:
            yield Problem(where, f"the role {arn} is of another account than most others, {':'.join(most)}")
        elif partition and match["partition"] != partition:
            yield Problem(where, f"the role {arn} is not of the issuer's partition, {partition}: {issuer}")
        elif name and not match["name"].startswith(names.role_prefix(name)):
            yield Problem(where, f"the role {arn} is not of the set-up {name}, whose issuer {AUTHENTICATION} names")


def _partition(region: str) -> str:
    try:
        return partition_of(region).id
    except Problems:
        return ""
