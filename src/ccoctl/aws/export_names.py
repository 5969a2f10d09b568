"""What a role is called inside a template or a configuration: stable, unique, and of the letters that both take."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable

from ccoctl.credentialsrequest.model import SecretRef

_OTHER = re.compile(r"[^A-Za-z0-9]+")
_LONGEST = 200
"""Characters; CloudFormation takes 255 with what an output's name adds."""


def logical_ids(secrets: Iterable[SecretRef]) -> dict[SecretRef, str]:
    """`RoleOpenshiftIngressCloudCredentials` for each Secret; where two collide, each gets a suffix of its own."""
    return _unique(secrets, lambda secret: "Role" + "".join(map(str.capitalize, _words(secret))), "")


def labels(secrets: Iterable[SecretRef]) -> dict[SecretRef, str]:
    """`role_openshift_ingress_cloud_credentials` for each Secret, alike."""
    return _unique(secrets, lambda secret: "_".join(["role", *_words(secret)]), "_")


def _words(secret: SecretRef) -> list[str]:
    return [word for word in _OTHER.split(f"{secret.namespace} {secret.name}".lower()) if word]


def _unique(secrets: Iterable[SecretRef], name: Callable[[SecretRef], str], between: str) -> dict[SecretRef, str]:
    wanted = {secret: name(secret)[:_LONGEST] for secret in secrets}
    uses = Counter(wanted.values())
    return {secret: one if uses[one] == 1 else f"{one}{between}{_digest(secret)}" for secret, one in wanted.items()}


def _digest(secret: SecretRef) -> str:
    return hashlib.sha256(str(secret).encode()).hexdigest()[:8]
