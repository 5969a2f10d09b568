"""Signature version 4, as AWS checks it: whoever does not know the secret key is not believed.

Source: IAM user guide, "Create a signed AWS API request"; S3 API reference, "Authenticating requests (AWS signature
version 4)". The age of a signature is not looked at: the lab's clock may be another than its clients'.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from functools import lru_cache
from urllib.parse import quote, unquote

from ccoctl.lab.answers import Answer, refusal
from ccoctl.lab.asked import Asked, Signed

_SAFE = "-_.~"
_DIGEST = re.compile(r"[0-9a-f]{64}")


def check(asked: Asked, secret: str) -> Answer | None:
    """The refusal of a request that was not signed with the secret key; None for one that was."""
    signed = asked.signed
    claimed = asked.headers.get("x-amz-content-sha256", "")
    if _DIGEST.fullmatch(claimed) and claimed != hashlib.sha256(asked.body).hexdigest():
        message = "The provided 'x-amz-content-sha256' header does not match what was computed."
        return refusal(asked.service, asked.method, 400, "XAmzContentSHA256Mismatch", message)
    if signed is not None and hmac.compare_digest(_signature(asked, signed, secret), signed.signature):
        return None
    message = (
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method."
    )
    return refusal(asked.service, asked.method, 403, "SignatureDoesNotMatch", message)


def _signature(asked: Asked, signed: Signed, secret: str) -> str:
    scope = f"{signed.date}/{asked.region}/{asked.service}/aws4_request"
    moment = asked.query.get("X-Amz-Date", "") if signed.presigned else asked.headers.get("x-amz-date", "")
    digest = hashlib.sha256(_canonical(asked, signed).encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
    return hmac.new(_key(secret, signed.date, asked.region, asked.service), text.encode(), hashlib.sha256).hexdigest()


def _canonical(asked: Asked, signed: Signed) -> str:
    path, _, query = asked.target.partition("?")
    headers = "".join(f"{name}:{' '.join(asked.headers.get(name, '').split())}\n" for name in signed.headers)
    # S3 takes the path as it was sent, every other service encodes it once more
    path = path if asked.service == "s3" else quote(path, safe=f"/{_SAFE}")
    return "\n".join(
        (asked.method, path, _canonical_query(query), headers, ";".join(signed.headers), _payload(asked, signed))
    )


def _canonical_query(query: str) -> str:
    pairs = (part.partition("=") for part in query.split("&") if part)
    encoded = sorted((quote(unquote(name), safe=_SAFE), quote(unquote(value), safe=_SAFE)) for name, _, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded if name != "X-Amz-Signature")


def _payload(asked: Asked, signed: Signed) -> str:
    said = asked.headers.get("x-amz-content-sha256")
    if said is None and signed.presigned and asked.service == "s3":
        return "UNSIGNED-PAYLOAD"
    return said or hashlib.sha256(asked.body).hexdigest()


@lru_cache(maxsize=256)
def _key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
