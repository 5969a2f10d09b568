"""DeleteObjects looks at each key by itself: some go, others are refused, in one answer.

Source: S3 API reference, DeleteObjects.
"""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from msgspec.structs import replace

from ccoctl.lab.answers import Answer, refusal
from ccoctl.lab.asked import Asked

_XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"
LIMIT = 1000
"""Keys of one request."""

ET.register_namespace("", _XMLNS)  # moto reads names without a prefix


def perform(asked: Asked, allows: Callable[[str], bool], delete: Callable[[bytes], Answer]) -> Answer:
    """Delete what may be deleted.

    Args:
        asked: the request.
        allows: says of a key whether its object may be deleted.
        delete: carries out a request with another body.
    """
    try:
        listed = ET.fromstring(asked.body)  # noqa: S314 - expat expands no external entities; this is a lab # nosec B314
    except ET.ParseError:
        return refusal("s3", asked.method, 400, "MalformedXML", "The XML you provided was not well-formed")
    objects = [item for item in listed if item.tag.rpartition("}")[2] == "Object"]
    if not 1 <= len(objects) <= LIMIT:
        return refusal("s3", asked.method, 400, "MalformedXML", "The XML you provided was not well-formed")
    refused = [item for item in objects if not allows(_key(item))]
    for item in refused:
        listed.remove(item)
    empty = Answer(status=200, body=f'<DeleteResult xmlns="{_XMLNS}"></DeleteResult>'.encode())
    answer = delete(ET.tostring(listed)) if len(refused) < len(objects) else empty
    return replace(answer, body=_with_errors(answer.body, [_key(item) for item in refused]))


def _key(item: ET.Element) -> str:
    return next((part.text or "" for part in item if part.tag.rpartition("}")[2] == "Key"), "")


def _with_errors(body: bytes, keys: list[str]) -> bytes:
    errors = "".join(
        f"<Error><Key>{escape(key)}</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        for key in keys
    )
    return body.replace(b"</DeleteResult>", f"{errors}</DeleteResult>".encode())
