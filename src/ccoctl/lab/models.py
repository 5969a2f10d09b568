"""The operations of services that the lab has no table of, from the service models that botocore ships."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache

import botocore.exceptions
import botocore.session

_MODELS = {"elasticfilesystem": "efs", "execute-api": "apigateway"}
"""The names of models that are not those that requests are signed for."""
_PREFIXES = {"tagging": "tag", "monitoring": "cloudwatch", "email": "ses"}
"""IAM's prefixes that are not the names that requests are signed for (Service Authorization Reference)."""
_ACTION = re.compile(r"(?P<service>[\w.*?-]+):[\w*?]+", re.ASCII)
_TARGET = re.compile(r"[\w.-]{0,128}?\.?(?P<operation>\w{1,128})", re.ASCII)


def prefix_of(service: str) -> str:
    """What the IAM actions of a service begin with."""
    return _PREFIXES.get(service, service)


def is_action(pattern: str) -> bool:
    """True for an IAM action, with IAM's wildcards, of a service that AWS has; `*` is any action of any."""
    if pattern == "*":
        return True
    found = _ACTION.fullmatch(pattern)
    return found is not None and any(fnmatchcase(prefix, found["service"].lower()) for prefix in _prefixes())


@cache
def _prefixes() -> frozenset[str]:
    """What the actions of all services begin with."""
    endpoints = botocore.session.Session().get_data("endpoints")
    return frozenset(
        prefix_of(name.removeprefix("api.")) for partition in endpoints["partitions"] for name in partition["services"]
    )


def operation_by_model(service: str, method: str, path: str, target: str) -> str:
    """The operation that a request asks for; `Unknown` where the models have none of that kind.

    Args:
        service: the name that it was signed for.
        method: of HTTP.
        path: without percent-encoding.
        target: the header X-Amz-Target of the JSON protocols; empty without one.
    """
    if target:
        found = _TARGET.fullmatch(target)
        return found["operation"] if found else "Unknown"
    for wanted, pattern, name in _operations(service):
        if wanted == method and pattern.fullmatch(path):
            return name
    return "Unknown"


@cache
def _operations(service: str) -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """Method, path and name of a REST service's operations, those with the fewest placeholders first."""
    try:
        model = botocore.session.Session().get_service_model(_MODELS.get(service, service))
    except (botocore.exceptions.DataNotFoundError, botocore.exceptions.UnknownServiceError):
        return ()
    if not model.protocol.startswith("rest"):
        return ()
    bindings = [model.operation_model(name).http for name in model.operation_names]
    found = sorted(zip(bindings, model.operation_names, strict=True), key=lambda item: item[0]["requestUri"].count("{"))
    return tuple((http["method"], _pattern(http["requestUri"]), name) for http, name in found)


def _pattern(uri: str) -> re.Pattern[str]:
    """`/hostedzone/{Id}` as a regular expression; `{Key+}` reaches over slashes."""
    pieces = re.split(r"(\{\w+\+?\})", uri.partition("?")[0].rstrip("/"))
    made = (
        ".+" if piece.endswith("+}") else "[^/]+" if piece.startswith("{") else re.escape(piece) for piece in pieces
    )
    return re.compile("".join(made) + "/?")
