"""Tokens of a proof from a running cluster, through TokenRequest.

Source: Kubernetes API reference, TokenRequest v1 (authentication.k8s.io). It needs the verb `create` on
`serviceaccounts/token` in the components' namespaces.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric import rsa

from ccoctl.engine.attempt import read
from ccoctl.engine.call import at_path
from ccoctl.engine.cloud import Cloud
from ccoctl.engine.pool import pool
from ccoctl.errors import CcoctlError, CloudError, ClusterError, ErrorKind
from ccoctl.federation.claims import subject_of
from ccoctl.federation.issue import Signer
from ccoctl.federation.proof import Attempt
from ccoctl.federation.specimens import LIFETIME, STRANGE_AUDIENCE
from ccoctl.federation.token import parse
from ccoctl.openshift.calls import create_token
from ccoctl.openshift.connection import shown


class ClusterTokens:
    """Tokens that the cluster itself signs.

    Expired ones, and ones of service accounts that do not exist, are not to be had from a cluster.
    """

    kinds = frozenset({Attempt.OWN_ROLE, Attempt.OTHER_ROLE, Attempt.OTHER_KEY, Attempt.OTHER_AUDIENCE})

    def __init__(self, cluster: Cloud, *, audience: str) -> None:
        """Nothing is asked yet."""
        self._cluster = cluster
        self._audience = audience
        self._memo: dict[str, str] = {}
        self._asking: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._forger: Signer | None = None

    def token(self, service_account: str, attempt: Attempt) -> str:
        """Good tokens are asked for once for each service account.

        Raises:
            ClusterError: the cluster gives none, or one of somebody else.
            TokenError: what it gives is none.
        """
        if attempt is Attempt.OTHER_AUDIENCE:
            return self._requested(service_account, STRANGE_AUDIENCE)
        with self._lock:
            asking = self._asking.setdefault(service_account, threading.Lock())
        with asking:
            if service_account not in self._memo:
                self._memo[service_account] = self._requested(service_account, self._audience)
        good = self._memo[service_account]
        return self._forged(good) if attempt is Attempt.OTHER_KEY else good

    def missing(self, service_accounts: Iterable[str], *, concurrency: int) -> tuple[str, ...]:
        """Those that do not exist in the cluster, so that there is no token of them; the others' are asked for."""
        listed = list(service_accounts)
        with pool(concurrency, "tokens") as threads:
            is_missing = list(threads.map(self._is_missing, listed))
        return tuple(account for account, gone in zip(listed, is_missing, strict=True) if gone)

    def kid(self) -> str:
        """The kid of the key that the cluster signs with now; empty where no token was to be had."""
        with self._lock:
            good = next(iter(self._memo.values()), "")
        return str(parse(good).header.kid) if good else ""

    def _is_missing(self, service_account: str) -> bool:
        try:
            self.token(service_account, Attempt.OWN_ROLE)
        except ClusterError as error:
            return isinstance(error.__cause__, CloudError) and error.__cause__.kind is ErrorKind.MISSING
        except CcoctlError:  # told where the token is needed
            return False
        return False

    def _requested(self, service_account: str, audience: str) -> str:
        namespace, _, name = service_account.partition("/")
        try:
            answer = read(self._cluster, create_token(namespace, name, (audience,), LIFETIME))
        except CloudError as error:
            raise ClusterError(f"TokenRequest for {service_account}: {error.what}", remedy=error.remedy) from error
        token = at_path(answer, "status.token")
        if not isinstance(token, str) or not token:
            raise ClusterError(f"TokenRequest for {service_account}: the answer holds no token")
        claims = parse(token).claims
        if claims.subject != subject_of(namespace, name) or audience not in claims.audiences:
            said = f"{shown(claims.subject)!a} for {shown(', '.join(claims.audiences))!a}"
            what = f"TokenRequest for {service_account}: the answer holds another token than was asked for, of {said}"
            raise ClusterError(what, remedy="Check that the kubeconfig leads to the cluster's own API server.")
        return token

    def _forged(self, good: str) -> str:
        """The same claims under the same kid, signed with a key that is not the cluster's."""
        payload, named = good.split(".")[1], parse(good).header.kid
        with self._lock:
            if self._forger is None:
                stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
                self._forger = Signer(stranger, named=named)
            return self._forger.sign(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))
