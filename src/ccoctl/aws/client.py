"""The session with AWS: performs Calls and translates what goes wrong. Only it, `sdk` and `bounds` import botocore."""

from __future__ import annotations

import contextlib
import copy
import logging
import re
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import botocore.exceptions
import msgspec
from botocore import xform_name
from botocore.config import Config

from ccoctl.aws import bounds, sdk, skew
from ccoctl.aws.failures import kind_of
from ccoctl.aws.permissions import actions_of
from ccoctl.aws.shapes import Seen
from ccoctl.aws.sts import Credentials
from ccoctl.aws.unsaid import told, unsaid
from ccoctl.aws.unsendable import check_credentials, is_refused_header, unsendable
from ccoctl.engine.attempt import CHANGED
from ccoctl.engine.call import Answer, Call
from ccoctl.engine.pace import Pace, Rate
from ccoctl.errors import CloudError, ErrorKind, ProxyError, UsageError
from ccoctl.federation.clock import WallClock
from ccoctl.federation.proxies import check_proxies, proxy_for

CONNECT_TIMEOUT = 10.0
"""Seconds; a proxy that swallows packets is given up soon."""
READ_TIMEOUT = 60.0
"""Seconds; no call of ours takes AWS longer."""
BODY_LIMIT = 1024 * 1024
"""Bytes read of an object; a discovery document or JWKS has a few thousand."""
MESSAGE_LIMIT = 500
"""Characters of a server's message that are shown."""

RATES = {"iam": Rate(ceiling=100.0, burst=200.0), "sts": Rate(ceiling=600.0, burst=600.0)}
"""What is asked of an account at most. STS's is its quota for an account and region (IAM user guide, "IAM and AWS STS
quotas"). IAM's is not published and is lower for some calls: what it turns away slows us down. 200 calls at once are
what 50 requests take, which so wait for nothing but the network."""

_UNAUTHORISED = re.compile(r"not authorized to perform: ([A-Za-z0-9-]+:[A-Za-z0-9*]+)")


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach AWS; what is left empty is found by the SDK's own chain."""

    region: str = ""
    fallback_region: str = ""
    """Taken where neither `region` nor the SDK's chain names one."""
    profile: str = ""
    ca_bundle: str = ""
    concurrency: int = 10


_logger = logging.getLogger(__name__)


class AwsCloud:
    """Performs Calls with the SDK's credentials, profiles, endpoints, proxies and CA bundles."""

    def __init__(self, connection: Connection) -> None:
        """Nothing is called yet, and credentials are looked up with the first call.

        Raises:
            UsageError: the profile does not exist, or no region is known.
        """
        self._connection = connection
        self._credentials: Credentials | None = None
        self._clients: dict[tuple[str, bool], Any] = {}
        self._authorities = sdk.Authorities()
        self._pace = Pace(rates=RATES)
        self._lock = threading.Lock()
        self._seen = Seen()
        try:
            self._session = sdk.session(connection.profile)
        except botocore.exceptions.ProfileNotFound as error:
            raise UsageError(str(error), remedy="`aws configure list-profiles` lists the profiles.") from error

    def bearing(self, credentials: Credentials) -> AwsCloud:
        """The same AWS, asked with these credentials instead of the SDK's own."""
        other = copy.copy(self)
        other._credentials, other._seen = credentials, Seen()
        return other

    @property
    def _region(self) -> str | None:
        wanted = self._connection.region or self._session.get_config_variable("region")
        return wanted or self._connection.fallback_region or None

    def perform(self, call: Call) -> Answer:
        """One request and its answer.

        Raises:
            CloudError: AWS refused or did not answer.
        """
        if call.service == "tls":
            return self._thumbprint(call)
        return self._pace.perform(call, self._ask)

    def _ask(self, call: Call) -> Answer:
        _logger.debug("%s", call.name)
        try:
            operation = getattr(self._client(call.service), xform_name(call.operation))
            with self._identity(), bounds.readable(call, lambda: self._told(call)):
                return self._seen.checked(call, _plain(operation(**_parameters(call))))
        # the SDK's errors, which a traceback would show, quote the server with all that it says, and what it was told
        except botocore.exceptions.ClientError as error:
            raise _refused(call, error, self._told(call)) from None
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.HTTPClientError) as error:
            raise _unreachable(call, error, self._told(call)) from None
        except ProxyError as error:
            what, remedy = error.what, error.remedy
            raise CloudError(what, kind=ErrorKind.PERMANENT, operation=call.name, remedy=remedy) from None

    def _told(self, call: Call) -> tuple[str, ...]:
        """The secrets that AWS was told, or whoever answers in its place."""
        # those that were used, if any: get_credentials would look for some, and ask the network for them
        return told(self._credentials or getattr(self._session, "_credentials", None), call.parameters)

    def _identity(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext() if self._credentials is None else sdk.bearing(self._credentials)

    def _client(self, service: str) -> Any:
        """One for all threads; a second one for calls in the name of others."""
        kind = service, self._credentials is not None
        if (ready := self._clients.get(kind)) is not None:
            return ready
        with self._lock:
            if kind not in self._clients:
                self._clients[kind] = self._made(service)
            return self._clients[kind]

    def _made(self, service: str) -> Any:
        session = self._session if self._credentials is None else sdk.session(self._connection.profile, borne=True)
        made = _client_of(
            session,
            service,
            region_name=self._region,
            verify=self._connection.ca_bundle or None,
            config=Config(
                connect_timeout=CONNECT_TIMEOUT,
                read_timeout=READ_TIMEOUT,
                max_pool_connections=self._connection.concurrency,
                # retries are the engine's: they are counted, shown and stopped there
                retries={"total_max_attempts": 1},
                user_agent=sdk.user_agent(self._session),
            ),
        )
        url = str(made.meta.endpoint_url)
        check_proxies(url, kinds=(urlsplit(url).scheme,))
        made.meta.events.register_first("before-sign", check_credentials)
        bounds.install(made)
        sdk.trim(made, self._authorities)
        return made

    def _thumbprint(self, call: Call) -> Answer:
        from ccoctl.aws.thumbprint import thumbprint

        return thumbprint(str(call.parameters["Host"]), ca_bundle=self._connection.ca_bundle)


_NOBODY_ASKED = (
    botocore.exceptions.ProxyConnectionError,
    botocore.exceptions.HTTPClientError,
    botocore.exceptions.InvalidIMDSEndpointError,
)


def _client_of(session: Any, service: str, **given: Any) -> Any:
    """A client; for that the SDK may have to ask somebody for credentials, and would quote a proxy that is none."""
    try:
        return session.create_client(service, **given)
    except _NOBODY_ASKED:
        for kind in ("http", "https"):
            proxy_for(kind)
        raise


def _parameters(call: Call) -> dict[str, Any]:
    parameters = dict(call.parameters)
    body = parameters.get("Body")
    if isinstance(body, str):
        parameters["Body"] = body.encode()
    return parameters


def _plain(answer: Mapping[str, Any]) -> Answer:
    plain = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    body: Any = plain.get("Body")
    if hasattr(body, "read"):
        with body:
            plain["Body"] = bounds.body_of(body, BODY_LIMIT)
    return plain


def _refused(call: Call, error: botocore.exceptions.ClientError, secrets: tuple[str, ...]) -> CloudError:
    said = error.response.get("Error", {})
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    code, message = str(said.get("Code", "")), unsaid(str(said.get("Message", "")), secrets)[:MESSAGE_LIMIT]
    kind = kind_of(code, status)
    actions: tuple[str, ...] = ()
    remedy = _REMEDIES.get(code, "")
    ahead = skew.off_by(code, error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}), WallClock().now())
    if ahead:
        kind, remedy = ErrorKind.PERMANENT, skew.REMEDY
        message = f"{message}{'; ' if message else ''}{skew.words(ahead)}"
    elif _PUBLIC_POLICIES_BLOCKED in message:
        remedy = _ACCOUNT_BLOCKS
    elif kind is ErrorKind.DENIED:
        named = _UNAUTHORISED.findall(message)
        actions = tuple(dict.fromkeys(named)) or actions_of(call)
        remedy = f"Allow {' and '.join(actions)}: see `ccoctl aws required-permissions`." if actions else ""
    return CloudError(
        f"{call.name} failed: {code or status}{': ' if message else ''}{message}",
        kind=kind,
        code=code or str(status),
        operation=call.name,
        actions=actions,
        remedy=remedy,
    )


_CREDENTIAL_CODES = (
    *("ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidClientTokenId", "RequestExpired"),
    *("SignatureDoesNotMatch", "UnrecognizedClientException", "InvalidToken", "TokenRefreshRequired"),
)
_BAD_CREDENTIALS = "The credentials are not valid, or not any more: log in again, or check the profile and the clock."
_REMEDIES = {**dict.fromkeys(_CREDENTIAL_CODES, _BAD_CREDENTIALS), "PreconditionFailed": CHANGED}
_PUBLIC_POLICIES_BLOCKED = "BlockPublicPolicy"
_ACCOUNT_BLOCKS = (
    "Public bucket policies are blocked, probably for the whole account: lift that block, or serve the issuer from a "
    "private bucket with --create-private-s3-bucket."
)
_NO_CREDENTIALS = (
    botocore.exceptions.NoCredentialsError,
    botocore.exceptions.PartialCredentialsError,
    botocore.exceptions.CredentialRetrievalError,
    botocore.exceptions.TokenRetrievalError,
    botocore.exceptions.SSOTokenLoadError,
    botocore.exceptions.UnauthorizedSSOTokenError,
)
_NO_ANSWER = (
    botocore.exceptions.ConnectionError,
    botocore.exceptions.HTTPClientError,
    botocore.exceptions.ResponseStreamingError,
    botocore.exceptions.IncompleteReadError,
)


def _unreachable(call: Call, error: Exception, secrets: tuple[str, ...]) -> CloudError:
    if is_refused_header(error):
        return unsendable(call.name)
    text = unsaid(str(error), secrets)[:MESSAGE_LIMIT]
    if isinstance(error, _NO_CREDENTIALS):
        return CloudError(
            f"no credentials for AWS: {text}",
            kind=ErrorKind.PERMANENT,
            operation=call.name,
            remedy="Set AWS_PROFILE or --profile, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; or log in again.",
        )
    if isinstance(error, botocore.exceptions.SSLError):
        return CloudError(
            f"{call.name}: the server's certificate is not trusted: {text}",
            kind=ErrorKind.PERMANENT,
            operation=call.name,
            remedy="Name the certificate authority with --ca-bundle or AWS_CA_BUNDLE.",
        )
    if isinstance(error, botocore.exceptions.ProxyConnectionError) and "407" in str(error.kwargs.get("error", "")):
        return CloudError(
            f"{call.name}: the proxy wants a login (407): {text}",
            kind=ErrorKind.PERMANENT,
            code=type(error).__name__,
            operation=call.name,
            remedy="Put it into HTTPS_PROXY, as http://USER:PASSWORD@HOST:PORT.",
        )
    if isinstance(error, _NO_ANSWER):
        return CloudError(
            f"{call.name}: AWS did not answer: {text}",
            kind=ErrorKind.TRANSIENT,
            code=type(error).__name__,
            operation=call.name,
            remedy="Check the network, HTTPS_PROXY and AWS_ENDPOINT_URL; a run can simply be repeated.",
        )
    return CloudError(f"{call.name}: {text}", kind=ErrorKind.PERMANENT, operation=call.name)
