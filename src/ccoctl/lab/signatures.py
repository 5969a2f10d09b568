"""Signature version 4, as AWS checks it: whoever does not know the secret key is not believed.

Source: IAM user guide, "Create a signed AWS API request"; S3 API reference, "Authenticating requests (AWS signature
version 4)", both also for what a signature has to cover; IAM user guide, "Troubleshoot Signature Version 4 for API
requests", for the age that a signature may have.
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import re
import time
from functools import lru_cache
from urllib.parse import quote, unquote

from ccoctl.lab.answers import Answer, refusal
from ccoctl.lab.asked import Asked, Signed

_SAFE = "-_.~"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_CONTENT = "x-amz-content-sha256"
_MOMENT = "%Y%m%dT%H%M%SZ"
_QUARTER_OF_AN_HOUR = frozenset({"s3", "iam", "sts"})
"""Services that take signatures of 15 minutes before and after; others take those of 5."""


def check(asked: Asked, secret: str, now: float) -> Answer | None:
    """The refusal of a request that was not signed as a whole, with the secret key and now; None for any other.

    `now` is in seconds since 1970, by the clock that clients go by, too.
    """
    return _age(asked, now) or _another_day(asked) or _uncovered(asked) or _mismatch(asked, secret)


def _age(asked: Asked, now: float) -> Answer | None:
    """The refusal of a signature that is too old, or of the future."""
    if asked.signed is None:
        return None
    try:
        signed = calendar.timegm(time.strptime(_moment(asked), _MOMENT))
    except ValueError:
        return refusal(asked.service, asked.method, 403, "SignatureDoesNotMatch", "X-Amz-Date is no date of ISO 8601.")
    minutes = 15 if asked.service in _QUARTER_OF_AN_HOUR else 5
    # what is signed in a URL says itself how long it is good
    lives = _seconds(asked.query.get("X-Amz-Expires", "")) if asked.signed.presigned else 60 * minutes
    if -60 * minutes <= now - signed <= lives:
        return None
    if asked.service == "s3":
        if asked.signed.presigned and now > signed:
            return refusal("s3", asked.method, 403, "AccessDenied", "Request has expired")
        message = "The difference between the request time and the current time is too large."
        return refusal("s3", asked.method, 403, "RequestTimeTooSkewed", message)
    if asked.service == "ec2":
        return refusal("ec2", asked.method, 400, "RequestExpired", "Request has expired.")
    message = _words(signed, now, minutes)
    return refusal(asked.service, asked.method, 403, "SignatureDoesNotMatch", message)


def _words(signed: float, now: float, minutes: int) -> str:
    """As the services of the query protocol say it."""
    given, here = _text(signed), _text(now)
    if signed < now:
        return f"Signature expired: {given} is now earlier than {_text(now - 60 * minutes)} ({here} - {minutes} min.)"
    return (
        f"Signature not yet current: {given} is still later than {_text(now + 60 * minutes)} ({here} + {minutes} min.)"
    )


def _text(moment: float) -> str:
    return time.strftime(_MOMENT, time.gmtime(moment))


def _seconds(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0


def _another_day(asked: Asked) -> Answer | None:
    """The refusal of a signature whose scope is of another day than the request."""
    signed, day = asked.signed, _moment(asked)[:8]
    if signed is None or signed.date == day:
        return None
    if asked.service != "s3":
        said = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP"
        message = f"{said}: '{signed.date}' != '{day}', from '{_moment(asked)}'."
        return refusal(asked.service, asked.method, 403, "SignatureDoesNotMatch", message)
    message = f'Invalid credential date "{signed.date}". This date is not the same as X-Amz-Date: "{day}".'
    if signed.presigned:
        return refusal("s3", asked.method, 400, "AuthorizationQueryParametersError", message)
    message = f"The authorization header is malformed; {message}"
    return refusal("s3", asked.method, 400, "AuthorizationHeaderMalformed", message)


def _uncovered(asked: Asked) -> Answer | None:
    """The refusal of a signature that leaves out what somebody could change on the way."""
    signed = asked.signed
    if signed is None:
        return None
    needed = {"host", *(name for name in asked.headers if name.startswith("x-amz-"))}
    if signed.presigned:
        needed.discard(_CONTENT)  # its value is in what is signed, whether the header is or not
    left_out = sorted(needed.difference(signed.headers))
    if not left_out:
        return None
    if asked.service == "s3":
        message = f"There were headers present in the request which were not signed: {', '.join(left_out)}"
        return refusal("s3", asked.method, 403, "AccessDenied", message)
    named = "'Host' or ':authority'" if "host" in left_out else f"'{left_out[0]}'"
    message = f"{named} must be a 'SignedHeader' in the AWS Authorization."
    return refusal(asked.service, asked.method, 403, "SignatureDoesNotMatch", message)


def _mismatch(asked: Asked, secret: str) -> Answer | None:
    signed = asked.signed
    claimed = asked.headers.get(_CONTENT, "")
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
    digest = hashlib.sha256(_canonical(asked, signed).encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{_moment(asked)}\n{scope}\n{digest}"
    return hmac.new(_key(secret, signed.date, asked.region, asked.service), text.encode(), hashlib.sha256).hexdigest()


def _moment(asked: Asked) -> str:
    """When it was signed, as it says."""
    is_in_url = asked.signed is not None and asked.signed.presigned
    return asked.query.get("X-Amz-Date", "") if is_in_url else asked.headers.get("x-amz-date", "")


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
    said = asked.headers.get(_CONTENT)
    if said is None and signed.presigned and asked.service == "s3":
        return "UNSIGNED-PAYLOAD"
    return said or hashlib.sha256(asked.body).hexdigest()


@lru_cache(maxsize=256)
def _key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
