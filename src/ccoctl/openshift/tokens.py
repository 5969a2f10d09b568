"""Tokens of a proof from a running cluster, through TokenRequest.

Source: Kubernetes API reference, TokenRequest v1 (authentication.k8s.io). It needs the verb `create` on
`serviceaccounts/token` in the components' namespaces.
"""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path

import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from httpx2 import HTTPError, Timeout
from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ApiError, ConfigError
from lightkube.models.authentication_v1 import TokenRequestSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ServiceAccountToken

from ccoctl.errors import ClusterError
from ccoctl.federation.issue import Signer
from ccoctl.federation.proof import Attempt
from ccoctl.federation.specimens import LIFETIME, STRANGE_AUDIENCE
from ccoctl.federation.token import parse

TIMEOUT = 15.0
"""Seconds; an API server answers a TokenRequest at once."""
_SHOWN = 300
"""Characters of a server's message."""
_NONSENSE = (ValueError, KeyError, TypeError, AttributeError)
"""What lightkube ends in where a file or an answer is not of the shape that it takes for granted."""
_BAD_CONFIG = (ConfigError, OSError, yaml.YAMLError, *_NONSENSE)
_NO_ANSWER = (HTTPError, OSError, *_NONSENSE)


class ClusterTokens:
    """Tokens that the cluster itself signs.

    Expired ones, and ones of service accounts that do not exist, are not to be had from a cluster.
    """

    kinds = frozenset({Attempt.OWN_ROLE, Attempt.OTHER_ROLE, Attempt.OTHER_KEY, Attempt.OTHER_AUDIENCE})

    def __init__(self, kubeconfig: Path, *, audience: str) -> None:
        """Nothing is asked yet.

        Raises:
            ClusterError: the file is no kubeconfig that can be used.
        """
        self._where = str(kubeconfig)
        self._audience = audience
        self._memo: dict[str, str] = {}
        self._asking: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._forger: Signer | None = None
        try:
            config = KubeConfig.from_file(kubeconfig).get()
            self._client = Client(config=config, timeout=Timeout(TIMEOUT))
        except _BAD_CONFIG as error:
            what = f"This is no kubeconfig that can be used: {str(error)[:_SHOWN]}"
            raise ClusterError(what, where=self._where, remedy="Try it with `kubectl --kubeconfig`.") from error

    def token(self, service_account: str, attempt: Attempt) -> str:
        """Good tokens are asked for once for each service account.

        Raises:
            ClusterError: the cluster gives none.
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

    def close(self) -> None:
        """Give up the connections to the cluster."""
        self._client.close()

    def _requested(self, service_account: str, audience: str) -> str:
        namespace, _, name = service_account.partition("/")
        spec = TokenRequestSpec(audiences=[audience], expirationSeconds=LIFETIME)
        wanted = ServiceAccountToken(metadata=ObjectMeta(), spec=spec)
        try:
            answer = self._client.create(wanted, name, namespace=namespace)
        except ApiError as error:
            what = f"TokenRequest for {service_account}: {str(error.status.message)[:_SHOWN]}"
            remedy = "It needs the verb create on serviceaccounts/token." if error.status.code == 403 else ""
            raise ClusterError(what, where=self._where, remedy=remedy) from error
        except _NO_ANSWER as error:
            what = f"The cluster does not answer: {str(error)[:_SHOWN] or type(error).__name__}"
            raise ClusterError(what, where=self._where, remedy="Check the kubeconfig and the network.") from error
        token = answer.status.token if answer.status is not None else ""
        if not isinstance(token, str) or not token:
            raise ClusterError(f"TokenRequest for {service_account}: the answer holds no token", where=self._where)
        return token

    def _forged(self, good: str) -> str:
        """The same claims under the same kid, signed with a key that is not the cluster's."""
        payload, named = good.split(".")[1], parse(good).header.kid
        with self._lock:
            if self._forger is None:
                stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
                self._forger = Signer(stranger, named=named)
            return self._forger.sign(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))
