"""The lab's way in: each request is placed, identified, delayed, authorised, put right, answered and logged."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from moto.moto_api._internal.models import moto_api_backend

from ccoctl.federation.documents import IssuerCache
from ccoctl.federation.https import Get
from ccoctl.lab import accounts, buckets, bulk_deletes, client_ids, distributions, limits
from ccoctl.lab.access_identities import AccessIdentities
from ccoctl.lab.answers import Answer, refusal
from ccoctl.lab.asked import Asked, asked
from ccoctl.lab.authorization import authorize, may, needed_actions
from ccoctl.lab.cdn import Cdn
from ccoctl.lab.conditions import Conditions, Weather
from ccoctl.lab.consistency import Consistency
from ccoctl.lab.deployments import Deployments
from ccoctl.lab.faults import Faults
from ccoctl.lab.hosts import BucketHost, DistributionHost, Host, host_of
from ccoctl.lab.http import TUNNEL, ResetRequestedError
from ccoctl.lab.log import LoggedCall, RequestLog
from ccoctl.lab.moto_app import Moto
from ccoctl.lab.principals import Principal, identify
from ccoctl.lab.sessions import Sessions
from ccoctl.lab.sts import StrictSts

LAB_ROOT = "/_lab/"
"""Below it the lab itself answers: GET `calls` and POST `reset`."""


class _Outcome(msgspec.Struct, frozen=True):
    answer: Answer
    principal: Principal | None = None
    reason: str = ""
    """For the lab's own log."""


class Edge:
    """A WSGI application around moto's."""

    def __init__(
        self,
        conditions: Conditions,
        get: Get,
        clock: Callable[[], float],
        steady: Callable[[], float],
        signed_by: Callable[[], float],
    ) -> None:
        """Begin with an empty account.

        Args:
            conditions: how it behaves.
            get: fetches an issuer's documents, as the world does.
            clock: seconds since 1970.
            steady: seconds that never go back.
            signed_by: seconds since 1970, by the clock that clients date their signatures by.
        """
        self.conditions = conditions
        self._signed_by = signed_by
        self._clock = clock
        # moto's models are not made for several threads at a time
        self._lock = threading.RLock()
        self._moto = Moto()
        self._identities = AccessIdentities()
        self._deployments = Deployments(conditions.distribution_delay, steady)
        self._consistency = Consistency(conditions.eventual_consistency, steady)
        self._sessions = Sessions(clock)
        self._issuers = IssuerCache(get, steady)
        self._sts = StrictSts(self._sessions, self._issuers, self._consistency, self._lock, clock)
        self._cdn = Cdn(self._moto.read_object, self._identities, self._deployments, steady)
        self._faults = Faults(conditions.weather)
        self._log = RequestLog()
        self._never = threading.Event()
        distributions.mend()
        buckets.mend()

    def calls(self) -> tuple[LoggedCall, ...]:
        """The requests so far, in the order in which they were answered."""
        return self._log.calls()

    def change_weather(self, weather: Weather) -> None:
        """Another weather from now on, also after a reset."""
        self._faults.change(weather)

    def reset(self) -> None:
        """Empty the account and the log."""
        parts = (self._identities, self._consistency, self._sessions, self._cdn, self._faults, self._deployments)
        with self._lock:
            moto_api_backend.reset()
            for part in parts:
                part.reset()
            self._issuers.forget()
            self._log.reset()

    def refuses(self, host: str, port: str) -> str:
        """Why there is no tunnel to a host; nothing that is meant for AWS ever leaves the lab."""
        why = self._refuses(host_of(host), host, port)
        if why:
            self._log.refused_tunnel(host, port, why)
        return why

    def _refuses(self, place: Host | None, host: str, port: str) -> str:
        if place is None:
            return f"the lab answers for names of AWS only, and {host[:255]} is not one"
        if port != "443":
            return f"the lab answers on port 443 only, not on {port[:5]}"
        if isinstance(place, DistributionHost):
            with self._lock:
                return "" if self._cdn.knows(place.domain) else f"{host[:255]} cannot be resolved"
        return ""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        host = environ.get(TUNNEL, "")
        if not host and environ["PATH_INFO"].startswith(LAB_ROOT):
            return self._own(environ).send(start_response)
        place = host_of(host) if host else None
        if isinstance(place, DistributionHost):
            return self._viewed(place.domain, environ).send(start_response)
        request = asked(environ, place)
        if self.conditions.latency:
            self._never.wait(self.conditions.latency)
        fault = self._faults.of(request)
        if fault.reset_before:
            self._log.note(request, None, None, "")
            raise ResetRequestedError
        outcome = _Outcome(fault.answer) if fault.answer else self._outcome(request, environ, place)
        reason = "the connection was reset before the answer arrived" if fault.reset_after else outcome.reason
        self._log.note(request, outcome.principal, outcome.answer, reason)
        if fault.reset_after:
            raise ResetRequestedError
        return outcome.answer.send(start_response)

    def _outcome(self, request: Asked, environ: dict[str, Any], place: Host | None) -> _Outcome:
        """What comes of a request; what moto cannot cope with is a server error, as it would be in AWS."""
        try:
            return self._answered(request, environ, place)
        except Exception as error:
            message = "The lab could not carry the request out; its log of calls says why."
            answer = refusal(request.service, request.method, 500, "InternalFailure", message)
            return _Outcome(answer, reason=f"{type(error).__name__}: {error}")

    def _answered(self, request: Asked, environ: dict[str, Any], place: Host | None) -> _Outcome:
        if request.service == "sts" and request.operation == "AssumeRoleWithWebIdentity":
            # not under the lock: it may have to fetch documents, and they come from here
            denied = self._denied(request, "anonymous")
            answer, reason = (denied, "") if denied else self._sts.assume(request)
            return _Outcome(answer, reason=reason)
        with self._lock:
            principal = identify(request, self._sessions, self._signed_by())
            if isinstance(principal, Answer):
                return _Outcome(principal)
            if principal.is_session:
                role_id = principal.user_id.partition(":")[0]
                accounts.note_use(principal.role_arn, role_id, request.region, self._clock())
            self._deployments.settle()
            return _Outcome(self._answer(request, principal, environ, place), principal)

    def _answer(self, request: Asked, principal: Principal, environ: dict[str, Any], place: Host | None) -> Answer:
        refused = self._refusal(request, principal, place)
        if refused is not None:
            return refused
        if request.service == "sts":
            is_known = request.operation == "GetCallerIdentity"
            return self._sts.caller(request, principal) if is_known else self._sts.unknown(request)
        own = client_ids.handle(request)
        if request.service == "cloudfront":
            own = self._identities.handle(request, distributions.identities_in_use(request))
        if own is not None:
            self._consistency.after(request, own)
            return own
        if request.operation == "DeleteObjects" and self._is_held(principal):
            return self._delete_objects(request, principal, environ)
        is_new = request.operation == "CreateBucket" and not buckets.exists(request)
        answer = self._moto.ask(environ)
        if answer.status < 300:
            answer = self._after(request, answer, is_new=is_new)
        return self._hidden(request, principal, answer)

    def _is_held(self, principal: Principal) -> bool:
        """True for whoever may do only what a policy allows: strangers and assumed roles always are."""
        return self.conditions.enforce_iam or principal.is_session or principal.is_anonymous

    def _denied(self, request: Asked, who: str) -> Answer | None:
        denied = next((action for action in needed_actions(request) if self._faults.denies(action)), None)
        if denied is None:
            return None
        message = f"User: {who} is not authorized to perform: {denied} on resource: *"
        return refusal(request.service, request.method, 403, "AccessDenied", message)

    def _refusal(self, request: Asked, principal: Principal, place: Host | None) -> Answer | None:
        is_global = isinstance(place, BucketHost) and not place.region
        # that there is no such bucket S3 tells everybody
        refused = self._denied(request, principal.arn) or buckets.check_place(request, is_global=is_global)
        if refused is None and self._is_held(principal):
            refused = authorize(request, principal, now=self._clock())
        refused = refused or self._consistency.check(request)
        if refused is not None:
            return refused
        match request.service:
            case "iam":
                return limits.check(request)
            case "s3":
                return buckets.check(request, self._identities.principals(request.partition))
            case "cloudfront":
                return distributions.check(request, self._identities.ids())
            case _:
                return None

    def _delete_objects(self, request: Asked, principal: Principal, environ: dict[str, Any]) -> Answer:
        bucket = f"arn:{request.partition}:s3:::{request.bucket}"

        def delete(body: bytes) -> Answer:
            return self._moto.ask({**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))})

        def allows(key: str) -> bool:
            return may(principal, "s3:DeleteObject", f"{bucket}/{key}", request, now=self._clock())

        return bulk_deletes.perform(request, allows, delete)

    def _after(self, request: Asked, answer: Answer, *, is_new: bool) -> Answer:
        if is_new:
            buckets.created(request)
        if request.operation == "DeleteBucket":
            buckets.deleted(request)
        if request.operation == "UpdateDistribution":
            answer = distributions.updated(request, answer, self._deployments)
        if request.operation == "CreateInvalidation":
            self._cdn.invalidate(request.path.strip("/").split("/")[2], distributions.invalidated(request))
        self._deployments.settle()
        self._consistency.after(request, answer)
        return answer

    def _hidden(self, request: Asked, principal: Principal, answer: Answer) -> Answer:
        """Whoever may not list a bucket does not learn that an object is not there."""
        is_missing = request.service == "s3" and request.key and answer.code in {"NoSuchKey", "404"}
        if not (is_missing and self._is_held(principal)):
            return answer
        bucket = f"arn:{request.partition}:s3:::{request.bucket}"
        if may(principal, "s3:ListBucket", bucket, request, now=self._clock()):
            return answer
        return refusal("s3", request.method, 403, "AccessDenied", "Access Denied")

    def _viewed(self, domain: str, environ: dict[str, Any]) -> Answer:
        """What a viewer of a distribution gets."""
        with self._lock:
            self._deployments.settle()
            answer = self._cdn.answer(
                domain, environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("HTTP_IF_NONE_MATCH", "")
            )
        self._log.viewed(domain, environ["PATH_INFO"], answer)
        return answer

    def _own(self, environ: dict[str, Any]) -> Answer:
        match environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix(LAB_ROOT):
            case "GET", "calls":
                body = msgspec.json.encode(self.calls())
                return Answer(status=200, body=body, headers={"Content-Type": "application/json"})
            case "POST", "reset":
                self.reset()
                return Answer(status=200)
            case _, "calls" | "reset":
                return Answer(status=405)
            case _:
                return Answer(status=404)
