"""Bounds on what is read of an answer of AWS, which the SDK would read and unfold whatever its size.

Everything that comes over a connection is counted, status lines, headers and framing too, and has to come in time. What
then is no XML of AWS (a proxy's page, a document cut off, one with entities) never reaches the SDK's parsers.

Source: RFC 9112, section 6; the service models for the names of the documents.
"""

from __future__ import annotations

import contextlib
import io
import socket
from collections.abc import Callable, Iterable, Iterator
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import botocore.exceptions
from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from ccoctl.aws.answers import BrokenError, check_error, check_result
from ccoctl.aws.unsaid import unsaid
from ccoctl.aws.unsendable import is_refused_header, unsendable
from ccoctl.engine.call import Call
from ccoctl.engine.clock import SystemClock
from ccoctl.errors import CloudError, ErrorKind, spaced

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LIMIT = 16 * 1024 * 1024
"""Bytes of an answer with its headers; a page of 1,000 roles with the longest trust policies has some 14 MiB."""
DEADLINE = 60.0
"""Seconds for a whole answer, so that nobody is kept by one that trickles."""
_CHUNK = 64 * 1024
_SHOWN = 200

_NONSENSE = (
    *(ResponseParserError, ElementTree.ParseError, HTTPException, HTTPError, OSError),
    *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError),
)
"""What the SDK ends in where an answer is not of the shape that it takes for granted."""
_ELSEWHERE = "Check what answers there: AWS_ENDPOINT_URL, HTTPS_PROXY, and whether the network wants you to log in."


def install(client: Any) -> None:
    """Bound everything that a client of the SDK reads. It must not have asked anything yet."""
    client._endpoint.http_session._pool_classes_by_scheme.update(http=_Pool, https=_SecurePool)
    client.meta.events.register_first("before-parse", _check)


@contextlib.contextmanager
def readable(call: Call, secrets: Callable[[], Iterable[str]]) -> Iterator[None]:
    """A call of the SDK, in which an answer that makes no sense is an error of the cloud.

    Args:
        call: what is asked.
        secrets: gives those that are told with it. No error repeats them, nor does a traceback show the SDK's own.

    Raises:
        CloudError: it is too long, or none of AWS. The SDK's own errors pass.
    """
    try:
        yield
    except botocore.exceptions.ClientError:
        raise
    except Exception as error:  # the SDK has a hundred ways to trip over nonsense; what is none of them goes on
        if (broken := _broken(error)) is not None:
            raise _failed(call, str(broken), broken.kind) from None
        if isinstance(error, botocore.exceptions.FlexibleChecksumError):
            what = "the content is not what its checksum says: it was damaged on the way"
            raise _failed(call, what, ErrorKind.TRANSIENT) from None
        if not isinstance(_inside(error), _NONSENSE):
            raise
        if is_refused_header(error):
            raise unsendable(call.name) from None
        what = f"the answer makes no sense: {spaced(unsaid(str(error), secrets())[:_SHOWN]) or type(error).__name__}"
        raise _failed(call, what, ErrorKind.PERMANENT) from None


def body_of(stream: Any, limit: int) -> bytes:
    """What a stream of the SDK holds, up to a limit; read to its end the SDK checks length and checksum."""
    data = bytearray()
    while len(data) < limit and (piece := stream.read(min(_CHUNK, limit - len(data)))):
        data += piece
    return bytes(data)


def _inside(error: Exception) -> object:
    """What the SDK calls an unhandled exception of its HTTP client, but for those of the network."""
    inner = getattr(error, "kwargs", {}).get("error")
    if type(error) is botocore.exceptions.HTTPClientError and not isinstance(inner, OSError):
        return inner
    return None if isinstance(error, botocore.exceptions.BotoCoreError) else error


def _broken(error: BaseException) -> BrokenError | None:
    """Ours, in whatever the SDK has wrapped it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, BrokenError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None


def _failed(call: Call, what: str, kind: ErrorKind) -> CloudError:
    return CloudError(
        f"{call.name}: {what}", kind=kind, code="UnreadableAnswer", operation=call.name, remedy=_ELSEWHERE
    )


def _check(operation_model: Any, response_dict: Any, **_: Any) -> None:
    body, status = response_dict["body"], int(response_dict["status_code"])
    if not isinstance(body, bytes):  # an object's content, which nobody parses
        return
    if status >= 300:
        check_error(body, status, is_head=operation_model.http.get("method") == "HEAD")
        return
    service, shape = operation_model.service_model, operation_model.output_shape
    if service.resolved_protocol == "query":
        check_result(body, f"{operation_model.name}Response")
    else:
        payload = shape.serialization.get("payload", "") if shape is not None else ""
        inner = shape.members[payload] if payload else None
        if inner is not None and inner.type_name in {"string", "blob"}:
            return
        check_result(body, _root(operation_model.name, shape, inner))


_ROOTS = {"ListObjectsV2": "ListBucketResult", "GetBucketTagging": "Tagging", "GetObjectTagging": "Tagging"}
"""S3's documents whose names are in no model (its API reference, "Response Syntax")."""


def _root(operation: str, shape: Any, payload: Any) -> str:
    """The name of the document that answers; empty where an answer has none."""
    if payload is not None:
        return str(payload.serialization.get("name", payload.name))
    if operation in _ROOTS or shape is None:
        return _ROOTS.get(operation, "")
    in_headers = all("location" in member.serialization for member in shape.members.values())
    return "" if in_headers else str(shape.name)


class _Bounded(io.RawIOBase):
    """The bytes of one answer, up to the limit and the deadline."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._raw = connection.makefile("rb", buffering=0)
        self._patience = connection.gettimeout()
        self._left = LIMIT
        self._clock = SystemClock()
        self._until = self._clock.now() + DEADLINE

    def makefile(self, _mode: str) -> io.BufferedReader:
        """As `http.client` asks a socket."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        seconds = self._until - self._clock.now()
        if seconds <= 0:
            raise TimeoutError("the answer takes too long")
        self._connection.settimeout(min(seconds, self._patience or seconds))
        count = self._raw.readinto(buffer)
        self._left -= count or 0
        if self._left < 0:
            raise BrokenError(f"the answer has more than {LIMIT:,} bytes, and AWS has none of that length")
        return count

    def close(self) -> None:
        if not self.closed:
            with contextlib.suppress(OSError):  # the connection serves others, in its own time
                self._connection.settimeout(self._patience)
            self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(_Bounded(sock), *args, **kwargs)  # type: ignore[arg-type] # it asks for makefile alone


class _Staying:
    """A connection that is sent nowhere: for a 303 the SDK's HTTP client changes the request before it gives up."""

    response_class = _Response

    def getresponse(self) -> Any:
        response = super().getresponse()  # type: ignore[misc] # the SDK's classes beside this one have it
        if response.status == 303:
            response.close()
            raise BrokenError("HTTP status 303 sends us elsewhere, as AWS never does")
        return response


class _Connection(_Staying, AWSHTTPConnection):  # type: ignore[misc] # botocore ships no types
    pass


class _SecureConnection(_Staying, AWSHTTPSConnection):  # type: ignore[misc] # botocore ships no types
    pass


class _Pool(AWSHTTPConnectionPool):  # type: ignore[misc] # botocore ships no types
    ConnectionCls = _Connection


class _SecurePool(AWSHTTPSConnectionPool):  # type: ignore[misc] # botocore ships no types
    ConnectionCls = _SecureConnection
