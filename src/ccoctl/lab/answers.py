"""Answers of the lab itself, in the shapes of AWS's protocols."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

import msgspec

_CODE = re.compile(rb"<Code>([^<]*)</Code>")
_NAMESPACES = {
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
    "cloudfront": "http://cloudfront.amazonaws.com/doc/2020-05-31/",
}
REQUEST_ID = "00000000-0000-0000-0000-000000000000"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)

    @property
    def code(self) -> str:
        """The error code in the body; empty for a success."""
        if self.status < 400:
            return ""
        found = _CODE.search(self.body)
        return found.group(1).decode() if found else str(self.status)

    def send(self, start_response: Any) -> Iterable[bytes]:
        """Send it as a WSGI application does."""
        headers = dict(self.headers)
        given = {name.lower() for name in headers}
        own = {"Content-Type": "text/xml", "Content-Length": str(len(self.body))}
        headers |= {name: value for name, value in own.items() if name.lower() not in given}
        start_response(f"{self.status} {HTTPStatus(self.status).phrase}", list(headers.items()))
        return [self.body]


def refusal(service: str, method: str, status: int, code: str, message: str) -> Answer:
    """An error in the shape of the service's protocol; S3 answers a HEAD without a body."""
    text, kind = escape(message), "Sender" if status < 500 else "Receiver"
    if method == "HEAD":
        return Answer(status=status)
    if service == "ec2":
        body = (
            f"<Response><Errors><Error><Code>{code}</Code><Message>{text}</Message></Error></Errors>"
            f"<RequestID>{REQUEST_ID}</RequestID></Response>"
        )
    elif service == "s3":
        body = f"<Error><Code>{code}</Code><Message>{text}</Message><RequestId>{REQUEST_ID}</RequestId></Error>"
    else:
        namespace = _NAMESPACES.get(service, _NAMESPACES["sts"])
        body = (
            f'<ErrorResponse xmlns="{namespace}"><Error><Type>{kind}</Type><Code>{code}</Code>'
            f"<Message>{text}</Message></Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
        )
    return Answer(status=status, body=f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode())
