"""What must hold of a set-up besides its exchanges: account, documents, key, provider and manifests agree."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ccoctl.aws.desired import AUDIENCES
from ccoctl.aws.resources import Account
from ccoctl.engine.diff import Unseen
from ccoctl.engine.plan import Action, Plan, Step, WriteFile
from ccoctl.errors import CcoctlError, Problems, SigningKeyError
from ccoctl.federation.documents import Documents
from ccoctl.federation.proof import Check, Part, Verdict
from ccoctl.signing import discovery, jwks
from ccoctl.signing.jwk import Jwk

_SHOWN = 5
"""Differences that are named; the rest is counted."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at."""

    issuer: str
    plan: Plan | Problems
    """What `create-all` would do, its files included; or why it would refuse."""
    account: Account
    documents: Documents | CcoctlError
    """As the world sees them; or why it does not."""
    key: Jwk | None
    """The signing key's public half; None where no key is at hand."""
    has_manifests: bool
    mender: str = "create-all"
    """The command that would put it right."""


def checks(seen: Seen) -> tuple[Check, ...]:
    """Each check with its verdict, in the order in which a token meets what they are about."""
    return tuple(
        check
        for check in (
            _account(seen),
            _manifests(seen) if seen.has_manifests else None,
            _documents(seen),
            _same_keys(seen),
            _key(seen.key, seen.documents) if seen.key is not None else None,
            _provider(seen),
        )
        if check is not None
    )


def _account(seen: Seen) -> Check:
    if isinstance(seen.plan, Problems):
        told = "; ".join(str(problem) for problem in seen.plan.problems[:_SHOWN])
        return _check("account", Part.ACCOUNT, Verdict.WRONG, told)
    steps = [step for step in _changes(seen.plan) if not isinstance(step.work, WriteFile)]
    if not steps:
        return _check("account", Part.ACCOUNT, Verdict.OK, "It holds all that is wanted.")
    if all(step.action is Action.REWRITE for step in steps):
        what = f"Some of it may not be read: it cannot be compared without {', '.join(_unseen(seen.account))}."
        return _check("account", Part.ACCOUNT, Verdict.UNKNOWN, what)
    return _check("account", Part.ACCOUNT, Verdict.WRONG, f"It differs; {seen.mender} would {_listed(steps)}.")


def _manifests(seen: Seen) -> Check:
    if isinstance(seen.plan, Problems):
        return _check("manifests", Part.ROLES, Verdict.UNKNOWN, "The account has to be put right first.")
    files = [step for step in _changes(seen.plan) if isinstance(step.work, WriteFile)]
    if files:
        return _check("manifests", Part.ROLES, Verdict.WRONG, f"They differ; {seen.mender} would {_listed(files)}.")
    return _check("manifests", Part.ROLES, Verdict.OK, "They name this issuer and these roles.")


def _unseen(account: Account) -> list[str]:
    """The permissions that are missing to see all of it."""
    resources = (account.bucket, *account.documents.values(), *account.roles.values())
    values = (value for item in resources if item is not None for value in msgspec.structs.astuple(item))
    return sorted({value.action for value in values if isinstance(value, Unseen)})


def _changes(plan: Plan) -> Iterator[Step]:
    return (step for step in plan.steps if step.action not in {Action.READ, Action.WAIT})


def _listed(steps: list[Step]) -> str:
    told = "; ".join(step.summary for step in steps[:_SHOWN])
    return told if len(steps) <= _SHOWN else f"{told}; and {len(steps) - _SHOWN} things more"


def _documents(seen: Seen) -> Check:
    if isinstance(seen.documents, CcoctlError):
        return _check("documents", Part.ISSUER, Verdict.WRONG, _told(seen.documents))
    count = len(seen.documents.jwks.keys)
    what = f"{seen.issuer} serves the discovery document and a JWKS of {count} key{'s'[: count != 1]} to everybody."
    return _check("documents", Part.ISSUER, Verdict.OK, what)


def _told(error: CcoctlError) -> str:
    """An error in one line, the way out in it."""
    place = f"{error.where}: " if error.where else ""
    return f"{place}{error.what.removesuffix('.')}. {error.remedy}".rstrip()


def _same_keys(seen: Seen) -> Check | None:
    """A distribution may still serve what the bucket held before."""
    there = seen.account.documents.get(discovery.KEYS)
    if isinstance(seen.documents, CcoctlError) or there is None:
        return None
    try:
        held = jwks.parse(there.raw)
    except SigningKeyError as error:
        return _check("caches", Part.ISSUER, Verdict.WRONG, f"The bucket's {discovery.KEYS} is no JWKS: {error.what}.")
    if held != seen.documents.jwks:
        what = "The world sees another JWKS than the bucket holds: wait until caches have run out, or invalidate them."
        return _check("caches", Part.ISSUER, Verdict.WRONG, what)
    return _check("caches", Part.ISSUER, Verdict.OK, "The world sees the JWKS that the bucket holds.")


def _key(key: Jwk, documents: Documents | CcoctlError) -> Check:
    if isinstance(documents, CcoctlError):
        return _check("signing key", Part.KEY, Verdict.UNKNOWN, "Nobody can tell: the JWKS cannot be had.")
    if not jwks.has(documents.jwks, key.kid):
        kids = ", ".join(str(item.kid) for item in documents.jwks.keys) or "none"
        return _check("signing key", Part.KEY, Verdict.WRONG, f"{key.kid} is not among the published kids: {kids}.")
    try:
        jwks.with_key(documents.jwks, key)
    except SigningKeyError as error:
        return _check("signing key", Part.KEY, Verdict.WRONG, f"{error.what}.")
    return _check("signing key", Part.KEY, Verdict.OK, f"It is published as {key.kid}.")


def _provider(seen: Seen) -> Check:
    found = next((item for item in seen.account.providers if item.url == seen.issuer), None)
    if found is None:
        what = f"IAM has no OIDC provider for {seen.issuer}: run {seen.mender}."
        return _check("identity provider", Part.PROVIDER, Verdict.WRONG, what)
    if missing := sorted(set(AUDIENCES) - found.audiences):
        what = f"{found.arn} does not take the audience {', '.join(missing)}: run {seen.mender}."
        return _check("identity provider", Part.PROVIDER, Verdict.WRONG, what)
    what = f"{found.arn} takes the audiences {', '.join(sorted(found.audiences))}."
    return _check("identity provider", Part.PROVIDER, Verdict.OK, what)


def _check(name: str, part: Part, verdict: Verdict, detail: str) -> Check:
    return Check(name=name, verdict=verdict, detail=detail, part=part)
