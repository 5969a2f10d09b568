"""The port to a running cluster: performs Calls and translates what goes wrong.

Source: Kubernetes API conventions, "HTTP Status codes" and "Response Status Kind".
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import msgspec
from httpx2 import HTTPError
from lightkube.core.exceptions import ConfigError

from ccoctl.engine.call import Answer, Call
from ccoctl.errors import CloudError, ClusterError, ErrorKind, SigningKeyError
from ccoctl.federation.sendable import MARRED, is_refused_header
from ccoctl.openshift.calls import PUBLIC_HALF, encoded
from ccoctl.openshift.connection import LIMIT, NO_ANSWER, ApiConnection, Reply, is_untrusted, shown
from ccoctl.openshift.operations import OPERATIONS, Operation, path_of, right_of
from ccoctl.signing.strictjson import parse_object

_logger = logging.getLogger(__name__)

_KINDS = {
    "AlreadyExists": ErrorKind.EXISTS,
    "ServerTimeout": ErrorKind.TRANSIENT,
    "TooManyRequests": ErrorKind.THROTTLED,
}
"""By the reason of a Status, which says more than its code."""
_BY_STATUS = {
    401: ErrorKind.DENIED,
    403: ErrorKind.DENIED,
    404: ErrorKind.MISSING,
    408: ErrorKind.TRANSIENT,
    429: ErrorKind.THROTTLED,
}
_LOG_IN = "The credentials of the kubeconfig are not valid, or not any more: log in again (`oc login`)."
_ELSEWHERE = "Check that the kubeconfig leads to a Kubernetes API server."
_AGAIN = "Somebody changed it meanwhile: look at it, and run the command again."
_TAKE_OVER = "See who set it and why; --force-conflicts, where the command has it, takes the field over."


class _Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A Status that is a failure, or what stands in for one."""

    reason: str
    message: str
    is_field_conflict: bool


class KubeCluster:
    """A cluster as its kubeconfig reaches it; may be used from several threads at a time."""

    def __init__(self, kubeconfig: Path, *, context: str = "") -> None:
        """Nothing is asked yet.

        Args:
            kubeconfig: the file.
            context: which of its contexts; the current one where none is named.

        Raises:
            ClusterError: the file is no kubeconfig that can be used.
        """
        self._connection = ApiConnection(kubeconfig, context=context)

    @property
    def server(self) -> str:
        """The API server's address, for people."""
        return self._connection.server

    def perform(self, call: Call) -> Answer:
        """One request and the JSON body of its answer.

        Raises:
            CloudError: the API server refused or did not answer, or its answer makes no sense.
        """
        _logger.debug("%s", call.name)
        operation = OPERATIONS[call.operation]
        try:
            reply = self._sent(call, operation)
        except ClusterError as error:
            raise _failed(call, error.what, ErrorKind.PERMANENT, remedy="Check what answers there.") from error
        # whose text, which a traceback would show, may quote the credentials
        except NO_ANSWER as error:
            raise _unreachable(call, error) from None
        if not 200 <= reply.status < 300:
            raise _refused(call, reply)
        answer = _parsed(call, reply)
        _check_subject(call, operation, answer)
        return _without_private_half(answer) if call.operation == "GetSigningKey" else answer

    def close(self) -> None:
        """Give up the connections."""
        self._connection.close()

    def _sent(self, call: Call, operation: Operation) -> Reply:
        path = path_of(call)
        query = call.parameters.get("Query", {})
        given = call.parameters.get("Body")
        body = _with_data(given) if call.operation == "ApplySecret" else given
        headers = {"Accept": operation.accept}
        if body is not None:
            headers["Content-Type"] = operation.content_type
        plain = {str(name): str(value) for name, value in query.items()} if isinstance(query, Mapping) else {}
        return self._connection.send(operation.method, path, query=plain, headers=headers, body=body)


def _with_data(body: object) -> object:
    """What a Secret is to hold as `data`, whose owners the API server notes field by field."""
    if not isinstance(body, Mapping):
        return body
    said = body.get("stringData")
    held = encoded(said) if isinstance(said, Mapping) else {}
    return {**{name: value for name, value in body.items() if name != "stringData"}, "data": held}


def _parsed(call: Call, reply: Reply) -> dict[str, Any]:
    try:
        return parse_object(reply.body, limit=LIMIT, what="API server's answer")
    except SigningKeyError as error:
        raise _failed(call, error.what, ErrorKind.PERMANENT, remedy=_ELSEWHERE) from error


def _check_subject(call: Call, operation: Operation, answer: Mapping[str, Any]) -> None:
    """An answer is about what was asked; a proxy's document, or another object, is not."""
    said = answer.get("kind")
    if operation.kind and said != operation.kind:
        _no_answer(call, f"the answer is {_named(said)} and no {operation.kind}")
    metadata = answer.get("metadata")
    held = metadata if isinstance(metadata, Mapping) else {}
    for member, wanted in (("name", call.parameters.get("Name")), ("namespace", call.parameters.get("Namespace"))):
        if operation.kind and member in held and wanted is not None and held[member] != wanted:
            _no_answer(call, f"the answer is about {_named(held[member])} and not about {wanted}")


def _named(said: object) -> str:
    return ascii(shown(said)[:80]) if isinstance(said, str) else "of no kind"


def _no_answer(call: Call, what: str) -> NoReturn:
    raise _failed(call, what, ErrorKind.PERMANENT, remedy=_ELSEWHERE)


def _without_private_half(answer: Mapping[str, Any]) -> dict[str, Any]:
    data = answer.get("data")
    public = {name: value for name, value in data.items() if name == PUBLIC_HALF} if isinstance(data, Mapping) else {}
    return {**answer, "data": public}


def _refused(call: Call, reply: Reply) -> CloudError:
    refusal = _refusal(reply)
    kind = _KINDS.get(refusal.reason) or _BY_STATUS.get(reply.status)
    if kind is None:
        kind = ErrorKind.TRANSIENT if reply.status >= 500 else ErrorKind.PERMANENT
    actions: tuple[str, ...] = ()
    remedy = ""
    if reply.status == 401:
        remedy = _LOG_IN
    elif kind is ErrorKind.DENIED:
        actions = (right_of(call),)
        remedy = f"Allow {actions[0]}: see `ccoctl cluster required-permissions`."
    elif reply.status == 409 and kind is ErrorKind.PERMANENT:
        remedy = _TAKE_OVER if refusal.is_field_conflict else _AGAIN
    code = refusal.reason or str(reply.status)
    return _failed(call, refusal.message or code, kind, code=code, actions=actions, remedy=remedy)


def _refusal(reply: Reply) -> _Refusal:
    """What a failure says; an unknown path is answered in plain text, and a proxy answers as it likes."""
    try:
        status = parse_object(reply.body, limit=LIMIT, what="answer")
    except SigningKeyError:
        said = (
            shown(reply.body[:1000].decode("utf-8", "replace")) if reply.content_type.startswith("text/plain") else ""
        )
        return _Refusal(reason="", message=said or f"HTTP status {reply.status}", is_field_conflict=False)
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, Mapping) else None
    listed = causes if isinstance(causes, list) else []
    return _Refusal(
        reason=shown(status.get("reason") or "")[:60],
        message=shown(status.get("message") or ""),
        is_field_conflict=any(
            isinstance(item, Mapping) and item.get("reason") == "FieldManagerConflict" for item in listed
        ),
    )


def _unreachable(call: Call, error: Exception) -> CloudError:
    if is_refused_header(error):
        return _failed(call, f"the token of the kubeconfig's user {MARRED}", ErrorKind.PERMANENT, remedy=_LOG_IN)
    said = shown(error) or type(error).__name__
    if is_untrusted(error):
        what = f"the API server's certificate is not trusted: {said}"
        return _failed(call, what, ErrorKind.PERMANENT, remedy="Check certificate-authority in the kubeconfig.")
    if isinstance(error, HTTPError):
        remedy = "Check the kubeconfig and the network; a run can simply be repeated."
        what = f"the cluster does not answer: {said}"
        return _failed(call, what, ErrorKind.TRANSIENT, code=type(error).__name__, remedy=remedy)
    if isinstance(error, ConfigError | OSError):
        what = f"the kubeconfig's credentials cannot be had: {said}"
        return _failed(call, what, ErrorKind.PERMANENT, remedy="Try it with `kubectl --kubeconfig`.")
    return _failed(call, said, ErrorKind.PERMANENT)


def _failed(
    call: Call, said: str, kind: ErrorKind, *, code: str = "", actions: tuple[str, ...] = (), remedy: str = ""
) -> CloudError:
    what = f"{call.name} failed: {said}"
    return CloudError(what, kind=kind, code=code, operation=call.name, actions=actions, remedy=remedy)
