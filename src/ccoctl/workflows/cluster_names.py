"""Which set-up on AWS a running cluster uses: its name and region, from its issuer and the roles in its Secrets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

import msgspec

from ccoctl.aws import names
from ccoctl.credentialsrequest.model import SecretRef
from ccoctl.errors import Problem, Problems

_PUBLIC = re.compile(r"https://(?P<name>[a-z0-9-]+)-oidc\.s3\.(?P<region>[a-z0-9-]+)\.(?P<suffix>[a-z0-9.-]+)")
"""The issuer of a public bucket."""
_BEHIND_CLOUDFRONT = re.compile(r"https://[a-z0-9]+\.cloudfront\.net(/[a-z0-9-]+)?")
_ROLE = re.compile(r"arn:[a-z-]+:iam::(?P<account>\d{12}):role/(?:[\x21-\x7e]*/)?(?P<name>[\w+=,.@-]{1,64})", re.ASCII)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a cluster says of its set-up."""

    name: str
    region: str
    private: bool
    """Whether its issuer is behind CloudFront."""


def find(
    issuer: str, roles: Mapping[SecretRef, str], *, region_of_cluster: str = "", name: str = "", region: str = ""
) -> Found:
    """The set-up's name and region; what is given is taken, the rest is found.

    Args:
        issuer: the cluster's.
        roles: the ARN of the role that each Secret names.
        region_of_cluster: where it runs; the bucket of the Go tool is made there.
        name: `--name`, empty where it is to be found.
        region: `--region`, empty where it is to be found.

    Raises:
        Problems: one of them is neither given nor to be found.
    """
    public = _PUBLIC.fullmatch(issuer)
    behind = _BEHIND_CLOUDFRONT.fullmatch(issuer)
    known = name or (public["name"] if public else "") or name_in_roles(roles)
    place = region or (public["region"] if public else "") or region_of_cluster
    problems = []
    if not known:
        what = "neither the cluster's issuer nor the roles in its Secrets tell the name of its set-up; give it"
        problems.append(Problem("--name", what))
    if not place:
        problems.append(Problem("--region", "the cluster does not tell the region of its bucket; give it"))
    if problems:
        raise Problems(tuple(problems))
    return Found(name=known, region=place, private=behind is not None)


def is_elsewhere(issuer: str) -> bool:
    """True for an issuer that no bucket and no distribution of ours can serve."""
    return _PUBLIC.fullmatch(issuer) is None and _BEHIND_CLOUDFRONT.fullmatch(issuer) is None


def name_in_roles(roles: Mapping[SecretRef, str]) -> str:
    """The name under which most of the roles are named as this tool and the Go tool do; empty where there is none."""
    named = {ref: found["name"] for ref, arn in roles.items() if (found := _ROLE.fullmatch(arn))}
    votes = Counter(name for ref, role in named.items() for name in set(_names(ref, role)))
    fitting = [(_fits(name, named), name) for name in votes]
    best, name = max(fitting, default=(0, ""))
    return name if best and best * 2 > len(named) else ""


def role_name(arn: str) -> str:
    """The name of the role of an ARN, without its path; empty where it is none."""
    found = _ROLE.fullmatch(arn)
    return found["name"] if found else ""


def _names(ref: SecretRef, role: str) -> Iterator[str]:
    """The names under which the Secret's role could be called so: IAM's limit may have cut the end."""
    end = f"-{ref.namespace}-{ref.name}"
    lengths = range(len(end), 1, -1) if len(role) == names.ROLE_NAME_LIMIT else (len(end),)
    for length in lengths:
        name = role.removesuffix(end[:length])
        if name != role and name and not names.name_problems(name):
            yield name


def _fits(name: str, named: Mapping[SecretRef, str]) -> int:
    wanted = names.role_names(name, named)
    return sum(wanted[ref] == role for ref, role in named.items())
