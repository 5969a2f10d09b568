"""Public or private: what exists decides. Changing the issuer of an existing set-up is a migration, no side effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ccoctl.aws import names
from ccoctl.aws.desired import Issuer, Settings, future_issuer
from ccoctl.aws.resources import Account
from ccoctl.errors import Problem
from ccoctl.signing import discovery


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """The settings with `private` as it really is, and the issuer that follows."""

    settings: Settings
    issuer: Issuer
    notes: tuple[str, ...] = ()
    conflicts: tuple[Problem, ...] = ()


def mode(settings: Settings, found: Account) -> Mode:
    """Decide from the account, then from the options."""
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


def _private(settings: Settings, found: Account, public: Issuer, private: Issuer, where: str) -> Mode:
    conflicts: tuple[Problem, ...] = ()
    if _registered(found, settings, public):
        conflicts = (
            Problem(
                where,
                f"both {public.url} and {private.url} are registered: a migration between them is under way; "
                "finish it or roll it back first",
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
                f"it is {public.url} and public; making it private changes the issuer of a cluster, "
                "which is a migration and not done by this command",
            ),
        )
    return Mode(settings=settings, issuer=future_issuer(), conflicts=conflicts)


def _registered(found: Account, settings: Settings, issuer: Issuer) -> bool:
    return any(
        provider.url == issuer.url and names.is_owned(provider.tags, settings.name) for provider in found.providers
    )


def _published(found: Account) -> str:
    document = found.documents.get(discovery.PATH)
    body = document.body if document is not None else None
    issuer = body.get("issuer") if isinstance(body, Mapping) else None
    return issuer if isinstance(issuer, str) else ""
