"""Public or private: what exists decides. Changing the issuer of an existing set-up is a migration, no side effect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from ccoctl.aws import names
from ccoctl.aws.desired import Issuer, Settings, future_issuer, issuer_elsewhere
from ccoctl.aws.policy import federated
from ccoctl.aws.resources import Account, PublicAccess, Role
from ccoctl.errors import Problem
from ccoctl.signing import discovery


class Mode(msgspec.Struct, frozen=True, kw_only=True):
    """The settings with `private` as it really is, and the issuer that follows."""

    settings: Settings
    issuer: Issuer
    notes: tuple[str, ...] = ()
    conflicts: tuple[Problem, ...] = ()


def mode(settings: Settings, found: Account) -> Mode:
    """Decide from the account, then from the options."""
    decided = _decided(settings, found)
    return replace(decided, conflicts=(*decided.conflicts, *_of_another(settings, found, decided.issuer)))


def _decided(settings: Settings, found: Account) -> Mode:
    if settings.issuer_url:
        note = f"publish what is in issuer/ below {settings.issuer_url}; `ccoctl aws verify` sees whether it is there"
        return Mode(settings=settings, issuer=issuer_elsewhere(settings.issuer_url), notes=(note,))
    if settings.shared:
        return _shared(settings, found)
    public = Issuer(host=settings.bucket_host)
    where = f"issuer of {settings.name}"
    if found.distribution is not None:
        return _private(settings, found, public, Issuer(host=found.distribution.domain_name), where)
    published = _published(found)
    if settings.private:
        return _to_be_private(settings, found, public, published, where)
    conflicts: tuple[Problem, ...] = ()
    if published not in {"", public.url}:
        what = f"the published issuer is {published}, and no distribution of ours serves it"
        conflicts = (Problem(where, f"{what}; changing the issuer is a migration, and this command makes none"),)
    return Mode(settings=settings, issuer=public, conflicts=conflicts)


def _shared(settings: Settings, found: Account) -> Mode:
    """A folder behind the distribution that several clusters share; it is there, or is made by the first of them."""
    front, bucket = found.distribution, found.bucket
    issuer = future_issuer(settings.path) if front is None else Issuer(host=front.domain_name, path=settings.path)
    conflicts: tuple[Problem, ...] = ()
    if bucket is not None and bucket.public_access == PublicAccess(block_policies=False):
        what = "it serves an issuer of its own to everybody, and closing it would cut that one off; choose another name"
        conflicts = (Problem(f"bucket {settings.bucket}", what),)
    return Mode(settings=replace(settings, private=True), issuer=issuer, conflicts=conflicts)


def _private(settings: Settings, found: Account, public: Issuer, private: Issuer, where: str) -> Mode:
    from ccoctl.aws.migration import ORIGIN_PATH, origin_path  # which only what exists can be in the middle of

    conflicts: tuple[Problem, ...] = ()
    if _registered(found, settings, public) or origin_path(found.distribution) == ORIGIN_PATH:
        conflicts = (
            Problem(
                where,
                f"it is between {public.url} and {private.url}: a migration between them is under way; finish it or "
                "roll it back first (`ccoctl aws migrate-to-private-bucket --status` says where it stands)",
            ),
        )
    notes = () if settings.private else ("the set-up is private and stays so",)
    return Mode(settings=replace(settings, private=True), issuer=private, notes=notes, conflicts=conflicts)


def _to_be_private(settings: Settings, found: Account, public: Issuer, published: str, where: str) -> Mode:
    conflicts: tuple[Problem, ...] = ()
    if _registered(found, settings, public) or published == public.url:
        conflicts = (
            Problem(
                where,
                f"it is {public.url} and public; making it private changes the issuer of a cluster, which is a "
                "migration and not done by this command: use `ccoctl aws migrate-to-private-bucket`",
            ),
        )
    return Mode(settings=settings, issuer=future_issuer(), conflicts=conflicts)


def _of_another(settings: Settings, found: Account, issuer: Issuer) -> tuple[Problem, ...]:
    """Roles that trust another issuer of this set-up, and not this one: taking it from them is no side effect."""
    ours = [item for item in found.providers if names.is_owned(item.tags, settings.name) and item.url != issuer.url]
    for role in found.roles.values():
        trusted = federated(role.trust)
        other = next((item for item in ours if item.arn in trusted), None)
        if other is not None and not any(item.arn in trusted for item in found.providers if item.url == issuer.url):
            what = (
                f"it trusts {other.url}, which is this set-up's issuer; give the options that it was made with "
                "(--region, --shared-issuer, --issuer-url), or migrate it"
            )
            return (Problem(f"role {role.name}", what),)
    return ()


def between_issuers(settings: Settings, arn: object, roles: Iterable[Role]) -> tuple[Problem, ...]:
    """Roles that trust an issuer and another one that may be ours, too: whoever sets one alone cuts the other off."""
    found = []
    for role in roles:
        trusted = federated(role.trust)
        others = [item for item in sorted(trusted) if item != arn and _may_be_ours(settings, item)]
        if arn in trusted and others:
            what = (
                f"it trusts {others[0]}, too: a migration is under way; finish it or roll it back first "
                "(`ccoctl aws migrate-to-private-bucket --status` says where it stands)"
            )
            found.append(Problem(f"role {role.name}", what))
    return tuple(found)


def _may_be_ours(settings: Settings, arn: str) -> bool:
    host = arn.partition(":oidc-provider/")[2]
    return host.startswith(f"{settings.bucket}.s3.") or ".cloudfront.net" in host


def _registered(found: Account, settings: Settings, issuer: Issuer) -> bool:
    return any(
        provider.url == issuer.url and names.is_owned(provider.tags, settings.name) for provider in found.providers
    )


def _published(found: Account) -> str:
    document = found.documents.get(discovery.PATH)
    body = document.body if document is not None else None
    issuer = body.get("issuer") if isinstance(body, Mapping) else None
    return issuer if isinstance(issuer, str) else ""
