"""What there is in an account for one name, to the same types as what is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from ccoctl.aws import calls, names, role_calls
from ccoctl.aws.desired import Settings
from ccoctl.aws.names import is_owned
from ccoctl.aws.observe_cloudfront import access_identities, find_distribution
from ccoctl.aws.observe_s3 import find_bucket, published, tags_of_objects
from ccoctl.aws.parse import provider_of, role_of
from ccoctl.aws.partition import has_cloudfront
from ccoctl.aws.policy import federated
from ccoctl.aws.reader import Reader
from ccoctl.aws.resources import Account, Bucket, Distribution, Provider, Role
from ccoctl.engine.diff import Unseen
from ccoctl.engine.pages import Pages
from ccoctl.errors import CloudError, ErrorKind, Problem

T = TypeVar("T")
_MOST_OTHERS = 5
"""Providers that are looked at because roles trust them."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What to look at."""

    settings: Settings
    issuer: bool = True
    """Bucket, distribution and provider."""
    roles: tuple[str, ...] = ()
    """Names of roles."""


def observe(asked: Reader, scope: Scope) -> Account:
    """The account as far as a creation needs it.

    Raises:
        CloudError: the account cannot be reached, or what must be seen is not allowed.
    """
    account = asked.start(lambda: account_id(asked))
    served = scope.issuer and not scope.settings.issuer_url
    bucket = asked.start(lambda: find_bucket(asked, scope.settings)) if served else None
    found_roles = [asked.start(RoleQuestion(asked, name)) for name in scope.roles]
    found = Account(id=account.result())
    if bucket is not None:
        found = _issuer(asked, scope.settings, found, bucket.result())
    elif scope.issuer:
        host = scope.settings.issuer_url.removeprefix("https://")
        provider = find_provider(asked, scope.settings, found.id, host)
        found = replace(found, providers=(provider,) if provider is not None else ())
    roles = {name: role for name, future in zip(scope.roles, found_roles, strict=True) if (role := future.result())}
    if scope.issuer:
        found = replace(found, providers=(*found.providers, *_other_providers(asked, found, roles.values())))
    return replace(found, roles=roles)


def _other_providers(asked: Reader, found: Account, roles: Iterable[Role]) -> list[Provider]:
    """The providers that roles trust besides those that were looked at; there are none but in a change of issuers."""
    known = {str(item.arn) for item in found.providers}
    arns = sorted({arn for role in roles for arn in federated(role.trust)} - known)
    own = [arn for arn in arns if f":iam::{found.id}:oidc-provider/" in arn][:_MOST_OTHERS]
    answers = {arn: asked.see(calls.get_provider(arn)) for arn in own}
    return [provider_of(arn, answer) for arn, answer in answers.items() if isinstance(answer, Mapping)]


def account_id(asked: Reader) -> str:
    """The account's number; nobody can be denied to ask for it."""
    return str(asked.get(calls.get_caller_identity())["Account"])


class RoleQuestion(msgspec.Struct, frozen=True):
    """Asks for one role and its policies."""

    asked: Reader
    name: str

    def __call__(self) -> Role | None:
        return find_role(self.asked, self.name)


def find_role(asked: Reader, name: str) -> Role | None:
    """A role with its policies, None where there is no such role."""
    answer = asked.find(role_calls.get_role(name))
    if answer is None:
        return None
    permissions, inline, attached = asked.together(
        partial(asked.see, role_calls.get_role_policy(name, name)),
        partial(asked.see, role_calls.list_role_policies(name)),
        partial(asked.see, role_calls.list_attached_role_policies(name)),
    )
    return role_of(answer, permissions=permissions, inline=inline, attached=attached)


def _issuer(asked: Reader, settings: Settings, found: Account, bucket: Bucket | None) -> Account:
    look_at_cloudfront = (settings.private or settings.shared or bucket is not None) and has_cloudfront(
        settings.partition.id
    )
    distribution: Future[Distribution | Unseen | None] | None = None
    identities = None
    if look_at_cloudfront:
        distribution = asked.start(lambda: find_distribution(asked, settings))
        identities = asked.start(lambda: access_identities(asked, settings))
    documents = asked.start(lambda: published(asked, settings.bucket, settings.folder)) if bucket is not None else None
    public = None
    if not settings.shared:
        public = asked.start(lambda: find_provider(asked, settings, found.id, settings.bucket_host))
    behind = distribution.result() if distribution is not None else None
    denied: tuple[str, ...] = ()
    if isinstance(behind, Unseen):
        denied = (_without(behind, settings),)
        behind = None
    providers = [public.result()] if public is not None else []
    if behind is not None:
        providers.append(find_provider(asked, settings, found.id, f"{behind.domain_name}{settings.path}"))
    return replace(
        found,
        bucket=bucket,
        documents=documents.result() if documents is not None else {},
        distribution=behind,
        access_identities=identities.result() if identities is not None else (),
        providers=tuple(item for item in providers if item is not None),
        denied=denied,
    )


def _without(unseen: Unseen, settings: Settings) -> str:
    if settings.private or settings.shared:
        raise CloudError(
            f"the account's distributions cannot be listed, since {unseen.action} is not allowed",
            kind=ErrorKind.DENIED,
            actions=(unseen.action,),
            remedy="A private bucket needs it: see `ccoctl aws required-permissions --create-private-s3-bucket`.",
        )
    return f"whether a distribution serves the bucket was not looked at, since {unseen.action} is not allowed"


def find_provider(asked: Reader, settings: Settings, account: str, host: str) -> Provider | None:
    """The provider of an issuer, found by its URL: the ARN follows from it."""
    arn = f"arn:{settings.partition.id}:iam::{account}:oidc-provider/{host}"
    answer = asked.find(calls.get_provider(arn))
    return provider_of(arn, answer) if answer is not None else None


def observe_for_deletion(asked: Reader, settings: Settings) -> Account:
    """Everything of a name: roles by prefix, then tags; providers by issuer, then tags."""
    account = asked.start(lambda: account_id(asked))
    bucket = asked.start(lambda: find_bucket(asked, settings))
    candidates = asked.start(lambda: role_candidates(asked, settings.name))
    cloudfront = has_cloudfront(settings.partition.id) and not settings.shared
    distribution = asked.start(lambda: find_distribution(asked, settings)) if cloudfront else None
    identities = asked.start(lambda: access_identities(asked, settings)) if cloudfront else None
    arns = asked.start(lambda: _provider_arns(asked))

    behind = distribution.result() if distribution is not None else None
    denied: tuple[str, ...] = ()
    if isinstance(behind, Unseen):
        denied = (f"distributions were not looked at, since {behind.action} is not allowed",)
        behind = None
    there, hidden = _unless_denied({f"bucket {settings.bucket}": bucket})
    roles, hidden_roles = _unless_denied(
        {f"role {name}": asked.start(RoleQuestion(asked, name)) for name in candidates.result()}
    )
    certain, guessed = _provider_candidates(arns.result(), settings, roles, behind)
    guesses = [asked.start(partial(asked.see, calls.get_provider(arn))) for arn in guessed]
    providers, hidden_providers = _unless_denied(
        {f"OIDC provider {arn}": asked.start(_ProviderQuestion(asked, arn)) for arn in certain}
    )
    for arn, guess in zip(guessed, guesses, strict=True):
        answer = guess.result()
        providers += [provider_of(arn, answer)] if isinstance(answer, Mapping) else []
        if isinstance(answer, Unseen):
            denied = (
                *denied,
                f"{arn} was not looked at, since {answer.action} is not allowed; nothing of ours trusts it",
            )
    return Account(
        id=account.result(),
        bucket=there[0] if there else None,
        objects=tags_of_objects(asked, settings.bucket, settings.folder) if there else {},
        distribution=behind,
        access_identities=identities.result() if identities is not None else (),
        providers=tuple(providers),
        roles={role.name: role for role in roles},
        denied=denied,
        unseen=(*hidden, *hidden_roles, *hidden_providers),
    )


def _unless_denied(asked: Mapping[str, Future[T | None]]) -> tuple[list[T], tuple[Problem, ...]]:
    """What was found, and what to tell, instead of giving up the rest, of that which the caller may not see."""
    found: list[T] = []
    hidden: list[Problem] = []
    for where, answer in asked.items():
        try:
            item = answer.result()
        except CloudError as error:
            if error.kind is not ErrorKind.DENIED:
                raise
            hidden.append(Problem(where, f"whether it is ours cannot be seen: {error.what}"))
        else:
            found += [item] if item is not None else []
    return found, tuple(hidden)


class _ProviderQuestion(msgspec.Struct, frozen=True):
    asked: Reader
    arn: str

    def __call__(self) -> Provider | None:
        answer = self.asked.find(calls.get_provider(self.arn))
        return provider_of(self.arn, answer) if answer is not None else None


def role_candidates(asked: Reader, name: str) -> tuple[str, ...]:
    """The names of the roles that may be ours: they begin as ours do."""
    prefix = names.role_prefix(name)
    return tuple(sorted(str(role["RoleName"]) for role in listed_roles(asked) if role["RoleName"].startswith(prefix)))


def listed_roles(asked: Reader) -> Iterator[Mapping[str, Any]]:
    """Every role of the account as a list says it: with its trust policy, without tags and boundary."""
    return asked.pages(role_calls.list_roles, Pages("Roles", "Marker", "IsTruncated"))


def _entries(answer: object, member: str) -> list[dict[str, str]]:
    entries = answer.get(member) if isinstance(answer, dict) else None
    return entries if isinstance(entries, list) else []


def _provider_arns(asked: Reader) -> tuple[str, ...]:
    return tuple(
        str(entry["Arn"]) for entry in _entries(asked.get(calls.list_providers()), "OpenIDConnectProviderList")
    )


def _provider_candidates(
    arns: Iterable[str], settings: Settings, roles: Iterable[Role], front: Distribution | None
) -> tuple[list[str], list[str]]:
    """The providers that are surely for us to look at, and those of CloudFront that may be.

    Sure are those of our bucket, our distribution and our own issuer elsewhere, and those that our roles trust.
    """
    trusted = {arn for role in roles if is_owned(role.tags, settings.name) for arn in federated(role.trust)}
    hosts = {settings.bucket_host, settings.issuer_url.removeprefix("https://"), front.domain_name if front else ""}
    named = {arn: arn.partition(":oidc-provider/")[2] for arn in sorted(arns)}
    certain = [arn for arn, host in named.items() if host in hosts or arn in trusted]
    return certain, [arn for arn, host in named.items() if ".cloudfront." in host and arn not in certain]
