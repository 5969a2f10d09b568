"""Credentials that no request can be signed with: told before the SDK's HTTP client quotes them as a bad header.

A variable of a CI that was set from a file with Windows line ends has one at its end.
"""

from __future__ import annotations

from typing import Any

from ccoctl.errors import CloudError, ErrorKind
from ccoctl.federation.sendable import MARRED, is_sendable

_PARTS = {
    "access_key": ("the access key's id", "AWS_ACCESS_KEY_ID"),
    "secret_key": ("the secret access key", "AWS_SECRET_ACCESS_KEY"),
    "token": ("the session token", "AWS_SESSION_TOKEN"),
}
_REFUSED = "Invalid header value"
"""How `http.client` begins, before it quotes the value."""


def check_credentials(event_name: str, request_signer: Any, signature_version: object, **_: Any) -> None:
    """A listener to the SDK's event `before-sign.SERVICE.OPERATION`.

    Raises:
        CloudError: a part of the credentials has a character in it that none has.
    """
    held = request_signer._credentials
    if held is None or not isinstance(signature_version, str):  # a call in nobody's name may have no credentials to get
        return
    frozen = held.get_frozen_credentials()
    for member, (what, variable) in _PARTS.items():
        if not is_sendable(str(getattr(frozen, member) or "")):
            raise unsendable(":".join(event_name.split(".")[1:]), what, variable)


def is_refused_header(error: BaseException) -> bool:
    """True for the error of a request whose header has a line end in it, which only a credential can have."""
    return _REFUSED in str(error)


def unsendable(name: str, what: str = "a credential", variable: str = "AWS_SESSION_TOKEN") -> CloudError:
    """The call of that name cannot be made; what the credential is goes unsaid."""
    return CloudError(
        f"{name}: {what} {MARRED}",
        kind=ErrorKind.PERMANENT,
        operation=name,
        remedy=f"Set it again without: look at {variable}, or the credentials file, for Windows line ends (CRLF).",
    )


__all__ = ["check_credentials", "is_refused_header", "unsendable"]
