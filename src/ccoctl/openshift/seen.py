"""What was seen of a cluster; a value that the caller may not read is `Unseen` and names the missing right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ccoctl.credentialsrequest.model import Loaded, SecretRef
from ccoctl.engine.diff import Unseen
from ccoctl.errors import CcoctlError, Problem
from ccoctl.signing.jwks import Jwks

ROOT_SECRETS = (
    *("aws-creds", "azure-credentials", "gcp-credentials", "openstack-credentials", "vsphere-creds"),
    *("ovirt-credentials", "kubevirt-credentials"),
)
"""In kube-system, an administrator's long-lived credentials for each cloud (constants.go of the operator)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSecret:
    """A Secret of a component."""

    uid: str
    data: Mapping[str, str] = field(repr=False)
    """What it holds, as text."""


class Requests(msgspec.Struct, frozen=True, kw_only=True):
    """The CredentialsRequests of a cluster."""

    loaded: Loaded
    documents: Mapping[SecretRef, Mapping[str, Any]]
    """The objects of those for AWS, as files would hold them: without what the API server added."""
    own_roles: Mapping[SecretRef, str] = msgspec.field(default_factory=dict)
    """The ARN of the role that a request brings itself, as add-ons do: the operator makes its Secret, and nobody asks
    us for a role. Such requests are not among the loaded ones."""
    problems: tuple[Problem, ...] = ()
    """Requests that cannot be read."""


class ClusterSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster as it is; None is what does not exist."""

    mode: str | Unseen | None
    """The CloudCredential's `credentialsMode`; empty for the default."""
    issuer: str | Unseen | None
    """The Authentication's; empty where it names none."""
    issuer_version: str = ""
    """The Authentication's resourceVersion, to change it only as it was seen."""
    served: str | Unseen
    """The issuer in the API server's own discovery document."""
    keys: Jwks | Unseen | CcoctlError
    """The API server's own JWKS, or what is wrong with it."""
    requests: Requests | Unseen
    secrets: Mapping[SecretRef, HeldSecret | Unseen | None]
    roots: Mapping[str, bool | Unseen]
    """Whether there is a root Secret of this name."""
    region: str = ""
    """Where the Infrastructure says that the cluster runs; empty where nobody knows."""
