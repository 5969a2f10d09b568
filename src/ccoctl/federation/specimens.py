"""The tokens that a proof hands to the cloud: good ones, and such as differ from a good one in one thing alone."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Hashable
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import rsa

from ccoctl.federation.issue import ServiceAccount, Signer, SigningKey, TokenRequest, issue
from ccoctl.federation.proof import Attempt

LIFETIME = 600
"""Seconds: the shortest that an API server gives."""
STRANGE_AUDIENCE = "ccoctl-verify-stranger"
STRANGE_NAMESPACE = "ccoctl-verify-stranger"
_EXPIRED_SINCE = 3600


class Tokens(Protocol):
    """Where the tokens of a proof come from."""

    @property
    def kinds(self) -> frozenset[Attempt]:
        """Which tokens it can make."""
        ...

    def token(self, service_account: str, attempt: Attempt) -> str:
        """A token of a service account, `namespace/name`, altered as the attempt says.

        Raises:
            CcoctlError: there is none.
        """
        ...


class KeyTokens:
    """Tokens signed with the cluster's key before there is a cluster."""

    kinds = frozenset(Attempt)

    def __init__(self, key: SigningKey, *, issuer: str, audience: str, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since 1970.

        Raises:
            SigningKeyError: the key is too weak, or on a curve that tokens are not signed with.
        """
        self._signer = Signer(key)
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._memo: dict[Hashable, str] = {}
        self._forger: Signer | None = None
        self._lock = threading.Lock()

    def token(self, service_account: str, attempt: Attempt) -> str:
        """Good tokens are made once for each service account."""
        if attempt not in {Attempt.OWN_ROLE, Attempt.OTHER_ROLE}:
            return self._issued(service_account, attempt)
        with self._lock:
            if service_account not in self._memo:
                self._memo[service_account] = self._issued(service_account, attempt)
            return self._memo[service_account]

    def _issued(self, service_account: str, attempt: Attempt) -> str:
        namespace, _, name = service_account.partition("/")
        if attempt is Attempt.OTHER_NAMESPACE:
            namespace = STRANGE_NAMESPACE
        audience = STRANGE_AUDIENCE if attempt is Attempt.OTHER_AUDIENCE else self._audience
        late = LIFETIME + _EXPIRED_SINCE if attempt is Attempt.EXPIRED else 0
        return issue(
            self._forging() if attempt is Attempt.OTHER_KEY else self._signer,
            TokenRequest(
                account=ServiceAccount(namespace, name, str(uuid.uuid4())), audiences=(audience,), lifetime=LIFETIME
            ),
            issuer=self._issuer,
            now=int(self._clock()) - late,
            token_id=str(uuid.uuid4()),
        )

    def _forging(self) -> Signer:
        with self._lock:
            if self._forger is None:
                stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
                self._forger = Signer(stranger, named=self._signer.kid)
            return self._forger
