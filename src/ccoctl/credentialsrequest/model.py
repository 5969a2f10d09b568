"""The types of a CredentialsRequest, as far as this tool reads them.

Source: the CRD `credentialsrequests.cloudcredential.openshift.io` (v1) and `AWSProviderSpec` of the operator's API.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypeAlias

import msgspec

from ccoctl.errors import in_line

DEFAULT_TOKEN_PATH = "/var/run/secrets/openshift/serviceaccount/token"  # noqa: S105 - a path, no password # nosec B105

ConditionValue: TypeAlias = str | bool | int | float | tuple[str | bool | int | float, ...]
PolicyCondition: TypeAlias = Mapping[str, Mapping[str, ConditionValue]]
"""operator → condition key → value or values, as an IAM policy's Condition."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request was read."""

    file: str
    """As the user named its directory, joined with the file's name."""
    line: int
    """The line its document begins on, from 1."""
    document: int
    """The document's number in the file, from 1."""

    def __str__(self) -> str:
        return f"{in_line(self.file)}:{self.line}: document {self.document}"


class SecretRef(msgspec.Struct, frozen=True, kw_only=True):
    """The Secret that the component reads its credentials from."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class AwsStatement(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of an AWSProviderSpec's statementEntries."""

    effect: str
    actions: tuple[str, ...]
    resource: str
    condition: PolicyCondition = {}


class AwsProviderSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a component asks for on AWS."""

    statements: tuple[AwsStatement, ...]


class CredentialsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request for AWS credentials, checked against its schema."""

    name: str
    namespace: str
    annotations: Mapping[str, str]
    secret: SecretRef
    service_accounts: tuple[str, ...]
    spec: AwsProviderSpec
    token_path: str = DEFAULT_TOKEN_PATH
    source: Source

    @property
    def subjects(self) -> tuple[str, ...]:
        """The `sub` claims of the tokens that may use the role."""
        return tuple(f"system:serviceaccount:{self.secret.namespace}:{name}" for name in self.service_accounts)


class Reason(Enum):
    """Why something that was read is left out."""

    OTHER_KIND = "other kind"
    OTHER_CLOUD = "other cloud"
    DELETED = "marked for deletion"
    FEATURE_SET = "feature set not enabled"


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """A document that is left out, and why."""

    source: Source
    reason: Reason
    name: str = ""
    """Of another kind: that kind. For another cloud: its provider spec's kind. Else the Secret or the request."""


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What a directory holds."""

    directory: str
    """As the user named it."""
    requests: tuple[CredentialsRequest, ...]
    """The requests for AWS that are not marked for deletion, in the order of their files."""
    skipped: tuple[Skipped, ...] = ()
