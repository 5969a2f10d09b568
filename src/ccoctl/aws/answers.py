"""Whether the body of an answer is a document of AWS, before anything parses it: it must not unfold to more than it is.

Source: the API references of IAM, STS, CloudFront and S3, "Response Syntax" and "Error Responses".
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from ccoctl.aws.failures import kind_of
from ccoctl.errors import CcoctlError, ErrorKind

MOST_TAGS = 500_000
"""Beginnings and ends of elements; a page of 1,000 roles has some 30,000, and each costs a hundred bytes of memory."""
LONGEST_ERROR = 64 * 1024
"""Bytes; S3 adds the whole signed request to an error, whose headers have a few thousand."""
_DEEPEST = 16
_ROOT = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}\?>\s*)?<([A-Za-z_][\w.-]{0,100})(?=[\s/>])")
_EMPTY = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}\?>\s*)?<[^<>]{1,500}/>\s*")
_UNFOLDING = (b"<!DOCTYPE", b"<!ENTITY")


class BrokenError(CcoctlError):
    """An answer that is none of AWS, or not whole; `kind` says whether to ask again."""

    def __init__(self, what: str, kind: ErrorKind = ErrorKind.PERMANENT) -> None:
        """By default it would be the same again."""
        super().__init__(what)
        self.kind = kind


def check_result(body: bytes, root: str) -> None:
    """The body of an answer that says that it was done.

    Args:
        body: what came.
        root: the name of the document that it must be; empty where an answer has none.

    Raises:
        BrokenError: it is something else, or cut off.
    """
    if not root:
        _check_size(body)
        if _is_page(body):
            raise BrokenError("a web page came where AWS answers nothing")
        return
    if not body.strip():
        raise BrokenError("the answer is empty", ErrorKind.TRANSIENT)
    found = _ROOT.match(body)
    said = found[1].decode("ascii", "replace") if found else ""
    may_fail = not root.endswith("Response")  # S3 says failures with status 200, too
    if said != root and not (said == "Error" and may_fail):
        raise BrokenError(f"{_name(body)} came instead of AWS's {root}")
    _check_size(body)
    if not (body.rstrip().endswith(f"</{said}>".encode()) or _EMPTY.fullmatch(body)):
        raise BrokenError("the answer is cut off", ErrorKind.TRANSIENT)


def check_error(body: bytes, status: int, *, is_head: bool) -> None:
    """The body of an answer that says that it was not done.

    A proxy's page with status 404 must not be taken for AWS's word that something does not exist.

    Raises:
        BrokenError: AWS did not write it.
    """
    if is_head:
        return
    kind = kind_of("", status)
    if len(body) > LONGEST_ERROR:
        raise BrokenError(f"HTTP status {status} came with {len(body):,} bytes, which is no error of AWS", kind)
    if not body.strip():
        raise BrokenError(f"HTTP status {status} came without a word, which is no error of AWS", kind)
    if not _is_error(body):
        raise BrokenError(f"HTTP status {status} came with {_name(body)}, which is no error of AWS", kind)


def _is_error(body: bytes) -> bool:
    """One of the three shapes: `Error`, `ErrorResponse/Error`, `Response/Errors/Error`, with one `Code`."""
    try:
        _check_size(body)
        root = ElementTree.fromstring(body)  # noqa: S314 - without a DTD there is nothing to unfold # nosec B314
    except (BrokenError, ElementTree.ParseError, ValueError, LookupError):
        return False
    found = next((element for element in root.iter() if _local(element) == "Error"), None)
    if found is None or _depth(root) > _DEEPEST:
        return False
    codes = [element for element in found if _local(element) == "Code"]
    messages = [element for element in found if _local(element) == "Message"]
    return len(codes) == 1 and len(messages) <= 1 and not any(map(len, (*codes, *messages)))


def _check_size(body: bytes) -> None:
    if any(word in body for word in _UNFOLDING):
        raise BrokenError("the answer declares entities, and AWS's never do")
    if body.count(b"<") > MOST_TAGS:
        raise BrokenError(f"the answer has more than {MOST_TAGS:,} tags, and AWS has none of that size")


def _depth(root: ElementTree.Element) -> int:
    level, depth = [root], 0
    while level and depth <= _DEEPEST:
        level, depth = [child for element in level for child in element], depth + 1
    return depth


def _local(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _name(body: bytes) -> str:
    """What something is, in words of ours."""
    begin = body[:1000].lstrip()
    if _is_page(body):
        return "a web page"
    if begin.startswith((b"{", b"[")):
        return "JSON"
    return "another document" if begin.startswith(b"<") else "something that is no XML"


def _is_page(body: bytes) -> bool:
    return body[:1000].lstrip().lower().startswith((b"<!doctype html", b"<html"))
