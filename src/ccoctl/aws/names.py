"""The names and tags of what is made on AWS, as the Go tool makes them.

Source: pkg/cmd/provisioning/aws/create_identity_provider.go and create-iam-roles.go of the cloud-credential-operator.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NewType

from ccoctl.credentialsrequest.model import SecretRef
from ccoctl.errors import Problem
from ccoctl.signing import discovery

RoleName = NewType("RoleName", str)
Tags = Mapping[str, str]

TAG_PREFIX = "openshift.io/cloud-credential-operator/"
OWNED = "owned"
ROLE_NAME_LIMIT = 64
"""Characters; IAM's limit for a role's name."""
PROVIDER_URL_LIMIT = 255
"""Characters; IAM's limit for a provider's URL."""
NAME_LIMIT = 58
"""Characters of `--name`: S3 allows 63 for the bucket `<name>-oidc`."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")


def name_problems(name: str) -> tuple[Problem, ...]:
    """What S3 and IAM would refuse in `--name`.

    Source: S3 user guide, "General purpose bucket naming rules". A dot would break TLS for virtual-hosted addresses.
    """
    found = []
    if not name:
        found.append("is empty")
    elif len(name) > NAME_LIMIT:
        found.append(f"has {len(name)} characters; the bucket <name>-oidc leaves room for {NAME_LIMIT}")
    if "." in name:
        found.append("holds a dot, and the certificate of S3 does not cover bucket names with dots")
    elif name and not _NAME.fullmatch(name):
        found.append("may hold lower-case letters, digits and hyphens, and begins and ends with a letter or digit")
    if name.startswith(_RESERVED_PREFIXES):
        found.append("begins with a prefix that S3 keeps for itself: " + ", ".join(_RESERVED_PREFIXES))
    return tuple(Problem("--name", f"{name!r} {what}") for what in found)


def issuer_problem(url: str) -> str:
    """Why IAM would take no such URL as a provider's, or tokens could not name it; empty when it is good.

    Source: IAM API reference, CreateOpenIDConnectProvider: https, no port, no query.
    """
    if reason := discovery.url_problem(url):
        return reason
    if url.endswith("/"):
        return "ends in a slash, and a token's issuer is compared character by character"
    if ":" in url.removeprefix("https://"):
        return "has a port, which IAM does not take"
    host = url.removeprefix("https://").partition("/")[0]
    if host != host.lower():
        return "has upper-case letters in its host"
    return f"has more than {PROVIDER_URL_LIMIT} characters" if len(url) > PROVIDER_URL_LIMIT else ""


def shared_problems(shared: str, name: str) -> tuple[Problem, ...]:
    """What is wrong with `--shared-issuer`; nothing where it is empty."""
    if not shared:
        return ()
    if shared == name:
        return (Problem("--shared-issuer", f"{shared!r} is --name, too; the issuer that several share has its own"),)
    return tuple(Problem("--shared-issuer", problem.what) for problem in name_problems(shared))


def bucket_name(name: str) -> str:
    """The bucket that serves the cluster's issuer."""
    return f"{name}-oidc"


def comment(name: str) -> str:
    """What marks CloudFront's resources as ours: those that take no tags are found by it."""
    return f"{TAG_PREFIX}{name}"


def owned_tags(name: str) -> dict[str, str]:
    """The tags that every resource carries."""
    return {f"{TAG_PREFIX}{name}": OWNED, "Name": name}


def is_owned(tags: Tags, name: str) -> bool:
    """True when key and value of the ownership tag are there."""
    return tags.get(f"{TAG_PREFIX}{name}") == OWNED


def owners(tags: Tags) -> tuple[str, ...]:
    """The names that the ownership tags name."""
    return tuple(
        sorted(
            key.removeprefix(TAG_PREFIX) for key, value in tags.items() if key.startswith(TAG_PREFIX) and value == OWNED
        )
    )


def role_names(name: str, secrets: Iterable[SecretRef]) -> dict[SecretRef, RoleName]:
    """A role name for each Secret: `<name>-<namespace>-<secret>` cut at 64 characters.

    Where the cut makes several Secrets collide, each of them gets a suffix of its own instead, whatever their order.
    """
    wanted = dict.fromkeys(secrets)
    cut = {secret: _full(name, secret)[:ROLE_NAME_LIMIT] for secret in wanted}
    uses = Counter(cut.values())
    return {secret: RoleName(text if uses[text] == 1 else suffixed_name(name, secret)) for secret, text in cut.items()}


def _full(name: str, secret: SecretRef) -> str:
    return f"{name}-{secret.namespace}-{secret.name}"


def suffixed_name(name: str, secret: SecretRef) -> str:
    """The name of a Secret whose plain name, cut, is that of another: told apart by a digest."""
    import hashlib  # for very few names

    digest = hashlib.sha256(str(secret).encode()).hexdigest()[:8]
    return f"{_full(name, secret)[: ROLE_NAME_LIMIT - len(digest) - 1]}-{digest}"


def role_prefix(name: str) -> str:
    """What the name of every role of ours begins with."""
    return f"{name}-"


def dry_run_name(name: str, secret: SecretRef) -> str:
    """The uncut name, as the Go tool's dry run puts it into file names."""
    return _full(name, secret)
