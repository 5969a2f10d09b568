"""What AWS's error codes mean for the caller: the one table.

Source: the error shapes of the service models, and the "Common errors" page of each API reference.
"""

from __future__ import annotations

from ccoctl.errors import ErrorKind

_KINDS = {
    ErrorKind.THROTTLED: (
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "TooManyRequests",
        "SlowDown",
        "BandwidthLimitExceeded",
        "PriorRequestNotComplete",
        "429",
    ),
    ErrorKind.TRANSIENT: (
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "ServiceFailure",
        "ServiceFailureException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "Unavailable",
        "RequestTimeout",
        "RequestTimeoutException",
        "OperationAborted",
        "ConditionalRequestConflict",
        "OpenIdIdpCommunicationError",
        "IDPCommunicationError",
    ),
    ErrorKind.NOT_YET: ("ConcurrentModification", "EntityTemporarilyUnmodifiable"),
    ErrorKind.MISSING: (
        "NoSuchEntity",
        "NoSuchBucket",
        "NoSuchKey",
        "NoSuchDistribution",
        "NoSuchResource",
        "NoSuchCloudFrontOriginAccessIdentity",
        "NoSuchOriginAccessControl",
        "NotFound",
        "404",
    ),
    ErrorKind.EXISTS: (
        "EntityAlreadyExists",
        "BucketAlreadyExists",
        "BucketAlreadyOwnedByYou",
        "DistributionAlreadyExists",
        "CloudFrontOriginAccessIdentityAlreadyExists",
        "OriginAccessControlAlreadyExists",
    ),
    ErrorKind.DENIED: (
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedOperation",
        "Forbidden",
        "403",
    ),
}
_BY_CODE = {code: kind for kind, codes in _KINDS.items() for code in codes}


def kind_of(code: str, status: int) -> ErrorKind:
    """What an error means, by its code first and by its HTTP status where the code is unknown."""
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status in {429, 503}:
        return ErrorKind.THROTTLED
    if status >= 500:
        return ErrorKind.TRANSIENT
    return ErrorKind.PERMANENT
