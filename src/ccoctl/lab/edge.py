"""The lab's way in: each request is placed, identified, delayed, authorised, put right, answered and logged."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from ccoctl.federation.documents import IssuerCache
from ccoctl.federation.https import Get
from ccoctl.lab import buckets, distributions, limits
from ccoctl.lab.access_identities import AccessIdentities
from ccoctl.lab.answers import Answer, refusal
from ccoctl.lab.asked import Asked, asked
from ccoctl.lab.authorization import authorize, may, needed_actions, resource_of
from ccoctl.lab.cdn import Cdn
from ccoctl.lab.conditions import Conditions
from ccoctl.lab.consistency import Consistency
from ccoctl.lab.faults import Faults
from ccoctl.lab.hosts import BucketHost, DistributionHost, host_of
from ccoctl.lab.http import TUNNEL, ResetRequestedError
from ccoctl.lab.log import LoggedCall, RequestLog
from ccoctl.lab.principals import Principal, identify
from ccoctl.lab.sessions import Sessions
from ccoctl.lab.sts import StrictSts

LAB_ROOT = "/_lab/"
"""Below it the lab itself answers: `calls` and `reset`."""


class Edge:
    """A WSGI application around moto's."""

    def __init__(self, conditions: Conditions, get: Get, clock: Callable[[], float]) -> None:
        """Begin with an empty account.

        Args:
            conditions: how it behaves.
            get: fetches an issuer's documents, as the world does.
            clock: seconds since 1970.
        """
        self.conditions = conditions
        self._clock = clock
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._identities = AccessIdentities()
        self._consistency = Consistency(conditions.eventual_consistency, time.monotonic)
        self._sessions = Sessions(clock)
        self._issuers = IssuerCache(get, time.monotonic)
        self._sts = StrictSts(self._sessions, self._issuers, self._consistency, clock)
        self._cdn = Cdn(self._read_object, time.monotonic)
        self._faults = Faults(conditions.weather)
        self._log = RequestLog()
        # moto's models are not made for several threads at a time
        self._lock = threading.RLock()
        self._never = threading.Event()
        distributions.mend()
        distributions.deploy_within(conditions.distribution_delay)

    def calls(self) -> tuple[LoggedCall, ...]:
        """The requests so far, in the order in which they were answered."""
        return self._log.calls()

    def reset(self) -> None:
        """Empty the account and the log."""
        with self._lock:
            moto_api_backend.reset()
            for part in (self._identities, self._consistency, self._sessions, self._cdn, self._faults, self._log):
                part.reset()
            self._issuers.forget()
            distributions.deploy_within(self.conditions.distribution_delay)

    def refuses(self, host: str, port: str) -> str:
        """Why there is no tunnel to a host; nothing that is meant for AWS ever leaves the lab."""
        place = host_of(host)
        if place is None:
            return f"the lab answers for names of AWS only, and {host[:255]} is not one"
        if port != "443":
            return f"the lab answers on port 443 only, not on {port[:5]}"
        if isinstance(place, DistributionHost) and not self._cdn.knows(place.domain):
            return f"{host[:255]} cannot be resolved"
        return ""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        host = environ.get(TUNNEL, "")
        if not host and environ["PATH_INFO"].startswith(LAB_ROOT):
            return self._own(environ["PATH_INFO"].removeprefix(LAB_ROOT)).send(start_response)
        place = host_of(host) if host else None
        if isinstance(place, DistributionHost):
            return self._viewed(place.domain, environ).send(start_response)
        if isinstance(place, BucketHost):
            _address_by_path(environ, place)
        request = asked(environ)
        if self.conditions.latency:
            self._never.wait(self.conditions.latency)
        fault = self._faults.of(request)
        if fault.reset_before:
            raise ResetRequestedError
        principal, answer, reason = (
            (None, fault.answer, "") if fault.answer else self._answered(request, environ, place)
        )
        self._log.note(request, principal, answer, reason)
        if fault.reset_after:
            raise ResetRequestedError
        return answer.send(start_response)

    def _answered(self, request: Asked, environ: dict[str, Any], place: object) -> tuple[Principal | None, Answer, str]:
        """Who asked, the answer, and the reason behind it."""
        if request.service == "sts" and request.operation == "AssumeRoleWithWebIdentity":
            # not under the lock: it may have to fetch documents, and they come from here
            return None, *self._sts.assume(request)
        with self._lock:
            principal = identify(request, self._sessions)
            if isinstance(principal, Answer):
                return None, principal, ""
            return principal, self._answer(request, principal, environ, place), ""

    def _answer(self, request: Asked, principal: Principal, environ: dict[str, Any], place: object) -> Answer:
        refused = self._refusal(request, principal, place)
        if refused is not None:
            return refused
        if request.service == "sts":
            is_known = request.operation == "GetCallerIdentity"
            return self._sts.caller(request, principal) if is_known else self._sts.unknown(request)
        if request.service == "cloudfront":
            own = self._identities.handle(request, distributions.identities_in_use(request))
            if own is not None:
                self._consistency.after(request, own)
                return own
        is_new = request.operation == "CreateBucket" and not buckets.exists(request)
        if isinstance(place, BucketHost) and principal.is_anonymous:
            environ["HTTP_AUTHORIZATION"] = _signature(request.region)  # else moto takes an issuer's path for Cognito's
        answer = _ask(self._moto, environ)
        if answer.status < 300:
            self._after(request, answer, is_new=is_new)
        return self._hidden(request, principal, answer)

    def _refusal(self, request: Asked, principal: Principal, place: object) -> Answer | None:
        denied = next((action for action in needed_actions(request) if self._faults.denies(action)), None)
        if denied is not None:
            message = f"User: {principal.arn} is not authorized to perform: {denied} on resource: *"
            return refusal(request.service, request.method, 403, "AccessDenied", message)
        if self.conditions.enforce_iam or principal.is_session or isinstance(place, BucketHost):
            refused = authorize(request, principal, now=self._clock())
            if refused is not None:
                return refused
        match request.service:
            case "iam":
                refused = limits.check(request)
            case "s3":
                refused = buckets.check(request)
            case "cloudfront":
                refused = distributions.check(request)
            case _:
                refused = None
        return refused or self._consistency.check(request)

    def _after(self, request: Asked, answer: Answer, *, is_new: bool) -> None:
        if is_new:
            buckets.created(request)
        if request.service == "cloudfront":
            distributions.after(request)
        if request.operation == "CreateInvalidation":
            self._cdn.invalidate(request.path.strip("/").split("/")[2])
        self._consistency.after(request, answer)

    def _hidden(self, request: Asked, principal: Principal, answer: Answer) -> Answer:
        """Whoever may not list a bucket does not learn that an object is not there."""
        if not (request.service == "s3" and request.key and answer.status == 404 and principal.is_anonymous):
            return answer
        bucket = resource_of(request).partition("/")[0]
        if answer.code == "NoSuchKey" and not may(principal, "s3:ListBucket", bucket, request, now=self._clock()):
            return refusal("s3", request.method, 403, "AccessDenied", "Access Denied")
        return answer

    def _viewed(self, domain: str, environ: dict[str, Any]) -> Answer:
        """What a viewer of a distribution gets."""
        with self._lock:
            answer = self._cdn.answer(domain, environ["REQUEST_METHOD"], environ["PATH_INFO"])
        self._log.viewed(domain, environ["PATH_INFO"], answer)
        return answer

    def _read_object(self, region: str, bucket: str, key: str) -> Answer:
        """An object as the lab itself reads it."""
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": f"/{bucket}/{key}",
            "RAW_URI": f"/{bucket}/{key}",
            "QUERY_STRING": "",
            "HTTP_HOST": "127.0.0.1",
            "HTTP_AUTHORIZATION": _signature(region or "us-east-1"),
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "http",
            "wsgi.version": (1, 0),
        }
        asked(environ)
        return _ask(self._moto, environ)

    def _own(self, name: str) -> Answer:
        if name == "calls":
            body = json.dumps([asdict(call) for call in self.calls()]).encode()
            return Answer(status=200, body=body, headers={"Content-Type": "application/json"})
        if name == "reset":
            self.reset()
            return Answer(status=200)
        return Answer(status=404)


def _address_by_path(environ: dict[str, Any], place: BucketHost) -> None:
    """A request to a bucket's own name as one to the endpoint: below there is one way to address a bucket."""
    environ["PATH_INFO"] = f"/{place.bucket}{environ['PATH_INFO']}"
    environ["RAW_URI"] = environ["REQUEST_URI"] = f"/{place.bucket}{environ['RAW_URI']}"
    environ["HTTP_HOST"] = f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"


def _signature(region: str) -> str:
    """As whom the lab itself asks moto's S3; nobody checks it."""
    scope = f"Credential=LAB/20200101/{region}/s3/aws4_request"
    return f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"


def _ask(application: Callable[[dict[str, Any], Any], Iterable[bytes]], environ: dict[str, Any]) -> Answer:
    """What an application answers, as a value."""
    said: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> Callable[[bytes], None]:
        said.update(status=int(status.split(" ", 1)[0]), headers=dict(headers))
        return lambda _data: None

    body = application(environ, start_response)
    try:
        content = b"".join(body)
    finally:
        if hasattr(body, "close"):
            body.close()
    framing = {"transfer-encoding", "connection"}
    if environ["REQUEST_METHOD"] != "HEAD":
        framing.add("content-length")
    headers = {name: value for name, value in said["headers"].items() if name.lower() not in framing}
    return Answer(status=HTTPStatus(said["status"]), body=content, headers=headers)
