"""The thumbprint of an issuer's host: optional, and bounded in time.

Source: IAM user guide, "Obtain the thumbprint for an OpenID Connect identity provider": the SHA-1 of the certificate
furthest up the chain as served. AWS verifies S3 and CloudFront by its own roots and does not look at it.
"""

from __future__ import annotations

import hashlib
import os
import ssl
import threading

from ccoctl.engine.call import Answer
from ccoctl.errors import ProxyError
from ccoctl.federation.connect import connect

TIMEOUT = 5.0
"""Seconds without a byte."""
PATIENCE = 10.0
"""Seconds for the whole; the thumbprint is not worth a longer wait."""
HTTPS_PORT = 443


def thumbprint(host: str, *, ca_bundle: str = "") -> Answer:
    """`Thumbprints` with one entry; where the host cannot be reached or trusted, `Skipped` with the reason alone."""
    found: list[Answer] = []
    # whoever sends a byte now and then is never late for a socket's time-out, so the whole is bounded, too
    looking = threading.Thread(target=lambda: found.append(_looked_up(host, ca_bundle)), daemon=True)
    looking.start()
    looking.join(PATIENCE)
    return found[0] if found else {"Skipped": f"{host} did not answer within {PATIENCE:.0f} seconds"}


def _looked_up(host: str, ca_bundle: str) -> Answer:
    try:
        return {"Thumbprints": [_of_chain(host, ca_bundle)]}
    except (OSError, ValueError) as error:
        return {"Skipped": f"{host} could not be reached: {error}"}
    except ProxyError as error:
        return {"Skipped": f"{host} could not be reached: {error.what}"}


def _of_chain(host: str, ca_bundle: str) -> str:
    context = ssl.create_default_context(cafile=ca_bundle or os.environ.get("AWS_CA_BUNDLE") or None)
    with (
        connect(host, HTTPS_PORT, timeout=TIMEOUT) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        chain = _served_chain(secured)
    # SHA-1 is what IAM takes; it is no signature here
    return hashlib.sha1(chain[-1], usedforsecurity=False).hexdigest().upper()


def _served_chain(secured: ssl.SSLSocket) -> list[bytes]:
    """The chain as served, leaf first. Python has it as public API since 3.13, and underneath before."""
    if hasattr(secured, "get_unverified_chain"):
        chain: list[bytes] = secured.get_unverified_chain()
        return chain
    inner = secured._sslobj  # type: ignore[attr-defined] # no public way before 3.13
    return [certificate.public_bytes(2) for certificate in inner.get_unverified_chain()]
