"""Which operation of which service an HTTP request asks for, by whom.

Source: the query protocol of IAM and STS, the REST bindings of S3 and CloudFront in AWS's service models; IAM user
guide, "Signature Version 4 signing process", for where credentials are named.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from moto.utilities.utils import get_partition

from ccoctl.lab.hosts import BucketHost, Host, ServiceHost
from ccoctl.lab.operations import ACCOUNT_BLOCK, is_changing, operation_of

DEFAULT_REGION = "us-east-1"

_SCOPE = r"(?P<key>[\w-]{1,128})/(?P<date>\d{8})/(?P<region>[\w-]{1,64})/(?P<service>[\w.-]{1,64})/aws4_request"
_HEADER = re.compile(
    rf"AWS4-HMAC-SHA256 Credential={_SCOPE}, ?SignedHeaders=(?P<signed>[a-z0-9;_-]+), ?"
    r"Signature=(?P<signature>[0-9a-f]+)"
)
_IN_QUERY = re.compile(_SCOPE)
_FIELDS = 1000
"""Parameters of a request; no honest one has more."""


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A signature of version 4, as a request carries it."""

    date: str
    """YYYYMMDD, of the scope."""
    headers: tuple[str, ...]
    """Names of the headers that it covers."""
    signature: str
    presigned: bool = False
    """True when it is in the URL."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request, as far as the lab looks into it."""

    service: str
    operation: str
    access_key: str
    """Empty for an anonymous request."""
    region: str
    method: str
    path: str
    """Without percent-encoding; for S3 always with the bucket in front."""
    query: Mapping[str, str]
    form: Mapping[str, str]
    """The parameters of a query-protocol request."""
    headers: Mapping[str, str]
    """By lower-case name, as the client sent them."""
    body: bytes
    target: str = "/"
    """Path and query as the client sent them."""
    signed: Signed | None = None
    is_secure: bool = False
    """True when it came over TLS."""

    @property
    def partition(self) -> str:
        """The partition of the request's region."""
        found: str = get_partition(self.region)
        return found

    @property
    def changing(self) -> bool:
        """True when the operation may change something."""
        return is_changing(self.operation)

    @property
    def bucket(self) -> str:
        """The bucket of an S3 request; empty when there is none."""
        return "" if self.path == ACCOUNT_BLOCK else self.path.lstrip("/").partition("/")[0]

    @property
    def key(self) -> str:
        """The object's key of an S3 request; empty when there is none."""
        return self.path.lstrip("/").partition("/")[2]

    @property
    def token(self) -> str:
        """The session token; empty without one."""
        return self.headers.get("x-amz-security-token") or self.query.get("X-Amz-Security-Token", "")


def asked(environ: dict[str, Any], place: Host | None = None) -> Asked:
    """Read a WSGI request; what comes next finds its body anew, a bucket in the path and a region in the signature.

    Args:
        environ: the request; it is changed.
        place: what the host name stands for that it came to; None for the lab's endpoint.
    """
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length) if length else b""
    environ["wsgi.input"] = io.BytesIO(body)
    target, headers = environ.get("RAW_URI", "/"), _headers(environ)
    if isinstance(place, BucketHost):
        _address_by_path(environ, place)
    if place is not None:
        # moto would take a region from the name, and another one than the signature's for some
        environ["HTTP_HOST"] = f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    method, path = environ["REQUEST_METHOD"], _text(environ.get("PATH_INFO", "/"))
    query = _flat(environ.get("QUERY_STRING", ""))
    form: dict[str, str] = {}
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        form = _flat(body.decode("utf-8", "replace"))
    signed, (access_key, region, service) = _credentials(headers, query)
    service, region = service or _service(place, form), region or _region(place)
    if service == "s3" and "HTTP_AUTHORIZATION" not in environ:
        # moto takes the region from here, and leaves to us who may read what
        scope = f"Credential=NOBODY/20200101/{region}/s3/aws4_request"
        environ["HTTP_AUTHORIZATION"] = f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"
    return Asked(
        service=service,
        operation=operation_of(service, method, path, query, form, target=headers.get("x-amz-target", "")),
        access_key=access_key,
        region=region,
        method=method,
        path=path,
        query=query,
        form=form,
        headers=headers,
        body=body,
        target=target,
        signed=signed,
        is_secure=environ.get("wsgi.url_scheme") == "https",
    )


def _credentials(headers: Mapping[str, str], query: Mapping[str, str]) -> tuple[Signed | None, tuple[str, str, str]]:
    """The signature, and the access key, region and service of its scope; empty ones for an anonymous request."""
    found = _HEADER.fullmatch(headers.get("authorization", ""))
    if found is not None:
        names = tuple(found["signed"].split(";"))
        signed = Signed(date=found["date"], headers=names, signature=found["signature"])
        return signed, (found["key"], found["region"], found["service"])
    found = _IN_QUERY.fullmatch(query.get("X-Amz-Credential", ""))
    if found is None:
        return None, ("", "", "")
    names = tuple(query.get("X-Amz-SignedHeaders", "").split(";"))
    signed = Signed(date=found["date"], headers=names, signature=query.get("X-Amz-Signature", ""), presigned=True)
    return signed, (found["key"], found["region"], found["service"])


def _service(place: Host | None, form: Mapping[str, str]) -> str:
    """The service of an unsigned request."""
    if isinstance(place, ServiceHost):
        return place.service
    return "sts" if place is None and "Action" in form else "s3"


def _region(place: Host | None) -> str:
    return (place.region if isinstance(place, BucketHost | ServiceHost) else "") or DEFAULT_REGION


def _address_by_path(environ: dict[str, Any], place: BucketHost) -> None:
    """A request to a bucket's own name as one to the endpoint: below there is one way to address a bucket."""
    environ["PATH_INFO"] = f"/{place.bucket}{environ['PATH_INFO']}"
    environ["RAW_URI"] = environ["REQUEST_URI"] = f"/{place.bucket}{environ['RAW_URI']}"


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    named = {name[5:]: str(value) for name, value in environ.items() if name.startswith("HTTP_")}
    named |= {name: str(environ[name]) for name in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(name)}
    return {name.lower().replace("_", "-"): value for name, value in named.items()}


def _flat(encoded: str) -> dict[str, str]:
    """The first value of each parameter; none at all where there are too many to be honest."""
    try:
        pairs = parse_qsl(encoded, keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError:
        return {}
    return dict(reversed(pairs))


def _text(latin: str) -> str:
    """A path of WSGI as text: its characters are bytes of UTF-8."""
    return latin.encode("latin-1", "replace").decode("utf-8", "replace")


__all__ = ["Asked", "Signed", "asked", "is_changing"]
